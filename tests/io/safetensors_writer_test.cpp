// SPDX-License-Identifier: MIT
#include "eigengru/io/safetensors_writer.hpp"

#include "eigengru/io/safetensors_file.hpp"
#include "io/io_support.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace eigengru_test::safetensors_writer_test {

namespace {

using namespace eigengru;

using io::detail::SafetensorsWriter;

/// The header of a file, which must be as long as its first eight bytes say.
std::string header_of(const Bytes& file) {
    std::uint64_t size = 0;
    for (std::size_t i = 8; i-- > 0;) size = (size << 8U) | file[i];
    EXPECT_LE(8 + size, file.size());
    return {file.begin() + 8, file.begin() + 8 + static_cast<std::ptrdiff_t>(size)};
}

TEST(SafetensorsWriter, WritesTensorsInTheOrderOfTheirNames) {
    const ScratchFolder folder;
    SafetensorsWriter<float> writer(Where("f"));
    writer.add("b", RowMatrix<float>::Constant(2, 3, 1.0F));
    writer.add("a", RowMatrix<float>::Constant(1, 2, -2.0F), true);
    writer.set_metadata("format", "pt");
    writer.write(folder / "x");
    const Bytes file = bytes_of(folder / "x");
    const std::string header = header_of(file);
    EXPECT_EQ(parsed(header), parsed(R"({"__metadata__": {"format": "pt"},
        "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
        "b": {"dtype": "F32", "shape": [2, 3], "data_offsets": [8, 32]}})"));
    EXPECT_EQ(header.size() % 8, 0U);  // so that the numbers begin at a multiple of 8
    const Bytes numbers(file.begin() + 8 + static_cast<std::ptrdiff_t>(header.size()), file.end());
    ASSERT_EQ(numbers.size(), 32U);
    EXPECT_EQ(Bytes(numbers.begin(), numbers.begin() + 4), (Bytes{0, 0, 0, 0xC0}));          // -2
    EXPECT_EQ(Bytes(numbers.begin() + 8, numbers.begin() + 12), (Bytes{0, 0, 0x80, 0x3F}));  // 1
}

TEST(SafetensorsWriter, KeepsEveryBitOfADouble) {
    const ScratchFolder folder;
    RowMatrix<double> values(2, 2);
    values << 0.1, -0.0, 1e-310, std::numeric_limits<double>::infinity();
    SafetensorsWriter<double> writer(Where("f"));
    writer.add("x", values);
    writer.write(folder / "x");
    const io::SafetensorsFile file(bytes_of(folder / "x"), Where("f"));
    const RowMatrix<double> again = file.read<double>("x", {2, 2});
    EXPECT_EQ(again, values);
    EXPECT_TRUE(std::signbit(again(0, 1)));
    EXPECT_EQ(parsed(header_of(bytes_of(folder / "x")))["x"]["dtype"], "F64");
}

TEST(SafetensorsWriter, WritesAFileOfNothing) {
    const ScratchFolder folder;
    SafetensorsWriter<float>(Where("f")).write(folder / "x");
    EXPECT_EQ(bytes_of(folder / "x").size() % 8, 0U);
    EXPECT_TRUE(io::SafetensorsFile(bytes_of(folder / "x"), Where("f")).names().empty());
}

TEST(SafetensorsWriter, TheLastValueOfAKeyCounts) {
    const ScratchFolder folder;
    SafetensorsWriter<float> writer(Where("f"));
    writer.set_metadata("key", "first");
    writer.set_metadata("key", "\"second\" {}");
    writer.write(folder / "x");
    EXPECT_EQ(io::SafetensorsFile(bytes_of(folder / "x"), Where("f")).metadata().at("key"), "\"second\" {}");
}

TEST(SafetensorsWriter, RefusesAnotherTensorOfTheSameName) {
    SafetensorsWriter<float> writer(Where("f"));
    writer.add("x", RowMatrix<float>::Zero(1, 2));
    EXPECT_EQ(format_error_of([&] { writer.add("x", RowMatrix<float>::Zero(3, 3)); }),
              "f: expected layers of different names, received two tensors \"x\"");
}

TEST(SafetensorsWriter, NamesAFileThatCannotBeWritten) {
    const ScratchFolder folder;
    const SafetensorsWriter<float> writer(Where("f"));
    expect_contains(format_error_of([&] { writer.write(folder / "none" / "x"); }), "f: the file cannot be written");
    write_bytes(folder / "x", {1, 2, 3});
    EXPECT_NO_THROW(writer.write(folder / "x"));  // an old file is replaced
    EXPECT_GT(bytes_of(folder / "x").size(), 8U);
}

}  // namespace

}  // namespace eigengru_test::safetensors_writer_test
