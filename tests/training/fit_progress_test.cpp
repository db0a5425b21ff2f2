// SPDX-License-Identifier: MIT
#include "eigengru/training/fit_progress.hpp"

#include "support/scratch_files.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace {

using namespace eigengru;
using namespace eigengru_test;

detail::FitProgress example_progress() {
    return {.epoch = 3,
            .batch = 5,
            .batches = 7,
            .is_finished = true,
            .seed = std::numeric_limits<std::uint64_t>::max() - 1,
            .loss_sum = 0.1,
            .weight_sum = 20.0,
            .largest_norm = 1.0 / 3.0,
            .history = {{0, 2.0, 2.5, 0.1}, {1, 1.0, {}, 0.05}},
            .callbacks = {{"EarlyStopping 1", {1.0, 2.0}}}};
}

TEST(FitProgress, IsTheSameAfterACheckpoint) {
    const detail::FitProgress a = example_progress(), b = detail::FitProgress::from(a.extras(), "here");
    EXPECT_EQ(b.extras(), a.extras());
    EXPECT_EQ(b.epoch, 3);
    EXPECT_EQ(b.batch, 5);
    EXPECT_EQ(b.batches, 7);
    EXPECT_TRUE(b.is_finished);
    EXPECT_EQ(b.seed, a.seed);
    EXPECT_EQ(b.loss_sum, a.loss_sum);
    EXPECT_EQ(b.weight_sum, a.weight_sum);
    EXPECT_EQ(b.largest_norm, a.largest_norm);
    EXPECT_EQ(b.history, a.history);
    EXPECT_EQ(b.callbacks, a.callbacks);
}

TEST(FitProgress, MayHaveNoSeed) {
    EXPECT_FALSE(detail::FitProgress::from(detail::FitProgress().extras(), "here").seed.has_value());
}

TEST(FitProgress, RefusesWhatIsMissingOrCannotBe) {
    const CheckpointExtras whole = example_progress().extras();
    const auto refusal = [](const CheckpointExtras& extras) {
        return format_error_of([&] { (void)detail::FitProgress::from(extras, "here"); });
    };
    for (const auto& [name, value] : whole.counters) {
        CheckpointExtras extras = whole;
        extras.counters.erase(name);
        EXPECT_EQ(refusal(extras), "here: expected a checkpoint of a Trainer, received one without " + name);
    }
    CheckpointExtras extras = whole;
    extras.counters["trainer/batch"] = -1;
    EXPECT_TRUE(refusal(extras).ends_with("trainer/batch"));
    extras = whole;
    extras.numbers.erase("trainer/history");
    EXPECT_TRUE(refusal(extras).ends_with("trainer/history"));
    extras = whole;
    extras.numbers["trainer/history"].push_back(1.0);
    EXPECT_TRUE(refusal(extras).ends_with("a history of 5 numbers an epoch"));
    extras.numbers["trainer/sums"].clear();
    EXPECT_TRUE(refusal(extras).ends_with("its 3 sums"));
}

}  // namespace
