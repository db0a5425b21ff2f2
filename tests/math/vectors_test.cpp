// SPDX-License-Identifier: MIT
// The operations that every vector type has, on whole vectors and on parts of one, for every instruction set. What is
// made of them: vector_functions_test.cpp.
#include "eigengru/math/vectors.hpp"
#include "eigengru/core/kernels.hpp"

#define EIGENGRU_TARGET_SOURCE "support/vector_operations.hpp"
#include "eigengru/core/for_each_target.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace eigengru_test {
namespace {

using namespace eigengru;

/// The functions of support/vector_operations.hpp for one instruction set.
template <class S>
struct Target {
    const char* name;
    Index size;
    void (*operations)(const S*, const S*, Index, S*);
    void (*load_first_lanes)(const S*, Index, S*);
    void (*copy)(const S*, S*);
};

template <class S>
std::vector<Target<S>> targets() {
    namespace portable = eigengru::detail::portable;
    std::vector<Target<S>> list{{"portable", portable::Vec<S>::size, &portable::vector_operations<S>,
                                 &portable::load_first_lanes<S>, &portable::copy_vector<S>}};
#if EIGENGRU_HAS_X86_TARGETS
    namespace avx2 = eigengru::detail::avx2;
    namespace avx512 = eigengru::detail::avx512;
    if (is_supported(Kernels::avx2))
        list.push_back({"avx2", avx2::Vec<S>::size, &avx2::vector_operations<S>, &avx2::load_first_lanes<S>,
                        &avx2::copy_vector<S>});
    if (is_supported(Kernels::avx512))
        list.push_back({"avx512", avx512::Vec<S>::size, &avx512::vector_operations<S>, &avx512::load_first_lanes<S>,
                        &avx512::copy_vector<S>});
#endif
    return list;
}

/// The same operations on one element, in their order.
template <class S>
std::vector<S> expected_of(S x, S y) {
    const S clamped = x < S(-0.5) ? S(-0.5) : x > S(0.5) ? S(0.5) : x;
    return {x + y,
            x - y,
            x * y,
            x / y,
            std::fma(x, y, y),
            std::fma(-x, y, y),
            clamped,
            x < S(0.25) ? S(0) : x,
            std::copysign(x, y),
            x < y ? S(1) : S(2),
            std::abs(x),
            std::sqrt(std::abs(x))};
}

template <class S>
class VectorsOf : public testing::Test {};
TYPED_TEST_SUITE(VectorsOf, Scalars, );

TYPED_TEST(VectorsOf, ComputeEachElementAloneInEveryPartOfAVector) {
    const TypeParam nan = std::numeric_limits<TypeParam>::quiet_NaN();
    const std::vector<TypeParam> a{TypeParam(0.3),
                                   -2,
                                   nan,
                                   TypeParam(0.25),
                                   7,
                                   0,
                                   TypeParam(-0.4),
                                   TypeParam(0.1),
                                   3,
                                   1,
                                   -1,
                                   TypeParam(0.6),
                                   2,
                                   -9,
                                   nan,
                                   4};
    const std::vector<TypeParam> b{-1, TypeParam(0.5), 2, 3, nan, -4, TypeParam(0.125), 1, 3, 2,
                                   -6, TypeParam(0.7), 1, 5, 1,   8};
    for (const auto& target : targets<TypeParam>())
        for (Index count = 1; count <= target.size; ++count) {
            std::vector<TypeParam> out(static_cast<std::size_t>(12 * count));
            target.operations(a.data(), b.data(), count, out.data());
            for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
                const std::vector<TypeParam> expected = expected_of(a[i], b[i]);
                for (std::size_t operation = 0; operation < 12; ++operation) {
                    const TypeParam received = out[operation * static_cast<std::size_t>(count) + i];
                    const TypeParam e = expected[operation];
                    // Without fused multiply-add the product is rounded first.
                    const TypeParam tolerance =
                        operation == 4 || operation == 5 ? 8 * std::numeric_limits<TypeParam>::epsilon() : 0;
                    EXPECT_TRUE((std::isnan(e) && std::isnan(received)) || std::abs(received - e) <= tolerance)
                        << target.name << ", operation " << operation << ", element " << i << " of " << count << ": "
                        << received << ", expected " << e;
                }
            }
        }
}

TYPED_TEST(VectorsOf, ZerosStandWhereNothingWasLoaded) {
    const std::vector<TypeParam> from(16, TypeParam(3));
    for (const auto& target : targets<TypeParam>())
        for (Index count = 0; count <= target.size; ++count) {
            std::vector<TypeParam> lanes(16, TypeParam(9));
            target.load_first_lanes(from.data(), count, lanes.data());
            for (Index i = 0; i < 16; ++i)
                EXPECT_EQ(lanes[static_cast<std::size_t>(i)], TypeParam(i < count         ? 3
                                                                        : i < target.size ? 0
                                                                                          : 9))
                    << target.name << ' ' << count << ' ' << i;
        }
}

TYPED_TEST(VectorsOf, PartsReadAndWriteNothingElse) {
    for (const auto& target : targets<TypeParam>())
        for (Index count = 1; count <= target.size; ++count) {
            const auto size = static_cast<std::size_t>(count);
            const std::vector<TypeParam> a(size, TypeParam(1)), b(size, TypeParam(2));  // no element more to be read
            std::vector<TypeParam> out(12 * size + 32, TypeParam(-7));
            target.operations(a.data(), b.data(), count, out.data());
            EXPECT_EQ(std::count(out.begin(), out.end(), TypeParam(-7)), 32) << target.name << ' ' << count;
        }
}

TYPED_TEST(VectorsOf, LoadAndStoreAtAnyAddress) {
    for (const auto& target : targets<TypeParam>())
        for (Index shift = 0; shift < 16; ++shift) {
            std::vector<TypeParam> from(64), to(64, TypeParam(-1));
            for (std::size_t i = 0; i < 64; ++i) from[i] = static_cast<TypeParam>(i);
            target.copy(from.data() + shift, to.data() + shift);
            for (Index i = 0; i < 64; ++i)
                EXPECT_EQ(to[static_cast<std::size_t>(i)],
                          i >= shift && i < shift + target.size ? static_cast<TypeParam>(i) : TypeParam(-1));
        }
}

}  // namespace
}  // namespace eigengru_test
