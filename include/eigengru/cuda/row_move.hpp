// SPDX-License-Identifier: MIT
// RowMove: the two row movements of the cuDNN path on a device. One source for both compilers: nvcc makes kernels of
// move_gathered_row and move_scattered_row (device_kernels.cu), a host compiler makes the twins that tests run.
//
// Used steps of a row are moved together to its front (gather), cuDNN runs all steps of every row, and the results go
// back to where they belong (scatter). Everything is batch-major, [row][step][element].
#pragma once

#include "eigengru/core/config.hpp"

#include <cstdint>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// One movement of whole rows. `gathered` has the used steps of a row first and zeros after them; `sequences` has all
/// steps, in input time for a gather, in processing order for a scatter. Bytes, since nothing is computed.
struct RowMove {
    const unsigned char* mask = nullptr;  ///< [row][input time], not 0 = used; null: all are
    std::int64_t batch = 0;
    std::int64_t time = 0;
    std::int64_t row_bytes = 0;  ///< of one step; a multiple of 4
    bool go_backwards = false;
    bool zero_output_for_mask = false;       ///< scatter: zeros at masked steps
    const std::uint32_t* from = nullptr;     ///< gather: sequences; scatter: gathered
    std::uint32_t* to = nullptr;             ///< gather: gathered; scatter: sequences, or null
    const std::uint32_t* initial = nullptr;  ///< scatter: the state of a row without used steps; null: zeros
    std::uint32_t* last = nullptr;           ///< scatter: [row], the output of the last step; or null
    std::uint32_t* state = nullptr;          ///< scatter: [row], the state after the last used step; or null
};

/// What one of `lanes` workers does for one row: it moves every lanes-th word of each step.
struct RowWorker {
    std::int64_t row = 0;
    std::int64_t lane = 0;
    std::int64_t lanes = 1;
};

/// One step of `words` words, or zeros when `from` is null.
EIGENGRU_HOST_DEVICE inline void move_step(const RowWorker& worker, std::int64_t words, const std::uint32_t* from,
                                           std::uint32_t* to) {
    for (std::int64_t i = worker.lane; i < words; i += worker.lanes) to[i] = from == nullptr ? 0 : from[i];
}

EIGENGRU_HOST_DEVICE inline bool is_used(const RowMove& move, std::int64_t row, std::int64_t step) {
    const std::int64_t t = move.go_backwards ? move.time - 1 - step : step;
    return move.mask == nullptr || move.mask[row * move.time + t] != 0;
}

/// Used steps of one row to its front, zeros behind them.
EIGENGRU_HOST_DEVICE inline void move_gathered_row(const RowMove& move, const RowWorker& worker) {
    const std::int64_t words = move.row_bytes / 4;
    const std::int64_t begin = worker.row * move.time * words;
    std::int64_t count = 0;
    for (std::int64_t step = 0; step < move.time; ++step) {
        if (!is_used(move, worker.row, step)) continue;
        const std::int64_t t = move.go_backwards ? move.time - 1 - step : step;
        move_step(worker, words, move.from + begin + t * words, move.to + begin + count * words);
        ++count;
    }
    for (; count < move.time; ++count) move_step(worker, words, nullptr, move.to + begin + count * words);
}

/// The results of one row to their steps: a masked step repeats the one before it, and is zero before the first.
EIGENGRU_HOST_DEVICE inline void move_scattered_row(const RowMove& move, const RowWorker& worker) {
    const std::int64_t words = move.row_bytes / 4;
    const std::int64_t begin = worker.row * move.time * words;
    const std::int64_t one = worker.row * words;
    const std::uint32_t* state = nullptr;
    for (std::int64_t step = 0; step < move.time; ++step) {
        const bool used = is_used(move, worker.row, step);
        if (used) state = state == nullptr ? move.from + begin : state + words;
        const std::uint32_t* out = used || !move.zero_output_for_mask ? state : nullptr;
        if (move.to != nullptr) move_step(worker, words, out, move.to + begin + step * words);
        if (move.last != nullptr && step + 1 == move.time) move_step(worker, words, out, move.last + one);
    }
    if (state == nullptr && move.initial != nullptr) state = move.initial + one;
    if (move.state != nullptr) move_step(worker, words, state, move.state + one);
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
