// SPDX-License-Identifier: MIT
// The loops that measure what the processor can do at most. A source for core/for_each_target.hpp; see roof.cpp.

#if defined(EIGENGRU_TARGET)

/// kMultiplyAdds multiply-adds, as many at a time as keep the units busy. The values tend to 2.
template <class S>
S multiply_adds() {
    using V = Vec<S>;
    constexpr int kChains = 12;
    V sums[kChains], factor = V::all(S(0.5)), term = V::all(S(1));
    EIGENGRU_UNROLL(12)
    for (int i = 0; i < kChains; ++i) sums[i] = V::all(S(i));
    for (long n = 0; n < kMultiplyAdds / (kChains * V::size); ++n) {
        factor.pin();
        EIGENGRU_UNROLL(12)
        for (int i = 0; i < kChains; ++i) sums[i] = V::multiply_add(sums[i], factor, term);
    }
    EIGENGRU_UNROLL(12)
    for (int i = 1; i < kChains; ++i) sums[0] = sums[0] + sums[i];
    S lanes[V::size];
    sums[0].store(lanes);
    return lanes[0];
}

/// Reads `count` scalars, a multiple of kReadBlock, so often.
template <class S>
S read_all(const S* from, long count, long passes) {
    using V = Vec<S>;
    constexpr int kChains = 8;
    V sums[kChains];
    EIGENGRU_UNROLL(8)
    for (int i = 0; i < kChains; ++i) sums[i] = V::all(S(0));
    for (long pass = 0; pass < passes; ++pass) {
        for (long at = 0; at < count; at += kChains * V::size) {
            EIGENGRU_UNROLL(8)
            for (int i = 0; i < kChains; ++i) sums[i] = sums[i] + V::load(from + at + i * V::size);
        }
    }
    EIGENGRU_UNROLL(8)
    for (int i = 1; i < kChains; ++i) sums[0] = sums[0] + sums[i];
    S lanes[V::size];
    sums[0].store(lanes);
    return lanes[0];
}

#endif
