// SPDX-License-Identifier: MIT
// The element-wise part of a step in one pass for the default pair of activations, tanh and sigmoid. The equations and
// their names: gru_step.hpp.
#pragma once

#include "eigengru/cell/gates.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// z = sigmoid(z), r = sigmoid(r), m = r . h.
template <RealScalar S>
void activate_gates_sigmoid(const S* h, const Gates<S>& gates) {
    const Index units = gates.units;
    for (Index b = 0; b < gates.rows; ++b) {
        S* row = gates.row(b);
        for_each_packet<S>(units, [&](auto packet, Index i) {
            using L = Lanes<decltype(packet)>;
            const L r = portable::sigmoid(L::load(row + kSlotR * units + i));
            portable::sigmoid(L::load(row + i)).store(row + i);
            r.store(row + kSlotR * units + i);
            (r * L::load(h + b * units + i)).store(row + kSlotM * units + i);
        });
    }
}

/// ResetAfter z = sigmoid(z), r = sigmoid(r), c += r . m; c = tanh(c); then h' = z . h + (1 - z) . c.
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
                const L r = portable::sigmoid(L::load(row + kSlotR * units + i));
                z = portable::sigmoid(z);
                c = c + r * L::load(row + kSlotM * units + i);
                z.store(row + i);
                r.store(row + kSlotR * units + i);
            }
            c = portable::tanh(c);
            c.store(row + kSlotC * units + i);
            (z * L::load(h + b * units + i) + (one - z) * c).store(next + b * units + i);
        });
    }
}

/// ResetAfter, from the activated gates: dz, dr, dm, dc and dh = dh' . z.
template <RealScalar S>
void start_step_gradient_tanh(const Gates<const S>& values, const S* h, const S* d_next, const Gates<S>& d,
                              S* d_state) {
    const Index units = d.units;
    for (Index b = 0; b < d.rows; ++b) {
        const S* row = values.row(b);
        S* d_row = d.row(b);
        for_each_packet<S>(units, [&](auto packet, Index i) {
            using L = Lanes<decltype(packet)>;
            const L one{Eigen::internal::pset1<decltype(packet)>(S(1))};
            const L z = L::load(row + i), r = L::load(row + kSlotR * units + i);
            const L m = L::load(row + kSlotM * units + i), c = L::load(row + kSlotC * units + i);
            const L d_out = L::load(d_next + b * units + i);
            const L dc = d_out * (one - z) * (one - c * c);
            const L dm = dc * r;
            (d_out * (L::load(h + b * units + i) - c) * z * (one - z)).store(d_row + i);
            (dm * m * (one - r)).store(d_row + kSlotR * units + i);
            dm.store(d_row + kSlotM * units + i);
            dc.store(d_row + kSlotC * units + i);
            (d_out * z).store(d_state + b * units + i);
        });
    }
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
