// SPDX-License-Identifier: MIT
#include "eigengru/io/hdf5_layout.hpp"

#include "io/io_support.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace {

using namespace eigengru;
using namespace eigengru_test;

std::string refusal(const Bytes& bytes) {
    const Where where("f");
    return format_error_of([&] { io::detail::Hdf5LayoutCheck(bytes, where).run(); });
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

TEST(Hdf5LayoutCheck, AcceptsEveryFileOfKeras) {
    for (const auto& entry : std::filesystem::directory_iterator(fixture("")))
        if (entry.path().extension() == ".h5") {
            EXPECT_EQ(refusal(bytes_of(entry.path())), kNone) << entry.path();
        }
}

TEST(Hdf5LayoutCheck, AcceptsLinksContinuedHeadersAndManyObjects) {
    const ScratchFolder folder;
    {
        const Hdf5Writer writer(folder / "a.h5");
        for (int i = 0; i < 100; ++i) writer.add("g/x" + std::to_string(i), {1}, {1});
        H5Lcreate_soft("/g", writer.file(), "soft", H5P_DEFAULT, H5P_DEFAULT);
        H5Lcreate_hard(writer.file(), "g", writer.file(), "hard", H5P_DEFAULT, H5P_DEFAULT);
        for (int i = 0; i < 20; ++i) {
            const hid_t space = H5Screate(H5S_SCALAR);
            const std::string name = "attribute" + std::to_string(i);
            H5Aclose(H5Acreate2(writer.file(), name.c_str(), H5T_NATIVE_INT, space, H5P_DEFAULT, H5P_DEFAULT));
            H5Sclose(space);
        }
    }
    EXPECT_EQ(refusal(bytes_of(folder / "a.h5")), kNone);
}

TEST(Hdf5LayoutCheck, LeavesTheNewerFormToItsChecksums) {
    Bytes bytes = plain();
    bytes[8] = 2;
    EXPECT_EQ(refusal(bytes), kNone);
}

TEST(Hdf5LayoutCheck, RefusesWhatIsTooShort) {
    EXPECT_EQ(refusal({}), "f: expected an HDF5 file, as Keras saves one");
    const Bytes whole = plain();
    EXPECT_EQ(refusal(Bytes(whole.begin(), whole.begin() + 95)), "f: expected an HDF5 file, as Keras saves one");
}

TEST(Hdf5LayoutCheck, RefusesAHeapLargerThanTheFile) {
    Bytes bytes = plain();
    bytes[position_of(bytes, "HEAP") + 12] = 0x33;  // its size, times 2^32
    expect_contains(refusal(bytes), "f: is damaged: what byte ");
}

TEST(Hdf5LayoutCheck, RefusesAnAddressBeyondTheFile) {
    Bytes bytes = plain();
    bytes[position_of(bytes, "SNOD") + 8 + 8 + 4] = 0xff;  // of its first object
    expect_contains(refusal(bytes), "f: is damaged: what byte ");
}

TEST(Hdf5LayoutCheck, NamesWhatItExpectedWhere) {
    Bytes bytes = plain();
    const std::size_t at = position_of(bytes, "TREE");
    bytes[at] = 'X';
    EXPECT_EQ(refusal(bytes), "f: expected a tree at byte " + std::to_string(at) + ", received something else");
}

TEST(Hdf5LayoutCheck, EndsInATreeThatLeadsBackToItself) {
    Bytes bytes = plain();
    const std::size_t at = position_of(bytes, "TREE");
    bytes[at + 5] = 1;  // no leaf; its child is itself
    for (std::size_t i = 0; i < 8; ++i) bytes[at + 32 + i] = static_cast<unsigned char>(at >> (8 * i));
    EXPECT_EQ(refusal(bytes), kNone);
}

}  // namespace
