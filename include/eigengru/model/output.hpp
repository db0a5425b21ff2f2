// SPDX-License-Identifier: MIT
// What a call gives back: as a value (Output), or into the caller's memory (OutputView).
#pragma once

#include "eigengru/core/sequence.hpp"
#include "eigengru/model/options.hpp"

namespace eigengru::inline EIGENGRU_ABI {

/// The result of a call. `last` and `state` are always filled.
template <RealScalar S>
struct Output {
    Sequence<S> sequences = {};  ///< (batch, time, units) in processing order, with return_sequences; else empty
    RowMatrix<S> last = {};      ///< (batch, units): the output at the last processed step
    RowMatrix<S> state = {};     ///< (batch, units): the final state
};

/// Where a call shall write; what is absent is not written. No part may overlap another one or the arguments of the
/// call.
template <RealScalar S>
struct OutputView {
    SequenceView<S> sequences = {};  ///< (batch, time, units); only with return_sequences
    MatrixView<S> last = {};         ///< (batch, units)
    MatrixView<S> state = {};        ///< (batch, units)
};

/// The losses that the regularizers add to the loss of a model, each 0 where there is no regularizer.
template <RealScalar S>
struct RegularizationLosses {
    S kernel = 0;
    S recurrent_kernel = 0;
    S bias = 0;
    S activity = 0;  ///< of the last call: the sum over the returned tensors, each divided by the batch size

    [[nodiscard]] S total() const { return kernel + recurrent_kernel + bias + activity; }
};

namespace detail {

/// Room for what a layer gives back for inputs of that shape.
template <RealScalar S>
[[nodiscard]] Output<S> make_output(const GruOptions& options, const Shape3& inputs) {
    Output<S> y{.last = RowMatrix<S>(inputs.batch, options.units), .state = RowMatrix<S>(inputs.batch, options.units)};
    if (options.return_sequences) y.sequences = Sequence<S>({inputs.batch, inputs.time, options.units});
    return y;
}

template <RealScalar S>
[[nodiscard]] OutputView<S> view_of(const GruOptions& options, Output<S>& y) {
    return {options.return_sequences ? y.sequences.view() : SequenceView<S>(), y.last, y.state};
}

/// The loss of the activity_regularizer: one for each returned tensor, divided by the batch size.
template <RealScalar S>
[[nodiscard]] S activity_loss(const GruOptions& options, const OutputView<S>& output, Index batch) {
    double sum = 0.0;
    const auto add = [&](const MatrixMap<const S>& rows) {
        sum += static_cast<double>(options.activity_regularizer.loss(rows, WeightRank::matrix));
    };
    if (!options.return_sequences) add(MatrixView<const S>(output.last).map());
    for (Index b = 0; options.return_sequences && b < batch; ++b)
        add(SequenceView<const S>(output.sequences).sequence(b));
    if (options.return_state) add(MatrixView<const S>(output.state).map());
    return batch > 0 ? static_cast<S>(sum / static_cast<double>(batch)) : S(0);
}

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI
