// SPDX-License-Identifier: MIT
// The scratch memory of the Eigen backend, sized once for a batch and a number of time steps: Workspace for the forward
// pass, BackwardWorkspace for the backward pass.
#pragma once

#include "eigengru/cell/gate_panels.hpp"
#include "eigengru/cell/step_call.hpp"
#include "eigengru/sequence/backward_rounds.hpp"

#include <algorithm>
#include <span>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Rows of input that are projected at once: enough to read the weights seldom, few enough to stay in the cache.
inline constexpr Index kChunkRows = 128;

/// Time steps whose input is projected together.
[[nodiscard]] inline Index chunk_steps(Index batch, Index time) {
    return std::max<Index>(1, std::min(time, kChunkRows / std::max<Index>(1, batch)));
}

/// The sizes that a workspace depends on.
struct WorkspaceShape {
    Index batch = 0;
    Index time = 0;
    Index features = 0;
    Index units = 0;

    /// Rows of a chunk at most, for a smaller batch too, which may have a chunk of more rows than this one's.
    [[nodiscard]] Index chunk_rows() const { return std::max(batch, std::min(kChunkRows, batch * time)); }

    friend bool operator==(const WorkspaceShape&, const WorkspaceShape&) = default;
};

/// One block of memory, cut into parts that begin at cache lines: begin(), take() each part, commit(), then look at the
/// parts.
template <RealScalar S>
class Parts {
public:
    void begin() { size_ = 0; }

    /// The place of a part of `count` scalars.
    [[nodiscard]] Index take(Index count) {
        const Index place = size_;
        size_ += whole_lines<S>(count);
        return place;
    }

    /// Allocates only when the memory at hand is too small.
    void commit() {
        const auto size = static_cast<std::size_t>(size_);
        if (values_.size() >= size) return;
        values_ = {};  // what is there need not be copied
        values_.resize(size);
    }

    [[nodiscard]] S* at(Index place) { return values_.data() + place; }
    [[nodiscard]] Index bytes() const { return static_cast<Index>(values_.size() * sizeof(S)); }

private:
    AlignedVector<S> values_;
    Index size_ = 0;
};

/// Memory of a forward pass. It does not grow with time beyond one chunk.
template <RealScalar S>
class Workspace {
public:
    /// Makes room, for any smaller batch and time too. `has_values`: activated gates beside what went into them.
    void prepare(const WorkspaceShape& shape, bool has_values = false) {
        if (shape == shape_ && (has_values_ || !has_values)) return;
        shape_ = {};  // a failure must not leave the look of a success
        chunk_ = chunk_steps(shape.batch, shape.time);
        const Index stride = gate_stride(shape.units);
        parts_.begin();
        for (Index& state : states_) state = parts_.take(shape.batch * shape.units);
        inputs_ = parts_.take(shape.chunk_rows() * shape.features);
        // A call uses the gates of a chunk, or projected inputs and the gates of a step.
        step_gates_ = shape.chunk_rows() * projected_width<S>(shape.units);
        gates_ = parts_.take(std::max(shape.chunk_rows() * stride, step_gates_ + shape.batch * stride));
        values_ = parts_.take(has_values ? shape.batch * stride : 0);
        parts_.commit();
        if (seen_.size() < static_cast<std::size_t>(shape.batch)) seen_.resize(static_cast<std::size_t>(shape.batch));
        shape_ = shape;
        has_values_ = has_values;
    }

    [[nodiscard]] Index bytes() const {
        Index sum = parts_.bytes() + static_cast<Index>(seen_.size());
        for (const Workspace& other : others_) sum += other.bytes();
        return sum;
    }

    /// Makes room for some rows at a time, each on a thread of its own.
    void prepare_threads(Index threads, const WorkspaceShape& shape, bool has_values) {
        if (others_.size() + 1 < static_cast<std::size_t>(threads))
            others_.resize(static_cast<std::size_t>(threads - 1));
        for (Index i = 0; i < threads; ++i) of_thread(i).prepare(shape, has_values);
    }
    [[nodiscard]] Workspace& of_thread(Index i) { return i == 0 ? *this : others_[static_cast<std::size_t>(i - 1)]; }

    /// Time steps in a chunk.
    [[nodiscard]] Index chunk() const { return chunk_; }

    /// The state before and after a step, where the caller's memory does not serve.
    [[nodiscard]] S* state(std::size_t which) { return parts_.at(states_[which]); }
    /// A state with dropout.
    [[nodiscard]] S* masked_state() { return parts_.at(states_[2]); }
    /// The gathered inputs of a chunk.
    [[nodiscard]] S* inputs() { return parts_.at(inputs_); }
    /// The gates of some steps of a chunk, [step][row][z | r | m | c].
    [[nodiscard]] Gates<S> gates(Index first, Index steps) {
        const Index stride = gate_stride(shape_.units);
        return {parts_.at(gates_) + first * shape_.batch * stride, steps * shape_.batch, shape_.units, stride};
    }
    /// The projected inputs of a chunk as the kernels want them, [step][row]; and the gates of one step beside them.
    [[nodiscard]] S* projected() { return parts_.at(gates_); }
    [[nodiscard]] Gates<S> step_gates() {
        return {parts_.at(gates_) + step_gates_, shape_.batch, shape_.units, gate_stride(shape_.units)};
    }
    /// The activated gates of so many rows of one step; only with has_values.
    [[nodiscard]] Gates<S> values(Index rows) {
        return {parts_.at(values_), rows, shape_.units, gate_stride(shape_.units)};
    }
    /// Which way the next call of one step goes through the weights: see StepCall.
    [[nodiscard]] bool& goes_back() { return goes_back_; }
    /// Whether a row has had a used step, which decides what a masked one puts out.
    [[nodiscard]] unsigned char* seen() { return seen_.data(); }

private:
    WorkspaceShape shape_;
    bool has_values_ = false;
    bool goes_back_ = false;
    Index chunk_ = 1;
    std::array<Index, 3> states_{};
    Index inputs_ = 0;
    Index gates_ = 0;
    Index step_gates_ = 0;
    Index values_ = 0;
    Parts<S> parts_;
    std::vector<unsigned char> seen_;
    std::vector<Workspace> others_;
};

/// Memory of a backward pass. It does not grow with time beyond one chunk, with checkpoints one segment.
template <RealScalar S>
class BackwardWorkspace {
public:
    /// Makes room. `segment_steps`: steps that are computed again at once; 0 without checkpoints. `multiplies_m`:
    /// whether a weight is multiplied by m (reset before).
    void prepare(const WorkspaceShape& shape, Index segment_steps, bool multiplies_m) {
        shape_ = shape;
        const Index rows = shape.chunk_rows();
        const Index state_size = shape.batch * shape.units;
        const Index stride = gate_stride(shape.units);
        parts_.begin();
        for (Index& state : states_) state = parts_.take(state_size);
        d_gates_ = parts_.take(rows * stride);
        values_ = parts_.take(shape.batch * stride);
        d_inputs_ = parts_.take(rows * shape.features);
        scratch_ = parts_.take(rows * std::max(shape.features, shape.units));
        segment_states_ = parts_.take(segment_steps * state_size);
        segment_gates_ = parts_.take(segment_steps * state_size * kSlots);
        prepare_panels(multiplies_m);
        parts_.commit();
        first_used_.resize(static_cast<std::size_t>(shape.batch));
    }

    [[nodiscard]] Index bytes() const {
        return parts_.bytes() + static_cast<Index>(first_used_.capacity() * sizeof(Index)) +
               static_cast<Index>(rounds_.capacity() * sizeof(BackwardRound));
    }

    /// The transposed weights, (3 units, features) and (3 units, units), where no kernels want them as panels.
    [[nodiscard]] MatrixMap<S> kernel_t() {
        return block(parts_.at(kernel_panels_), kGates * shape_.units, shape_.features);
    }
    [[nodiscard]] MatrixMap<S> recurrent_kernel_t() {
        return block(parts_.at(recurrent_panels_), kGates * shape_.units, shape_.units);
    }
    /// The gradient of the state after and before a step.
    [[nodiscard]] S* d_state(std::size_t which) { return parts_.at(states_[which]); }
    /// A product before its dropout mask.
    [[nodiscard]] S* masked_state() { return parts_.at(states_[2]); }
    /// Outputs of a step and the gradient of their activity loss.
    [[nodiscard]] S* outputs() { return parts_.at(states_[3]); }
    [[nodiscard]] S* d_outputs() { return parts_.at(states_[4]); }
    /// The gradients of the gates of some steps of a chunk.
    [[nodiscard]] Gates<S> d_gates(Index first, Index steps) {
        const Index stride = gate_stride(shape_.units);
        return {parts_.at(d_gates_) + first * shape_.batch * stride, steps * shape_.batch, shape_.units, stride};
    }
    /// The activated gates of one step, where only what went into the activations was recorded.
    [[nodiscard]] Gates<S> values() {
        return {parts_.at(values_), shape_.batch, shape_.units, gate_stride(shape_.units)};
    }
    [[nodiscard]] S* d_inputs() { return parts_.at(d_inputs_); }
    [[nodiscard]] S* scratch() { return parts_.at(scratch_); }
    /// The record of a segment that is computed again, as in a tape.
    [[nodiscard]] S* segment_states() { return parts_.at(segment_states_); }
    [[nodiscard]] S* segment_gates() { return parts_.at(segment_gates_); }
    /// For the kernels: the gradients of gates of a chunk, strips of as many rows, transposed weights, and the
    /// gradients of the weights.
    [[nodiscard]] S* gate_panels() { return parts_.at(gate_panels_); }
    [[nodiscard]] S* input_strips() { return parts_.at(input_strips_); }
    [[nodiscard]] S* state_strips() { return parts_.at(state_strips_); }
    [[nodiscard]] S* m_strips() { return parts_.at(m_strips_); }
    [[nodiscard]] S* kernel_panels() { return parts_.at(kernel_panels_); }
    [[nodiscard]] S* recurrent_panels() { return parts_.at(recurrent_panels_); }
    [[nodiscard]] std::span<S> d_weights() {
        return {parts_.at(d_kernel_), static_cast<std::size_t>(d_weights_size())};
    }
    [[nodiscard]] S* d_kernel() { return parts_.at(d_kernel_); }
    [[nodiscard]] S* d_recurrent_kernel() { return parts_.at(d_kernel_ + d_weight_size(shape_.features)); }
    /// The first used step of each row.
    [[nodiscard]] Index* first_used() { return first_used_.data(); }
    /// The rounds of a pass.
    [[nodiscard]] std::vector<BackwardRound>& rounds() { return rounds_; }

private:
    void prepare_panels(bool multiplies_m) {
        const Index rows = shape_.chunk_rows(), features = shape_.features, units = shape_.units;
        gate_panels_ = parts_.take(GatePanels<S>::size(rows, units));
        input_strips_ = parts_.take(strips_size(rows, features));
        state_strips_ = parts_.take(strips_size(rows, units));
        m_strips_ = parts_.take(multiplies_m ? strips_size(rows, units) : 0);
        kernel_panels_ = parts_.take(transposed_size<S>(features, units, kGates));
        recurrent_panels_ = parts_.take(transposed_size<S>(units, units, kGates));
        d_kernel_ = parts_.take(d_weights_size());
    }

    [[nodiscard]] Index d_weight_size(Index rows) const {
        return padded_rows(rows) * line_count<S>(shape_.units) * kGates * kLineSize<S>;
    }
    [[nodiscard]] Index d_weights_size() const { return d_weight_size(shape_.features) + d_weight_size(shape_.units); }

    WorkspaceShape shape_;
    Index gate_panels_ = 0;
    Index input_strips_ = 0;
    Index state_strips_ = 0;
    Index m_strips_ = 0;
    Index kernel_panels_ = 0;
    Index recurrent_panels_ = 0;
    Index d_kernel_ = 0;
    std::array<Index, 5> states_{};
    Index d_gates_ = 0;
    Index values_ = 0;
    Index d_inputs_ = 0;
    Index scratch_ = 0;
    Index segment_states_ = 0;
    Index segment_gates_ = 0;
    Parts<S> parts_;
    std::vector<Index> first_used_;
    std::vector<BackwardRound> rounds_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
