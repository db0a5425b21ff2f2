// SPDX-License-Identifier: MIT
// States too small to matter as 0, over vectors. A source for core/for_each_target.hpp; flush.hpp includes it.

#if defined(EIGENGRU_TARGET)

/// x, or 0 where it is too small: flush.hpp.
template <class V>
EIGENGRU_ALWAYS_INLINE V flush_small(V x) {
    return x.zero_where_less(x.abs(), kSmallestState<typename V::Scalar>);
}

/// Flushes `size` states in place, and copies them to `out` unless it is null.
template <class S>
void flush_states(S* states, S* out, Index size) noexcept {
    using V = Vec<S>;
    Index i = 0;
    for (; i + V::size <= size; i += V::size) {
        const V x = flush_small(V::load(states + i));
        x.store(states + i);
        if (out != nullptr) x.store(out + i);
    }
    if (i == size) return;
    const V x = flush_small(V::load_first(states + i, size - i));
    x.store_first(states + i, size - i);
    if (out != nullptr) x.store_first(out + i, size - i);
}

#endif
