// SPDX-License-Identifier: MIT
// How a Bidirectional makes one output of two, forward and backward side by side.
#pragma once

#include "eigengru/layer/bidirectional_options.hpp"
#include "eigengru/layer/bidirectional_tape.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// The last step becomes the first, in place.
template <RealScalar S>
void reverse_time(Sequence<S>& values) {
    for (Index b = 0; b < values.shape().batch; ++b) {
        MatrixMap<S> rows = values.sequence(b);
        for (Index t = 0; t < rows.rows() / 2; ++t) rows.row(t).swap(rows.row(rows.rows() - 1 - t));
    }
}

/// y = concat(f, b), f + b, f b or (f + b) / 2 for each row; nothing for Merge::none.
template <RealScalar S>
void merge(Merge merge, const MatrixMap<const S>& f, const MatrixMap<const S>& b, MatrixMap<S> y) {
    switch (merge) {
        case Merge::concat:
            y.leftCols(f.cols()) = f;
            y.rightCols(b.cols()) = b;
            break;
        case Merge::sum: y = f + b; break;
        case Merge::mul: y = f.cwiseProduct(b); break;
        case Merge::ave: y = (f + b) / S(2); break;
        case Merge::none: break;
    }
}

/// d_f += d_y dy/df and d_b += d_y dy/db.
template <RealScalar S>
void add_merge_gradient(Merge merge, const MatrixMap<const S>& d_y, const MatrixMap<const S>& f,
                        const MatrixMap<const S>& b, MatrixMap<S> d_f, MatrixMap<S> d_b) {
    switch (merge) {
        case Merge::concat:
            d_f += d_y.leftCols(f.cols());
            d_b += d_y.rightCols(b.cols());
            break;
        case Merge::sum:
            d_f += d_y;
            d_b += d_y;
            break;
        case Merge::mul:
            d_f += d_y.cwiseProduct(b);
            d_b += d_y.cwiseProduct(f);
            break;
        case Merge::ave:
            d_f += d_y / S(2);
            d_b += d_y / S(2);
            break;
        case Merge::none: break;
    }
}

/// merge() of whole sequences.
template <RealScalar S>
void merge_sequences(Merge how, const Sequence<S>& f, const Sequence<S>& b, const SequenceView<S>& y) {
    for (Index i = 0; i < y.shape().batch; ++i) merge<S>(how, f.sequence(i), b.sequence(i), y.sequence(i));
}

template <RealScalar S>
[[nodiscard]] MatrixMap<const S> map_of(const RowMatrix<S>& matrix) {
    return MatrixView<const S>(matrix).map();
}

/// Copies a gradient, or zeros where there is none.
template <RealScalar S>
void start_gradient(const OutputGradients<S>& d, const Output<S>& like, Output<S>& into) {
    into.last.resize(like.last.rows(), like.last.cols());
    into.last.setZero();
    if (d.last.is_present()) into.last = d.last.map();
    into.sequences.resize(like.sequences.shape());
    into.sequences.matrix().setZero();
    for (Index b = 0; d.sequences.is_present() && b < d.sequences.shape().batch; ++b)
        into.sequences.sequence(b) = d.sequences.sequence(b);
}

/// From the gradients of a Bidirectional's outputs to those of each layer's, the backward layer's in the order in which
/// it puts them out.
template <RealScalar S>
void split_gradients(Merge merge, const BidirectionalTape<S>& tape, const BidirectionalOutputGradients<S>& d,
                     Output<S>& d_forward, Output<S>& d_backward) {
    const Output<S>& f = tape.forward_output;
    const Output<S>& b = tape.backward_output;
    start_gradient(d.forward, f, d_forward);
    start_gradient(d.backward, b, d_backward);
    if (d.last.is_present())
        add_merge_gradient<S>(merge, d.last.map(), map_of(f.last), map_of(b.last), MatrixView<S>(d_forward.last).map(),
                              MatrixView<S>(d_backward.last).map());
    for (Index i = 0; d.sequences.is_present() && i < d.sequences.shape().batch; ++i)
        add_merge_gradient<S>(merge, d.sequences.sequence(i), f.sequences.sequence(i), b.sequences.sequence(i),
                              d_forward.sequences.sequence(i), d_backward.sequences.sequence(i));
    reverse_time(d_backward.sequences);
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
