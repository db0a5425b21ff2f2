// SPDX-License-Identifier: MIT
// GruCell: the weights of a GRU and one time step with them, for callers who keep their own loop.
#pragma once

#include "eigengru/cell/dropout.hpp"
#include "eigengru/cell/gradient_products.hpp"
#include "eigengru/cell/gru_step.hpp"
#include "eigengru/cell/tape.hpp"
#include "eigengru/model/gradients.hpp"
#include "eigengru/model/output.hpp"
#include "eigengru/model/variable.hpp"

#include <atomic>
#include <utility>

namespace eigengru::inline EIGENGRU_ABI {

/// The weights of a GRU with its two activations, and the function h' = step(x, h). Knows nothing of time or masks.
///
///     GruCell<float> cell(8, {.units = 16});
///     std::vector<float> scratch(cell.scratch_size(batch));
///     cell.step(x, h, h_next, scratch);      // (batch, 8), (batch, 16), (batch, 16); h_next may be h
///
/// What concerns whole sequences among the options is validated and kept, but not used.
/// Invariant: the parameters have the sizes of features() and units().
template <RealScalar S, bool ResetAfter>
class GruCell {
public:
    using Scalar = S;
    using Parameters = GruParameters<S, ResetAfter>;

    /// Throws: ShapeError, OptionError.
    GruCell(Index features, GruOptions options)
        : options_(validated(std::move(options), features)), parameters_(features, options_.units, options_.use_bias) {
        initialize();
    }

    /// With these weights, in Keras's order; no initializer runs. Throws: ShapeError, OptionError.
    GruCell(Index features, GruOptions options, const std::vector<RowMatrix<S>>& weights)
        : options_(validated(std::move(options), features)), parameters_(features, options_.units, options_.use_bias) {
        set_weights(weights);
    }

    [[nodiscard]] Index features() const { return parameters_.features(); }
    [[nodiscard]] Index units() const { return parameters_.units(); }
    [[nodiscard]] const GruOptions& options() const { return options_; }
    [[nodiscard]] Index count_params() const { return parameters_.size(); }

    [[nodiscard]] const Parameters& parameters() const& EIGENGRU_LIFETIMEBOUND { return parameters_; }
    const Parameters& parameters() const&& = delete;

    /// Another number after every change of the parameters, which no other cell has but a copy: copies of them in other
    /// forms remember which they are of. While an update is under way every look at them may find others.
    [[nodiscard]] std::uint64_t version() const { return version_; }
    [[nodiscard]] bool is_changing() const { return open_changes_ > 0; }

    /// Calls `update(p)` with the weights writable: `[](auto& p) { p.bias().setZero(); }`.
    template <class Update>
    void update_parameters(Update&& update) {
        static_assert(std::is_invocable_v<Update, ParameterUpdate<S, ResetAfter>&>,
                      "eigengru: update_parameters calls your function with a reference; write [](auto& p) { ... }");
        const Change change(*this);
        ParameterUpdate<S, ResetAfter> writable(parameters_);
        std::forward<Update>(update)(writable);
    }

    /// Calls `update(variable)` for kernel, recurrent_kernel and, with use_bias, bias: see Variable.
    template <class Update>
    void update_variables(Update&& update) {
        const Change change(*this);
        const auto call = [&](std::string_view name, const MatrixMap<S>& values) {
            update(Variable<S>{options_.name, name, values, options_.trainable});
        };
        call("kernel", parameters_.kernel());
        call("recurrent_kernel", parameters_.recurrent_kernel());
        if (options_.use_bias) call("bias", parameters_.bias());
    }

    /// Throws: ShapeError, and nothing has changed.
    void set_weights(std::initializer_list<MatrixView<const S>> weights) {
        const Change change(*this);
        parameters_.set_weights(weights);
    }
    void set_weights(const std::vector<RowMatrix<S>>& weights) {
        const Change change(*this);
        parameters_.set_weights(std::vector<MatrixView<const S>>(weights.begin(), weights.end()));
    }
    [[nodiscard]] std::vector<RowMatrix<S>> get_weights() const { return parameters_.get_weights(); }

    /// The losses of the three weight regularizers for the present weights, as in Keras of a trainable layer alone;
    /// activity is the layer's.
    [[nodiscard]] RegularizationLosses<S> losses() const {
        RegularizationLosses<S> losses;
        if (!options_.trainable) return losses;
        losses.kernel = options_.kernel_regularizer.loss(parameters_.kernel(), WeightRank::matrix);
        losses.recurrent_kernel =
            options_.recurrent_regularizer.loss(parameters_.recurrent_kernel(), WeightRank::matrix);
        if (options_.use_bias) losses.bias = options_.bias_regularizer.loss(parameters_.bias(), kBiasRank);
        return losses;
    }

    /// gradients += those of losses().
    void add_regularizer_gradients(GruWeights<S>& gradients) const {
        if (!options_.trainable) return;
        options_.kernel_regularizer.add_gradient(parameters_.kernel(), WeightRank::matrix, S(1), gradients.kernel());
        options_.recurrent_regularizer.add_gradient(parameters_.recurrent_kernel(), WeightRank::matrix, S(1),
                                                    gradients.recurrent_kernel());
        if (options_.use_bias)
            options_.bias_regularizer.add_gradient(parameters_.bias(), kBiasRank, S(1), gradients.bias());
    }

    /// Applies the three constraints to the weights of a trainable layer, as an optimiser does after its step.
    void apply_constraints() {
        if (!options_.trainable) return;
        const Change change(*this);
        options_.kernel_constraint.apply(parameters_.kernel(), WeightRank::matrix);
        options_.recurrent_constraint.apply(parameters_.recurrent_kernel(), WeightRank::matrix);
        if (options_.use_bias) options_.bias_constraint.apply(parameters_.bias(), kBiasRank);
    }

    /// The scalars of scratch that a step for a batch needs.
    [[nodiscard]] std::size_t scratch_size(Index batch) const {
        return static_cast<std::size_t>(
            detail::checked_size("GruCell::scratch_size", {batch, detail::gate_stride(units()) + units()}));
    }

    /// next_state = GRU(inputs, state) for (batch, features), (batch, units), (batch, units). next_state may be the
    /// same memory as state. Allocates nothing. Throws: ShapeError, and nothing has been written.
    void step(MatrixView<const S> inputs, MatrixView<const S> state, MatrixView<S> next_state,
              std::span<S> scratch) const {
        const Index batch = inputs.rows();
        check_step("GruCell::step", inputs, state, next_state, scratch.size());
        if (batch == 0) return;
        const detail::StepFunction<S> f = function();
        const detail::Gates<S> gates{scratch.data(), batch, units(), detail::gate_stride(units())};
        S* h = gates.row(batch);  // a copy without gaps, stepped in place
        detail::block(h, batch, units()) = state.map();
        detail::set_gates_to_biases<ResetAfter>(f, gates);
        if (batch == 1) {
            detail::gru_row_step<ResetAfter, S>(f, inputs.data(), gates, gates, h, h);
        } else {
            detail::add_input_products(f, inputs.map(), gates);
            detail::gru_step<ResetAfter, S>(f, gates, gates, h, {}, h);
        }
        next_state.map() = detail::block<const S>(h, batch, units());
    }

    /// The step, recorded on `tape` for backward(). Throws: as step(); OptionError for a custom activation without its
    /// derivative.
    void forward(MatrixView<const S> inputs, MatrixView<const S> state, MatrixView<S> next_state, std::span<S> scratch,
                 Tape<S>& tape) const {
        const Index batch = inputs.rows();
        check_step("GruCell::forward", inputs, state, next_state, scratch.size());
        if (!tape.has_gates())
            EIGENGRU_THROW(std::logic_error, "GruCell::forward: expected a tape without checkpoints");
        options_.activation.check_derivative("GruCell::forward");
        options_.recurrent_activation.check_derivative("GruCell::forward");
        tape.start(signature(), {batch, 1, features()}, 1, false);
        tape.record_mask(false, [](Index, Index) { return true; });
        tape.record_dropout(nullptr);
        detail::block(tape.inputs(), batch, features()) = inputs.map();
        detail::block(tape.state(0), batch, units()) = state.map();
        if (batch > 0) record_step(tape, next_state, scratch);
        tape.finish();
    }

    /// From the gradient of a loss with respect to next_state to those with respect to the parameters, the inputs
    /// (batch, 1, features) and the state. The gradients of the regularizers' losses are added. The tape does not
    /// change. For loops that keep to a cell; it allocates (a Gru's backward pass does not, from the second time on).
    /// Throws: std::logic_error for an empty tape, one with checkpoints or one of another cell, ShapeError.
    [[nodiscard]] Gradients<S> backward(const Tape<S>& tape, MatrixView<const S> d_next_state) const {
        check_tape(tape, d_next_state);
        Gradients<S> gradients;
        detail::resize(gradients, tape.shape(), parameters_);
        if (tape.shape().batch > 0) step_back(tape, d_next_state, gradients);
        add_regularizer_gradients(gradients.parameters);
        return gradients;
    }

    /// The weights and activations as the kernels take them: views of this cell.
    [[nodiscard]] detail::StepFunction<S> function() const EIGENGRU_LIFETIMEBOUND {
        return {parameters_.kernel(), parameters_.recurrent_kernel(), parameters_.bias(), options_.activation,
                options_.recurrent_activation};
    }

private:
    static constexpr WeightRank kBiasRank = ResetAfter ? WeightRank::matrix : WeightRank::vector;

    /// A change of the parameters counts when it ends, by an exception too.
    class Change {
    public:
        explicit Change(GruCell& cell) : cell_(cell) { ++cell_.open_changes_; }
        Change(const Change&) = delete;
        Change& operator=(const Change&) = delete;
        ~Change() {
            --cell_.open_changes_;
            cell_.version_ = next_version();
        }

    private:
        GruCell& cell_;
    };

    [[nodiscard]] static std::uint64_t next_version() {
        static std::atomic<std::uint64_t> latest = 0;
        return latest.fetch_add(1, std::memory_order_relaxed) + 1;
    }

    static GruOptions validated(GruOptions options, Index features) {
        detail::validate(options, features, ResetAfter);
        return options;
    }

    /// An initializer with a seed of its own uses it; the others share the layer's, each in a place of its own.
    void initialize() {
        const std::uint64_t seed = options_.seed ? *options_.seed : random_seed();
        options_.kernel_initializer.fill(parameters_.kernel(), WeightRank::matrix, seed);
        options_.recurrent_initializer.fill(parameters_.recurrent_kernel(), WeightRank::matrix, seed + 1);
        if (options_.use_bias) options_.bias_initializer.fill(parameters_.bias(), kBiasRank, seed + 2);
    }

    [[nodiscard]] detail::LayerSignature signature() const {
        return detail::signature_of(options_, features(), ResetAfter);
    }

    void check_step(std::string_view where, const MatrixView<const S>& inputs, const MatrixView<const S>& state,
                    const MatrixView<const S>& next_state, std::size_t scratch) const {
        const Index batch = inputs.rows();
        detail::check_shape(where, "inputs", inputs, batch, features());
        detail::check_shape(where, "state", state, batch, units());
        detail::check_shape(where, "next_state", next_state, batch, units());
        if (scratch < scratch_size(batch))
            EIGENGRU_THROW(ShapeError, where, ": scratch expected at least ", scratch_size(batch),
                           " elements, received ", scratch);
    }

    void record_step(Tape<S>& tape, const MatrixView<S>& next_state, std::span<S> scratch) const {
        const Index batch = tape.shape().batch;
        const detail::StepFunction<S> f = function();
        const detail::Gates<S> gates{tape.gates(), batch, units(), detail::kSlots * units()};
        const detail::Gates<S> values{scratch.data(), batch, units(), detail::gate_stride(units())};
        S* next = values.row(batch);
        detail::set_gates_to_biases<ResetAfter>(f, gates);
        detail::add_input_products<S>(f, detail::block<const S>(tape.inputs(), batch, features()), gates);
        detail::gru_step<ResetAfter, S>(f, gates, f.needs_inputs() ? values : gates, tape.state(0), {}, next);
        next_state.map() = detail::block<const S>(next, batch, units());
    }

    void check_tape(const Tape<S>& tape, const MatrixView<const S>& d_next_state) const {
        const bool is_step = tape.has_gates() && tape.on_device() == nullptr && tape.shape().time == 1 &&
                             tape.dropout() == nullptr && !tape.mask().is_present();
        if (tape.empty() || !is_step || !(tape.signature() == signature()))
            EIGENGRU_THROW(std::logic_error,
                           "GruCell::backward: expected the tape of a forward step of this cell, received ",
                           tape.empty() ? "an empty one" : "another one");
        detail::check_shape("GruCell::backward", "d_next_state", d_next_state, tape.shape().batch, units());
    }

    void step_back(const Tape<S>& tape, const MatrixView<const S>& d_next_state, Gradients<S>& into) const {
        const Index batch = tape.shape().batch;
        const detail::StepFunction<S> f = function();
        const RowMatrix<S> kernel_t = parameters_.kernel().transpose();
        const RowMatrix<S> recurrent_kernel_t = parameters_.recurrent_kernel().transpose();
        const RowMatrix<S> d_next = d_next_state.map();
        RowMatrix<S> d_gates(batch, detail::kSlots * units()), value_memory(batch, detail::kSlots * units());
        const auto gates_in = [&]<class T>(T* data) {
            return detail::Gates<T>{data, batch, units(), detail::kSlots * units()};
        };
        const detail::Gates<const S> gates = gates_in(tape.gates());
        const detail::Gates<S> d = gates_in(d_gates.data());
        const auto map = [](const RowMatrix<S>& m) { return detail::block(m.data(), m.rows(), m.cols()); };
        detail::gru_step_backward<ResetAfter, S>(
            f, {.gates = gates,
                .values = detail::activated_gates(f, gates, gates_in(value_memory.data())),
                .d = d,
                .h = tape.state(0),
                .d_next = d_next.data(),
                .d_state = into.initial_state.data(),
                .masks = {},
                .recurrent_kernel_t = map(recurrent_kernel_t)});
        const detail::GradientRows<S> rows{.d = d.as_const(),
                                           .gates = gates,
                                           .inputs = detail::block(tape.inputs(), batch, features()),
                                           .states = tape.state(0),
                                           .dropout = nullptr,
                                           .scratch = nullptr};
        detail::add_parameter_gradients<ResetAfter, S>(rows, into.parameters);
        detail::input_gradient<S>(rows, map(kernel_t), into.inputs.data());
    }

    GruOptions options_;
    Parameters parameters_;
    std::uint64_t version_ = next_version();
    int open_changes_ = 0;
};

}  // namespace eigengru::inline EIGENGRU_ABI
