// SPDX-License-Identifier: MIT
#include "eigengru/io/keras.hpp"

#include "io/io_support.hpp"
#include "io/model_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;
using namespace eigengru_test;

template <class S>
std::vector<RowMatrix<S>> weights_of(const Sequential<S>& model) {
    std::vector<RowMatrix<S>> all;
    for (const auto& layer : model.layers())
        std::visit(
            [&](const auto& l) {
                if constexpr (requires { l.get_weights(); })
                    for (const auto& w : l.get_weights()) all.push_back(w);
            },
            layer);
    return all;
}

TEST(SaveModel, KeepsEveryLayerItsOptionsAndWeights) {
    const ScratchFolder folder;
    for (const std::string name : {"models/stack.tensorflow", "models/configured.tensorflow", "models/named.tensorflow",
                                   "files/around.keras3", "files/cells.keras3", "files/embedded.keras3"}) {
        SCOPED_TRACE(name);
        const Sequential<float> model = io::load_model<float>(golden(name + ".keras"));
        io::save_model(model, folder / "a.keras");
        const Sequential<float> again = io::load_model<float>(folder / "a.keras");
        EXPECT_EQ(weights_of(model), weights_of(again));
        io::save_model(again, folder / "b.keras");
        EXPECT_EQ(members_of(folder / "a.keras"), members_of(folder / "b.keras"));
    }
}

TEST(SaveModel, KeepsEveryBitOfADouble) {
    const ScratchFolder folder;
    const Sequential<double> model(
        {Gru<double>(3, {.units = 4, .seed = 1}), Dense<double>(4, {.units = 2, .seed = 2})});
    io::save_model(model, folder / "a.keras");
    EXPECT_EQ(weights_of(model), weights_of(io::load_model<double>(folder / "a.keras")));
}

TEST(SaveModel, HasTheNamesThatKerasWants) {
    const ScratchFolder folder;
    const GruOptions options{.units = 3, .return_sequences = true, .name = "a/b"};
    io::save_model(Sequential<float>({Gru<float>(3, options), Gru<float>(3, options)}), folder / "a.keras",
                   {.name = "mine"});
    const Members members = members_of(folder / "a.keras");
    const Json config = Json::parse(members.at("config.json"));
    EXPECT_EQ(config["config"]["name"], "mine");
    EXPECT_EQ(config["config"]["layers"][0]["config"]["batch_shape"], Json({nullptr, nullptr, 3}));
    EXPECT_EQ(config["config"]["layers"][1]["config"]["name"], "a_b");
    EXPECT_EQ(config["config"]["layers"][2]["config"]["name"], "a_b_1");
    EXPECT_EQ(members.size(), 3U);
}

TEST(LoadModel, TakesTheLastAxisOfANormalisationAsTensorFlowCountsIt) {
    const ScratchFolder folder;
    for (const bool is_sequence : {false, true}) {
        Sequential<float> model({Gru<float>(3, {.units = 4, .return_sequences = is_sequence}),
                                 BatchNormalization<float>(4, {}), LayerNormalization<float>(4, {})});
        io::save_model(model, folder / "a.keras");
        const auto load_with = [&](int axis) {
            write_edited(folder / "a.keras", folder / "b.keras", [axis](Json& json) {
                for (const char* name : {"batch_normalization", "layer_normalization"})
                    layer_config(json, name)["axis"] = Json::array({axis});
            });
            return format_error_of([&] { (void)io::load_model<float>(folder / "b.keras"); });
        };
        EXPECT_EQ(load_with(is_sequence ? 2 : 1), "no FormatError was thrown");
        expect_contains(load_with(is_sequence ? 1 : 2), "layer \"batch_normalization\": axis expected -1, or ");
    }
}

TEST(SaveModel, AStatefulModelHasItsBatchSize) {
    const ScratchFolder folder;
    Sequential<float> model({Gru<float>(3, {.units = 2, .stateful = true})});
    const auto batch_of_file = [&] {
        io::save_model(model, folder / "a.keras");
        return Json::parse(
            members_of(folder / "a.keras").at("config.json"))["config"]["layers"][0]["config"]["batch_shape"][0];
    };
    EXPECT_EQ(batch_of_file(), 1);
    (void)model.predict(Sequence<float>({4, 2, 3}));
    EXPECT_EQ(batch_of_file(), 4);
}

TEST(SaveModel, KeepsActivationsThatKerasHasALayerFor) {
    const ScratchFolder folder;
    for (const Activation& activation :
         {Activation::relu({.negative_slope = 0.1, .max_value = 2.0, .threshold = 0.5}),
          Activation::leaky_relu({.negative_slope = 0.4}), Activation::elu({.alpha = 0.5}), Activation("gelu")}) {
        io::save_model(Sequential<float>({Gru<float>(2, {.units = 2, .activation = activation})}), folder / "a.keras");
        const Sequential<float> again = io::load_model<float>(folder / "a.keras");
        EXPECT_EQ(std::get<Gru<float>>(again.layers()[0]).options().activation, activation) << activation.to_string();
    }
}

std::string save_refusal(Sequential<float> model, const std::filesystem::path& path) {
    try {
        io::save_model(model, path);
    } catch (const OptionError& error) {
        return error.what();
    }
    return "no OptionError was thrown";
}

TEST(SaveModel, RefusesWhatKerasHasNoNameForAndKeepsTheOldFile) {
    const ScratchFolder folder;
    write_bytes(folder / "a.keras", {1, 2, 3});
    const Activation custom = Activation::custom("mine", [](auto x) { return x; });
    EXPECT_EQ(save_refusal(Sequential<float>({Gru<float>(2, {.units = 2, .activation = custom})}), folder / "a.keras"),
              "io::save_model: layer \"gru\": the activation mine cannot be saved: Keras has no name for it");
    expect_contains(
        save_refusal(Sequential<float>({Dense<float>(2, {.units = 1, .activation = io::keras2_hard_sigmoid()})}),
                     folder / "a.keras"),
        "hard_sigmoid of Keras 2 cannot be saved");
    expect_contains(save_refusal(Sequential<float>({Masking<float>()}), folder / "a.keras"),
                    "how many features it takes");
    EXPECT_EQ(bytes_of(folder / "a.keras"), (Bytes{1, 2, 3}));
}

TEST(SaveModel, NamesAFileThatCannotBeWritten) {
    const ScratchFolder folder;
    const Sequential<float> model({Dense<float>(2, {.units = 1})});
    expect_contains(format_error_of([&] { io::save_model(model, folder / "none" / "a.keras"); }),
                    "a.keras: the file cannot be written");
}

TEST(SaveWeights, GoBackIntoAModelAndAGru) {
    const ScratchFolder folder;
    for (const std::string name : {"files/around.keras3", "files/embedded.keras3"}) {
        const Sequential<float> model = io::load_model<float>(golden(name + ".keras"));
        io::save_weights(model, folder / "a.weights.h5");
        Sequential<float> other = model;
        for (std::size_t i = 0; i < other.layers().size(); ++i)
            std::visit(
                [](auto& l) {
                    if constexpr (requires { l.update_variables([](auto&&) {}); })
                        l.update_variables([](auto&& v) { v.values.setConstant(0.5F); });
                },
                other.layer(static_cast<Index>(i)));
        EXPECT_NE(weights_of(model), weights_of(other));
        io::load_weights(other, folder / "a.weights.h5");
        EXPECT_EQ(weights_of(model), weights_of(other));
    }
    const Gru<double, false> gru(3, {.units = 2, .seed = 1});
    Gru<double, false> other(3, {.units = 2, .seed = 2});
    io::save_weights(gru, folder / "b.weights.h5");
    io::load_weights(other, folder / "b.weights.h5");
    EXPECT_EQ(gru.get_weights(), other.get_weights());
}

TEST(KerasConfig, IsWhatKerasSaves) {
    const std::filesystem::path path = golden("models/stack.tensorflow.keras");
    const Gru<float> gru = io::load_gru<float>(path);
    const Json written = Json::parse(io::keras_config(gru));
    Json model = Json::parse(members_of(path).at("config.json"));
    const Json& saved = layer_config(model, "gru");
    for (const auto& [key, value] : saved.items()) {
        if (!written.contains(key)) {
            ADD_FAILURE() << key << " is missing";
        } else if (!value.is_object()) {
            EXPECT_EQ(written[key], value) << key;
        } else {
            EXPECT_EQ(written[key]["class_name"], value["class_name"]) << key;
        }
    }
}

// Test vectors.

Sequential<float> small_model() {
    return Sequential<float>({Gru<float>(3, {.units = 4, .seed = 1}), Dense<float>(4, {.units = 2, .seed = 2})});
}

Sequence<float> some_inputs() {
    Sequence<float> x({2, 5, 3});
    for (Index i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>(i % 7) * 0.25F - 0.5F;
    return x;
}

/// The file with a test vector in which `edit` has changed something.
template <class Edit>
std::string edited_test(Edit&& edit) {
    const ScratchFolder folder;
    const Sequence<float> x = some_inputs();
    io::save_model(small_model(), folder / "a.keras", {.test_inputs = x});
    Members members = members_of(folder / "a.keras");
    Json json = Json::parse(members.at("eigengru_test.json"));
    edit(json);
    members["eigengru_test.json"] = bytes_of(std::string_view(json.dump()));
    write_zip(folder / "a.keras", members);
    return format_error_of([&] { (void)io::load_model<float>(folder / "a.keras"); });
}

TEST(TestVector, IsCheckedAndReported) {
    const ScratchFolder folder;
    const Sequence<float> x = some_inputs();
    io::save_model(small_model(), folder / "a.keras", {.test_inputs = x, .tolerance = 1e-4});
    io::LoadReport report;
    (void)io::load_keras_model<double>(folder / "a.keras", report);
    EXPECT_TRUE(report.has_test_vector);
    EXPECT_EQ(report.tolerance, 1e-4);
    EXPECT_GT(report.largest_difference, 0.0);
    EXPECT_LT(report.largest_difference, 1e-6);
    (void)io::load_keras_model<float>(folder / "a.keras", report);
    EXPECT_LT(report.largest_difference, 1e-6);
    io::save_model(small_model(), folder / "a.keras");
    (void)io::load_keras_model<float>(folder / "a.keras", report);
    EXPECT_FALSE(report.has_test_vector);
}

TEST(TestVector, RefusesAModelThatGivesSomethingElse) {
    EXPECT_EQ(edited_test([](Json&) {}), "no FormatError was thrown");
    const std::string text = edited_test([](Json& t) { t["outputs"]["values"][0] = 0.75; });
    expect_contains(text, "a.keras: eigengru_test.json: the model is not what was saved: expected outputs that differ");
    EXPECT_EQ(edited_test([](Json& t) { t["outputs"]["shape"] = {2, 2}; }), "no FormatError was thrown");
}

TEST(TestVector, RefusesWhatDoesNotFit) {
    expect_contains(edited_test([](Json& t) { t["outputs"]["shape"] = {2, 3}; }), "expected 6 values, received 4");
    expect_contains(edited_test([](Json& t) { t["inputs"]["shape"] = {5, 2, 3}; }), "expected 10 outputs, received 4");
    expect_contains(edited_test([](Json& t) { t["inputs"]["shape"] = {2, 3, 5}; }), "inputs have 5 features");
    expect_contains(edited_test([](Json& t) { t["inputs"]["shape"] = {30}; }), "of shape (batch, time, features)");
    expect_contains(edited_test([](Json& t) {
                        t["inputs"]["shape"] = {2147483647, 2147483647, 2};
                    }),
                    "expected at most 4194304 numbers");
    expect_contains(edited_test([](Json& t) { t["inputs"]["values"][3] = "NaN"; }), "values expected numbers");
    expect_contains(edited_test([](Json& t) { t["tolerance"] = 2; }), "tolerance expected 0 to 1, received 2");
    expect_contains(edited_test([](Json& t) { t = 3; }), "expected an object");
}

}  // namespace
