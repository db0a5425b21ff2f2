// SPDX-License-Identifier: MIT
// All that the fake GPU knows: memory, streams, events, cuDNN's objects, faults and counts. One at a time, found by the
// functions of the table through state().
#pragma once

#include "support/cuda_fake.hpp"
#include "support/cuda_fake/descriptors.hpp"
#include "support/cuda_fake/memory.hpp"
#include "support/cuda_fake/streams.hpp"

#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <unordered_map>

namespace eigengru_test::cuda_fake {

/// Thrown by the body of a function, and turned into its status where it returns to the caller.
struct Refusal {
    int status = 0;
    std::string why = {};
    bool is_violation = false;
};

/// A breach of the rules: noted, and refused.
inline void require(bool holds, int status, const std::string& why) {
    if (!holds) throw Refusal{status, why, true};
}

/// An answer that a correct program may get.
inline void support(bool holds, int status, const std::string& why) {
    if (!holds) throw Refusal{status, why, false};
}

/// A training forward pass, by the number that it left in its reserve space.
struct ReservedPass {
    // Fingerprints of what it was given and gave.
    std::uint64_t descriptors = 0;
    std::uint64_t x = 0;
    std::uint64_t y = 0;
    std::uint64_t hx = 0;
    std::uint64_t weights = 0;
};

class State {
public:
    explicit State(const CudaFakeOptions& options);
    ~State();

    State(const State&) = delete;
    State& operator=(const State&) = delete;

    CudaFakeOptions options;
    Memory memory;
    Streams streams;
    Descriptors descriptors;
    std::recursive_mutex mutex;

    std::vector<std::string> violations;
    std::unordered_map<std::string_view, long> calls;
    long hidden_synchronisations = 0;
    long works = 0;
    CudaFake::Forward latest_forward;

    std::map<std::uint64_t, ReservedPass> reserved;  ///< by number
    std::uint64_t next_reserved = 1;

    struct Fault {
        std::string function;
        int status = 0;
        int countdown = 0;
    };
    std::optional<Fault> fault;
    bool has_failed = false;
    cudaError_t asynchronous_status = cudaSuccess;
    long asynchronous_countdown = 0;  ///< works until it comes; 0: never
    cudaError_t sticky = cudaSuccess;
    cudaError_t last_error = cudaSuccess;
    std::string last_cudnn_message;

    /// Counts a call. The status of a fault that is due, if one is.
    std::optional<int> enter(std::string_view function);
    void note(std::string_view function, const std::string& why);

    /// Puts work on a stream that must exist, on behalf of a function. It takes so many milliseconds of the stream's
    /// own clock.
    void enqueue(cudaStream_t stream, std::string_view function, std::function<void()> work, float milliseconds = 0);
    /// The stream, checked.
    Stream& stream(cudaStream_t handle);
    /// Waits for everything, as cudaFree may.
    void wait_for_all(bool is_hidden);

    /// The bytes behind a device pointer, checked.
    Memory::Range device(const void* address, std::size_t bytes, int status, const std::string& what) const;
};

/// The fake that lives now; null when there is none.
State*& current_state();

inline State& state() {
    return *current_state();
}

/// The table of the fake.
const eigengru::detail::CudaFunctions& fake_functions(bool has_kernels);

}  // namespace eigengru_test::cuda_fake
