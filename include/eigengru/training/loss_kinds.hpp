// SPDX-License-Identifier: MIT
// The names and parameters of the losses, and how a loss over a batch becomes one number.
#pragma once

#include "eigengru/math/names.hpp"

#include <cstdint>
#include <optional>

namespace eigengru::inline EIGENGRU_ABI {

/// How the losses of all time steps become one number; see Loss.
enum class LossReduction { sum_over_batch_size, sum, mean_with_sample_weight, none };

template <>
struct KerasNames<LossReduction> {
    using enum LossReduction;
    static constexpr std::string_view what = "Loss: reduction";
    static constexpr auto table =
        std::to_array<NamedKind<LossReduction>>({{"sum_over_batch_size", sum_over_batch_size},
                                                 {"mean", sum_over_batch_size},
                                                 {"sum", sum},
                                                 {"mean_with_sample_weight", mean_with_sample_weight},
                                                 {"none", none}});
};

enum class LossKind {
    mean_squared_error,
    mean_absolute_error,
    huber,
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy
};

template <>
struct KerasNames<LossKind> {
    using enum LossKind;
    static constexpr std::string_view what = "Loss";
    // clang-format off: one kind a line
    static constexpr auto table = std::to_array<NamedKind<LossKind>>({
        {"mean_squared_error", mean_squared_error},
        {"MeanSquaredError", mean_squared_error},
        {"mse", mean_squared_error},
        {"MSE", mean_squared_error},
        {"mean_absolute_error", mean_absolute_error},
        {"MeanAbsoluteError", mean_absolute_error},
        {"mae", mean_absolute_error},
        {"MAE", mean_absolute_error},
        {"huber", huber},
        {"Huber", huber},
        {"binary_crossentropy", binary_crossentropy},
        {"BinaryCrossentropy", binary_crossentropy},
        {"bce", binary_crossentropy},
        {"BCE", binary_crossentropy},
        {"categorical_crossentropy", categorical_crossentropy},
        {"CategoricalCrossentropy", categorical_crossentropy},
        {"sparse_categorical_crossentropy", sparse_categorical_crossentropy},
        {"SparseCategoricalCrossentropy", sparse_categorical_crossentropy},
    });
    // clang-format on
};

/// Parameter of mean_squared_error and mean_absolute_error.
struct MeanErrorOptions {
    Named<LossReduction> reduction = LossReduction::sum_over_batch_size;
};

/// Parameters of huber; delta > 0 is the error from which on the loss is linear.
struct HuberOptions {
    double delta = 1.0;
    Named<LossReduction> reduction = LossReduction::sum_over_batch_size;
};

/// Parameters of binary_crossentropy and categorical_crossentropy; label_smoothing in [0, 1] moves the targets that far
/// towards all being equal.
struct CrossentropyOptions {
    bool from_logits = false;  ///< predictions are logits, not probabilities
    double label_smoothing = 0.0;
    Named<LossReduction> reduction = LossReduction::sum_over_batch_size;
};

/// Parameters of sparse_categorical_crossentropy; a step whose target is ignore_class counts as masked.
struct SparseCategoricalCrossentropyOptions {
    bool from_logits = false;  ///< predictions are logits, not probabilities
    std::optional<std::int64_t> ignore_class = {};
    Named<LossReduction> reduction = LossReduction::sum_over_batch_size;
};

/// The parameters of all kinds. A kind sets its own and leaves the others at their defaults.
struct LossParameters {
    double delta = 1.0;
    bool from_logits = false;
    double label_smoothing = 0.0;
    std::optional<std::int64_t> ignore_class = {};

    friend bool operator==(const LossParameters&, const LossParameters&) = default;
};

}  // namespace eigengru::inline EIGENGRU_ABI
