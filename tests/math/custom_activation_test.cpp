// SPDX-License-Identifier: MIT
#include "eigengru/math/custom_activation.hpp"

#include "eigengru/math/activation.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace {

using namespace eigengru;

template <class S>
class CustomActivationFor : public testing::Test {
protected:
    static std::vector<S> applied(const Activation& activation, std::vector<S> values) {
        const auto size = static_cast<Index>(values.size());
        activation.apply<S>(MatrixMap<S>(values.data(), 1, size, Eigen::OuterStride<>(size)));
        return values;
    }
};
TYPED_TEST_SUITE(CustomActivationFor, eigengru_test::Scalars, );

TYPED_TEST(CustomActivationFor, AppliesItsFunctionToEachElement) {
    const Activation cubed = Activation::custom("cubed", [](auto x) { return x * x * x; });
    EXPECT_EQ(this->applied(cubed, {1, 2, -3}), (std::vector<TypeParam>{1, 8, -27}));
}

TYPED_TEST(CustomActivationFor, MayCapture) {
    double factor = 3;
    const Activation scaled =
        Activation::custom("scaled", [factor](auto x) { return static_cast<decltype(x)>(factor) * x; });
    factor = 0;
    EXPECT_EQ(this->applied(scaled, {1, 2}), (std::vector<TypeParam>{3, 6}));
}

TYPED_TEST(CustomActivationFor, MayBeMoveOnly) {
    auto offset = std::make_unique<int>(5);
    const Activation shifted = Activation::custom(
        "shifted", [offset = std::move(offset)](auto x) { return x + static_cast<decltype(x)>(*offset); });
    const Activation copy = shifted;
    EXPECT_EQ(this->applied(copy, {1}), (std::vector<TypeParam>{6}));
}

TYPED_TEST(CustomActivationFor, AppliesToRowsThatLieApart) {
    std::vector<TypeParam> memory(10, TypeParam(1));
    const Activation two = Activation::custom("two", [](auto x) { return x + x; });
    two.apply<TypeParam>(MatrixMap<TypeParam>(memory.data(), 2, 3, Eigen::OuterStride<>(5)));
    EXPECT_EQ(memory, (std::vector<TypeParam>{2, 2, 2, 1, 1, 2, 2, 2, 1, 1}));
}

TYPED_TEST(CustomActivationFor, DerivativeMultipliesWhatComesFromBehind) {
    const auto value = [](auto x) { return x * x; };
    const auto derivative = [](auto x, auto y) { return 2 * x + 0 * y; };
    const detail::CustomActivationOf squared("squared", value, derivative);
    const std::vector<TypeParam> x{3, 4}, y{9, 16};
    std::vector<TypeParam> d{10, 1};
    squared.multiply_derivative(x.data(), y.data(), d.data(), 2);
    EXPECT_TRUE(squared.has_derivative());
    EXPECT_EQ(d, (std::vector<TypeParam>{60, 8}));
}

TYPED_TEST(CustomActivationFor, MissingDerivativeIsAnErrorThatNamesIt) {
    const auto value = [](auto x) { return x; };
    const detail::CustomActivationOf<decltype(value), detail::NoDerivative> identity("identity", value, {});
    TypeParam d = 1;
    EXPECT_FALSE(identity.has_derivative());
    try {
        identity.multiply_derivative(&d, &d, &d, 1);
        ADD_FAILURE() << "nothing was thrown";
    } catch (const OptionError& error) {
        EXPECT_STREQ(error.what(), "Activation: \"identity\" was made without its derivative");
    }
}

TEST(CustomActivation, HasItsName) {
    const Activation cubed = Activation::custom("cubed", [](auto x) { return x * x * x; });
    EXPECT_EQ(cubed.name(), "cubed");
    EXPECT_EQ(cubed.to_string(), "cubed");
    EXPECT_EQ(cubed.kind(), ActivationKind::custom);
    EXPECT_FALSE(cubed.is_row_wise());
}

TEST(CustomActivation, IsEqualToItsCopiesAlone) {
    const auto value = [](auto x) { return x; };
    const Activation a = Activation::custom("same", value), b = Activation::custom("same", value), copy = a;
    EXPECT_EQ(a, copy);
    EXPECT_NE(a, b);
}

TEST(CustomActivation, CalledTanhIsNotTanh) {
    EXPECT_NE(Activation::custom("tanh", [](auto x) { return x; }), Activation("tanh"));
}

}  // namespace
