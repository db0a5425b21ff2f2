// SPDX-License-Identifier: MIT
// A source for core/for_each_target.hpp, as vectors_test.cpp includes it: each operation of Vec<S> on the first `count`
// elements of a and b, one after the other to out.

template <class S>
void vector_operations(const S* a, const S* b, Index count, S* out) {
    using V = Vec<S>;
    const V x = V::load_first(a, count), y = V::load_first(b, count);
    const V results[] = {x + y,
                         x - y,
                         x * y,
                         x / y,
                         V::multiply_add(x, y, y),
                         V::multiply_subtract(x, y, y),
                         x.clamped(S(-0.5), S(0.5)),
                         x.zero_where_less(x, S(0.25)),
                         x.abs().with_sign_of(y),
                         V::where_less(x, y, V::all(S(1)), V::all(S(2))),
                         x.abs(),
                         x.abs().sqrt()};
    for (const V& result : results) {
        result.store_first(out, count);
        out += count;
    }
}

/// The lanes of one vector, of which `count` are read.
template <class S>
void load_first_lanes(const S* from, Index count, S* to) {
    Vec<S>::load_first(from, count).store(to);
}

template <class S>
void copy_vector(const S* from, S* to) {
    Vec<S>::load(from).store(to);
}
