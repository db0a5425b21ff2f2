// SPDX-License-Identifier: MIT
#include "eigengru/core/sequence.hpp"

#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace {

using namespace eigengru;

template <class S>
class SequenceOf : public testing::Test {
protected:
    SequenceOf() : values({2, 3, 4}) {
        for (Index i = 0; i < values.size(); ++i) values.data()[i] = static_cast<S>(i);
    }
    Sequence<S> values;
};
TYPED_TEST_SUITE(SequenceOf, eigengru_test::Scalars);

TYPED_TEST(SequenceOf, DefaultIsEmpty) {
    EXPECT_EQ(Sequence<TypeParam>().size(), 0);
}

TYPED_TEST(SequenceOf, StartsAsZeros) {
    const Sequence<TypeParam> zeros({2, 3, 4});
    for (Index i = 0; i < zeros.size(); ++i) EXPECT_EQ(zeros.data()[i], TypeParam(0));
}

TYPED_TEST(SequenceOf, ElementsAreRowMajor) {
    EXPECT_EQ(std::as_const(this->values)(1, 2, 3), TypeParam(23));
    EXPECT_EQ(std::as_const(this->values)(0, 1, 0), TypeParam(4));
}

TYPED_TEST(SequenceOf, ElementsCanBeWritten) {
    this->values(1, 0, 2) = TypeParam(-1);
    EXPECT_EQ(this->values.data()[14], TypeParam(-1));
}

TYPED_TEST(SequenceOf, KnowsItsShape) {
    EXPECT_EQ(this->values.shape(), Shape3(2, 3, 4));
    EXPECT_EQ(this->values.size(), 24);
}

TYPED_TEST(SequenceOf, RefusesNegativeSizes) {
    EXPECT_THROW(Sequence<TypeParam>({2, -3, 4}), ShapeError);
}

TYPED_TEST(SequenceOf, RefusesOverflow) {
    const Index large = Index{1} << 40;
    EXPECT_THROW(Sequence<TypeParam>({large, large, 4}), ShapeError);
}

TYPED_TEST(SequenceOf, CopiesAreIndependent) {
    Sequence<TypeParam> copy = this->values;
    copy(0, 0, 0) = TypeParam(9);
    EXPECT_EQ(this->values(0, 0, 0), TypeParam(0));
}

TYPED_TEST(SequenceOf, ConvertsToAReadingView) {
    const SequenceView<const TypeParam> view = this->values;
    EXPECT_EQ(view.data(), this->values.data());
}

TYPED_TEST(SequenceOf, ConstConvertsToAReadingView) {
    const SequenceView<const TypeParam> view = std::as_const(this->values);
    EXPECT_EQ(view(1, 2, 3), TypeParam(23));
}

TYPED_TEST(SequenceOf, ConvertsToAWritingView) {
    const SequenceView<TypeParam> view = this->values;
    view(0, 0, 0) = TypeParam(5);
    EXPECT_EQ(this->values(0, 0, 0), TypeParam(5));
}

TYPED_TEST(SequenceOf, SequenceIsTimeByFeatures) {
    const auto one = this->values.sequence(1);
    EXPECT_EQ(one.rows(), 3);
    EXPECT_EQ(one(0, 1), TypeParam(13));
}

TYPED_TEST(SequenceOf, StepIsBatchByFeatures) {
    const auto step = std::as_const(this->values).step(1);
    EXPECT_EQ(step.rows(), 2);
    EXPECT_EQ(step(1, 0), TypeParam(16));
}

TYPED_TEST(SequenceOf, MatrixHasAllRows) {
    const auto all = std::as_const(this->values).matrix();
    EXPECT_EQ(all.rows(), 6);
    EXPECT_EQ(all(4, 1), TypeParam(17));
}

TYPED_TEST(SequenceOf, MatrixCanBeWritten) {
    this->values.matrix().setConstant(TypeParam(2));
    EXPECT_EQ(this->values(1, 2, 3), TypeParam(2));
}

}  // namespace
