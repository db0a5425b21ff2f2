// SPDX-License-Identifier: MIT
#include "eigengru/io/zip_writer.hpp"

#include "eigengru/io/zip_archive.hpp"
#include "io/io_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;
using namespace eigengru_test;

Bytes archive_of(const io::detail::ZipMembers& members) {
    return io::detail::write_zip(members, Where("f"));
}

TEST(ZipWriter, MembersAreStoredAndReadBack) {
    const ScratchFolder folder;
    const io::detail::ZipMembers members{{"config.json", {1, 2, 3}}, {"folder/empty", {}}, {"large", Bytes(70000, 7)}};
    const Bytes archive = archive_of(members);
    EXPECT_GT(archive.size(), 70000U);
    write_bytes(folder / "a.zip", archive);
    const io::ZipArchive read(folder / "a.zip", Where("f"));
    for (const auto& [name, bytes] : members) EXPECT_EQ(read.read(name), bytes) << name;
}

TEST(ZipWriter, TheSameMembersGiveTheSameBytes) {
    EXPECT_EQ(archive_of({{"a", {1}}, {"b", {2}}}), archive_of({{"a", {1}}, {"b", {2}}}));
    EXPECT_NE(archive_of({{"a", {1}}, {"b", {2}}}), archive_of({{"b", {2}}, {"a", {1}}}));
}

TEST(ZipWriter, TwoMembersOfOneNameAreRefused) {
    EXPECT_TRUE(format_error_of([] {
                    (void)archive_of({{"a", {1}}, {"a", {2}}});
                }).starts_with("f: an archive cannot be made ("));
}

}  // namespace
