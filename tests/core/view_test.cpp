// SPDX-License-Identifier: MIT
#include "eigengru/core/view.hpp"

#include "support/message_of.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <array>
#include <numeric>
#include <string>
#include <vector>

namespace {

using namespace eigengru;
using eigengru_test::message_of;

template <class S>
std::vector<S> counting(std::size_t size) {
    std::vector<S> values(size);
    std::iota(values.begin(), values.end(), S(0));
    return values;
}

TEST(CheckedSize, IsTheProduct) {
    EXPECT_EQ(detail::checked_size("f", {2, 3, 4}), 24);
}

TEST(CheckedSize, OfAZeroIsZero) {
    EXPECT_EQ(detail::checked_size("f", {2, 0, 4}), 0);
}

TEST(CheckedSize, RefusesNegativeSizes) {
    EXPECT_EQ(message_of<ShapeError>([] {
                  (void)detail::checked_size("Here", {2, -3});
              }),
              "Here: expected sizes of at least 0, received -3");
}

TEST(CheckedSize, RefusesOverflow) {
    const Index large = Index{1} << 32;
    EXPECT_THROW((void)detail::checked_size("f", {large, large}), ShapeError);
}

TEST(Shape3, TakesMixedIntegers) {
    const std::vector<float> values(48);
    const Shape3 shape{1, values.size() / 8, 8L};
    EXPECT_EQ(shape.time, 6);
}

TEST(Shape3, SizeIsTheProduct) {
    EXPECT_EQ(Shape3(2, 3, 8).size(), 48);
}

TEST(Shape3, DefaultsToNothing) {
    EXPECT_EQ(Shape3(), Shape3(0, 0, 0));
}

TEST(Shape3, ComparesAllThree) {
    EXPECT_NE(Shape3(2, 3, 8), Shape3(2, 3, 7));
}

TEST(Shape3, PrintsInAMessage) {
    EXPECT_EQ(detail::text("shape ", Shape3(2, 3, 8)), "shape (2, 3, 8)");
}

TEST(ShapeText, IsRowsAndColumns) {
    EXPECT_EQ(detail::shape_text(2, 3), "(2, 3)");
}

template <class S>
class ViewOf : public testing::Test {};
TYPED_TEST_SUITE(ViewOf, eigengru_test::Scalars);

TYPED_TEST(ViewOf, MatrixDefaultIsAbsent) {
    const MatrixView<const TypeParam> view = {};
    EXPECT_FALSE(view.is_present());
}

TYPED_TEST(ViewOf, MatrixWithoutRowsIsPresent) {
    const MatrixView<const TypeParam> view(static_cast<const TypeParam*>(nullptr), 0, 3);
    EXPECT_TRUE(view.is_present());
}

TYPED_TEST(ViewOf, UnfilledEigenMatrixIsPresent) {
    const RowMatrix<TypeParam> empty;
    EXPECT_TRUE(MatrixView<const TypeParam>(empty).is_present());
}

TYPED_TEST(ViewOf, MatrixFromPointerIsRowMajor) {
    const auto values = counting<TypeParam>(6);
    const MatrixView<const TypeParam> view(values.data(), 2, 3u);
    EXPECT_EQ(view(1, 2), TypeParam(5));
}

TYPED_TEST(ViewOf, MatrixHonoursTheRowStride) {
    const auto values = counting<TypeParam>(8);
    const MatrixView<const TypeParam> view(values.data(), 2, 3, 4);
    EXPECT_EQ(view(1, 0), TypeParam(4));
}

TYPED_TEST(ViewOf, MatrixMapHasTheSameElements) {
    const auto values = counting<TypeParam>(8);
    const MatrixView<const TypeParam> view(values.data(), 2, 3, 4);
    EXPECT_EQ(view.map()(1, 2), TypeParam(6));
}

TYPED_TEST(ViewOf, MatrixFromEigenSharesTheMemory) {
    RowMatrix<TypeParam> m = RowMatrix<TypeParam>::Zero(2, 3);
    const MatrixView<TypeParam> view = m;
    view(1, 1) = TypeParam(7);
    EXPECT_EQ(m(1, 1), TypeParam(7));
}

TYPED_TEST(ViewOf, MatrixFromBlockKeepsTheStride) {
    RowMatrix<TypeParam> m(3, 4);
    m << 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11;
    const auto block = m.block(1, 1, 2, 2);
    const MatrixView<const TypeParam> view = block;
    EXPECT_EQ(view(1, 1), TypeParam(10));
}

TYPED_TEST(ViewOf, WritableMatrixFromTemporaryBlock) {
    RowMatrix<TypeParam> m = RowMatrix<TypeParam>::Zero(3, 4);
    MatrixView<TypeParam>(m.topRows(2))(0, 3) = TypeParam(1);
    EXPECT_EQ(m(0, 3), TypeParam(1));
}

TYPED_TEST(ViewOf, MatrixFromRowVectorIsOneRow) {
    const Eigen::Matrix<TypeParam, 1, Eigen::Dynamic> row = Eigen::Matrix<TypeParam, 1, 3>(1, 2, 3);
    const MatrixView<const TypeParam> view = row;
    EXPECT_EQ(view.rows(), 1);
    EXPECT_EQ(view(0, 2), TypeParam(3));
}

TYPED_TEST(ViewOf, MatrixFromColumnVectorIsOneColumn) {
    const Eigen::Matrix<TypeParam, Eigen::Dynamic, 1> column = Eigen::Matrix<TypeParam, 3, 1>(1, 2, 3);
    const MatrixView<const TypeParam> view = column;
    EXPECT_EQ(view.cols(), 1);
    EXPECT_EQ(view(2, 0), TypeParam(3));
}

TYPED_TEST(ViewOf, MatrixFromColumnOfAMatrixStepsByRows) {
    RowMatrix<TypeParam> m(2, 3);
    m << 1, 2, 3, 4, 5, 6;
    const auto column = m.col(1);
    const MatrixView<const TypeParam> view = column;
    EXPECT_EQ(view(1, 0), TypeParam(5));
}

TYPED_TEST(ViewOf, WritableMatrixConvertsToReadOnly) {
    RowMatrix<TypeParam> m = RowMatrix<TypeParam>::Constant(2, 2, TypeParam(3));
    const MatrixView<TypeParam> writable = m;
    const MatrixView<const TypeParam> view = writable;
    EXPECT_EQ(view.data(), m.data());
}

TYPED_TEST(ViewOf, AbsentWritableMatrixStaysAbsent) {
    const MatrixView<const TypeParam> view = MatrixView<TypeParam>();
    EXPECT_FALSE(view.is_present());
}

TYPED_TEST(ViewOf, MatrixRefusesANullPointer) {
    const TypeParam* nothing = nullptr;
    EXPECT_EQ(message_of<ShapeError>([&] { MatrixView<const TypeParam>(nothing, 2, 3); }),
              "MatrixView: expected 6 elements, received a null pointer");
}

TYPED_TEST(ViewOf, MatrixRefusesNegativeSizes) {
    const TypeParam value{};
    EXPECT_THROW(MatrixView<const TypeParam>(&value, -1, 3), ShapeError);
}

TYPED_TEST(ViewOf, SequenceDefaultIsAbsent) {
    EXPECT_FALSE(SequenceView<const TypeParam>().is_present());
}

TYPED_TEST(ViewOf, SequenceFromPointerIsRowMajor) {
    const auto values = counting<TypeParam>(24);
    const SequenceView<const TypeParam> view(values.data(), {2, 3, 4});
    EXPECT_EQ(view(1, 2, 3), TypeParam(23));
}

TYPED_TEST(ViewOf, SequenceHonoursStrides) {
    const auto values = counting<TypeParam>(24);
    const SequenceView<const TypeParam> time_major(values.data(), {2, 3, 4}, {4, 8});
    EXPECT_EQ(time_major(1, 2, 3), TypeParam(23));
    EXPECT_EQ(time_major(1, 0, 0), TypeParam(4));
}

TYPED_TEST(ViewOf, SequenceFromVectorDeducesConst) {
    const auto values = counting<TypeParam>(24);
    const SequenceView view(values, {2, 3, 4});
    static_assert(std::is_same_v<decltype(view), const SequenceView<const TypeParam>>);
    EXPECT_EQ(view(0, 1, 0), TypeParam(4));
}

TYPED_TEST(ViewOf, SequenceFromVectorDeducesWritable) {
    auto values = counting<TypeParam>(24);
    SequenceView(values, {2, 3, 4})(0, 0, 1) = TypeParam(-1);
    EXPECT_EQ(values[1], TypeParam(-1));
}

TYPED_TEST(ViewOf, SequenceRefusesASpanOfTheWrongSize) {
    const auto values = counting<TypeParam>(23);
    EXPECT_EQ(message_of<ShapeError>([&] {
                  SequenceView<const TypeParam>(values, Shape3{2, 3, 4});
              }),
              "SequenceView: shape (2, 3, 4) needs 24 elements, received 23");
}

TYPED_TEST(ViewOf, SequenceRefusesANullPointer) {
    const TypeParam* nothing = nullptr;
    EXPECT_THROW(SequenceView<const TypeParam>(nothing, {1, 2, 3}), ShapeError);
}

TYPED_TEST(ViewOf, MatrixIsOneSequence) {
    RowMatrix<TypeParam> m(2, 3);
    m << 1, 2, 3, 4, 5, 6;
    const SequenceView<const TypeParam> view = m;
    EXPECT_EQ(view.shape(), Shape3(1, 2, 3));
    EXPECT_EQ(view(0, 1, 2), TypeParam(6));
}

TYPED_TEST(ViewOf, BlockIsOneSequenceWithItsStride) {
    RowMatrix<TypeParam> m(2, 3);
    m << 1, 2, 3, 4, 5, 6;
    const auto block = m.rightCols(2);
    const SequenceView<const TypeParam> view = block;
    EXPECT_EQ(view(0, 1, 0), TypeParam(5));
}

TYPED_TEST(ViewOf, SequenceOfTheBatchIsTimeByFeatures) {
    const auto values = counting<TypeParam>(24);
    const SequenceView<const TypeParam> view(values.data(), {2, 3, 4});
    const auto one = view.sequence(1);
    EXPECT_EQ(one.rows(), 3);
    EXPECT_EQ(one(2, 3), TypeParam(23));
}

TYPED_TEST(ViewOf, StepIsBatchByFeatures) {
    const auto values = counting<TypeParam>(24);
    const SequenceView<const TypeParam> view(values.data(), {2, 3, 4});
    const auto step = view.step(2);
    EXPECT_EQ(step.rows(), 2);
    EXPECT_EQ(step(1, 0), TypeParam(20));
}

TYPED_TEST(ViewOf, RowPointsAtTheFeatures) {
    const auto values = counting<TypeParam>(24);
    const SequenceView<const TypeParam> view(values.data(), {2, 3, 4});
    EXPECT_EQ(view.row(1, 1), values.data() + 16);
}

TYPED_TEST(ViewOf, WritableSequenceConvertsToReadOnly) {
    auto values = counting<TypeParam>(24);
    const SequenceView<TypeParam> writable(values.data(), {2, 3, 4}, {4, 8});
    const SequenceView<const TypeParam> view = writable;
    EXPECT_EQ(view(1, 2, 3), TypeParam(23));
}

}  // namespace
