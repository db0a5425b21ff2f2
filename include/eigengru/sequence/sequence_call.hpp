// SPDX-License-Identifier: MIT
// SequenceCall: one call of the layer as the backends of the CPU are told about it.
#pragma once

#include "eigengru/cell/packed_weights.hpp"
#include "eigengru/core/kernels.hpp"
#include "eigengru/model/output.hpp"
#include "eigengru/sequence/plan.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Where a forward pass leaves what a backward pass needs; nowhere when null.
template <RealScalar S>
struct Recording {
    S* states = nullptr;  ///< the state before every `every`-th step
    Index every = 1;
    S* gates = nullptr;  ///< the gates of every step, without gaps
};

/// One call, checked and planned. Every shape fits; what is absent is not wanted.
template <RealScalar S>
struct SequenceCall {
    // References where a copy of what the caller has just written would wait for its stores.
    const SequencePlan& plan;
    const SequenceView<const S>& inputs;
    const OutputView<S>& output;
    bool is_recorded = false;                  ///< inputs are a tape's: in processing order, zeros at masked steps
    MatrixView<const S> initial_state = {};    ///< zeros when absent
    const DropoutMasks<S>* dropout = nullptr;  ///< none when null
    bool zero_output_for_mask = false;
    S* final_state = nullptr;  ///< the state once more, (batch, units) without gaps, unless null
    Recording<S> recording = {};
    const PackedWeights<S>* packed = nullptr;  ///< the same weights for the kernels; null for Kernels::eigen
    Kernels kernels = Kernels::eigen;          ///< resolved
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
