// SPDX-License-Identifier: MIT
// The losses of one time step, each beside its gradient: a row of targets y, a row of predictions p, n features.
// Everything is computed in double, whatever the scalar of the rows.
#pragma once

#include "eigengru/math/activation_functions.hpp"

#include <algorithm>
#include <cmath>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Probabilities are kept this far from 0 and 1, as in Keras (keras.config.epsilon).
inline constexpr double kProbabilityEpsilon = 1e-7;

/// Targets and predictions of one time step. For class numbers `targets` has one element, not `size`.
template <RealScalar S>
struct LossRow {
    const S* targets = nullptr;
    const S* predictions = nullptr;
    Index size = 0;

    [[nodiscard]] double y(Index i) const { return static_cast<double>(targets[i]); }
    [[nodiscard]] double p(Index i) const { return static_cast<double>(predictions[i]); }
    [[nodiscard]] double error(Index i) const { return p(i) - y(i); }
};

/// Where a gradient goes: element i receives scale * d l / d p_i.
template <RealScalar S>
struct LossRowGradient {
    S* values = nullptr;
    double scale = 1.0;

    void set(Index i, double derivative) const { values[i] = static_cast<S>(scale * derivative); }
};

/// (f(0) + ... + f(n - 1)) / n.
template <class F>
[[nodiscard]] double mean_over(Index n, const F& f) {
    double sum = 0.0;
    for (Index i = 0; i < n; ++i) sum += f(i);
    return sum / static_cast<double>(n);
}

/// l = mean (p - y)^2
template <RealScalar S>
[[nodiscard]] double squared_error(const LossRow<S>& row) {
    return mean_over(row.size, [&](Index i) { return row.error(i) * row.error(i); });
}

/// dl/dp = 2 (p - y) / n
template <RealScalar S>
void squared_error_gradient(const LossRow<S>& row, const LossRowGradient<S>& d) {
    const double n = static_cast<double>(row.size);
    for (Index i = 0; i < row.size; ++i) d.set(i, 2.0 * row.error(i) / n);
}

/// l = mean |p - y|
template <RealScalar S>
[[nodiscard]] double absolute_error(const LossRow<S>& row) {
    return mean_over(row.size, [&](Index i) { return std::abs(row.error(i)); });
}

/// dl/dp = sign(p - y) / n, 0 where they are equal
template <RealScalar S>
void absolute_error_gradient(const LossRow<S>& row, const LossRowGradient<S>& d) {
    const double n = static_cast<double>(row.size);
    for (Index i = 0; i < row.size; ++i) {
        const double e = row.error(i);
        const double sign = e > 0.0 ? 1.0 : (e < 0.0 ? -1.0 : e);  // NaN stays NaN
        d.set(i, sign / n);
    }
}

/// l = mean of (p - y)^2 / 2 where |p - y| <= delta, delta |p - y| - delta^2 / 2 beyond
template <RealScalar S>
[[nodiscard]] double huber(const LossRow<S>& row, double delta) {
    return mean_over(row.size, [&](Index i) {
        const double e = std::abs(row.error(i));
        return e <= delta ? 0.5 * e * e : delta * e - 0.5 * delta * delta;
    });
}

/// dl/dp = (p - y, limited to [-delta, delta]) / n
template <RealScalar S>
void huber_gradient(const LossRow<S>& row, double delta, const LossRowGradient<S>& d) {
    const double n = static_cast<double>(row.size);
    for (Index i = 0; i < row.size; ++i) d.set(i, clip(row.error(i), -delta, delta) / n);
}

/// weight * value, and 0 for a weight of 0 even where the value is infinite.
[[nodiscard]] inline double weighted(double weight, double value) {
    return weight == 0.0 ? 0.0 : weight * value;
}

/// A probability as the crossentropies see it; NaN stays NaN.
[[nodiscard]] inline double clipped_probability(double p) {
    return clip(p, kProbabilityEpsilon, 1.0 - kProbabilityEpsilon);
}

/// Whether clipping leaves p as it is, so that its gradient passes; it does for NaN, which must not vanish.
[[nodiscard]] inline bool is_unclipped(double p) {
    return !(p < kProbabilityEpsilon || p > 1.0 - kProbabilityEpsilon);
}

/// y' = y (1 - smoothing) + smoothing / 2
template <RealScalar S>
[[nodiscard]] double smoothed_binary(const LossRow<S>& row, Index i, double smoothing) {
    return row.y(i) * (1.0 - smoothing) + 0.5 * smoothing;
}

/// l = mean of -y' log p - (1 - y') log(1 - p), p clipped to [1e-7, 1 - 1e-7]
template <RealScalar S>
[[nodiscard]] double binary_crossentropy(const LossRow<S>& row, double smoothing) {
    return mean_over(row.size, [&](Index i) {
        const double y = smoothed_binary(row, i, smoothing);
        const double p = clipped_probability(row.p(i));
        return -y * std::log(p) - (1.0 - y) * std::log1p(-p);
    });
}

/// dl/dp = (p - y') / (p (1 - p)) / n, and 0 where p was clipped
template <RealScalar S>
void binary_crossentropy_gradient(const LossRow<S>& row, double smoothing, const LossRowGradient<S>& d) {
    const double n = static_cast<double>(row.size);
    for (Index i = 0; i < row.size; ++i) {
        const double p = row.p(i);
        const double error = p - smoothed_binary(row, i, smoothing);
        d.set(i, is_unclipped(p) ? error / (p * (1.0 - p)) / n : 0.0);
    }
}

/// l = mean of y' log(1 + e^-x) + (1 - y') log(1 + e^x) for logits x
template <RealScalar S>
[[nodiscard]] double binary_crossentropy_of_logits(const LossRow<S>& row, double smoothing) {
    return mean_over(row.size, [&](Index i) {
        const double y = smoothed_binary(row, i, smoothing);
        return weighted(y, log1p_exp(-row.p(i))) + weighted(1.0 - y, log1p_exp(row.p(i)));
    });
}

/// dl/dx = (logistic(x) - y') / n
template <RealScalar S>
void binary_crossentropy_of_logits_gradient(const LossRow<S>& row, double smoothing, const LossRowGradient<S>& d) {
    const double n = static_cast<double>(row.size);
    for (Index i = 0; i < row.size; ++i) d.set(i, (logistic(row.p(i)) - smoothed_binary(row, i, smoothing)) / n);
}

/// Targets over classes, y' = y (1 - smoothing) + smoothing / n.
template <RealScalar S>
struct ClassTargets {
    const LossRow<S>& row;
    double smoothing;

    [[nodiscard]] double operator()(Index i) const {
        return row.y(i) * (1.0 - smoothing) + smoothing / static_cast<double>(row.size);
    }
};

/// The target of one class alone: 1 for it, 0 for the others.
struct OneClassTarget {
    Index number;

    [[nodiscard]] double operator()(Index i) const { return i == number ? 1.0 : 0.0; }
};

template <RealScalar S>
[[nodiscard]] double sum_of_predictions(const LossRow<S>& row) {
    double sum = 0.0;
    for (Index i = 0; i < row.size; ++i) sum += row.p(i);
    return sum;
}

/// l = -sum y log q, where q = p / sum p, clipped to [1e-7, 1 - 1e-7]
template <RealScalar S, class Targets>
[[nodiscard]] double class_crossentropy(const LossRow<S>& row, const Targets& y) {
    const double sum = sum_of_predictions(row);
    double loss = 0.0;
    for (Index i = 0; i < row.size; ++i) loss -= weighted(y(i), std::log(clipped_probability(row.p(i) / sum)));
    return loss;
}

/// dl/dq = -y / q, and 0 where q was clipped; dl/dp = (dl/dq - sum(dl/dq q)) / sum p
template <RealScalar S, class Targets>
void class_crossentropy_gradient(const LossRow<S>& row, const Targets& y, const LossRowGradient<S>& d) {
    const double sum = sum_of_predictions(row);
    double d_sum = 0.0;  // -sum(dl/dq q), which is the sum of the targets whose q was not clipped
    for (Index i = 0; i < row.size; ++i) d_sum += is_unclipped(row.p(i) / sum) ? y(i) : 0.0;
    for (Index i = 0; i < row.size; ++i) {
        const double q = row.p(i) / sum;
        const double d_q = is_unclipped(q) ? weighted(y(i), -1.0 / q) : 0.0;
        d.set(i, (d_q + d_sum) / sum);
    }
}

/// What the softmax of a row of logits x needs: exp(x - largest) / sum, its logarithm x - largest - log sum.
struct SoftmaxTerms {
    double largest;
    double sum;

    template <RealScalar S>
    explicit SoftmaxTerms(const LossRow<S>& row) : largest(row.p(0)), sum(0.0) {
        for (Index i = 1; i < row.size; ++i) largest = std::max(largest, row.p(i));
        for (Index i = 0; i < row.size; ++i) sum += std::exp(row.p(i) - largest);
    }
};

/// l = -sum y log softmax(x) for logits x
template <RealScalar S, class Targets>
[[nodiscard]] double class_crossentropy_of_logits(const LossRow<S>& row, const Targets& y) {
    const SoftmaxTerms softmax(row);
    const double log_sum = std::log(softmax.sum);
    double loss = 0.0;
    for (Index i = 0; i < row.size; ++i) loss += weighted(y(i), log_sum - (row.p(i) - softmax.largest));
    return loss;
}

/// dl/dx = softmax(x) sum(y) - y
template <RealScalar S, class Targets>
void class_crossentropy_of_logits_gradient(const LossRow<S>& row, const Targets& y, const LossRowGradient<S>& d) {
    const SoftmaxTerms softmax(row);
    double sum_of_targets = 0.0;
    for (Index i = 0; i < row.size; ++i) sum_of_targets += y(i);
    for (Index i = 0; i < row.size; ++i) {
        const double probability = std::exp(row.p(i) - softmax.largest) / softmax.sum;
        d.set(i, probability * sum_of_targets - y(i));
    }
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
