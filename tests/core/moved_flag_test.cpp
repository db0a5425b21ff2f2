// SPDX-License-Identifier: MIT
#include "eigengru/core/moved_flag.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using eigengru::detail::MovedFlag;

TEST(MovedFlagOf, GoesAlongWithAMove) {
    MovedFlag from;
    EXPECT_FALSE(bool(from));
    from.set(true);
    MovedFlag constructed(std::move(from));
    EXPECT_TRUE(bool(constructed));
    EXPECT_FALSE(bool(from));  // NOLINT(bugprone-use-after-move): that is what is tested
    MovedFlag assigned;
    assigned = std::move(constructed);
    EXPECT_TRUE(bool(assigned));
    EXPECT_FALSE(bool(constructed));  // NOLINT(bugprone-use-after-move)
}

TEST(MovedFlagOf, IsCopied) {
    MovedFlag from;
    from.set(true);
    const MovedFlag copy = from;
    EXPECT_TRUE(bool(copy));
    EXPECT_TRUE(bool(from));
}

}  // namespace
}  // namespace eigengru_test
