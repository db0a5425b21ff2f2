// SPDX-License-Identifier: MIT
// load_weights: the weights of layers and models that are there, from the files of weights that Keras writes.
#pragma once

#include "eigengru/io/keras_file.hpp"
#include "eigengru/layer/sequential.hpp"

namespace eigengru::inline EIGENGRU_ABI::io {

namespace detail {

/// Keras's class of a C++ layer, as its group in a file is called; empty for a layer without weights.
template <RealScalar S, class Layer>
[[nodiscard]] constexpr std::string_view group_name() {
    if constexpr (requires { Layer::kResetAfter; }) return "gru";
    if constexpr (requires(const Layer& l) { l.forward_layer(); }) return "bidirectional";
    if constexpr (std::same_as<Layer, Dense<S>>) return "dense";
    if constexpr (std::same_as<Layer, Embedding<S>>) return "embedding";
    if constexpr (std::same_as<Layer, BatchNormalization<S>>) return "batch_normalization";
    if constexpr (std::same_as<Layer, LayerNormalization<S>>) return "layer_normalization";
    return "";
}

inline constexpr auto kWeightedGroups = std::to_array<std::string_view>(
    {"gru", "bidirectional", "dense", "embedding", "batch_normalization", "layer_normalization"});

/// Where a file has the weights of the layers of a model, which come in order: by class, or in one list each.
class WeightPlaces {
public:
    explicit WeightPlaces(Hdf5File file) : file_(std::move(file)) {
        constexpr std::uint64_t most_bytes = 1 << 18;
        for (const char* root : {"", "model_weights/"}) {
            const std::string path = std::string(root).substr(0, std::string_view(root).rfind('/'));
            if (!file_.strings(path, "layer_names", most_bytes) && !file_.strings(path, "layer_names0", most_bytes))
                continue;
            is_legacy_ = true;
            const std::vector<std::string> names = KerasWeights::string_list(file_, path, "layer_names");
            if (names.size() > kMostLayers)
                file_.where().fail("expected at most ", kMostLayers, " layers, received ", names.size());
            for (const std::string& name : names) {
                const std::size_t count = weight_names(root + name).size();
                if (count != 0) legacy_.push_back({root + name, count});
            }
            return;
        }
        if (file_.has("_layer_checkpoint_dependencies")) root_ = "_layer_checkpoint_dependencies";
    }

    [[nodiscard]] const Hdf5File& file() const { return file_; }

    /// The next layer of that class, which has `count` weights: the lists leave out layers without any, the groups
    /// count them. Throws: FormatError.
    void next(std::string_view group, std::size_t count) {
        if (is_legacy_) {
            if (count == 0) return;
            if (next_legacy_ == legacy_.size())
                file_.where().fail("expected weights of one more layer, of class ", group);
            ++next_legacy_;
            return;
        }
        path_ = root_ + "/" + groups_.next(std::string(group));
        const bool is_wrapped = group == "dense" && !file_.has(path_) && file_.has(root_ + "/time_distributed");
        if (is_wrapped) path_ = root_ + "/" + groups_.next("time_distributed") + "/layer";
    }

    /// Of the layer that next() went to: those in `part`, `count` from `first` on of a list that has `all`.
    [[nodiscard]] WeightGroup weights(const std::string& part, std::size_t first, std::size_t count,
                                      std::size_t all) const {
        if (!is_legacy_) return {file_, eigengru::detail::text(path_, part.empty() ? "" : "/", part, "/vars")};
        const Legacy& layer = legacy_[next_legacy_ - 1];
        if (layer.count != all) file_.where().in(layer.path).fail("expected ", all, " weights, received ", layer.count);
        const std::vector<std::string> names = weight_names(layer.path);
        const auto begin = names.begin() + static_cast<std::ptrdiff_t>(first);
        return {file_, layer.path, {begin, begin + static_cast<std::ptrdiff_t>(count)}};
    }

    /// Throws: FormatError when the file has one more layer than the model.
    void check_no_more() {
        if (is_legacy_ && next_legacy_ < legacy_.size())
            file_.where().fail("expected no layer \"", legacy_[next_legacy_].path, "\", which the model does not have");
        if (is_legacy_) return;
        for (const std::string_view name : kWeightedGroups) {
            const std::string group = groups_.next(std::string(name));
            if (file_.has(eigengru::detail::text(root_, "/", group)))
                file_.where().fail("expected no layer \"", group, "\", which the model does not have");
        }
    }

private:
    /// The names are read again when their turn comes: those of all layers at once could be any amount.
    struct Legacy {
        std::string path;
        std::size_t count;
    };

    [[nodiscard]] std::vector<std::string> weight_names(const std::string& path) const {
        return KerasWeights::string_list(file_, path, "weight_names");
    }

    Hdf5File file_;
    bool is_legacy_ = false;
    std::vector<Legacy> legacy_;
    std::size_t next_legacy_ = 0;
    std::string root_ = "layers";
    GroupNames groups_;
    std::string path_;
};

template <RealScalar S, class Check>
[[nodiscard]] std::vector<RowMatrix<S>> checked_weights(WeightGroup weights, const Check& check) {
    check(weights);
    return weights.template read<S>();
}

/// The weights that a file has for a layer; none for a layer without weights.
template <RealScalar S, class Layer>
[[nodiscard]] std::vector<RowMatrix<S>> layer_weights(WeightPlaces& places, const Layer& layer) {
    if constexpr (group_name<S, Layer>().empty()) {
        return {};
    } else {
        const std::size_t count = layer.get_weights().size();
        places.next(group_name<S, Layer>(), count);
        if (count == 0) return {};
        const auto read = [&](const std::string& part, std::size_t first, std::size_t of, const auto& check) {
            return checked_weights<S>(places.weights(part, first, of, count), check);
        };
        if constexpr (requires { Layer::kResetAfter; }) {
            return read("cell", 0, count, [&](WeightGroup& w) { check_gru_weights(w, layer.config()); });
        } else if constexpr (requires { layer.forward_layer(); }) {
            const GruConfig forward = layer.forward_layer().config();
            const GruConfig backward = layer.backward_layer().config();
            const std::size_t half = layer.forward_layer().get_weights().size();
            auto all = read("forward_layer/cell", 0, half, [&](WeightGroup& w) { check_gru_weights(w, forward); });
            const auto rest = read("backward_layer/cell", half, count - half,
                                   [&](WeightGroup& w) { check_gru_weights(w, backward); });
            all.insert(all.end(), rest.begin(), rest.end());
            return all;
        } else if constexpr (std::same_as<Layer, Dense<S>>) {
            return read("", 0, count,
                        [&](WeightGroup& w) { check_dense_weights(w, layer.features(), layer.options()); });
        } else if constexpr (std::same_as<Layer, Embedding<S>>) {
            return read("", 0, count, [&](WeightGroup& w) { check_embedding_weights(w, layer.options()); });
        } else {
            return read("", 0, count,
                        [&](WeightGroup& w) { check_normalization_weights(w, layer.features(), layer.options()); });
        }
    }
}

[[nodiscard]] inline Hdf5File open_weights(const std::filesystem::path& path) {
    const Where where(eigengru::detail::text("io::load_weights: ", path.string()));
    return {read_file(path, where), where};
}

}  // namespace detail

/// The weights of one GRU from a .weights.h5 file, whose groups have the names of classes: "gru", then "gru_1".
/// Throws: FormatError, and the layer is as it was.
template <RealScalar S, bool ResetAfter>
void load_weights(Gru<S, ResetAfter>& layer, const std::filesystem::path& path, const std::string& group = "gru") {
    const Hdf5File file = detail::open_weights(path);
    detail::WeightGroup weights(file, "layers/" + group + "/cell/vars");
    detail::check_gru_weights(weights, layer.config());
    layer.set_weights(weights.read<S>());
}

/// The weights of a model from a file that holds the same layers in the same order: a .weights.h5 file, or an .h5 file
/// of Keras 2 with weights or a whole model. Models in models are not looked into.
/// Throws: FormatError, and the model is as it was.
template <RealScalar S>
void load_weights(Sequential<S>& model, const std::filesystem::path& path) {
    detail::WeightPlaces places(detail::open_weights(path));
    std::vector<std::vector<RowMatrix<S>>> weights;
    for (const auto& layer : model.layers())
        weights.push_back(std::visit([&](const auto& l) { return detail::layer_weights<S>(places, l); }, layer));
    places.check_no_more();
    for (std::size_t i = 0; i < weights.size(); ++i)
        std::visit(
            [&](auto& l) {
                if constexpr (requires { l.set_weights(weights[i]); })
                    if (!weights[i].empty()) l.set_weights(weights[i]);
            },
            model.layer(static_cast<Index>(i)));
}

}  // namespace eigengru::inline EIGENGRU_ABI::io
