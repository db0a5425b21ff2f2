// SPDX-License-Identifier: MIT
// The forward pass of the Eigen backend: one call of the layer on the CPU. Chunk by chunk it gathers the inputs
// (direction, masks and dropout end here), projects them in large products, and then steps through the chunk.
#pragma once

#include "eigengru/cell/gru_step.hpp"
#include "eigengru/cell/tape.hpp"
#include "eigengru/sequence/packed_steps.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Runs a call with the weights of `f`. The workspace must have been prepared for batch, time, features and units.
/// Several threads may go through the steps of a call together, each with a share of the units, in the same workspace:
/// they meet after each step. For calls by the kernels with the default activations, without masks and dropout.
template <bool ResetAfter, RealScalar S>
class EigenBackend {
public:
    EigenBackend(const StepFunction<S>& f, const SequenceCall<S>& call, Workspace<S>& workspace, UnitShare share = {})
        : f_(f),
          call_(call),
          plan_(call.plan),
          workspace_(workspace),
          packed_(f, call, workspace, share),
          share_(share),
          batch_(plan_.batch()),
          units_(f.units()) {}

    void run() {
        run(0, plan_.time());
        if (share_.is_first()) finish();
    }

    /// Some steps alone, from a multiple of the chunk on: they give the same bits as in run().
    void run(Index first, Index last) {
        start(first);
        share_.wait_for_others();
        for (Index chunk = first; chunk < last; chunk += workspace_.chunk()) {
            const Index steps = std::min(workspace_.chunk(), last - chunk);
            chunk_gates_ = chunk_gates(chunk, steps);
            if (packed_.is_active())
                open_packed_chunk(chunk, steps);
            else
                open_chunk(chunk, steps);
            for (Index step = chunk; step < chunk + steps; ++step) {
                advance(step, last, step - chunk);
                share_.wait_for_others();
                if (call_.output.sequences.is_present() && !writes_outputs_at_once()) write_sequence(step);
            }
        }
    }

private:
    void start(Index first) {
        first_ = first;
        has_mask_ = plan_.has_mask();
        const MatrixView<const S>& initial = call_.initial_state;
        const bool is_usable = initial.is_present() && (batch_ == 1 || initial.row_stride() == units_);
        if (is_usable && !records_every_state()) {
            state_ = initial.data();
        } else {
            S* state = records_every_state() ? call_.recording.states : workspace_.state(0);
            if (share_.is_first() && initial.is_present())
                block(state, batch_, units_) = initial.map();
            else if (share_.is_first())
                std::fill_n(state, batch_ * units_, S(0));
            state_ = state;
        }
        if (has_mask_) std::fill_n(workspace_.seen(), batch_, static_cast<unsigned char>(0));
        if (call_.dropout == nullptr || call_.dropout->state.empty()) return;
        for (std::size_t g = 0; g < kGates; ++g) state_masks_.gates[g] = dropout_rows(call_.dropout->state[g]);
        state_masks_.masked_state = workspace_.masked_state();
    }

    /// Rows of a step in the record, of which these may be a part.
    [[nodiscard]] Index record_batch() const { return call_.recording.batch > 0 ? call_.recording.batch : batch_; }

    [[nodiscard]] bool records_every_state() const {
        return call_.recording.states != nullptr && call_.recording.every == 1;
    }

    /// The gates of a chunk: in the record where there is one. The kernels need those of one step at a time.
    [[nodiscard]] Gates<S> chunk_gates(Index chunk, Index steps) const {
        if (call_.recording.gates == nullptr)
            return packed_.is_active() ? workspace_.step_gates() : workspace_.gates(0, steps);
        const Index width = kSlots * units_;
        return {call_.recording.gates + (chunk - first_) * record_batch() * width, steps * batch_, units_, width};
    }

    /// Whether a chunk is one row of which all products can be made at once.
    [[nodiscard]] bool is_single_row(Index steps) const {
        return steps == 1 && batch_ == 1 && call_.dropout == nullptr;
    }

    /// Biases and projected inputs into the gates of a chunk.
    void open_chunk(Index chunk, Index steps) {
        set_gates_to_biases<ResetAfter>(f_, chunk_gates_);
        if (!is_single_row(steps)) project_inputs(chunk, steps);
    }

    /// Inputs where the kernels can read them: where they are, unless dropout changes them.
    void open_packed_chunk(Index chunk, Index steps) {
        const Index features = f_.features();
        chunk_inputs_ = nullptr;
        if (call_.dropout != nullptr && !call_.dropout->input.empty()) {
            gather_inputs(call_.inputs, plan_, chunk, steps, dropout_rows(call_.dropout->input[0]),
                          workspace_.inputs());
            chunk_inputs_ = workspace_.inputs();
        }
        is_projected_ = packed_.projects(steps);
        if (!is_projected_) return;
        const Index forward = call_.inputs.strides().time;
        for (Index b = 0; b < batch_; ++b) {
            if (chunk_inputs_ != nullptr)
                packed_.project(b, chunk_inputs_ + b * features, batch_ * features, steps);
            else
                packed_.project(b, call_.inputs.row(b, plan_.input_time(chunk)),
                                plan_.go_backwards() ? -forward : forward, steps);
        }
    }

    [[nodiscard]] const S* dropout_rows(const RowMatrix<S>& mask) const {
        return mask.data() + call_.first_row * mask.cols();
    }

    /// Adds the projected inputs of a chunk to its gates.
    void project_inputs(Index chunk, Index steps) {
        const Gates<S>& gates = chunk_gates_;
        const std::size_t masks = call_.dropout != nullptr ? call_.dropout->input.size() : 0;
        if (masks < kGates)
            return add_input_products(f_, chunk_inputs(chunk, steps, masks > 0 ? &call_.dropout->input[0] : nullptr),
                                      gates);
        for (std::size_t g = 0; g < kGates; ++g)
            add_product<S>(chunk_inputs(chunk, steps, &call_.dropout->input[g]),
                           gate_columns<const S>(f_.kernel, static_cast<Index>(g)), gates.slot(kInputSlots[g]),
                           gates.stride);
    }

    /// The inputs of a chunk as rows in processing order, (steps * batch, features): the caller's memory where it
    /// already is that, otherwise gathered, with dropout applied and zeros at masked steps (what stands there, NaN
    /// perhaps, must not reach anything).
    [[nodiscard]] MatrixMap<const S> chunk_inputs(Index chunk, Index steps, const RowMatrix<S>* dropout) {
        const SequenceView<const S>& inputs = call_.inputs;
        const Index features = inputs.shape().features;
        const S* begin = inputs.row(0, plan_.input_time(chunk));
        const bool is_plain = dropout == nullptr && (!has_mask_ || call_.is_recorded);
        if (is_plain && steps == 1) return {begin, batch_, features, Eigen::OuterStride<>(inputs.strides().batch)};
        if (is_plain && call_.is_recorded) return {begin, steps * batch_, features, Eigen::OuterStride<>(features)};
        if (is_plain && batch_ == 1 && !plan_.go_backwards())
            return {begin, steps, features, Eigen::OuterStride<>(inputs.strides().time)};
        gather_inputs(inputs, plan_, chunk, steps, dropout == nullptr ? nullptr : dropout_rows(*dropout),
                      workspace_.inputs());
        return block<const S>(workspace_.inputs(), steps * batch_, features);
    }

    /// One step: state_ becomes the state after it, masked rows carried over.
    void advance(Index step, Index last, Index in_chunk) {
        record_checkpoint(step);
        S* next = next_state(step, last);
        if (has_mask_ && !plan_.is_used_by_any(step)) {
            std::copy_n(state_, batch_ * units_, next);
            // A backward pass multiplies what is recorded here by zeros: it must be finite.
            if (call_.recording.gates != nullptr && packed_.is_active())
                std::fill_n(chunk_gates_.row(in_chunk * record_batch()), batch_ * chunk_gates_.stride, S(0));
        } else {
            const bool has_own_gates = call_.recording.gates != nullptr || !packed_.is_active();
            const Gates<S> gates{chunk_gates_.row(has_own_gates ? in_chunk * record_batch() : 0), batch_, units_,
                                 chunk_gates_.stride};
            const bool keeps_inputs = call_.recording.gates != nullptr && f_.needs_inputs();
            // A reference: a copy of what was just written would wait for its stores.
            const Gates<S> activated = keeps_inputs ? workspace_.values(batch_) : Gates<S>();
            const Gates<S>& values = keeps_inputs ? activated : gates;
            if (packed_.is_active())
                packed_step(step, in_chunk, gates, values, next);
            else if (is_single_row(chunk_gates_.rows))
                gru_row_step<ResetAfter, S>(f_, chunk_inputs(step, 1, nullptr).data(), gates, values, state_, next);
            else
                gru_step<ResetAfter, S>(f_, gates, values, state_, state_masks_, next);
        }
        if (has_mask_) carry_masked_rows(step, next);
        state_ = next;
    }

    void packed_step(Index step, Index in_chunk, const Gates<S>& gates, const Gates<S>& values, S* next) {
        const SequenceView<const S>& inputs = call_.inputs;
        const SequenceView<S>& outputs = call_.output.sequences;
        const Index features = f_.features();
        if (is_projected_)
            packed_.use_projected(in_chunk);
        else if (chunk_inputs_ != nullptr)
            packed_.use_inputs({chunk_inputs_ + in_chunk * batch_ * features, features});
        else
            packed_.use_inputs({inputs.row(0, plan_.input_time(step)), inputs.strides().batch});
        S* out = writes_outputs_at_once() ? outputs.row(0, step) : nullptr;
        packed_.advance(state_, next, out == next ? nullptr : out, outputs.strides().batch, gates, values);
    }

    /// Whether a kernel writes the outputs of a step with its state: what a masked step puts out is another matter.
    [[nodiscard]] bool writes_outputs_at_once() const {
        return packed_.is_active() && !has_mask_ && call_.output.sequences.is_present();
    }

    void carry_masked_rows(Index step, S* next) {
        for (Index b = 0; b < batch_; ++b) {
            if (plan_.is_used(b, step))
                workspace_.seen()[b] = 1;
            else
                std::copy_n(state_ + b * units_, units_, next + b * units_);
        }
    }

    void record_checkpoint(Index step) {
        const Recording<S>& recording = call_.recording;
        if (recording.states == nullptr || recording.every == 1 || step % recording.every != 0) return;
        if (!share_.is_first()) return;
        std::copy_n(state_, batch_ * units_, recording.states + step / recording.every * record_batch() * units_);
    }

    /// Where the state after a step goes: into the record, into the outputs where one row is the whole batch, else into
    /// the workspace, beside the state before it.
    [[nodiscard]] S* next_state(Index step, Index last) {
        if (records_every_state())
            return step + 1 < last ? call_.recording.states + (step + 1 - first_) * record_batch() * units_
                                   : workspace_.state(0);
        if (!has_mask_ && batch_ == 1 && call_.output.sequences.is_present())
            return call_.output.sequences.row(0, step);
        return workspace_.state(state_ == workspace_.state(0) ? 1 : 0);
    }

    /// What a row puts out at a step: its state; at a masked step the previous output, which is the state too once the
    /// row has had a used step, and zeros before that or with zero_output_for_mask.
    void write_row(Index b, Index step, S* out) const {
        const bool is_zero =
            has_mask_ && !plan_.is_used(b, step) && (call_.zero_output_for_mask || workspace_.seen()[b] == 0);
        const S* state = state_ + b * units_;
        if (is_zero)
            std::fill_n(out, units_, S(0));
        else if (state != out)
            std::copy_n(state, units_, out);
    }

    void write_sequence(Index step) const {
        for (Index b = 0; b < batch_; ++b) write_row(b, step, call_.output.sequences.row(b, step));
    }

    void finish() const {
        const OutputView<S>& output = call_.output;
        for (Index b = 0; b < batch_; ++b) {
            if (output.last.is_present()) write_row(b, plan_.time() - 1, output.last.row(b));
            if (output.state.is_present()) std::copy_n(state_ + b * units_, units_, output.state.row(b));
        }
        if (call_.final_state != nullptr) std::copy_n(state_, batch_ * units_, call_.final_state);
    }

    const StepFunction<S>& f_;
    const SequenceCall<S>& call_;
    const SequencePlan& plan_;
    Workspace<S>& workspace_;
    PackedSteps<ResetAfter, S> packed_;
    UnitShare share_;
    Index batch_;
    Index units_;
    Index first_ = 0;
    const S* chunk_inputs_ = nullptr;  ///< of a chunk, gathered for the kernels
    bool is_projected_ = false;
    bool has_mask_ = false;
    const S* state_ = nullptr;
    Gates<S> chunk_gates_{};
    StateMasks<S> state_masks_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
