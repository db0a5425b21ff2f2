// SPDX-License-Identifier: MIT
// What streams do about states that decay: those too small to matter are stored as 0, so that a stream never computes
// with subnormal numbers, which cost up to a hundred times as much, and a silent input leads to a state of zeros.
#pragma once

#include "eigengru/math/vectors.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// The smallest magnitude of a state that a stream keeps. Its products with weights are normal numbers.
template <RealScalar S>
inline constexpr S kSmallestState = sizeof(S) == sizeof(float) ? S(1e-30) : S(1e-290);

/// x, or 0 where it is too small. NaN stays.
template <RealScalar S>
[[nodiscard]] constexpr S flushed(S x) {
    return x < kSmallestState<S> && -x < kSmallestState<S> ? S(0) : x;
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail

#define EIGENGRU_TARGET_SOURCE "eigengru/cell/flush_kernel.hpp"
#include "eigengru/core/for_each_target.hpp"
