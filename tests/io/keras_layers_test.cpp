// SPDX-License-Identifier: MIT
#include "eigengru/io/keras_layers.hpp"

#include "io/keras_support.hpp"
#include "io/model_support.hpp"

#include <gtest/gtest.h>

namespace eigengru_test::keras_layers_test {

namespace {

using namespace eigengru;

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
    for (const io::KerasLayer& layer : layers_in(model)) found.push_back(layer.name + " in " + layer.group);
    EXPECT_EQ(found, (std::vector<std::string>{"samples in layers/input_layer", "encoder in layers/gru",
                                               "dense in layers/gru_1", "gru in layers/dense",
                                               "The head 1 in layers/dense_1"}));
}

TEST(LayersOf, SaysHowManyFeaturesALayerWasBuiltFor) {
    const Json model = config_of("plain.tensorflow.keras");
    EXPECT_EQ(layers_in(model)[1].features, 3);
    EXPECT_EQ(layers_in(model)[2].features, 6);
}

TEST(LayersOf, AUsersClassIsNotKeras) {
    Json model = config_of("plain.tensorflow.keras");
    model["config"]["layers"][1]["registered_name"] = "my>GRU";
    EXPECT_EQ(layers_in(model)[1].class_name, "my>GRU");
    model["config"]["layers"][1]["registered_name"] = nullptr;
    model["config"]["layers"][1]["module"] = "my.layers";
    EXPECT_EQ(layers_in(model)[1].class_name, "my.layers.GRU");
}

TEST(LayersOf, RefusesWhatIsNoListOfLayers) {
    const std::string sequential = R"("class_name": "Sequential")";
    for (const std::string& text :
         {std::string("[]"), std::string("{}"), "{" + sequential + "}", "{" + sequential + R"(, "config": {}})",
          "{" + sequential + R"(, "config": {"layers": 3}})", "{" + sequential + R"(, "config": {"layers": [3]}})",
          "{" + sequential + R"(, "config": {"layers": [{"class_name": "GRU"}]}})",
          "{" + sequential + R"(, "config": {"layers": [{"class_name": 1, "config": {}}]}})"}) {
        const Json model = Json::parse(text);
        EXPECT_THROW((void)layers_in(model), FormatError) << text;
    }
}

TEST(LayersOf, RefusesModelsThatNestTooDeep) {
    const std::string text = edited_refusal(
        [](Json& m) {
            for (int i = 0; i < 9; ++i) {
                const Json inner = m;
                m = {{"class_name", "Sequential"}, {"config", {{"name", "s"}, {"layers", Json::array({inner})}}}};
            }
        },
        golden("files/double.keras3.keras"));
    expect_contains(text, "expected models that nest at most 8 deep");
}

TEST(LayersOf, RefusesTooManyLayers) {
    const std::string text = edited_refusal(
        [](Json& m) {
            const Json dropout{{"class_name", "Dropout"}, {"config", {{"rate", 0.1}}}};
            for (int i = 0; i < 1001; ++i) m["config"]["layers"].push_back(dropout);
        },
        golden("files/double.keras3.keras"));
    expect_contains(text, "expected at most 1000 layers");
}

TEST(LoadModel, NamesAnotherClassOfModel) {
    expect_contains(edited_refusal([](Json& m) { m["class_name"] = "MyModel"; }),
                    "a.keras: expected a model of class \"Sequential\" or \"Functional\", received \"MyModel\"");
}

TEST(GroupNames, CountEachNameByItself) {
    io::detail::GroupNames groups;
    std::vector<std::string> names;
    for (const char* name : {"gru", "dense", "gru", "gru", "dense"}) names.push_back(groups.next(name));
    EXPECT_EQ(names, (std::vector<std::string>{"gru", "dense", "gru_1", "gru_2", "dense_1"}));
}

/// The names of layers and the groups of their weights.
std::vector<std::string> places(const Json& model, const io::KerasDialect& dialect = {}) {
    std::vector<std::string> found;
    for (const io::KerasLayer& layer : io::layers_of(model, Where("f"), dialect))
        found.push_back(layer.name + " in " + layer.group);
    return found;
}

/// A GRU "g" beside a model "inner" of another one.
Json nested() {
    return parsed(R"({"class_name": "Sequential", "config": {"layers": [
        {"class_name": "GRU", "config": {"name": "g"}},
        {"class_name": "Sequential", "config": {"name": "inner", "layers": [
            {"class_name": "GRU", "config": {"name": "g"}}]}}]}})");
}

TEST(LayersOf, PutsTheLayersOfAModelInAModelInItsPlace) {
    EXPECT_EQ(places(nested()),
              (std::vector<std::string>{"g in layers/gru", "inner/g in layers/sequential/layers/gru"}));
    const io::KerasDialect old{.is_legacy = true, .weights = "model_weights/"};
    EXPECT_EQ(places(nested(), old),
              (std::vector<std::string>{"g in model_weights/g", "inner/g in model_weights/inner"}));
    const Json model = nested();
    const std::vector<io::KerasLayer> found = layers_in(model);
    EXPECT_EQ(found[1].own_name(), "g");
    EXPECT_EQ(found[0].own_name(), "g");
    EXPECT_EQ(found[1].config.where().text(), "f: layer \"inner/g\"");
}

TEST(LayersOf, TakesASequentialThatIsAListAndLayersWithoutNames) {
    const Json model = parsed(R"({"class_name": "Sequential", "config": [
        {"class_name": "GRU", "config": {}}, {"class_name": "GRU", "config": {"units": 2}}]})");
    EXPECT_EQ(places(model), (std::vector<std::string>{"gru in layers/gru", "gru_1 in layers/gru_1"}));
}

TEST(LayersOf, TakesAllLayersOfAModelThatIsNoChain) {
    const Json model = parsed(R"({"class_name": "Functional", "config": {"layers": [
        {"class_name": "GRU", "name": "b", "config": {}, "inbound_nodes": []},
        {"class_name": "GRU", "name": "a", "config": {}, "inbound_nodes": []}],
        "input_layers": ["a", 0, 0], "output_layers": ["b", 0, 0]}})");
    EXPECT_EQ(io::layers_of(model, Where("f"), {}, false).size(), 2U);
    expect_contains(format_error_of([&] { (void)layers_in(model); }), "f: layer \"a\": the model branches");
}

TEST(LayersOf, FeaturesMayBeUnknown) {
    const auto features = [](const std::string& rest) {
        const Json model = parsed(R"({"class_name": "Sequential", "config": {"layers": [
            {"class_name": "GRU", )" +
                                  rest + "}]}}");
        return layers_in(model).front().features;
    };
    EXPECT_EQ(features(R"("config": {}, "build_config": {"input_shape": [null, 5, 7]})"), 7);
    EXPECT_EQ(features(R"("config": {"batch_input_shape": [null, null, 8]})"), 8);
    EXPECT_EQ(features(R"("config": {}, "build_config": {"input_shape": [null, 5, null]})"), 0);
    EXPECT_EQ(features(R"("config": {"batch_input_shape": [null, null, 8]}, "build_config": {})"), 0);
    EXPECT_EQ(features(R"("config": {})"), 0);
    expect_contains(format_error_of([&] { (void)features(R"("config": {"batch_input_shape": [null, 0]})"); }),
                    "batch_input_shape expected a whole number from 1 to 2147483647, received 0");
}

}  // namespace

}  // namespace eigengru_test::keras_layers_test
