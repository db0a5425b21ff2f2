// SPDX-License-Identifier: MIT
// A source for core/for_each_target.hpp, as vector_functions_test.cpp includes it: how many of some values get other
// bits from the functions that are there sooner. NaN is as good as any other.

#if defined(EIGENGRU_TARGET)

template <class V>
Index count_differing(V a, V b) {
    using S = typename V::Scalar;
    S left[V::size], right[V::size];
    a.store(left);
    b.store(right);
    Index count = 0;
    for (int i = 0; i < V::size; ++i)
        count += std::memcmp(left + i, right + i, sizeof(S)) != 0 && !(left[i] != left[i] && right[i] != right[i]);
    return count;
}

/// `size`: whole vectors.
template <class S>
Index count_other_bits(const S* x, Index size) {
    using V = Vec<S>;
    Index count = 0;
    for (Index i = 0; i < size; i += V::size) {
        const V values = V::load(x + i);
        count += count_differing(sigmoid(values), soon_sigmoid(values));
        count += count_differing(tanh(values), soon_tanh(values));
    }
    return count;
}

#endif
