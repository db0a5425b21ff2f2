// SPDX-License-Identifier: MIT
// Sigmoid and tanh over a vector type V, written once for every instruction set: 3 ulp with a fused multiply-add, 4.5
// without, in float and double, without a branch. A source for core/for_each_target.hpp; vectors.hpp includes it.
//
// One formula serves both. With u = x (sigmoid) or 2x (tanh), n = round(u / ln 2), r = u - n ln 2 and s = 2^n,
//     e^r = (q + p) / (q - p),   p odd and q even in r,   so that
//     sigmoid(x) = s (q + p) / (s (q + p) + (q - p))
//     tanh(x)    = ((s - 1) q + (s + 1) p) / ((s + 1) q + (s - 1) p)
// with a single division each and no cancellation (n = 0 leaves p / q). It must not be compiled with -ffast-math.

#if defined(EIGENGRU_TARGET)

/// e^u = s (q + p) / (q - p).
template <class V>
struct SplitExp {
    V p, q, s;
};

/// a b + c
template <class V>
EIGENGRU_ALWAYS_INLINE V fma(V a, V b, typename V::Scalar c) {
    return V::multiply_add(a, b, V::all(c));
}

/// r = u - n ln 2 in two parts, of which the product of n and the first is exact.
template <class V>
EIGENGRU_ALWAYS_INLINE V reduced(V u, V n, typename V::Scalar high, typename V::Scalar low) {
    return V::multiply_add(n, V::all(low), V::multiply_add(n, V::all(high), u));
}

/// float, |u| <= 87: Padé approximation of order (3, 2), relative error 6e-9.
/// double, |u| <= 708: rational approximation of order (5, 6), below 1e-16. Source: Cephes, exp.c.
template <class V>
EIGENGRU_ALWAYS_INLINE SplitExp<V> split_exp(V u) {
    using S = typename V::Scalar;
    // 1.5 * 2^23 (2^52) leaves n in the low bits of the sum; the rest is the bias of the exponent they are shifted into.
    constexpr bool kIsFloat = sizeof(S) == sizeof(float);
    constexpr S kMagic = kIsFloat ? S(12582912 + 127) : S(6755399441055744 + 1023);
    const V t = fma(u, V::all(S(1.4426950408889634073599)), kMagic);
    const V n = t - V::all(kMagic);
    if constexpr (kIsFloat) {
        const V r = reduced(u, n, -0.693359375F, 2.12194440e-4F), r2 = r * r;
        return {r * fma(r2, V::all(1.0F / 60.0F), 1.0F), fma(r2, V::all(0.2F), 2.0F), t.shifted_into_exponent()};
    } else {
        const V r = reduced(u, n, -0.693145751953125, -1.42860682030941723212e-6), r2 = r * r;
        V p = fma(r2, V::all(1.26177193074810590878e-4), 3.02994407707441961300e-2);
        p = r * fma(r2, p, 9.99999999999999999910e-1);
        V q = fma(r2, V::all(3.00198505138664455042e-6), 2.52448340349684104192e-3);
        q = fma(r2, fma(r2, q, 2.27265548208155028766e-1), 2.0);
        return {p, q, t.shifted_into_exponent()};
    }
}

/// 1 / (1 + e^-x); 0 where the result would not be a normal number.
template <class V>
EIGENGRU_ALWAYS_INLINE V sigmoid(V x) {
    using S = typename V::Scalar;
    constexpr bool kIsFloat = sizeof(S) == sizeof(float);
    constexpr S kLow = kIsFloat ? S(-87.3365402) : S(-708.396418532264106);
    const SplitExp<V> e = split_exp(x.clamped(kLow, kIsFloat ? S(40) : S(60)));
    const V numerator = e.s * (e.q + e.p);
    return (numerator / (numerator + (e.q - e.p))).zero_where_less(x, kLow);
}

/// tanh(x)
template <class V>
EIGENGRU_ALWAYS_INLINE V tanh(V x) {
    using S = typename V::Scalar;
    constexpr S kLimit = sizeof(S) == sizeof(float) ? S(18.5) : S(40);
    const SplitExp<V> e = split_exp((x + x).clamped(-kLimit, kLimit));
    const V above = e.s + V::all(S(1)), below = e.s - V::all(S(1));
    const V numerator = V::multiply_add(below, e.q, above * e.p);
    const V denominator = V::multiply_add(above, e.q, below * e.p);
    return (numerator / denominator).with_sign_of(x);  // of zero too
}

#endif
