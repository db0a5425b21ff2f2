// SPDX-License-Identifier: MIT
// The states that the tests of flushing share.
#pragma once

#include "eigengru/cell/flush.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace eigengru_test {

template <class S>
class FlushValues : public testing::Test {
protected:
    using Limits = std::numeric_limits<S>;
    static constexpr S kLimit = eigengru::detail::kSmallestState<S>;

    /// Small and other values, more than one vector of them.
    const std::vector<S> values{kLimit,
                                -kLimit,
                                kLimit / 2,
                                -kLimit / 2,
                                Limits::min(),
                                Limits::infinity(),
                                -Limits::infinity(),
                                S(1),
                                S(-1),
                                Limits::denorm_min(),
                                S(0),
                                S(-0.0),
                                2 * kLimit,
                                Limits::quiet_NaN(),
                                -Limits::min(),
                                S(0.5),
                                kLimit / 4,
                                S(-3),
                                -2 * kLimit};

    void expect_flushed(const std::vector<S>& result, std::size_t count) const {
        for (std::size_t i = 0; i < values.size(); ++i) {
            const bool is_small = std::abs(values[i]) < kLimit && i < count;
            const S expected = is_small ? S(0) : values[i];
            EXPECT_TRUE(result[i] == expected || (std::isnan(result[i]) && std::isnan(expected))) << i << result[i];
        }
    }
};

}  // namespace eigengru_test
