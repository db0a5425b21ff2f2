// SPDX-License-Identifier: MIT
#include "eigengru/training/truncated_bptt.hpp"

#include "support/modes.hpp"
#include "training/trainer_support.hpp"

#include <gtest/gtest.h>

#include <set>

namespace {

using namespace eigengru;
using namespace eigengru_test;

// The order of the samples

std::vector<Index> order_of(std::size_t samples, std::uint64_t seed, Index epoch) {
    std::vector<Index> order(samples);
    detail::shuffle_samples(order, seed, epoch);
    return order;
}

TEST(ShuffleSamples, IsAPermutationForEverySize) {
    for (const std::size_t samples : {0U, 1U, 2U, 7U, 100U}) {
        const std::vector<Index> order = order_of(samples, 3, 4);
        const std::set<Index> distinct(order.begin(), order.end());
        ASSERT_EQ(distinct.size(), samples);
        if (samples == 0) continue;
        EXPECT_EQ(*distinct.begin(), 0);
        EXPECT_EQ(*distinct.rbegin(), static_cast<Index>(samples) - 1);
    }
}

TEST(ShuffleSamples, IsAFunctionOfSeedAndEpochAlone) {
    EXPECT_EQ(order_of(50, 1, 0), order_of(50, 1, 0));
    EXPECT_NE(order_of(50, 1, 0), order_of(50, 1, 1));
    EXPECT_NE(order_of(50, 1, 0), order_of(50, 2, 0));
    std::vector<Index> used = order_of(50, 9, 9);
    detail::shuffle_samples(used, 1, 0);
    EXPECT_EQ(used, order_of(50, 1, 0));
}

TEST(ShuffleSamples, GivesTheSameOrderOnEveryMachine) {
    EXPECT_EQ(order_of(8, 42, 3), (std::vector<Index>{4, 3, 2, 6, 5, 7, 0, 1}));
}

TEST(ShuffleSamples, PutsEverySampleEverywhereEquallyOften) {
    constexpr Index kEpochs = 6000;
    std::array<std::array<Index, 4>, 4> count{};
    for (Index epoch = 0; epoch < kEpochs; ++epoch) {
        const std::vector<Index> order = order_of(4, 7, epoch);
        for (std::size_t i = 0; i < 4; ++i) ++count[i][static_cast<std::size_t>(order[i])];
    }
    for (const auto& row : count)
        for (const Index n : row) EXPECT_NEAR(static_cast<double>(n), kEpochs / 4.0, 170.0);  // 5 sigma
}

TEST(UniformBelow, StaysBelowItsBound) {
    RandomStream random(1, 1);
    for (const std::uint64_t bound : {1ULL, 2ULL, 3ULL, 0x8000000000000001ULL})
        for (int i = 0; i < 100; ++i) EXPECT_LT(detail::uniform_below(random, bound), bound);
}

// Batches and windows

std::vector<std::array<Index, 4>> parts_of(const detail::BatchPlan& plan) {
    std::vector<std::array<Index, 4>> parts;
    for (Index i = 0; i < plan.size(); ++i) {
        const detail::BatchPart part = plan.part(i);
        parts.push_back({part.first_row, part.rows, part.first_step, part.steps});
        EXPECT_EQ(part.is_first_window(), part.first_step == 0);
    }
    return parts;
}

TEST(BatchPlan, LastBatchIsSmaller) {
    EXPECT_EQ(parts_of({.samples = 5, .time = 7, .batch_size = 2}),
              (std::vector<std::array<Index, 4>>{{0, 2, 0, 7}, {2, 2, 0, 7}, {4, 1, 0, 7}}));
    EXPECT_EQ(parts_of({.samples = 2, .time = 1, .batch_size = 9}), (std::vector<std::array<Index, 4>>{{0, 2, 0, 1}}));
}

TEST(BatchPlan, LastWindowIsShorter) {
    EXPECT_EQ(parts_of({.samples = 3, .time = 5, .batch_size = 2, .window = 3}),
              (std::vector<std::array<Index, 4>>{{0, 2, 0, 3}, {0, 2, 3, 2}, {2, 1, 0, 3}, {2, 1, 3, 2}}));
    EXPECT_EQ(parts_of({.samples = 1, .time = 5, .batch_size = 1, .window = 9}),
              (std::vector<std::array<Index, 4>>{{0, 1, 0, 5}}));
}

template <class S>
class GatherOf : public testing::Test {};
TYPED_TEST_SUITE(GatherOf, eigengru_test::Scalars, );

TYPED_TEST(GatherOf, CopiesSamplesInTheirOrderAndTheirSteps) {
    using S = TypeParam;
    const SmallData<S> data(3, 5);
    Mask mask = Mask::Constant(3, 5, true);
    mask(2, 3) = false;
    const RowMatrix<S> weight = RowMatrix<S>::Random(3, 5);
    detail::BatchMemory<S> memory;
    detail::gather<S>({data.x, data.y, mask, weight}, {0, 2, 1}, {1, 2, 2, 3}, memory);
    EXPECT_EQ(memory.x.sequence(0), data.x.sequence(2).middleRows(2, 3));
    EXPECT_EQ(memory.y.sequence(1), data.y.sequence(1).middleRows(2, 3));
    EXPECT_FALSE(memory.mask(0, 1));
    EXPECT_EQ(memory.mask.count(), 5);
    EXPECT_EQ(memory.sample_weight.row(0), weight.row(2).segment(2, 3));
    EXPECT_TRUE(memory.data().mask.is_present());
}

TYPED_TEST(GatherOf, WhatHasOneStepIsNotCut) {
    using S = TypeParam;
    const SmallData<S> data(2, 4, false);
    const RowMatrix<S> weight = RowMatrix<S>::Random(2, 1);
    detail::BatchMemory<S> memory;
    detail::gather<S>({data.x, data.y, {}, weight}, {1, 0}, {0, 2, 0, 4}, memory);
    EXPECT_EQ(memory.y.sequence(0), data.y.sequence(1));
    EXPECT_EQ(memory.sample_weight(0, 0), weight(1, 0));
    EXPECT_FALSE(memory.data().mask.is_present());
    detail::gather<S>({data.x, data.y}, {1, 0}, {0, 2, 0, 4}, memory);
    EXPECT_FALSE(memory.data().sample_weight.is_present());
}

TYPED_TEST(GatherOf, EverySizeHasItsOwnMemory) {
    detail::BatchMemories<TypeParam> memories;
    detail::BatchMemory<TypeParam>& full = memories.of({0, 4, 0, 5});
    EXPECT_NE(&memories.of({8, 2, 0, 5}), &full);
    EXPECT_NE(&memories.of({0, 4, 0, 3}), &full);
    EXPECT_EQ(&memories.of({4, 4, 5, 5}), &full);
}

}  // namespace
