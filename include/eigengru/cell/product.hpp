// SPDX-License-Identifier: MIT
// out += a b and out += a^T b without a heap allocation: the one place that knows how products are computed. Small ones
// go through a tile kernel that reads both where they lie; large ones through Eigen's GEMM, which packs both operands
// first.
#pragma once

#include "eigengru/core/types.hpp"

#include <algorithm>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// The operands of out += a b in memory, with the depth that a and b share. Element (row, k) of a lies at
/// a[row * a_row + k * a_depth], so that a may be a transposed matrix.
template <RealScalar S>
struct ProductRows {
    const S* a;
    Index a_row;
    Index a_depth;
    const S* b;
    Index b_stride;
    S* out;
    Index out_stride;
    Index depth;
};

/// sums += a column of a times the row of b at `b`. Loops over a tile are unrolled at every optimisation level, so that
/// its sums stay in registers.
template <class Packet, int Rows, int Packets, RealScalar S>
EIGENGRU_ALWAYS_INLINE void add_tile_term(Packet (&sums)[std::size_t(Rows)][std::size_t(Packets)], const S* a,
                                          Index a_row, const S* b) {
    namespace packet = Eigen::internal;
    constexpr int kSize = packet::unpacket_traits<Packet>::size;
    Packet w[std::size_t(Packets)];
    EIGENGRU_UNROLL(12)
    for (int c = 0; c < Packets; ++c) w[c] = packet::ploadu<Packet>(b + c * kSize);
    EIGENGRU_UNROLL(4)
    for (int r = 0; r < Rows; ++r) {
        const Packet x = packet::pset1<Packet>(a[r * a_row]);
        EIGENGRU_UNROLL(12)
        for (int c = 0; c < Packets; ++c) sums[r][c] = packet::pmadd(x, w[c], sums[r][c]);
    }
}

/// A tile of `Rows` rows and `Packets` packets of columns: 12 accumulators at most, which 16 registers hold.
template <class Packet, int Rows, int Packets, RealScalar S>
void add_tile(const ProductRows<S>& p, Index row, Index col) {
    namespace packet = Eigen::internal;
    constexpr int kSize = packet::unpacket_traits<Packet>::size;
    Packet sums[std::size_t(Rows)][std::size_t(Packets)];
    EIGENGRU_UNROLL(4)
    for (int r = 0; r < Rows; ++r) EIGENGRU_UNROLL(12)
    for (int c = 0; c < Packets; ++c) sums[r][c] = packet::pset1<Packet>(S(0));
    const S* a = p.a + row * p.a_row;
    const S* b = p.b + col;
    // A small tile would spend its time on the loop.
    constexpr int kTerms = Rows * Packets <= 6 ? 4 : 1;
    Index k = 0;
    for (; k + kTerms <= p.depth; k += kTerms) EIGENGRU_UNROLL(4)
    for (int i = 0; i < kTerms; ++i)
        add_tile_term<Packet, Rows, Packets>(sums, a + (k + i) * p.a_depth, p.a_row, b + (k + i) * p.b_stride);
    for (; k < p.depth; ++k) add_tile_term<Packet, Rows, Packets>(sums, a + k * p.a_depth, p.a_row, b + k * p.b_stride);
    // Only now, so that the sums need not wait for the product that made `out`.
    EIGENGRU_UNROLL(4)
    for (int r = 0; r < Rows; ++r) EIGENGRU_UNROLL(12)
    for (int c = 0; c < Packets; ++c) {
        S* out = p.out + (row + r) * p.out_stride + col + c * kSize;
        packet::pstoreu(out, packet::padd(packet::ploadu<Packet>(out), sums[r][c]));
    }
}

/// The tile of what packets are left.
template <class Packet, int Rows, int Packets, RealScalar S>
void add_narrow_tile(const ProductRows<S>& p, Index row, Index col, Index packets) {
    if constexpr (Packets > 0) {
        if (packets == Packets)
            add_tile<Packet, Rows, Packets>(p, row, col);
        else
            add_narrow_tile<Packet, Rows, Packets - 1>(p, row, col, packets);
    }
}

/// The columns from `col` on: as many tiles of `Packets` packets as fit, one tile of what packets are left, then the
/// same with smaller packets.
template <class Packet, int Rows, int Packets, RealScalar S>
void add_columns(const ProductRows<S>& p, Index row, Index col, Index cols) {
    using Half = typename Eigen::internal::unpacket_traits<Packet>::half;
    constexpr Index kSize = Eigen::internal::unpacket_traits<Packet>::size;
    constexpr Index kWidth = kSize * Packets;
    for (; col + kWidth <= cols; col += kWidth) add_tile<Packet, Rows, Packets>(p, row, col);
    const Index left = (cols - col) / kSize;
    add_narrow_tile<Packet, Rows, Packets - 1>(p, row, col, left);
    col += left * kSize;
    if (col == cols) return;
    if constexpr (sizeof(Half) < sizeof(Packet))
        add_columns<Half, Rows, 1>(p, row, col, cols);
    else if constexpr (kSize > 1)
        add_columns<S, Rows, 1>(p, row, col, cols);
}

/// out += a b by tiles of four rows and what remains.
template <RealScalar S>
void add_tiles(const ProductRows<S>& p, Index rows, Index cols) {
    using Packet = typename Eigen::internal::packet_traits<S>::type;
    Index row = 0;
    for (; row + 4 <= rows; row += 4) add_columns<Packet, 4, 3>(p, row, 0, cols);
    switch (rows - row) {
        case 1: return add_columns<Packet, 1, 12>(p, row, 0, cols);
        case 2: return add_columns<Packet, 2, 6>(p, row, 0, cols);
        case 3: return add_columns<Packet, 3, 4>(p, row, 0, cols);
        default: return;
    }
}

/// Terms that are summed at once.
inline constexpr Index kProductDepth = 64;

/// The same with the depth in blocks, so that few rows of b are walked at once. Each element is a few sums in the order
/// of k, whatever tile it falls in: a row gives the same bits in every batch.
template <RealScalar S>
void add_product_unpacked(const ProductRows<S>& p, Index rows, Index cols) {
    if (p.depth <= kProductDepth) return add_tiles(p, rows, cols);
    for (Index k = 0; k < p.depth; k += kProductDepth) {
        ProductRows<S> block = p;
        block.a += k * p.a_depth;
        block.b += k * p.b_stride;
        block.depth = std::min(kProductDepth, p.depth - k);
        add_tiles(block, rows, cols);
    }
}

/// Eigen's GEMM packs blocks of both operands and puts them on the stack up to a limit, on the heap beyond it. These
/// blocks stay below: kGemmDepth x kGemmWidth scalars fill it.
inline constexpr Index kStackBytes = EIGEN_STACK_ALLOCATION_LIMIT == 0 ? 128 * 1024 : EIGEN_STACK_ALLOCATION_LIMIT;
inline constexpr Index kGemmDepth = 256;

template <class S>
inline constexpr Index kGemmWidth = std::max<Index>(8, kStackBytes / (kGemmDepth * Index(sizeof(S))));

/// out += a b through Eigen, block by block; a may be the transpose of a map.
template <RealScalar S, class A>
void add_product_packed(const A& a, const MatrixMap<const S>& b, MatrixMap<S> out) {
    constexpr Index kWidth = kGemmWidth<S>;
    for (Index r = 0; r < a.rows(); r += kWidth) {
        const Index m = std::min(kWidth, a.rows() - r);
        for (Index k = 0; k < a.cols(); k += kGemmDepth) {
            const Index d = std::min(kGemmDepth, a.cols() - k);
            for (Index c = 0; c < b.cols(); c += kWidth) {
                const Index n = std::min(kWidth, b.cols() - c);
                out.block(r, c, m, n).noalias() += a.block(r, k, m, d) * b.block(k, c, d, n);
            }
        }
    }
}

/// out += a b, with a (m, k), b (k, n), out (m, n) in rows `out_stride` apart; out overlaps neither. Allocates nothing.
/// One row goes to Eigen's GEMV, unless it is so short that the sums fit into one tile. Packing pays from many rows on,
/// and only where b exceeds the cache. (Maps are passed by reference: a copy of one just made would wait for its own
/// stores.)
template <RealScalar S>
void add_product(const MatrixMap<const S>& a, const MatrixMap<const S>& b, S* out, Index out_stride) {
    constexpr Index kTileColumns = 12 * Eigen::internal::packet_traits<S>::size;
    constexpr Index kPackedRows = 64;
    constexpr Index kPackedBytes = 4 * 1024 * 1024;
    const Index rows = a.rows();
    if (rows == 1 && b.cols() > kTileColumns)
        VectorMap<S>(out, b.cols()).noalias() += b.transpose() * a.row(0).transpose();
    else if (rows >= kPackedRows && b.size() * Index(sizeof(S)) > kPackedBytes)
        add_product_packed<S>(a, b, {out, rows, b.cols(), Eigen::OuterStride<>(out_stride)});
    else
        add_product_unpacked<S>({a.data(), a.outerStride(), 1, b.data(), b.outerStride(), out, out_stride, a.cols()},
                                rows, b.cols());
}

/// out += a^T b, with a (k, m), b (k, n), out (m, n): a weight gradient from k rows of inputs and of gradients.
template <RealScalar S>
void add_transposed_product(const MatrixMap<const S>& a, const MatrixMap<const S>& b, MatrixMap<S> out) {
    add_product_unpacked<S>(
        {a.data(), 1, a.outerStride(), b.data(), b.outerStride(), out.data(), out.outerStride(), a.rows()}, a.cols(),
        b.cols());
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
