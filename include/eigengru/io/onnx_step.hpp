// SPDX-License-Identifier: MIT
// OnnxStep: a layer that data passes in an ONNX graph, a GRU, a MatMul or Gemm with a bias, or an activation.
#pragma once

#include "eigengru/io/onnx_gru.hpp"
#include "eigengru/io/onnx_shapes.hpp"

#include <variant>

namespace eigengru::inline EIGENGRU_ABI::io::detail {

/// The use of a GRU node in a model: one direction or both, its sequences or its last state.
struct OnnxGruUse {
    std::size_t gru = 0;
    OnnxGru::Reading reading = OnnxGru::Reading::forward;
    bool is_state = false;  ///< the graph goes on with Y_h
};

/// kernel and, perhaps, bias, as Keras has them.
struct OnnxDense {
    std::string name;
    std::vector<RowMatrix<double>> weights;
};

struct OnnxActivation {
    std::string name;
    Activation activation;
};

/// A layer that data has passed, and the one before it.
struct OnnxStep {
    Index previous = -1;
    std::variant<OnnxGruUse, OnnxDense, OnnxActivation> layer;
};

/// A GRU node, with what stands in the way of loading it.
struct OnnxGruNode {
    OnnxGru gru;
    std::string problem = {};          ///< why it is none that can be loaded
    std::string initial_problem = {};  ///< why no layer can start from its initial state
    std::string input_problem = {};    ///< why what it reads is not known
    Index previous = -1;               ///< the last layer that its inputs have passed
    std::uint64_t inputs = 0;          ///< which inputs of the graph they depend on
    std::uint64_t initial_inputs = 0;  ///< likewise the initial state
    std::uint64_t length_inputs = 0;   ///< likewise sequence_lens
};

/// The activation that a node is, with its parameters.
[[nodiscard]] inline std::optional<Activation> onnx_activation(const OnnxNode& node, std::size_t rank,
                                                               std::int64_t opset) {
    const std::string& op = node.op();
    const auto alpha = [&](double otherwise) { return node.number("alpha", otherwise); };
    if (op == "Relu" || op == "Tanh" || op == "Sigmoid" || op == "Softplus" || op == "Softsign" || op == "Mish") {
        std::string name = op;
        name.front() = static_cast<char>(name.front() - 'A' + 'a');
        return Activation(name);
    }
    if (op == "Elu") return Activation::elu({.alpha = alpha(1.0)});
    if (op == "Celu" && alpha(1.0) != 0.0) return Activation::celu({.alpha = alpha(1.0)});
    if (op == "LeakyRelu") return Activation::leaky_relu({.negative_slope = alpha(0.01)});
    if (op == "Selu" && node.find("alpha") == nullptr && node.find("gamma") == nullptr) return "selu";
    if (op == "HardSigmoid") return OnnxActivations::hard_sigmoid(alpha(0.2), node.number("beta", 0.5));
    if (op == "HardSwish") return "hard_silu";
    if (op == "Gelu") return Activation::gelu({.approximate = node.string("approximate", "none") == "tanh"});
    if (op == "Softmax" || op == "LogSoftmax") {
        const std::int64_t otherwise = opset < 13 ? 1 : -1;
        const auto axis = axis_of(static_cast<double>(node.integer("axis", otherwise)), rank);
        if (axis && *axis + 1 == rank) return Activation(op == "Softmax" ? "softmax" : "log_softmax");
    }
    return std::nullopt;
}

}  // namespace eigengru::inline EIGENGRU_ABI::io::detail
