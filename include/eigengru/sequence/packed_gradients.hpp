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

/// Steps back and makes the gradients of weights and inputs of a chunk. What takes a Share does that part of it alone:
/// each element is computed by one of the parts, and to the same bits however many there are.
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
    void start(Share share) const {
        const std::span<S> d = workspace_.d_weights();
        const Range cleared = share.of(static_cast<Index>(d.size()), kLineSize<S>);
        std::fill_n(d.data() + cleared.first, cleared.count, S(0));
        pack_transposed<S>(f_.kernel, kLinesZrc, workspace_.kernel_panels(), share);
        if constexpr (ResetAfter) {
            pack_transposed<S>(f_.recurrent_kernel, kLinesMzr, workspace_.recurrent_panels(), share);
        } else {
            pack_transposed<S>(f_.recurrent_kernel, kLinesZr, workspace_.recurrent_panels(), share);
            pack_transposed<S>(f_.recurrent_kernel, kLinesC, recurrent_panels_c(), share);
        }
    }

    /// The same for a chunk of so many rows, which follows the last one in the same memory. Steps go to and fro through
    /// the weights: what one of them read last is in the cache still.
    [[nodiscard]] PackedGradients of_chunk(Index rows, bool goes_back = false) const {
        PackedGradients chunk = *this;
        chunk.goes_back_ = goes_back;
        chunk.d_ = {workspace_.gate_panels(), rows, f_.units()};
        return chunk;
    }

    /// One step back of some rows, `first` is the first of them in the chunk. `step.d` is scratch for the gradients of
    /// their gates, and `dm` for as many states.
    void step_back(const StepGradient<S>& step, Index first, S* dm) const {
        if (f_.is_default_pair())
            step_back_default(step, first);
        else
            step_back_any(step, first, dm);
        constexpr LineRange kLinesOfU = ResetAfter ? LineRange{kLineM, 3} : LineRange{kLineZ, 2};
        multiply(first, step.d.rows, kLinesOfU, workspace_.recurrent_panels(), {step.d_state, f_.units(), true});
    }

    /// Rows that have no part in the gradients.
    void clear_rows(Index first, Index count) const {
        for (Index b = 0; b < line_count<S>(f_.units()); ++b)
            std::fill_n(d_.row(b, first), count * GatePanels<S>::kRow, S(0));
    }

    /// The gradients of the weights (to be finished) from all rows of the chunk.
    void add_weight_gradients(const GradientRows<S>& rows, MatrixMap<S> bias, Share share) const {
        add_bias(bias, share);
        const Strips x{masked_inputs(rows, share), workspace_.input_strips()};
        add_weight_gradient({x, nullptr, kLineZ, workspace_.d_kernel()}, share);
        const Strips h{block(rows.states, d_.rows, f_.units()), workspace_.state_strips()};
        if constexpr (ResetAfter) {
            add_weight_gradient({h, nullptr, kLineM, workspace_.d_recurrent_kernel()}, share);
        } else {
            const Strips m{rows.gates.matrix(kSlotM), workspace_.m_strips()};
            add_weight_gradient({h, &m, kLineZ, workspace_.d_recurrent_kernel()}, share);
        }
    }

    /// d_inputs (rows of the chunk, features), some of them.
    void input_gradients(Range rows, S* d_inputs) const {
        const Index features = f_.features();
        S* first = d_inputs + rows.first * features;
        multiply(rows.first, rows.count, {kLineZ, 3}, workspace_.kernel_panels(), {first, features, false});
        const RowMatrix<S>* mask = input_mask();
        for (Index row = rows.first; mask != nullptr && row < rows.end(); ++row)
            ArrayMap<S>(d_inputs + row * features, features) *=
                ArrayMap<const S>(mask->data() + row % mask->rows() * features, features);
    }

    /// Adds the gradients of the weights to `into`.
    void finish(GruWeights<S>& into, Share share) const {
        add_unpacked<S>(workspace_.d_kernel(), kLinesZrc, into.kernel(), share);
        add_unpacked<S>(workspace_.d_recurrent_kernel(), ResetAfter ? kLinesMzr : kLinesZrc, into.recurrent_kernel(),
                        share);
    }

private:
    struct ProductOutput {
        S* data;
        Index stride;
        bool adds;
    };

    /// A matrix that is cut into strips, and the memory for them: its own, since m is read beside h, and while one
    /// thread reads inputs another cuts states.
    struct Strips {
        MatrixMap<const S> matrix;
        S* strips;

        void pack(Range range) const {
            const Index first = range.first * kStrip, count = std::min(range.count * kStrip, matrix.cols() - first);
            pack_strips<S>(columns<const S>(matrix, first, count), strips + range.first * matrix.rows() * kStrip);
        }
    };

    /// gradients += a^T times three lines of gate gradients, from `first` on; the last of them times another matrix
    /// unless that is null.
    struct WeightProduct {
        const Strips& a;
        const Strips* other;
        Index first;
        S* gradients;
    };

    template <class T>
    [[nodiscard]] static MatrixMap<T> columns(const MatrixMap<T>& matrix, Index first, Index count) {
        return {const_cast<T*>(matrix.data()) + first, matrix.rows(), count,
                Eigen::OuterStride<>(matrix.outerStride())};
    }

    [[nodiscard]] const RowMatrix<S>* input_mask() const {
        return dropout_ != nullptr && !dropout_->input.empty() ? &dropout_->input[0] : nullptr;
    }
    [[nodiscard]] S* recurrent_panels_c() const {
        return workspace_.recurrent_panels() + transposed_size<S>(f_.units(), f_.units(), 2);
    }

    void multiply(Index first, Index rows, LineRange lines, const S* panels, const ProductOutput& out) const {
        kernels_->multiply_transposed({.gates = d_.as_const(),
                                       .first_row = first,
                                       .rows = rows,
                                       .lines = lines,
                                       .panels = panels,
                                       .cols = out.stride,
                                       .out = out.data,
                                       .out_stride = out.stride,
                                       .adds = out.adds,
                                       .goes_back = goes_back_});
    }

    void add_weight_gradient(const WeightProduct& product, Share share) const {
        const MatrixMap<const S>& a = product.a.matrix;
        const Range range = share.of(strip_count(a.cols()));
        if (range.count == 0) return;
        product.a.pack(range);
        if (product.other != nullptr) product.other->pack(range);
        kernels_->add_weight_gradient({.strips = product.a.strips,
                                       .other = product.other != nullptr ? product.other->strips : nullptr,
                                       .rows = a.rows(),
                                       .cols = a.cols(),
                                       .gates = d_.as_const(),
                                       .first = product.first,
                                       .gradients = product.gradients,
                                       .range = range});
    }

    /// The inputs of the chunk, times their dropout mask where there is one: only the columns of this part are made.
    [[nodiscard]] MatrixMap<const S> masked_inputs(const GradientRows<S>& rows, Share share) const {
        const RowMatrix<S>* mask = input_mask();
        if (mask == nullptr) return rows.inputs;
        const Range cols = share.of(f_.features(), kStrip);
        multiply_rows<S>(columns<const S>(rows.inputs, cols.first, cols.count),
                         mask->middleCols(cols.first, cols.count),
                         columns<S>(block(rows.scratch, d_.rows, f_.features()), cols.first, cols.count));
        return block<const S>(rows.scratch, d_.rows, f_.features());
    }

    void step_back_default(const StepGradient<S>& step, Index first) const {
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

    void step_back_any(const StepGradient<S>& step, Index first, S* dm) const {
        start_step_gradient<ResetAfter>(f_, step);
        if constexpr (!ResetAfter) {
            pack_gates(step.d, first);
            multiply(first, step.d.rows, {kLineC, 1}, recurrent_panels_c(), {dm, f_.units(), false});
            step.d.matrix(kSlotM) = block<const S>(dm, step.d.rows, f_.units());
            finish_reset_gradient(f_, step);
        }
        pack_gates(step.d, first);
    }

    /// From rows of gates to panels; r and m of reset before are not there at first, and not read.
    void pack_gates(const Gates<S>& d, Index first) const {
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
    void add_bias(MatrixMap<S> bias, Share share) const {
        if (bias.rows() == 0) return;
        constexpr Index kLine = kLineSize<S>;
        using Row = Eigen::Array<S, GatePanels<S>::kRow, 1>;
        const Range units = share.of(f_.units(), kLine);
        for (Index unit = units.first; unit < units.end(); unit += kLine) {
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
    bool goes_back_ = false;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
