// SPDX-License-Identifier: MIT
// What each activation computes: y = f(x) for one element, or for a row where the units of a row meet (softmax and its
// relatives). One struct an activation, `value` first; its derivative from x and y belongs right below it.
// Names, parameters and defaults: activation.hpp. Source: keras.activations of Keras 3.
#pragma once

#include "eigengru/core/types.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// max(low, min(x, high)) that keeps NaN.
template <class S>
S clip(S x, S low, S high) {
    return x < low ? low : (x > high ? high : x);
}

/// 1 / (1 + e^-x) of one element, without overflow.
template <class S>
S logistic(S x) {
    const S e = std::exp(-std::abs(x));
    return (x < S(0) ? e : S(1)) / (S(1) + e);
}

/// log(1 + e^x) of one element, without overflow.
template <class S>
S log1p_exp(S x) {
    return std::max(x, S(0)) + std::log1p(std::exp(-std::abs(x)));
}

/// y = min(x, max_value) from the threshold on, negative_slope * (x - threshold) below it.
template <class S>
struct Relu {
    S negative_slope, max_value, threshold;

    S value(S x) const {
        if (x > threshold) return std::isfinite(max_value) ? clip(x, S(0), max_value) : x;
        if (negative_slope == S(0)) return x <= threshold ? S(0) : x;
        return negative_slope * (x - threshold);
    }
};

/// y = x for x >= 0, negative_slope * x below.
template <class S>
struct LeakyRelu {
    S negative_slope;

    S value(S x) const { return x < S(0) ? negative_slope * x : x; }
};

/// The constants of selu. Source: Klambauer et al., "Self-normalizing neural networks", 2017.
inline constexpr double kSeluAlpha = 1.6732632423543772848170429916717;
inline constexpr double kSeluScale = 1.0507009873554804934193349852946;

/// y = scale * (x for x >= 0, alpha * (e^x - 1) below): elu with scale 1, selu with its two constants.
template <class S>
struct Elu {
    S alpha, scale = S(1);

    S value(S x) const { return scale * (x < S(0) ? alpha * std::expm1(x) : x); }
};

/// y = max(x, 0) + min(alpha * (e^(x / alpha) - 1), 0)
template <class S>
struct Celu {
    S alpha;

    S value(S x) const { return (x < S(0) ? S(0) : x) + std::min(alpha * std::expm1(x / alpha), S(0)); }
};

/// y = x/2 (1 + erf(x / sqrt 2)); erfc keeps the small values on the left exact.
template <class S>
struct GeluExact {
    S value(S x) const { return S(0.5) * x * std::erfc(-x * S(std::numbers::sqrt2 / 2)); }
};

/// y = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
template <class S>
struct GeluTanh {
    S value(S x) const {
        const S inner = S(std::numbers::sqrt2 * std::numbers::inv_sqrtpi) * (x + S(0.044715) * x * x * x);
        return S(0.5) * x * (S(1) + std::tanh(inner));
    }
};

/// y = x / (1 + e^-x)
template <class S>
struct Silu {
    S value(S x) const { return x * logistic(x); }
};

/// y = relu6(x + 3) / 6
template <class S>
struct HardSigmoid {
    S value(S x) const { return clip(x + S(3), S(0), S(6)) / S(6); }
};

/// y = x relu6(x + 3) / 6
template <class S>
struct HardSilu {
    S value(S x) const { return x * HardSigmoid<S>{}.value(x); }
};

/// y = max(-1, min(x, 1))
template <class S>
struct HardTanh {
    S value(S x) const { return clip(x, S(-1), S(1)); }
};

/// y = log(1 + e^x)
template <class S>
struct Softplus {
    S value(S x) const { return log1p_exp(x); }
};

/// y = x / (1 + |x|)
template <class S>
struct Softsign {
    S value(S x) const { return x / (S(1) + std::abs(x)); }
};

/// y = e^x
template <class S>
struct Exponential {
    S value(S x) const { return std::exp(x); }
};

/// y = x tanh(log(1 + e^x))
template <class S>
struct Mish {
    S value(S x) const { return x * std::tanh(log1p_exp(x)); }
};

/// y = -log(1 + e^-x)
template <class S>
struct LogSigmoid {
    S value(S x) const { return -log1p_exp(-x); }
};

/// y = x - tanh(x)
template <class S>
struct TanhShrink {
    S value(S x) const { return x - std::tanh(x); }
};

/// y = x - threshold above it, x + threshold below its negative, 0 between.
template <class S>
struct SoftShrink {
    S threshold;

    S value(S x) const { return x > threshold ? x - threshold : (x < -threshold ? x + threshold : S(0)); }
};

/// y = x where |x| > threshold, 0 elsewhere.
template <class S>
struct HardShrink {
    S threshold;

    S value(S x) const { return std::abs(x) > threshold ? x : S(0); }
};

/// y = x above the threshold, default_value elsewhere.
template <class S>
struct Threshold {
    S threshold, default_value;

    S value(S x) const { return x > threshold ? x : default_value; }
};

/// y = (x + sqrt(x^2 + b)) / 2
template <class S>
struct Squareplus {
    S b;

    S value(S x) const { return (x + std::sqrt(x * x + b)) / S(2); }
};

/// y = 0 up to -1, (x + 1)^2 / 4 up to 1, x beyond.
template <class S>
struct SparsePlus {
    S value(S x) const { return x <= S(-1) ? S(0) : (x < S(1) ? (x + S(1)) * (x + S(1)) / S(4) : x); }
};

/// y = 0 up to -1, (x + 1) / 2 up to 1, 1 beyond.
template <class S>
struct SparseSigmoid {
    S value(S x) const { return clip((x + S(1)) / S(2), S(0), S(1)); }
};

/// y_i = e^(x_i) / sum_j e^(x_j), over a row.
template <class S>
struct Softmax {
    template <class Row>
    void value(Row row) const {
        const S highest = row.maxCoeff();
        row = (row - highest).exp();
        const S sum = row.sum();
        row /= sum;
    }
};

/// y_i = x_i - log sum_j e^(x_j), over a row.
template <class S>
struct LogSoftmax {
    template <class Row>
    void value(Row row) const {
        const S highest = row.maxCoeff();
        row -= highest;
        const S log_sum = std::log(row.exp().sum());
        row -= log_sum;
    }
};

/// y_i = max(x_i - tau, 0), over a row. With x in descending order and s_k the sum of its first k,
///     tau = (sum of s_k over the support - 1) / size of the support,   support = { k : x_k > (s_k - 1) / k }.
/// That is what every backend of Keras 3 computes. The published sparsemax (Martins and Astudillo, 2016) has the last s_k
/// of the support in place of their sum, so that y sums to 1; the numbers here are Keras's.
template <class S>
struct Sparsemax {
    template <class Row>
    void value(Row row) const {
        S sum = 0, total = 0, before = std::numeric_limits<S>::infinity();
        Index support = 0;
        // The order by selection, equal elements together: it takes no memory, and the support is short.
        while (support < row.size()) {
            const S next = (row < before).select(row, -std::numeric_limits<S>::infinity()).maxCoeff();
            const Index known = support;
            for (Index equal = (row == next).count(); equal > 0; --equal) {
                if (!(next > (sum + next - S(1)) / S(support + 1))) break;
                sum += next;
                total += sum;
                ++support;
            }
            if (support == known) break;
            before = next;
        }
        const S tau = row.hasNaN() ? std::numeric_limits<S>::quiet_NaN() : (total - S(1)) / S(support);
        for (Index i = 0; i < row.size(); ++i) row[i] = row[i] - tau < S(0) ? S(0) : row[i] - tau;
    }
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
