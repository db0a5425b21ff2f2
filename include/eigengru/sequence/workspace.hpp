// SPDX-License-Identifier: MIT
// Workspace: the scratch memory of the Eigen backend, sized once for a batch and a number of time steps.
#pragma once

#include "eigengru/cell/gru_step.hpp"

#include <algorithm>
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
};

/// Memory of one call, in this order: the state before and after a step, a state with dropout, the gathered inputs of a
/// chunk, and its gates, [step][row][z | r | m | c]. It does not grow with time beyond one chunk.
template <RealScalar S>
class Workspace {
public:
    /// Makes room, for any smaller batch and time too; allocates only when the memory at hand is too small.
    void prepare(const WorkspaceShape& shape) {
        shape_ = shape;
        chunk_ = chunk_steps(shape.batch, shape.time);
        // A smaller batch may have a chunk of more rows than this one's.
        const Index rows = std::max(shape.batch, std::min(kChunkRows, shape.batch * shape.time));
        const Index size = 3 * state_size() + rows * (shape.features + gate_stride(shape.units));
        if (values_.size() < size) {
            values_.resize(0);  // Eigen frees before it allocates: a failure must leave nothing dangling
            values_.resize(size);
        }
        if (seen_.size() < static_cast<std::size_t>(shape.batch)) seen_.resize(static_cast<std::size_t>(shape.batch));
    }

    [[nodiscard]] Index bytes() const {
        return values_.size() * Index(sizeof(S)) + static_cast<Index>(seen_.size());
    }

    /// Time steps in a chunk.
    [[nodiscard]] Index chunk() const { return chunk_; }

    [[nodiscard]] S* state(Index which) { return values_.data() + which * state_size(); }
    [[nodiscard]] S* masked_state() { return state(2); }
    [[nodiscard]] S* inputs() { return state(3); }

    /// The gates of some steps of the chunk.
    [[nodiscard]] Gates<S> gates(Index first, Index steps) {
        S* begin = inputs() + chunk_ * shape_.batch * shape_.features;
        return {begin + first * shape_.batch * gate_stride(shape_.units), steps * shape_.batch, shape_.units};
    }

    /// Whether a row has had a used step, which decides what a masked one puts out.
    [[nodiscard]] unsigned char* seen() { return seen_.data(); }

private:
    [[nodiscard]] Index state_size() const { return shape_.batch * shape_.units; }

    WorkspaceShape shape_;
    Index chunk_ = 1;
    Eigen::Matrix<S, Eigen::Dynamic, 1> values_;
    std::vector<unsigned char> seen_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
