// SPDX-License-Identifier: MIT
// The cuDNN backend of a layer: what layer/backend.hpp holds and asks. The sibling of EigenBackend and EigenBackward.
#pragma once

#include "eigengru/core/graph_tracing.hpp"
#include "eigengru/cuda/cudnn_backward.hpp"
#include "eigengru/cuda/presence.hpp"
#include "eigengru/sequence/cudnn_request.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Everything that passes need, on one device: made when the first call takes cuDNN.
template <RealScalar S>
class CudnnExecutor {
public:
    /// Throws: BackendError.
    explicit CudnnExecutor(const CudaFunctions& functions) : context_(functions) {}

    [[nodiscard]] const CudnnContext& context() const { return context_; }
    [[nodiscard]] const DeviceWeights<S>& weights() const { return weights_; }

    /// Plans and memory for a call. Returns why cuDNN does not support it, or nothing. Throws: BackendError.
    [[nodiscard]] std::string prepare(const CudnnRequest& request) {
        plans_.clear();
        for (Index left = request.inputs.time; left > 0;) {
            const PlanKey key = key_of(request, std::min(left, steps_at_once(request.inputs.time)));
            RnnPlan::Result result = context_.plan(key);
            if (result.plan == nullptr) return std::move(result.refusal);
            buffers_.prepare_forward(context_.functions(), *result.plan);
            plans_.push_back(std::move(result.plan));
            left -= key.time;
        }
        return {};
    }

    /// What an earlier prepare() found out; nothing when there was none.
    [[nodiscard]] std::string known_refusal(const CudnnRequest& request) const {
        if (!context_.refusal().empty()) return context_.refusal();
        const RnnPlan::Result* known =
            context_.plans().find(key_of(request, std::min(request.inputs.time, steps_at_once(request.inputs.time))));
        return known == nullptr ? std::string() : known->refusal;
    }

    /// The call that was prepared. Throws: BackendError.
    void run(const SequenceCall<S>& call, const WeightSource<S>& weights) {
        const CudnnParts<S> parts{context_, buffers_, weights_};
        CudnnForward<S>(parts, call, weights.function.units()).run(plans_, weights);
    }

    /// The same, recorded. The tape is empty when it fails. Throws: BackendError.
    void record(const SequenceCall<S>& call, const WeightSource<S>& weights, const LayerSignature& signature,
                Tape<S>& tape) {
        const CudnnParts<S> parts{context_, buffers_, weights_};
        auto record = std::static_pointer_cast<CudnnRecord<S>>(tape.on_device());
        tape.clear();
        const bool is_shared = record != nullptr && record.use_count() > 2;
        if (record == nullptr || is_shared || record->device != context_.device())
            record = std::make_shared<CudnnRecord<S>>();
        record->prepare(context_, plans_.front());
        tape.start_on_device(signature, call.inputs.shape(), record);
        tape.record_mask(call.plan.has_mask(), [&](Index b, Index step) { return call.plan.is_used(b, step); });
        tape.record_dropout(nullptr);
        CudnnForward<S>(parts, call, weights.function.units()).record(*record, weights);
        tape.finish();
    }

    /// A backward pass; with `uses_up` the tape is not needed any more. Throws: BackendError.
    void step_back(const BackwardCall<S>& call, const WeightSource<S>& weights, bool uses_up) {
        const CudnnParts<S> parts{context_, buffers_, weights_};
        const std::shared_ptr<DeviceRecord>& shared = call.tape.on_device();
        auto& record = static_cast<CudnnRecord<S>&>(*shared);
        if (record.is_spent) EIGENGRU_THROW(BackendError, "Gru::backward: a pass that failed has used up this tape");
        if (record.device != context_.device())
            EIGENGRU_THROW(BackendError, "Gru::backward: expected the device of the tape, ", record.device,
                           ", received ", context_.device());
        context_.reserve_workspace(*record.plan);
        CudnnBackward<S>(parts, call, record).run(weights, uses_up && shared.use_count() == 1);
    }

private:
    /// Equal parts, so that they share a plan.
    [[nodiscard]] static Index steps_at_once(Index time) {
        const Index parts = (time + kMostCudnnSteps - 1) / kMostCudnnSteps;
        return (time + parts - 1) / parts;
    }

    [[nodiscard]] static PlanKey key_of(const CudnnRequest& request, Index steps) {
        return {.batch = request.inputs.batch,
                .time = steps,
                .features = request.inputs.features,
                .units = request.units,
                .is_double = std::same_as<S, double>,
                .is_training = request.is_recorded,
                .allow_tf32 = request.options.allow_tf32,
                .algorithm = request.options.algorithm};
    }

    CudnnContext context_;
    CudnnBuffers buffers_;
    DeviceWeights<S> weights_;
    std::vector<std::shared_ptr<const RnnPlan>> plans_;  ///< of the call that was prepared
};

/// The executor of a layer, made when it is needed, and anew when the device has changed. A copy of a layer begins
/// without one.
template <RealScalar S>
class CudnnDevice {
public:
    CudnnDevice() = default;
    CudnnDevice(const CudnnDevice&) {}
    CudnnDevice(CudnnDevice&&) noexcept = default;
    CudnnDevice& operator=(const CudnnDevice&) {
        executor_.reset();  // its weights are those of another layer now
        return *this;
    }
    CudnnDevice& operator=(CudnnDevice&&) noexcept = default;
    ~CudnnDevice() = default;

    /// The conditions beside the rules, in words. Runs nothing.
    [[nodiscard]] std::vector<BackendRule> conditions(const CudnnRequest& request) const {
        const CudaFunctions& f = cuda_functions();
        std::vector<BackendRule> all{device_condition(f), cudnn_condition(f)};
        const std::string refusal = executor_ == nullptr ? std::string() : executor_->known_refusal(request);
        if (!refusal.empty()) all.push_back({"plan", false, text("cuDNN does not support it: ", refusal)});
        return all;
    }

    /// Whether there is anything to run on.
    [[nodiscard]] bool is_usable() const {
        const CudaFunctions& f = cuda_functions();
        return is_device_there(f) && cudnn_major(f) == CUDNN_MAJOR;
    }

    /// Whether something is being recorded into a graph that calls with a stream of their own would disturb.
    [[nodiscard]] bool is_capturing() const {
        const CudaFunctions& f = cuda_functions();
        return is_device_there(f) && detail::is_capturing(f, nullptr);
    }

    /// Makes ready for a call. Returns why cuDNN does not support it, or nothing. Throws: BackendError.
    [[nodiscard]] std::string prepare(const CudnnRequest& request) { return executor().prepare(request); }

    /// The call that was prepared, with the weights of a cell. Throws: BackendError.
    template <class Cell>
    void run(const Cell& cell, const SequenceCall<S>& call) {
        executor().run(call, source_of(cell));
    }

    /// The same, recorded. Throws: BackendError.
    template <class Cell>
    void record(const Cell& cell, const SequenceCall<S>& call, const LayerSignature& signature, Tape<S>& tape) {
        executor().record(call, source_of(cell), signature, tape);
    }

    /// A backward pass; with `uses_up` the tape is not needed any more. Throws: BackendError.
    template <class Cell>
    void step_back(const Cell& cell, const BackwardCall<S>& call, bool uses_up) {
        if (is_tracing() || is_capturing())
            EIGENGRU_THROW(BackendError,
                           "Gru::backward: the pass ran on cuDNN, and its gradients expected to run at once, "
                           "but the work is being recorded into a graph");
        executor().step_back(call, source_of(cell), uses_up);
    }

    /// Throws: BackendError.
    [[nodiscard]] CudnnExecutor<S>& executor() {
        const CudaFunctions& f = cuda_functions();
        if (executor_ != nullptr && !executor_->context().is_for(f)) executor_.reset();
        if (executor_ == nullptr) executor_ = std::make_unique<CudnnExecutor<S>>(f);
        return *executor_;
    }

private:
    template <class Cell>
    [[nodiscard]] static WeightSource<S> source_of(const Cell& cell) {
        return {cell.function(), cell.version(), cell.is_changing()};
    }

    std::unique_ptr<CudnnExecutor<S>> executor_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
