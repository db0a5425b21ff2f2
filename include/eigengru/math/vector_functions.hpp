// SPDX-License-Identifier: MIT
// Smooth functions over a vector type V, written once for every instruction set, in float and double, without a branch
// and with a single division each (exp and gelu too). A source for core/for_each_target.hpp; vectors.hpp includes it.
// Sigmoid and tanh are within 3 ulp with a fused multiply-add, 4.5 without; the others: vector_functions_test.cpp.
//
// One formula serves all. With u = x, -x (sigmoid) or 2x (tanh), n = round(u / ln 2), r = u - n ln 2 and s = 2^n,
//     e^r = (q + p) / (q - p),   p odd and q even in r,   so that
//     sigmoid(x) = (q - p) / ((q - p) + s (q + p))
//     tanh(x)    = ((s + 1) p - (1 - s) q) / ((s + 1) q - (1 - s) p)
// without cancellation (n = 0 leaves p / q). It must not be compiled with -ffast-math.

#if defined(EIGENGRU_TARGET)

/// e^u = s (q + p) / (q - p).
template <class V>
struct SplitExp {
    V p, q, t;

    /// s = 2^n, for n of an exponent of normal numbers, 0 (or 2^n) for the one below them, infinity for the one above;
    /// and 2^(n - shift).
    EIGENGRU_ALWAYS_INLINE V s() const { return t.shifted_into_exponent(); }
    EIGENGRU_ALWAYS_INLINE V s(V shift) const { return (t - shift).shifted_into_exponent(); }
};

/// a b + c
template <class V>
EIGENGRU_ALWAYS_INLINE V fma(V a, V b, typename V::Scalar c) {
    return V::multiply_add(a, b, V::all(c));
}

/// x - n high - n low, of which the product of n and the first is exact. Where both are positive, -0 stays what it is.
template <class V>
EIGENGRU_ALWAYS_INLINE V reduced(V x, V n, typename V::Scalar high, typename V::Scalar low) {
    return V::multiply_subtract(n, V::all(low), V::multiply_subtract(n, V::all(high), x));
}

/// u = Factor x. The factor goes into the constants: r, p and q are those of u, divided by it.
/// float, u from -105 to 89: Padé approximation of order (3, 2), relative error 6e-9.
/// double, u from -746 to 710: rational approximation of order (5, 6), below 1e-16. Source: Cephes, exp.c.
template <int Factor, class V>
EIGENGRU_ALWAYS_INLINE SplitExp<V> split_exp(V x) {
    using S = typename V::Scalar;
    // 1.5 * 2^23 (2^52) leaves n in the low bits of the sum; the rest is the bias of the exponent that they become.
    constexpr bool kIsFloat = sizeof(S) == sizeof(float);
    constexpr S kMagic = kIsFloat ? S(12582912 + 127) : S(6755399441055744 + 1023);
    constexpr S k = Factor, k2 = k * k;
    const V t = fma(x, V::all(k * S(1.4426950408889634073599)), kMagic);
    const V n = t - V::all(kMagic);
    if constexpr (kIsFloat) {
        const V r = reduced(x, n, 0.693115234375F / k, 3.19461849e-5F / k), r2 = r * r;
        return {V::multiply_add(r * r2, V::all(k2 / 60.0F), r), fma(r2, V::all(k * 0.2F), 2.0F / k), t};
    } else {
        const V r = reduced(x, n, 0.693145751953125 / k, 1.42860682030941723212e-6 / k), r2 = r * r;
        // Its coefficient of r, 1 - 9e-20, is 1.
        const V p3 = fma(r2, V::all(k2 * k2 * 1.26177193074810590878e-4), k2 * 3.02994407707441961300e-2);
        const V p = V::multiply_add(r * r2, p3, r);
        V q = fma(r2, V::all(k2 * k2 * k * 3.00198505138664455042e-6), k2 * k * 2.52448340349684104192e-3);
        q = fma(r2, fma(r2, q, k * 2.27265548208155028766e-1), 2.0 / k);
        return {p, q, t};
    }
}

/// The lowest x for which e^x is a normal number.
template <class S>
inline constexpr S kLowestExp = sizeof(S) == sizeof(float) ? S(-87.3365402) : S(-708.396418532264106);

/// Where sigmoid is 0, and 1, to all digits; and where tanh is 1.
template <class S>
inline constexpr S kSigmoidIs0 = sizeof(S) == sizeof(float) ? S(-88.75) : S(-710);
template <class S>
inline constexpr S kSigmoidIs1 = sizeof(S) == sizeof(float) ? S(88) : S(709);
template <class S>
inline constexpr S kTanhIs1 = sizeof(S) == sizeof(float) ? S(9.25) : S(20);

/// sigmoid between its limits.
template <class V>
EIGENGRU_ALWAYS_INLINE V sigmoid_within(V x) {
    const SplitExp<V> e = split_exp<-1>(x);
    const V numerator = e.q - e.p;
    return numerator / V::multiply_add(e.s(), e.q + e.p, numerator);
}

/// 1 / (1 + e^-x); no normal number below kLowestExp, and 0 from where s (q + p) overflows.
template <class V>
EIGENGRU_ALWAYS_INLINE V sigmoid(V x) {
    using S = typename V::Scalar;
    return sigmoid_within(x.clamped(kSigmoidIs0<S>, kSigmoidIs1<S>));
}

/// The same bits sooner, by more operations: the limits are looked at while the rest is computed.
template <class V>
EIGENGRU_ALWAYS_INLINE V soon_sigmoid(V x) {
    using S = typename V::Scalar;
    const V y = V::where_less(x, V::all(kSigmoidIs0<S>), V::all(S(0)), sigmoid_within(x));
    return V::where_less(V::all(kSigmoidIs1<S>), x, V::all(S(1)), y);
}

/// tanh between its limits.
template <class V>
EIGENGRU_ALWAYS_INLINE V tanh_within(V x) {
    using S = typename V::Scalar;
    const SplitExp<V> e = split_exp<2>(x);
    const V s = e.s(), above = s + V::all(S(1)), below = V::all(S(1)) - s;
    // Subtracted, not added: -0 stays what it is. Of two products the larger is the one that is not rounded.
    const V denominator = V::multiply_add(above, e.q, V::multiply_subtract(below, e.p, V::all(S(0))));
    return V::multiply_subtract(below, e.q, above * e.p) / denominator;
}

/// tanh(x)
template <class V>
EIGENGRU_ALWAYS_INLINE V tanh(V x) {
    using S = typename V::Scalar;
    return tanh_within(x.clamped(-kTanhIs1<S>, kTanhIs1<S>));
}

/// The same bits sooner, by more operations.
template <class V>
EIGENGRU_ALWAYS_INLINE V soon_tanh(V x) {
    using S = typename V::Scalar;
    return V::where_less(V::all(kTanhIs1<S>), x.abs(), V::all(S(1)).with_sign_of(x), tanh_within(x));
}

/// e^u = s factor above / below. The factor, a power of two, is 1 unless s alone would not be a normal number where the
/// result, or its product with u, is.
template <class V>
struct WideExp {
    V above, below, s, factor;
};

/// The largest x with e^x = 0, and one beyond which e^x is infinite.
template <class S>
inline constexpr S kZeroExp = sizeof(S) == sizeof(float) ? S(-104.5) : S(-746);
template <class S>
inline constexpr S kInfiniteExp = sizeof(S) == sizeof(float) ? S(89) : S(710);

/// kZeroExp <= u <= kInfiniteExp.
template <class V>
EIGENGRU_ALWAYS_INLINE WideExp<V> wide_exp(V u) {
    using S = typename V::Scalar;
    constexpr bool kIsFloat = sizeof(S) == sizeof(float);
    constexpr S kFar = kIsFloat ? S(32) : S(64), kPower = kIsFloat ? S(4294967296) : S(18446744073709551616.0);
    const V low = V::all(-16), high = V::all(16);
    const V shift = V::where_less(u, low, V::all(-kFar), V::where_less(high, u, V::all(kFar), V::all(0)));
    const V factor = V::where_less(u, low, V::all(1 / kPower), V::where_less(high, u, V::all(kPower), V::all(1)));
    const SplitExp<V> e = split_exp<1>(u);
    return {e.q + e.p, e.q - e.p, e.s(shift), factor};
}

/// e^x, down to the last subnormal number; infinite beyond the largest.
template <class V>
EIGENGRU_ALWAYS_INLINE V exp(V x) {
    using S = typename V::Scalar;
    const WideExp<V> e = wide_exp(x.clamped(kZeroExp<S>, kInfiniteExp<S>));
    return e.above / e.below * e.s * e.factor;
}

/// e^x - 1 for x <= 40, without cancellation.
template <class V>
EIGENGRU_ALWAYS_INLINE V expm1(V x) {
    using S = typename V::Scalar;
    const SplitExp<V> e = split_exp<1>(x.clamped(S(-40), S(40)));
    const V s = e.s();
    return V::multiply_add(s - V::all(1), e.q, (s + V::all(1)) * e.p) / (e.q - e.p);
}

/// x / (1 + e^-u), -0 for a finite x where e^u is 0: silu with u = x.
template <class V>
EIGENGRU_ALWAYS_INLINE V times_sigmoid(V x, V u) {
    using S = typename V::Scalar;
    const WideExp<V> e = wide_exp(u.clamped(kZeroExp<S>, S(40)));
    const V numerator = (e.s * e.above).zero_where_less(u, kZeroExp<S>);
    return x * (numerator / V::multiply_add(numerator, e.factor, e.below)) * e.factor;
}

/// x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) = x / (1 + e^-u)
template <class V>
EIGENGRU_ALWAYS_INLINE V gelu_by_tanh(V x) {
    using S = typename V::Scalar;
    constexpr S kScale = S(2 * std::numbers::sqrt2 * std::numbers::inv_sqrtpi);
    return times_sigmoid(x, V::all(kScale) * x * fma(x * x, V::all(S(0.044715)), S(1)));
}

/// x tanh(log(1 + e^x)) = x e (e + 2) / (e (e + 2) + 2) with e = e^x
template <class V>
EIGENGRU_ALWAYS_INLINE V mish(V x) {
    using S = typename V::Scalar;
    const WideExp<V> e = wide_exp(x.clamped(kZeroExp<S>, S(40)));
    const V far = (e.s * e.above).zero_where_less(x, kZeroExp<S>), near = far * e.factor;
    const V sum = near + e.below + e.below;
    return x * (far * sum / V::multiply_add(near, sum, (e.below + e.below) * e.below)) * e.factor;
}

/// c[0] + c[1] x + c[2] x^2 + ...
template <class V, std::size_t Count>
EIGENGRU_ALWAYS_INLINE V polynomial(V x, const typename V::Scalar (&c)[Count]) {
    V sum = V::all(c[Count - 1]);
    EIGENGRU_UNROLL(12)
    for (std::size_t i = 2; i <= Count; ++i) sum = fma(sum, x, c[Count - i]);
    return sum;
}

/// log(1 + e^-x) for x >= 0: 2 atanh(e / (2 + e)) with e = e^-x, by its series in w = (e / (2 + e))^2 <= 1/9, of which
/// the coefficients are fitted. 0 where the result would not be a normal number.
template <class V>
EIGENGRU_ALWAYS_INLINE V log1p_exp_minus(V x) {
    using S = typename V::Scalar;
    const V u = V::all(0) - x;
    const SplitExp<V> e = split_exp<1>(u.clamped(kLowestExp<S>, S(0)));
    const V numerator = e.s() * (e.q + e.p), below = e.q - e.p;
    const V ratio = numerator / (numerator + below + below), w = ratio * ratio;
    V series;
    if constexpr (sizeof(S) == sizeof(float))
        series = polynomial(w, {0.6666666732F, 0.3999970633F, 0.2859235799F, 0.217065758F, 0.2322432922F});
    else
        series = polynomial(
            w, {0.66666666666666658561, 0.400000000000145826732, 0.28571428567108757162, 0.222222227174278629893,
                0.181817894361328581693, 0.153855700649586231034, 0.133141442096549361503, 0.120010728095907125352,
                0.0880073848614467388222, 0.161640456119435322209});
    return (ratio * fma(w, series, S(2))).zero_where_less(u, kLowestExp<S>);
}

/// The normal distribution below -a is e^(-a^2 / 2) p(a) / q(a), for 0 <= a up to where that is 0: rational
/// approximations of order (4, 5), relative error 7e-9, and (10, 11), 1e-17, fitted to erfc.
template <class V>
struct NormalTail {
    V p, q;
};

template <class V>
EIGENGRU_ALWAYS_INLINE NormalTail<V> normal_tail(V a) {
    if constexpr (sizeof(typename V::Scalar) == sizeof(float)) {
        return {polynomial(a, {0.500000002F, 0.4375937008F, 0.1826702276F, 0.04042960577F, 0.004082358525F}),
                polynomial(a, {1.0F, 1.673072281F, 1.200255082F, 0.4679680461F, 0.1013484917F, 0.01023283496F})};
    } else {
        return {polynomial(a, {0.5, 0.81065275577326428335, 0.652705581974911186592, 0.33662205184177200458,
                               0.121903923115004100511, 0.0322251348143684643054, 0.00628565203680092239806,
                               0.000893823548797743123169, 0.0000889405646919147600127, 0.0000056238670929937707749,
                               1.73263766277139451195e-7}),
                polynomial(a, {1.0, 2.41919007234939392557, 2.73564557232497044821, 1.91233995376328443739,
                               0.920223053640060834044, 0.320882060080372724627, 0.0829887242185342140962,
                               0.0159778654166566928475, 0.0022545803247516807618, 0.000223375242064900136655,
                               0.0000140969442681570435063, 4.34307855518908772443e-7})};
    }
}

/// x/2 (1 + erf(x / sqrt 2)), without cancellation on the left.
template <class V>
EIGENGRU_ALWAYS_INLINE V gelu(V x) {
    using S = typename V::Scalar;
    constexpr S kLimit = sizeof(S) == sizeof(float) ? S(14.5) : S(39);
    const V u = V::all(S(-0.5)) * x * x;
    const WideExp<V> e = wide_exp(u.clamped(kZeroExp<S>, S(0)));
    const NormalTail<V> tail = normal_tail(x.abs().clamped(S(0), kLimit));
    const V scaled = (e.s * e.above * tail.p / (e.below * tail.q)).zero_where_less(u, kZeroExp<S>);
    const V part = x.clamped(-std::numeric_limits<S>::infinity(), kLimit) * scaled * e.factor;
    return V::where_less(x, V::all(0), part, x - part);
}

#endif
