// SPDX-License-Identifier: MIT
// The numbers that are none, by the names that the tests call them.
#pragma once

#include <limits>

namespace eigengru_test {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace eigengru_test
