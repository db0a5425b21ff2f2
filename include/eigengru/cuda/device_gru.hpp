// SPDX-License-Identifier: MIT
// DeviceGru: the layer for data that is on the device already, in the caller's stream. Included by name; a layer's own
// calls take data of the host.
#pragma once

#include "eigengru/cell/gru_cell.hpp"
#include "eigengru/core/graph_tracing.hpp"
#include "eigengru/cuda/device_weights.hpp"
#include "eigengru/cuda/presence.hpp"
#include "eigengru/cuda/row_move.hpp"
#include "eigengru/sequence/cudnn_request.hpp"

namespace eigengru::inline EIGENGRU_ABI {

/// Memory of the device, or absent.
template <class T>
struct DeviceSpan {
    T* data = nullptr;
    Index size = 0;

    [[nodiscard]] bool is_present() const { return data != nullptr; }
};

/// One call. Everything is without gaps, (batch, time, features) and so on, and must stay until the stream has done it.
template <RealScalar S>
struct DeviceCall {
    Shape3 shape = {};                          ///< of the inputs
    DeviceSpan<const S> inputs = {};            ///< (batch, time, features)
    DeviceSpan<const unsigned char> mask = {};  ///< (batch, time), not 0 = use
    DeviceSpan<const S> initial_state = {};     ///< (batch, units); zeros when absent
    DeviceSpan<S> sequences = {};               ///< (batch, time, units) in processing order
    DeviceSpan<S> last = {};                    ///< (batch, units)
    DeviceSpan<S> state = {};                   ///< (batch, units); may be initial_state, to carry it on
};

/// Inference on the device with the weights of a cell: all that is wanted is put into a stream, and nothing waits for
/// it. It allocates nothing after prepare() for the sizes.
///
///     DeviceGru<float> device(stream);
///     device.prepare(layer.cell(), {32, 100, 8}, false);
///     device.call(layer.cell(), {.shape = {32, 100, 8}, .inputs = x, .state = h});
///
/// A mask and go_backwards need the two kernels of eigengru::cudnn_device. Nobody on the host can look at a mask, so
/// Keras's rule for it counts as failed: CudnnOptions::any_mask must allow it. `stateful` has no meaning here.
/// Used by one thread at a time; it must live until the stream has done its calls. No gradients: those are for data of
/// the host.
template <RealScalar S>
class DeviceGru {
public:
    using Cell = GruCell<S, true>;

    /// Throws: BackendError when there is no device or it fails.
    explicit DeviceGru(cudaStream_t stream, const CudnnOptions& options = {})
        : functions_(checked_functions()),
          options_(options),
          context_(functions_, stream),
          sent_(detail::make_event(functions_, cudaEventDisableTiming)) {}

    /// Plans calls of that shape and makes room for them. It may wait for the device.
    /// Throws: ShapeError; BackendError with every reason when cuDNN cannot run them.
    void prepare(const Cell& cell, const Shape3& shape, bool has_mask) {
        check_shape("DeviceGru::prepare", cell, shape);
        require(cell, shape, has_mask);
        if (shape.batch > 0) plan(cell, shape, has_mask);
        accepted_ = {cell.version(), shape, has_mask};
    }

    /// Puts a call into the stream. Sizes that were not prepared are prepared first. Where the parameters have changed
    /// they are sent again; that waits until what was sent before has arrived, if it has not yet.
    /// Throws: as prepare(), and nothing is in the stream then; BackendError when the device fails.
    void call(const Cell& cell, const DeviceCall<S>& call) {
        check_call(cell, call);
        const Accepted wanted{cell.version(), call.shape, call.mask.is_present()};
        if (!(wanted == accepted_) || !is_eager()) require(cell, call.shape, call.mask.is_present());
        if (call.shape.batch == 0) return;
        if (!context_.is_for(functions_))
            EIGENGRU_THROW(BackendError, "DeviceGru::call: expected device ", context_.device(), ", received another");
        const detail::RnnPlan& plan = this->plan(cell, call.shape, call.mask.is_present());
        send_weights(cell, plan);
        if (needs_kernels(cell, call.mask.is_present()))
            run_moved(cell, call, plan);
        else
            run_in_place(cell, call, plan);
        accepted_ = wanted;
    }

private:
    /// What the rules were asked about last and found good, so that a call like it need not ask again.
    struct Accepted {
        std::uint64_t version = 0;
        Shape3 shape = {};
        bool has_mask = false;

        friend bool operator==(const Accepted&, const Accepted&) = default;
    };

    [[nodiscard]] bool is_eager() const {
        return !detail::is_tracing() && !detail::is_capturing(functions_, context_.stream());
    }

    [[nodiscard]] static const detail::CudaFunctions& checked_functions() {
        const detail::CudaFunctions& f = detail::cuda_functions();
        const BackendRule device = detail::device_condition(f);
        if (!device.passed) EIGENGRU_THROW(BackendError, "DeviceGru: device: ", device.reason);
        return f;
    }

    [[nodiscard]] static bool needs_kernels(const Cell& cell, bool has_mask) {
        return has_mask || cell.options().go_backwards;
    }

    static void check_shape(std::string_view where, const Cell& cell, const Shape3& shape) {
        if (shape.features != cell.features() || shape.time < 1 || shape.batch < 0)
            EIGENGRU_THROW(ShapeError, where, ": shape expected (batch, time, ", cell.features(),
                           ") with at least 1 time step, received ", shape);
        detail::checked_size(where, {shape.batch, shape.time, cell.features() + cell.units()});
    }

    template <class T>
    static void check_span(std::string_view what, const DeviceSpan<T>& span, Index size, bool is_needed) {
        if (span.is_present() ? span.size == size : !is_needed) return;
        EIGENGRU_THROW(ShapeError, "DeviceGru::call: ", what, " expected ", size, " elements, received ",
                       span.is_present() ? span.size : Index(0));
    }

    static void check_call(const Cell& cell, const DeviceCall<S>& call) {
        check_shape("DeviceGru::call", cell, call.shape);
        const Index steps = call.shape.batch * call.shape.time, state = call.shape.batch * cell.units();
        check_span("inputs", call.inputs, steps * cell.features(), call.shape.batch > 0);
        check_span("mask", call.mask, steps, false);
        check_span("initial_state", call.initial_state, state, false);
        check_span("sequences", call.sequences, steps * cell.units(), false);
        check_span("last", call.last, state, false);
        check_span("state", call.state, state, false);
    }

    [[nodiscard]] detail::CudnnRequest request(const Cell& cell, const Shape3& shape) const {
        return {shape, cell.units(), false, options_};
    }

    /// Throws: BackendError with every rule and condition unless all hold.
    void require(const Cell& cell, const Shape3& shape, bool has_mask) const {
        BackendQuery query{.options = cell.options(),
                           .mask = has_mask ? MaskKind::general : MaskKind::none,
                           .runs_eagerly = is_eager(),
                           .allows_any_mask = options_.any_mask};
        query.conditions = {detail::device_condition(functions_), detail::cudnn_condition(functions_),
                            detail::size_condition(request(cell, shape))};
        if (shape.time > detail::kMostCudnnSteps)
            query.conditions.push_back({"sizes", false,
                                        detail::text("time must be at most ", detail::kMostCudnnSteps,
                                                     " for data on the device, is ", shape.time)});
        if (needs_kernels(cell, has_mask))
            query.conditions.push_back({"kernels", functions_.gather_rows != nullptr,
                                        "a mask and go_backwards need the component eigengru::cudnn_device"});
        const BackendVerdict verdict = choose_backend(query);
        if (verdict.backend != Backend::cudnn)
            EIGENGRU_THROW(BackendError, "DeviceGru: this call cannot run on cuDNN",
                           verdict.text().substr(verdict.text().find('\n')));
    }

    const detail::RnnPlan& plan(const Cell& cell, const Shape3& shape, bool has_mask) {
        const Index units = cell.units();
        detail::RnnPlan::Result result = context_.plan({.batch = shape.batch,
                                                        .time = shape.time,
                                                        .features = shape.features,
                                                        .units = units,
                                                        .is_double = std::same_as<S, double>,
                                                        .allow_tf32 = options_.allow_tf32,
                                                        .algorithm = options_.algorithm,
                                                        .layout = CUDNN_RNN_DATA_LAYOUT_BATCH_MAJOR_UNPACKED});
        if (result.plan == nullptr)
            EIGENGRU_THROW(BackendError, "DeviceGru: plan: cuDNN does not support it: ", result.refusal);
        const Index steps = shape.batch * shape.time;
        if (needs_kernels(cell, has_mask)) inputs_.reserve(functions_, detail::bytes_of<S>(steps * shape.features));
        outputs_.reserve(functions_, detail::bytes_of<S>(steps * units));
        weights_.reserve(functions_, result.plan->weights());
        plan_ = std::move(result.plan);
        return *plan_;
    }

    void send_weights(const Cell& cell, const detail::RnnPlan& plan) {
        const detail::WeightSource<S> source{cell.function(), cell.version(), cell.is_changing()};
        if (weights_.is_fresh(plan.weights(), source)) return;
        detail::check_status(functions_, "cudaEventSynchronize", functions_.cudaEventSynchronize(sent_.get()));
        weights_.refresh(context_, plan.weights(), source);
        detail::check_status(functions_, "cudaEventRecord", functions_.cudaEventRecord(sent_.get(), context_.stream()));
        weights_.confirm();
    }

    void forward(const detail::RnnPlan& plan, const S* inputs, S* outputs, const S* initial_state, S* final_state) {
        const std::string refusal = detail::rnn_forward(functions_, context_.handle(), plan,
                                                        {.inputs = inputs,
                                                         .outputs = outputs,
                                                         .initial_state = initial_state,
                                                         .final_state = final_state,
                                                         .weights = weights_.data(),
                                                         .workspace = context_.workspace()});
        if (!refusal.empty()) EIGENGRU_THROW(BackendError, "DeviceGru: ", refusal);
    }

    /// Without mask and direction cuDNN reads and writes the caller's memory; the last output is the final state.
    void run_in_place(const Cell& cell, const DeviceCall<S>& call, const detail::RnnPlan& plan) {
        S* outputs = call.sequences.is_present() ? call.sequences.data : outputs_.template as<S>();
        S* state = call.state.is_present() ? call.state.data : call.last.data;
        // cuDNN may not write over the state that it starts from.
        const bool is_carried = state != nullptr && state == call.initial_state.data;
        forward(plan, call.inputs.data, outputs, call.initial_state.data, is_carried ? nullptr : state);
        if (is_carried) copy_last_output(cell, call.shape, outputs, state);
        if (call.state.is_present() && call.last.is_present())
            detail::copy_async<S>(functions_, context_.stream(), call.last.data, call.state.data,
                                  call.shape.batch * cell.units(), cudaMemcpyDeviceToDevice);
    }

    void copy_last_output(const Cell& cell, const Shape3& shape, const S* outputs, S* state) {
        const std::size_t row = detail::bytes_of<S>(cell.units());
        const cudaError_t copied = functions_.cudaMemcpy2DAsync(
            state, row, outputs + (shape.time - 1) * cell.units(), row * static_cast<std::size_t>(shape.time), row,
            static_cast<std::size_t>(shape.batch), cudaMemcpyDeviceToDevice, context_.stream());
        detail::check_status(functions_, "cudaMemcpy2DAsync", copied);
    }

    /// Used steps to the front of each row, and the results back.
    void run_moved(const Cell& cell, const DeviceCall<S>& call, const detail::RnnPlan& plan) {
        const auto words = [](const S* at) { return reinterpret_cast<const std::uint32_t*>(at); };
        const auto writable = [](S* at) { return reinterpret_cast<std::uint32_t*>(at); };
        detail::RowMove move{.mask = call.mask.data,
                             .batch = call.shape.batch,
                             .time = call.shape.time,
                             .row_bytes = cell.features() * Index(sizeof(S)),
                             .go_backwards = cell.options().go_backwards,
                             .zero_output_for_mask = cell.options().zero_output_for_mask,
                             .from = words(call.inputs.data),
                             .to = writable(inputs_.template as<S>())};
        detail::check_status(functions_, "gather_rows", functions_.gather_rows(move, context_.stream()));
        forward(plan, inputs_.template as<const S>(), outputs_.template as<S>(), call.initial_state.data, nullptr);
        move.row_bytes = cell.units() * Index(sizeof(S));
        move.from = words(outputs_.template as<const S>());
        move.to = writable(call.sequences.data);
        move.initial = words(call.initial_state.data);
        move.last = writable(call.last.data);
        move.state = writable(call.state.data);
        detail::check_status(functions_, "scatter_rows", functions_.scatter_rows(move, context_.stream()));
    }

    const detail::CudaFunctions& functions_;
    CudnnOptions options_;
    detail::CudnnContext context_;
    detail::DeviceWeights<S> weights_;
    detail::DeviceMemory inputs_;   ///< gathered
    detail::DeviceMemory outputs_;  ///< where the caller wants none, or not scattered yet
    detail::CudaEvent sent_;        ///< after the weights
    std::shared_ptr<const detail::RnnPlan> plan_;
    Accepted accepted_;
};

}  // namespace eigengru::inline EIGENGRU_ABI
