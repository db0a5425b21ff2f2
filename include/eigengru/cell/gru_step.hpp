// SPDX-License-Identifier: MIT
// THE MATHS: one time step of a GRU for a batch. Everything else in the library arranges what is computed here.
//
//     z = ra(x_z + h U_z + b_rz)          update gate
//     r = ra(x_r + h U_r + b_rr)          reset gate
//     m = h U_h + b_rh,  c = a(x_h + r . m)         candidate, ResetAfter
//     m = r . h,         c = a(x_h + m U_h)         candidate, reset before
//     h' = z . h + (1 - z) . c
// with x = input * kernel + input bias. Source: Cho et al., 2014 (reset before); the cuDNN form with two biases
// (ResetAfter); gate order and layout of Keras.
#pragma once

#include "eigengru/cell/product.hpp"
#include "eigengru/math/activation.hpp"
#include "eigengru/model/parameters.hpp"

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

/// The four blocks of a step, each (batch, units) without gaps. On entry z, r and c hold the projected input, all biases
/// but b_rh included; on exit they and m hold what the equations name.
template <RealScalar S>
struct StepGates {
    S* z;
    S* r;
    S* m;
    S* c;
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

/// Repeats one row of `values` below one another.
template <RealScalar S, class Row>
void fill_rows(MatrixMap<S> out, const Row& values) {
    for (Index r = 0; r < out.rows(); ++r) out.row(r) = values;
}

/// The projected input of gate g for rows of inputs: out = x W_g + biases, out (rows, units).
/// The recurrent biases of z and r belong here too, since they only ever appear in the sum; b_rh is added in the step.
template <bool ResetAfter, RealScalar S>
void project_gate(const StepFunction<S>& f, Index gate, MatrixMap<const S> x, MatrixMap<S> out) {
    const Index units = f.units();
    const auto columns = [&](const MatrixMap<const S>& weight) { return weight.middleCols(gate * units, units); };
    const bool is_candidate = gate == kGates - 1;
    if (f.bias.rows() == 0)
        out.setZero();
    else if (ResetAfter && !is_candidate)
        fill_rows<S>(out, columns(f.bias).row(0) + columns(f.bias).row(1));
    else
        fill_rows<S>(out, columns(f.bias).row(0));
    const auto w = columns(f.kernel);
    add_product<S>(x, {w.data(), w.rows(), w.cols(), Eigen::OuterStride<>(w.outerStride())}, out);
}

/// gates_g += (h . mask_g) U_g for the first `count` gates, which are z, r and (ResetAfter) m.
template <RealScalar S>
void add_recurrent_products(const StepFunction<S>& f, Index count, MatrixMap<const S> h, const StateMasks<S>& masks,
                            const StepGates<S>& gates) {
    const Index units = f.units();
    const auto weights = [&](Index gate, Index n) {
        return MatrixMap<const S>(f.recurrent_kernel.data() + gate * units, units, n * units,
                                  Eigen::OuterStride<>(f.recurrent_kernel.outerStride()));
    };
    // One row whose gates are neighbours is one product.
    if (h.rows() == 1 && !masks.is_active() && gates.r == gates.z + units && gates.m == gates.r + units)
        return add_product<S>(h, weights(0, count), block(gates.z, 1, count * units));
    const std::array<S*, kGates> out{gates.z, gates.r, gates.m};
    for (Index g = 0; g < count; ++g) {
        const auto gate = static_cast<std::size_t>(g);
        if (masks.is_active()) {
            const Index size = h.size();
            ArrayMap<S>(masks.masked_state, size) =
                ArrayMap<const S>(h.data(), size) * ArrayMap<const S>(masks.gates[gate], size);
        }
        const S* state = masks.is_active() ? masks.masked_state : h.data();
        add_product<S>(block(state, h.rows(), units), weights(g, 1), block(out[gate], h.rows(), units));
    }
}

/// One step for a batch: h (batch, units) to next (batch, units), both without gaps. Allocates nothing.
template <bool ResetAfter, RealScalar S>
void gru_step(const StepFunction<S>& f, const StepGates<S>& gates, MatrixMap<const S> h, const StateMasks<S>& masks,
              S* next) {
    const Index batch = h.rows();
    const Index units = f.units();
    const Index size = batch * units;
    const ArrayMap<const S> state(h.data(), size);
    ArrayMap<S> z(gates.z, size), r(gates.r, size), m(gates.m, size), c(gates.c, size);

    if constexpr (ResetAfter) {
        if (f.bias.rows() == 0)
            m.setZero();
        else
            fill_rows<S>(block(gates.m, batch, units), f.bias.row(1).tail(units));
    }
    add_recurrent_products(f, ResetAfter ? kGates : kGates - 1, h, masks, gates);

    if (gates.r == gates.z + size) {  // neighbours: one pass for both
        f.recurrent_activation.template apply<S>(block(gates.z, 2 * batch, units));
    } else {
        f.recurrent_activation.template apply<S>(block(gates.z, batch, units));
        f.recurrent_activation.template apply<S>(block(gates.r, batch, units));
    }
    if constexpr (ResetAfter) {
        c += r * m;
    } else {
        m = r * state;
        if (masks.is_active()) m *= ArrayMap<const S>(masks.gates[kGates - 1], size);
        const MatrixMap<const S> weights(f.recurrent_kernel.data() + (kGates - 1) * units, units, units,
                                         Eigen::OuterStride<>(f.recurrent_kernel.outerStride()));
        add_product<S>(block<const S>(gates.m, batch, units), weights, block(gates.c, batch, units));
    }
    f.activation.template apply<S>(block(gates.c, batch, units));
    ArrayMap<S>(next, size) = z * state + (S(1) - z) * c;
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
