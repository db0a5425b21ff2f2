// SPDX-License-Identifier: MIT
// Eigen's packets (a scalar is a packet of one) as vectors with the operators of arithmetic, and the loop over packets.
// They are what the portable kernels are made of, on every processor.
#pragma once

#include "eigengru/core/types.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace eigengru::inline EIGENGRU_ABI {

namespace detail {

namespace packet = Eigen::internal;

inline float shift_into_exponent(float t) {
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(t) << 23);
}
inline double shift_into_exponent(double t) {
    return std::bit_cast<double>(std::bit_cast<std::uint64_t>(t) << 52);
}

template <class Packet>
Packet shift_into_exponent(const Packet& t) {
    using Integers = typename packet::unpacket_traits<Packet>::integer_packet;
    return packet::preinterpret<Packet>(packet::plogical_shift_left<23>(packet::preinterpret<Integers>(t)));
}

/// A packet with the operators of arithmetic, so that equations look like equations; the operations that every vector
/// type of the kernels has (vectors.hpp).
template <class Packet>
struct Lanes {
    using Scalar = typename packet::unpacket_traits<Packet>::type;
    static constexpr int size = packet::unpacket_traits<Packet>::size;
    static constexpr int tile_rows = 4;  ///< rows of a product at once, which 16 registers hold
    Packet value;

    static Lanes load(const Scalar* from) { return {packet::ploadu<Packet>(from)}; }
    static Lanes load_first(const Scalar* from, Index count) {
        Scalar lanes[std::size_t(size)] = {};
        std::copy_n(from, count, lanes);
        return load(lanes);
    }
    static Lanes all(Scalar x) { return {packet::pset1<Packet>(x)}; }
    void store(Scalar* to) const { packet::pstoreu(to, value); }
    void store_first(Scalar* to, Index count) const {
        Scalar lanes[std::size_t(size)];
        store(lanes);
        std::copy_n(lanes, count, to);
    }
    void pin() {}
    void pin_broadcast() {}

    Lanes operator+(const Lanes& b) const { return {packet::padd(value, b.value)}; }
    Lanes operator-(const Lanes& b) const { return {packet::psub(value, b.value)}; }
    Lanes operator*(const Lanes& b) const { return {packet::pmul(value, b.value)}; }
    Lanes operator/(const Lanes& b) const { return {packet::pdiv(value, b.value)}; }
    static Lanes multiply_add(const Lanes& a, const Lanes& b, const Lanes& c) {
        return {packet::pmadd(a.value, b.value, c.value)};
    }
    /// c - a b
    static Lanes multiply_subtract(const Lanes& a, const Lanes& b, const Lanes& c) {
        return {packet::pmadd(packet::pnegate(a.value), b.value, c.value)};
    }
    /// NaN comes out as it went in, which Eigen's minimum and maximum do not promise.
    Lanes clamped(Scalar low, Scalar high) const {
        const Packet inside = packet::pmin(all(high).value, packet::pmax(all(low).value, value));
        return {packet::pselect(packet::pcmp_eq(value, value), inside, value)};
    }
    /// The low bits of the lanes as the exponents of powers of two: see split_exp.
    Lanes shifted_into_exponent() const {
        if constexpr (sizeof(Scalar) == sizeof(float) || size == 1)
            return {shift_into_exponent(value)};
        else  // Eigen has no shift of 64 bits everywhere
            return {packet::pldexp(all(1.0).value, (*this - all(6755399441055744.0 + 1023.0)).value)};
    }
    /// 0 where x < limit.
    Lanes zero_where_less(const Lanes& x, Scalar limit) const {
        return {packet::pselect(packet::pcmp_lt(x.value, all(limit).value), all(Scalar(0)).value, value)};
    }
    /// yes where a < b, no where that is not so, NaN included.
    static Lanes where_less(const Lanes& a, const Lanes& b, const Lanes& yes, const Lanes& no) {
        return {packet::pselect(packet::pcmp_lt(a.value, b.value), yes.value, no.value)};
    }
    Lanes abs() const { return {packet::pabs(value)}; }
    /// Not by Eigen, whose packets of floats give an estimate, and NaN for infinity.
    Lanes sqrt() const {
        Scalar lanes[std::size_t(size)];
        store(lanes);
        for (Scalar& lane : lanes) lane = std::sqrt(lane);
        return load(lanes);
    }
    /// For lanes that are not negative, or have the sign of x already.
    Lanes with_sign_of(const Lanes& x) const {
        return {packet::por(value, packet::pand(x.value, all(Scalar(-0.0)).value))};
    }
};

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

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI
