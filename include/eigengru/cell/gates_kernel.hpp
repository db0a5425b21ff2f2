// SPDX-License-Identifier: MIT
// The fused step on packed weights, written once for every instruction set: products, activations and the next state of
// one tile after the other. A source for core/for_each_target.hpp; gate_kernels.hpp includes it. The equations:
// gru_step.hpp.
//
//                 panel of a block: z r h          A tile is tile_rows rows times one block of units: its sums fill the
//                 +--+--+--+                       registers. For each k it loads one packet of z, r and h weights
//      x, then h  |  |  |  | k = 0                 (panels: packed_weights.hpp), broadcasts one element of every row,
//     +---------+ |  |  |  | .                     and multiplies and adds: first over x, then over h, into the same
//     | row 0   | |  |  |  | .                     sums. Between the two, the candidate's sum is set aside, because r
//     | ...     | +--+--+--+                       multiplies its recurrent part alone.
//     | row 7   |  |  |  |
//     +---------+  v  v  v                         Blocks are the outer loop, so that a panel is in the cache for all
//                 sums of 8 rows -> h'             tiles of rows; chunks of rows keep x and h there. Few rows take
//                                                  several blocks at once, so that enough sums are under way.
//
// (Reset before goes through twice: with panels of z and r, then with those of h.) Where weights exceed the cache,
// chunks of rows and steps go through the blocks to and fro: each begins with what the cache holds.
// Every element is summed in the order of k, bias first: the same bits in any tile, batch, and with projected inputs.
// Sums are local arrays with constant indices, and weights are loaded before the broadcasts and pinned to registers:
// without that compilers fold them into the multiplications, which then read them again for every row.

#if defined(EIGENGRU_TARGET)

template <TileGates Gates>
inline constexpr int kGateCount = Gates == TileGates::all  ? 3
                                  : Gates == TileGates::zr ? 2
                                                           : 1;

template <TileGates Gates>
inline constexpr int kFirstGate = Gates == TileGates::c ? 2 : 0;

/// Scalars in a row of a panel.
template <class V, TileGates Gates>
inline constexpr Index kPanelWidth = kGateCount<Gates> * V::size;

/// The panels of the gates of a tile: those of the candidate of reset before come after those of z and r.
template <class V, TileGates Gates>
[[nodiscard]] const typename V::Scalar* panels_of(const StepCall<typename V::Scalar>& s,
                                                  const PanelProduct<typename V::Scalar>& product) {
    return product.panels + kFirstGate<Gates> * ((s.units + V::size - 1) / V::size * V::size) * product.depth;
}

/// The sums of a tile, which are to stay in registers: [row][block][gate].
template <class V, int Rows, int Blocks, TileGates Gates>
using Sums = V[std::size_t(Rows)][std::size_t(Blocks)][std::size_t(kGateCount<Gates>)];

/// The panels of neighbouring blocks of V::size units.
template <class V, int Blocks>
using PanelCursor = const typename V::Scalar * [std::size_t(Blocks)];

/// sums += column k of the rows times row k of the panels. Row r begins at base[r / 3] + r % 3 * stride: an address for
/// each would not fit the integer registers.
template <class V, int Rows, int Blocks, TileGates Gates>
EIGENGRU_ALWAYS_INLINE void add_term(Sums<V, Rows, Blocks, Gates>& sums, const typename V::Scalar* const (&base)[4],
                                     Index stride, const PanelCursor<V, Blocks>& panel, Index k, Index row_of_panel) {
    // Blocks whose weights fit the registers together share the broadcasts.
    constexpr int kTogether = Blocks * kGateCount<Gates> <= 3 ? Blocks : 1;
    EIGENGRU_UNROLL(8)
    for (int first = 0; first < Blocks; first += kTogether) {
        V w[std::size_t(kTogether)][kGates];
        EIGENGRU_UNROLL(3)
        for (int b = 0; b < kTogether; ++b) EIGENGRU_UNROLL(3)
        for (int g = 0; g < kGateCount<Gates>; ++g) {
            w[b][g] = V::load(panel[first + b] + row_of_panel * kPanelWidth<V, Gates> + g * V::size);
            w[b][g].pin();
        }
        EIGENGRU_UNROLL(12)
        for (int r = 0; r < Rows; ++r) {
            V x = V::all(base[r / 3][r % 3 * stride + k]);
            x.pin_broadcast();
            EIGENGRU_UNROLL(3)
            for (int b = 0; b < kTogether; ++b) EIGENGRU_UNROLL(3)
            for (int g = 0; g < kGateCount<Gates>; ++g)
                sums[r][first + b][g] = V::multiply_add(x, w[b][g], sums[r][first + b][g]);
        }
    }
}

/// What a tile fetches into the cache: a share of the panels that lie so many blocks ahead.
struct Ahead {
    int fetched = 0;  ///< rows of a panel for every four that are read; 0, 1, 2 or 4
    Index share = 0;
    Index blocks = 0;
};

/// sums += rows times panels. Meanwhile it fetches Fetched rows of the next panels for every four that it reads itself.
template <class V, int Rows, int Blocks, TileGates Gates, int Fetched>
EIGENGRU_ALWAYS_INLINE void add_panels(Sums<V, Rows, Blocks, Gates>& sums, const StepCall<typename V::Scalar>& s,
                                       const PanelProduct<typename V::Scalar>& product, Index row, Index block,
                                       const Ahead& next) {
    using S = typename V::Scalar;
    constexpr Index kWidth = kPanelWidth<V, Gates>;
    const S* first = product.rows + row * product.stride;
    const S* base[4] = {first, first + (Rows > 3 ? 3 : 0) * product.stride, first + (Rows > 6 ? 6 : 0) * product.stride,
                        first + (Rows > 9 ? 9 : 0) * product.stride};
    const Index apart = product.depth * kWidth;
    PanelCursor<V, Blocks> panel;
    EIGENGRU_UNROLL(8)
    for (int b = 0; b < Blocks; ++b) panel[b] = panels_of<V, Gates>(s, product) + (block + b) * apart;
    // One pointer: with one for each block g++ moves sums to the stack, where nothing is fetched too.
    const S* ahead = panel[0] + next.blocks * apart + next.share * Fetched * (product.depth / 4) * kWidth;
    Index k = 0;
    for (; k + 4 <= product.depth; k += 4) {
        EIGENGRU_UNROLL(8)
        for (int b = 0; b < Blocks; ++b) EIGENGRU_UNROLL(4)
        for (int i = 0; i < Fetched; ++i) EIGENGRU_UNROLL(3)
        for (int g = 0; g < kGateCount<Gates>; ++g) prefetch(ahead + b * apart + i * kWidth + g * V::size);
        ahead += Fetched * kWidth;
        EIGENGRU_UNROLL(4)
        for (int i = 0; i < 4; ++i) add_term<V, Rows, Blocks, Gates>(sums, base, product.stride, panel, i, i);
        EIGENGRU_UNROLL(8)
        for (int b = 0; b < Blocks; ++b) panel[b] += 4 * kWidth;
        EIGENGRU_UNROLL(4)
        for (int i = 0; i < 4; ++i) base[i] += 4;
    }
    for (; k < product.depth; ++k) {
        add_term<V, Rows, Blocks, Gates>(sums, base, product.stride, panel, 0, 0);
        EIGENGRU_UNROLL(8)
        for (int b = 0; b < Blocks; ++b) panel[b] += kWidth;
        EIGENGRU_UNROLL(4)
        for (int i = 0; i < 4; ++i) ++base[i];
    }
}

/// One tile: sums of Rows rows and Blocks blocks of units, from the bias or the projected inputs on.
template <class V, TileGates Gates, int Rows, int Blocks, int Fetched = 0>
void run_tile(const StepCall<typename V::Scalar>& s, Index row, Index block, const Ahead& next = {}) {
    using S = typename V::Scalar;
    constexpr int kCount = kGateCount<Gates>, kFirst = kFirstGate<Gates>;
    constexpr int kSlotOfGate[3] = {kSlotZ, kSlotR, kSlotC};
    const bool is_projected = s.projected != nullptr && s.finish != Finish::input;
    Sums<V, Rows, Blocks, Gates> sums;
    alignas(64) S memory[std::size_t(Rows)][std::size_t(Blocks)][kSlots][std::size_t(V::size)];
    const PanelProduct<S>* const products[] = {&s.input, &s.recurrent};
    EIGENGRU_UNROLL(8)
    for (int b = 0; b < Blocks; ++b) {
        const S* bias = s.bias + (block + b) * kSlots * V::size;
        const S* projected =
            is_projected ? s.projected + row * s.projected_stride + (block + b) * kGates * V::size : nullptr;
        EIGENGRU_UNROLL(12)
        for (int r = 0; r < Rows; ++r) EIGENGRU_UNROLL(3)
        for (int g = 0; g < kCount; ++g)
            sums[r][b][g] = V::load(is_projected ? projected + r * s.projected_stride + (kFirst + g) * V::size
                                                 : bias + kSlotOfGate[kFirst + g] * V::size);
    }
    const int last = s.finish == Finish::input ? 1 : 2;
    // One loop over both products instead of one after the other: half the code.
    for (int p = is_projected ? 1 : 0; p < last; ++p) {
        if constexpr (Gates == TileGates::all) {
            if (p == 1) {
                EIGENGRU_UNROLL(8)
                for (int b = 0; b < Blocks; ++b) {
                    const V bias = V::load(s.bias + ((block + b) * kSlots + kSlotM) * V::size);
                    EIGENGRU_UNROLL(12)
                    for (int r = 0; r < Rows; ++r) {
                        sums[r][b][2].store(memory[r][b][kSlotC]);
                        sums[r][b][2] = bias;
                    }
                }
            }
        }
        add_panels<V, Rows, Blocks, Gates, Fetched>(sums, s, *products[p], row, block, next);
    }
    constexpr int kLastSlot = Gates == TileGates::all ? int(kSlotM) : int(kSlotC);
    EIGENGRU_UNROLL(12)
    for (int r = 0; r < Rows; ++r) EIGENGRU_UNROLL(8)
    for (int b = 0; b < Blocks; ++b) EIGENGRU_UNROLL(3)
    for (int g = 0; g < kCount; ++g) {
        const int gate = kFirst + g;
        const int slot = gate < 2 ? gate : last == 1 ? int(kSlotC) : kLastSlot;
        sums[r][b][g].store(memory[r][b][slot]);
    }
    const TileSums<V> made{row, Rows, block, Blocks, &memory[0][0][0][0]};
    // A vector alone is activated from its registers: finish_tile would read it back from memory.
    if constexpr (Gates == TileGates::all && Rows * Blocks == 1)
        if (s.finish == Finish::state && s.gates == nullptr) return run_pass<V, activate_alone<V>>(s, made);
    finish_tile<V, Gates>(s, made);
}

/// Rows of a full tile: its sums and the weights of one k fill the registers. One that fetches has eight at most: of
/// rows that lie a power of two apart the first cache holds no more.
template <class V, TileGates Gates, bool Fetches = false>
inline constexpr int kTileRows =
    Gates == TileGates::zr && (!Fetches || V::tile_rows * 3 / 2 <= 8) ? V::tile_rows * 3 / 2 : V::tile_rows;

/// Which blocks a pass goes through, and which way.
struct BlockWalk {
    Range blocks;
    bool goes_back;
};

/// Its blocks in groups of Size, then of 2 (where that is 4), then alone; or backwards.
template <int Size>
struct BlockGroups {
    BlockWalk walk;

    [[nodiscard]] Index whole() const { return walk.blocks.count / Size; }
    [[nodiscard]] Index pairs() const { return Size == 4 ? walk.blocks.count % 4 / 2 : 0; }
    [[nodiscard]] Index count() const { return whole() + walk.blocks.count % Size - pairs(); }
    [[nodiscard]] Range operator[](Index i) const {
        if (walk.goes_back) i = count() - 1 - i;
        if (i < whole()) return {walk.blocks.first + i * Size, Size};
        const Index left = walk.blocks.first + whole() * Size, j = i - whole();
        if (j < pairs()) return {left, 2};
        return {left + j + pairs(), 1};
    }
};

/// All blocks for few rows, as many at once as the registers hold.
template <class V, TileGates Gates, int Rows>
void run_band(const StepCall<typename V::Scalar>& s, Index row, Index rows, const BlockWalk& walk) {
    if constexpr (Rows > 1)
        if (rows < Rows) return run_band<V, Gates, Rows - 1>(s, row, rows, walk);
    constexpr int kFit = 3 * V::tile_rows / (Rows * kGateCount<Gates>);
    constexpr int kBlocks = kFit < 1 ? 1 : kFit > 4 ? 4 : kFit;
    const BlockGroups<kBlocks> groups{walk};
    for (Index i = 0, count = groups.count(); i < count; ++i) {
        const Range group = groups[i];
        if (group.count == kBlocks)
            run_tile<V, Gates, Rows, kBlocks>(s, row, group.first);
        else if (kBlocks == 4 && group.count == 2)
            run_tile<V, Gates, Rows, kBlocks == 4 ? 2 : 1>(s, row, group.first);
        else
            run_tile<V, Gates, Rows, 1>(s, row, group.first);
    }
}

/// One tile of half of tile_rows to all of kTileRows rows. Of tile_rows and more there are some that fetch.
template <class V, TileGates Gates, int Blocks, int Rows = kTileRows<V, Gates>>
void run_tall_tile(const StepCall<typename V::Scalar>& s, Index row, Index rows, Index block, const Ahead& ahead) {
    if constexpr (2 * Rows > V::tile_rows)
        if (rows < Rows) return run_tall_tile<V, Gates, Blocks, Rows - 1>(s, row, rows, block, ahead);
    if constexpr (Rows >= V::tile_rows && Rows <= kTileRows<V, Gates, true>)
        if (ahead.fetched == 1) return run_tile<V, Gates, Rows, Blocks, 1>(s, row, block, ahead);
    if constexpr (Rows == V::tile_rows) {
        if (ahead.fetched == 2) return run_tile<V, Gates, Rows, Blocks, 2>(s, row, block, ahead);
        if (ahead.fetched == 4) return run_tile<V, Gates, Rows, Blocks, 4>(s, row, block, ahead);
    }
    run_tile<V, Gates, Rows, Blocks>(s, row, block);
}

/// A chunk of rows as tiles of nearly the same height: 9 = 5 + 4, no row alone.
template <class V, TileGates Gates>
void run_chunk(const StepCall<typename V::Scalar>& s, Index first, Index rows, const BlockWalk& walk) {
    constexpr int kBlocks = 3 / kGateCount<Gates>;
    constexpr Index kTallest = kTileRows<V, Gates, true>;
    const Index tallest = !s.fetches_ahead ? kTileRows<V, Gates> : rows > 3 * kTallest ? kTallest : V::tile_rows;
    const Index tiles = (rows + tallest - 1) / tallest;
    // All tiles that read a panel, or the first of them, fetch the next one, once: taller ones than tile_rows where
    // four or more share in it, lower ones not at all.
    const int fetched = !s.fetches_ahead ? 0 : tiles >= 4 ? 1 : tiles >= 2 ? 2 : 4;
    const bool writes = Gates != TileGates::zr && s.finish == Finish::state && s.out != nullptr;
    const bool fetches_outputs = writes && 2 * rows > kRowChunk;  // those of few rows come by themselves
    const BlockGroups<kBlocks> groups{walk};
    for (Index i = 0, count = groups.count(); i < count; ++i) {
        const Range group = groups[i];
        for (Index tile = 0, row = 0; tile < tiles; ++tile) {
            const Index height = rows / tiles + (tile < rows % tiles ? 1 : 0);
            const Ahead ahead{i + 1 < count && tile * fetched < 4 ? fetched : 0, tile,
                              walk.goes_back ? -group.count : group.count};
            if (fetches_outputs) fetch_outputs<V>(s, first + row, height, group);
            if (group.count == kBlocks)
                run_tall_tile<V, Gates, kBlocks>(s, first + row, height, group.first, ahead);
            else
                run_tall_tile<V, Gates, 1>(s, first + row, height, group.first, ahead);
            row += height;
        }
    }
}

template <class V, TileGates Gates>
void run_rows(const StepCall<typename V::Scalar>& s, Index first, Index rows, const BlockWalk& walk) {
    constexpr int kFewRows = (kTileRows<V, Gates> - 1) / 2;
    if (rows <= kFewRows)
        run_band<V, Gates, kFewRows>(s, first, rows, walk);
    else
        run_chunk<V, Gates>(s, first, rows, walk);
}

/// The kernel: one step, or the part of it that the call asks for.
template <class S, TileGates Gates>
void run_step(const StepCall<S>& s) {
    using V = Vec<S>;
    constexpr Index kPerLine = kLineSize<S> / V::size;
    static_assert(kPerLine > 0, "a vector is at most a cache line");
    BlockWalk walk{{0, (s.units + V::size - 1) / V::size}, s.goes_back};
    if (s.lines.count > 0) {
        const Index first = s.lines.first * kPerLine, end = s.lines.end() * kPerLine;
        walk.blocks = {first, (end < walk.blocks.count ? end : walk.blocks.count) - first};
    }
    // To choose tiles takes nearly a tenth of the time that such a step takes.
    if (s.rows == 1 && walk.blocks.count == 1) return run_tile<V, Gates, 1, 1>(s, 0, walk.blocks.first);
    for (Index row = 0; row < s.rows; row += s.row_chunk) {
        run_rows<V, Gates>(s, row, s.rows - row < s.row_chunk ? s.rows - row : s.row_chunk, walk);
        walk.goes_back = s.fetches_ahead && !walk.goes_back;
    }
}

#endif
