// SPDX-License-Identifier: MIT
#include "eigengru/io/hdf5_structure.hpp"

#include "io/io_support.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace {

using namespace eigengru;
using namespace eigengru_test;

std::string structure_refusal(const Bytes& bytes) {
    const Where where("f");
    return format_error_of([&] { io::detail::Hdf5Structure({io::detail::Hdf5Numbers(bytes, where)}); });
}

const std::string kNone = "no FormatError was thrown";

/// The position of the first heap, tree or table of symbols.
std::size_t position_of(const Bytes& bytes, std::string_view signature) {
    const auto found = std::search(bytes.begin(), bytes.end(), signature.begin(), signature.end());
    return static_cast<std::size_t>(found - bytes.begin());
}

Bytes plain() {
    return bytes_of(fixture("plain.tensorflow.weights.h5"));
}

TEST(Hdf5Structure, AcceptsEveryFileOfKeras) {
    for (const auto& entry : std::filesystem::directory_iterator(fixture("")))
        if (entry.path().extension() == ".h5") {
            EXPECT_EQ(structure_refusal(bytes_of(entry.path())), kNone) << entry.path();
        }
}

TEST(Hdf5Structure, AcceptsLinksContinuedHeadersAndManyObjects) {
    const ScratchFolder folder;
    {
        const LibraryWriter writer(folder / "a.h5");
        for (int i = 0; i < 100; ++i) writer.add("g/x" + std::to_string(i), {1}, {1});
        H5Lcreate_soft("/g", writer.file(), "soft", H5P_DEFAULT, H5P_DEFAULT);
        H5Lcreate_hard(writer.file(), "g", writer.file(), "hard", H5P_DEFAULT, H5P_DEFAULT);
        for (int i = 0; i < 20; ++i)
            writer.attribute("/", ("attribute" + std::to_string(i)).c_str(), H5T_NATIVE_INT, {}, nullptr);
    }
    EXPECT_EQ(structure_refusal(bytes_of(folder / "a.h5")), kNone);
}

TEST(Hdf5Structure, RefusesWhatIsTooShortOrNewer) {
    EXPECT_EQ(structure_refusal({}), "f: expected an HDF5 file, as Keras saves one");
    Bytes bytes = plain();
    EXPECT_EQ(structure_refusal(Bytes(bytes.begin(), bytes.begin() + 47)),
              "f: expected an HDF5 file, as Keras saves one");
    EXPECT_EQ(structure_refusal(Bytes(bytes.begin(), bytes.begin() + 95)),
              "f: is damaged: expected the 16616 bytes that it claims, received 95");
    bytes[8] = 4;
    EXPECT_EQ(structure_refusal(bytes), "f: expected an HDF5 file of version 0 to 3, received 4");
}

TEST(Hdf5Structure, RefusesAHeapLargerThanTheFile) {
    Bytes bytes = plain();
    bytes[position_of(bytes, "HEAP") + 12] = 0x33;  // its size, times 2^32
    expect_contains(structure_refusal(bytes), "f: is damaged: what byte ");
}

TEST(Hdf5Structure, RefusesAnAddressBeyondTheFile) {
    Bytes bytes = plain();
    bytes[position_of(bytes, "SNOD") + 8 + 8 + 4] = 0xff;  // of its first object
    expect_contains(structure_refusal(bytes), "f: is damaged: what byte ");
}

/// What is refused when one byte of the file is another.
std::string structure_refusal_with(std::size_t at, unsigned char value) {
    Bytes bytes = plain();
    bytes[at] = value;
    return structure_refusal(bytes);
}

TEST(Hdf5Structure, RefusesASuperblockThatTheLibraryWouldNotRead) {
    for (const std::size_t version_at : {9U, 10U, 12U})
        expect_contains(structure_refusal_with(version_at, 1), "byte 9 says");
    for (const std::size_t rank_at : {16U, 18U}) expect_contains(structure_refusal_with(rank_at, 0), "byte 9 says");
    expect_contains(structure_refusal_with(20, 1), "byte 9 says");
    for (const std::size_t address_at : {32U, 48U})
        expect_contains(structure_refusal_with(address_at, 0), "received one with free space or a driver of its own");
}

TEST(Hdf5Structure, RefusesARootThatStandsElsewhereInTheSuperblock) {
    expect_contains(structure_refusal_with(72, 2), "f: is damaged: what byte 72 says");
    expect_contains(structure_refusal_with(81, 1), "f: is damaged: what byte 80 says");
    EXPECT_EQ(structure_refusal_with(72, 0), kNone);
}

TEST(Hdf5Structure, RefusesMessagesThatTheLibraryWouldNotRead) {
    constexpr std::size_t root = 96;
    expect_contains(structure_refusal_with(root + 2, 0), "f: is damaged: what byte 96 says");    // no messages
    expect_contains(structure_refusal_with(root + 8, 20), "f: is damaged: what byte 112 says");  // not a multiple of 8
    expect_contains(structure_refusal_with(root + 16 + 2, 12), "f: is damaged: what byte 112 says");  // nor this
    for (const unsigned char flags : std::vector<unsigned char>{6, 8, 128})
        expect_contains(structure_refusal_with(root + 16 + 4, flags), "f: is damaged: what byte 112 says");
}

TEST(Hdf5Structure, NamesWhatItExpectedWhere) {
    Bytes bytes = plain();
    const std::size_t at = position_of(bytes, "TREE");
    bytes[at] = 'X';
    EXPECT_EQ(structure_refusal(bytes),
              "f: expected a tree or a symbol table at byte " + std::to_string(at) + ", received something else");
}

void put(Bytes& bytes, std::size_t at, std::size_t number, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) bytes[at + i] = static_cast<unsigned char>(number >> (8 * i));
}

TEST(Hdf5Structure, EndsInATreeThatLeadsBackToItself) {
    Bytes bytes = plain();
    const std::size_t at = position_of(bytes, "TREE");
    put(bytes, at + 32, at, 8);
    expect_contains(structure_refusal(bytes), "f: expected at most 1048576 links, messages and nodes");
}

TEST(Hdf5Structure, CountsTheChildrenOfATreeBeforeItKeepsThem) {
    Bytes bytes = plain();
    const std::size_t tree = bytes.size();
    constexpr std::size_t count = 4000;  // children, all of them the tree itself
    put(bytes, position_of(bytes, "TREE") + 32, tree, 8);
    for (const char c : std::string_view("TREE")) bytes.push_back(static_cast<unsigned char>(c));
    bytes.resize(tree + 32 + 16 * count);
    put(bytes, tree + 6, count, 2);
    for (std::size_t i = 0; i < count; ++i) put(bytes, tree + 32 + 16 * i, tree, 8);
    put(bytes, 40, bytes.size(), 8);  // where the file says that it ends
    expect_contains(structure_refusal(bytes),
                    "f: expected at most 1048576 links, messages and nodes, byte " + std::to_string(tree) + " is more");
}

TEST(Hdf5Structure, RefusesNamesOfAnyLength) {
    for (const std::size_t length : {1000U, 1100U}) {
        const ScratchFolder folder;
        {
            const LibraryWriter writer(folder / "a.h5");
            writer.add(std::string(length, 'n'), {1}, {1});
        }
        const std::string text = structure_refusal(bytes_of(folder / "a.h5"));
        if (length < 1024)
            EXPECT_EQ(text, kNone);
        else
            expect_contains(text, "f: is damaged: what byte ");
    }
}

TEST(Hdf5Structure, EndsInAGroupThatLeadsBackToItself) {
    const ScratchFolder folder;
    {
        const LibraryWriter writer(folder / "a.h5");
        writer.add("g/x", {1}, {1});
        H5Lcreate_hard(writer.file(), "g", writer.file(), "g/again", H5P_DEFAULT, H5P_DEFAULT);
    }
    EXPECT_EQ(structure_refusal(bytes_of(folder / "a.h5")), kNone);
}

}  // namespace
