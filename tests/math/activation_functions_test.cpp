// SPDX-License-Identifier: MIT
// The functions at the points where formulas break: kinks, limits, overflow. Their values are compared with Keras's in
// activation_test.cpp.
#include "eigengru/math/activation_functions.hpp"

#include "eigengru/math/activation_rows.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;
using namespace eigengru::detail;

template <class S>
class ActivationFunctionOf : public testing::Test {
protected:
    static constexpr S kHuge = std::numeric_limits<S>::max() / 4;
    static constexpr S kInfinity = std::numeric_limits<S>::infinity();
    static constexpr S kNan = std::numeric_limits<S>::quiet_NaN();

    template <class F>
    static std::vector<S> row(const F& f, std::vector<S> values) {
        f.value(ArrayMap<S>(values.data(), static_cast<Index>(values.size())));
        return values;
    }
};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(ActivationFunctionOf, Scalars, );

TYPED_TEST(ActivationFunctionOf, ClipKeepsNotANumber) {
    EXPECT_EQ(clip<TypeParam>(-1, 0, 2), TypeParam(0));
    EXPECT_EQ(clip<TypeParam>(3, 0, 2), TypeParam(2));
    EXPECT_TRUE(std::isnan(clip<TypeParam>(this->kNan, 0, 2)));
}

TYPED_TEST(ActivationFunctionOf, LogisticDoesNotOverflow) {
    EXPECT_EQ(logistic<TypeParam>(this->kHuge), TypeParam(1));
    EXPECT_EQ(logistic<TypeParam>(-this->kHuge), TypeParam(0));
    EXPECT_EQ(logistic<TypeParam>(0), TypeParam(0.5));
    EXPECT_TRUE(std::isnan(logistic<TypeParam>(this->kNan)));
}

TYPED_TEST(ActivationFunctionOf, Log1pExpDoesNotOverflow) {
    EXPECT_EQ(log1p_exp<TypeParam>(this->kHuge), this->kHuge);
    EXPECT_EQ(log1p_exp<TypeParam>(-this->kHuge), TypeParam(0));
    EXPECT_GT(log1p_exp<TypeParam>(-50), TypeParam(0));
}

TYPED_TEST(ActivationFunctionOf, ReluHasItsThreeRegions) {
    const Relu<TypeParam> f{TypeParam(0.5), TypeParam(4), TypeParam(1)};
    EXPECT_EQ(f.value(9), TypeParam(4));
    EXPECT_EQ(f.value(2), TypeParam(2));
    EXPECT_EQ(f.value(1), TypeParam(0));
    EXPECT_EQ(f.value(-1), TypeParam(-1));
    EXPECT_TRUE(std::isnan(f.value(this->kNan)));
}

TYPED_TEST(ActivationFunctionOf, PlainReluIsZeroAtTheLeftEnd) {
    const Relu<TypeParam> f{0, this->kInfinity, 0};
    EXPECT_EQ(f.value(-this->kInfinity), TypeParam(0));
    EXPECT_EQ(f.value(this->kInfinity), this->kInfinity);
    EXPECT_TRUE(std::isnan(f.value(this->kNan)));
}

TYPED_TEST(ActivationFunctionOf, KinksBelongToTheSideOfKeras) {
    EXPECT_EQ(SoftShrink<TypeParam>{TypeParam(0.5)}.value(TypeParam(0.5)), TypeParam(0));
    EXPECT_EQ(HardShrink<TypeParam>{TypeParam(0.5)}.value(TypeParam(-0.5)), TypeParam(0));
    EXPECT_EQ((Threshold<TypeParam>{1, 7}).value(1), TypeParam(7));
    EXPECT_EQ(SparsePlus<TypeParam>{}.value(1), TypeParam(1));
    EXPECT_EQ(SparsePlus<TypeParam>{}.value(-1), TypeParam(0));
}

TYPED_TEST(ActivationFunctionOf, EluAndCeluAreExactNearZero) {
    const TypeParam small = TypeParam(-1e-20);
    EXPECT_EQ((Elu<TypeParam>{1}).value(small), small);
    EXPECT_EQ((Celu<TypeParam>{2}).value(small), small);
}

TYPED_TEST(ActivationFunctionOf, EluAndCeluEndAtMinusAlpha) {
    EXPECT_EQ((Elu<TypeParam>{TypeParam(0.5)}).value(-this->kInfinity), TypeParam(-0.5));
    EXPECT_EQ((Celu<TypeParam>{TypeParam(0.5)}).value(-this->kInfinity), TypeParam(-0.5));
    EXPECT_EQ((Celu<TypeParam>{TypeParam(0.5)}).value(this->kHuge), this->kHuge);
}

TYPED_TEST(ActivationFunctionOf, GeluKeepsSmallValuesOnTheLeft) {
    EXPECT_LT(GeluExact<TypeParam>{}.value(-9), TypeParam(0));
    EXPECT_EQ(GeluExact<TypeParam>{}.value(9), TypeParam(9));
}

TYPED_TEST(ActivationFunctionOf, MishAndSoftsignDoNotOverflow) {
    EXPECT_EQ(Mish<TypeParam>{}.value(this->kHuge), this->kHuge);
    EXPECT_EQ(Softsign<TypeParam>{}.value(this->kHuge), TypeParam(1));
}

TYPED_TEST(ActivationFunctionOf, SoftmaxDoesNotOverflow) {
    const auto y = this->row(Softmax<TypeParam>(), {this->kHuge, 0, this->kHuge});
    EXPECT_EQ(y[0], TypeParam(0.5));
    EXPECT_LT(y[1], std::numeric_limits<TypeParam>::min());
    EXPECT_EQ(y[2], TypeParam(0.5));
}

TYPED_TEST(ActivationFunctionOf, SoftmaxOfOneElementIsOne) {
    EXPECT_EQ(this->row(Softmax<TypeParam>(), {-77}), (std::vector<TypeParam>{1}));
    EXPECT_EQ(this->row(LogSoftmax<TypeParam>(), {-77}), (std::vector<TypeParam>{0}));
}

TYPED_TEST(ActivationFunctionOf, LogSoftmaxKeepsTheTail) {
    EXPECT_EQ(this->row(LogSoftmax<TypeParam>(), {1000, 0})[1], TypeParam(-1000));
}

TYPED_TEST(ActivationFunctionOf, SparsemaxOfOneSurvivorIsOneAndZeros) {
    EXPECT_EQ(this->row(Sparsemax<TypeParam>(), {0, 9, -3}), (std::vector<TypeParam>{0, 1, 0}));
    EXPECT_EQ(this->row(Sparsemax<TypeParam>(), {42}), (std::vector<TypeParam>{1}));
}

TYPED_TEST(ActivationFunctionOf, SparsemaxOfEqualElementsIsThatOfKeras) {
    // The sums 1, 2 and 3 of the support add up to 6, so that tau = 5/3 exceeds every element.
    EXPECT_EQ(this->row(Sparsemax<TypeParam>(), {1, 1, 1}), (std::vector<TypeParam>{0, 0, 0}));
}

TYPED_TEST(ActivationFunctionOf, SparsemaxOfNotANumberIsNotANumber) {
    for (const TypeParam y : this->row(Sparsemax<TypeParam>(), {1, this->kNan, 2})) EXPECT_TRUE(std::isnan(y));
}

TYPED_TEST(ActivationFunctionOf, SparsemaxOfInfinityEnds) {
    EXPECT_EQ(this->row(Sparsemax<TypeParam>(), {1, this->kInfinity, 2}).size(), 3U);
    EXPECT_EQ(this->row(Sparsemax<TypeParam>(), {-this->kInfinity, -this->kInfinity}).size(), 2U);
}

}  // namespace
