// SPDX-License-Identifier: MIT
// What a call wants of cuDNN, and the library's own conditions that need no device to be known. No CUDA here.
#pragma once

#include "eigengru/sequence/backend_rules.hpp"

#include <limits>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// The steps that cuDNN takes at once.
inline constexpr Index kMostCudnnSteps = 65535;

/// One call, as far as a plan for it goes.
struct CudnnRequest {
    Shape3 inputs = {};
    Index units = 0;
    bool is_recorded = false;
    CudnnOptions options = {};
};

/// The multiply-adds of one time step.
[[nodiscard]] inline double step_work(const CudnnRequest& request) {
    const auto real = [](Index size) { return static_cast<double>(size); };
    return 3.0 * real(request.inputs.batch) * real(request.units) *
           (real(request.inputs.features) + real(request.units));
}

/// Whether use_cudnn = "auto" thinks of a device at all.
[[nodiscard]] inline bool is_worth_while(const CudnnRequest& request) {
    return step_work(request) >= request.options.least_work;
}

/// Whether a call stays on the CPU whatever the rules say, so that nothing need be looked at.
[[nodiscard]] inline bool is_for_cpu(CudnnMode mode, const CudnnRequest& request) {
    return mode.is_never() || (mode.is_auto() && (!kHasCudnn || !is_worth_while(request)));
}

[[nodiscard]] inline BackendRule work_condition(const CudnnRequest& request) {
    return {"work", is_worth_while(request),
            text("for \"auto\" a time step must have ", request.options.least_work, " multiply-adds (least_work), has ",
                 step_work(request))};
}

/// Whether the sizes are cuDNN's, which counts in 32 bits. A longer sequence than it takes at once goes in parts, unless
/// it is recorded.
[[nodiscard]] inline bool is_within_sizes(const CudnnRequest& request) {
    constexpr Index kMost = std::numeric_limits<std::int32_t>::max();
    return std::max({request.inputs.batch, request.inputs.features, request.units}) <= kMost &&
           request.inputs.batch <= kMost / request.units &&
           (!request.is_recorded || request.inputs.time <= kMostCudnnSteps);
}

[[nodiscard]] inline BackendRule size_condition(const CudnnRequest& request) {
    const bool fit = is_within_sizes(request);
    if (request.is_recorded && request.inputs.time > kMostCudnnSteps)
        return {
            "sizes", false,
            text("time must be at most ", kMostCudnnSteps, " for a pass that is recorded, is ", request.inputs.time)};
    return {"sizes", fit,
            fit ? "are within cuDNN's" : "batch, features, units, and batch times units must fit into 32 bits, do not"};
}

/// Checkpoints keep less than cuDNN needs for a backward pass.
[[nodiscard]] inline BackendRule tape_condition(bool has_checkpoints) {
    return {"tape", !has_checkpoints, has_checkpoints ? "must be without checkpoints, has them" : "has no checkpoints"};
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
