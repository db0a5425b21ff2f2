// SPDX-License-Identifier: MIT
// The backward pass over a record, through the fake.
#include "eigengru/cuda/cudnn_backward.hpp"

#include "cuda/cudnn_layer.hpp"
#include "cuda/watched_copies.hpp"
#include "support/message_of.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace eigengru_test::cudnn_backward_test {
namespace {

using namespace eigengru;
using namespace eigengru_test::cudnn_layer;
using eigengru_test::message_of;

TEST_F(Cudnn, ActivityRegularizerReachesTheGradients) {
    for (const bool sequences : {false, true})
        compare<double>({.activity_regularizer = "l2", .return_sequences = sequences, .return_state = true},
                        {.lengths = {2, kTime, 4}});
    compare<double>({.activity_regularizer = "orthogonal_regularizer"}, {});
}

TEST_F(Cudnn, WeightRegularizersReachTheGradients) {
    compare<float>({.kernel_regularizer = "l2", .bias_regularizer = "l1"}, {});
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

TEST_F(Cudnn, OnlyATapeThatIsKeptCostsACopyOfTheReserve) {
    WatchedCopies copies;
    Gru<float> layer = layer_of<float>({});
    const RowMatrix<float> d_last = RowMatrix<float>::Ones(kBatch, kUnits);
    Tape<float> tape;
    static_cast<void>(layer.forward(inputs, {}, tape));
    copies.clear();
    const Gradients<float> kept = layer.backward(tape, {.last = d_last});
    EXPECT_EQ(copies.bytes(cudaMemcpyDeviceToDevice).size(), 1U);
    copies.clear();
    const Gradients<float> given_away = layer.backward(std::move(tape), {.last = d_last});
    EXPECT_EQ(copies.bytes(cudaMemcpyDeviceToDevice).size(), 0U);
    EXPECT_EQ(given_away.parameters.flat(), kept.parameters.flat());
}

TEST_F(Cudnn, WhatABackwardPassSuddenlyRefusesIsAFailureThatLeavesTheTape) {
    Gru<float> layer = layer_of<float>({}), other = on_eigen(layer);
    const RowMatrix<float> d_last = RowMatrix<float>::Ones(kBatch, kUnits);
    Tape<float> tape, eigen_tape;
    static_cast<void>(layer.forward(inputs, {}, tape));
    static_cast<void>(other.forward(inputs, {}, eigen_tape));
    for (const std::string function : {"cudnnRNNBackwardData_v8", "cudnnRNNBackwardWeights_v8"}) {
        fake.fail(function, CUDNN_STATUS_NOT_SUPPORTED);
        EXPECT_EQ(message_of<BackendError>([&] {
                      static_cast<void>(layer.backward(tape, {.last = d_last}));
                  }).find("cuDNN backend: " + function + " failed with CUDNN_STATUS_NOT_SUPPORTED: "),
                  0U);
    }
    expect_same(layer.backward(tape, {.last = d_last}), other.backward(eigen_tape, {.last = d_last}));
}

TEST_F(Cudnn, GradientOfAStateThatNoStepUsedPassesThroughAlone) {
    Gru<double> layer = layer_of<double>({});
    const RowMatrix<double> d_state = RowMatrix<double>::Random(kBatch, kUnits);
    Tape<double> tape;
    const CallOptions<double> call{.lengths = {kTime, 0, 2}, .cudnn = {.any_mask = true}};
    static_cast<void>(layer.forward(eigengru_test::random_sequence<double>({kBatch, kTime, kFeatures}), call, tape));
    const Gradients<double> g = layer.backward(tape, {.state = d_state});
    EXPECT_EQ(g.initial_state.row(1), d_state.row(1));
    EXPECT_TRUE(g.inputs.sequence(1).isZero(0));
}

}  // namespace
}  // namespace eigengru_test::cudnn_backward_test
