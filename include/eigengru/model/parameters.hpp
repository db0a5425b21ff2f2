// SPDX-License-Identifier: MIT
// GruParameters: the weights of a GRU in one contiguous buffer, with named maps made on demand; and ParameterUpdate,
// the only way to write them.
#pragma once

#include "eigengru/fwd.hpp"
#include "eigengru/model/weight_blocks.hpp"

#include <initializer_list>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI {

/// Three matrices in one contiguous buffer, in Keras's order and layout, each row-major: the weights of a GRU, or their
/// gradients.
///
///     name               shape
///     kernel             (features, 3 units)    columns [z | r | h]
///     recurrent_kernel   (units, 3 units)       columns [z | r | h]
///     bias               (2, 3 units)           ResetAfter: row 0 input bias, row 1 recurrent bias
///                        (1, 3 units)           otherwise: input bias alone, Keras's vector (3 units)
///                        (0, 3 units)           use_bias = false
///
/// Invariant: flat() is the three, one after the other, without gaps.
template <RealScalar S>
class GruWeights : public detail::WeightBlocks<S, 3> {
public:
    GruWeights() = default;

    /// Zeros.
    GruWeights(Index features, Index units, Index bias_rows) { reset(features, units, bias_rows); }

    /// Zeros of these sizes. Allocates only when the number of scalars changes.
    void reset(Index features, Index units, Index bias_rows) {
        this->reset_blocks("GruWeights", {features, units, bias_rows},
                           detail::checked_size("GruWeights", {kGates, units}));
    }

    [[nodiscard]] Index features() const { return this->rows(0); }
    [[nodiscard]] Index units() const { return this->rows(1); }
    [[nodiscard]] Index bias_rows() const { return this->rows(2); }
    [[nodiscard]] bool use_bias() const { return bias_rows() > 0; }

    [[nodiscard]] MatrixMap<const S> kernel() const& EIGENGRU_LIFETIMEBOUND { return this->block(0); }
    [[nodiscard]] MatrixMap<const S> recurrent_kernel() const& EIGENGRU_LIFETIMEBOUND { return this->block(1); }
    [[nodiscard]] MatrixMap<const S> bias() const& EIGENGRU_LIFETIMEBOUND { return this->block(2); }

    [[nodiscard]] MatrixMap<S> kernel() & EIGENGRU_LIFETIMEBOUND { return this->block(0); }
    [[nodiscard]] MatrixMap<S> recurrent_kernel() & EIGENGRU_LIFETIMEBOUND { return this->block(1); }
    [[nodiscard]] MatrixMap<S> bias() & EIGENGRU_LIFETIMEBOUND { return this->block(2); }
};

/// The weights of a GRU.
template <RealScalar S, bool ResetAfter>
class GruParameters : public GruWeights<S> {
public:
    using GruWeights<S>::bias;
    using GruWeights<S>::bias_rows;
    using GruWeights<S>::features;
    using GruWeights<S>::kernel;
    using GruWeights<S>::recurrent_kernel;
    using GruWeights<S>::units;
    using GruWeights<S>::use_bias;

    /// Zeros. The sizes must be positive.
    GruParameters(Index feature_count, Index unit_count, bool has_bias)
        : GruWeights<S>(feature_count, unit_count, has_bias ? (ResetAfter ? 2 : 1) : 0) {}

    /// Copies of kernel, recurrent_kernel and, with use_bias, bias.
    [[nodiscard]] std::vector<RowMatrix<S>> get_weights() const {
        std::vector<RowMatrix<S>> weights{kernel(), recurrent_kernel()};
        if (use_bias()) weights.emplace_back(bias());
        return weights;
    }

    /// Replaces all of them, in the order of get_weights(); a bias vector may come in either orientation.
    /// Throws: ShapeError, and nothing has changed.
    template <class Views>
    void set_weights(const Views& weights) {
        const std::size_t expected = use_bias() ? 3 : 2;
        if (weights.size() != expected)
            EIGENGRU_THROW(ShapeError, "Gru::set_weights: expected ", expected, " weights, received ", weights.size());
        const MatrixView<const S>* given = std::data(weights);
        const Index width = kGates * units();
        detail::check_shape("Gru::set_weights", "kernel", given[0], features(), width);
        detail::check_shape("Gru::set_weights", "recurrent_kernel", given[1], units(), width);
        if (use_bias()) detail::check_bias("Gru::set_weights", given[2], bias_rows(), width);
        kernel() = given[0].map();
        recurrent_kernel() = given[1].map();
        if (use_bias()) detail::copy_bias(given[2], bias());
    }
};

/// What `update_parameters` hands out: the same names, writable, for the length of the update. It cannot be copied,
/// since a copy would be edited without effect: take it as `auto& p`.
template <RealScalar S, bool ResetAfter>
class ParameterUpdate {
public:
    explicit ParameterUpdate(GruParameters<S, ResetAfter>& parameters) : parameters_(parameters) {}
    ParameterUpdate(const ParameterUpdate&) = delete;
    ParameterUpdate& operator=(const ParameterUpdate&) = delete;

    [[nodiscard]] MatrixMap<S> kernel() { return parameters_.kernel(); }
    [[nodiscard]] MatrixMap<S> recurrent_kernel() { return parameters_.recurrent_kernel(); }
    [[nodiscard]] MatrixMap<S> bias() { return parameters_.bias(); }
    [[nodiscard]] VectorMap<S> flat() { return parameters_.flat(); }

private:
    GruParameters<S, ResetAfter>& parameters_;
};

}  // namespace eigengru::inline EIGENGRU_ABI
