// SPDX-License-Identifier: MIT
// The forward pass for data of the host, through the fake.
#include "eigengru/cuda/cudnn_forward.hpp"

#include "cuda/cudnn_layer.hpp"
#include "cuda/watched_copies.hpp"
#include "support/message_of.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace eigengru_test::cudnn_forward_test {
namespace {

using namespace eigengru;
using namespace eigengru_test::cudnn_layer;
using eigengru_test::message_of;
using eigengru_test::random_sequence;

TEST_F(Cudnn, LongSequencesGoInParts) {
    Gru<float> layer = layer_of<float>({.return_sequences = true});
    const Sequence<float> long_inputs = random_sequence<float>({1, 65537, kFeatures});
    expect_same(layer(long_inputs, {.lengths = {40000}}), on_eigen(layer)(long_inputs, {.lengths = {40000}}));
    expect_same(layer(long_inputs), on_eigen(layer)(long_inputs));
    EXPECT_EQ(layer.last_backend(), Backend::cudnn);
    EXPECT_EQ(fake.latest_forward().time, 32768);
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

TEST_F(Cudnn, OnlyTheOutputsThatAreWantedComeBack) {
    constexpr std::size_t kStep = kBatch * kUnits * sizeof(float);
    WatchedCopies copies;
    Gru<float> last = layer_of<float>({}), all = layer_of<float>({.return_sequences = true});
    const auto fetched = [&](Gru<float>& layer, const Sequence<float>& x, const CallOptions<float>& call) {
        copies.clear();
        static_cast<void>(layer(x, call));
        return copies.bytes(cudaMemcpyDeviceToHost);
    };
    EXPECT_EQ(fetched(last, inputs, {}), (std::vector<std::size_t>{kStep}));
    EXPECT_EQ(fetched(all, inputs, {}), (std::vector<std::size_t>{kTime * kStep}));
    EXPECT_EQ(fetched(last, inputs, {.lengths = {1, kTime, 2}}), (std::vector<std::size_t>{kTime * kStep}));
    // Of a sequence in parts, the last part alone has something that is wanted.
    EXPECT_EQ(fetched(last, Sequence<float>({kBatch, 65537, kFeatures}), {}), (std::vector<std::size_t>{kStep}));
}

TEST_F(Cudnn, WhatASupportedPassSuddenlyRefusesIsAFailure) {
    Gru<float> layer = layer_of<float>({}, "auto");
    const CallOptions<float> call{.cudnn = {.least_work = 0, .algorithm = CudnnAlgorithm::standard}};
    static_cast<void>(layer(inputs, call));
    fake.fail("cudnnRNNForward", CUDNN_STATUS_NOT_SUPPORTED);
    EXPECT_EQ(message_of<BackendError>([&] {
                  static_cast<void>(layer(inputs, call));
              }).find("cuDNN backend: cudnnRNNForward failed with CUDNN_STATUS_NOT_SUPPORTED: "),
              0U);
    expect_same(layer(inputs, call), on_eigen(layer)(inputs));
    EXPECT_EQ(layer.last_backend(), Backend::cudnn);
}

TEST_F(Cudnn, AStateOfAFailedPassInPartsIsAsItWas) {
    Gru<float> layer = layer_of<float>({.stateful = true});
    const Sequence<float> long_inputs = random_sequence<float>({1, 65537, kFeatures});
    const RowMatrix<float> before = RowMatrix<float>::Random(1, kUnits);
    static_cast<void>(layer(long_inputs));
    layer.set_state(before);
    fake.fail("cudnnRNNForward", CUDNN_STATUS_EXECUTION_FAILED, 2);  // the first part has run by then
    EXPECT_THROW(static_cast<void>(layer(long_inputs)), BackendError);
    EXPECT_TRUE(fake.has_failed());
    EXPECT_EQ(layer.state(), before);
}

}  // namespace
}  // namespace eigengru_test::cudnn_forward_test
