// SPDX-License-Identifier: MIT
#include "eigengru/layer/masking.hpp"

#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace {

using namespace eigengru;

template <class S>
class MaskingOf : public testing::Test {
protected:
    /// One sequence of three steps with two features.
    static LayerData<S> data(std::initializer_list<S> values) {
        LayerData<S> result{.values = Sequence<S>({1, 3, 2})};
        std::copy(values.begin(), values.end(), result.values.data());
        return result;
    }
    static std::vector<bool> used(const LayerData<S>& data) {
        return std::vector<bool>(data.mask.data(), data.mask.data() + data.mask.size());
    }
};
TYPED_TEST_SUITE(MaskingOf, eigengru_test::Scalars, );

TYPED_TEST(MaskingOf, StepIsUsedWhereAnyFeatureDiffers) {
    auto data = this->data({0, 0, 0, 1, 2, 3});
    Masking<TypeParam>()(data);
    EXPECT_EQ(this->used(data), (std::vector<bool>{false, true, true}));
}

TYPED_TEST(MaskingOf, MaskedInputsBecomeZero) {
    auto data = this->data({-1, -1, -1, 5, 7, -1});
    Masking<TypeParam>({.mask_value = -1})(data);
    EXPECT_EQ(this->used(data), (std::vector<bool>{false, true, true}));
    EXPECT_EQ(data.values(0, 0, 0), TypeParam(0));
    EXPECT_EQ(data.values(0, 1, 0), TypeParam(-1));
}

TYPED_TEST(MaskingOf, ValueIsRoundedToTheScalarType) {
    auto data = this->data({TypeParam(0.1), TypeParam(0.1), 1, 1, 1, 1});
    Masking<TypeParam>({.mask_value = 0.1})(data);
    EXPECT_FALSE(data.mask(0, 0));
}

TYPED_TEST(MaskingOf, NotANumberIsUsed) {
    const TypeParam nan = std::numeric_limits<TypeParam>::quiet_NaN();
    auto data = this->data({nan, 0, nan, nan, 0, 0});
    Masking<TypeParam>()(data);
    EXPECT_EQ(this->used(data), (std::vector<bool>{true, true, false}));
}

TYPED_TEST(MaskingOf, ReplacesTheMaskThatCameIn) {
    auto data = this->data({1, 1, 1, 1, 0, 0});
    data.mask = Mask::Constant(1, 3, false);
    Masking<TypeParam>()(data);
    EXPECT_EQ(this->used(data), (std::vector<bool>{true, true, false}));
}

TEST(Masking, HasTheDefaultsOfKeras) {
    EXPECT_EQ(Masking<float>().options().mask_value, 0.0);
    EXPECT_EQ(Masking<float>().name(), "masking");
}

TEST(Masking, RefusesAValueThatIsNotFinite) {
    EXPECT_THROW(Masking<float>({.mask_value = std::numeric_limits<double>::quiet_NaN()}), OptionError);
    EXPECT_THROW(Masking<float>({.mask_value = std::numeric_limits<double>::infinity()}), OptionError);
}

}  // namespace
