// SPDX-License-Identifier: MIT
#include "eigengru/training/callbacks.hpp"

#include "support/message_of.hpp"
#include "support/scratch_files.hpp"
#include "training/trainer_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;
using namespace eigengru_test;

/// The epoch after which early stopping ends a training with these losses, -1 for none.
Index stopped_by(EarlyStopping& early, const std::vector<double>& losses) {
    FakeRun run;
    run.now.has_validation = true;
    early.reset();
    early.on_train_begin(run);
    for (const double loss : losses) {
        run.now.val_loss = loss;
        run.held[0] = loss;
        early.on_epoch_end(run);
        if (run.is_ended) return run.now.epoch;
        ++run.now.epoch;
    }
    return -1;
}

Index stopped_by(const EarlyStoppingOptions& options, const std::vector<double>& losses) {
    EarlyStopping early(options);
    return stopped_by(early, losses);
}

TEST(EarlyStopping, WaitsAsLongAsItsPatience) {
    EXPECT_EQ(stopped_by({}, {3, 2, 1, 1}), 3);
    EXPECT_EQ(stopped_by({.patience = 2}, {3, 1, 2, 0.5, 2, 2, 2}), 5);
    EXPECT_EQ(stopped_by({.patience = 3}, {3, 1, 2, 2}), -1);
    EXPECT_EQ(stopped_by({}, {1}), -1);
}

TEST(EarlyStopping, LittleIsNoImprovement) {
    EXPECT_EQ(stopped_by({.min_delta = 0.5}, {3, 2, 1.6}), 2);
    EXPECT_EQ(stopped_by({.min_delta = 0.3}, {3, 2, 1.6}), -1);
    EXPECT_EQ(message_of<OptionError>([] { EarlyStopping({.min_delta = -1}); }),
              "EarlyStopping: min_delta expected a finite number of at least 0, received -1");
}

TEST(EarlyStopping, StartsAtAnEpochAndTakesNotANumberForNoImprovement) {
    EXPECT_EQ(stopped_by({.start_from_epoch = 2}, {1, 5, 4, 3, 6}), 4);
    EXPECT_EQ(stopped_by({.patience = 1}, {1, std::nan("")}), 1);
}

TEST(EarlyStopping, KnowsTheBestEpochAndForgetsItWhenReset) {
    EarlyStopping early({.patience = 1});
    EXPECT_EQ(stopped_by(early, {3, 1, 2}), 2);
    EXPECT_EQ(early.best_epoch(), 1);
    EXPECT_EQ(early.stopped_epoch(), 2);
    early.reset();
    EXPECT_EQ(early.best_epoch(), -1);
    EXPECT_EQ(early.stopped_epoch(), -1);
}

TEST(EarlyStopping, RestoresTheBestWeightsUnlessTheStopFlagEndsTheTraining) {
    for (const bool is_stopped : {false, true}) {
        EarlyStopping early({.patience = 1, .restore_best_weights = true});
        (void)stopped_by(early, {3, 1, 2});
        FakeRun run;
        run.now.is_stopped = is_stopped;
        early.on_train_end(run);
        EXPECT_EQ(run.held[0], is_stopped ? 0.0 : 1.0);
    }
}

TEST(EarlyStopping, GoesOnFromItsState) {
    EarlyStopping early({.patience = 2, .restore_best_weights = true}), other = early;
    (void)stopped_by(early, {3, 1, 2});
    other.restore(early.state());
    EXPECT_EQ(other.state(), early.state());
    FakeRun run;
    run.now.epoch = 3;
    run.now.val_loss = 2;
    other.on_epoch_end(run);
    EXPECT_TRUE(run.is_ended);
    EXPECT_EQ(message_of<FormatError>([&] { other.restore(std::vector<double>(3)); }),
              "EarlyStopping: expected a state of at least 4 numbers, received 3");
}

TEST(Monitor, ValidationLossNeedsValidationData) {
    FakeRun run;
    EXPECT_EQ(message_of<OptionError>([&] { EarlyStopping().on_train_begin(run); }),
              "EarlyStopping: monitor \"val_loss\" expected validation data, received none");
    EXPECT_THROW(BestCheckpoint("a").on_train_begin(run), OptionError);
    EarlyStopping({.monitor = "loss"}).on_train_begin(run);
    EXPECT_EQ(message_of<OptionError>([] { EarlyStopping({.monitor = "accuracy"}); }),
              "Callback: monitor: expected one of \"val_loss\", \"loss\", received \"accuracy\"");
}

// Checkpoints

TEST(Checkpoint, IsAskedForAfterEpochsBatchesAndAStop) {
    FakeRun run;
    Checkpoint by_epoch("a"), by_batch("b", 2);
    for (run.now.batch = 1; run.now.batch <= 4; ++run.now.batch) {
        by_epoch.on_batch_end(run);
        by_batch.on_batch_end(run);
    }
    EXPECT_EQ(run.requested, (std::vector<std::filesystem::path>{"b", "b"}));
    by_epoch.on_epoch_end(run);
    by_epoch.on_train_end(run);
    EXPECT_EQ(run.requested.size(), 3U);
    run.now.is_stopped = true;
    by_epoch.on_train_end(run);
    EXPECT_EQ(run.requested.size(), 4U);
}

TEST(Checkpoint, IsWrittenEveryFewBatches) {
    const ScratchFolder folder;
    const SmallData<float> data(6, 3);
    Sequential<float> model = small_model<float>();
    Trainer trainer(model, "mse", SGD{});
    std::atomic<bool> flag = false;
    trainer.fit(data.x, data.y, {.batch_size = 1, .seed = 1, .callbacks = {Checkpoint(folder / "a", 4)}});
    EXPECT_EQ(CheckpointReader(folder / "a").values<std::int64_t>("optimizer/iterations")[0], 6);
    trainer.fit(data.x, data.y,
                {.batch_size = 1,
                 .seed = 1,
                 .callbacks = {Checkpoint(folder / "a", 4), StopAfter(5, flag)},
                 .stop_flag = &flag});
    EXPECT_EQ(CheckpointReader(folder / "a").values<std::int64_t>("counter/trainer/batch")[0], 5);
}

TEST(BestCheckpoint, IsAskedForWhenTheLossIsTheBestSoFar) {
    FakeRun run;
    BestCheckpoint best("a");
    for (const double loss : {3.0, 4.0, 2.0, std::nan(""), 2.0}) {
        run.now.val_loss = loss;
        best.on_epoch_end(run);
    }
    EXPECT_EQ(run.requested.size(), 2U);
    EXPECT_EQ(best.best(), 2.0);
    BestCheckpoint other("a");
    other.restore(best.state());
    EXPECT_EQ(other.best(), 2.0);
    best.reset();
    EXPECT_EQ(best.best(), HUGE_VAL);
    EXPECT_THROW(best.restore({}), FormatError);
}

TEST(BestCheckpoint, HoldsTheWeightsOfTheBestEpoch) {
    const ScratchFolder folder;
    const SmallData<double> data(8, 4), other(8, 4, true, 2);
    Sequential<double> model = small_model<double>();
    Trainer trainer(model, "mse", SGD{.learning_rate = 1.0});
    const History history = trainer.fit(data.x, data.y,
                                        {.validation = {other.x, other.y},
                                         .epochs = 12,
                                         .batch_size = 2,
                                         .seed = 4,
                                         .callbacks = {BestCheckpoint(folder / "best")}});
    double best = HUGE_VAL;
    for (const EpochResult& epoch : history.epochs) best = std::min(best, *epoch.val_loss);
    EXPECT_LT(best, *history.epochs.back().val_loss);
    load_checkpoint_weights(folder / "best", model);
    EXPECT_EQ(trainer.evaluate(other.x, other.y, {.batch_size = 2}), best);
}

// Learning rate

TEST(LearningRateScheduler, SetsTheRateOfEachEpoch) {
    const SmallData<double> data(2, 3);
    Sequential<double> model = small_model<double>();
    Trainer trainer(model, "mse", SGD{.learning_rate = 1.0});
    const History history =
        trainer.fit(data.x, data.y, {.epochs = 3, .callbacks = {LearningRateScheduler([](Index epoch, double rate) {
                                                      return epoch == 0 ? rate : rate / 2;
                                                  })}});
    EXPECT_EQ(history.epochs[0].learning_rate, 1.0);
    EXPECT_EQ(history.epochs[1].learning_rate, 0.5);
    EXPECT_EQ(history.epochs[2].learning_rate, 0.25);
    EXPECT_EQ(trainer.optimizer().iterations(), 3);
}

TEST(LearningRateScheduler, RefusesAnOptimizerWithAScheduleOfItsOwn) {
    const SmallData<double> data(2, 3);
    Sequential<double> model = small_model<double>();
    Trainer trainer(model, "mse", SGD{.learning_rate = CosineDecay{0.1, 10}});
    const LearningRateScheduler schedule([](Index, double rate) { return rate; });
    EXPECT_EQ(message_of<OptionError>([&] { trainer.fit(data.x, data.y, {.callbacks = {schedule}}); }),
              "TrainingRun::set_learning_rate: expected an optimizer with a constant learning rate, it has a schedule");
}

// CSV

std::string text_of(const std::filesystem::path& path) {
    const Bytes bytes = bytes_of(path);
    return {bytes.begin(), bytes.end()};
}

TEST(CsvLog, HasALineForEachEpoch) {
    const ScratchFolder folder;
    FakeRun run;
    run.now = {.loss = 0.1, .learning_rate = 1e-3};
    CsvLog log(folder / "log.csv");
    log.reset();
    log.on_train_begin(run);
    log.on_epoch_end(run);
    run.now = {.epoch = 1, .loss = 1.0 / 3.0, .val_loss = 2.5, .learning_rate = 1e-3};
    log.on_epoch_end(run);
    EXPECT_EQ(text_of(folder / "log.csv"),
              "epoch,loss,val_loss,learning_rate\n0,0.1,,0.001\n1,0.3333333333333333,2.5,0.001\n");
}

TEST(CsvLog, ReplacesTheLogOfAnotherTraining) {
    const ScratchFolder folder;
    write_bytes(folder / "log.csv", Bytes(100, 'x'));
    FakeRun run;
    CsvLog log(folder / "log.csv");
    log.reset();
    log.on_train_begin(run);
    EXPECT_EQ(text_of(folder / "log.csv"), "epoch,loss,val_loss,learning_rate\n");
}

TEST(CsvLog, CutsOffWhatWasWrittenAfterTheCheckpoint) {
    const ScratchFolder folder;
    FakeRun run;
    CsvLog log(folder / "log.csv"), other(folder / "log.csv");
    log.reset();
    log.on_train_begin(run);
    log.on_epoch_end(run);
    const std::string before = text_of(folder / "log.csv");
    const std::vector<double> state = log.state();
    log.on_epoch_end(run);
    other.restore(state);
    other.on_train_begin(run);
    EXPECT_EQ(text_of(folder / "log.csv"), before);
    std::filesystem::remove(folder / "log.csv");
    other.restore(state);
    other.on_train_begin(run);
    EXPECT_EQ(text_of(folder / "log.csv"), "epoch,loss,val_loss,learning_rate\n");
    EXPECT_THROW(other.restore({}), FormatError);
}

TEST(CsvLog, FileThatCannotBeWrittenIsAnError) {
    const ScratchFolder folder;
    FakeRun run;
    CsvLog log(folder / "no" / "log.csv");
    EXPECT_EQ(format_error_of([&] { log.on_train_begin(run); }),
              "CsvLog: " + (folder / "no" / "log.csv").string() + ": the file cannot be written");
}

}  // namespace
