// SPDX-License-Identifier: MIT
// LearningRate: a constant, or a schedule over the iterations of an optimiser, as keras.optimizers.schedules.
#pragma once

#include "eigengru/math/names.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numbers>
#include <optional>
#include <variant>

namespace eigengru::inline EIGENGRU_ABI {

namespace detail {

/// The default of a number that has none in Keras: not a number, which the checks refuse.
inline constexpr double kMustBeGiven = std::numeric_limits<double>::quiet_NaN();

}  // namespace detail

/// initial_learning_rate * decay_rate ^ (iteration / decay_steps), the exponent rounded down if staircase.
struct ExponentialDecay {
    double initial_learning_rate = detail::kMustBeGiven;  ///< at least 0
    std::int64_t decay_steps = 0;                         ///< must be given, at least 1
    double decay_rate = detail::kMustBeGiven;             ///< at least 0
    bool staircase = false;

    friend bool operator==(const ExponentialDecay&, const ExponentialDecay&) = default;
};

/// Half a cosine from initial_learning_rate down to alpha times it, over decay_steps; with s the iteration,
///
///     initial_learning_rate ((1 - alpha) (1 + cos(pi min(s, decay_steps) / decay_steps)) / 2 + alpha)
///
/// With a warmup_target the rate first goes in a straight line from initial_learning_rate to warmup_target, over
/// warmup_steps, and the cosine goes down from there. As in Keras, warmup_steps without a warmup_target do nothing.
struct CosineDecay {
    double initial_learning_rate = detail::kMustBeGiven;  ///< at least 0
    std::int64_t decay_steps = 0;                         ///< must be given, at least 1
    double alpha = 0.0;                                   ///< at least 0
    std::optional<double> warmup_target = {};             ///< at least 0
    std::int64_t warmup_steps = 0;                        ///< at least 0

    friend bool operator==(const CosineDecay&, const CosineDecay&) = default;
};

namespace detail {

inline void check_steps(std::string_view what, std::int64_t steps, std::int64_t least) {
    if (steps < least) EIGENGRU_THROW(OptionError, what, " expected at least ", least, ", received ", steps);
}

inline void check_schedule(double rate) {
    check_non_negative("LearningRate", rate);
}

inline void check_schedule(const ExponentialDecay& o) {
    check_non_negative("ExponentialDecay: initial_learning_rate", o.initial_learning_rate);
    check_steps("ExponentialDecay: decay_steps", o.decay_steps, 1);
    check_non_negative("ExponentialDecay: decay_rate", o.decay_rate);
}

inline void check_schedule(const CosineDecay& o) {
    check_non_negative("CosineDecay: initial_learning_rate", o.initial_learning_rate);
    check_steps("CosineDecay: decay_steps", o.decay_steps, 1);
    check_non_negative("CosineDecay: alpha", o.alpha);
    if (o.warmup_target) check_non_negative("CosineDecay: warmup_target", *o.warmup_target);
    check_steps("CosineDecay: warmup_steps", o.warmup_steps, 0);
}

[[nodiscard]] inline double rate_at(double rate, double) {
    return rate;
}

[[nodiscard]] inline double rate_at(const ExponentialDecay& o, double iteration) {
    const double power = iteration / static_cast<double>(o.decay_steps);
    return o.initial_learning_rate * std::pow(o.decay_rate, o.staircase ? std::floor(power) : power);
}

[[nodiscard]] inline double rate_at(const CosineDecay& o, double iteration) {
    const double warmup_steps = o.warmup_target ? static_cast<double>(o.warmup_steps) : 0.0;
    const double start = o.warmup_target.value_or(o.initial_learning_rate);
    if (iteration < warmup_steps)
        return (start - o.initial_learning_rate) * (iteration / warmup_steps) + o.initial_learning_rate;
    const double fraction = std::min((iteration - warmup_steps) / static_cast<double>(o.decay_steps), 1.0);
    const double cosine = 0.5 * (1.0 + std::cos(std::numbers::pi * fraction));
    return start * ((1.0 - o.alpha) * cosine + o.alpha);
}

}  // namespace detail

/// The learning rate of every iteration. A regular value:
///
///     LearningRate a = 1e-3;
///     LearningRate b = CosineDecay{.initial_learning_rate = 1e-3, .decay_steps = 10000};
///
/// Invariant: what the recipe says is in its range.
/// Differs from Keras: everything is computed in double, where Keras rounds to float32; a rate that is negative or not
/// finite is refused.
class LearningRate {
public:
    /// Throws: OptionError when the rate is negative, infinite or NaN.
    LearningRate(double rate) : LearningRate(std::in_place, rate) {}

    /// Throws: OptionError for what is out of range.
    LearningRate(const ExponentialDecay& schedule) : LearningRate(std::in_place, schedule) {}
    LearningRate(const CosineDecay& schedule) : LearningRate(std::in_place, schedule) {}

    /// The rate of an iteration, counted from 0. Throws: OptionError when it is negative.
    [[nodiscard]] double at(std::int64_t iteration) const {
        detail::check_steps("LearningRate::at: iteration", iteration, 0);
        const auto step = static_cast<double>(iteration);
        return std::visit([&](const auto& o) { return detail::rate_at(o, step); }, schedule_);
    }

    friend bool operator==(const LearningRate&, const LearningRate&) = default;

private:
    template <class Schedule>
    LearningRate(std::in_place_t, const Schedule& schedule) : schedule_(schedule) {
        detail::check_schedule(schedule);
    }

    std::variant<double, ExponentialDecay, CosineDecay> schedule_;
};

}  // namespace eigengru::inline EIGENGRU_ABI
