// SPDX-License-Identifier: MIT
// The kernels of the backward pass for every instruction set, what they are told, and the choice among them.
#pragma once

#include "eigengru/cell/gate_kernels.hpp"
#include "eigengru/cell/gate_panels.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// out (rows, cols) = or += lines of gate gradients, from first_row on, times transposed weights.
template <RealScalar S>
struct TransposedCall {
    GatePanels<const S> gates;
    Index first_row = 0;
    Index rows = 0;
    LineRange lines;
    const S* panels = nullptr;
    Index cols = 0;
    S* out = nullptr;
    Index out_stride = 0;
    bool adds = true;
    bool goes_back = false;  ///< whether it begins with the last panel
    Index width = 0;         ///< of the panel at hand; this and what follows are the kernel's own
    Range blocks = {};       ///< of units: those whose gradients are multiplied
    bool is_large = false;   ///< whether the weights exceed the second cache: what comes next is fetched
};

/// gradients += strips^T times three neighbouring lines of gate gradients.
template <RealScalar S>
struct WeightGradientCall {
    const S* strips = nullptr;
    const S* other = nullptr;  ///< strips of a matrix of the same size for the last line, unless null
    Index rows = 0;
    Index cols = 0;  ///< of the matrix in strips: rows of the weight
    GatePanels<const S> gates;
    Index first = 0;  ///< of the lines
    S* gradients = nullptr;
    Range range;  ///< of strips: only these are multiplied
};

/// The element-wise part of a step back.
template <RealScalar S>
struct StepGradientCall {
    Index rows = 0;
    const S* gates = nullptr;  ///< of the forward pass
    Index gate_stride = 0;
    GatePanels<S> d;
    Index first_row = 0;        ///< in d
    const S* h = nullptr;       ///< the state before the step, (rows, units)
    const S* d_next = nullptr;  ///< dh'; for before_finish dm
    S* d_state = nullptr;       ///< out: dh
};

/// Which equations: ResetAfter, or the halves of reset before on both sides of dm = dc U_h^T.
enum class GradientPart : unsigned char { after, before_start, before_finish };

/// The kernels of one instruction set; null where the layer has no use for one.
template <RealScalar S>
struct GradientKernels {
    void (*multiply_transposed)(const TransposedCall<S>&);
    void (*add_weight_gradient)(const WeightGradientCall<S>&);
    void (*start)(const StepGradientCall<S>&);
    void (*finish)(const StepGradientCall<S>&);  ///< reset before alone
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail

#define EIGENGRU_TARGET_SOURCE "eigengru/cell/gradient_kernel.hpp"
#include "eigengru/core/for_each_target.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// `kernels` is resolved, and not Kernels::eigen.
template <bool ResetAfter, RealScalar S>
[[nodiscard]] const GradientKernels<S>& gradient_kernels([[maybe_unused]] Kernels kernels) {
#if EIGENGRU_HAS_X86_TARGETS
    if (kernels == Kernels::avx512) return avx512::kGradientKernels<S, ResetAfter>;
    if (kernels == Kernels::avx2) return avx2::kGradientKernels<S, ResetAfter>;
#endif
    return portable::kGradientKernels<S, ResetAfter>;
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
