// SPDX-License-Identifier: MIT
// The scalar types with either reset mode that typed tests run over.
#pragma once

#include <gtest/gtest.h>

namespace eigengru_test {

template <class S, bool ResetAfter>
struct Mode {
    using Scalar = S;
    static constexpr bool kResetAfter = ResetAfter;
};
using Modes = testing::Types<Mode<float, true>, Mode<float, false>, Mode<double, true>, Mode<double, false>>;

}  // namespace eigengru_test
