// SPDX-License-Identifier: MIT
#include "eigengru/io/hdf5_file.hpp"

#include "io/io_support.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace {

using namespace eigengru;
using namespace eigengru_test;

class Hdf5FileTest : public testing::Test {
protected:
    [[nodiscard]] io::Hdf5File open() const { return {bytes_of(path_), Where("f")}; }

    template <class S = double>
    [[nodiscard]] RowMatrix<S> read(const std::string& name = "x") const {
        return open().dataset(name).read<S>();
    }

    [[nodiscard]] std::string refusal(const std::string& name = "x") const {
        return format_error_of([&] { (void)read(name); });
    }

    ScratchFolder folder_;
    std::filesystem::path path_ = folder_ / "a.h5";
};

hid_t half_type(hid_t single) {
    const hid_t type = H5Tcopy(single);
    H5Tset_fields(type, 15, 10, 5, 0, 10);
    H5Tset_size(type, 2);
    H5Tset_ebias(type, 15);
    return type;
}

TEST_F(Hdf5FileTest, ReadsAMatrix) {
    LibraryWriter(path_).add("a/b/x", {2, 3}, {1, 2, 3, 4, 5, 6});
    RowMatrix<double> expected(2, 3);
    expected << 1, 2, 3, 4, 5, 6;
    EXPECT_EQ(read("a/b/x"), expected);
    EXPECT_EQ(open().dataset("a/b/x").shape(), (std::vector<Index>{2, 3}));
}

TEST_F(Hdf5FileTest, ReadsAVectorAsOneRow) {
    LibraryWriter(path_).add("x", {3}, {1, 2, 3});
    EXPECT_EQ(open().dataset("x").shape(), std::vector<Index>{3});
    EXPECT_EQ(read().rows(), 1);
    EXPECT_EQ(read()(0, 2), 3);
}

TEST_F(Hdf5FileTest, ConvertsFloatsOfEitherByteOrderIntoEitherScalar) {
    for (const hid_t type : {H5T_IEEE_F32LE, H5T_IEEE_F32BE, H5T_IEEE_F64LE, H5T_IEEE_F64BE}) {
        LibraryWriter(path_).add("x", {2}, {0.5, -3.25}, type);
        EXPECT_EQ(read<float>()(0, 1), -3.25F);
        EXPECT_EQ(read<double>()(0, 1), -3.25);
        const bool is_single = H5Tget_size(type) == 4;
        EXPECT_EQ(open().dataset("x").type(), is_single ? io::StoredType::float32 : io::StoredType::float64);
    }
}

TEST_F(Hdf5FileTest, KeepsEveryBitOfADouble) {
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

TEST_F(Hdf5FileTest, ReadsEveryHalf) {
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

TEST_F(Hdf5FileTest, ReadsEveryBfloat16) {
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

TEST_F(Hdf5FileTest, RefusesOtherTypes) {
    for (const hid_t type : {H5T_STD_I32LE, H5T_STD_U8LE, H5T_NATIVE_LDOUBLE}) {
        LibraryWriter(path_).add("x", {2}, {1, 2}, type);
        expect_contains(refusal(), "f: x: expected float16, bfloat16, float32 or float64, received another type of ");
    }
}

TEST_F(Hdf5FileTest, RefusesAFloatWithFieldsOfItsOwn) {
    const hid_t type = H5Tcopy(H5T_IEEE_F32LE);
    H5Tset_ebias(type, 100);
    LibraryWriter(path_).add("x", {2}, {1, 2}, type);
    H5Tclose(type);
    expect_contains(refusal(), "received another type of 4 bytes");
}

TEST_F(Hdf5FileTest, RefusesOtherRanks) {
    LibraryWriter(path_).add("x", {}, {1});
    EXPECT_EQ(refusal(), "f: x: expected a vector or a matrix, received rank 0");
    LibraryWriter(path_).add("x", {1, 1, 2}, {1, 2});
    EXPECT_EQ(refusal(), "f: x: expected a vector or a matrix, received rank 3");
}

TEST_F(Hdf5FileTest, RefusesADataSetWithoutElements) {
    LibraryWriter(path_).add("x", {0, 3}, std::vector<double>(1));
    EXPECT_EQ(refusal(), "f: x: expected at least one number, received none");
}

TEST_F(Hdf5FileTest, RefusesChunks) {
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    const std::vector<hsize_t> chunk{2, 2};
    H5Pset_chunk(creation, 2, chunk.data());
    LibraryWriter(path_).add("x", {2, 2}, {1, 2, 3, 4}, H5T_IEEE_F32LE, creation);
    H5Pclose(creation);
    EXPECT_EQ(refusal(), "f: x: expected numbers in one piece, received chunks, or a compact or virtual data set");
}

TEST_F(Hdf5FileTest, RefusesAShapeThatNothingIsStoredFor) {
    LibraryWriter(path_).add("x", {1U << 20U, 1U << 20U}, H5T_IEEE_F64LE, nullptr, H5T_NATIVE_DOUBLE);
    expect_contains(refusal(), "f: x: is damaged: 1099511627776 numbers of 8 bytes cannot stand in 0 bytes");
}

TEST_F(Hdf5FileTest, RefusesNumbersInAnotherFile) {
    write_bytes(folder_ / "raw", Bytes(16));
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(creation, (folder_ / "raw").string().c_str(), 0, 16);
    LibraryWriter(path_).add("x", {2}, {1, 2}, H5T_IEEE_F64LE, creation);
    H5Pclose(creation);
    EXPECT_EQ(refusal(), "f: x: expected numbers in this file, received external ones");
}

TEST_F(Hdf5FileTest, RefusesAVirtualDataSet) {
    const hsize_t size = 2;
    const hid_t space = H5Screate_simple(1, &size, nullptr);
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_virtual(creation, space, (folder_ / "other.h5").string().c_str(), "y", space);
    LibraryWriter(path_).add("x", {2}, H5T_IEEE_F64LE, nullptr, H5T_NATIVE_DOUBLE, creation);
    H5Pclose(creation);
    H5Sclose(space);
    EXPECT_EQ(refusal(), "f: x: expected numbers in one piece, received chunks, or a compact or virtual data set");
}

TEST_F(Hdf5FileTest, FollowsHardLinksAlone) {
    {
        const LibraryWriter writer(path_);
        writer.add("g/x", {1}, {4});
        H5Lcreate_hard(writer.file(), "g", writer.file(), "hard", H5P_DEFAULT, H5P_DEFAULT);
        H5Lcreate_soft("/g", writer.file(), "soft", H5P_DEFAULT, H5P_DEFAULT);
    }
    EXPECT_EQ(read("hard/x")(0, 0), 4.0);
    EXPECT_EQ(refusal("soft/x"), "f: soft: expected a hard link, received a soft or external one");
}

TEST_F(Hdf5FileTest, KnowsWhatItHas) {
    LibraryWriter(path_).add("a/x", {1}, {4});
    const io::Hdf5File file = open();
    EXPECT_TRUE(file.has("a"));
    EXPECT_TRUE(file.has("a/x"));
    EXPECT_FALSE(file.has("b/x"));
    EXPECT_FALSE(file.has("a/y"));
}

TEST_F(Hdf5FileTest, NamesAMissingDataSet) {
    LibraryWriter(path_).add("a/x", {1}, {4});
    EXPECT_EQ(refusal("a/y"), "f: the file has no data set \"a/y\"");
}

TEST_F(Hdf5FileTest, RefusesAGroupInPlaceOfADataSet) {
    LibraryWriter(path_).add("a/x", {1}, {4});
    EXPECT_EQ(refusal("a"), "f: a: expected a data set, or it is damaged");
}

TEST_F(Hdf5FileTest, RefusesADataSetInPlaceOfAGroup) {
    LibraryWriter(path_).add("a", {1}, {4});
    EXPECT_THROW((void)read("a/x"), FormatError);
}

TEST_F(Hdf5FileTest, RefusesWhatIsNoHdf5) {
    write_bytes(path_, bytes_of(std::string_view("this is a text")));
    EXPECT_EQ(refusal(), "f: expected an HDF5 file, as Keras saves one");
}

TEST_F(Hdf5FileTest, LeavesTheErrorPrinterOfTheProgramAlone) {
    H5E_auto2_t before = nullptr;
    H5E_auto2_t after = nullptr;
    void* data = nullptr;
    H5Eget_auto2(H5E_DEFAULT, &before, &data);
    write_bytes(path_, Bytes(100, 1));
    (void)refusal();
    H5Eget_auto2(H5E_DEFAULT, &after, &data);
    EXPECT_EQ(before, after);
}

TEST_F(Hdf5FileTest, LeavesNothingOpen) {
    const auto open_objects = [] { return H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL); };
    const auto before = open_objects();
    LibraryWriter(path_).add("x", {2}, {1, 2});
    (void)read();
    (void)refusal("y");
    EXPECT_EQ(open_objects(), before);
}

TEST_F(Hdf5FileTest, TwoFilesAreOpenAtOnce) {
    LibraryWriter(path_).add("x", {1}, {1});
    const io::Hdf5File first = open();
    LibraryWriter(path_).add("x", {1}, {2});
    const io::Hdf5File second = open();
    EXPECT_EQ(first.dataset("x").read<double>()(0, 0), 1.0);
    EXPECT_EQ(second.dataset("x").read<double>()(0, 0), 2.0);
}

TEST_F(Hdf5FileTest, ADataSetOutlivesItsFile) {
    LibraryWriter(path_).add("x", {1}, {5});
    const io::Hdf5Dataset set = open().dataset("x");
    EXPECT_EQ(set.read<double>()(0, 0), 5.0);
}

TEST_F(Hdf5FileTest, ReadsGroupsOfTheNewerForm) {
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    LibraryWriter(path_, access).add("a/b/x", {2}, {3, 4});
    EXPECT_EQ(read("a/b/x")(0, 1), 4.0);
    EXPECT_TRUE(open().has("a/b") && !open().has("a/c") && !open().has("c/b"));
    {
        const LibraryWriter writer(path_, access);
        writer.add("a/x", {1}, {4});
        H5Lcreate_soft("/a", writer.file(), "a/soft", H5P_DEFAULT, H5P_DEFAULT);
        H5Lcreate_external("other.h5", "/a", writer.file(), "external", H5P_DEFAULT, H5P_DEFAULT);
    }
    EXPECT_EQ(refusal("a/soft/x"), "f: a/soft: expected a hard link, received a soft or external one");
    EXPECT_EQ(refusal("external/x"), "f: external: expected a hard link, received a soft or external one");
    EXPECT_EQ(refusal("a/y"), "f: the file has no data set \"a/y\"");
    EXPECT_EQ(refusal("a"), "f: a: expected a data set, or it is damaged");
    {
        const LibraryWriter writer(path_, access);
        for (int i = 0; i < 100; ++i) writer.add("g/x" + std::to_string(i), {1}, {1});
    }
    EXPECT_EQ(read("g/x1")(0, 0), 1.0);
    EXPECT_TRUE(open().has("g/x0") && open().has("g/x99"));
    EXPECT_FALSE(open().has("g/x100"));
    H5Pclose(access);
}

TEST(Hdf5File, ReadsFilesOfEveryNewerForm) {
    const std::filesystem::path golden(EIGENGRU_GOLDEN_DIR);
    const io::Hdf5File kept(bytes_of(fixture("plain.tensorflow.weights.h5")), Where("kept"));
    for (const std::string form : {"v108", "latest", "ordered"}) {
        const io::Hdf5File file(bytes_of(golden / "hdf5" / ("plain." + form + ".weights.h5")), Where(form));
        EXPECT_TRUE(file.has("layers/gru/cell/vars/2"));
        EXPECT_FALSE(file.has("layers/gru/cell/vars/3"));
        for (const std::string set : {"layers/gru/cell/vars/0", "layers/gru/cell/vars/2", "layers/dense/vars/1"})
            EXPECT_EQ(file.dataset(set).read<float>(), kept.dataset(set).read<float>()) << form << " " << set;
    }
}

TEST(Hdf5File, ADamagedNewerFormIsRefusedOrReads) {
    const std::filesystem::path golden(EIGENGRU_GOLDEN_DIR);
    for (const std::string form : {"latest", "ordered"}) {
        const Bytes whole = bytes_of(golden / "hdf5" / ("plain." + form + ".weights.h5"));
        std::size_t refused = 0;
        for (std::size_t at = 0; at < whole.size(); at += 3) {
            Bytes damaged = whole;
            damaged[at] ^= static_cast<unsigned char>(1 + at % 255);
            const std::string problem = format_error_of([&] {
                const io::Hdf5File file(damaged, Where("f"));
                (void)file.dataset("layers/gru/cell/vars/1").read<double>();
            });
            refused += problem == "no FormatError was thrown" ? 0U : 1U;
        }
        EXPECT_GT(refused, 100U) << form;
    }
}

TEST_F(Hdf5FileTest, RefusesNewerGroupsWithoutAChecksum) {
    {
        const LibraryWriter writer(path_);
        writer.add("g/x", {1}, {4});
        H5Lcreate_external("other.h5", "/", writer.file(), "g/external", H5P_DEFAULT, H5P_DEFAULT);
    }
    EXPECT_TRUE(open().has("g"));
    expect_contains(refusal("g/x"), "f: g/x: expected a link as Keras writes it, received a newer form of HDF5");
}

TEST_F(Hdf5FileTest, SaysWhatToDoAboutAttributesOfTheNewerForm) {
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    {
        const LibraryWriter writer(path_, access);
        writer.add("g/x", {1}, {1});
        writer.attribute("g", "number", H5T_NATIVE_INT, {0}, nullptr);
    }
    H5Pclose(access);
    EXPECT_EQ(open().strings("", "number", 10), std::nullopt);
    EXPECT_EQ(open().strings("h", "number", 10), std::nullopt);
    EXPECT_EQ(format_error_of([&] { (void)open().strings("g", "number", 10); }),
              "f: g: attribute \"number\" expected in the form of HDF5 that Keras writes, received a newer one; "
              "h5py writes that form with libver=\"earliest\" and without track_order");
}

TEST_F(Hdf5FileTest, ReadsStringsOfFixedAndOfAnyLength) {
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

TEST_F(Hdf5FileTest, RefusesAnAttributeThatIsNoString) {
    {
        const LibraryWriter writer(path_);
        const int value = 3;
        writer.attribute("/", "number", H5T_NATIVE_INT, {1}, &value);
    }
    EXPECT_EQ(format_error_of([&] { (void)open().strings("", "number", 10); }),
              "f: attribute \"number\" expected strings, received another type");
}

}  // namespace

// The HDF5 library loses a few hundred bytes of its own after damage in its newer forms; the leak checker is told.
extern "C" const char* __lsan_default_suppressions();   // NOLINT(bugprone-reserved-identifier)
extern "C" const char* __lsan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier)
    return "leak:libhdf5";
}
