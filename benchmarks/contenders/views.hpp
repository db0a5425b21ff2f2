// SPDX-License-Identifier: MIT
// A problem's memory as the views of the library, and its layer.
#pragma once

#include "contender.hpp"

#include <eigengru/core/thread_pool.hpp>
#include <eigengru/eigengru.hpp>

#include <memory>
#include <string_view>

namespace eigengru_bench {

using eigengru::Index;
using eigengru::RowMatrix;
using eigengru::SequenceView;

/// The weights, or their gradients, as a user's own matrices.
template <class S>
struct Weights {
    RowMatrix<S> kernel, recurrent_kernel, bias;
};

/// The matrix of those sizes at `from`.
template <class S>
[[nodiscard]] RowMatrix<S> matrix_at(const void* from, Index rows, Index cols) {
    return Eigen::Map<const RowMatrix<S>>(static_cast<const S*>(from), rows, cols);
}

template <class S>
[[nodiscard]] Weights<S> weights_of(const Problem& p) {
    return {matrix_at<S>(p.kernel, p.features, 3 * p.units), matrix_at<S>(p.recurrent_kernel, p.units, 3 * p.units),
            matrix_at<S>(p.bias, p.reset_after != 0 ? 2 : 1, 3 * p.units)};
}

template <class S>
[[nodiscard]] SequenceView<const S> inputs_of(const Problem& p) {
    return {static_cast<const S*>(p.inputs), {p.batch, p.time, p.features}};
}

template <class S>
[[nodiscard]] SequenceView<S> outputs_of(const Problem& p) {
    return {static_cast<S*>(p.outputs), {p.batch, p.time, p.units}};
}

template <class S>
[[nodiscard]] SequenceView<const S> output_gradients_of(const Problem& p) {
    return {static_cast<const S*>(p.d_outputs), {p.batch, p.time, p.units}};
}

/// The threads of a problem, the caller's own included; none for one.
class Threads {
public:
    explicit Threads(const Problem& p) {
        if (p.threads > 1) pool_ = std::make_unique<eigengru::ThreadPool>(p.threads);
    }
    [[nodiscard]] eigengru::ExecutorRef executor() const { return pool_.get(); }

private:
    std::unique_ptr<eigengru::ThreadPool> pool_;
};

/// Its kernels.
[[nodiscard]] inline eigengru::Kernels kernels_of(std::string_view isa) {
    using eigengru::Kernels;
    for (const Kernels kernels : {Kernels::eigen, Kernels::portable, Kernels::avx2, Kernels::avx512})
        if (name_of(kernels) == isa) return kernels;
    return Kernels::automatic;
}

template <class S, bool ResetAfter>
[[nodiscard]] eigengru::Gru<S, ResetAfter> make_layer(const Problem& p) {
    const Weights<S> w = weights_of<S>(p);
    return {
        p.features,
        {.units = p.units, .return_sequences = true, .return_state = true, .stateful = p.workload == Workload::step},
        {w.kernel, w.recurrent_kernel, w.bias}};
}

/// Copies a matrix to where the problem wants it.
template <class Matrix>
void give(const Matrix& matrix, void* to) {
    using S = typename Matrix::Scalar;
    Eigen::Map<RowMatrix<S>>(static_cast<S*>(to), matrix.rows(), matrix.cols()) = matrix;
}

}  // namespace eigengru_bench
