// SPDX-License-Identifier: MIT
// The checks of what a caller hands to a Bidirectional. Each throws before anything has changed.
#pragma once

#include "eigengru/layer/bidirectional_options.hpp"
#include "eigengru/layer/bidirectional_tape.hpp"
#include "eigengru/layer/call_check.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// The checks of one of the layers. Throws: ShapeError, OptionError, BackendError.
template <class Layer, RealScalar S>
void check_direction(std::string_view where, const SequenceView<const S>& inputs, const CallOptions<S>& call,
                     const Layer& layer) {
    check_call<S>(inputs, call, {where, layer.options(), layer.features(), layer.state().rows()});
    if (!layer.options().use_cudnn.is_always()) return;
    const BackendVerdict verdict = layer.explain_backend(inputs, call);
    if (verdict.is_refused) EIGENGRU_THROW(BackendError, where, ": ", verdict.text());
}

/// Both layers are asked before one of them runs, so that a call that fails changes nothing.
/// Throws: ShapeError, OptionError, BackendError.
template <class Layer, RealScalar S>
void check_bidirectional_call(std::string_view where, const SequenceView<const S>& inputs,
                              const BidirectionalCallOptions<S>& call, const Layer& forward, const Layer& backward) {
    static_cast<void>(resolved(where, call.kernels));
    const Index batch = inputs.shape().batch;
    check_matrix(where, "initial_state_forward", call.initial_state_forward, batch, forward.units());
    check_matrix(where, "initial_state_backward", call.initial_state_backward, batch, backward.units());
    check_direction(where, inputs, call.forward_call(), forward);
    check_direction(where, inputs, call.backward_call(), backward);
}

/// Whether a Bidirectional, or one of its layers, has each output.
struct HasOutputs {
    bool sequences, last;
};

/// Throws: ShapeError for outputs, or gradients of them, of other shapes, or where there are none.
template <class T>
void check_merged(std::string_view where, const SequenceView<T>& sequences, const MatrixView<T>& last,
                  const Shape3& inputs, Index units, const HasOutputs& has) {
    const Shape3 shape{inputs.batch, inputs.time, units};
    if (sequences.is_present() && (!has.sequences || sequences.shape() != shape))
        EIGENGRU_THROW(ShapeError, where, ": sequences expected ", has.sequences ? text("shape ", shape) : text("none"),
                       ", received shape ", sequences.shape());
    if (last.is_present() && !has.last)
        EIGENGRU_THROW(ShapeError, where, ": last expected none with Merge::none, received shape ",
                       shape_text(last.rows(), last.cols()));
    if (last.is_present()) check_shape(where, "last", last, inputs.batch, units);
}

/// Throws: std::logic_error for an empty tape, ShapeError.
template <RealScalar S>
void check_bidirectional_backward(const BidirectionalTape<S>& tape, const BidirectionalOutputGradients<S>& d,
                                  Merge merge, bool has_sequences, Index units) {
    constexpr std::string_view kWhere = "Bidirectional::backward";
    if (tape.empty())
        EIGENGRU_THROW(std::logic_error, kWhere, ": expected the tape of a forward pass, received an empty one");
    const Shape3& shape = tape.forward.shape();
    const Index forward_units = tape.forward.units(), backward_units = tape.backward.units();
    const bool has_merged = merge != Merge::none;
    check_merged<const S>(kWhere, d.sequences, d.last, shape, units, {has_merged && has_sequences, has_merged});
    check_merged<const S>(kWhere, d.forward.sequences, d.forward.last, shape, forward_units, {has_sequences, true});
    check_merged<const S>(kWhere, d.backward.sequences, d.backward.last, shape, backward_units, {has_sequences, true});
    check_matrix(kWhere, "forward.state", d.forward.state, shape.batch, forward_units);
    check_matrix(kWhere, "backward.state", d.backward.state, shape.batch, backward_units);
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
