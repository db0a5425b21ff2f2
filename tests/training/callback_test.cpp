// SPDX-License-Identifier: MIT
#include "eigengru/training/callback.hpp"

#include "support/message_of.hpp"
#include "support/modes.hpp"
#include "training/trainer_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;
using namespace eigengru_test;

/// Writes down what it hears.
class Listener : public Callback {
public:
    explicit Listener(std::vector<std::string>& heard) : heard_(&heard) {}
    void reset() override { heard_->push_back("reset"); }
    void on_train_begin(TrainingRun& run) override { hear("train begin", run); }
    void on_epoch_begin(TrainingRun& run) override { hear("epoch begin", run); }
    void on_batch_end(TrainingRun& run) override { hear("batch end", run); }
    void on_epoch_end(TrainingRun& run) override { hear("epoch end", run); }
    void on_train_end(TrainingRun& run) override { hear("train end", run); }

private:
    void hear(const std::string& event, TrainingRun& run) {
        const TrainingStatus& s = run.status();
        heard_->push_back(event + " " + std::to_string(s.epoch) + "/" + std::to_string(s.epochs) + " " +
                          std::to_string(s.batch) + "/" + std::to_string(s.batches) + (s.val_loss ? " validated" : ""));
    }

    std::vector<std::string>* heard_;
};

TEST(Callback, HearsOfEverythingInItsOrder) {
    const SmallData<float> data(4, 3);
    Sequential<float> model = small_model<float>();
    Trainer trainer(model, "mse", SGD{});
    std::vector<std::string> heard;
    trainer.fit(data.x, data.y,
                {.validation = {data.x, data.y}, .epochs = 2, .batch_size = 2, .callbacks = {Listener(heard)}});
    EXPECT_EQ(heard, (std::vector<std::string>{"reset", "train begin 0/2 0/2", "epoch begin 0/2 0/2",
                                               "batch end 0/2 1/2", "batch end 0/2 2/2", "epoch end 0/2 2/2 validated",
                                               "epoch begin 1/2 0/2", "batch end 1/2 1/2", "batch end 1/2 2/2",
                                               "epoch end 1/2 2/2 validated", "train end 1/2 2/2"}));
}

template <class S>
class CallbackOf : public testing::Test {};
TYPED_TEST_SUITE(CallbackOf, eigengru_test::Scalars, );

/// Does with a run all that can be done.
class Meddler : public Callback {
public:
    void on_epoch_begin(TrainingRun& run) override {
        weights = run.weights();
        run.set_weights(std::vector<double>(weights.size(), 0.25));
        run.set_learning_rate(0.0);
        run.reset_state();
        run.stop();
        EXPECT_EQ(message_of_short_weights(run),
                  "TrainingRun::set_weights: expected " + std::to_string(weights.size()) + " weights, received 1");
    }
    std::vector<double> weights;

private:
    static std::string message_of_short_weights(TrainingRun& run) {
        return message_of<ShapeError>([&] { run.set_weights(std::vector<double>(1)); });
    }
};

TYPED_TEST(CallbackOf, MayChangeTheTraining) {
    using S = TypeParam;
    const SmallData<S> data(2, 3);
    Sequential<S> model = small_model<S>({.stateful = true});
    const std::vector<S> before = weights_of(model);
    Trainer trainer(model, "mse", SGD{});
    Meddler meddler;
    EXPECT_EQ(trainer.fit(data.x, data.y, {.epochs = 9, .callbacks = {&meddler}}).epochs.size(), 1U);
    EXPECT_EQ(meddler.weights, std::vector<double>(before.begin(), before.end()));
    for (const S weight : weights_of(model)) EXPECT_EQ(weight, S(0.25));
    EXPECT_EQ(trainer.optimizer().learning_rate(), 0.0);
}

TEST(AnyCallback, KeepsAValueAndRefersToAnObject) {
    struct Counter : Callback {
        void reset() override { ++resets; }
        int resets = 0;
    };
    Counter counter;
    const AnyCallback value(counter), reference(&counter);
    value->reset();
    EXPECT_EQ(counter.resets, 0);
    reference->reset();
    EXPECT_EQ(counter.resets, 1);
    EXPECT_EQ(message_of<OptionError>([] { AnyCallback(static_cast<Callback*>(nullptr)); }),
              "AnyCallback: expected a callback, received a null pointer");
}

TEST(Callback, ThatOverridesNothingDoesNothing) {
    struct Nothing : Callback {};
    Nothing nothing;
    FakeRun run;
    nothing.reset();
    nothing.on_train_begin(run);
    nothing.on_epoch_begin(run);
    nothing.on_batch_end(run);
    nothing.on_epoch_end(run);
    nothing.on_train_end(run);
    nothing.restore({});
    EXPECT_TRUE(nothing.name().empty());
    EXPECT_TRUE(nothing.state().empty());
}

}  // namespace
