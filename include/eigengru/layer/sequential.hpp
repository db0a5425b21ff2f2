// SPDX-License-Identifier: MIT
// Sequential: a model that is a chain of layers, as keras.Sequential.
#pragma once

#include "eigengru/layer/activation_layer.hpp"
#include "eigengru/layer/batch_normalization.hpp"
#include "eigengru/layer/dense.hpp"
#include "eigengru/layer/dropout_layer.hpp"
#include "eigengru/layer/embedding.hpp"
#include "eigengru/layer/layer_normalization.hpp"
#include "eigengru/layer/masking.hpp"
#include "eigengru/layer/recurrent_in_model.hpp"

#include <utility>
#include <variant>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI {

/// The arguments of a model's call besides the inputs.
struct ModelCallOptions {
    MaskView mask = {};          ///< (batch, time), true = use; for the first layer
    IndexListView lengths = {};  ///< instead of a mask
    bool training = false;       ///< whether dropout is active
    ExecutorRef executor = {};   ///< threads for the recurrent layers: the same bits
};

/// A chain of layers, each of the kinds in `Layer`; model_layer.hpp says what a layer answers to be one of them.
///
///     Sequential<float> model({Gru<float>(8, {.units = 16}), Dense<float>(16, {.units = 1})});
///     Sequence<float> y = model.predict(inputs);      // (batch, 1, 1): time is 1 where the last GRU gives one output
///
/// Masks flow as in Keras: Masking makes one, and an Embedding with mask_zero (without it, an Embedding ends what there
/// was); a GRU and a Bidirectional use it and pass it on with return_sequences; the others pass it on.
/// Invariant: each layer takes what the one before it gives.
template <RealScalar S>
class Sequential {
public:
    using Scalar = S;
    using Layer = std::variant<Masking<S>, Gru<S, true>, Gru<S, false>, Dense<S>, Dropout<S>, ActivationLayer<S>,
                               Bidirectional<S, true>, Bidirectional<S, false>, Embedding<S>, BatchNormalization<S>,
                               LayerNormalization<S>>;

    /// Throws: ShapeError, OptionError when the layers do not fit together.
    explicit Sequential(std::vector<Layer> layers) : layers_(std::move(layers)) { check_chain(); }

    [[nodiscard]] const std::vector<Layer>& layers() const& EIGENGRU_LIFETIMEBOUND { return layers_; }

    /// Features of the inputs: those of the first layer that has a size, since the layers before it change none; 0 where
    /// no layer has one, and any number will do.
    [[nodiscard]] Index features() const {
        Index features = 0;
        for (const Layer& layer : layers_)
            std::visit(
                [&](const auto& actual) {
                    if constexpr (requires { actual.features(); })
                        if (features == 0) features = actual.features();
                },
                layer);
        return features;
    }

    /// One layer, to be changed; its shape stays. Throws: ShapeError when there is no such layer.
    [[nodiscard]] Layer& layer(Index i) & EIGENGRU_LIFETIMEBOUND {
        const Index count = static_cast<Index>(layers_.size());
        if (i < 0 || i >= count)
            EIGENGRU_THROW(ShapeError, "Sequential::layer: expected 0 to ", count - 1, ", received ", i);
        return layers_[static_cast<std::size_t>(i)];
    }

    /// (batch, time, features) to (batch, time, units of the last layer), or time 1 where the time axis is given up.
    /// Throws: ShapeError, OptionError, BackendError. Stateful layers carry on. An executor gives the recurrent layers
    /// threads, here and in forward(); the numbers are the same to the bit.
    Sequence<S> operator()(SequenceView<const S> inputs, const ModelCallOptions& call = {}) {
        LayerData<S> data{.values = Sequence<S>(inputs.shape())};
        own_mask("Sequential::operator()", inputs.shape(), call, data.mask);
        for (Index b = 0; b < inputs.shape().batch; ++b) data.values.sequence(b) = inputs.sequence(b);
        for (Layer& layer : layers_)
            std::visit(
                [&](auto& actual) {
                    run_layer(actual, data, detail::ModelRun{call.training, call.executor});
                },
                layer);
        return std::move(data.values);
    }

    /// The call outside of training.
    Sequence<S> predict(SequenceView<const S> inputs, ModelCallOptions call = {}) {
        call.training = false;
        return (*this)(inputs, call);
    }

    /// The call, recorded on `tape` for backward(). The outputs live in the tape. Allocates nothing from the second
    /// time on (for the same sizes, without an orthogonal activity_regularizer).
    /// Throws: as the call; OptionError for a custom activation without its derivative.
    SequenceView<const S> forward(SequenceView<const S> inputs, const ModelCallOptions& call,
                                  ModelTape<S>& tape EIGENGRU_LIFETIMEBOUND) {
        for (const Layer& layer : layers_)
            std::visit([](const auto& actual) { detail::check_layer_trainable(actual); }, layer);
        tape.is_recorded_.set(false);
        own_mask("Sequential::forward", inputs.shape(), call, tape.input_mask_);
        tape.layers_.resize(layers_.size());
        tape.activity_loss_ = 0;
        detail::LayerFlow<S> flow{inputs,
                                  tape.input_mask_.size() > 0 ? MaskView(tape.input_mask_) : MaskView(),
                                  {call.training, call.executor},
                                  tape.activity_loss_};
        for (std::size_t i = 0; i < layers_.size(); ++i) {
            tape.layers_[i].dense.clear();
            std::visit([&](auto& actual) { detail::record_layer(actual, flow, tape.layers_[i]); }, layers_[i]);
        }
        tape.is_recorded_.set(true);
        return tape.outputs();
    }

    /// From the gradient of a loss with respect to the outputs of forward() to those with respect to all parameters and
    /// the inputs. The gradients of the regularizers' losses are added. The tape does not change. An executor gives the
    /// recurrent layers threads; the gradients are the same to the bit.
    /// Throws: std::logic_error for an empty tape or one of another model, ShapeError.
    [[nodiscard]] ModelGradients<S> backward(const ModelTape<S>& tape, SequenceView<const S> d_outputs,
                                             ExecutorRef executor = {}) {
        ModelGradients<S> gradients;
        backward(tape, d_outputs, gradients, executor);
        return gradients;
    }

    /// The same into existing memory. Allocates nothing from the second time on (for the same sizes).
    void backward(const ModelTape<S>& tape, SequenceView<const S> d_outputs, ModelGradients<S>& into,
                  ExecutorRef executor = {}) {
        if (tape.empty() || tape.layers_.size() != layers_.size())
            EIGENGRU_THROW(std::logic_error,
                           "Sequential::backward: expected the tape of a forward pass of this model, "
                           "received ",
                           tape.empty() ? "an empty one" : "one of another model");
        if (d_outputs.shape() != tape.outputs().shape())
            EIGENGRU_THROW(ShapeError, "Sequential::backward: d_outputs expected shape ", tape.outputs().shape(),
                           ", received ", d_outputs.shape());
        into.layers_.resize(layers_.size());
        SequenceView<const S> d = d_outputs;
        for (std::size_t i = layers_.size(); i-- > 0;)
            d = std::visit(
                [&](auto& actual) {
                    return detail::layer_backward(actual, tape.layers_[i], d, into.layers_[i], executor);
                },
                layers_[i]);
        into.inputs.resize(d.shape());
        for (Index b = 0; b < d.shape().batch; ++b) into.inputs.sequence(b) = d.sequence(b);
        collect(into);
    }

    /// The same; the tape is empty afterwards and keeps its memory.
    [[nodiscard]] ModelGradients<S> backward(ModelTape<S>&& tape, SequenceView<const S> d_outputs,
                                             ExecutorRef executor = {}) {
        ModelGradients<S> gradients;
        backward(std::move(tape), d_outputs, gradients, executor);
        return gradients;
    }
    void backward(ModelTape<S>&& tape, SequenceView<const S> d_outputs, ModelGradients<S>& into,
                  ExecutorRef executor = {}) {
        backward(std::as_const(tape), d_outputs, into, executor);
        tape.clear();
    }

    /// The number of weights of all layers.
    [[nodiscard]] Index count_params() const {
        Index count = 0;
        for_each_weighted([&](const auto& layer) { count += layer.count_params(); });
        return count;
    }

    /// Calls `update(variable)` for each weight of each layer in order: see Variable.
    template <class Update>
    void update_variables(Update&& update) {
        for_each_weighted([&](auto& layer) { layer.update_variables(update); });
    }

    /// Applies the constraints of all trainable layers, as an optimiser does after its step.
    void apply_constraints() {
        for_each_weighted([](auto& layer) { layer.apply_constraints(); });
    }

    /// The losses of the weight regularizers of all layers. Those of activity: ModelTape::activity_loss().
    [[nodiscard]] S regularization_loss() const {
        S sum = 0;
        for_each_weighted([&](const auto& layer) {
            const RegularizationLosses<S> losses = layer.losses();
            sum += losses.total() - losses.activity;
        });
        return sum;
    }

    /// Zeros in every stateful layer.
    void reset_state() {
        for_each_gru([](auto& gru) { gru.reset_state(); });
    }

    /// Zeros for some rows in every stateful layer. Throws: ShapeError for a row that is not there.
    void reset_state(const IndexListView& rows) {
        for_each_gru([&](auto& gru) {
            if (gru.options().stateful) gru.reset_state(rows);
        });
    }

    /// Forgets the carried states and the batch size.
    void clear_state() {
        for_each_gru([](auto& gru) { gru.clear_state(); });
    }

private:
    /// Calls f with each GRU, those within a Bidirectional too.
    template <class F>
    void for_each_gru(const F& f) {
        for (Layer& layer : layers_)
            std::visit(
                [&](auto& actual) {
                    detail::for_each_part(actual, [&](auto& part) {
                        if constexpr (requires { part.options().stateful; }) f(part);
                    });
                },
                layer);
    }

    /// Calls f with each layer that has weights.
    template <class F>
    void for_each_weighted(const F& f) {
        for (Layer& layer : layers_) std::visit([&](auto& actual) { call_if_weighted(actual, f); }, layer);
    }
    template <class F>
    void for_each_weighted(const F& f) const {
        for (const Layer& layer : layers_) std::visit([&](const auto& actual) { call_if_weighted(actual, f); }, layer);
    }
    template <class L, class F>
    static void call_if_weighted(L& layer, const F& f) {
        if constexpr (requires { layer.count_params(); }) f(layer);
    }

    /// The flat vector from the gradients of the layers; the names at the first time.
    void collect(ModelGradients<S>& into) {
        ModelWeights<S>& weights = into.parameters;
        const Index size = count_params();
        if (weights.values_.size() != size) weights.entries_.clear();
        if (weights.entries_.empty()) name_entries(weights);
        weights.values_.resize(size);
        Index offset = 0;
        for (std::size_t i = 0; i < layers_.size(); ++i) {
            const auto append = [&](const auto& flat) {
                weights.values_.segment(offset, flat.size()) = flat;
                offset += flat.size();
            };
            std::visit([&](const auto& l) { detail::with_parameter_gradients(l, into.layers_[i], append); },
                       layers_[i]);
        }
    }

    void name_entries(ModelWeights<S>& weights) {
        Index offset = 0;
        update_variables([&](const Variable<S>& v) {
            weights.entries_.push_back(
                {std::string(v.layer), std::string(v.name), v.values.rows(), v.values.cols(), offset});
            offset += v.values.size();
        });
    }

    /// Empty where the call has no mask.
    static void own_mask(std::string_view where, const Shape3& shape, const ModelCallOptions& call, Mask& mask) {
        const bool has_mask = call.mask.is_present() || call.lengths.is_present();
        if (has_mask) detail::check_mask<S>(where, shape, {.mask = call.mask, .lengths = call.lengths});
        mask.resize(has_mask ? shape.batch : 0, has_mask ? shape.time : 0);
        if (!has_mask) return;
        const SequencePlan plan(shape, false, call.mask, call.lengths);
        for (Index b = 0; b < shape.batch; ++b)
            for (Index t = 0; t < shape.time; ++t) mask(b, t) = plan.is_used(b, t);
    }

    void check_chain() const {
        if (layers_.empty()) EIGENGRU_THROW(ShapeError, "Sequential: expected at least one layer, received none");
        detail::ModelShape shape;
        for (const Layer& layer : layers_)
            shape = std::visit(
                [&]<class L>(const L& actual) {
                    static_assert(detail::ModelLayer<L, S>);
                    return detail::shape_after(actual, shape);
                },
                layer);
    }

    std::vector<Layer> layers_;
};

}  // namespace eigengru::inline EIGENGRU_ABI
