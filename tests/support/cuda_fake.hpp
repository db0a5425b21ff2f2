// SPDX-License-Identifier: MIT
// A GPU made of plain memory: CUDA and cuDNN functions for the table of eigengru/cuda/functions.hpp that compute on the
// CPU and are stricter than the libraries. While a CudaFake lives, the library runs on it.
//   - Device memory has addresses that no host access survives, and the fake refuses host memory where device memory
//     belongs. Fresh memory is NaN, and so is whatever cuDNN leaves undefined.
//   - Streams put off their work for as long as CUDA allows (or do it at once), so that a missing wait shows.
//   - Weights lie in an order of the fake's own, with padding between; sizes are its own too.
//   - What the documentation forbids is refused and noted in violations(), also where the real library would let it pass.
// Its GRU is written from cuDNN's formula in scalar loops (cuda_fake/gru.hpp); nothing of the library but the table.
#pragma once

#include "eigengru/cuda/functions.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace eigengru_test {

/// When a stream does its work: as late as CUDA allows, or at once.
enum class FakeStreams { latest, at_once };

/// Where cuDNN says that it has no algorithm for a size: when it is asked for sizes, or only when it runs.
enum class FakeLimits { at_size_query, at_run };

struct CudaFakeOptions {
    int devices = 1;  ///< none: cudaGetDeviceCount gives cudaErrorNoDevice
    int driver_version = 13000;
    std::size_t cudnn_version = CUDNN_VERSION;
    FakeStreams streams = FakeStreams::latest;
    FakeLimits limits = FakeLimits::at_size_query;
    std::size_t device_bytes = std::size_t{1} << 32;                      ///< more is cudaErrorMemoryAllocation
    std::array<float, CUDNN_RNN_ALGO_COUNT> milliseconds = {4, 3, 2, 1};  ///< what a forward pass seems to take
    bool has_kernels = true;                                              ///< eigengru::cudnn_device is there
};

/// One function of the table, and how it may fail.
struct FakeFunction {
    std::string_view name;
    bool is_cudnn = false;
    bool is_release = false;  ///< frees or destroys: a failure told by it comes from earlier work, and it does release
    std::vector<int> statuses = {};
};

namespace cuda_fake {
class State;
}

/// The fake and all that is known of it. One at a time; it must outlive whatever the library made on it.
class CudaFake {
public:
    explicit CudaFake(const CudaFakeOptions& options = {});
    ~CudaFake();

    CudaFake(const CudaFake&) = delete;
    CudaFake& operator=(const CudaFake&) = delete;

    /// May be changed at any time.
    [[nodiscard]] CudaFakeOptions& options();

    /// The `nth` call of a function from now fails with this status. One fault at a time.
    void fail(std::string_view function, int status, int nth = 1);
    /// The `nth` work from now on any stream fails while it runs: every later call tells so, as after a lost context.
    void fail_asynchronously(cudaError_t status, long nth = 1);
    /// Whether the fault asked for has happened.
    [[nodiscard]] bool has_failed() const;
    /// Forgets a fault that was asked for, and an error that stayed.
    void recover();

    /// What cudaStreamIsCapturing says of a stream.
    void set_capturing(cudaStream_t stream, cudaStreamCaptureStatus status);

    /// Calls since the beginning or reset_counts().
    [[nodiscard]] long calls(std::string_view function) const;
    [[nodiscard]] long calls() const;
    /// Waits of the host, and those hidden in cudaFree or in a copy from or to memory that is not pinned.
    [[nodiscard]] long synchronisations() const;
    [[nodiscard]] long hidden_synchronisations() const;
    [[nodiscard]] long allocations() const;
    /// What was put into streams: copies, passes, kernels, records and waits of events.
    [[nodiscard]] long works() const;
    void reset_counts();
    /// The algorithm of the latest cudnnRNNForward, and how many steps and rows it had.
    struct Forward {
        cudnnRNNAlgo_t algorithm = CUDNN_RNN_ALGO_STANDARD;
        cudnnForwardMode_t mode = CUDNN_FWD_MODE_INFERENCE;
        cudnnMathType_t math = CUDNN_DEFAULT_MATH;
        int time = 0;
        int batch = 0;
    };
    [[nodiscard]] Forward latest_forward() const;

    /// Each breach of the rules, in words; empty when there was none.
    [[nodiscard]] const std::vector<std::string>& violations() const;
    /// What has not been given back, "3 device blocks (1024 bytes), 1 stream"; empty when nothing.
    [[nodiscard]] std::string alive() const;
    /// What cudaGetLastError would say; success where whoever handled a failure also cleared it.
    [[nodiscard]] cudaError_t last_error() const;

    /// Every function of the table that can fail, with the statuses that are plausible for it.
    [[nodiscard]] static const std::vector<FakeFunction>& functions();

private:
    std::unique_ptr<cuda_fake::State> state_;
    eigengru::detail::ScopedCudaFunctions functions_;
};

}  // namespace eigengru_test
