// SPDX-License-Identifier: MIT
// One step of a batch by the kernels, on packed weights and with any activations.
#pragma once

#include "eigengru/cell/gate_kernels.hpp"
#include "eigengru/cell/gru_step.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// The kernel that reads h: it makes all gates, or (reset before) z and r.
template <bool ResetAfter, RealScalar S>
void run_first_kernel(Kernels kernels, StepCall<S>& step) {
    step.recurrent.rows = step.h;
    step.recurrent.stride = step.units;
    step_kernel<ResetAfter ? TileGates::all : TileGates::zr, S>(kernels)(step);
}

/// The kernel that reads m of all units, which makes the candidate (reset before).
template <bool ResetAfter, RealScalar S>
void run_second_kernel(Kernels kernels, StepCall<S>& step) {
    if constexpr (!ResetAfter) {
        step.recurrent.rows = step.gates + kSlotM * step.units;
        step.recurrent.stride = step.gate_stride;
        step_kernel<TileGates::c, S>(kernels)(step);
    }
}

/// A step with the default activations, from step.h to step.next, which is other memory. `kernels` is resolved.
template <bool ResetAfter, RealScalar S>
void default_step(Kernels kernels, StepCall<S>& step) {
    run_first_kernel<ResetAfter>(kernels, step);
    run_second_kernel<ResetAfter>(kernels, step);
}

/// The first half of packed_step(): after it the candidate's product finds r . h of all units (reset before).
template <bool ResetAfter, RealScalar S>
void start_packed_step(const StepFunction<S>& f, Kernels kernels, StepCall<S>& step, const Gates<S>& gates,
                       const Gates<S>& values) {
    run_first_kernel<ResetAfter>(kernels, step);
    if (step.finish != Finish::state) activate_gates<ResetAfter>(f, step.h, gates, values);
}

template <bool ResetAfter, RealScalar S>
void finish_packed_step(const StepFunction<S>& f, Kernels kernels, StepCall<S>& step, const Gates<S>& gates,
                        const Gates<S>& values) {
    run_second_kernel<ResetAfter>(kernels, step);
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
