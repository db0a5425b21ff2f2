// SPDX-License-Identifier: MIT
// sunspots --train: the training of train.py in C++, step by step.
#pragma once

#include "model.hpp"

#include <eigengru/training/trainer.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace sunspots {

inline constexpr std::size_t kSteps = 600;

/// What keras_training.csv holds of Keras's training.
struct Curve {
    std::vector<double> loss;           ///< before each step, penalties included
    std::vector<double> held_out_rmse;  ///< after each step, in sunspot numbers
};

[[nodiscard]] inline double held_out_rmse(Sequential<float>& model, const Series& series) {
    return series.rmse(series.denormalised(series.held_out_part(forecast_all(model, series))));
}

/// Full-batch training: the training years are one sequence, each step forecasts the next year.
[[nodiscard]] inline Curve train(Sequential<float> model, const Series& series) {
    const std::vector<float> y = series.normalised<float>();
    const Shape3 shape(1, series.held_out() - 1, 1);
    Trainer trainer(model, "mse", Adam{.learning_rate = 1e-3, .global_clipnorm = 1.0});
    Curve curve;
    for (std::size_t step = 0; step < kSteps; ++step) {
        curve.loss.push_back(trainer.train_step(SequenceView<const float>(y.data(), shape),
                                                SequenceView<const float>(y.data() + 1, shape)));
        curve.held_out_rmse.push_back(held_out_rmse(model, series));
    }
    return curve;
}

[[nodiscard]] inline double largest_relative_difference(const std::vector<double>& a, const std::vector<double>& b) {
    double largest = a.size() == b.size() ? 0.0 : HUGE_VAL;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
        largest = std::max(largest, std::abs(a[i] - b[i]) / std::abs(b[i]));
    return largest;
}

}  // namespace sunspots
