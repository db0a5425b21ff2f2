// SPDX-License-Identifier: MIT
// WeightBlocks: several weights of the same width in one contiguous buffer, for the parameters of a layer and their
// gradients.
#pragma once

#include "eigengru/core/view.hpp"

#include <algorithm>
#include <array>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// N row-major matrices of one width, one below the other, without gaps.
template <RealScalar S, std::size_t N>
class WeightBlocks {
public:
    using Scalar = S;

    /// The number of scalars.
    [[nodiscard]] Index size() const { return values_.size(); }

    /// All of them in their order.
    [[nodiscard]] VectorMap<const S> flat() const& EIGENGRU_LIFETIMEBOUND { return {values_.data(), values_.size()}; }
    [[nodiscard]] VectorMap<S> flat() & EIGENGRU_LIFETIMEBOUND { return {values_.data(), values_.size()}; }

protected:
    WeightBlocks() = default;

    /// Zeros of these sizes. Allocates only when the number of scalars changes. Throws: ShapeError.
    void reset_blocks(std::string_view where, const std::array<Index, N>& rows, Index width) {
        Index sum = 0;
        for (const Index count : rows) sum += checked_size(where, {count, width}) / std::max<Index>(1, width);
        const Index size = checked_size(where, {sum, width});
        if (size != values_.size()) {
            values_.resize(0);  // Eigen frees before it allocates: a failure must leave nothing dangling
            rows_ = {};
            values_.resize(size);
        }
        values_.setZero();
        rows_ = rows;
        width_ = width;
    }

    [[nodiscard]] Index rows(std::size_t block) const { return rows_[block]; }
    [[nodiscard]] Index width() const { return width_; }
    [[nodiscard]] MatrixMap<const S> block(std::size_t i) const { return map<const S>(values_.data(), i); }
    [[nodiscard]] MatrixMap<S> block(std::size_t i) { return map<S>(values_.data(), i); }

private:
    template <class T>
    [[nodiscard]] MatrixMap<T> map(T* data, std::size_t i) const {
        for (std::size_t before = 0; before < i; ++before) data += rows_[before] * width_;
        return {data, rows_[i], width_, Eigen::OuterStride<>(width_)};
    }

    std::array<Index, N> rows_{};
    Index width_ = 0;
    Eigen::Matrix<S, Eigen::Dynamic, 1> values_;
};

/// Whether a vector of `size` was given as a column.
template <RealScalar S>
[[nodiscard]] bool is_column_of(const MatrixView<const S>& given, Index size) {
    return given.cols() == 1 && given.rows() == size && size != 1;
}

/// Throws: ShapeError unless a bias of that shape was given; a single row may come as a column.
template <RealScalar S>
void check_bias(std::string_view where, const MatrixView<const S>& given, Index rows, Index width) {
    if (rows != 1 || !is_column_of(given, width)) check_shape(where, "bias", given, rows, width);
}

/// Copies a checked bias.
template <RealScalar S>
void copy_bias(const MatrixView<const S>& given, MatrixMap<S> to) {
    if (to.rows() == 1 && is_column_of(given, to.cols()))
        to = given.map().transpose();
    else
        to = given.map();
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
