// SPDX-License-Identifier: MIT
// How many steps a test of long runs makes.
#pragma once

#include "support/sanitizers.hpp"

namespace eigengru_test {

inline constexpr int kManySteps = kHasSanitizer ? 10'000 : 1'000'000;

}  // namespace eigengru_test
