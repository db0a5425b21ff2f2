// SPDX-License-Identifier: MIT
// What LayerNormalization and BatchNormalization share: options, weights, checks. Each says what it computes.
#pragma once

#include "eigengru/layer/input_tape.hpp"
#include "eigengru/layer/model_layer.hpp"
#include "eigengru/layer/named_weights.hpp"

#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Throws: OptionError.
inline void check_epsilon(std::string_view layer, double epsilon) {
    if (!(epsilon >= 0.0 && std::isfinite(epsilon)))
        EIGENGRU_THROW(OptionError, layer, ": epsilon expected a finite number of at least 0, received ", epsilon);
}

/// Throws: ShapeError.
[[nodiscard]] inline Index checked_features(std::string_view layer, Index features) {
    if (features < 1) EIGENGRU_THROW(ShapeError, layer, ": features expected at least 1, received ", features);
    return features;
}

template <class Options>
[[nodiscard]] WeightRules gamma_rules(const Options& o) {
    return {.name = "gamma",
            .initializer = o.gamma_initializer,
            .regularizer = o.gamma_regularizer,
            .constraint = o.gamma_constraint};
}

template <class Options>
[[nodiscard]] WeightRules beta_rules(const Options& o) {
    return {.name = "beta",
            .initializer = o.beta_initializer,
            .regularizer = o.beta_regularizer,
            .constraint = o.beta_constraint};
}

/// A layer that maps each row x of features to a row of the same size, with weights of that size. `Self` has
/// kName, options(), `normalize(x, y)` for a row, and `row_backward(x, d_y, d_x, d_weights)`.
template <class Self, RealScalar S, class Options>
class Normalization : public NamedWeightsLayer<S, Options> {
    using Base = NamedWeightsLayer<S, Options>;

public:
    [[nodiscard]] Index features() const { return features_; }
    [[nodiscard]] Index units() const { return features_; }

    /// (batch, time, features) to the same shape. Throws: ShapeError.
    [[nodiscard]] Sequence<S> operator()(SequenceView<const S> inputs) const {
        Sequence<S> outputs(inputs.shape());
        call(inputs, outputs);
        return outputs;
    }

    /// The same into the caller's memory, which may be that of the inputs. Allocates nothing. Throws: ShapeError.
    void call(SequenceView<const S> inputs, SequenceView<S> outputs) const {
        const Shape3& shape = inputs.shape();
        check_layer_inputs(Self::kName, shape, features_);
        check_layer_outputs(Self::kName, outputs.shape(), shape, features_);
        for (Index b = 0; b < shape.batch; ++b)
            for (Index t = 0; t < shape.time; ++t) self().normalize(inputs.row(b, t), outputs.row(b, t));
    }

    /// The call, recorded on `tape` for backward(). Throws: ShapeError.
    Sequence<S> forward(SequenceView<const S> inputs, InputTape<S>& tape) const {
        Sequence<S> outputs(inputs.shape());
        forward(inputs, tape, outputs);
        return outputs;
    }

    /// The same into the caller's memory. Allocates nothing from the second time on (for the same sizes).
    void forward(SequenceView<const S> inputs, InputTape<S>& tape, SequenceView<S> outputs) const {
        call(inputs, outputs);
        tape.record(inputs);
    }

    /// From the gradient of a loss with respect to the outputs to those with respect to the weights and the inputs. The
    /// gradients of the regularizers' losses are added. The tape does not change. The weights must still be those of
    /// the forward pass. Throws: std::logic_error for an empty tape or one of other sizes, ShapeError.
    [[nodiscard]] NamedGradients<S> backward(const InputTape<S>& tape, SequenceView<const S> d_outputs) const {
        NamedGradients<S> gradients;
        backward(tape, d_outputs, gradients);
        return gradients;
    }

    /// The same into existing memory. Allocates nothing from the second time on (for the same sizes).
    void backward(const InputTape<S>& tape, SequenceView<const S> d_outputs, NamedGradients<S>& into) const {
        check_input_tape(Self::kName, tape, features_, features_, d_outputs);
        const Sequence<S>& x = tape.inputs();
        into.parameters.reset_as(this->parameters());
        into.inputs.resize(x.shape());
        for (Index b = 0; b < x.shape().batch; ++b)
            for (Index t = 0; t < x.shape().time; ++t) {
                S* const d_x = into.inputs.view().row(b, t);
                row(d_x).setZero();
                // A step that nothing depends on, masked perhaps: NaN there must not spread.
                if ((row(d_outputs.row(b, t)) != S(0)).any())
                    self().row_backward(x.view().row(b, t), d_outputs.row(b, t), d_x, into.parameters);
            }
        this->add_regularizer_gradients(into.parameters);
    }

protected:
    using Row = Eigen::Map<const Eigen::Array<S, 1, Eigen::Dynamic>>;
    using WritableRow = Eigen::Map<Eigen::Array<S, 1, Eigen::Dynamic>>;

    /// Throws: ShapeError, OptionError.
    Normalization(Index features, const Options& options, const std::vector<WeightRules>& rules)
        : Base(options,
               [&](const Options&) {
                   return WeightSet<S>(Self::kName, checked_features(Self::kName, features), rules);
               }),
          features_(features) {
        check_epsilon(Self::kName, options.epsilon);
    }

    /// A weight by its place in Keras's order.
    [[nodiscard]] Row weight(std::size_t i) const { return row(this->parameters().map(i).data()); }

    [[nodiscard]] Row row(const S* data) const { return {data, features_}; }
    [[nodiscard]] WritableRow row(S* data) const { return {data, features_}; }

private:
    [[nodiscard]] const Self& self() const { return static_cast<const Self&>(*this); }

    Index features_;
};

// The part of a normalisation in a model: masks pass.

template <class L>
concept NormalizationLayer =
    requires(const L& layer) { static_cast<const Normalization<L, typename L::Scalar, typename L::Options>&>(layer); };

template <NormalizationLayer L>
ModelShape shape_after(const L& layer, const ModelShape& before) {
    expect_features(layer.name(), layer.features(), before);
    return {layer.features(), before.is_sequence, false};
}

template <NormalizationLayer L, RealScalar S>
void run_layer(const L& layer, LayerData<S>& data, const ModelRun&) {
    layer.call(std::as_const(data.values).view(), data.values);
}

template <NormalizationLayer L, RealScalar S>
void record_layer(const L& layer, LayerFlow<S>& flow, LayerTape<S>& tape) {
    tape.outputs.resize(flow.values.shape());
    layer.forward(flow.values, tape.inputs, tape.outputs);
    pass_on<S>(flow, std::as_const(tape.outputs).view(), tape);
}

template <NormalizationLayer L, RealScalar S>
SequenceView<const S> layer_backward(const L& layer, const LayerTape<S>& tape, const SequenceView<const S>& d,
                                     LayerGradients<S>& into, ExecutorRef) {
    layer.backward(tape.inputs, d, into.named);
    return std::as_const(into.named.inputs).view();
}

template <NormalizationLayer L, RealScalar S>
void step_layer(const L& layer, const ModelStep<S>& step) noexcept {
    const Shape3 shape{step.rows, 1, step.features};
    layer.call({step.x, shape}, {step.y, shape});
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
