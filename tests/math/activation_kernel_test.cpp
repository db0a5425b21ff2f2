// SPDX-License-Identifier: MIT
// The kernels of the activations of every instruction set: where they read and write, and the functions at the points
// where formulas break: kinks, limits, overflow. Their errors: vector_functions_test.cpp; against Keras:
// activation_test.cpp.
#include "eigengru/math/activation_kernels.hpp"

#include "support/kernel_list.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <vector>

namespace eigengru_test {
namespace {

using namespace eigengru;
using eigengru::detail::activation_kernel;
using eigengru::detail::ActivationCall;
using K = ActivationKind;

/// The kinds that kernels compute.
std::vector<K> kinds() {
    std::vector<K> list;
    for (int i = 0; i <= static_cast<int>(K::log_softmax); ++i) list.push_back(static_cast<K>(i));
    return list;
}

bool is_row_wise(K kind) {
    return kind == K::softmax || kind == K::log_softmax;
}

template <class S>
ActivationCall<S> call_of(K kind) {
    return {kind, false, S(0.5), S(2), S(0.25)};
}

template <class S>
class ActivationKernels : public testing::Test {
protected:
    static constexpr S kHuge = std::numeric_limits<S>::max() / 4;
    static constexpr S kInfinity = std::numeric_limits<S>::infinity();
    static constexpr S kNan = std::numeric_limits<S>::quiet_NaN();
    static constexpr S kSmallest = std::numeric_limits<S>::min();

    static std::vector<S> applied(Kernels kernels, const ActivationCall<S>& f, std::vector<S> x) {
        activation_kernel<S>(kernels)(f, x.data(), static_cast<Index>(x.size()));
        return x;
    }

    /// The value in the last place of some vectors, on every target; they must agree to a few epsilons.
    static S value(const ActivationCall<S>& f, S x) {
        const S first = applied(Kernels::portable, f, {x})[0];
        for (const Kernels kernels : supported_kernels()) {
            if (kernels == Kernels::automatic || kernels == Kernels::eigen) continue;
            const S y = applied(kernels, f, std::vector<S>(37, x)).back();
            const S tolerance = 16 * std::numeric_limits<S>::epsilon() * std::max(S(1), std::abs(first));
            EXPECT_TRUE(y == first || (std::isnan(y) && std::isnan(first)) || std::abs(y - first) <= tolerance)
                << name_of(kernels) << " gives " << y << ", portable " << first << " at " << x;
        }
        return first;
    }
    static S value(K kind, S x) { return value({kind, false, 0, 0, 0}, x); }

    static std::vector<S> random(Index size) {
        std::vector<S> x(static_cast<std::size_t>(size));
        Eigen::Map<Eigen::Array<S, Eigen::Dynamic, 1>>(x.data(), size).setRandom();
        for (S& v : x) v *= 4;
        return x;
    }
};
TYPED_TEST_SUITE(ActivationKernels, Scalars, );

TYPED_TEST(ActivationKernels, GiveTheSameBitsAtEveryPlaceInEverySize) {
    for (const Kernels kernels : supported_kernels())
        for (const K kind : kinds()) {
            if (is_row_wise(kind)) continue;
            const auto x = this->random(70);
            const auto all = this->applied(kernels, call_of<TypeParam>(kind), x);
            for (std::ptrdiff_t size = 0; size <= 40; ++size) {
                const std::ptrdiff_t first = size % 17;
                const std::vector<TypeParam> part(x.begin() + first, x.begin() + first + size);
                const auto y = this->applied(kernels, call_of<TypeParam>(kind), part);
                EXPECT_TRUE(std::equal(y.begin(), y.end(), all.begin() + first))
                    << name_of(kernels) << ", kind " << static_cast<int>(kind) << ", size " << size;
            }
        }
}

TYPED_TEST(ActivationKernels, GiveTheSameBitsWhereverTheBlockBegins) {
    for (const Kernels kernels : supported_kernels())
        for (const K kind : kinds()) {
            const auto x = this->random(37);
            const auto expected = this->applied(kernels, call_of<TypeParam>(kind), x);
            for (std::ptrdiff_t shift = 0; shift < 16; ++shift) {
                std::vector<TypeParam> memory(60, TypeParam(77));
                std::copy(x.begin(), x.end(), memory.begin() + shift);
                activation_kernel<TypeParam>(kernels)(call_of<TypeParam>(kind), memory.data() + shift, 37);
                const bool is_same = std::equal(expected.begin(), expected.end(), memory.begin() + shift);
                EXPECT_TRUE(is_same) << name_of(kernels) << ", kind " << static_cast<int>(kind);
                EXPECT_EQ(std::count(memory.begin(), memory.end(), TypeParam(77)), 60 - 37) << name_of(kernels);
            }
        }
}

TYPED_TEST(ActivationKernels, ANotANumberReachesNoOtherElement) {
    for (const Kernels kernels : supported_kernels())
        for (const K kind : kinds()) {
            if (is_row_wise(kind)) continue;
            const auto x = this->random(35);
            const auto clean = this->applied(kernels, call_of<TypeParam>(kind), x);
            for (std::size_t at = 0; at < x.size(); ++at) {
                auto dirty = x;
                dirty[at] = this->kNan;
                auto y = this->applied(kernels, call_of<TypeParam>(kind), dirty);
                // Those that compare put something else there: Keras's shrinks are 0 between their limits.
                const bool selects = kind == K::hard_shrink || kind == K::soft_shrink || kind == K::threshold;
                EXPECT_EQ(std::isnan(y[at]), !selects) << name_of(kernels) << ", kind " << static_cast<int>(kind);
                y[at] = clean[at];
                EXPECT_EQ(y, clean) << name_of(kernels) << ", kind " << static_cast<int>(kind);
            }
        }
}

TYPED_TEST(ActivationKernels, TanhKeepsTheSignOfZeroAndEndsAtOne) {
    EXPECT_TRUE(std::signbit(this->value(K::tanh, TypeParam(-0.0))));
    EXPECT_FALSE(std::signbit(this->value(K::tanh, TypeParam(0))));
    EXPECT_EQ(this->value(K::tanh, this->kInfinity), TypeParam(1));
    EXPECT_EQ(this->value(K::tanh, -this->kInfinity), TypeParam(-1));
    for (const TypeParam x : {TypeParam(1e-30), this->kSmallest}) EXPECT_EQ(this->value(K::tanh, x), x);
}

TYPED_TEST(ActivationKernels, SigmoidIsExactOrNegligibleWhereItsExponentialEnds) {
    constexpr bool kIsFloat = std::is_same_v<TypeParam, float>;
    constexpr TypeParam kFrom = kIsFloat ? 86 : 706, kTo = kIsFloat ? 92 : 713;
    std::vector<TypeParam> x;
    for (TypeParam v = kFrom; v < kTo; v += TypeParam(0.01)) {
        x.push_back(v);
        x.push_back(-v);
    }
    for (const Kernels kernels : supported_kernels()) {
        std::vector<TypeParam> y = x;
        activation_kernel<TypeParam>(kernels)({K::sigmoid, false, 0, 0, 0}, y.data(), static_cast<Index>(y.size()));
        for (std::size_t i = 0; i < x.size(); ++i) {
            if (x[i] > 0)
                EXPECT_EQ(y[i], TypeParam(1)) << name_of(kernels) << ' ' << x[i];
            else
                EXPECT_NEAR(static_cast<double>(y[i]), std::exp(static_cast<double>(x[i])),
                            2 * static_cast<double>(std::numeric_limits<TypeParam>::min()))
                    << name_of(kernels) << ' ' << x[i];
        }
    }
}

TYPED_TEST(ActivationKernels, SigmoidEndsAtZeroAndOne) {
    EXPECT_EQ(this->value(K::sigmoid, this->kInfinity), TypeParam(1));
    EXPECT_EQ(this->value(K::sigmoid, -this->kInfinity), TypeParam(0));
    EXPECT_EQ(this->value(K::sigmoid, TypeParam(0)), TypeParam(0.5));
    for (float x = -87.0F; x > -110.0F; x -= 0.01F)
        for (const Kernels kernels : supported_kernels()) {
            float y = x;
            activation_kernel<float>(kernels)({K::sigmoid, false, 0, 0, 0}, &y, 1);
            EXPECT_LT(std::abs(static_cast<double>(y) - std::exp(static_cast<double>(x))), 2e-38) << x;
        }
}

TYPED_TEST(ActivationKernels, ExponentialOverflowsToInfinityAndEndsAtZero) {
    const TypeParam last = std::log(std::numeric_limits<TypeParam>::max());
    EXPECT_TRUE(std::isfinite(this->value(K::exponential, last * (1 - std::numeric_limits<TypeParam>::epsilon()))));
    for (const TypeParam x : {last * TypeParam(1.001), this->kHuge, this->kInfinity})
        EXPECT_EQ(this->value(K::exponential, x), this->kInfinity);
    for (const TypeParam x : {last * TypeParam(-1.3), -this->kHuge, -this->kInfinity})
        EXPECT_EQ(this->value(K::exponential, x), TypeParam(0));
    EXPECT_EQ(this->value(K::exponential, TypeParam(0)), TypeParam(1));
}

TYPED_TEST(ActivationKernels, ReluHasItsThreeRegions) {
    const ActivationCall<TypeParam> f{K::relu, true, TypeParam(0.5), TypeParam(4), TypeParam(1)};
    EXPECT_EQ(this->value(f, 9), TypeParam(4));
    EXPECT_EQ(this->value(f, 2), TypeParam(2));
    EXPECT_EQ(this->value(f, 1), TypeParam(0));
    EXPECT_EQ(this->value(f, -1), TypeParam(-1));
}

TYPED_TEST(ActivationKernels, ReluAboveANegativeThresholdIsXOrNoLessThanZeroWithAMaximum) {
    EXPECT_EQ(this->value({K::relu, false, 0, 0, TypeParam(-1)}, TypeParam(-0.5)), TypeParam(-0.5));
    EXPECT_EQ(this->value({K::relu, true, 0, 2, TypeParam(-1)}, TypeParam(-0.5)), TypeParam(0));
}

TYPED_TEST(ActivationKernels, PlainReluIsZeroAtTheLeftEnd) {
    EXPECT_EQ(this->value(K::relu, -this->kInfinity), TypeParam(0));
    EXPECT_EQ(this->value(K::relu, this->kInfinity), this->kInfinity);
}

TYPED_TEST(ActivationKernels, KinksBelongToTheSideOfKeras) {
    const TypeParam half = TypeParam(0.5);
    EXPECT_EQ(this->value({K::soft_shrink, false, half, 0, 0}, half), TypeParam(0));
    EXPECT_EQ(this->value({K::hard_shrink, false, half, 0, 0}, -half), TypeParam(0));
    EXPECT_EQ(this->value({K::threshold, false, 1, 7, 0}, 1), TypeParam(7));
    EXPECT_EQ(this->value(K::sparse_plus, 1), TypeParam(1));
    EXPECT_EQ(this->value(K::sparse_plus, -1), TypeParam(0));
}

TYPED_TEST(ActivationKernels, EluAndCeluAreExactNearZero) {
    const TypeParam small = TypeParam(-1e-20);
    EXPECT_EQ(this->value({K::elu, false, 1, 0, 0}, small), small);
    EXPECT_EQ(this->value({K::celu, false, 2, 0, 0}, small), small);
    EXPECT_EQ(this->value({K::elu, false, 1, 0, 0}, -this->kSmallest), -this->kSmallest);
}

TYPED_TEST(ActivationKernels, EluAndCeluEndAtMinusAlpha) {
    const TypeParam half = TypeParam(0.5);
    EXPECT_EQ(this->value({K::elu, false, half, 0, 0}, -this->kInfinity), -half);
    EXPECT_EQ(this->value({K::celu, false, half, 0, 0}, -this->kInfinity), -half);
    EXPECT_EQ(this->value({K::celu, false, half, 0, 0}, this->kHuge), this->kHuge);
}

TYPED_TEST(ActivationKernels, GeluKeepsSmallValuesOnTheLeft) {
    EXPECT_LT(this->value(K::gelu, -9), TypeParam(0));
    EXPECT_GT(this->value(K::gelu, -9), TypeParam(-2e-18));
    EXPECT_EQ(this->value(K::gelu, 9), TypeParam(9));
    EXPECT_EQ(this->value(K::gelu, this->kInfinity), this->kInfinity);
    EXPECT_EQ(this->value(K::gelu, -this->kHuge), TypeParam(0));
}

TYPED_TEST(ActivationKernels, SiluAndMishEndAtZeroAndX) {
    for (const ActivationCall<TypeParam> f : {call_of<TypeParam>(K::silu), call_of<TypeParam>(K::mish),
                                              ActivationCall<TypeParam>{K::gelu, true, 0, 0, 0}}) {
        EXPECT_EQ(this->value(f, this->kHuge), this->kHuge);
        EXPECT_EQ(this->value(f, this->kInfinity), this->kInfinity);
        EXPECT_EQ(this->value(f, -this->kHuge), TypeParam(0));
        EXPECT_EQ(this->value(f, 0), TypeParam(0));
        EXPECT_EQ(this->value(f, this->kSmallest), TypeParam(f.kind == K::mish ? 0.6 : 0.5) * this->kSmallest);
    }
}

TYPED_TEST(ActivationKernels, ProductsWithZeroAtMinusInfinityAreNotNumbersAsInKeras) {
    for (const K kind : {K::silu, K::mish, K::gelu, K::hard_silu})
        EXPECT_TRUE(std::isnan(this->value(kind, -this->kInfinity))) << static_cast<int>(kind);
}

TYPED_TEST(ActivationKernels, SoftplusAndSquareplusDoNotOverflowBeforeX) {
    EXPECT_EQ(this->value(K::softplus, this->kHuge), this->kHuge);
    EXPECT_EQ(this->value(K::softplus, -this->kInfinity), TypeParam(0));
    EXPECT_GT(this->value(K::softplus, -80), TypeParam(0));
    EXPECT_EQ(this->value(K::log_sigmoid, -this->kInfinity), -this->kInfinity);
    EXPECT_EQ(this->value(K::softsign, this->kHuge), TypeParam(1));
    EXPECT_EQ(this->value({K::squareplus, false, 4, 0, 0}, this->kInfinity), this->kInfinity);
}

TYPED_TEST(ActivationKernels, SoftmaxDoesNotOverflow) {
    for (const Kernels kernels : supported_kernels()) {
        const auto y = this->applied(kernels, {K::softmax, false, 0, 0, 0}, {this->kHuge, 0, this->kHuge});
        EXPECT_EQ(y, (std::vector<TypeParam>{TypeParam(0.5), 0, TypeParam(0.5)})) << name_of(kernels);
    }
}

TYPED_TEST(ActivationKernels, SoftmaxOfOneElementIsOne) {
    for (const Kernels kernels : supported_kernels()) {
        EXPECT_EQ(this->applied(kernels, call_of<TypeParam>(K::softmax), {-77}), (std::vector<TypeParam>{1}));
        EXPECT_EQ(this->applied(kernels, call_of<TypeParam>(K::log_softmax), {-77}), (std::vector<TypeParam>{0}));
        EXPECT_TRUE(this->applied(kernels, call_of<TypeParam>(K::softmax), {}).empty());
    }
}

TYPED_TEST(ActivationKernels, SoftmaxIsTheFormulaInEverySize) {
    const TypeParam tolerance = 20 * std::numeric_limits<TypeParam>::epsilon();
    for (const Kernels kernels : supported_kernels())
        for (Index size = 1; size <= 70; ++size) {
            const auto x = this->random(size);
            const Eigen::Map<const Eigen::Array<TypeParam, Eigen::Dynamic, 1>> row(x.data(), size);
            const Eigen::Array<TypeParam, Eigen::Dynamic, 1> e = (row - row.maxCoeff()).exp();
            const auto y = this->applied(kernels, call_of<TypeParam>(K::softmax), x);
            const auto z = this->applied(kernels, call_of<TypeParam>(K::log_softmax), x);
            for (Index i = 0; i < size; ++i) {
                const auto at = static_cast<std::size_t>(i);
                EXPECT_NEAR(y[at], e(i) / e.sum(), tolerance) << name_of(kernels) << ' ' << size;
                EXPECT_NEAR(z[at], x[at] - row.maxCoeff() - std::log(e.sum()), tolerance) << name_of(kernels);
            }
        }
}

TYPED_TEST(ActivationKernels, LogSoftmaxKeepsTheTail) {
    for (const Kernels kernels : supported_kernels())
        EXPECT_EQ(this->applied(kernels, call_of<TypeParam>(K::log_softmax), {1000, 0})[1], TypeParam(-1000));
}

TYPED_TEST(ActivationKernels, ARowWithNotANumberIsNotNumbers) {
    for (const Kernels kernels : supported_kernels())
        for (const K kind : {K::softmax, K::log_softmax})
            for (std::size_t at = 0; at < 35; ++at) {
                auto x = this->random(35);
                x[at] = this->kNan;
                for (const TypeParam y : this->applied(kernels, call_of<TypeParam>(kind), x))
                    EXPECT_TRUE(std::isnan(y)) << name_of(kernels) << ' ' << at;
            }
}

}  // namespace
}  // namespace eigengru_test
