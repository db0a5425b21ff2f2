// SPDX-License-Identifier: MIT
// OnnxGru: what the GRU operator of ONNX says, checked, in Keras's terms. Opsets 1, 3, 7, 14 and 22 of it.
// Source: https://onnx.ai/onnx/operators/onnx__GRU.html.
#pragma once

#include "eigengru/io/onnx_node.hpp"
#include "eigengru/model/options.hpp"

namespace eigengru::inline EIGENGRU_ABI::io::detail {

/// One direction of a GRU node.
struct OnnxDirection {
    Activation activation, recurrent_activation;
    std::vector<RowMatrix<double>> weights;  ///< kernel, recurrent_kernel and perhaps bias, as Keras has them
};

/// A GRU node.
struct OnnxGru {
    enum class Reading { forward, reverse, both };

    std::string name = {};
    Index features = 0, units = 0;
    bool reset_after = false;
    bool has_bias = false;
    bool has_lengths = false;  ///< sequence_lens is an input: then outputs beyond a row's length are zeros
    bool is_batch_first = false;
    Reading reading = Reading::forward;
    std::vector<OnnxDirection> directions = {};
};

/// Hands out the values of activation_alpha and activation_beta to the activations that take them, in order.
class OnnxActivations {
public:
    explicit OnnxActivations(const OnnxNode& node, const Where& where) : where_(where) {
        if (const auto* names = node.find("activations"))
            names_.assign(names->strings().begin(), names->strings().end());
        if (const auto* alpha = node.find("activation_alpha"))
            alpha_.assign(alpha->floats().begin(), alpha->floats().end());
        if (const auto* beta = node.find("activation_beta")) beta_.assign(beta->floats().begin(), beta->floats().end());
    }

    /// Throws: FormatError when there are neither none nor two for each direction.
    void check_count(std::size_t directions) {
        if (names_.empty())
            for (std::size_t i = 0; i < directions; ++i) names_.insert(names_.end(), {"Sigmoid", "Tanh"});
        if (names_.size() != 2 * directions)
            where_.fail("activations expected ", 2 * directions, " names, received ", names_.size());
    }

    /// Throws: FormatError for a name that ONNX does not have.
    [[nodiscard]] Activation next() {
        const std::string name = lower_case(names_[used_++]);
        if (name == "sigmoid" || name == "tanh" || name == "relu" || name == "softsign" || name == "softplus")
            return Activation(name);
        if (name == "leakyrelu") return Activation::leaky_relu({.negative_slope = take(alpha_, 0.01)});
        if (name == "thresholdedrelu")
            return Activation::threshold({.threshold = take(alpha_, 1.0), .default_value = 0.0});
        if (name == "elu") return Activation::elu({.alpha = take(alpha_, 1.0)});
        if (name == "affine") return affine(take(alpha_, 1.0), take(beta_, 0.0));
        if (name == "scaledtanh") return scaled_tanh(take(alpha_, 1.0), take(beta_, 1.0));
        if (name == "hardsigmoid") return hard_sigmoid(take(alpha_, 0.2), take(beta_, 0.5));
        where_.fail("activations expected one of ", eigengru::detail::quoted_list(kNames), ", received \"",
                    names_[used_ - 1], "\"");
    }

    /// clip(alpha x + beta, 0, 1); Keras 3's hard_sigmoid is the one of 1/6 and 0.5.
    [[nodiscard]] static Activation hard_sigmoid(double alpha, double beta) {
        if (static_cast<float>(alpha) == 1.0F / 6.0F && beta == 0.5) return "hard_sigmoid";
        return Activation::custom(
            eigengru::detail::text("HardSigmoid(", alpha, ", ", beta, ")"),
            [alpha, beta](auto x) {
                using S = decltype(x);
                return std::clamp(static_cast<S>(alpha) * x + static_cast<S>(beta), S(0), S(1));
            },
            [alpha](auto, auto y) {
                using S = decltype(y);
                return y > S(0) && y < S(1) ? static_cast<S>(alpha) : S(0);
            });
    }

private:
    static constexpr auto kNames =
        std::to_array<std::string_view>({"Relu", "Tanh", "Sigmoid", "Affine", "LeakyRelu", "ThresholdedRelu",
                                         "ScaledTanh", "HardSigmoid", "Elu", "Softsign", "Softplus"});

    [[nodiscard]] static Activation affine(double alpha, double beta) {
        return Activation::custom(
            eigengru::detail::text("Affine(", alpha, ", ", beta, ")"),
            [alpha, beta](auto x) { return static_cast<decltype(x)>(alpha) * x + static_cast<decltype(x)>(beta); },
            [alpha](auto x, auto) { return static_cast<decltype(x)>(alpha); });
    }

    [[nodiscard]] static Activation scaled_tanh(double alpha, double beta) {
        return Activation::custom(
            eigengru::detail::text("ScaledTanh(", alpha, ", ", beta, ")"),
            [alpha, beta](auto x) {
                return static_cast<decltype(x)>(alpha) * std::tanh(static_cast<decltype(x)>(beta) * x);
            },
            [alpha, beta](auto x, auto) {
                using S = decltype(x);
                const S t = std::tanh(static_cast<S>(beta) * x);
                return static_cast<S>(alpha * beta) * (S(1) - t * t);
            });
    }

    [[nodiscard]] static std::string lower_case(std::string text) {
        for (char& c : text)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        return text;
    }

    /// The next value, or the default where the list has ended.
    [[nodiscard]] static double take(std::vector<float>& values, double otherwise) {
        if (values.empty()) return otherwise;
        const double value = static_cast<double>(values.front());
        values.erase(values.begin());
        return value;
    }

    const Where& where_;
    std::vector<std::string> names_;
    std::vector<float> alpha_, beta_;
    std::size_t used_ = 0;
};

/// W (directions, 3 units, features), R (directions, 3 units, units), B (directions, 6 units): gates z, r, h as Keras,
/// the rows of W and R its columns.
class OnnxGruReader {
public:
    OnnxGruReader(const OnnxNode& node, Where where) : node_(node), where_(std::move(where)) {}

    /// `bias` may be null. Throws: FormatError.
    [[nodiscard]] OnnxGru read(const OnnxTensor& w, const OnnxTensor& r, const OnnxTensor* bias) const {
        OnnxGru gru{.name = node_.name(), .reset_after = node_.integer("linear_before_reset", 0) != 0};
        gru.reading = reading();
        gru.is_batch_first = node_.integer("layout", 0) != 0;
        gru.has_bias = bias != nullptr;
        if (node_.find("clip") != nullptr)
            where_.fail("clip expected none, received ", node_.number("clip", 0.0),
                        ": Keras's GRU does not clip the sums that go into its activations");
        const Index directions = gru.reading == OnnxGru::Reading::both ? 2 : 1;
        if (r.dims.size() != 3 || w.dims.size() != 3 || r.dims[2] < 1 || w.dims[2] < 1)
            where_.fail("W and R expected three sizes of at least 1, received ", dims_text(w.dims), " and ",
                        dims_text(r.dims));
        gru.units = r.dims[2];
        gru.features = w.dims[2];
        check("W", w, {directions, 3 * gru.units, gru.features});
        check("R", r, {directions, 3 * gru.units, gru.units});
        if (bias != nullptr) check("B", *bias, {directions, 6 * gru.units});
        if (node_.integer("hidden_size", gru.units) != gru.units)
            where_.fail("hidden_size expected ", gru.units, ", as R has it, received ",
                        node_.integer("hidden_size", 0));
        OnnxActivations activations(node_, where_);
        activations.check_count(static_cast<std::size_t>(directions));
        for (Index d = 0; d < directions; ++d) {
            const Activation recurrent = activations.next();  // ONNX names them in the order f (gates), g (candidate)
            gru.directions.push_back({activations.next(), recurrent, weights(gru, d, w, r, bias)});
        }
        return gru;
    }

private:
    [[nodiscard]] OnnxGru::Reading reading() const {
        const std::string direction = node_.string("direction", "forward");
        if (direction == "forward") return OnnxGru::Reading::forward;
        if (direction == "reverse") return OnnxGru::Reading::reverse;
        if (direction == "bidirectional") return OnnxGru::Reading::both;
        where_.fail("direction expected \"forward\", \"reverse\" or \"bidirectional\", received \"", direction, "\"");
    }

    void check(const char* name, const OnnxTensor& tensor, const Dims& dims) const {
        if (tensor.dims != dims)
            where_.fail(name, " expected shape ", dims_text(dims), ", received ", dims_text(tensor.dims));
    }

    /// With linear_before_reset = 0 both biases go into the same sums, so that Keras has one.
    [[nodiscard]] static std::vector<RowMatrix<double>> weights(const OnnxGru& gru, Index direction,
                                                                const OnnxTensor& w, const OnnxTensor& r,
                                                                const OnnxTensor* bias) {
        const Index width = 3 * gru.units;
        const auto rows = [direction, width](const OnnxTensor& tensor) {
            return MatrixMap<const double>(tensor.numbers.data() + direction * width * tensor.dims[2], width,
                                           tensor.dims[2], Eigen::OuterStride<>(tensor.dims[2]));
        };
        std::vector<RowMatrix<double>> result{rows(w).transpose(), rows(r).transpose()};
        if (bias == nullptr) return result;
        const MatrixMap<const double> both(bias->numbers.data() + direction * 2 * width, 2, width,
                                           Eigen::OuterStride<>(width));
        if (gru.reset_after)
            result.emplace_back(both);
        else
            result.emplace_back(both.row(0) + both.row(1));
        return result;
    }

    const OnnxNode& node_;
    Where where_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::io::detail
