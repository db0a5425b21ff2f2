// SPDX-License-Identifier: MIT
#include "eigengru/io/hdf5_dataset.hpp"

#include "io/hdf5_support.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace eigengru_test::hdf5_dataset_test {

namespace {

using namespace eigengru;

class Hdf5DatasetTest : public Hdf5ScratchTest {};

hid_t half_type(hid_t single) {
    const hid_t type = H5Tcopy(single);
    H5Tset_fields(type, 15, 10, 5, 0, 10);
    H5Tset_size(type, 2);
    H5Tset_ebias(type, 15);
    return type;
}

TEST_F(Hdf5DatasetTest, ReadsAMatrix) {
    LibraryWriter(path_).add("a/b/x", {2, 3}, {1, 2, 3, 4, 5, 6});
    RowMatrix<double> expected(2, 3);
    expected << 1, 2, 3, 4, 5, 6;
    EXPECT_EQ(read("a/b/x"), expected);
    EXPECT_EQ(open().dataset("a/b/x").shape(), (std::vector<Index>{2, 3}));
}

TEST_F(Hdf5DatasetTest, ReadsAVectorAsOneRow) {
    LibraryWriter(path_).add("x", {3}, {1, 2, 3});
    EXPECT_EQ(open().dataset("x").shape(), std::vector<Index>{3});
    EXPECT_EQ(read().rows(), 1);
    EXPECT_EQ(read()(0, 2), 3);
}

TEST_F(Hdf5DatasetTest, ConvertsFloatsOfEitherByteOrderIntoEitherScalar) {
    for (const hid_t type : {H5T_IEEE_F32LE, H5T_IEEE_F32BE, H5T_IEEE_F64LE, H5T_IEEE_F64BE}) {
        LibraryWriter(path_).add("x", {2}, {0.5, -3.25}, type);
        EXPECT_EQ(read<float>()(0, 1), -3.25F);
        EXPECT_EQ(read<double>()(0, 1), -3.25);
        const bool is_single = H5Tget_size(type) == 4;
        EXPECT_EQ(open().dataset("x").type(), is_single ? io::StoredType::float32 : io::StoredType::float64);
    }
}

TEST_F(Hdf5DatasetTest, KeepsEveryBitOfADouble) {
    LibraryWriter(path_).add("x", {2}, {0.1, 1e-310});
    EXPECT_EQ(read<double>()(0, 0), 0.1);
    EXPECT_EQ(read<double>()(0, 1), 1e-310);
    EXPECT_EQ(read<float>()(0, 0), 0.1F);
}

/// The value of an IEEE half by its definition.
double half_value(unsigned bits) {
    const double sign = (bits & 0x8000U) != 0 ? -1.0 : 1.0;
    const int exponent = static_cast<int>((bits >> 10U) & 31U);
    const double fraction = static_cast<double>(bits & 1023U) / 1024.0;
    if (exponent == 0) return sign * std::ldexp(fraction, -14);
    if (exponent == 31) return fraction == 0.0 ? sign * INFINITY : NAN;
    return sign * std::ldexp(1.0 + fraction, exponent - 15);
}

std::vector<std::uint16_t> all_patterns() {
    std::vector<std::uint16_t> bits(65536);
    for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = static_cast<std::uint16_t>(i);
    return bits;
}

TEST_F(Hdf5DatasetTest, ReadsEveryHalf) {
    const hid_t type = half_type(H5T_IEEE_F32LE);
    LibraryWriter(path_).add("x", {65536}, type, all_patterns().data(), type);
    H5Tclose(type);
    EXPECT_EQ(open().dataset("x").type(), io::StoredType::float16);
    const RowMatrix<float> values = read<float>();
    const RowMatrix<double> doubles = read<double>();
    for (unsigned bits = 0; bits < 65536; ++bits) {
        const double expected = half_value(bits);
        if (std::isnan(expected)) {
            EXPECT_TRUE(std::isnan(values(0, bits)) && std::isnan(doubles(0, bits))) << bits;
        } else {
            EXPECT_EQ(static_cast<double>(values(0, bits)), expected) << bits;
            EXPECT_EQ(doubles(0, bits), expected) << bits;
        }
    }
}

TEST_F(Hdf5DatasetTest, ReadsEveryBfloat16) {
    const hid_t type = H5Tcreate(H5T_OPAQUE, 2);
    LibraryWriter(path_).add("x", {65536}, type, all_patterns().data(), type);
    H5Tclose(type);
    EXPECT_EQ(open().dataset("x").type(), io::StoredType::bfloat16);
    const RowMatrix<float> values = read<float>();
    for (unsigned bits = 0; bits < 65536; ++bits) {
        const auto expected = std::bit_cast<float>(bits << 16U);
        if (std::isnan(expected)) {
            EXPECT_TRUE(std::isnan(values(0, bits)));
        } else {
            EXPECT_EQ(values(0, bits), expected) << bits;
        }
    }
    EXPECT_EQ(read<double>()(0, 0x3f80), 1.0);
}

TEST_F(Hdf5DatasetTest, RefusesOtherTypes) {
    for (const hid_t type : {H5T_STD_I32LE, H5T_STD_U8LE, H5T_NATIVE_LDOUBLE}) {
        LibraryWriter(path_).add("x", {2}, {1, 2}, type);
        expect_contains(refusal(), "f: x: expected float16, bfloat16, float32 or float64, received another type of ");
    }
}

TEST_F(Hdf5DatasetTest, RefusesAFloatWithFieldsOfItsOwn) {
    const hid_t type = H5Tcopy(H5T_IEEE_F32LE);
    H5Tset_ebias(type, 100);
    LibraryWriter(path_).add("x", {2}, {1, 2}, type);
    H5Tclose(type);
    expect_contains(refusal(), "received another type of 4 bytes");
}

TEST_F(Hdf5DatasetTest, RefusesOtherRanks) {
    LibraryWriter(path_).add("x", {}, {1});
    EXPECT_EQ(refusal(), "f: x: expected a vector or a matrix, received rank 0");
    LibraryWriter(path_).add("x", {1, 1, 2}, {1, 2});
    EXPECT_EQ(refusal(), "f: x: expected a vector or a matrix, received rank 3");
}

TEST_F(Hdf5DatasetTest, RefusesADataSetWithoutElements) {
    LibraryWriter(path_).add("x", {0, 3}, std::vector<double>(1));
    EXPECT_EQ(refusal(), "f: x: expected at least one number, received none");
}

TEST_F(Hdf5DatasetTest, RefusesChunks) {
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    const std::vector<hsize_t> chunk{2, 2};
    H5Pset_chunk(creation, 2, chunk.data());
    LibraryWriter(path_).add("x", {2, 2}, {1, 2, 3, 4}, H5T_IEEE_F32LE, creation);
    H5Pclose(creation);
    EXPECT_EQ(refusal(), "f: x: expected numbers in one piece, received chunks, or a compact or virtual data set");
}

TEST_F(Hdf5DatasetTest, RefusesAShapeThatNothingIsStoredFor) {
    LibraryWriter(path_).add("x", {1U << 20U, 1U << 20U}, H5T_IEEE_F64LE, nullptr, H5T_NATIVE_DOUBLE);
    expect_contains(refusal(), "f: x: is damaged: 1099511627776 numbers of 8 bytes cannot stand in 0 bytes");
}

TEST_F(Hdf5DatasetTest, RefusesNumbersInAnotherFile) {
    write_bytes(folder_ / "raw", Bytes(16));
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(creation, (folder_ / "raw").string().c_str(), 0, 16);
    LibraryWriter(path_).add("x", {2}, {1, 2}, H5T_IEEE_F64LE, creation);
    H5Pclose(creation);
    EXPECT_EQ(refusal(), "f: x: expected numbers in this file, received external ones");
}

TEST_F(Hdf5DatasetTest, RefusesAVirtualDataSet) {
    const hsize_t size = 2;
    const hid_t space = H5Screate_simple(1, &size, nullptr);
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_virtual(creation, space, (folder_ / "other.h5").string().c_str(), "y", space);
    LibraryWriter(path_).add("x", {2}, H5T_IEEE_F64LE, nullptr, H5T_NATIVE_DOUBLE, creation);
    H5Pclose(creation);
    H5Sclose(space);
    EXPECT_EQ(refusal(), "f: x: expected numbers in one piece, received chunks, or a compact or virtual data set");
}

TEST_F(Hdf5DatasetTest, ADataSetOutlivesItsFile) {
    LibraryWriter(path_).add("x", {1}, {5});
    const io::Hdf5Dataset set = open().dataset("x");
    EXPECT_EQ(set.read<double>()(0, 0), 5.0);
}

TEST_F(Hdf5DatasetTest, RefusesAGroupInPlaceOfADataSet) {
    LibraryWriter(path_).add("a/x", {1}, {4});
    EXPECT_EQ(refusal("a"), "f: a: expected a data set, or it is damaged");
}

TEST_F(Hdf5DatasetTest, ReadsAHalfOfTheOtherByteOrder) {
    const hid_t type = half_type(H5T_IEEE_F32BE);
    LibraryWriter(path_).add("x", {2}, {1.5, -0.25}, type);
    H5Tclose(type);
    EXPECT_EQ(open().dataset("x").type(), io::StoredType::float16);
    EXPECT_EQ(read<float>()(0, 0), 1.5F);
    EXPECT_EQ(read<float>()(0, 1), -0.25F);
}

TEST_F(Hdf5DatasetTest, ReadsAMatrixOfBfloat16RowByRow) {
    const hid_t type = H5Tcreate(H5T_OPAQUE, 2);
    const std::vector<std::uint16_t> values{0x3f80, 0x4000, 0x4040, 0x4080, 0x40a0, 0x40c0};
    LibraryWriter(path_).add("x", {2, 3}, type, values.data(), type);
    H5Tclose(type);
    RowMatrix<double> expected(2, 3);
    expected << 1, 2, 3, 4, 5, 6;
    EXPECT_EQ(read<double>(), expected);
}

TEST_F(Hdf5DatasetTest, SaysWhereItIsAndWhatItTakesOfTheFile) {
    {
        const LibraryWriter writer(path_);
        writer.add("g/x", {2, 3}, std::vector<double>(6), H5T_IEEE_F64LE);
        writer.add("g/y", {3}, std::vector<double>(3), H5T_IEEE_F32LE);
    }
    const io::Hdf5Dataset matrix = open().dataset("g/x");
    EXPECT_EQ(matrix.bytes(), 48U);
    EXPECT_EQ(matrix.where().text(), "f: g/x");
    EXPECT_EQ(open().dataset("g/y").bytes(), 12U);
}

/// The refusal of what the library has opened, whose file nothing has checked before.
std::string unchecked_refusal(const std::filesystem::path& path, std::uint64_t file_bytes = 1U << 20U) {
    const io::detail::QuietHdf5 quiet;
    const io::detail::Hdf5Handle file(H5Fopen(path.string().c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), &H5Fclose);
    io::detail::Hdf5Handle object(H5Oopen(file.id(), "x", H5P_DEFAULT), &H5Oclose);
    return format_error_of([&] { (void)io::Hdf5Dataset(std::move(object), file_bytes, Where("f: x")); });
}

TEST_F(Hdf5DatasetTest, IsADataSet) {
    LibraryWriter(path_).add("x/y", {1}, {1});
    EXPECT_EQ(unchecked_refusal(path_), "f: x: expected a data set, or it is damaged");
    LibraryWriter(path_).add("y", {1}, {1});
    EXPECT_EQ(unchecked_refusal(path_), "f: x: expected a data set, or it is damaged");
}

/// The refusal of two numbers whose storage `edit` has chosen.
template <class Edit>
std::string storage_refusal(const std::filesystem::path& path, Edit&& edit) {
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    edit(creation);
    LibraryWriter(path).add("x", {2}, {1, 2}, H5T_IEEE_F64LE, creation);
    H5Pclose(creation);
    return unchecked_refusal(path);
}

TEST_F(Hdf5DatasetTest, AsksTheLibraryItselfHowItIsStored) {
    const std::string pieces = "f: x: expected numbers in one piece, received chunks, or a compact or virtual data set";
    EXPECT_EQ(storage_refusal(path_, [](hid_t creation) { H5Pset_layout(creation, H5D_COMPACT); }), pieces);
    EXPECT_EQ(storage_refusal(path_,
                              [](hid_t creation) {
                                  const hsize_t size = 2;
                                  H5Pset_chunk(creation, 1, &size);
                              }),
              pieces);
    const std::string raw = (folder_ / "raw").string();
    write_bytes(raw, Bytes(16));
    EXPECT_EQ(storage_refusal(path_, [&](hid_t creation) { H5Pset_external(creation, raw.c_str(), 0, 16); }),
              "f: x: expected numbers in this file, received external ones");
    EXPECT_EQ(storage_refusal(path_, [](hid_t) {}), "no FormatError was thrown");
}

TEST_F(Hdf5DatasetTest, AsksTheLibraryItselfForTypeAndPlace) {
    LibraryWriter(path_).add("x", {2}, {1, 2}, H5T_STD_I16LE);
    EXPECT_EQ(unchecked_refusal(path_),
              "f: x: expected float16, bfloat16, float32 or float64, received another type of 2 bytes");
    LibraryWriter(path_).add("x", {2}, {1, 2});
    EXPECT_EQ(unchecked_refusal(path_, 8),
              "f: x: is damaged: 2 numbers of 8 bytes cannot stand in 16 bytes of a file of 8");
}

}  // namespace

}  // namespace eigengru_test::hdf5_dataset_test
