// SPDX-License-Identifier: MIT
#include "eigengru/io/onnx_trace.hpp"

#include "io/onnx_graphs.hpp"

#include <gtest/gtest.h>

namespace eigengru_test::onnx_trace_test {

namespace {

using namespace eigengru;

TEST(LoadOnnxModel, NamesTheOperatorThatIsNotKnown) {
    GruGraph graph;
    graph.node("Squeeze", {"Y", "squeezed"}, {"y"});
    graph.node("Conv", {"y", "W"}, {"z"});
    graph.node("Relu", {"z"}, {"out"});
    expect_contains(graph.refusal("out"),
                    "expected a chain of GRU, MatMul, Gemm and activations, received the operator "
                    "Conv (node \"the_Conv\")");
}

using io::detail::Dims;
using io::detail::OnnxAxis;
using io::detail::OnnxTensor;
using io::detail::OnnxTrace;
using io::detail::OnnxValue;

/// The value of that name in a graph.
OnnxValue traced(const OnnxBuilder& graph, const std::string& name) {
    const io::OnnxFile file = graph.file();
    return OnnxTrace(file).value(name);
}

void expect_constant(const OnnxValue& value, const Dims& dims, const std::vector<double>& numbers) {
    ASSERT_TRUE(value.is_constant()) << value.reason;
    EXPECT_EQ(value.tensor->dims, dims);
    EXPECT_EQ(value.tensor->numbers, numbers);
}

TEST(OnnxTrace, KnowsTheInputsOfTheGraph) {
    OnnxBuilder graph;
    graph.input("x", {0, 5, 0});
    graph.input("h", {1, 2});
    graph.input("w", {2});
    graph.tensor("w", {2}, {1, 2});  // old graphs list their constants as inputs too
    const OnnxValue x = traced(graph, "x");
    EXPECT_TRUE(x.is_data() && x.is_input && x.has_open_features);
    EXPECT_EQ(x.dims, (Dims{13, 5, 19}));
    EXPECT_EQ(x.axes, (std::vector{OnnxAxis::other, OnnxAxis::other, OnnxAxis::features}));
    EXPECT_EQ(x.inputs, 1U);
    EXPECT_EQ(traced(graph, "h").inputs, 2U);
    EXPECT_FALSE(traced(graph, "h").has_open_features);
    expect_constant(traced(graph, "w"), {2}, {1, 2});
}

TEST(OnnxTrace, TakesInputsOfOneToThreeAxes) {
    OnnxBuilder graph;
    graph.input("image", {1, 3, 8, 8});
    EXPECT_EQ(traced(graph, "image").reason, "the input \"image\" of rank 4");
    OnnxBuilder scalar;
    scalar.input("x", {});
    scalar.model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
    EXPECT_EQ(traced(scalar, "x").reason, "the input \"x\" of rank 0");
    OnnxBuilder many;
    for (int i = 0; i < 65; ++i) many.input("x" + std::to_string(i), {2, 3});
    EXPECT_TRUE(traced(many, "x63").is_data());
    EXPECT_FALSE(traced(many, "x64").is_data());
}

TEST(OnnxTrace, ComputesWhatDependsOnSizesAlone) {
    OnnxBuilder graph;
    graph.input("x", {0, 5, 3});
    graph.integers("one", {1}, true);
    graph.integers("two", {2});
    graph.node("Shape", {"x"}, {"shape"});
    graph.node("Gather", {"shape", "one"}, {"time"});
    graph.node("Mul", {"time", "two"}, {"twice"});
    expect_constant(traced(graph, "shape"), {3}, {13, 5, 3});
    expect_constant(traced(graph, "twice"), {1}, {10});
}

TEST(OnnxTrace, ReadsEveryFormOfAConstant) {
    OnnxBuilder graph;
    OnnxBuilder::set(graph.node("Constant", {}, {"float"}), "value_float", 0.5F);
    OnnxBuilder::set(graph.node("Constant", {}, {"int"}), "value_int", 3);
    OnnxBuilder::set(graph.node("Constant", {}, {"ints"}), "value_ints", {3, -4});
    OnnxBuilder::set(graph.node("Constant", {}, {"text"}), "value_string", std::string("no"));
    auto& floats = *graph.node("Constant", {}, {"floats"}).add_attribute();
    floats.set_name("value_floats");
    floats.add_floats(0.25F);
    auto& whole = *graph.node("Constant", {}, {"whole"}).add_attribute();
    whole.set_name("value");
    OnnxBuilder::fill(*whole.mutable_t(), {1, 2}, {7, 8});
    expect_constant(traced(graph, "float"), {}, {0.5});
    expect_constant(traced(graph, "int"), {}, {3});
    expect_constant(traced(graph, "ints"), {2}, {3, -4});
    expect_constant(traced(graph, "floats"), {1}, {0.25});
    expect_constant(traced(graph, "whole"), {1, 2}, {7, 8});
    EXPECT_EQ(traced(graph, "text").reason, "the operator Constant (node \"the_Constant\")");
}

TEST(OnnxTrace, FillsAShape) {
    OnnxBuilder graph;
    graph.integers("shape", {1, 2});
    graph.integers("huge", {1 << 20, 1 << 20});
    graph.node("ConstantOfShape", {"shape"}, {"zeros"});
    auto& value = *graph.node("ConstantOfShape", {"shape"}, {"sevens"}).add_attribute();
    value.set_name("value");
    OnnxBuilder::fill(*value.mutable_t(), {1}, {7});
    auto& two = *graph.node("ConstantOfShape", {"shape"}, {"wrong"}).add_attribute();
    two.set_name("value");
    OnnxBuilder::fill(*two.mutable_t(), {2}, {7, 8});
    graph.node("ConstantOfShape", {"huge"}, {"many"});
    expect_constant(traced(graph, "zeros"), {1, 2}, {0, 0});
    expect_constant(traced(graph, "sevens"), {1, 2}, {7, 7});
    for (const char* name : {"wrong", "many"})
        EXPECT_EQ(traced(graph, name).reason, "the operator ConstantOfShape (node \"the_ConstantOfShape\")");
}

TEST(OnnxTrace, SaysWhatAnUnknownValueCameFrom) {
    OnnxBuilder graph;
    graph.input("x", {0, 5, 3});
    graph.input("z", {0, 5, 3});
    graph.node("Conv", {"x"}, {"a", "b"});
    graph.node("Pool", {"a", "z"}, {"c"});
    auto& relu = graph.node("Relu", {"x"}, {"own"});
    relu.set_domain("my.operators");
    auto& strings = *graph.model.mutable_graph()->add_initializer();
    strings.set_name("strings");
    strings.set_data_type(onnx::TensorProto::STRING);
    EXPECT_EQ(traced(graph, "b").reason, "the operator Conv (node \"the_Conv\")");
    EXPECT_EQ(traced(graph, "c").reason, "the operator Conv (node \"the_Conv\")");
    EXPECT_EQ(traced(graph, "c").inputs, 3U);
    EXPECT_EQ(traced(graph, "own").reason, "the operator Relu (node \"the_Relu\")");
    EXPECT_EQ(traced(graph, "strings").reason, "the tensor \"strings\" of another type of numbers");
    EXPECT_EQ(traced(graph, "nowhere").reason, "\"nowhere\", which nothing makes");
}

TEST(OnnxTrace, FollowsDataThroughLayersAndWhatMovesIt) {
    OnnxBuilder graph;
    graph.input("x", {0, 5, 3});
    graph.tensor("kernel", {3, 2});
    graph.tensor("bias", {2});
    graph.node("Identity", {"x"}, {"same"});
    graph.node("MatMul", {"same", "kernel"}, {"product"});
    graph.node("Add", {"product", "bias"}, {"sum"});
    graph.node("Relu", {"sum"}, {"y"});
    const io::OnnxFile file = graph.file();
    OnnxTrace trace(file);
    EXPECT_TRUE(trace.value("same").is_input);
    const OnnxValue y = trace.value("y");
    ASSERT_TRUE(y.is_data()) << y.reason;
    EXPECT_EQ(y.dims, (Dims{13, 5, 2}));
    const auto& relu = trace.layers().step(y.step);
    EXPECT_EQ(std::get<io::detail::OnnxActivation>(relu.layer).name, "the_Relu");
    EXPECT_EQ(std::get<io::detail::OnnxDense>(trace.layers().step(relu.previous).layer).weights.size(), 2U);
    EXPECT_TRUE(trace.grus().empty());
}

TEST(OnnxTrace, HasTheOutputsOfAGruAndNoMore) {
    OnnxBuilder graph;
    graph.input("x", {5, 0, 3});
    graph.tensor("W", {1, 6, 3});
    graph.tensor("R", {1, 6, 2});
    graph.node("GRU", {"x", "W", "R"}, {"Y", "Y_h", "more"});
    EXPECT_TRUE(traced(graph, "Y").is_data());
    EXPECT_TRUE(traced(graph, "Y_h").is_state);
    EXPECT_FALSE(traced(graph, "more").is_data());
}

}  // namespace

}  // namespace eigengru_test::onnx_trace_test
