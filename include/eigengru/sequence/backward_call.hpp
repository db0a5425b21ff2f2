// SPDX-License-Identifier: MIT
// BackwardCall: one backward pass as the backends of the CPU are told about it, and how they read a record.
#pragma once

#include "eigengru/cell/packed_weights.hpp"
#include "eigengru/cell/tape.hpp"
#include "eigengru/core/executor.hpp"
#include "eigengru/model/gradients.hpp"
#include "eigengru/sequence/plan.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// The plan of a recorded pass: the record is in processing order already.
template <RealScalar S>
[[nodiscard]] SequencePlan plan_of(const Tape<S>& tape) {
    return {tape.shape(), false, tape.mask(), {}};
}

/// The recorded inputs, [step][row][feature].
template <RealScalar S>
[[nodiscard]] SequenceView<const S> inputs_of(const Tape<S>& tape) {
    const Shape3& shape = tape.shape();
    return {tape.inputs(), shape, {shape.features, shape.batch * shape.features}};
}

/// One backward pass, checked. Every shape fits.
template <RealScalar S>
struct BackwardCall {
    const Tape<S>& tape;
    const OutputGradients<S>& d_output;
    Gradients<S>& into;                        ///< of the right shapes; parameters zero
    const PackedWeights<S>* packed = nullptr;  ///< the weights as the forward pass had them, if it had
    ExecutorRef executor = {};
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
