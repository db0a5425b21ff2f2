// SPDX-License-Identifier: MIT
// The record of a forward pass of a Bidirectional, and what goes into a backward pass and comes out of it.
#pragma once

#include "eigengru/cell/tape.hpp"
#include "eigengru/model/gradients.hpp"
#include "eigengru/model/output.hpp"

namespace eigengru::inline EIGENGRU_ABI {

/// The record of one forward pass of a Bidirectional: one of each layer, and what both have put out. A value; written
/// again, it keeps its memory.
template <RealScalar S>
class BidirectionalTape {
public:
    [[nodiscard]] bool empty() const { return forward.empty() || backward.empty(); }
    void clear() {
        forward.clear();
        backward.clear();
    }

    Tape<S> forward = {};
    Tape<S> backward = {};
    Output<S> forward_output = {};
    Output<S> backward_output = {};  ///< its sequences in the order of the inputs
};

/// The gradients of a loss with respect to what a call of a Bidirectional gave back; an absent one counts as zeros, and
/// those of one output that was given out twice, merged and by its layer, add up.
template <RealScalar S>
struct BidirectionalOutputGradients {
    SequenceView<const S> sequences = {};  ///< (batch, time, units), merged; only with return_sequences
    MatrixView<const S> last = {};         ///< (batch, units), merged
    OutputGradients<S> forward = {};       ///< of the forward layer's own output
    OutputGradients<S> backward = {};      ///< of the backward layer's own, sequences in the order of the inputs
};

/// The gradients of a loss with respect to what went into a call of a Bidirectional.
template <RealScalar S>
struct BidirectionalGradients {
    Gradients<S> forward = {};   ///< .parameters, .initial_state, and .inputs by this layer alone
    Gradients<S> backward = {};  ///< likewise
    Sequence<S> inputs = {};     ///< (batch, time, features): the sum of both
};

}  // namespace eigengru::inline EIGENGRU_ABI
