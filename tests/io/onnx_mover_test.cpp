// SPDX-License-Identifier: MIT
#include "eigengru/io/onnx_mover.hpp"

#include "io/onnx_graphs.hpp"

#include <gtest/gtest.h>

namespace eigengru_test::onnx_mover_test {

namespace {

using namespace eigengru;

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

using io::detail::Dims;
using io::detail::OnnxAxis;
using io::detail::OnnxNode;
using io::detail::OnnxTensor;
using io::detail::OnnxValue;

using io::detail::concatenated;
using io::detail::OnnxMover;
using io::detail::OnnxPart;

using Result = OnnxMover::Result;
using Axes = std::vector<OnnxAxis>;

constexpr OnnxAxis kTime = OnnxAxis::time, kBatch = OnnxAxis::batch, kFeatures = OnnxAxis::features,
                   kDirection = OnnxAxis::direction, kUnit = OnnxAxis::unit;

/// Y of a GRU of 4 units, forward alone or both directions.
OnnxValue sequences(bool has_both = false) {
    OnnxValue value{.kind = OnnxValue::Kind::data,
                    .dims = {5, has_both ? 2 : 1, 13, 4},
                    .axes = {kTime, kDirection, kBatch, kFeatures},
                    .parts = {{0, false}},
                    .inputs = 1};
    if (has_both) value.parts.push_back({0, true});
    return value;
}

OnnxValue raw_input() {
    return {.kind = OnnxValue::Kind::data,
            .dims = {13, 5, 1},
            .axes = {OnnxAxis::other, OnnxAxis::other, kFeatures},
            .is_input = true,
            .inputs = 1};
}

/// What a node makes of data, with these constants behind it.
Result moved(const onnx::NodeProto& node, const OnnxValue& value, const std::vector<OnnxTensor>& arguments = {},
             bool has_fixed_time = false) {
    OnnxMover::Tensors tensors{nullptr};
    for (const OnnxTensor& argument : arguments) tensors.push_back(&argument);
    return OnnxMover(OnnxNode(node), value, has_fixed_time).move(tensors);
}

Result moved(const std::string& op, const OnnxValue& value, const std::vector<OnnxTensor>& arguments = {},
             bool has_fixed_time = false) {
    return moved(node_of(op), value, arguments, has_fixed_time);
}

OnnxTensor row(std::vector<double> numbers) {
    const auto size = static_cast<Index>(numbers.size());
    return {{size}, std::move(numbers)};
}

void expect_moved(const Result& found, const Dims& dims, const Axes& axes) {
    ASSERT_TRUE(found);
    EXPECT_EQ(found->dims, dims);
    EXPECT_EQ(found->axes, axes);
}

template <class T>
onnx::NodeProto with(const std::string& op, const std::string& attribute, const T& value) {
    onnx::NodeProto node = node_of(op);
    OnnxBuilder::set(node, attribute, value);
    return node;
}

TEST(OnnxMover, LeavesWhatDoesNotMoveAsItIs) {
    for (const onnx::NodeProto& node :
         {node_of("Identity"), node_of("Dropout"), with("Cast", "to", int{onnx::TensorProto::DOUBLE}),
          with("Cast", "to", int{onnx::TensorProto::FLOAT16})})
        expect_moved(moved(node, sequences()), sequences().dims, sequences().axes);
    EXPECT_FALSE(moved(with("Cast", "to", int{onnx::TensorProto::INT64}), sequences()));
    EXPECT_FALSE(moved("Cast", sequences()));
    EXPECT_FALSE(moved("Conv", sequences()));
}

TEST(OnnxMover, CarriesAxesAlong) {
    onnx::NodeProto transpose = node_of("Transpose");
    OnnxBuilder::set(transpose, "perm", {0, 2, 1, 3});
    expect_moved(moved(transpose, sequences()), {5, 13, 1, 4}, {kTime, kBatch, kDirection, kFeatures});
    OnnxBuilder::set(transpose = node_of("Transpose"), "perm", {0, 1});
    EXPECT_FALSE(moved(transpose, sequences()));
    expect_moved(moved("Squeeze", sequences(), {row({1})}), {5, 13, 4}, {kTime, kBatch, kFeatures});
    expect_moved(moved("Squeeze", sequences()), {5, 13, 4}, {kTime, kBatch, kFeatures});
    EXPECT_FALSE(moved("Squeeze", sequences(true), {row({1})}));
    expect_moved(moved("Unsqueeze", sequences(), {row({0, -1})}), {1, 5, 1, 13, 4, 1},
                 {kUnit, kTime, kDirection, kBatch, kFeatures, kUnit});
    EXPECT_FALSE(moved("Unsqueeze", sequences()));
}

TEST(OnnxMover, TakesAwayOnlyAxesThatCountNothing) {
    OnnxValue one_step = sequences();
    one_step.dims[0] = 1;
    EXPECT_FALSE(moved("Squeeze", one_step, {row({0})}));
    expect_moved(moved("Squeeze", raw_input(), {row({2})}), {13, 5}, {OnnxAxis::other, OnnxAxis::other});
}

TEST(OnnxMover, PutsDirectionsSideBySideWhereTheyStandNextToFeatures) {
    OnnxValue value = sequences(true);
    EXPECT_FALSE(moved("Reshape", value, {row({0, 13, -1})}));  // it would mix rows and directions
    onnx::NodeProto transpose = node_of("Transpose");
    OnnxBuilder::set(transpose, "perm", {0, 2, 1, 3});
    value = *moved(transpose, value);
    expect_moved(moved("Reshape", value, {row({0, 0, -1})}), {5, 13, 8}, {kTime, kBatch, kFeatures});
    EXPECT_FALSE(moved("Reshape", value, {row({5, 26, 4})}));
    EXPECT_FALSE(moved("Reshape", value, {row({13, 5, 8})}));
    EXPECT_FALSE(moved("Reshape", value, {row({7, -1})}));
    EXPECT_FALSE(moved("Reshape", value));
}

TEST(OnnxMover, LetsUnitAxesComeAndGoInAReshape) {
    expect_moved(moved("Reshape", sequences(), {row({5, 13, 4})}), {5, 13, 4}, {kTime, kBatch, kFeatures});
    expect_moved(moved("Reshape", sequences(), {row({1, 5, 13, 4, 1})}), {1, 5, 13, 4, 1},
                 {kUnit, kTime, kBatch, kFeatures, kUnit});
    const Result piece = moved("Reshape", raw_input(), {row({-1})});
    ASSERT_TRUE(piece);
    EXPECT_TRUE(piece->is_piece);  // of what, nobody knows
    EXPECT_EQ(piece->dims, Dims{65});
}

TEST(OnnxMover, FlattensWhatIsFlat) {
    OnnxValue last = sequences();
    last.dims = {13, 4};
    last.axes = {kBatch, kFeatures};
    expect_moved(moved("Flatten", last), last.dims, last.axes);
    EXPECT_FALSE(moved(with("Flatten", "axis", 0), last));
    EXPECT_FALSE(moved("Flatten", sequences()));
}

TEST(OnnxMover, TakesOneDirectionOut) {
    const Result slice = moved("Slice", sequences(true), {row({1}), row({2}), row({1})});
    expect_moved(slice, {5, 1, 13, 4}, sequences().axes);
    EXPECT_EQ(slice->parts, (std::vector<OnnxPart>{{0, true}}));
    const Result gather = moved(with("Gather", "axis", 1), sequences(true), {OnnxTensor{{}, {0}}});
    expect_moved(gather, {5, 13, 4}, {kTime, kBatch, kFeatures});
    EXPECT_EQ(gather->parts, (std::vector<OnnxPart>{{0, false}}));
    expect_moved(moved(with("Gather", "axis", 1), sequences(true), {row({-1})}), {5, 1, 13, 4}, sequences().axes);
    EXPECT_FALSE(moved(with("Gather", "axis", 1), sequences(true), {row({2})}));
    EXPECT_FALSE(moved(with("Gather", "axis", 1), sequences(true), {row({0, 1})}));
    EXPECT_FALSE(moved("Slice", sequences(true), {row({1}), row({1}), row({1})}));  // nothing at all
}

TEST(OnnxMover, TakesTheLastStepOfAGruThatReadsForward) {
    const Result slice = moved("Slice", sequences(), {row({-1}), row({9e18}), row({0})});
    expect_moved(slice, {1, 1, 13, 4}, {kUnit, kDirection, kBatch, kFeatures});
    EXPECT_TRUE(slice->is_last && !slice->is_state);
    const Result gather = moved("Gather", sequences(), {OnnxTensor{{}, {-1}}});
    expect_moved(gather, {1, 13, 4}, {kDirection, kBatch, kFeatures});
    EXPECT_TRUE(gather->is_last);
    EXPECT_FALSE(moved("Slice", sequences(true), {row({-1}), row({9e18}), row({0})}));  // backward has seen one step
    EXPECT_FALSE(moved("Gather", sequences(), {OnnxTensor{{}, {0}}}));
    EXPECT_FALSE(moved("Slice", sequences(), {row({0}), row({2}), row({0})}));
    EXPECT_FALSE(moved("Gather", sequences(), {OnnxTensor{{}, {4}}}));
    EXPECT_TRUE(moved("Gather", sequences(), {OnnxTensor{{}, {4}}}, true));
    EXPECT_FALSE(moved("Slice", sequences(), {row({4}), row({5}), row({0})}));
    EXPECT_TRUE(moved("Slice", sequences(), {row({4}), row({5}), row({0})}, true));
}

TEST(OnnxMover, KnowsPartsOfAnInput) {
    const Result slice = moved("Slice", raw_input(), {row({0}), row({2}), row({1})});
    ASSERT_TRUE(slice);
    EXPECT_TRUE(slice->is_piece);
    EXPECT_EQ(slice->dims, (Dims{13, 2, 1}));
    const Result gather = moved(with("Gather", "axis", 2), raw_input(), {OnnxTensor{{}, {0}}});
    ASSERT_TRUE(gather);
    EXPECT_TRUE(gather->is_piece);
    EXPECT_EQ(gather->dims, (Dims{13, 5}));
    const Result whole = moved("Slice", raw_input(), {row({0}), row({9e18}), row({1})});
    ASSERT_TRUE(whole);
    EXPECT_FALSE(whole->is_piece);
}

Result concatenation(int axis, const std::vector<OnnxValue>& values) {
    const onnx::NodeProto node = with("Concat", "axis", axis);
    std::vector<const OnnxValue*> pointers;
    for (const OnnxValue& value : values) pointers.push_back(&value);
    return concatenated(OnnxNode(node), pointers);
}

/// The last state of a direction of a GRU.
OnnxValue state_of(std::size_t gru, bool is_backward) {
    return {.kind = OnnxValue::Kind::data,
            .dims = {13, 4},
            .axes = {kBatch, kFeatures},
            .parts = {{gru, is_backward}},
            .is_last = true,
            .is_state = true,
            .inputs = std::uint64_t{1} << gru};
}

TEST(OnnxConcat, PutsStatesSideBySideOrOneAfterTheOther) {
    const Result side = concatenation(-1, {state_of(0, false), state_of(0, true)});
    expect_moved(side, {13, 8}, {kBatch, kFeatures});
    EXPECT_EQ(side->parts, (std::vector<OnnxPart>{{0, false}, {0, true}}));
    OnnxValue first = state_of(0, false);
    first.dims.insert(first.dims.begin(), 1);
    first.axes.insert(first.axes.begin(), kDirection);
    OnnxValue second = first;
    second.parts = {{1, false}};
    second.inputs = 2;
    const Result after = concatenation(0, {first, second});
    expect_moved(after, {2, 13, 4}, {kDirection, kBatch, kFeatures});
    EXPECT_EQ(after->inputs, 3U);
    EXPECT_FALSE(concatenation(2, {first, second}));  // side by side, while each has an axis of directions
}

TEST(OnnxConcat, RefusesWhatDoesNotGoTogether) {
    const OnnxValue state = state_of(0, false);
    EXPECT_FALSE(concatenation(0, {state, state_of(0, true)}));
    EXPECT_FALSE(concatenation(2, {state, state_of(0, true)}));
    EXPECT_FALSE(concatenation(-1, {state, OnnxValue::unknown(1, "why")}));
    OnnxValue other = state;
    other.parts.clear();
    EXPECT_FALSE(concatenation(-1, {state, other}));
    other = state;
    other.is_state = false;
    EXPECT_FALSE(concatenation(-1, {state, other}));
    other = state;
    std::swap(other.axes[0], other.axes[1]);
    EXPECT_FALSE(concatenation(-1, {state, other}));
    EXPECT_TRUE(concatenation(-1, std::vector<OnnxValue>(64, state)));
    EXPECT_FALSE(concatenation(-1, std::vector<OnnxValue>(65, state)));
}

}  // namespace

}  // namespace eigengru_test::onnx_mover_test
