// SPDX-License-Identifier: MIT
// Activations, initializers, regularizers and constraints as the JSON that Keras reads.
#pragma once

#include "eigengru/io/keras_values.hpp"

#include <algorithm>
#include <limits>

namespace eigengru::inline EIGENGRU_ABI::io {

/// JSON whose keys stay in the order in which they are written, which is Keras's.
using OrderedJson = nlohmann::ordered_json;

namespace detail {

/// An object of Keras: its class, where that is at home, and what it was made with.
[[nodiscard]] inline OrderedJson keras_object(std::string_view module, std::string_view class_name,
                                              OrderedJson config) {
    return {
        {"module", module}, {"class_name", class_name}, {"config", std::move(config)}, {"registered_name", nullptr}};
}

/// The name of a kind that is a class of Keras: the first one with a capital.
template <class Kind>
[[nodiscard]] std::string_view class_name_of(Kind kind) {
    for (const auto& row : KerasNames<Kind>::table)
        if (row.kind == kind && row.name.front() >= 'A' && row.name.front() <= 'Z') return row.name;
    return {};
}

[[nodiscard]] inline OrderedJson seed_json(const std::optional<std::uint64_t>& seed) {
    return seed ? OrderedJson(*seed) : OrderedJson(nullptr);
}

/// Keras has no function with these parameters, but layers that it takes for one.
[[nodiscard]] inline OrderedJson activation_layer_json(const Activation& activation, const Where& where) {
    const eigengru::detail::ActivationCall<double> call = activation.call<double>();
    const auto layer = [](std::string_view class_name, OrderedJson config) {
        return keras_object("keras.layers", class_name, std::move(config));
    };
    switch (activation.kind()) {
        case ActivationKind::relu:
            return layer("ReLU", {{"max_value", call.flag ? OrderedJson(call.b) : OrderedJson(nullptr)},
                                  {"negative_slope", call.a},
                                  {"threshold", call.c}});
        case ActivationKind::leaky_relu: return layer("LeakyReLU", {{"negative_slope", call.a}});
        case ActivationKind::elu: return layer("ELU", {{"alpha", call.a}});
        default:
            EIGENGRU_THROW(OptionError, where.text(), ": the activation ", activation.to_string(),
                           " cannot be saved: Keras has no name for it");
    }
}

}  // namespace detail

/// Throws: OptionError for one that Keras cannot name: a custom one, and some with parameters.
[[nodiscard]] inline OrderedJson activation_json(const Activation& activation, const Where& where) {
    const bool is_plain = activation.kind() != ActivationKind::custom &&
                          activation.kind() != ActivationKind::threshold && activation == Activation(activation.name());
    return is_plain ? OrderedJson(activation.name()) : detail::activation_layer_json(activation, where);
}

[[nodiscard]] inline OrderedJson initializer_json(const Initializer& initializer) {
    const InitializerParameters& p = initializer.parameters();
    OrderedJson config = OrderedJson::object();
    switch (initializer.kind()) {
        case InitializerKind::zeros:
        case InitializerKind::ones: break;
        case InitializerKind::constant: config["value"] = p.value; break;
        case InitializerKind::identity:
        case InitializerKind::orthogonal: config["gain"] = p.gain; break;
        case InitializerKind::random_normal:
        case InitializerKind::truncated_normal: config = {{"mean", p.mean}, {"stddev", p.stddev}}; break;
        case InitializerKind::random_uniform: config = {{"minval", p.minval}, {"maxval", p.maxval}}; break;
        case InitializerKind::variance_scaling:
            config = {{"scale", p.scale}, {"mode", p.mode.name()}, {"distribution", p.distribution.name()}};
            break;
        default: break;
    }
    if (initializer.is_random()) config["seed"] = detail::seed_json(p.seed);
    return detail::keras_object("keras.initializers", detail::class_name_of(initializer.kind()), std::move(config));
}

[[nodiscard]] inline OrderedJson regularizer_json(const Regularizer& regularizer) {
    const RegularizerParameters& p = regularizer.parameters();
    if (regularizer.is_none()) return nullptr;
    OrderedJson config;
    switch (regularizer.kind()) {
        case RegularizerKind::l1: config = {{"l1", p.l1}}; break;
        case RegularizerKind::l2: config = {{"l2", p.l2}}; break;
        case RegularizerKind::l1_l2: config = {{"l1", p.l1}, {"l2", p.l2}}; break;
        default: config = {{"factor", p.factor}, {"mode", p.mode.name()}}; break;
    }
    return detail::keras_object("keras.regularizers", detail::class_name_of(regularizer.kind()), std::move(config));
}

[[nodiscard]] inline OrderedJson constraint_json(const Constraint& constraint) {
    ConstraintParameters p = constraint.parameters();
    p.max_value = std::min(p.max_value, std::numeric_limits<double>::max());  // JSON has no infinity
    if (constraint.is_none()) return nullptr;
    const std::span<const int> axes = p.axis.values();
    const OrderedJson axis =
        axes.size() == 1 ? OrderedJson(axes.front()) : OrderedJson(std::vector<int>(axes.begin(), axes.end()));
    OrderedJson config = OrderedJson::object();
    switch (constraint.kind()) {
        case ConstraintKind::max_norm: config = {{"max_value", p.max_value}, {"axis", axis}}; break;
        case ConstraintKind::non_neg: break;
        case ConstraintKind::unit_norm: config = {{"axis", axis}}; break;
        default:
            config = {{"min_value", p.min_value}, {"max_value", p.max_value}, {"rate", p.rate}, {"axis", axis}};
            break;
    }
    return detail::keras_object("keras.constraints", detail::class_name_of(constraint.kind()), std::move(config));
}

}  // namespace eigengru::inline EIGENGRU_ABI::io
