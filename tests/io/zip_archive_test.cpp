// SPDX-License-Identifier: MIT
#include "eigengru/io/zip_archive.hpp"

#include "io/io_support.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace {

using namespace eigengru;
using namespace eigengru_test;

Bytes noise(std::size_t size) {
    std::mt19937 random(5);
    Bytes bytes(size);
    for (unsigned char& byte : bytes) byte = static_cast<unsigned char>(random());
    return bytes;
}

Bytes read_member(const std::filesystem::path& path, const std::string& name,
                  std::uint64_t limit = io::kMostFileBytes) {
    return io::ZipArchive(path, Where("f")).read(name, limit);
}

TEST(ZipArchive, ReadsAStoredMember) {
    const ScratchFolder folder;
    write_zip(folder / "a.zip", {{"x", noise(1000)}, {"y", noise(3)}});
    EXPECT_EQ(read_member(folder / "a.zip", "x"), noise(1000));
}

TEST(ZipArchive, ReadsADeflatedMember) {
    const ScratchFolder folder;
    write_zip(folder / "a.zip", {{"x", Bytes(100000, 7)}}, ZIP_CM_DEFLATE);
    EXPECT_LT(bytes_of(folder / "a.zip").size(), 1000U);
    EXPECT_EQ(read_member(folder / "a.zip", "x"), Bytes(100000, 7));
}

TEST(ZipArchive, ReadsAnEmptyMember) {
    const ScratchFolder folder;
    write_zip(folder / "a.zip", {{"x", {}}});
    EXPECT_EQ(read_member(folder / "a.zip", "x"), Bytes());
}

TEST(ZipArchive, KnowsWhatItHas) {
    const io::ZipArchive archive(fixture("plain.tensorflow.keras"), Where("f"));
    EXPECT_TRUE(archive.has("config.json"));
    EXPECT_FALSE(archive.has("config"));
}

TEST(ZipArchive, NamesAMissingMember) {
    const ScratchFolder folder;
    write_zip(folder / "a.zip", {{"x", noise(10)}});
    EXPECT_EQ(format_error_of([&] { (void)read_member(folder / "a.zip", "y"); }), "f: the archive has no member \"y\"");
}

TEST(ZipArchive, RefusesWhatIsNoArchive) {
    const ScratchFolder folder;
    write_bytes(folder / "a.zip", noise(5000));
    expect_contains(format_error_of([&] { (void)read_member(folder / "a.zip", "x"); }), "f: expected a zip archive");
}

TEST(ZipArchive, RefusesAMissingFile) {
    EXPECT_EQ(format_error_of([&] { (void)read_member("nowhere.zip", "x"); }), "f: the file does not exist");
}

TEST(ZipArchive, RefusesAMemberAboveTheLimit) {
    const ScratchFolder folder;
    write_zip(folder / "a.zip", {{"x", noise(1000)}});
    EXPECT_EQ(read_member(folder / "a.zip", "x", 1000).size(), 1000U);
    EXPECT_EQ(format_error_of([&] { (void)read_member(folder / "a.zip", "x", 999); }),
              "f: x: expected at most 999 bytes, received 1000");
}

TEST(ZipArchive, RefusesACompressionMethodOtherThanDeflate) {
    if (zip_compression_method_supported(ZIP_CM_BZIP2, 1) == 0) GTEST_SKIP() << "this libzip writes no bzip2";
    const ScratchFolder folder;
    write_zip(folder / "a.zip", {{"x", Bytes(5000, 1)}}, ZIP_CM_BZIP2);
    EXPECT_EQ(format_error_of([&] { (void)read_member(folder / "a.zip", "x"); }),
              "f: x: expected to be stored or deflated, received compression method 12");
}

/// Overwrites the 4 bytes at `at` within the last central directory entry of the archive.
void patch_directory(const std::filesystem::path& path, std::size_t at, std::uint32_t value) {
    Bytes bytes = bytes_of(path);
    const Bytes signature{'P', 'K', 1, 2};
    const auto entry = std::find_end(bytes.begin(), bytes.end(), signature.begin(), signature.end());
    ASSERT_NE(entry, bytes.end());
    for (std::size_t i = 0; i < 4; ++i)
        *(entry + static_cast<std::ptrdiff_t>(at + i)) = static_cast<unsigned char>(value >> (8 * i));
    write_bytes(path, bytes);
}

constexpr std::size_t kUncompressedSize = 24;

TEST(ZipArchive, RefusesASizeThatCannotComeOutOfTheArchiveBeforeAllocating) {
    const ScratchFolder folder;
    write_zip(folder / "a.zip", {{"x", Bytes(5000, 1)}}, ZIP_CM_DEFLATE);
    patch_directory(folder / "a.zip", kUncompressedSize, 0x7fffffff);
    expect_contains(format_error_of([&] { (void)read_member(folder / "a.zip", "x"); }),
                    "f: x: is damaged (2147483647 bytes");
}

TEST(ZipArchive, RefusesAMemberThatInflatesTooMuch) {
    const ScratchFolder folder;
    write_zip(folder / "a.zip", {{"x", Bytes(1U << 24U)}}, ZIP_CM_DEFLATE);
    EXPECT_EQ(read_member(folder / "a.zip", "x").size(), 1U << 24U);
    write_zip(folder / "a.zip", {{"x", Bytes((1U << 24U) + 1U)}}, ZIP_CM_DEFLATE);
    expect_contains(format_error_of([&] { (void)read_member(folder / "a.zip", "x"); }),
                    "f: x: expected at most 16 times its compressed size of ");
}

TEST(ZipArchive, FindsAMemberThatIsLongerThanItsHeaderSays) {
    const ScratchFolder folder;
    write_zip(folder / "a.zip", {{"x", Bytes(5000, 1)}}, ZIP_CM_DEFLATE);
    patch_directory(folder / "a.zip", kUncompressedSize, 4000);
    expect_contains(format_error_of([&] { (void)read_member(folder / "a.zip", "x"); }), "f: x: is damaged");
}

TEST(ZipArchive, FindsEveryFlippedBitInAMember) {
    const ScratchFolder folder;
    const Bytes content = noise(200);
    write_zip(folder / "a.zip", {{"x", content}});
    const Bytes whole = bytes_of(folder / "a.zip");
    const auto start = std::search(whole.begin(), whole.end(), content.begin(), content.end()) - whole.begin();
    for (std::size_t bit = 0; bit < 8 * content.size(); ++bit) {
        Bytes damaged = whole;
        damaged[static_cast<std::size_t>(start) + bit / 8] ^= static_cast<unsigned char>(1U << (bit % 8));
        write_bytes(folder / "b.zip", damaged);
        EXPECT_THROW((void)read_member(folder / "b.zip", "x"), FormatError) << "bit " << bit;
    }
}

TEST(ZipArchive, EveryFlippedByteOfAnArchiveIsFoundOrHarmless) {
    const ScratchFolder folder;
    write_zip(folder / "a.zip", {{"x", Bytes(300, 9)}, {"y", noise(50)}}, ZIP_CM_DEFLATE);
    const Bytes whole = bytes_of(folder / "a.zip");
    for (std::size_t at = 0; at < whole.size(); ++at) {
        Bytes damaged = whole;
        damaged[at] ^= 0xff;
        write_bytes(folder / "b.zip", damaged);
        try {
            EXPECT_EQ(read_member(folder / "b.zip", "x"), Bytes(300, 9)) << "byte " << at;
        } catch (const FormatError&) {
        }
    }
}

TEST(ZipArchive, EveryCutArchiveIsRefused) {
    const ScratchFolder folder;
    write_zip(folder / "a.zip", {{"x", noise(300)}});
    const Bytes whole = bytes_of(folder / "a.zip");
    for (std::size_t size = 0; size < whole.size(); ++size) {
        write_bytes(folder / "b.zip", Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
        EXPECT_THROW((void)read_member(folder / "b.zip", "x"), FormatError) << size << " bytes";
    }
}

}  // namespace
