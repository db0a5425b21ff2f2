// SPDX-License-Identifier: MIT
// The choice between the backends, which are siblings: the only header that includes the CUDA part, in builds that have
// it.
#pragma once

#include <functional>

#include "eigengru/core/graph_tracing.hpp"
#include "eigengru/sequence/cudnn_request.hpp"
#include "eigengru/sequence/eigen_backward.hpp"
#if defined(EIGENGRU_CUDNN)
#include "eigengru/cuda/cudnn_backend.hpp"
#endif

namespace eigengru::inline EIGENGRU_ABI::detail {

#if defined(EIGENGRU_CUDNN)
template <RealScalar S>
using DeviceBackend = CudnnDevice<S>;
#else
/// The place of the cuDNN backend in a build without it: no call ever gets there.
template <RealScalar S>
class DeviceBackend {
public:
    [[nodiscard]] static std::vector<BackendRule> conditions(const CudnnRequest&) { return {}; }
    [[nodiscard]] static bool is_usable() { return false; }
    [[nodiscard]] static bool is_capturing() { return false; }
    [[nodiscard]] static std::string prepare(const CudnnRequest&) { return {}; }
    template <class Cell>
    static void run(const Cell&, const SequenceCall<S>&) {}
    template <class Cell>
    static void record(const Cell&, const SequenceCall<S>&, const LayerSignature&, Tape<S>&) {}
    template <class Cell>
    static void step_back(const Cell&, const BackwardCall<S>&, bool) {}
};
#endif

/// One call, as the choice of its backend looks at it.
struct BackendRequest {
    const GruOptions& options;
    bool reset_after = true;
    const SequencePlan& plan;
    CudnnRequest cudnn = {};
    bool has_dropout_masks = false;
    bool has_checkpoints = false;  ///< of the tape, where there is one
};

template <RealScalar S>
[[nodiscard]] BackendQuery query_of(const BackendRequest& request, const DeviceBackend<S>& device) {
    return {.options = request.options,
            .reset_after = request.reset_after,
            .mask = request.plan.mask_kind(),
            .runs_eagerly = !is_tracing() && !device.is_capturing(),
            .has_dropout_masks = request.has_dropout_masks,
            .allows_any_mask = request.cudnn.options.any_mask};
}

/// Every rule and condition for a call. Runs nothing.
template <RealScalar S>
[[nodiscard]] BackendVerdict explain_backend(const BackendRequest& request, const DeviceBackend<S>& device) {
    BackendQuery query = query_of<S>(request, device);
    if constexpr (kHasCudnn) {
        query.conditions = device.conditions(request.cudnn);
        query.conditions.push_back(size_condition(request.cudnn));
        if (request.cudnn.is_recorded) query.conditions.push_back(tape_condition(request.has_checkpoints));
        if (request.options.use_cudnn.is_auto()) query.conditions.push_back(work_condition(request.cudnn));
    }
    return choose_backend(query);
}

/// Whether all that explain_backend() tells of holds for a call that is not for the CPU, found out without words. (What
/// cuDNN does not support comes to light when its device is made ready.)
template <RealScalar S>
[[nodiscard]] bool is_for_device(const BackendRequest& request, const DeviceBackend<S>& device) {
    if (!kHasCudnn || !device.is_usable() || !is_within_sizes(request.cudnn) || request.has_checkpoints) return false;
    return std::ranges::all_of(held_rules(query_of<S>(request, device)), std::identity());
}

/// For use_cudnn = true. Throws: BackendError with every reason when cuDNN cannot run the call.
inline void require_backend(const BackendVerdict& verdict) {
    if (verdict.is_refused) EIGENGRU_THROW(BackendError, "Gru::operator(): ", verdict.text());
}

/// Decides for a call and makes its device ready. Throws: BackendError, and nothing has changed, when use_cudnn is true
/// and cuDNN cannot run it, or when the device fails.
template <RealScalar S>
[[nodiscard]] Backend choose_backend(const BackendRequest& request, DeviceBackend<S>& device) {
    if (is_for_cpu(request.options.use_cudnn, request.cudnn)) return Backend::eigen;
    const bool is_good = is_for_device<S>(request, device);
    if (is_good && request.plan.batch() == 0) return Backend::eigen;  // there is nothing to run
    const std::string refusal = is_good ? device.prepare(request.cudnn) : std::string();
    if (is_good && refusal.empty()) return Backend::cudnn;
    if (request.options.use_cudnn.is_auto()) return Backend::eigen;
    BackendVerdict verdict = explain_backend<S>(request, device);
    if (!verdict.is_refused) {
        // The plan of a later part of a long sequence, which is not looked at there; or what has changed since.
        if (is_good)
            verdict.conditions.push_back({"plan", false, text("cuDNN does not support it: ", refusal)});
        else
            verdict.conditions.push_back({"steadiness", false, "one of these did not hold a moment ago"});
        verdict.is_refused = true;
    }
    require_backend(verdict);
    return Backend::eigen;
}

/// Makes the device ready for calls that would run there. Throws: BackendError when it fails.
template <RealScalar S>
void prepare_device(const BackendRequest& request, DeviceBackend<S>& device) {
    if (is_for_cpu(request.options.use_cudnn, request.cudnn) || !is_for_device<S>(request, device)) return;
    // What cuDNN does not support will run on the CPU, or be refused.
    static_cast<void>(device.prepare(request.cudnn));
}

/// Runs a call that choose_backend() has sent to the device; recorded where there is a tape. Throws: BackendError.
template <RealScalar S, class Cell>
void run_on_device(DeviceBackend<S>& device, const Cell& cell, const SequenceCall<S>& call,
                   const LayerSignature& signature, Tape<S>* tape) {
    if (tape != nullptr)
        device.record(cell, call, signature, *tape);
    else
        device.run(cell, call);
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
    if (!call.is_by_kernels()) return 1;
    const Index most = std::min(call.executor.concurrency(), call.plan.batch() / kRows);
    return threads_worth(step_work(call, features, units) * static_cast<double>(call.plan.time()), kLeastWork, most);
}

/// Threads for the units of a call, which meet after each step: where there are too few rows for all threads, or where
/// the weights are so large that a thread had better read a part of them, from a cache of its own.
template <RealScalar S>
[[nodiscard]] Index threads_for_units(const SequenceCall<S>& call, const StepFunction<S>& f, Index row_threads) {
    constexpr double kLeastStep = 1e5;  // multiply-adds of a thread between two barriers
    constexpr Index kFarBytes = 4 * 1024 * 1024, kFewRows = 64;
    if (call.packed == nullptr || call.kernels == Kernels::eigen || call.dropout != nullptr || call.plan.has_mask() ||
        !f.is_default_pair())
        return 1;
    const Index most = std::min(call.executor.concurrency(), line_count<S>(f.units()));
    const double work = step_work(call, f.features(), f.units());
    const double steps = static_cast<double>(call.plan.time());
    const Index threads = threads_worth(work, std::max(kLeastStep, kLeastWork / steps), most);
    const bool is_far = call.packed->bytes() > kFarBytes && call.plan.batch() <= kFewRows;
    return threads > row_threads || (is_far && threads == row_threads) ? threads : 1;
}

/// Runs a call, some rows through all steps before the next ones: so the states and gates of a step are in the cache
/// when the next step reads them. More rows at once where weights come from far away, which are read for each.
template <bool ResetAfter, RealScalar S>
void run_rows_in_turn(const StepFunction<S>& f, const SequenceCall<S>& call, Workspace<S>& workspace) {
    const Index batch = call.plan.batch();
    const Index rows = call.is_by_kernels() && call.packed->exceeds_cache() ? 2 * kRowChunk : kRowChunk;
    if (!call.is_by_kernels() || call.plan.time() == 1 || batch <= rows)
        return EigenBackend<ResetAfter, S>(f, call, workspace).run();
    for (Index first = 0; first < batch; first += rows) {
        const CallRows<S> some(call, first, std::min(rows, batch - first));
        EigenBackend<ResetAfter, S>(f, some.call(), workspace).run();
    }
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
        run_rows_in_turn<ResetAfter>(f, some.call(), workspace.of_thread(i));
    });
    return true;
}

/// Runs a checked call where it belongs.
template <bool ResetAfter, RealScalar S>
void run_on_backend(const StepFunction<S>& f, const SequenceCall<S>& call, Workspace<S>& workspace) {
    if (call.plan.batch() == 0) return;
    if (call.executor.concurrency() > 1 && run_on_threads<ResetAfter>(f, call, workspace)) return;
    run_rows_in_turn<ResetAfter>(f, call, workspace);
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

/// Runs a checked backward pass where it belongs, with room made for it.
template <bool ResetAfter, RealScalar S>
void run_backward_on_backend(const StepFunction<S>& f, const BackwardCall<S>& call, Workspace<S>& forward,
                             BackwardWorkspace<S>& workspace) {
    const Tape<S>& tape = call.tape;
    if (tape.shape().batch == 0) return;
    const WorkspaceShape sizes{tape.shape().batch, tape.shape().time, f.features(), f.units()};
    forward.prepare(sizes, true);
    workspace.prepare(sizes, tape.has_gates() ? 0 : tape.segment(), !ResetAfter);
    EigenBackward<ResetAfter, S>(f, call, forward, workspace).run();
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
