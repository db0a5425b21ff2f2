// SPDX-License-Identifier: MIT
#include "eigengru/io/keras_weights.hpp"

#include "io/io_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;
using namespace eigengru_test;

class WeightGroupTest : public testing::Test {
protected:
    WeightGroupTest() {
        const LibraryWriter writer(path_);
        writer.add("vars/0", {2, 3}, {1, 2, 3, 4, 5, 6});
        writer.add("vars/1", {3}, {7, 8, 9}, H5T_IEEE_F32LE);
    }

    ScratchFolder folder_;
    std::filesystem::path path_ = folder_ / "a.h5";
    io::Hdf5File file() { return {bytes_of(path_), Where("f")}; }
};

TEST_F(WeightGroupTest, ReadsItsDataSetsInOrder) {
    const io::Hdf5File file = this->file();
    io::detail::WeightGroup weights(file, "vars");
    weights.next("kernel", {2, 3});
    weights.next("bias", {3});
    const std::vector<RowMatrix<float>> values = weights.read<float>();
    ASSERT_EQ(values.size(), 2U);
    EXPECT_EQ(values[0](1, 2), 6.0F);
    EXPECT_EQ(values[1](0, 1), 8.0F);
}

TEST_F(WeightGroupTest, AFirstSizeOfZeroStandsForAny) {
    const io::Hdf5File file = this->file();
    io::detail::WeightGroup weights(file, "vars");
    EXPECT_NO_THROW(weights.next("kernel", {0, 3}));
}

TEST_F(WeightGroupTest, NamesBothShapes) {
    const io::Hdf5File file = this->file();
    io::detail::WeightGroup weights(file, "vars");
    EXPECT_EQ(format_error_of([&] {
                  weights.next("kernel", {2, 4});
              }),
              "f: vars/0: kernel expected shape (2, 4), received (2, 3)");
}

TEST_F(WeightGroupTest, NamesBothRanks) {
    const io::Hdf5File file = this->file();
    io::detail::WeightGroup weights(file, "vars");
    EXPECT_EQ(format_error_of([&] { weights.next("bias", {6}, " (hint)"); }),
              "f: vars/0: bias expected shape (6), received (2, 3) (hint)");
}

TEST_F(WeightGroupTest, RefusesOneTooMany) {
    const io::Hdf5File file = this->file();
    io::detail::WeightGroup weights(file, "vars");
    weights.next("kernel", {2, 3});
    EXPECT_EQ(format_error_of([&] { (void)weights.read<double>(); }), "f: vars: expected 1 weights, received more");
}

TEST_F(WeightGroupTest, NamesOneThatIsMissing) {
    const io::Hdf5File file = this->file();
    io::detail::WeightGroup weights(file, "vars");
    weights.next("kernel", {2, 3});
    weights.next("bias", {3});
    EXPECT_EQ(format_error_of([&] { weights.next("more", {1}); }), "f: the file has no data set \"vars/2\"");
}

}  // namespace
