// SPDX-License-Identifier: MIT
#include "eigengru/core/spin_barrier.hpp"

#include "support/allocation_counter.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

namespace {

using eigengru::Index;
using eigengru::detail::kSpins;
using eigengru::detail::SpinBarrier;
using eigengru::detail::WaitCounter;
using eigengru_test::AllocationCount;
using eigengru_test::kAllocationCounterWorks;

/// f(i) for each i below `threads`, each on its own thread.
template <class F>
void on_threads(int threads, const F& f) {
    std::vector<std::thread> all;
    for (int i = 0; i < threads; ++i) all.emplace_back(f, i);
    for (std::thread& thread : all) thread.join();
}

TEST(WaitCounter, ReturnsAtOnceWhereTheValueIsAnother) {
    WaitCounter counter(5);
    EXPECT_EQ(counter.wait(4, 0), 5U);
    EXPECT_EQ(counter.wait(4, kSpins), 5U);
}

TEST(WaitCounter, AddsAndSubtracts) {
    WaitCounter counter;
    EXPECT_EQ(counter.add(3), 3U);
    EXPECT_EQ(counter.add(0U - 2U), 1U);
    counter.set(7);
    EXPECT_EQ(counter.value(), 7U);
}

TEST(WaitCounter, WakesASleeper) {
    for (const bool wakes_all : {true, false}) {
        WaitCounter counter;
        std::thread sleeper([&] { EXPECT_EQ(counter.wait(0, 0), 1U); });
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        counter.add(1);
        wakes_all ? counter.wake_all() : counter.wake(1);
        sleeper.join();
    }
}

TEST(WaitCounter, PassesABallBetweenTwoSleepers) {
    // Odd and even values take turns; a wake-up that is lost would hang here.
    constexpr std::uint32_t kTurns = 20000;
    WaitCounter ball;
    on_threads(2, [&](int player) {
        for (std::uint32_t turn = static_cast<std::uint32_t>(player); turn < kTurns; turn += 2) {
            for (std::uint32_t now = ball.value(); now != turn;) now = ball.wait(now, 0);
            ball.add(1);
            ball.wake_all();
        }
    });
    EXPECT_EQ(ball.value(), kTurns);
}

TEST(SpinBarrier, LetsOneThreadPass) {
    SpinBarrier barrier(1);
    for (int i = 0; i < 3; ++i) barrier.arrive_and_wait();
}

/// Each thread writes its place, and reads those of all after the barrier; the second barrier keeps the next step away.
void check_steps(int threads, int steps) {
    SpinBarrier barrier(threads);
    std::vector<int> places(static_cast<std::size_t>(threads));
    std::vector<int> mistakes(static_cast<std::size_t>(threads));
    on_threads(threads, [&](int i) {
        const auto own = static_cast<std::size_t>(i);
        for (int step = 1; step <= steps; ++step) {
            places[own] = step;
            barrier.arrive_and_wait();
            for (const int place : places) mistakes[own] += place != step;
            barrier.arrive_and_wait();
        }
    });
    EXPECT_EQ(mistakes, std::vector<int>(static_cast<std::size_t>(threads))) << threads << " threads";
}

TEST(SpinBarrier, KeepsStepsApart) {
    for (const int threads : {2, 3, 5}) check_steps(threads, 2000);
}

TEST(SpinBarrier, KeepsStepsApartWithManyMoreThreadsThanProcessors) {
    check_steps(32, 50);
}

TEST(SpinBarrier, WaitsForALateThread) {
    SpinBarrier barrier(2);
    bool is_late_one_there = false;
    std::thread late([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        is_late_one_there = true;
        barrier.arrive_and_wait();
    });
    barrier.arrive_and_wait();
    EXPECT_TRUE(is_late_one_there);
    late.join();
}

TEST(SpinBarrier, AllocatesNothing) {
    if constexpr (!kAllocationCounterWorks) GTEST_SKIP() << "allocations cannot be counted in this build";
    std::vector<std::size_t> counts(2);
    SpinBarrier barrier(2);
    on_threads(2, [&](int i) {
        const AllocationCount allocations;
        for (int step = 0; step < 1000; ++step) barrier.arrive_and_wait();
        counts[static_cast<std::size_t>(i)] = allocations.count();
    });
    EXPECT_EQ(counts, std::vector<std::size_t>(2));
}

}  // namespace
