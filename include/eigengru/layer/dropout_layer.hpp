// SPDX-License-Identifier: MIT
// Dropout between layers, as keras.layers.Dropout (the dropout inside a GRU is in cell/dropout.hpp).
#pragma once

#include "eigengru/cell/dropout.hpp"
#include "eigengru/layer/model_layer.hpp"

#include <optional>
#include <string>
#include <utility>

namespace eigengru::inline EIGENGRU_ABI {

/// The constructor arguments of keras.layers.Dropout; noise_shape is not supported.
struct DropoutOptions {
    double rate = 0.0;                       ///< in [0, 1]; unlike in a GRU, 1 drops everything
    std::optional<std::uint64_t> seed = {};  ///< random when absent
    std::string name = "dropout";
};

/// keras.layers.Dropout: in training every element is 0 with probability rate, else scaled by 1 / (1 - rate).
template <RealScalar S>
class Dropout {
public:
    /// Throws: OptionError when the rate is outside [0, 1].
    explicit Dropout(DropoutOptions options = {})
        : options_(std::move(options)), seed_(options_.seed ? *options_.seed : random_seed()) {
        detail::check_rate("Dropout", "rate", options_.rate);
    }

    [[nodiscard]] const DropoutOptions& options() const { return options_; }
    [[nodiscard]] const std::string& name() const { return options_.name; }

    /// Drops elements in place; nothing happens outside of training.
    void operator()(LayerData<S>& data, bool training) {
        RowMatrix<S> mask;
        draw(data.values.shape(), training, mask);
        if (mask.size() > 0) data.values.matrix().array() *= mask.array();
    }

    /// The mask of the next call, (batch * time, features); empty outside of training.
    void draw(const Shape3& shape, bool training, RowMatrix<S>& mask) {
        const bool is_active = training && options_.rate > 0.0;
        mask.resize(is_active ? shape.batch * shape.time : 0, shape.features);
        if (is_active) draw_dropout_mask(mask, options_.rate, RandomStream(seed_, calls_++));
    }

    /// How many calls have drawn masks, and the seed, drawn where options() has none: together they decide the next
    /// masks, so that training can resume.
    [[nodiscard]] std::uint64_t dropout_calls() const { return calls_; }
    void set_dropout_calls(std::uint64_t calls) { calls_ = calls; }
    [[nodiscard]] std::uint64_t dropout_seed() const { return seed_; }
    void set_dropout_seed(std::uint64_t seed) { seed_ = seed; }

private:
    DropoutOptions options_;
    std::uint64_t seed_;
    std::uint64_t calls_ = 0;
};

namespace detail {

// The part of a Dropout in a model.

template <RealScalar S>
ModelShape shape_after(const Dropout<S>&, const ModelShape& before) {
    return same_shape(before);
}

template <RealScalar S>
void run_layer(Dropout<S>& dropout, LayerData<S>& data, const ModelRun& run) {
    dropout(data, run.is_training);
}

template <RealScalar S>
void record_layer(Dropout<S>& dropout, LayerFlow<S>& flow, LayerTape<S>& tape) {
    copy_sequences(flow.values, tape.outputs);
    dropout.draw(flow.values.shape(), flow.run.is_training, tape.dropout_mask);
    if (tape.dropout_mask.size() > 0) tape.outputs.matrix().array() *= tape.dropout_mask.array();
    pass_on<S>(flow, tape.outputs, tape);
}

template <RealScalar S>
SequenceView<const S> layer_backward(const Dropout<S>&, const LayerTape<S>& tape, const SequenceView<const S>& d,
                                     LayerGradients<S>& into, ExecutorRef) {
    copy_sequences(d, into.inputs);
    if (tape.dropout_mask.size() > 0) into.inputs.matrix().array() *= tape.dropout_mask.array();
    return std::as_const(into.inputs).view();
}

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI
