// SPDX-License-Identifier: MIT
#include "eigengru/io/load_model.hpp"

#include "io/exchange.hpp"

namespace {

using namespace eigengru;
using namespace eigengru_test;

std::vector<std::string> same_files() {
    std::vector<std::string> names{"same.keras", "same.safetensors"};
#if defined(EIGENGRU_ONNX)
    names.push_back("same.onnx");
#endif
    return names;
}

TEST(LoadModel, GivesTheSameNumbersFromEveryFormat) {
    const GoldenCase recorded = exchange_case("same");
    for (const std::string& name : same_files()) {
        SCOPED_TRACE(name);
        Sequential<double> in_double = io::load_model<double>(exchange(name));
        expect_outputs(in_double, recorded, 1e-11);
        Sequential<float> in_float = io::load_model(exchange(name));
        expect_outputs(in_float, recorded, 1e-6);
    }
}

TEST(LoadModel, TakesWhatAStateDictDoesNotSay) {
    const Sequential<float> model =
        io::load_model(exchange("same.safetensors"), {.linear = {{"fc", "softmax"}}, .return_sequences = false});
    EXPECT_FALSE((std::get<Gru<float, true>>(model.layers()[0]).options().return_sequences));
    EXPECT_EQ(std::get<Dense<float>>(model.layers()[1]).options().activation, Activation("softmax"));
}

TEST(LoadAnyGru, TakesEveryFormat) {
    for (const std::string& name : same_files()) EXPECT_EQ(io::load_any_gru(exchange(name)).units(), 4) << name;
    EXPECT_EQ(io::load_gru(exchange("same.safetensors"), "gru").units(), 4);
}

TEST(LoadModel, NamesTheFunctionThatWasCalled) {
    const std::string text = format_error_of([] { (void)io::load_model("nowhere"); });
    EXPECT_EQ(text, "io::load_model: nowhere: the file does not exist");
    EXPECT_EQ(format_error_of([] { (void)io::load_gru("nowhere"); }), "io::load_gru: nowhere: the file does not exist");
}

#if defined(EIGENGRU_ONNX)
TEST(LoadGru, NamesTheOtherModeOfAnOnnxNode) {
    const std::string text = format_error_of([] { (void)io::load_gru(exchange("node_before.onnx")); });
    EXPECT_NE(text.find("has reset_after = false; use load_gru<float, false> or load_any_gru<float>"),
              std::string::npos)
        << text;
}
#else
TEST(LoadModel, SaysThatOnnxIsLeftOut) {
    const std::string text = format_error_of([] { (void)io::load_model(exchange("same.onnx")); });
    EXPECT_NE(text.find("it was built without eigengru::onnx"), std::string::npos) << text;
}
#endif

}  // namespace
