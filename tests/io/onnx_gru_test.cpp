// SPDX-License-Identifier: MIT
#include "eigengru/io/onnx_gru.hpp"

#include "io/onnx_support.hpp"

namespace {

using namespace eigengru;
using namespace eigengru_test;
using io::detail::OnnxGru;
using io::detail::OnnxTensor;

OnnxTensor counted(io::detail::Dims dims) {
    OnnxTensor tensor{std::move(dims), {}};
    Index size = 1;
    for (const Index n : tensor.dims) size *= n;
    for (Index i = 0; i < size; ++i) tensor.numbers.push_back(static_cast<double>(i));
    return tensor;
}

/// A node of 1 unit and 2 features, edited.
template <class Edit>
OnnxGru read_gru_node(const Edit& edit, Index directions = 1, bool has_bias = true) {
    onnx::NodeProto node;
    node.set_op_type("GRU");
    node.set_name("g");
    edit(node);
    const OnnxTensor bias = counted({directions, 6});
    return io::detail::OnnxGruReader(io::detail::OnnxNode(node), io::Where("f"))
        .read(counted({directions, 3, 2}), counted({directions, 3, 1}), has_bias ? &bias : nullptr);
}

template <class Edit>
std::string gru_node_refusal(const Edit& edit, Index directions = 1) {
    return format_error_of([&] { (void)read_gru_node(edit, directions); });
}

constexpr auto kPlain = [](onnx::NodeProto&) {};
constexpr auto kAfter = [](onnx::NodeProto& node) { OnnxBuilder::set(node, "linear_before_reset", 1); };

TEST(OnnxGru, HasKerassWeights) {
    const OnnxGru gru = read_gru_node(kAfter);
    EXPECT_TRUE(gru.reset_after);
    EXPECT_EQ(gru.features, 2);
    RowMatrix<double> kernel(2, 3);
    kernel << 0, 2, 4, 1, 3, 5;
    EXPECT_EQ(gru.directions[0].weights[0], kernel);
    RowMatrix<double> bias(2, 3);
    bias << 0, 1, 2, 3, 4, 5;
    EXPECT_EQ(gru.directions[0].weights[2], bias);
}

TEST(OnnxGru, AddsBothBiasesWhereTheyGoIntoOneSum) {
    RowMatrix<double> bias(1, 3);
    bias << 3, 5, 7;
    EXPECT_EQ(read_gru_node(kPlain).directions[0].weights[2], bias);
    EXPECT_EQ(read_gru_node(kPlain, 1, false).directions[0].weights.size(), 2U);
}

TEST(OnnxGru, TakesTheSecondDirectionFromTheSecondHalf) {
    const OnnxGru gru = read_gru_node(
        [](onnx::NodeProto& node) { OnnxBuilder::set(node, "direction", std::string("bidirectional")); }, 2);
    EXPECT_EQ(gru.reading, OnnxGru::Reading::both);
    EXPECT_EQ(gru.directions[1].weights[0](0, 0), 6.0);
    EXPECT_EQ(gru.directions[1].weights[2](0, 0), 6.0 + 9.0);
}

TEST(OnnxGru, NamesActivationsOfEachDirection) {
    const OnnxGru gru = read_gru_node([](onnx::NodeProto& node) {
        OnnxBuilder::set(node, "activations", {std::string("sigmoid"), std::string("Relu")});
    });
    EXPECT_EQ(gru.directions[0].activation, Activation("relu"));
    EXPECT_EQ(gru.directions[0].recurrent_activation, Activation("sigmoid"));
    EXPECT_EQ(read_gru_node(kPlain).directions[0].activation, Activation("tanh"));
}

TEST(OnnxGru, RefusesWhatItDoesNotKnow) {
    using Node = onnx::NodeProto;
    expect_contains(gru_node_refusal([](Node& n) { OnnxBuilder::set(n, "direction", std::string("up")); }),
                    "f: direction expected \"forward\", \"reverse\" or \"bidirectional\", received \"up\"");
    expect_contains(gru_node_refusal([](Node& n) { OnnxBuilder::set(n, "activations", {std::string("Relu")}); }),
                    "activations expected 2 names, received 1");
    expect_contains(gru_node_refusal([](Node& n) {
                        OnnxBuilder::set(n, "activations", {std::string("Relu"), std::string("Swish")});
                    }),
                    "activations expected one of \"Relu\", \"Tanh\"");
    expect_contains(gru_node_refusal([](Node& n) { OnnxBuilder::set(n, "hidden_size", 3); }),
                    "hidden_size expected 1, as R has it, received 3");
    expect_contains(gru_node_refusal(kPlain, 2), "W expected shape (1, 3, 2), received (2, 3, 2)");
    expect_contains(gru_node_refusal([](Node& n) { OnnxBuilder::set(n, "clip", 1.0F); }),
                    "clip expected none, received 1");
}

}  // namespace
