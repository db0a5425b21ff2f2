// SPDX-License-Identifier: MIT
#include "eigengru/io/file.hpp"

#include "io/io_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;
using namespace eigengru_test;

std::string read_refusal(const std::filesystem::path& path) {
    return format_error_of([&] { (void)io::detail::read_file(path, Where("f: " + path.filename().string())); });
}

TEST(Where, GrowsInwards) {
    EXPECT_EQ(Where("f").in("layer ", 3).in("units").text(), "f: layer 3: units");
}

TEST(Where, FailsWithItsText) {
    EXPECT_EQ(format_error_of([] { Where("f").fail("expected ", 1); }), "f: expected 1");
}

TEST(InFile, TurnsAnOptionErrorIntoAFormatError) {
    EXPECT_EQ(format_error_of(
                  [] { io::detail::in_file(Where("f"), [] { EIGENGRU_THROW(OptionError, "rate expected 1"); }); }),
              "f: rate expected 1");
}

TEST(InFile, ReturnsWhatIsMade) {
    EXPECT_EQ(io::detail::in_file(Where("f"), [] { return 7; }), 7);
}

TEST(ReadFile, ReadsAllBytes) {
    const ScratchFolder folder;
    write_bytes(folder / "a", {0, 13, 10, 255, 26});
    EXPECT_EQ(io::detail::read_file(folder / "a", Where("f")), Bytes({0, 13, 10, 255, 26}));
}

TEST(ReadFile, NamesAMissingFile) {
    EXPECT_EQ(read_refusal("nowhere.h5"), "f: nowhere.h5: the file does not exist");
}

TEST(ReadFile, RefusesADirectory) {
    const ScratchFolder folder;
    std::filesystem::create_directory(folder / "d.h5");
    EXPECT_EQ(read_refusal(folder / "d.h5"), "f: d.h5: expected a file, received a directory");
}

TEST(ReadFile, RefusesAnEmptyFile) {
    const ScratchFolder folder;
    write_bytes(folder / "e.h5", {});
    EXPECT_EQ(read_refusal(folder / "e.h5"), "f: e.h5: the file is empty");
}

TEST(ReadFile, RefusesADeviceThatNeverEnds) {
    EXPECT_EQ(read_refusal("/dev/zero"), "f: zero: expected a regular file");
}

TEST(ReadFile, RefusesAFileAboveTheLimitWithoutReadingIt) {
    const ScratchFolder folder;
    write_bytes(folder / "large.h5", {1});
    std::filesystem::resize_file(folder / "large.h5", io::kMostFileBytes + 1);  // a hole: takes no room on the disk
    EXPECT_EQ(read_refusal(folder / "large.h5"),
              "f: large.h5: expected at most 2147483648 bytes, the file has 2147483649");
}

}  // namespace
