// SPDX-License-Identifier: MIT
// The step of a FixedGru, written once for every instruction set. A source for core/for_each_target.hpp; fixed.hpp
// includes it. The equations: gru_step.hpp.
//
// A single small step is a chain: state, products, sigmoid of r, tanh, state. So r is summed first, and its sigmoid is
// under way while z and m are summed; every sum is split into parts that do not wait for one another; the activations
// are those of fixed_activations.hpp. Sums are local arrays with constant indices: all loops over them must vanish.

#if defined(EIGENGRU_TARGET)

/// Sums under way at once: two multiply-adds a cycle, each ready after four or five.
inline constexpr int kFixedChains = 12;

/// Vectors of units that are summed together.
inline constexpr int kFixedBlocks = 8;

/// Into how many parts each of so many sums of so many products is split.
[[nodiscard]] constexpr int fixed_split(int sums, int products) {
    const int fit = kFixedChains / sums < products ? kFixedChains / sums : products;
    return fit >= 4 ? 4 : fit >= 2 ? 2 : 1;
}

/// The sums of Blocks vectors of units: r, z, and m or c.
template <class V, int Blocks, int Gates = 3>
using FixedSums = V[std::size_t(Gates)][std::size_t(Blocks)];

/// sums += one value times its row of the weights of W, for neighbouring gates.
template <class W, class V, int Blocks, int Gates>
EIGENGRU_ALWAYS_INLINE void add_row(FixedSums<V, Blocks, Gates>& sums, V value, const typename V::Scalar* row) {
    EIGENGRU_UNROLL(3)
    for (int g = 0; g < Gates; ++g) EIGENGRU_UNROLL(8)
    for (int b = 0; b < Blocks; ++b)
        sums[g][b] = V::multiply_add(value, V::load(row + g * Index(W::kGateSize) + b * V::size), sums[g][b]);
}

/// sums += Depth values times their rows, for the gates First, ..., First + Gates - 1.
template <class W, class V, int Blocks, int First, int Gates, int Depth>
EIGENGRU_ALWAYS_INLINE void add_products(FixedSums<V, Blocks>& sums, const typename V::Scalar* values,
                                         const typename V::Scalar* rows) {
    using S = typename V::Scalar;
    constexpr int kSplit = fixed_split(Gates * Blocks, Depth), kWhole = Depth / kSplit * kSplit;
    constexpr Index kRow = Index(W::kLanes);
    rows += First * Index(W::kGateSize);
    FixedSums<V, Blocks, Gates> parts[std::size_t(kSplit)];
    EIGENGRU_UNROLL(3)
    for (int g = 0; g < Gates; ++g) EIGENGRU_UNROLL(8)
    for (int b = 0; b < Blocks; ++b) {
        parts[0][g][b] = sums[First + g][b];
        EIGENGRU_UNROLL(4)
        for (int s = 1; s < kSplit; ++s) parts[s][g][b] = V::all(S(0));
    }
    EIGENGRU_UNROLL(4)
    for (int k = 0; k < kWhole; k += kSplit) EIGENGRU_UNROLL(4)
    for (int s = 0; s < kSplit; ++s)
        add_row<W, V, Blocks, Gates>(parts[s], V::all(values[k + s]), rows + (k + s) * kRow);
    EIGENGRU_UNROLL(4)
    for (int s = 0; s < Depth - kWhole; ++s)
        add_row<W, V, Blocks, Gates>(parts[s], V::all(values[kWhole + s]), rows + (kWhole + s) * kRow);
    EIGENGRU_UNROLL(3)
    for (int g = 0; g < Gates; ++g) EIGENGRU_UNROLL(8)
    for (int b = 0; b < Blocks; ++b) {
        V sum = parts[0][g][b];
        if constexpr (kSplit == 2) sum = sum + parts[1][g][b];
        if constexpr (kSplit == 4) sum = (sum + parts[1][g][b]) + (parts[2][g][b] + parts[3][g][b]);
        sums[First + g][b] = sum;
    }
}

/// Blocks vectors of units from vector First on.
template <class W, int First, int Blocks>
struct FixedTile {
    using S = typename W::Scalar;
    using V = Vec<S>;
    using Sums = FixedSums<V, Blocks>;
    static constexpr int kAt = First * V::size;
    /// Which gates are summed together: enough for kFixedChains sums, not more than there are registers.
    static constexpr bool kTakesThree = V::tile_rows == 8 && 3 * Blocks >= kFixedChains;
    static constexpr bool kTakesTwo = 2 * Blocks <= kFixedChains;

    const W& w;
    const S* x;
    const S* h;

    /// Biases and input products of neighbouring gates, the first in slot Gate.
    template <int Gate, int Gates>
    EIGENGRU_ALWAYS_INLINE void start(Sums& sums) const {
        EIGENGRU_UNROLL(2)
        for (int g = 0; g < Gates; ++g)
            set_to_bias(sums[Gate + g], Gate + g == int(kFixedM) ? kFixedC : FixedSlot(Gate + g));
        add_products<W, V, Blocks, Gate, Gates, int(W::kFeatures)>(sums, x, w.rows() + kAt);
    }

    EIGENGRU_ALWAYS_INLINE void set_to_bias(V (&sums)[std::size_t(Blocks)], FixedSlot slot) const {
        EIGENGRU_UNROLL(8)
        for (int b = 0; b < Blocks; ++b) sums[b] = V::load(w.bias(slot) + kAt + b * V::size);
    }

    template <int Gate, int Gates>
    EIGENGRU_ALWAYS_INLINE void add_recurrent(Sums& sums, const S* state) const {
        add_products<W, V, Blocks, Gate, Gates, int(W::kUnits)>(sums, state, w.recurrent_rows() + kAt);
    }

    /// r = sigmoid(r)
    EIGENGRU_ALWAYS_INLINE void activate_reset(Sums& sums) const {
        EIGENGRU_UNROLL(8)
        for (int b = 0; b < Blocks; ++b) sums[kFixedR][b] = quick_sigmoid(sums[kFixedR][b]);
    }

    /// z . h + (1 - z) . tanh(c), small states as 0.
    EIGENGRU_ALWAYS_INLINE void store_next(int b, V z_sum, V c_sum, S* next) const {
        const V z = quick_sigmoid(z_sum), kept = z * V::load(h + kAt + b * V::size);
        flush_small(V::multiply_add(V::all(S(1)) - z, quick_tanh(c_sum), kept)).store(next + kAt + b * V::size);
    }

    /// The step of ResetAfter.
    EIGENGRU_ALWAYS_INLINE void step(S* next) const {
        Sums sums, input;
        start<kFixedR, 1>(sums);
        if constexpr (!kTakesThree) {
            add_recurrent<kFixedR, 1>(sums, h);
            activate_reset(sums);
        }
        start<kFixedZ, 2>(input);
        EIGENGRU_UNROLL(8)
        for (int b = 0; b < Blocks; ++b) sums[kFixedZ][b] = input[kFixedZ][b];
        set_to_bias(sums[kFixedM], kFixedM);
        if constexpr (kTakesThree) {
            add_recurrent<kFixedR, 3>(sums, h);
            activate_reset(sums);
        } else {
            add_recurrent<kFixedZ, kTakesTwo ? 2 : 1>(sums, h);
            if constexpr (!kTakesTwo) add_recurrent<kFixedM, 1>(sums, h);
        }
        EIGENGRU_UNROLL(8)
        for (int b = 0; b < Blocks; ++b) {
            const V c_sum = V::multiply_add(sums[kFixedR][b], sums[kFixedM][b], input[kFixedM][b]);
            store_next(b, sums[kFixedZ][b], c_sum, next);
        }
    }

    /// Reset before, first half: m = r . h.
    EIGENGRU_ALWAYS_INLINE void reset(S* m) const {
        Sums sums;
        start<kFixedR, 1>(sums);
        add_recurrent<kFixedR, 1>(sums, h);
        activate_reset(sums);
        EIGENGRU_UNROLL(8)
        for (int b = 0; b < Blocks; ++b)
            (sums[kFixedR][b] * V::load(h + kAt + b * V::size)).store(m + kAt + b * V::size);
    }

    /// Reset before, second half.
    EIGENGRU_ALWAYS_INLINE void finish(const S* m, S* next) const {
        Sums sums;
        start<kFixedZ, 2>(sums);
        add_recurrent<kFixedZ, 1>(sums, h);
        add_recurrent<kFixedM, 1>(sums, m);
        EIGENGRU_UNROLL(8)
        for (int b = 0; b < Blocks; ++b) store_next(b, sums[kFixedZ][b], sums[kFixedM][b], next);
    }
};

/// Vectors of units in the tile that begins with vector First; 0 behind the last.
template <class W, int First>
[[nodiscard]] constexpr int tile_blocks() {
    constexpr int kSize = Vec<typename W::Scalar>::size, kLeft = (int(W::kUnits) + kSize - 1) / kSize - First;
    return kLeft < kFixedBlocks ? kLeft : kFixedBlocks;
}

template <class W, int First = 0>
EIGENGRU_ALWAYS_INLINE void step_tiles(const W& w, const typename W::Scalar* x, const typename W::Scalar* h,
                                       typename W::Scalar* next) {
    constexpr int kBlocks = tile_blocks<W, First>();
    FixedTile<W, First, kBlocks>{w, x, h}.step(next);
    if constexpr (tile_blocks<W, First + kBlocks>() > 0) step_tiles<W, First + kBlocks>(w, x, h, next);
}

template <class W, int First = 0>
EIGENGRU_ALWAYS_INLINE void reset_tiles(const W& w, const typename W::Scalar* x, const typename W::Scalar* h,
                                        typename W::Scalar* m) {
    constexpr int kBlocks = tile_blocks<W, First>();
    FixedTile<W, First, kBlocks>{w, x, h}.reset(m);
    if constexpr (tile_blocks<W, First + kBlocks>() > 0) reset_tiles<W, First + kBlocks>(w, x, h, m);
}

template <class W, int First = 0>
EIGENGRU_ALWAYS_INLINE void finish_tiles(const W& w, const typename W::Scalar* x, const typename W::Scalar* h,
                                         const typename W::Scalar* m, typename W::Scalar* next) {
    constexpr int kBlocks = tile_blocks<W, First>();
    FixedTile<W, First, kBlocks>{w, x, h}.finish(m, next);
    if constexpr (tile_blocks<W, First + kBlocks>() > 0) finish_tiles<W, First + kBlocks>(w, x, h, m, next);
}

/// The kernel: from state h to state `next`, other memory; both have room for whole vectors (W::kStateLanes).
template <class W>
void run_fixed_step(const W& w, const typename W::Scalar* x, const typename W::Scalar* h,
                    typename W::Scalar* next) noexcept {
    if constexpr (W::kResetAfter) {
        step_tiles(w, x, h, next);
    } else {
        alignas(64) typename W::Scalar m[W::kStateLanes];
        reset_tiles(w, x, h, m);
        finish_tiles(w, x, h, m, next);
    }
}

#endif
