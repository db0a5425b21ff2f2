// SPDX-License-Identifier: MIT
// The backward pass of the Eigen backend: backpropagation through time (BPTT) over a tape. Chunk by chunk from the end
// it steps back through time, and then makes the gradients of weights and inputs from the whole chunk in large
// products.
#pragma once

#include "eigengru/model/gradients.hpp"
#include "eigengru/sequence/eigen_backend.hpp"
#include "eigengru/sequence/packed_gradients.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// The plan of a recorded pass: the record is in processing order already.
template <RealScalar S>
[[nodiscard]] SequencePlan plan_of(const Tape<S>& tape) {
    return {tape.shape(), false, tape.mask(), {}};
}

/// The recorded inputs, [step][row][feature].
template <RealScalar S>
[[nodiscard]] SequenceView<const S> inputs_of(const Tape<S>& tape) {
    const Shape3& shape = tape.shape();
    return {tape.inputs(), shape, {shape.features, shape.batch * shape.features}};
}

/// One backward pass, checked. Every shape fits.
template <RealScalar S>
struct BackwardCall {
    const Tape<S>& tape;
    const OutputGradients<S>& d_output;
    Gradients<S>& into;                        ///< of the right shapes; parameters zero
    const PackedWeights<S>* packed = nullptr;  ///< the weights as the forward pass had them, if it had
};

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
          units_(f.units()) {}

    void run() {
        start();
        const Index time = plan_.time();
        const Index segment = tape_.segment();
        for (Index last = time; last > 0; last = first_) {
            first_ = (last - 1) / segment * segment;
            open_segment(last);
            const Index chunk = forward_.chunk();
            for (Index stop = last; stop > first_;) {
                const Index begin = first_ + (stop - first_ - 1) / chunk * chunk;
                if (packed_.is_active()) packed_.open_chunk((stop - begin) * batch_);
                for (Index step = stop - 1; step >= begin; --step) step_back(step, step - begin);
                add_products(begin, stop - begin);
                stop = begin;
            }
        }
        if (packed_.is_active()) packed_.finish(call_.into.parameters);
        block(call_.into.initial_state.data(), batch_, units_) = block(d_state_, batch_, units_);
    }

private:
    void start() {
        if (packed_.is_active()) {
            packed_.start();
        } else {
            workspace_.kernel_t() = f_.kernel.transpose();
            workspace_.recurrent_kernel_t() = f_.recurrent_kernel.transpose();
        }
        MatrixMap<S> d = block(d_state_, batch_, units_);
        if (call_.d_output.state.is_present())
            d = call_.d_output.state.map();
        else
            d.setZero();
        if (tape_.keeps_final_state() && tape_.signature().return_state)
            add_activity_gradient(block(tape_.final_state(), batch_, units_), d);
        for (Index b = 0; b < batch_; ++b) {
            Index& first = workspace_.first_used()[b];
            for (first = 0; first < plan_.time() && !plan_.is_used(b, first);) ++first;
        }
        if (tape_.dropout() == nullptr || tape_.dropout()->state.empty()) return;
        for (std::size_t g = 0; g < kGates; ++g) state_masks_.gates[g] = tape_.dropout()->state[g].data();
        state_masks_.masked_state = workspace_.masked_state();
    }

    /// Makes states_ and gates_ point at the record of the steps from first_ on; with checkpoints it is computed again.
    void open_segment(Index last) {
        if (tape_.has_gates()) {
            states_ = tape_.state(0);
            gates_ = tape_.gates();
            return;
        }
        states_ = workspace_.segment_states();
        gates_ = workspace_.segment_gates();
        const SequenceView<const S> inputs = inputs_of(tape_);
        const OutputView<S> no_output;
        const SequenceCall<S> again{
            .plan = plan_,
            .inputs = inputs,
            .output = no_output,
            .is_recorded = true,
            .initial_state = {tape_.state(first_), batch_, units_},
            .dropout = tape_.dropout(),
            .recording = {.states = workspace_.segment_states(), .gates = workspace_.segment_gates()},
            .packed = call_.packed,
            .kernels = tape_.kernels()};
        EigenBackend<ResetAfter, S>(f_, again, forward_).run(first_, last);
    }

    [[nodiscard]] const S* state_before(Index step) const { return states_ + (step - first_) * batch_ * units_; }

    [[nodiscard]] Gates<const S> recorded_gates(Index step, Index steps) const {
        const Index width = kSlots * units_;
        return {gates_ + (step - first_) * batch_ * width, steps * batch_, units_, width};
    }

    /// d_state_ from the gradient of the state after a step to that before it; the gradients of its gates.
    void step_back(Index step, Index in_chunk) {
        add_output_gradients(step);
        const Gates<S> d = workspace_.d_gates(packed_.is_active() ? 0 : in_chunk, 1);
        if (plan_.has_mask() && !plan_.is_used_by_any(step)) return clear_rows(d, in_chunk, 0, batch_);
        const Gates<const S> gates = recorded_gates(step, 1);
        const StepGradient<S> step_gradient{.gates = gates,
                                            .values = activated_gates(f_, gates, workspace_.values()),
                                            .d = d,
                                            .h = state_before(step),
                                            .d_next = d_state_,
                                            .d_state = d_before_,
                                            .masks = state_masks_,
                                            .recurrent_kernel_t = read_only(workspace_.recurrent_kernel_t())};
        if (packed_.is_active())
            packed_.step_back(step_gradient, in_chunk * batch_);
        else
            gru_step_backward<ResetAfter, S>(f_, step_gradient);
        for (Index b = 0; plan_.has_mask() && b < batch_; ++b) {
            if (plan_.is_used(b, step)) continue;
            clear_rows(d, in_chunk, b, 1);
            std::copy_n(d_state_ + b * units_, units_, d_before_ + b * units_);
        }
        std::swap(d_state_, d_before_);
    }

    /// Masked rows of a step have no part in any gradient.
    void clear_rows(const Gates<S>& d, Index in_chunk, Index first, Index count) {
        if (packed_.is_active()) return packed_.clear_rows(in_chunk * batch_ + first, count);
        for (Index b = first; b < first + count; ++b) std::fill_n(d.row(b), kSlots * units_, S(0));
    }

    /// Adds what arrives at the outputs of a step, where they are the state and not zeros.
    void add_output_gradients(Index step) {
        const OutputGradients<S>& d = call_.d_output;
        const bool is_last = step + 1 == plan_.time();
        for (Index b = 0; b < batch_; ++b) {
            if (is_zero_output(b, step)) continue;
            ArrayMap<S> d_row(d_state_ + b * units_, units_);
            if (d.sequences.is_present()) d_row += ArrayMap<const S>(d.sequences.row(b, step), units_);
            if (is_last && d.last.is_present()) d_row += ArrayMap<const S>(d.last.row(b), units_);
        }
        if (tape_.keeps_final_state() && (is_last || tape_.signature().return_sequences)) add_output_activity(step);
    }

    [[nodiscard]] bool is_zero_output(Index b, Index step) const {
        return plan_.has_mask() && !plan_.is_used(b, step) &&
               (tape_.signature().zero_output_for_mask || step < workspace_.first_used()[b]);
    }

    /// The activity_regularizer of the outputs of a step.
    void add_output_activity(Index step) {
        MatrixMap<S> outputs = block(workspace_.outputs(), batch_, units_);
        MatrixMap<S> d = block(workspace_.d_outputs(), batch_, units_);
        outputs = block(state_after(step), batch_, units_);
        for (Index b = 0; b < batch_; ++b)
            if (is_zero_output(b, step)) outputs.row(b).setZero();
        d.setZero();
        add_activity_gradient(read_only(outputs), d);
        for (Index b = 0; b < batch_; ++b)
            if (!is_zero_output(b, step)) ArrayMap<S>(d_state_ + b * units_, units_) += d.row(b).array().transpose();
    }

    [[nodiscard]] const S* state_after(Index step) const {
        if (step + 1 == plan_.time()) return tape_.final_state();
        const bool is_in_next_segment = !tape_.has_gates() && (step + 1) % tape_.segment() == 0;
        return is_in_next_segment ? tape_.state(step + 1) : state_before(step + 1);
    }

    void add_activity_gradient(const MatrixMap<const S>& outputs, MatrixMap<S> d) const {
        tape_.signature().activity_regularizer.add_gradient(outputs, WeightRank::matrix, S(1) / static_cast<S>(batch_),
                                                            d);
    }

    /// The gradients of weights and inputs from the gates of a chunk.
    void add_products(Index first, Index steps) {
        const Index features = f_.features();
        const GradientRows<S> rows{
            .d = workspace_.d_gates(0, steps).as_const(),
            .gates = recorded_gates(first, steps),
            .inputs = block(tape_.inputs() + first * batch_ * features, steps * batch_, features),
            .states = state_before(first),
            .dropout = tape_.dropout(),
            .scratch = workspace_.scratch()};
        if (packed_.is_active()) {
            packed_.add_products(rows, call_.into.parameters.bias(), workspace_.d_inputs());
        } else {
            add_parameter_gradients<ResetAfter, S>(rows, call_.into.parameters);
            input_gradient<S>(rows, read_only(workspace_.kernel_t()), workspace_.d_inputs());
        }
        const bool go_backwards = tape_.signature().go_backwards;
        const S* d = workspace_.d_inputs();
        for (Index step = first; step < first + steps; ++step)
            for (Index b = 0; b < batch_; ++b, d += features)
                std::copy_n(d, features,
                            call_.into.inputs.view().row(b, go_backwards ? plan_.time() - 1 - step : step));
    }

    const StepFunction<S>& f_;
    const BackwardCall<S>& call_;
    const Tape<S>& tape_;
    SequencePlan plan_;
    Workspace<S>& forward_;
    BackwardWorkspace<S>& workspace_;
    PackedGradients<ResetAfter, S> packed_;
    Index batch_;
    Index units_;
    Index first_ = 0;  // of the open segment
    const S* states_ = nullptr;
    const S* gates_ = nullptr;
    S* d_state_ = workspace_.d_state(0);
    S* d_before_ = workspace_.d_state(1);
    StateMasks<S> state_masks_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
