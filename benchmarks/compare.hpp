// SPDX-License-Identifier: MIT
// Compares contenders honestly: rounds, in each of which every contender is timed once, in random order. What slows the
// machine down for a while slows down all of them, so that ratios are taken within a round.
#pragma once

#include "contenders/contender.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace eigengru_bench {

struct Named {
    std::string name;
    ContenderPointer contender;
};

/// How long a comparison may take: each contender is timed `rounds` times, each time for `seconds`, or for one call if
/// that takes longer.
struct Effort {
    int rounds = 15;
    double seconds = 0.004;
    /// By the wall clock: what other programs do meanwhile counts too. Each contender runs about as long before it is
    /// timed as then: until its threads are awake, each on a processor of its own, and those of others have stopped to
    /// spin, which takes some milliseconds.
    bool has_threads = false;
};

/// Microseconds a call, one for each round.
using Times = std::vector<double>;

/// The quartiles of some values.
struct Spread {
    double low = 0, median = 0, high = 0;
};

[[nodiscard]] inline Spread spread_of(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const auto at = [&](std::size_t quarter) { return values[(values.size() - 1) * quarter / 4]; };
    return {at(1), at(2), at(3)};
}

/// How often `a` goes into `b`, round by round.
[[nodiscard]] inline Spread ratio_of(const Times& b, const Times& a) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < a.size(); ++i) ratios.push_back(b[i] / a[i]);
    return spread_of(std::move(ratios));
}

namespace detail {

/// CPU seconds of the program: what other programs do meanwhile does not count. With threads, seconds.
inline double seconds_now(const Effort& effort) {
    if (!effort.has_threads) return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

inline double seconds_of(Contender& contender, long calls, const Effort& effort) {
    const double start = seconds_now(effort);
    for (long i = 0; i < calls; ++i) contender.run();
    return seconds_now(effort) - start;
}

/// So many calls that they take that long.
inline long calls_for(Contender& contender, const Effort& effort) {
    for (long calls = 1;; calls *= 4) {
        const double taken = seconds_of(contender, calls, effort);
        if (taken > effort.seconds / 8)
            return std::max(1L, static_cast<long>(effort.seconds / taken * static_cast<double>(calls)));
    }
}

}  // namespace detail

/// The times of each contender.
[[nodiscard]] inline std::vector<Times> time_all(const std::vector<Named>& contenders, const Effort& effort) {
    std::vector<long> calls;
    for (const Named& named : contenders) calls.push_back(detail::calls_for(*named.contender, effort));
    std::vector<std::size_t> order(contenders.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::mt19937 generator;
    std::vector<Times> times(contenders.size());
    for (int round = 0; round < effort.rounds; ++round) {
        std::shuffle(order.begin(), order.end(), generator);
        for (const std::size_t i : order) {
            Contender& contender = *contenders[i].contender;
            if (effort.has_threads)
                detail::seconds_of(contender, calls[i], effort);
            else if (calls[i] > 1)
                contender.run();  // fetches its weights into the cache again
            times[i].push_back(1e6 * detail::seconds_of(contender, calls[i], effort) / static_cast<double>(calls[i]));
        }
    }
    return times;
}

}  // namespace eigengru_bench
