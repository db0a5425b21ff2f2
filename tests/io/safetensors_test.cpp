// SPDX-License-Identifier: MIT
#include "eigengru/io/safetensors.hpp"

#include "io/exchange.hpp"

namespace {

using namespace eigengru;
using namespace eigengru_test;

io::TorchOptions options_of(const GoldenCase& recorded) {
    io::TorchOptions options;
    if (recorded.has_option("head")) options.linear = {{recorded.option("head"), "tanh"}};
    if (recorded.has_option("return_sequences")) options.return_sequences = recorded.flag("return_sequences");
    return options;
}

TEST(LoadSafetensorsModel, GivesPyTorchsOutputsForEveryFixture) {
    const std::vector<GoldenCase> cases = exchange_cases(".safetensors");
    EXPECT_GE(cases.size(), 9U);
    for (const GoldenCase& recorded : cases) {
        SCOPED_TRACE(recorded.name);
        const std::filesystem::path path = exchange(recorded.option("file"));
        Sequential<double> in_double = io::load_safetensors_model<double>(path, options_of(recorded));
        expect_outputs(in_double, recorded, 1e-11);
        Sequential<float> in_float = io::load_safetensors_model<float>(path, options_of(recorded));
        expect_outputs(in_float, recorded, 1e-6);
    }
}

TEST(LoadSafetensorsModel, NamesLayersByTheirTensors) {
    const Sequential<float> model = io::load_safetensors_model(exchange("three.safetensors"));
    ASSERT_EQ(model.layers().size(), 4U);
    EXPECT_EQ((std::get<Gru<float, true>>(model.layers()[1]).name()), "encoder.gru_l1");
    EXPECT_EQ(std::get<Dense<float>>(model.layers()[3]).name(), "encoder.fc");
}

TEST(LoadSafetensorsModel, CarriesStatesWhenStateful) {
    Sequential<double> whole = io::load_safetensors_model<double>(exchange("bare.safetensors"));
    Sequential<double> pieces = io::load_safetensors_model<double>(exchange("bare.safetensors"), {.stateful = true});
    Sequence<double> inputs({1, 4, 3});
    for (Index i = 0; i < inputs.size(); ++i) inputs.data()[i] = 0.1 * static_cast<double>(i);
    const Sequence<double> expected = whole.predict(inputs);
    for (Index t = 0; t < 4; ++t) {
        const Sequence<double> y = pieces.predict(SequenceView<const double>(inputs.data() + 3 * t, {1, 1, 3}));
        EXPECT_NEAR(y.data()[0], expected.data()[4 * t], 1e-14);
    }
}

TEST(LoadSafetensorsGru, TakesOneOfSeveralLayers) {
    AnyGru<double> gru = io::load_safetensors_gru<double>(exchange("same.safetensors"));
    EXPECT_TRUE(gru.reset_after());
    EXPECT_EQ(gru.features(), 3);
    EXPECT_EQ(gru.options().name, "gru");
    EXPECT_TRUE(gru.options().return_sequences);
}

TEST(LoadSafetensorsGru, TakesACell) {
    EXPECT_EQ(io::load_safetensors_gru(exchange("cell.safetensors")).units(), 4);
}

TEST(LoadSafetensorsGru, RefusesLayersAndDirections) {
    expect_refused("\"encoder.gru\" has 3 layers; a whole model",
                   [] { (void)io::load_safetensors_gru(exchange("three.safetensors")); });
    expect_refused("has 1 layer of both directions",
                   [] { (void)io::load_safetensors_gru(exchange("both_bare.safetensors")); });
}

template <class S>
void expect_same_model(Sequential<S>& a, Sequential<S>& b) {
    Sequence<S> inputs({2, 4, 3});
    for (Index i = 0; i < inputs.size(); ++i) inputs.data()[i] = static_cast<S>(i % 5);
    const Sequence<S> x = a.predict(inputs);
    const Sequence<S> y = b.predict(inputs);
    ASSERT_EQ(x.shape(), y.shape());
    for (Index i = 0; i < x.size(); ++i) EXPECT_EQ(x.data()[i], y.data()[i]);
}

TEST(SaveSafetensors, GivesEveryFixtureBack) {
    const ScratchFolder folder;
    for (const GoldenCase& recorded : exchange_cases(".safetensors")) {
        SCOPED_TRACE(recorded.name);
        Sequential<double> model =
            io::load_safetensors_model<double>(exchange(recorded.option("file")), options_of(recorded));
        io::save_safetensors(model, folder / "a.safetensors");
        Sequential<double> again = io::load_safetensors_model<double>(folder / "a.safetensors");
        expect_same_model(model, again);
    }
}

TEST(SaveSafetensors, KeepsLayersThatPyTorchKeepsInCode) {
    const ScratchFolder folder;
    Sequential<float> model({Masking<float>({.mask_value = 2.0}), Dropout<float>({.rate = 0.2}),
                             Gru<float>(3, {.units = 4, .name = "a"}), ActivationLayer<float>({.activation = "elu"}),
                             Dense<float>(4, {.units = 2, .activation = "softmax", .use_bias = false})});
    io::save_safetensors(model, folder / "a.safetensors");
    Sequential<float> again = io::load_safetensors_model<float>(folder / "a.safetensors");
    EXPECT_EQ(again.layers().size(), 5U);
    expect_same_model(model, again);
}

TEST(SaveSafetensors, KeepsEmbeddings) {
    const ScratchFolder folder;
    Sequential<double> model({Embedding<double>({.input_dim = 5, .output_dim = 3, .mask_zero = true}),
                              Bidirectional<double>(3, {.units = 2, .return_sequences = true})});
    io::save_safetensors(model, folder / "a.safetensors");
    Sequential<double> again = io::load_safetensors_model<double>(folder / "a.safetensors");
    Sequence<double> ids({1, 3, 1});
    ids.data()[1] = 4;
    EXPECT_EQ(model.predict(ids).matrix(), again.predict(ids).matrix());
}

TEST(SaveSafetensors, TakesOneGru) {
    const ScratchFolder folder;
    const Gru<double> gru(3, {.units = 4, .name = "encoder"});
    io::save_safetensors(gru, folder / "a.safetensors");
    const AnyGru<double> again = io::load_safetensors_gru<double>(folder / "a.safetensors");
    EXPECT_EQ(again.get_weights(), gru.get_weights());
    io::save_safetensors(AnyGru<double>(gru), folder / "b.safetensors");
    EXPECT_EQ(bytes_of(folder / "a.safetensors"), bytes_of(folder / "b.safetensors"));
}

TEST(SaveSafetensors, NumbersLayersOfOneName) {
    const ScratchFolder folder;
    Sequential<float> model({Gru<float>(3, {.units = 4, .return_sequences = true}),
                             Gru<float>(4, {.units = 3, .return_sequences = true}), Dense<float>(3, {.units = 3}),
                             Dense<float>(3, {.units = 2})});
    io::save_safetensors(model, folder / "a.safetensors");
    Sequential<float> again = io::load_safetensors_model<float>(folder / "a.safetensors");
    expect_same_model(model, again);
    EXPECT_EQ((std::get<Gru<float, true>>(again.layers()[1]).name()), "gru_1");
    EXPECT_EQ(std::get<Dense<float>>(again.layers()[3]).name(), "dense_1");
}

}  // namespace
