// SPDX-License-Identifier: MIT
#include "eigengru/io/hdf5_messages.hpp"

#include "eigengru/io/hdf5_writer.hpp"
#include "io/io_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;
using namespace eigengru_test;
using io::detail::Hdf5Message;

/// A file with the data set "x" of 2 x 3 floats, of which messages are changed.
class Hdf5DatasetCheckTest : public testing::Test {
protected:
    Hdf5DatasetCheckTest() {
        const std::vector<float> values(6);
        io::Hdf5Writer writer;
        writer.add("x", {2, 3}, std::span<const float>(values));
        bytes_ = writer.bytes();
    }

    [[nodiscard]] std::string refusal() const {
        return format_error_of([&] {
            const io::detail::Hdf5Structure structure{io::detail::Hdf5Numbers(bytes_, where_)};
            io::detail::Hdf5DatasetCheck(structure.numbers(where_))
                .run(structure.object(*structure.root().links.at("x")));
        });
    }

    /// Where the message of that type stands.
    [[nodiscard]] std::size_t at(std::uint64_t type) const {
        const io::detail::Hdf5Structure structure{io::detail::Hdf5Numbers(bytes_, where_)};
        return static_cast<std::size_t>(structure.object(*structure.root().links.at("x")).find(type)->at);
    }

    void expect_damaged(std::uint64_t type, std::size_t offset, unsigned char value) {
        const Bytes before = bytes_;
        bytes_[at(type) + offset] = value;
        expect_contains(refusal(), "f: is damaged: ");
        bytes_ = before;
    }

    Where where_{"f"};
    Bytes bytes_;
};

TEST_F(Hdf5DatasetCheckTest, AcceptsWhatTheLibraryWrites) {
    EXPECT_EQ(refusal(), "no FormatError was thrown");
}

TEST_F(Hdf5DatasetCheckTest, RefusesSizesThatDoNotFit) {
    expect_damaged(Hdf5Message::kDataspace, 0, 3);      // its version
    expect_damaged(Hdf5Message::kDataspace, 1, 5);      // its rank
    expect_damaged(Hdf5Message::kDataspace, 8 + 7, 1);  // a size, times 2^56
    expect_damaged(Hdf5Message::kDatatype, 0, 0x41);    // version 4
    expect_damaged(Hdf5Message::kFill, 0, 9);           // its version
    expect_damaged(Hdf5Message::kLayout, 2 + 4, 1);     // the address, plus 2^32
    expect_damaged(Hdf5Message::kLayout, 10, 23);       // a byte too few
    expect_damaged(Hdf5Message::kLayout, 10 + 4, 1);    // 2^32 too many
}

TEST_F(Hdf5DatasetCheckTest, RefusesASizeBeyondTheFileBesideAnEmptyOne) {
    bytes_[at(Hdf5Message::kDataspace) + 8] = 0;
    expect_damaged(Hdf5Message::kDataspace, 16 + 7, 0x7e);
}

TEST_F(Hdf5DatasetCheckTest, RefusesOtherTypes) {
    bytes_[at(Hdf5Message::kDatatype)] = 0x16;  // a compound, which the library would take apart
    EXPECT_EQ(refusal(), "f: expected float16, bfloat16, float32 or float64, received another type of 4 bytes");
}

TEST_F(Hdf5DatasetCheckTest, RefusesOtherLayouts) {
    bytes_[at(Hdf5Message::kLayout) + 1] = 2;
    EXPECT_EQ(refusal(), "f: expected numbers in one piece, received chunks, or a compact or virtual data set");
}

TEST_F(Hdf5DatasetCheckTest, RefusesNamedTypesAndOtherMessages) {
    bytes_[at(Hdf5Message::kDatatype) - 4] = 2;
    EXPECT_EQ(refusal(), "f: expected a type of its own, received a named one");
    bytes_[at(Hdf5Message::kDatatype) - 4] = 0;
    bytes_[at(Hdf5Message::kFill) - 8] = 0x0b;
    EXPECT_EQ(refusal(), "f: expected a data set as Keras writes it, received a message 11");
    bytes_[at(0x0b) - 8] = Hdf5Message::kDataspace;  // the second one
    expect_contains(refusal(), "f: is damaged: what byte ");
    bytes_[at(Hdf5Message::kDatatype) - 8] = Hdf5Message::kTime;
    EXPECT_EQ(refusal(), "f: expected a data set, or it is damaged");
}

TEST(SpaceSizes, ProductSaturates) {
    constexpr std::uint64_t large = std::uint64_t{1} << 33;
    const std::vector<std::uint64_t> sizes{large, large};
    EXPECT_EQ(io::detail::product_of(sizes), std::numeric_limits<std::uint64_t>::max());
    EXPECT_EQ(io::detail::product_of({}), 1U);
}

}  // namespace
