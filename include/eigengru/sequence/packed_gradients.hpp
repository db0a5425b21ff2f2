// SPDX-License-Identifier: MIT
// PackedGradients: the products of a backward pass by the kernels. Steps, masks and what arrives at the outputs are the
// caller's business (eigen_backward.hpp).
#pragma once

#include "eigengru/cell/gradient_kernels.hpp"
#include "eigengru/cell/gradient_products.hpp"
#include "eigengru/cell/gru_step.hpp"
#include "eigengru/sequence/sequence_call.hpp"
#include "eigengru/sequence/workspace.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// The gates whose gradients stand in neighbouring lines.
inline constexpr std::array<Index, 3> kLinesMzr{2, 0, 1};
inline constexpr std::array<Index, 3> kLinesZrc{0, 1, 2};
inline constexpr std::array<Index, 2> kLinesZr{0, 1};
inline constexpr std::array<Index, 1> kLinesC{2};

/// Steps back and makes the gradients of weights and inputs of a chunk.
template <bool ResetAfter, RealScalar S>
class PackedGradients {
public:
    PackedGradients(const StepFunction<S>& f, Kernels kernels, const DropoutMasks<S>* dropout,
                    BackwardWorkspace<S>& workspace)
        : f_(f), dropout_(dropout), workspace_(workspace) {
        is_active_ = is_for_kernels(kernels, dropout);
        if (is_active_) kernels_ = &gradient_kernels<ResetAfter, S>(kernels);
    }

    [[nodiscard]] bool is_active() const { return is_active_; }

    /// Transposes the weights, and clears their gradients.
    void start() {
        const std::span<S> d = workspace_.d_weights();
        std::fill(d.begin(), d.end(), S(0));
        pack_transposed<S>(f_.kernel, kLinesZrc, workspace_.kernel_panels());
        if constexpr (ResetAfter) {
            pack_transposed<S>(f_.recurrent_kernel, kLinesMzr, workspace_.recurrent_panels());
        } else {
            pack_transposed<S>(f_.recurrent_kernel, kLinesZr, workspace_.recurrent_panels());
            pack_transposed<S>(f_.recurrent_kernel, kLinesC, recurrent_panels_c());
        }
    }

    void open_chunk(Index rows) { d_ = {workspace_.gate_panels(), rows, f_.units()}; }

    /// One step back, `first` is its first row in the chunk. `step.d` is scratch for the gradients of its gates.
    void step_back(const StepGradient<S>& step, Index first) {
        if (f_.is_default_pair())
            step_back_default(step, first);
        else
            step_back_any(step, first);
        constexpr LineRange kLinesOfU = ResetAfter ? LineRange{kLineM, 3} : LineRange{kLineZ, 2};
        multiply(first, step.d.rows, kLinesOfU, workspace_.recurrent_panels(), {step.d_state, f_.units(), true});
    }

    /// Rows that have no part in the gradients.
    void clear_rows(Index first, Index count) {
        for (Index b = 0; b < block_count<S>(f_.units()); ++b)
            std::fill_n(d_.row(b, first), count * GatePanels<S>::kRow, S(0));
    }

    /// The gradients of the weights (to be finished) and of the inputs, from all rows of the chunk.
    void add_products(const GradientRows<S>& rows, MatrixMap<S> bias, S* d_inputs) {
        const RowMatrix<S>* mask = dropout_ != nullptr && !dropout_->input.empty() ? &dropout_->input[0] : nullptr;
        const Index features = f_.features();
        add_bias(bias);
        if (mask != nullptr) multiply_rows<S>(rows.inputs, *mask, block(rows.scratch, d_.rows, features));
        add_weight_gradient(mask != nullptr ? block<const S>(rows.scratch, d_.rows, features) : rows.inputs,
                            {kLineZ, 3}, workspace_.d_kernel());
        const MatrixMap<const S> h = block(rows.states, d_.rows, f_.units());
        if constexpr (ResetAfter) {
            add_weight_gradient(h, {kLineM, 3}, workspace_.d_recurrent_kernel());
        } else {
            add_weight_gradient(h, {kLineZ, 2}, workspace_.d_recurrent_kernel());
            add_weight_gradient(rows.gates.matrix(kSlotM), {kLineC, 1}, d_recurrent_kernel_c());
        }
        multiply(0, d_.rows, {kLineZ, 3}, workspace_.kernel_panels(), {d_inputs, features, false});
        if (mask != nullptr)
            multiply_rows<S>(block<const S>(d_inputs, d_.rows, features), *mask, block(d_inputs, d_.rows, features));
    }

    /// Adds the gradients of the weights to `into`.
    void finish(GruWeights<S>& into) {
        add_unpacked<S>(workspace_.d_kernel(), kLinesZrc, into.kernel());
        if constexpr (ResetAfter) {
            add_unpacked<S>(workspace_.d_recurrent_kernel(), kLinesMzr, into.recurrent_kernel());
        } else {
            add_unpacked<S>(workspace_.d_recurrent_kernel(), kLinesZr, into.recurrent_kernel());
            add_unpacked<S>(d_recurrent_kernel_c(), kLinesC, into.recurrent_kernel());
        }
    }

private:
    struct ProductOutput {
        S* data;
        Index stride;
        bool adds;
    };

    [[nodiscard]] S* recurrent_panels_c() {
        return workspace_.recurrent_panels() + transposed_size<S>(f_.units(), f_.units(), 2);
    }
    [[nodiscard]] S* d_recurrent_kernel_c() {
        return workspace_.d_recurrent_kernel() +
               2 * padded_rows(f_.units()) * block_count<S>(f_.units()) * kLineSize<S>;
    }

    void multiply(Index first, Index rows, LineRange lines, const S* panels, const ProductOutput& out) {
        kernels_->multiply_transposed({.gates = d_.as_const(),
                                       .first_row = first,
                                       .rows = rows,
                                       .lines = lines,
                                       .panels = panels,
                                       .cols = out.stride,
                                       .out = out.data,
                                       .out_stride = out.stride,
                                       .adds = out.adds});
    }

    void add_weight_gradient(const MatrixMap<const S>& a, LineRange lines, S* gradients) {
        pack_strips<S>(a, workspace_.strips());
        kernels_->add_weight_gradient[static_cast<std::size_t>(lines.count - 1)](
            {workspace_.strips(), a.rows(), a.cols(), d_.as_const(), lines.first, gradients});
    }

    void step_back_default(const StepGradient<S>& step, Index first) {
        StepGradientCall<S> call{.rows = step.d.rows,
                                 .gates = step.values.data,
                                 .gate_stride = step.values.stride,
                                 .d = d_,
                                 .first_row = first,
                                 .h = step.h,
                                 .d_next = step.d_next,
                                 .d_state = step.d_state};
        kernels_->start(call);
        if constexpr (!ResetAfter) {
            S* dm = step.d.data;
            multiply(first, step.d.rows, {kLineC, 1}, recurrent_panels_c(), {dm, f_.units(), false});
            call.d_next = dm;
            kernels_->finish(call);
        }
    }

    void step_back_any(const StepGradient<S>& step, Index first) {
        start_step_gradient<ResetAfter>(f_, step);
        if constexpr (!ResetAfter) {
            pack_gates(step.d, first);
            const S* dm = workspace_.scratch();
            multiply(first, step.d.rows, {kLineC, 1}, recurrent_panels_c(), {workspace_.scratch(), f_.units(), false});
            step.d.matrix(kSlotM) = block(dm, step.d.rows, f_.units());
            finish_reset_gradient(f_, step);
        }
        pack_gates(step.d, first);
    }

    /// From rows of gates to panels; r and m of reset before are not there at first, and not read.
    void pack_gates(const Gates<S>& d, Index first) {
        constexpr std::array<Index, kLines> kSlotOfLine{kSlotM, kSlotZ, kSlotR, kSlotC};
        constexpr Index kLine = kLineSize<S>;
        for (Index i = 0; i < d.rows; ++i)
            for (Index unit = 0; unit < d.units; unit += kLine) {
                const Index count = std::min(kLine, d.units - unit);
                S* to = d_.row(unit / kLine, first + i);
                for (const Index slot : kSlotOfLine) {
                    std::fill(std::copy_n(d.row(i) + slot * d.units + unit, count, to), to + kLine, S(0));
                    to += kLine;
                }
            }
    }

    /// bias += the sums of the gradients over the rows of the chunk.
    void add_bias(MatrixMap<S> bias) {
        if (bias.rows() == 0) return;
        constexpr Index kLine = kLineSize<S>;
        using Row = Eigen::Array<S, GatePanels<S>::kRow, 1>;
        for (Index unit = 0; unit < f_.units(); unit += kLine) {
            Row sum = Row::Zero();
            for (Index i = 0; i < d_.rows; ++i) sum += Eigen::Map<const Row>(d_.row(unit / kLine, i));
            const Index count = std::min(kLine, f_.units() - unit);
            const auto add = [&](Index row, Index gate, Index line) {
                ArrayMap<S>(bias.data() + row * bias.outerStride() + gate * f_.units() + unit, count) +=
                    sum.segment(line * kLine, count);
            };
            for (Index gate = 0; gate < kGates; ++gate) add(0, gate, kLineZ + gate);
            if constexpr (ResetAfter)
                for (Index i = 0; i < kGates; ++i) add(1, kLinesMzr[static_cast<std::size_t>(i)], i);
        }
    }

    const StepFunction<S>& f_;
    const DropoutMasks<S>* dropout_;
    BackwardWorkspace<S>& workspace_;
    const GradientKernels<S>* kernels_ = nullptr;
    GatePanels<S> d_{};
    bool is_active_ = false;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
