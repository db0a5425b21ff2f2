// SPDX-License-Identifier: MIT
// The activations over a block, y = f(x), written once for every instruction set. A source for
// core/for_each_target.hpp; activation_kernels.hpp includes it. The smooth functions: vector_functions.hpp; the
// derivatives: activation_functions.hpp. Source of the definitions: keras.activations of Keras 3.
//
// where_less(a, b, yes, no) is `no` where a or b is NaN: that decides where a NaN goes, and it goes where Keras's does.

#if defined(EIGENGRU_TARGET)

/// y = min(x, max_value) from the threshold on, negative_slope * (x - threshold) below it.
template <class V>
EIGENGRU_ALWAYS_INLINE V relu(V x, const ActivationCall<typename V::Scalar>& f) {
    using S = typename V::Scalar;
    const V above = f.flag ? x.clamped(S(0), f.b) : x;
    // Not 0 * x, which is NaN for an infinite x.
    const V below = f.a == S(0) ? x.clamped(S(0), S(0)) : V::all(f.a) * (x - V::all(f.c));
    return V::where_less(V::all(f.c), x, above, below);
}

/// y = x for x >= 0, alpha * (e^x - 1) below.
template <class V>
EIGENGRU_ALWAYS_INLINE V elu(V x, typename V::Scalar alpha) {
    return V::where_less(x, V::all(0), V::all(alpha) * expm1(x), x);
}

/// y = max(x, 0) + min(alpha * (e^(x / alpha) - 1), 0)
template <class V>
EIGENGRU_ALWAYS_INLINE V celu(V x, typename V::Scalar alpha) {
    const V u = x / V::all(alpha), one = V::all(1), zero = V::all(0);
    const V e = V::all(alpha) * V::where_less(one, u, exp(u) - one, expm1(u));
    return V::where_less(x, zero, zero, x) + V::where_less(zero, e, zero, e);
}

/// y = relu6(x + 3) / 6
template <class V>
EIGENGRU_ALWAYS_INLINE V hard_sigmoid(V x) {
    return (x + V::all(3)).clamped(0, 6) / V::all(6);
}

/// y = x - threshold above it, x + threshold below its negative, 0 between.
template <class V>
EIGENGRU_ALWAYS_INLINE V soft_shrink(V x, typename V::Scalar threshold) {
    const V below = V::where_less(x, V::all(-threshold), x + V::all(threshold), V::all(0));
    return V::where_less(V::all(threshold), x, x - V::all(threshold), below);
}

/// y = (x + sqrt(x^2 + b)) / 2
template <class V>
EIGENGRU_ALWAYS_INLINE V squareplus(V x, typename V::Scalar b) {
    return (x + fma(x, x, b).sqrt()) / V::all(2);
}

/// y = 0 up to -1, (x + 1)^2 / 4 up to 1, x beyond.
template <class V>
EIGENGRU_ALWAYS_INLINE V sparse_plus(V x) {
    const V one = V::all(1), above = x + one;
    const V inside = V::where_less(V::all(-1), x, above * above / V::all(4), V::all(0));
    return V::where_less(x, one, inside, x);
}

/// y = f(x) for the kinds that work element by element.
template <ActivationKind Kind, class V>
EIGENGRU_ALWAYS_INLINE V activation(V x, const ActivationCall<typename V::Scalar>& f) {
    using S = typename V::Scalar;
    using K = ActivationKind;
    if constexpr (Kind == K::tanh) return tanh(x);
    if constexpr (Kind == K::sigmoid) return sigmoid(x);
    if constexpr (Kind == K::relu) return relu(x, f);
    if constexpr (Kind == K::relu6) return x.clamped(0, 6);
    if constexpr (Kind == K::leaky_relu) return V::where_less(x, V::all(0), V::all(f.a) * x, x);
    if constexpr (Kind == K::elu) return elu(x, f.a);
    if constexpr (Kind == K::selu) return V::all(S(kSeluScale)) * elu(x, S(kSeluAlpha));
    if constexpr (Kind == K::celu) return celu(x, f.a);
    if constexpr (Kind == K::gelu) return f.flag ? gelu_by_tanh(x) : gelu(x);
    if constexpr (Kind == K::silu) return times_sigmoid(x, x);
    if constexpr (Kind == K::hard_silu) return x * hard_sigmoid(x);
    if constexpr (Kind == K::hard_sigmoid) return hard_sigmoid(x);
    if constexpr (Kind == K::hard_tanh) return x.clamped(-1, 1);
    if constexpr (Kind == K::softplus) return V::where_less(x, V::all(0), V::all(0), x) + log1p_exp_minus(x.abs());
    if constexpr (Kind == K::softsign) return x / (V::all(1) + x.abs());
    if constexpr (Kind == K::exponential) return exp(x);
    if constexpr (Kind == K::mish) return mish(x);
    if constexpr (Kind == K::log_sigmoid) return V::where_less(x, V::all(0), x, V::all(0)) - log1p_exp_minus(x.abs());
    if constexpr (Kind == K::tanh_shrink) return x - tanh(x);
    if constexpr (Kind == K::soft_shrink) return soft_shrink(x, f.a);
    if constexpr (Kind == K::hard_shrink) return V::where_less(V::all(f.a), x.abs(), x, V::all(0));
    if constexpr (Kind == K::threshold) return V::where_less(V::all(f.a), x, x, V::all(f.b));
    if constexpr (Kind == K::squareplus) return squareplus(x, f.a);
    if constexpr (Kind == K::sparse_plus) return sparse_plus(x);
    if constexpr (Kind == K::sparse_sigmoid) return ((x + V::all(1)) / V::all(2)).clamped(0, 1);
    return x;  // linear
}

/// Elements that a vector takes from place i on: as many as it holds, or those that are left.
template <class V>
EIGENGRU_ALWAYS_INLINE V load_some(const typename V::Scalar* from, Index count) {
    return count >= V::size ? V::load(from) : V::load_first(from, count);
}
template <class V>
EIGENGRU_ALWAYS_INLINE void store_some(V values, typename V::Scalar* to, Index count) {
    if (count >= V::size)
        values.store(to);
    else
        values.store_first(to, count);
}

/// x = f(x) for whole vectors.
template <ActivationKind Kind, class S>
void apply_to_vectors(const ActivationCall<S>& call, S* x, Index size) {
    using V = Vec<S>;
    const ActivationCall<S> f = call;  // which no store to x can change
    for (Index i = 0; i < size; i += V::size) activation<Kind>(V::load(x + i), f).store(x + i);
}

template <class S>
S largest(const S* x, Index size) {
    using V = Vec<S>;
    S result = -std::numeric_limits<S>::infinity();
    Index i = 0;
    if (size >= V::size) {
        V most = V::load(x);
        for (i = V::size; i + V::size <= size; i += V::size) {
            const V next = V::load(x + i);
            most = V::where_less(most, next, next, most);
        }
        S lanes[std::size_t(V::size)];
        most.store(lanes);
        for (const S lane : lanes) result = result < lane ? lane : result;
    }
    for (; i < size; ++i) result = result < x[i] ? x[i] : result;
    return result;
}

/// x = x - largest, or with Keeps e^(x - largest); gives the sum of the e^(x - largest).
template <bool Keeps, class S>
S sum_of_exp(S* x, Index size) {
    using V = Vec<S>;
    const V shift = V::all(largest(x, size));
    V sum = V::all(0);
    S lanes[std::size_t(V::size)];
    for (Index i = 0; i < size; i += V::size) {
        const V below = load_some<V>(x + i, size - i) - shift, e = exp(below);
        store_some(Keeps ? e : below, x + i, size - i);
        e.store(lanes);
        sum = sum + load_some<V>(lanes, size - i);  // zeros after the end of the row
    }
    sum.store(lanes);
    S total = 0;
    for (const S lane : lanes) total += lane;
    return total;
}

/// y_i = e^(x_i) / sum_j e^(x_j), over a row.
template <class S>
void apply_softmax(S* x, Index size) {
    using V = Vec<S>;
    const V sum = V::all(sum_of_exp<true>(x, size));
    for (Index i = 0; i < size; i += V::size) store_some(load_some<V>(x + i, size - i) / sum, x + i, size - i);
}

/// y_i = x_i - log sum_j e^(x_j), over a row.
template <class S>
void apply_log_softmax(S* x, Index size) {
    using V = Vec<S>;
    const V log_sum = V::all(std::log(sum_of_exp<false>(x, size)));
    for (Index i = 0; i < size; i += V::size) store_some(load_some<V>(x + i, size - i) - log_sum, x + i, size - i);
}

/// x = f(x) for elements that follow one another. What is left after whole vectors goes through the same operations.
template <class S, std::size_t... Kinds>
void apply_to_run(const ActivationCall<S>& f, S* x, Index size, std::index_sequence<Kinds...>) {
    using V = Vec<S>;
    using Apply = void (*)(const ActivationCall<S>&, S*, Index);
    static constexpr Apply kApply[] = {&apply_to_vectors<static_cast<ActivationKind>(Kinds), S>...};
    const Apply apply = kApply[static_cast<std::size_t>(f.kind)];
    const Index rest = size % V::size, whole = size - rest;
    apply(f, x, whole);
    if (rest == 0) return;
    S lanes[std::size_t(V::size)];
    V::load_first(x + whole, rest).store(lanes);
    apply(f, lanes, V::size);
    V::load(lanes).store_first(x + whole, rest);
}

/// The kernel: see ActivationKernel.
template <class S>
void apply_activation(const ActivationCall<S>& f, S* x, Index size) {
    constexpr auto kRowWise = static_cast<std::size_t>(ActivationKind::softmax);
    if (f.kind == ActivationKind::softmax) return apply_softmax(x, size);
    if (f.kind == ActivationKind::log_softmax) return apply_log_softmax(x, size);
    apply_to_run(f, x, size, std::make_index_sequence<kRowWise>());
}

#endif
