// SPDX-License-Identifier: MIT
#include "eigengru/io/hdf5_file.hpp"

#include "io/hdf5_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;
using namespace eigengru_test;

class Hdf5FileTest : public Hdf5ScratchTest {};

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

}  // namespace

// The HDF5 library loses a few hundred bytes of its own after damage in its newer forms; the leak checker is told.
extern "C" const char* __lsan_default_suppressions();   // NOLINT(bugprone-reserved-identifier)
extern "C" const char* __lsan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier)
    return "leak:libhdf5";
}
