// SPDX-License-Identifier: MIT
#include "eigengru/math/weight_shape.hpp"

#include <gtest/gtest.h>

#include <type_traits>

namespace {

using namespace eigengru;

// The fans that keras.src.initializers.random_initializers.compute_fans gives for these shapes (Keras 3.15.1).
TEST(WeightShape, FansOfAMatrixAreRowsAndColumns) {
    const WeightShape kernel{8, 48, WeightRank::matrix};
    EXPECT_EQ(kernel.fan_in(), 8);
    EXPECT_EQ(kernel.fan_out(), 48);
}

TEST(WeightShape, FansOfAVectorAreBothItsLength) {
    const WeightShape bias{1, 48, WeightRank::vector};
    EXPECT_EQ(bias.fan_in(), 48);
    EXPECT_EQ(bias.fan_out(), 48);
}

TEST(WeightShape, FansOfABiasOfTwoRows) {
    const WeightShape bias{2, 48, WeightRank::matrix};
    EXPECT_EQ(bias.fan_in(), 2);
    EXPECT_EQ(bias.fan_out(), 48);
}

TEST(WeightShape, PrintsAsPythonWritesIt) {
    EXPECT_EQ(detail::text(WeightShape{8, 48, WeightRank::matrix}), "(8, 48)");
    EXPECT_EQ(detail::text(WeightShape{1, 48, WeightRank::vector}), "(48,)");
}

TEST(WeightShape, ComparesTheRankToo) {
    EXPECT_NE((WeightShape{1, 48, WeightRank::vector}), (WeightShape{1, 48, WeightRank::matrix}));
}

TEST(WeightMap, IsTheMatrixMapOfTypesHpp) {
    static_assert(std::is_same_v<WeightMap<float>, MatrixMap<float>>);
    static_assert(std::is_same_v<WeightMap<double>, MatrixMap<double>>);
    static_assert(std::is_same_v<ConstWeightMap<float>, MatrixMap<const float>>);
    static_assert(std::is_same_v<ConstWeightMap<double>, MatrixMap<const double>>);
    SUCCEED();
}

}  // namespace
