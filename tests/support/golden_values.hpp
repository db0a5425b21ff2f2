// SPDX-License-Identifier: MIT
// Outputs and gradients against what Keras gave: how much they differ, and by how much they may.
#pragma once

#include "support/golden_layer.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace eigengru_test {

/// What an output may differ by.
template <class S>
double tolerance_of(const GoldenCase& golden) {
    const double recorded = golden.number("tolerance");
    if constexpr (std::is_same_v<S, double>) return recorded;
    const double amplified = golden.has_option("float32_error") ? 4.0 * golden.number("float32_error") : 0.0;
    return std::max({1e-6, amplified, recorded > 1e-6 ? recorded : 0.0});
}

template <class S>
double difference_to(const GoldenCase& golden, const std::string& key, const S* values, eigengru::Index size) {
    if (!golden.has_array(key)) return 0.0;
    return relative_difference(golden.array(key), values, static_cast<std::size_t>(size));
}

/// The largest relative difference of all outputs that are recorded.
template <class S>
double difference_to(const GoldenCase& golden, const std::string& prefix, const eigengru::Output<S>& y) {
    double sequences = 0.0;
    if (y.sequences.size() > 0)
        sequences = difference_to(golden, prefix + "sequences", y.sequences.data(), y.sequences.size());
    return std::max({sequences, difference_to(golden, prefix + "last", y.last.data(), y.last.size()),
                     difference_to(golden, prefix + "state", y.state.data(), y.state.size())});
}

/// The largest difference and the largest entry of one gradient.
struct Difference {
    double absolute = 0.0;
    double scale = 0.0;
};

template <class S>
Difference difference_to(const GoldenArray& expected, const S* received, eigengru::Index size) {
    Difference result;
    if (expected.values.size() != static_cast<std::size_t>(size)) return {INFINITY, 1.0};
    for (std::size_t i = 0; i < expected.values.size(); ++i) {
        const double difference = std::abs(expected.values[i] - static_cast<double>(received[i]));
        if (!(difference <= result.absolute)) result.absolute = std::isnan(difference) ? INFINITY : difference;
        result.scale = std::max(result.scale, std::abs(expected.values[i]));
    }
    return result;
}

/// The memory of the coefficients of the recorded loss.
template <class S>
struct LossCoefficients {
    LossCoefficients(const GoldenCase& golden, const std::string& prefix) {
        if (golden.has_array(prefix + "d_sequences")) {
            const auto& dims = golden.array(prefix + "d_sequences").dims;
            shape = {dims[0], dims[1], dims[2]};
            sequences = golden.array(prefix + "d_sequences").as<S>();
        }
        if (golden.has_array(prefix + "d_last")) last = matrix_of<S>(golden.array(prefix + "d_last"));
        if (golden.has_array(prefix + "d_state")) state = matrix_of<S>(golden.array(prefix + "d_state"));
    }

    [[nodiscard]] eigengru::OutputGradients<S> view() const {
        eigengru::OutputGradients<S> d;
        if (!sequences.empty()) d.sequences = {sequences.data(), shape};
        if (last.size() > 0) d.last = last;
        if (state.size() > 0) d.state = state;
        return d;
    }

    eigengru::Shape3 shape;
    std::vector<S> sequences;
    eigengru::RowMatrix<S> last, state;
};

/// How much of its tolerance the worst gradient of a case takes.
template <class S>
double worst_of(const GoldenCase& golden, const std::string& prefix, const eigengru::Gradients<S>& g) {
    double worst = 0.0;
    const auto compare = [&](const char* name, const S* data, eigengru::Index size) {
        const std::string key = prefix + name;
        if (!golden.has_array(key)) return;
        const auto [absolute, scale] = difference_to(golden.array(key), data, size);
        const double loose = golden.number("tolerance") > 1e-10 ? 1e-6 : 1e-10;
        const double recorded =
            golden.has_option("float32_gradient_error") ? golden.number("float32_gradient_error") : 0;
        const double tolerance = std::is_same_v<S, double> ? loose * scale : std::max(1e-4 * scale, 4.0 * recorded);
        worst = std::max(worst, absolute == 0.0 ? 0.0 : absolute / tolerance);
    };
    compare("d_kernel", g.parameters.kernel().data(), g.parameters.kernel().size());
    compare("d_recurrent_kernel", g.parameters.recurrent_kernel().data(), g.parameters.recurrent_kernel().size());
    compare("d_bias", g.parameters.bias().data(), g.parameters.bias().size());
    compare("d_inputs", g.inputs.data(), g.inputs.size());
    compare("d_initial_state", g.initial_state.data(), g.initial_state.size());
    return worst;
}

template <class S>
bool is_same(const eigengru::Gradients<S>& a, const eigengru::Gradients<S>& b) {
    return a.parameters.flat() == b.parameters.flat() && a.inputs.matrix() == b.inputs.matrix() &&
           a.initial_state == b.initial_state;
}

}  // namespace eigengru_test
