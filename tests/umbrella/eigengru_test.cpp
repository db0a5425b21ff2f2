// SPDX-License-Identifier: MIT
// The umbrella header alone, and each line of the interface as a user would write it. (Every way to write an argument
// is in layer/api_test.cpp.)
#include "eigengru/eigengru.hpp"

#include "support/instantiations.hpp"  // which includes the umbrella alone

#include <gtest/gtest.h>

namespace {

using namespace eigengru;

/// (2, 5, 8) numbers as they come from a file or a device.
std::vector<float> recorded() {
    std::vector<float> values(2 * 5 * 8);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 7) / 7.0f;
    return values;
}

TEST(Umbrella, MakesALayerAndCallsIt) {
    Gru<float> layer(8, {.units = 16, .dropout = 0.1, .return_sequences = true});
    const std::vector<float> values = recorded();
    Output<float> y = layer(SequenceView<const float>(values.data(), {2, 5, 8}));
    EXPECT_EQ(y.sequences.shape(), Shape3(2, 5, 16));
    EXPECT_NE(y.sequences.data(), nullptr);
    EXPECT_EQ(y.last.rows(), 2);
    EXPECT_EQ(y.state.cols(), 16);
}

TEST(Umbrella, CallsWithMaskAndInitialState) {
    Gru<float> layer(8, {.units = 16});
    const std::vector<float> values = recorded();
    const std::vector<unsigned char> bytes(10, 1);
    const RowMatrix<float> h0 = RowMatrix<float>::Zero(2, 16);
    const SequenceView<const float> inputs(values.data(), {2, 5, 8});
    CallOptions<float> call{
        .mask = MaskView(bytes, 2, 5), .lengths = {}, .initial_state = h0, .training = false, .dropout_masks = nullptr};
    EXPECT_EQ(layer(inputs, call).last, layer(inputs, {.mask = {bytes, 2, 5}, .initial_state = h0}).last);
}

TEST(Umbrella, SetsGetsAndUpdatesWeights) {
    Gru<float> layer(8, {.units = 16});
    const std::vector<RowMatrix<float>> weights = layer.get_weights();
    layer.set_weights({weights[0], weights[1], weights[2]});
    layer.update_parameters([](auto& p) { p.bias().setZero(); });
    EXPECT_EQ(layer.parameters().kernel(), weights[0]);
    EXPECT_EQ(layer.parameters().recurrent_kernel(), weights[1]);
    EXPECT_EQ(layer.parameters().bias().rows(), 2);
    EXPECT_EQ(layer.parameters().flat().size(), layer.count_params());
}

TEST(Umbrella, TakesItsDropoutMasksFromOutside) {
    Gru<float> layer(8, {.units = 16, .recurrent_dropout = 0.5});
    const std::vector<float> values = recorded();
    const RowMatrix<float> m = RowMatrix<float>::Ones(2, 8), mz = RowMatrix<float>::Ones(2, 16);
    DropoutMasks<float> masks{.input = {m}, .state = {mz, mz, mz}};
    CallOptions<float> call{.training = true, .dropout_masks = &masks};
    EXPECT_EQ(layer(SequenceView(values, {2, 5, 8}), call).last.rows(), 2);
}

TEST(Umbrella, ExplainsItsBackend) {
    Gru<float> layer(8, {.units = 16});
    const std::vector<float> values = recorded();
    BackendVerdict v = layer.explain_backend(SequenceView(values, {2, 5, 8}));
    EXPECT_EQ(v.rules.size(), 8U);
    EXPECT_FALSE(v.text().empty());
#if !defined(EIGENGRU_CUDNN)
    EXPECT_EQ(v.backend, Backend::eigen);
#endif
}

TEST(Umbrella, MakesActivations) {
    Activation a("relu"), b = Activation::relu({.negative_slope = 0.1});
    auto c = Activation::custom(
        "cubed", [](auto x) { return x * x * x; }, [](auto x, auto) { return 3 * x * x; });
    const GruOptions options{.units = 4, .activation = "relu", .recurrent_activation = c};
    EXPECT_EQ(options.activation, a);
    EXPECT_NE(options.activation, b);
    EXPECT_EQ((Gru<double>(8, options)(RowMatrix<double>::Ones(3, 8).eval()).last.cols()), 4);
}

TEST(Umbrella, MakesAModel) {
    Sequential<float> model({Masking<float>(), Gru<float>(8, {.units = 16}), Dense<float>(16, {.units = 1})});
    const std::vector<float> values = recorded();
    auto p = model.predict(SequenceView(values, {2, 5, 8}));
    EXPECT_EQ(p.shape(), Shape3(2, 1, 1));
}

TEST(Umbrella, HoldsALayerOfEitherMode) {
    AnyGru<float> any(GruConfig{.features = 8, .reset_after = false, .options = {.units = 4}});
    EXPECT_FALSE(any.reset_after());
}

TEST(Umbrella, StepsACell) {
    GruCell<float> cell(8, {.units = 16});
    const RowMatrix<float> x = RowMatrix<float>::Ones(2, 8);
    RowMatrix<float> h = RowMatrix<float>::Zero(2, 16);
    std::vector<float> scratch(cell.scratch_size(2));
    cell.step(x, h, h, scratch);
    EXPECT_GT(h.cwiseAbs().maxCoeff(), 0.0f);
}

}  // namespace
