// SPDX-License-Identifier: MIT
#include "eigengru/io/onnx.hpp"

#include "io/exchange.hpp"
#include "io/onnx_graphs.hpp"

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

TEST(LoadOnnxModel, RefusesOutputsBesidesStates) {
    GruGraph graph;
    graph.node("Squeeze", {"Y", "squeezed"}, {"y"});
    graph.node("Relu", {"y"}, {"z"});
    graph.output("y");
    expect_contains(graph.refusal("z"), "expected one output besides states of GRUs, received \"z\" too");
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

TEST(LoadOnnxModel, RefusesClip) {
    GruGraph graph;
    OnnxBuilder::set(*graph.gru, "clip", 5.0F);
    expect_contains(graph.refusal("Y_h"),
                    "node \"the_GRU\": clip expected none, received 5: Keras's GRU does not clip");
}

TEST(LoadOnnxModel, RefusesAGraphWithoutLayers) {
    GruGraph graph;
    expect_contains(graph.refusal("x"), "expected layers between the input and the output, received none");
    GruGraph activation;
    activation.node("Relu", {"x"}, {"y"});
    expect_contains(activation.refusal("y"), "expected a GRU between the input and the output, received none");
}

}  // namespace
