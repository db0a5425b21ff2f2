// SPDX-License-Identifier: MIT
// The larger of two differences, for tests that look for the largest.
#pragma once

#include <cmath>
#include <limits>

namespace eigengru_test {

/// Infinity where one is no number: std::max would forget it.
template <class S>
[[nodiscard]] S larger(S worst, S difference) {
    if (std::isnan(worst) || std::isnan(difference)) return std::numeric_limits<S>::infinity();
    return worst < difference ? difference : worst;
}

}  // namespace eigengru_test
