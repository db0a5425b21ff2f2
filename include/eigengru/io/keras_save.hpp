// SPDX-License-Identifier: MIT
// save_model, save_weights and keras_config: models and layers as files that Keras 3 opens.
#pragma once

#include "eigengru/io/hdf5_writer.hpp"
#include "eigengru/io/keras_load_weights.hpp"
#include "eigengru/io/keras_test_vector.hpp"
#include "eigengru/io/keras_write_config.hpp"
#include "eigengru/io/unique_names.hpp"
#include "eigengru/io/zip_writer.hpp"

namespace eigengru::inline EIGENGRU_ABI::io {

/// How a model is saved.
template <RealScalar S = float>
struct SaveOptions {
    std::string name = "sequential";         ///< of the model in Keras
    SequenceView<const S> test_inputs = {};  ///< the file carries these, and the outputs for them; none when absent
    double tolerance = 1e-5;  ///< how much a reader's outputs may differ from those, relative to the largest
};

namespace detail {

template <RealScalar S>
[[nodiscard]] constexpr std::string_view dtype_of() {
    return std::same_as<S, float> ? "float32" : "float64";
}

/// The weights of a layer: `vectors` are those that have one row here and are vectors in Keras.
template <RealScalar S>
void write_weights(Hdf5Writer& file, const std::string& path, const std::vector<RowMatrix<S>>& weights,
                   const std::vector<bool>& vectors) {
    file.add_group(path + "/vars");
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const RowMatrix<S>& w = weights[i];
        const std::vector<Index> shape =
            vectors[i] ? std::vector<Index>{w.size()} : std::vector<Index>{w.rows(), w.cols()};
        file.add(eigengru::detail::text(path, "/vars/", i), shape,
                 std::span<const S>(w.data(), static_cast<std::size_t>(w.size())));
    }
}

template <RealScalar S, bool ResetAfter>
void write_layer(Hdf5Writer& file, const std::string& path, const Gru<S, ResetAfter>& layer) {
    file.add_group(path + "/vars");
    write_weights(file, path + "/cell", layer.get_weights(), {false, false, !ResetAfter});
}

template <RealScalar S, bool ResetAfter>
void write_layer(Hdf5Writer& file, const std::string& path, const Bidirectional<S, ResetAfter>& layer) {
    file.add_group(path + "/vars");
    write_layer(file, path + "/forward_layer", layer.forward_layer());
    write_layer(file, path + "/backward_layer", layer.backward_layer());
}

/// A matrix and perhaps a vector; or vectors alone, for the normalisations.
template <RealScalar S, class Layer>
void write_layer(Hdf5Writer& file, const std::string& path, const Layer& layer) {
    if constexpr (requires { layer.get_weights(); }) {
        constexpr bool has_matrix = std::same_as<Layer, Dense<S>> || std::same_as<Layer, Embedding<S>>;
        write_weights<S>(file, path, layer.get_weights(), {!has_matrix, true, true, true});
    } else {
        file.add_group(path + "/vars");
    }
}

[[nodiscard]] inline OrderedJson build_json(const OrderedJson& shape) {
    return {{"input_shape", shape}};
}

/// Writes the configuration of a model and its weights, layer by layer.
template <RealScalar S>
class ModelWriter {
public:
    ModelWriter(const Sequential<S>& model, std::string_view function) : model_(model), function_(function) {}

    [[nodiscard]] std::string config(const std::string& name) {
        const OrderedJson input = input_shape();
        OrderedJson layers = OrderedJson::array();
        layers.push_back(keras_object("keras.layers", "InputLayer",
                                      {{"batch_shape", input},
                                       {"dtype", dtype_of<S>()},
                                       {"sparse", false},
                                       {"name", names_.next("input_layer")}}));
        for (const auto& layer : model_.layers()) std::visit([&](const auto& l) { layers.push_back(entry(l)); }, layer);
        OrderedJson config{{"name", name},
                           {"trainable", true},
                           {"dtype", dtype_json(dtype_of<S>())},
                           {"layers", std::move(layers)},
                           {"build_input_shape", input}};
        OrderedJson model = keras_object("keras", "Sequential", std::move(config));
        model["build_config"] = build_json(input);
        return model.dump();
    }

    [[nodiscard]] Bytes weights() const {
        Hdf5Writer file;
        file.add_group("vars");
        GroupNames groups;
        for (const auto& layer : model_.layers())
            std::visit(
                [&](const auto& l) {
                    using L = std::decay_t<decltype(l)>;
                    if constexpr (!group_name<S, L>().empty())
                        write_layer<S>(file, "layers/" + groups.next(std::string(group_name<S, L>())), l);
                },
                layer);
        return file.bytes();
    }

private:
    template <class Layer>
    [[nodiscard]] OrderedJson entry(const Layer& layer) {
        const Where where(eigengru::detail::text(function_, ": layer \"", layer.name(), "\""));
        LayerJson json = layer_json(layer, {where, dtype_of<S>(), names_.next(keras_name(layer.name()))});
        return keras_object("keras.layers", json.class_name, std::move(json.config));
    }

    /// [batch, time, features]: null is any. A stateful layer of Keras needs to know the batch size.
    [[nodiscard]] OrderedJson input_shape() const {
        OrderedJson batch = nullptr;
        Index features = 0;
        bool has_ids = false;
        for (const auto& layer : model_.layers())
            std::visit(
                [&](const auto& l) {
                    eigengru::detail::for_each_part(l, [&](const auto& part) {
                        if constexpr (requires {
                                          part.options().stateful;
                                          part.state();
                                      })
                            if (part.options().stateful) batch = std::max(Index{1}, part.state().rows());
                    });
                    if constexpr (requires { l.features(); }) {
                        has_ids = has_ids || (features == 0 && std::same_as<std::decay_t<decltype(l)>, Embedding<S>>);
                        if (features == 0) features = l.features();
                    }
                },
                layer);
        if (features == 0)
            EIGENGRU_THROW(OptionError, function_, ": expected a layer that knows how many features it takes");
        return has_ids ? OrderedJson{batch, nullptr} : OrderedJson{batch, nullptr, features};
    }

    const Sequential<S>& model_;
    std::string_view function_;
    UniqueNames names_;
};

[[nodiscard]] inline Bytes bytes_of_text(std::string_view text) {
    return {text.begin(), text.end()};
}

}  // namespace detail

/// Saves a model as a .keras file that Keras 3 opens and that predicts the same there; see SaveOptions for a test vector
/// that goes with it. The file is replaced at once: killed at any moment, it is the old one or the new one, whole.
///
/// A stateful layer is saved for the batch size that it has at present, 1 when there is none; its state is not saved.
///
/// Throws: OptionError for what Keras has no name for (a custom activation, some activations with parameters), and for
/// a GRU with return_state; FormatError when the file cannot be written, and the old one is untouched.
template <RealScalar S>
void save_model(const Sequential<S>& model, const std::filesystem::path& path, const SaveOptions<S>& options = {}) {
    constexpr std::string_view function = "io::save_model";
    const Where where(eigengru::detail::text(function, ": ", path.string()));
    detail::ModelWriter<S> writer(model, function);
    const OrderedJson metadata{{"keras_version", "3.0.0"}, {"date_saved", ""}, {"writer", "Eigengru"}};
    detail::ZipMembers members;
    members.emplace_back(detail::kMetadataMember, detail::bytes_of_text(metadata.dump()));
    members.emplace_back(detail::kConfigMember, detail::bytes_of_text(writer.config(options.name)));
    members.emplace_back(detail::kWeightsMember, writer.weights());
    if (options.test_inputs.is_present()) {
        Sequential<S> copy = model;  // which runs, and a model that is saved stays as it is
        copy.clear_state();
        members.emplace_back(detail::kTestMember, detail::bytes_of_text(detail::test_vector_text<S>(
                                                      copy, options.test_inputs, options.tolerance)));
    }
    eigengru::detail::replace_file(path, detail::write_zip(members, where), where.text());
}

/// Saves the weights of a model as a .weights.h5 file, for load_weights here and in Keras 3.
/// Throws: FormatError when the file cannot be written, and the old one is untouched.
template <RealScalar S>
void save_weights(const Sequential<S>& model, const std::filesystem::path& path) {
    constexpr std::string_view function = "io::save_weights";
    const std::string where = eigengru::detail::text(function, ": ", path.string());
    eigengru::detail::replace_file(path, detail::ModelWriter<S>(model, function).weights(), where);
}

/// The same for one GRU, as a model of that layer alone would have them.
template <RealScalar S, bool ResetAfter>
void save_weights(const Gru<S, ResetAfter>& layer, const std::filesystem::path& path) {
    Hdf5Writer file;
    detail::write_layer(file, "layers/gru", layer);
    eigengru::detail::replace_file(path, file.bytes(), eigengru::detail::text("io::save_weights: ", path.string()));
}

/// What get_config() of this layer would give in Keras 3, as JSON: `keras.layers.GRU.from_config(json.loads(text))`
/// makes the same layer there. Throws: OptionError for an activation that Keras has no name for.
template <RealScalar S, bool ResetAfter>
[[nodiscard]] std::string keras_config(const Gru<S, ResetAfter>& layer) {
    const Where where("io::keras_config");
    return detail::config_json(layer.config(), {where, detail::dtype_of<S>(), detail::keras_name(layer.name())}).dump();
}

}  // namespace eigengru::inline EIGENGRU_ABI::io
