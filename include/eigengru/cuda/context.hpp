// SPDX-License-Identifier: MIT
// CudnnContext: what all passes of one user on one device share: stream, handle, workspace and plans.
#pragma once

#include "eigengru/cuda/plan_cache.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// The device that calls go to at present. Throws: BackendError.
[[nodiscard]] inline int current_device(const CudaFunctions& f) {
    int device = 0;
    check_status(f, "cudaGetDevice", f.cudaGetDevice(&device));
    return device;
}

/// Whether a stream is being recorded into a graph. An error counts as that: the legacy stream gives one while another
/// stream is being captured.
[[nodiscard]] inline bool is_capturing(const CudaFunctions& f, cudaStream_t stream) {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    if (f.cudaStreamIsCapturing(stream, &status) == cudaSuccess) return status != cudaStreamCaptureStatusNone;
    static_cast<void>(f.cudaGetLastError());
    return true;
}

/// Made for the device that is current then. Used by one thread at a time, as a handle of cuDNN must be.
class CudnnContext {
public:
    /// With a stream of its own. Throws: BackendError.
    explicit CudnnContext(const CudaFunctions& functions)
        : functions_(functions),
          device_(current_device(functions)),
          own_stream_(make_stream(functions)),
          stream_(own_stream_.get()),
          handle_(make_cudnn_handle(functions, stream_, refusal_)) {}

    /// In the caller's stream. Throws: BackendError.
    CudnnContext(const CudaFunctions& functions, cudaStream_t stream)
        : functions_(functions),
          device_(current_device(functions)),
          stream_(stream),
          handle_(make_cudnn_handle(functions, stream_, refusal_)) {}

    /// Whether it serves calls to the present device.
    [[nodiscard]] bool is_for(const CudaFunctions& functions) const {
        return &functions == &functions_ && current_device(functions) == device_;
    }

    [[nodiscard]] const CudaFunctions& functions() const { return functions_; }
    [[nodiscard]] int device() const { return device_; }
    [[nodiscard]] cudaStream_t stream() const { return stream_; }
    [[nodiscard]] cudnnHandle_t handle() const { return handle_.get(); }

    /// Scratch memory of cuDNN, for every plan.
    [[nodiscard]] void* workspace() const { return workspace_.data(); }

    [[nodiscard]] const PlanCache& plans() const { return plans_; }

    /// Why there cannot be any plan; nothing when there can.
    [[nodiscard]] const std::string& refusal() const { return refusal_; }

    /// The plan for a key, with workspace for it; or in words why there is none. Throws: BackendError.
    [[nodiscard]] RnnPlan::Result plan(const PlanKey& key) {
        if (!refusal_.empty()) return {nullptr, refusal_};
        RnnPlan::Result result = plans_.of({functions_, handle_.get(), workspace_}, stream_, key);
        if (result.plan != nullptr) reserve_workspace(*result.plan);
        return result;
    }

    /// Throws: BackendError.
    void reserve_workspace(const RnnPlan& plan) { workspace_.reserve(functions_, plan.workspace_bytes()); }

private:
    const CudaFunctions& functions_;
    int device_;
    CudaStream own_stream_;
    cudaStream_t stream_;
    std::string refusal_;
    CudnnHandle handle_;
    DeviceMemory workspace_;
    PlanCache plans_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
