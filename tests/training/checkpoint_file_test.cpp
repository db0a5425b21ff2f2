// SPDX-License-Identifier: MIT
#include "eigengru/training/checkpoint_file.hpp"

#include "support/scratch_files.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace {

using namespace eigengru;
using namespace eigengru_test;

template <class T>
std::span<const T> view(const std::vector<T>& values) {
    return values;
}

CheckpointWriter example_file() {
    CheckpointWriter writer;
    writer.add("bytes", view<unsigned char>({0, 128, 255}));
    writer.add("counts", view<std::int64_t>({-1, 0, std::numeric_limits<std::int64_t>::max()}));
    writer.add("floats", view<float>({1.5F, -0.0F, std::numeric_limits<float>::infinity()}));
    writer.add("doubles", view<double>({0.1, std::numeric_limits<double>::quiet_NaN()}));
    writer.add("nothing", view<float>({}));
    writer.add_text("text", "gru");
    return writer;
}

/// A file of the bytes, with the size and the checksum of the format where `is_sealed`.
std::string refusal_of(Bytes bytes, bool is_sealed = true) {
    static const ScratchFolder folder;
    if (is_sealed) {
        detail::put_little_endian(std::uint64_t{bytes.size()}, bytes.data() + 16);
        const std::span<const unsigned char> before(bytes.data(), bytes.size() - 8);
        detail::put_little_endian(detail::fnv1a(before), bytes.data() + before.size());
    }
    write_bytes(folder / "a.ckpt", bytes);
    std::string message = format_error_of([&] { CheckpointReader(folder / "a.ckpt"); });
    const std::string where = "CheckpointReader: " + (folder / "a.ckpt").string() + ": ";
    return message.starts_with(where) ? message.substr(where.size()) : message;
}

/// Writes a number at that byte.
Bytes with_number(Bytes bytes, std::size_t at, std::uint64_t number) {
    detail::put_little_endian(number, bytes.data() + at);
    return bytes;
}

/// One block "w" of two floats: its name begins at byte 40, its type at 41, its count at 49, its elements at 57.
Bytes one_block() {
    CheckpointWriter writer;
    writer.add("w", view<float>({1.0F, 2.0F}));
    return writer.bytes();
}

TEST(CheckpointFile, GivesBackWhatWasWritten) {
    const ScratchFolder folder;
    example_file().write(folder / "a.ckpt");
    const CheckpointReader reader(folder / "a.ckpt");
    EXPECT_EQ(reader.names(), (std::vector<std::string>{"bytes", "counts", "floats", "doubles", "nothing", "text"}));
    EXPECT_EQ(reader.values<unsigned char>("bytes"), (Bytes{0, 128, 255}));
    EXPECT_EQ(reader.values<std::int64_t>("counts"),
              (std::vector<std::int64_t>{-1, 0, std::numeric_limits<std::int64_t>::max()}));
    const std::vector<float> floats = reader.values<float>("floats");
    EXPECT_EQ(floats, (std::vector<float>{1.5F, 0.0F, std::numeric_limits<float>::infinity()}));
    EXPECT_TRUE(std::signbit(floats[1]));
    EXPECT_EQ(reader.values<double>("doubles")[0], 0.1);
    EXPECT_TRUE(std::isnan(reader.values<double>("doubles")[1]));
    EXPECT_TRUE(reader.values<float>("nothing").empty());
    EXPECT_EQ(reader.text("text"), "gru");
    EXPECT_TRUE(reader.has("text"));
    EXPECT_FALSE(reader.has("tex"));
}

TEST(CheckpointFile, ReadsIntoMemoryOfTheCaller) {
    const ScratchFolder folder;
    example_file().write(folder / "a.ckpt");
    const CheckpointReader reader(folder / "a.ckpt");
    std::array<float, 3> floats{};
    reader.read("floats", std::span<float>(floats));
    EXPECT_EQ(floats[0], 1.5F);
    std::array<double, 3> doubles{};
    EXPECT_TRUE(format_error_of([&] {
                    reader.read("doubles", std::span<double>(doubles));
                }).ends_with(": block \"doubles\" expected 3 elements, it has 2"));
}

TEST(CheckpointFile, OfNothingIsAFile) {
    const ScratchFolder folder;
    CheckpointWriter().write(folder / "a.ckpt");
    EXPECT_TRUE(CheckpointReader(folder / "a.ckpt").names().empty());
}

TEST(CheckpointFile, HasTheBytesOfItsDescription) {
    const Bytes bytes = one_block();
    const Bytes expected{'E', 'G', 'R', 'U', 'C', 'K', 'P', 'T', 1, 0, 0, 0, 0, 0, 0, 0,   73, 0, 0,   0, 0, 0,
                         0,   0,   1,   0,   0,   0,   0,   0,   0, 0, 1, 0, 0, 0, 0, 0,   0,  0, 'w', 3, 0, 0,
                         0,   0,   0,   0,   0,   2,   0,   0,   0, 0, 0, 0, 0, 0, 0, 128, 63, 0, 0,   0, 64};
    ASSERT_EQ(bytes.size(), 73U);
    EXPECT_EQ(Bytes(bytes.begin(), bytes.end() - 8), expected);
}

TEST(CheckpointFile, ChecksumIsThatOfItsSource) {
    const std::string text = "foobar";
    EXPECT_EQ(detail::fnv1a({}), 0xcbf29ce484222325U);
    EXPECT_EQ(detail::fnv1a({reinterpret_cast<const unsigned char*>(text.data()), text.size()}), 0x85944171f73967e8U);
}

TEST(CheckpointWriter, RefusesNamesThatAreEmptyOrThere) {
    CheckpointWriter writer;
    writer.add_text("a", "1");
    EXPECT_THROW(writer.add_text("", "1"), OptionError);
    EXPECT_THROW(writer.add("a", view<float>({1})), OptionError);
}

TEST(CheckpointWriter, NamesTheFileThatItCannotWrite) {
    const ScratchFolder folder;
    const std::filesystem::path path = folder / "none" / "a.ckpt";
    EXPECT_EQ(format_error_of([&] { example_file().write(path); }),
              "CheckpointWriter::write: " + path.string() + ": the file cannot be written (No such file or directory)");
}

TEST(CheckpointWriter, MayBeWrittenAgainWithMore) {
    const ScratchFolder folder;
    CheckpointWriter writer = example_file();
    writer.write(folder / "a.ckpt");
    writer.add_text("more", "yes");
    writer.write(folder / "a.ckpt");
    EXPECT_EQ(CheckpointReader(folder / "a.ckpt").text("more"), "yes");
    EXPECT_EQ(CheckpointReader(folder / "a.ckpt").names().size(), 7U);
}

TEST(CheckpointReader, NamesAMissingFile) {
    EXPECT_EQ(format_error_of([] { CheckpointReader("nowhere.ckpt"); }),
              "CheckpointReader: nowhere.ckpt: the file does not exist");
}

TEST(CheckpointReader, RefusesAnotherTypeAndAMissingBlock) {
    const ScratchFolder folder;
    example_file().write(folder / "a.ckpt");
    const CheckpointReader reader(folder / "a.ckpt");
    const std::string where = "CheckpointReader: " + (folder / "a.ckpt").string() + ": ";
    EXPECT_EQ(format_error_of([&] { (void)reader.values<double>("floats"); }),
              where + "block \"floats\" expected f64, it holds f32");
    EXPECT_EQ(format_error_of([&] { (void)reader.values<double>("none"); }), where + "there is no block \"none\"");
    EXPECT_EQ(format_error_of([&] { (void)reader.text("counts"); }),
              where + "block \"counts\" expected u8, it holds i64");
}

TEST(CheckpointReader, RefusesEveryChangedByte) {
    const Bytes good = example_file().bytes();
    for (std::size_t i = 0; i < good.size(); ++i) {
        for (const int change : {1, 255}) {
            Bytes bytes = good;
            bytes[i] = static_cast<unsigned char>(bytes[i] ^ change);
            EXPECT_NE(refusal_of(bytes, false), "no FormatError was thrown") << "byte " << i;
        }
    }
}

TEST(CheckpointReader, RefusesEveryCut) {
    const Bytes good = example_file().bytes();
    for (std::size_t length = 0; length < good.size(); ++length) {
        const Bytes cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length));
        EXPECT_NE(refusal_of(cut, false), "no FormatError was thrown") << "length " << length;
        if (length < 40) continue;  // no room for a size and a checksum that fit
        EXPECT_NE(refusal_of(cut, true), "no FormatError was thrown") << "sealed, length " << length;
    }
}

TEST(CheckpointReader, SaysWhatIsWrongWithTheFrame) {
    Bytes longer = one_block();
    longer.push_back(0);
    Bytes damaged = one_block();
    damaged[60] = 7;
    EXPECT_EQ(refusal_of({}, false), "this is not a checkpoint of Eigengru");
    EXPECT_EQ(refusal_of({'E', 'G', 'R', 'U', 'C', 'K', 'P', 'X', 1, 0}, false),
              "this is not a checkpoint of Eigengru");
    EXPECT_EQ(refusal_of({'E', 'G', 'R', 'U', 'C', 'K', 'P', 'T', 1, 0}, false), "the file is cut off");
    EXPECT_EQ(refusal_of(with_number(one_block(), 8, 2)), "expected format version 1, received 2");
    EXPECT_EQ(refusal_of(longer, false), "expected 73 bytes, the file has 74");
    EXPECT_EQ(refusal_of(damaged, false), "the checksum does not fit, the file is damaged");
}

TEST(CheckpointReader, SaysWhatIsWrongWithABlockWithoutAllocatingForIt) {
    const std::uint64_t huge = std::numeric_limits<std::uint64_t>::max();
    EXPECT_EQ(refusal_of(with_number(one_block(), 24, 2)), "block 1 is cut off");
    EXPECT_EQ(refusal_of(with_number(one_block(), 24, huge)), "block 1 is cut off");
    EXPECT_EQ(refusal_of(with_number(one_block(), 24, 0)), "expected 0 blocks, there are bytes after the last one");
    EXPECT_EQ(refusal_of(with_number(one_block(), 32, 0)), "block 0 has a name of 0 bytes");
    EXPECT_EQ(refusal_of(with_number(one_block(), 32, huge)), "block 0 has a name of 18446744073709551615 bytes");
    EXPECT_EQ(refusal_of(with_number(one_block(), 41, 0)), "block \"w\" has the unknown element type 0");
    EXPECT_EQ(refusal_of(with_number(one_block(), 41, 5)), "block \"w\" has the unknown element type 5");
    EXPECT_EQ(refusal_of(with_number(one_block(), 49, 3)),
              "block \"w\" has 3 elements, more than the file has bytes for");
    EXPECT_EQ(refusal_of(with_number(one_block(), 49, huge / 4 + 2)),
              "block \"w\" has 4611686018427387905 elements, more than the file has bytes for");
    EXPECT_EQ(refusal_of(with_number(one_block(), 49, 1)), "expected 1 blocks, there are bytes after the last one");
}

TEST(CheckpointReader, RefusesABlockThatIsThereTwice) {
    const Bytes once = one_block();
    Bytes twice(once.begin(), once.end() - 8);
    twice.insert(twice.end(), once.begin() + 32, once.end());
    EXPECT_EQ(refusal_of(with_number(twice, 24, 2)), "block \"w\" is there twice");
}

}  // namespace
