// SPDX-License-Identifier: MIT
#include "eigengru/layer/named_weights.hpp"

#include "support/message_of.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;
using eigengru_test::message_of;

TEST(NamedWeightsOf, LieOneBelowTheOther) {
    NamedWeights<float> weights({{"a", 1}, {"b", 2}}, 3);
    EXPECT_EQ(weights.size(), 9);
    EXPECT_TRUE(weights.flat().isZero(0));
    weights.find("b").setConstant(2);
    EXPECT_EQ(weights.flat().tail(6).sum(), 12.0f);
    EXPECT_EQ(weights.map(0).sum(), 0.0f);
    EXPECT_EQ(weights.entry(1).name, "b");
}

TEST(NamedWeightsOf, ResetTakesTheSizesOfAnother) {
    const NamedWeights<double> like({{"a", 2}}, 3);
    NamedWeights<double> weights;
    weights.reset_as(like);
    weights.flat().setOnes();
    weights.reset_as(like);
    EXPECT_EQ(weights.find("a"), (RowMatrix<double>::Zero(2, 3)));
}

TEST(NamedWeightsOf, UnknownNameIsRefusedWithTheKnownOnes) {
    const NamedWeights<float> weights({{"gamma", 1}, {"beta", 1}}, 3);
    EXPECT_EQ(message_of<OptionError>([&] { (void)weights.find("kernel"); }),
              "NamedWeights::find: expected one of \"gamma\", \"beta\", received \"kernel\"");
}

}  // namespace
