// SPDX-License-Identifier: MIT
// THE MATHS: one time step of a GRU for a batch, forward and backward. Everything else in the library arranges what is
// computed here.
//
//     z = ra(x_z + h U_z + b_rz)                update gate
//     r = ra(x_r + h U_r + b_rr)                reset gate
//     m = h U_h + b_rh,  c = a(x_h + r . m)     candidate, ResetAfter
//     m = r . h,         c = a(x_h + m U_h)     candidate, reset before
//     h' = z . h + (1 - z) . c
// with x = input * kernel + input bias. Source: Cho et al., 2014 (reset before); the cuDNN form with two biases
// (ResetAfter); gate order and layout of Keras.
//
// With dh' the gradient of a loss with respect to h', and dz, dr, dc those with respect to what the activations are
// applied to:
//     dz = dh' . (h - c) . ra'(z)     dc = dh' . (1 - z) . a'(c)
//     dr = dc . m . ra'(r),  dm = dc . r                             ResetAfter
//     dm = dc U_h^T,         dr = dm . h . ra'(r)                    reset before
//     dh = dh' . z + dz U_z^T + dr U_r^T + (dm U_h^T or dm . r)
#pragma once

#include "eigengru/cell/gates.hpp"
#include "eigengru/cell/gru_step_fused.hpp"
#include "eigengru/cell/row_products.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Copies a slot, unless both are the same memory.
template <RealScalar S>
void copy_slot(const Gates<S>& from, const Gates<S>& to, Index slot) {
    if (from.data != to.data) to.matrix(slot) = from.matrix(slot);
}

/// z = ra(z), r = ra(r); reset before also m = r . h.
template <bool ResetAfter, RealScalar S>
void activate_gates(const StepFunction<S>& f, const S* h, const Gates<S>& gates, const Gates<S>& values) {
    for (const Index slot : {kSlotZ, kSlotR}) {
        copy_slot(gates, values, slot);
        f.recurrent_activation.template apply<S>(values.matrix(slot));
    }
    if constexpr (!ResetAfter)
        gates.matrix(kSlotM) = values.matrix(kSlotR).cwiseProduct(block(h, gates.rows, gates.units));
}

/// ResetAfter c += r . m; c = a(c); then h' = z . h + (1 - z) . c.
template <bool ResetAfter, RealScalar S>
void finish_step(const StepFunction<S>& f, const S* h, const Gates<S>& gates, const Gates<S>& values, S* next) {
    if constexpr (ResetAfter) gates.matrix(kSlotC) += values.matrix(kSlotR).cwiseProduct(gates.matrix(kSlotM));
    copy_slot(gates, values, kSlotC);
    f.activation.template apply<S>(values.matrix(kSlotC));
    const auto z = values.matrix(kSlotZ).array();
    block(next, gates.rows, gates.units).array() =
        z * block(h, gates.rows, gates.units).array() + (S(1) - z) * values.matrix(kSlotC).array();
}

/// What follows when the products of x and h are in the gates.
template <bool ResetAfter, RealScalar S>
void finish_products(const StepFunction<S>& f, const Gates<S>& gates, const Gates<S>& values, const S* h,
                     const StateMasks<S>& masks, S* next) {
    const bool is_fused = f.is_default_pair() && gates.data == values.data;
    if (!is_fused)
        activate_gates<ResetAfter>(f, h, gates, values);
    else if (!ResetAfter)
        activate_gates_sigmoid(h, gates);
    if constexpr (!ResetAfter) {
        if (masks.is_active()) gates.matrix(kSlotM).array() *= block(masks.gates[2], gates.rows, gates.units).array();
        add_product<S>(gates.as_const().matrix(kSlotM), gate_columns<const S>(f.recurrent_kernel, 2),
                       gates.slot(kSlotC), gates.stride);
    }
    if (is_fused)
        finish_step_tanh<ResetAfter>(h, gates, next);
    else
        finish_step<ResetAfter>(f, h, gates, values, next);
}

/// One step for a batch: h (batch, units) to next (batch, units), both without gaps; next may be h. Allocates nothing.
///
/// The activated z, r and c go to `values`, m to `gates`. Both are the same memory, unless what went into the
/// activations shall be kept for their derivatives. The default pair of activations has passes of its own, with the
/// same equations.
template <bool ResetAfter, RealScalar S>
void gru_step(const StepFunction<S>& f, const Gates<S>& gates, const Gates<S>& values, const S* h,
              const StateMasks<S>& masks, S* next) {
    add_recurrent_products(f, ResetAfter ? 3 : 2, h, masks, gates);
    finish_products<ResetAfter, S>(f, gates, values, h, masks, next);
}

/// One step of a single row without dropout, from its input x and with the biases in the gates.
template <bool ResetAfter, RealScalar S>
void gru_row_step(const StepFunction<S>& f, const S* x, const Gates<S>& gates, const Gates<S>& values, const S* h,
                  S* next) {
    if (add_row_products<ResetAfter>(f, x, h, gates.data))
        return finish_products<ResetAfter, S>(f, gates, values, h, {}, next);
    add_input_products(f, block(x, 1, f.features()), gates);
    gru_step<ResetAfter, S>(f, gates, values, h, {}, next);
}

/// The activated z, r and c of a recorded step: the record itself, or made in `memory` from what went into the
/// activations.
template <RealScalar S>
[[nodiscard]] Gates<const S> activated_gates(const StepFunction<S>& f, const Gates<const S>& gates,
                                             const Gates<S>& memory) {
    if (!f.needs_inputs()) return gates;
    for (const Index slot : kInputSlots) {
        memory.matrix(slot) = gates.matrix(slot);
        const Activation& activation = slot == kSlotC ? f.activation : f.recurrent_activation;
        activation.template apply<S>(memory.matrix(slot));
    }
    return memory.as_const();
}

/// What a step back works with: the record of the step forward, and memory for the gradients of its gates.
template <RealScalar S>
struct StepGradient {
    Gates<const S> gates;                   ///< as the step forward left them
    Gates<const S> values;                  ///< likewise: z, r and c activated; the same memory where that was the same
    Gates<S> d;                             ///< out: dz, dr, dm, dc
    const S* h;                             ///< the state before the step
    const S* d_next;                        ///< dh', (batch, units)
    S* d_state;                             ///< out: dh
    StateMasks<S> masks;                    ///< of the step forward
    MatrixMap<const S> recurrent_kernel_t;  ///< U^T, (3 units, units)

    [[nodiscard]] MatrixMap<const S> state() const { return block(h, d.rows, d.units); }
    [[nodiscard]] MatrixMap<S> d_state_block() const { return block(d_state, d.rows, d.units); }
    /// U_g^T of `count` neighbouring gates.
    [[nodiscard]] MatrixMap<const S> recurrent_rows(Index gate, Index count = 1) const {
        return block(recurrent_kernel_t.data() + gate * d.units * d.units, count * d.units, d.units);
    }
};

/// dh += (d_g U_g^T) . mask_g for the first `count` gates; d_g in neighbouring slots.
template <RealScalar S>
void add_state_gradients(const StepGradient<S>& step, Index count) {
    const Index units = step.d.units;
    if (!step.masks.is_active())
        return add_product<S>(step.d.as_const().matrix(kSlotZ, count), step.recurrent_rows(0, count), step.d_state,
                              units);
    const Index size = step.d.rows * units;
    ArrayMap<S> product(step.masks.masked_state, size);
    for (Index g = 0; g < count; ++g) {
        product.setZero();
        add_product<S>(step.d.as_const().matrix(g), step.recurrent_rows(g), product.data(), units);
        ArrayMap<S>(step.d_state, size) +=
            product * ArrayMap<const S>(step.masks.gates[static_cast<std::size_t>(g)], size);
    }
}

/// dz, dc and dh = dh' . z; ResetAfter also dr and dm.
template <bool ResetAfter, RealScalar S>
void start_step_gradient(const StepFunction<S>& f, const StepGradient<S>& step) {
    const Gates<S>& d = step.d;
    const MatrixMap<const S> d_next = block(step.d_next, d.rows, d.units);
    const MatrixMap<const S> z = step.values.matrix(kSlotZ), c = step.values.matrix(kSlotC);
    d.matrix(kSlotZ) = d_next.cwiseProduct(step.state() - c);
    f.recurrent_activation.template multiply_derivative<S>(step.gates.matrix(kSlotZ), z, d.matrix(kSlotZ));
    d.matrix(kSlotC).array() = d_next.array() * (S(1) - z.array());
    f.activation.template multiply_derivative<S>(step.gates.matrix(kSlotC), c, d.matrix(kSlotC));
    if constexpr (ResetAfter) {
        const MatrixMap<const S> r = step.values.matrix(kSlotR);
        d.matrix(kSlotM) = d.matrix(kSlotC).cwiseProduct(r);
        d.matrix(kSlotR) = d.matrix(kSlotC).cwiseProduct(step.gates.matrix(kSlotM));
        f.recurrent_activation.template multiply_derivative<S>(step.gates.matrix(kSlotR), r, d.matrix(kSlotR));
    }
    step.d_state_block() = d_next.cwiseProduct(z);
}

/// With dm in place, dr and dh += dm . r: what reset before needs between the gates.
template <RealScalar S>
void finish_reset_gradient(const StepFunction<S>& f, const StepGradient<S>& step) {
    const Gates<S>& d = step.d;
    const MatrixMap<const S> r = step.values.matrix(kSlotR);
    const MatrixMap<S> dm = d.matrix(kSlotM);
    d.matrix(kSlotR) = dm.cwiseProduct(step.state());
    f.recurrent_activation.template multiply_derivative<S>(step.gates.matrix(kSlotR), r, d.matrix(kSlotR));
    step.d_state_block() += dm.cwiseProduct(r);
}

/// dm = (dc U_h^T) . mask_h, dr, and dh += dm . r.
template <RealScalar S>
void add_reset_gradient(const StepFunction<S>& f, const StepGradient<S>& step) {
    const Gates<S>& d = step.d;
    MatrixMap<S> dm = d.matrix(kSlotM);
    dm.setZero();
    add_product<S>(d.as_const().matrix(kSlotC), step.recurrent_rows(2), dm.data(), d.stride);
    if (step.masks.is_active()) dm.array() *= block(step.masks.gates[2], d.rows, d.units).array();
    finish_reset_gradient(f, step);
}

/// One step back for a batch: from dh' to the gradients of the gates and dh. Allocates nothing.
template <bool ResetAfter, RealScalar S>
void gru_step_backward(const StepFunction<S>& f, const StepGradient<S>& step) {
    if (ResetAfter && f.is_default_pair())
        start_step_gradient_tanh(step.values, step.h, step.d_next, step.d, step.d_state);
    else
        start_step_gradient<ResetAfter>(f, step);
    if constexpr (!ResetAfter) add_reset_gradient(f, step);
    add_state_gradients(step, ResetAfter ? 3 : 2);
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
