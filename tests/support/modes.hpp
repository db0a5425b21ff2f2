// SPDX-License-Identifier: MIT
// What typed tests run over: the scalar types, alone and with either reset mode.
#pragma once

#include <gtest/gtest.h>

namespace eigengru_test {

using Scalars = testing::Types<float, double>;

template <class S, bool ResetAfter>
struct Mode {
    using Scalar = S;
    static constexpr bool kResetAfter = ResetAfter;
};
using Modes = testing::Types<Mode<float, true>, Mode<float, false>, Mode<double, true>, Mode<double, false>>;

}  // namespace eigengru_test
