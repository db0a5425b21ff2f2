// SPDX-License-Identifier: MIT
// Gru: the layer, as keras.layers.GRU. What users hold in their hands; the checks of its arguments are in
// call_check.hpp.
#pragma once

#include "eigengru/cell/gru_cell.hpp"
#include "eigengru/layer/backend.hpp"
#include "eigengru/layer/call_check.hpp"
#include "eigengru/layer/carried_state.hpp"
#include "eigengru/layer/single_step.hpp"

#include <utility>

namespace eigengru::inline EIGENGRU_ABI {

/// keras.layers.GRU: gated recurrent units over a batch of sequences.
///
///     Gru<float> layer(8, {.units = 16, .return_sequences = true});
///     Sequence<float> inputs({32, 10, 8});
///     Output<float> y = layer(inputs);       // y.sequences (32, 10, 16), y.last (32, 16), y.state (32, 16)
///
/// The equations are in cell/gru_step.hpp; every argument and default is Keras's (GruOptions, CallOptions). A value:
/// copies are independent. One thread at a time uses a layer, since it owns scratch memory, counters and the carried
/// state.
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
    Gru(Index features, GruOptions options) : Gru(Cell(features, std::move(options))) {}

    /// A layer with these weights, in Keras's order; no initializer runs. Throws: ShapeError, OptionError.
    Gru(Index features, GruOptions options, const std::vector<RowMatrix<S>>& weights)
        : Gru(Cell(features, std::move(options), weights)) {}

    /// The call: inputs (batch, time, features), or one sequence as a row-major matrix (time, features).
    /// Throws: ShapeError, OptionError, BackendError, and nothing has changed.
    Output<S> operator()(SequenceView<const S> inputs, const CallOptions<S>& call = {}) {
        detail::check_call<S>(inputs, call, traits("Gru::operator()"));
        Output<S> y = detail::make_output<S>(options(), inputs.shape());
        run(inputs, call, detail::view_of(options(), y), nullptr);
        return y;
    }

    /// The same into the caller's memory. Allocates nothing after prepare(batch, time) for these sizes or larger ones.
    void call(SequenceView<const S> inputs, const CallOptions<S>& call, const OutputView<S>& output) {
        detail::check_call<S>(inputs, call, traits("Gru::call"));
        detail::check_output<S>(output, inputs.shape(), traits("Gru::call"));
        run(inputs, call, output, nullptr);
    }

    /// The call, recorded on `tape` for backward(); with training = false too.
    ///
    ///     Tape<float> tape;
    ///     Output<float> y = layer.forward(inputs, {.training = true}, tape);
    ///     Gradients<float> g = layer.backward(tape, {.last = d_last});
    ///
    /// Throws: as the call; OptionError for a custom activation without its derivative.
    Output<S> forward(SequenceView<const S> inputs, const CallOptions<S>& call, Tape<S>& tape) {
        detail::check_call<S>(inputs, call, traits("Gru::forward"));
        detail::check_trainable("Gru::forward", options());
        Output<S> y = detail::make_output<S>(options(), inputs.shape());
        run(inputs, call, detail::view_of(options(), y), &tape);
        return y;
    }

    /// The same into the caller's memory. Allocates nothing from the second time on (for the same tape and sizes).
    void forward(SequenceView<const S> inputs, const CallOptions<S>& call, Tape<S>& tape, const OutputView<S>& output) {
        detail::check_call<S>(inputs, call, traits("Gru::forward"));
        detail::check_output<S>(output, inputs.shape(), traits("Gru::forward"));
        detail::check_trainable("Gru::forward", options());
        run(inputs, call, output, &tape);
    }

    /// Backpropagation through time: from the gradients of a loss with respect to what forward() gave back to those
    /// with respect to the parameters, the inputs and the initial state. The gradients of the regularizers' losses are
    /// added. The tape does not change. The weights must still be those of the forward pass. An executor gives threads,
    /// and the same bits.
    /// Throws: std::logic_error for an empty tape or one of a layer of other sizes or options, ShapeError.
    Gradients<S> backward(const Tape<S>& tape, const OutputGradients<S>& d_output, ExecutorRef executor = {}) {
        Gradients<S> gradients;
        backward(tape, d_output, gradients, executor);
        return gradients;
    }

    /// The same into existing memory. Allocates nothing from the second time on (for the same sizes).
    void backward(const Tape<S>& tape, const OutputGradients<S>& d_output, Gradients<S>& into,
                  ExecutorRef executor = {}) {
        step_back({tape, d_output, into, nullptr, executor}, false);
    }

    /// The same; the tape is empty afterwards and keeps its memory.
    Gradients<S> backward(Tape<S>&& tape, const OutputGradients<S>& d_output, ExecutorRef executor = {}) {
        Gradients<S> gradients;
        backward(std::move(tape), d_output, gradients, executor);
        return gradients;
    }
    void backward(Tape<S>&& tape, const OutputGradients<S>& d_output, Gradients<S>& into, ExecutorRef executor = {}) {
        step_back({tape, d_output, into, nullptr, executor}, true);
        tape.clear();
    }

    /// Makes room for calls of up to this batch and time, by automatic kernels, so that they allocate nothing (with
    /// dropout: of this batch; on cuDNN: of these sizes). Throws: ShapeError; BackendError when the device fails.
    void prepare(Index batch, Index time) {
        detail::check_prepare(batch, time, features(), units());
        make_room(batch, time, false);
        static_cast<void>(packed(detail::resolved<S>("Gru::prepare", Kernels::automatic, units(), false), nullptr));
        drawn_.prepare(options(), batch, features());
        detail::prepare_device<S>(request({{batch, time, features()}, false, {}, {}}, {}, nullptr), device_);
    }

    /// The bytes of scratch memory at present, on the host: packed weights, carried state and dropout masks included.
    [[nodiscard]] Index workspace_bytes() const {
        return packed_.bytes() + workspace_.bytes() + backward_workspace_.bytes() + carried_.bytes() + drawn_.bytes();
    }

    /// Which backend a call would take, with each rule and why. Runs nothing. Throws: as the call, but no BackendError.
    [[nodiscard]] BackendVerdict explain_backend(SequenceView<const S> inputs, const CallOptions<S>& call = {}) const {
        detail::check_call<S>(inputs, call, traits("Gru::explain_backend"));
        return detail::explain_backend<S>(request(plan(inputs, call), call, nullptr), device_);
    }

    /// Where the last call ran; Backend::eigen before the first one.
    [[nodiscard]] Backend last_backend() const { return last_backend_; }

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

    /// Calls `update(variable)` for kernel, recurrent_kernel and bias: see Variable.
    template <class Update>
    void update_variables(Update&& update) {
        cell_.update_variables(update);
    }

    /// kernel, recurrent_kernel, bias, as in Keras. Throws: ShapeError, and nothing has changed.
    void set_weights(std::initializer_list<MatrixView<const S>> weights) { cell_.set_weights(weights); }
    void set_weights(const std::vector<RowMatrix<S>>& weights) { cell_.set_weights(weights); }
    [[nodiscard]] std::vector<RowMatrix<S>> get_weights() const { return cell_.get_weights(); }

    /// Applies the three constraints to the weights of a trainable layer, as an optimiser does after its step.
    void apply_constraints() { cell_.apply_constraints(); }

    /// The losses of the regularizers for the present weights, and of the activity of the last call.
    [[nodiscard]] RegularizationLosses<S> losses() const {
        RegularizationLosses<S> losses = cell_.losses();
        losses.activity = activity_loss_;
        return losses;
    }
    [[nodiscard]] S activity_loss() const { return activity_loss_; }  ///< the latter, which costs nothing

    /// The state that a stateful layer carries from call to call, (batch, units); (0, units) before the first one.
    [[nodiscard]] MatrixMap<const S> state() const& EIGENGRU_LIFETIMEBOUND { return carried_.state(); }

    /// Sets the carried state, and with it the batch size of a layer that has none yet.
    /// Throws: ShapeError; std::logic_error when the layer is not stateful.
    void set_state(MatrixView<const S> values) {
        detail::check_state(values, traits("Gru::set_state"));
        carried_.set(values);
    }

    /// Zeros for every row, or for some; the batch size stays. Throws: ShapeError for a row that is not there.
    void reset_state() { carried_.reset(); }
    void reset_state(const IndexListView& rows) { carried_.reset(rows); }

    /// Forgets the carried state and the batch size.
    void clear_state() { carried_.clear(); }

    /// How many calls have drawn dropout masks, and the seed, drawn where options() has none: together they decide the
    /// next masks, so that training can resume.
    [[nodiscard]] std::uint64_t dropout_calls() const { return drawn_.calls(); }
    void set_dropout_calls(std::uint64_t calls) { drawn_.set_calls(calls); }
    [[nodiscard]] std::uint64_t dropout_seed() const { return drawn_.seed(); }
    void set_dropout_seed(std::uint64_t seed) { drawn_.set_seed(seed); }

private:
    explicit Gru(Cell cell) : cell_(std::move(cell)), carried_(cell_.units()), drawn_(cell_.options().seed) {}

    [[nodiscard]] detail::LayerTraits traits(std::string_view where) const {
        return {where, options(), features(), carried_.batch()};
    }

    [[nodiscard]] detail::LayerSignature signature() const {
        return detail::signature_of(options(), features(), ResetAfter);
    }

    [[nodiscard]] SequencePlan plan(const SequenceView<const S>& inputs, const CallOptions<S>& call) const {
        return {inputs.shape(), options().go_backwards, call.mask, call.lengths};
    }

    [[nodiscard]] detail::BackendRequest request(const SequencePlan& plan, const CallOptions<S>& call,
                                                 const Tape<S>* tape) const {
        const detail::CudnnRequest cudnn{{plan.batch(), plan.time(), features()}, units(), tape != nullptr, call.cudnn};
        const bool has_masks = call.training && call.dropout_masks != nullptr;
        return {options(), ResetAfter, plan, cudnn, has_masks, tape != nullptr && !tape->has_gates()};
    }

    /// A checked call: plan, choose the backend, make room, starting state, dropout, run, carry on, report.
    void run(const SequenceView<const S>& inputs, const CallOptions<S>& call, const OutputView<S>& output,
             Tape<S>* tape) {
        const Kernels kernels = detail::resolved<S>("Gru::operator()", call.kernels, units(), tape != nullptr);
        if (tape == nullptr && detail::is_single_step(options(), inputs.shape(), call, kernels))
            return run_single_step({inputs, call.initial_state, output, kernels});
        const SequencePlan plan = this->plan(inputs, call);
        const Backend backend = detail::choose_backend<S>(request(plan, call, tape), device_);
        // The sizes of the inputs, not of the plan: a copy of what was just written would wait for its stores.
        make_room(inputs.shape().batch, inputs.shape().time, tape != nullptr);
        const DropoutMasks<S>* masks = drawn_.of_call(call, options(), plan.batch(), features());
        const detail::SequenceCall<S> task{.plan = plan,
                                           .inputs = inputs,
                                           .output = output,
                                           .initial_state = carried_.starting_state(call.initial_state),
                                           .dropout = masks,
                                           .zero_output_for_mask = options().zero_output_for_mask,
                                           .final_state = options().stateful ? carried_.room() : nullptr,
                                           .packed = backend == Backend::eigen ? packed(kernels, masks) : nullptr,
                                           .kernels = kernels,
                                           .executor = call.executor};
        if (backend == Backend::cudnn)
            detail::run_on_device(device_, cell_, task, signature(), tape);
        else if (tape != nullptr)
            detail::record_on_backend<ResetAfter>(cell_.function(), task, workspace_, signature(), *tape);
        else
            detail::run_on_backend<ResetAfter>(cell_.function(), task, workspace_);
        // Only now, so that a call that fails leaves the layer as it was.
        last_backend_ = backend;
        drawn_.next_call(task.dropout);
        if (options().stateful) carried_.set_batch(plan.batch());
        if (!options().activity_regularizer.is_none())
            activity_loss_ = detail::activity_loss(options(), output, plan.batch());
    }

    /// A call of one step that is nothing else.
    void run_single_step(const detail::SingleStep<S>& call) {
        make_room(call.inputs.shape().batch, 1, false);
        detail::run_single_step<ResetAfter>(call, *packed(call.kernels, nullptr),
                                            options().stateful ? &carried_ : nullptr, workspace_);
        last_backend_ = Backend::eigen;
    }

    /// A backward pass; with `uses_up` the tape is not needed any more.
    void step_back(detail::BackwardCall<S> call, bool uses_up) {
        const Tape<S>& tape = call.tape;
        detail::check_backward<S>("Gru::backward", tape, signature(), call.d_output);
        detail::resize(call.into, tape.shape(), cell_.parameters());
        if (tape.on_device() != nullptr) {
            device_.step_back(cell_, call, uses_up);
        } else {
            call.packed = tape.has_gates() ? nullptr : packed(tape.kernels(), tape.dropout());
            detail::run_backward_on_backend<ResetAfter, S>(cell_.function(), call, workspace_, backward_workspace_);
        }
        cell_.add_regularizer_gradients(call.into.parameters);
    }

    void make_room(Index batch, Index time, bool has_values) {
        workspace_.prepare({batch, time, features(), units()}, has_values);
        if (options().stateful) carried_.prepare(batch);
    }

    /// The weights for the kernels; null where they do not run the call.
    [[nodiscard]] const detail::PackedWeights<S>* packed(Kernels kernels, const DropoutMasks<S>* masks) {
        if (!detail::is_for_kernels(kernels, masks)) return nullptr;
        return &packed_.template of<ResetAfter>(cell_, detail::kernel_lanes<S>(kernels));
    }

    Cell cell_;
    detail::PackedCopy<S> packed_;
    detail::Workspace<S> workspace_;
    detail::BackwardWorkspace<S> backward_workspace_;
    detail::DeviceBackend<S> device_;
    Backend last_backend_ = Backend::eigen;
    detail::CarriedState<S> carried_;
    detail::DropoutSource<S> drawn_;
    S activity_loss_ = 0;
};

}  // namespace eigengru::inline EIGENGRU_ABI
