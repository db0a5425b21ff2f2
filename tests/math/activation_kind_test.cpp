// SPDX-License-Identifier: MIT
#include "eigengru/math/activation_kind.hpp"

#include "eigengru/core/view.hpp"
#include "eigengru/math/activation.hpp"
#include "eigengru/math/activation_kernels.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

namespace eigengru_test::activation_kind_test {
namespace {

using namespace eigengru;
using eigengru::detail::ActivationCall;
using K = ActivationKind;

template <class S>
class ActivationCallOf : public testing::Test {
protected:
    /// Whether the kernel makes of a call what the activation with these options makes.
    static void expect_same(const ActivationCall<S>& call, const Activation& activation) {
        std::vector<S> x;
        for (int i = -40; i <= 40; ++i) x.push_back(S(i) / S(8));
        RowMatrix<S> y = Eigen::Map<const RowMatrix<S>>(x.data(), 1, Index(x.size()));
        eigengru::detail::activation_kernel<S>(eigengru::detail::resolved("test", Kernels::automatic))(call, x.data(),
                                                                                                       Index(x.size()));
        activation.apply<S>(MatrixView<S>(y).map());
        EXPECT_EQ(y, (Eigen::Map<const RowMatrix<S>>(x.data(), 1, Index(x.size())))) << activation.to_string();
    }
};
TYPED_TEST_SUITE(ActivationCallOf, Scalars, );

TYPED_TEST(ActivationCallOf, HasItsParametersInTheOrderOfTheFactorysOptions) {
    using S = TypeParam;
    this->expect_same({K::relu, true, S(0.25), S(2), S(-1)},
                      Activation::relu({.negative_slope = 0.25, .max_value = 2, .threshold = -1}));
    this->expect_same({K::relu, false, S(0.25), S(9), S(1)},
                      Activation::relu({.negative_slope = 0.25, .threshold = 1}));  // no max_value: b has no meaning
    this->expect_same({K::leaky_relu, false, S(0.5), 0, 0}, Activation::leaky_relu({.negative_slope = 0.5}));
    this->expect_same({K::elu, false, S(0.5), 0, 0}, Activation::elu({.alpha = 0.5}));
    this->expect_same({K::celu, false, S(2), 0, 0}, Activation::celu({.alpha = 2}));
    this->expect_same({K::gelu, true, 0, 0, 0}, Activation::gelu({.approximate = true}));
    this->expect_same({K::gelu, false, 0, 0, 0}, Activation::gelu({.approximate = false}));
    this->expect_same({K::soft_shrink, false, S(0.75), 0, 0}, Activation::soft_shrink({.threshold = 0.75}));
    this->expect_same({K::hard_shrink, false, S(0.75), 0, 0}, Activation::hard_shrink({.threshold = 0.75}));
    this->expect_same({K::threshold, false, S(0.75), S(-3), 0},
                      Activation::threshold({.threshold = 0.75, .default_value = -3}));
    this->expect_same({K::squareplus, false, S(3), 0, 0}, Activation::squareplus({.b = 3}));
}

// The constants make a fixed point of mean 0 and variance 1: Klambauer et al., equation 14.
TEST(SeluConstants, AreThoseOfTheFixedPoint) {
    using eigengru::detail::kSeluAlpha;
    using eigengru::detail::kSeluScale;
    constexpr double kPi = std::numbers::pi, kRoot = std::numbers::sqrt2;
    const double e1 = std::erfc(1 / kRoot) * std::exp(0.5), e2 = std::erfc(kRoot) * std::exp(2.0);
    EXPECT_NEAR(kSeluAlpha, -std::sqrt(2 / kPi) / (e1 - 1), 1e-14);
    EXPECT_NEAR(kSeluScale,
                (1 - e1) * std::sqrt(2 * kPi) / std::sqrt(2 * e2 + kPi * e1 * e1 - 2 * (2 + kPi) * e1 + kPi + 2),
                1e-14);
}

}  // namespace
}  // namespace eigengru_test::activation_kind_test
