// SPDX-License-Identifier: MIT
// The operands of the backward pass in the order in which its kernels read them. A line is a cache line of scalars: 16
// units, 8 in double.
//
//     gradients of gates   [block of units][row]  m | z | r | c : 4 lines; those of W are three neighbours
//                          (z r c), and those of U too (m z r; reset before z r c)
//     transposed weights   [panel][gate line of every block][k of the line]  up to 3 lines of columns
//     strips               [8 columns][row]  8 scalars: a matrix whose columns are multiplied by gradients of gates
//     weight gradients     [block of units][row of the weight]  one line for each gate
//
// Whatever does not exist is zero.
#pragma once

#include "eigengru/cell/packed_weights.hpp"
#include "eigengru/core/rounds.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// The lines of a row of gate gradients.
enum GateLine : Index { kLineM, kLineZ, kLineR, kLineC, kLines };

/// Neighbouring lines.
struct LineRange {
    Index first;
    Index count;
};

/// The gradients of the gates of `rows` rows, steps of a chunk one after the other.
template <class T>
struct GatePanels {
    T* data;
    Index rows;
    Index units;

    static constexpr Index kRow = kLines * kLineSize<std::remove_const_t<T>>;

    [[nodiscard]] static Index size(Index rows, Index units) {
        return line_count<std::remove_const_t<T>>(units) * rows * kRow;
    }
    [[nodiscard]] T* row(Index block, Index i) const { return data + (block * rows + i) * kRow; }
    [[nodiscard]] GatePanels<const T> as_const() const { return {data, rows, units}; }
};

/// Columns of a strip.
inline constexpr Index kStrip = 8;

/// Strips of so many columns.
[[nodiscard]] constexpr Index strip_count(Index cols) {
    return (cols + kStrip - 1) / kStrip;
}

/// Scalars of so many columns as strips.
[[nodiscard]] constexpr Index strips_size(Index rows, Index cols) {
    return strip_count(cols) * kStrip * rows;
}

/// Cuts a matrix into strips, some rows of each at a time: a strip is far from the next.
template <RealScalar S>
void pack_strips(const MatrixMap<const S>& from, S* to) {
    using Row = Eigen::Array<S, kStrip, 1>;
    constexpr Index kRows = 8;
    const Index rows = from.rows(), cols = from.cols(), stride = from.outerStride();
    for (Index first = 0; first < rows; first += kRows) {
        const Index end = std::min(rows, first + kRows);
        for (Index c = 0; c < cols; c += kStrip) {
            const S* row = from.data() + first * stride + c;
            S* out = to + c * rows + first * kStrip;
            for (Index i = first; i < end; ++i, row += stride, out += kStrip) {
                if (cols - c >= kStrip)
                    Eigen::Map<Row>{out} = Eigen::Map<const Row>{row};
                else
                    std::fill(std::copy_n(row, cols - c, out), out + kStrip, S(0));
            }
        }
    }
}

/// Lines of columns in panel p: three, but two and two at the end in place of three and one.
template <class S>
[[nodiscard]] constexpr Index panel_lines(Index panel, Index cols) {
    const Index left = line_count<S>(cols) - 3 * panel;
    return left == 4 ? 2 : left > 3 ? 3 : left == 1 && panel > 0 ? 2 : left;
}

/// Panels of so many columns.
template <class S>
[[nodiscard]] constexpr Index panel_count(Index cols) {
    return (line_count<S>(cols) + 2) / 3;
}

/// The first line of a panel.
template <class S>
[[nodiscard]] constexpr Index first_line(Index panel, Index cols) {
    return line_count<S>(cols) - 3 * panel == 1 && panel > 0 ? 3 * panel - 1 : 3 * panel;
}

/// Scalars of the transposed columns `gates` of a weight with `cols` rows and these units.
template <class S>
[[nodiscard]] constexpr Index transposed_size(Index cols, Index units, Index gate_count) {
    return line_count<S>(cols) * kLineSize<S> * line_count<S>(units) * kLineSize<S> * gate_count;
}

/// One panel of the transpose of a weight (cols, 3 units) for products with lines of gate gradients: gates[i] is the
/// gate (z r h: 0 1 2) whose gradients stand in the i-th of them.
template <RealScalar S, std::size_t N>
void pack_transposed_panel(const MatrixMap<const S>& weight, const std::array<Index, N>& gates, Index panel, S* to) {
    constexpr Index kLine = kLineSize<S>;
    const Index cols = weight.rows(), units = weight.cols() / kGates;
    const Index width = panel_lines<S>(panel, cols) * kLine, col = first_line<S>(panel, cols) * kLine;
    for (Index unit = 0; unit < units; unit += kLine) {
        for (const Index gate : gates) {
            const Index depth = std::min(kLine, units - unit);
            for (Index j = 0; j < width; ++j) {
                const S* from = weight.data() + (col + j) * weight.outerStride() + gate * units + unit;
                const Index count = col + j < cols ? depth : 0;
                for (Index k = 0; k < count; ++k) to[k * width + j] = from[k];
                for (Index k = count; k < kLine; ++k) to[k * width + j] = S(0);
            }
            to += kLine * width;
        }
    }
}

/// All of them, or a share.
template <RealScalar S, std::size_t N>
void pack_transposed(const MatrixMap<const S>& weight, const std::array<Index, N>& gates, S* to, Share share = {}) {
    constexpr Index kLine = kLineSize<S>;
    const Index cols = weight.rows(), depth = line_count<S>(weight.cols() / kGates) * kLine * static_cast<Index>(N);
    const Range panels = share.of(panel_count<S>(cols));
    for (Index p = panels.first; p < panels.end(); ++p)
        pack_transposed_panel(weight, gates, p, to + first_line<S>(p, cols) * kLine * depth);
}

/// Rows of weight gradients with room for whole strips.
[[nodiscard]] constexpr Index padded_rows(Index rows) {
    return strip_count(rows) * kStrip;
}

/// weight += its packed gradients, of which the i-th line is gates[i]; all of them, or a share.
template <RealScalar S>
void add_unpacked(const S* from, const std::array<Index, kGates>& gates, MatrixMap<S> weight, Share share = {}) {
    constexpr Index kLine = kLineSize<S>;
    const Index units = weight.cols() / kGates;
    const Range blocks = share.of(line_count<S>(units));
    from += blocks.first * padded_rows(weight.rows()) * kGates * kLine;
    for (Index block = blocks.first; block < blocks.end(); ++block) {
        const Index unit = block * kLine, count = std::min(kLine, units - unit);
        for (Index row = 0; row < padded_rows(weight.rows()); ++row)
            for (const Index gate : gates) {
                if (row < weight.rows())
                    ArrayMap<S>(weight.data() + row * weight.outerStride() + gate * units + unit, count) +=
                        ArrayMap<const S>(from, count);
                from += kLine;
            }
    }
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
