// SPDX-License-Identifier: MIT
// The layer on cuDNN, through the fake: what it computes beside Eigen, when it takes which, and what it never forgets.
#include "eigengru/cuda/cudnn_backend.hpp"

#include "cuda/cudnn_layer.hpp"
#include "support/message_of.hpp"
#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace eigengru_test::cudnn_backend_test {
namespace {

using namespace eigengru;
using namespace eigengru_test::cudnn_layer;
using eigengru_test::message_of;
using eigengru_test::random_sequence;

TEST_F(Cudnn, ComputesWhatEigenComputes) {
    const RowMatrix<float> initial = RowMatrix<float>::Random(kBatch, kUnits);
    const RowMatrix<double> initial_double = initial.cast<double>();
    for (const bool sequences : {false, true})
        for (const bool backwards : {false, true})
            for (const bool zero : {false, true}) {
                const GruOptions options{
                    .return_sequences = sequences, .go_backwards = backwards, .zero_output_for_mask = zero};
                compare<float>(options, {.lengths = {kTime, 1, 3}, .initial_state = initial});
                compare<float>(options, {});
                compare<double>(options, {.lengths = {kTime, 1, 3}, .initial_state = initial_double});
            }
}

TEST_F(Cudnn, AnyMaskComputesWhatEigenComputes) {
    const std::vector<unsigned char> mask{1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1};  // holes, an empty row, padding
    const RowMatrix<double> initial = RowMatrix<double>::Random(kBatch, kUnits);
    for (const bool backwards : {false, true})
        for (const bool zero : {false, true})
            compare<double>(
                {.return_sequences = true, .go_backwards = backwards, .zero_output_for_mask = zero},
                {.mask = MaskView(mask, kBatch, kTime), .initial_state = initial, .cudnn = {.any_mask = true}});
}

TEST_F(Cudnn, LongSequencesAreNotRecorded) {
    Gru<float> layer = layer_of<float>({}, "auto");
    Tape<float> tape;
    const Sequence<float> long_inputs({1, 65536, kFeatures});
    static_cast<void>(layer.forward(long_inputs, {.cudnn = {.least_work = 0}}, tape));
    EXPECT_EQ(layer.last_backend(), Backend::eigen);
    Gru<float> demanding = layer_of<float>({});
    const std::string message =
        message_of<BackendError>([&] { static_cast<void>(demanding.forward(long_inputs, {}, tape)); });
    EXPECT_NE(message.find("time must be at most 65535 for a pass that is recorded, is 65536"), std::string::npos)
        << message;
}

TEST_F(Cudnn, WeightsAreSentWhenTheyHaveChangedAndThenOnly) {
    Gru<float> layer = layer_of<float>({});
    static_cast<void>(layer(inputs));
    fake.reset_counts();
    static_cast<void>(layer(inputs));
    const long copies = fake.calls("cudaMemcpyAsync");
    layer.update_parameters([](auto& p) { p.flat().setRandom(); });
    fake.reset_counts();
    expect_same(layer(inputs), on_eigen(layer)(inputs));
    EXPECT_EQ(fake.calls("cudaMemcpyAsync"), copies + 1);
    EXPECT_EQ(fake.allocations(), 0);
}

TEST_F(Cudnn, WeightsAreNeverStale) {
    Gru<float> layer = layer_of<float>({}), other = layer_of<float>({});
    static_cast<void>(layer(inputs));
    static_cast<void>(other(inputs));
    layer = other;
    expect_same(layer(inputs), on_eigen(other)(inputs));
    layer = layer_of<float>({});
    expect_same(layer(inputs), on_eigen(layer)(inputs));
    std::swap(layer, other);
    expect_same(layer(inputs), on_eigen(layer)(inputs));
    expect_same(other(inputs), on_eigen(other)(inputs));
    layer.update_parameters([&](auto& p) {
        p.flat().setConstant(0.125F);
        expect_same(layer(inputs), on_eigen(layer)(inputs));
        p.flat().setConstant(0.5F);
        expect_same(layer(inputs), on_eigen(layer)(inputs));
    });
}

TEST_F(Cudnn, WeightsAreSentAgainAfterAFailure) {
    Gru<float> layer = layer_of<float>({});
    static_cast<void>(layer(inputs));
    layer.update_parameters([](auto& p) { p.flat().setRandom(); });
    fake.fail("cudaStreamSynchronize", cudaErrorUnknown);
    EXPECT_THROW(static_cast<void>(layer(inputs)), BackendError);
    fake.recover();
    expect_same(layer(inputs), on_eigen(layer)(inputs));
}

TEST_F(Cudnn, TapesGoFromOneBackendToTheOther) {
    Gru<float> layer = layer_of<float>({}, "auto");
    const RowMatrix<float> d_last = RowMatrix<float>::Ones(kBatch, kUnits);
    Tape<float> tape;
    std::vector<Gradients<float>> gradients;
    for (const double least_work : {0.0, 1e9, 0.0}) {
        static_cast<void>(layer.forward(inputs, {.cudnn = {.least_work = least_work}}, tape));
        EXPECT_EQ(layer.last_backend(), least_work > 0 ? Backend::eigen : Backend::cudnn);
        gradients.push_back(layer.backward(tape, {.last = d_last}));
    }
    expect_same(gradients[1], gradients[0]);
    expect_same(gradients[2], gradients[0]);
}

TEST_F(Cudnn, CellRefusesATapeOfTheDevice) {
    Gru<float> layer = layer_of<float>({.return_sequences = false});
    Tape<float> tape;
    static_cast<void>(layer.forward(random_sequence<float>({kBatch, 1, kFeatures}), {}, tape));
    const RowMatrix<float> d = RowMatrix<float>::Ones(kBatch, kUnits);
    EXPECT_THROW(static_cast<void>(layer.cell().backward(tape, d)), std::logic_error);
}

TEST_F(Cudnn, TapeWithCheckpointsIsForEigen) {
    Gru<float> layer = layer_of<float>({});
    Tape<float> tape(TapeOptions{.checkpoint_every = 2});
    const std::string message = message_of<BackendError>([&] { static_cast<void>(layer.forward(inputs, {}, tape)); });
    EXPECT_NE(message.find("[failed] tape: must be without checkpoints"), std::string::npos) << message;
}

TEST_F(Cudnn, NothingIsAllocatedAfterPrepare) {
    Gru<float> layer = layer_of<float>({.return_sequences = true});
    layer.prepare(kBatch, kTime);
    static_cast<void>(layer(inputs));  // weights are sent by the first call
    fake.reset_counts();
    static_cast<void>(layer(inputs));
    EXPECT_EQ(fake.allocations(), 0);
    EXPECT_EQ(fake.synchronisations(), 1);
}

TEST_F(Cudnn, EmptyBatchHasNothingToRun) {
    Gru<float> layer = layer_of<float>({});
    EXPECT_EQ(layer(Sequence<float>({0, kTime, kFeatures})).last.rows(), 0);
    EXPECT_EQ(fake.calls("cudnnRNNForward"), 0);
}

// Dispatch.

TEST_F(Cudnn, AutoStaysOnTheCpuBelowTheLeastWork) {
    Gru<float> layer = layer_of<float>({}, "auto");
    static_cast<void>(layer(inputs));
    EXPECT_EQ(layer.last_backend(), Backend::eigen);
    EXPECT_EQ(fake.calls(), 0);  // nobody is even asked
    const std::string text = layer.explain_backend(inputs).text();
    EXPECT_NE(
        text.find("[failed] work: for \"auto\" a time step must have 1000000 multiply-adds (least_work), has 216"),
        std::string::npos)
        << text;
    static_cast<void>(layer(inputs, {.cudnn = {.least_work = 216}}));
    EXPECT_EQ(layer.last_backend(), Backend::cudnn);
}

TEST_F(Cudnn, DemandedListsEveryFailedRuleAndCondition) {
    fake.options().devices = 0;
    fake.options().cudnn_version = 8907;
    Gru<float> layer = layer_of<float>({.activation = "relu", .unroll = true});
    const ScopedGraphTracing tracing;
    const std::string message = message_of<BackendError>([&] {
        static_cast<void>(layer(inputs, {.lengths = {2, 0, 5}}));
    });
    for (const char* line : {"[failed] activation: must be tanh, is relu", "[failed] unroll", "[failed] mask",
                             "[failed] eager execution", "[failed] device: there is none", "[failed] cuDNN"})
        EXPECT_NE(message.find(line), std::string::npos) << line << " is not in " << message;
    EXPECT_EQ(fake.calls("cudaMalloc"), 0);
}

TEST_F(Cudnn, DemandedIsRefusedWhenTheDeviceIsMissingForAMoment) {
    Gru<float> layer = layer_of<float>({});
    fake.fail("cudaGetDeviceCount", cudaErrorNoDevice);
    const std::string message = message_of<BackendError>([&] { static_cast<void>(layer(inputs)); });
    EXPECT_NE(message.find("did not hold a moment ago"), std::string::npos) << message;
    static_cast<void>(layer(inputs));
    EXPECT_EQ(layer.last_backend(), Backend::cudnn);
}

TEST_F(Cudnn, AutoFallsBackWithoutADevice) {
    fake.options().devices = 0;
    Gru<float> layer = layer_of<float>({}, "auto");
    expect_same(layer(inputs, {.cudnn = {.least_work = 0}}), on_eigen(layer)(inputs));
    EXPECT_EQ(layer.last_backend(), Backend::eigen);
}

TEST_F(Cudnn, OtherMasksThanKerassNeedAnyMask) {
    Gru<float> layer = layer_of<float>({});
    EXPECT_THROW(static_cast<void>(layer(inputs, {.lengths = {0, 1, 2}})), BackendError);
    static_cast<void>(layer(inputs, {.lengths = {0, 1, 2}, .cudnn = {.any_mask = true}}));
    EXPECT_EQ(layer.last_backend(), Backend::cudnn);
}

TEST_F(Cudnn, ExplicitDropoutMasksAreDropout) {
    Gru<float> layer = layer_of<float>({});
    const DropoutMasks<float> masks{.input = {RowMatrix<float>::Ones(kBatch, kFeatures)}};
    EXPECT_THROW(static_cast<void>(layer(inputs, {.training = true, .dropout_masks = &masks})), BackendError);
    static_cast<void>(layer(inputs, {.training = false, .dropout_masks = &masks}));
    EXPECT_EQ(layer.last_backend(), Backend::cudnn);
}

TEST_F(Cudnn, CaptureOfAnyStreamIsNotEager) {
    Gru<float> layer = layer_of<float>({}, "auto");
    fake.set_capturing(nullptr, cudaStreamCaptureStatusActive);
    static_cast<void>(layer(inputs, {.cudnn = {.least_work = 0}}));
    EXPECT_EQ(layer.last_backend(), Backend::eigen);
    EXPECT_EQ(fake.calls("cudnnCreate"), 0);
    fake.set_capturing(nullptr, cudaStreamCaptureStatusNone);
    static_cast<void>(layer(inputs, {.cudnn = {.least_work = 0}}));
    EXPECT_EQ(layer.last_backend(), Backend::cudnn);
}

TEST_F(Cudnn, GradientsAreNotMadeUnderCapture) {
    Gru<float> layer = layer_of<float>({});
    const RowMatrix<float> d_last = RowMatrix<float>::Ones(kBatch, kUnits);
    Tape<float> tape;
    static_cast<void>(layer.forward(inputs, {}, tape));
    const ScopedGraphTracing tracing;
    EXPECT_THROW(static_cast<void>(layer.backward(tape, {.last = d_last})), BackendError);
}

TEST_F(Cudnn, WhatItDoesNotSupportRunsOnEigenAndIsRemembered) {
    Gru<float> layer = layer_of<float>({}, "auto");
    const CallOptions<float> call{.cudnn = {.least_work = 0, .algorithm = CudnnAlgorithm::standard}};
    fake.fail("cudnnGetRNNTempSpaceSizes", CUDNN_STATUS_NOT_SUPPORTED);
    expect_same(layer(inputs, call), on_eigen(layer)(inputs));
    EXPECT_EQ(layer.last_backend(), Backend::eigen);
    fake.recover();
    const std::string text = layer.explain_backend(inputs, call).text();
    EXPECT_NE(text.find("[failed] plan: cuDNN does not support it: cudnnGetRNNTempSpaceSizes failed with"),
              std::string::npos)
        << text;
}

TEST_F(Cudnn, WhatItDoesNotSupportIsRefusedWhenDemanded) {
    Gru<float> layer = layer_of<float>({});
    fake.fail("cudnnRNNForward", CUDNN_STATUS_NOT_SUPPORTED);
    const std::string message = message_of<BackendError>(
        [&] { static_cast<void>(layer(inputs, {.cudnn = {.algorithm = CudnnAlgorithm::standard}})); });
    EXPECT_NE(message.find("[failed] plan: cuDNN does not support it: cudnnRNNForward failed with"), std::string::npos)
        << message;
    EXPECT_NE(message.find("[passed] activation"), std::string::npos) << message;
}

TEST_F(Cudnn, DriverItDoesNotSupportIsNoFailure) {
    Gru<float> layer = layer_of<float>({}, "auto");
    fake.fail("cudnnCreate", CUDNN_STATUS_NOT_SUPPORTED_INCOMPATIBLE_CUDA_DRIVER);
    static_cast<void>(layer(inputs, {.cudnn = {.least_work = 0}}));
    EXPECT_EQ(layer.last_backend(), Backend::eigen);
    const std::string text = layer.explain_backend(inputs, {.cudnn = {.least_work = 0}}).text();
    EXPECT_NE(text.find("[failed] plan: cuDNN does not support it: cudnnCreate failed with"), std::string::npos)
        << text;
}

TEST_F(Cudnn, FailureIsNeverHiddenByEigen) {
    Gru<float> layer = layer_of<float>({}, "auto");
    const CallOptions<float> call{.cudnn = {.least_work = 0}};
    static_cast<void>(layer(inputs, call));
    fake.fail("cudnnRNNForward", CUDNN_STATUS_EXECUTION_FAILED);
    const std::string message = message_of<BackendError>([&] { static_cast<void>(layer(inputs, call)); });
    EXPECT_NE(message.find("cudnnRNNForward failed with CUDNN_STATUS_EXECUTION_FAILED: "), std::string::npos)
        << message;
    fake.recover();
    expect_same(layer(inputs, call), on_eigen(layer)(inputs));
    EXPECT_EQ(layer.last_backend(), Backend::cudnn);
}

TEST_F(Cudnn, FloatMeansFloatUnlessTf32IsAllowed) {
    Gru<float> layer = layer_of<float>({});
    static_cast<void>(layer(inputs));
    EXPECT_EQ(fake.latest_forward().math, CUDNN_FMA_MATH);
    static_cast<void>(layer(inputs, {.cudnn = {.allow_tf32 = true}}));
    EXPECT_EQ(fake.latest_forward().math, CUDNN_DEFAULT_MATH);
}

}  // namespace
}  // namespace eigengru_test::cudnn_backend_test
