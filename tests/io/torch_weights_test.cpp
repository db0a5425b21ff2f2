// SPDX-License-Identifier: MIT
#include "eigengru/io/torch_weights.hpp"

#include "support/scratch_files.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;
using namespace eigengru_test;
using namespace eigengru::io::detail;

/// A state dict of float32 zeros.
io::SafetensorsFile state_dict(const std::vector<std::pair<std::string, std::vector<int>>>& tensors) {
    io::Json header = io::Json::object();
    int at = 0;
    for (const auto& [name, shape] : tensors) {
        int bytes = 4;
        for (const int size : shape) bytes *= size;
        header[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {at, at + bytes}}};
        at += bytes;
    }
    const std::string text = header.dump();
    Bytes bytes(8, 0);
    bytes[0] = static_cast<unsigned char>(text.size() & 0xFFU);
    bytes[1] = static_cast<unsigned char>(text.size() >> 8U);
    bytes.insert(bytes.end(), text.begin(), text.end());
    bytes.resize(bytes.size() + static_cast<std::size_t>(at), 0);
    return {bytes, io::Where("f")};
}

TEST(TorchWeights, SwapTheFirstTwoGates) {
    RowMatrix<float> gates(1, 6);
    gates << 1, 2, 3, 4, 5, 6;
    RowMatrix<float> expected(1, 6);
    expected << 3, 4, 1, 2, 5, 6;
    EXPECT_EQ(gates_swapped(gates), expected);
    EXPECT_EQ(gates_swapped(gates_swapped(gates)), gates);
}

TEST(TorchWeights, KnowTheNamesOfPyTorch) {
    const auto name = torch_gru_name("encoder.gru.bias_ih_l10_reverse");
    ASSERT_TRUE(name.has_value());
    EXPECT_EQ(name->prefix, "encoder.gru.");
    EXPECT_EQ(name->weight, "bias_ih");
    EXPECT_EQ(name->suffix, "_l10_reverse");
    EXPECT_FALSE(torch_gru_name("fc.weight").has_value());
    EXPECT_FALSE(torch_gru_name("weight_ih_of_another_kind").has_value());
    EXPECT_EQ(torch_layer_of("encoder.gru_l12").prefix, "encoder.gru.");
    EXPECT_EQ(torch_layer_of("encoder.gru_l12").layer, 12);
    EXPECT_EQ(torch_layer_of("my_layer").prefix, "my_layer.");
}

TEST(TorchWeights, KnowAnLstmAndAnRnn) {
    const auto refusal = [](int rows) {
        const io::SafetensorsFile file = state_dict({{"weight_hh_l0", {rows, 2}}, {"weight_ih_l0", {rows, 3}}});
        return format_error_of([&] { (void)torch_units(file, torch_gru_of(file, ""), 0); });
    };
    EXPECT_EQ(refusal(8), "f: tensor \"weight_hh_l0\": has four gates, as an LSTM has: (8, 2)");
    EXPECT_EQ(refusal(2), "f: tensor \"weight_hh_l0\": has one gate, as a plain RNN has: (2, 2)");
    EXPECT_EQ(refusal(7), "f: tensor \"weight_hh_l0\": expected shape (3 units, units), received (7, 2)");
}

TEST(TorchWeights, ListEveryGru) {
    const io::SafetensorsFile file = state_dict({{"a.weight_hh_l0", {3, 1}},
                                                 {"a.weight_ih_l0", {3, 1}},
                                                 {"b.bias_hh_l0", {3}},
                                                 {"b.bias_ih_l0", {3}},
                                                 {"b.weight_hh_l0", {3, 1}},
                                                 {"b.weight_ih_l0", {3, 1}},
                                                 {"b.weight_ih_l1", {3, 1}}});
    const std::vector<TorchGru> grus = torch_grus(file);
    ASSERT_EQ(grus.size(), 2U);
    EXPECT_EQ(grus[0].name(), "a");
    EXPECT_FALSE(grus[0].has_bias);
    EXPECT_EQ(grus[1].layers, 2);
    EXPECT_TRUE(grus[1].has_bias);
    EXPECT_EQ(torch_gru_tensors(grus[0]), (std::set<std::string>{"a.weight_hh_l0", "a.weight_ih_l0"}));
}

TEST(TorchWeights, RefuseOneBiasWithoutTheOther) {
    const io::SafetensorsFile file =
        state_dict({{"bias_ih_l0", {3}}, {"weight_hh_l0", {3, 1}}, {"weight_ih_l0", {3, 1}}});
    const TorchGru gru = torch_gru_of(file, "");
    const std::string text = format_error_of([&] { (void)torch_gru_weights<float>(file, gru, 0, false, 1); });
    EXPECT_NE(text.find("the file has no tensor \"bias_hh_l0\""), std::string::npos) << text;
}

}  // namespace
