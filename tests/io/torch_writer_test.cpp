// SPDX-License-Identifier: MIT
#include "eigengru/io/torch_writer.hpp"

#include "eigengru/io/safetensors.hpp"
#include "io/exchange.hpp"
#include "io/io_support.hpp"

#include <gtest/gtest.h>

namespace eigengru_test::torch_writer_test {

namespace {

using namespace eigengru;

TEST(SaveSafetensors, SaysWhyPyTorchHasNoSuchLayer) {
    const ScratchFolder folder;
    const auto save = [&](const auto& layer) {
        return [&folder, layer] { io::save_safetensors(layer, folder / "a"); };
    };
    expect_refused("layer \"gru\": reset_after expected true, received false: torch.nn.GRU resets after the product",
                   save(Gru<float, false>(3, {.units = 4})));
    expect_refused("expected the activations tanh and sigmoid, which torch.nn.GRU has, received relu",
                   save(Gru<float>(3, {.units = 4, .activation = "relu"})));
    expect_refused("go_backwards expected false", save(Gru<float>(3, {.units = 4, .go_backwards = true})));
    expect_refused("merge expected concat, received sum: torch.nn.GRU knows no other",
                   save(Sequential<float>({Bidirectional<float>(3, {.units = 4}, {.merge = Merge::sum})})));
    expect_refused("layer \"layer_normalization\": expected a GRU",
                   save(Sequential<float>({LayerNormalization<float>(3, {})})));
    expect_refused("activation expected one with the parameters of its name",
                   save(Sequential<float>({ActivationLayer<float>({Activation::elu({.alpha = 2.0})})})));
    EXPECT_FALSE(std::filesystem::exists(folder / "a"));
}

TEST(SaveSafetensors, RefusesTwoLayersOfTheSameTensors) {
    const ScratchFolder folder;
    const Sequential<float> model({Gru<float>(3, {.units = 3, .return_sequences = true, .name = "gru"}),
                                   Gru<float>(3, {.units = 3, .name = "gru_l0"})});
    expect_refused("expected layers of different names, received two tensors \"gru.weight_ih_l0\"",
                   [&] { io::save_safetensors(model, folder / "a"); });
}

/// The file that a writer of these layers makes.
template <class... Layers>
io::SafetensorsFile written(const Layers&... layers) {
    const ScratchFolder folder;
    io::detail::TorchWriter<float> writer(io::Where("f"));
    (writer.add(layers), ...);
    writer.write(folder / "x");
    return {bytes_of(folder / "x"), io::Where("f")};
}

template <class Layer>
std::string writer_refusal(const Layer& layer) {
    return format_error_of([&] { (void)written(layer); });
}

TEST(TorchWriter, HasTheLayoutOfPyTorch) {
    Gru<float> gru(1, {.units = 1, .name = "enc.gru"});
    RowMatrix<float> kernel(1, 3), recurrent(1, 3), bias(2, 3);
    kernel << 1, 2, 3;  // z, r, h
    recurrent << 4, 5, 6;
    bias << 7, 8, 9, 10, 11, 12;
    gru.set_weights(std::vector<RowMatrix<float>>{kernel, recurrent, bias});
    const io::SafetensorsFile file = written(gru);
    EXPECT_EQ(file.names(), (std::vector<std::string>{"enc.gru.bias_hh_l0", "enc.gru.bias_ih_l0",
                                                      "enc.gru.weight_hh_l0", "enc.gru.weight_ih_l0"}));
    const auto read = [&](const std::string& name, const std::vector<Index>& shape) {
        const RowMatrix<float> values = file.read<float>("enc.gru." + name, shape);
        return std::vector<float>(values.data(), values.data() + values.size());
    };
    EXPECT_EQ(read("weight_ih_l0", {3, 1}), (std::vector<float>{2, 1, 3}));  // r, z, n
    EXPECT_EQ(read("weight_hh_l0", {3, 1}), (std::vector<float>{5, 4, 6}));
    EXPECT_EQ(read("bias_ih_l0", {3}), (std::vector<float>{8, 7, 9}));
    EXPECT_EQ(read("bias_hh_l0", {3}), (std::vector<float>{11, 10, 12}));
}

TEST(TorchWriter, NumbersTheLayersAndDirectionsOfAGruByName) {
    const Bidirectional<float> both(4, {.units = 2, .use_bias = false, .return_sequences = true}, {.name = "gru_l1"});
    const io::SafetensorsFile file = written(both);
    EXPECT_EQ(file.names(), (std::vector<std::string>{"gru.weight_hh_l1", "gru.weight_hh_l1_reverse",
                                                      "gru.weight_ih_l1", "gru.weight_ih_l1_reverse"}));
    EXPECT_EQ(file.tensor("gru.weight_ih_l1_reverse").shape, (std::vector<std::uint64_t>{6, 4}));
}

TEST(TorchWriter, ListsWhatPyTorchKeepsInCode) {
    const io::SafetensorsFile file = written(
        Embedding<float>({.input_dim = 5, .output_dim = 3, .mask_zero = true}), Masking<float>({.mask_value = -2.0}),
        Gru<float>(3, {.units = 2, .return_sequences = true, .stateful = true}), Dropout<float>({.rate = 0.25}),
        Dense<float>(2, {.units = 1, .activation = "relu", .use_bias = false}),
        ActivationLayer<float>({.activation = "softmax"}));
    EXPECT_EQ(file.metadata().at("format"), "pt");
    EXPECT_EQ(parsed(file.metadata().at("eigengru")), parsed(R"([
        {"class": "Embedding", "name": "embedding", "mask_zero": true},
        {"class": "Masking", "name": "masking", "mask_value": -2.0},
        {"class": "GRU", "name": "gru", "return_sequences": true, "stateful": true, "zero_output_for_mask": false},
        {"class": "Dropout", "name": "dropout", "rate": 0.25},
        {"class": "Dense", "name": "dense", "activation": "relu"},
        {"class": "Activation", "name": "activation", "activation": "softmax"}])"));
    EXPECT_EQ(file.tensor("embedding.weight").shape, (std::vector<std::uint64_t>{5, 3}));
    EXPECT_EQ(file.tensor("dense.weight").shape, (std::vector<std::uint64_t>{1, 2}));
    EXPECT_FALSE(file.has("dense.bias"));
}

TEST(TorchWriter, RefusesDirectionsThatPyTorchDoesNotHave) {
    const auto refusal = [](const GruOptions& forward, const GruOptions& backward) {
        return writer_refusal(Bidirectional<float>(3, forward, {.backward = backward}));
    };
    const GruOptions plain{.units = 2};
    const GruOptions back{.units = 2, .go_backwards = true};
    EXPECT_EQ(refusal(plain, back), "no FormatError was thrown");
    const std::string other =
        "f: layer \"bidirectional\": expected two directions of the same units and use_bias, "
        "forward first, as torch.nn.GRU has";
    EXPECT_EQ(refusal(plain, {.units = 3, .go_backwards = true}), other);
    EXPECT_EQ(refusal(plain, {.units = 2, .use_bias = false, .go_backwards = true}), other);
    EXPECT_EQ(refusal(back, plain), other);
    EXPECT_EQ(refusal(plain, {.units = 2, .recurrent_activation = "relu", .go_backwards = true}),
              "f: layer \"bidirectional\": expected the activations tanh and sigmoid, which torch.nn.GRU has, "
              "received tanh and relu");
    expect_contains(writer_refusal(Bidirectional<float, false>(3, plain)),
                    "f: layer \"bidirectional\": reset_after expected true, received false");
}

TEST(TorchWriter, NamesTheLayerOfAnActivationWithParameters) {
    EXPECT_EQ(writer_refusal(Dense<float>(
                  2, {.units = 1, .activation = Activation::leaky_relu({.negative_slope = 0.5}), .name = "head"})),
              "f: layer \"head\": activation expected one with the parameters of its name, received " +
                  Activation::leaky_relu({.negative_slope = 0.5}).to_string());
    expect_contains(writer_refusal(BatchNormalization<float>(2, {})),
                    "f: layer \"batch_normalization\": expected a GRU, Bidirectional, Dense, Embedding, Masking, ");
}

}  // namespace

}  // namespace eigengru_test::torch_writer_test
