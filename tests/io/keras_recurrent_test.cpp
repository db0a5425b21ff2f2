// SPDX-License-Identifier: MIT
#include "eigengru/io/keras_recurrent.hpp"

#include "io/keras_support.hpp"

#include <gtest/gtest.h>

namespace eigengru_test::keras_recurrent_test {

namespace {

using namespace eigengru;

std::string gru_refusal(const std::string& key, const Json& value) {
    return config_refusal("gru", key, value, &io::gru_config);
}

TEST(GruConfig, HonoursEveryArgument) {
    const Json model = config_of("stack.tensorflow.keras");
    const double l1 = layer_config(const_cast<Json&>(model), "gru")["kernel_regularizer"]["config"]["l1"];
    EXPECT_NEAR(l1, 0.001, 1e-9);  // this Keras backend rounds it to float
    const GruConfig config = io::gru_config(layers_in(model)[2]);
    const GruOptions expected{
        .units = 7,
        .activation = "softsign",
        .recurrent_activation = "hard_sigmoid",
        .use_bias = true,
        .kernel_initializer = Initializer::he_normal({.seed = 3}),
        .recurrent_initializer = Initializer::orthogonal({.gain = 0.7, .seed = 4}),
        .bias_initializer = Initializer::random_uniform({.minval = -0.2, .maxval = 0.3, .seed = 5}),
        .kernel_regularizer = Regularizer::l1(l1),
        .recurrent_regularizer = config.options.recurrent_regularizer,
        .bias_regularizer = Regularizer::l1_l2({.l1 = 0.003, .l2 = 0.004}),
        .activity_regularizer = config.options.activity_regularizer,
        .kernel_constraint = Constraint::max_norm({.max_value = 1.5, .axis = 1}),
        .recurrent_constraint = Constraint::unit_norm({.axis = 0}),
        .bias_constraint = Constraint::non_neg(),
        .dropout = 0.1,
        .recurrent_dropout = 0.2,
        .seed = 11,
        .return_sequences = true,
        .unroll = true,
        .zero_output_for_mask = true};
    EXPECT_EQ(config.options, expected) << config << "\n" << expected.to_string();
    EXPECT_EQ(config.options.recurrent_regularizer.kind(), RegularizerKind::l2);
    EXPECT_NEAR(config.options.recurrent_regularizer.parameters().l2, 0.002, 1e-9);
    EXPECT_NEAR(config.options.activity_regularizer.parameters().l2, 0.005, 1e-9);
    EXPECT_TRUE(config.reset_after);
    EXPECT_EQ(config.features, 3);
}

TEST(GruConfig, HonoursTheOtherArguments) {
    const Json model = config_of("stack.tensorflow.keras");
    const GruConfig config = io::gru_config(layers_in(model)[3]);
    EXPECT_FALSE(config.reset_after);
    EXPECT_FALSE(config.options.use_bias);
    EXPECT_TRUE(config.options.go_backwards);
    EXPECT_EQ(config.options.name, "gru_1");
}

TEST(GruConfig, HonoursTrainableStatefulAndReturnState) {
    Json model = config_of("plain.tensorflow.keras");
    Json& gru = layer_config(model, "gru");
    for (const char* key : {"stateful", "return_state"}) gru[key] = true;
    gru["trainable"] = false;
    const GruOptions options = io::gru_config(layers_in(model)[1]).options;
    EXPECT_TRUE(options.stateful && options.return_state && !options.trainable);
    EXPECT_TRUE(options.use_cudnn.is_auto());
}

TEST(GruConfig, MissingArgumentsHaveKerasDefaults) {
    Json model = config_of("plain.tensorflow.keras");
    layer_config(model, "gru") = Json{{"name", "gru"}, {"units", 6}};
    const GruConfig config = io::gru_config(layers_in(model)[1]);
    EXPECT_TRUE(config.reset_after);
    EXPECT_EQ(config.options, GruOptions{.units = 6});
}

TEST(GruConfig, NullHasTheMeaningOfNone) {
    Json model = config_of("plain.tensorflow.keras");
    layer_config(model, "gru")["activation"] = nullptr;
    layer_config(model, "gru")["bias_initializer"] = nullptr;
    const GruOptions options = io::gru_config(layers_in(model)[1]).options;
    EXPECT_EQ(options.activation, Activation("linear"));
    EXPECT_EQ(options.bias_initializer, Initializer("glorot_uniform"));
}

TEST(GruConfig, NamesLayerAndArgument) {
    expect_contains(gru_refusal("activation", "foo"), "f: layer \"gru\": activation: Activation: expected one of");
    EXPECT_EQ(gru_refusal("units", 0),
              "f: layer \"gru\": units expected a whole number from 1 to 2147483647, received 0");
    EXPECT_EQ(gru_refusal("use_bias", 1), "f: layer \"gru\": use_bias expected true or false, received 1");
    EXPECT_EQ(gru_refusal("dropout", "much"), "f: layer \"gru\": dropout expected a number, received \"much\"");
    EXPECT_EQ(gru_refusal("time_major", true), "f: layer \"gru\": argument \"time_major\" = true is not known");
    EXPECT_EQ(gru_refusal("time_major", false), "no FormatError was thrown");
    EXPECT_EQ(gru_refusal("implementation", 2), "no FormatError was thrown");
    expect_contains(gru_refusal("kernel_initializer", 3), "f: layer \"gru\": kernel_initializer: expected an object");
    expect_contains(gru_refusal("bias_constraint", Json{{"class_name", "Foo"}, {"config", Json::object()}}),
                    "f: layer \"gru\": bias_constraint: Constraint: expected one of");
}

TEST(GruConfig, RefusesQuantizedWeights) {
    const Json policy{{"class_name", "QuantizedDTypePolicy"}, {"config", {{"mode", "int8"}}}};
    expect_contains(gru_refusal("dtype", policy), "f: layer \"gru\": dtype expected one of \"float16\"");
    expect_contains(gru_refusal("dtype", policy), "received \"QuantizedDTypePolicy\"");
    expect_contains(gru_refusal("dtype", "int8"), "received \"int8\"");
    EXPECT_EQ(gru_refusal("dtype", "float64"), "no FormatError was thrown");
}

/// The refusal of `read` for a layer of that class and configuration.
template <class Read>
std::string refusal_of(const std::string& class_name, const std::string& config, Read&& read) {
    const Json json = parsed(config);
    return format_error_of([&] { (void)read(layer_with(class_name, json)); });
}

TEST(GruConfig, HasOtherDefaultsInKeras2) {
    const Json json = parsed(R"({"units": 2})");
    const GruConfig config = io::gru_config(layer_with("GRU", json, {.is_keras2 = true}));
    EXPECT_FALSE(config.reset_after);
    EXPECT_EQ(config.options.recurrent_activation, io::keras2_hard_sigmoid());
}

TEST(KerasGrus, KnowACuDnnGru) {
    const Json json = parsed(R"({"units": 2, "stateful": true, "trainable": false})");
    const io::KerasLayer layer = layer_with("CuDNNGRU", json, {.is_keras2 = true});
    EXPECT_TRUE(io::is_recurrent(layer));
    const io::KerasGru gru = io::keras_gru(layer);
    EXPECT_TRUE(gru.has_cudnn_order && gru.part.empty() && gru.config.reset_after);
    EXPECT_EQ(gru.config.features, 3);
    EXPECT_EQ(gru.config.options, (GruOptions{.units = 2, .stateful = true, .name = "x", .trainable = false}));
    EXPECT_FALSE(io::is_recurrent(layer_with("LSTM", json)));
}

/// A GRUCell of 2 units with these arguments too.
std::string cell_json(const std::string& more = "", const std::string& class_name = "GRUCell") {
    return R"({"class_name": ")" + class_name + R"(", "config": {"units": 2)" + more + "}}";
}

std::string rnn_json(const std::string& cell, const std::string& more = "") {
    return R"({"cell": )" + cell + more + "}";
}

std::string cells_json(const std::string& cells, const std::string& more = "") {
    return rnn_json(R"({"class_name": "StackedRNNCells", "config": {"cells": [)" + cells + "]}}", more);
}

TEST(KerasGrus, TakeTheCellOfAnRnn) {
    const Json json = parsed(rnn_json(cell_json(R"(, "name": "c", "reset_after": false)"),
                                      R"(, "go_backwards": true, "return_sequences": true, "trainable": false)"));
    const io::KerasGru gru = io::keras_gru(layer_with("RNN", json));
    EXPECT_EQ(gru.part, "cell");
    EXPECT_FALSE(gru.config.reset_after || gru.has_cudnn_order);
    EXPECT_EQ(gru.config.features, 3);
    EXPECT_EQ(
        gru.config.options,
        (GruOptions{.units = 2, .return_sequences = true, .go_backwards = true, .name = "x", .trainable = false}));
}

TEST(KerasGrus, TakeEachOfTheCellsOfAnRnn) {
    const Json json = parsed(cells_json(cell_json() + "," + cell_json(R"(, "trainable": false)")));
    const io::KerasLayer layer = layer_with("RNN", json);
    const std::vector<io::KerasGru> grus = io::keras_grus(layer);
    ASSERT_EQ(grus.size(), 2U);
    EXPECT_EQ(grus[0].part, "cell/cells/gru_cell");
    EXPECT_EQ(grus[1].part, "cell/cells/gru_cell_1");
    EXPECT_EQ(grus[0].config.features, 3);
    EXPECT_EQ(grus[1].config.features, 0);  // what the first one gives
    EXPECT_EQ(grus[0].config.options, (GruOptions{.units = 2, .return_sequences = true, .name = "x/0"}));
    EXPECT_EQ(grus[1].config.options, (GruOptions{.units = 2, .name = "x/1", .trainable = false}));
    EXPECT_EQ(format_error_of([&] { (void)io::keras_gru(layer); }), "f: expected one GRU, received 2 cells");
}

TEST(KerasGrus, RefuseOtherCells) {
    const auto refusal = [](const std::string& config) { return refusal_of("RNN", config, &io::keras_grus); };
    EXPECT_EQ(refusal(rnn_json(cell_json("", "LSTMCell"))),
              "f: expected cells of class \"GRUCell\", received \"LSTMCell\"");
    EXPECT_EQ(refusal(cells_json(cell_json() + "," + cell_json("", "SimpleRNNCell"))),
              "f: expected cells of class \"GRUCell\", received \"SimpleRNNCell\"");
    EXPECT_EQ(refusal(cells_json("")), "f: expected at least one cell, received none");
    EXPECT_EQ(refusal(cells_json("3")), "f: cell 0: expected an object, received 3");
    EXPECT_EQ(refusal(cells_json(cell_json() + "," + cell_json(), R"(, "go_backwards": true)")),
              "f: go_backwards expected false with several cells, received true");
    EXPECT_EQ(refusal(cells_json(cell_json(), R"(, "go_backwards": true)")), "no FormatError was thrown");
    EXPECT_EQ(refusal(rnn_json(cell_json(R"(, "return_sequences": true)"))),
              "f: cell: config: argument \"return_sequences\" = true is not known");
    EXPECT_EQ(refusal(rnn_json(cell_json(), R"(, "units": 2)")), "f: argument \"units\" = 2 is not known");
    EXPECT_EQ(refusal("{}"), "f: cell expected an object, received none");
}

std::string inner_gru(const std::string& more = "", const std::string& class_name = "GRU") {
    return R"({"class_name": ")" + class_name + R"(", "config": {"name": "g", "units": 2)" + more + "}}";
}

TEST(KerasBidirectional, ReadsTheSameLayerBothWays) {
    const Json json = parsed(R"({"layer": )" + inner_gru(R"(, "return_sequences": true)") + "}");
    const io::KerasBidirectional both = io::keras_bidirectional(layer_with("Bidirectional", json));
    EXPECT_EQ(both.forward.part, "forward_layer/cell");
    EXPECT_EQ(both.backward.part, "backward_layer/cell");
    EXPECT_EQ(both.forward.config.options, (GruOptions{.units = 2, .return_sequences = true, .name = "g"}));
    const GruOptions backward{.units = 2, .return_sequences = true, .go_backwards = true, .name = "backward_g"};
    EXPECT_EQ(both.backward.config.options, backward);
    EXPECT_EQ(both.options, (BidirectionalOptions{.backward = backward, .name = "x"}));
    EXPECT_EQ(both.forward.config.features, 3);
}

TEST(KerasBidirectional, HonoursEveryArgument) {
    const Json json =
        parsed(R"({"merge_mode": "ave", "trainable": false, "layer": )" + inner_gru() + R"(, "backward_layer": )" +
               inner_gru(R"(, "activation": "relu", "go_backwards": true)") + "}");
    const io::KerasBidirectional both = io::keras_bidirectional(layer_with("Bidirectional", json));
    EXPECT_EQ(both.backward.config.options.activation, Activation("relu"));
    EXPECT_EQ(both.backward.config.options.name, "g");
    EXPECT_TRUE(both.backward.config.options.go_backwards);
    EXPECT_EQ(both.options.merge, Merge::ave);
    EXPECT_FALSE(both.options.trainable);
}

TEST(KerasBidirectional, KnowsEachMergeMode) {
    const auto merge = [](const std::string& mode) {
        const Json json = parsed(R"({"merge_mode": )" + mode + R"(, "layer": )" + inner_gru() + "}");
        return io::keras_bidirectional(layer_with("Bidirectional", json)).options.merge;
    };
    EXPECT_EQ(merge("\"concat\""), Merge::concat);
    EXPECT_EQ(merge("\"sum\""), Merge::sum);
    EXPECT_EQ(merge("\"mul\""), Merge::mul);
    EXPECT_EQ(merge("null"), Merge::none);
    EXPECT_EQ(format_error_of([&] { (void)merge("\"max\""); }),
              "f: merge_mode expected one of \"concat\", \"sum\", \"mul\", \"ave\", received \"max\"");
    EXPECT_EQ(format_error_of([&] { (void)merge("\"none\""); }),
              "f: merge_mode expected one of \"concat\", \"sum\", \"mul\", \"ave\", received \"none\"");
}

TEST(KerasBidirectional, RefusesLayersThatDoNotGoTogether) {
    const auto refusal = [](const std::string& config) {
        return refusal_of("Bidirectional", config, &io::keras_bidirectional);
    };
    EXPECT_EQ(refusal(R"({"layer": )" + inner_gru("", "LSTM") + "}"),
              "f: layer expected a layer of class \"GRU\", received \"LSTM\"");
    EXPECT_EQ(refusal(R"({"layer": )" + inner_gru() + R"(, "backward_layer": )" + inner_gru("", "Dense") + "}"),
              "f: backward_layer expected a layer of class \"GRU\", received \"Dense\"");
    EXPECT_EQ(refusal(R"({"layer": )" + inner_gru() + R"(, "backward_layer": )" +
                      inner_gru(R"(, "reset_after": false)") + "}"),
              "f: reset_after expected to be the same for both layers");
    EXPECT_EQ(refusal(R"({"merge_mode": "sum"})"), "f: layer expected an object, received none");
    EXPECT_EQ(refusal(R"({"weights": [1], "layer": )" + inner_gru() + "}"),
              "f: argument \"weights\" = [1] is not known");
}

}  // namespace

}  // namespace eigengru_test::keras_recurrent_test
