// SPDX-License-Identifier: MIT
// Sigmoid and tanh for a single small step, where what counts is how long a result takes, not how many there are: the
// formulas of math/vector_functions.hpp, rearranged so that fewer operations wait for one another. x is not clamped
// first, since that waits: where it is large the limit takes the place of the result. Absolute error 2.5e-7 (float)
// and 5e-16 (double). A source for core/for_each_target.hpp; fixed.hpp includes it.
//
// With e^u = s (q + p) / (q - p), p odd and q even in r, numerators and denominators are all of the form a q + b p
// where a and b follow from s alone, which is ready before r is:
//     sigmoid(x) = (s q + s p) / ((s + 1) q + (s - 1) p)                   u = x
//     tanh(x)    = ((s - 1) q + (s + 1) p) / ((s + 1) q + (s - 1) p)       u = 2x

#if defined(EIGENGRU_TARGET)

/// u = scale * x as n ln 2 + r, and s = 2^n.
template <class V>
struct ReducedExp {
    V s, r, r_squared;

    EIGENGRU_ALWAYS_INLINE ReducedExp(V x, typename V::Scalar scale) {
        using S = typename V::Scalar;
        // 1.5 * 2^23 (2^52) leaves n in the low bits of the sum; the rest is the bias of the exponent.
        constexpr S kMagic = sizeof(S) == sizeof(float) ? S(12582912 + 127) : S(6755399441055744 + 1023);
        const V t = fma(x, V::all(scale * S(1.4426950408889634073599)), kMagic);
        const V n = t - V::all(kMagic);
        r = V::multiply_add(n, V::all(S(-0.693147180559945309417)), x * V::all(scale));
        r_squared = r * r;
        s = t.shifted_into_exponent();
    }

    /// a q + b p, but for a common factor.
    [[nodiscard]] EIGENGRU_ALWAYS_INLINE V combined(V a, V b) const {
        using S = typename V::Scalar;
        if constexpr (sizeof(S) == sizeof(float)) {
            const V high = V::multiply_add(r, b * V::all(1.0F / 60.0F), a * V::all(0.2F));
            return V::multiply_add(r_squared, high, V::multiply_add(r, b, a + a));
        } else {
            V p = fma(r_squared, V::all(1.26177193074810590878e-4), 3.02994407707441961300e-2);
            p = fma(r_squared, p, 9.99999999999999999910e-1);
            V q = fma(r_squared, V::all(3.00198505138664455042e-6), 2.52448340349684104192e-3);
            q = fma(r_squared, q, 2.27265548208155028766e-1);
            return V::multiply_add(p, r * b, V::multiply_add(r_squared * a, q, a + a));
        }
    }
};

/// 1 / (1 + e^-x)
template <class V>
EIGENGRU_ALWAYS_INLINE V quick_sigmoid(V x) {
    using S = typename V::Scalar;
    const V zero = V::all(S(0)), one = V::all(S(1));
    const ReducedExp<V> e(x, S(1));
    const V y = e.combined(e.s, e.s) / e.combined(e.s + one, e.s - one);
    return V::where_less(V::all(S(40)), x.abs(), V::where_less(x, zero, zero, one), y);
}

/// tanh(x)
template <class V>
EIGENGRU_ALWAYS_INLINE V quick_tanh(V x) {
    using S = typename V::Scalar;
    const V one = V::all(S(1));
    const ReducedExp<V> e(x, S(2));
    const V above = e.s + one, below = e.s - one;
    const V y = e.combined(below, above) / e.combined(above, below);
    return V::where_less(V::all(kTanhIs1<S>), x.abs(), one.with_sign_of(x), y);
}

#endif
