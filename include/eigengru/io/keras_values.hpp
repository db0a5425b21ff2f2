// SPDX-License-Identifier: MIT
// Activations, initializers, regularizers and constraints from the JSON in which Keras saves them.
#pragma once

#include "eigengru/io/keras_json.hpp"
#include "eigengru/math/activation.hpp"
#include "eigengru/math/constraint.hpp"
#include "eigengru/math/initializer.hpp"
#include "eigengru/math/regularizer.hpp"

namespace eigengru::inline EIGENGRU_ABI::io {

/// An object as Keras saves it: {module, class_name, config, registered_name}, and nothing else of meaning.
///
/// Invariant: the class is Keras's own. A user's class may have the same name, so it is told by its module.
class KerasObject {
public:
    /// Throws: FormatError for a class that is not Keras's own, which is named.
    KerasObject(const Json& json, const Where& where)
        : object_(json, where), class_name_(object_.string("class_name")) {
        const Json* registered = object_.find("registered_name");
        if (registered != nullptr && *registered != class_name_)
            where.fail("expected a class of Keras, received ", detail::shown(*registered));
        const Json* module = object_.find("module");
        const bool is_foreign =
            module != nullptr && !(module->is_string() && is_keras_module(module->get<std::string>()));
        if (is_foreign)
            where.fail("expected a class of Keras, received \"", class_name_, "\" of module ", detail::shown(*module));
    }

    [[nodiscard]] const std::string& class_name() const { return class_name_; }
    [[nodiscard]] const JsonObject& object() const { return object_; }

private:
    JsonObject object_;
    std::string class_name_;
};

namespace detail {

/// The parameters of an object, refusing what is not in the list.
[[nodiscard]] inline JsonObject parameters_of(const KerasObject& object,
                                              std::initializer_list<std::string_view> known) {
    const Json* config = object.object().find("config");
    static const Json none = Json::object();
    JsonObject parameters(config != nullptr ? *config : none, object.object().where().in(object.class_name()));
    parameters.allow_only(std::span(known.begin(), known.size()));
    return parameters;
}

/// The parameters of a layer that serves as an activation, besides what every layer has.
[[nodiscard]] inline JsonObject activation_parameters(const KerasObject& layer, std::string_view a = "name",
                                                      std::string_view b = "name", std::string_view c = "name") {
    return parameters_of(layer, {"name", "trainable", "dtype", a, b, c});
}

[[nodiscard]] inline Activation relu_of(const JsonObject& p) {
    ReluOptions options{.negative_slope = p.number("negative_slope", 0.0), .threshold = p.number("threshold", 0.0)};
    const bool is_bounded = p.find("max_value") != nullptr && std::isfinite(p.number("max_value"));
    if (is_bounded) options.max_value = p.number("max_value");
    return Activation::relu(options);
}

}  // namespace detail

[[nodiscard]] inline Activation activation_from(const Json* json, const Where& where, bool is_keras2 = false);

/// hard_sigmoid as Keras 2 has it, clip(0.2 x + 0.5, 0, 1); in Keras 3 the name is that of another function.
[[nodiscard]] inline const Activation& keras2_hard_sigmoid() {
    static const Activation activation = Activation::custom(
        "hard_sigmoid of Keras 2",
        [](auto x) {
            using S = decltype(x);
            return std::clamp(S(0.2) * x + S(0.5), S(0), S(1));
        },
        [](auto, auto y) { return y > 0 && y < 1 ? decltype(y)(0.2) : decltype(y)(0); });
    return activation;
}

namespace detail {

[[nodiscard]] inline Activation activation_of_name(const std::string& name, bool is_keras2) {
    return is_keras2 && name == "hard_sigmoid" ? keras2_hard_sigmoid() : Activation(name);
}

/// A layer of keras.layers that Keras accepts, and saves, in the place of an activation function.
[[nodiscard]] inline Activation activation_of_layer(const KerasObject& layer, bool is_keras2) {
    const std::string& name = layer.class_name();
    const Where& where = layer.object().where();
    if (name == "LeakyReLU") {
        const std::string_view slope = is_keras2 ? "alpha" : "negative_slope";
        return Activation::leaky_relu({.negative_slope = activation_parameters(layer, slope).number(slope, 0.3)});
    }
    if (name == "ReLU") return relu_of(activation_parameters(layer, "negative_slope", "max_value", "threshold"));
    if (name == "ELU") return Activation::elu({.alpha = activation_parameters(layer, "alpha").number("alpha", 1.0)});
    if (name == "Softmax") {
        if (activation_parameters(layer, "axis").number("axis", -1.0) != -1.0)
            where.fail("Softmax: axis expected -1, received another one");
        return "softmax";
    }
    if (name == "Activation") {
        const JsonObject p = activation_parameters(layer, "activation");
        return activation_from(p.find("activation"), where.in(name), is_keras2);
    }
    where.fail(
        "expected the name of an activation, or a layer out of \"LeakyReLU\", \"ReLU\", \"ELU\", \"Softmax\", "
        "\"Activation\", received \"",
        name, "\"");
}

}  // namespace detail

/// A name, a function {"class_name": "function", "config": name}, a layer that Keras accepts as an activation, or
/// nullptr for linear. Throws: FormatError.
[[nodiscard]] inline Activation activation_from(const Json* json, const Where& where, bool is_keras2) {
    return detail::in_file(where, [&]() -> Activation {
        if (json == nullptr) return {};
        if (json->is_string()) return detail::activation_of_name(json->get<std::string>(), is_keras2);
        const JsonObject object(*json, where);
        if (object.string("class_name") == "function")
            return detail::activation_of_name(object.string("config"), is_keras2);
        return detail::activation_of_layer(KerasObject(*json, where), is_keras2);
    });
}

namespace detail {

[[nodiscard]] inline Initializer random_initializer(InitializerKind kind, const JsonObject& p) {
    const Seed seed = p.seed("seed");
    const NormalOptions normal{.mean = p.number("mean", 0.0), .stddev = p.number("stddev", 0.05), .seed = seed};
    switch (kind) {
        case InitializerKind::random_normal: return Initializer::random_normal(normal);
        case InitializerKind::truncated_normal: return Initializer::truncated_normal(normal);
        case InitializerKind::random_uniform:
            return Initializer::random_uniform(
                {.minval = p.number("minval", -0.05), .maxval = p.number("maxval", 0.05), .seed = seed});
        case InitializerKind::variance_scaling: {
            VarianceScalingOptions options{.scale = p.number("scale", 1.0), .seed = seed};
            if (p.find("mode") != nullptr) options.mode = p.string("mode");
            if (p.find("distribution") != nullptr) options.distribution = p.string("distribution");
            return Initializer::variance_scaling(options);
        }
        case InitializerKind::glorot_uniform: return Initializer::glorot_uniform({.seed = seed});
        case InitializerKind::glorot_normal: return Initializer::glorot_normal({.seed = seed});
        case InitializerKind::he_uniform: return Initializer::he_uniform({.seed = seed});
        case InitializerKind::he_normal: return Initializer::he_normal({.seed = seed});
        case InitializerKind::lecun_uniform: return Initializer::lecun_uniform({.seed = seed});
        case InitializerKind::lecun_normal: return Initializer::lecun_normal({.seed = seed});
        default: return Initializer::orthogonal({.gain = p.number("gain", 1.0), .seed = seed});
    }
}

/// The keys that the config of an initializer may have besides null ones (input_axes, output_axes).
[[nodiscard]] inline JsonObject initializer_parameters(InitializerKind kind, const KerasObject& object) {
    switch (kind) {
        case InitializerKind::zeros:
        case InitializerKind::ones: return parameters_of(object, {});
        case InitializerKind::constant: return parameters_of(object, {"value"});
        case InitializerKind::identity: return parameters_of(object, {"gain"});
        case InitializerKind::random_normal:
        case InitializerKind::truncated_normal: return parameters_of(object, {"mean", "stddev", "seed"});
        case InitializerKind::random_uniform: return parameters_of(object, {"minval", "maxval", "seed"});
        case InitializerKind::variance_scaling: return parameters_of(object, {"scale", "mode", "distribution", "seed"});
        case InitializerKind::orthogonal: return parameters_of(object, {"gain", "seed"});
        default: return parameters_of(object, {"seed"});
    }
}

}  // namespace detail

/// A name, an object, or nullptr for glorot_uniform, which Keras takes when there is none. Throws: FormatError.
[[nodiscard]] inline Initializer initializer_from(const Json* json, const Where& where) {
    return detail::in_file(where, [&]() -> Initializer {
        if (json == nullptr) return "glorot_uniform";
        if (json->is_string()) return json->get<std::string>();
        const KerasObject object(*json, where);
        const auto kind = eigengru::detail::kind_by_name<InitializerKind>(object.class_name());
        const JsonObject p = detail::initializer_parameters(kind, object);
        switch (kind) {
            case InitializerKind::zeros: return Initializer::zeros();
            case InitializerKind::ones: return Initializer::ones();
            case InitializerKind::constant: return Initializer::constant(p.number("value", 0.0));
            case InitializerKind::identity: return Initializer::identity(p.number("gain", 1.0));
            default: return detail::random_initializer(kind, p);
        }
    });
}

/// A name, an object, or nullptr for none. Throws: FormatError.
[[nodiscard]] inline Regularizer regularizer_from(const Json* json, const Where& where) {
    return detail::in_file(where, [&]() -> Regularizer {
        if (json == nullptr) return {};
        if (json->is_string()) return json->get<std::string>();
        const KerasObject object(*json, where);
        const auto read = [&](std::initializer_list<std::string_view> known) {
            return detail::parameters_of(object, known);
        };
        switch (eigengru::detail::kind_by_name<RegularizerKind>(object.class_name())) {
            case RegularizerKind::l1: return Regularizer::l1(read({"l1"}).number("l1", 0.01));
            case RegularizerKind::l2: return Regularizer::l2(read({"l2"}).number("l2", 0.01));
            case RegularizerKind::l1_l2: {
                const JsonObject p = read({"l1", "l2"});
                return Regularizer::l1_l2({.l1 = p.number("l1", 0.0), .l2 = p.number("l2", 0.0)});
            }
            default: {
                const JsonObject p = read({"factor", "mode"});
                OrthogonalRegularizerOptions options{.factor = p.number("factor", 0.01)};
                if (p.find("mode") != nullptr) options.mode = p.string("mode");
                return Regularizer::orthogonal(options);
            }
        }
    });
}

namespace detail {

/// One axis or a list of them, 0 when there is none.
[[nodiscard]] inline Axes axes_of(const JsonObject& p) {
    const Json* json = p.find("axis");
    if (json == nullptr) return 0;
    std::vector<int> axes;
    for (const Json& axis : json->is_array() ? *json : Json::array({*json})) {
        const bool is_axis = axis.is_number_integer() && axis >= -2 && axis <= 1;
        if (!is_axis) p.fail("axis", "axes from -2 to 1", *json);
        axes.push_back(axis.get<int>());
    }
    return Axes(std::span<const int>(axes));
}

}  // namespace detail

/// A name, an object, or nullptr for none. Throws: FormatError.
[[nodiscard]] inline Constraint constraint_from(const Json* json, const Where& where) {
    return detail::in_file(where, [&]() -> Constraint {
        if (json == nullptr) return {};
        if (json->is_string()) return json->get<std::string>();
        const KerasObject object(*json, where);
        const auto read = [&](std::initializer_list<std::string_view> known) {
            return detail::parameters_of(object, known);
        };
        switch (eigengru::detail::kind_by_name<ConstraintKind>(object.class_name())) {
            case ConstraintKind::max_norm: {
                const JsonObject p = read({"max_value", "axis"});
                return Constraint::max_norm({.max_value = p.number("max_value", 2.0), .axis = detail::axes_of(p)});
            }
            case ConstraintKind::non_neg: return read({}), Constraint::non_neg();
            case ConstraintKind::unit_norm: return Constraint::unit_norm({.axis = detail::axes_of(read({"axis"}))});
            default: {
                const JsonObject p = read({"min_value", "max_value", "rate", "axis"});
                return Constraint::min_max_norm({.min_value = p.number("min_value", 0.0),
                                                 .max_value = p.number("max_value", 1.0),
                                                 .rate = p.number("rate", 1.0),
                                                 .axis = detail::axes_of(p)});
            }
        }
    });
}

}  // namespace eigengru::inline EIGENGRU_ABI::io
