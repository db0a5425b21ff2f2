// SPDX-License-Identifier: MIT
#include "eigengru/layer/carried_state.hpp"

#include "support/message_of.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;
using eigengru::detail::CarriedState;

TEST(CarriedStateOf, IsNoneBeforeItIsSet) {
    CarriedState<float> carried(3);
    carried.prepare(2);
    EXPECT_EQ(carried.batch(), 0);
    EXPECT_EQ(carried.state().rows(), 0);
    EXPECT_EQ(carried.state().cols(), 3);
}

TEST(CarriedStateOf, TakesWhatWasWrittenToItsRoomOrElsewhere) {
    CarriedState<double> carried(2);
    carried.prepare(2);
    std::fill_n(carried.room(), 4, 3.0);
    carried.set_batch(2);
    EXPECT_EQ(carried.state(), RowMatrix<double>::Constant(2, 2, 3.0));
    const RowMatrix<double> other = RowMatrix<double>::Random(2, 2);
    carried.set(other);
    EXPECT_EQ(carried.state(), other);
}

TEST(CarriedStateOf, IsAsBeforeWhenACallWritesToItsRoomAndFails) {
    CarriedState<double> carried(2);
    const RowMatrix<double> before = RowMatrix<double>::Random(3, 2);
    carried.set(before);
    std::fill_n(carried.room(), 6, 9.0);
    EXPECT_EQ(carried.state(), before);
}

TEST(CarriedStateOf, ResetsAllOrSomeRows) {
    CarriedState<float> carried(2);
    const RowMatrix<float> ones = RowMatrix<float>::Ones(3, 2);
    carried.set(ones);
    carried.reset(std::vector<int>{2, 0, 2});
    EXPECT_EQ(carried.state().rowwise().sum(), (Eigen::Vector3f(0, 2, 0)));
    carried.reset();
    EXPECT_EQ(carried.batch(), 3);
    EXPECT_TRUE(carried.state().isZero(0));
}

TEST(CarriedStateOf, RefusesRowsThatAreNotThereAndChangesNothing) {
    CarriedState<float> carried(2);
    EXPECT_EQ(message_of<ShapeError>([&] { carried.reset({0}); }),
              "Gru::reset_state: rows[0] expected none before the first call, received 0");
    const RowMatrix<float> ones = RowMatrix<float>::Ones(5, 2);
    carried.set(ones);
    EXPECT_EQ(message_of<ShapeError>([&] {
                  carried.reset({1, 5});
              }),
              "Gru::reset_state: rows[1] expected 0 to 4, received 5");
    EXPECT_THROW(carried.reset({-1}), ShapeError);
    EXPECT_EQ(carried.state(), ones);
}

TEST(CarriedStateOf, ForgetsTheBatchAndKeepsTheMemory) {
    CarriedState<float> carried(2);
    carried.set(RowMatrix<float>::Ones(4, 2).eval());
    const Index bytes = carried.bytes();
    carried.clear();
    EXPECT_EQ(carried.batch(), 0);
    EXPECT_EQ(carried.bytes(), bytes);
    carried.set(RowMatrix<float>::Ones(3, 2).eval());
    EXPECT_EQ(carried.batch(), 3);
    EXPECT_EQ(carried.bytes(), bytes);
}

}  // namespace
}  // namespace eigengru_test
