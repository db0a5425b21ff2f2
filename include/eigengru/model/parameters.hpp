// SPDX-License-Identifier: MIT
// GruParameters: the weights of a GRU in one contiguous buffer, with named maps made on demand; and ParameterUpdate, the
// only way to write them.
#pragma once

#include "eigengru/core/view.hpp"
#include "eigengru/fwd.hpp"

#include <initializer_list>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI {

/// The weights of a GRU, in Keras's order and layout: kernel, recurrent_kernel, bias, each row-major.
///
///     name               shape
///     kernel             (features, 3 units)    columns [z | r | h]
///     recurrent_kernel   (units, 3 units)       columns [z | r | h]
///     bias               (2, 3 units)           ResetAfter: row 0 input bias, row 1 recurrent bias
///                        (1, 3 units)           otherwise: input bias alone, Keras's vector (3 units)
///                        (0, 3 units)           use_bias = false
///
/// Invariant: flat() is the three, one after the other, without gaps.
template <RealScalar S, bool ResetAfter>
class GruParameters {
public:
    using Scalar = S;

    /// Zeros. The sizes must be positive.
    GruParameters(Index features, Index units, bool use_bias)
        : features_(features), units_(units), bias_rows_(use_bias ? (ResetAfter ? 2 : 1) : 0) {
        values_.setZero(detail::checked_size("GruParameters", {features + units + bias_rows_, kGates, units}));
    }

    [[nodiscard]] Index features() const { return features_; }
    [[nodiscard]] Index units() const { return units_; }
    [[nodiscard]] bool use_bias() const { return bias_rows_ > 0; }

    /// The number of scalars.
    [[nodiscard]] Index size() const { return values_.size(); }

    [[nodiscard]] MatrixMap<const S> kernel() const& EIGENGRU_LIFETIMEBOUND { return rows<const S>(*this, 0, features_); }
    [[nodiscard]] MatrixMap<const S> recurrent_kernel() const& EIGENGRU_LIFETIMEBOUND {
        return rows<const S>(*this, features_, units_);
    }
    [[nodiscard]] MatrixMap<const S> bias() const& EIGENGRU_LIFETIMEBOUND {
        return rows<const S>(*this, features_ + units_, bias_rows_);
    }
    [[nodiscard]] VectorMap<const S> flat() const& EIGENGRU_LIFETIMEBOUND { return {values_.data(), values_.size()}; }

    [[nodiscard]] MatrixMap<S> kernel() & EIGENGRU_LIFETIMEBOUND { return rows<S>(*this, 0, features_); }
    [[nodiscard]] MatrixMap<S> recurrent_kernel() & EIGENGRU_LIFETIMEBOUND { return rows<S>(*this, features_, units_); }
    [[nodiscard]] MatrixMap<S> bias() & EIGENGRU_LIFETIMEBOUND { return rows<S>(*this, features_ + units_, bias_rows_); }
    [[nodiscard]] VectorMap<S> flat() & EIGENGRU_LIFETIMEBOUND { return {values_.data(), values_.size()}; }

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
        check("kernel", given[0], features_, kGates * units_);
        check("recurrent_kernel", given[1], units_, kGates * units_);
        if (use_bias() && !is_bias_column(given[2])) check("bias", given[2], bias_rows_, kGates * units_);
        kernel() = given[0].map();
        recurrent_kernel() = given[1].map();
        if (use_bias() && is_bias_column(given[2]))
            bias() = given[2].map().transpose();
        else if (use_bias())
            bias() = given[2].map();
    }

private:
    /// Rows of the one buffer, each of 3 units: every weight has that width.
    template <class T, class Self>
    static MatrixMap<T> rows(Self& self, Index first, Index count) {
        const Index width = kGates * self.units_;
        return {self.values_.data() + first * width, count, width, Eigen::OuterStride<>(width)};
    }

    [[nodiscard]] bool is_bias_column(const MatrixView<const S>& given) const {
        return bias_rows_ == 1 && given.cols() == 1 && given.rows() == kGates * units_;
    }

    static void check(std::string_view name, const MatrixView<const S>& given, Index rows, Index cols) {
        if (given.rows() != rows || given.cols() != cols)
            EIGENGRU_THROW(ShapeError, "Gru::set_weights: ", name, " expected shape ", detail::shape_text(rows, cols),
                           ", received ", detail::shape_text(given.rows(), given.cols()));
    }

    Index features_;
    Index units_;
    Index bias_rows_;
    Eigen::Matrix<S, Eigen::Dynamic, 1> values_;
};

/// What `update_parameters` hands out: the same names, writable, for the length of the update. It cannot be copied, since
/// a copy would be edited without effect: take it as `auto& p`.
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
