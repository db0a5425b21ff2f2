// SPDX-License-Identifier: MIT
#include "eigengru/training/fit_options.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;

TEST(FitOptionsOf, HaveTheDefaultsOfKeras) {
    const FitOptions<float> options;
    EXPECT_EQ(options.epochs, 1);
    EXPECT_EQ(options.batch_size, 32);
    EXPECT_TRUE(options.shuffle);
    EXPECT_EQ(options.initial_epoch, 0);
    EXPECT_FALSE(options.mask.is_present());
    EXPECT_FALSE(options.sample_weight.is_present());
    EXPECT_FALSE(options.validation.x.is_present());
    EXPECT_EQ(options.stop_flag, nullptr);
    EXPECT_EQ(EvaluateOptions<double>().batch_size, 32);
}

TEST(HistoryOf, IsCompared) {
    History a, b;
    a.epochs.push_back({.epoch = 0, .loss = 1.0});
    EXPECT_FALSE(a == b);
    b = a;
    EXPECT_TRUE(a == b);
    b.epochs[0].val_loss = 2.0;
    EXPECT_FALSE(a == b);
}

}  // namespace
