// SPDX-License-Identifier: MIT
// All products of one step of a single short row, in registers: where a product of its own would spend its time on
// being called and on waiting for the one before it.
#pragma once

#include "eigengru/cell/gates.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// sums += factor times a row of the weights, for the first `Count` gates.
template <int Count, int Packets, class Packet, RealScalar S>
EIGENGRU_ALWAYS_INLINE void add_row_term(Packet (&sums)[std::size_t(kGates)][std::size_t(Packets)], const S& factor,
                                         const S* row, Index units) {
    namespace packet = Eigen::internal;
    constexpr int kSize = packet::unpacket_traits<Packet>::size;
    const Packet value = packet::pset1<Packet>(factor);
    EIGENGRU_UNROLL(3)
    for (int g = 0; g < Count; ++g) EIGENGRU_UNROLL(2)
    for (int c = 0; c < Packets; ++c)
        sums[g][c] = packet::pmadd(value, packet::ploadu<Packet>(row + g * units + c * kSize), sums[g][c]);
}

/// Adds x W to z, r, c and h U to z, r, m (ResetAfter alone) of one row of gates, for `Packets` packets of units. The
/// sums are those of add_product, to the bit.
template <bool ResetAfter, class Packet, int Packets, RealScalar S>
void add_row_products_of(const StepFunction<S>& f, const S* x, const S* h, S* gates) {
    namespace packet = Eigen::internal;
    constexpr int kSize = packet::unpacket_traits<Packet>::size;
    constexpr int kRecurrent = ResetAfter ? 3 : 2;
    const Index units = f.units();
    Packet input[std::size_t(kGates)][std::size_t(Packets)], recurrent[std::size_t(kGates)][std::size_t(Packets)];
    EIGENGRU_UNROLL(3)
    for (int g = 0; g < int(kGates); ++g) EIGENGRU_UNROLL(2)
    for (int c = 0; c < Packets; ++c) input[g][c] = recurrent[g][c] = packet::pset1<Packet>(S(0));
    const Index both = std::min(f.features(), units);
    for (Index k = 0; k < both; ++k) {
        add_row_term<int(kGates), Packets>(input, x[k], f.kernel.data() + k * kGates * units, units);
        add_row_term<kRecurrent, Packets>(recurrent, h[k], f.recurrent_kernel.data() + k * kGates * units, units);
    }
    for (Index k = both; k < f.features(); ++k)
        add_row_term<int(kGates), Packets>(input, x[k], f.kernel.data() + k * kGates * units, units);
    for (Index k = both; k < units; ++k)
        add_row_term<kRecurrent, Packets>(recurrent, h[k], f.recurrent_kernel.data() + k * kGates * units, units);
    const auto add_to = [gates, units](Index slot, int c, const Packet& sum) {
        S* out = gates + slot * units + c * kSize;
        packet::pstoreu(out, packet::padd(packet::ploadu<Packet>(out), sum));
    };
    EIGENGRU_UNROLL(3)
    for (int g = 0; g < int(kGates); ++g) EIGENGRU_UNROLL(2)
    for (int c = 0; c < Packets; ++c) {
        add_to(kInputSlots[std::size_t(g)], c, input[g][c]);
        if (g < kRecurrent) add_to(g, c, recurrent[g][c]);
    }
}

/// The same where the row is short enough; false, and nothing done, where it is not.
template <bool ResetAfter, class Packet, RealScalar S>
bool add_row_products_by(const StepFunction<S>& f, const S* x, const S* h, S* gates) {
    using Half = typename Eigen::internal::unpacket_traits<Packet>::half;
    constexpr Index kSize = Eigen::internal::unpacket_traits<Packet>::size;
    if (f.units() == kSize) return add_row_products_of<ResetAfter, Packet, 1>(f, x, h, gates), true;
    if (f.units() == 2 * kSize) return add_row_products_of<ResetAfter, Packet, 2>(f, x, h, gates), true;
    if constexpr (sizeof(Half) < sizeof(Packet)) return add_row_products_by<ResetAfter, Half>(f, x, h, gates);
    return false;
}

template <bool ResetAfter, RealScalar S>
bool add_row_products(const StepFunction<S>& f, const S* x, const S* h, S* gates) {
    using Packet = typename Eigen::internal::packet_traits<S>::type;
    if (f.features() > kProductDepth || f.units() > kProductDepth) return false;
    return add_row_products_by<ResetAfter, Packet>(f, x, h, gates);
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
