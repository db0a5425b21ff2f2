// SPDX-License-Identifier: MIT
// A source for core/for_each_target.hpp, as fixed_activations_test.cpp includes it: the activations of
// cell/fixed_activations.hpp over whole vectors.

template <class S>
void quick_activations(const S* x, Index size, S* sigmoids, S* tanhs) {
    using V = Vec<S>;
    for (Index i = 0; i < size; i += V::size) {
        quick_sigmoid(V::load(x + i)).store(sigmoids + i);
        quick_tanh(V::load(x + i)).store(tanhs + i);
    }
}
