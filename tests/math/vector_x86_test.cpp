// SPDX-License-Identifier: MIT
// What the vectors of AVX2 and AVX-512 do to the bit. What all vectors do: vectors_test.cpp.
#include "eigengru/math/vectors.hpp"

#include "eigengru/core/kernels.hpp"

#define EIGENGRU_TARGET_SOURCE "support/exact_operations.hpp"
#include "eigengru/core/for_each_target.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

namespace eigengru_test::vector_x86_test {
namespace {

using namespace eigengru;

/// The functions of support/exact_operations.hpp for one instruction set.
template <class S>
struct X86Target {
    const char* name;
    std::size_t size;
    void (*multiply_add)(const S*, const S*, const S*, S*);
    void (*shift_into_exponent)(const S*, S*);
    void (*zero_where_b_is_less)(const S*, const S*, S, S*);
    void (*signs)(const S*, const S*, S*, S*);
};

template <class S>
class VectorX86 : public testing::Test {
protected:
    void SetUp() override {
        if (targets().empty()) GTEST_SKIP() << "this processor has none of these vectors";
    }

    static std::vector<X86Target<S>> targets() {
        std::vector<X86Target<S>> list;
#if EIGENGRU_HAS_X86_TARGETS
        namespace avx2 = eigengru::detail::avx2;
        namespace avx512 = eigengru::detail::avx512;
        if (is_supported(Kernels::avx2))
            list.push_back({"avx2", std::size_t(avx2::Vec<S>::size), &avx2::multiply_add_vector<S>,
                            &avx2::shift_into_exponent<S>, &avx2::zero_where_b_is_less<S>, &avx2::signs<S>});
        if (is_supported(Kernels::avx512))
            list.push_back({"avx512", std::size_t(avx512::Vec<S>::size), &avx512::multiply_add_vector<S>,
                            &avx512::shift_into_exponent<S>, &avx512::zero_where_b_is_less<S>, &avx512::signs<S>});
#endif
        return list;
    }

    static std::vector<S> random(std::size_t size) {
        std::vector<S> values(size);
        VectorMap<S>(values.data(), Index(size)).setRandom();
        return values;
    }
};
TYPED_TEST_SUITE(VectorX86, Scalars, );

TYPED_TEST(VectorX86, FillRegistersOf32And64Bytes) {
    for (const auto& target : this->targets())
        EXPECT_EQ(target.size * sizeof(TypeParam), std::string(target.name) == "avx2" ? 32U : 64U) << target.name;
}

TYPED_TEST(VectorX86, MultiplyAndAddWithASingleRounding) {
    for (const auto& target : this->targets())
        for (int repeat = 0; repeat < 50; ++repeat) {
            const auto a = this->random(target.size), b = this->random(target.size), c = this->random(target.size);
            auto y = a;
            target.multiply_add(a.data(), b.data(), c.data(), y.data());
            for (std::size_t i = 0; i < target.size; ++i) EXPECT_EQ(y[i], std::fma(a[i], b[i], c[i])) << target.name;
        }
}

TYPED_TEST(VectorX86, LowBitsShiftedIntoTheExponentMakePowersOfTwo) {
    using Bits = std::conditional_t<std::is_same_v<TypeParam, float>, std::uint32_t, std::uint64_t>;
    using Limits = std::numeric_limits<TypeParam>;
    for (const auto& target : this->targets())
        for (int n = Limits::min_exponent - 1; n < Limits::max_exponent; n += 5) {
            // Bits above those of the exponent fall out at the left.
            constexpr Bits kAbove = Bits(0x4b) << (8 * sizeof(Bits) - 8);
            const auto biased = Bits(n + Limits::max_exponent - 1);
            const std::vector<TypeParam> x(target.size, std::bit_cast<TypeParam>(Bits(kAbove | biased)));
            auto y = x;
            target.shift_into_exponent(x.data(), y.data());
            for (const TypeParam v : y) EXPECT_EQ(v, std::ldexp(TypeParam(1), n)) << target.name << ' ' << n;
        }
}

TYPED_TEST(VectorX86, ZerosStandWhereAnotherIsLessAndNotANumberIsNot) {
    constexpr TypeParam kNan = std::numeric_limits<TypeParam>::quiet_NaN();
    for (const auto& target : this->targets()) {
        const std::vector<TypeParam> b{-1, TypeParam(0.25), TypeParam(0.2), kNan, 7, TypeParam(-0.25), 0, 1,
                                       -1, TypeParam(0.25), TypeParam(0.2), kNan, 7, TypeParam(-0.25), 0, 1};
        std::vector<TypeParam> a(16, TypeParam(3)), y(16);
        a[4] = a[5] = kNan;  // a NaN that is chosen away is gone
        target.zero_where_b_is_less(a.data(), b.data(), TypeParam(0.25), y.data());
        for (std::size_t i = 0; i < target.size; ++i) {
            const bool is_kept = !(b[i] < TypeParam(0.25));
            const bool is_right = !is_kept ? y[i] == 0 : std::isnan(a[i]) ? std::isnan(y[i]) : y[i] == a[i];
            EXPECT_TRUE(is_right) << target.name << ' ' << i << ' ' << y[i];
        }
    }
}

TYPED_TEST(VectorX86, SignsOfZerosAndInfinitiesAreSigns) {
    constexpr TypeParam kInfinity = std::numeric_limits<TypeParam>::infinity();
    const std::vector<TypeParam> of_four{TypeParam(-0.0), 0, -kInfinity, kInfinity};
    const std::vector<TypeParam> signs_of_four{0, TypeParam(-0.0), kInfinity, -1};
    std::vector<TypeParam> a, b, magnitude(16), with_sign(16);
    for (std::size_t i = 0; i < 16; ++i) a.push_back(of_four[i % 4]), b.push_back(signs_of_four[i % 4]);
    for (const auto& target : this->targets()) {
        target.signs(a.data(), b.data(), magnitude.data(), with_sign.data());
        for (std::size_t i = 0; i < target.size; ++i) {
            EXPECT_FALSE(std::signbit(magnitude[i])) << target.name << ' ' << i;
            EXPECT_EQ(magnitude[i], std::abs(a[i])) << target.name << ' ' << i;
            EXPECT_EQ(std::signbit(with_sign[i]), std::signbit(b[i])) << target.name << ' ' << i;
            EXPECT_EQ(std::abs(with_sign[i]), magnitude[i]) << target.name << ' ' << i;
        }
    }
}

}  // namespace
}  // namespace eigengru_test::vector_x86_test
