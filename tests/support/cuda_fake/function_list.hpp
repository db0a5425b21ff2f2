// SPDX-License-Identifier: MIT
// The functions of the table by name, for whatever must be done for each of them.
#pragma once

#define EIGENGRU_TEST_CUDART_FUNCTIONS(X) \
    X(cudaGetDeviceCount)                 \
    X(cudaGetDevice)                      \
    X(cudaDriverGetVersion)               \
    X(cudaMalloc)                         \
    X(cudaMallocHost)                     \
    X(cudaFree)                           \
    X(cudaFreeHost)                       \
    X(cudaMemcpyAsync)                    \
    X(cudaMemcpy2DAsync)                  \
    X(cudaMemsetAsync)                    \
    X(cudaStreamCreateWithFlags)          \
    X(cudaStreamDestroy)                  \
    X(cudaStreamSynchronize)              \
    X(cudaStreamIsCapturing)              \
    X(cudaEventCreateWithFlags)           \
    X(cudaEventRecord)                    \
    X(cudaEventSynchronize)               \
    X(cudaEventElapsedTime)               \
    X(cudaEventDestroy)                   \
    X(cudaGetLastError)                   \
    X(cudaGetErrorName)                   \
    X(cudaGetErrorString)

#define EIGENGRU_TEST_CUDNN_FUNCTIONS(X) \
    X(cudnnGetVersion)                   \
    X(cudnnGetErrorString)               \
    X(cudnnGetLastErrorString)           \
    X(cudnnCreate)                       \
    X(cudnnDestroy)                      \
    X(cudnnSetStream)                    \
    X(cudnnCreateDropoutDescriptor)      \
    X(cudnnSetDropoutDescriptor)         \
    X(cudnnDestroyDropoutDescriptor)     \
    X(cudnnCreateRNNDescriptor)          \
    X(cudnnSetRNNDescriptor_v8)          \
    X(cudnnDestroyRNNDescriptor)         \
    X(cudnnBuildRNNDynamic)              \
    X(cudnnGetRNNWeightSpaceSize)        \
    X(cudnnGetRNNWeightParams)           \
    X(cudnnCreateRNNDataDescriptor)      \
    X(cudnnSetRNNDataDescriptor)         \
    X(cudnnDestroyRNNDataDescriptor)     \
    X(cudnnCreateTensorDescriptor)       \
    X(cudnnSetTensorNdDescriptor)        \
    X(cudnnGetTensorNdDescriptor)        \
    X(cudnnDestroyTensorDescriptor)      \
    X(cudnnGetRNNTempSpaceSizes)         \
    X(cudnnRNNForward)                   \
    X(cudnnRNNBackwardData_v8)           \
    X(cudnnRNNBackwardWeights_v8)
