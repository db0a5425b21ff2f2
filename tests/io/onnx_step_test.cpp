// SPDX-License-Identifier: MIT
#include "eigengru/io/onnx_step.hpp"

#include "io/onnx_graphs.hpp"

#include <gtest/gtest.h>

namespace eigengru_test::onnx_step_test {

namespace {

using namespace eigengru;

TEST(LoadOnnxModel, RefusesAnActivationOverAnotherAxis) {
    GruGraph graph;
    graph.node("Squeeze", {"Y", "squeezed"}, {"y"});
    OnnxBuilder::set(graph.node("Softmax", {"y"}, {"p"}), "axis", 1);
    expect_contains(graph.refusal("p"), "received the operator Softmax");
}

using io::detail::onnx_activation;
using io::detail::OnnxNode;

/// The activation that a node with one attribute is, on data of two axes.
template <class Value>
std::optional<Activation> activation_with(const std::string& op, const std::string& name, const Value& value) {
    onnx::NodeProto node;
    node.set_op_type(op);
    OnnxBuilder::set(node, name, value);
    return onnx_activation(OnnxNode(node), 2, 17);
}

std::optional<Activation> plain_activation(const std::string& op, std::size_t rank = 2, int opset = 17) {
    onnx::NodeProto node;
    node.set_op_type(op);
    return onnx_activation(OnnxNode(node), rank, opset);
}

TEST(OnnxActivation, HasTheNameThatKerasHas) {
    for (const auto& [op, name] : {std::pair{"Relu", "relu"},
                                   {"Tanh", "tanh"},
                                   {"Sigmoid", "sigmoid"},
                                   {"Softplus", "softplus"},
                                   {"Softsign", "softsign"},
                                   {"Mish", "mish"},
                                   {"Selu", "selu"},
                                   {"HardSwish", "hard_silu"}})
        EXPECT_EQ(plain_activation(op), Activation(name)) << op;
    EXPECT_EQ(plain_activation("Conv"), std::nullopt);
    EXPECT_EQ(plain_activation("PRelu"), std::nullopt);
}

TEST(OnnxActivation, HasOnnxsParametersAndDefaults) {
    EXPECT_EQ(plain_activation("Elu"), Activation::elu({.alpha = 1.0}));
    EXPECT_EQ(activation_with("Elu", "alpha", 0.5F), Activation::elu({.alpha = 0.5}));
    EXPECT_EQ(plain_activation("Celu"), Activation::celu({.alpha = 1.0}));
    EXPECT_EQ(activation_with("Celu", "alpha", 2.0F), Activation::celu({.alpha = 2.0}));
    EXPECT_EQ(activation_with("Celu", "alpha", 0.0F), std::nullopt);  // which is not defined
    EXPECT_EQ(plain_activation("LeakyRelu"), Activation::leaky_relu({.negative_slope = 0.01}));
    EXPECT_EQ(activation_with("LeakyRelu", "alpha", 0.25F), Activation::leaky_relu({.negative_slope = 0.25}));
    EXPECT_EQ(activation_with("Selu", "gamma", 1.0F), std::nullopt);
    EXPECT_EQ(plain_activation("Gelu"), Activation::gelu({.approximate = false}));
    EXPECT_EQ(activation_with("Gelu", "approximate", std::string("tanh")), Activation::gelu({.approximate = true}));
}

TEST(OnnxActivation, KnowsTheHardSigmoidOfKeras) {
    EXPECT_EQ(activation_with("HardSigmoid", "alpha", 1.0F / 6.0F), Activation("hard_sigmoid"));
    const std::optional<Activation> other = plain_activation("HardSigmoid");
    ASSERT_TRUE(other);
    EXPECT_EQ(other->name(), "HardSigmoid(0.2, 0.5)");
}

TEST(OnnxActivation, TakesASoftmaxOverTheLastAxisAlone) {
    EXPECT_EQ(plain_activation("Softmax", 3), Activation("softmax"));
    EXPECT_EQ(plain_activation("LogSoftmax", 2), Activation("log_softmax"));
    EXPECT_EQ(plain_activation("Softmax", 2, 12), Activation("softmax"));  // up to opset 12 it begins at axis 1
    EXPECT_EQ(plain_activation("Softmax", 3, 12), std::nullopt);
    EXPECT_EQ(activation_with("Softmax", "axis", 1), Activation("softmax"));
    EXPECT_EQ(activation_with("Softmax", "axis", 0), std::nullopt);
    EXPECT_EQ(activation_with("Softmax", "axis", 2), std::nullopt);
    EXPECT_EQ(plain_activation("Softmax", 0), std::nullopt);
}

}  // namespace

}  // namespace eigengru_test::onnx_step_test
