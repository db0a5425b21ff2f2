// SPDX-License-Identifier: MIT
#include "eigengru/io/keras_config.hpp"

#include "io/keras_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;
using namespace eigengru_test;

std::string dense_refusal(const std::string& key, const Json& value) {
    return config_refusal("dense", key, value, &io::dense_options);
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
    EXPECT_EQ(io::dense_options(layers_in(model)[2]), expected);
}

TEST(DenseOptions, RefusesWhatChangesItsMeaning) {
    EXPECT_EQ(dense_refusal("lora_rank", 2), "f: layer \"dense\": argument \"lora_rank\" = 2 is not known");
    EXPECT_EQ(dense_refusal("quantization_config", Json::object()),
              "f: layer \"dense\": argument \"quantization_config\" = an object is not known");
    EXPECT_EQ(dense_refusal("quantization_config", nullptr), "no FormatError was thrown");
}

TEST(OtherLayers, HonourEveryArgument) {
    const Json model = config_of("stack.tensorflow.keras");
    const std::vector<io::KerasLayer> found = layers_in(model);
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
    const std::vector<io::KerasLayer> found = layers_in(model);
    expect_contains(format_error_of([&] { (void)io::masking_options(found[1]); }), "mask_value expected a number");
    expect_contains(format_error_of([&] { (void)io::dropout_options(found[5]); }),
                    "argument \"noise_shape\" = [null,1,3]");
    expect_contains(format_error_of([&] { (void)io::input_features(found[0]); }), "argument \"ragged\" = true");
}

TEST(InputFeatures, MayBeUnknown) {
    Json model = config_of("plain.tensorflow.keras");
    model["config"]["layers"][0]["config"]["batch_shape"] = {nullptr, nullptr, nullptr};
    EXPECT_EQ(io::input_features(layers_in(model)[0]), 0);
}

}  // namespace
