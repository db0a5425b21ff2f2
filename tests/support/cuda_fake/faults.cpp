// SPDX-License-Identifier: MIT
// How each function of the table may fail: the statuses that its documentation names or that were seen, one of each
// category that the library must treat differently.
#include "support/cuda_fake.hpp"

namespace eigengru_test {
namespace {

const std::vector<int> kAllocation{CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED};
const std::vector<int> kSettings{CUDNN_STATUS_BAD_PARAM, CUDNN_STATUS_NOT_SUPPORTED, CUDNN_STATUS_NOT_SUPPORTED_SHAPE};
const std::vector<int> kRun{CUDNN_STATUS_BAD_PARAM,
                            CUDNN_STATUS_NOT_SUPPORTED,
                            CUDNN_STATUS_NOT_SUPPORTED_SHARED_MEMORY_INSUFFICIENT,
                            CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED,
                            CUDNN_STATUS_EXECUTION_FAILED,
                            CUDNN_STATUS_EXECUTION_FAILED_CUBLAS};
const std::vector<int> kCopy{cudaErrorInvalidValue, cudaErrorLaunchFailure};
const std::vector<int> kEarlierWork{cudaErrorLaunchFailure};

}  // namespace

const std::vector<FakeFunction>& CudaFake::functions() {
    static const std::vector<FakeFunction> all{
        {"cudaGetDeviceCount",
         false,
         false,
         {cudaErrorNoDevice, cudaErrorInsufficientDriver, cudaErrorInitializationError}},
        {"cudaGetDevice", false, false, {cudaErrorInitializationError, cudaErrorDevicesUnavailable}},
        {"cudaDriverGetVersion", false, false, {cudaErrorInvalidValue}},
        {"cudaMalloc", false, false, {cudaErrorMemoryAllocation}},
        {"cudaMallocHost", false, false, {cudaErrorMemoryAllocation}},
        {"cudaFree", false, true, kEarlierWork},
        {"cudaFreeHost", false, true, kEarlierWork},
        {"cudaMemcpyAsync", false, false, kCopy},
        {"cudaMemcpy2DAsync", false, false, kCopy},
        {"cudaMemsetAsync", false, false, kCopy},
        {"cudaStreamCreateWithFlags", false, false, {cudaErrorMemoryAllocation}},
        {"cudaStreamDestroy", false, true, kEarlierWork},
        {"cudaStreamSynchronize", false, false, {cudaErrorLaunchFailure, cudaErrorIllegalAddress, cudaErrorUnknown}},
        {"cudaStreamIsCapturing", false, false, {cudaErrorStreamCaptureImplicit, cudaErrorInvalidResourceHandle}},
        {"cudaEventCreateWithFlags", false, false, {cudaErrorMemoryAllocation}},
        {"cudaEventRecord", false, false, {cudaErrorInvalidResourceHandle, cudaErrorLaunchFailure}},
        {"cudaEventSynchronize", false, false, {cudaErrorLaunchFailure}},
        {"cudaEventElapsedTime", false, false, {cudaErrorNotReady}},
        {"cudaEventDestroy", false, true, kEarlierWork},
        {"cudnnCreate",
         true,
         false,
         {CUDNN_STATUS_NOT_INITIALIZED, CUDNN_STATUS_SUBLIBRARY_LOADING_FAILED,
          CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED, CUDNN_STATUS_NOT_SUPPORTED_INCOMPATIBLE_CUDA_DRIVER}},
        {"cudnnDestroy", true, true, {CUDNN_STATUS_EXECUTION_FAILED}},
        {"cudnnSetStream", true, false, {CUDNN_STATUS_BAD_PARAM, CUDNN_STATUS_BAD_PARAM_STREAM_MISMATCH}},
        {"cudnnCreateDropoutDescriptor", true, false, kAllocation},
        {"cudnnSetDropoutDescriptor", true, false, {CUDNN_STATUS_BAD_PARAM, CUDNN_STATUS_EXECUTION_FAILED}},
        {"cudnnDestroyDropoutDescriptor", true, true, {CUDNN_STATUS_BAD_PARAM}},
        {"cudnnCreateRNNDescriptor", true, false, kAllocation},
        {"cudnnSetRNNDescriptor_v8", true, false, kSettings},
        {"cudnnDestroyRNNDescriptor", true, true, {CUDNN_STATUS_BAD_PARAM}},
        {"cudnnBuildRNNDynamic",
         true,
         false,
         {CUDNN_STATUS_NOT_SUPPORTED, CUDNN_STATUS_NOT_SUPPORTED_RUNTIME_PREREQUISITE_MISSING,
          CUDNN_STATUS_INTERNAL_ERROR_COMPILATION_FAILED}},
        {"cudnnGetRNNWeightSpaceSize", true, false, kSettings},
        {"cudnnGetRNNWeightParams", true, false, kSettings},
        {"cudnnCreateRNNDataDescriptor", true, false, kAllocation},
        {"cudnnSetRNNDataDescriptor", true, false, kSettings},
        {"cudnnDestroyRNNDataDescriptor", true, true, {CUDNN_STATUS_BAD_PARAM}},
        {"cudnnCreateTensorDescriptor", true, false, kAllocation},
        {"cudnnSetTensorNdDescriptor", true, false, kSettings},
        {"cudnnGetTensorNdDescriptor", true, false, {CUDNN_STATUS_BAD_PARAM}},
        {"cudnnDestroyTensorDescriptor", true, true, {CUDNN_STATUS_BAD_PARAM}},
        {"cudnnGetRNNTempSpaceSizes", true, false, kSettings},
        {"cudnnRNNForward", true, false, kRun},
        {"cudnnRNNBackwardData_v8", true, false, kRun},
        {"cudnnRNNBackwardWeights_v8", true, false, kRun},
        {"gather_rows", false, false, {cudaErrorNoKernelImageForDevice, cudaErrorLaunchFailure}},
        {"scatter_rows", false, false, {cudaErrorNoKernelImageForDevice, cudaErrorLaunchFailure}},
    };
    return all;
}

}  // namespace eigengru_test
