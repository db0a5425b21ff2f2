// SPDX-License-Identifier: MIT
// The configuration of layers as Keras 3 saves it (get_config), each key in Keras's order.
#pragma once

#include "eigengru/io/keras_write_values.hpp"
#include "eigengru/layer/sequential.hpp"

namespace eigengru::inline EIGENGRU_ABI::io::detail {

/// What all layers of a model have in common when they are written.
struct WriteContext {
    Where where;             ///< for errors; names the layer
    std::string_view dtype;  ///< "float32" or "float64"
    std::string name;        ///< of the layer, as Keras allows it
};

[[nodiscard]] inline OrderedJson dtype_json(std::string_view dtype) {
    return keras_object("keras", "DTypePolicy", {{"name", dtype}});
}

[[nodiscard]] inline OrderedJson begin_config(const WriteContext& context, bool is_trainable) {
    return {{"name", context.name}, {"trainable", is_trainable}, {"dtype", dtype_json(context.dtype)}};
}

[[nodiscard]] inline OrderedJson config_json(const GruConfig& gru, const WriteContext& context) {
    const GruOptions& o = gru.options;
    OrderedJson c = begin_config(context, o.trainable);
    c["return_sequences"] = o.return_sequences;
    c["return_state"] = o.return_state;
    c["go_backwards"] = o.go_backwards;
    c["stateful"] = o.stateful;
    c["unroll"] = o.unroll;
    c["zero_output_for_mask"] = o.zero_output_for_mask;
    c["units"] = o.units;
    c["activation"] = activation_json(o.activation, context.where);
    c["recurrent_activation"] = activation_json(o.recurrent_activation, context.where);
    c["use_bias"] = o.use_bias;
    c["kernel_initializer"] = initializer_json(o.kernel_initializer);
    c["recurrent_initializer"] = initializer_json(o.recurrent_initializer);
    c["bias_initializer"] = initializer_json(o.bias_initializer);
    c["kernel_regularizer"] = regularizer_json(o.kernel_regularizer);
    c["recurrent_regularizer"] = regularizer_json(o.recurrent_regularizer);
    c["bias_regularizer"] = regularizer_json(o.bias_regularizer);
    c["activity_regularizer"] = regularizer_json(o.activity_regularizer);
    c["kernel_constraint"] = constraint_json(o.kernel_constraint);
    c["recurrent_constraint"] = constraint_json(o.recurrent_constraint);
    c["bias_constraint"] = constraint_json(o.bias_constraint);
    c["dropout"] = o.dropout;
    c["recurrent_dropout"] = o.recurrent_dropout;
    c["reset_after"] = gru.reset_after;
    c["seed"] = seed_json(o.seed);
    return c;
}

[[nodiscard]] inline OrderedJson options_json(const DenseOptions& o, const WriteContext& context) {
    OrderedJson c = begin_config(context, o.trainable);
    c["units"] = o.units;
    c["activation"] = activation_json(o.activation, context.where);
    c["use_bias"] = o.use_bias;
    c["kernel_initializer"] = initializer_json(o.kernel_initializer);
    c["bias_initializer"] = initializer_json(o.bias_initializer);
    c["kernel_regularizer"] = regularizer_json(o.kernel_regularizer);
    c["bias_regularizer"] = regularizer_json(o.bias_regularizer);
    c["activity_regularizer"] = regularizer_json(o.activity_regularizer);
    c["kernel_constraint"] = constraint_json(o.kernel_constraint);
    c["bias_constraint"] = constraint_json(o.bias_constraint);
    return c;
}

[[nodiscard]] inline OrderedJson options_json(const EmbeddingOptions& o, const WriteContext& context) {
    OrderedJson c = begin_config(context, o.trainable);
    c["input_dim"] = o.input_dim;
    c["output_dim"] = o.output_dim;
    c["embeddings_initializer"] = initializer_json(o.embeddings_initializer);
    c["embeddings_regularizer"] = regularizer_json(o.embeddings_regularizer);
    c["activity_regularizer"] = nullptr;
    c["embeddings_constraint"] = constraint_json(o.embeddings_constraint);
    c["mask_zero"] = o.mask_zero;
    return c;
}

/// What both normalisations have.
template <class Options>
void add_normalization(OrderedJson& c, const Options& o) {
    c["epsilon"] = o.epsilon;
    c["center"] = o.center;
    c["scale"] = o.scale;
    c["beta_initializer"] = initializer_json(o.beta_initializer);
    c["gamma_initializer"] = initializer_json(o.gamma_initializer);
    c["beta_regularizer"] = regularizer_json(o.beta_regularizer);
    c["gamma_regularizer"] = regularizer_json(o.gamma_regularizer);
    c["beta_constraint"] = constraint_json(o.beta_constraint);
    c["gamma_constraint"] = constraint_json(o.gamma_constraint);
}

[[nodiscard]] inline OrderedJson options_json(const BatchNormalizationOptions& o, const WriteContext& context) {
    OrderedJson c = begin_config(context, o.trainable);
    c["axis"] = -1;
    c["momentum"] = o.momentum;
    add_normalization(c, o);
    c["moving_mean_initializer"] = initializer_json(o.moving_mean_initializer);
    c["moving_variance_initializer"] = initializer_json(o.moving_variance_initializer);
    return c;
}

[[nodiscard]] inline OrderedJson options_json(const LayerNormalizationOptions& o, const WriteContext& context) {
    OrderedJson c = begin_config(context, o.trainable);
    c["axis"] = -1;
    add_normalization(c, o);
    if (o.rms_scaling) c["rms_scaling"] = true;  // later versions of Keras do not know it
    return c;
}

[[nodiscard]] inline OrderedJson options_json(const MaskingOptions& o, const WriteContext& context) {
    OrderedJson c = begin_config(context, true);
    c["mask_value"] = o.mask_value;
    return c;
}

[[nodiscard]] inline OrderedJson options_json(const DropoutOptions& o, const WriteContext& context) {
    OrderedJson c = begin_config(context, true);
    c["rate"] = o.rate;
    c["seed"] = seed_json(o.seed);
    c["noise_shape"] = nullptr;
    return c;
}

[[nodiscard]] inline OrderedJson options_json(const ActivationLayerOptions& o, const WriteContext& context) {
    OrderedJson c = begin_config(context, true);
    c["activation"] = activation_json(o.activation, context.where);
    return c;
}

/// "inner_gru" for "inner/gru": Keras allows no slash in a name.
[[nodiscard]] inline std::string keras_name(std::string name) {
    std::ranges::replace(name, '/', '_');
    return name;
}

/// The class of Keras and the configuration of a layer, and what it was built for.
struct LayerJson {
    std::string_view class_name;
    OrderedJson config;
};

template <RealScalar S, bool ResetAfter>
[[nodiscard]] LayerJson layer_json(const Gru<S, ResetAfter>& layer, const WriteContext& context) {
    if (layer.options().return_state)
        EIGENGRU_THROW(OptionError, context.where.text(), ": return_state expected false in a model, received true");
    return {"GRU", config_json(layer.config(), context)};
}

template <RealScalar S, bool ResetAfter>
[[nodiscard]] LayerJson layer_json(const Bidirectional<S, ResetAfter>& layer, const WriteContext& context) {
    OrderedJson c = begin_config(context, layer.options().trainable);
    const Merge merge = layer.options().merge;
    c["merge_mode"] = merge == Merge::none ? OrderedJson(nullptr) : OrderedJson(eigengru::detail::text(merge));
    const auto direction = [&](const Gru<S, ResetAfter>& gru) {
        WriteContext own = context;
        own.name = keras_name(gru.name());
        return keras_object("keras.layers", "GRU", layer_json(gru, own).config);
    };
    c["layer"] = direction(layer.forward_layer());
    c["backward_layer"] = direction(layer.backward_layer());
    return {"Bidirectional", std::move(c)};
}

template <RealScalar S>
[[nodiscard]] LayerJson layer_json(const Dense<S>& layer, const WriteContext& context) {
    return {"Dense", options_json(layer.options(), context)};
}
template <RealScalar S>
[[nodiscard]] LayerJson layer_json(const Embedding<S>& layer, const WriteContext& context) {
    return {"Embedding", options_json(layer.options(), context)};
}
template <RealScalar S>
[[nodiscard]] LayerJson layer_json(const BatchNormalization<S>& layer, const WriteContext& context) {
    return {"BatchNormalization", options_json(layer.options(), context)};
}
template <RealScalar S>
[[nodiscard]] LayerJson layer_json(const LayerNormalization<S>& layer, const WriteContext& context) {
    return {"LayerNormalization", options_json(layer.options(), context)};
}
template <RealScalar S>
[[nodiscard]] LayerJson layer_json(const Masking<S>& layer, const WriteContext& context) {
    return {"Masking", options_json(layer.options(), context)};
}
template <RealScalar S>
[[nodiscard]] LayerJson layer_json(const Dropout<S>& layer, const WriteContext& context) {
    return {"Dropout", options_json(layer.options(), context)};
}
template <RealScalar S>
[[nodiscard]] LayerJson layer_json(const ActivationLayer<S>& layer, const WriteContext& context) {
    return {"Activation", options_json(layer.options(), context)};
}

}  // namespace eigengru::inline EIGENGRU_ABI::io::detail
