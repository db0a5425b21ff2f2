// SPDX-License-Identifier: MIT
#include "eigengru/io/keras_model.hpp"

#include "eigengru/io/keras_save.hpp"
#include "io/model_support.hpp"

#include <gtest/gtest.h>

namespace eigengru_test::keras_model_test {

namespace {

using namespace eigengru;

TEST(LoadModel, HasTheLayersOfTheFile) {
    const Sequential<float> model = io::load_model<float>(fixture("stack.tensorflow.keras"));
    ASSERT_EQ(model.layers().size(), 6U);
    EXPECT_EQ(std::get<Masking<float>>(model.layers()[0]).options().mask_value, -9.0);
    EXPECT_EQ((std::get<Gru<float, true>>(model.layers()[1]).options().dropout), 0.1);
    EXPECT_EQ((std::get<Gru<float, false>>(model.layers()[2]).options().go_backwards), true);
    EXPECT_EQ(std::get<Dense<float>>(model.layers()[3]).options().activation, Activation("softmax"));
    EXPECT_EQ(std::get<Dropout<float>>(model.layers()[4]).options().rate, 0.3);
    EXPECT_EQ(std::get<ActivationLayer<float>>(model.layers()[5]).options().activation, Activation("softplus"));
}

TEST(LoadModel, NamesAnUnknownLayerAndTheKnownOnes) {
    const std::filesystem::path path = fixture("unknown_lstm.tensorflow.keras");
    EXPECT_EQ(model_refusal(path),
              "io::load_model: " + path.string() +
                  ": layer \"lstm\": expected a layer of class \"InputLayer\", \"Masking\", "
                  "\"GRU\", \"Dense\", \"Dropout\", \"Activation\", \"Embedding\", \"Bidirectional\", "
                  "\"TimeDistributed\", \"BatchNormalization\", \"LayerNormalization\", "
                  "\"RNN\", \"CuDNNGRU\", received \"LSTM\"");
    expect_contains(model_refusal(fixture("unknown_conv1d.tensorflow.keras")), "received \"Conv1D\"");
}

TEST(LoadModel, ChecksShapesAgainstTheConfiguration) {
    expect_contains(edited_refusal([](Json& m) { layer_config(m, "gru")["units"] = 5; }),
                    "a.keras: model.weights.h5: layers/gru/cell/vars/0: kernel expected shape (3, 15), "
                    "received (3, 18)");
    expect_contains(edited_refusal([](Json& m) { layer_config(m, "gru")["units"] = 2147483647; }),
                    "kernel expected shape (3, 6442450941), received (3, 18)");
    expect_contains(edited_refusal([](Json& m) {
                        layer_config(m, "input_layer")["batch_shape"] = {nullptr, 5, 4};
                    }),
                    "kernel expected shape (4, 18), received (3, 18)");
    expect_contains(edited_refusal([](Json& m) { layer_config(m, "dense")["units"] = 3; }),
                    "layers/dense/vars/0: kernel expected shape (6, 3), received (6, 2)");
    expect_contains(edited_refusal([](Json& m) { layer_config(m, "gru")["reset_after"] = false; }),
                    "bias expected shape (18), received (2, 18) (a matrix means reset_after = true)");
    expect_contains(edited_refusal([](Json& m) { layer_config(m, "gru")["use_bias"] = false; }),
                    "layers/gru/cell/vars: expected 2 weights, received more");
    expect_contains(edited_refusal([](Json& m) { m["config"]["layers"].push_back(m["config"]["layers"][1]); }),
                    "the file has no data set \"layers/gru_1/cell/vars/0\"");
}

TEST(LoadModel, NamesTheLayerOfAnArgumentOutOfRange) {
    expect_contains(edited_refusal([](Json& m) { layer_config(m, "gru")["dropout"] = 1.5; }),
                    "a.keras: layer \"gru\": Gru: dropout expected a rate in [0, 1], received 1.5");
    expect_contains(edited_refusal([](Json& m) { layer_config(m, "gru")["activation"] = "foo"; }),
                    "a.keras: layer \"gru\": activation: Activation: expected one of \"linear\"");
    expect_contains(
        edited_refusal([](Json& m) { layer_config(m, "dropout")["rate"] = 2; }, fixture("stack.tensorflow.keras")),
        "a.keras: layer \"dropout\": Dropout: rate expected a rate in [0, 1], received 2");
    expect_contains(edited_refusal([](Json& m) { layer_config(m, "masking")["mask_value"] = "NaN"; },
                                   fixture("stack.tensorflow.keras")),
                    "a.keras: layer \"masking\": Masking: mask_value expected a finite number, received nan");
}

TEST(LoadModel, RefusesLayersThatDoNotFit) {
    expect_contains(edited_refusal([](Json& m) { layer_config(m, "gru")["return_sequences"] = false; },
                                   fixture("two_gru.tensorflow.keras")),
                    "a.keras: Sequential: layer \"gru_1\" expected sequences");
    expect_contains(edited_refusal([](Json& m) { layer_config(m, "gru")["return_state"] = true; }),
                    "layer \"gru\": return_state expected false in a Sequential");
    expect_contains(edited_refusal([](Json& m) { m["config"]["layers"] = Json::array(); }),
                    "a.keras: Sequential: expected at least one layer");
}

TEST(LoadGru, ListsTheNamesThatThereAre) {
    const std::filesystem::path path = fixture("named.tensorflow.keras");
    EXPECT_EQ(format_error_of([&] { (void)io::load_gru<float>(path, "gru"); }),
              "io::load_gru: " + path.string() +
                  ": expected the name of a GRU, one of \"encoder\", \"dense\", received \"gru\"");
}

TEST(LoadGru, SaysWhenThereIsNone) {
    const ScratchFolder folder;
    write_edited(fixture("plain.tensorflow.keras"), folder / "a.keras",
                 [](Json& m) { m["config"]["layers"].erase(1); });
    expect_contains(format_error_of([&] { (void)io::load_gru<float>(folder / "a.keras"); }),
                    "a.keras: the model has no layer of class \"GRU\"");
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

TEST(LoadModel, RefusesWrappersOfOtherLayers) {
    const std::filesystem::path around = golden("files/around.keras3.keras");
    expect_contains(
        edited_refusal([](Json& m) { layer_config(m, "time_distributed")["layer"]["class_name"] = "GRU"; }, around),
        "layer \"time_distributed\": expected TimeDistributed around \"Dense\", received \"GRU\"");
    expect_contains(
        edited_refusal([](Json& m) { layer_config(m, "bidirectional")["layer"]["class_name"] = "LSTM"; }, around),
        "layer \"bidirectional\": layer expected a layer of class \"GRU\", received \"LSTM\"");
    expect_contains(edited_refusal(
                        [](Json& m) {
                            for (const char* key : {"layer", "backward_layer"})
                                if (layer_config(m, "bidirectional").contains(key))
                                    layer_config(m, "bidirectional")[key]["config"]["return_state"] = true;
                        },
                        around),
                    "layer \"bidirectional\": return_state expected false in a Sequential, received true");
}

/// A model of these layers, in a file with one data set, the kernel of a GRU of 1 unit without a bias.
io::detail::KerasFile file_of_layers(const std::string& layers) {
    const ScratchFolder folder;
    {
        const LibraryWriter writer(folder / "a.h5");
        writer.add("layers/gru/cell/vars/0", {3, 3}, std::vector<double>(9, 0.5));
        writer.add("layers/gru/cell/vars/1", {1, 3}, std::vector<double>(3, 0.25));
    }
    return {Where("f"), parsed(R"({"class_name": "Sequential", "config": {"layers": )" + layers + "}}"),
            io::detail::KerasWeights(io::Hdf5File(bytes_of(folder / "a.h5"), Where("f")), {})};
}

TEST(BuildKerasModel, KnowsEachOfTheKnownLayers) {
    const auto refusal = [](std::string_view class_name) {
        io::detail::KerasFile file = file_of_layers(
            eigengru::detail::text(R"([{"class_name": ")", class_name, R"(", "config": {"name": "x"}}])"));
        return format_error_of([&] { (void)io::detail::build_keras_model<float>(file); });
    };
    const std::string unknown = "f: layer \"x\": expected a layer of class \"InputLayer\", ";
    for (const std::string_view known : io::kKnownLayers)
        EXPECT_FALSE(refusal(known).starts_with(unknown)) << known << ": " << refusal(known);
    EXPECT_TRUE(refusal("LSTM").starts_with(unknown));
}

TEST(BuildKerasModel, TakesTheFeaturesOfAGruFromItsKernelWhenNothingSaysThem) {
    io::detail::KerasFile file =
        file_of_layers(R"([{"class_name": "GRU", "config": {"name": "g", "units": 1, "use_bias": false}}])");
    const Sequential<double> model = io::detail::build_keras_model<double>(file);
    const auto& gru = std::get<Gru<double>>(model.layers()[0]);
    EXPECT_EQ(gru.features(), 3);
    EXPECT_EQ(gru.get_weights()[1], (RowMatrix<double>::Constant(1, 3, 0.25)));
}

TEST(FindGru, TakesANameWithOrWithoutTheModelsAroundIt) {
    const io::detail::KerasFile file = file_of_layers(R"([
        {"class_name": "Sequential", "config": {"name": "inner", "layers": [
            {"class_name": "Dense", "config": {"name": "d"}}, {"class_name": "GRU", "config": {"name": "g"}}]}},
        {"class_name": "CuDNNGRU", "config": {"name": "c"}}, {"class_name": "RNN", "config": {"name": "r"}}])");
    const auto found = [&](std::string_view name) { return io::detail::find_gru(file, name).name; };
    EXPECT_EQ(found(""), "inner/g");
    EXPECT_EQ(found("g"), "inner/g");
    EXPECT_EQ(found("inner/g"), "inner/g");
    EXPECT_EQ(found("c"), "c");
    EXPECT_EQ(found("r"), "r");
    EXPECT_EQ(format_error_of([&] { (void)found("d"); }),
              "f: expected the name of a GRU, one of \"inner/g\", \"c\", \"r\", received \"d\"");
}

}  // namespace

}  // namespace eigengru_test::keras_model_test
