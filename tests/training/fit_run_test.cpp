// SPDX-License-Identifier: MIT
#include "eigengru/training/fit_run.hpp"

#include "support/message_of.hpp"
#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;

// What a whole training does is tested in trainer_test.cpp.

TEST(SetLearningRate, KeepsIterationsAndSlots) {
    Optimizer<double> optimizer = Adam{.learning_rate = 0.5};
    Dense<double> dense(2, {.units = 1});
    optimizer.step(dense, Eigen::VectorXd::Ones(3).eval());
    const Eigen::VectorXd before = optimizer.slots()[0].values;
    eigengru::detail::set_learning_rate("Test", optimizer, 0.25);
    EXPECT_EQ(optimizer.learning_rate(), 0.25);
    EXPECT_EQ(optimizer.iterations(), 1);
    EXPECT_EQ(optimizer.slots()[0].values, before);
}

TEST(SetLearningRate, RefusesASchedule) {
    Optimizer<float> optimizer = SGD{.learning_rate = CosineDecay{.initial_learning_rate = 0.1, .decay_steps = 10}};
    EXPECT_EQ(message_of<OptionError>([&] { eigengru::detail::set_learning_rate("Test", optimizer, 0.25); }),
              "Test: expected an optimizer with a constant learning rate, it has a schedule");
}

TEST(FitRunOf, GoesThroughAllBatchesOfAllEpochs) {
    Sequential<float> model({Dense<float>(2, {.units = 1, .seed = 1})});
    eigengru::detail::TrainStep<float> step(model, "mse", SGD{.learning_rate = 0.1});
    const Sequence<float> x = random_sequence<float>({5, 1, 2}), y = random_sequence<float>({5, 1, 1});
    const DataSet<float> data{x, y};
    const FitOptions<float> options{.epochs = 3, .batch_size = 2, .seed = 1};
    eigengru::detail::FitProgress progress{.seed = 1};
    eigengru::detail::FitRun<float> run(step, data, options, progress);
    run.start_callbacks(progress, false);
    const History history = run.run();
    EXPECT_EQ(history.epochs.size(), 3U);
    EXPECT_EQ(step.optimizer().iterations(), 3 * 3);
    EXPECT_EQ(progress.epoch, 3);
    EXPECT_LT(history.epochs[2].loss, history.epochs[0].loss);
}

}  // namespace
}  // namespace eigengru_test
