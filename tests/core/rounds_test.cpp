// SPDX-License-Identifier: MIT
#include "eigengru/core/rounds.hpp"

#include "eigengru/core/thread_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

namespace eigengru_test {
namespace {

using namespace eigengru;
using eigengru::detail::Range;
using eigengru::detail::run_rounds;
using eigengru::detail::run_rounds_together;
using eigengru::detail::Share;

TEST(Share, PartsFollowEachOtherAndCoverAll) {
    for (const Index grain : {1, 4, 8})
        for (Index parts = 1; parts <= 5; ++parts)
            for (Index count = 0; count <= 40; ++count) {
                Index next = 0;
                for (Index i = 0; i < parts; ++i) {
                    const Range range = Share{i, parts}.of(count, grain);
                    EXPECT_EQ(range.first, next);
                    EXPECT_TRUE(range.first % grain == 0 || range.first == count);
                    next = range.end();
                }
                EXPECT_EQ(next, count);
            }
}

TEST(Share, PartsDifferByOneGrainAtMost) {
    for (Index i = 0; i < 3; ++i) {
        const Range range = Share{i, 3}.of(80, 8);
        EXPECT_TRUE(range.count == 24 || range.count == 32);
    }
}

TEST(Share, OfOnePartIsAll) {
    EXPECT_EQ(Share().of(7), (Range{0, 7}));
    EXPECT_EQ((Share{0, 1}.of(7, 4)), (Range{0, 7}));
}

/// Runs one task after the other, and has no threads for tasks that wait.
struct OneAfterTheOther {
    [[nodiscard]] Index concurrency() const { return 3; }
    void run(Index tasks, TaskRef task) {
        for (Index i = 0; i < tasks; ++i) task(i);
    }
};

/// Each share of a round reads what all shares of the last one wrote.
std::vector<Index> sums_of_sums(const ExecutorRef& executor, Index threads) {
    std::vector<Index> from(static_cast<std::size_t>(threads), 1), to(from.size());
    run_rounds(executor, threads, 20, [&](Index r, Share share) {
        const std::vector<Index>& read = r % 2 == 0 ? from : to;
        std::vector<Index>& written = r % 2 == 0 ? to : from;
        Index sum = share.index;
        for (const Index value : read) sum += value % 1000;
        written[static_cast<std::size_t>(share.index)] = sum;
    });
    return from;
}

TEST(RunRounds, ARoundSeesAllOfTheLastOne) {
    ThreadPool pool(3);
    OneAfterTheOther serial;
    const std::vector<Index> expected = sums_of_sums(nullptr, 3);
    EXPECT_EQ(sums_of_sums(&serial, 3), expected);
    for (int i = 0; i < 50; ++i) EXPECT_EQ(sums_of_sums(&pool, 3), expected);
    ThreadPool small(2);
    EXPECT_EQ(sums_of_sums(&small, 3), expected);
}

TEST(RunRounds, TogetherNeedsThreadsForAll) {
    ThreadPool pool(2);
    OneAfterTheOther serial;
    std::atomic<Index> calls = 0;
    const auto count = [&](Index, Share) { ++calls; };
    EXPECT_FALSE(run_rounds_together(&serial, 2, 5, count));
    EXPECT_FALSE(run_rounds_together(&pool, 3, 5, count));
    EXPECT_FALSE(run_rounds_together(nullptr, 2, 5, count));
    EXPECT_EQ(calls, 0);
    EXPECT_TRUE(run_rounds_together(&pool, 2, 5, count));
    EXPECT_EQ(calls, 10);
    EXPECT_TRUE(run_rounds_together(nullptr, 1, 5, count));
    EXPECT_EQ(calls, 15);
}

TEST(RunRounds, WhatATaskThrowsComesOutWhenAllAreDone) {
    ThreadPool pool(2);
    OneAfterTheOther serial;
    for (const ExecutorRef executor : {ExecutorRef(&pool), ExecutorRef(nullptr)}) {
        std::atomic<Index> calls = 0;
        const auto throw_once = [&](Index r, Share share) {
            ++calls;
            if (r == 1 && share.index == 1) throw std::runtime_error("here");
        };
        EXPECT_THROW(run_rounds(executor, 2, 4, throw_once), std::runtime_error);
        EXPECT_GE(calls, 4);
    }
    EXPECT_THROW(run_rounds(&serial, 2, 4, [](Index, Share) { throw std::runtime_error("here"); }), std::runtime_error);
}

}  // namespace
}  // namespace eigengru_test
