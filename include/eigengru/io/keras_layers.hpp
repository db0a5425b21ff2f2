// SPDX-License-Identifier: MIT
// The layers of a Keras model as its configuration lists them: Sequential, Functional where it is a chain, and models in
// models, all in one row.
#pragma once

#include "eigengru/io/keras_graph.hpp"

namespace eigengru::inline EIGENGRU_ABI::io {

/// How deep models may nest.
inline constexpr int kMostModelDepth = 8;

/// What wrote a file: names and defaults differ.
struct KerasDialect {
    bool is_keras2 = false;          ///< hard_sigmoid is another function, reset_after is false by default
    bool is_legacy = false;          ///< an .h5 file of the old form: weights by the names of layers
    std::string weights = "layers";  ///< the group in which the layers of a model have their weights
};

/// A layer of a model, and where its weights stand.
struct KerasLayer {
    std::string class_name;  ///< "GRU"; the registered name of a class that is not Keras's own
    std::string name;        ///< its own; "model/gru" in a model that is itself a layer
    std::string group;       ///< of its weights: "layers/gru_1", by class; in an .h5 file of the old form by name
    Index features = 0;      ///< of its inputs; 0 when the file does not say
    KerasDialect dialect = {};
    JsonObject config;

    [[nodiscard]] bool is(std::string_view other) const { return class_name == other; }

    /// Without the names of the models around it.
    [[nodiscard]] std::string own_name() const { return name.substr(name.rfind('/') + 1); }
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

/// The features that a layer was built for, as Keras 3 writes it, or its first layer's input as Keras 2 does.
[[nodiscard]] inline Index built_features(const JsonObject& layer) {
    if (layer.find("build_config") != nullptr) {
        const JsonObject config = layer.object("build_config");
        return config.find("input_shape") == nullptr ? 0 : last_size(config, "input_shape");
    }
    const JsonObject config = layer.object("config");
    return config.find("batch_input_shape") == nullptr ? 0 : last_size(config, "batch_input_shape");
}

/// The class as the configuration names it, or, when it is a user's own, its registered name.
[[nodiscard]] inline std::string full_class_name(const JsonObject& layer) {
    const Json* registered = layer.find("registered_name");
    if (registered != nullptr) return layer.string("registered_name");
    const std::string name = layer.string("class_name");
    const Json* module = layer.find("module");
    const std::string home = module == nullptr ? "keras" : layer.string("module");
    return is_keras_module(home) ? name : home + "." + name;
}

/// Puts the layers of a model, and of the models in it, in a row.
class LayerList {
public:
    /// `is_chain`: whether the layers must follow one another; else all are taken, as they are listed.
    LayerList(KerasDialect dialect, bool is_chain) : dialect_(std::move(dialect)), is_chain_(is_chain) {}

    /// Throws: FormatError.
    void add_model(const JsonObject& model, const Where& where) {
        add_layers(model, where, {"", dialect_.weights, ""}, 0);
    }

    [[nodiscard]] std::vector<KerasLayer> take() { return std::move(layers_); }

    [[nodiscard]] static bool is_model(std::string_view class_name) {
        return class_name == "Sequential" || class_name == "Functional" || class_name == "Model";
    }

private:
    /// The model around the layers that are being added.
    struct Place {
        std::string names;   ///< what their names begin with
        std::string groups;  ///< and the groups of their weights
        std::string legacy;  ///< the group of all of them in an .h5 file of the old form; empty: each has its own
    };

    void add_layers(const JsonObject& model, const Where& where, const Place& place, int depth) {
        if (depth > kMostModelDepth) where.fail("expected models that nest at most ", kMostModelDepth, " deep");
        GroupNames groups;
        std::map<const Json*, std::string> group_of;
        const Json& listed = listed_layers(model);
        for (const Json& json : listed)
            group_of[&json] =
                groups.next(snake_case(JsonObject(json, where.in("layer ", group_of.size())).string("class_name")));
        for (const Json* json : in_order(model, where, listed)) add(*json, where, place, group_of[json], depth);
    }

    /// Before Keras 2.2.3 the config of a Sequential was the list itself.
    [[nodiscard]] static const Json& listed_layers(const JsonObject& model) {
        const Json* config = model.find("config");
        return config != nullptr && config->is_array() ? *config : model.object("config").array("layers");
    }

    [[nodiscard]] std::vector<const Json*> in_order(const JsonObject& model, const Where& where,
                                                    const Json& listed) const {
        if (is_chain_ && full_class_name(model) != "Sequential")
            return FunctionalChain(JsonObject(*model.find("config"), where)).layers();
        std::vector<const Json*> layers;
        for (const Json& json : listed) layers.push_back(&json);
        return layers;
    }

    void add(const Json& json, const Where& where, const Place& place, const std::string& group, int depth) {
        const JsonObject unnamed(json, where.in("layer ", layers_.size()));
        const Json* config = unnamed.find("config");
        const bool has_name = config != nullptr && config->is_object() && config->contains("name");
        const std::string own_name = has_name ? unnamed.object("config").string("name") : group;
        const std::string name = place.names + own_name;
        const JsonObject layer(json, where_of_model(where, place).in("layer \"", name, "\""));
        const std::string class_name = full_class_name(layer);
        const std::string legacy = place.legacy.empty() ? dialect_.weights + own_name : place.legacy;
        const std::string path = place.groups + "/" + group;
        if (is_model(class_name)) {
            add_layers(layer, layer.where(), {name + "/", path + "/" + dialect_.weights, legacy}, depth + 1);
            return;
        }
        static_cast<void>(layer.object("config"));
        if (layers_.size() == kMostLayers) where.fail("expected at most ", kMostLayers, " layers");
        layers_.push_back({class_name, name, dialect_.is_legacy ? legacy : path, built_features(layer), dialect_,
                           JsonObject(json.at("config"), layer.where())});
    }

    /// The names of layers in messages are whole: the models around them need not be named again.
    [[nodiscard]] const Where& where_of_model(const Where& where, const Place& place) {
        if (place.names.empty()) file_ = where;
        return file_;
    }

    KerasDialect dialect_;
    bool is_chain_;
    Where file_ = Where("");
    std::vector<KerasLayer> layers_;
};

}  // namespace detail

/// The layers of a model, one after the other; those of a model in it stand in its place. Where the model is no chain:
/// FormatError that names the layer where it branches, or, with is_chain = false, all layers as they are listed.
/// Throws: FormatError.
[[nodiscard]] inline std::vector<KerasLayer> layers_of(const Json& model, const Where& where,
                                                       const KerasDialect& dialect = {}, bool is_chain = true) {
    const JsonObject object(model, where);
    const std::string class_name = detail::full_class_name(object);
    if (!detail::LayerList::is_model(class_name))
        where.fail("expected a model of class \"Sequential\" or \"Functional\", received \"", class_name, "\"");
    detail::LayerList list(dialect, is_chain);
    list.add_model(object, where);
    return list.take();
}

}  // namespace eigengru::inline EIGENGRU_ABI::io
