// SPDX-License-Identifier: MIT
// SequencePlan: the only code that knows direction x mask. After it everybody walks steps 0 .. time - 1 in processing
// order and asks which input time a step reads and which rows use it.
#pragma once

#include "eigengru/core/mask_view.hpp"

#include <algorithm>

namespace eigengru::inline EIGENGRU_ABI {

/// What the cuDNN rules ask of a mask.
enum class MaskKind : unsigned char { none, right_padded, general };

/// How one call walks through time. A value made anew for each call; it holds views of the caller's mask or lengths.
///
/// `step` counts in processing order, `t` is the input time: t = step, or time - 1 - step when going backwards.
class SequencePlan {
public:
    SequencePlan() = default;
    SequencePlan(const Shape3& shape, bool go_backwards, MaskView mask, IndexListView lengths)
        : batch_(shape.batch),
          time_(shape.time),
          go_backwards_(go_backwards),
          mask_(mask),
          lengths_(std::move(lengths)) {}

    /// The same for some rows alone, which count from 0 then.
    [[nodiscard]] SequencePlan rows(Index first, Index count) const {
        SequencePlan plan = *this;
        plan.first_row_ += first;
        plan.batch_ = count;
        return plan;
    }

    [[nodiscard]] Index batch() const { return batch_; }
    [[nodiscard]] Index time() const { return time_; }
    [[nodiscard]] bool go_backwards() const { return go_backwards_; }
    [[nodiscard]] bool has_mask() const { return mask_.is_present() || lengths_.is_present(); }
    [[nodiscard]] Index input_time(Index step) const { return go_backwards_ ? time_ - 1 - step : step; }

    /// Whether a row uses a step: a masked one leaves its state as it was.
    [[nodiscard]] bool is_used(Index row, Index step) const { return is_used_at(row, input_time(step)); }

    [[nodiscard]] bool is_used_by_any(Index step) const {
        for (Index row = 0; row < batch_; ++row)
            if (is_used(row, step)) return true;
        return false;
    }

    /// right_padded: each row is used at first, then not, and none is empty.
    [[nodiscard]] MaskKind mask_kind() const {
        if (!has_mask()) return MaskKind::none;
        for (Index row = 0; row < batch_; ++row)
            if (!is_right_padded(row)) return MaskKind::general;
        return MaskKind::right_padded;
    }

private:
    [[nodiscard]] bool is_used_at(Index row, Index t) const {
        if (mask_.is_present()) return mask_(first_row_ + row, t);
        return !lengths_.is_present() || t < lengths_[first_row_ + row];
    }

    [[nodiscard]] bool is_right_padded(Index row) const {
        if (!is_used_at(row, 0)) return false;
        for (Index t = 1; t < time_; ++t)
            if (is_used_at(row, t) && !is_used_at(row, t - 1)) return false;
        return true;
    }

    Index first_row_ = 0;
    Index batch_ = 0;
    Index time_ = 0;
    bool go_backwards_ = false;
    MaskView mask_;
    IndexListView lengths_;
};

namespace detail {

/// Copies the inputs of some steps to `out` as rows in processing order, [step][row][feature]: zeros at masked steps,
/// else times the dropout mask (batch, features) where there is one.
template <RealScalar S>
void gather_inputs(const SequenceView<const S>& inputs, const SequencePlan& plan, Index first, Index steps,
                   const S* dropout, S* out) {
    const Index features = inputs.shape().features;
    for (Index step = first; step < first + steps; ++step) {
        for (Index b = 0; b < plan.batch(); ++b, out += features) {
            const S* x = inputs.row(b, plan.input_time(step));
            if (!plan.is_used(b, step))
                std::fill_n(out, features, S(0));
            else if (dropout != nullptr)
                ArrayMap<S>(out, features) =
                    ArrayMap<const S>(x, features) * ArrayMap<const S>(dropout + b * features, features);
            else
                std::copy_n(x, features, out);
        }
    }
}

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI
