// SPDX-License-Identifier: MIT
// One step of a batch by the kernels, on packed weights and with any activations.
#pragma once

#include "eigengru/cell/gate_kernels.hpp"
#include "eigengru/cell/gru_step.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// The first half of packed_step(): after it the candidate's product finds r . h of all units (reset before).
template <bool ResetAfter, RealScalar S>
void start_packed_step(const StepFunction<S>& f, Kernels kernels, StepCall<S>& step, const Gates<S>& gates,
                       const Gates<S>& values) {
    step.recurrent.rows = step.h;
    step.recurrent.stride = step.units;
    step_kernel<ResetAfter ? TileGates::all : TileGates::zr, S>(kernels)(step);
    if (step.finish != Finish::state) activate_gates<ResetAfter>(f, step.h, gates, values);
}

template <bool ResetAfter, RealScalar S>
void finish_packed_step(const StepFunction<S>& f, Kernels kernels, StepCall<S>& step, const Gates<S>& gates,
                        const Gates<S>& values) {
    if constexpr (!ResetAfter) {
        step.recurrent.rows = gates.slot(kSlotM);
        step.recurrent.stride = gates.stride;
        step_kernel<TileGates::c, S>(kernels)(step);
    }
    if (step.finish != Finish::state) finish_step<ResetAfter>(f, step.h, gates, values, step.next);
}

/// From step.h to step.next, which is other memory. Of the function only the activations are used: the weights are
/// those of step. The gates go to `gates`, which step.gates names unless they are not needed (ResetAfter with the
/// default activations); `values` is for the activated ones, and may be the same memory. `kernels` is resolved.
template <bool ResetAfter, RealScalar S>
void packed_step(const StepFunction<S>& f, Kernels kernels, StepCall<S>& step, const Gates<S>& gates,
                 const Gates<S>& values) {
    start_packed_step<ResetAfter>(f, kernels, step, gates, values);
    finish_packed_step<ResetAfter>(f, kernels, step, gates, values);
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
