// SPDX-License-Identifier: MIT
// Sequential: a model that is a chain of layers, as keras.Sequential.
#pragma once

#include "eigengru/layer/activation_layer.hpp"
#include "eigengru/layer/dense.hpp"
#include "eigengru/layer/dropout_layer.hpp"
#include "eigengru/layer/gru.hpp"
#include "eigengru/layer/masking.hpp"

#include <utility>
#include <variant>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI {

/// The arguments of a model's call besides the inputs.
struct ModelCallOptions {
    MaskView mask = {};          ///< (batch, time), true = use; for the first layer
    IndexListView lengths = {};  ///< instead of a mask
    bool training = false;       ///< whether dropout is active
};

/// A chain of layers: Masking, Gru, Dense, Dropout, ActivationLayer.
///
///     Sequential<float> model({Gru<float>(8, {.units = 16}), Dense<float>(16, {.units = 1})});
///     Sequence<float> y = model.predict(inputs);      // (batch, 1, 1): time is 1 where the last GRU gives its last output
///
/// Masks flow as in Keras: Masking makes one, a GRU uses it and passes it on with return_sequences, the others pass it on.
/// Invariant: each layer takes what the one before it gives.
template <RealScalar S>
class Sequential {
public:
    using Scalar = S;
    using Layer = std::variant<Masking<S>, Gru<S, true>, Gru<S, false>, Dense<S>, Dropout<S>, ActivationLayer<S>>;

    /// Throws: ShapeError when the layers do not fit together.
    explicit Sequential(std::vector<Layer> layers) : layers_(std::move(layers)) { check_chain(); }

    [[nodiscard]] const std::vector<Layer>& layers() const& EIGENGRU_LIFETIMEBOUND { return layers_; }

    /// One layer, to be changed; its shape stays. Throws: ShapeError when there is no such layer.
    [[nodiscard]] Layer& layer(Index i) & EIGENGRU_LIFETIMEBOUND {
        const Index count = static_cast<Index>(layers_.size());
        if (i < 0 || i >= count)
            EIGENGRU_THROW(ShapeError, "Sequential::layer: expected 0 to ", count - 1, ", received ", i);
        return layers_[static_cast<std::size_t>(i)];
    }

    /// (batch, time, features) to (batch, time, units of the last layer), or time 1 where the time axis is given up.
    /// Throws: ShapeError, OptionError, BackendError. Stateful layers carry on.
    Sequence<S> operator()(SequenceView<const S> inputs, const ModelCallOptions& call = {}) {
        LayerData<S> data{.values = Sequence<S>(inputs.shape()), .is_sequence = true, .mask = own_mask(inputs.shape(), call)};
        for (Index b = 0; b < inputs.shape().batch; ++b) data.values.sequence(b) = inputs.sequence(b);
        for (Layer& layer : layers_)
            std::visit([&](auto& actual) { run(actual, data, call.training); }, layer);
        return std::move(data.values);
    }

    /// The call outside of training.
    Sequence<S> predict(SequenceView<const S> inputs, ModelCallOptions call = {}) {
        call.training = false;
        return (*this)(inputs, call);
    }

    /// Zeros in every stateful layer.
    void reset_state() {
        for (Layer& layer : layers_) {
            if (auto* after = std::get_if<Gru<S, true>>(&layer)) after->reset_state();
            if (auto* before = std::get_if<Gru<S, false>>(&layer)) before->reset_state();
        }
    }

private:
    static Mask own_mask(const Shape3& shape, const ModelCallOptions& call) {
        if (!call.mask.is_present() && !call.lengths.is_present()) return {};
        detail::check_mask<S>(shape, {.mask = call.mask, .lengths = call.lengths});
        const SequencePlan plan(shape, false, call.mask, call.lengths);
        Mask mask(shape.batch, shape.time);
        for (Index b = 0; b < shape.batch; ++b)
            for (Index t = 0; t < shape.time; ++t) mask(b, t) = plan.is_used(b, t);
        return mask;
    }

    static void run(const Masking<S>& masking, LayerData<S>& data, bool) { masking(data); }
    static void run(Dropout<S>& dropout, LayerData<S>& data, bool training) { dropout(data, training); }
    static void run(const ActivationLayer<S>& activation, LayerData<S>& data, bool) { activation(data); }
    static void run(const Dense<S>& dense, LayerData<S>& data, bool) { data.values = dense(data.values.view()); }

    template <bool ResetAfter>
    static void run(Gru<S, ResetAfter>& gru, LayerData<S>& data, bool training) {
        Output<S> y = gru(data.values, {.mask = data.mask_view(), .training = training});
        data.is_sequence = gru.options().return_sequences;
        if (data.is_sequence) {
            data.values = std::move(y.sequences);
            return;
        }
        data.mask.resize(0, 0);
        data.values = Sequence<S>({y.last.rows(), 1, y.last.cols()});
        data.values.matrix() = y.last;
    }

    /// Features are unknown (0) before the first layer that has a size.
    void check_chain() const {
        if (layers_.empty()) EIGENGRU_THROW(ShapeError, "Sequential: expected at least one layer, received none");
        Index features = 0;
        bool is_sequence = true;
        for (const Layer& layer : layers_)
            std::visit([&](const auto& actual) { check_layer(actual, features, is_sequence); }, layer);
    }

    template <class L>
    static void check_layer(const L& layer, Index& features, bool& is_sequence) {
        if constexpr (requires { layer.units(); }) {
            if (features != 0 && layer.features() != features)
                EIGENGRU_THROW(ShapeError, "Sequential: layer \"", layer.name(), "\" expected ", layer.features(),
                               " features, the layer before it gives ", features);
            features = layer.units();
        }
        if constexpr (requires { L::kResetAfter; }) {
            if (!is_sequence)
                EIGENGRU_THROW(ShapeError, "Sequential: layer \"", layer.name(),
                               "\" expected sequences, but a GRU before it has return_sequences = false");
            is_sequence = layer.options().return_sequences;
        }
    }

    std::vector<Layer> layers_;
};

}  // namespace eigengru::inline EIGENGRU_ABI
