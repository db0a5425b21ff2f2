// SPDX-License-Identifier: MIT
// The choice between the backends, which are siblings: the only header that would include the CUDA part.
#pragma once

#include "eigengru/sequence/backend_rules.hpp"
#include "eigengru/sequence/eigen_backward.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// For use_cudnn = true. Throws: BackendError with every reason when cuDNN cannot run the call.
inline void require_backend(const BackendQuery& query) {
    const BackendVerdict verdict = choose_backend(query);
    if (verdict.is_refused) EIGENGRU_THROW(BackendError, "Gru::operator(): ", verdict.text());
}

/// Runs a checked call where it belongs.
template <bool ResetAfter, RealScalar S>
void run_on_backend(const StepFunction<S>& f, const SequenceCall<S>& call, Workspace<S>& workspace) {
    if (call.plan.batch() > 0) EigenBackend<ResetAfter, S>(f, call, workspace).run();
}

/// The same, recorded: the tape takes the inputs, mask and dropout masks of the call and is what the pass reads.
template <bool ResetAfter, RealScalar S>
void record_on_backend(const StepFunction<S>& f, const SequenceCall<S>& call, Workspace<S>& workspace,
                       const LayerSignature& signature, Tape<S>& tape) {
    const bool keeps_final_state = !signature.activity_regularizer.is_none();
    const SequencePlan& plan = call.plan;
    const Shape3& shape = call.inputs.shape();
    tape.start(signature, shape, workspace.chunk(), keeps_final_state);
    tape.record_mask(plan.has_mask(), [&](Index b, Index step) { return plan.is_used(b, step); });
    tape.record_dropout(call.dropout);
    tape.record_kernels(call.kernels);
    gather_inputs<S>(call.inputs, plan, 0, shape.time, nullptr, tape.inputs());
    const SequencePlan recorded_plan = plan_of(tape);
    const SequenceView<const S> inputs = inputs_of(tape);
    OutputView<S> output = call.output;
    const MatrixView<S> final_state(tape.final_state(), keeps_final_state ? shape.batch : 0, signature.units);
    if (keeps_final_state && !output.state.is_present()) output.state = final_state;
    const SequenceCall<S> recorded{.plan = recorded_plan,
                                   .inputs = inputs,
                                   .output = output,
                                   .is_recorded = true,
                                   .initial_state = call.initial_state,
                                   .dropout = call.dropout,
                                   .zero_output_for_mask = call.zero_output_for_mask,
                                   .final_state = call.final_state,
                                   .recording = {.states = tape.state(0),
                                                 .every = tape.has_gates() ? 1 : tape.segment(),
                                                 .gates = tape.has_gates() ? tape.gates() : nullptr},
                                   .packed = call.packed,
                                   .kernels = call.kernels};
    run_on_backend<ResetAfter>(f, recorded, workspace);
    if (keeps_final_state && call.output.state.is_present()) final_state.map() = call.output.state.map();
    tape.finish();
}

/// Runs a checked backward pass where it belongs.
template <bool ResetAfter, RealScalar S>
void run_backward_on_backend(const StepFunction<S>& f, const BackwardCall<S>& call, Workspace<S>& forward,
                             BackwardWorkspace<S>& workspace) {
    EigenBackward<ResetAfter, S>(f, call, forward, workspace).run();
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
