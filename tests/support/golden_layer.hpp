// SPDX-License-Identifier: MIT
// Golden cases as the library's own types: options, weights and calls of a Gru from a GoldenCase.
#pragma once

#include "eigengru/eigengru.hpp"
#include "support/golden_math.hpp"

#include <string>
#include <utility>
#include <vector>

namespace eigengru_test {

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

/// A recorded stack of matrices, (count, rows, cols).
template <class S>
std::vector<eigengru::RowMatrix<S>> matrices_of(const GoldenCase& golden, const std::string& key) {
    std::vector<eigengru::RowMatrix<S>> result;
    if (!golden.has_array(key)) return result;
    const GoldenArray& array = golden.array(key);
    const auto rows = static_cast<eigengru::Index>(array.dims.at(1));
    const auto cols = static_cast<eigengru::Index>(array.dims.at(2));
    const std::vector<S> values = array.as<S>();
    const S* data = values.data();
    for (std::size_t i = 0; i < array.dims[0]; ++i, data += rows * cols)
        result.push_back(eigengru::MatrixView<const S>(data, rows, cols).map());
    return result;
}

/// The options of a case with regularizers.
inline eigengru::GruOptions regularized_options(const GoldenCase& golden) {
    return {.units = static_cast<eigengru::Index>(golden.size("units")),
            .activation = activation_of(golden, "activation"),
            .recurrent_activation = activation_of(golden, "recurrent_activation"),
            .use_bias = golden.flag("use_bias"),
            .kernel_regularizer = regularizer_of(golden, "kernel_regularizer"),
            .recurrent_regularizer = regularizer_of(golden, "recurrent_regularizer"),
            .bias_regularizer = regularizer_of(golden, "bias_regularizer"),
            .activity_regularizer = regularizer_of(golden, "activity_regularizer"),
            .return_sequences = golden.flag("return_sequences"),
            .return_state = golden.flag("return_state"),
            .zero_output_for_mask = golden.flag("zero_output_for_mask")};
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

}  // namespace eigengru_test
