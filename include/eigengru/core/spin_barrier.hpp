// SPDX-License-Identifier: MIT
// Waiting for other threads: a bounded spin, then sleep. SpinBarrier, for the threads that share every step of a
// sequence, and the counter that it and ThreadPool are made of.
#pragma once

#include "eigengru/core/aligned.hpp"

#include <atomic>
#include <cstdint>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Looks at a counter before a thread goes to sleep: about as long as it takes to be woken (some 20 microseconds), so
/// that waiting costs at most twice what it must. Spinning on would take the processor from the one waited for.
inline constexpr int kSpins = 1000;

/// Tells the processor that this thread only waits.
EIGENGRU_ALWAYS_INLINE void spin_pause() noexcept {
#if EIGENGRU_HAS_X86_TARGETS
    __builtin_ia32_pause();
#elif defined(__aarch64__) && (defined(__GNUC__) || defined(__clang__))
    asm volatile("yield" ::: "memory");
#endif
}

/// A counter that threads wait on.
///
/// It counts its sleepers, although std::atomic does so too: libstdc++ counts those of unrelated counters together, and
/// each notification would be a system call as long as anybody sleeps anywhere. Changes are sequentially consistent:
/// either the one who changes the value sees the sleeper, or the sleeper sees the change.
class WaitCounter {
public:
    explicit WaitCounter(std::uint32_t value = 0) noexcept : value_(value) {}

    [[nodiscard]] std::uint32_t value() const noexcept { return value_.load(std::memory_order_acquire); }

    /// While nobody waits.
    void set(std::uint32_t value) noexcept { value_.store(value, std::memory_order_relaxed); }

    /// Adds and returns the new value; wakes nobody.
    std::uint32_t add(std::uint32_t amount) noexcept { return value_.fetch_add(amount) + amount; }

    void wake_all() noexcept {
        if (sleepers_.load() != 0) value_.notify_all();
    }

    void wake(Index count) noexcept {
        for (Index i = 0; i < count && sleepers_.load() != 0; ++i) value_.notify_one();
    }

    /// Whether the value is another than `old`, after at most `spins` looks.
    [[nodiscard]] bool spin(std::uint32_t old, int spins) const noexcept {
        for (int i = 0; i < spins; ++i) {
            if (value() != old) return true;
            spin_pause();
        }
        return false;
    }

    /// Sleeps until it is woken and the value is another than `old`.
    void sleep(std::uint32_t old) noexcept {
        sleepers_.fetch_add(1);
        value_.wait(old);
        sleepers_.fetch_sub(1);
    }

    /// Returns a value other than `old`, once it is there: after at most `spins` looks, it sleeps.
    std::uint32_t wait(std::uint32_t old, int spins) noexcept {
        if (!spin(old, spins)) sleep(old);
        return value();
    }

private:
    std::atomic<std::uint32_t> value_;
    std::atomic<std::uint32_t> sleepers_ = 0;
};

/// A barrier for a fixed number of threads that all run at the same time: only within tasks of run_concurrently(),
/// where none may throw. What one wrote before the barrier, all see after it. It allocates nothing and may be used
/// again and again.
///
/// Invariant: arrived_ < participants_ whenever nobody is between two lines of arrive_and_wait().
/// (One cache line: two, one for those who arrive and one for those who wait, cost two threads half as much again.)
class alignas(kLineBytes) SpinBarrier {
public:
    /// participants: at least 1.
    explicit SpinBarrier(Index participants) noexcept : participants_(static_cast<std::uint32_t>(participants)) {}

    void arrive_and_wait() noexcept {
        // It cannot pass on before this thread has arrived.
        const std::uint32_t phase = phase_.value();
        if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == participants_) {
            arrived_.store(0, std::memory_order_relaxed);
            phase_.add(1);
            phase_.wake_all();
        } else {
            wait(phase);
        }
    }

private:
    /// Where spinning was in vain (the others have no processor of their own now), the next phases go to sleep at once;
    /// every 16th looks whether that is over.
    void wait(std::uint32_t phase) noexcept {
        const bool was_worth_it = spinning_is_worth_it_.load(std::memory_order_relaxed);
        const bool is_worth_it = phase_.spin(phase, was_worth_it || phase % 16 == 0 ? kSpins : 0);
        if (is_worth_it != was_worth_it) spinning_is_worth_it_.store(is_worth_it, std::memory_order_relaxed);
        if (!is_worth_it) phase_.sleep(phase);
    }

    std::atomic<std::uint32_t> arrived_ = 0;
    std::uint32_t participants_;
    WaitCounter phase_;
    std::atomic<bool> spinning_is_worth_it_ = true;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
