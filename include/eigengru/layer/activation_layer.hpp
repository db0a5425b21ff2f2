// SPDX-License-Identifier: MIT
// ActivationLayer: an activation as a layer of its own, as keras.layers.Activation.
#pragma once

#include "eigengru/layer/model_layer.hpp"
#include "eigengru/math/activation.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace eigengru::inline EIGENGRU_ABI {

/// The constructor arguments of keras.layers.Activation.
struct ActivationLayerOptions {
    Activation activation = {};
    std::string name = "activation";
};

/// keras.layers.Activation: y = activation(x), softmax and its relatives over the last axis.
template <RealScalar S>
class ActivationLayer {
public:
    explicit ActivationLayer(ActivationLayerOptions options = {}) : options_(std::move(options)) {}

    [[nodiscard]] const ActivationLayerOptions& options() const { return options_; }
    [[nodiscard]] const std::string& name() const { return options_.name; }

    void operator()(LayerData<S>& data) const { options_.activation.template apply<S>(data.values.matrix()); }

private:
    ActivationLayerOptions options_;
};

namespace detail {

// The part of an ActivationLayer in a model.

template <RealScalar S>
ModelShape shape_after(const ActivationLayer<S>&, const ModelShape& before) {
    return same_shape(before);
}

template <RealScalar S>
void run_layer(const ActivationLayer<S>& layer, LayerData<S>& data, const ModelRun&) {
    layer(data);
}

template <RealScalar S>
void record_layer(const ActivationLayer<S>& layer, LayerFlow<S>& flow, LayerTape<S>& tape) {
    tape.inputs.record(flow.values);
    copy_sequences(flow.values, tape.outputs);
    layer.options().activation.template apply<S>(tape.outputs.matrix());
    pass_on<S>(flow, tape.outputs, tape);
}

template <RealScalar S>
SequenceView<const S> layer_backward(const ActivationLayer<S>& layer, const LayerTape<S>& tape,
                                     const SequenceView<const S>& d, LayerGradients<S>& into, ExecutorRef) {
    copy_sequences(d, into.inputs);
    layer.options().activation.template multiply_derivative<S>(tape.inputs.inputs().matrix(), tape.outputs.matrix(),
                                                               into.inputs.matrix());
    return std::as_const(into.inputs).view();
}

template <RealScalar S>
void step_layer(const ActivationLayer<S>& layer, const ModelStep<S>& step) noexcept {
    std::copy_n(step.x, step.rows * step.features, step.y);
    layer.options().activation.template apply<S>(
        {step.y, step.rows, step.features, Eigen::OuterStride<>(step.features)});
}

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI
