// SPDX-License-Identifier: MIT
// One step of a batch by the kernels, on packed weights and with any activations.
#pragma once

#include "eigengru/cell/gate_kernels.hpp"
#include "eigengru/cell/gru_step.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// From step.h to step.next, which is other memory. Of the function only the activations are used: the weights are
/// those of step. The gates go to `gates`, which step.gates names unless they are not needed (ResetAfter with the
/// default activations); `values` is for the activated ones, and may be the same memory. `kernels` is resolved.
template <bool ResetAfter, RealScalar S>
void packed_step(const StepFunction<S>& f, Kernels kernels, StepCall<S>& step, const Gates<S>& gates,
                 const Gates<S>& values) {
    const bool is_default = step.finish == Finish::state;
    step.recurrent.rows = step.h;
    step.recurrent.stride = step.units;
    step_kernel<ResetAfter ? TileGates::all : TileGates::zr, S>(kernels)(step);
    if (!is_default) activate_gates<ResetAfter>(f, step.h, gates, values);
    if constexpr (!ResetAfter) {
        step.recurrent.rows = gates.slot(kSlotM);
        step.recurrent.stride = gates.stride;
        step_kernel<TileGates::c, S>(kernels)(step);
    }
    if (!is_default) finish_step<ResetAfter>(f, step.h, gates, values, step.next);
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
