// SPDX-License-Identifier: MIT
// How every mask becomes none: the used steps of each row move together to its front, in processing order, cuDNN runs
// all steps of every row, and what comes out goes back to the steps it belongs to. The adjoints take the gradients the
// other way round. All on the host, while data is copied to and from pinned memory. No CUDA here.
//
// c(p) counts the used steps up to and including step p; place(p) = c(p) - 1 is where a step reads and writes.
//     gather:    x'[place(p)] = x[time(p)] for used p, zeros behind the last one
//     scatter:   out[p] = y[place(p)]; zeros before the first used step, and at masked ones with zero_output_for_mask
//                state  = y[n - 1] for a row of n > 0 used steps, else the initial state
// Rows are [place][row][element] on the device side.
#pragma once

#include "eigengru/model/gradients.hpp"
#include "eigengru/model/output.hpp"
#include "eigengru/sequence/plan.hpp"

#include <algorithm>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Some places, from `first` on: what cuDNN is given at once.
struct Places {
    Index first = 0;
    Index count = 0;

    [[nodiscard]] Index end() const { return first + count; }
    [[nodiscard]] bool has(Index place) const { return place >= first && place < end(); }
};

/// Calls visit(step, place, used) for each step of a row; the place is -1 before the first used step.
/// Returns the number of used steps.
template <class Visit>
Index walk_row(const SequencePlan& plan, Index row, const Visit& visit) {
    Index place = -1;
    for (Index step = 0; step < plan.time(); ++step) {
        const bool used = plan.is_used(row, step);
        if (used) ++place;
        visit(step, place, used);
    }
    return place + 1;
}

template <RealScalar S>
void gather_places(const SequenceView<const S>& inputs, const SequencePlan& plan, const Places& places, S* out) {
    const Index batch = plan.batch(), features = inputs.shape().features;
    for (Index b = 0; b < batch; ++b) {
        const auto at = [&](Index place) { return out + ((place - places.first) * batch + b) * features; };
        const Index used_steps = walk_row(plan, b, [&](Index step, Index place, bool used) {
            if (used && places.has(place)) std::copy_n(inputs.row(b, plan.input_time(step)), features, at(place));
        });
        for (Index place = std::max(places.first, used_steps); place < places.end(); ++place)
            std::fill_n(at(place), features, S(0));
    }
}

/// Where results come from and go to.
template <RealScalar S>
struct Scatter {
    const SequencePlan& plan;
    bool zero_output_for_mask = false;
    MatrixView<const S> initial_state = {};  ///< zeros when absent
    const OutputView<S>& output;
    S* final_state = nullptr;  ///< the state once more, (batch, units) without gaps, unless null

    /// Whether a step puts out zeros, whatever the state is.
    [[nodiscard]] bool is_zero(Index place, bool used) const { return place < 0 || (!used && zero_output_for_mask); }
};

/// One row of units, or zeros when `from` is null.
template <RealScalar S>
void copy_row(const S* from, Index units, S* to) {
    if (from == nullptr)
        std::fill_n(to, units, S(0));
    else
        std::copy_n(from, units, to);
}

/// Takes the results `y` of some places to where they belong. What belongs to no place goes with the first ones.
template <RealScalar S>
void scatter_places(const Scatter<S>& to, const Places& places, const S* y, Index units) {
    const OutputView<S>& out = to.output;
    const Index batch = to.plan.batch();
    for (Index b = 0; b < batch; ++b) {
        const auto at = [&](Index place) { return y + ((place - places.first) * batch + b) * units; };
        const auto is_here = [&](Index place) { return places.has(std::max<Index>(place, 0)); };
        const Index used_steps = walk_row(to.plan, b, [&](Index step, Index place, bool used) {
            const bool is_last = out.last.is_present() && step + 1 == to.plan.time();
            if (!is_here(place) || (!is_last && !out.sequences.is_present())) return;
            const S* from = to.is_zero(place, used) ? nullptr : at(place);
            if (out.sequences.is_present()) copy_row(from, units, out.sequences.row(b, step));
            if (is_last) copy_row(from, units, out.last.row(b));
        });
        if (!is_here(used_steps - 1)) continue;
        const S* initial = to.initial_state.is_present() ? to.initial_state.row(b) : nullptr;
        const S* state = used_steps > 0 ? at(used_steps - 1) : initial;
        if (out.state.is_present()) copy_row(state, units, out.state.row(b));
        if (to.final_state != nullptr) copy_row(state, units, to.final_state + b * units);
    }
}

/// The adjoint of scatter_places for all places: adds the gradients of the outputs to `d_y`, and what belongs to the
/// initial state of rows without used steps to `d_initial_state`, (batch, units) without gaps.
template <RealScalar S>
void add_scatter_adjoint(const Scatter<S>& forward, const OutputGradients<S>& d, Index units, S* d_y,
                         S* d_initial_state) {
    const Index batch = forward.plan.batch();
    const auto add = [&](const S* from, S* to) { ArrayMap<S>(to, units) += ArrayMap<const S>(from, units); };
    for (Index b = 0; b < batch; ++b) {
        const auto at = [&](Index place) { return d_y + (place * batch + b) * units; };
        const Index used_steps = walk_row(forward.plan, b, [&](Index step, Index place, bool used) {
            if (forward.is_zero(place, used)) return;
            if (d.sequences.is_present()) add(d.sequences.row(b, step), at(place));
            if (d.last.is_present() && step + 1 == forward.plan.time()) add(d.last.row(b), at(place));
        });
        if (d.state.is_present())
            add(d.state.row(b), used_steps > 0 ? at(used_steps - 1) : d_initial_state + b * units);
    }
}

/// The adjoint of gather_places for all places of a plan in processing order: the gradients of the inputs, zeros at
/// masked steps. `go_backwards` is that of the layer.
template <RealScalar S>
void gather_adjoint(const S* d_gathered, const SequencePlan& plan, bool go_backwards, const SequenceView<S>& d_inputs) {
    const Index batch = plan.batch(), features = d_inputs.shape().features;
    for (Index b = 0; b < batch; ++b)
        walk_row(plan, b, [&](Index step, Index place, bool used) {
            const Index t = go_backwards ? plan.time() - 1 - step : step;
            copy_row(used ? d_gathered + (place * batch + b) * features : nullptr, features, d_inputs.row(b, t));
        });
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
