// SPDX-License-Identifier: MIT
// How work reaches other threads: the Executor concept, which ThreadPool and a user's own pool model, and ExecutorRef,
// which the options of a call hold.
#pragma once

#include "eigengru/core/types.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <utility>

namespace eigengru::inline EIGENGRU_ABI {

/// The work of one run, as an executor sees it: to be called once with each index. It never throws, owns nothing, and
/// is valid until the executor's run() returns.
class TaskRef {
public:
    template <class F>
        requires(!std::same_as<std::remove_cv_t<F>, TaskRef> && std::is_object_v<F> &&
                 std::is_nothrow_invocable_v<F&, Index>)
    TaskRef(F& f EIGENGRU_LIFETIMEBOUND) noexcept
        : object_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))),
          call_([](void* object, Index i) noexcept { (*static_cast<F*>(object))(i); }) {}

    void operator()(Index i) const noexcept { call_(object_, i); }

private:
    void* object_;
    void (*call_)(void*, Index) noexcept;
};

/// What can spread tasks over threads:
///
///     struct MyExecutor {
///         Index concurrency() const;                // tasks that may run at the same time, at least 1
///         void run(Index tasks, TaskRef task);      // task(i) once for each i in [0, tasks), in any order and place
///     };
///
/// run() returns when all are done, and what they wrote is then visible to its caller. It may be called from within a
/// task and from several threads at once. It may throw only while no task runs; the tasks themselves never do.
template <class E>
concept Executor = requires(E& executor, Index tasks, TaskRef task) {
    { executor.concurrency() } -> std::convertible_to<Index>;
    executor.run(tasks, task);
};

/// An Executor that has threads for tasks that wait for each other:
///
///     bool run_concurrently(Index tasks, TaskRef task);
///
/// runs all of them at the same time, each on a thread of its own, and returns true; or it calls none and returns
/// false, where that cannot be had now.
template <class E>
concept ConcurrentExecutor = Executor<E> && requires(E& executor, Index tasks, TaskRef task) {
    { executor.run_concurrently(tasks, task) } -> std::convertible_to<bool>;
};

namespace detail {

inline void run_serially(Index tasks, TaskRef task) noexcept {
    for (Index i = 0; i < tasks; ++i) task(i);
}

/// Calls f and keeps the first exception for the thread that started the run.
template <class F>
class Guarded {
public:
    explicit Guarded(F& f) noexcept : f_(&f) {}

    void operator()(Index i) noexcept {
        if constexpr (std::is_nothrow_invocable_v<F&, Index>)
            (*f_)(i);
        else
            call_and_catch(i);
    }

    /// After all calls are done.
    void rethrow_first() const {
        if (first_) std::rethrow_exception(first_);
    }

private:
    void call_and_catch(Index i) noexcept {
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
        try {
            (*f_)(i);
        } catch (...) {
            if (!has_caught_.exchange(true, std::memory_order_relaxed)) first_ = std::current_exception();
        }
#else
        (*f_)(i);
#endif
    }

    F* f_;
    std::atomic<bool> has_caught_ = false;
    std::exception_ptr first_;
};

/// The calls of an ExecutorRef, for one type of executor.
struct ExecutorCalls {
    Index (*concurrency)(void* executor);
    void (*run)(void* executor, Index tasks, TaskRef task);
    bool (*run_concurrently)(void* executor, Index tasks, TaskRef task);
};

template <Executor E>
inline constexpr ExecutorCalls kExecutorCalls{
    .concurrency = [](void* executor) { return static_cast<Index>(static_cast<E*>(executor)->concurrency()); },
    .run = [](void* executor, Index tasks, TaskRef task) { static_cast<E*>(executor)->run(tasks, task); },
    .run_concurrently = []([[maybe_unused]] void* executor, [[maybe_unused]] Index tasks,
                           [[maybe_unused]] TaskRef task) -> bool {
        if constexpr (ConcurrentExecutor<E>) return static_cast<E*>(executor)->run_concurrently(tasks, task);
        return false;
    }};

}  // namespace detail

/// Where a call spreads its work: an executor of the caller, or none (the default), which runs everything on the thread
/// of the call. It does not own the executor, which must outlive the call.
///
///     ThreadPool pool(4);
///     layer(inputs, {.executor = &pool});
///
/// Invariant: calls_ == nullptr means none.
class ExecutorRef {
public:
    constexpr ExecutorRef() = default;
    constexpr ExecutorRef(std::nullptr_t) {}

    /// Anything that models Executor; a null pointer stands for none.
    template <class E>
    ExecutorRef(E* executor EIGENGRU_LIFETIMEBOUND) {
        static_assert(Executor<E>,
                      "eigengru: this is no Executor; it needs concurrency(), which returns a number, and "
                      "run(Index tasks, TaskRef task)");
        if constexpr (Executor<E>) {
            if (executor == nullptr) return;
            executor_ = const_cast<void*>(static_cast<const void*>(executor));
            calls_ = &detail::kExecutorCalls<E>;
        }
    }

    /// Tasks that may run at the same time; 1 for none.
    [[nodiscard]] Index concurrency() const {
        return calls_ == nullptr ? 1 : std::max<Index>(calls_->concurrency(executor_), 1);
    }

    /// f(i) once for each i in [0, tasks), in any order; returns when all are done. If some throw, the others run all
    /// the same, and then the first exception that was caught is thrown here. Tasks must not wait for each other.
    template <class F>
        requires std::invocable<F&, Index>
    void run(Index tasks, F&& f) const {
        detail::Guarded guarded(f);
        if (calls_ == nullptr)
            detail::run_serially(tasks, guarded);
        else
            calls_->run(executor_, tasks, guarded);
        guarded.rethrow_first();
    }

    /// As run(), for tasks that wait for each other: all at the same time, each on a thread of its own. Returns false,
    /// and calls f not at all, where the executor cannot do that (now, or ever): the caller then needs another way.
    template <class F>
        requires std::invocable<F&, Index>
    [[nodiscard]] bool run_concurrently(Index tasks, F&& f) const {
        detail::Guarded guarded(f);
        if (tasks <= 1)
            detail::run_serially(tasks, guarded);
        else if (calls_ == nullptr || !calls_->run_concurrently(executor_, tasks, guarded))
            return false;
        guarded.rethrow_first();
        return true;
    }

private:
    void* executor_ = nullptr;
    const detail::ExecutorCalls* calls_ = nullptr;
};

}  // namespace eigengru::inline EIGENGRU_ABI
