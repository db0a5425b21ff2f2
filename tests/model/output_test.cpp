// SPDX-License-Identifier: MIT
#include "eigengru/model/output.hpp"

#include "support/modes.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;

template <class S>
class OutputOf : public testing::Test {};
TYPED_TEST_SUITE(OutputOf, eigengru_test::Scalars, );

TYPED_TEST(OutputOf, IsEmptyByDefault) {
    const Output<TypeParam> y;
    EXPECT_EQ(y.sequences.size(), 0);
    EXPECT_EQ(y.last.size(), 0);
    EXPECT_EQ(y.state.size(), 0);
}

TYPED_TEST(OutputOf, ViewIsAbsentByDefault) {
    const OutputView<TypeParam> view;
    EXPECT_FALSE(view.sequences.is_present());
    EXPECT_FALSE(view.last.is_present());
    EXPECT_FALSE(view.state.is_present());
}

TYPED_TEST(OutputOf, ViewIsMadeOfAnOutput) {
    Output<TypeParam> y{Sequence<TypeParam>({2, 3, 4}), RowMatrix<TypeParam>(2, 4), RowMatrix<TypeParam>(2, 4)};
    const OutputView<TypeParam> view{.sequences = y.sequences, .last = y.last, .state = y.state};
    EXPECT_EQ(view.sequences.data(), y.sequences.data());
    EXPECT_EQ(view.last.data(), y.last.data());
    EXPECT_EQ(view.state.rows(), 2);
}

TYPED_TEST(OutputOf, LossesAreZeroByDefault) {
    const RegularizationLosses<TypeParam> losses;
    EXPECT_EQ(losses.total(), TypeParam(0));
}

TYPED_TEST(OutputOf, LossesAddUp) {
    const RegularizationLosses<TypeParam> losses{.kernel = 1, .recurrent_kernel = 2, .bias = 4, .activity = 8};
    EXPECT_EQ(losses.total(), TypeParam(15));
}

}  // namespace
