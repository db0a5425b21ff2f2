// SPDX-License-Identifier: MIT
// LayerData: what flows from layer to layer in a Sequential.
#pragma once

#include "eigengru/core/mask_view.hpp"
#include "eigengru/core/sequence.hpp"
#include "eigengru/fwd.hpp"

namespace eigengru::inline EIGENGRU_ABI {

/// A mask that owns its memory: (batch, time), true = use.
using Mask = Eigen::Array<bool, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// A batch on its way through a model. Where a layer has given up the time axis (a GRU without return_sequences), time
/// is 1 and is_sequence false.
///
/// Invariant: the mask has no elements (there is none), or is (batch, time) of a sequence.
template <RealScalar S>
struct LayerData {
    Sequence<S> values = {};
    bool is_sequence = true;
    Mask mask = {};

    [[nodiscard]] MaskView mask_view() const EIGENGRU_LIFETIMEBOUND {
        return mask.size() > 0 ? MaskView(mask) : MaskView();
    }
};

}  // namespace eigengru::inline EIGENGRU_ABI
