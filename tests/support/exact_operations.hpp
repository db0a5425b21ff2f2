// SPDX-License-Identifier: MIT
// A source for core/for_each_target.hpp, as vector_x86_test.cpp includes it: what the vectors of x86 do to the bit,
// over one whole vector.

#if EIGENGRU_TARGET != EIGENGRU_TARGET_PORTABLE

template <class S>
void multiply_add_vector(const S* a, const S* b, const S* c, S* to) {
    Vec<S> x = Vec<S>::load(a), y = Vec<S>::load(b);
    x.pin();
    y.pin_broadcast();
    Vec<S>::multiply_add(x, y, Vec<S>::load(c)).store(to);
}

template <class S>
void shift_into_exponent(const S* from, S* to) {
    Vec<S>::load(from).shifted_into_exponent().store(to);
}

/// a where b is not less than a limit: NaN is not.
template <class S>
void zero_where_b_is_less(const S* a, const S* b, S limit, S* to) {
    Vec<S>::load(a).zero_where_less(Vec<S>::load(b), limit).store(to);
}

template <class S>
void signs(const S* a, const S* b, S* magnitude, S* with_sign) {
    Vec<S>::load(a).abs().store(magnitude);
    Vec<S>::load(a).abs().with_sign_of(Vec<S>::load(b)).store(with_sign);
}

#endif
