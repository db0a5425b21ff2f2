// SPDX-License-Identifier: MIT
// Dense: y = activation(x kernel + bias), as keras.layers.Dense; the head that most GRU models end with.
#pragma once

#include "eigengru/cell/product.hpp"
#include "eigengru/core/random.hpp"
#include "eigengru/core/sequence.hpp"
#include "eigengru/fwd.hpp"
#include "eigengru/layer/dense_options.hpp"
#include "eigengru/layer/model_layer.hpp"
#include "eigengru/model/output.hpp"
#include "eigengru/model/variable.hpp"

#include <string>
#include <utility>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI {

/// keras.layers.Dense: y = activation(x kernel + bias) with kernel (features, units) and bias (1, units), applied to
/// each row of a matrix or to each time step of a batch of sequences: so it is keras.layers.TimeDistributed(Dense) too.
///
///     Dense<float> head(16, {.units = 1});
///     RowMatrix<float> forecast = head(gru(inputs).last);
template <RealScalar S>
class Dense {
public:
    using Scalar = S;

    /// Throws: ShapeError, OptionError.
    Dense(Index features, DenseOptions options)
        : options_(detail::validated(std::move(options), features)),
          weights_(features, options_.units, options_.use_bias) {
        const std::uint64_t seed = options_.seed ? *options_.seed : random_seed();
        options_.kernel_initializer.fill(weights_.kernel(), WeightRank::matrix, seed);
        if (options_.use_bias) options_.bias_initializer.fill(weights_.bias(), WeightRank::vector, seed + 1);
    }

    /// With these weights, in Keras's order; no initializer runs. Throws: ShapeError, OptionError.
    Dense(Index features, DenseOptions options, const std::vector<RowMatrix<S>>& weights)
        : options_(detail::validated(std::move(options), features)),
          weights_(features, options_.units, options_.use_bias) {
        set_weights(weights);
    }

    [[nodiscard]] const DenseOptions& options() const { return options_; }
    [[nodiscard]] const std::string& name() const { return options_.name; }
    [[nodiscard]] Index features() const { return weights_.features(); }
    [[nodiscard]] Index units() const { return options_.units; }
    [[nodiscard]] Index count_params() const { return weights_.size(); }

    /// Read-only: .kernel(), .bias(), .flat(). Writing goes through update_parameters, set_weights or a loader.
    [[nodiscard]] const DenseWeights<S>& parameters() const& EIGENGRU_LIFETIMEBOUND { return weights_; }
    const DenseWeights<S>& parameters() const&& = delete;
    [[nodiscard]] MatrixMap<const S> kernel() const& EIGENGRU_LIFETIMEBOUND { return weights_.kernel(); }
    [[nodiscard]] MatrixMap<const S> bias() const& EIGENGRU_LIFETIMEBOUND { return weights_.bias(); }

    /// Calls `update(p)` with the weights writable: `[](auto& p) { p.bias().setZero(); }`.
    template <class Update>
    void update_parameters(Update&& update) {
        std::forward<Update>(update)(weights_);
    }

    /// Calls `update(variable)` for kernel and, with use_bias, bias: see Variable.
    template <class Update>
    void update_variables(Update&& update) {
        update(Variable<S>{options_.name, "kernel", weights_.kernel(), options_.trainable});
        if (options_.use_bias) update(Variable<S>{options_.name, "bias", weights_.bias(), options_.trainable});
    }

    /// kernel and, with use_bias, bias (a vector in either orientation). Throws: ShapeError, and nothing has changed.
    void set_weights(std::initializer_list<MatrixView<const S>> weights) { set(weights.begin(), weights.size()); }
    void set_weights(const std::vector<RowMatrix<S>>& weights) {
        const std::vector<MatrixView<const S>> views(weights.begin(), weights.end());
        set(views.data(), views.size());
    }
    [[nodiscard]] std::vector<RowMatrix<S>> get_weights() const {
        std::vector<RowMatrix<S>> weights{kernel()};
        if (options_.use_bias) weights.emplace_back(bias());
        return weights;
    }

    /// Applies the constraints to the weights of a trainable layer, as an optimiser does after its step.
    void apply_constraints() {
        if (!options_.trainable) return;
        options_.kernel_constraint.apply(weights_.kernel(), WeightRank::matrix);
        if (options_.use_bias) options_.bias_constraint.apply(weights_.bias(), WeightRank::vector);
    }

    /// The losses of the weight regularizers for the present weights, as in Keras of a trainable layer alone; activity
    /// is that of a recorded pass: activity_loss().
    [[nodiscard]] RegularizationLosses<S> losses() const {
        RegularizationLosses<S> losses;
        if (!options_.trainable) return losses;
        losses.kernel = options_.kernel_regularizer.loss(weights_.kernel(), WeightRank::matrix);
        if (options_.use_bias) losses.bias = options_.bias_regularizer.loss(weights_.bias(), WeightRank::vector);
        return losses;
    }

    /// The activity_regularizer's loss for the outputs of a recorded pass, divided by the batch size.
    [[nodiscard]] S activity_loss(const DenseTape<S>& tape) const {
        const Index batch = tape.outputs().shape().batch;
        if (options_.activity_regularizer.is_none() || batch == 0) return S(0);
        return options_.activity_regularizer.loss(tape.outputs().matrix(), WeightRank::matrix) / static_cast<S>(batch);
    }

    /// Each row of (rows, features) to (rows, units). Throws: ShapeError.
    template <class D>
    [[nodiscard]] RowMatrix<S> operator()(const Eigen::DenseBase<D>& inputs) const {
        const MatrixView<const S> view(inputs);
        check_features(view.cols());
        RowMatrix<S> outputs(view.rows(), units());
        apply(view.map(), MatrixView<S>(outputs).map());
        return outputs;
    }

    /// Each time step of (batch, time, features) to (batch, time, units). Throws: ShapeError.
    [[nodiscard]] Sequence<S> operator()(SequenceView<const S> inputs) const {
        Sequence<S> outputs({inputs.shape().batch, inputs.shape().time, units()});
        call(inputs, outputs);
        return outputs;
    }

    /// The same into the caller's memory. Allocates nothing. Throws: ShapeError.
    void call(SequenceView<const S> inputs, SequenceView<S> outputs) const {
        const Shape3& shape = inputs.shape();
        check_features(shape.features);
        detail::check_layer_outputs("Dense", outputs.shape(), shape, units());
        for (Index b = 0; b < shape.batch; ++b) apply(inputs.sequence(b), outputs.sequence(b));
    }

    /// The call, recorded on `tape` for backward(); the outputs are tape.outputs(). Allocates nothing from the second
    /// time on (for the same sizes). Throws: ShapeError; OptionError for a custom activation without its derivative.
    void forward(SequenceView<const S> inputs, DenseTape<S>& tape) const {
        check_features(inputs.shape().features);
        options_.activation.check_derivative("Dense::forward");
        tape.record(inputs, units(), options_.activation,
                    [&](Sequence<S>& linear) { apply_linear(tape.inputs().matrix(), linear.matrix()); });
    }

    /// From the gradient of a loss with respect to the outputs (batch, time, units) to those with respect to the
    /// parameters and the inputs. The gradients of the regularizers' losses are added. The tape does not change.
    /// Throws: std::logic_error for an empty tape or one of other sizes, ShapeError.
    [[nodiscard]] DenseGradients<S> backward(const DenseTape<S>& tape, SequenceView<const S> d_outputs) {
        DenseGradients<S> gradients;
        backward(tape, d_outputs, gradients);
        return gradients;
    }

    /// The same into existing memory. Allocates nothing from the second time on (for the same sizes).
    void backward(const DenseTape<S>& tape, SequenceView<const S> d_outputs, DenseGradients<S>& into) {
        check_backward(tape, d_outputs);
        d_linear_.resize(tape.outputs().shape());
        for (Index b = 0; b < d_linear_.shape().batch; ++b) d_linear_.sequence(b) = d_outputs.sequence(b);
        add_activity_gradient(tape);
        const Sequence<S>& d = d_linear_;
        const Sequence<S>& inputs = without_unused(tape.inputs(), d_linear_);
        options_.activation.template multiply_derivative<S>(tape.linear().matrix(), tape.outputs().matrix(),
                                                            d_linear_.matrix());
        for (const Index row : unused_) d_linear_.matrix().row(row).setZero();
        into.parameters.reset(features(), units(), options_.use_bias);
        detail::add_transposed_product<S>(inputs.matrix(), d.matrix(), into.parameters.kernel());
        for (Index i = 0; options_.use_bias && i < d.matrix().rows(); ++i)
            into.parameters.bias().row(0) += d.matrix().row(i);
        kernel_t_ = kernel().transpose();
        into.inputs.resize(tape.inputs().shape());
        into.inputs.matrix().setZero();
        detail::add_product<S>(d.matrix(), {kernel_t_.data(), units(), features(), Eigen::OuterStride<>(features())},
                               into.inputs.data(), features());
        add_regularizer_gradients(into.parameters);
    }

private:
    void check_features(Index received) const {
        if (received != features())
            EIGENGRU_THROW(ShapeError, "Dense::operator(): inputs have ", received,
                           " features, the layer was built for ", features());
    }

    void apply(const MatrixMap<const S>& x, MatrixMap<S> y) const {
        apply_linear(x, y);
        options_.activation.template apply<S>(y);
    }

    void apply_linear(const MatrixMap<const S>& x, MatrixMap<S> y) const {
        if (options_.use_bias)
            for (Index r = 0; r < y.rows(); ++r) y.row(r) = bias().row(0);
        else
            y.setZero();
        detail::add_product<S>(x, kernel(), y.data(), y.outerStride());
    }

    void check_backward(const DenseTape<S>& tape, const SequenceView<const S>& d_outputs) const {
        if (tape.empty() || tape.inputs().shape().features != features() || tape.outputs().shape().features != units())
            EIGENGRU_THROW(std::logic_error,
                           "Dense::backward: expected the tape of a forward pass of this layer, received ",
                           tape.empty() ? "an empty one" : "one of other sizes");
        if (d_outputs.shape() != tape.outputs().shape())
            EIGENGRU_THROW(ShapeError, "Dense::backward: d_outputs expected shape ", tape.outputs().shape(),
                           ", received ", d_outputs.shape());
    }

    /// The inputs with zeros at the steps that nothing depends on, masked perhaps: NaN there must not spread.
    const Sequence<S>& without_unused(const Sequence<S>& inputs, const Sequence<S>& d_outputs) {
        unused_.clear();
        for (Index row = 0; row < d_outputs.matrix().rows(); ++row)
            if ((d_outputs.matrix().row(row).array() == S(0)).all()) unused_.push_back(row);
        if (unused_.empty()) return inputs;
        used_inputs_ = inputs;
        for (const Index row : unused_) used_inputs_.matrix().row(row).setZero();
        return used_inputs_;
    }

    void add_activity_gradient(const DenseTape<S>& tape) {
        const Index batch = tape.outputs().shape().batch;
        if (batch > 0)
            options_.activity_regularizer.add_gradient(tape.outputs().matrix(), WeightRank::matrix,
                                                       S(1) / static_cast<S>(batch), d_linear_.matrix());
    }

    void add_regularizer_gradients(DenseWeights<S>& into) const {
        if (!options_.trainable) return;
        options_.kernel_regularizer.add_gradient(kernel(), WeightRank::matrix, S(1), into.kernel());
        if (options_.use_bias) options_.bias_regularizer.add_gradient(bias(), WeightRank::vector, S(1), into.bias());
    }

    void set(const MatrixView<const S>* given, std::size_t count) {
        const std::size_t expected = options_.use_bias ? 2 : 1;
        if (count != expected)
            EIGENGRU_THROW(ShapeError, "Dense::set_weights: expected ", expected, " weights, received ", count);
        detail::check_shape("Dense::set_weights", "kernel", given[0], features(), units());
        if (options_.use_bias) detail::check_bias("Dense::set_weights", given[1], 1, units());
        weights_.kernel() = given[0].map();
        if (options_.use_bias) detail::copy_bias(given[1], weights_.bias());
    }

    DenseOptions options_;
    DenseWeights<S> weights_;
    Sequence<S> d_linear_;   // of the last backward pass
    RowMatrix<S> kernel_t_;  // likewise, as are these
    Sequence<S> used_inputs_;
    std::vector<Index> unused_;  // rows
};

namespace detail {

// The part of a Dense in a model.

template <RealScalar S>
ModelShape shape_after(const Dense<S>& dense, const ModelShape& before) {
    expect_features(dense.name(), dense.features(), before);
    return {dense.units(), before.is_sequence, false};
}

template <RealScalar S>
void run_layer(const Dense<S>& dense, LayerData<S>& data, const ModelRun&) {
    data.values = dense(data.values.view());
}

template <RealScalar S>
void record_layer(const Dense<S>& dense, LayerFlow<S>& flow, LayerTape<S>& tape) {
    dense.forward(flow.values, tape.dense);
    flow.activity_loss += dense.activity_loss(tape.dense);
    pass_on<S>(flow, tape.dense.outputs(), tape);
}

template <RealScalar S>
SequenceView<const S> layer_backward(Dense<S>& dense, const LayerTape<S>& tape, const SequenceView<const S>& d,
                                     LayerGradients<S>& into, ExecutorRef) {
    dense.backward(tape.dense, d, into.dense);
    return std::as_const(into.dense.inputs).view();
}

template <RealScalar S>
void step_layer(const Dense<S>& dense, const ModelStep<S>& step) noexcept {
    dense.call({step.x, {step.rows, 1, step.features}}, {step.y, {step.rows, 1, dense.units()}});
}

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI
