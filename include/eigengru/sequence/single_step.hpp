// SPDX-License-Identifier: MIT
// A call of one time step, straight to the kernels: a loop that carries the state from call to call makes millions of
// them, each as short as the preparations for a sequence.
#pragma once

#include "eigengru/sequence/packed_steps.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Whether a call is one step that is neither masked, nor changed by dropout, nor recorded, and for the kernels.
template <RealScalar S>
[[nodiscard]] bool is_single_step(const SequenceCall<S>& call) {
    return call.plan.time() == 1 && call.packed != nullptr && call.dropout == nullptr && !call.is_recorded &&
           !call.plan.has_mask() && is_for_kernels<S>(call.kernels, nullptr);
}

/// Runs it, with the same results as EigenBackend.
template <bool ResetAfter, RealScalar S>
void run_single_step(const StepFunction<S>& f, const SequenceCall<S>& call, Workspace<S>& workspace) {
    const Index batch = call.plan.batch(), units = f.units();
    const MatrixView<const S>& initial = call.initial_state;
    const S* h = initial.data();
    if (!initial.is_present() || (batch > 1 && initial.row_stride() != units)) {
        h = workspace.state(0);
        if (initial.is_present())
            block(workspace.state(0), batch, units) = initial.map();
        else
            std::fill_n(workspace.state(0), batch * units, S(0));
    }
    const OutputView<S>& output = call.output;
    const bool has_sequences = output.sequences.is_present();
    S* const next = workspace.state(1);
    const Gates<S> gates = workspace.step_gates();
    PackedSteps<ResetAfter, S> steps(f, call, workspace);
    steps.use_inputs({call.inputs.row(0, 0), call.inputs.strides().batch});
    steps.advance(h, next, has_sequences ? output.sequences.row(0, 0) : nullptr,
                  has_sequences ? output.sequences.strides().batch : 0, {gates.data, batch, units, gates.stride},
                  {gates.data, batch, units, gates.stride});
    if (output.last.is_present()) output.last.map() = block<const S>(next, batch, units);
    if (output.state.is_present()) output.state.map() = block<const S>(next, batch, units);
    if (call.final_state != nullptr) std::copy_n(next, batch * units, call.final_state);
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
