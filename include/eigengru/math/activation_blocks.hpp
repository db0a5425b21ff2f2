// SPDX-License-Identifier: MIT
// From the kind of an activation to its function, switched once per block, and the loops over a block. For
// activation.hpp.
#pragma once

#include "eigengru/math/activation_functions.hpp"
#include "eigengru/math/activation_rows.hpp"
#include "eigengru/math/vectors.hpp"

#include <array>

namespace eigengru::inline EIGENGRU_ABI {

/// The known activations; `custom` is the user's own.
enum class ActivationKind : unsigned char {
    linear,
    tanh,
    sigmoid,
    relu,
    relu6,
    leaky_relu,
    elu,
    selu,
    celu,
    gelu,
    silu,
    hard_silu,
    hard_sigmoid,
    hard_tanh,
    softplus,
    softsign,
    exponential,
    mish,
    log_sigmoid,
    tanh_shrink,
    soft_shrink,
    hard_shrink,
    threshold,
    squareplus,
    sparse_plus,
    sparse_sigmoid,
    softmax,
    log_softmax,
    sparsemax,
    custom
};

namespace detail {

/// Elements of a block as runs that are adjacent in memory: all at once where rows follow one another, else row by row.
template <class S, class Function>
void for_each_run(MatrixMap<S> block, const Function& function) {
    if (block.outerStride() == block.cols()) return function(block.data(), block.size());
    for (Index r = 0; r < block.rows(); ++r) function(block.data() + r * block.outerStride(), block.cols());
}

/// A row-wise function takes a whole row, an element-wise one a number.
template <class F, class S>
concept RowWise = requires(const F& f, ArrayMap<S> row) { f.value(row); };

/// The block that the function of an activation is applied to.
template <RealScalar S>
struct ApplyTo {
    MatrixMap<S> block;

    template <class F>
    void operator()(const F& f) {
        if constexpr (RowWise<F, S>) {
            for (Index r = 0; r < block.rows() && block.cols() > 0; ++r)
                f.value(ArrayMap<S>(block.data() + r * block.outerStride(), block.cols()));
        } else {
            for_each_run<S>(block, [&f](S* x, Index size) {
                for (Index i = 0; i < size; ++i) x[i] = f.value(x[i]);
            });
        }
    }
};

/// The blocks that the derivative of an activation is applied to.
template <RealScalar S>
struct MultiplyDerivative {
    const MatrixMap<const S>& x;
    const MatrixMap<const S>& y;
    MatrixMap<S> d;

    template <class F>
    void operator()(const F& f) {
        for (Index r = 0; r < d.rows() && d.cols() > 0; ++r) {
            const S* x_row = x.data() + r * x.outerStride();
            const S* y_row = y.data() + r * y.outerStride();
            S* d_row = d.data() + r * d.outerStride();
            if constexpr (RowWise<F, S>) {
                const ArrayMap<const S> rows[] = {{x_row, d.cols()}, {y_row, d.cols()}};
                f.multiply_derivative(rows[0], rows[1], ArrayMap<S>(d_row, d.cols()));
            } else {
                for (Index i = 0; i < d.cols(); ++i) d_row[i] *= f.derivative(x_row[i], y_row[i]);
            }
        }
    }
};

template <class S, class F>
void apply_vectorised(MatrixMap<S> block, const F& f) {
    for_each_run<S>(block, [&f](S* x, Index size) {
        for_each_packet<S>(
            size, [&](auto packet, Index i) { f(Lanes<decltype(packet)>::load(x + i)).store(x + i); });
    });
}

/// Calls `use` with the function of a kind; not for linear, tanh and sigmoid (which have vectorised forms) and custom.
/// `flag` is true for gelu's approximation and for a relu that has a max_value.
template <RealScalar S, class Use>
void with_function(ActivationKind kind, const std::array<double, 3>& parameters, bool flag, Use use) {
    using enum ActivationKind;
    const S a = static_cast<S>(parameters[0]);
    const S b = static_cast<S>(parameters[1]);
    switch (kind) {
        case relu: return use(Relu<S>{a, flag ? b : std::numeric_limits<S>::infinity(), static_cast<S>(parameters[2])});
        case relu6: return use(Relu<S>{S(0), S(6), S(0)});
        case leaky_relu: return use(LeakyRelu<S>{a});
        case elu: return use(Elu<S>{a});
        case selu: return use(Elu<S>{S(kSeluAlpha), S(kSeluScale)});
        case celu: return use(Celu<S>{a});
        case gelu: return flag ? use(GeluTanh<S>()) : use(GeluExact<S>());
        case silu: return use(Silu<S>());
        case hard_silu: return use(HardSilu<S>());
        case hard_sigmoid: return use(HardSigmoid<S>());
        case hard_tanh: return use(HardTanh<S>());
        case softplus: return use(Softplus<S>());
        case softsign: return use(Softsign<S>());
        case exponential: return use(Exponential<S>());
        case mish: return use(Mish<S>());
        case log_sigmoid: return use(LogSigmoid<S>());
        case tanh_shrink: return use(TanhShrink<S>());
        case soft_shrink: return use(SoftShrink<S>{a});
        case hard_shrink: return use(HardShrink<S>{a});
        case threshold: return use(Threshold<S>{a, b});
        case squareplus: return use(Squareplus<S>{a});
        case sparse_plus: return use(SparsePlus<S>());
        case sparse_sigmoid: return use(SparseSigmoid<S>());
        case softmax: return use(Softmax<S>());
        case log_softmax: return use(LogSoftmax<S>());
        case sparsemax: return use(Sparsemax<S>());
        case linear:
        case tanh:
        case sigmoid:
        case custom: return;
    }
}

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI
