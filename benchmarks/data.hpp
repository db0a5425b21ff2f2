// SPDX-License-Identifier: MIT
// Weights and values for the comparisons, and the check that two contenders compute the same.
#pragma once

#include <eigengru/eigengru.hpp>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <string>

namespace eigengru_bench {

using eigengru::Index;
using eigengru::RowMatrix;

/// The weights, or their gradients, as a user's own matrices.
template <class S>
struct Weights {
    RowMatrix<S> kernel, recurrent_kernel, bias;
};

/// Values between -scale and scale, the same each time.
template <class S>
void fill(S* data, Index size, S scale) {
    std::uint32_t bits = 1;
    for (Index i = 0; i < size; ++i) {
        bits = bits * 1664525u + 1013904223u;
        data[i] = scale * (static_cast<S>(bits >> 8) / S(1 << 23) - S(1));
    }
}

template <class S>
Weights<S> make_weights(Index features, Index units, bool reset_after) {
    Weights<S> w{RowMatrix<S>(features, 3 * units), RowMatrix<S>(units, 3 * units),
                 RowMatrix<S>(reset_after ? 2 : 1, 3 * units)};
    fill(w.kernel.data(), w.kernel.size(), std::sqrt(S(3) / S(features)));
    fill(w.recurrent_kernel.data(), w.recurrent_kernel.size(), std::sqrt(S(3) / S(units)));
    fill(w.bias.data(), w.bias.size(), S(0.5));
    return w;
}

/// Ends the program when a baseline computes other numbers than the layer: each is a sum of `terms`, whose rounding
/// errors grow with the root of their number, relative to the largest value.
template <class Expected, class Received>
void check(const std::string& what, const Expected& expected, const Received& received, Index terms) {
    using S = typename Expected::Scalar;
    const S error = (expected - received).cwiseAbs().maxCoeff();
    const S tolerance =
        16 * std::numeric_limits<S>::epsilon() * std::sqrt(static_cast<S>(terms)) * expected.cwiseAbs().maxCoeff();
    if (error <= tolerance && received.allFinite()) return;
    std::cerr << "\n" << what << " differs from the layer by " << error << ", more than " << tolerance << "\n";
    std::exit(1);
}

}  // namespace eigengru_bench
