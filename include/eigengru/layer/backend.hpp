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

/// Threads for the rows of a call: each takes enough of them to fill a tile, and enough work to be worth its start.
template <RealScalar S>
[[nodiscard]] Index threads_for(const SequenceCall<S>& call, Index features, Index units) {
    constexpr Index kRows = 4;
    constexpr double kLeastWork = 1e6;
    if (call.packed == nullptr || !is_for_kernels(call.kernels, call.dropout)) return 1;
    const Index batch = call.plan.batch();
    const double work =
        3.0 * static_cast<double>(batch * units) * static_cast<double>((features + units) * call.plan.time());
    const Index wanted = std::min(call.executor.concurrency(), batch / kRows);
    return std::max<Index>(1, std::min(wanted, static_cast<Index>(work / kLeastWork)));
}

/// Runs a checked call where it belongs. The rows are spread over the threads of the executor; none waits for another,
/// and each gives the same bits anywhere.
template <bool ResetAfter, RealScalar S>
void run_on_backend(const StepFunction<S>& f, const SequenceCall<S>& call, Workspace<S>& workspace) {
    const Index batch = call.plan.batch();
    if (batch == 0) return;
    const Index threads = threads_for(call, f.features(), f.units());
    if (threads == 1) return EigenBackend<ResetAfter, S>(f, call, workspace).run();
    const Index rows = (batch + threads - 1) / threads;
    workspace.prepare_threads(threads, {rows, call.plan.time(), f.features(), f.units()},
                              call.recording.gates != nullptr);
    call.executor.run(threads, [&](Index i) {
        const Index first = i * batch / threads;
        const CallRows<S> part(call, first, (i + 1) * batch / threads - first);
        EigenBackend<ResetAfter, S>(f, part.call(), workspace.of_thread(i)).run();
    });
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
                                   .kernels = call.kernels,
                                   .executor = call.executor};
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
