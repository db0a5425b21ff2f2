// SPDX-License-Identifier: MIT
// How a step ends when the sums of a tile are made: activations and the next state, or the sums as they are. A source
// for core/for_each_target.hpp, before gates_kernel.hpp; gate_kernels.hpp includes it. The equations: gru_step.hpp.

#if defined(EIGENGRU_TARGET)

/// The sums of a tile in memory, [row][block][z r m c][lane], for the pass that ends a step: it is the same for all
/// tiles, and too long to be repeated for each row of each.
template <class V>
struct TileSums {
    using S = typename V::Scalar;
    Index row, rows, block, blocks;
    const S* at;

    [[nodiscard]] V load(Index r, Index b, Index slot) const {
        return V::load(at + ((r * blocks + b) * kSlots + slot) * V::size);
    }
};

/// Elements of a vector that exist: all, or those of the units that are left.
template <class V>
struct Place {
    using S = typename V::Scalar;
    Index unit, count;

    [[nodiscard]] V load(const S* from) const {
        return count == V::size ? V::load(from + unit) : V::load_first(from + unit, count);
    }
    void store(V values, S* to) const {
        if (count == V::size)
            values.store(to + unit);
        else
            values.store_first(to + unit, count);
    }
};

template <class V>
void store_gate(const StepCall<typename V::Scalar>& s, Index row, const Place<V>& place, Index slot, V values) {
    place.store(values, s.gates + row * s.gate_stride + slot * s.units);
}

/// h' = z . h + (1 - z) . c
template <class V>
void store_next(const StepCall<typename V::Scalar>& s, Index row, const Place<V>& place, V z, V c) {
    const V h = place.load(s.h + row * s.units);
    const V next = V::multiply_add(z, h - c, c);
    place.store(next, s.next + row * s.units);
    if (s.out != nullptr) place.store(next, s.out + row * s.out_stride);
}

/// z = sigmoid(z), r = sigmoid(r), c = tanh(c + r . m) and the next state.
template <class V>
void finish_all(const StepCall<typename V::Scalar>& s, const TileSums<V>& sums, Index r, Index b,
                const Place<V>& place) {
    const Index row = sums.row + r;
    const V z = sigmoid(sums.load(r, b, kSlotZ)), reset = sigmoid(sums.load(r, b, kSlotR));
    const V m = sums.load(r, b, kSlotM), c = tanh(V::multiply_add(reset, m, sums.load(r, b, kSlotC)));
    store_next(s, row, place, z, c);
    if (s.gates == nullptr) return;
    store_gate(s, row, place, kSlotZ, z);
    store_gate(s, row, place, kSlotR, reset);
    store_gate(s, row, place, kSlotM, m);
    store_gate(s, row, place, kSlotC, c);
}

/// Reset before, first half: z = sigmoid(z), r = sigmoid(r), m = r . h.
template <class V>
void finish_zr(const StepCall<typename V::Scalar>& s, const TileSums<V>& sums, Index r, Index b,
               const Place<V>& place) {
    const Index row = sums.row + r;
    const V reset = sigmoid(sums.load(r, b, kSlotR));
    store_gate(s, row, place, kSlotZ, sigmoid(sums.load(r, b, kSlotZ)));
    store_gate(s, row, place, kSlotR, reset);
    store_gate(s, row, place, kSlotM, reset * place.load(s.h + row * s.units));
}

/// Reset before, second half: c = tanh(c) and the next state.
template <class V>
void finish_c(const StepCall<typename V::Scalar>& s, const TileSums<V>& sums, Index r, Index b, const Place<V>& place) {
    const Index row = sums.row + r;
    const V c = tanh(sums.load(r, b, kSlotC));
    const V z = place.load(s.gates + row * s.gate_stride + kSlotZ * s.units);
    store_gate(s, row, place, kSlotC, c);
    store_next(s, row, place, z, c);
}

/// Whether a tile makes the sum of a slot.
template <TileGates Gates>
[[nodiscard]] constexpr bool has_slot(Index slot) {
    if (slot == kSlotC) return Gates != TileGates::zr;
    return slot == kSlotM ? Gates == TileGates::all : Gates != TileGates::c;
}

/// Sums that are wanted as they are: in the gates, or as projected inputs, [block][z r c].
template <class V, TileGates Gates>
void finish_sums(const StepCall<typename V::Scalar>& s, const TileSums<V>& sums, Index r, Index b,
                 const Place<V>& place) {
    const Index row = sums.row + r;
    for (Index slot = 0; slot < kSlots; ++slot) {
        if (!has_slot<Gates>(slot)) continue;
        const V sum = sums.load(r, b, slot);
        if (s.finish == Finish::sums) {
            store_gate(s, row, place, slot, sum);
        } else if (slot != kSlotM) {
            const Index gate = slot == kSlotC ? 2 : slot;
            sum.store(s.projected + row * s.projected_stride + place.unit * kGates + gate * V::size);
        }
    }
}

template <class V, TileGates Gates>
void finish_tile(const StepCall<typename V::Scalar>& s, const TileSums<V>& sums) {
    for (Index r = 0; r < sums.rows; ++r) {
        for (Index b = 0; b < sums.blocks; ++b) {
            const Index unit = (sums.block + b) * V::size;
            const Place<V> place{unit, s.units - unit < V::size ? s.units - unit : V::size};
            if (s.finish != Finish::state)
                finish_sums<V, Gates>(s, sums, r, b, place);
            else if constexpr (Gates == TileGates::all)
                finish_all(s, sums, r, b, place);
            else if constexpr (Gates == TileGates::zr)
                finish_zr(s, sums, r, b, place);
            else
                finish_c(s, sums, r, b, place);
        }
    }
}

#endif
