// SPDX-License-Identifier: MIT
#include "eigengru/io/keras_recurrent.hpp"

#include "io/io_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;
using namespace eigengru_test;

Json config_of(const std::string& name) {
    return io::detail::parse_json(members_of(fixture(name)).at("config.json"), Where("f"));
}

std::vector<io::KerasLayer> layers(const Json& model) {
    return io::layers_of(model, Where("f"));
}

/// The refusal of a layer of the fixture "plain" with one argument set.
template <class Read>
std::string config_refusal(const std::string& layer, const std::string& key, const Json& value, Read&& read) {
    Json model = config_of("plain.tensorflow.keras");
    layer_config(model, layer)[key] = value;
    return format_error_of([&] {
        for (const io::KerasLayer& l : layers(model))
            if (l.name == layer) (void)read(l);
    });
}

std::string gru_refusal(const std::string& key, const Json& value) {
    return config_refusal("gru", key, value, &io::gru_config);
}

std::string dense_refusal(const std::string& key, const Json& value) {
    return config_refusal("dense", key, value, &io::dense_options);
}

TEST(SnakeCase, IsKerasRule) {
    EXPECT_EQ(io::detail::snake_case("GRU"), "gru");
    EXPECT_EQ(io::detail::snake_case("Dense"), "dense");
    EXPECT_EQ(io::detail::snake_case("InputLayer"), "input_layer");
    EXPECT_EQ(io::detail::snake_case("Conv1D"), "conv1d");
    EXPECT_EQ(io::detail::snake_case("GRUCell"), "gru_cell");
    EXPECT_EQ(io::detail::snake_case("LayerNormalization"), "layer_normalization");
    EXPECT_EQ(io::detail::snake_case("LeakyReLU"), "leaky_re_lu");
    EXPECT_EQ(io::detail::snake_case("TimeDistributed"), "time_distributed");
}

TEST(LayersOf, GroupsCountByClassWhateverTheNames) {
    const Json model = config_of("named.tensorflow.keras");
    std::vector<std::string> found;
    for (const io::KerasLayer& layer : layers(model)) found.push_back(layer.name + " in " + layer.group);
    EXPECT_EQ(found, (std::vector<std::string>{"samples in layers/input_layer", "encoder in layers/gru",
                                               "dense in layers/gru_1", "gru in layers/dense",
                                               "The head 1 in layers/dense_1"}));
}

TEST(LayersOf, SaysHowManyFeaturesALayerWasBuiltFor) {
    const Json model = config_of("plain.tensorflow.keras");
    EXPECT_EQ(layers(model)[1].features, 3);
    EXPECT_EQ(layers(model)[2].features, 6);
}

TEST(LayersOf, AUsersClassIsNotKeras) {
    Json model = config_of("plain.tensorflow.keras");
    model["config"]["layers"][1]["registered_name"] = "my>GRU";
    EXPECT_EQ(layers(model)[1].class_name, "my>GRU");
    model["config"]["layers"][1]["registered_name"] = nullptr;
    model["config"]["layers"][1]["module"] = "my.layers";
    EXPECT_EQ(layers(model)[1].class_name, "my.layers.GRU");
}

TEST(LayersOf, RefusesWhatIsNoListOfLayers) {
    const std::string sequential = R"("class_name": "Sequential")";
    for (const std::string& text :
         {std::string("[]"), std::string("{}"), "{" + sequential + "}", "{" + sequential + R"(, "config": {}})",
          "{" + sequential + R"(, "config": {"layers": 3}})", "{" + sequential + R"(, "config": {"layers": [3]}})",
          "{" + sequential + R"(, "config": {"layers": [{"class_name": "GRU"}]}})",
          "{" + sequential + R"(, "config": {"layers": [{"class_name": 1, "config": {}}]}})"}) {
        const Json model = Json::parse(text);
        EXPECT_THROW((void)layers(model), FormatError) << text;
    }
}

TEST(GruConfig, HonoursEveryArgument) {
    const Json model = config_of("stack.tensorflow.keras");
    const double l1 = layer_config(const_cast<Json&>(model), "gru")["kernel_regularizer"]["config"]["l1"];
    EXPECT_NEAR(l1, 0.001, 1e-9);  // this Keras backend rounds it to float
    const GruConfig config = io::gru_config(layers(model)[2]);
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
    const GruConfig config = io::gru_config(layers(model)[3]);
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
    const GruOptions options = io::gru_config(layers(model)[1]).options;
    EXPECT_TRUE(options.stateful && options.return_state && !options.trainable);
    EXPECT_TRUE(options.use_cudnn.is_auto());
}

TEST(GruConfig, MissingArgumentsHaveKerasDefaults) {
    Json model = config_of("plain.tensorflow.keras");
    layer_config(model, "gru") = Json{{"name", "gru"}, {"units", 6}};
    const GruConfig config = io::gru_config(layers(model)[1]);
    EXPECT_TRUE(config.reset_after);
    EXPECT_EQ(config.options, GruOptions{.units = 6});
}

TEST(GruConfig, NullHasTheMeaningOfNone) {
    Json model = config_of("plain.tensorflow.keras");
    layer_config(model, "gru")["activation"] = nullptr;
    layer_config(model, "gru")["bias_initializer"] = nullptr;
    const GruOptions options = io::gru_config(layers(model)[1]).options;
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

TEST(DenseOptions, HonoursEveryArgument) {
    Json model = config_of("plain.tensorflow.keras");
    Json& dense = layer_config(model, "dense");
    const auto object = [](const char* name, const Json& config) {
        return Json{{"module", "keras"}, {"class_name", name}, {"config", config}, {"registered_name", nullptr}};
    };
    dense["activation"] = "relu";
    dense["use_bias"] = false;
    dense["kernel_initializer"] = object("HeNormal", {{"seed", 3}});
    dense["bias_initializer"] = object("Ones", Json::object());
    dense["kernel_regularizer"] = object("L1", {{"l1", 0.1}});
    dense["bias_regularizer"] = object("L2", {{"l2", 0.2}});
    dense["activity_regularizer"] = object("L2", {{"l2", 0.3}});
    dense["kernel_constraint"] = object("MaxNorm", {{"max_value", 2}, {"axis", 0}});
    dense["bias_constraint"] = object("NonNeg", Json::object());
    dense["trainable"] = false;
    const DenseOptions expected{.units = 2,
                                .activation = "relu",
                                .use_bias = false,
                                .kernel_initializer = Initializer::he_normal({.seed = 3}),
                                .bias_initializer = "ones",
                                .kernel_regularizer = Regularizer::l1(0.1),
                                .bias_regularizer = Regularizer::l2(0.2),
                                .activity_regularizer = Regularizer::l2(0.3),
                                .kernel_constraint = Constraint::max_norm({.max_value = 2}),
                                .bias_constraint = Constraint::non_neg(),
                                .name = "dense",
                                .trainable = false};
    EXPECT_EQ(io::dense_options(layers(model)[2]), expected);
}

TEST(DenseOptions, RefusesWhatChangesItsMeaning) {
    EXPECT_EQ(dense_refusal("lora_rank", 2), "f: layer \"dense\": argument \"lora_rank\" = 2 is not known");
    EXPECT_EQ(dense_refusal("quantization_config", Json::object()),
              "f: layer \"dense\": argument \"quantization_config\" = an object is not known");
    EXPECT_EQ(dense_refusal("quantization_config", nullptr), "no FormatError was thrown");
}

TEST(OtherLayers, HonourEveryArgument) {
    const Json model = config_of("stack.tensorflow.keras");
    const std::vector<io::KerasLayer> found = layers(model);
    EXPECT_EQ(io::input_features(found[0]), 3);
    EXPECT_EQ(io::masking_options(found[1]).mask_value, -9.0);
    EXPECT_EQ(io::dropout_options(found[5]).rate, 0.3);
    EXPECT_EQ(io::dropout_options(found[5]).seed, std::nullopt);
    EXPECT_EQ(io::activation_layer_options(found[6]).activation, Activation("softplus"));
    EXPECT_EQ(io::activation_layer_options(found[6]).name, "activation");
}

TEST(OtherLayers, RefuseWhatTheyCannotDo) {
    Json model = config_of("stack.tensorflow.keras");
    layer_config(model, "masking")["mask_value"] = {1, 2, 3};
    layer_config(model, "dropout")["noise_shape"] = {nullptr, 1, 3};
    model["config"]["layers"][0]["config"]["ragged"] = true;
    const std::vector<io::KerasLayer> found = layers(model);
    expect_contains(format_error_of([&] { (void)io::masking_options(found[1]); }), "mask_value expected a number");
    expect_contains(format_error_of([&] { (void)io::dropout_options(found[5]); }),
                    "argument \"noise_shape\" = [null,1,3]");
    expect_contains(format_error_of([&] { (void)io::input_features(found[0]); }), "argument \"ragged\" = true");
}

TEST(InputFeatures, MayBeUnknown) {
    Json model = config_of("plain.tensorflow.keras");
    model["config"]["layers"][0]["config"]["batch_shape"] = {nullptr, nullptr, nullptr};
    EXPECT_EQ(io::input_features(layers(model)[0]), 0);
}

}  // namespace
