// SPDX-License-Identifier: MIT
// Vectorised sigmoid and tanh for Eigen arrays, for the activations. Eigen's own are scalar for tanh<double> and lose all
// relative accuracy in the tail of logistic<float>; these keep 3 to 4 ulp in both types, without a branch.
//
// One formula serves both. With u = x (sigmoid) or 2x (tanh), n = round(u / ln 2), r = u - n ln 2 and s = 2^n,
//     e^r = (q + p) / (q - p),   p odd and q even in r,   so that
//     sigmoid(x) = s (q + p) / (s (q + p) + (q - p))
//     tanh(x)    = ((s - 1) q + (s + 1) p) / ((s + 1) q + (s - 1) p)
// with a single division each and no cancellation (n = 0 leaves p / q). It must not be compiled with -ffast-math.
#pragma once

#include "eigengru/core/types.hpp"

#include <bit>
#include <cstdint>

namespace eigengru::inline EIGENGRU_ABI {

namespace detail {

namespace packet = Eigen::internal;

/// e^u = s (q + p) / (q - p).
template <class Packet>
struct SplitExp {
    Packet p, q, s;
};

inline float shift_into_exponent(float t) {
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(t) << 23);
}

template <class Packet>
Packet shift_into_exponent(const Packet& t) {
    using Integers = typename packet::unpacket_traits<Packet>::integer_packet;
    return packet::preinterpret<Packet>(packet::plogical_shift_left<23>(packet::preinterpret<Integers>(t)));
}

/// |u| <= 87: s stays a normal number. Padé approximation of order (3, 2), relative error 6e-9.
template <class Packet>
SplitExp<Packet> split_exp(const Packet& u, float) {
    const auto constant = [](float value) { return packet::pset1<Packet>(value); };
    // 1.5 * 2^23 leaves n in the low bits of the sum; 127 is the bias of the exponent they are shifted into.
    const Packet magic = constant(12582912.0f + 127.0f);
    const Packet t = packet::pmadd(u, constant(1.44269504088896341f), magic);
    const Packet n = packet::psub(t, magic);
    Packet r = packet::pmadd(n, constant(-0.693359375f), u);
    r = packet::pmadd(n, constant(2.12194440e-4f), r);
    const Packet r2 = packet::pmul(r, r);
    return {packet::pmul(r, packet::pmadd(r2, constant(1.0f / 60.0f), constant(1.0f))),
            packet::pmadd(r2, constant(0.2f), constant(2.0f)), shift_into_exponent(t)};
}

/// |u| <= 708. Rational approximation of order (5, 6), relative error below 1e-16. Source: Cephes, exp.c.
template <class Packet>
SplitExp<Packet> split_exp(const Packet& u, double) {
    const auto constant = [](double value) { return packet::pset1<Packet>(value); };
    const Packet magic = constant(6755399441055744.0);  // 1.5 * 2^52 rounds to an integer
    const Packet n = packet::psub(packet::pmadd(u, constant(1.4426950408889634073599), magic), magic);
    Packet r = packet::pmadd(n, constant(-0.693145751953125), u);
    r = packet::pmadd(n, constant(-1.42860682030941723212e-6), r);
    const Packet r2 = packet::pmul(r, r);
    Packet p = packet::pmadd(r2, constant(1.26177193074810590878e-4), constant(3.02994407707441961300e-2));
    p = packet::pmul(r, packet::pmadd(r2, p, constant(9.99999999999999999910e-1)));
    Packet q = packet::pmadd(r2, constant(3.00198505138664455042e-6), constant(2.52448340349684104192e-3));
    q = packet::pmadd(r2, q, constant(2.27265548208155028766e-1));
    q = packet::pmadd(r2, q, constant(2.0));
    return {p, q, packet::pldexp(constant(1.0), n)};
}

template <class S, class Packet>
Packet clamp(const Packet& x, S low, S high) {
    return packet::pmin(packet::pset1<Packet>(high), packet::pmax(packet::pset1<Packet>(low), x));
}

/// The clamps lose NaN on some processors; it must come out as it went in.
template <class Packet>
Packet keep_nan(const Packet& x, const Packet& y) {
    return packet::pselect(packet::pcmp_eq(x, x), y, x);
}

/// 1 / (1 + e^-x), for Eigen's unaryExpr.
template <RealScalar S>
struct SigmoidOp {
    static constexpr S kLow = std::is_same_v<S, float> ? S(-87) : S(-708);
    static constexpr S kHigh = std::is_same_v<S, float> ? S(40) : S(60);

    S operator()(const S& x) const {
        return x != x ? x : packetOp(x);
    }

    template <class Packet>
    Packet packetOp(const Packet& x) const {
        const auto [p, q, s] = split_exp(clamp(x, kLow, kHigh), S());
        const Packet numerator = packet::pmul(s, packet::padd(q, p));
        const Packet y = packet::pdiv(numerator, packet::padd(numerator, packet::psub(q, p)));
        return keep_nan(x, y);
    }
};

/// tanh(x), for Eigen's unaryExpr.
template <RealScalar S>
struct TanhOp {
    static constexpr S kLimit = std::is_same_v<S, float> ? S(18.5) : S(40);

    S operator()(const S& x) const {
        return x != x ? x : packetOp(x);
    }

    template <class Packet>
    Packet packetOp(const Packet& x) const {
        const auto [p, q, s] = split_exp(clamp(packet::padd(x, x), -kLimit, kLimit), S());
        const Packet one = packet::pset1<Packet>(S(1));
        const Packet above = packet::padd(s, one);
        const Packet below = packet::psub(s, one);
        const Packet numerator = packet::pmadd(below, q, packet::pmul(above, p));
        const Packet denominator = packet::pmadd(above, q, packet::pmul(below, p));
        return keep_nan(x, packet::pdiv(numerator, denominator));
    }
};

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI

// How Eigen is told that the two work on whole packets.
namespace Eigen::internal {

template <class S>
struct functor_traits<eigengru::detail::SigmoidOp<S>> {
    enum { Cost = 20 * NumTraits<S>::MulCost, PacketAccess = packet_traits<S>::HasDiv };
};

template <class S>
struct functor_traits<eigengru::detail::TanhOp<S>> {
    enum { Cost = 20 * NumTraits<S>::MulCost, PacketAccess = packet_traits<S>::HasDiv };
};

}  // namespace Eigen::internal
