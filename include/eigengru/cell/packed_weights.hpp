// SPDX-License-Identifier: MIT
// PackedWeights: the weights of a GRU in the order in which the kernels read them, one layout for every instruction
// set.
//
//     panel of a block of 16 units (8 in double):    k = 0    z: 16 | r: 16 | h: 16     each one cache line
//                                                    k = 1    z: 16 | r: 16 | h: 16
//                                                    ...      depth rows, read from top to bottom
//     kernel = panel of block 0, panel of block 1, ...   (depth = features)
//     recurrent_kernel = likewise                        (depth = units)
//     bias = block by block: z: 16 | r: 16 | m: 16 | c: 16, what the sums of the products begin with
//
// The units of the last block that do not exist have zero weights.
#pragma once

#include "eigengru/cell/gates.hpp"
#include "eigengru/core/aligned.hpp"

#include <cstdint>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Units in a block.
template <class S>
inline constexpr Index kBlockUnits = kLineSize<S>;

/// Scalars in a row of a panel.
template <class S>
inline constexpr Index kPanelWidth = kGates * kBlockUnits<S>;

/// Blocks that cover so many units.
template <class S>
[[nodiscard]] constexpr Index block_count(Index units) {
    return (units + kBlockUnits<S> - 1) / kBlockUnits<S>;
}

/// A value; copies are independent.
template <RealScalar S>
class PackedWeights {
public:
    /// Takes over the weights. Allocates only when the sizes have changed.
    template <bool ResetAfter>
    void pack(const StepFunction<S>& f) {
        const Index blocks = block_count<S>(f.units());
        units_ = f.units();
        recurrent_kernel_ = blocks * f.features() * kPanelWidth<S>;
        bias_ = recurrent_kernel_ + blocks * f.units() * kPanelWidth<S>;
        const Index bias_row = bias_ + blocks * kSlots * kBlockUnits<S>;
        values_.resize(static_cast<std::size_t>(bias_row + kSlots * f.units()));
        pack_panels(f.kernel, values_.data());
        pack_panels(f.recurrent_kernel, values_.data() + recurrent_kernel_);
        const Gates<S> row{values_.data() + bias_row, 1, f.units(), kSlots * f.units()};
        set_gates_to_biases<ResetAfter>(f, row);
        pack_bias(row, values_.data() + bias_);
    }

    [[nodiscard]] const S* kernel() const { return values_.data(); }
    [[nodiscard]] const S* recurrent_kernel() const { return values_.data() + recurrent_kernel_; }
    [[nodiscard]] const S* bias() const { return values_.data() + bias_; }
    [[nodiscard]] Index units() const { return units_; }
    /// Whether a step reads more than the cache nearest to a core holds, so that panels had better be fetched ahead.
    [[nodiscard]] bool exceeds_cache() const { return bytes() > 1024 * 1024; }
    [[nodiscard]] Index bytes() const { return static_cast<Index>(values_.capacity() * sizeof(S)); }

private:
    /// One block of one gate, padded with zeros.
    static S* pack_block(const S* from, Index count, S* to) {
        if (count >= kBlockUnits<S>)
            std::copy_n(from, kBlockUnits<S>, to);
        else
            std::fill(std::copy_n(from, count, to), to + kBlockUnits<S>, S(0));
        return to + kBlockUnits<S>;
    }

    static void pack_panels(const MatrixMap<const S>& weight, S* to) {
        const Index units = weight.cols() / kGates;
        for (Index unit = 0; unit < units; unit += kBlockUnits<S>)
            for (Index k = 0; k < weight.rows(); ++k)
                for (Index gate = 0; gate < kGates; ++gate)
                    to = pack_block(weight.data() + k * weight.outerStride() + gate * units + unit, units - unit, to);
    }

    static void pack_bias(const Gates<S>& row, S* to) {
        for (Index unit = 0; unit < row.units; unit += kBlockUnits<S>)
            for (Index slot = 0; slot < kSlots; ++slot) to = pack_block(row.slot(slot) + unit, row.units - unit, to);
    }

    AlignedVector<S> values_;
    Index units_ = 0;
    Index recurrent_kernel_ = 0;
    Index bias_ = 0;
};

/// Packed weights that follow those of a cell.
template <RealScalar S>
class PackedCopy {
public:
    /// Those of the cell as it is now: packed anew when its parameters have changed.
    template <bool ResetAfter, class Cell>
    [[nodiscard]] const PackedWeights<S>& of(const Cell& cell) EIGENGRU_LIFETIMEBOUND {
        if (version_ != cell.version() || cell.is_changing()) {
            weights_.template pack<ResetAfter>(cell.function());
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
