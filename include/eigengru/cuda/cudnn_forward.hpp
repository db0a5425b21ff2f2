// SPDX-License-Identifier: MIT
// The forward pass of the cuDNN backend for data of the host: gather into pinned memory, run, scatter from it. What
// EigenBackend is to the CPU.
#pragma once

#include "eigengru/cuda/buffers.hpp"
#include "eigengru/cuda/compaction.hpp"
#include "eigengru/cuda/device_weights.hpp"
#include "eigengru/sequence/sequence_call.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// What a pass works with: the parts of an executor.
template <RealScalar S>
struct CudnnParts {
    CudnnContext& context;
    CudnnBuffers& buffers;
    DeviceWeights<S>& weights;

    /// Throws: BackendError when cuDNN suddenly does not support what its trial did.
    void check(const std::string& refusal) const {
        if (!refusal.empty()) EIGENGRU_THROW(BackendError, "cuDNN backend: ", refusal);
    }
    template <class T>
    void copy(T* to, const T* from, Index count, cudaMemcpyKind kind) const {
        copy_async(context.functions(), context.stream(), to, from, count, kind);
    }
};

/// Runs one call. Sequences longer than cuDNN takes at once go in parts of equal length, the state carried along.
template <RealScalar S>
class CudnnForward {
public:
    CudnnForward(const CudnnParts<S>& parts, const SequenceCall<S>& call, Index units)
        : parts_(parts),
          buffers_(parts.buffers),
          call_(call),
          batch_(call.plan.batch()),
          features_(call.inputs.shape().features),
          units_(units) {}

    /// For inference: a plan for each part, in order. Throws: BackendError; a state carried from call to call is as it
    /// was.
    void run(const std::vector<std::shared_ptr<const RnnPlan>>& plans, const WeightSource<S>& weights) {
        const CudaFunctions& f = parts_.context.functions();
        StreamScope scope(f, parts_.context.stream());
        for (const auto& plan : plans) buffers_.prepare_forward(f, *plan);
        send_initial_state(buffers_.states[0]);
        RnnMemory memory{.inputs = buffers_.inputs.data(),
                         .outputs = buffers_.outputs.data(),
                         .initial_state = has_initial_state() ? buffers_.states[0].data() : nullptr,
                         .final_state = plans.size() > 1 ? buffers_.states[1].data() : nullptr,
                         .workspace = parts_.context.workspace()};
        for (const auto& plan : plans) {
            scope.reopen();
            parts_.weights.refresh(parts_.context, plan->weights(), weights);
            memory.weights = parts_.weights.data();
            places_ = {places_.end(), plan->key().time};
            send_inputs(buffers_.inputs);
            parts_.check(rnn_forward(f, parts_.context.handle(), *plan, memory));
            fetch_outputs(buffers_.outputs);
            scope.wait();
            parts_.weights.confirm();
            scatter();
            memory.initial_state = std::exchange(memory.final_state, buffers_.states[is_odd_ ? 1 : 0].data());
            is_odd_ = !is_odd_;
        }
        finish();
    }

    /// For training, into the record. Throws: BackendError.
    void record(CudnnRecord<S>& record, const WeightSource<S>& weights) {
        const CudaFunctions& f = parts_.context.functions();
        StreamScope scope(f, parts_.context.stream());
        buffers_.prepare_forward(f, *record.plan);
        parts_.weights.refresh(parts_.context, record.plan->weights(), weights);
        if (has_initial_state())
            send_initial_state(record.initial_state);
        else
            clear_async(f, parts_.context.stream(), record.initial_state.data(), bytes_of<S>(batch_ * units_));
        places_ = {0, record.plan->key().time};
        send_inputs(record.inputs);
        parts_.check(rnn_forward(f, parts_.context.handle(), *record.plan,
                                 {.inputs = record.inputs.data(),
                                  .outputs = record.outputs.data(),
                                  .initial_state = record.initial_state.data(),
                                  .weights = parts_.weights.data(),
                                  .workspace = parts_.context.workspace(),
                                  .reserve = record.reserve.data()}));
        fetch_outputs(record.outputs);
        scope.wait();
        parts_.weights.confirm();
        scatter();
        finish();
    }

private:
    [[nodiscard]] bool has_initial_state() const { return call_.initial_state.is_present(); }

    void send_initial_state(const DeviceMemory& to) {
        if (!has_initial_state()) return;
        S* staging = buffers_.host_state.template as<S>();
        block(staging, batch_, units_) = call_.initial_state.map();
        parts_.copy(to.as<S>(), std::as_const(staging), batch_ * units_, cudaMemcpyHostToDevice);
    }

    void send_inputs(const DeviceMemory& to) {
        S* staging = buffers_.host_inputs.template as<S>();
        gather_places(call_.inputs, call_.plan, places_, staging);
        parts_.copy(to.as<S>(), static_cast<const S*>(staging), places_.count * batch_ * features_,
                    cudaMemcpyHostToDevice);
    }

    /// Those that are wanted: without sequences and mask the last place alone.
    void fetch_outputs(const DeviceMemory& from) {
        const bool wants_all = call_.plan.has_mask() || call_.output.sequences.is_present();
        if (!wants_all && places_.end() < call_.plan.time()) return;
        const Index skipped = wants_all ? 0 : (places_.count - 1) * batch_ * units_;
        parts_.copy(buffers_.host_outputs.template as<S>() + skipped, from.as<const S>() + skipped,
                    places_.count * batch_ * units_ - skipped, cudaMemcpyDeviceToHost);
    }

    /// The final state goes to the staging memory, since where it belongs may be where the initial one still is wanted.
    void scatter() {
        scatter_places<S>({.plan = call_.plan,
                           .zero_output_for_mask = call_.zero_output_for_mask,
                           .initial_state = call_.initial_state,
                           .output = call_.output,
                           .final_state = buffers_.host_state.template as<S>()},
                          places_, buffers_.host_outputs.template as<const S>(), units_);
    }

    void finish() {
        if (call_.final_state != nullptr)
            std::copy_n(buffers_.host_state.template as<const S>(), batch_ * units_, call_.final_state);
    }

    const CudnnParts<S>& parts_;
    CudnnBuffers& buffers_;
    const SequenceCall<S>& call_;
    Index batch_;
    Index features_;
    Index units_;
    Places places_;
    bool is_odd_ = false;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
