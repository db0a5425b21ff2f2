// SPDX-License-Identifier: MIT
// What the tests of the layer on cuDNN share: layers beside Eigen's on a fake that must find nothing wrong.
#pragma once

#include "cuda/instantiations.hpp"
#include "support/cuda_fake.hpp"
#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

#include <concepts>
#include <utility>

namespace eigengru_test::cudnn_layer {

using namespace eigengru;

inline constexpr Index kBatch = 3, kTime = 5, kFeatures = 2, kUnits = 4;

template <class S>
S tolerance() {
    return std::same_as<S, float> ? S(5e-6) : S(1e-13);
}

template <class D, class E>
void expect_close(const Eigen::MatrixBase<D>& received, const Eigen::MatrixBase<E>& expected) {
    using S = typename D::Scalar;
    ASSERT_EQ(received.rows(), expected.rows());
    ASSERT_EQ(received.cols(), expected.cols());
    ASSERT_TRUE(received.allFinite());
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

    eigengru_test::CudaFake fake;
    Sequence<float> inputs = eigengru_test::random_sequence<float>({kBatch, kTime, kFeatures});
};

/// Forward, a recorded pass and its gradients, twice from a tape that is kept and once from one that is given away.
template <class S>
void compare(const GruOptions& options, const CallOptions<S>& call) {
    Gru<S> layer = layer_of<S>(options), other = on_eigen(layer);
    const Sequence<S> inputs = eigengru_test::random_sequence<S>({kBatch, kTime, kFeatures});
    expect_same(layer(inputs, call), other(inputs, call));
    EXPECT_EQ(layer.last_backend(), Backend::cudnn);
    Tape<S> tape, other_tape;
    expect_same(layer.forward(inputs, call, tape), other.forward(inputs, call, other_tape));
    const Sequence<S> d_sequences = eigengru_test::random_sequence<S>({kBatch, kTime, kUnits});
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

}  // namespace eigengru_test::cudnn_layer
