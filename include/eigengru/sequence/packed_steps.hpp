// SPDX-License-Identifier: MIT
// PackedSteps: the steps of a call by the kernels, on packed weights. What a step reads and where it writes is decided
// here, once for a call; masks and the carried state are the caller's business (eigen_backend.hpp).
#pragma once

#include "eigengru/cell/packed_step.hpp"
#include "eigengru/sequence/sequence_call.hpp"
#include "eigengru/sequence/workspace.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Where the inputs of one step lie: (batch, features) in rows `stride` apart.
template <RealScalar S>
struct StepInputs {
    const S* rows;
    Index stride;
};

/// Runs steps with the kernels of a call that has packed weights.
template <bool ResetAfter, RealScalar S>
class PackedSteps {
public:
    PackedSteps(const StepFunction<S>& f, const SequenceCall<S>& call, Workspace<S>& workspace, UnitShare units = {})
        : f_(f), call_(call), workspace_(workspace), units_(units) {
        if (!is_active()) return;
        eigen_assert(call.packed->lanes() == kernel_lanes<S>(call.kernels));
        step_ = step_call(*call.packed, f.features(), call.plan.batch());
        step_.finish = f.is_default_pair() ? Finish::state : Finish::sums;
        step_.projected_stride = projected_width<S>(f.units());
        if (units.barrier != nullptr) step_.lines = units.share.of(line_count<S>(f.units()));
    }

    [[nodiscard]] bool is_active() const { return call_.is_by_kernels(); }

    /// Whether the inputs of a chunk are projected at once. A step of few rows reads all of the kernel for each; many
    /// rows read it once in either case, and then the projection is best made where it is used. (Weights that come from
    /// far away are better not read for eight rows at a time either.)
    [[nodiscard]] bool projects(Index steps) const {
        constexpr Index kFewFeatures = 4, kFarBytes = 2 * 1024 * 1024;
        const Index tile_rows = call_.kernels == Kernels::avx512 ? 8 : 4;
        const Index few = call_.packed->bytes() > kFarBytes ? tile_rows : tile_rows - 1;
        return steps > 1 && step_.rows <= few && f_.features() > kFewFeatures;
    }

    /// Projects the inputs of `steps` steps of one row of the batch, which lie `stride` apart.
    void project(Index row, const S* inputs, Index stride, Index steps) {
        StepCall<S> call = step_;
        call.rows = steps;
        call.finish = Finish::input;
        call.input.rows = inputs;
        call.input.stride = stride;
        call.projected = workspace_.projected() + row * step_.projected_stride;
        call.projected_stride = step_.rows * step_.projected_stride;
        if constexpr (ResetAfter) {
            step_kernel<TileGates::all, S>(call_.kernels)(call);
        } else {
            step_kernel<TileGates::zr, S>(call_.kernels)(call);
            step_kernel<TileGates::c, S>(call_.kernels)(call);
        }
    }

    /// The inputs of the next step: its place in the projected chunk, or the inputs themselves.
    void use_projected(Index in_chunk) {
        step_.projected = workspace_.projected() + in_chunk * step_.rows * step_.projected_stride;
    }
    void use_inputs(const StepInputs<S>& inputs) {
        step_.projected = nullptr;
        step_.input.rows = inputs.rows;
        step_.input.stride = inputs.stride;
    }

    /// One step from h to next, and to rows of `out` unless it is null; next is not h. The gates go to `gates` where
    /// they are recorded, activated or (f.needs_inputs()) not; `values` is for the activated ones.
    void advance(const S* h, S* next, S* out, Index out_stride, const Gates<S>& gates, const Gates<S>& values) {
        const bool is_default = step_.finish == Finish::state;
        const bool needs_gates = !ResetAfter || !is_default || call_.recording.gates != nullptr;
        step_.h = h;
        step_.next = next;
        step_.out = is_default ? out : nullptr;
        step_.out_stride = out_stride;
        step_.gates = needs_gates ? gates.data : nullptr;
        step_.gate_stride = gates.stride;
        start_packed_step<ResetAfter>(f_, call_.kernels, step_, gates, values);
        if constexpr (!ResetAfter) units_.wait_for_others();
        finish_packed_step<ResetAfter>(f_, call_.kernels, step_, gates, values);
        step_.turn();
        if (out != nullptr && !is_default)
            MatrixMap<S>(out, step_.rows, step_.units, Eigen::OuterStride<>(out_stride)) =
                block<const S>(next, step_.rows, step_.units);
    }

private:
    const StepFunction<S>& f_;
    const SequenceCall<S>& call_;
    Workspace<S>& workspace_;
    UnitShare units_;
    StepCall<S> step_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
