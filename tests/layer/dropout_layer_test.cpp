// SPDX-License-Identifier: MIT
#include "eigengru/layer/dropout_layer.hpp"

#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace {

using namespace eigengru;

template <class S>
LayerData<S> ones(Shape3 shape = {4, 5, 10}) {
    LayerData<S> data{.values = Sequence<S>(shape)};
    data.values.matrix().setOnes();
    return data;
}

template <class S>
RowMatrix<S> dropped(Dropout<S>& dropout, bool training = true) {
    LayerData<S> data = ones<S>();
    dropout(data, training);
    return data.values.matrix();
}

template <class S>
class DropoutOf : public testing::Test {};
TYPED_TEST_SUITE(DropoutOf, eigengru_test::Scalars, );

TYPED_TEST(DropoutOf, DropsAndScalesInTraining) {
    Dropout<TypeParam> dropout({.rate = 0.75, .seed = 1});
    const RowMatrix<TypeParam> y = dropped(dropout);
    EXPECT_TRUE((y.array() == TypeParam(0) || y.array() == TypeParam(4)).all());
    EXPECT_NEAR(static_cast<double>((y.array() == TypeParam(0)).count()) / 200, 0.75, 0.15);
}

TYPED_TEST(DropoutOf, DropsEachStepAnew) {
    Dropout<TypeParam> dropout({.rate = 0.5, .seed = 1});
    const RowMatrix<TypeParam> y = dropped(dropout);
    EXPECT_NE(y.row(0), y.row(1));
}

TYPED_TEST(DropoutOf, DoesNothingOutsideOfTraining) {
    Dropout<TypeParam> dropout({.rate = 0.5, .seed = 1});
    EXPECT_EQ(dropped(dropout, false).minCoeff(), TypeParam(1));
}

TYPED_TEST(DropoutOf, RateZeroDropsNothingAndRateOneEverything) {
    Dropout<TypeParam> none({.rate = 0.0}), all({.rate = 1.0});
    EXPECT_EQ(dropped(none).minCoeff(), TypeParam(1));
    EXPECT_EQ(dropped(all).maxCoeff(), TypeParam(0));
}

TYPED_TEST(DropoutOf, SameSeedGivesTheSameSequenceOfCalls) {
    Dropout<TypeParam> a({.rate = 0.5, .seed = 1}), b({.rate = 0.5, .seed = 1});
    const RowMatrix<TypeParam> first = dropped(a);
    EXPECT_EQ(first, dropped(b));
    EXPECT_EQ(dropped(a), dropped(b));
    EXPECT_NE(dropped(a), first);
}

TYPED_TEST(DropoutOf, NoSeedIsRandom) {
    Dropout<TypeParam> a({.rate = 0.5}), b({.rate = 0.5});
    EXPECT_NE(dropped(a), dropped(b));
}

TEST(Dropout, HasTheDefaultsOfKeras) {
    EXPECT_EQ(Dropout<float>().options().rate, 0.0);
    EXPECT_EQ(Dropout<float>().name(), "dropout");
}

TEST(Dropout, RefusesARateOutsideOfTheUnitInterval) {
    for (const double rate : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()})
        EXPECT_THROW(Dropout<float>({.rate = rate}), OptionError) << rate;
}

}  // namespace
