// SPDX-License-Identifier: MIT
// What all contenders have in common: a problem in plain memory, and something that runs. Each contender is compiled
// with flags of its own, into a library that hides everything but its make function: code that other flags made of the
// same templates of Eigen must not meet in one program.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

#define EIGENGRU_BENCH_EXPORT __attribute__((visibility("default")))

// make_<name>_<EIGENGRU_BENCH_SUFFIX>: sources that are compiled twice give their functions two names.
#define EIGENGRU_BENCH_JOIN_EXPANDED(name, suffix) make_##name##_##suffix
#define EIGENGRU_BENCH_JOIN(name, suffix) EIGENGRU_BENCH_JOIN_EXPANDED(name, suffix)
#define EIGENGRU_BENCH_MAKE(name) EIGENGRU_BENCH_JOIN(name, EIGENGRU_BENCH_SUFFIX)

namespace eigengru_bench {

enum class Workload : std::int32_t {
    sequence,   ///< a call over `time` steps from a state of zeros
    step,       ///< a call over one step from the state that the last call left
    streaming,  ///< `time` steps one by one for one row, from a state of zeros
    training,   ///< forward and backward with all gradients, from initial_state
    activation  ///< an activation of a block (batch, units); the features are the units
};

/// Row-major arrays of floats or doubles: the weights as Keras has them, inputs (batch, time, features), outputs
/// (batch, time, units). The null ones are not needed for the workload. Python fills in the same struct by ctypes.
struct Problem {
    Workload workload = Workload::sequence;
    std::int32_t is_double = 0, reset_after = 1, threads = 1;
    std::int64_t batch = 1, time = 1, features = 1, units = 1;
    const char* isa = "automatic";    ///< a name of eigengru::Kernels
    const char* activation = "tanh";  ///< for the workload of that name
    const void *kernel = nullptr, *recurrent_kernel = nullptr, *bias = nullptr;
    const void *inputs = nullptr, *initial_state = nullptr, *d_outputs = nullptr, *d_state = nullptr;
    void *outputs = nullptr, *d_inputs = nullptr, *d_initial_state = nullptr;
    void *d_kernel = nullptr, *d_recurrent_kernel = nullptr, *d_bias = nullptr;
};

class Contender {
public:
    Contender() = default;
    Contender(const Contender&) = delete;
    Contender& operator=(const Contender&) = delete;
    virtual ~Contender() = default;

    /// One call: what is timed.
    virtual void run() = 0;
    /// Writes the results of the last call to the problem's memory, where run() left them elsewhere.
    virtual void give_results() {}
    /// The name of the kernels that it uses, of the library's own contenders.
    [[nodiscard]] virtual const char* isa() const { return ""; }
};

using ContenderPointer = std::unique_ptr<Contender>;

/// Calls function(S(), reset_after) with both as types, for a problem's scalar and variant.
template <class Function>
auto with_types(const Problem& problem, Function function) {
    const auto with_scalar = [&](auto scalar) {
        return problem.reset_after != 0 ? function(scalar, std::true_type()) : function(scalar, std::false_type());
    };
    return problem.is_double != 0 ? with_scalar(double()) : with_scalar(float());
}

/// Makes a contender; null where it does not do the problem.
using MakeContender = ContenderPointer(const Problem&);

/// Those written with Eigen alone.
struct EigenContenders {
    MakeContender *naive, *hoisted, *fixed, *array;
};

// Plain is as a user would compile it, with the flags of the build; native is -O3 -march=native, avx2 is -O3
// -march=x86-64-v3.
EIGENGRU_BENCH_EXPORT MakeContender make_eigengru_plain, make_eigengru_native;  // Gru
EIGENGRU_BENCH_EXPORT MakeContender make_fixed_plain, make_stream_plain;        // FixedGru, GruStream
EIGENGRU_BENCH_EXPORT MakeContender make_activation_plain;                      // Activation
EIGENGRU_BENCH_EXPORT EigenContenders make_eigen_native(), make_eigen_avx2();
EIGENGRU_BENCH_EXPORT MakeContender make_onednn;

}  // namespace eigengru_bench
