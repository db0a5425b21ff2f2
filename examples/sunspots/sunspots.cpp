// SPDX-License-Identifier: MIT
// The main example: a GRU trained in Keras (train.py) forecasts the yearly sunspot numbers of 1980-2008, which it has never
// seen. Shows that the numbers are Keras's, what the forecasts are worth, and that stepping year by year gives the same.

#include "forecast.hpp"

#include <eigengru/io/keras.hpp>

#include <cstdio>
#include <filesystem>

int main() {
    using namespace eigengru;
    const std::filesystem::path here = EIGENGRU_EXAMPLE_DIR;
    const sunspots::Series series(here / "sunspots.csv");
    const sunspots::Table keras(here / "keras_forecast.csv");
    auto model = io::load_model<float>(here / "sunspots.keras");

    // One step ahead: the whole series at once; the output of a year is the forecast of the next one.
    const std::vector<float> y = series.normalised<float>();
    const std::size_t known = y.size() - 1;
    const Sequence<float> outputs = model.predict(SequenceView<const float>(y.data(), {1, known, 1}));
    const std::vector<double> one_step(outputs.data() + series.held_out() - 1, outputs.data() + known);

    // The same model year by year, the state carried along by hand.
    auto gru = std::get<Gru<float>>(model.layers()[0]);
    auto head = std::get<Dense<float>>(model.layers()[1]);
    const auto step = [&](float input, RowMatrix<float>& state) {
        const Output<float> out = gru(SequenceView<const float>(&input, {1, 1, 1}), {.initial_state = state});
        state = out.state;
        return head(out.last)(0, 0);
    };
    RowMatrix<float> state = RowMatrix<float>::Zero(1, gru.units());
    double stepping = 0.0;
    for (std::size_t t = 0; t < known; ++t)
        stepping = std::max(stepping, std::abs(double(step(y[t], state)) - double(outputs.data()[t])));

    // Recursive: from 1979 on its own forecasts are its inputs.
    state.setZero();
    float next = 0.0f;
    for (std::size_t t = 0; t < series.held_out(); ++t) next = step(y[t], state);
    std::vector<double> recursive{next};
    while (recursive.size() < one_step.size()) recursive.push_back(next = step(next, state));

    std::printf("largest difference to Keras's own predictions, in normalised units:\n");
    const double difference = sunspots::largest_difference(one_step, keras.column("ONE_STEP_FLOAT32"));
    std::printf("  one step ahead %.2g   recursive %.2g\n", difference,
                sunspots::largest_difference(recursive, keras.column("RECURSIVE_FLOAT32")));
    std::printf("largest difference between stepping year by year and the whole sequence: %.2g\n\n", stepping);

    const sunspots::Forecast ours{series.denormalised(one_step), series.denormalised(recursive)};
    const sunspots::Forecast persistence = series.persistence();
    const sunspots::Forecast linear = series.autoregression(9);
    std::printf("RMSE over the held-out years 1980-2008, in sunspot numbers:\n");
    std::printf("  %-26s one step ahead   recursive\n", "");
    const auto print = [&](const char* name, const sunspots::Forecast& f) {
        std::printf("  %-26s %14.2f %11.2f\n", name, series.rmse(f.one_step), series.rmse(f.recursive));
    };
    print("persistence", persistence);
    print("linear AR(9)", linear);
    print("GRU", ours);
    const double best_rival = std::min(series.rmse(persistence.one_step), series.rmse(linear.one_step));
    std::printf(series.rmse(ours.one_step) < best_rival ? "One step ahead the GRU beats both.\n"
                                                        : "One step ahead the GRU does NOT beat both.\n");
    if (series.rmse(ours.recursive) >= series.rmse(linear.recursive))
        std::printf("Recursively, 29 years without an observation, it does not beat the linear fit.\n");

    const bool is_drawn = series.draw("sunspots.png", ours, series.denormalised(keras.column("ONE_STEP_FLOAT32")));
    std::printf(is_drawn ? "\nThe picture: %s\n" : "\nNo picture (gnuplot is missing): %s\n",
                std::filesystem::absolute("sunspots.png").c_str());
    return difference < 1e-6 && stepping < 1e-6 ? 0 : 1;
}
