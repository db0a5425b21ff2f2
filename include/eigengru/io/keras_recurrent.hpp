// SPDX-License-Identifier: MIT
// The options of GRUs from the arguments that Keras saves: of GRU, of CuDNNGRU, of RNN around GRUCells, and of
// Bidirectional around any of them.
#pragma once

#include "eigengru/io/keras_config.hpp"
#include "eigengru/layer/bidirectional.hpp"

namespace eigengru::inline EIGENGRU_ABI::io {

/// A GRU of a file, and how the file has its weights.
struct KerasGru {
    GruConfig config = {};         ///< features may be 0, for unknown
    std::string part = "cell";     ///< where in the layer's group its weights stand; empty: in the group itself
    bool has_cudnn_order = false;  ///< kernels as CuDNNGRU has them: each gate's transposed
};

/// The two GRUs of a Bidirectional.
struct KerasBidirectional {
    KerasGru forward = {};
    KerasGru backward = {};
    BidirectionalOptions options = {};
};

namespace detail {

/// What GRU and GRUCell have in common.
inline constexpr auto kCellArguments = std::to_array<std::string_view>({"name",
                                                                        "trainable",
                                                                        "dtype",
                                                                        "batch_input_shape",
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
                                                                        "kernel_constraint",
                                                                        "recurrent_constraint",
                                                                        "bias_constraint",
                                                                        "dropout",
                                                                        "recurrent_dropout",
                                                                        "seed",
                                                                        "reset_after"});

/// What GRU and RNN have in common; a Keras 2 file has time_major, and input_dim and input_length of a first layer.
inline constexpr auto kSequenceArguments =
    std::to_array<std::string_view>({"return_sequences", "return_state", "go_backwards", "stateful", "unroll",
                                     "zero_output_for_mask", "input_dim", "input_length"});

[[nodiscard]] inline GruConfig cell_config(const JsonObject& c, const KerasDialect& dialect) {
    check_dtype(c);
    const LayerArguments a(c, dialect);
    const GruOptions defaults;
    const Activation recurrent = dialect.is_keras2 ? keras2_hard_sigmoid() : defaults.recurrent_activation;
    return {.reset_after = c.flag("reset_after", !dialect.is_keras2),
            .options = {.units = c.size("units"),
                        .activation = a.activation("activation", defaults.activation),
                        .recurrent_activation = a.activation("recurrent_activation", recurrent),
                        .use_bias = c.flag("use_bias", true),
                        .kernel_initializer = a.initializer("kernel_initializer", defaults.kernel_initializer),
                        .recurrent_initializer = a.initializer("recurrent_initializer", defaults.recurrent_initializer),
                        .bias_initializer = a.initializer("bias_initializer", defaults.bias_initializer),
                        .kernel_regularizer = a.regularizer("kernel_regularizer"),
                        .recurrent_regularizer = a.regularizer("recurrent_regularizer"),
                        .bias_regularizer = a.regularizer("bias_regularizer"),
                        .kernel_constraint = a.constraint("kernel_constraint"),
                        .recurrent_constraint = a.constraint("recurrent_constraint"),
                        .bias_constraint = a.constraint("bias_constraint"),
                        .dropout = c.number("dropout", 0.0),
                        .recurrent_dropout = c.number("recurrent_dropout", 0.0),
                        .seed = c.seed("seed"),
                        .trainable = c.flag("trainable", true)}};
}

/// Sets what a layer says of the sequence that its cell does not.
inline void set_sequence_options(const JsonObject& c, GruOptions& options) {
    options.return_sequences = c.flag("return_sequences", false);
    options.return_state = c.flag("return_state", false);
    options.go_backwards = c.flag("go_backwards", false);
    options.stateful = c.flag("stateful", false);
    options.unroll = c.flag("unroll", false);
    options.zero_output_for_mask = c.flag("zero_output_for_mask", false);
}

[[nodiscard]] inline KerasGru gru_of(const KerasLayer& layer) {
    const JsonObject& c = layer.config;
    const bool is_cudnn = layer.is("CuDNNGRU");
    std::vector<std::string_view> known(kCellArguments.begin(), kCellArguments.end());
    known.insert(known.end(), kSequenceArguments.begin(), kSequenceArguments.end());
    known.emplace_back("activity_regularizer");
    c.allow_only(known);
    KerasGru gru{.config = cell_config(c, layer.dialect)};
    if (is_cudnn) {
        gru = {.config = gru.config, .part = "", .has_cudnn_order = true};
        gru.config.reset_after = true;
        gru.config.options.recurrent_activation = "sigmoid";
    }
    gru.config.features = layer.features;
    gru.config.options.name = layer.name;
    gru.config.options.activity_regularizer = LayerArguments(c, layer.dialect).regularizer("activity_regularizer");
    set_sequence_options(c, gru.config.options);
    return gru;
}

/// One cell of an RNN, whose name in Keras does not matter.
[[nodiscard]] inline KerasGru gru_of_cell(const JsonObject& cell, const KerasLayer& layer, std::string part) {
    if (full_class_name(cell) != "GRUCell")
        layer.config.where().fail("expected cells of class \"GRUCell\", received \"", full_class_name(cell), "\"");
    const JsonObject config = cell.object("config");
    config.allow_only(kCellArguments);
    KerasGru gru{.config = cell_config(config, layer.dialect), .part = std::move(part)};
    set_sequence_options(layer.config, gru.config.options);
    gru.config.options.name = layer.name;
    gru.config.options.trainable = gru.config.options.trainable && layer.config.flag("trainable", true);
    return gru;
}

/// The cells of an RNN, each as a GRU: all but the last one give sequences to the next.
[[nodiscard]] inline std::vector<KerasGru> grus_of_cells(const JsonObject& cells, const KerasLayer& layer) {
    std::vector<KerasGru> grus;
    GroupNames groups;
    const Json& list = cells.object("config").array("cells");
    if (list.empty()) layer.config.where().fail("expected at least one cell, received none");
    for (const Json& json : list) {
        const JsonObject cell(json, layer.config.where().in("cell ", grus.size()));
        grus.push_back(gru_of_cell(cell, layer, "cell/cells/" + groups.next("gru_cell")));
        GruOptions& options = grus.back().config.options;
        options.name = eigengru::detail::text(layer.name, "/", grus.size() - 1);
        if (grus.size() < list.size()) options.return_sequences = true;
    }
    if (list.size() > 1 && layer.config.flag("go_backwards", false))
        layer.config.where().fail("go_backwards expected false with several cells, received true");
    grus.front().config.features = layer.features;
    return grus;
}

[[nodiscard]] inline std::vector<KerasGru> grus_of_rnn(const KerasLayer& layer) {
    std::vector<std::string_view> known(kLayerArguments.begin(), kLayerArguments.end());
    known.insert(known.end(), kSequenceArguments.begin(), kSequenceArguments.end());
    known.emplace_back("cell");
    layer.config.allow_only(known);
    const JsonObject cell = layer.config.object("cell");
    if (full_class_name(cell) == "StackedRNNCells") return grus_of_cells(cell, layer);
    KerasGru gru = gru_of_cell(cell, layer, "cell");
    gru.config.features = layer.features;
    return {gru};
}

}  // namespace detail

/// Whether a layer is one GRU or a row of them: GRU, CuDNNGRU, RNN.
[[nodiscard]] inline bool is_recurrent(const KerasLayer& layer) {
    return layer.is("GRU") || layer.is("CuDNNGRU") || layer.is("RNN");
}

/// What the GRUs of a recurrent layer were constructed with; more than one for an RNN of several cells. use_cudnn is
/// not saved by Keras: "auto". Throws: FormatError.
[[nodiscard]] inline std::vector<KerasGru> keras_grus(const KerasLayer& layer) {
    if (layer.is("RNN")) return detail::grus_of_rnn(layer);
    return {detail::gru_of(layer)};
}

/// The one GRU of a layer. Throws: FormatError, for an RNN of several cells too.
[[nodiscard]] inline KerasGru keras_gru(const KerasLayer& layer) {
    const std::vector<KerasGru> grus = keras_grus(layer);
    if (grus.size() != 1) layer.config.where().fail("expected one GRU, received ", grus.size(), " cells");
    return grus.front();
}

/// The same without what only matters to its weights. Throws: FormatError.
[[nodiscard]] inline GruConfig gru_config(const KerasLayer& layer) {
    return keras_gru(layer).config;
}

namespace detail {

[[nodiscard]] inline Merge merge_of(const JsonObject& config) {
    if (config.find("merge_mode") == nullptr) return config.has("merge_mode") ? Merge::none : Merge::concat;
    const std::string name = config.string("merge_mode");
    for (const Merge merge : {Merge::concat, Merge::sum, Merge::mul, Merge::ave})
        if (name == eigengru::detail::text(merge)) return merge;
    config.where().fail("merge_mode expected one of \"concat\", \"sum\", \"mul\", \"ave\", received \"", name, "\"");
}

/// The layer inside of a Bidirectional, which stands in `key`.
[[nodiscard]] inline KerasGru direction_of(const KerasLayer& layer, std::string_view key, std::string_view part) {
    const JsonObject inner = layer.config.object(key);
    const JsonObject& config = layer.config;
    KerasLayer gru{full_class_name(inner), "", layer.group, layer.features, layer.dialect, inner.object("config")};
    gru.name = gru.config.find("name") != nullptr ? gru.config.string("name") : "gru";
    if (!is_recurrent(gru))
        config.where().fail(key, " expected a layer of class \"GRU\", received \"", gru.class_name, "\"");
    KerasGru result = keras_gru(gru);
    result.part = result.part.empty() ? std::string(part) : eigengru::detail::text(part, "/", result.part);
    return result;
}

}  // namespace detail

/// What a Bidirectional was constructed with. Throws: FormatError.
[[nodiscard]] inline KerasBidirectional keras_bidirectional(const KerasLayer& layer) {
    const JsonObject& c = layer.config;
    detail::check_arguments(c, {"merge_mode", "layer", "backward_layer"});
    KerasBidirectional both{.forward = detail::direction_of(layer, "layer", "forward_layer")};
    const bool has_backward = c.find("backward_layer") != nullptr;
    both.backward = detail::direction_of(layer, has_backward ? "backward_layer" : "layer", "backward_layer");
    GruOptions& options = both.backward.config.options;
    if (!has_backward) {
        options.go_backwards = !options.go_backwards;
        options.name = eigengru::detail::prefixed("backward_", options.name);
    }
    if (both.forward.config.reset_after != both.backward.config.reset_after)
        c.where().fail("reset_after expected to be the same for both layers");
    both.options = {
        .merge = detail::merge_of(c), .backward = options, .name = layer.name, .trainable = c.flag("trainable", true)};
    return both;
}

}  // namespace eigengru::inline EIGENGRU_ABI::io
