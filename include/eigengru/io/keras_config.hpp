// SPDX-License-Identifier: MIT
// The options of the C++ layers from the arguments that Keras saves of its own.
//
// Every argument of a layer is honoured or refused by name, unless it is null or false. Ignored, since they change no
// number here: "trainable" of layers without weights, "dtype" (all is computed in Scalar; quantized weights are
// refused), "implementation" of a GRU, "optional" and the batch and time sizes of an input; and outside of a layer's
// own config all but the number of features it was built for ("compile_config", "shared_object_id" and the like).
#pragma once

#include "eigengru/io/keras_layers.hpp"
#include "eigengru/io/keras_values.hpp"
#include "eigengru/layer/activation_layer.hpp"
#include "eigengru/layer/batch_normalization.hpp"
#include "eigengru/layer/dense.hpp"
#include "eigengru/layer/dropout_layer.hpp"
#include "eigengru/layer/embedding.hpp"
#include "eigengru/layer/layer_normalization.hpp"
#include "eigengru/layer/masking.hpp"

namespace eigengru::inline EIGENGRU_ABI::io {

namespace detail {

/// The name of a layer's dtype policy; of one that is no plain floating type, the name of its class.
[[nodiscard]] inline std::string dtype_name(const JsonObject& config) {
    if (!config.find("dtype")->is_object()) return config.string("dtype");
    const JsonObject policy = config.object("dtype");
    const std::string class_name = policy.string("class_name");
    return class_name == "DTypePolicy" ? policy.object("config").string("name") : class_name;
}

/// Weights of any floating type convert; quantized ones have other shapes, and scales of their own.
inline void check_dtype(const JsonObject& config) {
    constexpr auto known = std::to_array<std::string_view>(
        {"float16", "bfloat16", "float32", "float64", "mixed_float16", "mixed_bfloat16"});
    if (config.find("dtype") == nullptr) return;
    const std::string name = dtype_name(config);
    if (std::ranges::find(known, name) == known.end())
        config.where().fail("dtype expected one of ", eigengru::detail::quoted_list(known), ", received \"", name,
                            "\"");
}

/// The values of a layer's arguments: what is missing has the default of the C++ layer, which is Keras's; null has the
/// meaning that Keras gives to None.
class LayerArguments {
public:
    LayerArguments(const JsonObject& config, const KerasDialect& dialect)
        : config_(config), is_keras2_(dialect.is_keras2) {}

    [[nodiscard]] Activation activation(std::string_view key, const Activation& otherwise) const {
        return config_.has(key) ? activation_from(config_.find(key), at(key), is_keras2_) : otherwise;
    }
    [[nodiscard]] Initializer initializer(std::string_view key, const Initializer& otherwise) const {
        return config_.has(key) ? initializer_from(config_.find(key), at(key)) : otherwise;
    }
    [[nodiscard]] Regularizer regularizer(std::string_view key) const {
        return regularizer_from(config_.find(key), at(key));
    }
    [[nodiscard]] Constraint constraint(std::string_view key) const {
        return constraint_from(config_.find(key), at(key));
    }

private:
    [[nodiscard]] Where at(std::string_view key) const { return config_.where().in(key); }

    const JsonObject& config_;
    bool is_keras2_;
};

/// The arguments that every layer of Keras has.
inline constexpr auto kLayerArguments =
    std::to_array<std::string_view>({"name", "trainable", "dtype", "batch_input_shape"});

/// Refuses arguments that are in neither list, and dtypes whose weights are no plain numbers.
inline void check_arguments(const JsonObject& config, std::initializer_list<std::string_view> own) {
    std::vector<std::string_view> known(kLayerArguments.begin(), kLayerArguments.end());
    known.insert(known.end(), own);
    config.allow_only(known);
    check_dtype(config);
}

}  // namespace detail

/// Throws: FormatError.
[[nodiscard]] inline DenseOptions dense_options(const KerasLayer& layer) {
    const JsonObject& c = layer.config;
    detail::check_arguments(
        c, {"units", "activation", "use_bias", "kernel_initializer", "bias_initializer", "kernel_regularizer",
            "bias_regularizer", "activity_regularizer", "kernel_constraint", "bias_constraint"});
    const detail::LayerArguments a(c, layer.dialect);
    const DenseOptions defaults;
    return {.units = c.size("units"),
            .activation = a.activation("activation", defaults.activation),
            .use_bias = c.flag("use_bias", true),
            .kernel_initializer = a.initializer("kernel_initializer", defaults.kernel_initializer),
            .bias_initializer = a.initializer("bias_initializer", defaults.bias_initializer),
            .kernel_regularizer = a.regularizer("kernel_regularizer"),
            .bias_regularizer = a.regularizer("bias_regularizer"),
            .activity_regularizer = a.regularizer("activity_regularizer"),
            .kernel_constraint = a.constraint("kernel_constraint"),
            .bias_constraint = a.constraint("bias_constraint"),
            .name = layer.name,
            .trainable = c.flag("trainable", true)};
}

/// Throws: FormatError; also for a mask_value of several numbers.
[[nodiscard]] inline MaskingOptions masking_options(const KerasLayer& layer) {
    detail::check_arguments(layer.config, {"mask_value"});
    return {.mask_value = layer.config.number("mask_value", 0.0), .name = layer.name};
}

/// Throws: FormatError; also for a noise_shape.
[[nodiscard]] inline DropoutOptions dropout_options(const KerasLayer& layer) {
    detail::check_arguments(layer.config, {"rate", "seed"});
    return {.rate = layer.config.number("rate"), .seed = layer.config.seed("seed"), .name = layer.name};
}

/// Throws: FormatError.
[[nodiscard]] inline ActivationLayerOptions activation_layer_options(const KerasLayer& layer) {
    detail::check_arguments(layer.config, {"activation"});
    const detail::LayerArguments a(layer.config, layer.dialect);
    return {.activation = a.activation("activation", {}), .name = layer.name};
}

/// Throws: FormatError.
[[nodiscard]] inline EmbeddingOptions embedding_options(const KerasLayer& layer) {
    const JsonObject& c = layer.config;
    detail::check_arguments(c, {"input_dim", "output_dim", "embeddings_initializer", "embeddings_regularizer",
                                "embeddings_constraint", "mask_zero", "input_length"});
    const detail::LayerArguments a(c, layer.dialect);
    const EmbeddingOptions defaults;
    return {.input_dim = c.size("input_dim"),
            .output_dim = c.size("output_dim"),
            .embeddings_initializer = a.initializer("embeddings_initializer", defaults.embeddings_initializer),
            .embeddings_regularizer = a.regularizer("embeddings_regularizer"),
            .embeddings_constraint = a.constraint("embeddings_constraint"),
            .mask_zero = c.flag("mask_zero", false),
            .name = layer.name,
            .trainable = c.flag("trainable", true)};
}

namespace detail {

/// Normalisation over the features is what there is; Keras writes that axis as -1, or counted from the front.
inline void check_last_axis(const JsonObject& config, bool is_sequence) {
    const Json* axis = config.find("axis");
    if (axis == nullptr) return;
    const Json& only = axis->is_array() && axis->size() == 1 ? axis->front() : *axis;
    if (only != -1 && only != (is_sequence ? 2 : 1))
        config.fail("axis", is_sequence ? "-1, or 2 for sequences" : "-1, or 1 behind a last output", *axis);
}

}  // namespace detail

/// `is_sequence`: what it normalises has a time axis. Throws: FormatError; also for an axis other than the last one.
[[nodiscard]] inline BatchNormalizationOptions batch_normalization_options(const KerasLayer& layer,
                                                                           bool is_sequence = true) {
    const JsonObject& c = layer.config;
    // Of no meaning outside of training, or without renorm: synchronized, renorm_clipping, renorm_momentum.
    detail::check_arguments(
        c, {"axis", "momentum", "epsilon", "center", "scale", "beta_initializer", "gamma_initializer",
            "moving_mean_initializer", "moving_variance_initializer", "beta_regularizer", "gamma_regularizer",
            "beta_constraint", "gamma_constraint", "synchronized", "renorm_momentum"});
    detail::check_last_axis(c, is_sequence);
    const detail::LayerArguments a(c, layer.dialect);
    return {.momentum = c.number("momentum", 0.99),
            .epsilon = c.number("epsilon", 1e-3),
            .center = c.flag("center", true),
            .scale = c.flag("scale", true),
            .beta_initializer = a.initializer("beta_initializer", "zeros"),
            .gamma_initializer = a.initializer("gamma_initializer", "ones"),
            .moving_mean_initializer = a.initializer("moving_mean_initializer", "zeros"),
            .moving_variance_initializer = a.initializer("moving_variance_initializer", "ones"),
            .beta_regularizer = a.regularizer("beta_regularizer"),
            .gamma_regularizer = a.regularizer("gamma_regularizer"),
            .beta_constraint = a.constraint("beta_constraint"),
            .gamma_constraint = a.constraint("gamma_constraint"),
            .name = layer.name,
            .trainable = c.flag("trainable", true)};
}

/// `is_sequence`: what it normalises has a time axis. Throws: FormatError; also for an axis other than the last one.
[[nodiscard]] inline LayerNormalizationOptions layer_normalization_options(const KerasLayer& layer,
                                                                           bool is_sequence = true) {
    const JsonObject& c = layer.config;
    detail::check_arguments(
        c, {"axis", "epsilon", "center", "scale", "rms_scaling", "beta_initializer", "gamma_initializer",
            "beta_regularizer", "gamma_regularizer", "beta_constraint", "gamma_constraint"});
    detail::check_last_axis(c, is_sequence);
    const detail::LayerArguments a(c, layer.dialect);
    return {.epsilon = c.number("epsilon", 1e-3),
            .center = c.flag("center", true),
            .scale = c.flag("scale", true),
            .beta_initializer = a.initializer("beta_initializer", "zeros"),
            .gamma_initializer = a.initializer("gamma_initializer", "ones"),
            .beta_regularizer = a.regularizer("beta_regularizer"),
            .gamma_regularizer = a.regularizer("gamma_regularizer"),
            .beta_constraint = a.constraint("beta_constraint"),
            .gamma_constraint = a.constraint("gamma_constraint"),
            .rms_scaling = c.flag("rms_scaling", false),
            .name = layer.name,
            .trainable = c.flag("trainable", true)};
}

/// The features of the model's input, 0 when the file does not say. Throws: FormatError.
[[nodiscard]] inline Index input_features(const KerasLayer& layer) {
    detail::check_arguments(layer.config, {"batch_shape", "optional"});
    const std::string_view key = layer.config.find("batch_shape") != nullptr ? "batch_shape" : "batch_input_shape";
    return detail::last_size(layer.config, key);
}

}  // namespace eigengru::inline EIGENGRU_ABI::io
