// SPDX-License-Identifier: MIT
#include "eigengru/io/keras_write_values.hpp"

#include "io/io_support.hpp"
#include "support/message_of.hpp"

#include <gtest/gtest.h>

namespace eigengru_test::keras_write_values_test {

namespace {

using namespace eigengru;

Json as_json(const io::OrderedJson& json) {
    return Json::parse(json.dump());
}

Activation activation_again(const Activation& activation) {
    const Json json = as_json(io::activation_json(activation, Where("f")));
    return io::activation_from(&json, Where("f"));
}

TEST(ActivationJson, IsANameWhereThereAreNoParameters) {
    for (const char* name : {"linear", "tanh", "sigmoid", "relu", "softmax", "leaky_relu", "gelu", "hard_sigmoid"})
        EXPECT_EQ(io::activation_json(name, Where("f")), name);
    EXPECT_EQ(io::activation_json(Activation::elu(), Where("f")), "elu");
}

TEST(ActivationJson, IsALayerWhereKerasHasOneForTheParameters) {
    const io::OrderedJson json = io::activation_json(Activation::leaky_relu({.negative_slope = 0.5}), Where("f"));
    EXPECT_EQ(json.dump(), R"({"module":"keras.layers","class_name":"LeakyReLU","config":{"negative_slope":0.5},)"
                           R"("registered_name":null})");
    for (const Activation& activation :
         {Activation::relu({.negative_slope = 0.25}), Activation::relu({.max_value = 2.0}),
          Activation::relu({.max_value = 0.0}), Activation::relu({.threshold = 0.5}), Activation::elu({.alpha = 0.5})})
        EXPECT_EQ(activation_again(activation), activation) << activation.to_string();
}

TEST(ActivationJson, RefusesWhatKerasHasNoNameFor) {
    const auto refusal = [](const Activation& activation) {
        return message_of<OptionError>([&] { (void)io::activation_json(activation, Where("f")); });
    };
    for (const Activation& activation :
         {Activation::celu({.alpha = 2.0}), Activation::threshold({.threshold = 0.0, .default_value = 0.0}),
          Activation::soft_shrink({.threshold = 0.25}), Activation::squareplus({.b = 1.0}),
          Activation::custom("mine", [](auto x) { return x; })})
        EXPECT_EQ(refusal(activation),
                  "f: the activation " + activation.to_string() + " cannot be saved: Keras has no name for it");
}

TEST(InitializerJson, GivesEachInitializerBack) {
    for (const Initializer& initializer :
         {Initializer::zeros(), Initializer::ones(), Initializer::constant(0.25), Initializer::identity(0.5),
          Initializer::orthogonal({.gain = 0.5, .seed = 4}),
          Initializer::random_normal({.mean = 0.5, .stddev = 0.25, .seed = 9}),
          Initializer::truncated_normal({.mean = 0.5, .stddev = 0.25}),
          Initializer::random_uniform({.minval = -1, .maxval = 1, .seed = 2}),
          Initializer::variance_scaling({.scale = 2, .mode = "fan_avg", .distribution = "uniform", .seed = 1}),
          Initializer::glorot_uniform({.seed = 3}), Initializer::glorot_normal({.seed = 3}),
          Initializer::he_uniform({.seed = 3}), Initializer::he_normal({}), Initializer::lecun_uniform({.seed = 3}),
          Initializer::lecun_normal({.seed = ~std::uint64_t{0}})}) {
        const Json json = as_json(io::initializer_json(initializer));
        EXPECT_EQ(io::initializer_from(&json, Where("f")), initializer) << json;
        EXPECT_EQ(json["module"], "keras.initializers");
        EXPECT_EQ(json["config"].contains("seed"), initializer.is_random()) << json;
    }
    EXPECT_EQ(io::initializer_json("he_normal")["class_name"], "HeNormal");
}

TEST(RegularizerJson, GivesEachRegularizerBack) {
    for (const Regularizer& regularizer :
         {Regularizer::l1(0.5), Regularizer::l2(0.25), Regularizer::l1_l2({.l1 = 0.5, .l2 = 0.25}),
          Regularizer::orthogonal({.factor = 0.5, .mode = "columns"})}) {
        const Json json = as_json(io::regularizer_json(regularizer));
        EXPECT_EQ(io::regularizer_from(&json, Where("f")), regularizer) << json;
    }
    EXPECT_TRUE(io::regularizer_json({}).is_null());
    EXPECT_EQ(io::regularizer_json(Regularizer::l1_l2({}))["class_name"], "L1L2");
}

TEST(ConstraintJson, GivesEachConstraintBack) {
    for (const Constraint& constraint :
         {Constraint::max_norm({.max_value = 1.5, .axis = 1}), Constraint::max_norm({.axis = {0, 1}}),
          Constraint::non_neg(), Constraint::unit_norm({.axis = -1}),
          Constraint::min_max_norm({.min_value = 0.25, .max_value = 1.5, .rate = 0.5, .axis = 0})}) {
        const Json json = as_json(io::constraint_json(constraint));
        EXPECT_EQ(io::constraint_from(&json, Where("f")), constraint) << json;
    }
    // JSON has no infinity; the largest number is no bound either.
    const Constraint unbounded = Constraint::max_norm({.max_value = std::numeric_limits<double>::infinity()});
    const Json json = Json::parse(io::constraint_json(unbounded).dump());
    EXPECT_EQ(io::constraint_from(&json, Where("f")),
              Constraint::max_norm({.max_value = std::numeric_limits<double>::max()}));
    EXPECT_TRUE(io::constraint_json({}).is_null());
    EXPECT_EQ(io::constraint_json(Constraint::unit_norm({.axis = 1})).dump(),
              R"({"module":"keras.constraints","class_name":"UnitNorm","config":{"axis":1},"registered_name":null})");
}

}  // namespace

}  // namespace eigengru_test::keras_write_values_test
