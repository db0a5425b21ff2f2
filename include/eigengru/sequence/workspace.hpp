// SPDX-License-Identifier: MIT
// Workspace: the scratch memory of the Eigen backend, sized once for a batch and a number of time steps.
#pragma once

#include "eigengru/cell/gru_step.hpp"

#include <algorithm>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Rows of input that are projected at once: enough to pay for packing the weights, few enough to stay in the cache.
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
};

/// Memory of one call, in this order: the state before and after a step, a state with dropout, the gathered inputs of a
/// chunk, and the gates of a chunk. It does not grow with time beyond one chunk.
template <RealScalar S>
class Workspace {
public:
    /// Makes room; allocates only when the memory at hand is too small.
    void prepare(const WorkspaceShape& shape) {
        shape_ = shape;
        chunk_ = chunk_steps(shape.batch, shape.time);
        // Enough for any smaller batch and time too, whose chunk may hold more rows than this one's.
        const Index rows = std::max(shape.batch, std::min(kChunkRows, shape.batch * shape.time));
        const Index size = 3 * state_size() + rows * (shape.features + kSlots * shape.units);
        if (values_.size() < size) values_.resize(size);
        if (seen_.size() < static_cast<std::size_t>(shape.batch)) seen_.resize(static_cast<std::size_t>(shape.batch));
    }

    [[nodiscard]] Index bytes() const {
        return values_.size() * Index(sizeof(S)) + static_cast<Index>(seen_.size());
    }

    [[nodiscard]] Index chunk() const { return chunk_; }
    [[nodiscard]] S* state(Index which) { return values_.data() + which * state_size(); }
    [[nodiscard]] S* masked_state() { return state(2); }
    [[nodiscard]] S* inputs() { return state(3); }

    /// Whether a row has had a used step, which decides what a masked one puts out.
    [[nodiscard]] unsigned char* seen() { return seen_.data(); }

    /// The gates of a step of the chunk. One row keeps its four gates side by side, [step][gate][unit], so that one
    /// product serves them all; a batch keeps each gate in one piece, [gate][step][row][unit].
    [[nodiscard]] StepGates<S> gates(Index step) {
        S* first = inputs() + chunk_rows() * shape_.features + step * (shape_.batch == 1 ? kSlots : 1) * state_size();
        const Index stride = shape_.batch == 1 ? shape_.units : chunk_ * state_size();
        return {first, first + stride, first + 2 * stride, first + 3 * stride};
    }

    /// One gate of the first `steps` steps of the chunk as a matrix (steps * batch, units).
    [[nodiscard]] MatrixMap<S> gate_rows(S* gate, Index steps) const {
        const Index stride = shape_.batch == 1 ? kSlots * shape_.units : shape_.units;
        return {gate, steps * shape_.batch, shape_.units, Eigen::OuterStride<>(stride)};
    }

private:
    static constexpr Index kSlots = 4;  // z, r, m, c

    [[nodiscard]] Index state_size() const { return shape_.batch * shape_.units; }
    [[nodiscard]] Index chunk_rows() const { return chunk_ * shape_.batch; }

    WorkspaceShape shape_;
    Index chunk_ = 1;
    Eigen::Matrix<S, Eigen::Dynamic, 1> values_;
    std::vector<unsigned char> seen_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
