// SPDX-License-Identifier: MIT
#include "eigengru/model/weight_blocks.hpp"

#include "support/message_of.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;

const std::string kFine = "nothing was thrown";

template <class S>
struct TwoBlocks : eigengru::detail::WeightBlocks<S, 2> {
    using Base = eigengru::detail::WeightBlocks<S, 2>;
    using Base::block;
    using Base::reset_blocks;
    using Base::rows;
    using Base::width;
};

TEST(WeightBlocks, LieOneBelowTheOtherWithoutGaps) {
    TwoBlocks<float> blocks;
    blocks.reset_blocks("Test", {2, 1}, 3);
    blocks.block(0).setConstant(1.0f);
    blocks.block(1).setConstant(2.0f);
    EXPECT_EQ(blocks.size(), 9);
    EXPECT_EQ(blocks.flat().head(6), Eigen::VectorXf::Ones(6));
    EXPECT_EQ(blocks.flat().tail(3), Eigen::VectorXf::Constant(3, 2.0f));
}

TEST(WeightBlocks, ResetGivesZerosAndKeepsTheMemoryOfTheSameSize) {
    TwoBlocks<double> blocks;
    blocks.reset_blocks("Test", {2, 2}, 3);
    blocks.flat().setOnes();
    const double* memory = blocks.flat().data();
    blocks.reset_blocks("Test", {3, 1}, 3);
    EXPECT_EQ(blocks.flat().data(), memory);
    EXPECT_TRUE(blocks.flat().isZero(0));
    EXPECT_EQ(blocks.rows(0), 3);
    EXPECT_EQ(blocks.width(), 3);
}

TEST(WeightBlocks, RefusesSizesThatOverflow) {
    TwoBlocks<float> blocks;
    EXPECT_THROW(blocks.reset_blocks("Test", {Index{1} << 40, 1}, Index{1} << 40), ShapeError);
    EXPECT_THROW(blocks.reset_blocks("Test", {-1, 1}, 3), ShapeError);
    EXPECT_EQ(blocks.size(), 0);
}

TEST(CheckBias, TakesAVectorInEitherOrientation) {
    const RowMatrix<float> row(1, 4), column(4, 1), matrix(2, 4);
    const auto check = [](const RowMatrix<float>& given, Index rows) {
        return message_of<ShapeError>([&] { eigengru::detail::check_bias<float>("Test", given, rows, 4); });
    };
    EXPECT_EQ(check(row, 1), kFine);
    EXPECT_EQ(check(column, 1), kFine);
    EXPECT_EQ(check(matrix, 2), kFine);
    EXPECT_EQ(check(column, 2), "Test: bias expected shape (2, 4), received (4, 1)");
    EXPECT_EQ(check(matrix, 1), "Test: bias expected shape (1, 4), received (2, 4)");
}

TEST(CopyBias, TurnsAColumn) {
    Eigen::Matrix<float, 3, 1> column(1, 2, 3);
    RowMatrix<float> to(1, 3);
    eigengru::detail::copy_bias<float>(column, MatrixView<float>(to).map());
    EXPECT_EQ(to, column.transpose());
}

}  // namespace
}  // namespace eigengru_test
