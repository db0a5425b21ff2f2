// SPDX-License-Identifier: MIT
// The Eigen backend: one call of the layer on the CPU. Chunk by chunk it gathers the inputs (direction, masks and dropout
// end here), projects them in large products, and then steps through the chunk.
#pragma once

#include "eigengru/model/options.hpp"
#include "eigengru/model/output.hpp"
#include "eigengru/sequence/plan.hpp"
#include "eigengru/sequence/workspace.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// One call, checked and planned. Every shape fits; what is absent is not wanted.
template <RealScalar S>
struct SequenceCall {
    const SequencePlan& plan;
    SequenceView<const S> inputs;
    MatrixView<const S> initial_state;            ///< zeros when absent
    const DropoutMasks<S>* dropout = nullptr;     ///< none when null
    bool zero_output_for_mask = false;
    OutputView<S> output;
};

/// Runs a call with the weights of `f`. The workspace must have been prepared for batch, time, features and units.
template <bool ResetAfter, RealScalar S>
class EigenBackend {
public:
    EigenBackend(const StepFunction<S>& f, const SequenceCall<S>& call, Workspace<S>& workspace)
        : f_(f), call_(call), plan_(call.plan), workspace_(workspace), batch_(plan_.batch()), units_(f.units()) {}

    void run() {
        start();
        const Index time = plan_.time();
        for (Index first = 0; first < time; first += workspace_.chunk()) {
            const Index steps = std::min(workspace_.chunk(), time - first);
            project_inputs(first, steps);
            for (Index i = 0; i < steps; ++i) {
                advance(first + i, i);
                if (call_.output.sequences.is_present()) write_sequence(first + i);
            }
        }
        finish();
    }

private:
    void start() {
        MatrixMap<S> h = block(state_, batch_, units_);
        if (call_.initial_state.is_present())
            h = call_.initial_state.map();
        else
            h.setZero();
        std::fill_n(workspace_.seen(), batch_, static_cast<unsigned char>(0));
        if (call_.dropout == nullptr || call_.dropout->state.empty()) return;
        for (std::size_t g = 0; g < kGates; ++g) state_masks_.gates[g] = call_.dropout->state[g].data();
        state_masks_.masked_state = workspace_.masked_state();
    }

    /// Fills the gates of a chunk with the biases and the projected inputs.
    void project_inputs(Index first, Index steps) {
        const Gates<S> gates = workspace_.gates(0, steps);
        set_gates_to_biases<ResetAfter>(f_, gates);
        const std::size_t masks = call_.dropout != nullptr ? call_.dropout->input.size() : 0;
        if (masks < kGates)
            return add_input_products(f_, chunk_inputs(first, steps, masks > 0 ? &call_.dropout->input[0] : nullptr),
                                      gates);
        constexpr std::array<Index, kGates> kSlotOf{kSlotZ, kSlotR, kSlotC};
        for (std::size_t g = 0; g < kGates; ++g)
            add_product<S>(chunk_inputs(first, steps, &call_.dropout->input[g]),
                           gate_columns<S>(f_.kernel, static_cast<Index>(g)), gates.slot(kSlotOf[g]), gates.stride());
    }

    /// The inputs of a chunk as rows in processing order, (steps * batch, features): the caller's memory where it already
    /// is that, otherwise gathered, with dropout applied and zeros at masked steps (what stands there, NaN perhaps, must
    /// not reach anything).
    [[nodiscard]] MatrixMap<const S> chunk_inputs(Index first, Index steps, const RowMatrix<S>* dropout) {
        const SequenceView<const S>& inputs = call_.inputs;
        const Index features = inputs.shape().features;
        const bool is_plain = dropout == nullptr && !plan_.has_mask();
        if (is_plain && steps == 1)
            return {inputs.row(0, plan_.input_time(first)), batch_, features,
                    Eigen::OuterStride<>(inputs.strides().batch)};
        if (is_plain && batch_ == 1 && !plan_.go_backwards())
            return {inputs.row(0, first), steps, features, Eigen::OuterStride<>(inputs.strides().time)};
        S* out = workspace_.inputs();
        for (Index i = 0; i < steps; ++i) {
            for (Index b = 0; b < batch_; ++b, out += features) {
                ArrayMap<S> gathered(out, features);
                const ArrayMap<const S> x(inputs.row(b, plan_.input_time(first + i)), features);
                if (!plan_.is_used(b, first + i))
                    gathered.setZero();
                else if (dropout != nullptr)
                    gathered = x * ArrayMap<const S>(dropout->data() + b * features, features);
                else
                    gathered = x;
            }
        }
        return block<const S>(workspace_.inputs(), steps * batch_, features);
    }

    /// One step: state_ becomes the state after it, masked rows carried over.
    void advance(Index step, Index in_chunk) {
        if (plan_.has_mask() && !plan_.is_used_by_any(step)) return;
        gru_step<ResetAfter, S>(f_, workspace_.gates(in_chunk, 1), state_, state_masks_, next_);
        std::swap(state_, next_);
        if (!plan_.has_mask()) return;
        for (Index b = 0; b < batch_; ++b) {
            if (plan_.is_used(b, step))
                workspace_.seen()[b] = 1;
            else
                copy_row(next_ + b * units_, state_ + b * units_);
        }
    }

    /// What a row puts out at a step: its state; at a masked step the previous output, which is the state too once the row
    /// has had a used step, and zeros before that or with zero_output_for_mask.
    void write_row(Index b, Index step, S* out) const {
        const bool is_zero = plan_.has_mask() && !plan_.is_used(b, step) &&
                             (call_.zero_output_for_mask || workspace_.seen()[b] == 0);
        if (is_zero)
            ArrayMap<S>(out, units_).setZero();
        else
            copy_row(state_ + b * units_, out);
    }

    void copy_row(const S* from, S* to) const { ArrayMap<S>(to, units_) = ArrayMap<const S>(from, units_); }

    void write_sequence(Index step) const {
        for (Index b = 0; b < batch_; ++b) write_row(b, step, call_.output.sequences.row(b, step));
    }

    void finish() const {
        const OutputView<S>& output = call_.output;
        if (output.last.is_present())
            for (Index b = 0; b < batch_; ++b) write_row(b, plan_.time() - 1, output.last.row(b));
        if (output.state.is_present()) output.state.map() = block<const S>(state_, batch_, units_);
    }

    const StepFunction<S>& f_;
    const SequenceCall<S>& call_;
    const SequencePlan& plan_;
    Workspace<S>& workspace_;
    Index batch_;
    Index units_;
    S* state_ = workspace_.state(0);
    S* next_ = workspace_.state(1);
    StateMasks<S> state_masks_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
