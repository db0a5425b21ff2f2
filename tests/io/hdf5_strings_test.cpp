// SPDX-License-Identifier: MIT
#include "eigengru/io/hdf5_strings.hpp"

#include "io/hdf5_support.hpp"

#include <gtest/gtest.h>

namespace eigengru_test::hdf5_strings_test {

namespace {

using namespace eigengru;

class Hdf5StringsTest : public Hdf5ScratchTest {};

TEST_F(Hdf5StringsTest, ReadsStringsOfFixedAndOfAnyLength) {
    {
        const LibraryWriter writer(path_);
        writer.add("g/x", {1}, {1});
        const hid_t fixed = H5Tcopy(H5T_C_S1);
        H5Tset_size(fixed, 4);
        writer.attribute("g", "fixed", fixed, {2}, "ab\0\0wxyz");
        const hid_t any = H5Tcopy(H5T_C_S1);
        H5Tset_size(any, H5T_VARIABLE);
        const char* texts[] = {"one", "", "a longer one"};
        writer.attribute("g", "any", any, {3}, texts);
        const std::string large(100000, 'x');
        const char* single = large.c_str();
        writer.attribute("/", "single", any, {}, &single);
        writer.attribute("g", "number", H5T_NATIVE_INT, {0}, nullptr);
        H5Tclose(fixed);
        H5Tclose(any);
    }
    const io::Hdf5File file = open();
    using Strings = std::vector<std::string>;
    EXPECT_EQ(file.strings("g", "fixed", 100), (Strings{"ab", "wxyz"}));
    EXPECT_EQ(file.strings("g", "any", 100), (Strings{"one", "", "a longer one"}));
    EXPECT_EQ(file.strings("g", "number", 100), Strings{});
    EXPECT_EQ(file.strings("g", "none", 100), std::nullopt);
    EXPECT_EQ(file.strings("nothing", "any", 100), std::nullopt);
    EXPECT_EQ(file.strings("", "single", 100000), Strings{std::string(100000, 'x')});
    EXPECT_EQ(format_error_of([&] { (void)file.strings("", "single", 99999); }),
              "f: attribute \"single\" expected at most 99999 bytes, received more");
}

TEST_F(Hdf5StringsTest, RefusesAnAttributeThatIsNoString) {
    {
        const LibraryWriter writer(path_);
        const int value = 3;
        writer.attribute("/", "number", H5T_NATIVE_INT, {1}, &value);
    }
    EXPECT_EQ(format_error_of([&] { (void)open().strings("", "number", 10); }),
              "f: attribute \"number\" expected strings, received another type");
}

using io::detail::Hdf5Attribute;
using io::detail::Hdf5GlobalHeap;
using io::detail::Hdf5Message;
using io::detail::Hdf5Numbers;

/// Bytes written one after the other.
struct Writing {
    Bytes bytes = {};

    Writing& number(std::uint64_t value, int size) {
        for (; size > 0; --size, value >>= 8) bytes.push_back(static_cast<unsigned char>(value & 0xFFU));
        return *this;
    }
    Writing& text(std::string_view text) {
        bytes.insert(bytes.end(), text.begin(), text.end());
        return *this;
    }
    Writing& pad(std::size_t multiple) {
        bytes.resize((bytes.size() + multiple - 1) / multiple * multiple);
        return *this;
    }
};

using namespace std::string_view_literals;

/// An attribute message "abc" of strings of `width` bytes, in one of the three versions.
Bytes attribute_message(std::uint64_t version, const std::vector<std::uint64_t>& sizes, std::string_view data,
                        std::uint64_t width = 4) {
    const std::size_t multiple = version == 1 ? 8 : 1;
    Writing w;
    w.number(version, 1).number(0, 1).number(4, 2).number(8, 2).number(8 + 8 * sizes.size(), 2);
    if (version == 3) w.number(0, 1);
    w.text("abc\0"sv).pad(multiple);
    w.number(0x13, 1).number(0, 3).number(width, 4);  // a string, whose type has version 1
    w.number(1, 1).number(sizes.size(), 1).number(0, 6);
    for (const std::uint64_t size : sizes) w.number(size, 8);
    return w.text(data).bytes;
}

Hdf5Message whole_message(const Bytes& bytes, std::uint64_t flags = 0) {
    return {Hdf5Message::kAttribute, flags, 0, bytes.size()};
}

std::vector<std::string> strings_in(const Bytes& bytes, std::uint64_t limit = 100) {
    const Where where("f");
    const Hdf5Numbers file(bytes, where);
    return io::detail::strings_of(file, io::detail::parse_attribute(file, whole_message(bytes)), limit);
}

std::string attribute_refusal(const Bytes& bytes, std::uint64_t limit = 100) {
    return format_error_of([&] { (void)strings_in(bytes, limit); });
}

TEST(Hdf5Strings, ReadAnAttributeOfEachVersion) {
    const Where where("f");
    for (const std::uint64_t version : {1U, 2U, 3U}) {
        const Bytes bytes = attribute_message(version, {2}, "ab\0\0wxyz"sv);
        const Hdf5Numbers file(bytes, where);
        EXPECT_EQ(io::detail::parse_attribute(file, whole_message(bytes)).name, "abc") << version;
        EXPECT_EQ(strings_in(bytes), (std::vector<std::string>{"ab", "wxyz"})) << version;
    }
    EXPECT_EQ(strings_in(attribute_message(3, {}, "one "sv)), std::vector<std::string>{"one "});
    EXPECT_EQ(strings_in(attribute_message(3, {0}, "")), std::vector<std::string>{});
}

TEST(Hdf5Strings, RefuseAnAttributeThatDoesNotFitItsMessage) {
    const std::string damaged = "f: is damaged: what byte 0 says cannot be";
    const Bytes whole = attribute_message(2, {1}, "abcd");
    const auto with = [&](std::size_t at, unsigned char value) {
        Bytes bytes = whole;
        bytes[at] = value;
        return attribute_refusal(bytes);
    };
    EXPECT_EQ(with(0, 0), damaged);  // versions that there are not
    EXPECT_EQ(with(0, 4), damaged);
    EXPECT_EQ(with(1, 1), damaged);    // a type that stands elsewhere
    EXPECT_EQ(with(4, 200), damaged);  // a type longer than the message
    const Where where("f");
    EXPECT_EQ(
        format_error_of([&] { (void)io::detail::parse_attribute(Hdf5Numbers(whole, where), whole_message(whole, 2)); }),
        damaged);
}

TEST(Hdf5Strings, RefuseMoreThanAListOfSoManyBytes) {
    EXPECT_EQ(attribute_refusal(attribute_message(3, {1, 2}, "abcdwxyz")),
              "f: attribute \"abc\" expected strings in a row");
    EXPECT_EQ(attribute_refusal(attribute_message(3, {2}, "abcdwxyz"), 8), "no FormatError was thrown");
    EXPECT_EQ(attribute_refusal(attribute_message(3, {2}, "abcdwxyz"), 7),
              "f: attribute \"abc\" expected at most 7 bytes, received more");
    expect_contains(attribute_refusal(attribute_message(3, {2}, "abcd")), "f: is damaged: what byte ");
    expect_contains(attribute_refusal(attribute_message(3, {1ULL << 62U}, "abcd")), "f: is damaged: what byte ");
    expect_contains(attribute_refusal(attribute_message(3, {1}, "abcd", 0)), "f: is damaged: what byte ");
}

/// References to strings, 16 bytes each, and the heap that has them, at byte 64: 1 is "one", 2 is "seventeen bytes !".
Bytes heap_file() {
    Writing w;
    w.number(3, 4).number(64, 8).number(1, 4);
    w.number(17, 4).number(64, 8).number(2, 4);
    w.number(2, 4).number(64, 8).number(1, 4);
    w.number(3, 4).number(64, 8).number(7, 4);
    w.text("GCOL").number(1, 4).number(16 + 24 + 40 + 16, 8);
    w.number(1, 2).number(1, 6).number(3, 8).text("one").pad(8);
    w.number(2, 2).number(1, 6).number(17, 8).text("seventeen bytes !").pad(8);
    return w.number(0, 16).bytes;
}

std::string heap_refusal(const Bytes& bytes, std::uint64_t at = 0) {
    const Where where("f");
    return format_error_of([&] { (void)Hdf5GlobalHeap(Hdf5Numbers(bytes, where)).string(at); });
}

TEST(Hdf5GlobalHeap, HasStringsByTheirIndex) {
    const Bytes bytes = heap_file();
    const Where where("f");
    Hdf5GlobalHeap heap{Hdf5Numbers(bytes, where)};
    EXPECT_EQ(heap.string(0), "one");
    EXPECT_EQ(heap.string(16), "seventeen bytes !");
    EXPECT_EQ(heap.string(32), "on");  // the reference is to a part of it
}

TEST(Hdf5GlobalHeap, IsNotNeededForAnEmptyString) {
    Bytes bytes = heap_file();
    bytes[0] = 0;
    bytes[4 + 7] = 0xFF;  // an address that leads nowhere
    EXPECT_EQ(heap_refusal(bytes), "no FormatError was thrown");
}

TEST(Hdf5GlobalHeap, RefusesReferencesToWhatIsNotThere) {
    const Bytes whole = heap_file();
    EXPECT_EQ(heap_refusal(whole, 48), "f: is damaged: what byte 48 says cannot be");  // index 7
    Bytes bytes = whole;
    bytes[0] = 4;  // of the three in "one"
    EXPECT_EQ(heap_refusal(bytes), "f: is damaged: what byte 0 says cannot be");
    bytes = whole;
    bytes[4] = 63;
    EXPECT_EQ(heap_refusal(bytes), "f: expected a heap of strings at byte 63, received something else");
}

TEST(Hdf5GlobalHeap, RefusesSizesThatDoNotFit) {
    Bytes bytes = heap_file();
    bytes[64 + 8] = 255;  // the heap itself
    EXPECT_EQ(heap_refusal(bytes), "f: is damaged: what byte 64 says cannot be");
    bytes = heap_file();
    bytes[80 + 8] = 64;  // its first string takes all that is left
    EXPECT_EQ(heap_refusal(bytes), "no FormatError was thrown");
    bytes[80 + 8] = 65;
    EXPECT_EQ(heap_refusal(bytes), "f: is damaged: what byte 80 says cannot be");
}

}  // namespace

}  // namespace eigengru_test::hdf5_strings_test
