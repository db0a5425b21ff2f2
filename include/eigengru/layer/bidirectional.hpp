// SPDX-License-Identifier: MIT
// Bidirectional: two GRUs that read a sequence from both ends, as keras.layers.Bidirectional.
#pragma once

#include "eigengru/layer/bidirectional_check.hpp"
#include "eigengru/layer/bidirectional_tape.hpp"
#include "eigengru/layer/gru.hpp"
#include "eigengru/layer/merge.hpp"

#include <utility>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI {

/// keras.layers.Bidirectional around a GRU.
///
///     Bidirectional<float> both(8, {.units = 16, .return_sequences = true}, {.merge = Merge::concat});
///     BidirectionalOutput<float> y = both(inputs, {.mask = mask});    // y.sequences (batch, time, 32)
///     y.forward.state; y.backward.state;                              // (batch, 16) each
///
/// The backward layer is made like the forward one, with weights of its own, unless BidirectionalOptions::backward
/// says otherwise. Its sequences are reversed in time before merging, so that step t of both belongs to input t. As in
/// Keras, both layers get zero_output_for_mask = return_sequences, the forward layer's use_cudnn, and the names
/// "forward_<name>" and "backward_<name>".
///
/// A value; copies are independent; one thread at a time uses it.
/// Invariant: one layer goes forwards, the other backwards; stateful, return_sequences and return_state agree.
///
/// Differs from Keras: where the forward layer has a seed, a backward layer made like it gets another, so that the two
/// start with different weights and drop different units.
template <RealScalar S, bool ResetAfter>
class Bidirectional {
public:
    using Scalar = S;
    using Layer = Gru<S, ResetAfter>;

    /// Layers for inputs of that many features, their weights drawn by the initializers. Throws: ShapeError,
    /// OptionError.
    Bidirectional(Index features, const GruOptions& forward, const BidirectionalOptions& options = {})
        : Bidirectional(features, detail::direction_options(forward, options), options) {}

    /// Layers with these weights: the forward layer's, then the backward layer's, each in Keras's order; no initializer
    /// runs. Throws: ShapeError, OptionError.
    Bidirectional(Index features, const GruOptions& forward, const BidirectionalOptions& options,
                  const std::vector<RowMatrix<S>>& weights)
        : Bidirectional(features, detail::direction_options(forward, options), options, weights) {}

    /// The call: inputs (batch, time, features), or one sequence as a row-major matrix (time, features).
    /// Throws: ShapeError, OptionError, BackendError, and nothing has changed.
    BidirectionalOutput<S> operator()(SequenceView<const S> inputs, const BidirectionalCallOptions<S>& call = {}) {
        BidirectionalOutput<S> y;
        run("Bidirectional::operator()", inputs, call, nullptr, y.forward, y.backward);
        merge_into(y);
        return y;
    }

    /// The same into memory that is there. Allocates nothing from the second time on (for the same sizes).
    void call(SequenceView<const S> inputs, const BidirectionalCallOptions<S>& call, BidirectionalOutput<S>& output) {
        run("Bidirectional::call", inputs, call, nullptr, output.forward, output.backward);
        merge_into(output);
    }

    /// The call, recorded on `tape` for backward(). Throws: as the call; OptionError for a custom activation without
    /// its derivative.
    BidirectionalOutput<S> forward(SequenceView<const S> inputs, const BidirectionalCallOptions<S>& call,
                                   BidirectionalTape<S>& tape) {
        record(inputs, call, tape);
        BidirectionalOutput<S> y{.forward = tape.forward_output, .backward = tape.backward_output};
        merge_into(y);
        return y;
    }

    /// The same, the merged output into the caller's memory; those of each layer are in the tape. Allocates nothing
    /// from the second time on (for the same tape and sizes).
    void forward(SequenceView<const S> inputs, const BidirectionalCallOptions<S>& call, BidirectionalTape<S>& tape,
                 const BidirectionalOutputView<S>& output) {
        const bool has_merged = options_.merge != Merge::none;
        detail::check_merged<S>("Bidirectional::forward", output.sequences, output.last, inputs.shape(), units(),
                                {has_merged && returns_sequences(), has_merged});
        record(inputs, call, tape);
        if (output.sequences.is_present())
            detail::merge_sequences<S>(options_.merge, tape.forward_output.sequences, tape.backward_output.sequences,
                                       output.sequences);
        if (output.last.is_present())
            detail::merge<S>(options_.merge, detail::map_of(tape.forward_output.last),
                             detail::map_of(tape.backward_output.last), output.last.map());
    }

    /// From the gradients of a loss with respect to what forward() gave back to those with respect to the parameters,
    /// the inputs and the initial states. The gradients of the regularizers' losses are added. The tape does not change.
    /// Throws: std::logic_error for an empty tape or one of layers of other sizes or options, ShapeError.
    BidirectionalGradients<S> backward(const BidirectionalTape<S>& tape, const BidirectionalOutputGradients<S>& d,
                                       ExecutorRef executor = {}) {
        BidirectionalGradients<S> gradients;
        backward(tape, d, gradients, executor);
        return gradients;
    }

    /// The same into existing memory. Allocates nothing from the second time on (for the same sizes).
    void backward(const BidirectionalTape<S>& tape, const BidirectionalOutputGradients<S>& d,
                  BidirectionalGradients<S>& into, ExecutorRef executor = {}) {
        detail::check_bidirectional_backward(tape, d, options_.merge, returns_sequences(), units());
        check_tape(forward_, tape.forward);
        check_tape(backward_, tape.backward);
        detail::split_gradients<S>(options_.merge, tape, d, d_forward_, d_backward_);
        forward_.backward(tape.forward, gradients_of(d_forward_, d.forward.state), into.forward, executor);
        backward_.backward(tape.backward, gradients_of(d_backward_, d.backward.state), into.backward, executor);
        into.inputs.resize(tape.forward.shape());
        into.inputs.matrix() = into.forward.inputs.matrix() + into.backward.inputs.matrix();
    }

    /// The same; the tape is empty afterwards and keeps its memory.
    BidirectionalGradients<S> backward(BidirectionalTape<S>&& tape, const BidirectionalOutputGradients<S>& d,
                                       ExecutorRef executor = {}) {
        BidirectionalGradients<S> gradients;
        backward(std::move(tape), d, gradients, executor);
        return gradients;
    }
    void backward(BidirectionalTape<S>&& tape, const BidirectionalOutputGradients<S>& d,
                  BidirectionalGradients<S>& into, ExecutorRef executor = {}) {
        backward(std::as_const(tape), d, into, executor);
        tape.clear();
    }

    /// Which backend each layer would take, and why. Runs nothing. Throws: as the call, but no BackendError.
    [[nodiscard]] BidirectionalVerdict explain_backend(SequenceView<const S> inputs,
                                                       const BidirectionalCallOptions<S>& call = {}) const {
        return {forward_.explain_backend(inputs, call.forward_call()),
                backward_.explain_backend(inputs, call.backward_call())};
    }

    [[nodiscard]] Index features() const { return forward_.features(); }
    /// Of the merged output; of both outputs together with Merge::none.
    [[nodiscard]] Index units() const {
        const bool is_wide = options_.merge == Merge::concat || options_.merge == Merge::none;
        return is_wide ? forward_.units() + backward_.units() : forward_.units();
    }
    /// With `backward` as given or made.
    [[nodiscard]] const BidirectionalOptions& options() const { return options_; }
    [[nodiscard]] const std::string& name() const { return options_.name; }
    [[nodiscard]] bool returns_sequences() const { return forward_.options().return_sequences; }
    [[nodiscard]] Index count_params() const { return forward_.count_params() + backward_.count_params(); }

    /// The two GRUs, to read and to change.
    [[nodiscard]] const Layer& forward_layer() const& EIGENGRU_LIFETIMEBOUND { return forward_; }
    [[nodiscard]] const Layer& backward_layer() const& EIGENGRU_LIFETIMEBOUND { return backward_; }
    [[nodiscard]] Layer& forward_layer() & EIGENGRU_LIFETIMEBOUND { return forward_; }
    [[nodiscard]] Layer& backward_layer() & EIGENGRU_LIFETIMEBOUND { return backward_; }

    /// Calls `update(variable)` for the weights of the forward layer, then of the backward layer: see Variable.
    template <class Update>
    void update_variables(Update&& update) {
        forward_.update_variables(update);
        backward_.update_variables(update);
    }

    /// The weights of the forward layer, then of the backward layer. Throws: ShapeError, and nothing has changed.
    void set_weights(const std::vector<RowMatrix<S>>& weights) {
        const auto [forward, backward] = split(weights, Directions(forward_.options(), backward_.options()));
        typename Layer::Parameters checked = backward_.parameters();
        checked.set_weights(std::vector<MatrixView<const S>>(backward.begin(), backward.end()));
        forward_.set_weights(forward);
        backward_.set_weights(backward);
    }
    [[nodiscard]] std::vector<RowMatrix<S>> get_weights() const {
        std::vector<RowMatrix<S>> weights = forward_.get_weights();
        for (RowMatrix<S>& weight : backward_.get_weights()) weights.push_back(std::move(weight));
        return weights;
    }

    /// Applies the constraints to the weights of trainable layers, as an optimiser does after its step.
    void apply_constraints() {
        forward_.apply_constraints();
        backward_.apply_constraints();
    }

    /// The sums of both layers.
    [[nodiscard]] RegularizationLosses<S> losses() const {
        const RegularizationLosses<S> a = forward_.losses(), b = backward_.losses();
        return {a.kernel + b.kernel, a.recurrent_kernel + b.recurrent_kernel, a.bias + b.bias, a.activity + b.activity};
    }
    [[nodiscard]] S activity_loss() const { return forward_.activity_loss() + backward_.activity_loss(); }

    /// Zeros for every row of both carried states; the batch size stays.
    void reset_state() {
        forward_.reset_state();
        backward_.reset_state();
    }

    /// Zeros for some rows. Throws: ShapeError for a row that is not there.
    void reset_state(const IndexListView& rows) {
        forward_.reset_state(rows);
        backward_.reset_state(rows);
    }

    /// Forgets both carried states and the batch size.
    void clear_state() {
        forward_.clear_state();
        backward_.clear_state();
    }

private:
    using Directions = std::pair<GruOptions, GruOptions>;
    using Weights = std::vector<RowMatrix<S>>;

    Bidirectional(Index features, const Directions& directions, const BidirectionalOptions& options)
        : options_(options), forward_(features, directions.first), backward_(features, directions.second) {
        options_.backward = backward_.options();
    }

    Bidirectional(Index features, const Directions& directions, const BidirectionalOptions& options,
                  const Weights& weights)
        : Bidirectional(features, directions, options, split(weights, directions)) {}

    Bidirectional(Index features, const Directions& directions, const BidirectionalOptions& options,
                  const std::pair<Weights, Weights>& weights)
        : options_(options),
          forward_(features, directions.first, weights.first),
          backward_(features, directions.second, weights.second) {
        options_.backward = backward_.options();
    }

    /// The weights of each layer. Throws: ShapeError when there are more or fewer.
    static std::pair<Weights, Weights> split(const Weights& weights, const Directions& directions) {
        const std::size_t forward = directions.first.use_bias ? 3 : 2, backward = directions.second.use_bias ? 3 : 2;
        if (weights.size() != forward + backward)
            EIGENGRU_THROW(ShapeError, "Bidirectional: expected ", forward + backward, " weights, received ",
                           weights.size());
        const auto middle = weights.begin() + static_cast<std::ptrdiff_t>(forward);
        return {{weights.begin(), middle}, {middle, weights.end()}};
    }

    void run(std::string_view where, const SequenceView<const S>& inputs, const BidirectionalCallOptions<S>& call,
             BidirectionalTape<S>* tape, Output<S>& forward, Output<S>& backward) {
        detail::check_bidirectional_call(where, inputs, call, forward_, backward_);
        make_room(inputs.shape(), forward_, forward);
        make_room(inputs.shape(), backward_, backward);
        run(forward_, inputs, call.forward_call(), tape != nullptr ? &tape->forward : nullptr, forward);
        run(backward_, inputs, call.backward_call(), tape != nullptr ? &tape->backward : nullptr, backward);
        detail::reverse_time<S>(backward.sequences);
    }

    static void run(Layer& layer, const SequenceView<const S>& inputs, const CallOptions<S>& call, Tape<S>* tape,
                    Output<S>& y) {
        OutputView<S> view{.last = y.last, .state = y.state};
        if (layer.options().return_sequences) view.sequences = y.sequences;
        if (tape != nullptr)
            layer.forward(inputs, call, *tape, view);
        else
            layer.call(inputs, call, view);
    }

    static void make_room(const Shape3& inputs, const Layer& layer, Output<S>& y) {
        const bool has_sequences = layer.options().return_sequences;
        y.sequences.resize({has_sequences ? inputs.batch : 0, has_sequences ? inputs.time : 0, layer.units()});
        y.last.resize(inputs.batch, layer.units());
        y.state.resize(inputs.batch, layer.units());
    }

    void record(const SequenceView<const S>& inputs, const BidirectionalCallOptions<S>& call,
                BidirectionalTape<S>& tape) {
        for (const Layer* layer : {&forward_, &backward_})
            detail::check_trainable("Bidirectional::forward", layer->options());
        run("Bidirectional::forward", inputs, call, &tape, tape.forward_output, tape.backward_output);
    }

    /// Throws: std::logic_error. Before the gradients are split, which trusts the sizes of the tape.
    static void check_tape(const Layer& layer, const Tape<S>& tape) {
        detail::check_backward<S>("Bidirectional::backward", tape,
                                  detail::signature_of(layer.options(), layer.features(), ResetAfter), {});
    }

    void merge_into(BidirectionalOutput<S>& y) const {
        const bool has_merged = options_.merge != Merge::none;
        const bool has_sequences = has_merged && returns_sequences();
        const Shape3 shape = has_sequences ? y.forward.sequences.shape() : Shape3(0, 0, 0);
        y.sequences.resize({shape.batch, shape.time, units()});
        y.last.resize(has_merged ? y.forward.last.rows() : 0, units());
        if (!has_merged) return;
        if (has_sequences)
            detail::merge_sequences<S>(options_.merge, y.forward.sequences, y.backward.sequences, y.sequences);
        detail::merge<S>(options_.merge, detail::map_of(y.forward.last), detail::map_of(y.backward.last),
                         MatrixView<S>(y.last).map());
    }

    [[nodiscard]] OutputGradients<S> gradients_of(const Output<S>& d, const MatrixView<const S>& d_state) const {
        OutputGradients<S> result{.last = d.last, .state = d_state};
        if (returns_sequences()) result.sequences = d.sequences;
        return result;
    }

    BidirectionalOptions options_;
    Layer forward_, backward_;
    Output<S> d_forward_, d_backward_;  // of the last backward pass
};

}  // namespace eigengru::inline EIGENGRU_ABI
