// SPDX-License-Identifier: MIT
// The memory of a problem, filled with the same values each time, and the check that contenders compute the same.
#pragma once

#include "contenders/contender.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

namespace eigengru_bench {

/// Results of a run, in the order in which they are compared.
template <class S>
struct Results {
    std::vector<S> outputs, d_inputs, d_kernel, d_recurrent_kernel, d_bias, d_initial_state;
};

/// A problem with all its memory: the sizes of `problem` are given, its pointers are set here.
template <class S>
class ProblemData {
public:
    explicit ProblemData(const Problem& sizes) : problem_(sizes) {
        Problem& p = problem_;
        p.is_double = sizeof(S) == sizeof(double);
        const std::int64_t inputs = p.batch * p.time * p.features, outputs = p.batch * p.time * p.units;
        p.inputs = values(inputs, p.workload == Workload::activation ? 6 : 1);
        p.kernel = values(p.features * 3 * p.units, std::sqrt(3.0 / static_cast<double>(p.features)));
        p.recurrent_kernel = values(p.units * 3 * p.units, std::sqrt(3.0 / static_cast<double>(p.units)));
        p.bias = values((p.reset_after != 0 ? 2 : 1) * 3 * p.units, 0.5);
        p.outputs = place(results_.outputs, outputs);
        if (p.workload == Workload::training) add_training(inputs, outputs);
    }

    ProblemData(const ProblemData&) = delete;
    ProblemData& operator=(const ProblemData&) = delete;

    [[nodiscard]] const Problem& problem() const { return problem_; }

    /// What `calls` calls of a fresh contender leave.
    [[nodiscard]] Results<S> results_of(Contender& contender, int calls) {
        for (int i = 0; i < calls; ++i) contender.run();
        contender.give_results();
        return results_;
    }

private:
    void add_training(std::int64_t inputs, std::int64_t outputs) {
        Problem& p = problem_;
        p.initial_state = values(p.batch * p.units, 0.25);
        p.d_outputs = values(outputs, 0.5);
        p.d_state = values(p.batch * p.units, 2);
        p.d_inputs = place(results_.d_inputs, inputs);
        p.d_kernel = place(results_.d_kernel, p.features * 3 * p.units);
        p.d_recurrent_kernel = place(results_.d_recurrent_kernel, p.units * 3 * p.units);
        p.d_bias = place(results_.d_bias, (p.reset_after != 0 ? 2 : 1) * 3 * p.units);
        p.d_initial_state = place(results_.d_initial_state, p.batch * p.units);
    }

    /// Values between -scale and scale.
    const S* values(std::int64_t count, double scale) {
        std::vector<S>& made = arrays_.emplace_back(static_cast<std::size_t>(count));
        std::uint32_t bits = static_cast<std::uint32_t>(arrays_.size());
        for (S& value : made) {
            bits = bits * 1664525u + 1013904223u;
            value = static_cast<S>(scale * (static_cast<double>(bits >> 8) / (1 << 23) - 1));
        }
        return made.data();
    }

    static S* place(std::vector<S>& result, std::int64_t count) {
        result.resize(static_cast<std::size_t>(count));
        return result.data();
    }

    Problem problem_;
    std::vector<std::vector<S>> arrays_;
    Results<S> results_;
};

/// Ends the program when a peer computes other numbers than the library: each is a sum of `terms`, whose rounding
/// errors grow with the root of their number, relative to the largest value.
template <class S>
void check(const std::string& what, const std::vector<S>& expected, const std::vector<S>& received,
           std::int64_t terms) {
    S largest = 0, error = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        largest = std::max(largest, std::abs(expected[i]));
        const S difference = std::abs(expected[i] - received[i]);
        error = std::isnan(difference) ? std::numeric_limits<S>::infinity() : std::max(error, difference);
    }
    const S tolerance = 4 * std::numeric_limits<S>::epsilon() * std::sqrt(static_cast<S>(terms)) * largest;
    if (error <= tolerance) return;
    std::cerr << "\n" << what << " differs from the library's by " << error << ", more than " << tolerance << "\n";
    std::exit(1);
}

template <class S>
void check_all(const std::string& name, const Problem& p, const Results<S>& expected, const Results<S>& received) {
    const auto what = [&](const char* result) { return name + ": " + result; };
    check(what("the output"), expected.outputs, received.outputs, p.features + p.units);
    check(what("the inputs' gradient"), expected.d_inputs, received.d_inputs, 3 * p.units);
    check(what("the kernel's gradient"), expected.d_kernel, received.d_kernel, p.batch * p.time);
    check(what("the recurrent kernel's gradient"), expected.d_recurrent_kernel, received.d_recurrent_kernel,
          p.batch * p.time);
    check(what("the bias's gradient"), expected.d_bias, received.d_bias, p.batch * p.time);
    check(what("the initial state's gradient"), expected.d_initial_state, received.d_initial_state, 3 * p.units);
}

}  // namespace eigengru_bench
