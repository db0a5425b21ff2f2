// SPDX-License-Identifier: MIT
#include "eigengru/math/flush_to_zero.hpp"

#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <type_traits>

namespace eigengru_test {
namespace {

using namespace eigengru;

/// Half of the smallest normal number, computed now and not by the compiler.
template <class S>
S subnormal_result() {
    volatile S smallest = std::numeric_limits<S>::min();
    volatile S half = S(0.5);
    return smallest * half;
}

/// Twice a subnormal operand.
template <class S>
S of_subnormal_operand() {
    volatile S subnormal = std::numeric_limits<S>::min() / 2;
    volatile S many = S(8);
    return subnormal * many;
}

template <class S>
class ScopedFlushToZeroOf : public testing::Test {
protected:
    void SetUp() override {
        if (!ScopedFlushToZero::is_supported()) GTEST_SKIP() << "not on this processor";
    }
};
TYPED_TEST_SUITE(ScopedFlushToZeroOf, Scalars, );

TYPED_TEST(ScopedFlushToZeroOf, SubnormalResultsAreZeroWhileItLives) {
    EXPECT_GT(subnormal_result<TypeParam>(), TypeParam(0));
    {
        const ScopedFlushToZero flush;
        EXPECT_EQ(subnormal_result<TypeParam>(), TypeParam(0));
    }
    EXPECT_GT(subnormal_result<TypeParam>(), TypeParam(0));
}

TYPED_TEST(ScopedFlushToZeroOf, SubnormalOperandsAreZeroWhileItLives) {
    EXPECT_GT(of_subnormal_operand<TypeParam>(), TypeParam(0));
    {
        const ScopedFlushToZero flush;
        EXPECT_EQ(of_subnormal_operand<TypeParam>(), TypeParam(0));
    }
    EXPECT_GT(of_subnormal_operand<TypeParam>(), TypeParam(0));
}

TYPED_TEST(ScopedFlushToZeroOf, MayBeNested) {
    const ScopedFlushToZero outer;
    { const ScopedFlushToZero inner; }
    EXPECT_EQ(subnormal_result<TypeParam>(), TypeParam(0));
}

TYPED_TEST(ScopedFlushToZeroOf, AnExceptionEndsItToo) {
    try {
        const ScopedFlushToZero flush;
        throw 1;
    } catch (int) {
    }
    EXPECT_GT(subnormal_result<TypeParam>(), TypeParam(0));
}

TEST(ScopedFlushToZero, CannotBeCopiedOrMoved) {
    static_assert(!std::is_copy_constructible_v<ScopedFlushToZero> && !std::is_copy_assignable_v<ScopedFlushToZero>);
    static_assert(!std::is_move_constructible_v<ScopedFlushToZero> && !std::is_move_assignable_v<ScopedFlushToZero>);
    SUCCEED();
}

}  // namespace
}  // namespace eigengru_test
