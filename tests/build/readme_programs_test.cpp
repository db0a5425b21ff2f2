// SPDX-License-Identifier: MIT
#include "readme/readme_programs.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

TEST(ReadmePrograms, BlockWithMainIsFoundWithItsLine) {
    const auto programs = readme_programs("# Title\n\n```cpp\nint main() {\n}\n```\ntext\n");
    ASSERT_EQ(programs.size(), 1u);
    EXPECT_EQ(programs[0].line, 3);
    EXPECT_EQ(programs[0].code, "int main() {\n}\n");
    EXPECT_FALSE(programs[0].needs_keras);
}

TEST(ReadmePrograms, FragmentsAndOtherLanguagesAreNot) {
    EXPECT_TRUE(readme_programs("```cpp\nint x;\n```\n```c\nint main() {}\n```\n```\nint main() {}\n```\n").empty());
}

TEST(ReadmePrograms, SecondBlockKeepsTheRightLine) {
    const auto programs = readme_programs("```cpp\nint x;\n```\n```cpp\nint main() {}\n```\n");
    ASSERT_EQ(programs.size(), 1u);
    EXPECT_EQ(programs[0].line, 4);
}

TEST(ReadmePrograms, NeedsAreRead) {
    const auto programs =
        readme_programs("<!-- needs: keras, file a/b.keras as model.keras -->\n\n```cpp\nint main() {}\n```\n");
    ASSERT_EQ(programs.size(), 1u);
    EXPECT_TRUE(programs[0].needs_keras);
    ASSERT_EQ(programs[0].files.size(), 1u);
    EXPECT_EQ(programs[0].files[0].first, "a/b.keras");
    EXPECT_EQ(programs[0].files[0].second, "model.keras");
}

TEST(ReadmePrograms, NeedsHoldForTheNextBlockAlone) {
    const auto programs =
        readme_programs("<!-- needs: keras -->\n```cpp\nint main() {}\n```\n```cpp\nint main() {}\n```\n");
    ASSERT_EQ(programs.size(), 2u);
    EXPECT_TRUE(programs[0].needs_keras);
    EXPECT_FALSE(programs[1].needs_keras);
}

TEST(ReadmePrograms, UnknownNeedIsRefused) {
    EXPECT_THROW(readme_programs("<!-- needs: kreas -->\n```cpp\nint main() {}\n```\n"), std::runtime_error);
    EXPECT_THROW(readme_programs("<!-- needs: file a.keras -->\n```cpp\nint main() {}\n```\n"), std::runtime_error);
}

}  // namespace
}  // namespace eigengru_test
