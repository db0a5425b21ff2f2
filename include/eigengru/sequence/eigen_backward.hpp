// SPDX-License-Identifier: MIT
// The backward pass of the Eigen backend: backpropagation through time (BPTT) over a tape. Chunk by chunk from the end
// it steps back through time, and then makes the gradients of weights and inputs from the whole chunk in large
// products.
//
// Threads share each of these rounds, and meet after it: of the steps each takes some rows of the batch, of the
// products some columns of x and h and some rows of dx. Nothing is added up over threads, so that every number is
// computed once, in the same order, and its bits do not depend on how many they are.
#pragma once

#include "eigengru/sequence/backward_call.hpp"
#include "eigengru/sequence/eigen_backend.hpp"
#include "eigengru/sequence/packed_gradients.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Runs a backward pass with the weights of `f`. The workspaces must have been prepared.
template <bool ResetAfter, RealScalar S>
class EigenBackward {
public:
    EigenBackward(const StepFunction<S>& f, const BackwardCall<S>& call, Workspace<S>& forward,
                  BackwardWorkspace<S>& workspace)
        : f_(f),
          call_(call),
          tape_(call.tape),
          plan_(plan_of(tape_)),
          forward_(forward),
          workspace_(workspace),
          packed_(f, tape_.kernels(), tape_.dropout(), workspace),
          batch_(plan_.batch()),
          units_(f.units()),
          chunk_(forward.chunk()),
          threads_(threads()),
          // An activity_regularizer may look at all rows at once.
          row_parts_(tape_.keeps_final_state() ? 1 : std::clamp<Index>(batch_ / kRowsOfThread, 1, threads_)) {}

    void run() {
        std::vector<BackwardRound>& rounds = workspace_.rounds();
        plan_rounds({plan_.time(), tape_.segment(), chunk_, !tape_.has_gates()}, rounds);
        if (!tape_.has_gates() && row_parts_ > 1) {
            const Index rows = (batch_ + row_parts_ - 1) / row_parts_;
            forward_.prepare_threads(row_parts_, {rows, plan_.time(), f_.features(), units_}, true);
        }
        if (tape_.dropout() != nullptr && !tape_.dropout()->state.empty()) {
            for (std::size_t g = 0; g < kGates; ++g) state_masks_.gates[g] = tape_.dropout()->state[g].data();
            state_masks_.masked_state = workspace_.masked_state();
        }
        run_rounds(call_.executor, threads_, static_cast<Index>(rounds.size()),
                   [&](Index r, Share share) { run_round(rounds[static_cast<std::size_t>(r)], share); });
    }

private:
    /// Threads that have enough to do in each round. Eigen's products stay on one.
    [[nodiscard]] Index threads() const {
        constexpr double kLeastChunkWork = 4e5;  // multiply-adds in a chunk
        if (!packed_.is_active()) return 1;
        const double rows = static_cast<double>(std::min(chunk_, plan_.time()) * batch_);
        const double work = 2.0 * kGates * rows * static_cast<double>(units_ * (f_.features() + units_));
        const Index most = static_cast<Index>(std::min(work / kLeastChunkWork, 1e6));
        return std::clamp<Index>(most, 1, call_.executor.concurrency());
    }

    void run_round(const BackwardRound& round, Share share) {
        const Range rows = share.index < row_parts_ ? Share{share.index, row_parts_}.of(batch_) : Range();
        switch (round.kind) {
            case BackwardRound::start: return start(share, rows);
            case BackwardRound::record: return record(round.segment, share.index, rows);
            case BackwardRound::steps:
                for (Index step = round.chunk.end(); rows.count > 0 && step > round.chunk.first;)
                    step_back(round, --step, rows);
                return;
            case BackwardRound::products: return add_products(round, share);
            case BackwardRound::finish: return finish(share, rows);
        }
    }

    void start(Share share, Range rows) {
        if (packed_.is_active()) {
            packed_.start(share);
        } else {
            workspace_.kernel_t() = f_.kernel.transpose();
            workspace_.recurrent_kernel_t() = f_.recurrent_kernel.transpose();
        }
        if (rows.count == 0) return;
        MatrixMap<S> d = block(d_state_after(plan_.time() - 1) + rows.first * units_, rows.count, units_);
        if (call_.d_output.state.is_present())
            d = call_.d_output.state.map().middleRows(rows.first, rows.count);
        else
            d.setZero();
        if (tape_.keeps_final_state() && tape_.signature().return_state)
            add_activity_gradient(block(tape_.final_state(), batch_, units_), d);
        for (Index b = rows.first; b < rows.end(); ++b) {
            Index& first = workspace_.first_used()[b];
            for (first = 0; first < plan_.time() && !plan_.is_used(b, first);) ++first;
        }
    }

    /// The steps of a segment once more, which the tape has not kept.
    void record(Range segment, Index part, Range rows) {
        if (rows.count == 0) return;
        const SequenceView<const S> inputs = inputs_of(tape_);
        const OutputView<S> no_output;
        const SequenceCall<S> again{
            .plan = plan_,
            .inputs = inputs,
            .output = no_output,
            .is_recorded = true,
            .initial_state = {tape_.state(segment.first), batch_, units_},
            .dropout = tape_.dropout(),
            .recording = {.states = workspace_.segment_states(), .gates = workspace_.segment_gates()},
            .packed = call_.packed,
            .kernels = tape_.kernels()};
        if (row_parts_ == 1) return EigenBackend<ResetAfter, S>(f_, again, forward_).run(segment.first, segment.end());
        const CallRows<S> some(again, rows.first, rows.count);
        EigenBackend<ResetAfter, S>(f_, some.call(), forward_.of_thread(part)).run(segment.first, segment.end());
    }

    /// The record of the steps of a segment, of the tape or made again.
    [[nodiscard]] const S* recorded_state(const BackwardRound& round, Index step) const {
        if (tape_.has_gates()) return tape_.state(step);
        return workspace_.segment_states() + (step - round.segment.first) * batch_ * units_;
    }
    [[nodiscard]] Gates<const S> recorded_gates(const BackwardRound& round, Range steps) const {
        const Index width = kSlots * units_;
        const S* gates = tape_.has_gates()
                             ? tape_.gates() + steps.first * batch_ * width
                             : workspace_.segment_gates() + (steps.first - round.segment.first) * batch_ * width;
        return {gates, steps.count * batch_, units_, width};
    }

    /// The gradient of the state after a step, (batch, units); -1: of the initial state.
    [[nodiscard]] S* d_state_after(Index step) const {
        return workspace_.d_state(static_cast<std::size_t>(plan_.time() - 1 - step) % 2);
    }

    [[nodiscard]] PackedGradients<ResetAfter, S> packed_chunk(const BackwardRound& round,
                                                              bool goes_back = false) const {
        return packed_.of_chunk(round.chunk.count * batch_, goes_back);
    }

    /// For some rows, from the gradient of the state after a step to that before it; the gradients of their gates.
    void step_back(const BackwardRound& round, Index step, Range rows) {
        add_output_gradients(round, step, rows);
        const Index in_chunk = step - round.chunk.first, first_unit = rows.first * units_;
        const Gates<S> d = some_rows(workspace_.d_gates(packed_.is_active() ? 0 : in_chunk, 1), rows);
        S* const d_next = d_state_after(step) + first_unit;
        S* const d_state = d_state_after(step - 1) + first_unit;
        if (plan_.has_mask() && !is_used_by_any(step, rows)) {
            clear_rows(round, in_chunk, rows);
            std::copy_n(d_next, rows.count * units_, d_state);
            return;
        }
        const Gates<const S> gates = some_rows(recorded_gates(round, {step, 1}), rows);
        const StepGradient<S> step_gradient{.gates = gates,
                                            .values = activated_gates(f_, gates, some_rows(workspace_.values(), rows)),
                                            .d = d,
                                            .h = recorded_state(round, step) + first_unit,
                                            .d_next = d_next,
                                            .d_state = d_state,
                                            .masks = state_masks_,
                                            .recurrent_kernel_t = read_only(workspace_.recurrent_kernel_t())};
        if (packed_.is_active())
            packed_chunk(round, step % 2 != 0)
                .step_back(step_gradient, in_chunk * batch_ + rows.first, workspace_.scratch() + first_unit);
        else
            gru_step_backward<ResetAfter, S>(f_, step_gradient);
        for (Index b = rows.first; plan_.has_mask() && b < rows.end(); ++b) {
            if (plan_.is_used(b, step)) continue;
            clear_rows(round, in_chunk, {b, 1});
            std::copy_n(d_state_after(step) + b * units_, units_, d_state_after(step - 1) + b * units_);
        }
    }

    template <class T>
    [[nodiscard]] static Gates<T> some_rows(const Gates<T>& all, Range rows) {
        return {all.row(rows.first), rows.count, all.units, all.stride};
    }

    [[nodiscard]] bool is_used_by_any(Index step, Range rows) const {
        for (Index b = rows.first; b < rows.end(); ++b)
            if (plan_.is_used(b, step)) return true;
        return false;
    }

    /// Masked rows of a step have no part in any gradient.
    void clear_rows(const BackwardRound& round, Index in_chunk, Range rows) {
        if (packed_.is_active()) return packed_chunk(round).clear_rows(in_chunk * batch_ + rows.first, rows.count);
        const Gates<S> d = workspace_.d_gates(in_chunk, 1);
        for (Index b = rows.first; b < rows.end(); ++b) std::fill_n(d.row(b), kSlots * units_, S(0));
    }

    /// Adds what arrives at the outputs of a step, where they are the state and not zeros.
    void add_output_gradients(const BackwardRound& round, Index step, Range rows) {
        const OutputGradients<S>& d = call_.d_output;
        const bool is_last = step + 1 == plan_.time();
        for (Index b = rows.first; b < rows.end(); ++b) {
            if (is_zero_output(b, step)) continue;
            ArrayMap<S> d_row(d_state_after(step) + b * units_, units_);
            if (d.sequences.is_present()) d_row += ArrayMap<const S>(d.sequences.row(b, step), units_);
            if (is_last && d.last.is_present()) d_row += ArrayMap<const S>(d.last.row(b), units_);
        }
        if (tape_.keeps_final_state() && (is_last || tape_.signature().return_sequences))
            add_output_activity(round, step);
    }

    [[nodiscard]] bool is_zero_output(Index b, Index step) const {
        return plan_.has_mask() && !plan_.is_used(b, step) &&
               (tape_.signature().zero_output_for_mask || step < workspace_.first_used()[b]);
    }

    /// The activity_regularizer of the outputs of a step.
    void add_output_activity(const BackwardRound& round, Index step) {
        MatrixMap<S> outputs = block(workspace_.outputs(), batch_, units_);
        MatrixMap<S> d = block(workspace_.d_outputs(), batch_, units_);
        outputs = block(state_after(round, step), batch_, units_);
        for (Index b = 0; b < batch_; ++b)
            if (is_zero_output(b, step)) outputs.row(b).setZero();
        d.setZero();
        add_activity_gradient(read_only(outputs), d);
        for (Index b = 0; b < batch_; ++b)
            if (!is_zero_output(b, step))
                ArrayMap<S>(d_state_after(step) + b * units_, units_) += d.row(b).array().transpose();
    }

    [[nodiscard]] const S* state_after(const BackwardRound& round, Index step) const {
        if (step + 1 == plan_.time()) return tape_.final_state();
        const bool is_in_next_segment = !tape_.has_gates() && (step + 1) % tape_.segment() == 0;
        return is_in_next_segment ? tape_.state(step + 1) : recorded_state(round, step + 1);
    }

    void add_activity_gradient(const MatrixMap<const S>& outputs, MatrixMap<S> d) const {
        tape_.signature().activity_regularizer.add_gradient(outputs, WeightRank::matrix, S(1) / static_cast<S>(batch_),
                                                            d);
    }

    /// The gradients of weights and inputs from the gates of a chunk.
    void add_products(const BackwardRound& round, Share share) {
        const Index features = f_.features(), steps = round.chunk.count, first_row = round.chunk.first * batch_;
        const Range some = share.of(steps * batch_, kTile);
        const GradientRows<S> rows{.d = workspace_.d_gates(0, steps).as_const(),
                                   .gates = recorded_gates(round, round.chunk),
                                   .inputs = block(tape_.inputs() + first_row * features, steps * batch_, features),
                                   .states = recorded_state(round, round.chunk.first),
                                   .dropout = tape_.dropout(),
                                   .scratch = workspace_.scratch()};
        if (packed_.is_active()) {
            const PackedGradients<ResetAfter, S> chunk = packed_chunk(round);
            chunk.add_weight_gradients(rows, call_.into.parameters.bias(), share);
            chunk.input_gradients(some, workspace_.d_inputs());
        } else {
            add_parameter_gradients<ResetAfter, S>(rows, call_.into.parameters);
            input_gradient<S>(rows, read_only(workspace_.kernel_t()), workspace_.d_inputs());
        }
        store_input_gradients(first_row, some);
    }

    /// Gradients of the inputs of some rows of a chunk from the workspace to where the caller wants them.
    void store_input_gradients(Index first_row, Range rows) {
        const Index features = f_.features();
        const bool go_backwards = tape_.signature().go_backwards;
        for (Index row = rows.first; row < rows.end(); ++row) {
            const Index step = (first_row + row) / batch_;
            std::copy_n(workspace_.d_inputs() + row * features, features,
                        call_.into.inputs.view().row((first_row + row) % batch_,
                                                     go_backwards ? plan_.time() - 1 - step : step));
        }
    }

    void finish(Share share, Range rows) {
        if (packed_.is_active()) packed_.finish(call_.into.parameters, share);
        std::copy_n(d_state_after(-1) + rows.first * units_, rows.count * units_,
                    call_.into.initial_state.data() + rows.first * units_);
    }

    static constexpr Index kRowsOfThread = 4;  // at least: few are no faster than these
    static constexpr Index kTile = 8;          // rows of the largest tile

    const StepFunction<S>& f_;
    const BackwardCall<S>& call_;
    const Tape<S>& tape_;
    SequencePlan plan_;
    Workspace<S>& forward_;
    BackwardWorkspace<S>& workspace_;
    PackedGradients<ResetAfter, S> packed_;
    Index batch_;
    Index units_;
    Index chunk_;
    Index threads_;
    Index row_parts_;  // of the threads, those that have rows of their own
    StateMasks<S> state_masks_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
