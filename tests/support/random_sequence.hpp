// SPDX-License-Identifier: MIT
// Sequences of random numbers, for tests that need any.
#pragma once

#include "eigengru/core/sequence.hpp"

namespace eigengru_test {

/// Uniform in [-1, 1].
template <class S>
eigengru::Sequence<S> random_sequence(eigengru::Shape3 shape) {
    eigengru::Sequence<S> x(shape);
    x.matrix().setRandom();
    return x;
}

}  // namespace eigengru_test
