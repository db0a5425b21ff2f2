// SPDX-License-Identifier: MIT
#include "eigengru/training/trainer.hpp"

#include "support/allocation_counter.hpp"
#include "support/backwards_executor.hpp"
#include "support/message_of.hpp"
#include "support/modes.hpp"
#include "support/scratch_files.hpp"
#include "training/trainer_support.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <sstream>

namespace {

using namespace eigengru;
using namespace eigengru_test;

template <class S>
class TrainerOf : public testing::Test {};
TYPED_TEST_SUITE(TrainerOf, eigengru_test::Scalars, );

// fit

TYPED_TEST(TrainerOf, FitsABatchAfterTheOtherAsAManualLoopDoes) {
    using S = TypeParam;
    const SmallData<S> data(10, 5);
    Sequential<S> model = small_model<S>(), manual = model;
    Trainer trainer(model, "mse", Adam{.learning_rate = 0.01});
    const History history = trainer.fit(data.x, data.y, {.epochs = 2, .batch_size = 4, .shuffle = false});

    Optimizer<S> optimizer = Adam{.learning_rate = 0.01};
    ASSERT_EQ(history.epochs.size(), 2U);
    for (const EpochResult& epoch : history.epochs) {
        double sum = 0.0;
        for (const Index first : {0, 4, 8}) {
            const Index rows = first == 8 ? 2 : 4;
            sum +=
                static_cast<double>(rows * 5) *
                manual_step<S>(manual, "mse", optimizer, {part_of(data.x, first, rows), part_of(data.y, first, rows)});
        }
        EXPECT_DOUBLE_EQ(epoch.loss, sum / 50.0);
        EXPECT_FALSE(epoch.val_loss.has_value());
        EXPECT_EQ(epoch.learning_rate, 0.01);
    }
    EXPECT_EQ(weights_of(model), weights_of(manual));
    EXPECT_EQ(trainer.optimizer().iterations(), 6);
    EXPECT_FALSE(history.stopped);
}

TYPED_TEST(TrainerOf, MaskAndSampleWeightReachTheLossAsInAManualLoop) {
    using S = TypeParam;
    const SmallData<S> data(6, 5);
    Mask mask = Mask::Constant(6, 5, true);
    mask(1, 3) = mask(1, 4) = mask(4, 0) = false;
    const RowMatrix<S> by_step = RowMatrix<S>::Random(6, 5).cwiseAbs(), by_sample = by_step.col(2);
    for (const MatrixView<const S> weight : {MatrixView<const S>(by_step), MatrixView<const S>(by_sample)}) {
        Sequential<S> model = small_model<S>(), manual = model;
        Trainer trainer(model, "mae", SGD{.learning_rate = 0.1});
        trainer.fit(data.x, data.y, {.mask = mask, .sample_weight = weight, .batch_size = 3, .shuffle = false});
        Optimizer<S> optimizer = SGD{.learning_rate = 0.1};
        for (const Index first : {0, 3}) {
            const Mask part = mask.middleRows(first, 3);
            const RowMatrix<S> part_weight = weight.map().middleRows(first, 3);
            manual_step<S>(manual, "mae", optimizer,
                           {part_of(data.x, first, 3), part_of(data.y, first, 3), part, part_weight});
        }
        EXPECT_EQ(weights_of(model), weights_of(manual));
    }
}

TYPED_TEST(TrainerOf, ShuffledEpochIsThatOfTheShuffledSamples) {
    using S = TypeParam;
    const SmallData<S> data(7, 4, false);
    Sequential<S> model = small_model<S>({.return_sequences = false}), manual = model;
    Trainer trainer(model, "mse", SGD{});
    trainer.fit(data.x, data.y, {.batch_size = 1, .seed = 5});
    std::vector<Index> order(7);
    detail::shuffle_samples(order, 5, 0);
    Optimizer<S> optimizer = SGD{};
    for (const Index i : order)
        manual_step<S>(manual, "mse", optimizer, {part_of(data.x, i, 1), part_of(data.y, i, 1)});
    EXPECT_EQ(weights_of(model), weights_of(manual));
}

TYPED_TEST(TrainerOf, LearnsASineWave) {
    using S = TypeParam;
    Sequence<S> x({48, 12, 1}), y({48, 1, 1});
    for (Index i = 0; i < 48; ++i) {
        for (Index t = 0; t < 12; ++t)
            x(i, t, 0) = static_cast<S>(std::sin(0.7 * static_cast<double>(i) + 0.5 * static_cast<double>(t)));
        y(i, 0, 0) = static_cast<S>(std::sin(0.7 * static_cast<double>(i) + 6.0));
    }
    Sequential<S> model({Gru<S>(1, {.units = 8, .seed = 1}), Dense<S>(8, {.units = 1, .seed = 2})});
    Trainer trainer(model, "mse", Adam{.learning_rate = 0.02});
    const double before = trainer.evaluate(x, y);
    const History history = trainer.fit(x, y, {.epochs = 30, .batch_size = 16, .seed = 1});
    EXPECT_LT(trainer.evaluate(x, y), 0.01);
    EXPECT_GT(before, 0.1);
    EXPECT_LT(history.epochs.back().loss, history.epochs.front().loss);
}

TYPED_TEST(TrainerOf, ValidationIsReportedAndChangesNothing) {
    using S = TypeParam;
    const SmallData<S> data(8, 5), other(6, 5, true, 2);
    for (const bool stateful : {false, true}) {
        Sequential<S> model = small_model<S>({.stateful = stateful, .dropout = 0.3}), plain = model;
        Trainer trainer(model, "mse", Adam{}), plain_trainer(plain, "mse", Adam{});
        const History history =
            trainer.fit(data.x, data.y, {.validation = {other.x, other.y}, .epochs = 3, .batch_size = 2, .seed = 1});
        plain_trainer.fit(data.x, data.y, {.epochs = 3, .batch_size = 2, .seed = 1});
        EXPECT_EQ(weights_of(model), weights_of(plain));
        EXPECT_EQ(state_of(model), state_of(plain));
        EXPECT_EQ(history.epochs.back().val_loss, trainer.evaluate(other.x, other.y, {.batch_size = 2}));
    }
}

TYPED_TEST(TrainerOf, EvaluateIsTheMeanOverTheSamplesWithPenalties) {
    using S = TypeParam;
    const SmallData<S> data(5, 4);
    Sequential<S> model = small_model<S>({.dropout = 0.5});
    Trainer trainer(model, "mse", SGD{});
    const Loss loss = "mse";
    const S expected = loss.value(data.y, model.predict(data.x)) + model.regularization_loss();
    EXPECT_NEAR(trainer.evaluate(data.x, data.y, {.batch_size = 5}), static_cast<double>(expected), 1e-6);
    EXPECT_NEAR(trainer.evaluate(data.x, data.y, {.batch_size = 2}), static_cast<double>(expected), 1e-6);
    const Mask none = Mask::Constant(5, 4, false);
    EXPECT_NEAR(trainer.evaluate(data.x, data.y, {.mask = none}), static_cast<double>(model.regularization_loss()),
                1e-7);
}

TYPED_TEST(TrainerOf, TrainStepIsOneUpdate) {
    using S = TypeParam;
    const SmallData<S> data(3, 5);
    Sequential<S> model = small_model<S>({.dropout = 0.2}), manual = model;
    Trainer trainer(model, "mse", RMSprop{});
    Optimizer<S> optimizer = RMSprop{};
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(trainer.train_step(data.x, data.y), manual_step<S>(manual, "mse", optimizer, {data.x, data.y}));
    EXPECT_EQ(weights_of(model), weights_of(manual));
}

TYPED_TEST(TrainerOf, PartsOfAnExecutorGiveTheSameBits) {
    using S = TypeParam;
    const SmallData<S> data(16, 30);
    const Sequential<S> made(
        {Gru<S>(3, {.units = 40, .seed = 1, .return_sequences = true}), Dense<S>(40, {.units = 2, .seed = 2})});
    Sequential<S> alone = made, shared = made;
    Trainer trainer(alone, "mse", Adam{}), other(shared, "mse", Adam{});
    Backwards executor;
    EXPECT_EQ(trainer.train_step(data.x, data.y), other.train_step(data.x, data.y, {.executor = &executor}));
    EXPECT_GE(executor.runs, 2);
    Index runs = executor.runs;
    EXPECT_EQ(trainer.evaluate(data.x, data.y), other.evaluate(data.x, data.y, {.executor = &executor}));
    EXPECT_EQ(executor.runs, runs + 1);
    runs = executor.runs;
    const History expected = trainer.fit(data.x, data.y, {.validation = {data.x, data.y}, .seed = 1});
    const History history =
        other.fit(data.x, data.y, {.validation = {data.x, data.y}, .seed = 1, .executor = &executor});
    EXPECT_EQ(history, expected);
    EXPECT_GE(executor.runs, runs + 3);  // forward, back, validation
    EXPECT_EQ(weights_of(alone), weights_of(shared));
}

TEST(Trainer, AllocatesNothingAfterTheFirstEpoch) {
    if constexpr (!kAllocationCounterWorks) GTEST_SKIP() << "allocations cannot be counted here";
    class CountOneEpoch : public Callback {
    public:
        void on_epoch_begin(TrainingRun& run) override {
            if (run.status().epoch == 1) start_ = AllocationCount();
        }
        void on_batch_end(TrainingRun& run) override {
            if (run.status().epoch == 1) count = start_.count();
        }
        std::size_t count = 99;

    private:
        AllocationCount start_;
    };
    const SmallData<float> data(8, 6);
    for (const Index window : {0, 3}) {
        Sequential<float> model = small_model<float>({.stateful = window > 0, .dropout = 0.2});
        Trainer trainer(model, "mse", Adam{});
        CountOneEpoch counter;
        trainer.fit(data.x, data.y, {.epochs = 2, .batch_size = 4, .window = window, .callbacks = {&counter}});
        EXPECT_EQ(counter.count, 0U) << "window " << window;
    }
}

// Stateful layers and truncated BPTT

TYPED_TEST(TrainerOf, StatefulSamplesKeepTheirOrderAndTheirStates) {
    using S = TypeParam;
    const SmallData<S> data(6, 4);
    Sequential<S> model = small_model<S>({.stateful = true}), manual = model;
    Trainer trainer(model, "mse", SGD{});
    trainer.fit(data.x, data.y, {.epochs = 2, .batch_size = 2, .seed = 3});
    Optimizer<S> optimizer = SGD{};
    for (const Index first : {0, 2, 4, 0, 2, 4})
        manual_step<S>(manual, "mse", optimizer, {part_of(data.x, first, 2), part_of(data.y, first, 2)});
    EXPECT_EQ(weights_of(model), weights_of(manual));
    EXPECT_EQ(state_of(model), state_of(manual));
}

TYPED_TEST(TrainerOf, WindowsAreUpdatesWithCarriedStates) {
    using S = TypeParam;
    const SmallData<S> data(3, 7);
    Mask mask = Mask::Constant(3, 7, true);
    mask(0, 5) = mask(2, 6) = false;
    const RowMatrix<S> weight = RowMatrix<S>::Random(3, 7).cwiseAbs();
    Sequential<S> model = small_model<S>({.stateful = true}), manual = model;
    Trainer trainer(model, "mse", Adam{});
    const History history = trainer.fit(
        data.x, data.y, {.mask = mask, .sample_weight = weight, .batch_size = 2, .shuffle = false, .window = 3});
    Optimizer<S> optimizer = Adam{};
    double sum = 0.0;
    for (const Index first : {0, 2}) {
        const Index rows = first == 0 ? 2 : 1;
        manual.clear_state();
        for (const Index step : {0, 3, 6}) {
            const Index steps = step == 6 ? 1 : 3;
            const Mask part = mask.block(first, step, rows, steps);
            const RowMatrix<S> part_weight = weight.block(first, step, rows, steps);
            sum += static_cast<double>(rows * steps) *
                   manual_step<S>(manual, "mse", optimizer,
                                  {part_of(data.x, first, rows, step, steps), part_of(data.y, first, rows, step, steps),
                                   part, part_weight});
        }
    }
    EXPECT_EQ(weights_of(model), weights_of(manual));
    EXPECT_EQ(trainer.optimizer().iterations(), 6);
    EXPECT_DOUBLE_EQ(history.epochs[0].loss, sum / 21.0);
}

TYPED_TEST(TrainerOf, ResetsZeroTheStateOfARowBeforeItsWindow) {
    using S = TypeParam;
    const SmallData<S> data(2, 6);
    Mask resets = Mask::Constant(2, 6, false);
    resets(1, 2) = resets(0, 4) = true;
    Sequential<S> model = small_model<S>({.stateful = true}), manual = model, without = model;
    Trainer trainer(model, "mse", SGD{.learning_rate = 0.1}), plain(without, "mse", SGD{.learning_rate = 0.1});
    trainer.fit(data.x, data.y, {.shuffle = false, .window = 2, .resets = resets});
    plain.fit(data.x, data.y, {.shuffle = false, .window = 2});
    Optimizer<S> optimizer = SGD{.learning_rate = 0.1};
    for (const Index step : {0, 2, 4}) {
        if (step > 0) manual.reset_state({step == 2 ? 1 : 0});
        manual_step<S>(manual, "mse", optimizer, {part_of(data.x, 0, 2, step, 2), part_of(data.y, 0, 2, step, 2)});
    }
    EXPECT_EQ(weights_of(model), weights_of(manual));
    EXPECT_NE(weights_of(model), weights_of(without));
}

TYPED_TEST(TrainerOf, ResetsWithoutAWindowZeroRowsBetweenBatches) {
    using S = TypeParam;
    const SmallData<S> data(4, 3);
    Mask resets = Mask::Constant(4, 3, false);
    resets(3, 0) = true;
    Sequential<S> model = small_model<S>({.stateful = true}), manual = model;
    Trainer trainer(model, "mse", SGD{});
    trainer.fit(data.x, data.y, {.batch_size = 2, .resets = resets});
    Optimizer<S> optimizer = SGD{};
    manual_step<S>(manual, "mse", optimizer, {part_of(data.x, 0, 2), part_of(data.y, 0, 2)});
    manual.reset_state({1});
    manual_step<S>(manual, "mse", optimizer, {part_of(data.x, 2, 2), part_of(data.y, 2, 2)});
    EXPECT_EQ(weights_of(model), weights_of(manual));
}

TYPED_TEST(TrainerOf, EvaluatesInWindowsTheSameLoss) {
    using S = TypeParam;
    const SmallData<S> data(5, 6);
    Sequential<S> model = small_model<S>({.stateful = true});
    Trainer trainer(model, "mse", SGD{});
    const double whole = trainer.evaluate(data.x, data.y, {.batch_size = 5});
    EXPECT_NEAR(trainer.evaluate(data.x, data.y, {.batch_size = 2, .window = 4}), whole, 1e-6);
    EXPECT_EQ(state_of(model).rows(), 0);
}

// Resuming

/// What a training leaves behind.
template <class S>
struct Outcome {
    std::vector<S> weights;
    RowMatrix<S> state;
    History history;
    std::vector<double> early;
    std::string log;
};

enum class Kind { plain, stateful, windowed };

template <class S>
class Training {
public:
    Training(Kind kind, std::filesystem::path folder)
        : folder_(std::move(folder)),
          kind_(kind),
          data_(kind == Kind::stateful ? 6 : 5, 6),
          model_(small_model<S>({.stateful = kind != Kind::plain, .dropout = 0.3})),
          trainer_(model_, "mse", Adam{.learning_rate = 0.02, .amsgrad = true}) {}

    void resume() { trainer_.resume(folder_ / "run.ckpt"); }

    Outcome<S> fit(Index epochs, Index batches) {
        std::atomic<bool> flag = false;
        EarlyStopping early({.patience = 50, .restore_best_weights = false});
        LearningRateScheduler schedule([](Index epoch, double rate) { return epoch == 0 ? rate : rate * 0.5; });
        const History history = trainer_.fit(data_.x, data_.y,
                                             {.validation = {data_.x, data_.y},
                                              .epochs = epochs,
                                              .batch_size = 2,
                                              .seed = 9,
                                              .window = kind_ == Kind::windowed ? 4 : 0,
                                              .callbacks = {StopAfter(batches, flag), Checkpoint(folder_ / "run.ckpt"),
                                                            &early, schedule, CsvLog(folder_ / "log.csv")},
                                              .stop_flag = &flag});
        const Bytes log = bytes_of(folder_ / "log.csv");
        return {weights_of(model_), state_of(model_), history, early.state(), {log.begin(), log.end()}};
    }

    /// Batches of an epoch.
    [[nodiscard]] Index batches() const { return kind_ == Kind::windowed ? 6 : 3; }
    Trainer<S>& trainer() { return trainer_; }

private:
    std::filesystem::path folder_;
    Kind kind_;
    SmallData<S> data_;
    Sequential<S> model_;
    Trainer<S> trainer_;
};

template <class S>
void expect_same(const Outcome<S>& a, const Outcome<S>& b) {
    EXPECT_EQ(a.weights, b.weights);
    EXPECT_EQ(a.state, b.state);
    EXPECT_EQ(a.history, b.history);
    EXPECT_EQ(a.early, b.early);
    EXPECT_EQ(a.log, b.log);
}

TYPED_TEST(TrainerOf, ResumesBitForBitFromEveryBatch) {
    for (const Kind kind : {Kind::plain, Kind::stateful, Kind::windowed}) {
        const ScratchFolder folder;
        const Outcome<TypeParam> straight = Training<TypeParam>(kind, folder.path()).fit(2, -1);
        EXPECT_EQ(straight.history.epochs.size(), 2U);
        const Index batches = Training<TypeParam>(kind, folder.path()).batches();
        for (Index stop = 1; stop <= 2 * batches; ++stop) {
            SCOPED_TRACE("kind " + std::to_string(int(kind)) + ", after batch " + std::to_string(stop));
            const Outcome<TypeParam> first = Training<TypeParam>(kind, folder.path()).fit(2, stop);
            EXPECT_TRUE(first.history.stopped);
            EXPECT_EQ(first.history.epochs.size(), stop > batches ? 1U : 0U);
            Training<TypeParam> second(kind, folder.path());
            second.resume();
            expect_same(second.fit(2, -1), straight);
        }
    }
}

TYPED_TEST(TrainerOf, ResumesBitForBitFromTheEndOfAnEpoch) {
    for (const Kind kind : {Kind::plain, Kind::stateful, Kind::windowed}) {
        const ScratchFolder folder;
        const Outcome<TypeParam> straight = Training<TypeParam>(kind, folder.path()).fit(3, -1);
        for (const Index epochs : {1, 2, 3}) {
            (void)Training<TypeParam>(kind, folder.path()).fit(epochs, -1);
            Training<TypeParam> second(kind, folder.path());
            second.resume();
            expect_same(second.fit(3, -1), straight);
        }
    }
}

TEST(Trainer, SaveKeepsWhereAStoppedFitWas) {
    const ScratchFolder folder;
    const Outcome<double> straight = Training<double>(Kind::plain, folder.path()).fit(2, -1);
    Training<double> first(Kind::plain, folder.path());
    (void)first.fit(2, 4);
    first.trainer().save(folder / "run.ckpt");
    Training<double> second(Kind::plain, folder.path());
    second.resume();
    expect_same(second.fit(2, -1), straight);
}

TEST(Trainer, RefusesToGoOnWithOtherBatchesSeedOrCallbacks) {
    const ScratchFolder folder;
    const SmallData<float> data(4, 3), more(40, 3);
    std::atomic<bool> flag = false;
    Sequential<float> model = small_model<float>();
    Trainer trainer(model, "mse", SGD{});
    trainer.fit(data.x, data.y,
                {.batch_size = 2,
                 .seed = 1,
                 .callbacks = {StopAfter(1, flag), Checkpoint(folder / "a"), BestCheckpoint(folder / "b", "loss")},
                 .stop_flag = &flag});
    trainer.resume(folder / "a");
    EXPECT_EQ(message_of<OptionError>([&] { trainer.fit(more.x, more.y, {.batch_size = 2}); }),
              "Trainer::fit: to go on within an epoch, expected data and batch_size of 2 batches, received 20");
    EXPECT_EQ(message_of<OptionError>([&] { trainer.fit(data.x, data.y, {.batch_size = 2, .seed = 2}); }),
              "Trainer::fit: to go on, expected the seed 1, received 2");
    EXPECT_EQ(message_of<OptionError>([&] { trainer.fit(data.x, data.y, {.batch_size = 2}); }),
              "Trainer::fit: to go on, expected the callbacks \"BestCheckpoint 1\", received ");
    EXPECT_EQ(trainer.fit(data.x, data.y, {.batch_size = 2, .callbacks = {BestCheckpoint(folder / "b", "loss")}})
                  .epochs.size(),
              1U);
    EXPECT_EQ(trainer.optimizer().iterations(), 2);
}

TEST(Trainer, RefusesToResumeWhatNoTrainerWrote) {
    const ScratchFolder folder;
    Sequential<float> model = small_model<float>();
    Trainer trainer(model, "mse", SGD{});
    save_checkpoint(folder / "a", small_model<float>(), Optimizer<float>(SGD{}));
    EXPECT_EQ(format_error_of([&] { trainer.resume(folder / "a"); }),
              "Trainer::resume: " + (folder / "a").string() +
                  ": expected a checkpoint of a Trainer, received one without trainer/epoch");
}

TEST(Trainer, CheckpointTakesTheLearningRateAlong) {
    const ScratchFolder folder;
    Sequential<double> model = small_model<double>();
    Trainer trainer(model, "mse", Adam{});
    trainer.set_learning_rate(0.125);
    trainer.save(folder / "a");
    Trainer other(model, "mse", Adam{});
    other.resume(folder / "a");
    EXPECT_EQ(other.optimizer().learning_rate(), 0.125);
    EXPECT_THROW(other.set_learning_rate(-1), OptionError);
    Trainer scheduled(model, "mse", SGD{.learning_rate = ExponentialDecay{0.1, 10, 0.5}});
    EXPECT_THROW(scheduled.set_learning_rate(0.1), OptionError);
}

// Stopping

TEST(Trainer, StopFlagEndsAfterTheBatch) {
    const SmallData<float> data(6, 3);
    std::atomic<bool> flag = false;
    Sequential<float> model = small_model<float>();
    Trainer trainer(model, "mse", SGD{});
    const History history = trainer.fit(
        data.x, data.y, {.epochs = 5, .batch_size = 2, .callbacks = {StopAfter(4, flag)}, .stop_flag = &flag});
    EXPECT_TRUE(history.stopped);
    EXPECT_EQ(history.epochs.size(), 1U);
    EXPECT_EQ(trainer.optimizer().iterations(), 4);
    EXPECT_TRUE(trainer.fit(data.x, data.y, {.stop_flag = &flag}).stopped);
    EXPECT_EQ(trainer.optimizer().iterations(), 4);
}

TEST(Trainer, EarlyStoppingEndsTheTrainingAndBringsTheBestWeightsBack) {
    const SmallData<double> data(8, 4), other(8, 4, true, 2);
    const auto weights_after = [&](Index epochs) {
        Sequential<double> model = small_model<double>();
        Trainer(model, "mse", SGD{.learning_rate = 1.0})
            .fit(data.x, data.y, {.epochs = epochs, .batch_size = 2, .seed = 4});
        return weights_of(model);
    };
    Sequential<double> model = small_model<double>();
    Trainer trainer(model, "mse", SGD{.learning_rate = 1.0});
    EarlyStopping early({.patience = 2, .restore_best_weights = true});
    const History history = trainer.fit(
        data.x, data.y,
        {.validation = {other.x, other.y}, .epochs = 100, .batch_size = 2, .seed = 4, .callbacks = {&early}});
    ASSERT_GE(early.stopped_epoch(), 0);
    EXPECT_EQ(static_cast<Index>(history.epochs.size()), early.stopped_epoch() + 1);
    EXPECT_EQ(early.stopped_epoch(), early.best_epoch() + 2);
    EXPECT_FALSE(history.stopped);
    EXPECT_EQ(weights_of(model), weights_after(early.best_epoch() + 1));
}

TEST(Trainer, TrainingThatAnEarlyStopEndedStaysEnded) {
    const ScratchFolder folder;
    const SmallData<double> data(4, 3);
    const auto fit = [&](bool resumes) {
        Sequential<double> model = small_model<double>();
        Trainer trainer(model, "mse", SGD{});
        if (resumes) trainer.resume(folder / "a");
        const EarlyStopping early({.monitor = "loss", .min_delta = 1e9, .patience = 1, .restore_best_weights = true});
        const History history =
            trainer.fit(data.x, data.y, {.epochs = 9, .seed = 1, .callbacks = {early, Checkpoint(folder / "a")}});
        EXPECT_EQ(history.epochs.size(), 2U);
        return weights_of(model);
    };
    const std::vector<double> straight = fit(false);
    EXPECT_EQ(fit(true), straight);
}

TEST(Trainer, StartsAtAnInitialEpoch) {
    const SmallData<float> data(2, 3);
    Sequential<float> model = small_model<float>();
    Trainer trainer(model, "mse", SGD{});
    const History history = trainer.fit(data.x, data.y, {.epochs = 5, .initial_epoch = 3});
    ASSERT_EQ(history.epochs.size(), 2U);
    EXPECT_EQ(history.epochs[0].epoch, 3);
    EXPECT_TRUE(trainer.fit(data.x, data.y, {.epochs = 2, .initial_epoch = 3}).epochs.empty());
}

// Numbers that are not finite

TYPED_TEST(TrainerOf, NotANumberInTheDataIsAnErrorAndChangesNothing) {
    using S = TypeParam;
    SmallData<S> data(6, 4);
    data.x(5, 2, 1) = std::numeric_limits<S>::quiet_NaN();
    Sequential<S> model = small_model<S>({.stateful = true, .dropout = 0.2}), before = model;
    Trainer trainer(model, "mse", Adam{}), good(before, "mse", Adam{});
    const std::string message =
        message_of<std::runtime_error>([&] { trainer.fit(data.x, data.y, {.epochs = 2, .batch_size = 2}); });
    good.train_step(part_of(data.x, 0, 2), part_of(data.y, 0, 2));
    good.train_step(part_of(data.x, 2, 2), part_of(data.y, 2, 2));
    EXPECT_TRUE(
        message.starts_with("Trainer::fit: epoch 1 of 2, batch 3 of 3: the loss is nan; the largest gradient norm "
                            "before was "))
        << message;
    EXPECT_TRUE(message.ends_with("; the weights are as before this step")) << message;
    EXPECT_EQ(weights_of(model), weights_of(before));
    EXPECT_EQ(state_of(model), state_of(before));
    EXPECT_EQ(std::get<Gru<S>>(model.layer(0)).dropout_calls(), 2U);
    EXPECT_EQ(std::get<Dropout<S>>(model.layer(1)).dropout_calls(), 2U);
    EXPECT_EQ(trainer.optimizer().iterations(), 2);
}

TYPED_TEST(TrainerOf, GradientThatIsNotFiniteIsAnErrorAndChangesNothing) {
    using S = TypeParam;
    SmallData<S> data(32, 1);
    data.x.matrix().setConstant(std::numeric_limits<S>::max() / S(8));
    data.y.matrix().setZero();
    Sequential<S> model({Dense<S>(3, {.units = 2, .kernel_initializer = "zeros", .bias_initializer = "ones"})});
    const std::vector<S> before = weights_of(model);
    Trainer trainer(model, Loss::mean_absolute_error({.reduction = "sum"}), SGD{});
    const std::string message = message_of<std::runtime_error>([&] { trainer.train_step(data.x, data.y); });
    EXPECT_EQ(message,
              "Trainer::train_step: the norm of the gradients is inf at a loss of 32; the largest gradient norm "
              "before was 0; the weights are as before this step");
    EXPECT_EQ(weights_of(model), before);
}

// Refusals

TEST(Trainer, RefusesDataThatDoesNotFit) {
    const SmallData<float> data(4, 3), other(5, 3), longer(4, 4);
    Sequential<float> model = small_model<float>();
    Trainer trainer(model, "mse", SGD{});
    const std::vector<float> before = weights_of(model);
    const Mask mask = Mask::Constant(4, 4, true);
    const RowMatrix<float> weight(4, 2);
    EXPECT_EQ(message_of<ShapeError>([&] { trainer.fit({}, data.y); }),
              "Trainer::fit: x expected at least 1 sample of at least 1 step, received none");
    EXPECT_EQ(message_of<ShapeError>([&] { trainer.fit(data.x, other.y); }),
              "Trainer::fit: y expected 4 samples of 1 or 3 steps, received the shape (5, 3, 2)");
    EXPECT_EQ(message_of<ShapeError>([&] { trainer.fit(data.x, longer.y); }),
              "Trainer::fit: y expected 4 samples of 1 or 3 steps, received the shape (4, 4, 2)");
    EXPECT_EQ(message_of<ShapeError>([&] { trainer.fit(data.x, data.y, {.mask = mask}); }),
              "Trainer::fit: mask expected (4, 3), received (4, 4)");
    EXPECT_EQ(message_of<ShapeError>([&] { trainer.fit(data.x, data.y, {.sample_weight = weight}); }),
              "Trainer::fit: sample_weight expected (4, 1) or (4, 3), received (4, 2)");
    EXPECT_EQ(message_of<ShapeError>([&] {
                  trainer.fit(data.x, data.y, {.validation = {data.x, other.y}});
              }),
              "Trainer::fit: validation: y expected 4 samples of 1 or 3 steps, received the shape (5, 3, 2)");
    EXPECT_THROW((void)trainer.evaluate(data.x, other.y), ShapeError);
    EXPECT_THROW(trainer.train_step(data.x, other.y), ShapeError);
    EXPECT_EQ(weights_of(model), before);
}

TEST(Trainer, RefusesOptionsThatDoNotFit) {
    const SmallData<float> data(5, 4), last(5, 4, false);
    Sequential<float> model = small_model<float>(), stateful = small_model<float>({.stateful = true});
    Trainer trainer(model, "mse", SGD{}), carrying(stateful, "mse", SGD{});
    Mask resets = Mask::Constant(5, 4, false);
    resets(3, 1) = true;
    const auto message = [&](Trainer<float>& t, const FitOptions<float>& options) {
        return message_of<std::invalid_argument>([&] { t.fit(data.x, data.y, options); });
    };
    EXPECT_EQ(message(trainer, {.batch_size = 0}), "Trainer::fit: batch_size expected at least 1, received 0");
    EXPECT_EQ(message(trainer, {.epochs = -1}), "Trainer::fit: epochs expected at least 0, received -1");
    EXPECT_EQ(message(trainer, {.initial_epoch = -1}), "Trainer::fit: initial_epoch expected at least 0, received -1");
    EXPECT_EQ(message(trainer, {.window = -1}), "Trainer::fit: window expected at least 0, received -1");
    EXPECT_EQ(message(trainer, {.window = 2}),
              "Trainer::fit: window expected stateful layers that do not go backwards, "
              "received layer \"gru\"");
    EXPECT_EQ(message(carrying, {.batch_size = 2}),
              "Trainer::fit: a stateful model expected batches of one size, received 5 samples for a batch_size of 2");
    EXPECT_EQ(message(carrying, {.window = 2, .resets = resets}),
              "Trainer::fit: resets expected only at the first step of a window of 2, received step 1 of sample 3");
    EXPECT_EQ(message(carrying, {.resets = resets.topRows(2).eval()}),
              "Trainer::fit: resets expected (5, 4), received (2, 4)");
    EXPECT_EQ(message_of<ShapeError>([&] { carrying.fit(data.x, last.y, {.window = 2}); }),
              "Trainer::fit: window expected targets of 4 steps, received 1");
}

TEST(Trainer, KeepsWhatItWasMadeOf) {
    Sequential<float> model = small_model<float>();
    const Trainer<float> trainer(model, "mse", Adam{});
    EXPECT_EQ(&trainer.model(), &model);
    EXPECT_EQ(trainer.loss(), Loss("mse"));
    EXPECT_EQ(trainer.optimizer().iterations(), 0);
}

}  // namespace
