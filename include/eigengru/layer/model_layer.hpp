// SPDX-License-Identifier: MIT
// What a Sequential asks of its layers. Each layer's header ends with its part: the four functions of ModelLayer, found
// by overloading. A layer with weights also has count_params(), update_variables(f), get_weights(), set_weights(w),
// apply_constraints() and losses().
#pragma once

#include "eigengru/core/executor.hpp"
#include "eigengru/layer/layer_data.hpp"
#include "eigengru/layer/model_tape.hpp"

#include <concepts>
#include <string_view>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// What reaches a layer when a model is put together.
struct ModelShape {
    Index features = 0;       ///< 0: not known yet
    bool is_sequence = true;  ///< false where a layer before has given up the time axis
    bool is_first = true;     ///< whether nothing comes before
};

/// What a call says to every layer.
struct ModelRun {
    bool is_training = false;
    ExecutorRef executor = {};  ///< threads, for the layers that can use them
};

/// What flows from layer to layer in a recorded pass.
template <RealScalar S>
struct LayerFlow {
    SequenceView<const S> values;
    MaskView mask;
    ModelRun run;
    S& activity_loss;
};

/// One time step on its way through a model that runs as a stream: x (rows, features) to y, in other memory.
template <RealScalar S>
struct ModelStep {
    Index rows;
    Index features;  ///< of x
    const S* x;
    S* y;
    unsigned char* is_used;  ///< the mask: for each row whether it counts
};

/// The calls that every layer of a model answers:
///
///     shape_after(layer, before)                        what the next layer gets; throws ShapeError, OptionError
///     run_layer(layer, data, run)                       the call, in place
///     record_layer(layer, flow, tape)                   the call, recorded
///     layer_backward(layer, tape, d, into, executor)    from d outputs to d inputs, which live in `into`
///
/// A layer that looks at one step alone also has `step_layer(layer, step)`, which allocates nothing.
template <class L, class S>
concept ModelLayer = requires(L& layer, const L& fixed, const ModelShape& before, LayerData<S>& data, ModelRun run,
                              LayerFlow<S>& flow, LayerTape<S>& tape, const LayerTape<S>& record,
                              const SequenceView<const S>& d, LayerGradients<S>& into, ExecutorRef executor) {
    { fixed.name() } -> std::convertible_to<std::string_view>;
    { shape_after(fixed, before) } -> std::same_as<ModelShape>;
    run_layer(layer, data, run);
    record_layer(layer, flow, tape);
    { layer_backward(layer, record, d, into, executor) } -> std::same_as<SequenceView<const S>>;
};

/// Calls f with each layer that carries states or draws masks by itself: the two of a Bidirectional, or the layer.
template <class L, class F>
void for_each_part(L& layer, const F& f) {
    if constexpr (requires { layer.forward_layer(); }) {
        f(layer.forward_layer());
        f(layer.backward_layer());
    } else {
        f(layer);
    }
}

/// Throws: OptionError when an activation has no derivative. A layer that has no activation can always be trained.
template <class L>
void check_layer_trainable(const L& layer) {
    for_each_part(layer, [](const auto& part) {
        if constexpr (requires { part.options().recurrent_activation; })
            part.options().recurrent_activation.check_derivative("Sequential::forward");
        if constexpr (requires { part.options().activation; })
            part.options().activation.check_derivative("Sequential::forward");
    });
}

/// Throws: ShapeError.
inline void expect_features(std::string_view layer, Index expected, const ModelShape& before) {
    if (before.features != 0 && before.features != expected)
        EIGENGRU_THROW(ShapeError, "Sequential: layer \"", layer, "\" expected ", expected,
                       " features, the layer before it gives ", before.features);
}

/// Throws: ShapeError.
inline void expect_sequence(std::string_view layer, const ModelShape& before) {
    if (!before.is_sequence)
        EIGENGRU_THROW(ShapeError, "Sequential: layer \"", layer,
                       "\" expected sequences, but a GRU before it has return_sequences = false");
}

/// What comes after a layer that changes each value by itself.
[[nodiscard]] inline ModelShape same_shape(const ModelShape& before) {
    return {before.features, before.is_sequence, false};
}

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

/// Calls `use` with the flat gradients of the weights of a layer, those of a Bidirectional in two parts. The others in
/// `gradients` may be those of a model that has used the same memory before.
template <class L, RealScalar S, class Use>
void with_parameter_gradients(const L& layer, const LayerGradients<S>& gradients, const Use& use) {
    if constexpr (requires { L::kResetAfter; }) {
        use(gradients.gru.parameters.flat());
    } else if constexpr (requires { layer.forward_layer(); }) {
        use(gradients.both.forward.parameters.flat());
        use(gradients.both.backward.parameters.flat());
    } else if constexpr (requires { layer.parameters().entry(0); }) {
        use(gradients.named.parameters.flat());
    } else if constexpr (requires { layer.count_params(); }) {
        use(gradients.dense.parameters.flat());
    }
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
