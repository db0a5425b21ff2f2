// SPDX-License-Identifier: MIT
// A source of its own, support/target_source.hpp, compiled once for every instruction set.
#include "eigengru/core/kernels.hpp"
#include "eigengru/math/vectors.hpp"

#define EIGENGRU_TARGET_SOURCE "support/target_source.hpp"
#include "eigengru/core/for_each_target.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <vector>

#if defined(EIGENGRU_TARGET_SOURCE) || defined(EIGENGRU_TARGET) || defined(EIGENGRU_TARGET_PORTABLE) || \
    defined(EIGENGRU_TARGET_AVX2) || defined(EIGENGRU_TARGET_AVX512)
#error "for_each_target.hpp must leave no macro behind"
#endif

namespace eigengru_test {
namespace {

using namespace eigengru;

template <class S>
class ForEachTarget : public testing::Test {};
TYPED_TEST_SUITE(ForEachTarget, Scalars, );

TEST(ForEachTargetSource, IncludesTheSourceOnceForEachTarget) {
    static_assert(eigengru::detail::portable::kSeenTarget == 0);
#if EIGENGRU_HAS_X86_TARGETS
    static_assert(eigengru::detail::avx2::kSeenTarget == 1);
    static_assert(eigengru::detail::avx512::kSeenTarget == 2);
#endif
}

TEST(ForEachTargetSource, CompilesTheSourceForItsInstructions) {
    EXPECT_EQ(eigengru::detail::portable::features_of_target(0), 0);
#if EIGENGRU_HAS_X86_TARGETS
    if (is_supported(Kernels::avx2)) {
        EXPECT_EQ(eigengru::detail::avx2::features_of_target(0), 1);
    }
    if (is_supported(Kernels::avx512)) {
        EXPECT_EQ(eigengru::detail::avx512::features_of_target(0), 2);
    }
#endif
}

TYPED_TEST(ForEachTarget, GivesEachTheVectorsOfItsTarget) {
    const std::vector<TypeParam> values{1, 2, 3, 4, 5};
    EXPECT_EQ(eigengru::detail::portable::sum_of(values.data(), 5), TypeParam(15));
#if EIGENGRU_HAS_X86_TARGETS
    static_assert(eigengru::detail::avx2::Vec<TypeParam>::size * sizeof(TypeParam) == 32);
    static_assert(eigengru::detail::avx512::Vec<TypeParam>::size * sizeof(TypeParam) == 64);
    if (is_supported(Kernels::avx2)) {
        EXPECT_EQ(eigengru::detail::avx2::sum_of(values.data(), 5), TypeParam(15));
    }
    if (is_supported(Kernels::avx512)) {
        EXPECT_EQ(eigengru::detail::avx512::sum_of(values.data(), 5), TypeParam(15));
    }
#endif
}

}  // namespace
}  // namespace eigengru_test
