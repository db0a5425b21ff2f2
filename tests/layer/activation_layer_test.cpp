// SPDX-License-Identifier: MIT
#include "eigengru/layer/activation_layer.hpp"

#include "support/modes.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;

template <class S>
class ActivationLayerOf : public testing::Test {
protected:
    /// Two steps of two features: -1, 0, 1, 2.
    static LayerData<S> data() {
        LayerData<S> result{.values = Sequence<S>({1, 2, 2})};
        result.values.matrix() << S(-1), S(0), S(1), S(2);
        return result;
    }
};
TYPED_TEST_SUITE(ActivationLayerOf, eigengru_test::Scalars, );

TYPED_TEST(ActivationLayerOf, AppliesItsActivation) {
    auto data = this->data();
    ActivationLayer<TypeParam>({.activation = "relu"})(data);
    EXPECT_EQ(data.values(0, 0, 0), TypeParam(0));
    EXPECT_EQ(data.values(0, 1, 1), TypeParam(2));
}

TYPED_TEST(ActivationLayerOf, SoftmaxRunsOverTheLastAxis) {
    auto data = this->data();
    ActivationLayer<TypeParam>({.activation = "softmax"})(data);
    EXPECT_NEAR(data.values.matrix().row(0).sum(), 1.0, 1e-6);
    EXPECT_NEAR(data.values.matrix().row(1).sum(), 1.0, 1e-6);
}

TYPED_TEST(ActivationLayerOf, LeavesTheMask) {
    auto data = this->data();
    data.mask = Mask::Constant(1, 2, false);
    ActivationLayer<TypeParam>({.activation = "exponential"})(data);
    EXPECT_FALSE(data.mask(0, 0));
}

TEST(ActivationLayer, IsLinearByDefault) {
    EXPECT_EQ(ActivationLayer<float>().options().activation, Activation("linear"));
    EXPECT_EQ(ActivationLayer<float>().name(), "activation");
}

}  // namespace
