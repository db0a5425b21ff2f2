// SPDX-License-Identifier: MIT
// The derivative of each activation that works element by element: one struct each, f'(x) from x and y = f(x); at a
// kink the one that TensorFlow takes. The values: activation_kernel.hpp; the row-wise ones: activation_rows.hpp. Names,
// parameters and defaults: activation.hpp. Source: keras.activations of Keras 3.
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

    S derivative(S x, S) const {
        if (x > threshold) return (x < S(0) && std::isfinite(max_value)) || !(x < max_value) ? S(0) : S(1);
        const bool is_left = x < threshold || (threshold == S(0) && std::isinf(max_value));
        return is_left ? negative_slope : S(0);
    }
};

/// y = x for x >= 0, negative_slope * x below.
template <class S>
struct LeakyRelu {
    S negative_slope;

    S derivative(S x, S) const { return x > S(0) ? S(1) : negative_slope; }
};

/// y = scale * (x for x >= 0, alpha * (e^x - 1) below): elu with scale 1, selu with its two constants.
template <class S>
struct Elu {
    S alpha, scale = S(1);

    S derivative(S x, S) const {
        const bool is_left =
            x < S(0) || (x == S(0) && scale == S(1));  // TensorFlow counts 0 to the right for selu alone
        return scale * (is_left ? alpha * std::exp(x) : S(1));
    }
};

/// y = max(x, 0) + min(alpha * (e^(x / alpha) - 1), 0)
/// Differs from Keras: the derivative at 0 is 1 (TensorFlow counts both sides and gives 2).
template <class S>
struct Celu {
    S alpha;

    S derivative(S x, S) const { return x < S(0) ? std::exp(x / alpha) : S(1); }
};

/// y = x/2 (1 + erf(x / sqrt 2)); erfc keeps the small values on the left exact.
template <class S>
struct GeluExact {
    S derivative(S x, S) const {
        const S density = S(std::numbers::inv_sqrtpi * std::numbers::sqrt2 / 2) * std::exp(S(-0.5) * x * x);
        return S(0.5) * std::erfc(-x * S(std::numbers::sqrt2 / 2)) + (density > S(0) ? x * density : S(0));
    }
};

/// y = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
template <class S>
struct GeluTanh {
    S derivative(S x, S) const {
        const S scale = S(std::numbers::sqrt2 * std::numbers::inv_sqrtpi);
        const S t = std::tanh(scale * (x + S(0.044715) * x * x * x));
        const S slope = S(1) - t * t;
        return S(0.5) * (S(1) + t + (slope > S(0) ? x * slope * scale * (S(1) + S(3 * 0.044715) * x * x) : S(0)));
    }
};

/// y = x / (1 + e^-x)
template <class S>
struct Silu {
    S derivative(S x, S y) const { return logistic(x) + (std::isinf(x) ? S(0) : y * logistic(-x)); }
};

/// y = relu6(x + 3) / 6
template <class S>
struct HardSigmoid {
    S derivative(S x, S) const { return x > S(-3) && x < S(3) ? S(1) / S(6) : S(0); }
};

/// y = x relu6(x + 3) / 6
template <class S>
struct HardSilu {
    S derivative(S x, S) const {
        if (!(x < S(3))) return S(1);
        return x > S(-3) ? x / S(3) + S(0.5) : S(0);
    }
};

/// y = max(-1, min(x, 1))
template <class S>
struct HardTanh {
    S derivative(S x, S) const { return x >= S(-1) && x <= S(1) ? S(1) : S(0); }
};

/// y = log(1 + e^x)
template <class S>
struct Softplus {
    S derivative(S x, S) const { return logistic(x); }
};

/// y = x / (1 + |x|)
template <class S>
struct Softsign {
    S derivative(S x, S) const { return S(1) / ((S(1) + std::abs(x)) * (S(1) + std::abs(x))); }
};

/// y = e^x
template <class S>
struct Exponential {
    S derivative(S, S y) const { return y; }
};

/// y = x tanh(log(1 + e^x))
template <class S>
struct Mish {
    S derivative(S x, S) const {
        const S t = std::tanh(log1p_exp(x));
        const S slope = (S(1) - t * t) * logistic(x);
        return t + (slope > S(0) ? x * slope : S(0));
    }
};

/// y = -log(1 + e^-x)
template <class S>
struct LogSigmoid {
    S derivative(S x, S) const { return logistic(-x); }
};

/// y = x - tanh(x)
template <class S>
struct TanhShrink {
    S derivative(S x, S) const {
        const S t = std::tanh(x);
        return t * t;
    }
};

/// y = x - threshold above it, x + threshold below its negative, 0 between.
template <class S>
struct SoftShrink {
    S threshold;

    S derivative(S x, S) const { return std::abs(x) > threshold ? S(1) : S(0); }
};

/// y = x where |x| > threshold, 0 elsewhere.
template <class S>
struct HardShrink {
    S threshold;

    S derivative(S x, S) const { return std::abs(x) > threshold ? S(1) : S(0); }
};

/// y = x above the threshold, default_value elsewhere.
template <class S>
struct Threshold {
    S threshold;

    S derivative(S x, S) const { return x > threshold ? S(1) : S(0); }
};

/// y = (x + sqrt(x^2 + b)) / 2
template <class S>
struct Squareplus {
    S b;

    S derivative(S x, S) const { return (S(1) + x / std::sqrt(x * x + b)) / S(2); }
};

/// y = 0 up to -1, (x + 1)^2 / 4 up to 1, x beyond.
template <class S>
struct SparsePlus {
    S derivative(S x, S) const { return x <= S(-1) ? S(0) : (x < S(1) ? (x + S(1)) / S(2) : S(1)); }
};

/// y = 0 up to -1, (x + 1) / 2 up to 1, 1 beyond.
template <class S>
struct SparseSigmoid {
    S derivative(S x, S) const { return x > S(-1) && x < S(1) ? S(0.5) : S(0); }
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
