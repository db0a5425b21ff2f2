// SPDX-License-Identifier: MIT
// One of two translation units that include everything: together they link, and they mean the same types.
#include <eigengru/eigengru.hpp>
#include <gtest/gtest.h>

eigengru::Gru<float> make_layer_in_the_other_unit();
eigengru::Output<float> call_in_the_other_unit(eigengru::Gru<float>& layer, const eigengru::RowMatrix<float>& inputs);

TEST(TwoUnits, ALayerOfTheOtherUnitGivesTheSameNumbers) {
    const eigengru::RowMatrix<float> inputs = eigengru::RowMatrix<float>::Constant(5, 3, 0.25f);
    eigengru::Gru<float> layer = make_layer_in_the_other_unit();
    const eigengru::Output<float> here = layer(inputs);
    const eigengru::Output<float> there = call_in_the_other_unit(layer, inputs);
    EXPECT_EQ(here.last, there.last);
    EXPECT_EQ(here.last.cols(), 4);
}
