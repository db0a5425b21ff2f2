// SPDX-License-Identifier: MIT
// The kernels of the backward pass, written once for every instruction set. A source for core/for_each_target.hpp;
// gradient_kernels.hpp includes it. The equations: gru_step.hpp; the layouts: gate_panels.hpp.
//
//     products with transposed weights   dh += dg U^T and dx = dg W^T: tiles of rows times up to three lines of columns
//     weight gradients                   dU += h^T dg and dW += x^T dg: tiles of a strip times the lines of one block
//                                        (reset before: dU_h += m^T dc in the same tiles)
//     step gradients                     dz, dr, dm, dc and the part of dh that needs no product
//
// Tiles are as in gates_kernel.hpp: sums in registers, weights loaded before the broadcasts and pinned. Vectors of less
// than a line read each line several times: they go through as much at a time as the nearest cache holds.

#if defined(EIGENGRU_TARGET)

/// sums of a tile: [row][line]
template <class V, int Rows, int Lines>
using LineSums = V[std::size_t(Rows)][std::size_t(Lines)];

template <class V, int Rows, int Lines>
EIGENGRU_ALWAYS_INLINE void clear(LineSums<V, Rows, Lines>& sums) {
    EIGENGRU_UNROLL(8)
    for (int r = 0; r < Rows; ++r) EIGENGRU_UNROLL(3)
    for (int i = 0; i < Lines; ++i) sums[r][i] = V::all(0);
}

/// sums += x_r w for the rows of a tile and some of its lines, x_r at base[r / 3] + r % 3 * stride.
template <class V, int Rows, int Lines, int First = 0, int Count = Lines>
EIGENGRU_ALWAYS_INLINE void add_line_term(LineSums<V, Rows, Lines>& sums, const typename V::Scalar* const (&base)[3],
                                          Index stride, const typename V::Scalar* w) {
    V weights[3];
    EIGENGRU_UNROLL(3)
    for (int i = 0; i < Count; ++i) {
        weights[i] = V::load(w + (First + i) * kLineSize<typename V::Scalar>);
        weights[i].pin();
    }
    EIGENGRU_UNROLL(8)
    for (int r = 0; r < Rows; ++r) {
        V x = V::all(base[r / 3][r % 3 * stride]);
        x.pin_broadcast();
        EIGENGRU_UNROLL(3)
        for (int i = 0; i < Count; ++i) sums[r][First + i] = V::multiply_add(x, weights[i], sums[r][First + i]);
    }
}

/// One tile of a product with transposed weights: `panel` begins at its columns. Meanwhile it asks for Fetched cache
/// lines of the next panel, from `ahead` on, for every four k.
template <class V, int Rows, int Lines, int Fetched = 0>
void run_transposed_tile(const TransposedCall<typename V::Scalar>& c, Index row, const typename V::Scalar* panel,
                         Index unit, const typename V::Scalar* ahead = nullptr) {
    using S = typename V::Scalar;
    constexpr Index kLine = kLineSize<S>;
    LineSums<V, Rows, Lines> sums;
    clear<V, Rows, Lines>(sums);
    for (Index block = c.blocks.first; block < c.blocks.end(); ++block) {
        const S* first = c.gates.row(block, c.first_row + row) + c.lines.first * kLine;
        const S* base[3] = {first, first + (Rows > 3 ? 3 : 0) * c.gates.kRow,
                            first + (Rows > 6 ? 6 : 0) * c.gates.kRow};
        for (Index k = 0; k < c.lines.count * kLine; k += 4) {
            if constexpr (Fetched > 0) {
                EIGENGRU_UNROLL(12)
                for (int i = 0; i < Fetched; ++i) prefetch(ahead + i * kLine);
                ahead += Fetched * kLine;
            }
            EIGENGRU_UNROLL(4)
            for (int i = 0; i < 4; ++i) {
                add_line_term<V, Rows, Lines>(sums, base, c.gates.kRow, panel);
                panel += c.width;
                EIGENGRU_UNROLL(3)
                for (int j = 0; j < 3; ++j) ++base[j];
            }
        }
    }
    EIGENGRU_UNROLL(8)
    for (int r = 0; r < Rows; ++r) EIGENGRU_UNROLL(3)
    for (int i = 0; i < Lines; ++i) {
        const Index at = unit + i * kLine;
        if (at >= c.cols) continue;
        const Place<V> place{at, c.cols - at < V::size ? c.cols - at : V::size};
        S* out = c.out + (row + r) * c.out_stride;
        place.store(c.adds ? sums[r][i] + place.load(out) : sums[r][i], out);
    }
}

template <class V, int Rows>
void run_transposed_rows(const TransposedCall<typename V::Scalar>& c, Index row, Index lines,
                         const typename V::Scalar* panel, Index unit) {
    if (lines == 3) return run_transposed_tile<V, Rows, 3>(c, row, panel, unit);
    if (lines == 2) return run_transposed_tile<V, Rows, 2>(c, row, panel, unit);
    run_transposed_tile<V, Rows, 1>(c, row, panel, unit);
}

/// The tiles of one panel, or of its part for the blocks at hand. Where `ahead` is not null, the first of them share in
/// fetching as much from there.
template <class V>
void run_transposed_panel(const TransposedCall<typename V::Scalar>& c, Index lines, const typename V::Scalar* panel,
                          Index unit, const typename V::Scalar* ahead) {
    using S = typename V::Scalar;
    constexpr int kFetched = 3, kShares = 12 / kFetched;
    const Index depth = c.blocks.count * c.lines.count * kLineSize<S>;
    Index row = 0;
    for (int share = 0; row + V::tile_rows <= c.rows; row += V::tile_rows, ++share) {
        if (ahead != nullptr && share < kShares && lines == 3)
            run_transposed_tile<V, V::tile_rows, 3, kFetched>(c, row, panel, unit,
                                                              ahead + share * kFetched * (depth / 4) * kLineSize<S>);
        else
            run_transposed_rows<V, V::tile_rows>(c, row, lines, panel, unit);
    }
    for (; row + 3 <= c.rows; row += 3) run_transposed_rows<V, 3>(c, row, lines, panel, unit);
    for (; row < c.rows; ++row) run_transposed_rows<V, 1>(c, row, lines, panel, unit);
}

/// A panel, part by part, where vectors are less than a line: a part stays in the nearest cache while they go through
/// its lines again. `next` is the panel that comes after it, or null.
template <class V>
void run_transposed_parts(const TransposedCall<typename V::Scalar>& c, Index lines, const typename V::Scalar* panel,
                          Index unit, const typename V::Scalar* next) {
    using S = typename V::Scalar;
    constexpr Index kLine = kLineSize<S>, kPartBytes = 18 * 1024;  // of 32 KB; two blocks of three lines and gates
    const Index blocks = line_count<S>(c.gates.units), size = c.lines.count * kLine * c.width;  // of a block
    const Index part_size = kPartBytes / Index(sizeof(S));
    const Index parts = V::size == kLine ? 1 : (blocks * size + part_size - 1) / part_size;
    TransposedCall<S> part = c;
    for (Index i = 0; i < parts; ++i) {
        const Index begin = i * blocks / parts;
        part.blocks = {begin, (i + 1) * blocks / parts - begin};
        part.adds = c.adds || i > 0;
        const S* first = panel + begin * size;
        const S* ahead = !c.is_large ? nullptr : i + 1 < parts ? first + part.blocks.count * size : next;
        for (Index lane = 0; lane < kLine; lane += V::size)
            run_transposed_panel<V>(part, lines, first + lane, unit + lane, lane == 0 ? ahead : nullptr);
    }
}

/// out (rows, cols) = or += the lines of gate gradients times transposed weights.
template <class S>
void multiply_transposed(const TransposedCall<S>& call) {
    using V = Vec<S>;
    constexpr Index kLine = kLineSize<S>;
    constexpr Index kCacheBytes = 700 * 1024;  // of weights that stay in the second cache
    const Index panels = panel_count<S>(call.cols);
    const Index depth = line_count<S>(call.gates.units) * call.lines.count * kLine;
    TransposedCall<S> c = call;
    c.is_large = line_count<S>(call.cols) * kLine * depth * Index(sizeof(S)) > kCacheBytes;
    for (Index i = 0; i < panels; ++i) {
        const Index p = c.goes_back ? panels - 1 - i : i, lines = panel_lines<S>(p, c.cols);
        const Index unit = first_line<S>(p, c.cols) * kLine;
        c.width = lines * kLine;
        const S* next =
            i + 1 < panels ? c.panels + first_line<S>(c.goes_back ? p - 1 : p + 1, c.cols) * kLine * depth : nullptr;
        run_transposed_parts<V>(c, lines, c.panels + unit * depth, unit, next);
    }
}

/// One tile of a weight gradient: tile_rows columns of a strip, lines of a block. `other`: the strip for the last line.
template <class V, bool HasOther>
void run_gradient_tile(const typename V::Scalar* strip, const typename V::Scalar* other,
                       const typename V::Scalar* gates, Index rows, typename V::Scalar* out) {
    using S = typename V::Scalar;
    constexpr Index kLine = kLineSize<S>;
    constexpr int kRows = V::tile_rows;
    // What the sums are added to is far away where there are many weights.
    for (int r = 0; r < kRows * kGates; ++r) prefetch_to_write(out + r * kLine);
    LineSums<V, kRows, kGates> sums;
    clear<V, kRows, kGates>(sums);
    constexpr int kShared = HasOther ? kGates - 1 : kGates;
    for (Index k = 0; k < rows; ++k) {
        const S* const base[3] = {strip, strip + 3, strip + 6};
        add_line_term<V, kRows, kGates, 0, kShared>(sums, base, 1, gates);
        if constexpr (HasOther) {
            const S* const other_base[3] = {other, other + 3, other + 6};
            add_line_term<V, kRows, kGates, kShared, 1>(sums, other_base, 1, gates);
            other += kStrip;
        }
        strip += kStrip;
        gates += kLines * kLine;
    }
    EIGENGRU_UNROLL(8)
    for (int r = 0; r < kRows; ++r) EIGENGRU_UNROLL(3)
    for (int i = 0; i < kGates; ++i) {
        S* to = out + (r * kGates + i) * kLine;
        (V::load(to) + sums[r][i]).store(to);
    }
}

/// The tiles of one block of units, from some rows.
template <class S, bool HasOther>
void run_gradient_block(const WeightGradientCall<S>& c, Index block, Index row, Index rows) {
    using V = Vec<S>;
    constexpr Index kLine = kLineSize<S>;
    const S* gates = c.gates.row(block, row) + c.first * kLine;
    for (Index s = c.range.first; s < c.range.end(); ++s) {
        const Index at = (s * c.rows + row) * kStrip;
        S* out = c.gradients + (block * strip_count(c.cols) + s) * kStrip * kGates * kLine;
        for (Index lane = 0; lane < kLine; lane += V::size)
            for (Index r = 0; r < kStrip; r += V::tile_rows)
                run_gradient_tile<V, HasOther>(c.strips + at + r, HasOther ? c.other + at + r : nullptr, gates + lane,
                                               rows, out + r * kGates * kLine + lane);
    }
}

/// gradients += strips^T times lines of gate gradients.
template <class S>
void add_weight_gradient(const WeightGradientCall<S>& c) {
    // Rows whose gradients stay in the nearest cache.
    const Index most = Vec<S>::size == kLineSize<S> ? c.rows : 64;
    for (Index block = 0; block < line_count<S>(c.gates.units); ++block)
        for (Index row = 0; row < c.rows; row += most) {
            const Index rows = c.rows - row < most ? c.rows - row : most;
            if (c.other == nullptr)
                run_gradient_block<S, false>(c, block, row, rows);
            else
                run_gradient_block<S, true>(c, block, row, rows);
        }
}

/// The gates that a step back reads and writes: a vector of one row.
template <class V>
struct GradientPlace {
    Place<V> place;
    const typename V::Scalar* gates;  ///< z | r | m | c
    typename V::Scalar* d;            ///< m | z | r | c
    Index units;

    [[nodiscard]] V gate(Index slot) const { return place.load(gates + slot * units); }
    void store(GateLine line, V values) const { values.store(d + line * kLineSize<typename V::Scalar>); }
};

/// dz, dr, dm, dc and dh = dh' . z
template <class V>
EIGENGRU_ALWAYS_INLINE V start_after(const GradientPlace<V>& p, V d_next, V h) {
    const V one = V::all(1);
    const V z = p.gate(kSlotZ), r = p.gate(kSlotR), c = p.gate(kSlotC);
    const V dc = d_next * (one - z) * (one - c * c);
    const V dm = dc * r;
    p.store(kLineZ, d_next * (h - c) * z * (one - z));
    p.store(kLineR, dm * p.gate(kSlotM) * (one - r));
    p.store(kLineM, dm);
    p.store(kLineC, dc);
    return d_next * z;
}

/// Reset before, first half: dz, dc and dh = dh' . z
template <class V>
EIGENGRU_ALWAYS_INLINE V start_before(const GradientPlace<V>& p, V d_next, V h) {
    const V one = V::all(1);
    const V z = p.gate(kSlotZ), c = p.gate(kSlotC);
    p.store(kLineZ, d_next * (h - c) * z * (one - z));
    p.store(kLineM, V::all(0));
    p.store(kLineC, d_next * (one - z) * (one - c * c));
    return d_next * z;
}

/// Reset before, second half: with dm = dc U_h^T, dr = dm . h . r (1 - r), and dh += dm . r
template <class V>
EIGENGRU_ALWAYS_INLINE V finish_before(const GradientPlace<V>& p, V dm, V h, V d_state) {
    const V r = p.gate(kSlotR);
    p.store(kLineR, dm * h * r * (V::all(1) - r));
    return d_state + dm * r;
}

/// The element-wise part of a step back for the default activations.
template <class S, GradientPart Part>
void step_gradient(const StepGradientCall<S>& c) {
    using V = Vec<S>;
    constexpr Index kParts = kLineSize<S> / V::size;
    const Index units = c.d.units;
    for (Index row = 0; row < c.rows; ++row) {
        for (Index block = 0; block < line_count<S>(units) * kParts; ++block) {
            const Index unit = block * V::size, left = units - unit;
            const Place<V> place{unit, left < 0 ? 0 : left < V::size ? left : V::size};
            S* d = c.d.row(block / kParts, c.first_row + row) + block % kParts * V::size;
            const GradientPlace<V> p{place, c.gates + row * c.gate_stride, d, units};
            const V h = place.load(c.h + row * units), d_next = place.load(c.d_next + row * units);
            S* d_state = c.d_state + row * units;
            if constexpr (Part == GradientPart::after)
                place.store(start_after(p, d_next, h), d_state);
            else if constexpr (Part == GradientPart::before_start)
                place.store(start_before(p, d_next, h), d_state);
            else
                place.store(finish_before(p, d_next, h, place.load(d_state)), d_state);
        }
    }
}

template <class S, bool ResetAfter>
inline constexpr GradientKernels<S> kGradientKernels =
    ResetAfter ? GradientKernels<S>{&multiply_transposed<S>, &add_weight_gradient<S>,
                                    &step_gradient<S, GradientPart::after>, nullptr}
               : GradientKernels<S>{&multiply_transposed<S>, &add_weight_gradient<S>,
                                    &step_gradient<S, GradientPart::before_start>,
                                    &step_gradient<S, GradientPart::before_finish>};

#endif
