// SPDX-License-Identifier: MIT
// The shape of a weight as Keras counts it, for initializers, regularizers and constraints.
#pragma once

#include "eigengru/core/error.hpp"
#include "eigengru/core/types.hpp"

namespace eigengru::inline EIGENGRU_ABI {

/// A bias of the reset-before GRU is a vector to Keras, although it lies in memory as a matrix of one row: its fans,
/// its axis 0 and what is refused for it differ.
enum class WeightRank : int { vector = 1, matrix = 2 };

/// Rows, columns and rank of a weight. Invariant: a vector has one row.
struct WeightShape {
    Index rows = 0;
    Index cols = 0;
    WeightRank rank = WeightRank::matrix;

    /// Inputs of one unit: the rows of a matrix, the length of a vector.
    [[nodiscard]] constexpr Index fan_in() const { return rank == WeightRank::matrix ? rows : cols; }

    /// Outputs: the columns of a matrix, the length of a vector.
    [[nodiscard]] constexpr Index fan_out() const { return cols; }

    friend constexpr bool operator==(const WeightShape&, const WeightShape&) = default;

    /// As Python writes it: (8, 48), or (48,) for a vector.
    friend void append(std::string& text, const WeightShape& shape) {
        text += shape.rank == WeightRank::matrix ? detail::text("(", shape.rows, ", ", shape.cols, ")")
                                                 : detail::text("(", shape.cols, ",)");
    }
};

/// The same types as MatrixMap<S> and MatrixMap<const S>, spelled so that a function argument deduces S.
template <class S>
using WeightMap = Eigen::Map<RowMatrix<S>, Eigen::Unaligned, Eigen::OuterStride<>>;

template <class S>
using ConstWeightMap = Eigen::Map<const RowMatrix<S>, Eigen::Unaligned, Eigen::OuterStride<>>;

}  // namespace eigengru::inline EIGENGRU_ABI
