// SPDX-License-Identifier: MIT
// SequenceCall: one call of the layer as the backends of the CPU are told about it.
#pragma once

#include "eigengru/cell/packed_weights.hpp"
#include "eigengru/core/kernels.hpp"
#include "eigengru/core/rounds.hpp"
#include "eigengru/model/output.hpp"
#include "eigengru/sequence/plan.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Where a forward pass leaves what a backward pass needs; nowhere when null.
template <RealScalar S>
struct Recording {
    S* states = nullptr;  ///< the state before every `every`-th step
    Index every = 1;
    S* gates = nullptr;  ///< the gates of every step, without gaps
    Index batch = 0;     ///< rows of a step in the record, where they are more than those of the call
};

/// Whether the kernels run a call. Dropout of the state has a masked state for each gate, and three masks of the inputs
/// as many inputs: the Eigen path makes those products.
template <RealScalar S>
[[nodiscard]] bool is_for_kernels(Kernels kernels, const DropoutMasks<S>* dropout) {
    return kernels != Kernels::eigen &&
           (dropout == nullptr || (dropout->state.empty() && dropout->input.size() < kGates));
}

/// One call, checked and planned. Every shape fits; what is absent is not wanted.
template <RealScalar S>
struct SequenceCall {
    // References where a copy of what the caller has just written would wait for its stores.
    const SequencePlan& plan;
    const SequenceView<const S>& inputs;
    const OutputView<S>& output;
    bool is_recorded = false;                  ///< inputs are a tape's: in processing order, zeros at masked steps
    MatrixView<const S> initial_state = {};    ///< zeros when absent
    const DropoutMasks<S>* dropout = nullptr;  ///< none when null
    bool zero_output_for_mask = false;
    S* final_state = nullptr;  ///< the state once more, (batch, units) without gaps, unless null
    Recording<S> recording = {};
    const PackedWeights<S>* packed = nullptr;  ///< the same weights for the kernels; null for Kernels::eigen
    Kernels kernels = Kernels::eigen;          ///< resolved
    ExecutorRef executor = {};
    Index first_row = 0;  ///< of the dropout masks: the rest knows nothing of the rows before

    [[nodiscard]] bool is_by_kernels() const { return packed != nullptr && is_for_kernels(kernels, dropout); }
};

/// Some units of each step of a call, for one of several threads that go through its steps together.
struct UnitShare {
    Share share = {};
    SpinBarrier* barrier = nullptr;  ///< where the threads meet; null for one that is alone

    /// Whether this thread does what is done once.
    [[nodiscard]] bool is_first() const { return share.index == 0; }

    void wait_for_others() const {
        if (barrier != nullptr) barrier->arrive_and_wait();
    }
};

/// Some rows of a call, which are a call of their own: no row of a batch knows of the others.
template <RealScalar S>
class CallRows {
public:
    CallRows(const SequenceCall<S>& whole, Index first, Index count)
        : plan_(whole.plan.rows(first, count)),
          inputs_(rows_of(whole.inputs, first, count)),
          output_{rows_of(whole.output.sequences, first, count), rows_of(whole.output.last, first, count),
                  rows_of(whole.output.state, first, count)},
          call_{.plan = plan_,
                .inputs = inputs_,
                .output = output_,
                .is_recorded = whole.is_recorded,
                .initial_state = rows_of(whole.initial_state, first, count),
                .dropout = whole.dropout,
                .zero_output_for_mask = whole.zero_output_for_mask,
                .final_state = whole.final_state == nullptr ? nullptr : whole.final_state + first * units(whole),
                .recording = whole.recording,
                .packed = whole.packed,
                .kernels = whole.kernels,
                .first_row = whole.first_row + first} {
        Recording<S>& recording = call_.recording;
        if (recording.batch == 0) recording.batch = whole.plan.batch();
        if (recording.states != nullptr) recording.states += first * units(whole);
        if (recording.gates != nullptr) recording.gates += first * kSlots * units(whole);
    }
    CallRows(const CallRows&) = delete;
    CallRows& operator=(const CallRows&) = delete;

    [[nodiscard]] const SequenceCall<S>& call() const { return call_; }

private:
    [[nodiscard]] static Index units(const SequenceCall<S>& call) { return call.packed->units(); }

    template <class T>
    static SequenceView<T> rows_of(const SequenceView<T>& all, Index first, Index count) {
        if (!all.is_present()) return all;
        return {all.row(first, 0), {count, all.shape().time, all.shape().features}, all.strides()};
    }
    template <class T>
    static MatrixView<T> rows_of(const MatrixView<T>& all, Index first, Index count) {
        if (!all.is_present()) return all;
        return {all.row(first), count, all.cols(), all.row_stride()};
    }

    SequencePlan plan_;
    SequenceView<const S> inputs_;
    OutputView<S> output_;
    SequenceCall<S> call_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
