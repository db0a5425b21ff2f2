// SPDX-License-Identifier: MIT
#include "eigengru/io/keras_write_config.hpp"

#include "eigengru/io/keras_recurrent.hpp"
#include "io/keras_support.hpp"
#include "support/message_of.hpp"

#include <gtest/gtest.h>

namespace eigengru_test::keras_write_config_test {

namespace {

using namespace eigengru;

using io::detail::WriteContext;

WriteContext context(const std::string& name = "x") {
    return {Where("f"), "float32", name};
}

/// The same JSON, as the readers take it.
Json as_read(const io::OrderedJson& json) {
    return Json::parse(json.dump());
}

const Initializer kConstant = Initializer::constant(0.25);
const Initializer kNormal = Initializer::random_normal({.mean = 0.5, .stddev = 0.25, .seed = 3});

TEST(ConfigJson, KeepsEveryArgumentOfAGru) {
    const GruConfig config{.features = 3,
                           .reset_after = false,
                           .options = {.units = 4,
                                       .activation = "relu",
                                       .recurrent_activation = "hard_sigmoid",
                                       .use_bias = false,
                                       .kernel_initializer = kNormal,
                                       .recurrent_initializer = "he_uniform",
                                       .bias_initializer = kConstant,
                                       .kernel_regularizer = Regularizer::l1(0.5),
                                       .recurrent_regularizer = Regularizer::l2(0.25),
                                       .bias_regularizer = Regularizer::l1_l2({.l1 = 0.5, .l2 = 0.25}),
                                       .activity_regularizer = Regularizer::l2(0.125),
                                       .kernel_constraint = Constraint::max_norm({.max_value = 1.5, .axis = 1}),
                                       .recurrent_constraint = Constraint::unit_norm({.axis = {0, 1}}),
                                       .bias_constraint = Constraint::non_neg(),
                                       .dropout = 0.25,
                                       .recurrent_dropout = 0.5,
                                       .seed = 7,
                                       .return_sequences = true,
                                       .return_state = true,
                                       .go_backwards = true,
                                       .stateful = true,
                                       .unroll = true,
                                       .zero_output_for_mask = true,
                                       .name = "x",
                                       .trainable = false}};
    const Json json = as_read(io::detail::config_json(config, context()));
    EXPECT_EQ(io::gru_config(layer_with("GRU", json)), config);
    EXPECT_EQ(json["dtype"]["config"]["name"], "float32");
    const Json plain =
        as_read(io::detail::config_json({.features = 3, .options = {.units = 4, .name = "x"}}, context()));
    EXPECT_EQ(io::gru_config(layer_with("GRU", plain)),
              (GruConfig{.features = 3, .options = {.units = 4, .name = "x"}}));
    EXPECT_TRUE(plain["seed"].is_null());
}

TEST(OptionsJson, KeepsEveryArgumentOfLayersWithWeights) {
    const DenseOptions dense{.units = 2,
                             .activation = "softmax",
                             .use_bias = false,
                             .kernel_initializer = kNormal,
                             .bias_initializer = kConstant,
                             .kernel_regularizer = Regularizer::l1(0.5),
                             .bias_regularizer = Regularizer::l2(0.5),
                             .activity_regularizer = Regularizer::l2(0.25),
                             .kernel_constraint = Constraint::max_norm({.max_value = 3.0}),
                             .bias_constraint = Constraint::non_neg(),
                             .name = "x",
                             .trainable = false};
    const Json dense_json = as_read(io::detail::options_json(dense, context()));
    EXPECT_EQ(io::dense_options(layer_with("Dense", dense_json)), dense);
    const EmbeddingOptions embedding{.input_dim = 5,
                                     .output_dim = 2,
                                     .embeddings_initializer = kNormal,
                                     .embeddings_regularizer = Regularizer::l2(0.5),
                                     .embeddings_constraint = Constraint::unit_norm({.axis = 1}),
                                     .mask_zero = true,
                                     .name = "x",
                                     .trainable = false};
    const Json embedding_json = as_read(io::detail::options_json(embedding, context()));
    EXPECT_EQ(io::embedding_options(layer_with("Embedding", embedding_json)), embedding);
}

TEST(OptionsJson, KeepsEveryArgumentOfNormalisations) {
    const BatchNormalizationOptions batch{.momentum = 0.5,
                                          .epsilon = 0.25,
                                          .center = false,
                                          .scale = false,
                                          .beta_initializer = kConstant,
                                          .gamma_initializer = kNormal,
                                          .moving_mean_initializer = "ones",
                                          .moving_variance_initializer = kConstant,
                                          .beta_regularizer = Regularizer::l1(0.5),
                                          .gamma_regularizer = Regularizer::l2(0.5),
                                          .beta_constraint = Constraint::non_neg(),
                                          .gamma_constraint = Constraint::unit_norm({}),
                                          .name = "x",
                                          .trainable = false};
    const Json batch_json = as_read(io::detail::options_json(batch, context()));
    EXPECT_EQ(io::batch_normalization_options(layer_with("BatchNormalization", batch_json)), batch);
    LayerNormalizationOptions layer{.epsilon = 0.25,
                                    .center = false,
                                    .scale = false,
                                    .beta_initializer = kConstant,
                                    .gamma_initializer = kNormal,
                                    .beta_regularizer = Regularizer::l1(0.5),
                                    .gamma_regularizer = Regularizer::l2(0.5),
                                    .beta_constraint = Constraint::non_neg(),
                                    .gamma_constraint = Constraint::unit_norm({}),
                                    .name = "x",
                                    .trainable = false};
    for (const bool rms_scaling : {false, true}) {
        layer.rms_scaling = rms_scaling;
        const Json json = as_read(io::detail::options_json(layer, context()));
        EXPECT_EQ(io::layer_normalization_options(layer_with("LayerNormalization", json)), layer);
        EXPECT_EQ(json.contains("rms_scaling"), rms_scaling);  // later versions of Keras do not know it
    }
}

TEST(OptionsJson, KeepsEveryArgumentOfLayersWithoutWeights) {
    const Json masking = as_read(io::detail::options_json(MaskingOptions{.mask_value = -2.5}, context()));
    EXPECT_EQ(io::masking_options(layer_with("Masking", masking)).mask_value, -2.5);
    const Json dropout = as_read(io::detail::options_json(DropoutOptions{.rate = 0.25, .seed = 4}, context()));
    EXPECT_EQ(io::dropout_options(layer_with("Dropout", dropout)).rate, 0.25);
    EXPECT_EQ(io::dropout_options(layer_with("Dropout", dropout)).seed, 4U);
    const Json activation = as_read(io::detail::options_json(ActivationLayerOptions{.activation = "elu"}, context()));
    EXPECT_EQ(io::activation_layer_options(layer_with("Activation", activation)).activation, Activation("elu"));
    EXPECT_EQ(activation["name"], "x");
}

TEST(LayerJson, HasTheClassOfKeras) {
    using io::detail::layer_json;
    EXPECT_EQ(layer_json(Gru<float, false>(3, {.units = 2}), context()).class_name, "GRU");
    EXPECT_EQ(layer_json(Dense<float>(3, {.units = 2}), context()).class_name, "Dense");
    EXPECT_EQ(layer_json(Embedding<float>({.input_dim = 3, .output_dim = 2}), context()).class_name, "Embedding");
    EXPECT_EQ(layer_json(BatchNormalization<float>(3, {}), context()).class_name, "BatchNormalization");
    EXPECT_EQ(layer_json(LayerNormalization<float>(3, {}), context()).class_name, "LayerNormalization");
    EXPECT_EQ(layer_json(Masking<float>(), context()).class_name, "Masking");
    EXPECT_EQ(layer_json(Dropout<float>({.rate = 0.5}), context()).class_name, "Dropout");
    EXPECT_EQ(layer_json(ActivationLayer<float>({.activation = "relu"}), context()).class_name, "Activation");
}

TEST(LayerJson, KeepsBothDirections) {
    const GruOptions forward{.units = 2, .return_sequences = true, .name = "in/f"};
    const GruOptions backward{
        .units = 2, .activation = "relu", .return_sequences = true, .go_backwards = true, .name = "in/b"};
    for (const Merge merge : {Merge::concat, Merge::sum, Merge::mul, Merge::ave, Merge::none}) {
        const Bidirectional<float> layer(3, forward,
                                         {.merge = merge, .backward = backward, .name = "x", .trainable = false});
        const io::detail::LayerJson written = io::detail::layer_json(layer, context());
        EXPECT_EQ(written.class_name, "Bidirectional");
        const Json json = as_read(written.config);
        const io::KerasBidirectional both = io::keras_bidirectional(layer_with("Bidirectional", json));
        EXPECT_EQ(both.options.merge, merge);
        EXPECT_FALSE(both.options.trainable);
        EXPECT_EQ(both.forward.config.options.name, "forward_in_f");  // Keras allows no slash in a name
        EXPECT_EQ(both.backward.config.options.name, "in_b");
        EXPECT_EQ(both.backward.config.options.activation, Activation("relu"));
        EXPECT_TRUE(both.backward.config.options.go_backwards && both.backward.config.options.return_sequences);
    }
}

TEST(LayerJson, RefusesReturnState) {
    const Gru<float> gru(3, {.units = 2, .return_state = true});
    EXPECT_EQ(message_of<OptionError>([&] { (void)io::detail::layer_json(gru, context()); }),
              "f: return_state expected false in a model, received true");
}

}  // namespace

}  // namespace eigengru_test::keras_write_config_test
