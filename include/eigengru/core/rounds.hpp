// SPDX-License-Identifier: MIT
// Work that goes in rounds: what one round wrote, the next one reads, whoever wrote it. And the parts into which a
// round is cut, one for each thread.
#pragma once

#include "eigengru/core/executor.hpp"
#include "eigengru/core/spin_barrier.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Neighbouring numbers, first and on.
struct Range {
    Index first = 0;
    Index count = 0;

    [[nodiscard]] Index end() const { return first + count; }

    friend bool operator==(const Range&, const Range&) = default;
};

/// One of some parts of equal size: which, and how many there are.
struct Share {
    Index index = 0;
    Index parts = 1;

    /// Its range of [0, count), which begins and ends at multiples of `grain`, or at `count`.
    [[nodiscard]] Range of(Index count, Index grain = 1) const {
        const Index grains = (count + grain - 1) / grain;
        const Index begin = index * grains / parts * grain, end = (index + 1) * grains / parts * grain;
        return {std::min(begin, count), std::min(end, count) - std::min(begin, count)};
    }
};

/// As run_rounds(), by threads that meet at a barrier after each round. Returns false, and calls nothing, where the
/// executor does not have so many at the same time.
template <class Round>
[[nodiscard]] bool run_rounds_together(const ExecutorRef& executor, Index threads, Index rounds, const Round& round) {
    const auto task = [&](Index i) { round(i / threads, Share{i % threads, threads}); };
    Guarded guarded(task);  // who throws must still arrive at the barrier
    SpinBarrier barrier(threads);
    const bool has_run = executor.run_concurrently(threads, [&](Index thread) noexcept {
        for (Index r = 0; r < rounds; ++r) {
            guarded(r * threads + thread);
            if (r + 1 < rounds) barrier.arrive_and_wait();
        }
    });
    guarded.rethrow_first();
    return has_run;
}

/// round(r, share) for each r in [0, rounds) and each of `threads` shares: all of one round, then all of the next. If
/// some throw, the rest of their round runs all the same (at a barrier the later rounds too), and then the first
/// exception that was caught is thrown here.
template <class Round>
void run_rounds(const ExecutorRef& executor, Index threads, Index rounds, const Round& round) {
    if (run_rounds_together(executor, threads, rounds, round)) return;
    for (Index r = 0; r < rounds; ++r) executor.run(threads, [&](Index thread) { round(r, Share{thread, threads}); });
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
