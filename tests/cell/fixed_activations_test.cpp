// SPDX-License-Identifier: MIT
// Sigmoid and tanh of a single small step, by every instruction set: their errors, and what becomes of the ends.
#include "eigengru/cell/fixed.hpp"

#define EIGENGRU_TARGET_SOURCE "support/quick_activations.hpp"
#include "eigengru/core/for_each_target.hpp"
#include "support/kernel_steps.hpp"
#include "support/larger.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace eigengru_test::fixed_activations_test {
namespace {

using namespace eigengru;

template <class S>
class FixedActivations : public testing::Test {
protected:
    struct Values {
        std::vector<S> sigmoids, tanhs;
    };
    /// Of any number of values.
    static Values applied(Kernels kernels, std::vector<S> x) {
        const std::size_t size = x.size();
        x.resize((size + 15) / 16 * 16);
        Values y{x, x};
        function(kernels)(x.data(), Index(x.size()), y.sigmoids.data(), y.tanhs.data());
        y.sigmoids.resize(size);
        y.tanhs.resize(size);
        return y;
    }

    static constexpr S kInfinity = std::numeric_limits<S>::infinity();
    static constexpr S kNan = std::numeric_limits<S>::quiet_NaN();
    static constexpr double kTolerance = sizeof(S) == sizeof(float) ? 2.5e-7 : 5e-16;  // as documented

private:
    static auto function(Kernels kernels) -> void (*)(const S*, Index, S*, S*) {
#if EIGENGRU_HAS_X86_TARGETS
        if (kernels == Kernels::avx512) return &eigengru::detail::avx512::quick_activations<S>;
        if (kernels == Kernels::avx2) return &eigengru::detail::avx2::quick_activations<S>;
#endif
        static_cast<void>(kernels);
        return &eigengru::detail::portable::quick_activations<S>;
    }
};
TYPED_TEST_SUITE(FixedActivations, Scalars, );

TYPED_TEST(FixedActivations, AreWithinTwoAndAHalfEpsilons) {
    using W = std::conditional_t<std::is_same_v<TypeParam, float>, double, long double>;
    std::vector<TypeParam> x;
    for (int i = -200'000; i <= 200'000; ++i) x.push_back(TypeParam(i) * TypeParam(0.000217));
    for (TypeParam small = 1; small > std::numeric_limits<TypeParam>::min(); small *= TypeParam(0.37)) {
        x.push_back(small);
        x.push_back(-small);
    }
    for (const Kernels kernels : packed_kernels()) {
        const auto y = this->applied(kernels, x);
        double of_sigmoid = 0, of_tanh = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
            const W v = W(x[i]);
            of_sigmoid = larger(of_sigmoid, double(std::abs(W(y.sigmoids[i]) - 1 / (1 + std::exp(-v)))));
            of_tanh = larger(of_tanh, double(std::abs(W(y.tanhs[i]) - std::tanh(v))));
        }
        EXPECT_LE(of_sigmoid, this->kTolerance) << name_of(kernels);
        EXPECT_LE(of_tanh, this->kTolerance) << name_of(kernels);
    }
}

TYPED_TEST(FixedActivations, EndAtTheirLimitsHoweverLargeXIs) {
    const std::vector<TypeParam> x{500, TypeParam(1e30), std::numeric_limits<TypeParam>::max(), this->kInfinity};
    for (const Kernels kernels : packed_kernels()) {
        const auto above = this->applied(kernels, x);
        const auto below = this->applied(kernels, {-x[0], -x[1], -x[2], -x[3]});
        for (std::size_t i = 0; i < x.size(); ++i) {
            EXPECT_NEAR(above.sigmoids[i], TypeParam(1), this->kTolerance) << name_of(kernels);
            EXPECT_NEAR(above.tanhs[i], TypeParam(1), this->kTolerance) << name_of(kernels);
            EXPECT_NEAR(below.sigmoids[i], TypeParam(0), this->kTolerance) << name_of(kernels);
            EXPECT_NEAR(below.tanhs[i], TypeParam(-1), this->kTolerance) << name_of(kernels);
        }
    }
}

TYPED_TEST(FixedActivations, NotANumberStaysInItsLane) {
    for (const Kernels kernels : packed_kernels())
        for (std::size_t at = 0; at < 16; ++at) {
            std::vector<TypeParam> x(16);
            x[at] = this->kNan;
            const auto y = this->applied(kernels, x);
            for (std::size_t i = 0; i < 16; ++i) {
                EXPECT_TRUE(i == at ? std::isnan(y.sigmoids[i]) : y.sigmoids[i] == TypeParam(0.5)) << name_of(kernels);
                EXPECT_TRUE(i == at ? std::isnan(y.tanhs[i]) : y.tanhs[i] == TypeParam(0)) << name_of(kernels);
            }
        }
}

}  // namespace
}  // namespace eigengru_test::fixed_activations_test
