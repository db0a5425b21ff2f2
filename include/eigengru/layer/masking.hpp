// SPDX-License-Identifier: MIT
// Masking: derives the mask from a value that fills padded steps, as keras.layers.Masking.
#pragma once

#include "eigengru/layer/model_layer.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace eigengru::inline EIGENGRU_ABI {

/// The constructor arguments of keras.layers.Masking.
struct MaskingOptions {
    double mask_value = 0.0;  ///< a step is masked where every feature has this value
    std::string name = "masking";
};

/// keras.layers.Masking: a step is used where any feature differs from mask_value; masked inputs become 0.
template <RealScalar S>
class Masking {
public:
    /// Throws: OptionError when mask_value is not finite.
    explicit Masking(MaskingOptions options = {}) : options_(std::move(options)) {
        if (!std::isfinite(options_.mask_value))
            EIGENGRU_THROW(OptionError, "Masking: mask_value expected a finite number, received ", options_.mask_value);
    }

    [[nodiscard]] const MaskingOptions& options() const { return options_; }
    [[nodiscard]] const std::string& name() const { return options_.name; }

    /// (batch, time, features) to the same shape, with the mask. A mask that came in is replaced, as in Keras.
    void operator()(LayerData<S>& data) const { apply(data.values, data.mask); }

    /// The same for the parts: values in place, mask out.
    void apply(Sequence<S>& values, Mask& mask) const {
        const Shape3& shape = values.shape();
        const S value = static_cast<S>(options_.mask_value);
        mask.resize(shape.batch, shape.time);
        for (Index b = 0; b < shape.batch; ++b) {
            MatrixMap<S> sequence = values.sequence(b);
            for (Index t = 0; t < shape.time; ++t) {
                mask(b, t) = (sequence.row(t).array() != value).any();
                if (!mask(b, t)) sequence.row(t).setZero();
            }
        }
    }

private:
    MaskingOptions options_;
};

namespace detail {

// The part of a Masking in a model. Masked inputs become 0, and so do their gradients.

template <RealScalar S>
ModelShape shape_after(const Masking<S>&, const ModelShape& before) {
    return same_shape(before);
}

template <RealScalar S>
void run_layer(const Masking<S>& masking, LayerData<S>& data, const ModelRun&) {
    masking(data);
}

template <RealScalar S>
void record_layer(const Masking<S>& masking, LayerFlow<S>& flow, LayerTape<S>& tape) {
    copy_sequences(flow.values, tape.outputs);
    masking.apply(tape.outputs, tape.mask);
    flow.values = std::as_const(tape.outputs).view();
    flow.mask = tape.mask_view();
}

template <RealScalar S>
SequenceView<const S> layer_backward(const Masking<S>&, const LayerTape<S>& tape, const SequenceView<const S>& d,
                                     LayerGradients<S>& into, ExecutorRef) {
    copy_sequences(d, into.inputs);
    for (Index b = 0; b < tape.mask.rows(); ++b)
        for (Index t = 0; t < tape.mask.cols(); ++t)
            if (!tape.mask(b, t)) into.inputs.sequence(b).row(t).setZero();
    return std::as_const(into.inputs).view();
}

template <RealScalar S>
void step_layer(const Masking<S>& masking, const ModelStep<S>& step) noexcept {
    const S value = static_cast<S>(masking.options().mask_value);
    for (Index row = 0; row < step.rows; ++row) {
        const S* const x = step.x + row * step.features;
        const bool is_used = std::any_of(x, x + step.features, [value](S element) { return element != value; });
        for (Index i = 0; i < step.features; ++i) step.y[row * step.features + i] = is_used ? x[i] : S(0);
        step.is_used[row] = is_used;
    }
}

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI
