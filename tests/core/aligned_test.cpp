// SPDX-License-Identifier: MIT
#include "eigengru/core/aligned.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace eigengru_test {
namespace {

using namespace eigengru;
using eigengru::detail::AlignedAllocator;
using eigengru::detail::AlignedVector;
using eigengru::detail::kLineBytes;
using eigengru::detail::kLineSize;
using eigengru::detail::whole_lines;

bool is_at_a_line(const void* memory) {
    return reinterpret_cast<std::uintptr_t>(memory) % kLineBytes == 0;
}

template <class S>
class AlignedVectorOf : public testing::Test {};
using Elements = testing::Types<float, double, char>;
TYPED_TEST_SUITE(AlignedVectorOf, Elements, );

TEST(WholeLines, HoldSixteenFloatsOrEightDoubles) {
    EXPECT_EQ(kLineSize<float>, 16);
    EXPECT_EQ(kLineSize<double>, 8);
}

TEST(Lines, CoverTheScalars) {
    EXPECT_EQ(eigengru::detail::line_count<float>(1), 1);
    EXPECT_EQ(eigengru::detail::line_count<float>(16), 1);
    EXPECT_EQ(eigengru::detail::line_count<float>(17), 2);
    EXPECT_EQ(eigengru::detail::line_count<double>(16), 2);
}

TEST(WholeLines, AreRoundedUp) {
    EXPECT_EQ(whole_lines<float>(0), 0);
    EXPECT_EQ(whole_lines<float>(1), 16);
    EXPECT_EQ(whole_lines<float>(16), 16);
    EXPECT_EQ(whole_lines<float>(17), 32);
    EXPECT_EQ(whole_lines<double>(9), 16);
    static_assert(whole_lines<double>(8) == 8);
}

TYPED_TEST(AlignedVectorOf, BeginsAtALineWheneverItGrows) {
    AlignedVector<TypeParam> values;
    for (int i = 0; i < 1000; ++i) {
        values.push_back(static_cast<TypeParam>(i % 100));
        ASSERT_TRUE(is_at_a_line(values.data())) << i;
    }
    EXPECT_EQ(values[999], TypeParam(99));
}

TYPED_TEST(AlignedVectorOf, GrowsFromLittleToMuch) {
    const std::size_t much = eigengru::detail::kHugePageBytes / sizeof(TypeParam);
    AlignedVector<TypeParam> values(7, TypeParam(3));
    for (const std::size_t size : {much - 1, much, much + 1, 2 * much + 5}) {
        values.resize(size, TypeParam(4));
        values.shrink_to_fit();
        EXPECT_TRUE(is_at_a_line(values.data())) << size;
        EXPECT_EQ(values.front(), TypeParam(3));
        EXPECT_EQ(values.back(), TypeParam(4));
    }
    values.resize(7);
    values.shrink_to_fit();
    EXPECT_EQ(values.back(), TypeParam(3));
}

TYPED_TEST(AlignedVectorOf, CopiesAreIndependent) {
    AlignedVector<TypeParam> values(5, TypeParam(1));
    AlignedVector<TypeParam> copy = values;
    copy[2] = TypeParam(2);
    EXPECT_EQ(values[2], TypeParam(1));
    EXPECT_TRUE(is_at_a_line(copy.data()));
}

TYPED_TEST(AlignedVectorOf, MovingKeepsTheMemory) {
    AlignedVector<TypeParam> values(5, TypeParam(1));
    const TypeParam* memory = values.data();
    const AlignedVector<TypeParam> moved = std::move(values);
    EXPECT_EQ(moved.data(), memory);
}

TEST(AlignedAllocator, AllAreEqual) {
    const AlignedAllocator<float> a;
    const AlignedAllocator<float> b(AlignedAllocator<double>{});
    EXPECT_TRUE(a == b);
}

TEST(Prefetch, TakesAnyAddress) {
    const float value = 1.0F;
    eigengru::detail::prefetch(&value);
    eigengru::detail::prefetch(static_cast<const double*>(nullptr));
    double written = 1.0;
    eigengru::detail::prefetch_to_write(&written);
    EXPECT_EQ(written, 1.0);
    SUCCEED();
}

}  // namespace
}  // namespace eigengru_test
