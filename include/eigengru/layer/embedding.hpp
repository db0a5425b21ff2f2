// SPDX-License-Identifier: MIT
// Embedding: numbers of things (characters, words, products) to vectors, as keras.layers.Embedding.
#pragma once

#include "eigengru/core/mask_view.hpp"
#include "eigengru/layer/input_tape.hpp"
#include "eigengru/layer/model_layer.hpp"
#include "eigengru/layer/named_weights.hpp"

#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI {

/// The constructor arguments of keras.layers.Embedding, in its order, and a seed for an initializer that has none.
struct EmbeddingOptions {
    Index input_dim = 0;   ///< how many ids there are; must be set, at least 1
    Index output_dim = 0;  ///< size of a vector; must be set, at least 1
    Initializer embeddings_initializer = "uniform";
    Regularizer embeddings_regularizer = {};
    Constraint embeddings_constraint = {};
    bool mask_zero = false;  ///< whether id 0 stands for padding: its steps are masked
    std::string name = "embedding";
    bool trainable = true;
    std::optional<std::uint64_t> seed = {};

    friend bool operator==(const EmbeddingOptions&, const EmbeddingOptions&) = default;
};

/// keras.layers.Embedding: the row of `embeddings` (input_dim, output_dim) with the number of an id.
///
///     Embedding<float> embedding({.input_dim = 100, .output_dim = 8});
///     Sequence<float> vectors = embedding({3, 1, 4, 1}, 1, 4);      // ids, batch, time: (1, 4, 8)
///     Sequential<float> model({embedding, Gru<float>(8, {.units = 16})});   // takes ids as (batch, time, 1)
///
/// In a model the ids come as scalars, one feature. They must be integers from 0 to input_dim - 1 exactly (a float
/// holds those up to 2^24).
///
/// Differs from Keras: other ids are an error on every machine.
template <RealScalar S>
class Embedding : public detail::NamedWeightsLayer<S, EmbeddingOptions> {
    using Base = detail::NamedWeightsLayer<S, EmbeddingOptions>;

public:
    /// Throws: ShapeError, OptionError.
    explicit Embedding(EmbeddingOptions options) : Base(validated(std::move(options)), &rules) { this->initialize(); }

    /// With these embeddings; no initializer runs. Throws: ShapeError, OptionError.
    Embedding(EmbeddingOptions options, const std::vector<RowMatrix<S>>& weights)
        : Base(validated(std::move(options)), &rules) {
        this->set_weights(weights);
    }

    [[nodiscard]] Index features() const { return 1; }
    [[nodiscard]] Index units() const { return this->options().output_dim; }
    [[nodiscard]] MatrixMap<const S> embeddings() const& EIGENGRU_LIFETIMEBOUND { return this->parameters().map(0); }

    /// Ids (batch, time, 1) to (batch, time, output_dim). Throws: ShapeError, also for what is no id.
    [[nodiscard]] Sequence<S> operator()(SequenceView<const S> inputs) const {
        Sequence<S> outputs({inputs.shape().batch, inputs.shape().time, units()});
        call(inputs, outputs);
        return outputs;
    }

    /// The same for ids that are integers: `batch` rows of `time`, one after the other. Throws: ShapeError.
    [[nodiscard]] Sequence<S> operator()(const IndexListView& ids, Index batch, Index time) const {
        if (ids.size() != detail::checked_size("Embedding::operator()", {batch, time}))
            EIGENGRU_THROW(ShapeError, "Embedding::operator(): ids expected ", batch * time, " elements, received ",
                           ids.size());
        Sequence<S> outputs({batch, time, units()});
        for (Index i = 0; i < ids.size(); ++i) check_id(i / time, i % time, static_cast<double>(ids[i]));
        for (Index i = 0; i < ids.size(); ++i) outputs.matrix().row(i) = embeddings().row(ids[i]);
        return outputs;
    }

    /// The first into the caller's memory. Allocates nothing. Throws: ShapeError, and nothing has been written.
    void call(SequenceView<const S> inputs, SequenceView<S> outputs) const {
        check_ids(inputs);
        detail::check_layer_outputs("Embedding", outputs.shape(), inputs.shape(), units());
        for (Index b = 0; b < inputs.shape().batch; ++b)
            for (Index t = 0; t < inputs.shape().time; ++t)
                outputs.sequence(b).row(t) = embeddings().row(static_cast<Index>(inputs(b, t, 0)));
    }

    /// Whether a scalar is the number of a vector.
    [[nodiscard]] bool is_id(S id) const noexcept {
        return id >= S(0) && static_cast<double>(id) < static_cast<double>(this->options().input_dim) &&
               id == static_cast<S>(static_cast<Index>(id));
    }

    /// The call, recorded on `tape` for backward(). Throws: as the call.
    Sequence<S> forward(SequenceView<const S> inputs, InputTape<S>& tape) const {
        Sequence<S> outputs({inputs.shape().batch, inputs.shape().time, units()});
        forward(inputs, tape, outputs);
        return outputs;
    }

    /// The same into the caller's memory. Allocates nothing from the second time on (for the same sizes).
    void forward(SequenceView<const S> inputs, InputTape<S>& tape, SequenceView<S> outputs) const {
        call(inputs, outputs);
        tape.record(inputs);
    }

    /// From the gradient of a loss with respect to the outputs to that with respect to the embeddings: each row gets
    /// the sum over the steps that have read it. The gradient of the regularizer's loss is added. The tape does not
    /// change. Throws: std::logic_error for an empty tape or one of other sizes, ShapeError.
    [[nodiscard]] NamedGradients<S> backward(const InputTape<S>& tape, SequenceView<const S> d_outputs) const {
        NamedGradients<S> gradients;
        backward(tape, d_outputs, gradients);
        return gradients;
    }

    /// The same into existing memory. Allocates nothing from the second time on (for the same sizes).
    void backward(const InputTape<S>& tape, SequenceView<const S> d_outputs, NamedGradients<S>& into) const {
        detail::check_input_tape("Embedding", tape, 1, units(), d_outputs);
        const Shape3& shape = tape.inputs().shape();
        into.parameters.reset_as(this->parameters());
        MatrixMap<S> d_embeddings = into.parameters.map(0);
        for (Index b = 0; b < shape.batch; ++b)
            for (Index t = 0; t < shape.time; ++t)
                d_embeddings.row(static_cast<Index>(tape.inputs()(b, t, 0))) += d_outputs.sequence(b).row(t);
        into.inputs.resize(shape);
        into.inputs.matrix().setZero();
        this->add_regularizer_gradients(into.parameters);
    }

private:
    static EmbeddingOptions validated(EmbeddingOptions options) {
        if (options.input_dim < 1)
            EIGENGRU_THROW(OptionError, "Embedding: input_dim expected at least 1, received ", options.input_dim);
        if (options.output_dim < 1)
            EIGENGRU_THROW(OptionError, "Embedding: output_dim expected at least 1, received ", options.output_dim);
        return options;
    }

    static detail::WeightSet<S> rules(const EmbeddingOptions& o) {
        return {"Embedding",
                o.output_dim,
                {{"embeddings", o.input_dim, WeightRank::matrix, o.embeddings_initializer, o.embeddings_regularizer,
                  o.embeddings_constraint}}};
    }

    void check_id(Index b, Index t, double id) const {
        if (!(id >= 0.0 && id < static_cast<double>(this->options().input_dim) && id == std::floor(id)))
            EIGENGRU_THROW(ShapeError, "Embedding::operator(): inputs(", b, ", ", t, ") expected an integer from 0 to ",
                           this->options().input_dim - 1, ", received ", id);
    }

    void check_ids(const SequenceView<const S>& inputs) const {
        detail::check_layer_inputs("Embedding", inputs.shape(), 1);
        for (Index b = 0; b < inputs.shape().batch; ++b)
            for (Index t = 0; t < inputs.shape().time; ++t) check_id(b, t, static_cast<double>(inputs(b, t, 0)));
    }
};

namespace detail {

// The part of an Embedding in a model. It makes the mask, or takes away what there was, as in Keras.

template <RealScalar S>
ModelShape shape_after(const Embedding<S>& layer, const ModelShape& before) {
    if (before.features != 0 || !before.is_first)
        EIGENGRU_THROW(ShapeError, "Sequential: layer \"", layer.name(),
                       "\" expected to be the first, since it takes ids, received outputs of another layer");
    return {layer.units(), before.is_sequence, false};
}

template <RealScalar S>
void make_mask(const Embedding<S>& layer, const SequenceView<const S>& ids, Mask& mask) {
    const bool has_mask = layer.options().mask_zero;
    mask.resize(has_mask ? ids.shape().batch : 0, has_mask ? ids.shape().time : 0);
    for (Index b = 0; b < mask.rows(); ++b)
        for (Index t = 0; t < mask.cols(); ++t) mask(b, t) = ids(b, t, 0) != S(0);
}

template <RealScalar S>
void run_layer(const Embedding<S>& layer, LayerData<S>& data, const ModelRun&) {
    Sequence<S> outputs = layer(std::as_const(data.values).view());
    make_mask<S>(layer, data.values, data.mask);
    data.values = std::move(outputs);
}

template <RealScalar S>
void record_layer(const Embedding<S>& layer, LayerFlow<S>& flow, LayerTape<S>& tape) {
    const Shape3& shape = flow.values.shape();
    tape.outputs.resize({shape.batch, shape.time, layer.units()});
    layer.forward(flow.values, tape.inputs, tape.outputs);
    make_mask(layer, flow.values, tape.mask);
    flow.values = std::as_const(tape.outputs).view();
    flow.mask = tape.mask_view();
}

template <RealScalar S>
SequenceView<const S> layer_backward(const Embedding<S>& layer, const LayerTape<S>& tape,
                                     const SequenceView<const S>& d, LayerGradients<S>& into, ExecutorRef) {
    layer.backward(tape.inputs, d, into.named);
    return std::as_const(into.named.inputs).view();
}

template <RealScalar S>
void step_layer(const Embedding<S>& layer, const ModelStep<S>& step) noexcept {
    layer.call({step.x, {step.rows, 1, 1}}, {step.y, {step.rows, 1, layer.units()}});
    for (Index row = 0; row < step.rows; ++row) step.is_used[row] = !layer.options().mask_zero || step.x[row] != S(0);
}

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI
