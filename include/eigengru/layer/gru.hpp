// SPDX-License-Identifier: MIT
// Gru: the layer, as keras.layers.GRU. What users hold in their hands; the checks of its arguments are in call_check.hpp.
#pragma once

#include "eigengru/cell/dropout.hpp"
#include "eigengru/cell/gru_cell.hpp"
#include "eigengru/layer/backend.hpp"
#include "eigengru/layer/call_check.hpp"

#include <utility>

namespace eigengru::inline EIGENGRU_ABI {

/// keras.layers.GRU: gated recurrent units over a batch of sequences.
///
///     Gru<float> layer(8, {.units = 16, .return_sequences = true});
///     Sequence<float> inputs({32, 10, 8});
///     Output<float> y = layer(inputs);       // y.sequences (32, 10, 16), y.last (32, 16), y.state (32, 16)
///
/// The equations are in cell/gru_step.hpp; every argument and default is Keras's (GruOptions, CallOptions). A value: copies
/// are independent. One thread at a time uses a layer, since it owns scratch memory, counters and the carried state.
/// Invariant: the parameters fit features() and options(); the carried state, where there is one, is (batch, units).
///
/// Differs from Keras: `seed` also seeds the initializers that have no seed of their own.
template <RealScalar S, bool ResetAfter>
class Gru {
public:
    using Scalar = S;
    using Cell = GruCell<S, ResetAfter>;
    using Parameters = GruParameters<S, ResetAfter>;
    static constexpr bool kResetAfter = ResetAfter;

    /// A layer for inputs of that many features, its weights drawn by the initializers.
    /// Throws: ShapeError, OptionError.
    Gru(Index features, GruOptions options)
        : cell_(features, std::move(options)),
          dropout_seed_(this->options().seed ? *this->options().seed : random_seed()) {}

    /// The call: inputs (batch, time, features), or one sequence as a row-major matrix (time, features).
    /// Throws: ShapeError, OptionError, BackendError, and nothing has changed.
    Output<S> operator()(SequenceView<const S> inputs, const CallOptions<S>& call = {}) {
        detail::check_call<S>(inputs, call, traits());
        const Shape3 shape{inputs.shape().batch, inputs.shape().time, units()};
        Output<S> y{.last = RowMatrix<S>(shape.batch, units()), .state = RowMatrix<S>(shape.batch, units())};
        if (options().return_sequences) y.sequences = Sequence<S>(shape);
        const SequenceView<S> sequences = options().return_sequences ? y.sequences.view() : SequenceView<S>();
        run(inputs, call, {.sequences = sequences, .last = y.last, .state = y.state});
        return y;
    }

    /// The same into the caller's memory. Allocates nothing after prepare(batch, time) for these sizes or larger ones.
    void call(SequenceView<const S> inputs, const CallOptions<S>& call, const OutputView<S>& output) {
        detail::check_call<S>(inputs, call, traits());
        detail::check_output<S>(output, inputs.shape(), traits());
        run(inputs, call, output);
    }

    /// Makes room for calls of up to this batch and time, so that they allocate nothing (with dropout: of this batch).
    /// Throws: ShapeError.
    void prepare(Index batch, Index time) {
        detail::check_prepare(batch, time, features(), units());
        make_room(batch, time);
        detail::resize_dropout_masks(drawn_masks_, options(), batch, features());
    }

    /// The bytes of scratch memory that the layer holds at present.
    [[nodiscard]] Index workspace_bytes() const { return workspace_.bytes(); }

    /// Which backend a call would take, with each rule and why. Runs nothing. Throws: as the call, but no BackendError.
    [[nodiscard]] BackendVerdict explain_backend(SequenceView<const S> inputs, const CallOptions<S>& call = {}) const {
        detail::check_call<S>(inputs, call, traits());
        return choose_backend(query(plan(inputs, call)));
    }

    [[nodiscard]] Index features() const { return cell_.features(); }
    [[nodiscard]] Index units() const { return cell_.units(); }
    [[nodiscard]] const GruOptions& options() const { return cell_.options(); }
    [[nodiscard]] const std::string& name() const { return options().name; }
    [[nodiscard]] GruConfig config() const { return {features(), ResetAfter, options()}; }
    [[nodiscard]] const Cell& cell() const& EIGENGRU_LIFETIMEBOUND { return cell_; }
    [[nodiscard]] Index count_params() const { return cell_.count_params(); }

    /// Read-only; writing goes through update_parameters, set_weights or a loader.
    [[nodiscard]] const Parameters& parameters() const& EIGENGRU_LIFETIMEBOUND { return cell_.parameters(); }
    const Parameters& parameters() const&& = delete;

    /// Calls `update(p)` with the weights writable: `layer.update_parameters([](auto& p) { p.bias().setZero(); })`.
    template <class Update>
    void update_parameters(Update&& update) {
        cell_.update_parameters(std::forward<Update>(update));
    }

    /// kernel, recurrent_kernel, bias, as in Keras. Throws: ShapeError, and nothing has changed.
    void set_weights(std::initializer_list<MatrixView<const S>> weights) { cell_.set_weights(weights); }
    void set_weights(const std::vector<RowMatrix<S>>& weights) { cell_.set_weights(weights); }
    [[nodiscard]] std::vector<RowMatrix<S>> get_weights() const { return cell_.get_weights(); }

    /// Applies the three constraints to the weights, as an optimiser does after its step.
    void apply_constraints() { cell_.apply_constraints(); }

    /// The losses of the regularizers for the present weights, and of the activity of the last call.
    [[nodiscard]] RegularizationLosses<S> losses() const {
        RegularizationLosses<S> losses = cell_.losses();
        losses.activity = activity_loss_;
        return losses;
    }

    /// The state that a stateful layer carries from call to call, (batch, units); (0, units) before the first one.
    [[nodiscard]] MatrixMap<const S> state() const& EIGENGRU_LIFETIMEBOUND {
        return detail::block(carried_.data(), carried_batch_, units());
    }

    /// Sets the carried state, and with it the batch size of a layer that has none yet.
    /// Throws: ShapeError; std::logic_error when the layer is not stateful.
    void set_state(MatrixView<const S> values) {
        detail::check_state(values, traits());
        if (carried_.rows() < values.rows()) carried_.resize(values.rows(), units());
        carried_.topRows(values.rows()) = values.map();
        carried_batch_ = values.rows();
    }

    /// Zeros for every row; the batch size stays.
    void reset_state() { carried_.setZero(); }

    /// Zeros for some rows. Throws: ShapeError for a row that is not there.
    void reset_state(const IndexListView& rows) {
        detail::check_rows(rows, carried_batch_);
        for (Index i = 0; i < rows.size(); ++i) carried_.row(rows[i]).setZero();
    }

    /// Forgets the carried state and the batch size.
    void clear_state() { carried_batch_ = 0; }

private:
    [[nodiscard]] detail::LayerTraits traits() const { return {options(), features(), carried_batch_}; }

    [[nodiscard]] SequencePlan plan(const SequenceView<const S>& inputs, const CallOptions<S>& call) const {
        return {inputs.shape(), options().go_backwards, call.mask, call.lengths};
    }

    [[nodiscard]] BackendQuery query(const SequencePlan& plan) const {
        return {options(), ResetAfter, plan.mask_kind()};
    }

    /// A checked call: plan, check the backend, make room, starting state, dropout, run, report.
    void run(const SequenceView<const S>& inputs, const CallOptions<S>& call, const OutputView<S>& output) {
        const SequencePlan plan = this->plan(inputs, call);
        if (options().use_cudnn.is_always()) detail::require_backend(query(plan));
        if (plan.batch() == 0) {
            activity_loss_ = 0;
            return;
        }
        make_room(plan.batch(), plan.time());
        detail::SequenceCall<S> task{.plan = plan,
                                     .inputs = inputs,
                                     .initial_state = starting_state(call, plan.batch()),
                                     .dropout = call.training ? dropout(call, plan.batch()) : nullptr,
                                     .zero_output_for_mask = options().zero_output_for_mask,
                                     .output = output};
        if (options().stateful && !output.state.is_present()) task.output.state = {carried_.data(), plan.batch(), units()};
        detail::run_on_backend<ResetAfter>(cell_.function(), task, workspace_);
        // Only now, so that a call that fails leaves the layer as it was.
        if (task.dropout == &drawn_masks_) ++dropout_calls_;
        if (options().stateful) carry(task.output.state);
        report_activity(output, plan.batch());
    }

    void make_room(Index batch, Index time) {
        workspace_.prepare({batch, time, features(), units()});
        if (options().stateful && carried_batch_ == 0 && carried_.rows() < batch) carried_ = RowMatrix<S>(batch, units());
    }

    [[nodiscard]] MatrixView<const S> starting_state(const CallOptions<S>& call, Index batch) const {
        if (call.initial_state.is_present() || carried_batch_ == 0) return call.initial_state;
        return {carried_.data(), batch, units()};
    }

    /// The caller's masks, or the next ones of this layer.
    [[nodiscard]] const DropoutMasks<S>* dropout(const CallOptions<S>& call, Index batch) {
        if (call.dropout_masks != nullptr) return call.dropout_masks;
        if (!detail::is_dropping(options().dropout) && !detail::is_dropping(options().recurrent_dropout)) return nullptr;
        detail::resize_dropout_masks(drawn_masks_, options(), batch, features());
        detail::draw_dropout_masks(drawn_masks_, options(), dropout_seed_, dropout_calls_);
        return &drawn_masks_;
    }

    void carry(const MatrixView<S>& state) {
        if (state.data() != carried_.data()) carried_.topRows(state.rows()) = state.map();
        carried_batch_ = state.rows();
    }

    /// One loss for each returned tensor, divided by the batch size.
    void report_activity(const OutputView<S>& output, Index batch) {
        const Regularizer& regularizer = options().activity_regularizer;
        if (regularizer.is_none()) return;
        double sum = 0.0;
        const auto add = [&](const MatrixMap<const S>& rows) {
            sum += static_cast<double>(regularizer.loss(rows, WeightRank::matrix));
        };
        if (!options().return_sequences) add(MatrixView<const S>(output.last).map());
        for (Index b = 0; options().return_sequences && b < batch; ++b)
            add(SequenceView<const S>(output.sequences).sequence(b));
        if (options().return_state) add(MatrixView<const S>(output.state).map());
        activity_loss_ = static_cast<S>(sum / static_cast<double>(batch));
    }

    Cell cell_;
    detail::Workspace<S> workspace_;
    RowMatrix<S> carried_;
    Index carried_batch_ = 0;
    DropoutMasks<S> drawn_masks_;
    std::uint64_t dropout_seed_;
    std::uint64_t dropout_calls_ = 0;
    S activity_loss_ = 0;
};

}  // namespace eigengru::inline EIGENGRU_ABI
