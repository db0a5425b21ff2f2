// SPDX-License-Identifier: MIT
// From the layers of a Keras file to a Sequential: what each becomes, with its weights.
#pragma once

#include "eigengru/io/keras_file.hpp"
#include "eigengru/layer/sequential.hpp"

#include <span>

namespace eigengru::inline EIGENGRU_ABI::io {

/// The layers of Keras that there are classes for. TimeDistributed is known around Dense, Bidirectional around GRUs, RNN
/// around GRUCells; models in models count as their layers.
inline constexpr auto kKnownLayers = std::to_array<std::string_view>(
    {"InputLayer", "Masking", "GRU", "Dense", "Dropout", "Activation", "Embedding", "Bidirectional", "TimeDistributed",
     "BatchNormalization", "LayerNormalization", "RNN", "CuDNNGRU"});

namespace detail {

[[nodiscard]] inline std::size_t weight_count(const GruConfig& config) {
    return config.options.use_bias ? 3 : 2;
}

/// A Gru with these weights, whose kernel says how many features it has.
template <RealScalar S, bool ResetAfter>
[[nodiscard]] Gru<S, ResetAfter> make_gru(const KerasLayer& layer, const GruConfig& config,
                                          const std::vector<RowMatrix<S>>& weights) {
    return in_file(layer.config.where(),
                   [&] { return Gru<S, ResetAfter>(weights.front().rows(), config.options, weights); });
}

/// Makes the layers of a model, one after the other; knows how many features reach the next one.
template <RealScalar S>
class ModelBuilder {
public:
    using Layer = typename Sequential<S>::Layer;
    using Weights = std::vector<RowMatrix<S>>;

    explicit ModelBuilder(KerasFile& file) : file_(file) {}

    /// Throws: FormatError.
    void add(const KerasLayer& layer) {
        if (features_ == 0) features_ = layer.features;
        in_file(layer.config.where(), [&] {
            for (const Known& known : kMakers)
                if (layer.is(known.name)) return (this->*known.add)(layer);
            if (is_recurrent(layer)) return add_grus(layer);
            layer.config.where().fail("expected a layer of class ", eigengru::detail::quoted_list(kKnownLayers),
                                      ", received \"", layer.class_name, "\"");
        });
    }

    [[nodiscard]] Sequential<S> finish() {
        return in_file(file_.where, [&] { return Sequential<S>(std::move(layers_)); });
    }

private:
    struct Known {
        std::string_view name;
        void (ModelBuilder::*add)(const KerasLayer&);
    };

    void add_input(const KerasLayer& layer) { features_ = input_features(layer); }
    void add_masking(const KerasLayer& layer) { layers_.push_back(Masking<S>(masking_options(layer))); }
    void add_dropout(const KerasLayer& layer) { layers_.push_back(Dropout<S>(dropout_options(layer))); }
    void add_activation(const KerasLayer& layer) {
        layers_.push_back(ActivationLayer<S>(activation_layer_options(layer)));
    }

    void add_dense(const KerasLayer& layer) { add_dense_in(layer, ""); }

    void add_dense_in(const KerasLayer& layer, const std::string& part) {
        const DenseOptions options = dense_options(layer);
        const std::size_t count = options.use_bias ? 2 : 1;
        const Weights weights =
            read_all(layer, part, count, [&](WeightGroup& group) { check_dense_weights(group, features_, options); });
        layers_.push_back(Dense<S>(weights.front().rows(), options, weights));
        features_ = options.units;
    }

    /// Dense applies to each time step by itself, so TimeDistributed(Dense) is a Dense.
    void add_time_distributed(const KerasLayer& layer) {
        check_arguments(layer.config, {"layer"});
        const JsonObject inner = layer.config.object("layer");
        if (full_class_name(inner) != "Dense")
            layer.config.where().fail("expected TimeDistributed around \"Dense\", received \"", full_class_name(inner),
                                      "\"");
        const KerasLayer dense{"Dense", layer.name, layer.group, layer.features, layer.dialect, inner.object("config")};
        add_dense_in(dense, "layer");
    }

    void add_embedding(const KerasLayer& layer) {
        const EmbeddingOptions options = embedding_options(layer);
        const Weights weights =
            read_all(layer, "", 1, [&](WeightGroup& group) { check_embedding_weights(group, options); });
        layers_.push_back(Embedding<S>(options, weights));
        features_ = options.output_dim;
    }

    void add_batch_normalization(const KerasLayer& layer) {
        const BatchNormalizationOptions o = batch_normalization_options(layer, is_sequence_);
        add_normalization<BatchNormalization<S>>(layer, o, 2 + std::size_t{o.scale} + std::size_t{o.center});
    }

    void add_layer_normalization(const KerasLayer& layer) {
        const LayerNormalizationOptions o = layer_normalization_options(layer, is_sequence_);
        const std::size_t count = o.rms_scaling ? 1 : std::size_t{o.scale} + std::size_t{o.center};
        add_normalization<LayerNormalization<S>>(layer, o, count);
    }

    template <class Normalization, class Options>
    void add_normalization(const KerasLayer& layer, const Options& options, std::size_t count) {
        const Weights weights = read_all(
            layer, "", count, [&](WeightGroup& group) { check_normalization_weights(group, features_, options); });
        if (!weights.empty()) features_ = weights.front().cols();
        layers_.push_back(Normalization(features_, options, weights));
    }

    void add_grus(const KerasLayer& layer) {
        std::size_t first = 0;
        for (KerasGru gru : keras_grus(layer)) {
            check_no_state(layer, gru.config);
            const Weights weights = gru_weights_of(layer, gru, first);
            first += weights.size();
            if (gru.config.reset_after)
                layers_.push_back(make_gru<S, true>(layer, gru.config, weights));
            else
                layers_.push_back(make_gru<S, false>(layer, gru.config, weights));
            features_ = gru.config.options.units;
            is_sequence_ = gru.config.options.return_sequences;
        }
        file_.weights.check_count(layer, first);
    }

    void add_bidirectional(const KerasLayer& layer) {
        const KerasBidirectional both = keras_bidirectional(layer);
        check_no_state(layer, both.forward.config);
        is_sequence_ = both.forward.config.options.return_sequences;
        Weights weights = gru_weights_of(layer, both.forward, 0);
        const Weights backward = gru_weights_of(layer, both.backward, weights.size());
        const Index features = weights.front().rows();
        weights.insert(weights.end(), backward.begin(), backward.end());
        file_.weights.check_count(layer, weights.size());
        if (both.forward.config.reset_after)
            push_bidirectional<true>(features, both, weights);
        else
            push_bidirectional<false>(features, both, weights);
    }

    template <bool ResetAfter>
    void push_bidirectional(Index features, const KerasBidirectional& both, const Weights& weights) {
        Bidirectional<S, ResetAfter> layer(features, both.forward.config.options, both.options, weights);
        features_ = layer.units();
        layers_.push_back(std::move(layer));
    }

    void check_no_state(const KerasLayer& layer, const GruConfig& config) const {
        if (config.options.return_state)
            layer.config.where().fail("return_state expected false in a Sequential, received true; use load_gru");
    }

    [[nodiscard]] Weights gru_weights_of(const KerasLayer& layer, KerasGru gru, std::size_t first) {
        gru.config.features = features_;
        const std::size_t count = weight_count(gru.config);
        Weights weights =
            read(layer, gru.part, first, count, [&](WeightGroup& group) { check_keras_gru_weights(group, gru); });
        if (gru.has_cudnn_order) from_cudnn_order(weights);
        return weights;
    }

    /// All weights that a layer has; `check` asks the group for each.
    template <class Check>
    [[nodiscard]] Weights read_all(const KerasLayer& layer, const std::string& part, std::size_t count,
                                   const Check& check) {
        Weights weights = read(layer, part, 0, count, check);
        file_.weights.check_count(layer, count);
        return weights;
    }

    template <class Check>
    [[nodiscard]] Weights read(const KerasLayer& layer, const std::string& part, std::size_t first, std::size_t count,
                               const Check& check) {
        WeightGroup group = file_.weights.group(layer, part, first, count);
        check(group);
        file_.weights.count_bytes(group);
        return group.read<S>();
    }

    static constexpr auto kMakers = std::to_array<Known>({
        {"InputLayer", &ModelBuilder::add_input},
        {"Masking", &ModelBuilder::add_masking},
        {"Dense", &ModelBuilder::add_dense},
        {"Dropout", &ModelBuilder::add_dropout},
        {"Activation", &ModelBuilder::add_activation},
        {"Embedding", &ModelBuilder::add_embedding},
        {"Bidirectional", &ModelBuilder::add_bidirectional},
        {"TimeDistributed", &ModelBuilder::add_time_distributed},
        {"BatchNormalization", &ModelBuilder::add_batch_normalization},
        {"LayerNormalization", &ModelBuilder::add_layer_normalization},
    });

    KerasFile& file_;
    Index features_ = 0;
    bool is_sequence_ = true;  ///< what reaches the next layer has a time axis
    std::vector<Layer> layers_;
};

/// The model in a file that is open. Throws: FormatError.
template <RealScalar S>
[[nodiscard]] Sequential<S> build_keras_model(KerasFile& file) {
    ModelBuilder<S> builder(file);
    for (const KerasLayer& layer : file.layers()) builder.add(layer);
    return builder.finish();
}

/// The GRU of that name, or the first one. Throws: FormatError that lists those there are.
[[nodiscard]] inline KerasLayer find_gru(const KerasFile& file, std::string_view name) {
    std::vector<std::string> known;
    for (const KerasLayer& layer : file.layers(false)) {
        if (!is_recurrent(layer)) continue;
        if (name.empty() || layer.name == name || layer.own_name() == name) return layer;
        known.push_back(layer.name);
    }
    if (known.empty()) file.where.fail("the model has no layer of class \"GRU\"");
    file.where.fail("expected the name of a GRU, one of ", eigengru::detail::quoted_list(known), ", received \"", name,
                    "\"");
}

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI::io
