// SPDX-License-Identifier: MIT
// The order of a backward pass: what is to be done before what.
#pragma once

#include "eigengru/core/rounds.hpp"

#include <vector>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// What the threads of a backward pass do between two barriers.
struct BackwardRound {
    enum Kind : unsigned char {
        start,     ///< whatever the others need
        record,    ///< the steps of a segment once more, where the tape has checkpoints alone
        steps,     ///< the steps of a chunk back
        products,  ///< the gradients of weights and inputs from a chunk
        finish     ///< what the others leave
    };
    Kind kind = start;
    Range segment = {};  ///< of time steps
    Range chunk = {};    ///< likewise

    friend bool operator==(const BackwardRound&, const BackwardRound&) = default;
};

/// How many steps are at hand at the same time: a segment has a record, a chunk is made in one go.
struct BackwardSizes {
    Index time = 0;
    Index segment = 1;
    Index chunk = 1;
    bool has_checkpoints = false;
};

/// From the last step to the first. Chunks begin at multiples of their size from the start of their segment.
inline void plan_rounds(const BackwardSizes& sizes, std::vector<BackwardRound>& rounds) {
    rounds.clear();
    rounds.push_back({BackwardRound::start});
    for (Index last = sizes.time; last > 0;) {
        const Index first = (last - 1) / sizes.segment * sizes.segment;
        const Range segment{first, last - first};
        if (sizes.has_checkpoints) rounds.push_back({BackwardRound::record, segment});
        for (Index stop = last; stop > first;) {
            const Index begin = first + (stop - first - 1) / sizes.chunk * sizes.chunk;
            const Range chunk{begin, stop - begin};
            rounds.push_back({BackwardRound::steps, segment, chunk});
            rounds.push_back({BackwardRound::products, segment, chunk});
            stop = begin;
        }
        last = first;
    }
    rounds.push_back({BackwardRound::finish});
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
