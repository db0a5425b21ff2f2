// SPDX-License-Identifier: MIT
#include "eigengru/io/torch_model.hpp"

#include "eigengru/io/safetensors.hpp"
#include "io/exchange.hpp"
#include "io/io_support.hpp"

#include <gtest/gtest.h>

namespace eigengru_test::torch_model_test {

namespace {

using namespace eigengru;

/// A state dict with the tensors of a GRU called g, a matrix besides, and a list of layers.
std::filesystem::path state_dict(const ScratchFolder& folder, const std::string& matrix, const std::string& list) {
    io::detail::SafetensorsWriter<float> file(io::Where("f"));
    file.add("g.weight_ih_l0", RowMatrix<float>::Ones(6, 3));
    file.add("g.weight_hh_l0", RowMatrix<float>::Ones(6, 2));
    if (!matrix.empty()) file.add(matrix + ".weight", RowMatrix<float>::Ones(4, 2));
    if (!list.empty()) file.set_metadata("eigengru", list);
    file.write(folder / "a.safetensors");
    return folder / "a.safetensors";
}

TEST(LoadSafetensorsModel, TakesTheOnlyLinearAsTheHead) {
    const GoldenCase recorded = exchange_case("same");
    Sequential<double> model = io::load_safetensors_model<double>(exchange("same.safetensors"));
    EXPECT_EQ(model.layers().size(), 2U);
    expect_outputs(model, recorded, 1e-11);
}

TEST(LoadSafetensorsModel, RefusesAnotherGruThanThoseThereAre) {
    expect_refused("expected the name of a GRU, one of \"encoder.gru\", received \"decoder\"",
                   [] { (void)io::load_safetensors_model(exchange("both.safetensors"), {.gru = "decoder"}); });
}

TEST(LoadSafetensorsModel, RefusesALinearThatDoesNotFit) {
    expect_refused("tensor \"gru.weight_ih_l0.weight\"", [] {
        (void)io::load_safetensors_model(exchange("same.safetensors"), {.linear = {{"gru.weight_ih_l0"}}});
    });
}

TEST(LoadSafetensorsModel, TakesNoMatrixWithoutABiasAsTheHead) {
    const ScratchFolder folder;
    const std::filesystem::path path = state_dict(folder, "embedding", "");
    expect_refused("received \"embedding.weight\" of shape (4, 2)", [&] { (void)io::load_safetensors_model(path); });
    EXPECT_EQ(io::load_safetensors_model(path, {.linear = {{"embedding"}}}).layers().size(), 2U);
}

TEST(LoadSafetensorsModel, RefusesALayerWhoseWeightsAnotherHas) {
    const ScratchFolder folder;
    const std::string gru = R"({"class": "GRU", "name": "g"})";
    const std::string dense = R"({"class": "Dense", "name": "d", "activation": "linear"})";
    const auto load = [&](const std::string& matrix, const std::string& list) {
        return [&folder, matrix, list] { (void)io::load_safetensors_model(state_dict(folder, matrix, list)); };
    };
    EXPECT_NO_THROW(load("d", "[" + gru + "," + dense + "]")());
    expect_refused("layer 1: expected weights of its own, \"g.weight_hh_l0\" is used twice",
                   load("", "[" + gru + "," + gru + "]"));
    expect_refused("layer 2: expected weights of its own, \"d.bias\" is used twice",
                   load("d", "[" + gru + "," + dense + "," + dense + "]"));
}

TEST(LoadSafetensorsModel, RefusesAListOfMoreLayersThanAnyModelHas) {
    const ScratchFolder folder;
    std::string list = "[0";
    for (int i = 0; i < 1000; ++i) list += ",0";
    expect_refused("expected at most 1000 layers, received 1001",
                   [&] { (void)io::load_safetensors_model(state_dict(folder, "", list + "]")); });
}

/// A file with these tensors, all zeros.
io::SafetensorsFile zeros(const std::vector<std::pair<std::string, std::vector<Index>>>& tensors) {
    const ScratchFolder folder;
    io::detail::SafetensorsWriter<float> file(io::Where("f"));
    for (const auto& [name, shape] : tensors)
        file.add(name, RowMatrix<float>::Zero(shape.size() == 1 ? 1 : shape.front(), shape.back()), shape.size() == 1);
    file.write(folder / "x");
    return {bytes_of(folder / "x"), io::Where("f")};
}

TEST(ChooseTorchGru, TakesTheOnlyOneOrThatOfTheName) {
    const io::SafetensorsFile one = zeros({{"weight_ih_l0", {6, 3}}, {"weight_hh_l0", {6, 2}}});
    EXPECT_EQ(io::detail::choose_torch_gru(one, "").prefix, "");
    EXPECT_EQ(io::detail::choose_torch_gru(one, "gru").layers, 1);
    const io::SafetensorsFile two = zeros(
        {{"a.weight_ih_l0", {6, 3}}, {"a.weight_hh_l0", {6, 2}}, {"b.weight_ih", {6, 3}}, {"b.weight_hh", {6, 2}}});
    EXPECT_EQ(io::detail::choose_torch_gru(two, "b").prefix, "b.");
    EXPECT_EQ(io::detail::choose_torch_gru(two, "b.").prefix, "b.");
    EXPECT_EQ(format_error_of([&] { (void)io::detail::choose_torch_gru(two, ""); }),
              "f: expected the name of a GRU, one of \"a\", \"b\", received none");
    const io::SafetensorsFile none = zeros({{"fc.weight", {2, 3}}});
    EXPECT_EQ(format_error_of([&] { (void)io::detail::choose_torch_gru(none, ""); }),
              "f: expected the tensors of a GRU (weight_ih_l0 and so on), the file has \"fc.weight\"");
}

TEST(ChooseTorchLinears, AsksForTheOrderOfSeveral) {
    const io::SafetensorsFile file =
        zeros({{"a.weight", {2, 3}}, {"a.bias", {2}}, {"b.weight", {2, 2}}, {"b.bias", {2}}, {"c.weight", {2, 2}}});
    EXPECT_EQ(io::detail::torch_linears(file), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(format_error_of([&] { (void)io::detail::choose_torch_linears(file, {}); }),
              "f: expected TorchOptions::linear to name the layers behind the GRU in their order, of \"a\", \"b\"");
    const std::vector<io::TorchLinear> chosen =
        io::detail::choose_torch_linears(file, {.linear = {{"b"}, {"a", "relu"}}});
    ASSERT_EQ(chosen.size(), 2U);
    EXPECT_EQ(chosen[1].activation, Activation("relu"));
    EXPECT_TRUE(io::detail::choose_torch_linears(zeros({{"x.weight", {2}}, {"x.bias", {2}}}), {}).empty());
}

TEST(LoadSafetensorsModel, NamesATensorThatTheModelDoesNotUse) {
    const ScratchFolder folder;
    const std::filesystem::path path = state_dict(folder, "other", "");
    EXPECT_EQ(format_error_of([&] { (void)io::load_safetensors_model(path); }),
              "io::load_safetensors_model: " + path.string() +
                  ": expected the tensors of one GRU and the Linear layers behind it, received \"other.weight\" of "
                  "shape (4, 2); load_safetensors_gru loads the GRU alone");
    EXPECT_EQ(io::load_safetensors_gru(path).units(), 2);
}

/// What is said of a list of layers in the metadata of that state dict.
std::string list_refusal(const std::string& list, const std::string& matrix = "") {
    const ScratchFolder folder;
    const std::string begin = "io::load_safetensors_model: " + (folder / "a.safetensors").string() + ": ";
    const std::string text =
        format_error_of([&] { (void)io::load_safetensors_model(state_dict(folder, matrix, list)); });
    return text.starts_with(begin) ? text.substr(begin.size()) : text;
}

TEST(TorchModelBuilder, RefusesListsThatAreNone) {
    const std::string where = "metadata \"eigengru\": ";
    EXPECT_EQ(list_refusal("{"), where + "is not valid JSON");
    EXPECT_EQ(list_refusal("{}"), where + "expected a list of layers, received an object");
    EXPECT_EQ(list_refusal("[3]"), where + "layer 0: expected an object, received 3");
    EXPECT_EQ(list_refusal(R"([{"name": "g"}])"), where + "layer 0: class expected a string, received none");
    EXPECT_EQ(list_refusal(R"([{"class": "LSTM", "name": "g"}])"), where + "layer 0: has the unknown class \"LSTM\"");
    EXPECT_EQ(list_refusal(R"([{"class": "Dropout", "name": "d", "rate": 2}])"),
              where + "layer 0: Dropout: rate expected a rate in [0, 1], received 2");
    expect_contains(list_refusal(R"([{"class": "Activation", "name": "a", "activation": "foo"}])"),
                    where + "layer 0: Activation: expected one of \"linear\"");
    expect_contains(list_refusal(R"([{"class": "GRU", "name": "other"}])"),
                    "the file has no tensor \"other.weight_ih_l0\"");
    expect_contains(list_refusal(R"([{"class": "GRU", "name": "g"}])", "d"), "received \"d.weight\" of shape (4, 2)");
}

TEST(TorchModelBuilder, MakesTheLayersOfTheList) {
    const ScratchFolder folder;
    const Sequential<double> model = io::load_safetensors_model<double>(state_dict(folder, "d", R"([
        {"class": "Masking", "name": "m", "mask_value": -1.5},
        {"class": "GRU", "name": "g", "return_sequences": true, "stateful": true, "zero_output_for_mask": true},
        {"class": "Dropout", "name": "o", "rate": 0.25},
        {"class": "Dense", "name": "d", "activation": "softmax"},
        {"class": "Activation", "name": "a", "activation": "elu"}])"));
    ASSERT_EQ(model.layers().size(), 5U);
    EXPECT_EQ(std::get<Masking<double>>(model.layers()[0]).options().mask_value, -1.5);
    const GruOptions& gru = std::get<Gru<double>>(model.layers()[1]).options();
    EXPECT_EQ(gru, (GruOptions{.units = 2,
                               .use_bias = false,
                               .return_sequences = true,
                               .stateful = true,
                               .zero_output_for_mask = true,
                               .name = "g"}));
    EXPECT_EQ(std::get<Dropout<double>>(model.layers()[2]).options().rate, 0.25);
    EXPECT_EQ(std::get<Dense<double>>(model.layers()[3]).options().activation, Activation("softmax"));
    EXPECT_EQ(std::get<ActivationLayer<double>>(model.layers()[4]).options().activation, Activation("elu"));
}

TEST(TorchModelBuilder, TakesAMatrixOfEmbeddings) {
    const ScratchFolder folder;
    const std::string gru = R"({"class": "GRU", "name": "g"})";
    const std::string list = R"([{"class": "Embedding", "name": "e", "mask_zero": true}])";
    const Sequential<float> model = io::load_safetensors_model([&] {
        io::detail::SafetensorsWriter<float> file(io::Where("f"));
        file.add("e.weight", RowMatrix<float>::Ones(5, 2));
        file.set_metadata("eigengru", list);
        file.write(folder / "e");
        return folder / "e";
    }());
    const EmbeddingOptions& options = std::get<Embedding<float>>(model.layers()[0]).options();
    EXPECT_EQ(options.input_dim, 5);
    EXPECT_EQ(options.output_dim, 2);
    EXPECT_TRUE(options.mask_zero);
    expect_contains(list_refusal("[" + gru + R"(, {"class": "Embedding", "name": "g"}])"), "no tensor \"g.weight\"");
}

}  // namespace

}  // namespace eigengru_test::torch_model_test
