// SPDX-License-Identifier: MIT
// The limits of a processor core as contenders; null for instruction sets that have no loops of their own.
#pragma once

#include "contender.hpp"

#include <cstddef>

namespace eigengru_bench {

inline constexpr long kMultiplyAdds = 3 << 20;

/// Runs kMultiplyAdds of them in registers.
EIGENGRU_BENCH_EXPORT ContenderPointer make_multiply_adds(const Problem& problem);

/// How often a run reads its bytes, so that its beginning and end do not count.
[[nodiscard]] constexpr long read_passes(std::size_t bytes) {
    return static_cast<long>((std::size_t(1) << 20) / bytes + 1);
}

/// Reads so many bytes, read_passes times.
EIGENGRU_BENCH_EXPORT ContenderPointer make_read(const Problem& problem, std::size_t bytes);

}  // namespace eigengru_bench
