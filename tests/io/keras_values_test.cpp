// SPDX-License-Identifier: MIT
#include "eigengru/io/keras_values.hpp"

#include "io/io_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;
using namespace eigengru_test;

/// The JSON of an object as Keras saves it.
std::string saved(const std::string& module, const std::string& class_name, const std::string& config) {
    return R"({"module": ")" + module + R"(", "class_name": ")" + class_name + R"(", "config": )" + config +
           R"(, "registered_name": null, "shared_object_id": 1})";
}

Activation activation(std::string_view text) {
    const Json json = parsed(text);
    return io::activation_from(json.is_null() ? nullptr : &json, Where("f"));
}

Initializer initializer(const std::string& class_name, const std::string& config = "{}") {
    const Json json = parsed(saved("keras.initializers", class_name, config));
    return io::initializer_from(&json, Where("f"));
}

Regularizer regularizer(const std::string& class_name, const std::string& config = "{}") {
    const Json json = parsed(saved("keras.regularizers", class_name, config));
    return io::regularizer_from(&json, Where("f"));
}

Constraint constraint(const std::string& class_name, const std::string& config = "{}") {
    const Json json = parsed(saved("keras.constraints", class_name, config));
    return io::constraint_from(&json, Where("f"));
}

TEST(ActivationFrom, Names) {
    for (const std::string_view name : {"linear", "tanh", "sigmoid", "hard_sigmoid", "silu", "softmax", "gelu"})
        EXPECT_EQ(activation(Json(name).dump()), Activation(name));
    EXPECT_EQ(activation("null"), Activation());
}

TEST(ActivationFrom, AFunctionByName) {
    EXPECT_EQ(activation(R"({"module": "builtins", "class_name": "function", "config": "relu",
                             "registered_name": "function"})"),
              Activation("relu"));
}

TEST(ActivationFrom, LayersThatServeAsActivations) {
    const auto layer = [](const char* name, const std::string& config) {
        const std::string of_every_layer = R"({"name": "a", "trainable": true, "dtype": "float32", )";
        return activation(saved("keras.layers", name, of_every_layer + config));
    };
    EXPECT_EQ(layer("LeakyReLU", R"("negative_slope": 0.25})"), Activation::leaky_relu({.negative_slope = 0.25}));
    EXPECT_EQ(layer("ReLU", R"("max_value": 3, "negative_slope": 0.1, "threshold": 0.2})"),
              Activation::relu({.negative_slope = 0.1, .max_value = 3.0, .threshold = 0.2}));
    EXPECT_EQ(layer("ReLU", R"("max_value": null, "negative_slope": 0.0, "threshold": 0.0})"), Activation("relu"));
    EXPECT_EQ(layer("ELU", R"("alpha": 0.5})"), Activation::elu({.alpha = 0.5}));
    EXPECT_EQ(layer("Softmax", R"("axis": -1})"), Activation("softmax"));
    EXPECT_EQ(layer("Activation", R"("activation": "relu6"})"), Activation("relu6"));
}

TEST(ActivationFrom, ListsTheKnownNamesForAnUnknownOne) {
    const std::string text = format_error_of([] { (void)activation("\"foo\""); });
    expect_contains(text, "f: Activation: expected one of \"linear\"");
    expect_contains(text, "received \"foo\"");
}

TEST(ActivationFrom, RefusesWhatItDoesNotKnow) {
    const auto refusal = [](const std::string& text) { return format_error_of([&] { (void)activation(text); }); };
    expect_contains(refusal(saved("keras.layers", "PReLU", "{}")), "received \"PReLU\"");
    expect_contains(refusal(saved("keras.layers", "Softmax", R"({"axis": 1})")), "Softmax: axis expected -1");
    expect_contains(refusal(saved("keras.layers", "LeakyReLU", R"({"slope": 1})")),
                    "argument \"slope\" = 1 is not known");
    expect_contains(refusal(saved("my.module", "LeakyReLU", "{}")), "expected a class of Keras");
    expect_contains(refusal(R"({"module": "builtins", "class_name": "function", "config": "my>cubed"})"), "my>cubed");
    expect_contains(refusal(R"({"value": ["4wEAAAAA", null, null]})"), "f: class_name expected a string");
    expect_contains(refusal("7"), "f: expected an object, received 7");
}

TEST(InitializerFrom, EveryClassWithItsParameters) {
    EXPECT_EQ(initializer("Zeros"), Initializer::zeros());
    EXPECT_EQ(initializer("Ones"), Initializer::ones());
    EXPECT_EQ(initializer("Constant", R"({"value": 0.25})"), Initializer::constant(0.25));
    EXPECT_EQ(initializer("Identity", R"({"gain": 0.5})"), Initializer::identity(0.5));
    EXPECT_EQ(initializer("Identity"), Initializer::identity());
    EXPECT_EQ(initializer("Orthogonal", R"({"gain": 0.7, "seed": 4})"),
              Initializer::orthogonal({.gain = 0.7, .seed = 4}));
    EXPECT_EQ(initializer("RandomNormal", R"({"mean": 0.5, "stddev": 0.3, "seed": 9})"),
              Initializer::random_normal({.mean = 0.5, .stddev = 0.3, .seed = 9}));
    EXPECT_EQ(initializer("TruncatedNormal", R"({"mean": 0.1, "stddev": 0.2, "seed": null})"),
              Initializer::truncated_normal({.mean = 0.1, .stddev = 0.2}));
    EXPECT_EQ(initializer("RandomUniform", R"({"minval": -1, "maxval": 1, "seed": 2})"),
              Initializer::random_uniform({.minval = -1, .maxval = 1, .seed = 2}));
    EXPECT_EQ(initializer("VarianceScaling", R"({"scale": 2.0, "mode": "fan_avg", "distribution": "uniform", "seed": 1,
                                                 "input_axes": null, "output_axes": null})"),
              Initializer::variance_scaling({.scale = 2, .mode = "fan_avg", .distribution = "uniform", .seed = 1}));
}

TEST(InitializerFrom, TheOnesWithASeedAlone) {
    const std::string config = R"({"seed": 3, "input_axes": null, "output_axes": null})";
    EXPECT_EQ(initializer("GlorotUniform", config), Initializer::glorot_uniform({.seed = 3}));
    EXPECT_EQ(initializer("GlorotNormal", config), Initializer::glorot_normal({.seed = 3}));
    EXPECT_EQ(initializer("HeUniform", config), Initializer::he_uniform({.seed = 3}));
    EXPECT_EQ(initializer("HeNormal", config), Initializer::he_normal({.seed = 3}));
    EXPECT_EQ(initializer("LecunUniform", config), Initializer::lecun_uniform({.seed = 3}));
    EXPECT_EQ(initializer("LecunNormal", config), Initializer::lecun_normal({.seed = 3}));
}

TEST(InitializerFrom, NameOrNothing) {
    const Json name = "he_normal";
    EXPECT_EQ(io::initializer_from(&name, Where("f")), Initializer("he_normal"));
    EXPECT_EQ(io::initializer_from(nullptr, Where("f")), Initializer("glorot_uniform"));
}

TEST(InitializerFrom, RefusesWhatItDoesNotKnow) {
    const auto refusal = [](const std::string& name, const std::string& config) {
        return format_error_of([&] { (void)initializer(name, config); });
    };
    expect_contains(refusal("STFT", "{}"), "received \"STFT\"");
    expect_contains(refusal("Constant", R"({"value": [1, 2]})"),
                    "f: Constant: value expected a number, received [1,2]");
    expect_contains(refusal("GlorotUniform", R"({"input_axes": [0]})"), "argument \"input_axes\" = [0] is not known");
    expect_contains(refusal("RandomNormal", R"({"stddev": NaN})"), "f: Initializer: random_normal stddev");
    expect_contains(refusal("VarianceScaling", R"({"mode": "fan"})"), "received \"fan\"");
    const Json own = parsed(R"({"module": null, "class_name": "Zeros", "config": {}, "registered_name": "my>Zeros"})");
    EXPECT_EQ(format_error_of([&] { (void)io::initializer_from(&own, Where("f")); }),
              "f: expected a class of Keras, received \"my>Zeros\"");
}

TEST(RegularizerFrom, EveryClassWithItsParameters) {
    EXPECT_EQ(regularizer("L1", R"({"l1": 0.03})"), Regularizer::l1(0.03));
    EXPECT_EQ(regularizer("L2", R"({"l2": 0.03})"), Regularizer::l2(0.03));
    EXPECT_EQ(regularizer("L1L2", R"({"l1": 0.01, "l2": 0.02})"), Regularizer::l1_l2({.l1 = 0.01, .l2 = 0.02}));
    EXPECT_EQ(regularizer("OrthogonalRegularizer", R"({"factor": 0.02, "mode": "columns"})"),
              Regularizer::orthogonal({.factor = 0.02, .mode = "columns"}));
    EXPECT_TRUE(io::regularizer_from(nullptr, Where("f")).is_none());
}

TEST(RegularizerFrom, RefusesWhatItDoesNotKnow) {
    expect_contains(format_error_of([] { (void)regularizer("L3"); }), "received \"L3\"");
    expect_contains(format_error_of([] { (void)regularizer("L2", R"({"l2": -1})"); }), "f: Regularizer: l2 expected");
    expect_contains(format_error_of([] { (void)regularizer("L2", R"({"l2": Infinity})"); }), "received inf");
}

TEST(ConstraintFrom, EveryClassWithItsParameters) {
    EXPECT_EQ(constraint("MaxNorm", R"({"max_value": 1.5, "axis": 1})"),
              Constraint::max_norm({.max_value = 1.5, .axis = 1}));
    EXPECT_EQ(constraint("MaxNorm", R"({"max_value": 3, "axis": [0, 1]})"),
              Constraint::max_norm({.max_value = 3, .axis = {0, 1}}));
    EXPECT_EQ(constraint("MaxNorm", R"({"max_value": Infinity, "axis": 0})"),
              Constraint::max_norm({.max_value = std::numeric_limits<double>::infinity()}));
    EXPECT_EQ(constraint("NonNeg"), Constraint::non_neg());
    EXPECT_EQ(constraint("UnitNorm", R"({"axis": -1})"), Constraint::unit_norm({.axis = -1}));
    EXPECT_EQ(constraint("MinMaxNorm", R"({"min_value": 0.2, "max_value": 1.8, "rate": 0.5, "axis": 0})"),
              Constraint::min_max_norm({.min_value = 0.2, .max_value = 1.8, .rate = 0.5, .axis = 0}));
    EXPECT_TRUE(io::constraint_from(nullptr, Where("f")).is_none());
}

TEST(ConstraintFrom, RefusesWhatItDoesNotKnow) {
    expect_contains(format_error_of([] { (void)constraint("Foo"); }), "received \"Foo\"");
    expect_contains(format_error_of([] { (void)constraint("UnitNorm", R"({"axis": 5})"); }), "axis expected axes");
    expect_contains(format_error_of([] { (void)constraint("UnitNorm", R"({"axis": []})"); }), "one or two axes");
    expect_contains(format_error_of([] { (void)constraint("UnitNorm", R"({"axis": "x"})"); }), "axis expected axes");
    expect_contains(format_error_of([] { (void)constraint("MaxNorm", R"({"max_value": NaN})"); }),
                    "f: Constraint: max_norm");
}

}  // namespace
