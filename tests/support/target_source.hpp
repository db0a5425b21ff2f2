// SPDX-License-Identifier: MIT
// A source for core/for_each_target.hpp, as for_each_target_test.cpp includes it: what it sees of its target.

inline constexpr int kSeenTarget = EIGENGRU_TARGET;

/// The target in which it is compiled, by the instructions that the compiler may use there.
template <class T>
int features_of_target(T) {
#if EIGENGRU_TARGET == EIGENGRU_TARGET_PORTABLE
    return 0;
#elif EIGENGRU_TARGET == EIGENGRU_TARGET_AVX2
    const __m256 one = _mm256_set1_ps(1.0F);
    return static_cast<int>(_mm256_cvtss_f32(_mm256_fmadd_ps(one, one, one))) / 2;
#else
    const __m512 one = _mm512_set1_ps(1.0F);
    return static_cast<int>(_mm512_reduce_add_ps(one)) / 8;
#endif
}

/// Members of class templates are compiled for the target too.
template <class S>
struct Sum {
    Vec<S> total;  // no initial value here: g++ does not compile constructors of its own making for the target

    void add(S x) { total = total + Vec<S>::all(x); }
    [[nodiscard]] S first() const {
        S lanes[std::size_t(Vec<S>::size)];
        total.store(lanes);
        return lanes[0];
    }
};

template <class S>
S sum_of(const S* values, Index count) {
    Sum<S> sum{Vec<S>::all(S(0))};
    for (Index i = 0; i < count; ++i) sum.add(values[i]);
    return sum.first();
}
