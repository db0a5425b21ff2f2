// SPDX-License-Identifier: MIT
// out += a * b without a heap allocation: the one place that knows how Eigen's GEMM and GEMV behave.
#pragma once

#include "eigengru/core/types.hpp"

#include <algorithm>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Fewer rows than this go through Eigen's GEMV one by one: its GEMM packs all of `b` anew on every call, which few rows
/// cannot pay for.
inline constexpr Index kGemmRows = 8;

/// Eigen's GEMM packs blocks of both operands and puts them on the stack up to a limit, on the heap beyond it. These blocks
/// stay below: kGemmDepth x kGemmWidth scalars fill it.
inline constexpr Index kStackBytes = EIGEN_STACK_ALLOCATION_LIMIT == 0 ? 128 * 1024 : EIGEN_STACK_ALLOCATION_LIMIT;
inline constexpr Index kGemmDepth = 256;

template <class S>
inline constexpr Index kGemmWidth = std::max<Index>(8, kStackBytes / (kGemmDepth * Index(sizeof(S))));

/// out += a * b, with a (m, k), b (k, n), out (m, n); out overlaps neither. Allocates nothing.
template <RealScalar S>
void add_product(MatrixMap<const S> a, MatrixMap<const S> b, MatrixMap<S> out) {
    const Index rows = a.rows();
    const Index depth = a.cols();
    const Index cols = b.cols();
    if (rows < kGemmRows) {
        for (Index r = 0; r < rows; ++r) out.row(r).noalias() += a.row(r) * b;
        return;
    }
    constexpr Index kWidth = kGemmWidth<S>;
    for (Index r = 0; r < rows; r += kWidth) {
        const Index m = std::min(kWidth, rows - r);
        for (Index k = 0; k < depth; k += kGemmDepth) {
            const Index d = std::min(kGemmDepth, depth - k);
            for (Index c = 0; c < cols; c += kWidth) {
                const Index n = std::min(kWidth, cols - c);
                out.block(r, c, m, n).noalias() += a.block(r, k, m, d) * b.block(k, c, d, n);
            }
        }
    }
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
