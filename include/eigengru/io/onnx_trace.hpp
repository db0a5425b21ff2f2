// SPDX-License-Identifier: MIT
// OnnxTrace: follows the data through an ONNX graph, from its input to its outputs.
#pragma once

#include "eigengru/io/onnx_fold.hpp"
#include "eigengru/io/onnx_layers.hpp"
#include "eigengru/io/onnx_mover.hpp"

#include <map>

namespace eigengru::inline EIGENGRU_ABI::io::detail {

/// Evaluates each node of a graph in order: what depends on constants and sizes alone is computed, data is followed
/// through what moves it and through layers, all else is marked as unknown, which is an error only where it matters.
class OnnxTrace {
public:
    explicit OnnxTrace(const OnnxFile& file) : file_(file) {
        values_[""] = {};
        for (const auto& tensor : file_.graph().initializer()) initializers_[tensor.name()] = &tensor;
        for (const auto& input : file_.graph().input())
            if (!initializers_.contains(input.name())) add_input(input);
        for (const auto& node : file_.graph().node()) evaluate(OnnxNode(node));
    }

    [[nodiscard]] OnnxLayers& layers() { return layers_; }
    [[nodiscard]] const std::vector<OnnxGruNode>& grus() const { return layers_.grus(); }

    /// The value of that name; it knows the last layer that it has passed.
    [[nodiscard]] OnnxValue value(const std::string& name) {
        const auto found = values_.find(name);
        if (found != values_.end()) return found->second;
        const auto initializer = initializers_.find(name);
        if (initializer == initializers_.end()) return OnnxValue::unknown(0, "\"", name, "\", which nothing makes");
        return values_[name] = constant_of(*initializer->second);
    }

private:
    /// Sizes that the graph leaves open are taken to be primes that no layer is likely to have.
    void add_input(const onnx::ValueInfoProto& input) {
        constexpr auto open = std::to_array<Index>({13, 17, 19});
        constexpr std::size_t most_inputs = 64;
        OnnxValue value{.kind = OnnxValue::Kind::data, .is_input = true};
        const auto& type = input.type().tensor_type();
        const std::size_t rank = type.has_shape() ? static_cast<std::size_t>(type.shape().dim_size()) : open.size();
        const std::size_t number = input_count_++;
        if (rank < 1 || rank > open.size() || number >= most_inputs) {
            values_[input.name()] = OnnxValue::unknown(0, "the input \"", input.name(), "\" of rank ", rank);
            return;
        }
        value.inputs = std::uint64_t{1} << number;
        for (std::size_t i = 0; i < rank; ++i) {
            const Index size = type.has_shape() ? type.shape().dim(static_cast<int>(i)).dim_value() : 0;
            value.dims.push_back(size > 0 ? size : open[i]);
            value.axes.push_back(i + 1 == rank ? OnnxAxis::features : OnnxAxis::other);
            has_fixed_sizes_ = has_fixed_sizes_ && (size > 0 || i + 1 == rank);
            value.has_open_features = size <= 0;
        }
        values_[input.name()] = std::move(value);
    }

    void evaluate(const OnnxNode& node) {
        if (node.outputs() == 0) return;
        std::vector<OnnxValue> inputs;
        std::uint64_t depends_on = 0;
        for (int i = 0; i < node.inputs(); ++i) {
            inputs.push_back(value(node.input(i)));
            depends_on |= inputs.back().inputs;
        }
        if (node.is_standard() && node.op() == "GRU") return evaluate_gru(node, inputs);
        OnnxValue result = OnnxValue::unknown(depends_on, "the operator ", node.op(), " (node \"", node.name(), "\")");
        for (const OnnxValue& input : inputs)  // what an unknown value came from is the better reason
            if (input.kind == OnnxValue::Kind::unknown && !input.reason.empty()) result.reason = input.reason;
        if (node.is_standard())
            if (auto known = result_of(node, inputs)) result = std::move(*known);
        for (int i = 1; i < node.outputs(); ++i)
            values_[node.output(i)] = OnnxValue::unknown(depends_on, result.reason);
        values_[node.output(0)] = std::move(result);
    }

    [[nodiscard]] std::optional<OnnxValue> result_of(const OnnxNode& node, const std::vector<OnnxValue>& inputs) {
        if (node.op() == "Constant") return constant_of(node);
        if (inputs.empty()) return std::nullopt;
        const OnnxValue& x = inputs.front();
        if (node.op() == "Shape" && x.is_data()) return OnnxValue::constant(OnnxFolder::shape(node, x.dims));
        if (node.op() == "ConstantOfShape" && x.is_constant()) return filled(node, *x.tensor);
        if (const auto tensors = constants(inputs, 0)) {
            auto folded = folder_.fold(node, *tensors);
            return folded ? std::optional(OnnxValue::constant(std::move(*folded))) : std::nullopt;
        }
        if (node.op() == "Concat") {
            std::vector<const OnnxValue*> pointers;
            for (const OnnxValue& input : inputs) pointers.push_back(&input);
            return x.is_data() ? concatenated(node, pointers) : std::nullopt;
        }
        if (node.op() == "Add") return layers_.add_bias(inputs);
        if (!x.is_data()) return std::nullopt;
        if (node.op() == "MatMul" || node.op() == "Gemm") return layers_.dense(node, inputs);
        if (const auto activation = onnx_activation(node, x.dims.size(), file_.opset()))
            return layers_.activated(node, x, *activation);
        const auto tensors = constants(inputs, 1);
        return tensors ? OnnxMover(node, x, has_fixed_sizes_).move(*tensors) : std::nullopt;
    }

    /// The tensors of the inputs from `first` on, null for those before it and those left out; nothing when one of them
    /// is no constant.
    [[nodiscard]] static std::optional<std::vector<const OnnxTensor*>> constants(const std::vector<OnnxValue>& inputs,
                                                                                 std::size_t first) {
        std::vector<const OnnxTensor*> tensors(inputs.size(), nullptr);
        for (std::size_t i = first; i < inputs.size(); ++i) {
            const bool is_absent = inputs[i].kind == OnnxValue::Kind::unknown && inputs[i].reason.empty();
            if (!inputs[i].is_constant() && !is_absent) return std::nullopt;
            tensors[i] = inputs[i].tensor.get();
        }
        return tensors;
    }

    /// Unknown for numbers of other types, which may belong to parts of the graph that do not matter.
    [[nodiscard]] OnnxValue constant_of(const onnx::TensorProto& tensor) const {
        if (!OnnxFile::has_known_type(tensor))
            return OnnxValue::unknown(0, "the tensor \"", tensor.name(), "\" of another type of numbers");
        return OnnxValue::constant(file_.numbers(tensor));
    }

    [[nodiscard]] std::optional<OnnxValue> constant_of(const OnnxNode& node) const {
        const auto numbers = [](Dims dims, const auto& field) {
            return OnnxValue::constant({std::move(dims), {field.begin(), field.end()}});
        };
        if (const auto* value = node.find("value")) return constant_of(value->t());
        if (const auto* value = node.find("value_float"))
            return OnnxValue::constant({{}, {static_cast<double>(value->f())}});
        if (const auto* value = node.find("value_int"))
            return OnnxValue::constant({{}, {static_cast<double>(value->i())}});
        if (const auto* value = node.find("value_floats")) return numbers({value->floats_size()}, value->floats());
        if (const auto values = node.integers("value_ints"))
            return numbers({static_cast<Index>(values->size())}, *values);
        return std::nullopt;
    }

    [[nodiscard]] std::optional<OnnxValue> filled(const OnnxNode& node, const OnnxTensor& sizes) {
        const auto* value = node.find("value");
        double number = 0.0;
        if (value != nullptr) {
            const OnnxValue given = constant_of(value->t());
            if (!given.is_constant() || given.tensor->numbers.size() != 1) return std::nullopt;
            number = given.tensor->numbers.front();
        }
        auto result = folder_.filled(sizes.numbers, number);
        return result ? std::optional(OnnxValue::constant(std::move(*result))) : std::nullopt;
    }

    void evaluate_gru(const OnnxNode& node, const std::vector<OnnxValue>& inputs) {
        const std::vector<OnnxValue> outputs = layers_.gru(node, inputs);
        for (int i = 0; i < node.outputs(); ++i)
            values_[node.output(i)] =
                static_cast<std::size_t>(i) < outputs.size() ? outputs[static_cast<std::size_t>(i)] : OnnxValue();
    }

    const OnnxFile& file_;
    OnnxFolder folder_;
    std::map<std::string, OnnxValue> values_;
    std::map<std::string, const onnx::TensorProto*> initializers_;
    OnnxLayers layers_;
    std::size_t input_count_ = 0;
    bool has_fixed_sizes_ = true;
};

}  // namespace eigengru::inline EIGENGRU_ABI::io::detail
