// SPDX-License-Identifier: MIT
// THE MATHS: one time step of a GRU for a batch. Everything else in the library arranges what is computed here.
//
//     z = ra(x_z + h U_z + b_rz)                update gate
//     r = ra(x_r + h U_r + b_rr)                reset gate
//     m = h U_h + b_rh,  c = a(x_h + r . m)     candidate, ResetAfter
//     m = r . h,         c = a(x_h + m U_h)     candidate, reset before
//     h' = z . h + (1 - z) . c
// with x = input * kernel + input bias. Source: Cho et al., 2014 (reset before); the cuDNN form with two biases
// (ResetAfter); gate order and layout of Keras.
#pragma once

#include "eigengru/cell/product.hpp"
#include "eigengru/math/activation.hpp"
#include "eigengru/model/parameters.hpp"

#include <array>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// What a step works with: the weights and the two activations. Views, made anew for each call.
template <RealScalar S>
struct StepFunction {
    MatrixMap<const S> kernel;            ///< (features, 3 units)
    MatrixMap<const S> recurrent_kernel;  ///< (units, 3 units)
    MatrixMap<const S> bias;              ///< (2, 3 units), (1, 3 units) or (0, 3 units)
    const Activation& activation;
    const Activation& recurrent_activation;

    [[nodiscard]] Index units() const { return recurrent_kernel.rows(); }
};

/// A row of gates: z | r | m | c, each of `units`. The recurrent product fills the first three at once.
enum GateSlot : Index { kSlotZ, kSlotR, kSlotM, kSlotC, kSlots };

/// Elements between two rows of gates. Rows at a distance of whole pages would share the same few places of the cache.
[[nodiscard]] constexpr Index gate_stride(Index units) {
    return kSlots * units + (units % 128 == 0 ? 16 : 0);
}

/// The gates of some rows of a batch. On entry to a step z, r and c hold the projected input and m b_rh, all biases
/// included; on exit each holds what the equations name.
template <RealScalar S>
struct Gates {
    S* data;
    Index rows;
    Index units;

    [[nodiscard]] Index stride() const { return gate_stride(units); }
    [[nodiscard]] S* row(Index i) const { return data + i * stride(); }
    [[nodiscard]] S* slot(Index i) const { return data + i * units; }
    /// One slot of all rows, (rows, units).
    [[nodiscard]] MatrixMap<S> matrix(Index i) const { return {slot(i), rows, units, Eigen::OuterStride<>(stride())}; }
};

/// The state masks of recurrent dropout for z, r and h, each (batch, units) without gaps, or none.
template <RealScalar S>
struct StateMasks {
    std::array<const S*, kGates> gates = {};
    S* masked_state = nullptr;  ///< scratch, (batch, units)

    [[nodiscard]] bool is_active() const { return gates[0] != nullptr; }
};

/// A block of memory without gaps as a matrix.
template <class S>
[[nodiscard]] MatrixMap<S> block(S* data, Index rows, Index cols) {
    return {data, rows, cols, Eigen::OuterStride<>(cols)};
}

/// The columns of `count` neighbouring gates of a weight.
template <RealScalar S>
[[nodiscard]] MatrixMap<const S> gate_columns(const MatrixMap<const S>& weight, Index gate, Index count = 1) {
    const Index units = weight.cols() / kGates;
    return {weight.data() + gate * units, weight.rows(), count * units, Eigen::OuterStride<>(weight.outerStride())};
}

/// Fills the gates with the biases: z, r, m, c = b_iz + b_rz, b_ir + b_rr, b_rh, b_ih in every row. The recurrent biases of
/// z and r only ever appear in that sum.
template <bool ResetAfter, RealScalar S>
void set_gates_to_biases(const StepFunction<S>& f, const Gates<S>& gates) {
    const Index units = f.units();
    if (gates.rows == 0) return;
    ArrayMap<S> first(gates.data, kSlots * units);
    first.setZero();
    if (f.bias.rows() > 0) {
        const ArrayMap<const S> input(f.bias.data(), kGates * units);
        first.head(2 * units) = input.head(2 * units);
        first.tail(units) = input.tail(units);
    }
    if (ResetAfter && f.bias.rows() > 0) {
        const ArrayMap<const S> recurrent(f.bias.data() + f.bias.outerStride(), kGates * units);
        first.head(2 * units) += recurrent.head(2 * units);
        first.segment(kSlotM * units, units) = recurrent.tail(units);
    }
    for (Index i = 1; i < gates.rows; ++i) ArrayMap<S>(gates.row(i), kSlots * units) = first;
}

/// z | r += x [W_z | W_r] and c += x W_h.
template <RealScalar S>
void add_input_products(const StepFunction<S>& f, const MatrixMap<const S>& x, const Gates<S>& gates) {
    add_product<S>(x, gate_columns<S>(f.kernel, 0, 2), gates.slot(kSlotZ), gates.stride());
    add_product<S>(x, gate_columns<S>(f.kernel, 2), gates.slot(kSlotC), gates.stride());
}

/// The first `count` gates += (h . mask) U, which are z, r and (ResetAfter) m.
template <RealScalar S>
void add_recurrent_products(const StepFunction<S>& f, Index count, const S* h, const StateMasks<S>& masks,
                            const Gates<S>& gates) {
    if (!masks.is_active())
        return add_product<S>(block(h, gates.rows, gates.units), gate_columns<S>(f.recurrent_kernel, 0, count),
                              gates.slot(kSlotZ), gates.stride());
    const Index size = gates.rows * gates.units;
    for (Index g = 0; g < count; ++g) {
        ArrayMap<S>(masks.masked_state, size) =
            ArrayMap<const S>(h, size) * ArrayMap<const S>(masks.gates[static_cast<std::size_t>(g)], size);
        add_product<S>(block<const S>(masks.masked_state, gates.rows, gates.units),
                       gate_columns<S>(f.recurrent_kernel, g), gates.slot(g), gates.stride());
    }
}

/// z = ra(z), r = ra(r); reset before also m = r . h.
template <bool ResetAfter, RealScalar S>
void activate_gates(const StepFunction<S>& f, const S* h, const Gates<S>& gates) {
    f.recurrent_activation.template apply<S>(gates.matrix(kSlotZ));
    f.recurrent_activation.template apply<S>(gates.matrix(kSlotR));
    if constexpr (!ResetAfter)
        gates.matrix(kSlotM) = gates.matrix(kSlotR).cwiseProduct(block(h, gates.rows, gates.units));
}

/// c = a(c), ResetAfter c = a(c + r . m); then h' = z . h + (1 - z) . c.
template <bool ResetAfter, RealScalar S>
void finish_step(const StepFunction<S>& f, const S* h, const Gates<S>& gates, S* next) {
    if constexpr (ResetAfter) gates.matrix(kSlotC) += gates.matrix(kSlotR).cwiseProduct(gates.matrix(kSlotM));
    f.activation.template apply<S>(gates.matrix(kSlotC));
    const auto z = gates.matrix(kSlotZ).array();
    block(next, gates.rows, gates.units).array() =
        z * block(h, gates.rows, gates.units).array() + (S(1) - z) * gates.matrix(kSlotC).array();
}

/// activate_gates for sigmoid, in one pass.
template <RealScalar S>
void activate_gates_sigmoid(const S* h, const Gates<S>& gates) {
    const Index units = gates.units;
    for (Index b = 0; b < gates.rows; ++b) {
        S* row = gates.row(b);
        for_each_packet<S>(units, [&](auto packet, Index i) {
            using L = Lanes<decltype(packet)>;
            const L r{sigmoid_of<S>(L::load(row + kSlotR * units + i).value)};
            L{sigmoid_of<S>(L::load(row + i).value)}.store(row + i);
            r.store(row + kSlotR * units + i);
            (r * L::load(h + b * units + i)).store(row + kSlotM * units + i);
        });
    }
}

/// finish_step for tanh, and for ResetAfter also activate_gates for sigmoid, in one pass.
template <bool ResetAfter, RealScalar S>
void finish_step_tanh(const S* h, const Gates<S>& gates, S* next) {
    const Index units = gates.units;
    for (Index b = 0; b < gates.rows; ++b) {
        S* row = gates.row(b);
        for_each_packet<S>(units, [&](auto packet, Index i) {
            using L = Lanes<decltype(packet)>;
            const L one{Eigen::internal::pset1<decltype(packet)>(S(1))};
            L z = L::load(row + i);
            L c = L::load(row + kSlotC * units + i);
            if constexpr (ResetAfter) {
                const L r{sigmoid_of<S>(L::load(row + kSlotR * units + i).value)};
                z = L{sigmoid_of<S>(z.value)};
                c = c + r * L::load(row + kSlotM * units + i);
                z.store(row + i);
                r.store(row + kSlotR * units + i);
            }
            c = L{tanh_of<S>(c.value)};
            c.store(row + kSlotC * units + i);
            (z * L::load(h + b * units + i) + (one - z) * c).store(next + b * units + i);
        });
    }
}

/// One step for a batch: h (batch, units) to next (batch, units), both without gaps; next may be h. Allocates nothing.
/// The default pair of activations has passes of its own, which are the same equations element by element.
template <bool ResetAfter, RealScalar S>
void gru_step(const StepFunction<S>& f, const Gates<S>& gates, const S* h, const StateMasks<S>& masks, S* next) {
    const bool is_default_pair = f.activation.kind() == ActivationKind::tanh &&
                                 f.recurrent_activation.kind() == ActivationKind::sigmoid;
    add_recurrent_products(f, ResetAfter ? 3 : 2, h, masks, gates);
    if (!is_default_pair)
        activate_gates<ResetAfter>(f, h, gates);
    else if (!ResetAfter)
        activate_gates_sigmoid(h, gates);
    if constexpr (!ResetAfter) {
        if (masks.is_active()) gates.matrix(kSlotM).array() *= block(masks.gates[2], gates.rows, gates.units).array();
        const MatrixMap<const S> m(gates.slot(kSlotM), gates.rows, gates.units, Eigen::OuterStride<>(gates.stride()));
        add_product<S>(m, gate_columns<S>(f.recurrent_kernel, 2), gates.slot(kSlotC), gates.stride());
    }
    if (is_default_pair)
        finish_step_tanh<ResetAfter>(h, gates, next);
    else
        finish_step<ResetAfter>(f, h, gates, next);
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
