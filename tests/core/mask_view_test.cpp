// SPDX-License-Identifier: MIT
#include "eigengru/core/mask_view.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace {

using namespace eigengru;

using Bytes = std::vector<unsigned char>;

TEST(MaskView, DefaultIsAbsent) {
    EXPECT_FALSE(MaskView().is_present());
}

TEST(MaskView, OfNoRowsIsPresent) {
    EXPECT_TRUE(MaskView(Bytes{}, 0, 3).is_present());
}

TEST(MaskView, FromBoolPointer) {
    const bool mask[] = {true, true, false, true, false, false};
    const MaskView view(mask, 2, 3);
    EXPECT_TRUE(view(0, 1));
    EXPECT_FALSE(view(1, 1));
}

TEST(MaskView, FromBytePointerCountsEveryNonZeroAsTrue) {
    const unsigned char mask[] = {255, 2, 0};
    const MaskView view(mask, 1, 3);
    EXPECT_TRUE(view(0, 0) && view(0, 1));
    EXPECT_FALSE(view(0, 2));
}

TEST(MaskView, FromVectorOfBytes) {
    const Bytes mask = {1, 0, 1, 1, 1, 0};
    const MaskView view(mask, 2u, 3L);
    EXPECT_TRUE(view(1, 1));
    EXPECT_FALSE(view(1, 2));
}

TEST(MaskView, FromArrayOfBool) {
    const std::array<bool, 2> mask = {false, true};
    EXPECT_TRUE(MaskView(mask, 1, 2)(0, 1));
}

TEST(MaskView, FromRowMajorEigenArray) {
    Eigen::Array<bool, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> mask(2, 2);
    mask << true, false, false, true;
    const MaskView view = mask;
    EXPECT_EQ(view.batch(), 2);
    EXPECT_TRUE(view(1, 1));
    EXPECT_FALSE(view(0, 1));
}

TEST(MaskView, FromBlockKeepsTheStride) {
    Eigen::Array<bool, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> mask(2, 3);
    mask << true, false, false, true, false, true;
    const auto block = mask.rightCols(2);
    const MaskView view = block;
    EXPECT_FALSE(view(1, 0));
    EXPECT_TRUE(view(1, 1));
}

TEST(MaskView, KnowsItsShape) {
    const Bytes mask(6);
    const MaskView view(mask, 2, 3);
    EXPECT_EQ(view.batch(), 2);
    EXPECT_EQ(view.time(), 3);
}

TEST(MaskView, SeesLaterChangesOfTheMemory) {
    Bytes mask(6);
    const MaskView view(mask, 2, 3);
    mask[4] = 1;
    EXPECT_TRUE(view(1, 1));
}

TEST(MaskView, RefusesARangeOfTheWrongSize) {
    const Bytes mask(5);
    try {
        const MaskView view(mask, 2, 3);
        FAIL();
    } catch (const ShapeError& error) {
        EXPECT_STREQ(error.what(), "MaskView: shape (2, 3) needs 6 elements, received 5");
    }
}

TEST(MaskView, RefusesANullPointer) {
    const bool* nothing = nullptr;
    EXPECT_THROW(MaskView(nothing, 2, 3), ShapeError);
}

TEST(MaskView, RefusesNegativeSizes) {
    const Bytes mask(6);
    EXPECT_THROW(MaskView(mask, -2, 3), ShapeError);
}

TEST(IndexListView, DefaultIsAbsent) {
    EXPECT_FALSE(IndexListView().is_present());
}

TEST(IndexListView, EmptyListIsPresent) {
    EXPECT_TRUE(IndexListView(std::vector<int>{}).is_present());
}

TEST(IndexListView, FromPointerAndSize) {
    const long rows[] = {4, 2};
    const IndexListView view(rows, 2);
    EXPECT_EQ(view.size(), 2);
    EXPECT_EQ(view[1], 2);
}

TEST(IndexListView, FromVectorOfInt) {
    const std::vector<int> rows = {3, 1, -5};
    const IndexListView view = rows;
    EXPECT_EQ(view[2], -5);
}

TEST(IndexListView, FromArrayOfSmallIntegers) {
    const std::array<std::int8_t, 2> rows = {3, -1};
    EXPECT_EQ(IndexListView(rows)[1], -1);
}

TEST(IndexListView, FromInitializerList) {
    const IndexListView view = {3, 1};
    EXPECT_EQ(view.size(), 2);
    EXPECT_EQ(view[0], 3);
}

TEST(IndexListView, OwnsAnInitializerList) {
    IndexListView copy;
    {
        const IndexListView view = {7, 8};
        copy = view;
    }
    EXPECT_EQ(copy[1], 8);
}

TEST(IndexListView, SeesLaterChangesOfARange) {
    std::vector<int> rows = {3, 1};
    const IndexListView view = rows;
    rows[0] = 9;
    EXPECT_EQ(view[0], 9);
}

TEST(IndexListView, RefusesANullPointer) {
    const int* nothing = nullptr;
    EXPECT_THROW(IndexListView(nothing, 2), ShapeError);
}

}  // namespace
