// SPDX-License-Identifier: MIT
// ThreadPool: the library's own Executor, on std::thread. A program that uses it links its system's threads.
#pragma once

#include "eigengru/core/error.hpp"
#include "eigengru/core/executor.hpp"
#include "eigengru/core/spin_barrier.hpp"

#include <thread>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI {

namespace detail {

/// Hands out the shares of one run after the other, each once, to whoever asks first; nobody locks or allocates.
///
/// The word ticket_ holds the number of the run (44 bits) and the shares not yet taken (20 bits). Who takes one has
/// read task and count before; if they belonged to another run, the word has changed since and the exchange fails. So
/// a thread that comes late, even after the run that woke it has returned, does no harm, and no run waits for it.
class ShareQueue {
public:
    static constexpr int kShareBits = 20;
    static constexpr Index kMostShares = (Index{1} << kShareBits) - 1;

    /// A share is one task, but in runs of more than a million.
    [[nodiscard]] static constexpr std::uint32_t shares_of(Index tasks) noexcept {
        return static_cast<std::uint32_t>(std::min(tasks, kMostShares));
    }

    /// Offers task(i) for each i in [0, tasks). Not before all shares of the last run were finished.
    void offer(Index tasks, const TaskRef& task) noexcept {
        const std::uint64_t run = (ticket_.load(std::memory_order_relaxed) >> kShareBits) + 1;
        task_.store(&task, std::memory_order_relaxed);
        tasks_.store(tasks, std::memory_order_relaxed);
        ticket_.store(run << kShareBits | shares_of(tasks), std::memory_order_release);
    }

    /// The next share as somebody has read it, of this run or of one that is over.
    struct Share {
        std::uint64_t ticket;
        const TaskRef* task;
        Index tasks;

        [[nodiscard]] Index left() const noexcept { return static_cast<Index>(ticket) & kMostShares; }

        void run() const noexcept {
            const Index shares = shares_of(tasks);
            for (Index i = shares - left(); i < tasks; i += shares) (*task)(i);
        }
    };

    [[nodiscard]] Share next() const noexcept {
        const std::uint64_t ticket = ticket_.load(std::memory_order_acquire);
        return {ticket, task_.load(std::memory_order_relaxed), tasks_.load(std::memory_order_relaxed)};
    }

    /// Whether the share, of which at least one is left, now belongs to the one who asks, and to nobody else.
    [[nodiscard]] bool take(Share share) noexcept {
        return ticket_.compare_exchange_strong(share.ticket, share.ticket - 1, std::memory_order_acquire);
    }

    /// Takes and runs shares until none is left. Returns how many this thread ran.
    std::uint32_t run_shares() noexcept {
        std::uint32_t finished = 0;
        for (Share share = next(); share.left() != 0; share = next()) {
            if (!take(share)) continue;
            share.run();
            ++finished;
        }
        return finished;
    }

private:
    std::atomic<std::uint64_t> ticket_ = 0;
    std::atomic<const TaskRef*> task_ = nullptr;
    std::atomic<Index> tasks_ = 0;
};

[[nodiscard]] inline Index hardware_threads() noexcept {
    return std::max<Index>(static_cast<Index>(std::thread::hardware_concurrency()), 1);
}

}  // namespace detail

/// Threads that wait for work, for the `executor` of a call. The program owns it, and may share it between layers and
/// threads:
///
///     ThreadPool pool(4);                            // the calling thread and three more
///     layer(inputs, {.executor = &pool});
///     pool.run(100, [&](Index i) { work(i); });      // it may be used for other work too
///
/// A run allocates and locks nothing. One run at a time has the threads; another, from within a task or from another
/// thread meanwhile, does its tasks by itself, on the thread that called it: nothing can deadlock. Between runs the
/// threads spin for some microseconds, then sleep; with more threads than processors they sleep at once.
///
/// The threads have the floating-point settings (rounding, denormals) of the thread that made the pool.
class ThreadPool {
public:
    /// threads: 1 to 1048575, the caller's own included.
    /// Throws: OptionError; std::system_error when the system refuses a thread.
    explicit ThreadPool(Index threads = detail::hardware_threads()) : ThreadPool(Checked{checked(threads)}) {
        // From here on the destructor ends those that were started, if one is refused.
        workers_.reserve(static_cast<std::size_t>(threads - 1));
        for (Index i = 1; i < threads; ++i) workers_.emplace_back([this] { work(); });
    }

    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    /// Ends the threads. No run may be under way.
    ~ThreadPool() {
        is_ending_.store(true, std::memory_order_relaxed);
        runs_.add(1);
        runs_.wake_all();
        for (std::thread& worker : workers_) worker.join();
    }

    /// The threads, the caller's own included.
    [[nodiscard]] Index concurrency() const noexcept { return static_cast<Index>(workers_.size()) + 1; }

    /// f(i) once for each i in [0, tasks), in any order; the caller works too. Returns when all are done. If some
    /// throw, the others run all the same, and then the first exception that was caught is thrown here.
    template <class F>
        requires std::invocable<F&, Index>
    void run(Index tasks, F&& f) {
        detail::Guarded guarded(f);
        if (tasks <= 1 || workers_.empty() || !share(tasks, guarded)) detail::run_serially(tasks, guarded);
        guarded.rethrow_first();
    }

    /// As run(), for tasks that wait for each other: all at the same time, each on a thread of its own. Returns false,
    /// and calls f not at all, with more tasks than threads or while another run has the threads.
    template <class F>
        requires std::invocable<F&, Index>
    [[nodiscard]] bool run_concurrently(Index tasks, F&& f) {
        detail::Guarded guarded(f);
        if (tasks <= 1)
            detail::run_serially(tasks, guarded);
        else if (tasks > concurrency() || !share(tasks, guarded))
            return false;
        guarded.rethrow_first();
        return true;
    }

private:
    struct Checked {
        Index threads;
    };

    explicit ThreadPool(Checked checked) : spins_(checked.threads > detail::hardware_threads() ? 0 : detail::kSpins) {}

    static Index checked(Index threads) {
        constexpr Index kMost = detail::ShareQueue::kMostShares;
        if (threads < 1 || threads > kMost)
            EIGENGRU_THROW(OptionError, "ThreadPool: threads expected 1 to ", kMost, ", received ", threads);
        return threads;
    }

    /// Runs the tasks on all threads; returns false, and does nothing, while another run has them.
    bool share(Index tasks, const TaskRef& task) noexcept {
        if (is_busy_.exchange(true, std::memory_order_acquire)) return false;
        const std::uint32_t shares = detail::ShareQueue::shares_of(tasks);
        unfinished_.set(shares);
        queue_.offer(tasks, task);
        runs_.add(1);
        if (tasks >= concurrency())
            runs_.wake_all();
        else
            runs_.wake(tasks - 1);
        std::uint32_t left = unfinished_.add(0u - queue_.run_shares());
        while (left != 0) left = unfinished_.wait(left, spins_);
        is_busy_.store(false, std::memory_order_release);
        return true;
    }

    void work() noexcept {
        std::uint32_t seen = 0;
        while (true) {
            seen = runs_.wait(seen, spins_);
            if (is_ending_.load(std::memory_order_relaxed)) return;
            const std::uint32_t finished = queue_.run_shares();
            if (finished != 0 && unfinished_.add(0u - finished) == 0) unfinished_.wake_all();
        }
    }

    const int spins_;
    std::vector<std::thread> workers_;
    std::atomic<bool> is_ending_ = false;
    alignas(detail::kLineBytes) detail::WaitCounter runs_;  // counted, to wake the threads
    detail::ShareQueue queue_;
    alignas(detail::kLineBytes) detail::WaitCounter unfinished_;  // shares of this run
    std::atomic<bool> is_busy_ = false;
};

}  // namespace eigengru::inline EIGENGRU_ABI
