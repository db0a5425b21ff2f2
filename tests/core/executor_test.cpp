// SPDX-License-Identifier: MIT
#include "eigengru/core/executor.hpp"

#include "support/allocation_counter.hpp"
#include "support/message_of.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace eigengru;
using eigengru_test::AllocationCount;
using eigengru_test::kAllocationCounterWorks;
using eigengru_test::message_of;

/// A user's executor: new threads for every run, which take every n-th task (as a static OpenMP loop would).
class ThreadsPerRun {
public:
    explicit ThreadsPerRun(unsigned threads) : threads_(threads) {}

    [[nodiscard]] unsigned concurrency() const { return threads_; }

    void run(Index tasks, TaskRef task) const {
        std::vector<std::thread> threads;
        for (Index first = 0; first < threads_; ++first)
            threads.emplace_back([=, step = Index(threads_)] {
                for (Index i = first; i < tasks; i += step) task(i);
            });
        for (std::thread& thread : threads) thread.join();
    }

    /// One thread for each task, however many.
    [[nodiscard]] bool run_concurrently(Index tasks, TaskRef task) const {
        ThreadsPerRun(static_cast<unsigned>(tasks)).run(tasks, task);
        return true;
    }

private:
    unsigned threads_;
};

/// A user's executor without threads, which runs the tasks from last to first and counts its runs.
struct Backwards {
    Index runs = 0;

    [[nodiscard]] static int concurrency() { return 0; }
    template <class Task>
    void run(Index tasks, const Task& task) {
        ++runs;
        while (tasks > 0) task(--tasks);
    }
};

struct NotOne {
    [[nodiscard]] Index concurrency() const { return 1; }
};

static_assert(ConcurrentExecutor<const ThreadsPerRun>);
static_assert(Executor<Backwards> && !ConcurrentExecutor<Backwards>);
static_assert(!Executor<const Backwards>);
static_assert(ConcurrentExecutor<const ExecutorRef>);
static_assert(!Executor<NotOne> && !Executor<int>);
static_assert(std::is_trivially_copyable_v<ExecutorRef> && std::is_trivially_copyable_v<TaskRef>);
static_assert(sizeof(ExecutorRef) == 2 * sizeof(void*));

struct Options {
    ExecutorRef executor = {};
    bool other = false;
};

/// How often each index was called.
std::vector<int> calls_of(const ExecutorRef& executor, Index tasks) {
    std::vector<int> calls(static_cast<std::size_t>(tasks));
    executor.run(tasks, [&](Index i) { ++calls[static_cast<std::size_t>(i)]; });
    return calls;
}

std::vector<int> once_each(Index tasks) {
    return std::vector<int>(static_cast<std::size_t>(tasks), 1);
}

TEST(TaskRef, CallsItsFunction) {
    Index sum = 0;
    auto add = [&](Index i) noexcept { sum += i; };
    const TaskRef task(add);
    task(3);
    const TaskRef copy = task;
    copy(4);
    EXPECT_EQ(sum, 7);
}

TEST(TaskRef, CallsAConstFunction) {
    static Index last = 0;
    const auto set = [](Index i) noexcept { last = i; };
    TaskRef{set}(5);
    EXPECT_EQ(last, 5);
}

TEST(TaskRef, RefusesWhatMayThrow) {
    const auto may_throw = [](Index) {};
    const auto never_throws = [](Index) noexcept {};
    EXPECT_FALSE((std::is_constructible_v<TaskRef, decltype(may_throw)&>));
    EXPECT_TRUE((std::is_constructible_v<TaskRef, decltype(never_throws)&>));
}

TEST(NoExecutor, HasAConcurrencyOfOne) {
    EXPECT_EQ(ExecutorRef().concurrency(), 1);
    EXPECT_EQ(ExecutorRef(nullptr).concurrency(), 1);
}

TEST(NoExecutor, RunsInOrderOnTheCallersThread) {
    std::vector<Index> order;
    const std::thread::id caller = std::this_thread::get_id();
    ExecutorRef().run(4, [&](Index i) {
        EXPECT_EQ(std::this_thread::get_id(), caller);
        order.push_back(i);
    });
    EXPECT_EQ(order, (std::vector<Index>{0, 1, 2, 3}));
}

TEST(NoExecutor, RunsOneTaskConcurrentlyButNotTwo) {
    int calls = 0;
    const auto count = [&](Index) { ++calls; };
    EXPECT_TRUE(ExecutorRef().run_concurrently(0, count));
    EXPECT_TRUE(ExecutorRef().run_concurrently(1, count));
    EXPECT_EQ(calls, 1);
    EXPECT_FALSE(ExecutorRef().run_concurrently(2, count));
    EXPECT_EQ(calls, 1);
}

TEST(NoExecutor, IsANullPointerToAnExecutor) {
    const ThreadsPerRun* const absent = nullptr;
    EXPECT_EQ(ExecutorRef(absent).concurrency(), 1);
    EXPECT_EQ(calls_of(absent, 3), once_each(3));
}

TEST(NoExecutor, RunsTheOtherTasksOfOneThatThrows) {
    int calls = 0;
    EXPECT_EQ(message_of<std::runtime_error>([&] {
                  ExecutorRef().run(5, [&](Index i) {
                      ++calls;
                      if (i % 2 == 1) throw std::runtime_error("task " + std::to_string(i));
                  });
              }),
              "task 1");
    EXPECT_EQ(calls, 5);
}

TEST(NoExecutor, AllocatesNothing) {
    if constexpr (!kAllocationCounterWorks) GTEST_SKIP() << "allocations cannot be counted in this build";
    Index sum = 0;
    const AllocationCount allocations;
    ExecutorRef().run(10, [&](Index i) { sum += i; });
    EXPECT_EQ(allocations.count(), 0U);
    EXPECT_EQ(sum, 45);
}

TEST(ExecutorRef, StandsInOptionsAsAPointer) {
    const ThreadsPerRun threads(3);
    const Options options{.executor = &threads, .other = true};
    EXPECT_EQ(options.executor.concurrency(), 3);
    const Options none{.executor = nullptr};
    EXPECT_EQ(none.executor.concurrency(), 1);
}

TEST(ExecutorRef, RunsEachTaskOnceOnAUsersThreads) {
    const ThreadsPerRun threads(4);
    for (const Index tasks : {0, 1, 3, 4, 100}) EXPECT_EQ(calls_of(&threads, tasks), once_each(tasks)) << tasks;
}

TEST(ExecutorRef, RunsEachTaskOnceInAnyOrder) {
    Backwards backwards;
    EXPECT_EQ(calls_of(&backwards, 100), once_each(100));
    EXPECT_EQ(backwards.runs, 1);
}

TEST(ExecutorRef, HasAConcurrencyOfAtLeastOne) {
    Backwards backwards;
    EXPECT_EQ(ExecutorRef(&backwards).concurrency(), 1);
}

TEST(ExecutorRef, IsAnExecutorItself) {
    Backwards backwards;
    const ExecutorRef inner(&backwards);
    EXPECT_EQ(calls_of(&inner, 7), once_each(7));
    EXPECT_EQ(backwards.runs, 1);
}

TEST(ExecutorRef, RunsTasksTogetherWhereTheExecutorCan) {
    const ThreadsPerRun threads(1);
    std::atomic<int> arrived = 0;
    EXPECT_TRUE(ExecutorRef(&threads).run_concurrently(5, [&](Index) {
        ++arrived;
        while (arrived != 5) std::this_thread::yield();
    }));
    EXPECT_EQ(arrived, 5);
}

TEST(ExecutorRef, RefusesToRunTasksTogetherWhereTheExecutorCannot) {
    Backwards backwards;
    int calls = 0;
    EXPECT_FALSE(ExecutorRef(&backwards).run_concurrently(2, [&](Index) { ++calls; }));
    EXPECT_EQ(calls, 0);
}

TEST(ExecutorRef, BringsAnExceptionFromAUsersThreadToTheCaller) {
    const ThreadsPerRun threads(3);
    std::atomic<int> calls = 0;
    const auto fail_at_four = [&](Index i) {
        ++calls;
        if (i == 4) throw std::runtime_error("the fourth");
    };
    EXPECT_EQ(message_of<std::runtime_error>([&] { ExecutorRef(&threads).run(9, fail_at_four); }), "the fourth");
    EXPECT_EQ(calls, 9);
    EXPECT_EQ(message_of<std::runtime_error>([&] { (void)ExecutorRef(&threads).run_concurrently(9, fail_at_four); }),
              "the fourth");
    EXPECT_EQ(calls, 18);
}

void throw_at_one(Index i) {
    if (i == 1) throw std::runtime_error("one");
}

TEST(ExecutorRef, TakesAPlainFunction) {
    EXPECT_EQ(message_of<std::runtime_error>([] { ExecutorRef().run(3, throw_at_one); }), "one");
}

TEST(ExecutorRef, TakesATaskThatCannotBeCopied) {
    Backwards backwards;
    int sum = 0;
    ExecutorRef(&backwards).run(3, [&sum, one = std::make_unique<int>(1)](Index) mutable { sum += *one; });
    EXPECT_EQ(sum, 3);
}

}  // namespace
