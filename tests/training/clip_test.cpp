// SPDX-License-Identifier: MIT
#include "eigengru/training/clip.hpp"

#include "support/modes.hpp"
#include "support/numbers.hpp"
#include "training/mock_model.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace {

using namespace eigengru;
using detail::Clipping;
using detail::GradientClip;
using eigengru_test::kInfinity;
using eigengru_test::kNan;

template <class S>
class ClipOf : public testing::Test {
protected:
    using Vector = Eigen::Matrix<S, Eigen::Dynamic, 1>;

    static Vector clipped(const Clipping& clipping, const Vector& gradient, double norm_of_all = 0.0) {
        const GradientClip<S> clip(clipping, norm_of_all);
        Vector result(gradient.size());
        clip.apply({gradient.data(), gradient.size()}, clip.factor({gradient.data(), gradient.size()}),
                   {result.data(), result.size()});
        return result;
    }
    static Vector vector(std::initializer_list<double> values) {
        Vector result(static_cast<Index>(values.size()));
        std::transform(values.begin(), values.end(), result.data(), [](double v) { return static_cast<S>(v); });
        return result;
    }

    eigengru_test::MockModel<S> model;
};
TYPED_TEST_SUITE(ClipOf, eigengru_test::Scalars, );

TYPED_TEST(ClipOf, GlobalNormIsThatOfAllGradients) {
    const auto gradients = this->vector({0, 0, 2, 0, 0, 0, 3, 6, 0});
    EXPECT_DOUBLE_EQ(global_norm(this->model, gradients), 7.0);
    EXPECT_DOUBLE_EQ(global_norm(this->model, gradients.head(9)), 7.0);
    const VectorMap<const TypeParam> map(gradients.data(), 9);
    EXPECT_DOUBLE_EQ(global_norm(this->model, map), 7.0);
}

TYPED_TEST(ClipOf, GlobalNormLeavesOutWhatIsNotTrainable) {
    this->model.is_kernel_trainable = false;
    EXPECT_DOUBLE_EQ(global_norm(this->model, this->vector({1, 1, 1, 1, 1, kNan, 3, 0, 4})), 5.0);
}

TYPED_TEST(ClipOf, GlobalNormDoesNotOverflowInFloat) {
    const auto gradients = this->vector({3e30, 0, 0, 0, 0, 4e30, 0, 0, 0});
    EXPECT_NEAR(global_norm(this->model, gradients) / 5e30, 1.0, 1e-6);
}

TYPED_TEST(ClipOf, GlobalNormRefusesAnotherSize) {
    EXPECT_THROW((void)global_norm(this->model, this->vector({1, 2, 3})), ShapeError);
}

TYPED_TEST(ClipOf, NothingSetLeavesEverything) {
    EXPECT_FALSE(GradientClip<TypeParam>(Clipping{}, 0.0).is_on());
    EXPECT_EQ(this->clipped({}, this->vector({3, -4e20})), this->vector({3, -4e20}));
}

TYPED_TEST(ClipOf, ClipnormScalesWhatIsLonger) {
    EXPECT_TRUE(this->clipped({.clipnorm = 2.5}, this->vector({3, 0, -4})).isApprox(this->vector({1.5, 0, -2})));
    EXPECT_EQ(this->clipped({.clipnorm = 5}, this->vector({3, 0, -4})), this->vector({3, 0, -4}));
    EXPECT_EQ(this->clipped({.clipnorm = 1}, this->vector({0, 0})), this->vector({0, 0}));
}

TYPED_TEST(ClipOf, ClipvalueLimitsEveryElement) {
    EXPECT_EQ(this->clipped({.clipvalue = 2}, this->vector({3, -0.5, -4, kInfinity})), this->vector({2, -0.5, -2, 2}));
}

TYPED_TEST(ClipOf, GlobalClipnormScalesByTheNormOfAll) {
    EXPECT_EQ(this->clipped({.global_clipnorm = 2}, this->vector({3, -1}), 8), this->vector({0.75, -0.25}));
    EXPECT_EQ(this->clipped({.global_clipnorm = 2}, this->vector({3, -1}), 2), this->vector({3, -1}));
}

TYPED_TEST(ClipOf, NotANumberStaysNotANumber) {
    EXPECT_TRUE(std::isnan(this->clipped({.clipnorm = 1}, this->vector({1, kNan}))(0)));
    EXPECT_TRUE(std::isnan(this->clipped({.clipvalue = 1}, this->vector({1, kNan}))(1)));
    EXPECT_EQ(this->clipped({.clipvalue = 1}, this->vector({1, kNan}))(0), TypeParam(1));
    for (const double norm : {kNan, kInfinity})
        EXPECT_TRUE(std::isnan(this->clipped({.global_clipnorm = 1}, this->vector({1}), norm)(0))) << norm;
}

TYPED_TEST(ClipOf, AnInfiniteNormIsAsInKeras) {
    const auto clipped = this->clipped({.clipnorm = 1}, this->vector({1, kInfinity}));
    EXPECT_EQ(clipped(0), TypeParam(0));
    EXPECT_TRUE(std::isnan(clipped(1)));
}

TEST(CheckClipping, RefusesMoreThanOneAndWhatIsNotAbove0) {
    EXPECT_NO_THROW(detail::check_clipping("f", {}));
    EXPECT_NO_THROW(detail::check_clipping("f", {.clipvalue = 1}));
    EXPECT_THROW(detail::check_clipping("f", {.clipvalue = 0}), OptionError);
    EXPECT_THROW(detail::check_clipping("f", {.clipnorm = kNan}), OptionError);
    EXPECT_THROW(detail::check_clipping("f", {.global_clipnorm = kInfinity}), OptionError);
    EXPECT_THROW(detail::check_clipping("f", {.clipnorm = 1, .global_clipnorm = 1}), OptionError);
}

}  // namespace
