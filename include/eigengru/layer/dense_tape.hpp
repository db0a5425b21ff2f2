// SPDX-License-Identifier: MIT
// The weights of a Dense layer, the record of a forward pass of one, and the gradients of a backward pass.
#pragma once

#include "eigengru/core/moved_flag.hpp"
#include "eigengru/core/sequence.hpp"
#include "eigengru/math/activation.hpp"
#include "eigengru/model/weight_blocks.hpp"

namespace eigengru::inline EIGENGRU_ABI {

/// The weights of a Dense layer, or their gradients: kernel (features, units) and bias (1, units), or (0, units)
/// without.
template <RealScalar S>
class DenseWeights : public detail::WeightBlocks<S, 2> {
public:
    DenseWeights() = default;

    /// Zeros.
    DenseWeights(Index features, Index units, bool use_bias) { reset(features, units, use_bias); }

    /// Zeros of these sizes. Allocates only when the number of scalars changes.
    void reset(Index features, Index units, bool use_bias) {
        this->reset_blocks("DenseWeights", {features, use_bias ? 1 : 0}, units);
    }

    [[nodiscard]] Index features() const { return this->rows(0); }
    [[nodiscard]] Index units() const { return this->width(); }
    [[nodiscard]] bool use_bias() const { return this->rows(1) > 0; }

    [[nodiscard]] MatrixMap<const S> kernel() const& EIGENGRU_LIFETIMEBOUND { return this->block(0); }
    [[nodiscard]] MatrixMap<const S> bias() const& EIGENGRU_LIFETIMEBOUND { return this->block(1); }
    [[nodiscard]] MatrixMap<S> kernel() & EIGENGRU_LIFETIMEBOUND { return this->block(0); }
    [[nodiscard]] MatrixMap<S> bias() & EIGENGRU_LIFETIMEBOUND { return this->block(1); }
};

/// The record of one forward pass of a Dense layer. A value; written again, it keeps its memory.
/// Invariant: empty(), or a complete record.
template <RealScalar S>
class DenseTape {
public:
    [[nodiscard]] bool empty() const { return !is_recorded_; }
    void clear() { is_recorded_.set(false); }

    /// What the layer was given, (batch, time, features).
    [[nodiscard]] const Sequence<S>& inputs() const& EIGENGRU_LIFETIMEBOUND { return inputs_; }
    /// What went into the activation, (batch, time, units).
    [[nodiscard]] const Sequence<S>& linear() const& EIGENGRU_LIFETIMEBOUND { return linear_; }
    /// What the layer gave back, (batch, time, units).
    [[nodiscard]] const Sequence<S>& outputs() const& EIGENGRU_LIFETIMEBOUND { return outputs_; }

    /// Records a pass: `run(linear)` fills what goes into the activation from inputs().
    template <class Run>
    void record(const SequenceView<const S>& inputs, Index units, const Activation& activation, const Run& run) {
        const Shape3& shape = inputs.shape();
        is_recorded_.set(false);
        inputs_.resize(shape);
        linear_.resize({shape.batch, shape.time, units});
        outputs_.resize(linear_.shape());
        for (Index b = 0; b < shape.batch; ++b) inputs_.sequence(b) = inputs.sequence(b);
        run(linear_);
        outputs_.matrix() = linear_.matrix();
        activation.template apply<S>(outputs_.matrix());
        is_recorded_.set(true);
    }

private:
    detail::MovedFlag is_recorded_;
    Sequence<S> inputs_;
    Sequence<S> linear_;
    Sequence<S> outputs_;
};

/// The gradients of a loss with respect to what went into a call of a Dense layer.
template <RealScalar S>
struct DenseGradients {
    DenseWeights<S> parameters = {};  ///< .kernel(), .bias(), .flat()
    Sequence<S> inputs = {};          ///< (batch, time, features)
};

}  // namespace eigengru::inline EIGENGRU_ABI
