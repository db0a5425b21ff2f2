// SPDX-License-Identifier: MIT
// The parts of a Gru and of a Bidirectional in a model: see model_layer.hpp.
#pragma once

#include "eigengru/layer/bidirectional.hpp"
#include "eigengru/layer/gru.hpp"
#include "eigengru/layer/model_layer.hpp"

#include <utility>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Takes the sequences of a layer that returns them, else its last output as a sequence of one step, without a mask.
template <RealScalar S>
void put_out(LayerData<S>& data, bool returns_sequences, Sequence<S>&& sequences, const RowMatrix<S>& last) {
    data.is_sequence = returns_sequences;
    if (returns_sequences) {
        data.values = std::move(sequences);
        return;
    }
    data.mask.resize(0, 0);
    data.values = Sequence<S>({last.rows(), 1, last.cols()});
    data.values.matrix() = last;
}

/// A sequence of one step as the outputs of that step.
template <class T>
[[nodiscard]] MatrixView<T> only_step(const SequenceView<T>& d) {
    return {d.data(), d.shape().batch, d.shape().features, d.strides().batch};
}

// Gru

template <RealScalar S, bool ResetAfter>
ModelShape shape_after(const Gru<S, ResetAfter>& gru, const ModelShape& before) {
    expect_features(gru.name(), gru.features(), before);
    expect_sequence(gru.name(), before);
    return {gru.units(), gru.options().return_sequences, false};
}

template <RealScalar S, bool ResetAfter>
void run_layer(Gru<S, ResetAfter>& gru, LayerData<S>& data, const ModelRun& run) {
    Output<S> y = gru(data.values, {.mask = data.mask_view(), .training = run.is_training, .executor = run.executor});
    put_out(data, gru.options().return_sequences, std::move(y.sequences), y.last);
}

template <RealScalar S, bool ResetAfter>
void record_layer(Gru<S, ResetAfter>& gru, LayerFlow<S>& flow, LayerTape<S>& tape) {
    const Shape3& shape = flow.values.shape();
    const bool returns_sequences = gru.options().return_sequences;
    tape.outputs.resize({shape.batch, returns_sequences ? shape.time : 1, gru.units()});
    tape.state.resize(shape.batch, gru.units());
    OutputView<S> output{.state = tape.state};
    if (returns_sequences)
        output.sequences = tape.outputs;
    else
        output.last = only_step(tape.outputs.view());
    gru.forward(flow.values, {.mask = flow.mask, .training = flow.run.is_training, .executor = flow.run.executor},
                tape.gru, output);
    flow.activity_loss += gru.activity_loss();
    if (!returns_sequences) flow.mask = {};
    pass_on<S>(flow, tape.outputs, tape);
}

template <RealScalar S, bool ResetAfter>
SequenceView<const S> layer_backward(Gru<S, ResetAfter>& gru, const LayerTape<S>& tape, const SequenceView<const S>& d,
                                     LayerGradients<S>& into, ExecutorRef executor) {
    OutputGradients<S> d_output;
    if (gru.options().return_sequences)
        d_output.sequences = d;
    else
        d_output.last = only_step(d);
    gru.backward(tape.gru, d_output, into.gru, executor);
    return std::as_const(into.gru.inputs).view();
}

// Bidirectional

template <RealScalar S, bool ResetAfter>
ModelShape shape_after(const Bidirectional<S, ResetAfter>& both, const ModelShape& before) {
    if (both.options().merge == Merge::none)
        EIGENGRU_THROW(OptionError, "Sequential: layer \"", both.name(),
                       "\" expected a merge, received none, which gives two outputs");
    expect_features(both.name(), both.features(), before);
    expect_sequence(both.name(), before);
    return {both.units(), both.returns_sequences(), false};
}

template <RealScalar S, bool ResetAfter>
void run_layer(Bidirectional<S, ResetAfter>& both, LayerData<S>& data, const ModelRun& run) {
    BidirectionalOutput<S> y =
        both(data.values, {.mask = data.mask_view(), .training = run.is_training, .executor = run.executor});
    put_out(data, both.returns_sequences(), std::move(y.sequences), y.last);
}

template <RealScalar S, bool ResetAfter>
void record_layer(Bidirectional<S, ResetAfter>& both, LayerFlow<S>& flow, LayerTape<S>& tape) {
    const Shape3& shape = flow.values.shape();
    const bool returns_sequences = both.returns_sequences();
    tape.outputs.resize({shape.batch, returns_sequences ? shape.time : 1, both.units()});
    BidirectionalOutputView<S> output;
    if (returns_sequences)
        output.sequences = tape.outputs;
    else
        output.last = only_step(tape.outputs.view());
    both.forward(flow.values, {.mask = flow.mask, .training = flow.run.is_training, .executor = flow.run.executor},
                 tape.both, output);
    flow.activity_loss += both.activity_loss();
    if (!returns_sequences) flow.mask = {};
    pass_on<S>(flow, tape.outputs, tape);
}

template <RealScalar S, bool ResetAfter>
SequenceView<const S> layer_backward(Bidirectional<S, ResetAfter>& both, const LayerTape<S>& tape,
                                     const SequenceView<const S>& d, LayerGradients<S>& into, ExecutorRef executor) {
    BidirectionalOutputGradients<S> d_output;
    if (both.returns_sequences())
        d_output.sequences = d;
    else
        d_output.last = only_step(d);
    both.backward(tape.both, d_output, into.both, executor);
    return std::as_const(into.both.inputs).view();
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
