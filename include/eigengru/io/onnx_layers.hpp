// SPDX-License-Identifier: MIT
// OnnxLayers: the layers that data passes in an ONNX graph: GRU, MatMul and Gemm with a bias, activations.
#pragma once

#include "eigengru/io/onnx_step.hpp"
#include "eigengru/io/onnx_value.hpp"

#include <memory>
#include <set>

namespace eigengru::inline EIGENGRU_ABI::io::detail {

/// The layers seen so far, and the data behind each.
class OnnxLayers {
public:
    [[nodiscard]] const std::vector<OnnxGruNode>& grus() const { return grus_; }
    [[nodiscard]] const OnnxStep& step(Index i) const { return steps_[static_cast<std::size_t>(i)]; }

    /// Data straight out of a GRU as data that has passed it as a layer; unknown where it is several at once.
    [[nodiscard]] OnnxValue resolved(OnnxValue value) {
        if (!value.is_data() || value.parts.empty()) return value;
        for (std::size_t axis = 0; axis < value.axes.size(); ++axis)
            if (value.axes[axis] == OnnxAxis::direction && value.dims[axis] != 1)
                return OnnxValue::unknown(value.inputs, "the directions or layers of a GRU that are not side by side");
        const std::size_t gru = value.parts.front().gru;
        const std::vector<OnnxPart> both{{gru, false}, {gru, true}};
        OnnxGruUse use{.gru = gru, .is_state = value.is_state};
        if (value.parts.size() == 1)
            use.reading = value.parts[0].is_backward ? OnnxGru::Reading::reverse : OnnxGru::Reading::forward;
        else if (value.parts == both)
            use.reading = OnnxGru::Reading::both;
        else
            return OnnxValue::unknown(value.inputs, "states of several GRUs side by side");
        if (!grus_[gru].input_problem.empty()) return OnnxValue::unknown(value.inputs, grus_[gru].input_problem);
        value.step = add_step(grus_[gru].previous, use);
        value.parts.clear();
        return value;
    }

    /// The outputs Y and Y_h of a GRU node, whose inputs are X, W, R, B, sequence_lens, initial_h.
    [[nodiscard]] std::vector<OnnxValue> gru(const OnnxNode& node, std::vector<OnnxValue> inputs) {
        constexpr std::size_t most_inputs = 6;
        inputs.resize(most_inputs);
        OnnxGruNode record;
        for (const OnnxValue& input : inputs) record.inputs |= input.inputs;
        record.gru.name = node.name();
        const bool has_weights =
            inputs[1].is_constant() && inputs[2].is_constant() && (inputs[3].is_constant() || is_absent(inputs[3]));
        const Where here(eigengru::detail::text("node \"", node.name(), "\""));
        if (!has_weights)
            record.problem = here.text() + ": W, R and B expected constants";
        else if (!is_first_use(inputs[1]) || !is_first_use(inputs[2]))
            record.problem = here.text() + ": W and R expected constants that no other layer has";
        else
            read_weights(record, OnnxGruReader(node, here), inputs);
        const OnnxValue x = resolved(inputs[0]);
        record.inputs = x.inputs;
        record.previous = x.step;
        if (!record.problem.empty())
            record.input_problem = record.problem;
        else
            record.input_problem = input_problem(record.gru, x);
        read_lengths(record, inputs[4], x);
        read_initial(record, inputs[5]);
        grus_.push_back(std::move(record));
        return outputs(grus_.size() - 1, x);
    }

    /// MatMul and Gemm with a constant matrix.
    [[nodiscard]] std::optional<OnnxValue> dense(const OnnxNode& node, const std::vector<OnnxValue>& inputs) {
        const OnnxValue x = resolved(inputs[0]);
        if (!x.is_data()) return x;
        if (inputs.size() < 2 || !inputs[1].is_constant() || inputs[1].tensor->dims.size() != 2) return std::nullopt;
        const bool is_gemm = node.op() == "Gemm";
        const bool is_transposed = is_gemm && node.integer("transB", 0) != 0;
        if (is_gemm && (node.integer("transA", 0) != 0 || x.dims.size() != 2)) return std::nullopt;
        const OnnxTensor& b = *inputs[1].tensor;
        const MatrixMap<const double> given(b.numbers.data(), b.dims[0], b.dims[1], Eigen::OuterStride<>(b.dims[1]));
        if (!is_first_use(inputs[1])) return std::nullopt;
        const double alpha = is_gemm ? node.number("alpha", 1.0) : 1.0;
        RowMatrix<double> kernel =
            is_transposed ? RowMatrix<double>(alpha * given.transpose()) : RowMatrix<double>(alpha * given);
        if (!takes_features(x, kernel.rows()) || kernel.cols() < 1) return std::nullopt;
        OnnxValue result = behind(x, OnnxDense{node.name(), {std::move(kernel)}});
        result.dims.back() = is_transposed ? b.dims[0] : b.dims[1];
        result.has_open_features = false;
        if (!is_gemm || inputs.size() < 3 || is_absent(inputs[2])) return result;
        return inputs[2].is_constant() ? with_bias(result, *inputs[2].tensor, node.number("beta", 1.0)) : std::nullopt;
    }

    /// Add of a constant to what comes out of a MatMul.
    [[nodiscard]] std::optional<OnnxValue> add_bias(const std::vector<OnnxValue>& inputs) {
        if (inputs.size() != 2) return std::nullopt;
        const std::size_t constant = inputs[0].is_constant() ? 0 : 1;
        const OnnxValue& x = inputs[1 - constant];
        if (!inputs[constant].is_constant() || !x.is_data()) return std::nullopt;
        return with_bias(x, *inputs[constant].tensor, 1.0);
    }

    [[nodiscard]] OnnxValue activated(const OnnxNode& node, const OnnxValue& x, const Activation& activation) {
        const OnnxValue value = resolved(x);
        if (!value.is_data()) return value;
        const bool is_known = !value.is_piece && !value.axes.empty() && value.axes.back() == OnnxAxis::features;
        if (!is_known) return OnnxValue::unknown(x.inputs, "the operator ", node.op(), " on a part of an input");
        return behind(value, OnnxActivation{node.name(), activation});
    }

private:
    [[nodiscard]] static bool is_absent(const OnnxValue& value) {
        return value.kind == OnnxValue::Kind::unknown && value.reason.empty();
    }

    /// Layers copy their matrices: were one for any number of them, a small file could ask for any amount of memory.
    [[nodiscard]] bool is_first_use(const OnnxValue& matrix) { return used_.insert(matrix.tensor).second; }

    /// A node that nothing needs may be anything: an error in it is one of what needs it.
    static void read_weights(OnnxGruNode& record, const OnnxGruReader& reader, const std::vector<OnnxValue>& inputs) {
        const auto read = [&] {
            record.gru = reader.read(*inputs[1].tensor, *inputs[2].tensor, inputs[3].tensor.get());
        };
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
        try {
            read();
        } catch (const FormatError& error) {
            record.problem = error.what();
        }
#else
        read();
#endif
    }

    Index add_step(Index previous, std::variant<OnnxGruUse, OnnxDense, OnnxActivation> layer) {
        steps_.push_back({previous, std::move(layer)});
        return static_cast<Index>(steps_.size()) - 1;
    }

    template <class Layer>
    [[nodiscard]] OnnxValue behind(OnnxValue value, Layer layer) {
        value.step = add_step(value.step, std::move(layer));
        value.is_input = false;
        return value;
    }

    [[nodiscard]] static bool takes_features(const OnnxValue& x, Index features) {
        return !x.is_piece && !x.axes.empty() && x.axes.back() == OnnxAxis::features &&
               (x.dims.back() == features || x.has_open_features);
    }

    /// A bias is one number for all units, or one for each, along the last axis.
    [[nodiscard]] std::optional<OnnxValue> with_bias(const OnnxValue& x, const OnnxTensor& bias, double beta) {
        if (x.step < 0) return std::nullopt;
        const OnnxStep& last = steps_[static_cast<std::size_t>(x.step)];
        const auto* dense = x.parts.empty() ? std::get_if<OnnxDense>(&last.layer) : nullptr;
        if (dense == nullptr || dense->weights.size() != 1) return std::nullopt;
        const Index units = dense->weights.front().cols();
        const auto count = static_cast<Index>(bias.numbers.size());
        const bool is_row = count == 1 || (count == units && !bias.dims.empty() && bias.dims.back() == units);
        if (!is_row || bias.dims.size() > x.dims.size()) return std::nullopt;
        if (!biased_.insert(x.step).second) return std::nullopt;
        OnnxDense layer = *dense;
        RowMatrix<double> row(1, units);
        for (Index i = 0; i < units; ++i) row(0, i) = beta * bias.numbers[static_cast<std::size_t>(count == 1 ? 0 : i)];
        layer.weights.push_back(std::move(row));
        OnnxValue result = x;
        result.step = add_step(last.previous, std::move(layer));
        return result;
    }

    /// Why a GRU cannot read that, empty when it can.
    [[nodiscard]] static std::string input_problem(const OnnxGru& gru, const OnnxValue& x) {
        if (!x.is_data()) return x.reason.empty() ? "a GRU that reads no data" : x.reason;
        const auto name = [&] { return eigengru::detail::text(" (node \"", gru.name, "\")"); };
        if (x.is_last || x.is_piece || x.dims.size() != 3) return "a GRU that does not read whole sequences" + name();
        const OnnxAxis time = x.axes[gru.is_batch_first ? 1 : 0];
        const OnnxAxis batch = x.axes[gru.is_batch_first ? 0 : 1];
        if (time == OnnxAxis::batch || batch == OnnxAxis::time) return "a GRU that reads batches as time" + name();
        if (!takes_features(x, gru.features)) return "a GRU that reads other features than it was made for" + name();
        return "";
    }

    static void read_lengths(OnnxGruNode& node, const OnnxValue& lengths, const OnnxValue& x) {
        if (is_absent(lengths) || !node.input_problem.empty()) return;
        const Index time = x.dims[node.gru.is_batch_first ? 1 : 0];
        const auto is_whole = [time](double length) { return length == static_cast<double>(time); };
        if (lengths.is_constant() && std::ranges::all_of(lengths.tensor->numbers, is_whole)) return;
        node.gru.has_lengths = lengths.is_data() && lengths.is_input && !lengths.is_piece;
        node.length_inputs = lengths.inputs;
        if (!node.gru.has_lengths)
            node.input_problem = "sequence_lens that is no input of the graph (node \"" + node.gru.name + "\")";
    }

    static void read_initial(OnnxGruNode& node, const OnnxValue& initial) {
        const auto is_zero = [](double number) { return number == 0.0; };
        if (is_absent(initial) || (initial.is_data() && initial.is_input)) {
            node.initial_inputs = initial.inputs;
        } else if (!initial.is_constant()) {
            node.initial_problem =
                eigengru::detail::text("initial_h expected an input of the graph or zeros, received ",
                                       initial.is_data() ? "what layers compute" : initial.reason);
        } else if (!std::ranges::all_of(initial.tensor->numbers, is_zero)) {
            node.initial_problem = "initial_h expected an input of the graph or zeros, received other constants";
        }
    }

    [[nodiscard]] std::vector<OnnxValue> outputs(std::size_t number, const OnnxValue& x) const {
        const OnnxGruNode& node = grus_[number];
        if (!node.input_problem.empty() || !x.is_data()) {
            const auto unknown = OnnxValue::unknown(node.inputs, node.input_problem);
            return {unknown, unknown};
        }
        const Index directions = static_cast<Index>(node.gru.directions.size());
        const bool is_batch_first = node.gru.is_batch_first;
        const Index time = x.dims[is_batch_first ? 1 : 0];
        const Index batch = x.dims[is_batch_first ? 0 : 1];
        OnnxValue y{.kind = OnnxValue::Kind::data, .inputs = x.inputs};
        if (node.gru.reading != OnnxGru::Reading::reverse) y.parts.push_back({number, false});
        if (node.gru.reading != OnnxGru::Reading::forward) y.parts.push_back({number, true});
        OnnxValue last = y;
        last.is_last = true;
        last.is_state = true;
        if (is_batch_first) {
            y.dims = {batch, time, directions, node.gru.units};
            y.axes = {OnnxAxis::batch, OnnxAxis::time, OnnxAxis::direction, OnnxAxis::features};
            last.dims = {batch, directions, node.gru.units};
            last.axes = {OnnxAxis::batch, OnnxAxis::direction, OnnxAxis::features};
        } else {
            y.dims = {time, directions, batch, node.gru.units};
            y.axes = {OnnxAxis::time, OnnxAxis::direction, OnnxAxis::batch, OnnxAxis::features};
            last.dims = {directions, batch, node.gru.units};
            last.axes = {OnnxAxis::direction, OnnxAxis::batch, OnnxAxis::features};
        }
        return {y, last};
    }

    std::vector<OnnxGruNode> grus_;
    std::vector<OnnxStep> steps_;
    std::set<std::shared_ptr<const OnnxTensor>> used_;  ///< the matrices of layers
    std::set<Index> biased_;                            ///< the steps that are a MatMul whose Add has come
};

}  // namespace eigengru::inline EIGENGRU_ABI::io::detail
