// SPDX-License-Identifier: MIT
// One call of a loss: targets, predictions, sample weights and mask, checked, and what the reductions divide by.
#pragma once

#include "eigengru/core/mask_view.hpp"
#include "eigengru/training/loss_functions.hpp"
#include "eigengru/training/loss_kinds.hpp"

namespace eigengru::inline EIGENGRU_ABI {

/// What weighs the losses of the time steps; both are optional.
template <RealScalar S>
struct LossCallOptions {
    MatrixView<const S> sample_weight = {};  ///< (batch, 1), one for each sequence, or (batch, time)
    MaskView mask = {};                      ///< (batch, time), true = the step counts
};

namespace detail {

/// The arguments of a call as views, for the length of the call.
template <RealScalar S>
struct LossCall {
    SequenceView<const S> targets;
    SequenceView<const S> predictions;
    const LossCallOptions<S>& options;
    std::optional<std::int64_t> ignore_class = {};

    [[nodiscard]] const Shape3& shape() const { return predictions.shape(); }

    [[nodiscard]] LossRow<S> row(Index b, Index t) const {
        return {targets.row(b, t), predictions.row(b, t), shape().features};
    }

    [[nodiscard]] bool is_masked() const { return options.mask.is_present() || ignore_class.has_value(); }

    [[nodiscard]] bool is_used(Index b, Index t) const {
        if (options.mask.is_present() && !options.mask(b, t)) return false;
        return !ignore_class || static_cast<double>(targets(b, t, 0)) != static_cast<double>(*ignore_class);
    }

    [[nodiscard]] double weight(Index b, Index t) const {
        const MatrixView<const S>& weights = options.sample_weight;
        return weights.is_present() ? static_cast<double>(weights(b, weights.cols() == 1 ? 0 : t)) : 1.0;
    }

    /// The sum of f(b, t) over the used steps.
    template <class F>
    [[nodiscard]] double sum_over_used(const F& f) const {
        double sum = 0.0;
        for (Index b = 0; b < shape().batch; ++b)
            for (Index t = 0; t < shape().time; ++t)
                if (is_used(b, t)) sum += f(b, t);
        return sum;
    }

    /// What the sum of the weighted losses is divided by.
    [[nodiscard]] double divisor(LossReduction reduction) const {
        if (reduction == LossReduction::sum) return 1.0;
        const MatrixView<const S>& weights = options.sample_weight;
        if (reduction == LossReduction::sum_over_batch_size || !weights.is_present())
            return sum_over_used([](Index, Index) { return 1.0; });
        // Keras sums the weights as they were given; only a mask spreads (batch, 1) over the steps.
        if (!is_masked()) return weights.map().template cast<double>().sum();
        return sum_over_used([&](Index b, Index t) { return weight(b, t); });
    }

    /// Throws: ShapeError.
    void check_shapes(std::string_view where, bool is_sparse) const;

    /// Throws: OptionError unless the target of each used step is the number of a class.
    void check_classes(std::string_view where) const;
};

template <RealScalar S>
void LossCall<S>::check_shapes(std::string_view where, bool is_sparse) const {
    if (shape().batch >= 0 && shape().features < 1)
        EIGENGRU_THROW(ShapeError, where, ": predictions expected at least 1 feature, received the shape ", shape());
    const Shape3 expected(shape().batch, shape().time, is_sparse ? Index{1} : shape().features);
    if (!predictions.is_present() || targets.shape() != expected)
        EIGENGRU_THROW(ShapeError, where, ": targets expected the shape ", expected, " for predictions of shape ",
                       shape(), ", received ", targets.shape());
    const MatrixView<const S>& weights = options.sample_weight;
    const bool fits = weights.rows() == shape().batch && (weights.cols() == 1 || weights.cols() == shape().time);
    if (weights.is_present() && !fits)
        EIGENGRU_THROW(ShapeError, where, ": sample_weight expected ", shape_text(shape().batch, 1), " or ",
                       shape_text(shape().batch, shape().time), ", received ",
                       shape_text(weights.rows(), weights.cols()));
    const MaskView& mask = options.mask;
    if (mask.is_present() && (mask.batch() != shape().batch || mask.time() != shape().time))
        EIGENGRU_THROW(ShapeError, where, ": mask expected ", shape_text(shape().batch, shape().time), ", received ",
                       shape_text(mask.batch(), mask.time()));
}

template <RealScalar S>
void LossCall<S>::check_classes(std::string_view where) const {
    const double classes = static_cast<double>(shape().features);
    for (Index b = 0; b < shape().batch; ++b) {
        for (Index t = 0; t < shape().time; ++t) {
            const double target = static_cast<double>(targets(b, t, 0));
            const bool is_class = target >= 0.0 && target < classes && target == std::floor(target);
            if (is_used(b, t) && !is_class)
                EIGENGRU_THROW(OptionError, where, ": targets expected class numbers from 0 to ", shape().features - 1,
                               ", received ", target, " for step ", t, " of sequence ", b);
        }
    }
}

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI
