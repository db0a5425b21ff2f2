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

}  // namespace
