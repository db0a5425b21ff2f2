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

/// Multiply-adds of a time step.
template <RealScalar S>
[[nodiscard]] double step_work(const SequenceCall<S>& call, Index features, Index units) {
    return static_cast<double>(kGates * call.plan.batch() * units) * static_cast<double>(features + units);
}

/// So many threads that each has at least this much work.
[[nodiscard]] inline Index threads_worth(double work, double least, Index most) {
    return std::max<Index>(1, static_cast<Index>(std::min(work / least, static_cast<double>(most))));
}

/// Work that is worth the start of a thread.
inline constexpr double kLeastWork = 1e6;

/// Threads for the rows of a call: each takes enough of them to fill a tile, and enough work to be worth its start.
template <RealScalar S>
[[nodiscard]] Index threads_for_rows(const SequenceCall<S>& call, Index features, Index units) {
    constexpr Index kRows = 4;
    if (call.packed == nullptr || !is_for_kernels(call.kernels, call.dropout)) return 1;
    const Index most = std::min(call.executor.concurrency(), call.plan.batch() / kRows);
    return threads_worth(step_work(call, features, units) * static_cast<double>(call.plan.time()), kLeastWork, most);
}

/// Threads for the units of a call, which meet after each step: where there are too few rows for all threads, or where
/// the weights are so large that a thread had better read a part of them, from a cache of its own.
template <RealScalar S>
[[nodiscard]] Index threads_for_units(const SequenceCall<S>& call, const StepFunction<S>& f, Index row_threads) {
    constexpr double kLeastStep = 2e4;  // multiply-adds between two barriers
    constexpr Index kFarBytes = 4 * 1024 * 1024, kFewRows = 64;
    if (call.packed == nullptr || call.kernels == Kernels::eigen || call.dropout != nullptr || call.plan.has_mask() ||
        !f.is_default_pair())
        return 1;
    const Index most = std::min(call.executor.concurrency(), block_count<S>(f.units()));
    const double work = step_work(call, f.features(), f.units());
    const double steps = static_cast<double>(call.plan.time());
    const Index threads = threads_worth(work, std::max(kLeastStep, kLeastWork / steps), most);
    const bool is_far = call.packed->bytes() > kFarBytes && call.plan.batch() <= kFewRows;
    return threads > row_threads || (is_far && threads == row_threads) ? threads : 1;
}

/// Spreads a checked call over the threads of the executor, and returns false where that is not worth it. No row of a
/// batch knows of the others, and no unit of the others in its step: each gives the same bits anywhere.
template <bool ResetAfter, RealScalar S>
[[nodiscard]] bool run_on_threads(const StepFunction<S>& f, const SequenceCall<S>& call, Workspace<S>& workspace) {
    const Index batch = call.plan.batch();
    const Index threads = threads_for_rows(call, f.features(), f.units());
    const Index unit_threads = threads_for_units(call, f, threads);
    if (unit_threads > 1) {
        SpinBarrier barrier(unit_threads);
        const auto run_units = [&](Index i) noexcept {
            EigenBackend<ResetAfter, S>(f, call, workspace, {{i, unit_threads}, &barrier}).run();
        };
        if (call.executor.run_concurrently(unit_threads, run_units)) return true;
    }
    if (threads == 1) return false;
    const Index rows = (batch + threads - 1) / threads;
    workspace.prepare_threads(threads, {rows, call.plan.time(), f.features(), f.units()},
                              call.recording.gates != nullptr);
    call.executor.run(threads, [&](Index i) {
        const Range part = Share{i, threads}.of(batch);
        const CallRows<S> some(call, part.first, part.count);
        EigenBackend<ResetAfter, S>(f, some.call(), workspace.of_thread(i)).run();
    });
    return true;
}

/// Runs a checked call where it belongs.
template <bool ResetAfter, RealScalar S>
void run_on_backend(const StepFunction<S>& f, const SequenceCall<S>& call, Workspace<S>& workspace) {
    if (call.plan.batch() == 0) return;
    if (call.executor.concurrency() > 1 && run_on_threads<ResetAfter>(f, call, workspace)) return;
    EigenBackend<ResetAfter, S>(f, call, workspace).run();
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
