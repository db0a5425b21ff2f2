// SPDX-License-Identifier: MIT
// How a step ends when the sums of a tile are made: activations and the next state, or the sums as they are. A source
// for core/for_each_target.hpp, before gates_kernel.hpp; gate_kernels.hpp includes it. The equations: gru_step.hpp.

#if defined(EIGENGRU_TARGET)

/// The sums of a tile in memory, [row][block][z r m c][lane], for the passes that end a step: they are the same for all
/// tiles, and too long to be repeated for each row of each.
template <class V>
struct TileSums {
    using S = typename V::Scalar;
    Index row, rows, block, blocks;
    S* at;
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

/// One vector of a tile: some units of one row, with its sums, which a pass may replace by what it makes of them.
template <class V>
struct TileVector {
    using S = typename V::Scalar;
    Index row;
    Place<V> place;
    S* at;

    [[nodiscard]] V load(Index slot) const { return V::load(at + slot * V::size); }
    void store(Index slot, V values) const { values.store(at + slot * V::size); }
};

template <class V>
EIGENGRU_ALWAYS_INLINE void store_gate(const StepCall<typename V::Scalar>& s, const TileVector<V>& t, Index slot,
                                       V values) {
    t.place.store(values, s.gates + t.row * s.gate_stride + slot * s.units);
}

/// h' = z . h + (1 - z) . c, and 0 where that is too small for a stream.
template <class V>
EIGENGRU_ALWAYS_INLINE void store_next(const StepCall<typename V::Scalar>& s, const TileVector<V>& t, V z, V c) {
    const V h = t.place.load(s.h + t.row * s.units);
    V next = V::multiply_add(z, h - c, c);
    if (s.flushes) next = flush_small(next);
    t.place.store(next, s.next + t.row * s.units);
    if (s.out != nullptr) t.place.store(next, s.out + t.row * s.out_stride);
}

/// z = sigmoid(z), r = sigmoid(r) and c + r . m.
template <class V>
EIGENGRU_ALWAYS_INLINE void activate_zr(const StepCall<typename V::Scalar>&, const TileVector<V>& t) {
    const V z = sigmoid(t.load(kSlotZ)), r = sigmoid(t.load(kSlotR));
    t.store(kSlotZ, z);
    t.store(kSlotC, V::multiply_add(r, t.load(kSlotM), t.load(kSlotC)));
}

/// After that c = tanh(c) and the next state.
template <class V>
EIGENGRU_ALWAYS_INLINE void activate_c(const StepCall<typename V::Scalar>& s, const TileVector<V>& t) {
    const V z = t.load(kSlotZ), c = tanh(t.load(kSlotC));
    store_next(s, t, z, c);
}

/// Both at once, for a vector that is alone: nothing is computed while it waits.
template <class V>
EIGENGRU_ALWAYS_INLINE void activate_alone(const StepCall<typename V::Scalar>& s, const TileVector<V>& t) {
    const V z = soon_sigmoid(t.load(kSlotZ)), r = soon_sigmoid(t.load(kSlotR));
    const V c = soon_tanh(V::multiply_add(r, t.load(kSlotM), t.load(kSlotC)));
    store_next(s, t, z, c);
}

/// Both, and the gates.
template <class V>
EIGENGRU_ALWAYS_INLINE void record_all(const StepCall<typename V::Scalar>& s, const TileVector<V>& t) {
    const V z = sigmoid(t.load(kSlotZ)), r = sigmoid(t.load(kSlotR)), m = t.load(kSlotM);
    const V c = tanh(V::multiply_add(r, m, t.load(kSlotC)));
    store_next(s, t, z, c);
    store_gate(s, t, kSlotZ, z);
    store_gate(s, t, kSlotR, r);
    store_gate(s, t, kSlotM, m);
    store_gate(s, t, kSlotC, c);
}

/// Reset before, first half: z = sigmoid(z), r = sigmoid(r), m = r . h.
template <class V>
EIGENGRU_ALWAYS_INLINE void finish_zr(const StepCall<typename V::Scalar>& s, const TileVector<V>& t) {
    const V z = sigmoid(t.load(kSlotZ)), r = sigmoid(t.load(kSlotR));
    store_gate(s, t, kSlotZ, z);
    store_gate(s, t, kSlotR, r);
    store_gate(s, t, kSlotM, r * t.place.load(s.h + t.row * s.units));
}

/// Reset before, second half: c = tanh(c) and the next state.
template <class V>
EIGENGRU_ALWAYS_INLINE void finish_c(const StepCall<typename V::Scalar>& s, const TileVector<V>& t) {
    const V z = t.place.load(s.gates + t.row * s.gate_stride + kSlotZ * s.units), c = tanh(t.load(kSlotC));
    store_gate(s, t, kSlotC, c);
    store_next(s, t, z, c);
}

/// Whether a tile makes the sum of a slot.
template <TileGates Gates>
[[nodiscard]] constexpr bool has_slot(Index slot) {
    if (slot == kSlotC) return Gates != TileGates::zr;
    return slot == kSlotM ? Gates == TileGates::all : Gates != TileGates::c;
}

/// Sums that are wanted as they are: in the gates, or as projected inputs, [block][z r c].
template <class V, TileGates Gates>
EIGENGRU_ALWAYS_INLINE void finish_sums(const StepCall<typename V::Scalar>& s, const TileVector<V>& t) {
    for (Index slot = 0; slot < kSlots; ++slot) {
        if (!has_slot<Gates>(slot)) continue;
        if (s.finish == Finish::sums) {
            store_gate(s, t, slot, t.load(slot));
        } else if (slot != kSlotM) {
            const Index gate = slot == kSlotC ? 2 : slot;
            t.load(slot).store(s.projected + t.row * s.projected_stride + t.place.unit * kGates + gate * V::size);
        }
    }
}

/// Asks, in good time, for what a tile will write of the outputs: two rows lie a whole sequence apart. Vectors need not
/// begin with a line, so the line of the last element is asked for too. (Inlined: g++ drops the call of a function that
/// does nothing else.)
template <class V>
EIGENGRU_ALWAYS_INLINE void fetch_outputs(const StepCall<typename V::Scalar>& s, Index row, Index rows,
                                          const Range& blocks) {
    const Index first = blocks.first * V::size, whole = blocks.end() * V::size;
    const Index end = whole < s.units ? whole : s.units;
    for (Index r = row; r < row + rows; ++r) {
        auto* out = s.out + r * s.out_stride;
        for (Index unit = first; unit < end; unit += kLineSize<typename V::Scalar>) prefetch_to_write(out + unit);
        prefetch_to_write(out + end - 1);
    }
}

/// One pass over the vectors of a tile.
template <class V, void (*Pass)(const StepCall<typename V::Scalar>&, const TileVector<V>&)>
EIGENGRU_ALWAYS_INLINE void run_pass(const StepCall<typename V::Scalar>& s, const TileSums<V>& sums) {
    for (Index b = 0; b < sums.blocks; ++b) {
        const Index unit = (sums.block + b) * V::size;
        const Place<V> place{unit, s.units - unit < V::size ? s.units - unit : V::size};
        for (Index r = 0; r < sums.rows; ++r)
            Pass(s, {sums.row + r, place, sums.at + (r * sums.blocks + b) * kSlots * V::size});
    }
}

template <class V, TileGates Gates>
void finish_tile(const StepCall<typename V::Scalar>& s, const TileSums<V>& sums) {
    if (s.finish != Finish::state) return run_pass<V, finish_sums<V, Gates>>(s, sums);
    if constexpr (Gates == TileGates::all) {
        if (s.gates != nullptr) return run_pass<V, record_all<V>>(s, sums);
        // Apart, so that a processor has several vectors under way instead of waiting for tanh after sigmoid. (With a
        // record it waits for memory in any case.)
        run_pass<V, activate_zr<V>>(s, sums);
        run_pass<V, activate_c<V>>(s, sums);
    } else if constexpr (Gates == TileGates::zr) {
        run_pass<V, finish_zr<V>>(s, sums);
    } else {
        run_pass<V, finish_c<V>>(s, sums);
    }
}

#endif
