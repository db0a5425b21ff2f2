// SPDX-License-Identifier: MIT
#include "eigengru/core/durable_file.hpp"

#include "support/scratch_files.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>

namespace {

using namespace eigengru;
using namespace eigengru_test;

/// Runs f in a child process; returns what it returned, or -1 when it did not get that far.
template <class F>
int result_in_child(const F& f) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(f());
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// 0 when the refusal begins as it should, else 1; for a child.
int is_refused(const std::filesystem::path& path, const Bytes& bytes, const std::string& begin) {
    return format_error_of([&] { detail::replace_file(path, bytes, "f"); }).starts_with(begin) ? 0 : 1;
}

TEST(ReplaceFile, MakesAFile) {
    const ScratchFolder folder;
    detail::replace_file(folder / "a", Bytes{0, 13, 10, 255, 26}, "f");
    EXPECT_EQ(bytes_of(folder / "a"), (Bytes{0, 13, 10, 255, 26}));
    EXPECT_FALSE(std::filesystem::exists(detail::temporary_path(folder / "a")));
}

TEST(ReplaceFile, ReplacesAFileAndWhatAKilledRunLeft) {
    const ScratchFolder folder;
    write_bytes(folder / "a", {1, 2, 3});
    write_bytes(detail::temporary_path(folder / "a"), {4, 5, 6, 7});
    detail::replace_file(folder / "a", Bytes{8}, "f");
    EXPECT_EQ(bytes_of(folder / "a"), Bytes{8});
    EXPECT_FALSE(std::filesystem::exists(detail::temporary_path(folder / "a")));
}

TEST(ReplaceFile, WritesAnEmptyFileAndOneInTheCurrentFolder) {
    const ScratchFolder folder;
    const auto before = std::filesystem::current_path();
    std::filesystem::current_path(folder.path());
    detail::replace_file("a", Bytes{}, "f");
    std::filesystem::current_path(before);
    EXPECT_EQ(std::filesystem::file_size(folder / "a"), 0U);
}

TEST(ReplaceFile, RefusesAMissingFolder) {
    const ScratchFolder folder;
    EXPECT_EQ(format_error_of([&] { detail::replace_file(folder / "none" / "a", Bytes{1}, "f: a"); }),
              "f: a: the file cannot be written (No such file or directory)");
}

TEST(ReplaceFile, RefusesAFolderAndLeavesNothing) {
    const ScratchFolder folder;
    std::filesystem::create_directories(folder / "a" / "b");
    EXPECT_EQ(is_refused(folder / "a", {1}, "f: the file cannot be written ("), 0);
    EXPECT_TRUE(std::filesystem::is_directory(folder / "a"));
    EXPECT_FALSE(std::filesystem::exists(detail::temporary_path(folder / "a")));
}

TEST(ReplaceFile, RefusesAFolderThatCannotBeWritten) {
    const ScratchFolder folder;
    write_bytes(folder / "a", {1, 2, 3});
    std::filesystem::permissions(folder.path(), std::filesystem::perms(0555));
    const int result = result_in_child([&] {
        if (::geteuid() == 0 && ::setuid(65534) != 0) return 2;  // root may write anywhere
        return is_refused(folder / "a", {9}, "f: the file cannot be written (Permission denied)");
    });
    std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
    EXPECT_EQ(result, 0);
    EXPECT_EQ(bytes_of(folder / "a"), (Bytes{1, 2, 3}));
}

TEST(ReplaceFile, KeepsTheOldFileWhenTheDiskIsFull) {
    const ScratchFolder folder;
    write_bytes(folder / "a", {1, 2, 3});
    const int result = result_in_child([&] {
        std::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{1000, 1000};
        if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
        return is_refused(folder / "a", Bytes(100000, 7), "f: the file cannot be written (File too large)");
    });
    EXPECT_EQ(result, 0);
    EXPECT_EQ(bytes_of(folder / "a"), (Bytes{1, 2, 3}));
    EXPECT_FALSE(std::filesystem::exists(detail::temporary_path(folder / "a")));
}

TEST(ReplaceFile, LeavesAWholeFileWhenKilledAtAnyMoment) {
    const ScratchFolder folder;
    const Bytes small(1000, 1), large(300000, 2);
    detail::replace_file(folder / "a", small, "f");
    const auto is_whole = [&] {
        const Bytes now = detail::read_whole_file(folder / "a", "f");
        return now == small || now == large;
    };
    for (int round = 0; round < 40; ++round) {
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0)
            for (int i = 0;; ++i) detail::replace_file(folder / "a", i % 2 == 0 ? large : small, "f");
        for (int look = 0; look < 5; ++look) EXPECT_TRUE(is_whole());
        std::this_thread::sleep_for(std::chrono::microseconds(97 * round));
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        EXPECT_TRUE(is_whole()) << "round " << round;
    }
    detail::replace_file(folder / "a", small, "f");
    EXPECT_EQ(bytes_of(folder / "a"), small);
}

TEST(ReadWholeFile, ReadsAllBytes) {
    const ScratchFolder folder;
    write_bytes(folder / "a", {0, 13, 10, 255, 26});
    EXPECT_EQ(detail::read_whole_file(folder / "a", "f"), (Bytes{0, 13, 10, 255, 26}));
    write_bytes(folder / "a", {});
    EXPECT_TRUE(detail::read_whole_file(folder / "a", "f").empty());
}

TEST(ReadWholeFile, RefusesWhatIsNoFile) {
    const ScratchFolder folder;
    EXPECT_EQ(format_error_of([&] { (void)detail::read_whole_file(folder / "none", "f: none"); }),
              "f: none: the file does not exist");
    EXPECT_EQ(format_error_of([&] { (void)detail::read_whole_file(folder.path(), "f"); }),
              "f: expected a regular file");
    EXPECT_EQ(format_error_of([&] { (void)detail::read_whole_file("/dev/zero", "f"); }), "f: expected a regular file");
}

}  // namespace
