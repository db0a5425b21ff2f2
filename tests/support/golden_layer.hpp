// SPDX-License-Identifier: MIT
// Golden cases as the library's own types: options, weights and calls of a Gru from a GoldenCase.
#pragma once

#include "eigengru/eigengru.hpp"
#include "support/golden.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace eigengru_test {

/// An activation by Keras's name with the arguments that stand below `key` in the case.
inline eigengru::Activation activation_of(const GoldenCase& golden, const std::string& key) {
    using eigengru::Activation;
    const std::string& name = golden.option(key);
    auto p = golden.numbers_below(key);
    if (p.empty()) return Activation(name);
    if (name == "relu") {
        eigengru::ReluOptions o{.negative_slope = p["negative_slope"], .threshold = p["threshold"]};
        if (p.contains("max_value")) o.max_value = p["max_value"];
        return Activation::relu(o);
    }
    if (name == "leaky_relu") return Activation::leaky_relu({.negative_slope = p.at("negative_slope")});
    if (name == "elu") return Activation::elu({.alpha = p.at("alpha")});
    if (name == "celu") return Activation::celu({.alpha = p.at("alpha")});
    if (name == "gelu") return Activation::gelu({.approximate = p.at("approximate") != 0.0});
    if (name == "soft_shrink") return Activation::soft_shrink({.threshold = p.at("threshold")});
    if (name == "hard_shrink") return Activation::hard_shrink({.threshold = p.at("threshold")});
    if (name == "threshold")
        return Activation::threshold({.threshold = p.at("threshold"), .default_value = p.at("default_value")});
    if (name == "squareplus") return Activation::squareplus({.b = p.at("b")});
    throw std::invalid_argument("golden case " + golden.name + ": arguments of \"" + name + "\" are not known here");
}

/// The options of a case, with return_sequences so that every step is seen.
inline eigengru::GruOptions options_of(const GoldenCase& golden) {
    return {.units = static_cast<eigengru::Index>(golden.size("units")),
            .activation = activation_of(golden, "activation"),
            .recurrent_activation = activation_of(golden, "recurrent_activation"),
            .use_bias = golden.flag("use_bias"),
            .dropout = golden.number("dropout"),
            .recurrent_dropout = golden.number("recurrent_dropout"),
            .return_sequences = true,
            .return_state = true,
            .go_backwards = golden.flag("go_backwards"),
            .stateful = golden.flag("stateful"),
            .unroll = golden.flag("unroll"),
            .zero_output_for_mask = golden.flag("zero_output_for_mask")};
}

/// A recorded matrix (or vector, as one row) as an Eigen matrix.
template <class S>
eigengru::RowMatrix<S> matrix_of(const GoldenArray& array) {
    const auto extent = [&](std::size_t axis) { return static_cast<eigengru::Index>(array.dims.at(axis)); };
    const bool is_vector = array.dims.size() == 1;
    const std::vector<S> values = array.as<S>();
    return eigengru::MatrixView<const S>(values.data(), is_vector ? 1 : extent(0), is_vector ? extent(0) : extent(1)).map();
}

/// A recorded stack of matrices, (count, rows, cols).
template <class S>
std::vector<eigengru::RowMatrix<S>> matrices_of(const GoldenCase& golden, const std::string& key) {
    std::vector<eigengru::RowMatrix<S>> result;
    if (!golden.has_array(key)) return result;
    const GoldenArray& array = golden.array(key);
    const auto rows = static_cast<eigengru::Index>(array.dims.at(1));
    const auto cols = static_cast<eigengru::Index>(array.dims.at(2));
    const std::vector<S> values = array.as<S>();
    for (std::size_t i = 0; i < array.dims[0]; ++i)
        result.push_back(
            eigengru::MatrixView<const S>(values.data() + static_cast<eigengru::Index>(i) * rows * cols, rows, cols).map());
    return result;
}

/// The memory of one recorded call, and the call as the layer takes it.
template <class S>
class GoldenCall {
public:
    GoldenCall(const GoldenCase& golden, const std::string& prefix)
        : inputs_(golden.array(prefix + "inputs").as<S>()),
          shape_(golden.array(prefix + "inputs").dims[0], golden.array(prefix + "inputs").dims[1],
                 golden.array(prefix + "inputs").dims[2]),
          is_training_(golden.flag("training")),
          masks_{matrices_of<S>(golden, prefix + "input_dropout_masks"),
                 matrices_of<S>(golden, prefix + "state_dropout_masks")} {
        if (golden.has_array(prefix + "mask")) mask_ = golden.array(prefix + "mask").as<unsigned char>();
        if (golden.has_array(prefix + "initial_state")) state_ = matrix_of<S>(golden.array(prefix + "initial_state"));
    }

    [[nodiscard]] eigengru::SequenceView<const S> inputs() const { return {inputs_, shape_}; }

    [[nodiscard]] eigengru::CallOptions<S> options() const {
        eigengru::CallOptions<S> call{.training = is_training_, .dropout_masks = &masks_};
        if (!mask_.empty()) call.mask = {mask_, shape_.batch, shape_.time};
        if (state_.size() > 0) call.initial_state = state_;
        return call;
    }

private:
    std::vector<S> inputs_;
    eigengru::Shape3 shape_;
    bool is_training_;
    eigengru::DropoutMasks<S> masks_;
    std::vector<unsigned char> mask_;
    eigengru::RowMatrix<S> state_;
};

/// The layer of a case, its weights set.
template <class S, bool ResetAfter>
eigengru::Gru<S, ResetAfter> layer_of(const GoldenCase& golden, const eigengru::GruOptions& options) {
    eigengru::Gru<S, ResetAfter> layer(static_cast<eigengru::Index>(golden.size("features")), options);
    std::vector<eigengru::RowMatrix<S>> weights{matrix_of<S>(golden.array("kernel")),
                                                matrix_of<S>(golden.array("recurrent_kernel"))};
    if (golden.has_array("bias")) weights.push_back(matrix_of<S>(golden.array("bias")));
    layer.set_weights(weights);
    return layer;
}

/// Every recorded call of a GRU layer.
inline std::vector<GoldenCase> gru_cases() {
    std::vector<GoldenCase> cases;
    for (const char* prefix : {"gru_", "keras_unit_tests"})
        for (const auto& path : golden_files(EIGENGRU_GOLDEN_DIR, prefix))
            for (GoldenCase& golden : load_golden(path)) cases.push_back(std::move(golden));
    return cases;
}

/// The largest difference to what was recorded, relative to max(1, the largest recorded value); infinite for NaN or
/// another size.
template <class S>
double relative_difference(const GoldenArray& expected, const S* received, std::size_t size) {
    if (expected.values.size() != size) return std::numeric_limits<double>::infinity();
    double largest = 0.0;
    double scale = 1.0;
    for (std::size_t i = 0; i < size; ++i) {
        const double difference = std::abs(expected.values[i] - static_cast<double>(received[i]));
        if (!(difference <= largest)) largest = std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
        scale = std::max(scale, std::abs(expected.values[i]));
    }
    return largest / scale;
}

}  // namespace eigengru_test
