// SPDX-License-Identifier: MIT
// The layers of a Keras model as config.json lists them, and the options of the C++ layers from theirs.
//
// Every argument of a layer is honoured or refused by name, unless it is null or false. Ignored, since they change no
// number here: "trainable" of layers without weights, "dtype" (all is computed in Scalar; quantized weights are
// refused), "implementation" of a GRU, "optional" and the batch and time sizes of an input; and outside of a layer's
// own config all but the number of features it was built for ("compile_config", "shared_object_id" and the like).
#pragma once

#include "eigengru/io/keras_values.hpp"
#include "eigengru/layer/activation_layer.hpp"
#include "eigengru/layer/dense.hpp"
#include "eigengru/layer/dropout_layer.hpp"
#include "eigengru/layer/gru.hpp"
#include "eigengru/layer/masking.hpp"

#include <map>

namespace eigengru::inline EIGENGRU_ABI::io {

/// The layers of Keras that there are classes for.
inline constexpr auto kKnownLayers =
    std::to_array<std::string_view>({"InputLayer", "Masking", "GRU", "Dense", "Dropout", "Activation"});

/// A layer in config.json, and where its weights stand.
struct KerasLayer {
    std::string class_name;  ///< "GRU"; the registered name of a class that is not Keras's own
    std::string group;       ///< its group of weights: "gru", "gru_1": by class, whatever the layer's own name
    Index features = 0;      ///< of its inputs; 0 when the file does not say
    JsonObject config;

    [[nodiscard]] bool is(std::string_view name) const { return class_name == name; }
    [[nodiscard]] std::string name() const { return config.find("name") != nullptr ? config.string("name") : group; }
};

namespace detail {

/// Keras's rule for the names of groups: "GRU" gives gru, "InputLayer" input_layer, "Conv1D" conv1d.
[[nodiscard]] inline std::string snake_case(std::string_view class_name) {
    const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
    const auto is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
    std::string result;
    for (std::size_t i = 0; i < class_name.size(); ++i) {
        const char c = class_name[i];
        const bool starts_word = i > 0 && is_upper(c) && i + 1 < class_name.size() && is_lower(class_name[i + 1]);
        const bool ends_word = i > 0 && is_upper(c) && is_lower(class_name[i - 1]);
        if (starts_word || ends_word) result += '_';
        result += is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return result;
}

/// Gives out the names of groups: the second "gru" is gru_1.
class GroupNames {
public:
    [[nodiscard]] std::string next(const std::string& name) {
        const int before = count_[name]++;
        return before == 0 ? name : eigengru::detail::text(name, "_", before);
    }

private:
    std::map<std::string, int> count_;
};

/// The last size of a shape [batch, time, features], 0 when it is not known.
[[nodiscard]] inline Index last_size(const JsonObject& object, std::string_view key) {
    const Json& shape = object.array(key);
    if (shape.empty() || shape.back().is_null()) return 0;
    return object.size(shape.back(), key);
}

[[nodiscard]] inline Index built_features(const JsonObject& layer) {
    const Json* build = layer.find("build_config");
    if (build == nullptr) return 0;
    const JsonObject config(*build, layer.where().in("build_config"));
    return config.find("input_shape") == nullptr ? 0 : last_size(config, "input_shape");
}

/// The class as config.json names it, or, when it is a user's own, its registered name.
[[nodiscard]] inline std::string full_class_name(const JsonObject& layer) {
    const Json* registered = layer.find("registered_name");
    if (registered != nullptr) return layer.string("registered_name");
    const std::string name = layer.string("class_name");
    const Json* module = layer.find("module");
    const std::string home = module == nullptr ? "keras" : layer.string("module");
    return home == "keras" || home.starts_with("keras.") ? name : home + "." + name;
}

}  // namespace detail

/// The layers of a model in their order. Throws: FormatError, for a class of models other than those in `known` too.
[[nodiscard]] inline std::vector<KerasLayer> layers_of(const Json& model, const Where& where,
                                                       const std::vector<std::string_view>& known = {"Sequential"}) {
    const JsonObject object(model, where);
    const std::string class_name = detail::full_class_name(object);
    if (std::ranges::find(known, class_name) == known.end())
        where.fail("expected a model of class ", eigengru::detail::quoted_list(known), ", received \"", class_name,
                   "\"");
    const JsonObject config = object.object("config");
    std::vector<KerasLayer> layers;
    detail::GroupNames groups;
    for (const Json& json : config.array("layers")) {
        const JsonObject layer(json, where.in("layer ", layers.size()));
        const std::string group = groups.next(detail::snake_case(layer.string("class_name")));
        const JsonObject arguments = layer.object("config");
        const std::string name = arguments.find("name") == nullptr ? group : arguments.string("name");
        const Where here = where.in("layer \"", name, "\"");
        layers.push_back({detail::full_class_name(layer), group, detail::built_features({json, here}),
                          JsonObject(json.at("config"), here)});
    }
    return layers;
}

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
    explicit LayerArguments(const JsonObject& config) : config_(config) {}

    [[nodiscard]] Activation activation(std::string_view key, const Activation& otherwise) const {
        return config_.has(key) ? activation_from(config_.find(key), at(key)) : otherwise;
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
};

inline void check_gru_arguments(const JsonObject& config) {
    config.allow_only({"name",
                       "trainable",
                       "dtype",
                       "implementation",
                       "units",
                       "activation",
                       "recurrent_activation",
                       "use_bias",
                       "kernel_initializer",
                       "recurrent_initializer",
                       "bias_initializer",
                       "kernel_regularizer",
                       "recurrent_regularizer",
                       "bias_regularizer",
                       "activity_regularizer",
                       "kernel_constraint",
                       "recurrent_constraint",
                       "bias_constraint",
                       "dropout",
                       "recurrent_dropout",
                       "seed",
                       "return_sequences",
                       "return_state",
                       "go_backwards",
                       "stateful",
                       "unroll",
                       "zero_output_for_mask",
                       "reset_after"});
    check_dtype(config);
}

}  // namespace detail

/// What a GRU was constructed with; `features` may be 0, for unknown. use_cudnn is not saved by Keras: "auto".
/// Throws: FormatError.
[[nodiscard]] inline GruConfig gru_config(const KerasLayer& layer) {
    const JsonObject& c = layer.config;
    detail::check_gru_arguments(c);
    const detail::LayerArguments a(c);
    const GruOptions defaults;
    return {.features = layer.features,
            .reset_after = c.flag("reset_after", true),
            .options = {.units = c.size("units"),
                        .activation = a.activation("activation", defaults.activation),
                        .recurrent_activation = a.activation("recurrent_activation", defaults.recurrent_activation),
                        .use_bias = c.flag("use_bias", true),
                        .kernel_initializer = a.initializer("kernel_initializer", defaults.kernel_initializer),
                        .recurrent_initializer = a.initializer("recurrent_initializer", defaults.recurrent_initializer),
                        .bias_initializer = a.initializer("bias_initializer", defaults.bias_initializer),
                        .kernel_regularizer = a.regularizer("kernel_regularizer"),
                        .recurrent_regularizer = a.regularizer("recurrent_regularizer"),
                        .bias_regularizer = a.regularizer("bias_regularizer"),
                        .activity_regularizer = a.regularizer("activity_regularizer"),
                        .kernel_constraint = a.constraint("kernel_constraint"),
                        .recurrent_constraint = a.constraint("recurrent_constraint"),
                        .bias_constraint = a.constraint("bias_constraint"),
                        .dropout = c.number("dropout", 0.0),
                        .recurrent_dropout = c.number("recurrent_dropout", 0.0),
                        .seed = c.seed("seed"),
                        .return_sequences = c.flag("return_sequences", false),
                        .return_state = c.flag("return_state", false),
                        .go_backwards = c.flag("go_backwards", false),
                        .stateful = c.flag("stateful", false),
                        .unroll = c.flag("unroll", false),
                        .zero_output_for_mask = c.flag("zero_output_for_mask", false),
                        .name = layer.name(),
                        .trainable = c.flag("trainable", true)}};
}

/// Throws: FormatError.
[[nodiscard]] inline DenseOptions dense_options(const KerasLayer& layer) {
    const JsonObject& c = layer.config;
    c.allow_only({"name", "trainable", "dtype", "units", "activation", "use_bias", "kernel_initializer",
                  "bias_initializer", "kernel_regularizer", "bias_regularizer", "activity_regularizer",
                  "kernel_constraint", "bias_constraint"});
    detail::check_dtype(c);
    const detail::LayerArguments a(c);
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
            .name = layer.name(),
            .trainable = c.flag("trainable", true)};
}

/// Throws: FormatError; also for a mask_value of several numbers.
[[nodiscard]] inline MaskingOptions masking_options(const KerasLayer& layer) {
    layer.config.allow_only({"name", "trainable", "dtype", "mask_value"});
    return {.mask_value = layer.config.number("mask_value", 0.0), .name = layer.name()};
}

/// Throws: FormatError; also for a noise_shape.
[[nodiscard]] inline DropoutOptions dropout_options(const KerasLayer& layer) {
    layer.config.allow_only({"name", "trainable", "dtype", "rate", "seed"});
    return {.rate = layer.config.number("rate"), .seed = layer.config.seed("seed"), .name = layer.name()};
}

/// Throws: FormatError.
[[nodiscard]] inline ActivationLayerOptions activation_layer_options(const KerasLayer& layer) {
    layer.config.allow_only({"name", "trainable", "dtype", "activation"});
    return {.activation = activation_from(layer.config.find("activation"), layer.config.where().in("activation")),
            .name = layer.name()};
}

/// The features of the model's input, 0 when the file does not say. Throws: FormatError.
[[nodiscard]] inline Index input_features(const KerasLayer& layer) {
    layer.config.allow_only({"name", "trainable", "dtype", "batch_shape", "optional"});
    detail::check_dtype(layer.config);
    return detail::last_size(layer.config, "batch_shape");
}

}  // namespace eigengru::inline EIGENGRU_ABI::io
