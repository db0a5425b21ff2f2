// SPDX-License-Identifier: MIT
#include "eigengru/layer/model_tape.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;

// What a tape records is tested where passes are run: model_layer_test.cpp.

TEST(LayerTapeOf, GivesTheOutputsOfDenseFromItsOwnTape) {
    eigengru::detail::LayerTape<float> tape;
    tape.outputs.resize({1, 2, 3});
    EXPECT_EQ(tape.outputs_view().shape(), Shape3(1, 2, 3));
    const Sequence<float> x({1, 1, 2});
    tape.dense.record(x, 4, "linear", [](Sequence<float>& linear) { linear.matrix().setZero(); });
    EXPECT_EQ(tape.outputs_view().shape(), Shape3(1, 1, 4));
    tape.dense.clear();
    EXPECT_EQ(tape.outputs_view().shape(), Shape3(1, 2, 3));
}

TEST(LayerTapeOf, HasAMaskOrNone) {
    eigengru::detail::LayerTape<double> tape;
    EXPECT_FALSE(tape.mask_view().is_present());
    tape.mask = Mask::Constant(2, 3, true);
    EXPECT_EQ(tape.mask_view().time(), 3);
}

TEST(ModelTapeOf, IsEmptyAtFirst) {
    ModelTape<double> tape;
    EXPECT_TRUE(tape.empty());
    EXPECT_FALSE(tape.mask().is_present());
    EXPECT_EQ(tape.activity_loss(), 0.0);
}

}  // namespace
}  // namespace eigengru_test
