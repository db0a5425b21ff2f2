// SPDX-License-Identifier: MIT
#include "eigengru/layer/input_tape.hpp"

#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;

TEST(InputTapeOf, KeepsACopyOfTheInputs) {
    InputTape<float> tape;
    EXPECT_TRUE(tape.empty());
    Sequence<float> x = eigengru_test::random_sequence<float>({2, 3, 1});
    const RowMatrix<float> before = x.matrix();
    tape.record(x);
    x.matrix().setZero();
    EXPECT_FALSE(tape.empty());
    EXPECT_EQ(tape.inputs().matrix(), before);
    const InputTape<float> moved = std::move(tape);
    EXPECT_TRUE(tape.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
    EXPECT_FALSE(moved.empty());
}

}  // namespace
