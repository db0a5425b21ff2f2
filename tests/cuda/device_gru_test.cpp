// SPDX-License-Identifier: MIT
// Data of the device in the caller's stream, through the fake.
#include "eigengru/cuda/device_gru.hpp"

#include "cuda/instantiations.hpp"
#include "cuda/on_device.hpp"
#include "support/cuda_fake.hpp"
#include "support/message_of.hpp"
#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace eigengru_test::device_gru_test {
namespace {

using namespace eigengru;
using eigengru::detail::cuda_functions;
using eigengru_test::CudaFake;
using eigengru_test::message_of;
using eigengru_test::OnDevice;

constexpr Index kBatch = 3, kTime = 4, kFeatures = 2, kUnits = 3;

/// A layer with random weights.
Gru<float> layer_of(GruOptions options) {
    options.units = kUnits;
    options.return_sequences = true;
    Gru<float> layer(kFeatures, options);
    layer.update_parameters([](auto& p) { p.flat().setRandom(); });
    return layer;
}

class OnDeviceGru : public testing::Test {
protected:
    void TearDown() override { EXPECT_TRUE(fake.violations().empty()) << fake.violations().front(); }

    /// One call of the layer on the device beside one on the host.
    void compare(const GruOptions& options, bool has_mask, bool has_initial_state) {
        Gru<float> layer = layer_of(options);
        DeviceGru<float> device(stream.get(), {.any_mask = true});
        const Sequence<float> inputs = eigengru_test::random_sequence<float>({kBatch, kTime, kFeatures});
        const RowMatrix<float> initial = RowMatrix<float>::Random(kBatch, kUnits);
        const std::vector<unsigned char> mask{1, 0, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1};
        const OnDevice<float> x(stream.get(), inputs.data(), inputs.size()), h(stream.get(), initial.data(), 9);
        const OnDevice<unsigned char> m(stream.get(), mask.data(), 12);
        const OnDevice<float> sequences(kBatch * kTime * kUnits), last(9), state(9);
        DeviceCall<float> call{.shape = inputs.shape(),
                               .inputs = x.view(),
                               .sequences = sequences.span(),
                               .last = last.span(),
                               .state = state.span()};
        CallOptions<float> host;
        if (has_mask) call.mask = m.view(), host.mask = MaskView(mask, kBatch, kTime);
        if (has_initial_state) call.initial_state = h.view(), host.initial_state = initial;
        device.prepare(layer.cell(), inputs.shape(), has_mask);
        device.call(layer.cell(), call);
        const Output<float> expected = layer(inputs, host);
        const auto expect_near = [&](const OnDevice<float>& received, const float* values, Index size) {
            const std::vector<float> got = received.fetch(stream.get());
            for (std::size_t i = 0; i < static_cast<std::size_t>(size); ++i) EXPECT_NEAR(got[i], values[i], 5e-6) << i;
        };
        expect_near(sequences, expected.sequences.data(), expected.sequences.size());
        expect_near(last, expected.last.data(), 9);
        expect_near(state, expected.state.data(), 9);
    }

    CudaFake fake;
    detail::CudaStream stream = detail::make_stream(cuda_functions());
    OnDevice<float> zeros{stream.get(), std::vector<float>(kBatch* kTime* kFeatures).data(), kBatch* kTime* kFeatures};
    OnDevice<float> result{kBatch * kUnits};
    DeviceCall<float> plain{.shape = {kBatch, kTime, kFeatures}, .inputs = zeros.view(), .last = result.span()};
};

TEST_F(OnDeviceGru, ComputesWhatTheLayerComputes) {
    for (const bool has_initial_state : {false, true}) {
        compare({}, false, has_initial_state);
        for (const bool zero : {false, true}) {
            compare({.go_backwards = true, .zero_output_for_mask = zero}, true, has_initial_state);
            compare({.zero_output_for_mask = zero}, true, has_initial_state);
        }
        compare({.go_backwards = true}, false, has_initial_state);
    }
}

TEST_F(OnDeviceGru, CarriesTheStateInPlace) {
    Gru<float> layer = layer_of({});
    DeviceGru<float> device(stream.get());
    RowMatrix<float> carried = RowMatrix<float>::Random(kBatch, kUnits);
    OnDevice<float> state(stream.get(), carried.data(), 9);
    const Sequence<float> inputs = eigengru_test::random_sequence<float>({kBatch, kTime, kFeatures});
    const OnDevice<float> x(stream.get(), inputs.data(), inputs.size());
    for (int i = 0; i < 2; ++i) {
        device.call(
            layer.cell(),
            {.shape = inputs.shape(), .inputs = x.view(), .initial_state = state.view(), .state = state.span()});
        carried = layer(inputs, {.initial_state = carried}).state;
        const std::vector<float> got = state.fetch(stream.get());
        for (std::size_t j = 0; j < got.size(); ++j) EXPECT_NEAR(got[j], carried.data()[j], 5e-6) << i << " " << j;
    }
}

TEST_F(OnDeviceGru, NeitherAllocatesNorWaitsAfterPrepare) {
    const Gru<float> layer = layer_of({});
    DeviceGru<float> device(stream.get());
    device.prepare(layer.cell(), plain.shape, false);
    fake.reset_counts();
    device.call(layer.cell(), plain);
    device.call(layer.cell(), plain);
    EXPECT_EQ(fake.allocations(), 0);
    EXPECT_EQ(fake.calls("cudaStreamSynchronize"), 0);
    EXPECT_EQ(fake.hidden_synchronisations(), 0);
    EXPECT_EQ(fake.calls("cudaMemcpyAsync"), 1);  // the weights, once
}

TEST_F(OnDeviceGru, WeightsOfAnotherCellOrVersionAreSent) {
    Gru<float> layer = layer_of({}), other = layer_of({});
    DeviceGru<float> device(stream.get());
    std::vector<std::vector<float>> states;
    for (const Gru<float>* which : {&layer, &other, &layer}) {
        device.call(which->cell(), plain);
        states.push_back(result.fetch(stream.get()));
    }
    EXPECT_NE(states[0], states[1]);
    EXPECT_EQ(states[0], states[2]);
    layer.update_parameters([](auto& p) { p.flat().setZero(); });
    device.call(layer.cell(), plain);
    EXPECT_EQ(result.fetch(stream.get()), std::vector<float>(kBatch * kUnits));
}

TEST_F(OnDeviceGru, MaskNeedsToBeAllowedSinceNobodyCanLookAtIt) {
    const Gru<float> layer = layer_of({});
    DeviceGru<float> device(stream.get());
    const std::string message = message_of<BackendError>([&] { device.prepare(layer.cell(), plain.shape, true); });
    EXPECT_NE(message.find("[failed] mask"), std::string::npos) << message;
}

TEST_F(OnDeviceGru, CaptureOfItsStreamIsRefused) {
    const Gru<float> layer = layer_of({});
    DeviceGru<float> device(stream.get());
    device.call(layer.cell(), plain);
    fake.set_capturing(stream.get(), cudaStreamCaptureStatusActive);
    fake.reset_counts();
    const std::string message = message_of<BackendError>([&] { device.call(layer.cell(), plain); });
    EXPECT_NE(message.find("[failed] eager execution"), std::string::npos) << message;
    EXPECT_EQ(fake.calls("cudnnRNNForward"), 0);
    fake.set_capturing(stream.get(), cudaStreamCaptureStatusNone);
}

TEST_F(OnDeviceGru, WrongSizesAreRefusedWithBoth) {
    const Gru<float> layer = layer_of({});
    DeviceGru<float> device(stream.get());
    DeviceCall<float> call = plain;
    call.inputs.size -= 1;
    const std::string message = message_of<ShapeError>([&] { device.call(layer.cell(), call); });
    EXPECT_EQ(message, "DeviceGru::call: inputs expected 24 elements, received 23");
    EXPECT_THROW(device.prepare(layer.cell(), {kBatch, 0, kFeatures}, false), ShapeError);
    EXPECT_THROW(device.prepare(layer.cell(), {kBatch, kTime, kFeatures + 1}, false), ShapeError);
}

TEST_F(OnDeviceGru, EveryFailedRuleIsListed) {
    const Gru<float> layer = layer_of({.activation = "relu", .use_cudnn = false});
    DeviceGru<float> device(stream.get());
    const std::string message = message_of<BackendError>([&] {
        device.prepare(layer.cell(), {1, 70000, kFeatures}, false);
    });
    for (const char* line :
         {"[failed] activation", "[failed] use_cudnn: is false", "[failed] sizes: time must be at most"})
        EXPECT_NE(message.find(line), std::string::npos) << line << " is not in " << message;
}

TEST(DeviceGruAlone, NamesTheComponentThatIsMissing) {
    const CudaFake fake({.has_kernels = false});
    const detail::CudaStream stream = detail::make_stream(cuda_functions());
    const Gru<float> layer = layer_of({.go_backwards = true});
    DeviceGru<float> device(stream.get());
    const std::string message = message_of<BackendError>([&] {
        device.prepare(layer.cell(), {1, 2, kFeatures}, false);
    });
    EXPECT_NE(message.find("need the component eigengru::cudnn_device"), std::string::npos) << message;
}

TEST(DeviceGruAlone, NeedsADevice) {
    const CudaFake fake({.devices = 0});
    const std::string message = message_of<BackendError>([] { const DeviceGru<float> device(nullptr); });
    EXPECT_NE(message.find("DeviceGru: device: there is none"), std::string::npos) << message;
}

}  // namespace
}  // namespace eigengru_test::device_gru_test
