// SPDX-License-Identifier: MIT
#include "eigengru/training/progress_bar.hpp"

#include "training/trainer_support.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace {

using namespace eigengru;
using namespace eigengru_test;

TEST(ProgressBar, ShowsEpochBatchLossAndTimeLeft) {
    std::ostringstream text;
    double now = 100.0;
    ProgressBar bar({.stream = &text, .seconds = [&] { return now; }});
    FakeRun run;
    run.now = {.epochs = 2, .batches = 3};
    bar.on_train_begin(run);
    bar.on_epoch_begin(run);
    now += 10;
    run.now.batch = 1;
    run.now.loss = 0.123456;
    bar.on_batch_end(run);
    EXPECT_EQ(text.str(), "\repoch 1/2  batch 1/3  loss 0.1235  time left 50s");
    text.str("");
    now += 20;
    run.now.batch = 3;
    run.now.val_loss = 2;
    bar.on_epoch_end(run);
    EXPECT_EQ(text.str(), "\repoch 1/2  loss 0.1235  val_loss 2  30s         \n");
}

TEST(ProgressBar, DrawsNoMoreOftenThanItsInterval) {
    std::ostringstream text;
    double now = 0.0;
    ProgressBar bar({.stream = &text, .interval = 1.0, .seconds = [&] { return now; }});
    FakeRun run;
    run.now = {.epochs = 1, .batches = 100};
    bar.on_train_begin(run);
    for (run.now.batch = 1; run.now.batch <= 20; ++run.now.batch) {
        bar.on_batch_end(run);
        now += 0.25;
    }
    const std::string drawn = text.str();
    EXPECT_EQ(std::count(drawn.begin(), drawn.end(), '\r'), 5);
}

TEST(ProgressBar, EndsItsLineWhenTheStopFlagEndsTheTraining) {
    std::ostringstream text;
    ProgressBar bar({.stream = &text});
    FakeRun run;
    run.now = {.epochs = 1, .batch = 1, .batches = 9, .is_stopped = true};
    bar.on_train_begin(run);
    bar.on_batch_end(run);
    bar.on_train_end(run);
    EXPECT_TRUE(text.str().ends_with("\n"));
}

TEST(ProgressBar, IsSilentWhereStderrIsNoTerminal) {
    if (detail::is_terminal(stderr)) GTEST_SKIP() << "stderr is a terminal";
    const SmallData<float> data(4, 3);
    Sequential<float> model = small_model<float>();
    Trainer trainer(model, "mse", SGD{});
    testing::internal::CaptureStderr();
    trainer.fit(data.x, data.y, {.epochs = 2, .callbacks = {ProgressBar()}});
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(ProgressBar, FollowsATraining) {
    std::ostringstream text;
    const SmallData<float> data(4, 3);
    Sequential<float> model = small_model<float>();
    Trainer trainer(model, "mse", SGD{});
    trainer.fit(data.x, data.y,
                {.epochs = 2, .batch_size = 2, .callbacks = {ProgressBar({.stream = &text, .interval = 0.0})}});
    EXPECT_TRUE(text.str().starts_with("\repoch 1/2  batch 1/2  loss "));
    EXPECT_NE(text.str().find("\repoch 2/2  batch 2/2  loss "), std::string::npos);
}

TEST(ProgressBar, WritesDurations) {
    EXPECT_EQ(detail::duration_text(-1), "0s");
    EXPECT_EQ(detail::duration_text(59.4), "59s");
    EXPECT_EQ(detail::duration_text(187), "3:07");
    EXPECT_EQ(detail::duration_text(3787), "1:03:07");
}

}  // namespace
