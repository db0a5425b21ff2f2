// SPDX-License-Identifier: MIT
#include "eigengru/training/terminal.hpp"

#include <gtest/gtest.h>

namespace {

TEST(Terminal, FileIsNone) {
    std::FILE* const file = std::tmpfile();
    ASSERT_NE(file, nullptr);
    EXPECT_FALSE(eigengru::detail::is_terminal(file));
    std::fclose(file);
}

}  // namespace
