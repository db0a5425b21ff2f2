// SPDX-License-Identifier: MIT
#include "eigengru/io/hdf5_writer.hpp"

#include "eigengru/io/hdf5_file.hpp"
#include "io/io_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;
using namespace eigengru_test;

using Written = io::Hdf5Writer;

/// A data set as the HDF5 library reads it.
std::vector<double> read_by_library(const std::filesystem::path& path, const std::string& name, std::size_t size) {
    const hid_t file = H5Fopen(path.string().c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t set = H5Dopen2(file, name.c_str(), H5P_DEFAULT);
    std::vector<double> values(size);
    const herr_t status = H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    EXPECT_GE(status, 0) << name;
    H5Dclose(set);
    H5Fclose(file);
    return values;
}

TEST(Hdf5Writer, WritesWhatTheLibraryAndWeRead) {
    const ScratchFolder folder;
    const std::vector<float> singles{1.5F, -2.0F, 3.0e-20F, 4.0F, 5.0F, 6.0F};
    const std::vector<double> doubles{0.1, -1e300};
    Written writer;
    writer.add("a/b/x", {2, 3}, std::span<const float>(singles));
    writer.add("a/y", {2}, std::span<const double>(doubles));
    writer.add_group("a/empty/group");
    const Bytes bytes = writer.bytes();
    write_bytes(folder / "a.h5", bytes);
    EXPECT_EQ(read_by_library(folder / "a.h5", "a/b/x", 6), std::vector<double>(singles.begin(), singles.end()));
    EXPECT_EQ(read_by_library(folder / "a.h5", "a/y", 2), doubles);
    const io::Hdf5File file(bytes, Where("f"));
    EXPECT_EQ(file.dataset("a/b/x").shape(), (std::vector<Index>{2, 3}));
    EXPECT_EQ(file.dataset("a/b/x").read<float>()(1, 2), 6.0F);
    EXPECT_EQ(file.dataset("a/y").read<double>()(0, 1), -1e300);
    EXPECT_TRUE(file.has("a/empty/group"));
}

TEST(Hdf5Writer, WritesGroupsOfAnySize) {
    const ScratchFolder folder;
    for (const int count : {8, 9, 255, 256, 257, 1000}) {
        Written writer;
        for (int i = 0; i < count; ++i) {
            const float value = static_cast<float>(i);
            writer.add("g/x" + std::to_string(i), {1}, std::span<const float>(&value, 1));
        }
        const Bytes bytes = writer.bytes();
        write_bytes(folder / "a.h5", bytes);
        const io::Hdf5File file(bytes, Where("f"));
        for (int i = 0; i < count; ++i) EXPECT_TRUE(file.has("g/x" + std::to_string(i))) << count;
        for (const int i : {0, 1, 7, count / 2, count - 1})
            EXPECT_EQ(read_by_library(folder / "a.h5", "g/x" + std::to_string(i), 1).front(), i) << count;
    }
}

TEST(Hdf5Writer, GivesTheSameBytesEachTime) {
    Written writer;
    writer.add_group("vars");
    EXPECT_EQ(writer.bytes(), writer.bytes());
}

}  // namespace
