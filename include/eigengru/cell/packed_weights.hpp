// SPDX-License-Identifier: MIT
// PackedWeights: the weights of a GRU in the order in which the kernels read them. A block has as many units as a vector
// of the kernels has lanes, so that they read nothing but what they use: 16 with AVX-512, 8 with AVX2 (half in double),
// those of Eigen's packets elsewhere.
//
//     panel of a block of 16 units:    k = 0    z: 16 | r: 16 | h: 16
//                                      k = 1    z: 16 | r: 16 | h: 16
//                                      ...      depth rows, read from top to bottom
//     kernel = panel of block 0, panel of block 1, ...   (depth = features); reset before: all panels of z and r, then
//              all of h, since the two are read by turns
//     recurrent_kernel = likewise                        (depth = units)
//     bias = block by block: z: 16 | r: 16 | m: 16 | c: 16, what the sums of the products begin with
//
// The units of the last block that do not exist have zero weights.
#pragma once

#include "eigengru/cell/gates.hpp"
#include "eigengru/core/aligned.hpp"
#include "eigengru/core/rounds.hpp"

#include <cstdint>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// A value; copies are independent.
template <RealScalar S>
class PackedWeights {
public:
    /// Takes over the weights, for kernels with vectors of `lanes` units. Allocates only when the sizes have changed.
    template <bool ResetAfter>
    void pack(const StepFunction<S>& f, Index lanes) {
        const Index padded_units = (f.units() + lanes - 1) / lanes * lanes;
        units_ = f.units();
        lanes_ = lanes;
        recurrent_kernel_ = whole_lines<S>(padded_units * kGates * f.features());
        bias_ = recurrent_kernel_ + whole_lines<S>(padded_units * kGates * f.units());
        const Index bias_row = bias_ + padded_units * kSlots;
        values_.resize(static_cast<std::size_t>(bias_row + kSlots * f.units()));
        pack_weight<ResetAfter>(f.kernel, values_.data());
        pack_weight<ResetAfter>(f.recurrent_kernel, values_.data() + recurrent_kernel_);
        const Gates<S> row{values_.data() + bias_row, 1, f.units(), kSlots * f.units()};
        set_gates_to_biases<ResetAfter>(f, row);
        pack_bias(row, values_.data() + bias_);
    }

    [[nodiscard]] const S* kernel() const { return values_.data(); }
    [[nodiscard]] const S* recurrent_kernel() const { return values_.data() + recurrent_kernel_; }
    [[nodiscard]] const S* bias() const { return values_.data() + bias_; }
    [[nodiscard]] Index units() const { return units_; }
    [[nodiscard]] Index lanes() const { return lanes_; }
    /// Whether a step reads more than the second cache of a core holds, so that panels had better be fetched ahead.
    [[nodiscard]] bool exceeds_cache() const { return bytes() > 1024 * 1024; }
    [[nodiscard]] Index bytes() const { return static_cast<Index>(values_.capacity() * sizeof(S)); }

private:
    /// One block of one gate, padded with zeros.
    [[nodiscard]] S* pack_block(const S* from, Index count, S* to) const {
        if (count >= lanes_)
            std::copy_n(from, lanes_, to);
        else
            std::fill(std::copy_n(from, count, to), to + lanes_, S(0));
        return to + lanes_;
    }

    template <bool ResetAfter>
    void pack_weight(const MatrixMap<const S>& weight, S* to) const {
        if constexpr (ResetAfter)
            pack_panels(weight, {0, 3}, to);
        else
            pack_panels(weight, {2, 1}, pack_panels(weight, {0, 2}, to));
    }

    /// The panels of some gates; returns where they end.
    S* pack_panels(const MatrixMap<const S>& weight, Range gates, S* to) const {
        const Index units = weight.cols() / kGates;
        for (Index unit = 0; unit < units; unit += lanes_)
            for (Index k = 0; k < weight.rows(); ++k)
                for (Index gate = gates.first; gate < gates.end(); ++gate)
                    to = pack_block(weight.data() + k * weight.outerStride() + gate * units + unit, units - unit, to);
        return to;
    }

    void pack_bias(const Gates<S>& row, S* to) const {
        for (Index unit = 0; unit < row.units; unit += lanes_)
            for (Index slot = 0; slot < kSlots; ++slot) to = pack_block(row.slot(slot) + unit, row.units - unit, to);
    }

    AlignedVector<S> values_;
    Index units_ = 0;
    Index lanes_ = 0;
    Index recurrent_kernel_ = 0;
    Index bias_ = 0;
};

/// Packed weights that follow those of a cell.
template <RealScalar S>
class PackedCopy {
public:
    /// Those of the cell as it is now: packed anew when its parameters have changed, or for other kernels.
    template <bool ResetAfter, class Cell>
    [[nodiscard]] const PackedWeights<S>& of(const Cell& cell, Index lanes) EIGENGRU_LIFETIMEBOUND {
        if (version_ != cell.version() || weights_.lanes() != lanes || cell.is_changing()) {
            weights_.template pack<ResetAfter>(cell.function(), lanes);
            version_ = cell.version();
        }
        return weights_;
    }

    [[nodiscard]] Index bytes() const { return weights_.bytes(); }

private:
    PackedWeights<S> weights_;
    std::uint64_t version_ = 0;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
