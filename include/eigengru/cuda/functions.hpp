// SPDX-License-Identifier: MIT
// Every CUDA and cuDNN function that the library calls, in one table: the seam between the cuDNN backend and the two
// libraries. By default the table holds the functions that the program is linked with; a test puts its own in their
// place. No other header calls a CUDA or cuDNN function by its name.
#pragma once

#include "eigengru/core/config.hpp"

#include <atomic>
#include <cuda_runtime_api.h>
#include <cudnn.h>

static_assert(CUDNN_MAJOR >= 9, "eigengru::cudnn needs cuDNN 9 or later");

#if defined(EIGENGRU_CUDNN_DEVICE)
// Of device_kernels.cu, which nvcc compiles: a RowMove behind a plain pointer, since C knows no namespaces.
extern "C" cudaError_t eigengru_0_1_gather_rows(const void* move, cudaStream_t stream);
extern "C" cudaError_t eigengru_0_1_scatter_rows(const void* move, cudaStream_t stream);
#endif

namespace eigengru::inline EIGENGRU_ABI::detail {

struct RowMove;

#if defined(EIGENGRU_CUDNN_DEVICE)
inline cudaError_t launch_gather_rows(const RowMove& move, cudaStream_t stream) {
    return eigengru_0_1_gather_rows(&move, stream);
}
inline cudaError_t launch_scatter_rows(const RowMove& move, cudaStream_t stream) {
    return eigengru_0_1_scatter_rows(&move, stream);
}
#endif

/// The functions under their own names. Not null, but for the two launchers where eigengru::cudnn_device is left out.
struct CudaFunctions {
    decltype(&::cudaGetDeviceCount) cudaGetDeviceCount;
    decltype(&::cudaGetDevice) cudaGetDevice;
    decltype(&::cudaDriverGetVersion) cudaDriverGetVersion;
    // Written out: <cuda_runtime.h>, which a user may have included, overloads these two.
    cudaError_t(CUDARTAPI* cudaMalloc)(void**, std::size_t);
    cudaError_t(CUDARTAPI* cudaMallocHost)(void**, std::size_t);
    decltype(&::cudaFree) cudaFree;
    decltype(&::cudaFreeHost) cudaFreeHost;
    decltype(&::cudaMemcpyAsync) cudaMemcpyAsync;
    decltype(&::cudaMemcpy2DAsync) cudaMemcpy2DAsync;
    decltype(&::cudaMemsetAsync) cudaMemsetAsync;
    decltype(&::cudaStreamCreateWithFlags) cudaStreamCreateWithFlags;
    decltype(&::cudaStreamDestroy) cudaStreamDestroy;
    decltype(&::cudaStreamSynchronize) cudaStreamSynchronize;
    decltype(&::cudaStreamIsCapturing) cudaStreamIsCapturing;
    decltype(&::cudaEventCreateWithFlags) cudaEventCreateWithFlags;
    decltype(&::cudaEventRecord) cudaEventRecord;
    decltype(&::cudaEventSynchronize) cudaEventSynchronize;
    decltype(&::cudaEventElapsedTime) cudaEventElapsedTime;
    decltype(&::cudaEventDestroy) cudaEventDestroy;
    decltype(&::cudaGetLastError) cudaGetLastError;
    decltype(&::cudaGetErrorName) cudaGetErrorName;
    decltype(&::cudaGetErrorString) cudaGetErrorString;

    decltype(&::cudnnGetVersion) cudnnGetVersion;
    decltype(&::cudnnGetErrorString) cudnnGetErrorString;
    decltype(&::cudnnGetLastErrorString) cudnnGetLastErrorString;
    decltype(&::cudnnCreate) cudnnCreate;
    decltype(&::cudnnDestroy) cudnnDestroy;
    decltype(&::cudnnSetStream) cudnnSetStream;
    decltype(&::cudnnCreateDropoutDescriptor) cudnnCreateDropoutDescriptor;
    decltype(&::cudnnSetDropoutDescriptor) cudnnSetDropoutDescriptor;
    decltype(&::cudnnDestroyDropoutDescriptor) cudnnDestroyDropoutDescriptor;
    decltype(&::cudnnCreateRNNDescriptor) cudnnCreateRNNDescriptor;
    decltype(&::cudnnSetRNNDescriptor_v8) cudnnSetRNNDescriptor_v8;
    decltype(&::cudnnDestroyRNNDescriptor) cudnnDestroyRNNDescriptor;
    decltype(&::cudnnBuildRNNDynamic) cudnnBuildRNNDynamic;
    decltype(&::cudnnGetRNNWeightSpaceSize) cudnnGetRNNWeightSpaceSize;
    decltype(&::cudnnGetRNNWeightParams) cudnnGetRNNWeightParams;
    decltype(&::cudnnCreateRNNDataDescriptor) cudnnCreateRNNDataDescriptor;
    decltype(&::cudnnSetRNNDataDescriptor) cudnnSetRNNDataDescriptor;
    decltype(&::cudnnDestroyRNNDataDescriptor) cudnnDestroyRNNDataDescriptor;
    decltype(&::cudnnCreateTensorDescriptor) cudnnCreateTensorDescriptor;
    decltype(&::cudnnSetTensorNdDescriptor) cudnnSetTensorNdDescriptor;
    decltype(&::cudnnGetTensorNdDescriptor) cudnnGetTensorNdDescriptor;
    decltype(&::cudnnDestroyTensorDescriptor) cudnnDestroyTensorDescriptor;
    decltype(&::cudnnGetRNNTempSpaceSizes) cudnnGetRNNTempSpaceSizes;
    decltype(&::cudnnRNNForward) cudnnRNNForward;
    decltype(&::cudnnRNNBackwardData_v8) cudnnRNNBackwardData_v8;
    decltype(&::cudnnRNNBackwardWeights_v8) cudnnRNNBackwardWeights_v8;

    /// The launchers of eigengru::cudnn_device; null without it.
    cudaError_t (*gather_rows)(const RowMove& move, cudaStream_t stream);
    cudaError_t (*scatter_rows)(const RowMove& move, cudaStream_t stream);
};

/// The functions that this program is linked with.
inline constexpr CudaFunctions kLinkedCudaFunctions {
    .cudaGetDeviceCount = &::cudaGetDeviceCount, .cudaGetDevice = &::cudaGetDevice,
    .cudaDriverGetVersion = &::cudaDriverGetVersion, .cudaMalloc = &::cudaMalloc, .cudaMallocHost = &::cudaMallocHost,
    .cudaFree = &::cudaFree, .cudaFreeHost = &::cudaFreeHost, .cudaMemcpyAsync = &::cudaMemcpyAsync,
    .cudaMemcpy2DAsync = &::cudaMemcpy2DAsync, .cudaMemsetAsync = &::cudaMemsetAsync,
    .cudaStreamCreateWithFlags = &::cudaStreamCreateWithFlags, .cudaStreamDestroy = &::cudaStreamDestroy,
    .cudaStreamSynchronize = &::cudaStreamSynchronize, .cudaStreamIsCapturing = &::cudaStreamIsCapturing,
    .cudaEventCreateWithFlags = &::cudaEventCreateWithFlags, .cudaEventRecord = &::cudaEventRecord,
    .cudaEventSynchronize = &::cudaEventSynchronize, .cudaEventElapsedTime = &::cudaEventElapsedTime,
    .cudaEventDestroy = &::cudaEventDestroy, .cudaGetLastError = &::cudaGetLastError,
    .cudaGetErrorName = &::cudaGetErrorName, .cudaGetErrorString = &::cudaGetErrorString,
    .cudnnGetVersion = &::cudnnGetVersion, .cudnnGetErrorString = &::cudnnGetErrorString,
    .cudnnGetLastErrorString = &::cudnnGetLastErrorString, .cudnnCreate = &::cudnnCreate,
    .cudnnDestroy = &::cudnnDestroy, .cudnnSetStream = &::cudnnSetStream,
    .cudnnCreateDropoutDescriptor = &::cudnnCreateDropoutDescriptor,
    .cudnnSetDropoutDescriptor = &::cudnnSetDropoutDescriptor,
    .cudnnDestroyDropoutDescriptor = &::cudnnDestroyDropoutDescriptor,
    .cudnnCreateRNNDescriptor = &::cudnnCreateRNNDescriptor, .cudnnSetRNNDescriptor_v8 = &::cudnnSetRNNDescriptor_v8,
    .cudnnDestroyRNNDescriptor = &::cudnnDestroyRNNDescriptor, .cudnnBuildRNNDynamic = &::cudnnBuildRNNDynamic,
    .cudnnGetRNNWeightSpaceSize = &::cudnnGetRNNWeightSpaceSize, .cudnnGetRNNWeightParams = &::cudnnGetRNNWeightParams,
    .cudnnCreateRNNDataDescriptor = &::cudnnCreateRNNDataDescriptor,
    .cudnnSetRNNDataDescriptor = &::cudnnSetRNNDataDescriptor,
    .cudnnDestroyRNNDataDescriptor = &::cudnnDestroyRNNDataDescriptor,
    .cudnnCreateTensorDescriptor = &::cudnnCreateTensorDescriptor,
    .cudnnSetTensorNdDescriptor = &::cudnnSetTensorNdDescriptor,
    .cudnnGetTensorNdDescriptor = &::cudnnGetTensorNdDescriptor,
    .cudnnDestroyTensorDescriptor = &::cudnnDestroyTensorDescriptor,
    .cudnnGetRNNTempSpaceSizes = &::cudnnGetRNNTempSpaceSizes, .cudnnRNNForward = &::cudnnRNNForward,
    .cudnnRNNBackwardData_v8 = &::cudnnRNNBackwardData_v8, .cudnnRNNBackwardWeights_v8 = &::cudnnRNNBackwardWeights_v8,
#if defined(EIGENGRU_CUDNN_DEVICE)
    .gather_rows = &launch_gather_rows, .scatter_rows = &launch_scatter_rows,
#else
    .gather_rows = nullptr, .scatter_rows = nullptr,
#endif
};

inline std::atomic<const CudaFunctions*>& current_cuda_functions() {
    static std::atomic<const CudaFunctions*> current = &kLinkedCudaFunctions;
    return current;
}

/// The table in force. Whoever owns something that the table made (a handle, memory) keeps the reference and gives it
/// back to the same table.
[[nodiscard]] inline const CudaFunctions& cuda_functions() {
    return *current_cuda_functions().load(std::memory_order_acquire);
}

/// Puts another table in force for its lifetime. For tests: no other thread may be using the table meanwhile.
class ScopedCudaFunctions {
public:
    explicit ScopedCudaFunctions(const CudaFunctions& functions)
        : before_(current_cuda_functions().exchange(&functions, std::memory_order_acq_rel)) {}
    ~ScopedCudaFunctions() { current_cuda_functions().store(before_, std::memory_order_release); }

    ScopedCudaFunctions(const ScopedCudaFunctions&) = delete;
    ScopedCudaFunctions& operator=(const ScopedCudaFunctions&) = delete;

private:
    const CudaFunctions* before_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
