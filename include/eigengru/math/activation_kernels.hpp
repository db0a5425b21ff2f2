// SPDX-License-Identifier: MIT
// The kernels of the activations for every instruction set, and the choice among them.
#pragma once

#include "eigengru/core/kernels.hpp"
#include "eigengru/math/activation_kind.hpp"
#include "eigengru/math/vectors.hpp"

#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#define EIGENGRU_TARGET_SOURCE "eigengru/math/activation_kernel.hpp"
#include "eigengru/core/for_each_target.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// y = f(x) in place: of elements that follow one another; softmax and log_softmax of one row.
template <RealScalar S>
using ActivationKernel = void (*)(const ActivationCall<S>&, S*, Index);

/// The kernel of one instruction set. `kernels` is resolved.
template <RealScalar S>
[[nodiscard]] ActivationKernel<S> activation_kernel([[maybe_unused]] Kernels kernels) {
#if EIGENGRU_HAS_X86_TARGETS
    if (kernels == Kernels::avx512) return &avx512::apply_activation<S>;
    if (kernels == Kernels::avx2) return &avx2::apply_activation<S>;
#endif
    return &portable::apply_activation<S>;
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
