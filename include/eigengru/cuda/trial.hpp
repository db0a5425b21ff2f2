// SPDX-License-Identifier: MIT
// Trial: runs a plan on zeros before anybody needs its results: cuDNN may find out only then that it does not support
// it, and the time it takes chooses between the algorithms.
#pragma once

#include "eigengru/cuda/rnn_calls.hpp"

#include <limits>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Runs plans in a stream. Owns the memory that they need besides the workspace.
class Trial {
public:
    Trial(const RnnPlan::Place& place, cudaStream_t stream) : place_(place), stream_(stream) {}

    /// Runs it once: forward, and backward too for training. Returns what is not supported, or nothing.
    /// Throws: BackendError for any other failure.
    [[nodiscard]] std::string run(const RnnPlan& plan) {
        StreamScope scope(place_.functions, stream_);
        const RnnMemory memory = prepare(plan);
        std::string refusal = pass(plan, memory);
        scope.wait();
        return refusal;
    }

    /// The time of a few passes of a plan that has just been run, in milliseconds. Throws: BackendError.
    [[nodiscard]] float time(const RnnPlan& plan) {
        constexpr int kPasses = 3;
        const CudaFunctions& f = place_.functions;
        const CudaEvent start = make_event(f, cudaEventDefault), stop = make_event(f, cudaEventDefault);
        StreamScope scope(f, stream_);
        const RnnMemory memory = prepare(plan);
        check_status(f, "cudaEventRecord", f.cudaEventRecord(start.get(), stream_));
        for (int i = 0; i < kPasses; ++i) {
            if (pass(plan, memory).empty()) continue;
            scope.wait();
            return std::numeric_limits<float>::infinity();
        }
        check_status(f, "cudaEventRecord", f.cudaEventRecord(stop.get(), stream_));
        check_status(f, "cudaEventSynchronize", f.cudaEventSynchronize(stop.get()));
        float milliseconds = 0;
        check_status(f, "cudaEventElapsedTime", f.cudaEventElapsedTime(&milliseconds, start.get(), stop.get()));
        scope.wait();
        return milliseconds;
    }

private:
    /// Room for all that a pass touches, in one block of zeros.
    [[nodiscard]] RnnMemory prepare(const RnnPlan& plan) {
        const PlanKey& key = plan.key();
        const std::size_t scalar = key.is_double ? sizeof(double) : sizeof(float);
        const auto sequence = [&](Index width) {
            return static_cast<std::size_t>(key.batch * key.time * width) * scalar;
        };
        const std::size_t state = static_cast<std::size_t>(key.batch * key.units) * scalar;
        const std::size_t inputs = sequence(key.features), outputs = sequence(key.units);
        const std::size_t weights = plan.weights().bytes;
        RnnMemory m;
        for (const bool is_counting : {true, false}) {
            bytes_ = 0;
            begin_ = is_counting ? nullptr : memory_.as<char>();
            m = {.inputs = take(inputs),
                 .outputs = take(outputs),
                 .initial_state = take(state),
                 .final_state = take(state),
                 .weights = take(weights),
                 .workspace = place_.scratch.data()};
            if (key.is_training) {
                m.reserve = take(plan.reserve_bytes());
                m.d_outputs = take(outputs);
                m.d_inputs = take(inputs);
                m.d_initial_state = take(state);
                m.d_weights = take(weights);
            }
            if (!is_counting) continue;
            memory_.reserve(place_.functions, bytes_);
            place_.scratch.reserve(place_.functions, plan.workspace_bytes());
        }
        clear_async(place_.functions, stream_, memory_.data(), bytes_);
        return m;
    }

    [[nodiscard]] void* take(std::size_t bytes) {
        constexpr std::size_t kAlignment = 256;
        void* part = begin_ == nullptr ? nullptr : begin_ + bytes_;
        bytes_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
        return part;
    }

    [[nodiscard]] std::string pass(const RnnPlan& plan, const RnnMemory& memory) const {
        const CudaFunctions& f = place_.functions;
        std::string refusal = rnn_forward(f, place_.handle, plan, memory);
        if (!refusal.empty() || !plan.key().is_training) return refusal;
        refusal = rnn_backward_data(f, place_.handle, plan, memory);
        if (!refusal.empty()) return refusal;
        return rnn_backward_weights(f, place_.handle, plan, memory);
    }

    RnnPlan::Place place_;
    cudaStream_t stream_;
    DeviceMemory memory_;
    char* begin_ = nullptr;
    std::size_t bytes_ = 0;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
