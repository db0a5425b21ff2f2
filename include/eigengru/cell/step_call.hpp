// SPDX-License-Identifier: MIT
// StepCall: what a kernel is told about one time step. Plain pointers and sizes, the same for every instruction set.
#pragma once

#include "eigengru/cell/packed_weights.hpp"
#include "eigengru/core/rounds.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// One product of a step: `depth` columns of rows that lie `stride` apart, times packed panels.
template <RealScalar S>
struct PanelProduct {
    const S* rows = nullptr;
    Index stride = 0;
    Index depth = 0;
    const S* panels = nullptr;
};

/// What becomes of the sums of the products.
enum class Finish : unsigned char {
    state,  ///< the default activations are applied, and the next state is written
    sums,   ///< they go to the gates, for other activations
    input   ///< only the input product was made: it goes to `projected`, as [block][z r c]
};

/// Rows whose x and h stay in the cache while all blocks of units pass.
inline constexpr Index kRowChunk = 32;

/// One step of a batch, or the part of it that a kernel is asked for. The equations and their letters: gru_step.hpp.
template <RealScalar S>
struct StepCall {
    Index rows = 0;
    Index row_chunk = kRowChunk;  ///< rows that all blocks of units pass together
    Index units = 0;
    Range lines = {};  ///< cache lines of units: only these are computed; all when empty
    Finish finish = Finish::state;
    bool fetches_ahead = false;  ///< whether the weights exceed the cache: the next panel is fetched in good time
    bool flushes = false;        ///< whether states too small to matter become 0: flush.hpp; with Finish::state alone
    bool goes_back = false;      ///< whether the first chunk of rows begins with the last block of units
    PanelProduct<S> input;       ///< x W; not when `projected` has it already
    PanelProduct<S> recurrent;   ///< h U; the candidate of reset before: m U_h; not for Finish::input
    const S* bias = nullptr;     ///< packed

    S* projected = nullptr;  ///< x W with the bias, [row][block][z r c], or null
    Index projected_stride = 0;
    const S* h = nullptr;  ///< the state before the step, (rows, units) without gaps
    S* next = nullptr;     ///< the state after it, likewise
    S* out = nullptr;      ///< the same once more, in rows out_stride apart, unless null
    Index out_stride = 0;
    S* gates = nullptr;  ///< rows of z | r | m | c; for Finish::state of ResetAfter only where they are wanted
    Index gate_stride = 0;

    /// Not a constant: g++ makes a constant of this size with `rep stos`, which takes long to begin.
    StepCall() noexcept {}

    /// The next step begins where this one has ended, with the weights that are in the cache.
    void turn() {
        if (fetches_ahead && (rows + row_chunk - 1) / row_chunk % 2 != 0) goes_back = !goes_back;
    }
};

/// A step of so many rows with these weights; its memory is still to be named.
template <RealScalar S>
[[nodiscard]] StepCall<S> step_call(const PackedWeights<S>& weights, Index features, Index rows) {
    // Each chunk reads the weights anew. Where these fill a good part of the last cache, that costs more than what 64
    // rows lose in the nearer ones.
    constexpr Index kFarBytes = 10 * 1024 * 1024;
    StepCall<S> step;
    step.rows = rows;
    step.row_chunk = weights.bytes() > kFarBytes ? 2 * kRowChunk : kRowChunk;
    step.units = weights.units();
    step.fetches_ahead = weights.exceeds_cache();
    step.input.depth = features;
    step.input.panels = weights.kernel();
    step.recurrent.depth = weights.units();
    step.recurrent.panels = weights.recurrent_kernel();
    step.bias = weights.bias();
    return step;
}

/// Elements of one row of projected inputs, at most.
template <class S>
[[nodiscard]] constexpr Index projected_width(Index units) {
    return line_count<S>(units) * kGates * kLineSize<S>;
}

/// The gates whose sums one tile makes: all (ResetAfter), or first z and r, then the candidate (reset before).
enum class TileGates : unsigned char { all, zr, c };

}  // namespace eigengru::inline EIGENGRU_ABI::detail
