// SPDX-License-Identifier: MIT
// The record of a forward pass of a layer that needs no more than its inputs, and the gradients of a backward pass.
#pragma once

#include "eigengru/core/moved_flag.hpp"
#include "eigengru/core/sequence.hpp"
#include "eigengru/fwd.hpp"
#include "eigengru/layer/named_weights.hpp"

namespace eigengru::inline EIGENGRU_ABI {

/// The inputs of one forward pass. A value; written again, it keeps its memory.
/// Invariant: empty(), or a complete record.
template <RealScalar S>
class InputTape {
public:
    [[nodiscard]] bool empty() const { return !is_recorded_; }
    void clear() { is_recorded_.set(false); }

    /// (batch, time, features).
    [[nodiscard]] const Sequence<S>& inputs() const& EIGENGRU_LIFETIMEBOUND { return inputs_; }

    /// Allocates only when the number of elements changes.
    void record(const SequenceView<const S>& inputs) {
        is_recorded_.set(false);
        inputs_.resize(inputs.shape());
        for (Index b = 0; b < inputs.shape().batch; ++b) inputs_.sequence(b) = inputs.sequence(b);
        is_recorded_.set(true);
    }

private:
    detail::MovedFlag is_recorded_;
    Sequence<S> inputs_;
};

/// The gradients of a loss with respect to what went into a call of an Embedding or a normalisation.
template <RealScalar S>
struct NamedGradients {
    NamedWeights<S> parameters = {};  ///< .find("gamma"), .flat()
    Sequence<S> inputs = {};          ///< (batch, time, features); zeros for an Embedding, whose inputs are numbers
};

namespace detail {

/// Throws: std::logic_error for an empty tape or one of other sizes, ShapeError.
template <RealScalar S>
void check_input_tape(std::string_view layer, const InputTape<S>& tape, Index features, Index units,
                      const SequenceView<const S>& d_outputs) {
    if (tape.empty() || tape.inputs().shape().features != features)
        EIGENGRU_THROW(std::logic_error, layer,
                       "::backward: expected the tape of a forward pass of this layer, received ",
                       tape.empty() ? "an empty one" : "one of other sizes");
    Shape3 shape = tape.inputs().shape();
    shape.features = units;
    if (d_outputs.shape() != shape)
        EIGENGRU_THROW(ShapeError, layer, "::backward: d_outputs expected shape ", shape, ", received ",
                       d_outputs.shape());
}

/// Throws: ShapeError.
inline void check_layer_inputs(std::string_view layer, const Shape3& inputs, Index features) {
    if (inputs.features != features)
        EIGENGRU_THROW(ShapeError, layer, "::operator(): inputs have ", inputs.features,
                       " features, the layer was built for ", features);
}

/// Throws: ShapeError.
inline void check_layer_outputs(std::string_view layer, const Shape3& outputs, Shape3 inputs, Index units) {
    inputs.features = units;
    if (outputs != inputs)
        EIGENGRU_THROW(ShapeError, layer, "::call: outputs expected shape ", inputs, ", received ", outputs);
}

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI
