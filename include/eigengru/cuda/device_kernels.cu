// SPDX-License-Identifier: MIT
// The two kernels of eigengru::cudnn_device. What they do to a row stands in row_move.hpp; here are the threads.
#define EIGEN_NO_CUDA  // Eigen has no part in it, and its own device code makes nvcc warn
#include "eigengru/cuda/row_move.hpp"

#include <cuda_runtime.h>

namespace {

using eigengru::detail::RowMove;
using eigengru::detail::RowWorker;

// One block of threads for each row, which share the words of a step.
__global__ void gather_kernel(RowMove move) {
    eigengru::detail::move_gathered_row(move, RowWorker{blockIdx.x, threadIdx.x, blockDim.x});
}

__global__ void scatter_kernel(RowMove move) {
    eigengru::detail::move_scattered_row(move, RowWorker{blockIdx.x, threadIdx.x, blockDim.x});
}

unsigned threads_for(const RowMove& move) {
    constexpr unsigned kWarp = 32, kMost = 256;
    unsigned threads = kWarp;
    while (threads < kMost && threads < move.row_bytes / 4) threads *= 2;
    return threads;
}

// Not <<<...>>>: that reports a failure through cudaGetLastError, which would take errors of the caller's too.
cudaError_t launch(void (*kernel)(RowMove), const void* move, cudaStream_t stream) {
    RowMove rows = *static_cast<const RowMove*>(move);
    void* arguments[] = {&rows};
    return cudaLaunchKernel(kernel, dim3(static_cast<unsigned>(rows.batch)), dim3(threads_for(rows)), arguments, 0,
                            stream);
}

}  // namespace

// Named after the version of RowMove, and not in the library's namespace: that one depends on flags of the host compiler.
extern "C" cudaError_t eigengru_0_1_gather_rows(const void* move, cudaStream_t stream) {
    return launch(&gather_kernel, move, stream);
}

extern "C" cudaError_t eigengru_0_1_scatter_rows(const void* move, cudaStream_t stream) {
    return launch(&scatter_kernel, move, stream);
}
