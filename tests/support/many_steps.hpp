// SPDX-License-Identifier: MIT
// How many steps a test of long runs makes.
#pragma once

namespace eigengru_test {

#if defined(__OPTIMIZE__)
inline constexpr int kManySteps = 1'000'000;
#else
inline constexpr int kManySteps = 10'000;
#endif

}  // namespace eigengru_test
