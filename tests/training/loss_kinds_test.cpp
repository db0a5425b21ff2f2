// SPDX-License-Identifier: MIT
#include "eigengru/training/loss_kinds.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;

TEST(LossReduction, KnowsEveryNameOfKeras) {
    EXPECT_EQ(Named<LossReduction>("sum_over_batch_size").kind(), LossReduction::sum_over_batch_size);
    EXPECT_EQ(Named<LossReduction>("mean").kind(), LossReduction::sum_over_batch_size);
    EXPECT_EQ(Named<LossReduction>("sum").kind(), LossReduction::sum);
    EXPECT_EQ(Named<LossReduction>("mean_with_sample_weight").kind(), LossReduction::mean_with_sample_weight);
    EXPECT_EQ(Named<LossReduction>("none").kind(), LossReduction::none);
}

TEST(LossReduction, RefusesAnUnknownName) {
    EXPECT_THROW(Named<LossReduction>("average"), OptionError);
}

TEST(LossReduction, IsThatOfKerasByDefault) {
    EXPECT_EQ(MeanErrorOptions().reduction.kind(), LossReduction::sum_over_batch_size);
    EXPECT_EQ(HuberOptions().reduction.kind(), LossReduction::sum_over_batch_size);
    EXPECT_EQ(CrossentropyOptions().reduction.kind(), LossReduction::sum_over_batch_size);
    EXPECT_EQ(SparseCategoricalCrossentropyOptions().reduction.kind(), LossReduction::sum_over_batch_size);
}

TEST(LossKind, PrintsTheNameOfTheFunction) {
    EXPECT_EQ(detail::name_of_kind(LossKind::mean_squared_error), "mean_squared_error");
    EXPECT_EQ(detail::name_of_kind(LossKind::mean_absolute_error), "mean_absolute_error");
    EXPECT_EQ(detail::name_of_kind(LossKind::huber), "huber");
    EXPECT_EQ(detail::name_of_kind(LossKind::binary_crossentropy), "binary_crossentropy");
    EXPECT_EQ(detail::name_of_kind(LossKind::categorical_crossentropy), "categorical_crossentropy");
    EXPECT_EQ(detail::name_of_kind(LossKind::sparse_categorical_crossentropy), "sparse_categorical_crossentropy");
}

TEST(LossParameters, CompareByValue) {
    EXPECT_EQ(LossParameters(), LossParameters());
    EXPECT_NE(LossParameters(), LossParameters{.ignore_class = 0});
}

}  // namespace
