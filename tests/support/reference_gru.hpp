// SPDX-License-Identifier: MIT
// The GRU as plain scalar loops over std::vector, written from the equations alone: no Eigen, nothing of the library.
// The second opinion for tests; slow and obvious on purpose.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <numbers>
#include <stdexcept>
#include <string>
#include <vector>

namespace eigengru_test {

/// An activation by its Keras name with Keras's argument names; arguments that are absent take Keras's defaults.
struct ReferenceActivation {
    std::string name = "linear";
    std::map<std::string, double> arguments = {};
};

struct ReferenceOptions {
    std::size_t batch = 0;
    std::size_t time = 0;
    std::size_t features = 0;
    std::size_t units = 0;
    ReferenceActivation activation = {"tanh", {}};
    ReferenceActivation recurrent_activation = {"sigmoid", {}};
    bool use_bias = true;
    bool reset_after = true;
    bool go_backwards = false;
    bool zero_output_for_mask = false;
};

/// Row-major, Keras's shapes: kernel F x 3U, recurrent_kernel U x 3U, bias 2 x 3U (reset_after), 3U, or empty.
template <class S>
struct ReferenceWeights {
    std::vector<S> kernel = {};
    std::vector<S> recurrent_kernel = {};
    std::vector<S> bias = {};
};

/// inputs B x T x F; mask B x T or empty; initial_state B x U or empty (zeros);
/// dropout masks already scaled: input none, 1 or 3 of B x F, state none or 3 of B x U.
template <class S>
struct ReferenceCall {
    std::vector<S> inputs = {};
    std::vector<unsigned char> mask = {};
    std::vector<S> initial_state = {};
    std::vector<std::vector<S>> input_dropout_masks = {};
    std::vector<std::vector<S>> state_dropout_masks = {};
};

/// sequences B x T x U in processing order, last B x U, state B x U.
template <class S>
struct ReferenceOutput {
    std::vector<S> sequences = {};
    std::vector<S> last = {};
    std::vector<S> state = {};
};

namespace reference_detail {

template <class S>
using ElementFunction = std::function<S(S)>;

template <class S>
[[nodiscard]] S reference_sigmoid(S x) {
    const S e = std::exp(-std::abs(x));
    return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

template <class S>
[[nodiscard]] S reference_softplus(S x) {
    return std::max(x, S(0)) + std::log1p(std::exp(-std::abs(x)));
}

template <class S>
[[nodiscard]] S reference_elu(S x, S alpha) {
    return x > 0 ? x : alpha * std::expm1(x);
}

// Keras clips to [0, max_value] before it adds the negative part, and only when there is a max_value.
template <class S>
[[nodiscard]] S reference_relu(S x, const std::map<std::string, double>& arguments) {
    const auto argument = [&](const char* key) { return static_cast<S>(arguments.at(key)); };
    const S threshold = arguments.contains("threshold") ? argument("threshold") : S(0);
    const S slope = arguments.contains("negative_slope") ? argument("negative_slope") : S(0);
    S kept = x > threshold ? x : S(0);
    if (arguments.contains("max_value")) kept = std::clamp(kept, S(0), argument("max_value"));
    return slope == 0 ? kept : kept - slope * std::max(threshold - x, S(0));
}

template <class S>
[[nodiscard]] S reference_gelu(S x, bool approximate) {
    const S half = S(0.5) * x;
    if (!approximate) return half * (1 + std::erf(x / std::numbers::sqrt2_v<S>));
    const S root = std::sqrt(2 * std::numbers::inv_pi_v<S>);
    return half * (1 + std::tanh(root * (x + S(0.044715) * x * x * x)));
}

template <class S>
[[nodiscard]] std::map<std::string, ElementFunction<S>> smooth_functions(const ReferenceActivation& activation) {
    const auto argument = [&](const char* key, double otherwise) {
        const auto found = activation.arguments.find(key);
        return static_cast<S>(found == activation.arguments.end() ? otherwise : found->second);
    };
    const S alpha = argument("alpha", 1);
    const S b = argument("b", 4);
    const bool approximate = argument("approximate", 0) != 0;
    const auto silu = [](S x) { return x * reference_sigmoid(x); };
    return {
        {"linear", [](S x) { return x; }},
        {"tanh", [](S x) { return std::tanh(x); }},
        {"sigmoid", [](S x) { return reference_sigmoid(x); }},
        {"silu", silu},
        {"swish", silu},
        {"softplus", [](S x) { return reference_softplus(x); }},
        {"log_sigmoid", [](S x) { return -reference_softplus(-x); }},
        {"mish", [](S x) { return x * std::tanh(reference_softplus(x)); }},
        {"softsign", [](S x) { return x / (1 + std::abs(x)); }},
        {"exponential", [](S x) { return std::exp(x); }},
        {"tanh_shrink", [](S x) { return x - std::tanh(x); }},
        {"squareplus", [b](S x) { return (x + std::sqrt(x * x + b)) / 2; }},
        {"gelu", [approximate](S x) { return reference_gelu(x, approximate); }},
        {"elu", [alpha](S x) { return reference_elu(x, alpha); }},
        {"selu",
         [](S x) {
             return S(1.0507009873554804934193349852946L) * reference_elu(x, S(1.6732632423543772848170429916717L));
         }},
        {"celu", [alpha](S x) { return x > 0 ? x : alpha * std::expm1(x / alpha); }},
    };
}

template <class S>
[[nodiscard]] std::map<std::string, ElementFunction<S>> piecewise_functions(const ReferenceActivation& activation) {
    const auto& arguments = activation.arguments;
    const auto argument = [&](const char* key, double otherwise) {
        return static_cast<S>(arguments.contains(key) ? arguments.at(key) : otherwise);
    };
    const S limit = argument("threshold", 0.5);
    const S otherwise = argument("default_value", 0);
    const S slope = argument("negative_slope", 0.2);
    const auto clip = [](S x, S low, S high) { return std::clamp(x, low, high); };
    const auto hard_silu = [clip](S x) { return x * (clip(x + 3, 0, 6) / 6); };
    return {
        {"relu", [arguments](S x) { return reference_relu(x, arguments); }},
        {"relu6", [clip](S x) { return clip(x, 0, 6); }},
        {"leaky_relu", [slope](S x) { return x > 0 ? x : slope * x; }},
        {"hard_sigmoid", [clip](S x) { return clip(x + 3, 0, 6) / 6; }},
        {"hard_silu", hard_silu},
        {"hard_swish", hard_silu},
        {"hard_tanh", [clip](S x) { return clip(x, -1, 1); }},
        {"soft_shrink", [limit](S x) { return x > limit    ? x - limit
                                              : x < -limit ? x + limit
                                                           : S(0); }},
        {"hard_shrink", [limit](S x) { return std::abs(x) > limit ? x : S(0); }},
        {"threshold", [limit, otherwise](S x) { return x > limit ? x : otherwise; }},
        {"sparse_plus", [](S x) { return x <= -1 ? S(0)
                                         : x < 1 ? (x + 1) * (x + 1) / 4
                                                 : x; }},
        {"sparse_sigmoid", [clip](S x) { return clip((x + 1) / 2, 0, 1); }},
    };
}

template <class S>
void softmax_row(std::vector<S>& row, bool logarithm) {
    const S largest = *std::max_element(row.begin(), row.end());
    S sum = 0;
    for (const S x : row) sum += std::exp(x - largest);
    for (S& x : row) x = logarithm ? x - largest - std::log(sum) : std::exp(x - largest) / sum;
}

// The released Keras (3.15.1) adds up the cumulative sums where the published function adds up the values;
// the latter goes by the name "sparsemax_projection" here.
template <class S>
void sparsemax_row(std::vector<S>& row, bool is_projection) {
    std::vector<S> ordered = row;
    std::sort(ordered.begin(), ordered.end(), std::greater<>());
    S sum = 0;
    S total = 0;
    std::size_t support = 0;
    for (std::size_t i = 0; i < ordered.size(); ++i) {
        sum += ordered[i];
        if (ordered[i] - (sum - 1) / static_cast<S>(i + 1) <= 0) continue;
        ++support;
        total += is_projection ? ordered[i] : sum;
    }
    const S threshold = (total - 1) / static_cast<S>(support);
    for (S& x : row) x = std::max(x - threshold, S(0));
}

}  // namespace reference_detail

/// An activation ready to be applied to rows. Throws std::invalid_argument for a name it does not know.
template <class S>
class ReferenceRowFunction {
public:
    explicit ReferenceRowFunction(const ReferenceActivation& activation) : name_(activation.name) {
        for (const auto& table : {reference_detail::smooth_functions<S>(activation),
                                  reference_detail::piecewise_functions<S>(activation)}) {
            if (const auto found = table.find(name_); found != table.end()) element_ = found->second;
        }
        const bool is_row_wise = name_.ends_with("softmax") || name_.starts_with("sparsemax");
        if (!element_ && !is_row_wise) throw std::invalid_argument("reference_gru: unknown activation " + name_);
    }

    void operator()(std::vector<S>& row) const {
        if (element_) {
            for (S& x : row) x = element_(x);
        } else if (name_.starts_with("sparsemax")) {
            reference_detail::sparsemax_row(row, name_ == "sparsemax_projection");
        } else {
            reference_detail::softmax_row(row, name_ == "log_softmax");
        }
    }

private:
    std::string name_;
    reference_detail::ElementFunction<S> element_ = {};
};

namespace reference_detail {

/// Gate g of value * matrix + bias, for one row: value has `rows` entries, matrix is rows x 3U.
template <class S>
[[nodiscard]] std::vector<S> gate_product(const std::vector<S>& value, const std::vector<S>& matrix, std::size_t units,
                                          std::size_t gate) {
    std::vector<S> result(units, S(0));
    for (std::size_t u = 0; u < units; ++u) {
        for (std::size_t i = 0; i < value.size(); ++i) result[u] += value[i] * matrix[i * 3 * units + gate * units + u];
    }
    return result;
}

/// One layer with everything one step needs.
template <class S>
class ReferenceStep {
public:
    ReferenceStep(const ReferenceOptions& options, const ReferenceWeights<S>& weights, const ReferenceCall<S>& call)
        : options_(options),
          weights_(weights),
          call_(call),
          activation_(options.activation),
          recurrent_activation_(options.recurrent_activation) {}

    /// The new state of one row from its input at time t and its state.
    [[nodiscard]] std::vector<S> operator()(std::size_t row, std::size_t t, const std::vector<S>& state) const {
        std::vector<S> z = sum(input_part(row, t, 0), recurrent_part(row, state, 0));
        std::vector<S> r = sum(input_part(row, t, 1), recurrent_part(row, state, 1));
        recurrent_activation_(z);
        recurrent_activation_(r);
        std::vector<S> inner;
        if (options_.reset_after) {
            inner = product(r, recurrent_part(row, state, 2));
        } else {
            const std::vector<S> kept = product(r, dropped_state(row, state, 2));
            inner = gate_product(kept, weights_.recurrent_kernel, options_.units, 2);
        }
        std::vector<S> next = sum(input_part(row, t, 2), inner);
        activation_(next);
        for (std::size_t u = 0; u < options_.units; ++u) next[u] = z[u] * state[u] + (1 - z[u]) * next[u];
        return next;
    }

private:
    [[nodiscard]] std::vector<S> input_part(std::size_t row, std::size_t t, std::size_t gate) const {
        const std::size_t features = options_.features;
        std::vector<S> x(features);
        const auto& masks = call_.input_dropout_masks;
        for (std::size_t f = 0; f < features; ++f) {
            x[f] = call_.inputs[(row * options_.time + t) * features + f];
            if (!masks.empty()) x[f] *= masks[masks.size() == 3 ? gate : 0][row * features + f];
        }
        std::vector<S> result = gate_product(x, weights_.kernel, options_.units, gate);
        add_bias(result, 0, gate);
        return result;
    }

    [[nodiscard]] std::vector<S> dropped_state(std::size_t row, const std::vector<S>& state, std::size_t gate) const {
        std::vector<S> h = state;
        if (call_.state_dropout_masks.empty()) return h;
        for (std::size_t u = 0; u < h.size(); ++u) h[u] *= call_.state_dropout_masks[gate][row * h.size() + u];
        return h;
    }

    [[nodiscard]] std::vector<S> recurrent_part(std::size_t row, const std::vector<S>& state, std::size_t gate) const {
        std::vector<S> result =
            gate_product(dropped_state(row, state, gate), weights_.recurrent_kernel, options_.units, gate);
        if (options_.reset_after) add_bias(result, 1, gate);
        return result;
    }

    void add_bias(std::vector<S>& value, std::size_t bias_row, std::size_t gate) const {
        if (!options_.use_bias) return;
        const std::size_t units = options_.units;
        for (std::size_t u = 0; u < units; ++u) value[u] += weights_.bias[bias_row * 3 * units + gate * units + u];
    }

    [[nodiscard]] static std::vector<S> sum(std::vector<S> a, const std::vector<S>& b) {
        for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
        return a;
    }

    [[nodiscard]] static std::vector<S> product(std::vector<S> a, const std::vector<S>& b) {
        for (std::size_t i = 0; i < a.size(); ++i) a[i] *= b[i];
        return a;
    }

    const ReferenceOptions& options_;
    const ReferenceWeights<S>& weights_;
    const ReferenceCall<S>& call_;
    ReferenceRowFunction<S> activation_;
    ReferenceRowFunction<S> recurrent_activation_;
};

inline void check_size(const char* what, std::size_t received, std::size_t expected) {
    if (received == expected) return;
    throw std::invalid_argument(std::string("reference_gru: ") + what + " has " + std::to_string(received) +
                                " values, expected " + std::to_string(expected));
}

template <class S>
void check_sizes(const ReferenceOptions& o, const ReferenceWeights<S>& weights, const ReferenceCall<S>& call) {
    check_size("inputs", call.inputs.size(), o.batch * o.time * o.features);
    check_size("kernel", weights.kernel.size(), o.features * 3 * o.units);
    check_size("recurrent_kernel", weights.recurrent_kernel.size(), o.units * 3 * o.units);
    check_size("bias", weights.bias.size(), o.use_bias ? (o.reset_after ? 6 : 3) * o.units : 0);
    if (!call.mask.empty()) check_size("mask", call.mask.size(), o.batch * o.time);
    if (!call.initial_state.empty()) check_size("initial_state", call.initial_state.size(), o.batch * o.units);
    for (const auto& mask : call.input_dropout_masks)
        check_size("an input dropout mask", mask.size(), o.batch * o.features);
    for (const auto& mask : call.state_dropout_masks)
        check_size("a state dropout mask", mask.size(), o.batch * o.units);
    const std::size_t input_masks = call.input_dropout_masks.size();
    if (input_masks != 0 && input_masks != 1) check_size("input_dropout_masks", input_masks, 3);
    if (!call.state_dropout_masks.empty()) check_size("state_dropout_masks", call.state_dropout_masks.size(), 3);
}

}  // namespace reference_detail

/// The whole layer. Throws std::invalid_argument where a size does not fit.
template <class S>
[[nodiscard]] ReferenceOutput<S> reference_gru(const ReferenceOptions& options, const ReferenceWeights<S>& weights,
                                               const ReferenceCall<S>& call) {
    reference_detail::check_sizes(options, weights, call);
    const reference_detail::ReferenceStep<S> step(options, weights, call);
    const std::size_t units = options.units;
    ReferenceOutput<S> result;
    for (std::size_t row = 0; row < options.batch; ++row) {
        std::vector<S> state(units, S(0));
        if (!call.initial_state.empty()) std::copy_n(call.initial_state.data() + row * units, units, state.data());
        // Before a row's first used step the output is zeros, whatever the initial state.
        std::vector<S> output(units, S(0));
        std::vector<S> shown(units, S(0));
        for (std::size_t s = 0; s < options.time; ++s) {
            const std::size_t t = options.go_backwards ? options.time - 1 - s : s;
            const bool is_used = call.mask.empty() || call.mask[row * options.time + t] != 0;
            if (is_used) {
                state = step(row, t, state);
                output = state;
            }
            shown = is_used || !options.zero_output_for_mask ? output : std::vector<S>(units, S(0));
            result.sequences.insert(result.sequences.end(), shown.begin(), shown.end());
        }
        result.last.insert(result.last.end(), shown.begin(), shown.end());
        result.state.insert(result.state.end(), state.begin(), state.end());
    }
    return result;
}

}  // namespace eigengru_test
