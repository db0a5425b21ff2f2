// SPDX-License-Identifier: MIT
// The index and scalar types, and the row-major aliases that every other header builds on.
#pragma once

#include "eigengru/core/config.hpp"

#include <concepts>
#include <type_traits>

namespace eigengru::inline EIGENGRU_ABI {

/// Sizes and positions; signed, as in Eigen.
using Index = Eigen::Index;

/// The scalar types that the library computes in.
template <class S>
concept RealScalar = std::same_as<S, float> || std::same_as<S, double>;

/// A matrix as NumPy and Keras lay it out: rows one after the other.
template <class S>
using RowMatrix = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// A row-major map whose rows may lie further apart than their length; `const S` makes it read-only.
template <class S>
using MatrixMap = Eigen::Map<
    std::conditional_t<std::is_const_v<S>, const RowMatrix<std::remove_const_t<S>>, RowMatrix<std::remove_const_t<S>>>,
    Eigen::Unaligned, Eigen::OuterStride<>>;

/// A contiguous vector in somebody else's memory; `const S` makes it read-only.
template <class S>
using VectorMap =
    Eigen::Map<std::conditional_t<std::is_const_v<S>, const Eigen::Matrix<std::remove_const_t<S>, Eigen::Dynamic, 1>,
                                  Eigen::Matrix<std::remove_const_t<S>, Eigen::Dynamic, 1>>>;

/// The same memory for element-wise arithmetic.
template <class S>
using ArrayMap =
    Eigen::Map<std::conditional_t<std::is_const_v<S>, const Eigen::Array<std::remove_const_t<S>, Eigen::Dynamic, 1>,
                                  Eigen::Array<std::remove_const_t<S>, Eigen::Dynamic, 1>>>;

/// Blocks of columns in a weight matrix, in the order of Keras: update z, reset r,
/// candidate h.
inline constexpr Index kGates = 3;

}  // namespace eigengru::inline EIGENGRU_ABI
