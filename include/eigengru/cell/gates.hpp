// SPDX-License-Identifier: MIT
// How the gates of a step lie in memory, and what a step works with: weights, activations, dropout masks of the state.
#pragma once

#include "eigengru/cell/product.hpp"
#include "eigengru/math/activation.hpp"
#include "eigengru/model/parameters.hpp"

#include <array>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// tanh and sigmoid: they have passes of their own.
[[nodiscard]] inline bool is_default_pair(const Activation& activation, const Activation& recurrent_activation) {
    return activation.kind() == ActivationKind::tanh && recurrent_activation.kind() == ActivationKind::sigmoid;
}

/// What a step works with: the weights and the two activations. Views, made anew for each call.
template <RealScalar S>
struct StepFunction {
    MatrixMap<const S> kernel;            ///< (features, 3 units)
    MatrixMap<const S> recurrent_kernel;  ///< (units, 3 units)
    MatrixMap<const S> bias;              ///< (2, 3 units), (1, 3 units) or (0, 3 units)
    const Activation& activation;
    const Activation& recurrent_activation;

    [[nodiscard]] Index features() const { return kernel.rows(); }
    [[nodiscard]] Index units() const { return recurrent_kernel.rows(); }

    [[nodiscard]] bool is_default_pair() const { return detail::is_default_pair(activation, recurrent_activation); }

    /// Whether a derivative needs what went into an activation, not just what came out.
    [[nodiscard]] bool needs_inputs() const { return activation.needs_input() || recurrent_activation.needs_input(); }
};

/// A row of gates: z | r | m | c, each of `units`. The recurrent product fills the first three at once.
enum GateSlot : Index { kSlotZ, kSlotR, kSlotM, kSlotC, kSlots };

/// The slots that the input product fills, in the order of the columns of the kernel.
inline constexpr std::array<Index, kGates> kInputSlots{kSlotZ, kSlotR, kSlotC};

/// Elements between two rows of gates in scratch memory. Rows at a distance of whole pages would share the same few
/// places of the cache.
[[nodiscard]] constexpr Index gate_stride(Index units) {
    return kSlots * units + (units % 128 == 0 ? 16 : 0);
}

/// The gates of some rows of a batch. On entry to a step z, r and c hold the projected input and m b_rh, all biases
/// included; on exit each holds what the equations name.
template <class T>
struct Gates {
    T* data;
    Index rows;
    Index units;
    Index stride;

    [[nodiscard]] T* row(Index i) const { return data + i * stride; }
    [[nodiscard]] T* slot(Index i) const { return data + i * units; }
    /// `count` neighbouring slots of all rows, (rows, count * units).
    [[nodiscard]] MatrixMap<T> matrix(Index i, Index count = 1) const {
        return {slot(i), rows, count * units, Eigen::OuterStride<>(stride)};
    }
    [[nodiscard]] Gates<const T> as_const() const { return {data, rows, units, stride}; }
};

/// The state masks of recurrent dropout for z, r and h, each (batch, units) without gaps, or none.
template <RealScalar S>
struct StateMasks {
    std::array<const S*, kGates> gates = {};
    S* masked_state = nullptr;  ///< scratch, (batch, units)

    [[nodiscard]] bool is_active() const { return gates[0] != nullptr; }
};

/// A block of memory without gaps as a matrix.
template <class T>
[[nodiscard]] MatrixMap<T> block(T* data, Index rows, Index cols) {
    return {data, rows, cols, Eigen::OuterStride<>(cols)};
}

/// The same memory, to be read.
template <class T>
[[nodiscard]] MatrixMap<const T> read_only(const Eigen::Map<RowMatrix<T>, Eigen::Unaligned, Eigen::OuterStride<>>& m) {
    return {m.data(), m.rows(), m.cols(), Eigen::OuterStride<>(m.outerStride())};
}

/// The columns of `count` neighbouring gates of a weight.
template <class T>
[[nodiscard]] MatrixMap<T> gate_columns(const MatrixMap<T>& weight, Index gate, Index count = 1) {
    const Index units = weight.cols() / kGates;
    return {const_cast<T*>(weight.data()) + gate * units, weight.rows(), count * units,
            Eigen::OuterStride<>(weight.outerStride())};
}

/// Fills the gates with the biases: z, r, m, c = b_iz + b_rz, b_ir + b_rr, b_rh, b_ih in every row. The recurrent
/// biases of z and r only ever appear in that sum.
template <bool ResetAfter, RealScalar S>
void set_gates_to_biases(const StepFunction<S>& f, const Gates<S>& gates) {
    const Index units = f.units();
    if (gates.rows == 0) return;
    const Index width = kSlots * units;
    if (f.bias.rows() == 0) {
        for (Index i = 0; i < gates.rows; ++i) std::fill_n(gates.row(i), width, S(0));
        return;
    }
    S* first = gates.data;
    const S* input = f.bias.data();
    const S* recurrent = input + f.bias.outerStride();  // ResetAfter alone has this row
    for_each_packet<S>(units, [&](auto packet, Index i) {
        using L = Lanes<decltype(packet)>;
        L z = L::load(input + i), r = L::load(input + units + i), m{Eigen::internal::pset1<decltype(packet)>(S(0))};
        if constexpr (ResetAfter) {
            z = z + L::load(recurrent + i);
            r = r + L::load(recurrent + units + i);
            m = L::load(recurrent + 2 * units + i);
        }
        z.store(first + kSlotZ * units + i);
        r.store(first + kSlotR * units + i);
        m.store(first + kSlotM * units + i);
        L::load(input + 2 * units + i).store(first + kSlotC * units + i);
    });
    for (Index i = 1; i < gates.rows; ++i) std::copy_n(first, width, gates.row(i));
}

/// z | r += x [W_z | W_r] and c += x W_h.
template <RealScalar S>
void add_input_products(const StepFunction<S>& f, const MatrixMap<const S>& x, const Gates<S>& gates) {
    add_product<S>(x, gate_columns<const S>(f.kernel, 0, 2), gates.slot(kSlotZ), gates.stride);
    add_product<S>(x, gate_columns<const S>(f.kernel, 2), gates.slot(kSlotC), gates.stride);
}

/// The first `count` gates += (h . mask) U, which are z, r and (ResetAfter) m.
template <RealScalar S>
void add_recurrent_products(const StepFunction<S>& f, Index count, const S* h, const StateMasks<S>& masks,
                            const Gates<S>& gates) {
    if (!masks.is_active())
        return add_product<S>(block(h, gates.rows, gates.units), gate_columns<const S>(f.recurrent_kernel, 0, count),
                              gates.slot(kSlotZ), gates.stride);
    const Index size = gates.rows * gates.units;
    for (Index g = 0; g < count; ++g) {
        ArrayMap<S>(masks.masked_state, size) =
            ArrayMap<const S>(h, size) * ArrayMap<const S>(masks.gates[static_cast<std::size_t>(g)], size);
        add_product<S>(block<const S>(masks.masked_state, gates.rows, gates.units),
                       gate_columns<const S>(f.recurrent_kernel, g), gates.slot(g), gates.stride);
    }
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
