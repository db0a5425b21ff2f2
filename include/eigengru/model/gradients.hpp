// SPDX-License-Identifier: MIT
// What goes into a backward pass and what comes out of it.
#pragma once

#include "eigengru/core/sequence.hpp"
#include "eigengru/model/parameters.hpp"

namespace eigengru::inline EIGENGRU_ABI {

/// The gradients of a loss with respect to what a call gave back; an absent one counts as zeros.
template <RealScalar S>
struct OutputGradients {
    SequenceView<const S> sequences = {};  ///< (batch, time, units); only with return_sequences
    MatrixView<const S> last = {};         ///< (batch, units)
    MatrixView<const S> state = {};        ///< (batch, units)
};

/// The gradients of a loss with respect to what went into a call.
template <RealScalar S>
struct Gradients {
    GruWeights<S> parameters = {};    ///< .kernel(), .recurrent_kernel(), .bias(), .flat()
    Sequence<S> inputs = {};          ///< (batch, time, features)
    RowMatrix<S> initial_state = {};  ///< (batch, units); of the state that was given, carried over, or zero
};

namespace detail {

/// Zeros for the parameters, room for the rest. Allocates only when a size changes.
template <RealScalar S>
void resize(Gradients<S>& gradients, const Shape3& inputs, const GruWeights<S>& weights) {
    gradients.parameters.reset(weights.features(), weights.units(), weights.bias_rows());
    gradients.inputs.resize(inputs);
    gradients.initial_state.resize(inputs.batch, weights.units());
}

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI
