// SPDX-License-Identifier: MIT
// What becomes of a failed call of CUDA or cuDNN: a BackendError with the call, the status, and what the library says.
#pragma once

#include "eigengru/core/error.hpp"
#include "eigengru/cuda/functions.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// "cudaMalloc failed with cudaErrorMemoryAllocation: out of memory". Takes the error off the books of the runtime, or
/// a later, innocent call would report it again.
[[nodiscard]] inline std::string failure_text(const CudaFunctions& f, std::string_view call, cudaError_t status) {
    static_cast<void>(f.cudaGetLastError());
    return text(call, " failed with ", f.cudaGetErrorName(status), ": ", f.cudaGetErrorString(status));
}

/// "cudnnRNNForward failed with CUDNN_STATUS_EXECUTION_FAILED: " and what cuDNN says of its last error in words.
[[nodiscard]] inline std::string failure_text(const CudaFunctions& f, std::string_view call, cudnnStatus_t status) {
    char last[512] = "";
    f.cudnnGetLastErrorString(last, sizeof last);
    last[sizeof last - 1] = '\0';
    return text(call, " failed with ", f.cudnnGetErrorString(status), ": ", last);
}

/// Throws: BackendError unless the call went well.
inline void check_status(const CudaFunctions& f, std::string_view call, cudaError_t status) {
    if (status != cudaSuccess) EIGENGRU_THROW(BackendError, "cuDNN backend: ", failure_text(f, call, status));
}
inline void check_status(const CudaFunctions& f, std::string_view call, cudnnStatus_t status) {
    if (status != CUDNN_STATUS_SUCCESS) EIGENGRU_THROW(BackendError, "cuDNN backend: ", failure_text(f, call, status));
}

/// Whether cuDNN says that it does not do this at all, or cannot compile a kernel for it on this machine: no failure,
/// but a reason to take another way.
[[nodiscard]] inline bool is_not_supported(cudnnStatus_t status) {
    return CUDNN_STATUS_CATEGORY(static_cast<int>(status)) == static_cast<int>(CUDNN_STATUS_NOT_SUPPORTED) ||
           status == CUDNN_STATUS_INTERNAL_ERROR_COMPILATION_FAILED;
}

/// For calls that may say so. Returns what was refused, in words, or nothing. Throws: BackendError for other failures.
[[nodiscard]] inline std::string refusal_of(const CudaFunctions& f, std::string_view call, cudnnStatus_t status) {
    if (is_not_supported(status)) return failure_text(f, call, status);
    check_status(f, call, status);
    return {};
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
