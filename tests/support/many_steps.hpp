// SPDX-License-Identifier: MIT
// How many steps a test of long runs makes.
#pragma once

#include "support/sanitizers.hpp"

namespace eigengru_test {

#if defined(__OPTIMIZE__)
inline constexpr int kManySteps = kHasSanitizer ? 10'000 : 1'000'000;
#else
inline constexpr int kManySteps = kHasSanitizer ? 10'000 : 100'000;
#endif

}  // namespace eigengru_test
