// SPDX-License-Identifier: MIT
// FixedGruWeights: the weights of a GRU whose sizes are known at compile time, in the order in which its kernels read
// them. A value that a constant expression can make.
//
//     r:  `features` rows of the kernel, then `units` rows of the recurrent kernel, each padded to whole vectors
//     z:  likewise
//     h:  likewise
//     bias: r | z | m | c, what the sums of the products begin with
#pragma once

#include "eigengru/fwd.hpp"

#include <array>
#include <cstddef>
#include <span>

namespace eigengru::inline EIGENGRU_ABI {

namespace detail {

/// The gates of a fixed-size GRU in the order of its kernels, and the two halves of the candidate.
enum FixedSlot : std::size_t { kFixedR, kFixedZ, kFixedM, kFixedC, kFixedSlots };

/// Scalars in the widest vector of any kernel.
template <class S>
inline constexpr std::size_t kWidestVector = 64 / sizeof(S);

/// `units` rounded up to whole vectors: to half of the widest where they fit into that.
template <class S>
[[nodiscard]] constexpr std::size_t fixed_lanes(std::size_t units) {
    constexpr std::size_t kWidest = kWidestVector<S>;
    return units <= kWidest / 2 ? kWidest / 2 : (units + kWidest - 1) / kWidest * kWidest;
}

}  // namespace detail

/// The weights of a FixedGru, made from Keras's: kernel (features, 3 units), recurrent_kernel (units, 3 units) with the
/// columns z | r | h, and bias (2, 3 units), or (3 units) for reset before; each row by row.
///
///     static constexpr std::array<float, 24> kernel{...};
///     static constexpr std::array<float, 8 * 24> recurrent_kernel{...};
///     static constexpr std::array<float, 2 * 24> bias{...};
///     static constexpr FixedGruWeights<float, 1, 8> weights(kernel, recurrent_kernel, bias);
template <RealScalar S, Index Features, Index Units, bool ResetAfter>
class FixedGruWeights {
    static_assert(Features > 0 && Units > 0, "eigengru: a FixedGru has at least one feature and one unit");

    static constexpr std::size_t kInputs = std::size_t(Features), kWidth = std::size_t(Units);
    static constexpr std::size_t kColumns = std::size_t(kGates) * kWidth, kDepth = kInputs + kWidth;

public:
    using Scalar = S;
    static constexpr Index kFeatures = Features, kUnits = Units;
    static constexpr bool kResetAfter = ResetAfter;
    static constexpr std::size_t kKernelSize = kInputs * kColumns;
    static constexpr std::size_t kRecurrentKernelSize = kWidth * kColumns;
    static constexpr std::size_t kBiasSize = (ResetAfter ? 2 : 1) * kColumns;

    /// Scalars from one row to the next, and from one gate to the next.
    static constexpr std::size_t kLanes = detail::fixed_lanes<S>(kWidth), kGateSize = kDepth * kLanes;

    /// Scalars of a state: whole vectors of any kernel.
    static constexpr std::size_t kStateLanes =
        (kWidth + detail::kWidestVector<S> - 1) / detail::kWidestVector<S> * detail::kWidestVector<S>;

    /// Without biases.
    constexpr FixedGruWeights(std::span<const S, kKernelSize> kernel,
                              std::span<const S, kRecurrentKernelSize> recurrent_kernel) noexcept {
        pack_rows(kernel.data(), kInputs, 0);
        pack_rows(recurrent_kernel.data(), kWidth, kInputs);
    }

    constexpr FixedGruWeights(std::span<const S, kKernelSize> kernel,
                              std::span<const S, kRecurrentKernelSize> recurrent_kernel,
                              std::span<const S, kBiasSize> bias) noexcept
        : FixedGruWeights(kernel, recurrent_kernel) {
        for (std::size_t unit = 0; unit < kWidth; ++unit) {
            set_bias(detail::kFixedZ, unit, bias[unit]);
            set_bias(detail::kFixedR, unit, bias[kWidth + unit]);
            set_bias(detail::kFixedC, unit, bias[2 * kWidth + unit]);
            if constexpr (ResetAfter) {
                set_bias(detail::kFixedZ, unit, bias[unit] + bias[kColumns + unit]);
                set_bias(detail::kFixedR, unit, bias[kWidth + unit] + bias[kColumns + kWidth + unit]);
                set_bias(detail::kFixedM, unit, bias[kColumns + 2 * kWidth + unit]);
            }
        }
    }

    /// The rows of r, those of the inputs first; z and h follow kGateSize apart. A vector may be read at any lane.
    [[nodiscard]] const S* rows() const noexcept { return rows_.data(); }
    [[nodiscard]] const S* recurrent_rows() const noexcept { return rows_.data() + kInputs * kLanes; }
    [[nodiscard]] const S* bias(detail::FixedSlot slot) const noexcept { return bias_.data() + slot * kLanes; }

private:
    constexpr void pack_rows(const S* weight, std::size_t count, std::size_t first) noexcept {
        constexpr detail::FixedSlot kSlotOfGate[] = {detail::kFixedZ, detail::kFixedR, detail::kFixedM};
        for (std::size_t k = 0; k < count; ++k)
            for (std::size_t gate = 0; gate < std::size_t(kGates); ++gate)
                for (std::size_t unit = 0; unit < kWidth; ++unit)
                    rows_[kSlotOfGate[gate] * kGateSize + (first + k) * kLanes + unit] =
                        weight[k * kColumns + gate * kWidth + unit];
    }

    constexpr void set_bias(std::size_t slot, std::size_t unit, S value) noexcept {
        bias_[slot * kLanes + unit] = value;
    }

    // A vector at the last lanes of a row of half a vector reads as much beyond it.
    static constexpr std::size_t kPadding = detail::kWidestVector<S> / 2;

    alignas(64) std::array<S, std::size_t(kGates) * kGateSize + kPadding> rows_{};
    alignas(64) std::array<S, detail::kFixedSlots * kLanes + kPadding> bias_{};
};

}  // namespace eigengru::inline EIGENGRU_ABI
