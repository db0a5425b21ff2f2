// SPDX-License-Identifier: MIT
#include "eigengru/core/thread_pool.hpp"

#include "support/allocation_counter.hpp"
#include "support/message_of.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace eigengru;
using detail::ShareQueue;
using detail::SpinBarrier;
using eigengru_test::AllocationCount;
using eigengru_test::kAllocationCounterWorks;
using eigengru_test::message_of;

static_assert(ConcurrentExecutor<ThreadPool> && !Executor<const ThreadPool>);
static_assert(!std::is_copy_constructible_v<ThreadPool> && !std::is_move_constructible_v<ThreadPool>);
static_assert(!std::is_convertible_v<int, ThreadPool>);

/// Which indices in [0, tasks) were not called exactly once.
std::vector<Index> wrong_calls(ThreadPool& pool, Index tasks) {
    std::vector<int> calls(static_cast<std::size_t>(std::max<Index>(tasks, 0)));
    pool.run(tasks, [&](Index i) { ++calls[static_cast<std::size_t>(i)]; });
    std::vector<Index> wrong;
    for (Index i = 0; i < tasks; ++i)
        if (calls[static_cast<std::size_t>(i)] != 1) wrong.push_back(i);
    return wrong;
}

/// Runs `together` tasks, none of which ends before all have begun, and checks that each had its own thread.
void run_together(ThreadPool& pool, Index together) {
    SpinBarrier barrier(together);
    std::vector<std::thread::id> threads(static_cast<std::size_t>(together));
    ASSERT_TRUE(pool.run_concurrently(together, [&](Index i) {
        threads[static_cast<std::size_t>(i)] = std::this_thread::get_id();
        barrier.arrive_and_wait();
    }));
    std::sort(threads.begin(), threads.end());
    EXPECT_EQ(std::unique(threads.begin(), threads.end()), threads.end());
}

TEST(ShareQueue, HandsOutEachTaskOnce) {
    ShareQueue queue;
    EXPECT_EQ(queue.run_shares(), 0U);
    std::vector<Index> order;
    auto note = [&](Index i) noexcept { order.push_back(i); };
    const TaskRef task(note);
    queue.offer(4, task);
    EXPECT_EQ(queue.run_shares(), 4U);
    EXPECT_EQ(queue.run_shares(), 0U);
    EXPECT_EQ(order, (std::vector<Index>{0, 1, 2, 3}));
}

TEST(ShareQueue, GivesAShareToOneOfTwo) {
    ShareQueue queue;
    auto nothing = [](Index) noexcept {};
    const TaskRef task(nothing);
    queue.offer(4, task);
    const ShareQueue::Share share = queue.next();
    EXPECT_TRUE(queue.take(share));
    EXPECT_FALSE(queue.take(share));
    EXPECT_EQ(queue.next().left(), 3);
}

TEST(ShareQueue, GivesNothingToOneWhoHasReadAnotherRun) {
    // A thread that was interrupted between reading and taking, through a whole run, comes back to the next.
    ShareQueue queue;
    auto nothing = [](Index) noexcept {};
    const TaskRef task(nothing);
    queue.offer(4, task);
    const ShareQueue::Share late = queue.next();
    queue.run_shares();
    queue.offer(4, task);
    EXPECT_FALSE(queue.take(late));
    EXPECT_TRUE(queue.take(queue.next()));
}

void throw_at_index_one(Index i) {
    if (i == 1) throw std::out_of_range("1");
}

TEST(ThreadPool, RefusesToHaveNoThread) {
    EXPECT_EQ(message_of<OptionError>([] { ThreadPool pool(0); }),
              "ThreadPool: threads expected 1 to 1048575, received 0");
    EXPECT_EQ(message_of<OptionError>([] { ThreadPool pool(-3); }),
              "ThreadPool: threads expected 1 to 1048575, received -3");
    EXPECT_EQ(message_of<OptionError>([] { ThreadPool pool(1048576); }),
              "ThreadPool: threads expected 1 to 1048575, received 1048576");
}

TEST(ThreadPool, CountsTheCallersThread) {
    EXPECT_EQ(ThreadPool(1).concurrency(), 1);
    EXPECT_EQ(ThreadPool(3).concurrency(), 3);
}

TEST(ThreadPool, HasAThreadForEachProcessorByDefault) {
    EXPECT_EQ(ThreadPool().concurrency(), std::max<Index>(std::thread::hardware_concurrency(), 1));
}

TEST(ThreadPool, RunsEachTaskOnce) {
    for (Index threads = 1; threads <= 8; ++threads) {
        ThreadPool pool(threads);
        for (Index tasks = 0; tasks <= 1000; ++tasks)
            ASSERT_EQ(wrong_calls(pool, tasks), std::vector<Index>()) << threads << " threads, " << tasks << " tasks";
    }
}

TEST(ThreadPool, RunsMoreTasksThanItHasShares) {
    ThreadPool pool(2);
    EXPECT_EQ(wrong_calls(pool, (Index{1} << 20) + 12345), std::vector<Index>());
    EXPECT_EQ(wrong_calls(pool, (Index{3} << 20) - 1), std::vector<Index>());
}

TEST(ThreadPool, RunsNothingForNegativeTasks) {
    ThreadPool pool(2);
    int calls = 0;
    pool.run(-1, [&](Index) { ++calls; });
    EXPECT_TRUE(pool.run_concurrently(-1, [&](Index) { ++calls; }));
    EXPECT_EQ(calls, 0);
}

TEST(ThreadPool, ShowsTheCallerWhatTheTasksWrote) {
    // Plain memory, written by the tasks of one run and read by those of the next: the thread sanitizer watches.
    ThreadPool pool(3);
    std::vector<int> values(7);
    for (int round = 0; round < 1000; ++round) {
        pool.run(7, [&](Index i) { ++values[static_cast<std::size_t>(i)]; });
        for (const int value : values) ASSERT_EQ(value, round + 1);
        pool.run(7, [&](Index i) { EXPECT_EQ(values[static_cast<std::size_t>(6 - i)], round + 1); });
    }
}

TEST(ThreadPool, RunsAHundredThousandTimes) {
    ThreadPool pool(2);
    std::atomic<Index> calls = 0;
    for (int round = 0; round < 100000; ++round) pool.run(2 + round % 3, [&](Index) noexcept { ++calls; });
    EXPECT_EQ(calls, 2 * 33334 + 3 * 33333 + 4 * 33333);
}

TEST(ThreadPool, WakesFromSleep) {
    ThreadPool pool(2);
    for (int round = 0; round < 20; ++round) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        run_together(pool, 2);
    }
}

TEST(ThreadPool, StartsAndEndsWithoutWork) {
    for (int round = 0; round < 50; ++round) ThreadPool pool(1 + round % 8);
}

TEST(ThreadPool, EndsRightAfterARun) {
    for (int round = 0; round < 200; ++round) {
        ThreadPool pool(4);
        std::atomic<int> calls = 0;
        pool.run(4, [&](Index) { ++calls; });
        ASSERT_EQ(calls, 4);
    }
}

TEST(ThreadPool, RunsANestedRunOnTheThreadOfItsTask) {
    ThreadPool pool(4);
    std::atomic<int> calls = 0;
    pool.run(8, [&](Index) {
        const std::thread::id thread = std::this_thread::get_id();
        pool.run(5, [&](Index) {
            EXPECT_EQ(std::this_thread::get_id(), thread);
            ++calls;
        });
    });
    EXPECT_EQ(calls, 40);
}

TEST(ThreadPool, GivesTheThreadsToANextRunAfterANestedOne) {
    ThreadPool pool(3);
    pool.run(2, [&](Index) { pool.run(2, [](Index) {}); });
    run_together(pool, 3);
}

TEST(ThreadPool, ServesTwoCallersAtOnce) {
    ThreadPool pool(2);
    std::vector<std::vector<Index>> wrong(2);
    std::vector<std::thread> callers;
    for (std::size_t caller = 0; caller < 2; ++caller)
        callers.emplace_back([&, caller] {
            for (int round = 0; round < 5000 && wrong[caller].empty(); ++round) wrong[caller] = wrong_calls(pool, 5);
        });
    for (std::thread& caller : callers) caller.join();
    EXPECT_EQ(wrong, std::vector<std::vector<Index>>(2));
}

TEST(ThreadPool, ServesTwoPoolsThatCallEachOther) {
    ThreadPool a(2);
    ThreadPool b(2);
    std::atomic<int> calls = 0;
    const auto through = [&](ThreadPool& outer, ThreadPool& inner) {
        for (int round = 0; round < 1000; ++round) outer.run(2, [&](Index) { inner.run(2, [&](Index) { ++calls; }); });
    };
    std::thread other([&] { through(b, a); });
    through(a, b);
    other.join();
    EXPECT_EQ(calls, 8000);
}

TEST(ThreadPool, ThrowsTheExceptionOfATaskAfterAllHaveRun) {
    ThreadPool pool(4);
    for (int round = 0; round < 200; ++round) {
        std::atomic<int> calls = 0;
        EXPECT_EQ(message_of<std::runtime_error>([&] {
                      pool.run(20, [&](Index i) {
                          ++calls;
                          if (i == 13) throw std::runtime_error("task " + std::to_string(i));
                      });
                  }),
                  "task 13");
        ASSERT_EQ(calls, 20);
    }
}

TEST(ThreadPool, ThrowsOneOfManyExceptions) {
    ThreadPool pool(4);
    for (int round = 0; round < 200; ++round)
        ASSERT_THROW(pool.run(20, [](Index i) { throw std::out_of_range(std::to_string(i)); }), std::out_of_range);
    EXPECT_EQ(wrong_calls(pool, 20), std::vector<Index>());
}

TEST(ThreadPool, ThrowsTheExceptionOfATaskThatRunsConcurrently) {
    ThreadPool pool(2);
    EXPECT_THROW((void)pool.run_concurrently(2, throw_at_index_one), std::out_of_range);
}

TEST(ThreadPool, RunsTasksTogether) {
    ThreadPool pool(4);
    for (int round = 0; round < 500; ++round)
        for (Index together = 1; together <= 4; ++together) run_together(pool, together);
}

TEST(ThreadPool, RefusesToRunMoreTasksTogetherThanItHasThreads) {
    ThreadPool pool(2);
    int calls = 0;
    EXPECT_FALSE(pool.run_concurrently(3, [&](Index) { ++calls; }));
    EXPECT_EQ(calls, 0);
}

TEST(ThreadPool, RefusesToRunTasksTogetherWithinARun) {
    ThreadPool pool(3);
    std::atomic<int> refused = 0;
    pool.run(2, [&](Index) { refused += !pool.run_concurrently(2, [](Index) { FAIL(); }); });
    EXPECT_EQ(refused, 2);
}

TEST(ThreadPool, KeepsAllThreadsInStepThroughBarriers) {
    ThreadPool pool(3);
    SpinBarrier barrier(3);
    std::vector<int> places(3);
    std::atomic<int> mistakes = 0;
    ASSERT_TRUE(pool.run_concurrently(3, [&](Index i) {
        for (int step = 1; step <= 2000; ++step) {
            places[static_cast<std::size_t>(i)] = step;
            barrier.arrive_and_wait();
            for (const int place : places) mistakes += place != step;
            barrier.arrive_and_wait();
        }
    }));
    EXPECT_EQ(mistakes, 0);
}

TEST(ThreadPool, DoesNotWaitForThreadsThatHaveNoProcessor) {
    ThreadPool pool(64);
    const auto start = std::chrono::steady_clock::now();
    for (int round = 0; round < 1000; ++round) ASSERT_EQ(wrong_calls(pool, 64), std::vector<Index>());
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

TEST(ThreadPool, RunsTasksTogetherWithManyMoreThreadsThanProcessors) {
    ThreadPool pool(64);
    const auto start = std::chrono::steady_clock::now();
    for (int round = 0; round < 20; ++round) run_together(pool, 64);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

TEST(ThreadPool, AllocatesNothingInARun) {
    if constexpr (!kAllocationCounterWorks) GTEST_SKIP() << "allocations cannot be counted in this build";
    ThreadPool pool(3);
    std::atomic<std::size_t> by_tasks = 0;
    const auto task = [&](Index) {
        const AllocationCount allocations;
        pool.run(2, [](Index) {});
        by_tasks += allocations.count();
    };
    const AllocationCount allocations;
    for (int round = 0; round < 100; ++round) {
        pool.run(10, task);
        (void)pool.run_concurrently(3, task);
    }
    EXPECT_EQ(allocations.count(), 0U);
    EXPECT_EQ(by_tasks, 0U);
}

TEST(ThreadPool, IsWhatAnExecutorRefPointsTo) {
    ThreadPool pool(3);
    const ExecutorRef executor = &pool;
    EXPECT_EQ(executor.concurrency(), 3);
    std::atomic<Index> sum = 0;
    executor.run(100, [&](Index i) { sum += i; });
    EXPECT_EQ(sum, 4950);
    SpinBarrier barrier(3);
    EXPECT_TRUE(executor.run_concurrently(3, [&](Index) { barrier.arrive_and_wait(); }));
    EXPECT_FALSE(executor.run_concurrently(4, [](Index) { FAIL(); }));
}

TEST(ThreadPool, BringsAnExceptionThroughAnExecutorRef) {
    ThreadPool pool(3);
    EXPECT_THROW(ExecutorRef(&pool).run(5, throw_at_index_one), std::out_of_range);
}

}  // namespace
