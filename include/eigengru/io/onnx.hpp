// SPDX-License-Identifier: MIT
// Models and GRUs from ONNX files, as PyTorch's exporters write them: load_onnx_model, load_onnx_gru.
// Needs eigengru::onnx (Debian's libonnx and protobuf); the umbrella header does not include it.
//
//     Sequential<float> model = io::load_onnx_model<float>("model.onnx");
//     AnyGru<float> gru = io::load_onnx_gru<float>("model.onnx", "/encoder/GRU");
//
// The files are read as graphs: constants are computed, sizes followed, and what is left between the input and the
// first output must be a chain of layers. Anything else is refused by the operator and the name of its node.
#pragma once

#include "eigengru/io/chain_builder.hpp"
#include "eigengru/io/onnx_trace.hpp"
#include "eigengru/layer/any_gru.hpp"

namespace eigengru::inline EIGENGRU_ABI::io {

namespace detail {

/// A name for messages and files: "/gru/GRU_1" becomes gru_GRU_1.
[[nodiscard]] inline std::string onnx_layer_name(std::string_view name, std::string_view otherwise) {
    std::string result;
    for (const char c : name) {
        const bool is_kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                             c == '-' || c == '.';
        if (is_kept || !result.empty()) result += is_kept ? c : '_';
    }
    return result.empty() ? std::string(otherwise) : result;
}

template <RealScalar S>
[[nodiscard]] std::vector<RowMatrix<S>> cast_weights(const std::vector<RowMatrix<double>>& weights) {
    std::vector<RowMatrix<S>> result;
    for (const RowMatrix<double>& weight : weights) result.push_back(weight.cast<S>());
    return result;
}

/// The options of one direction of a node. Beyond a row's length Y is zeros, so its last step may be; Y_h is never.
[[nodiscard]] inline GruOptions onnx_gru_options(const OnnxGru& gru, std::size_t direction, bool return_sequences,
                                                 bool is_state = false) {
    const OnnxDirection& d = gru.directions[direction];
    return {.units = gru.units,
            .activation = d.activation,
            .recurrent_activation = d.recurrent_activation,
            .use_bias = gru.has_bias,
            .return_sequences = return_sequences,
            .zero_output_for_mask = gru.has_lengths && !is_state,
            .name = onnx_layer_name(gru.name, "gru")};
}

/// A model from the trace of a graph.
template <RealScalar S>
class OnnxModelBuilder {
public:
    OnnxModelBuilder(const OnnxFile& file, OnnxTrace& trace) : where_(file.where()), trace_(trace), chain_(where_) {}

    /// The layers up to a value. Throws: FormatError.
    [[nodiscard]] Sequential<S> build(const std::string& output) {
        const OnnxValue value = trace_.layers().resolved(trace_.value(output));
        if (!value.is_data())
            where_.fail("expected a chain of GRU, MatMul, Gemm and activations, received ",
                        value.is_constant() ? "constants" : value.reason);
        if (value.step < 0) where_.fail("expected layers between the input and the output, received none");
        std::vector<Index> steps;
        for (Index step = value.step; step >= 0; step = trace_.layers().step(step).previous) steps.push_back(step);
        const auto is_gru = [&](Index i) { return std::holds_alternative<OnnxGruUse>(trace_.layers().step(i).layer); };
        const auto last_gru = std::ranges::find_if(steps, is_gru);  // from the end of the chain
        if (last_gru == steps.end()) where_.fail("expected a GRU between the input and the output, received none");
        const Index last = *last_gru;
        check_lengths(steps);
        for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
            const bool is_last_only = value.is_last && *step == last;
            std::visit([&](const auto& layer) { add(layer, is_last_only); }, trace_.layers().step(*step).layer);
        }
        return chain_.finish();
    }

private:
    /// A call has one list of lengths for all layers. Throws: FormatError where the GRUs have others.
    void check_lengths(const std::vector<Index>& steps) const {
        const OnnxGruNode* first = nullptr;
        for (const Index step : steps) {
            const auto* use = std::get_if<OnnxGruUse>(&trace_.layers().step(step).layer);
            if (use == nullptr) continue;
            const OnnxGruNode& node = trace_.layers().grus()[use->gru];
            if (first == nullptr) first = &node;
            if (node.gru.has_lengths != first->gru.has_lengths || node.length_inputs != first->length_inputs)
                where_.in("node \"", node.gru.name, "\"")
                    .fail("expected the sequence_lens of node \"", first->gru.name, "\", received ",
                          node.gru.has_lengths ? "another" : "none");
        }
    }

    void add(const OnnxDense& dense, bool) {
        chain_.add_dense({.name = onnx_layer_name(dense.name, "dense")}, cast_weights<S>(dense.weights));
    }

    void add(const OnnxActivation& layer, bool) {
        chain_.add(
            ActivationLayer<S>({.activation = layer.activation, .name = onnx_layer_name(layer.name, "activation")}));
    }

    void add(const OnnxGruUse& use, bool is_last_only) {
        const OnnxGruNode& node = trace_.layers().grus()[use.gru];
        const Where where = where_.in("node \"", node.gru.name, "\"");
        if (!node.initial_problem.empty()) where.fail(node.initial_problem);
        if ((node.initial_inputs & node.inputs) != 0)
            where.fail("initial_h expected another input than that of the model");
        const bool is_forward = use.reading == OnnxGru::Reading::forward;
        if (is_last_only && !use.is_state && !is_forward)
            where.fail(
                "expected the last step of a GRU that reads forward: the other direction has seen one step there");
        if (!is_last_only && use.reading == OnnxGru::Reading::reverse)
            where.fail(
                "expected the last state of a GRU that reads backward; its sequence stands in the order of the "
                "input here, in that of the steps in Keras (load_onnx_gru loads it as go_backwards)");
        const bool return_sequences = !is_last_only;
        const bool is_state = is_last_only && use.is_state;
        if (use.reading == OnnxGru::Reading::both) return add_both(node.gru, return_sequences, is_state);
        // One direction of a node that may have two.
        const std::size_t direction = !is_forward && node.gru.directions.size() == 2 ? 1 : 0;
        GruOptions options = onnx_gru_options(node.gru, direction, return_sequences, is_state);
        options.go_backwards = !is_forward;
        chain_.add_gru(node.gru.reset_after, node.gru.features, options,
                       cast_weights<S>(node.gru.directions[direction].weights));
    }

    void add_both(const OnnxGru& gru, bool return_sequences, bool is_state) {
        GruOptions forward = onnx_gru_options(gru, 0, return_sequences, is_state);
        BidirectionalOptions both{.name = forward.name};
        if (gru.directions[1].activation != forward.activation ||
            gru.directions[1].recurrent_activation != forward.recurrent_activation) {
            both.backward = onnx_gru_options(gru, 1, return_sequences, is_state);
            both.backward->go_backwards = true;
            both.backward->name = "backward_" + forward.name;
        }
        std::vector<RowMatrix<S>> weights = cast_weights<S>(gru.directions[0].weights);
        for (RowMatrix<S>& weight : cast_weights<S>(gru.directions[1].weights)) weights.push_back(std::move(weight));
        chain_.add_bidirectional(gru.reset_after, gru.features, forward, both, weights);
    }

    Where where_;
    OnnxTrace& trace_;
    ChainBuilder<S> chain_;
};

/// Throws: FormatError when an output besides the first is no state of a GRU.
inline void check_outputs(const OnnxFile& file, OnnxTrace& trace) {
    const auto& outputs = file.graph().output();
    if (outputs.empty()) file.where().fail("expected an output, received none");
    for (int i = 1; i < outputs.size(); ++i) {
        const OnnxValue value = trace.value(outputs[i].name());
        if (!value.is_data() || value.parts.empty() || !value.is_last)
            file.where().fail("expected one output besides states of GRUs, received \"", outputs[i].name(), "\" too");
    }
}

[[nodiscard]] inline OnnxFile open_onnx(std::string_view function, const std::filesystem::path& path) {
    return {path, Where(eigengru::detail::text(function, ": ", path.string()))};
}

/// The GRU node of that name, or the only one. Throws: FormatError that lists those there are.
[[nodiscard]] inline const OnnxGruNode& find_onnx_gru(const OnnxFile& file, const OnnxTrace& trace,
                                                      std::string_view name) {
    std::vector<std::string> known;
    for (const OnnxGruNode& node : trace.grus()) {
        if (node.gru.name == name && !name.empty()) return node;
        known.push_back(node.gru.name);
    }
    if (known.empty()) file.where().fail("the graph has no node GRU");
    if (name.empty() && known.size() == 1) return trace.grus().front();
    file.where().fail("expected the name of a GRU node, one of ", eigengru::detail::quoted_list(known), ", received \"",
                      name, "\"");
}

/// Throws: FormatError.
template <RealScalar S>
[[nodiscard]] Sequential<S> onnx_model(const OnnxFile& file) {
    OnnxTrace trace(file);
    check_outputs(file, trace);
    return OnnxModelBuilder<S>(file, trace).build(file.graph().output(0).name());
}

/// Throws: FormatError.
template <RealScalar S>
[[nodiscard]] AnyGru<S> onnx_gru(const OnnxFile& file, std::string_view name) {
    const OnnxTrace trace(file);
    const OnnxGruNode& found = find_onnx_gru(file, trace, name);
    const Where where = file.where().in("node \"", found.gru.name, "\"");
    if (!found.problem.empty()) file.where().fail(found.problem);
    if (found.gru.directions.size() != 1)
        where.fail("expected one direction, received two; a whole model may have them");
    GruOptions options = onnx_gru_options(found.gru, 0, true);
    options.go_backwards = found.gru.reading == OnnxGru::Reading::reverse;
    const std::vector<RowMatrix<S>> weights = cast_weights<S>(found.gru.directions[0].weights);
    return in_file(where, [&]() -> AnyGru<S> {
        if (found.gru.reset_after) return Gru<S, true>(found.gru.features, options, weights);
        return Gru<S, false>(found.gru.features, options, weights);
    });
}

}  // namespace detail

/// The model in an ONNX file: the chain of layers that leads to the first output of the graph. GRU nodes become Gru, or
/// Bidirectional with Merge::concat; MatMul or Gemm with a constant, and Add of one behind it, Dense; activations
/// ActivationLayer. Inputs are (batch, time, features), in whichever order the graph has them. The other outputs may be
/// states. An initial state that is an input of the graph is where the layer starts: from zeros, or, if it is made
/// stateful, from the carried state. Where the graph takes sequence_lens, give the call's `.lengths`.
///
/// Throws: FormatError for a missing or damaged file, and for what is no such chain, with operator and node.
template <RealScalar S = float>
[[nodiscard]] Sequential<S> load_onnx_model(const std::filesystem::path& path) {
    return detail::onnx_model<S>(detail::open_onnx("io::load_onnx_model", path));
}

/// One GRU node of one direction by its name (that of its first output where it has none), or the only one, in a graph
/// that may hold anything else; with return_sequences. Its initial state and lengths are for the call to give.
///
/// A node that reads in reverse becomes go_backwards, whose outputs stand in the order of the steps, as Keras has them;
/// ONNX has them in the order of the inputs.
/// Throws: FormatError.
template <RealScalar S = float>
[[nodiscard]] AnyGru<S> load_onnx_gru(const std::filesystem::path& path, std::string_view node = "") {
    return detail::onnx_gru<S>(detail::open_onnx("io::load_onnx_gru", path), node);
}

}  // namespace eigengru::inline EIGENGRU_ABI::io
