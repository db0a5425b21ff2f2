// SPDX-License-Identifier: MIT
// The kernels of a step for every instruction set, and the choice among them.
#pragma once

#include "eigengru/cell/flush.hpp"
#include "eigengru/cell/step_call.hpp"
#include "eigengru/core/kernels.hpp"

#define EIGENGRU_TARGET_SOURCE "eigengru/cell/gates_finish.hpp"
#include "eigengru/core/for_each_target.hpp"

#define EIGENGRU_TARGET_SOURCE "eigengru/cell/gates_kernel.hpp"
#include "eigengru/core/for_each_target.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Lanes of the vectors of some kernels: packed weights must be in blocks of so many units. `kernels` is resolved, and
/// not Kernels::eigen.
template <RealScalar S>
[[nodiscard]] constexpr Index kernel_lanes([[maybe_unused]] Kernels kernels) {
#if EIGENGRU_HAS_X86_TARGETS
    if (kernels == Kernels::avx512) return avx512::Vec<S>::size;
    if (kernels == Kernels::avx2) return avx2::Vec<S>::size;
#endif
    return portable::Vec<S>::size;
}

/// A kernel of one instruction set.
template <class S>
using StepKernel = void (*)(const StepCall<S>&);

/// The kernel for some of the gates. `kernels` is resolved, and not Kernels::eigen.
template <TileGates Gates, RealScalar S>
[[nodiscard]] StepKernel<S> step_kernel([[maybe_unused]] Kernels kernels) {
#if EIGENGRU_HAS_X86_TARGETS
    if (kernels == Kernels::avx512) return &avx512::run_step<S, Gates>;
    if (kernels == Kernels::avx2) return &avx2::run_step<S, Gates>;
#endif
    return &portable::run_step<S, Gates>;
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
