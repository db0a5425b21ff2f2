// SPDX-License-Identifier: MIT
// The checks of what a caller hands to the layer. Each throws before anything has changed; after them every shape fits.
#pragma once

#include "eigengru/cell/dropout.hpp"
#include "eigengru/cell/tape.hpp"
#include "eigengru/model/gradients.hpp"
#include "eigengru/model/output.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// What the checks need to know of a layer.
struct LayerTraits {
    std::string_view where;  ///< the function that was called
    const GruOptions& options;
    Index features;
    Index carried_batch;  ///< of a stateful layer that has been called; 0 otherwise
};

/// check_shape for a matrix that may be absent.
template <class T>
void check_matrix(std::string_view where, std::string_view what, const MatrixView<T>& given, Index rows, Index cols) {
    if (given.is_present()) check_shape(where, what, given, rows, cols);
}

template <RealScalar S>
void check_mask(std::string_view where, const Shape3& shape, const CallOptions<S>& call) {
    if (call.mask.is_present() && call.lengths.is_present())
        EIGENGRU_THROW(OptionError, where, ": expected a mask or lengths, received both");
    if (call.mask.is_present() && (call.mask.batch() != shape.batch || call.mask.time() != shape.time))
        EIGENGRU_THROW(ShapeError, where, ": mask expected shape ", shape_text(shape.batch, shape.time), ", received ",
                       shape_text(call.mask.batch(), call.mask.time()));
    if (!call.lengths.is_present()) return;
    if (call.lengths.size() != shape.batch)
        EIGENGRU_THROW(ShapeError, where, ": lengths expected ", shape.batch, " entries, one a sequence, received ",
                       call.lengths.size());
    for (Index b = 0; b < shape.batch; ++b)
        if (call.lengths[b] < 0 || call.lengths[b] > shape.time)
            EIGENGRU_THROW(ShapeError, where, ": lengths[", b, "] expected 0 to ", shape.time, ", received ",
                           call.lengths[b]);
}

/// Throws: ShapeError, OptionError.
template <RealScalar S>
void check_call(const SequenceView<const S>& inputs, const CallOptions<S>& call, const LayerTraits& layer) {
    const Shape3& shape = inputs.shape();
    const std::string_view where = layer.where;
    if (shape.features != layer.features)
        EIGENGRU_THROW(ShapeError, where, ": inputs have ", shape.features, " features, the layer was built for ",
                       layer.features);
    if (shape.time < 1)
        EIGENGRU_THROW(ShapeError, where, ": inputs expected at least 1 time step, received shape ", shape);
    if (layer.options.stateful && layer.carried_batch > 0 && shape.batch != layer.carried_batch)
        EIGENGRU_THROW(ShapeError, where, ": inputs have a batch size of ", shape.batch,
                       ", this stateful layer carries the state of ", layer.carried_batch,
                       " sequences (clear_state() forgets them)");
    checked_size(where, {shape.batch, shape.time, layer.features + layer.options.units});
    if (call.mask.is_present() || call.lengths.is_present()) check_mask(where, shape, call);
    check_matrix(where, "initial_state", call.initial_state, shape.batch, layer.options.units);
    if (call.dropout_masks != nullptr)
        check_dropout_masks(where, *call.dropout_masks, shape.batch, shape.features, layer.options.units);
}

/// Throws: ShapeError. An activity_regularizer needs what the layer returns, so then it must be there.
template <RealScalar S>
void check_output(const OutputView<S>& output, const Shape3& inputs, const LayerTraits& layer) {
    const GruOptions& options = layer.options;
    const Shape3 shape{inputs.batch, inputs.time, options.units};
    const bool has_sequences = output.sequences.is_present();
    if (has_sequences && !options.return_sequences)
        EIGENGRU_THROW(ShapeError, layer.where,
                       ": output.sequences expected none without return_sequences, received shape ",
                       output.sequences.shape());
    if (has_sequences && output.sequences.shape() != shape)
        EIGENGRU_THROW(ShapeError, layer.where, ": output.sequences expected shape ", shape, ", received ",
                       output.sequences.shape());
    check_matrix(layer.where, "output.last", output.last, shape.batch, options.units);
    check_matrix(layer.where, "output.state", output.state, shape.batch, options.units);
    if (options.activity_regularizer.is_none() || shape.batch == 0) return;
    if (options.return_sequences ? !has_sequences : !output.last.is_present())
        EIGENGRU_THROW(ShapeError, layer.where, ": output.", options.return_sequences ? "sequences" : "last",
                       " expected to be present for the activity_regularizer, received none");
    if (options.return_state && !output.state.is_present())
        EIGENGRU_THROW(ShapeError, layer.where,
                       ": output.state expected to be present for the activity_regularizer, "
                       "received none");
}

/// Throws: std::logic_error for a layer that carries no state, ShapeError.
template <RealScalar S>
void check_state(const MatrixView<const S>& values, const LayerTraits& layer) {
    if (!layer.options.stateful) EIGENGRU_THROW(std::logic_error, "Gru::set_state: the layer is not stateful");
    const Index batch = layer.carried_batch > 0 ? layer.carried_batch : values.rows();
    if (values.rows() < 1 || values.rows() != batch || values.cols() != layer.options.units)
        EIGENGRU_THROW(ShapeError, "Gru::set_state: values expected shape ",
                       shape_text(std::max<Index>(batch, 1), layer.options.units), ", received ",
                       shape_text(values.rows(), values.cols()));
}

/// Throws: OptionError when an activation has no derivative.
inline void check_trainable(std::string_view where, const GruOptions& options) {
    options.activation.check_derivative(where);
    options.recurrent_activation.check_derivative(where);
}

/// Throws: std::logic_error for a tape that is empty or of another layer, ShapeError for gradients of other shapes.
template <RealScalar S>
void check_backward(std::string_view where, const Tape<S>& tape, const LayerSignature& layer,
                    const OutputGradients<S>& d) {
    if (tape.empty())
        EIGENGRU_THROW(std::logic_error, where, ": expected the tape of a forward pass, received an empty one");
    if (!(tape.signature() == layer))
        EIGENGRU_THROW(
            std::logic_error, where, ": expected a tape of this layer, with ", layer.features, " features, ",
            layer.units, " units and its options, received one with ", tape.shape().features, " features, ",
            tape.units(), " units",
            tape.signature().features == layer.features && tape.units() == layer.units ? " and other options" : "");
    const Shape3 shape{tape.shape().batch, tape.shape().time, layer.units};
    if (d.sequences.is_present() && (!layer.return_sequences || d.sequences.shape() != shape))
        EIGENGRU_THROW(ShapeError, where, ": sequences expected ",
                       layer.return_sequences ? text("shape ", shape) : std::string("none without return_sequences"),
                       ", received shape ", d.sequences.shape());
    check_matrix(where, "last", d.last, shape.batch, layer.units);
    check_matrix(where, "state", d.state, shape.batch, layer.units);
}

/// Throws: ShapeError.
inline void check_prepare(Index batch, Index time, Index features, Index units) {
    if (batch < 1 || time < 1)
        EIGENGRU_THROW(ShapeError, "Gru::prepare: batch and time expected at least 1, received ", batch, " and ", time);
    checked_size("Gru::prepare", {batch, time, features + units});
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
