// SPDX-License-Identifier: MIT
#include "eigengru/io/onnx.hpp"

#include "io/exchange.hpp"
#include "io/onnx_support.hpp"

namespace {

using namespace eigengru;
using namespace eigengru_test;

/// A call of the layer of a fixture with one GRU node, in double, with the initial state and lengths of the fixture.
Output<double> call_node(AnyGru<double>& gru, const GoldenCase& recorded) {
    CallOptions<double> call;
    RowMatrix<double> state(2, 4);
    std::vector<int> lengths;
    if (recorded.has_array("initial_state")) {
        const GoldenArray& values = recorded.array("initial_state");
        std::copy(values.values.begin(), values.values.end(), state.data());
        call.initial_state = state;
    }
    if (recorded.has_array("lengths")) {
        for (const double length : recorded.array("lengths").values) lengths.push_back(static_cast<int>(length));
        call.lengths = lengths;
    }
    return gru(golden_sequence<double>(recorded.array("inputs")), call);
}

TEST(LoadOnnxModel, GivesTheOutputsOfOnnxRuntimeForEveryExport) {
    int count = 0;
    for (const GoldenCase& recorded : exchange_cases(".onnx")) {
        if (recorded.name.starts_with("node")) continue;
        SCOPED_TRACE(recorded.name);
        ++count;
        Sequential<double> in_double = io::load_onnx_model<double>(exchange(recorded.option("file")));
        expect_outputs(in_double, recorded, 1e-6);
        Sequential<float> in_float = io::load_onnx_model<float>(exchange(recorded.option("file")));
        expect_outputs(in_float, recorded, 1e-6);
    }
    EXPECT_GE(count, 11);
}

TEST(LoadOnnxModel, GivesTheOutputsOfOnnxRuntimeForBothDirections) {
    for (const char* name : {"node_both_before", "node_both_after", "node_layout", "node_no_bias"}) {
        SCOPED_TRACE(name);
        const GoldenCase recorded = exchange_case(name);
        Sequential<double> model = io::load_onnx_model<double>(exchange(recorded.option("file")));
        expect_outputs(model, recorded, 1e-6);
    }
}

TEST(LoadOnnxModel, IsTheSameModelAsTheStateDict) {
    Sequential<double> model = io::load_onnx_model<double>(exchange("same.onnx"));
    expect_outputs(model, exchange_case("same"), 1e-11);
}

TEST(LoadOnnxGru, GivesTheOutputsOfOnnxRuntimeForEveryNode) {
    int count = 0;
    for (const GoldenCase& recorded : exchange_cases(".onnx")) {
        if (!recorded.name.starts_with("node") || recorded.name.starts_with("node_both")) continue;
        SCOPED_TRACE(recorded.name);
        ++count;
        AnyGru<double> gru = io::load_onnx_gru<double>(exchange(recorded.option("file")), "the_gru");
        const Output<double> y = call_node(gru, recorded);
        EXPECT_LE(golden_difference(y.state.data(), 8, recorded.array("state")), 1e-6);
        if (gru.options().go_backwards) continue;  // the next test
        EXPECT_LE(golden_difference(y.sequences.data(), 40, recorded.array("outputs")), 1e-6);
    }
    EXPECT_GE(count, 11);
}

TEST(LoadOnnxGru, GivesTheStepsOfAReverseNodeInTheirOrder) {
    const GoldenCase recorded = exchange_case("node_reverse");
    AnyGru<double> gru = io::load_onnx_gru<double>(exchange("node_reverse.onnx"));
    const Output<double> y = call_node(gru, recorded);
    const GoldenArray& expected = recorded.array("outputs");
    for (std::size_t t = 0; t < 5; ++t)
        EXPECT_NEAR(y.sequences.data()[4 * t], expected.values[4 * (4 - t)], 1e-6) << "step " << t;
}

TEST(LoadOnnxGru, FindsANodeByTheNameOfItsOutput) {
    EXPECT_EQ(io::load_onnx_gru(exchange("legacy_last.onnx"), "/gru/GRU_1").options().name, "gru_GRU_1");
    EXPECT_EQ(io::load_onnx_gru(exchange("legacy_last.onnx"), "/gru/GRU").features(), 3);
}

TEST(LoadOnnxGru, NamesTheNodesThereAre) {
    expect_refused("expected the name of a GRU node, one of \"/gru/GRU\", \"/gru/GRU_1\", received \"\"",
                   [] { (void)io::load_onnx_gru(exchange("legacy_last.onnx")); });
    expect_refused("node \"the_gru\": expected one direction, received two; a whole model",
                   [] { (void)io::load_onnx_gru(exchange("node_both_after.onnx")); });
}

TEST(LoadOnnxModel, RefusesASequenceReadBackward) {
    expect_refused("node \"the_gru\": expected the last state of a GRU that reads backward",
                   [] { (void)io::load_onnx_model(exchange("node_reverse.onnx")); });
}

/// x (batch, 5, 3) into a GRU of 2 units, whose outputs are Y and Y_h.
class GruGraph : public OnnxBuilder {
public:
    explicit GruGraph(const std::string& initial = "", int opset = 17) : OnnxBuilder(opset) {
        input("x", {0, 5, 3});
        integers("squeezed", {1});
        tensor("W", {1, 6, 3});
        tensor("R", {1, 6, 2});
        node("Transpose", {"x"}, {"xt"});
        set(*model.mutable_graph()->mutable_node(0), "perm", {1, 0, 2});
        gru = &node("GRU", {"xt", "W", "R", "", "", initial}, {"Y", "Y_h"});
    }

    /// The layers of the model that ends in that value.
    std::size_t layers(const std::string& result) {
        output(result);
        write_bytes(folder / "m.onnx", bytes());
        return io::load_onnx_model(folder / "m.onnx").layers().size();
    }
    std::string refusal(const std::string& result) {
        return format_error_of([&] { (void)layers(result); });
    }

    onnx::NodeProto* gru;
    ScratchFolder folder;
};

TEST(LoadOnnxModel, KnowsTheLastStepOfAFixedNumberOfThem) {
    GruGraph graph;
    graph.integers("four", {4}, true);
    graph.node("Squeeze", {"Y", "squeezed"}, {"y"});
    OnnxBuilder::set(graph.node("Gather", {"y", "four"}, {"last"}), "axis", 0);
    graph.model.mutable_graph()
        ->mutable_input(0)
        ->mutable_type()
        ->mutable_tensor_type()
        ->mutable_shape()
        ->mutable_dim(0)
        ->set_dim_value(2);
    EXPECT_EQ(graph.layers("last"), 1U);
}

TEST(LoadOnnxModel, RefusesAStepThatIsNotTheLastOfAnyNumber) {
    GruGraph graph;
    graph.integers("four", {4}, true);
    graph.node("Squeeze", {"Y", "squeezed"}, {"y"});
    OnnxBuilder::set(graph.node("Gather", {"y", "four"}, {"last"}), "axis", 0);
    expect_contains(graph.refusal("last"), "received the operator Gather (node \"the_Gather\")");
}

TEST(LoadOnnxModel, NamesTheOperatorThatIsNotKnown) {
    GruGraph graph;
    graph.node("Squeeze", {"Y", "squeezed"}, {"y"});
    graph.node("Conv", {"y", "W"}, {"z"});
    graph.node("Relu", {"z"}, {"out"});
    expect_contains(graph.refusal("out"),
                    "expected a chain of GRU, MatMul, Gemm and activations, received the operator "
                    "Conv (node \"the_Conv\")");
}

TEST(LoadOnnxModel, RefusesOutputsBesidesStates) {
    GruGraph graph;
    graph.node("Squeeze", {"Y", "squeezed"}, {"y"});
    graph.node("Relu", {"y"}, {"z"});
    graph.output("y");
    expect_contains(graph.refusal("z"), "expected one output besides states of GRUs, received \"z\" too");
}

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

/// The graph with sequence_lens, an input.
struct LengthsGraph : GruGraph {
    LengthsGraph() {
        input("lengths", {0});
        gru->set_input(4, "lengths");
    }
    GruOptions options(const std::string& result) {
        static_cast<void>(layers(result));
        return std::get<Gru<float, false>>(io::load_onnx_model(folder / "m.onnx").layers()[0]).options();
    }
};

TEST(LoadOnnxModel, GivesTheStateAtTheEndOfAShorterRow) {
    LengthsGraph graph;
    EXPECT_FALSE(graph.options("Y_h").zero_output_for_mask);
    Sequential<float> model = io::load_onnx_model(graph.folder / "m.onnx");
    Sequence<float> inputs({1, 5, 3});
    for (Index i = 0; i < inputs.size(); ++i) inputs.data()[i] = 0.1F * static_cast<float>(i);
    const std::vector<int> lengths{2};
    const Sequence<float> y = model.predict(inputs, {.lengths = lengths});
    const Sequence<float> expected = model.predict(SequenceView<const float>(inputs.data(), {1, 2, 3}));
    EXPECT_NE(y.data()[0], 0.0F);
    for (Index i = 0; i < 2; ++i) EXPECT_FLOAT_EQ(y.data()[i], expected.data()[i]);
}

TEST(LoadOnnxModel, GivesZerosForTheLastStepOfAShorterRow) {
    LengthsGraph graph;
    graph.integers("last", {-1}, true);
    OnnxBuilder::set(graph.node("Gather", {"Y", "last"}, {"y"}), "axis", 0);
    const GruOptions options = graph.options("y");
    EXPECT_TRUE(options.zero_output_for_mask && !options.return_sequences);
}

TEST(LoadOnnxModel, RefusesASecondGruWithoutTheLengthsOfTheFirst) {
    LengthsGraph graph;
    graph.tensor("W2", {1, 6, 2});
    graph.tensor("R2", {1, 6, 2});
    graph.node("Squeeze", {"Y", "squeezed"}, {"y"});
    graph.node("GRU", {"y", "W2", "R2"}, {"Y2", "Y_h2"});
    expect_contains(graph.refusal("Y_h2"), "expected the sequence_lens of node \"the_GRU\", received another");
}

/// The graph of a GRU that reads a slice of the input along its open axis, the batch.
std::string slice_refusal(std::int64_t start, std::int64_t end) {
    GruGraph graph;
    graph.integers("start", {start});
    graph.integers("end", {end});
    graph.integers("axis", {0});
    graph.node("Slice", {"x", "start", "end", "axis"}, {"part"});
    auto& nodes = *graph.model.mutable_graph()->mutable_node();
    nodes.SwapElements(1, 2);
    nodes.SwapElements(0, 1);
    nodes[1].set_input(0, "part");
    return graph.refusal("Y_h");
}

TEST(LoadOnnxModel, RefusesASliceOfAnOpenAxisThatOnlySeemsWhole) {
    constexpr std::int64_t no_end = std::numeric_limits<std::int64_t>::max();
    EXPECT_EQ(slice_refusal(0, no_end), "no FormatError was thrown");
    expect_contains(slice_refusal(-20, no_end), "a GRU that does not read whole sequences");
    expect_contains(slice_refusal(0, 100), "a GRU that does not read whole sequences");
}

TEST(LoadOnnxModel, RefusesPartsThatDoubleWithEachConcat) {
    GruGraph graph;
    std::string last = "Y_h";
    for (int i = 0; i < 40; ++i) {
        const std::string next = "c" + std::to_string(i);
        OnnxBuilder::set(graph.node("Concat", {last, last}, {next}), "axis", 0);
        last = next;
    }
    expect_contains(graph.refusal(last), "received the operator Concat");
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

TEST(LoadOnnxModel, RefusesClip) {
    GruGraph graph;
    OnnxBuilder::set(*graph.gru, "clip", 5.0F);
    expect_contains(graph.refusal("Y_h"),
                    "node \"the_GRU\": clip expected none, received 5: Keras's GRU does not clip");
}

TEST(LoadOnnxModel, RefusesWeightsThatAreNoConstants) {
    GruGraph graph;
    graph.input("w", {1, 6, 3});
    graph.gru->set_input(1, "w");
    expect_contains(graph.refusal("Y_h"), "received node \"the_GRU\": W, R and B expected constants");
}

TEST(LoadOnnxModel, RefusesAGraphWithoutLayers) {
    GruGraph graph;
    expect_contains(graph.refusal("x"), "expected layers between the input and the output, received none");
    GruGraph activation;
    activation.node("Relu", {"x"}, {"y"});
    expect_contains(activation.refusal("y"), "expected a GRU between the input and the output, received none");
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

TEST(LoadOnnxModel, RefusesAnActivationOverAnotherAxis) {
    GruGraph graph;
    graph.node("Squeeze", {"Y", "squeezed"}, {"y"});
    OnnxBuilder::set(graph.node("Softmax", {"y"}, {"p"}), "axis", 1);
    expect_contains(graph.refusal("p"), "received the operator Softmax");
}

}  // namespace
