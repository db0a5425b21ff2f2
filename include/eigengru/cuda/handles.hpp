// SPDX-License-Identifier: MIT
// Owners of what CUDA and cuDNN hand out: streams, events, handles, descriptors. Each gives back to the function table
// that made it, and never throws when it does.
#pragma once

#include "eigengru/cuda/status.hpp"

#include <utility>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Whether the runtime has gone before what is destroyed now, as it has at the end of a process for a static layer: cuDNN
/// must not be called any more.
[[nodiscard]] inline bool is_runtime_gone(const CudaFunctions& f) {
    int count = 0;
    const cudaError_t status = f.cudaGetDeviceCount(&count);
    if (status != cudaSuccess) static_cast<void>(f.cudaGetLastError());
    return status == cudaErrorCudartUnloading;
}

/// Owns one handle, or none. Move-only.
template <class Handle, auto Destroy>
class CudaOwner {
public:
    CudaOwner() = default;
    CudaOwner(const CudaFunctions& functions, Handle handle) : functions_(&functions), handle_(handle) {}
    CudaOwner(CudaOwner&& other) noexcept
        : functions_(other.functions_), handle_(std::exchange(other.handle_, nullptr)) {}
    CudaOwner& operator=(CudaOwner&& other) noexcept {
        std::swap(functions_, other.functions_);
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~CudaOwner() {
        if (handle_ != nullptr && !is_runtime_gone(*functions_)) static_cast<void>((functions_->*Destroy)(handle_));
    }

    [[nodiscard]] Handle get() const { return handle_; }

private:
    const CudaFunctions* functions_ = nullptr;
    Handle handle_ = nullptr;
};

using CudaStream = CudaOwner<cudaStream_t, &CudaFunctions::cudaStreamDestroy>;
using CudaEvent = CudaOwner<cudaEvent_t, &CudaFunctions::cudaEventDestroy>;
using CudnnHandle = CudaOwner<cudnnHandle_t, &CudaFunctions::cudnnDestroy>;
using DropoutDescriptor = CudaOwner<cudnnDropoutDescriptor_t, &CudaFunctions::cudnnDestroyDropoutDescriptor>;
using RnnDescriptor = CudaOwner<cudnnRNNDescriptor_t, &CudaFunctions::cudnnDestroyRNNDescriptor>;
using RnnDataDescriptor = CudaOwner<cudnnRNNDataDescriptor_t, &CudaFunctions::cudnnDestroyRNNDataDescriptor>;
using TensorDescriptor = CudaOwner<cudnnTensorDescriptor_t, &CudaFunctions::cudnnDestroyTensorDescriptor>;

// Throws: BackendError, all of them.

/// A stream of its own, which does not wait for the legacy stream.
[[nodiscard]] inline CudaStream make_stream(const CudaFunctions& f) {
    cudaStream_t stream = nullptr;
    check_status(f, "cudaStreamCreateWithFlags", f.cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    return {f, stream};
}

[[nodiscard]] inline CudaEvent make_event(const CudaFunctions& f, unsigned flags) {
    cudaEvent_t event = nullptr;
    check_status(f, "cudaEventCreateWithFlags", f.cudaEventCreateWithFlags(&event, flags));
    return {f, event};
}

/// A handle that works in a stream. Where cuDNN does not support this driver or device, none, and `refusal` says so.
[[nodiscard]] inline CudnnHandle make_cudnn_handle(const CudaFunctions& f, cudaStream_t stream, std::string& refusal) {
    cudnnHandle_t handle = nullptr;
    refusal = refusal_of(f, "cudnnCreate", f.cudnnCreate(&handle));
    if (!refusal.empty()) return {};
    CudnnHandle owner(f, handle);
    check_status(f, "cudnnSetStream", f.cudnnSetStream(handle, stream));
    return owner;
}

/// For no dropout at all: cheap, and it needs no memory.
[[nodiscard]] inline DropoutDescriptor make_no_dropout(const CudaFunctions& f, cudnnHandle_t handle) {
    cudnnDropoutDescriptor_t descriptor = nullptr;
    check_status(f, "cudnnCreateDropoutDescriptor", f.cudnnCreateDropoutDescriptor(&descriptor));
    DropoutDescriptor owner(f, descriptor);
    check_status(f, "cudnnSetDropoutDescriptor", f.cudnnSetDropoutDescriptor(descriptor, handle, 0.0F, nullptr, 0, 0));
    return owner;
}

[[nodiscard]] inline RnnDescriptor make_rnn_descriptor(const CudaFunctions& f) {
    cudnnRNNDescriptor_t descriptor = nullptr;
    check_status(f, "cudnnCreateRNNDescriptor", f.cudnnCreateRNNDescriptor(&descriptor));
    return {f, descriptor};
}

[[nodiscard]] inline RnnDataDescriptor make_rnn_data_descriptor(const CudaFunctions& f) {
    cudnnRNNDataDescriptor_t descriptor = nullptr;
    check_status(f, "cudnnCreateRNNDataDescriptor", f.cudnnCreateRNNDataDescriptor(&descriptor));
    return {f, descriptor};
}

[[nodiscard]] inline TensorDescriptor make_tensor_descriptor(const CudaFunctions& f) {
    cudnnTensorDescriptor_t descriptor = nullptr;
    check_status(f, "cudnnCreateTensorDescriptor", f.cudnnCreateTensorDescriptor(&descriptor));
    return {f, descriptor};
}

/// Waits for a stream when it goes, an exception on its way or not: nothing that was put into the stream still uses
/// memory of the caller then. wait() does the same and reports what went wrong.
class StreamScope {
public:
    StreamScope(const CudaFunctions& functions, cudaStream_t stream) : functions_(functions), stream_(stream) {}
    StreamScope(const StreamScope&) = delete;
    StreamScope& operator=(const StreamScope&) = delete;
    ~StreamScope() {
        if (has_waited_ || functions_.cudaStreamSynchronize(stream_) == cudaSuccess) return;
        static_cast<void>(functions_.cudaGetLastError());  // an exception tells of the failure already
    }

    /// Throws: BackendError when anything in the stream has failed.
    void wait() {
        has_waited_ = true;
        check_status(functions_, "cudaStreamSynchronize", functions_.cudaStreamSynchronize(stream_));
    }
    /// More work follows.
    void reopen() { has_waited_ = false; }

private:
    const CudaFunctions& functions_;
    cudaStream_t stream_;
    bool has_waited_ = false;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
