// SPDX-License-Identifier: MIT
// The main example: a GRU trained in Keras (train.py) forecasts the yearly sunspot numbers of 1980-2008, which it has
// never seen. Shows that the numbers are Keras's, what the forecasts are worth, and that stepping year by year gives
// the same. With --train the training is done here, beside Keras's.

#include "pictures.hpp"

#include <eigengru/io/keras.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace sunspots;

const std::filesystem::path kHere = EIGENGRU_EXAMPLE_DIR;

bool show_forecasts(const Series& series) {
    const Table keras(kHere / "keras_forecast.csv");
    auto model = io::load_model<float>(kHere / "sunspots.keras");
    const std::vector<double> whole = forecast_all(model, series);
    const std::vector<double> one_step = series.held_out_part(whole);

    const std::vector<float> y = series.normalised<float>();
    YearByYear years(model), alone(model);
    std::vector<double> stepped;
    for (std::size_t t = 0; t < whole.size(); ++t) stepped.push_back(years.step(y[t]));

    // Recursive: from 1979 on its own forecasts are its inputs.
    float next = 0.0f;
    for (std::size_t t = 0; t < series.held_out(); ++t) next = alone.step(y[t]);
    std::vector<double> recursive{next};
    while (recursive.size() < one_step.size()) recursive.push_back(next = alone.step(next));

    const double difference = largest_difference(one_step, keras.column("ONE_STEP_FLOAT32"));
    const double stepping = largest_difference(stepped, whole);
    std::printf("largest difference to Keras's own predictions, in normalised units:\n");
    std::printf("  one step ahead %.2g   recursive %.2g\n", difference,
                largest_difference(recursive, keras.column("RECURSIVE_FLOAT32")));
    std::printf("largest difference between stepping year by year and the whole sequence: %.2g\n\n", stepping);
    const Forecast ours{series.denormalised(one_step), series.denormalised(recursive)};
    print_table(series, ours);
    draw_forecasts(series, ours, series.denormalised(keras.column("ONE_STEP_FLOAT32")));
    return difference < 1e-6 && stepping < 1e-6;
}

/// From Keras's initial weights: the same curve, step by step.
bool follow_keras(const Curve& ours, const Curve& keras) {
    std::printf("%zu steps from Keras's initial weights:   first loss   last loss   held-out RMSE\n", kSteps);
    for (const auto& [name, curve] : {std::pair("Keras", &keras), std::pair("Eigengru", &ours)})
        std::printf("  %-37s %11.6f %11.6f %15.4f\n", name, curve->loss.front(), curve->loss.back(),
                    curve->held_out_rmse.back());
    const double difference = largest_relative_difference(ours.loss, keras.loss);
    std::printf("largest relative difference in any step: loss %.2g, held-out RMSE %.2g\n\n", difference,
                largest_relative_difference(ours.held_out_rmse, keras.held_out_rmse));
    return difference < 1e-4;
}

/// From random weights: the same held-out error, as far as seeds allow.
bool reach_the_error(const std::vector<Curve>& trainings) {
    const double lowest = 11.54, highest = 12.56;  // of Keras's seeds 0 to 29: see README.md
    std::vector<double> errors;
    for (const Curve& curve : trainings) errors.push_back(curve.held_out_rmse.back());
    const double mean = std::accumulate(errors.begin(), errors.end(), 0.0) / static_cast<double>(errors.size());
    std::printf("held-out RMSE from own random weights, seeds 1 to %zu:", errors.size());
    for (const double error : errors) std::printf(" %.2f", error);
    const auto [least, most] = std::minmax_element(errors.begin(), errors.end());
    std::printf("\n  spread %.2f to %.2f, mean %.2f; Keras, seeds 0 to 29: %.2f to %.2f, mean 12.07\n", *least, *most,
                mean, lowest, highest);
    return lowest < mean && mean < highest;
}

}  // namespace

int main(int argc, char** argv) {
    const Series series(kHere / "sunspots.csv");
    if (argc < 2 || argv[1] != std::string_view("--train")) return show_forecasts(series) ? 0 : 1;

    const Table recorded(kHere / "keras_training.csv");
    const Curve keras{recorded.column("LOSS"), recorded.column("HELD_OUT_RMSE")};
    const Curve ours = train(io::load_model<float>(kHere / "keras_initial.keras"), series);
    const bool is_same = follow_keras(ours, keras);
    std::vector<Curve> trainings;
    for (std::uint64_t seed = 1; seed <= 5; ++seed) trainings.push_back(train(random_model(seed), series));
    const bool is_reached = reach_the_error(trainings);
    draw_training(ours, keras, trainings);
    return is_same && is_reached ? 0 : 1;
}
