// SPDX-License-Identifier: MIT
// The derivatives at the points where formulas break: kinks, limits, overflow. They are compared with Keras's in
// activation_blocks_test.cpp, and the values are tested in activation_kernels_test.cpp.
#include "eigengru/math/activation_functions.hpp"

#include "support/modes.hpp"

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
};
TYPED_TEST_SUITE(ActivationFunctionOf, eigengru_test::Scalars, );

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

TYPED_TEST(ActivationFunctionOf, SlopesAtTheKinksAreThoseOfTensorFlow) {
    const TypeParam half = TypeParam(0.5);
    EXPECT_EQ((Relu<TypeParam>{half, this->kInfinity, 0}).derivative(0, 0), half);
    EXPECT_EQ((Relu<TypeParam>{half, 6, 0}).derivative(0, 0), TypeParam(0));
    EXPECT_EQ((Relu<TypeParam>{0, 6, 0}).derivative(6, 6), TypeParam(0));
    EXPECT_EQ(LeakyRelu<TypeParam>{half}.derivative(0, 0), half);
    EXPECT_EQ((Elu<TypeParam>{half}).derivative(0, 0), half);
    EXPECT_EQ((Elu<TypeParam>{half, 2}).derivative(0, 0), TypeParam(2));
    EXPECT_EQ(HardTanh<TypeParam>{}.derivative(1, 1), TypeParam(1));
    EXPECT_EQ(HardSigmoid<TypeParam>{}.derivative(3, 1), TypeParam(0));
    EXPECT_EQ(SoftShrink<TypeParam>{half}.derivative(half, 0), TypeParam(0));
    EXPECT_EQ(HardShrink<TypeParam>{half}.derivative(-half, 0), TypeParam(0));
    EXPECT_EQ(Threshold<TypeParam>{1}.derivative(1, 7), TypeParam(0));
}

TYPED_TEST(ActivationFunctionOf, CeluHasSlopeOneAtZero) {
    EXPECT_EQ((Celu<TypeParam>{2}).derivative(0, 0), TypeParam(1));
}

TYPED_TEST(ActivationFunctionOf, SlopesEndAtZeroAndOne) {
    for (const TypeParam x : {this->kHuge, this->kInfinity}) {
        EXPECT_EQ(GeluExact<TypeParam>{}.derivative(x, x), TypeParam(1));
        EXPECT_EQ(GeluTanh<TypeParam>{}.derivative(x, x), TypeParam(1));
        EXPECT_EQ(Silu<TypeParam>{}.derivative(x, x), TypeParam(1));
        EXPECT_EQ(Mish<TypeParam>{}.derivative(x, x), TypeParam(1));
        EXPECT_EQ(Softplus<TypeParam>{}.derivative(x, x), TypeParam(1));
        EXPECT_EQ(Softplus<TypeParam>{}.derivative(-x, 0), TypeParam(0));
        EXPECT_EQ((Elu<TypeParam>{1}).derivative(-x, -1), TypeParam(0));
        EXPECT_EQ(TanhShrink<TypeParam>{}.derivative(x, x), TypeParam(1));
    }
}

TYPED_TEST(ActivationFunctionOf, SquareplusAndSparsePlusHaveTheirSlopes) {
    EXPECT_EQ(Squareplus<TypeParam>{4}.derivative(0, 1), TypeParam(0.5));
    EXPECT_EQ(SparsePlus<TypeParam>{}.derivative(0, 0), TypeParam(0.5));
    EXPECT_EQ(SparseSigmoid<TypeParam>{}.derivative(0, 0), TypeParam(0.5));
    EXPECT_EQ(Softsign<TypeParam>{}.derivative(-1, 0), TypeParam(0.25));
    EXPECT_EQ(LogSigmoid<TypeParam>{}.derivative(0, 0), TypeParam(0.5));
    EXPECT_EQ(HardSilu<TypeParam>{}.derivative(0, 0), TypeParam(0.5));
    EXPECT_EQ(Exponential<TypeParam>{}.derivative(9, 7), TypeParam(7));
}

}  // namespace
