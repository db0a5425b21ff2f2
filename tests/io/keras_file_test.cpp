// SPDX-License-Identifier: MIT
#include "eigengru/io/keras_file.hpp"

#include "eigengru/io/keras.hpp"
#include "io/io_support.hpp"
#include "io/model_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;
using namespace eigengru_test;

/// The files of tests/golden/files with that extension for which predictions were recorded.
std::vector<std::filesystem::path> recorded_files(const std::string& extension) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(golden("files"))) {
        const std::filesystem::path& path = entry.path();
        const bool is_model = path.extension() == extension && path.string().find("weights") == std::string::npos;
        if (is_model && std::filesystem::exists(std::filesystem::path(path).replace_extension(".golden")))
            files.push_back(path);
    }
    return files;
}

void expect_recorded(const std::filesystem::path& file, const std::filesystem::path& recorded) {
    SCOPED_TRACE(file.string());
    const GoldenCase expected = load_golden(recorded).front();
    Sequential<double> in_double = io::load_model<double>(file);
    expect_recorded_predictions(in_double, expected, 1e-11);
    Sequential<float> in_float = io::load_model<float>(file);
    expect_recorded_predictions(in_float, expected, 1e-6);
}

TEST(KerasFile, GivesThePredictionsOfEveryKindOfFile) {
    std::size_t count = 0;
    for (const std::string extension : {".keras", ".h5"})
        for (const std::filesystem::path& file : recorded_files(extension)) {
            expect_recorded(file, std::filesystem::path(file).replace_extension(".golden"));
            ++count;
        }
    EXPECT_EQ(count, 23U);
}

void unpack(const std::filesystem::path& file, const std::filesystem::path& folder) {
    std::filesystem::create_directories(folder);
    for (const auto& [name, bytes] : members_of(file)) write_bytes(folder / name, bytes);
}

TEST(KerasFile, MayBeAFolder) {
    const ScratchFolder folder;
    unpack(golden("files/around.keras3.keras"), folder / "model");
    expect_recorded(folder / "model", golden("files/around.keras3.golden"));
}

TEST(KerasFile, RefusesALinkInAFolder) {
    const ScratchFolder folder;
    unpack(golden("files/double.keras3.keras"), folder / "model");
    std::filesystem::rename(folder / "model" / "model.weights.h5", folder / "elsewhere.h5");
    std::filesystem::create_symlink(folder / "elsewhere.h5", folder / "model" / "model.weights.h5");
    expect_contains(model_refusal(folder / "model"), "model: model.weights.h5: expected a file, received a link");
    std::filesystem::remove(folder / "model" / "model.weights.h5");
    expect_contains(model_refusal(folder / "model"), "model: model.weights.h5: the file does not exist");
}

TEST(KerasFile, TakesTheGroupsOfKeras213) {
    const ScratchFolder folder;
    Members members = members_of(golden("files/double.keras2.keras"));
    write_bytes(folder / "weights.h5", members.at("model.weights.h5"));
    const hid_t file = H5Fopen((folder / "weights.h5").string().c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    ASSERT_GE(H5Lmove(file, "layers", file, "_layer_checkpoint_dependencies", H5P_DEFAULT, H5P_DEFAULT), 0);
    H5Fclose(file);
    members["model.weights.h5"] = bytes_of(folder / "weights.h5");
    write_zip(folder / "a.keras", members);
    expect_recorded(folder / "a.keras", golden("files/double.keras2.golden"));
}

TEST(KerasFile, KnowsTheDefaultsOfKeras2) {
    const ScratchFolder folder;
    const auto reset_after = [&](const std::string& version) {
        Members members = members_of(golden("files/classic.keras2.keras"));
        Json config = Json::parse(members.at("config.json"));
        layer_config(config, "gru").erase("reset_after");
        layer_config(config, "gru").erase("recurrent_activation");
        members["config.json"] = bytes_of(std::string_view(config.dump()));
        members["metadata.json"] = bytes_of(std::string_view("{\"keras_version\": \"" + version + "\"}"));
        write_zip(folder / "a.keras", members);
        return io::load_any_gru<float>(folder / "a.keras", "gru");
    };
    EXPECT_FALSE(reset_after("2.15.0").reset_after());
    EXPECT_EQ(reset_after("2.15.0").options().recurrent_activation, io::keras2_hard_sigmoid());
    expect_contains(format_error_of([&] { (void)reset_after("3.0.0"); }), "a vector means reset_after = false");
}

TEST(KerasFile, NamesTheLayerWhereAModelBranches) {
    expect_contains(model_refusal(golden("files/branched.keras3.keras")),
                    "layer \"trunk\": the model branches: its output goes to \"left\", \"right\"");
    expect_contains(model_refusal(golden("files/branched.keras2.keras")), "layer \"trunk\": the model branches");
    expect_contains(model_refusal(golden("files/branched.keras2.h5")), "layer \"trunk\": the model branches");
    EXPECT_EQ(io::load_gru<float>(golden("files/branched.keras2.h5")).name(), "trunk");
}

TEST(KerasFile, NamesWhatAFileOfWeightsIs) {
    expect_contains(model_refusal(golden("files/around.keras2.old_weights.h5")), "no attribute \"model_config\"");
}

TEST(LoadGru, TakesACuDnnGruAndCells) {
    EXPECT_EQ(io::load_gru<float>(golden("files/cudnn.keras2.h5")).units(), 4);
    const std::filesystem::path cells = golden("files/cells.keras2.h5");
    EXPECT_EQ(io::load_gru<float>(cells).units(), 4);
    EXPECT_EQ(io::load_gru<float>(cells, "second").name(), "inner/second");
    EXPECT_TRUE(io::load_gru<float>(cells, "inner/first").options().return_sequences);
    expect_contains(format_error_of([&] { (void)io::load_gru<float>(cells, "rnn_1"); }),
                    "layer \"rnn_1\": expected one GRU, received 2 cells");
}

// Functional models: what is a chain.

/// The refusal of the fixture "masked" with an edited configuration.
template <class Edit>
std::string masked_refusal(Edit&& edit, const std::string& name = "masked.keras3.keras") {
    const ScratchFolder folder;
    write_edited(golden("files/" + name), folder / "a.keras", edit);
    return model_refusal(folder / "a.keras");
}

Json& layer_of(Json& model, const std::string& class_name) {
    for (Json& layer : model["config"]["layers"])
        if (layer["class_name"] == class_name) return layer;
    throw std::runtime_error("no layer of class " + class_name);
}

TEST(FunctionalChain, RefusesAnotherMask) {
    EXPECT_EQ(masked_refusal([](Json&) {}), "no FormatError was thrown");
    expect_contains(masked_refusal([](Json& m) { layer_of(m, "NotEqual")["inbound_nodes"][0]["args"][1] = 1.0; }),
                    "has another mask than layer \"masking\" makes: no chain");
    expect_contains(masked_refusal([](Json& m) { layer_of(m, "Masking")["config"]["mask_value"] = 2.0; }),
                    "has another mask than layer");
}

TEST(FunctionalChain, RefusesOtherGraphs) {
    const auto gru_source = [](Json& m) -> Json& {
        return layer_of(m, "GRU")["inbound_nodes"][0]["args"][0]["config"]["keras_history"];
    };
    expect_contains(masked_refusal([&](Json& m) { gru_source(m)[2] = 1; }), "takes output 1 of use 0 of layer");
    expect_contains(masked_refusal([&](Json& m) { gru_source(m)[0] = "nowhere"; }), "the model branches");
    expect_contains(masked_refusal([&](Json& m) { gru_source(m) = 3; }), "keras_history expected a list");
    expect_contains(masked_refusal([](Json& m) {
                        Json& args = layer_of(m, "Dense")["inbound_nodes"][0]["args"];
                        args.push_back(args[0]);
                    }),
                    "the model branches");
    expect_contains(masked_refusal([](Json& m) { m["config"]["layers"].push_back(layer_of(m, "Dense")); }),
                    "there are two layers of that name");
    expect_contains(masked_refusal([](Json& m) {
                        m["config"]["output_layers"] = Json::array({m["config"]["output_layers"], Json::array()});
                    }),
                    "output_layers expected one layer, received 2");
    expect_contains(masked_refusal([](Json& m) { m["config"]["input_layers"] = 3; }), "input_layers expected a list");
    expect_contains(masked_refusal([](Json& m) {
                        Json& nodes = layer_of(m, "Dense")["inbound_nodes"];
                        nodes.push_back(nodes[0]);
                    }),
                    "expected to be used once, is used 2 times");
}

TEST(LayersOf, RefusesModelsThatNestTooDeep) {
    const std::string text = masked_refusal(
        [](Json& m) {
            for (int i = 0; i < 9; ++i) {
                const Json inner = m;
                m = {{"class_name", "Sequential"}, {"config", {{"name", "s"}, {"layers", Json::array({inner})}}}};
            }
        },
        "double.keras3.keras");
    expect_contains(text, "expected models that nest at most 8 deep");
}

TEST(LayersOf, RefusesTooManyLayers) {
    const std::string text = masked_refusal(
        [](Json& m) {
            const Json dropout{{"class_name", "Dropout"}, {"config", {{"rate", 0.1}}}};
            for (int i = 0; i < 1001; ++i) m["config"]["layers"].push_back(dropout);
        },
        "double.keras3.keras");
    expect_contains(text, "expected at most 1000 layers");
}

TEST(KerasWeights, AreNotShared) {
    io::detail::KerasWeights weights(io::Hdf5File(bytes_of(golden("models/plain.tensorflow.weights.h5")), Where("f")),
                                     {});
    io::detail::WeightGroup group(weights.file(), "layers/dense/vars");
    group.next("kernel", {6, 2});
    weights.count_bytes(group);
    EXPECT_EQ(format_error_of([&] {
                  for (int i = 0; i < 1000; ++i) weights.count_bytes(group);  // as layers would that share it
              }),
              "f: expected weights of their own for each layer: some are shared");
}

// load_weights of all kinds of files.

template <class S>
void set_all(Sequential<S>& model, S value) {
    for (std::size_t i = 0; i < model.layers().size(); ++i)
        std::visit(
            [&](auto& layer) {
                if constexpr (requires { layer.set_weights(layer.get_weights()); }) {
                    auto weights = layer.get_weights();
                    for (auto& weight : weights) weight.setConstant(value);
                    layer.set_weights(weights);
                }
            },
            model.layer(static_cast<Index>(i)));
}

TEST(LoadWeights, TakeEveryKindOfFile) {
    for (const std::string name : {"around.keras3.weights.h5", "embedded.keras3.weights.h5", "around.keras3.h5",
                                   "around.keras2.old_weights.h5", "classic.keras2.old_weights.h5",
                                   "embedded.keras2.old_weights.h5", "embedded.keras2.h5", "masked.keras2.h5"}) {
        SCOPED_TRACE(name);
        const std::string model_name = name.substr(0, name.find("keras") + 6);
        Sequential<double> model = io::load_model<double>(golden("files/" + model_name + ".keras"));
        set_all(model, 0.5);
        io::load_weights(model, golden("files/" + name));
        expect_recorded_predictions(model, load_golden(golden("files/" + model_name + ".golden")).front(), 1e-11);
    }
}

TEST(LoadWeights, RefuseMoreLayersThanAnyModelHas) {
    const ScratchFolder folder;
    {
        const LibraryWriter writer(folder / "a.h5");
        constexpr hsize_t count = 1001;
        const hid_t group = H5Gcreate2(writer.file(), "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        H5Gclose(group);
        writer.attribute("/", "layer_names", H5T_C_S1, {count}, std::string(count, 'g').data());
    }
    Sequential<float> model({Gru<float>(3, {.units = 4})});
    expect_contains(format_error_of([&] { io::load_weights(model, folder / "a.h5"); }),
                    "a.h5: expected at most 1000 layers, received 1001");
}

TEST(LoadWeights, OfAnotherModelLeaveTheModelAsItWas) {
    Sequential<double> model = io::load_model<double>(golden("files/around.keras2.keras"));
    const GoldenCase recorded = load_golden(golden("files/around.keras2.golden")).front();
    for (const std::string name : {"classic.keras2.old_weights.h5", "embedded.keras2.h5", "cells.keras2.h5"}) {
        EXPECT_NE(format_error_of([&] { io::load_weights(model, golden("files/" + name)); }),
                  "no FormatError was thrown");
        expect_recorded_predictions(model, recorded, 1e-11);
    }
}

}  // namespace
