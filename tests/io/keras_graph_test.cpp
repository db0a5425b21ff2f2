// SPDX-License-Identifier: MIT
#include "eigengru/io/keras_graph.hpp"

#include "io/model_support.hpp"

#include <gtest/gtest.h>

namespace eigengru_test::keras_graph_test {

namespace {

using namespace eigengru;

Json& layer_of(Json& model, const std::string& class_name) {
    for (Json& layer : model["config"]["layers"])
        if (layer["class_name"] == class_name) return layer;
    throw std::runtime_error("no layer of class " + class_name);
}

/// The refusal of the fixture "masked" with an edited configuration.
template <class Edit>
std::string edited_masked(Edit&& edit) {
    return edited_refusal(edit, golden("files/masked.keras3.keras"));
}

TEST(KerasFile, NamesTheLayerWhereAModelBranches) {
    expect_contains(model_refusal(golden("files/branched.keras3.keras")),
                    "layer \"trunk\": the model branches: its output goes to \"left\", \"right\"");
    expect_contains(model_refusal(golden("files/branched.keras2.keras")), "layer \"trunk\": the model branches");
    expect_contains(model_refusal(golden("files/branched.keras2.h5")), "layer \"trunk\": the model branches");
    EXPECT_EQ(io::load_gru<float>(golden("files/branched.keras2.h5")).name(), "trunk");
}

TEST(FunctionalChain, RefusesAnotherMask) {
    EXPECT_EQ(edited_masked([](Json&) {}), "no FormatError was thrown");
    expect_contains(edited_masked([](Json& m) { layer_of(m, "NotEqual")["inbound_nodes"][0]["args"][1] = 1.0; }),
                    "has another mask than layer \"masking\" makes: no chain");
    expect_contains(edited_masked([](Json& m) { layer_of(m, "Masking")["config"]["mask_value"] = 2.0; }),
                    "has another mask than layer");
}

TEST(FunctionalChain, RefusesOtherGraphs) {
    const auto gru_source = [](Json& m) -> Json& {
        return layer_of(m, "GRU")["inbound_nodes"][0]["args"][0]["config"]["keras_history"];
    };
    expect_contains(edited_masked([&](Json& m) { gru_source(m)[2] = 1; }), "takes output 1 of use 0 of layer");
    expect_contains(edited_masked([&](Json& m) { gru_source(m)[0] = "nowhere"; }), "the model branches");
    expect_contains(edited_masked([&](Json& m) { gru_source(m) = 3; }), "keras_history expected a list");
    expect_contains(edited_masked([](Json& m) {
                        Json& args = layer_of(m, "Dense")["inbound_nodes"][0]["args"];
                        args.push_back(args[0]);
                    }),
                    "the model branches");
    expect_contains(edited_masked([](Json& m) { m["config"]["layers"].push_back(layer_of(m, "Dense")); }),
                    "there are two layers of that name");
    expect_contains(edited_masked([](Json& m) {
                        m["config"]["output_layers"] = Json::array({m["config"]["output_layers"], Json::array()});
                    }),
                    "output_layers expected one layer, received 2");
    expect_contains(edited_masked([](Json& m) { m["config"]["input_layers"] = 3; }), "input_layers expected a list");
    expect_contains(edited_masked([](Json& m) {
                        Json& nodes = layer_of(m, "Dense")["inbound_nodes"];
                        nodes.push_back(nodes[0]);
                    }),
                    "expected to be used once, is used 2 times");
}

/// What Keras 3 writes for an output of a layer.
Json tensor(const std::string& layer, int node = 0, int output = 0) {
    Json json;
    json["class_name"] = "__keras_tensor__";
    json["config"]["keras_history"] = {layer, node, output};
    return json;
}

/// A layer that takes these arguments; none for the input of a model.
Json graph_layer(const std::string& name, const std::vector<Json>& arguments, const std::string& class_name = "GRU") {
    Json json{{"name", name}, {"class_name", class_name}, {"inbound_nodes", Json::array()}};
    json["config"] = Json::object();
    if (!arguments.empty()) json["inbound_nodes"].push_back({{"args", arguments}, {"kwargs", Json::object()}});
    return json;
}

Json functional(const std::vector<Json>& layers, const Json& first, const Json& last) {
    return {{"layers", layers}, {"input_layers", first}, {"output_layers", last}};
}

/// a, b and c in a row, listed in another order.
Json three() {
    return functional({graph_layer("c", {tensor("b")}), graph_layer("a", {}), graph_layer("b", {tensor("a")})},
                      {"a", 0, 0}, {"c", 0, 0});
}

Json& named(Json& model, const std::string& name) {
    for (Json& layer : model["layers"])
        if (layer["name"] == name) return layer;
    throw std::runtime_error("no layer " + name);
}

std::vector<std::string> chain_of(const Json& model) {
    std::vector<std::string> names;
    for (const Json* layer : io::detail::FunctionalChain(io::JsonObject(model, Where("f"))).layers())
        names.push_back((*layer)["name"]);
    return names;
}

template <class Edit>
std::string chain_refusal(Edit&& edit) {
    Json model = three();
    edit(model);
    return format_error_of([&] { (void)chain_of(model); });
}

const std::vector<std::string> kInOrder{"a", "b", "c"};

TEST(FunctionalChain, IsInTheOrderOfTheData) {
    EXPECT_EQ(chain_of(three()), kInOrder);
    Json model = three();
    for (const char* key : {"input_layers", "output_layers"}) model[key] = Json::array({model[key]});
    EXPECT_EQ(chain_of(model), kInOrder);  // the ends may be lists of one
}

TEST(FunctionalChain, ReadsTheNodesOfKeras2) {
    Json model = three();
    named(model, "b")["inbound_nodes"] = parsed(R"([[["a", 0, 0, {}]]])");
    named(model, "c")["inbound_nodes"] = parsed(R"([["b", 0, 0, {"training": true, "mask": null, "constants": []}]])");
    EXPECT_EQ(chain_of(model), kInOrder);
}

TEST(FunctionalChain, RefusesOtherInputsInTheNodesOfKeras2) {
    const auto refusal = [](const std::string& node) {
        return chain_refusal([&](Json& m) { named(m, "c")["inbound_nodes"] = Json::array({parsed(node)}); });
    };
    EXPECT_EQ(refusal(R"([["b", 0, 0, {"constants": [1]}]])"),
              "f: layer \"c\": is called with constants besides its inputs: no chain");
    EXPECT_EQ(refusal(R"([["b", 0, 0, {"initial_state": ["x", 0, 0]}]])"),
              "f: layer \"c\": the model branches: this layer joins the outputs of \"b\", \"x\"");
    EXPECT_EQ(refusal("3"), "f: layer \"c\": inbound_nodes expected a list, received 3");
    EXPECT_EQ(refusal("[]"), "f: layer \"c\": inbound_nodes expected a list, received []");
    EXPECT_EQ(refusal(R"([["b", 0]])"),
              "f: layer \"c\": inbound_nodes expected [layer, node, output], received [\"b\",0]");
    EXPECT_EQ(refusal(R"([["b", 0, 2]])"), "f: layer \"c\": takes output 2 of use 0 of layer \"b\": no chain");
}

TEST(FunctionalChain, NamesTheLayerThatJoinsOrIsLeftOver) {
    const std::string joins = chain_refusal([](Json& m) {
        m["layers"].push_back(graph_layer("x", {}));
        named(m, "b") = graph_layer("b", {tensor("a"), tensor("x")});
    });
    EXPECT_EQ(joins, "f: layer \"b\": the model branches: this layer joins the outputs of \"a\", \"x\"");
    EXPECT_EQ(chain_refusal([](Json& m) { m["layers"].push_back(graph_layer("x", {tensor("b")})); }),
              "f: layer \"b\": the model branches: its output goes to \"c\", \"x\"");
    EXPECT_EQ(chain_refusal([](Json& m) { m["layers"].push_back(graph_layer("x", {})); }),
              "f: layer \"x\": the model branches: this layer is not in the chain from its input to its output");
}

TEST(FunctionalChain, ChecksItsEnds) {
    const auto with = [](const char* key, const Json& end) { return chain_refusal([&](Json& m) { m[key] = end; }); };
    EXPECT_EQ(with("input_layers", {"x", 0, 0}), "f: expected a layer \"x\", which is not there");
    EXPECT_EQ(with("input_layers", {"b", 0, 0}), "f: layer \"b\": expected the input of the model");
    EXPECT_EQ(with("output_layers", {"b", 0, 0}),
              "f: layer \"c\": the model branches: its output is that of another layer");
    EXPECT_EQ(with("output_layers", Json::array()), "f: output_layers expected the name of a layer, received []");
    EXPECT_EQ(with("output_layers", {3}), "f: output_layers expected the name of a layer, received [3]");
}

TEST(FunctionalChain, TakesALimitedNumberOfLayers) {
    EXPECT_EQ(chain_refusal([](Json& m) {
                  while (m["layers"].size() <= 4000) m["layers"].push_back(3);
              }),
              "f: expected at most 4000 layers");
}

/// a, an Embedding b and c, which Keras 3 has given the mask "is not `value`" of a.
Json embedded(const Json& value, bool mask_zero = true) {
    Json model = three();
    named(model, "b")["class_name"] = "Embedding";
    named(model, "b")["config"]["mask_zero"] = mask_zero;
    named(model, "c")["inbound_nodes"][0]["kwargs"]["mask"] = tensor("not_equal");
    model["layers"].push_back(graph_layer("not_equal", {tensor("a"), value}, "NotEqual"));
    return model;
}

TEST(FunctionalChain, LeavesOutHowTheMaskOfAnEmbeddingIsMade) {
    const auto refusal = [](const Json& model) { return format_error_of([&] { (void)chain_of(model); }); };
    EXPECT_EQ(chain_of(embedded(0)), kInOrder);
    EXPECT_EQ(refusal(embedded(1)), "f: layer \"c\": has another mask than layer \"b\" makes: no chain");
    EXPECT_EQ(refusal(embedded("0")), "f: layer \"c\": has another mask than layer \"b\" makes: no chain");
    EXPECT_EQ(refusal(embedded(0, false)), "f: layer \"c\": has a mask of its own making: no chain");
}

TEST(FunctionalChain, RefusesAMaskThatIsMoreThanAMask) {
    Json model = embedded(0);
    named(model, "c")["inbound_nodes"][0]["args"] = {tensor("b"), tensor("not_equal")};
    EXPECT_EQ(format_error_of([&] { (void)chain_of(model); }),
              "f: layer \"a\": the model branches: its output goes to \"b\", \"not_equal\"");
}

}  // namespace

}  // namespace eigengru_test::keras_graph_test
