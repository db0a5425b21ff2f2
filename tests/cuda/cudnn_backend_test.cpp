// SPDX-License-Identifier: MIT
// The layer on cuDNN, through the fake: what it computes beside Eigen, when it takes which, and what it never forgets.
#include "eigengru/cuda/cudnn_backend.hpp"

#include "cuda/instantiations.hpp"
#include "support/cuda_fake.hpp"
#include "support/message_of.hpp"
#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace eigengru_test::cudnn_backend_test {
namespace {

using namespace eigengru;
using eigengru_test::CudaFake;
using eigengru_test::message_of;
using eigengru_test::random_sequence;

constexpr Index kBatch = 3, kTime = 5, kFeatures = 2, kUnits = 4;

template <class S>
S tolerance() {
    return std::same_as<S, float> ? S(5e-6) : S(1e-13);
}

template <class D, class E>
void expect_close(const Eigen::MatrixBase<D>& received, const Eigen::MatrixBase<E>& expected) {
    using S = typename D::Scalar;
    ASSERT_EQ(received.rows(), expected.rows());
    ASSERT_EQ(received.cols(), expected.cols());
    EXPECT_LE((received - expected).cwiseAbs().maxCoeff(), tolerance<S>() * (1 + expected.cwiseAbs().maxCoeff()));
}

/// A layer that demands cuDNN, with random weights.
template <class S>
Gru<S> layer_of(GruOptions options, CudnnMode mode = true) {
    options.units = kUnits;
    options.use_cudnn = mode;
    Gru<S> layer(kFeatures, options);
    layer.update_parameters([](auto& p) { p.flat().setRandom(); });
    return layer;
}

/// The same layer on Eigen.
template <class S>
Gru<S> on_eigen(const Gru<S>& layer) {
    GruOptions options = layer.options();
    options.use_cudnn = false;
    return {layer.features(), options, layer.get_weights()};
}

template <class S>
void expect_same(const Output<S>& received, const Output<S>& expected) {
    expect_close(received.last, expected.last);
    expect_close(received.state, expected.state);
    ASSERT_EQ(received.sequences.shape(), expected.sequences.shape());
    if (expected.sequences.size() > 0) expect_close(received.sequences.matrix(), expected.sequences.matrix());
}

template <class S>
void expect_same(const Gradients<S>& received, const Gradients<S>& expected) {
    expect_close(received.parameters.flat(), expected.parameters.flat());
    expect_close(received.inputs.matrix(), expected.inputs.matrix());
    expect_close(received.initial_state, expected.initial_state);
}

/// A test whose fake must find nothing wrong, and nothing left behind.
class Cudnn : public testing::Test {
protected:
    void TearDown() override {
        EXPECT_TRUE(fake.violations().empty()) << fake.violations().front();
        EXPECT_EQ(fake.alive(), "");
    }

    CudaFake fake;
    Sequence<float> inputs = random_sequence<float>({kBatch, kTime, kFeatures});
};

/// Forward, a recorded pass and its gradients, twice from a tape that is kept and once from one that is given away.
template <class S>
void compare(const GruOptions& options, const CallOptions<S>& call) {
    Gru<S> layer = layer_of<S>(options), other = on_eigen(layer);
    const Sequence<S> inputs = random_sequence<S>({kBatch, kTime, kFeatures});
    expect_same(layer(inputs, call), other(inputs, call));
    EXPECT_EQ(layer.last_backend(), Backend::cudnn);
    Tape<S> tape, other_tape;
    expect_same(layer.forward(inputs, call, tape), other.forward(inputs, call, other_tape));
    const Sequence<S> d_sequences = random_sequence<S>({kBatch, kTime, kUnits});
    const RowMatrix<S> d_last = RowMatrix<S>::Random(kBatch, kUnits), d_state = RowMatrix<S>::Random(kBatch, kUnits);
    OutputGradients<S> d{.last = d_last, .state = d_state};
    if (options.return_sequences) d.sequences = d_sequences;
    const Gradients<S> expected = other.backward(other_tape, d);
    const Gradients<S> first = layer.backward(tape, d);
    expect_same(first, expected);
    EXPECT_EQ(layer.backward(tape, d).parameters.flat(), first.parameters.flat());
    expect_same(layer.backward(std::move(tape), d), expected);
    EXPECT_TRUE(tape.empty());  // NOLINT: what a moved tape is, is documented
}

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

TEST_F(Cudnn, ActivityRegularizerReachesTheGradients) {
    for (const bool sequences : {false, true})
        compare<double>({.activity_regularizer = "l2", .return_sequences = sequences, .return_state = true},
                        {.lengths = {2, kTime, 4}});
    compare<double>({.activity_regularizer = "orthogonal_regularizer"}, {});
}

TEST_F(Cudnn, WeightRegularizersReachTheGradients) {
    compare<float>({.kernel_regularizer = "l2", .bias_regularizer = "l1"}, {});
}

TEST_F(Cudnn, LongSequencesGoInParts) {
    Gru<float> layer = layer_of<float>({.return_sequences = true});
    const Sequence<float> long_inputs = random_sequence<float>({1, 65537, kFeatures});
    expect_same(layer(long_inputs, {.lengths = {40000}}), on_eigen(layer)(long_inputs, {.lengths = {40000}}));
    expect_same(layer(long_inputs), on_eigen(layer)(long_inputs));
    EXPECT_EQ(layer.last_backend(), Backend::cudnn);
    EXPECT_EQ(fake.latest_forward().time, 32768);
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

TEST_F(Cudnn, StatefulLayerCarriesItsState) {
    Gru<float> layer = layer_of<float>({.stateful = true}), other = on_eigen(layer);
    for (int i = 0; i < 3; ++i) expect_same(layer(inputs), other(inputs));
    const RowMatrix<float> before = layer.state();
    fake.fail("cudnnRNNForward", CUDNN_STATUS_EXECUTION_FAILED);
    EXPECT_THROW(static_cast<void>(layer(inputs)), BackendError);
    fake.recover();
    EXPECT_EQ(layer.state(), before);
}

TEST_F(Cudnn, CopiesOfATapeShareItsRecordUntilOneIsWrittenAgain) {
    Gru<double> layer = layer_of<double>({}), other = on_eigen(layer);
    const Sequence<double> first = random_sequence<double>({kBatch, kTime, kFeatures}), second = first;
    const RowMatrix<double> d_last = RowMatrix<double>::Ones(kBatch, kUnits);
    Tape<double> tape, eigen_tape;
    static_cast<void>(layer.forward(first, {}, tape));
    static_cast<void>(other.forward(first, {}, eigen_tape));
    const Gradients<double> expected = other.backward(eigen_tape, {.last = d_last});
    Tape<double> copy = tape;
    static_cast<void>(layer.forward(random_sequence<double>({kBatch, kTime, kFeatures}), {}, tape));
    expect_same(layer.backward(copy, {.last = d_last}), expected);
    Tape<double> given_away = copy;
    expect_same(layer.backward(std::move(given_away), {.last = d_last}), expected);
    expect_same(layer.backward(copy, {.last = d_last}), expected);
    EXPECT_GT(copy.size(), kBatch * kTime * (kFeatures + kUnits));
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

TEST_F(Cudnn, TapeUsedUpByAFailedPassSaysSo) {
    Gru<float> layer = layer_of<float>({});
    const RowMatrix<float> d_last = RowMatrix<float>::Ones(kBatch, kUnits);
    Tape<float> tape;
    static_cast<void>(layer.forward(inputs, {}, tape));
    fake.fail("cudnnRNNBackwardWeights_v8", CUDNN_STATUS_EXECUTION_FAILED);
    EXPECT_THROW(static_cast<void>(layer.backward(std::move(tape), {.last = d_last})), BackendError);
    fake.recover();
    const std::string message = message_of<BackendError>(
        [&] { static_cast<void>(layer.backward(tape, {.last = d_last})); });  // NOLINT: it was not moved away
    EXPECT_NE(message.find("has used up this tape"), std::string::npos) << message;
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
