// SPDX-License-Identifier: MIT
// Vectorised sigmoid and tanh on Eigen's packets (a scalar is a packet of one), and the loop over packets. Eigen's own
// tanh is scalar for double, and its logistic loses all relative accuracy in the tail for float; these keep 3 to 4 ulp
// in both types, without a branch.
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

/// 1 / (1 + e^-x)
template <class S, class Packet>
Packet sigmoid_of(const Packet& x) {
    constexpr bool kIsFloat = std::is_same_v<S, float>;
    const auto [p, q, s] = split_exp(clamp(x, kIsFloat ? S(-87) : S(-708), kIsFloat ? S(40) : S(60)), S());
    const Packet numerator = packet::pmul(s, packet::padd(q, p));
    return keep_nan(x, packet::pdiv(numerator, packet::padd(numerator, packet::psub(q, p))));
}

/// tanh(x)
template <class S, class Packet>
Packet tanh_of(const Packet& x) {
    constexpr S kLimit = std::is_same_v<S, float> ? S(18.5) : S(40);
    const auto [p, q, s] = split_exp(clamp(packet::padd(x, x), -kLimit, kLimit), S());
    const Packet one = packet::pset1<Packet>(S(1));
    const Packet above = packet::padd(s, one);
    const Packet below = packet::psub(s, one);
    const Packet numerator = packet::pmadd(below, q, packet::pmul(above, p));
    const Packet denominator = packet::pmadd(above, q, packet::pmul(below, p));
    return keep_nan(x, packet::pdiv(numerator, denominator));
}

/// Calls f(Packet(), i) for the packets that cover elements 0 .. size - 1: as many of the widest as fit, then narrower
/// ones, then single elements.
template <class Packet, class S, class F>
void for_each_packet_from(Index i, Index size, const F& f) {
    using Half = typename packet::unpacket_traits<Packet>::half;
    constexpr Index kSize = packet::unpacket_traits<Packet>::size;
    for (; i + kSize <= size; i += kSize) f(Packet(), i);
    if constexpr (sizeof(Half) < sizeof(Packet))
        for_each_packet_from<Half, S>(i, size, f);
    else if constexpr (kSize > 1)
        for_each_packet_from<S, S>(i, size, f);
}

template <class S, class F>
void for_each_packet(Index size, const F& f) {
    for_each_packet_from<typename packet::packet_traits<S>::type, S>(0, size, f);
}

/// A packet with the operators of arithmetic, so that equations look like equations.
template <class Packet>
struct Lanes {
    Packet value;

    template <class S>
    static Lanes load(const S* from) {
        return {packet::ploadu<Packet>(from)};
    }
    template <class S>
    void store(S* to) const {
        packet::pstoreu(to, value);
    }

    friend Lanes operator+(const Lanes& a, const Lanes& b) { return {packet::padd(a.value, b.value)}; }
    friend Lanes operator-(const Lanes& a, const Lanes& b) { return {packet::psub(a.value, b.value)}; }
    friend Lanes operator*(const Lanes& a, const Lanes& b) { return {packet::pmul(a.value, b.value)}; }
};

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI
