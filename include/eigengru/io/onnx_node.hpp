// SPDX-License-Identifier: MIT
// OnnxNode: a node of an ONNX graph, its attributes read with the defaults of the operator.
#pragma once

#include "eigengru/io/onnx_file.hpp"

#include <optional>

namespace eigengru::inline EIGENGRU_ABI::io::detail {

/// A view of a node that outlives it.
class OnnxNode {
public:
    explicit OnnxNode(const onnx::NodeProto& node) : node_(&node) {}

    [[nodiscard]] const std::string& op() const { return node_->op_type(); }
    [[nodiscard]] bool is_standard() const { return OnnxFile::is_standard(node_->domain()); }

    /// Its name, or that of its first output where it has none.
    [[nodiscard]] const std::string& name() const {
        return node_->name().empty() && node_->output_size() > 0 ? node_->output(0) : node_->name();
    }

    /// The name of an input, empty when it is left out.
    [[nodiscard]] const std::string& input(int i) const {
        static const std::string none;
        return i < node_->input_size() ? node_->input(i) : none;
    }
    [[nodiscard]] int inputs() const { return node_->input_size(); }
    [[nodiscard]] int outputs() const { return node_->output_size(); }
    [[nodiscard]] const std::string& output(int i) const { return node_->output(i); }

    [[nodiscard]] const onnx::AttributeProto* find(std::string_view name) const {
        for (const auto& attribute : node_->attribute())
            if (attribute.name() == name) return &attribute;
        return nullptr;
    }
    [[nodiscard]] std::int64_t integer(std::string_view name, std::int64_t otherwise) const {
        const auto* attribute = find(name);
        return attribute != nullptr ? attribute->i() : otherwise;
    }
    [[nodiscard]] double number(std::string_view name, double otherwise) const {
        const auto* attribute = find(name);
        return attribute != nullptr ? static_cast<double>(attribute->f()) : otherwise;
    }
    [[nodiscard]] std::string string(std::string_view name, std::string otherwise) const {
        const auto* attribute = find(name);
        return attribute != nullptr ? attribute->s() : otherwise;
    }
    [[nodiscard]] std::optional<std::vector<double>> integers(std::string_view name) const {
        const auto* attribute = find(name);
        if (attribute == nullptr) return std::nullopt;
        std::vector<double> result;
        for (const std::int64_t value : attribute->ints()) result.push_back(static_cast<double>(value));
        return result;
    }

private:
    const onnx::NodeProto* node_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::io::detail
