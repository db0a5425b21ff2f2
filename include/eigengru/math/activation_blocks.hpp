// SPDX-License-Identifier: MIT
// From the kind of an activation to its derivative, switched once per block, and the loops over a block. For
// activation.hpp.
#pragma once

#include "eigengru/math/activation_functions.hpp"
#include "eigengru/math/activation_kind.hpp"
#include "eigengru/math/activation_rows.hpp"

#include <array>
#include <limits>

namespace eigengru::inline EIGENGRU_ABI {

namespace detail {

/// The rows of a block, unless they are empty.
template <class S, class Function>
void for_each_row(MatrixMap<S> block, const Function& function) {
    for (Index r = 0; r < block.rows() && block.cols() > 0; ++r)
        function(block.data() + r * block.outerStride(), block.cols());
}

/// Elements of a block as runs that are adjacent in memory: all at once where rows follow one another, else row by row.
template <class S, class Function>
void for_each_run(MatrixMap<S> block, const Function& function) {
    if (block.outerStride() == block.cols()) return function(block.data(), block.size());
    for_each_row<S>(block, function);
}

/// The derivative of a row-wise function takes whole rows, that of an element-wise one numbers.
template <class F, class S>
concept RowWise = requires(const F& f, ArrayMap<const S> row, ArrayMap<S> d) { f.multiply_derivative(row, row, d); };

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

/// Calls `use` with the function of a kind; not for linear, tanh and sigmoid (which Activation handles) and custom.
template <RealScalar S, class Use>
void with_function(const ActivationCall<S>& f, Use use) {
    using enum ActivationKind;
    const S a = f.a;
    switch (f.kind) {
        case relu: return use(Relu<S>{a, f.flag ? f.b : std::numeric_limits<S>::infinity(), f.c});
        case relu6: return use(Relu<S>{S(0), S(6), S(0)});
        case leaky_relu: return use(LeakyRelu<S>{a});
        case elu: return use(Elu<S>{a});
        case selu: return use(Elu<S>{S(kSeluAlpha), S(kSeluScale)});
        case celu: return use(Celu<S>{a});
        case gelu: return f.flag ? use(GeluTanh<S>()) : use(GeluExact<S>());
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
        case threshold: return use(Threshold<S>{a});
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
