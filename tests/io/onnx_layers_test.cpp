// SPDX-License-Identifier: MIT
#include "eigengru/io/onnx_layers.hpp"

#include "io/onnx_graphs.hpp"

#include <gtest/gtest.h>

namespace eigengru_test::onnx_layers_test {

namespace {

using namespace eigengru;

TEST(LoadOnnxModel, RefusesAnInitialStateThatIsNotZero) {
    GruGraph graph("h0");
    graph.tensor("h0", {1, 1, 2});
    expect_contains(graph.refusal("Y_h"),
                    "initial_h expected an input of the graph or zeros, received other constants");
}

TEST(LoadOnnxModel, RefusesAnInitialStateMadeOfTheInputs) {
    GruGraph graph("h0");
    graph.node("Conv", {"x"}, {"h0"});
    graph.model.mutable_graph()->mutable_node()->SwapElements(1, 2);
    expect_contains(graph.refusal("Y_h"),
                    "initial_h expected an input of the graph or zeros, received the operator Conv");
}

TEST(LoadOnnxModel, RefusesASecondLayerOfTheSameMatrices) {
    GruGraph graph;
    graph.tensor("kernel", {2, 2});
    graph.node("MatMul", {"Y_h", "kernel"}, {"a"});
    graph.node("MatMul", {"a", "kernel"}, {"b"});
    expect_contains(graph.refusal("b"), "received the operator MatMul");
    GruGraph twice;
    twice.node("GRU", {"xt", "W", "R"}, {"Y2", "Y_h2"});
    expect_contains(twice.refusal("Y_h2"), "node \"the_GRU\": W and R expected constants that no other layer has");
}

TEST(LoadOnnxModel, TakesNoNoticeOfAGruThatNothingNeeds) {
    GruGraph graph;
    graph.tensor("W2", {1, 6, 3});
    graph.tensor("R2", {1, 6, 2});
    OnnxBuilder::set(graph.node("GRU", {"xt", "W2", "R2"}, {"Y2", "Y_h2"}), "clip", 5.0F);
    EXPECT_EQ(graph.layers("Y_h"), 1U);
}

TEST(LoadOnnxModel, RefusesWeightsThatAreNoConstants) {
    GruGraph graph;
    graph.input("w", {1, 6, 3});
    graph.gru->set_input(1, "w");
    expect_contains(graph.refusal("Y_h"), "received node \"the_GRU\": W, R and B expected constants");
}

TEST(LoadOnnxModel, RefusesAnActivationOfANumberWithoutAxes) {
    OnnxBuilder graph;
    graph.input("x", {1});
    graph.node("Squeeze", {"x"}, {"s"});
    graph.node("Tanh", {"s"}, {"y"});
    graph.output("y");
    const ScratchFolder folder;
    write_bytes(folder / "m.onnx", graph.bytes());
    expect_refused("the operator Tanh on a part of an input", [&] { (void)io::load_onnx_model(folder / "m.onnx"); });
}

TEST(LoadOnnxModel, AddsAHeadWithItsBias) {
    GruGraph graph;
    graph.tensor("kernel", {2, 3});
    graph.tensor("bias", {3});
    graph.node("Squeeze", {"Y_h", ""}, {"h"});
    graph.model.mutable_graph()->mutable_node(2)->mutable_input()->RemoveLast();
    OnnxBuilder::set(graph.node("Gemm", {"h", "kernel", "bias"}, {"g"}), "beta", 2.0F);
    OnnxBuilder::set(graph.node("Softmax", {"g"}, {"p"}), "axis", 1);
    EXPECT_EQ(graph.layers("p"), 3U);
}

using io::detail::Dims;
using io::detail::OnnxAxis;
using io::detail::OnnxNode;
using io::detail::OnnxTensor;
using io::detail::OnnxValue;

using io::detail::OnnxActivation;
using io::detail::OnnxDense;
using io::detail::OnnxGru;
using io::detail::OnnxGruUse;
using io::detail::OnnxLayers;

/// An input of a graph of 5 steps, 13 rows and 3 features.
OnnxValue input_value() {
    return {.kind = OnnxValue::Kind::data,
            .dims = {5, 13, 3},
            .axes = {OnnxAxis::other, OnnxAxis::other, OnnxAxis::features},
            .is_input = true,
            .inputs = 1};
}

/// Constants of that shape, one after the other from `first` on.
OnnxValue constants(Dims dims, double first = 1.0) {
    Index count = 1;
    for (const Index size : dims) count *= size;
    OnnxTensor tensor{std::move(dims), {}};
    for (Index i = 0; i < count; ++i) tensor.numbers.push_back(first + static_cast<double>(i));
    return OnnxValue::constant(std::move(tensor));
}

/// Y and Y_h of a GRU of 2 units that reads x, with what `edit` does to its node and its inputs.
template <class Edit>
std::vector<OnnxValue> gru_of(OnnxLayers& layers, const OnnxValue& x, const Edit& edit) {
    onnx::NodeProto node = node_of("GRU");
    std::vector<OnnxValue> inputs{x, constants({1, 6, 3}), constants({1, 6, 2}), {}, {}, {}};
    edit(node, inputs);
    return layers.gru(OnnxNode(node), inputs);
}

constexpr auto kAsItIs = [](onnx::NodeProto&, std::vector<OnnxValue>&) {};
constexpr auto kBothWays = [](onnx::NodeProto& node, std::vector<OnnxValue>& inputs) {
    OnnxBuilder::set(node, "direction", std::string("bidirectional"));
    inputs[1] = constants({2, 6, 3});
    inputs[2] = constants({2, 6, 2});
};

TEST(OnnxLayers, AGruGivesItsSequencesAndItsState) {
    OnnxLayers layers;
    const std::vector<OnnxValue> y = gru_of(layers, input_value(), kAsItIs);
    ASSERT_EQ(y.size(), 2U);
    EXPECT_EQ(y[0].dims, (Dims{5, 1, 13, 2}));
    EXPECT_EQ(y[0].axes, (std::vector{OnnxAxis::time, OnnxAxis::direction, OnnxAxis::batch, OnnxAxis::features}));
    EXPECT_FALSE(y[0].is_last || y[0].is_state || y[0].is_input);
    EXPECT_EQ(y[1].dims, (Dims{1, 13, 2}));
    EXPECT_TRUE(y[1].is_last && y[1].is_state);
    EXPECT_EQ(y[0].inputs, 1U);
    const std::vector<OnnxValue> both = gru_of(layers, input_value(), kBothWays);
    EXPECT_EQ(both[0].dims, (Dims{5, 2, 13, 2}));
    EXPECT_EQ(both[0].parts, (std::vector<io::detail::OnnxPart>{{1, false}, {1, true}}));
    const std::vector<OnnxValue> first =
        gru_of(layers, input_value(), [](auto& node, auto&) { OnnxBuilder::set(node, "layout", 1); });
    EXPECT_EQ(first[0].dims, (Dims{5, 13, 1, 2}));
    EXPECT_EQ(first[1].dims, (Dims{5, 1, 2}));
}

TEST(OnnxLayers, WhatComesOutOfAGruHasPassedItOnceItIsUsed) {
    OnnxLayers layers;
    const std::vector<OnnxValue> y = gru_of(layers, input_value(), kAsItIs);
    EXPECT_EQ(layers.resolved(input_value()).step, -1);
    const OnnxValue used = layers.resolved(y[1]);
    ASSERT_EQ(used.step, 0);
    EXPECT_TRUE(used.parts.empty());
    const auto& use = std::get<OnnxGruUse>(layers.step(0).layer);
    EXPECT_TRUE(use.gru == 0 && use.is_state && use.reading == OnnxGru::Reading::forward);
    EXPECT_EQ(layers.step(0).previous, -1);
}

TEST(OnnxLayers, DirectionsMustStandSideBySide) {
    OnnxLayers layers;
    OnnxValue y = gru_of(layers, input_value(), kBothWays)[0];
    EXPECT_EQ(layers.resolved(y).reason, "the directions or layers of a GRU that are not side by side");
    y.dims = {5, 13, 4};
    y.axes = {OnnxAxis::time, OnnxAxis::batch, OnnxAxis::features};
    const OnnxValue used = layers.resolved(y);
    EXPECT_EQ(std::get<OnnxGruUse>(layers.step(used.step).layer).reading, OnnxGru::Reading::both);
    std::swap(y.parts[0], y.parts[1]);
    EXPECT_EQ(layers.resolved(y).reason, "states of several GRUs side by side");
    y.parts.resize(1);
    const OnnxValue backward = layers.resolved(y);
    EXPECT_EQ(std::get<OnnxGruUse>(layers.step(backward.step).layer).reading, OnnxGru::Reading::reverse);
}

/// What is wrong with the input of a GRU that reads x.
std::string input_problem(const OnnxValue& x) {
    OnnxLayers layers;
    const std::vector<OnnxValue> y = gru_of(layers, x, kAsItIs);
    EXPECT_EQ(y[0].reason, layers.grus()[0].input_problem);
    return layers.grus()[0].input_problem;
}

TEST(OnnxLayers, AGruReadsWholeSequencesOfItsFeatures) {
    EXPECT_EQ(input_problem(input_value()), "");
    OnnxValue x = input_value();
    x.is_piece = true;
    EXPECT_EQ(input_problem(x), "a GRU that does not read whole sequences (node \"n\")");
    x = input_value();
    x.axes = {OnnxAxis::batch, OnnxAxis::time, OnnxAxis::features};
    EXPECT_EQ(input_problem(x), "a GRU that reads batches as time (node \"n\")");
    x = input_value();
    x.dims.back() = 4;
    EXPECT_EQ(input_problem(x), "a GRU that reads other features than it was made for (node \"n\")");
    x.has_open_features = true;
    EXPECT_EQ(input_problem(x), "");
    EXPECT_EQ(input_problem({}), "a GRU that reads no data");
    EXPECT_EQ(input_problem(OnnxValue::unknown(1, "the operator Conv")), "the operator Conv");
}

TEST(OnnxLayers, AGruTakesLengthsFromAnInput) {
    const auto record = [](const OnnxValue& lengths) {
        OnnxLayers layers;
        (void)gru_of(layers, input_value(), [&](auto&, auto& inputs) { inputs[4] = lengths; });
        return layers.grus()[0];
    };
    OnnxValue input{.kind = OnnxValue::Kind::data, .dims = {13}, .axes = {OnnxAxis::other}, .is_input = true};
    input.inputs = 2;
    EXPECT_TRUE(record(input).gru.has_lengths);
    EXPECT_EQ(record(input).length_inputs, 2U);
    EXPECT_FALSE(record(OnnxValue::constant({{2}, {5, 5}})).gru.has_lengths);  // the whole of each row
    EXPECT_EQ(record(OnnxValue::constant({{2}, {5, 5}})).input_problem, "");
    const std::string none = "sequence_lens that is no input of the graph (node \"n\")";
    EXPECT_EQ(record(OnnxValue::constant({{2}, {5, 4}})).input_problem, none);
    EXPECT_EQ(record(OnnxValue::unknown(1, "the operator Conv")).input_problem, none);
}

TEST(OnnxLayers, AGruStartsFromZerosOrAnInput) {
    const auto problem = [](const OnnxValue& initial) {
        OnnxLayers layers;
        (void)gru_of(layers, input_value(), [&](auto&, auto& inputs) { inputs[5] = initial; });
        return layers.grus()[0].initial_problem;
    };
    EXPECT_EQ(problem(OnnxValue::constant({{1, 1, 2}, {0, -0.0}})), "");
    EXPECT_EQ(problem(input_value()), "");
    OnnxValue computed = input_value();
    computed.is_input = false;
    const std::string expected = "initial_h expected an input of the graph or zeros, received ";
    EXPECT_EQ(problem(computed), expected + "what layers compute");
    EXPECT_EQ(problem(constants({1, 1, 2})), expected + "other constants");
    EXPECT_EQ(problem(OnnxValue::unknown(1, "the operator Conv")), expected + "the operator Conv");
}

TEST(OnnxLayers, ADenseIsAProductWithConstants) {
    OnnxLayers layers;
    const onnx::NodeProto matmul = node_of("MatMul");
    const auto y = layers.dense(OnnxNode(matmul), {input_value(), constants({3, 2})});
    ASSERT_TRUE(y);
    EXPECT_EQ(y->dims, (Dims{5, 13, 2}));
    EXPECT_FALSE(y->is_input);
    RowMatrix<double> kernel(3, 2);
    kernel << 1, 2, 3, 4, 5, 6;
    EXPECT_EQ(std::get<OnnxDense>(layers.step(0).layer).weights, (std::vector{kernel}));
    EXPECT_FALSE(layers.dense(OnnxNode(matmul), {input_value(), constants({4, 2})}));
    EXPECT_FALSE(layers.dense(OnnxNode(matmul), {input_value(), constants({1, 3, 2})}));
    EXPECT_FALSE(layers.dense(OnnxNode(matmul), {input_value(), input_value()}));
    EXPECT_FALSE(layers.dense(OnnxNode(matmul), {input_value()}));
    EXPECT_EQ(layers.dense(OnnxNode(matmul), {OnnxValue::unknown(1, "why"), constants({3, 2})})->reason, "why");
}

TEST(OnnxLayers, AGemmHasAllItsArguments) {
    OnnxLayers layers;
    OnnxValue x = input_value();
    x.dims = {13, 3};
    x.axes = {OnnxAxis::batch, OnnxAxis::features};
    onnx::NodeProto gemm = node_of("Gemm");
    OnnxBuilder::set(gemm, "transB", 1);
    OnnxBuilder::set(gemm, "alpha", 2.0F);
    OnnxBuilder::set(gemm, "beta", 3.0F);
    const auto y = layers.dense(OnnxNode(gemm), {x, constants({2, 3}), constants({2})});
    ASSERT_TRUE(y);
    EXPECT_EQ(y->dims, (Dims{13, 2}));
    RowMatrix<double> kernel(3, 2);
    kernel << 2, 8, 4, 10, 6, 12;
    RowMatrix<double> bias(1, 2);
    bias << 3, 6;
    EXPECT_EQ(std::get<OnnxDense>(layers.step(y->step).layer).weights, (std::vector{kernel, bias}));
    EXPECT_EQ(layers.step(y->step).previous, -1);
    EXPECT_FALSE(layers.dense(OnnxNode(gemm), {input_value(), constants({2, 3})}));  // of sequences: a MatMul
    EXPECT_FALSE(layers.dense(OnnxNode(gemm), {x, constants({2, 3}), x}));           // a bias that is no constant
    OnnxBuilder::set(gemm, "transA", 1);
    EXPECT_FALSE(layers.dense(OnnxNode(gemm), {x, constants({2, 3})}));
}

TEST(OnnxLayers, ABiasIsARowOrOneNumberBehindAProduct) {
    const onnx::NodeProto matmul = node_of("MatMul");
    const auto bias = [&](const OnnxValue& given, bool is_first) {
        OnnxLayers layers;
        const auto y = layers.dense(OnnxNode(matmul), {input_value(), constants({3, 2})});
        const auto sum = is_first ? layers.add_bias({given, *y}) : layers.add_bias({*y, given});
        if (!sum) return RowMatrix<double>();
        return std::get<OnnxDense>(layers.step(sum->step).layer).weights.at(1);
    };
    RowMatrix<double> row(1, 2);
    row << 4, 5;
    for (const bool is_first : {false, true}) {
        EXPECT_EQ(bias(constants({2}, 4), is_first), row);
        EXPECT_EQ(bias(constants({1, 1, 2}, 4), is_first), row);
        EXPECT_EQ(bias(constants({}, 4), is_first), (RowMatrix<double>::Constant(1, 2, 4)));
    }
    for (const Dims& dims : {Dims{3}, Dims{2, 1}, Dims{1, 1, 1, 2}}) EXPECT_EQ(bias(constants(dims), true).size(), 0);
    EXPECT_EQ(bias(input_value(), false).size(), 0);
}

TEST(OnnxLayers, AProductHasOneBias) {
    OnnxLayers layers;
    const onnx::NodeProto matmul = node_of("MatMul");
    const auto y = layers.dense(OnnxNode(matmul), {input_value(), constants({3, 2})});
    const auto sum = layers.add_bias({*y, constants({2})});
    ASSERT_TRUE(sum);
    EXPECT_FALSE(layers.add_bias({*sum, constants({2})}));
    EXPECT_FALSE(layers.add_bias({*y, constants({2})}));  // layers would copy the matrix each time
    EXPECT_FALSE(layers.add_bias({input_value(), constants({3})}));
    EXPECT_FALSE(layers.add_bias({*sum}));
}

TEST(OnnxLayers, AnActivationIsOfFeatures) {
    OnnxLayers layers;
    const onnx::NodeProto relu = node_of("Relu");
    const OnnxValue y = layers.activated(OnnxNode(relu), input_value(), "relu");
    ASSERT_EQ(y.step, 0);
    EXPECT_EQ(std::get<OnnxActivation>(layers.step(0).layer).name, "n");
    EXPECT_EQ(std::get<OnnxActivation>(layers.step(0).layer).activation, Activation("relu"));
    EXPECT_FALSE(y.is_input);
    OnnxValue turned = input_value();
    std::swap(turned.axes[0], turned.axes[2]);
    EXPECT_EQ(layers.activated(OnnxNode(relu), turned, "relu").reason, "the operator Relu on a part of an input");
    EXPECT_EQ(layers.activated(OnnxNode(relu), OnnxValue::unknown(1, "why"), "relu").reason, "why");
}

}  // namespace

}  // namespace eigengru_test::onnx_layers_test
