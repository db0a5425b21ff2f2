// SPDX-License-Identifier: MIT
// The table of errors: the smooth activations, by the kernels of every instruction set, in both scalar types, against
// the formula in the next wider type. Among floats every 131st between 2^-30 and 128 is tried, and fewer of the others;
// one in ten of all these with sanitizers, which do not look at the numbers.
#include "eigengru/math/activation_kernels.hpp"

#define EIGENGRU_TARGET_SOURCE "support/soon_activations.hpp"
#include "eigengru/core/for_each_target.hpp"
#include "support/kernel_list.hpp"
#include "support/modes.hpp"
#include "support/sanitizers.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <type_traits>
#include <vector>

namespace eigengru_test {
namespace {

using namespace eigengru;
using eigengru::detail::ActivationCall;
using K = ActivationKind;

/// The type in which the formulas are evaluated.
template <class S>
using Wide = std::conditional_t<std::is_same_v<S, float>, double, long double>;

/// The kernels of this processor; those of Eigen are the portable ones here.
std::vector<Kernels> targets() {
    std::vector<Kernels> list = supported_kernels();
    std::erase(list, Kernels::automatic);
    std::erase(list, Kernels::eigen);
    return list;
}

/// Whether they multiply and add with a single rounding.
bool is_fused(Kernels kernels) {
    return kernels != Kernels::portable;
}

template <class S>
std::vector<S> both_signs(std::vector<S> values) {
    const std::size_t count = values.size();
    for (std::size_t i = 0; i < count; ++i) values.push_back(-values[i]);
    return values;
}

constexpr int kThinning = kHasSanitizer ? 10 : 1;

std::vector<float> samples(float) {
    constexpr auto kStride = static_cast<std::uint32_t>(131 * kThinning);
    std::vector<float> values;
    for (std::uint32_t bits = 0; bits < 0x7f800000U;) {
        values.push_back(std::bit_cast<float>(bits));
        bits += values.back() >= 0x1p-30F && values.back() <= 128.0F ? kStride : kStride * 97;
    }
    return both_signs(values);
}

/// Even steps of three widths, and every order of magnitude.
std::vector<double> samples(double) {
    std::vector<double> values{0.0};
    for (int i = 1; i < 200'000; i += kThinning)
        for (const double step : {0.00393, 0.000037, 0.00000237}) values.push_back(i * step);
    for (double x = 1e5; x > 1e-307; x *= 0.993) values.push_back(x);
    return both_signs(values);
}

/// The worst error where the result is a normal number, in units of its last place, and anywhere, in epsilons of
/// max(1, |f|).
struct Errors {
    double ulp = 0.0, epsilons = 0.0;
};

/// An infinity, or something that is not a number, in the wrong place counts as an infinite error.
template <class S>
Errors errors_of(const std::vector<S>& received, const std::vector<Wide<S>>& expected) {
    constexpr auto kEpsilon = Wide<S>(std::numeric_limits<S>::epsilon());
    Errors worst;
    for (std::size_t i = 0; i < received.size(); ++i) {
        const S rounded = static_cast<S>(expected[i]);
        if (rounded == received[i]) continue;
        const auto error = static_cast<double>(std::abs(Wide<S>(received[i]) - expected[i]) / kEpsilon);
        if (!std::isfinite(error) || !std::isfinite(rounded)) return {INFINITY, INFINITY};
        if (std::isnormal(rounded)) worst.ulp = std::max(worst.ulp, std::ldexp(error, -std::ilogb(rounded)));
        worst.epsilons = std::max(worst.epsilons, error / std::max(1.0, std::abs(static_cast<double>(rounded))));
    }
    return worst;
}

template <class S>
class VectorFunctions : public testing::Test {
protected:
    using W = Wide<S>;

    /// The errors of each target against a formula, printed as a line of the table.
    template <class Formula>
    static void expect_errors(const char* name, const ActivationCall<S>& f, const Formula& formula, Errors fused,
                              Errors plain) {
        static const std::vector<S> x = samples(S());
        std::vector<W> expected;
        for (const S v : x) expected.push_back(formula(static_cast<W>(v)));
        for (const Kernels kernels : targets()) {
            std::vector<S> y = x;
            eigengru::detail::activation_kernel<S>(kernels)(f, y.data(), static_cast<Index>(y.size()));
            const Errors worst = errors_of<S>(y, expected), allowed = is_fused(kernels) ? fused : plain;
            EXPECT_LE(worst.ulp, allowed.ulp) << name << ", " << name_of(kernels);
            EXPECT_LE(worst.epsilons, allowed.epsilons) << name << ", " << name_of(kernels);
            std::printf("  %-11s %-6s %-8s %8.2f ulp %6.2f epsilon max(1, |f|)\n", name,
                        sizeof(S) == 4 ? "float" : "double", name_of(kernels).data(), worst.ulp, worst.epsilons);
        }
    }

    static W logistic(W x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }
    static W softplus(W x) { return std::max<W>(x, 0) + std::log1p(std::exp(-std::abs(x))); }
};
TYPED_TEST_SUITE(VectorFunctions, Scalars, );

TYPED_TEST(VectorFunctions, TanhAndSigmoidAreWithinThreeUlpOrFourAndAHalfWithoutFusedMultiplyAdd) {
    this->expect_errors("tanh", {K::tanh, false, 0, 0, 0}, [](auto x) { return std::tanh(x); }, {3, 3}, {4.5, 4.5});
    this->expect_errors("sigmoid", {K::sigmoid, false, 0, 0, 0}, TestFixture::logistic, {3, 3}, {4.5, 4.5});
}

TYPED_TEST(VectorFunctions, WhatIsThereSoonerHasTheSameBits) {
    std::vector<TypeParam> x = samples(TypeParam());
    for (const double limit : {9.25, 20.0, 88.0, 88.75, 709.0, 710.0, 1000.0, 1e30, double(INFINITY)})
        for (const double factor : {1.0, 1.0000002, 0.9999999})
            for (const double sign : {1.0, -1.0}) x.push_back(static_cast<TypeParam>(limit * factor * sign));
    x.push_back(std::numeric_limits<TypeParam>::quiet_NaN());
    x.resize((x.size() + 15) / 16 * 16);
    const auto size = static_cast<Index>(x.size());
    Index others = eigengru::detail::portable::count_other_bits(x.data(), size);
#if EIGENGRU_HAS_X86_TARGETS
    if (is_supported(Kernels::avx2)) others += eigengru::detail::avx2::count_other_bits(x.data(), size);
    if (is_supported(Kernels::avx512)) others += eigengru::detail::avx512::count_other_bits(x.data(), size);
#endif
    EXPECT_EQ(others, 0);
}

TYPED_TEST(VectorFunctions, ExponentialAndSiluAreWithinFourUlp) {
    this->expect_errors("exponential", {K::exponential, false, 0, 0, 0}, [](auto x) { return std::exp(x); }, {4, 8},
                        {4, 8});
    this->expect_errors("silu", {K::silu, false, 0, 0, 0}, [](auto x) { return x * TestFixture::logistic(x); }, {4, 8},
                        {4, 8});
}

TYPED_TEST(VectorFunctions, TheOthersAreWithinEightEpsilons) {
    using Scalar = TypeParam;
    using Long = Wide<Scalar>;
    constexpr Errors kLimit{6, 8}, kTail{INFINITY, 8};
    const auto elu = [](Long x, Long alpha) { return x < 0 ? alpha * std::expm1(x) : x; };
    this->expect_errors(
        "elu", {K::elu, false, Scalar(0.5), 0, 0}, [&](Long x) { return elu(x, 0.5); }, kLimit, kLimit);
    this->expect_errors(
        "selu", {K::selu, false, 0, 0, 0},
        [&](Long x) { return Long(eigengru::detail::kSeluScale) * elu(x, Long(eigengru::detail::kSeluAlpha)); }, kLimit,
        kLimit);
    this->expect_errors(
        "celu", {K::celu, false, Scalar(-2), 0, 0}, [](Long x) { return x < 0 ? -2 * std::expm1(x / -2) : x; }, kLimit,
        kLimit);
    this->expect_errors("softplus", {K::softplus, false, 0, 0, 0}, TestFixture::softplus, kLimit, kLimit);
    this->expect_errors(
        "log_sigmoid", {K::log_sigmoid, false, 0, 0, 0}, [](Long x) { return -TestFixture::softplus(-x); }, kLimit,
        kLimit);
    this->expect_errors(
        "mish", {K::mish, false, 0, 0, 0},
        [](Long x) {
            const Long e = std::exp(std::min<Long>(x, 80));
            return x * (e * (e + 2) / (e * (e + 2) + 2));
        },
        kLimit, kLimit);
    this->expect_errors(
        "gelu", {K::gelu, false, 0, 0, 0},
        [](Long x) { return x * std::erfc(-x * (std::numbers::sqrt2_v<Long> / 2)) / 2; }, kTail,
        kTail);  // the exponent x^2 / 2 is rounded
    this->expect_errors(
        "gelu (tanh)", {K::gelu, true, 0, 0, 0},
        [](Long x) {
            const Long u = std::sqrt(2 / std::numbers::pi_v<Long>) * (x + Long(0.044715) * x * x * x);
            return x * TestFixture::logistic(2 * u);
        },
        kTail, kTail);  // likewise
}

TYPED_TEST(VectorFunctions, SubnormalExponentialsAreRoundedOnes) {
    using Scalar = TypeParam;
    using Long = Wide<Scalar>;
    for (const Kernels kernels : targets())
        for (Scalar x = sizeof(Scalar) == 4 ? Scalar(-104) : Scalar(-745);
             std::exp(x) < std::numeric_limits<Scalar>::min(); x += Scalar(0.25)) {
            Scalar y = x;
            eigengru::detail::activation_kernel<Scalar>(kernels)({K::exponential, false, 0, 0, 0}, &y, 1);
            const Long error = std::abs(Long(y) - std::exp(Long(x)));
            EXPECT_LE(error, 4 * Long(std::numeric_limits<Scalar>::denorm_min())) << name_of(kernels) << ' ' << x;
        }
}

}  // namespace
}  // namespace eigengru_test
