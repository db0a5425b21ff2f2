// SPDX-License-Identifier: MIT
// How each kind of layer takes part in a recorded pass of a Sequential, forward and backward side by side.
#pragma once

#include "eigengru/layer/activation_layer.hpp"
#include "eigengru/layer/dense.hpp"
#include "eigengru/layer/dropout_layer.hpp"
#include "eigengru/layer/gru.hpp"
#include "eigengru/layer/masking.hpp"
#include "eigengru/layer/model_tape.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// What flows from layer to layer in a recorded pass.
template <RealScalar S>
struct LayerFlow {
    SequenceView<const S> values;
    MaskView mask;
    bool is_training;
    S& activity_loss;
};

/// Passes on what a layer has put out, with the mask that came in.
template <RealScalar S>
void pass_on(LayerFlow<S>& flow, const SequenceView<const S>& outputs, LayerTape<S>& tape) {
    tape.mask.resize(flow.mask.is_present() ? flow.mask.batch() : 0, flow.mask.is_present() ? flow.mask.time() : 0);
    for (Index b = 0; b < tape.mask.rows(); ++b)
        for (Index t = 0; t < tape.mask.cols(); ++t) tape.mask(b, t) = flow.mask(b, t);
    flow.values = outputs;
    flow.mask = tape.mask_view();
}

template <RealScalar S>
void copy_sequences(const SequenceView<const S>& from, Sequence<S>& to) {
    to.resize(from.shape());
    for (Index b = 0; b < from.shape().batch; ++b) to.sequence(b) = from.sequence(b);
}

/// A layer that has no activation can always be trained.
template <class L>
void check_layer_trainable(const L& layer) {
    if constexpr (requires { layer.options().recurrent_activation; })
        check_trainable("Sequential::forward", layer.options());
    else if constexpr (requires { layer.options().activation; })
        layer.options().activation.check_derivative("Sequential::forward");
}

// Gru

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
        output.last = {tape.outputs.data(), shape.batch, gru.units()};
    gru.forward(flow.values, {.mask = flow.mask, .training = flow.is_training}, tape.gru, output);
    flow.activity_loss += gru.losses().activity;
    if (!returns_sequences) flow.mask = {};
    pass_on<S>(flow, tape.outputs, tape);
}

template <RealScalar S, bool ResetAfter>
SequenceView<const S> layer_backward(Gru<S, ResetAfter>& gru, const LayerTape<S>& tape, const SequenceView<const S>& d,
                                     LayerGradients<S>& into) {
    OutputGradients<S> d_output;
    if (gru.options().return_sequences)
        d_output.sequences = d;
    else
        d_output.last = {d.data(), d.shape().batch, d.shape().features, d.strides().batch};
    gru.backward(tape.gru, d_output, into.gru);
    return std::as_const(into.gru.inputs).view();
}

// Dense

template <RealScalar S>
void record_layer(const Dense<S>& dense, LayerFlow<S>& flow, LayerTape<S>& tape) {
    dense.forward(flow.values, tape.dense);
    flow.activity_loss += dense.activity_loss(tape.dense);
    pass_on<S>(flow, tape.dense.outputs(), tape);
}

template <RealScalar S>
SequenceView<const S> layer_backward(Dense<S>& dense, const LayerTape<S>& tape, const SequenceView<const S>& d,
                                     LayerGradients<S>& into) {
    dense.backward(tape.dense, d, into.dense);
    return std::as_const(into.dense.inputs).view();
}

// Masking: masked inputs become 0, and so do their gradients.

template <RealScalar S>
void record_layer(const Masking<S>& masking, LayerFlow<S>& flow, LayerTape<S>& tape) {
    copy_sequences(flow.values, tape.outputs);
    masking.apply(tape.outputs, tape.mask);
    flow.values = std::as_const(tape.outputs).view();
    flow.mask = tape.mask_view();
}

template <RealScalar S>
SequenceView<const S> layer_backward(const Masking<S>&, const LayerTape<S>& tape, const SequenceView<const S>& d,
                                     LayerGradients<S>& into) {
    copy_sequences(d, into.inputs);
    for (Index b = 0; b < tape.mask.rows(); ++b)
        for (Index t = 0; t < tape.mask.cols(); ++t)
            if (!tape.mask(b, t)) into.inputs.sequence(b).row(t).setZero();
    return std::as_const(into.inputs).view();
}

// Dropout

template <RealScalar S>
void record_layer(Dropout<S>& dropout, LayerFlow<S>& flow, LayerTape<S>& tape) {
    copy_sequences(flow.values, tape.outputs);
    dropout.draw(flow.values.shape(), flow.is_training, tape.dropout_mask);
    if (tape.dropout_mask.size() > 0) tape.outputs.matrix().array() *= tape.dropout_mask.array();
    pass_on<S>(flow, tape.outputs, tape);
}

template <RealScalar S>
SequenceView<const S> layer_backward(const Dropout<S>&, const LayerTape<S>& tape, const SequenceView<const S>& d,
                                     LayerGradients<S>& into) {
    copy_sequences(d, into.inputs);
    if (tape.dropout_mask.size() > 0) into.inputs.matrix().array() *= tape.dropout_mask.array();
    return std::as_const(into.inputs).view();
}

// Activation

template <RealScalar S>
void record_layer(const ActivationLayer<S>& layer, LayerFlow<S>& flow, LayerTape<S>& tape) {
    copy_sequences(flow.values, tape.inputs);
    copy_sequences(flow.values, tape.outputs);
    layer.options().activation.template apply<S>(tape.outputs.matrix());
    pass_on<S>(flow, tape.outputs, tape);
}

template <RealScalar S>
SequenceView<const S> layer_backward(const ActivationLayer<S>& layer, const LayerTape<S>& tape,
                                     const SequenceView<const S>& d, LayerGradients<S>& into) {
    copy_sequences(d, into.inputs);
    layer.options().activation.template multiply_derivative<S>(tape.inputs.matrix(), tape.outputs.matrix(),
                                                               into.inputs.matrix());
    return std::as_const(into.inputs).view();
}

/// Calls `use` with the flat parameter gradients of a layer that has any.
template <class L, RealScalar S, class Use>
void with_parameter_gradients(const L& layer, const LayerGradients<S>& gradients, const Use& use) {
    if constexpr (requires { L::kResetAfter; })
        use(gradients.gru.parameters.flat());
    else if constexpr (requires { layer.count_params(); })
        use(gradients.dense.parameters.flat());
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
