// SPDX-License-Identifier: MIT
// ONNX graphs made to order, for the tests of what reads them.
#pragma once

#include "eigengru/io/onnx_file.hpp"
#include "support/scratch_files.hpp"

#include <gtest/gtest.h>

#include <initializer_list>

namespace eigengru_test {

/// Builds a model node by node.
class OnnxBuilder {
public:
    explicit OnnxBuilder(int opset = 17) {
        auto* set = model.add_opset_import();
        set->set_domain("");
        set->set_version(opset);
    }

    onnx::NodeProto& node(const std::string& op, std::initializer_list<std::string> inputs,
                          std::initializer_list<std::string> outputs) {
        onnx::NodeProto& node = *model.mutable_graph()->add_node();
        node.set_op_type(op);
        node.set_name("the_" + op);
        for (const std::string& input : inputs) node.add_input(input);
        for (const std::string& output : outputs) node.add_output(output);
        return node;
    }

    static void fill(onnx::TensorProto& tensor, std::vector<std::int64_t> dims, const std::vector<float>& numbers) {
        tensor.set_data_type(onnx::TensorProto::FLOAT);
        for (const std::int64_t size : dims) tensor.add_dims(size);
        for (const float number : numbers) tensor.add_float_data(number);
    }

    onnx::TensorProto& tensor(const std::string& name, std::vector<std::int64_t> dims,
                              std::vector<float> numbers = {}) {
        onnx::TensorProto& tensor = *model.mutable_graph()->add_initializer();
        tensor.set_name(name);
        std::size_t count = 1;
        for (const std::int64_t size : dims) count *= static_cast<std::size_t>(size);
        if (numbers.empty())
            for (std::size_t i = 0; i < count; ++i) numbers.push_back(0.1F * static_cast<float>(i % 7) - 0.3F);
        fill(tensor, std::move(dims), numbers);
        return tensor;
    }

    void integers(const std::string& name, std::initializer_list<std::int64_t> numbers, bool is_scalar = false) {
        onnx::TensorProto& tensor = *model.mutable_graph()->add_initializer();
        tensor.set_name(name);
        tensor.set_data_type(onnx::TensorProto::INT64);
        if (!is_scalar) tensor.add_dims(static_cast<std::int64_t>(numbers.size()));
        for (const std::int64_t number : numbers) tensor.add_int64_data(number);
    }

    void input(const std::string& name, std::initializer_list<std::int64_t> sizes) {
        auto& input = *model.mutable_graph()->add_input();
        input.set_name(name);
        auto& type = *input.mutable_type()->mutable_tensor_type();
        type.set_elem_type(onnx::TensorProto::FLOAT);
        for (const std::int64_t size : sizes) {
            auto& dim = *type.mutable_shape()->add_dim();
            if (size > 0) dim.set_dim_value(size);
        }
    }

    void output(const std::string& name) { model.mutable_graph()->add_output()->set_name(name); }

    static void set(onnx::NodeProto& node, const std::string& name, int value) {
        auto& attribute = add(node, name, onnx::AttributeProto::INT);
        attribute.set_i(value);
    }
    static void set(onnx::NodeProto& node, const std::string& name, float value) {
        add(node, name, onnx::AttributeProto::FLOAT).set_f(value);
    }
    static void set(onnx::NodeProto& node, const std::string& name, const std::string& value) {
        add(node, name, onnx::AttributeProto::STRING).set_s(value);
    }
    static void set(onnx::NodeProto& node, const std::string& name, std::initializer_list<std::int64_t> values) {
        auto& attribute = add(node, name, onnx::AttributeProto::INTS);
        for (const std::int64_t value : values) attribute.add_ints(value);
    }
    static void set(onnx::NodeProto& node, const std::string& name, std::initializer_list<std::string> values) {
        auto& attribute = add(node, name, onnx::AttributeProto::STRINGS);
        for (const std::string& value : values) attribute.add_strings(value);
    }

    [[nodiscard]] Bytes bytes() const {
        const std::string text = model.SerializeAsString();
        return {text.begin(), text.end()};
    }
    [[nodiscard]] eigengru::io::OnnxFile file(const std::filesystem::path& folder = {}) const {
        return {bytes(), folder, eigengru::io::Where("f")};
    }

    onnx::ModelProto model;

private:
    static onnx::AttributeProto& add(onnx::NodeProto& node, const std::string& name,
                                     onnx::AttributeProto::AttributeType type) {
        onnx::AttributeProto& attribute = *node.add_attribute();
        attribute.set_name(name);
        attribute.set_type(type);
        return attribute;
    }
};

/// A node of an operator, called n, without anything else.
inline onnx::NodeProto node_of(const std::string& op) {
    onnx::NodeProto node;
    node.set_op_type(op);
    node.set_name("n");
    return node;
}

}  // namespace eigengru_test
