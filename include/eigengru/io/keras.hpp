// SPDX-License-Identifier: MIT
// Models and layers from the files of Keras 3: load_model, load_gru and load_any_gru from .keras, load_weights from
// .weights.h5.
// Needs eigengru::keras (libzip, nlohmann-json); the umbrella header does not include it.
//
//     Sequential<float> model = io::load_model<float>("model.keras");
//     Gru<float> gru = io::load_gru<float>("model.keras", "gru");
//     io::load_weights(model, "model.weights.h5");
//
// Every error in a file is a FormatError that names it, and leaves what was there as it was. Damage inside a member of
// a .keras file is always found, by the checksums of the zip archive. A bare .h5 file has none: damage that leaves its
// structure whole gives other numbers, which no reader can notice.
#pragma once

#include "eigengru/io/keras_config.hpp"
#include "eigengru/io/keras_weights.hpp"
#include "eigengru/io/zip_archive.hpp"
#include "eigengru/layer/any_gru.hpp"
#include "eigengru/layer/sequential.hpp"

namespace eigengru::inline EIGENGRU_ABI::io {

namespace detail {

/// A .keras file: the configuration of a model and its weights.
struct KerasFile {
    Where where;
    Json config;
    Hdf5File weights;
};

/// Throws: FormatError.
[[nodiscard]] inline KerasFile open_keras_file(std::string_view function, const std::filesystem::path& path) {
    const Where where(eigengru::detail::text(function, ": ", path.string()));
    const ZipArchive archive(path, where);
    constexpr std::string_view config = "config.json";
    constexpr std::string_view metadata = "metadata.json";
    constexpr std::string_view weights = "model.weights.h5";
    if (archive.has(std::string(metadata)))  // nothing in it is used, but damage in it is damage
        static_cast<void>(archive.read(std::string(metadata), kMostJsonBytes));
    return {where, parse_json(archive.read(std::string(config), kMostJsonBytes), where.in(config)),
            Hdf5File(archive.read(std::string(weights)), where.in(weights))};
}

/// A Gru with these weights, whose kernel says how many features it has.
template <RealScalar S, bool ResetAfter>
[[nodiscard]] Gru<S, ResetAfter> make_gru(const KerasLayer& layer, const GruConfig& config,
                                          const std::vector<RowMatrix<S>>& weights) {
    return in_file(layer.config.where(),
                   [&] { return Gru<S, ResetAfter>(weights.front().rows(), config.options, weights); });
}

/// The GRU of that name, or the first one. Throws: FormatError that lists those there are.
[[nodiscard]] inline KerasLayer find_gru(const KerasFile& file, std::string_view name) {
    std::vector<std::string> known;
    for (const KerasLayer& layer : layers_of(file.config, file.where, {"Sequential", "Functional"})) {
        if (!layer.is("GRU")) continue;
        if (name.empty() || layer.name() == name) return layer;
        known.push_back(layer.name());
    }
    if (known.empty()) file.where.fail("the model has no layer of class \"GRU\"");
    file.where.fail("expected the name of a GRU, one of ", eigengru::detail::quoted_list(known), ", received \"", name,
                    "\"");
}

/// Makes the layers of a model, one after the other; knows how many features reach the next one.
template <RealScalar S>
class ModelBuilder {
public:
    explicit ModelBuilder(const KerasFile& file) : file_(file) {}

    /// Throws: FormatError.
    void add(const KerasLayer& layer) {
        in_file(layer.config.where(), [&] {
            if (layer.is("InputLayer"))
                features_ = input_features(layer);
            else if (layer.is("Masking"))
                layers_.push_back(Masking<S>(masking_options(layer)));
            else if (layer.is("GRU"))
                add_gru(layer);
            else if (layer.is("Dense"))
                add_dense(layer);
            else if (layer.is("Dropout"))
                layers_.push_back(Dropout<S>(dropout_options(layer)));
            else if (layer.is("Activation"))
                layers_.push_back(ActivationLayer<S>(activation_layer_options(layer)));
            else
                layer.config.where().fail("expected a layer of class ", eigengru::detail::quoted_list(kKnownLayers),
                                          ", received \"", layer.class_name, "\"");
        });
    }

    [[nodiscard]] Sequential<S> finish() {
        return in_file(file_.where, [&] { return Sequential<S>(std::move(layers_)); });
    }

private:
    void add_gru(const KerasLayer& layer) {
        GruConfig config = gru_config(layer);
        if (config.options.return_state)
            layer.config.where().fail("return_state expected false in a Sequential, received true; use load_gru");
        config.features = features_of(layer);
        const std::vector<RowMatrix<S>> weights = gru_weights<S>(file_.weights, layer.group, config);
        if (config.reset_after)
            layers_.push_back(make_gru<S, true>(layer, config, weights));
        else
            layers_.push_back(make_gru<S, false>(layer, config, weights));
        features_ = config.options.units;
    }

    void add_dense(const KerasLayer& layer) {
        const DenseOptions options = dense_options(layer);
        const std::vector<RowMatrix<S>> weights =
            dense_weights<S>(file_.weights, layer.group, features_of(layer), options);
        layers_.push_back(Dense<S>(weights.front().rows(), options, weights));
        features_ = options.units;
    }

    [[nodiscard]] Index features_of(const KerasLayer& layer) const {
        return features_ != 0 ? features_ : layer.features;
    }

    const KerasFile& file_;
    Index features_ = 0;
    std::vector<typename Sequential<S>::Layer> layers_;
};

/// The GRU of a .keras file with either mode. Throws: FormatError.
template <RealScalar S>
[[nodiscard]] AnyGru<S> read_any_gru(std::string_view function, const std::filesystem::path& path,
                                     std::string_view name) {
    const KerasFile file = open_keras_file(function, path);
    const KerasLayer layer = find_gru(file, name);
    const GruConfig config = gru_config(layer);
    const std::vector<RowMatrix<S>> weights = gru_weights<S>(file.weights, layer.group, config);
    if (config.reset_after) return make_gru<S, true>(layer, config, weights);
    return make_gru<S, false>(layer, config, weights);
}

/// The weights that a file has for a layer; none for a layer without weights.
template <RealScalar S, class Layer>
[[nodiscard]] std::vector<RowMatrix<S>> layer_weights(const Hdf5File& file, GroupNames& groups, const Layer& layer) {
    if constexpr (requires { Layer::kResetAfter; })
        return gru_weights<S>(file, groups.next("gru"), layer.config());
    else if constexpr (std::same_as<Layer, Dense<S>>)
        return dense_weights<S>(file, groups.next("dense"), layer.features(), layer.options());
    else
        return {};
}

template <RealScalar S, class Layer>
void set_layer_weights(Layer& layer, const std::vector<RowMatrix<S>>& weights) {
    if constexpr (requires { layer.set_weights(weights); }) layer.set_weights(weights);
}

/// Throws: FormatError when the file has one more layer of that class than the model.
inline void check_no_more_layers(const Hdf5File& file, GroupNames& groups, const std::string& name) {
    const std::string group = groups.next(name);
    const std::string vars = name == "gru" ? "/cell/vars/0" : "/vars/0";
    if (file.has(eigengru::detail::text("layers/", group, vars)))
        file.where().fail("expected no layer \"", group, "\", which the model does not have");
}

[[nodiscard]] inline Hdf5File open_weights(const std::filesystem::path& path) {
    const Where where(eigengru::detail::text("io::load_weights: ", path.string()));
    return {read_file(path, where), where};
}

}  // namespace detail

/// The model in a .keras file: a keras.Sequential of InputLayer, Masking, GRU, Dense, Dropout and Activation, with all
/// their arguments and weights. Weights of any floating type convert to S. A batch size or a number of time steps that
/// the model was built for is not kept: the layers take any.
///
/// Throws: FormatError for a missing or damaged file, and for anything in it that is not known, named and with what is.
template <RealScalar S = float>
[[nodiscard]] Sequential<S> load_model(const std::filesystem::path& path) {
    const detail::KerasFile file = detail::open_keras_file("io::load_model", path);
    detail::ModelBuilder<S> builder(file);
    for (const KerasLayer& layer : layers_of(file.config, file.where)) builder.add(layer);
    return builder.finish();
}

/// One GRU of a .keras file, by its name in the model, or the first one; with either mode.
/// The other layers may be of any class, and the model a Sequential or a Functional one.
/// Throws: FormatError.
template <RealScalar S = float>
[[nodiscard]] AnyGru<S> load_any_gru(const std::filesystem::path& path, std::string_view layer = "") {
    return detail::read_any_gru<S>("io::load_any_gru", path, layer);
}

/// The same where the mode is known. Throws: FormatError, which names the other mode when that is what the file has.
template <RealScalar S = float, bool ResetAfter = true>
[[nodiscard]] Gru<S, ResetAfter> load_gru(const std::filesystem::path& path, std::string_view layer = "") {
    AnyGru<S> gru = detail::read_any_gru<S>("io::load_gru", path, layer);
    if (auto* found = gru.template get_if<ResetAfter>()) return std::move(*found);
    const std::string_view scalar = std::same_as<S, float> ? "float" : "double";
    Where(eigengru::detail::text("io::load_gru: ", path.string()))
        .fail("layer \"", gru.options().name, "\" has reset_after = ", !ResetAfter, "; use load_gru<", scalar, ", ",
              !ResetAfter, "> or load_any_gru<", scalar, ">");
}

/// The weights of one GRU from a .weights.h5 file, whose groups have the names of classes: "gru", then "gru_1".
/// Throws: FormatError, and the layer is as it was.
template <RealScalar S, bool ResetAfter>
void load_weights(Gru<S, ResetAfter>& layer, const std::filesystem::path& path, const std::string& group = "gru") {
    const Hdf5File file = detail::open_weights(path);
    layer.set_weights(detail::gru_weights<S>(file, group, layer.config()));
}

/// The weights of a model from a .weights.h5 file that holds the same layers in the same order.
/// Throws: FormatError, and the model is as it was.
template <RealScalar S>
void load_weights(Sequential<S>& model, const std::filesystem::path& path) {
    const Hdf5File file = detail::open_weights(path);
    detail::GroupNames groups;
    std::vector<std::vector<RowMatrix<S>>> weights;
    for (const auto& layer : model.layers())
        weights.push_back(std::visit([&](const auto& l) { return detail::layer_weights<S>(file, groups, l); }, layer));
    for (const char* name : {"gru", "dense"}) detail::check_no_more_layers(file, groups, name);
    for (std::size_t i = 0; i < weights.size(); ++i)
        std::visit([&](auto& l) { detail::set_layer_weights<S>(l, weights[i]); }, model.layer(static_cast<Index>(i)));
}

}  // namespace eigengru::inline EIGENGRU_ABI::io
