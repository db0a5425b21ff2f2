// SPDX-License-Identifier: MIT
// The large products of a backward pass: from the gradients of the gates of many rows at once to those of the weights
// and of the inputs. A row is one time step of one sequence.
#pragma once

#include "eigengru/cell/gates.hpp"
#include "eigengru/model/options.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Rows of a backward pass whose gates have their gradients.
template <RealScalar S>
struct GradientRows {
    Gates<const S> d;                ///< dz, dr, dm, dc
    Gates<const S> gates;            ///< of the forward pass; reset before reads m = r . h . mask_h
    MatrixMap<const S> inputs;       ///< (rows, features), without dropout
    const S* states;                 ///< before each step, (rows, units) without gaps
    const DropoutMasks<S>* dropout;  ///< none when null
    S* scratch;                      ///< (rows, max(features, units)); used with dropout alone
};

/// to = from . mask, the rows of the mask again and again.
template <RealScalar S, class Mask>
void multiply_rows(const MatrixMap<const S>& from, const Mask& mask, MatrixMap<S> to) {
    for (Index first = 0; first < from.rows(); first += mask.rows())
        to.middleRows(first, mask.rows()) = from.middleRows(first, mask.rows()).cwiseProduct(mask);
}

/// bias += the sums of the gradients over the rows: dz, dr, dc for the input bias, dz, dr, dm for the recurrent one.
template <bool ResetAfter, RealScalar S>
void add_bias_gradient(const Gates<const S>& d, MatrixMap<S> bias) {
    if (bias.rows() == 0) return;
    const Index units = d.units;
    for (Index i = 0; i < d.rows; ++i) {
        const ArrayMap<const S> row(d.row(i), kSlots * units);
        ArrayMap<S> input(bias.data(), kGates * units);
        input.head(2 * units) += row.head(2 * units);
        input.tail(units) += row.tail(units);
        if constexpr (ResetAfter) ArrayMap<S>(bias.data() + bias.outerStride(), kGates * units) += row.head(3 * units);
    }
}

/// kernel += (x . mask_g)^T d_g for each gate g.
template <RealScalar S>
void add_kernel_gradient(const GradientRows<S>& rows, const MatrixMap<S>& kernel) {
    const std::size_t masks = rows.dropout != nullptr ? rows.dropout->input.size() : 0;
    const MatrixMap<S> scratch = block(rows.scratch, rows.inputs.rows(), rows.inputs.cols());
    const MatrixMap<const S> masked = block<const S>(rows.scratch, rows.inputs.rows(), rows.inputs.cols());
    if (masks < kGates) {
        if (masks == 1) multiply_rows<S>(rows.inputs, rows.dropout->input[0], scratch);
        const MatrixMap<const S>& x = masks == 1 ? masked : rows.inputs;
        add_transposed_product<S>(x, rows.d.matrix(kSlotZ, 2), gate_columns<S>(kernel, 0, 2));
        return add_transposed_product<S>(x, rows.d.matrix(kSlotC), gate_columns<S>(kernel, 2));
    }
    for (std::size_t g = 0; g < kGates; ++g) {
        multiply_rows<S>(rows.inputs, rows.dropout->input[g], scratch);
        add_transposed_product<S>(masked, rows.d.matrix(kInputSlots[g]),
                                  gate_columns<S>(kernel, static_cast<Index>(g)));
    }
}

/// recurrent_kernel += (h . mask_g)^T d_g for each gate g; reset before m^T dc for the candidate.
template <bool ResetAfter, RealScalar S>
void add_recurrent_kernel_gradient(const GradientRows<S>& rows, const MatrixMap<S>& recurrent_kernel) {
    constexpr Index kCount = ResetAfter ? 3 : 2;
    const Index count = rows.d.rows;
    const Index units = rows.d.units;
    const MatrixMap<const S> h = block(rows.states, count, units);
    if (rows.dropout == nullptr || rows.dropout->state.empty()) {
        add_transposed_product<S>(h, rows.d.matrix(kSlotZ, kCount), gate_columns<S>(recurrent_kernel, 0, kCount));
    } else {
        for (Index g = 0; g < kCount; ++g) {
            multiply_rows<S>(h, rows.dropout->state[static_cast<std::size_t>(g)], block(rows.scratch, count, units));
            add_transposed_product<S>(block<const S>(rows.scratch, count, units), rows.d.matrix(g),
                                      gate_columns<S>(recurrent_kernel, g));
        }
    }
    if constexpr (!ResetAfter)
        add_transposed_product<S>(rows.gates.matrix(kSlotM), rows.d.matrix(kSlotC),
                                  gate_columns<S>(recurrent_kernel, 2));
}

/// All three.
template <bool ResetAfter, RealScalar S>
void add_parameter_gradients(const GradientRows<S>& rows, GruWeights<S>& into) {
    add_bias_gradient<ResetAfter, S>(rows.d, into.bias());
    add_kernel_gradient<S>(rows, into.kernel());
    add_recurrent_kernel_gradient<ResetAfter, S>(rows, into.recurrent_kernel());
}

/// d_inputs (rows, features) without gaps = the sum over the gates g of (d_g W_g^T) . mask_g, given W^T.
template <RealScalar S>
void input_gradient(const GradientRows<S>& rows, const MatrixMap<const S>& kernel_t, S* d_inputs) {
    const Index features = kernel_t.cols();
    const Index units = rows.d.units;
    const std::size_t masks = rows.dropout != nullptr ? rows.dropout->input.size() : 0;
    const auto rows_of = [&](Index gate, Index gates) -> MatrixMap<const S> {
        return block(kernel_t.data() + gate * units * features, gates * units, features);
    };
    MatrixMap<S> out = block(d_inputs, rows.d.rows, features);
    out.setZero();
    if (masks < kGates) {
        add_product<S>(rows.d.matrix(kSlotZ, 2), rows_of(0, 2), d_inputs, features);
        add_product<S>(rows.d.matrix(kSlotC), rows_of(2, 1), d_inputs, features);
        if (masks == 1) multiply_rows<S>(block<const S>(d_inputs, rows.d.rows, features), rows.dropout->input[0], out);
        return;
    }
    MatrixMap<S> product = block(rows.scratch, rows.d.rows, features);
    for (std::size_t g = 0; g < kGates; ++g) {
        product.setZero();
        add_product<S>(rows.d.matrix(kInputSlots[g]), rows_of(static_cast<Index>(g), 1), product.data(), features);
        multiply_rows<S>(block<const S>(rows.scratch, rows.d.rows, features), rows.dropout->input[g], product);
        out += product;
    }
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
