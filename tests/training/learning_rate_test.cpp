// SPDX-License-Identifier: MIT
#include "eigengru/training/learning_rate.hpp"

#include "support/numbers.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace {

using namespace eigengru;
using eigengru_test::kInfinity;
using eigengru_test::kNan;

constexpr std::array<std::int64_t, 7> kIterations{0, 3, 5, 19, 20, 27, 1000};

template <class F>
std::string message_of(F&& f) {
    try {
        f();
    } catch (const OptionError& error) {
        return error.what();
    }
    return "nothing was thrown";
}

/// Keras 3.15.1 rounds the recipe to float32 whatever its floatx. Three roundings are allowed and one for each power of
/// the decay rate (a power is ten steps):
///
///     schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.96)
///     [float(schedule(i)) for i in (0, 3, 5, 19, 20, 27, 1000)]
double tolerance(std::size_t i) {
    return 0.5 * std::numeric_limits<float>::epsilon() * (3 + static_cast<double>(kIterations[i]) / 10);
}

void expect_rates(const LearningRate& rate, const std::array<double, 7>& expected) {
    for (std::size_t i = 0; i < expected.size(); ++i)
        EXPECT_NEAR(rate.at(kIterations[i]), expected[i], tolerance(i) * expected[i]) << "iteration " << kIterations[i];
}

TEST(LearningRate, IsConstantWhenMadeFromANumber) {
    const LearningRate rate = 0.25;
    EXPECT_EQ(rate.at(0), 0.25);
    EXPECT_EQ(rate.at(1000000000000), 0.25);
    EXPECT_EQ(LearningRate(0).at(5), 0.0);
}

TEST(LearningRate, DecaysExponentiallyAsInKeras) {
    expect_rates(ExponentialDecay{.initial_learning_rate = 0.1, .decay_steps = 10, .decay_rate = 0.96},
                 {0.1, 0.09878280758857727, 0.0979795902967453, 0.09253697842359543, 0.09216000139713287,
                  0.0895637571811676, 0.0016870280960574746});
}

TEST(LearningRate, DecaysByStepsAsInKeras) {
    expect_rates(
        ExponentialDecay{.initial_learning_rate = 0.1, .decay_steps = 10, .decay_rate = 0.96, .staircase = true},
        {0.1, 0.1, 0.1, 0.09600000083446503, 0.09216000139713287, 0.09216000139713287, 0.0016870280960574746});
}

TEST(LearningRate, DecaysAlongACosineAsInKeras) {
    expect_rates(CosineDecay{.initial_learning_rate = 0.1, .decay_steps = 20, .alpha = 0.1},
                 {0.1, 0.09509529173374176, 0.08681981265544891, 0.010554024018347263, 0.01, 0.01, 0.01});
}

TEST(LearningRate, WarmsUpAsInKeras) {
    expect_rates(
        CosineDecay{
            .initial_learning_rate = 0.01, .decay_steps = 20, .alpha = 0.1, .warmup_target = 0.2, .warmup_steps = 5},
        {0.01, 0.12399999797344208, 0.2, 0.05709933117032051, 0.04636039212346077, 0.02, 0.02});
}

TEST(LearningRate, WarmupStepsWithoutATargetDoNothing) {
    const CosineDecay plain{.initial_learning_rate = 0.1, .decay_steps = 20};
    CosineDecay with_steps = plain;
    with_steps.warmup_steps = 7;
    EXPECT_EQ(LearningRate(with_steps).at(5), LearningRate(plain).at(5));
}

TEST(LearningRate, IsComputedInDouble) {
    const LearningRate rate = ExponentialDecay{.initial_learning_rate = 1, .decay_steps = 10, .decay_rate = 0.5};
    EXPECT_EQ(rate.at(1), std::pow(0.5, 0.1));
}

TEST(LearningRate, AddsStepsWithoutOverflow) {
    const auto most = std::numeric_limits<std::int64_t>::max();
    const LearningRate rate =
        CosineDecay{.initial_learning_rate = 0, .decay_steps = most, .warmup_target = 1, .warmup_steps = most};
    EXPECT_NEAR(rate.at(most / 2), 0.5, 1e-12);
}

TEST(LearningRate, ComparesRecipes) {
    EXPECT_EQ(LearningRate(0.1), LearningRate(0.1));
    EXPECT_NE(LearningRate(0.1), LearningRate(0.2));
    const ExponentialDecay schedule{.initial_learning_rate = 0.1, .decay_steps = 1, .decay_rate = 1};
    EXPECT_NE(LearningRate(0.1), LearningRate(schedule));
    EXPECT_EQ(LearningRate(schedule), LearningRate(schedule));
}

TEST(LearningRate, RefusesAConstantOutOfRange) {
    EXPECT_EQ(message_of([] { LearningRate(-0.1); }),
              "LearningRate expected a finite number of at least 0, received -0.1");
    EXPECT_THROW(LearningRate{kNan}, OptionError);
    EXPECT_THROW(LearningRate{kInfinity}, OptionError);
}

TEST(LearningRate, RefusesAnExponentialDecayOutOfRange) {
    const ExponentialDecay good{.initial_learning_rate = 0.1, .decay_steps = 10, .decay_rate = 0.96};
    const auto refused = [&](auto change) {
        ExponentialDecay o = good;
        change(o);
        return message_of([&] { LearningRate{o}; });
    };
    EXPECT_EQ(refused([](auto&) {}), "nothing was thrown");
    EXPECT_EQ(refused([](auto& o) { o.initial_learning_rate = kNan; }),
              "ExponentialDecay: initial_learning_rate expected a finite number of at least 0, received nan");
    EXPECT_EQ(refused([](auto& o) { o.decay_steps = 0; }),
              "ExponentialDecay: decay_steps expected at least 1, received 0");
    EXPECT_EQ(refused([](auto& o) { o.decay_rate = -1; }),
              "ExponentialDecay: decay_rate expected a finite number of at least 0, received -1");
    EXPECT_THROW(LearningRate{ExponentialDecay{}}, OptionError);
}

TEST(LearningRate, RefusesACosineDecayOutOfRange) {
    const CosineDecay good{.initial_learning_rate = 0.1, .decay_steps = 10};
    const auto refused = [&](auto change) {
        CosineDecay o = good;
        change(o);
        return message_of([&] { LearningRate{o}; });
    };
    EXPECT_EQ(refused([](auto&) {}), "nothing was thrown");
    EXPECT_EQ(refused([](auto& o) { o.initial_learning_rate = -1; }),
              "CosineDecay: initial_learning_rate expected a finite number of at least 0, received -1");
    EXPECT_EQ(refused([](auto& o) { o.decay_steps = -2; }),
              "CosineDecay: decay_steps expected at least 1, received -2");
    EXPECT_EQ(refused([](auto& o) { o.alpha = kInfinity; }),
              "CosineDecay: alpha expected a finite number of at least 0, received inf");
    EXPECT_EQ(refused([](auto& o) { o.warmup_target = -1; }),
              "CosineDecay: warmup_target expected a finite number of at least 0, received -1");
    EXPECT_EQ(refused([](auto& o) { o.warmup_steps = -1; }),
              "CosineDecay: warmup_steps expected at least 0, received -1");
}

TEST(LearningRate, RefusesANegativeIteration) {
    EXPECT_EQ(message_of([] { (void)LearningRate(1).at(-1); }),
              "LearningRate::at: iteration expected at least 0, received -1");
}

}  // namespace
