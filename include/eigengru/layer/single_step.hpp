// SPDX-License-Identifier: MIT
// A call of one time step, straight to the kernel: a loop that carries the state from call to call makes millions of
// them, of which a small one is as short as the preparations for a sequence.
#pragma once

#include "eigengru/cell/packed_step.hpp"
#include "eigengru/layer/carried_state.hpp"
#include "eigengru/sequence/cudnn_request.hpp"
#include "eigengru/sequence/workspace.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Whether a checked call, with these kernels, is nothing but one step with the default activations.
template <RealScalar S>
[[nodiscard]] bool is_single_step(const GruOptions& options, const Shape3& shape, const CallOptions<S>& call,
                                  Kernels kernels) {
    const bool may_drop = is_dropping(options.dropout) || is_dropping(options.recurrent_dropout);
    return shape.time == 1 && shape.batch > 0 && kernels != Kernels::eigen && !call.mask.is_present() &&
           !call.lengths.is_present() && !(call.training && (may_drop || call.dropout_masks != nullptr)) &&
           call.executor.concurrency() == 1 && is_default_pair(options.activation, options.recurrent_activation) &&
           options.activity_regularizer.is_none() &&
           is_for_cpu(options.use_cudnn, {shape, options.units, false, call.cudnn});
}

/// Such a call. Every shape fits; what is absent is not wanted.
template <RealScalar S>
struct SingleStep {
    const SequenceView<const S>& inputs;
    const MatrixView<const S>& initial_state;  ///< the carried one, or zeros, when absent
    const OutputView<S>& output;
    Kernels kernels;
};

/// The state before the step without gaps: where it is, or in the workspace.
template <RealScalar S>
[[nodiscard]] const S* packed_state(const MatrixView<const S>& state, Index batch, Index units,
                                    Workspace<S>& workspace) {
    if (state.is_present() && (batch == 1 || state.row_stride() == units)) return state.data();
    if (state.is_present())
        block(workspace.state(0), batch, units) = state.map();
    else
        std::fill_n(workspace.state(0), batch * units, S(0));
    return workspace.state(0);
}

/// The state to a caller's memory, where that is wanted.
template <RealScalar S>
void copy_state(const S* state, Index batch, Index units, const MatrixView<S>& to) {
    if (to.is_present()) to.map() = block<const S>(state, batch, units);
}

/// Runs it, with the bits of a longer sequence. The state goes to `carried` unless that is null.
template <bool ResetAfter, RealScalar S>
void run_single_step(const SingleStep<S>& call, const PackedWeights<S>& packed, CarriedState<S>* carried,
                     Workspace<S>& workspace) {
    const Shape3& shape = call.inputs.shape();
    const OutputView<S>& output = call.output;
    const Index units = packed.units();
    eigen_assert(packed.lanes() == kernel_lanes<S>(call.kernels));
    StepCall<S> step = step_call(packed, shape.features, shape.batch);
    step.input.rows = call.inputs.row(0, 0);
    step.input.stride = call.inputs.strides().batch;
    step.h = packed_state(carried != nullptr ? carried->starting_state(call.initial_state) : call.initial_state,
                          shape.batch, units, workspace);
    // A caller's initial state may lie where the carried one is to be: what state() gave before the last call.
    const bool writes_carried = carried != nullptr && !call.initial_state.is_present();
    step.next = writes_carried ? carried->room() : workspace.state(1);
    step.goes_back = workspace.goes_back();
    if (output.sequences.is_present()) {
        step.out = output.sequences.row(0, 0);
        step.out_stride = output.sequences.strides().batch;
    }
    const Gates<S> gates = workspace.step_gates();
    step.gates = ResetAfter ? nullptr : gates.data;
    step.gate_stride = gates.stride;
    default_step<ResetAfter>(call.kernels, step);
    step.turn();
    workspace.goes_back() = step.goes_back;
    copy_state(step.next, shape.batch, units, output.last);
    copy_state(step.next, shape.batch, units, output.state);
    if (carried == nullptr) return;
    if (!writes_carried) std::copy_n(step.next, shape.batch * units, carried->room());
    carried->set_batch(shape.batch);
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
