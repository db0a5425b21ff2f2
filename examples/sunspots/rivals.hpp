// SPDX-License-Identifier: MIT
// What the sunspots example holds its forecasts against: two simple rivals, and the table of all three.
#pragma once

#include "series.hpp"

#include <Eigen/QR>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

namespace sunspots {

/// Forecasts of the held-out years, in sunspot numbers.
struct Forecast {
    std::vector<double> one_step;
    std::vector<double> recursive;
};

/// Next year is like this year.
[[nodiscard]] inline Forecast persistence(const Series& series) {
    const std::vector<double>& x = series.numbers();
    const auto first = static_cast<std::ptrdiff_t>(series.held_out());
    return {{x.begin() + first - 1, x.end() - 1},
            std::vector<double>(x.size() - series.held_out(), x[series.held_out() - 1])};
}

/// 1 and the `order` years before t.
[[nodiscard]] inline Eigen::VectorXd regressors(const std::vector<double>& x, std::size_t t, std::size_t order) {
    Eigen::VectorXd row(static_cast<Eigen::Index>(order) + 1);
    row[0] = 1.0;
    for (std::size_t lag = 1; lag <= order; ++lag) row[static_cast<Eigen::Index>(lag)] = x[t - lag];
    return row;
}

/// A constant and the last `order` years, by least squares on the training years.
[[nodiscard]] inline Forecast autoregression(const Series& series, std::size_t order) {
    const std::vector<double>& x = series.numbers();
    const std::size_t held_out = series.held_out();
    const auto rows = static_cast<Eigen::Index>(held_out - order);
    Eigen::MatrixXd past(rows, static_cast<Eigen::Index>(order) + 1);
    Eigen::VectorXd present(rows);
    for (std::size_t t = order; t < held_out; ++t) {
        const auto row = static_cast<Eigen::Index>(t - order);
        past.row(row) = regressors(x, t, order).transpose();
        present[row] = x[t];
    }
    const Eigen::VectorXd fit = past.colPivHouseholderQr().solve(present);
    Forecast forecast;
    std::vector<double> own(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(held_out));
    for (std::size_t t = held_out; t < x.size(); ++t) {
        forecast.one_step.push_back(fit.dot(regressors(x, t, order)));
        own.push_back(fit.dot(regressors(own, t, order)));
        forecast.recursive.push_back(own.back());
    }
    return forecast;
}

[[nodiscard]] inline double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
    double largest = a.size() == b.size() ? 0.0 : HUGE_VAL;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
    return largest;
}

/// The GRU's forecasts beside theirs.
inline void print_table(const Series& series, const Forecast& ours) {
    const Forecast last_year = persistence(series);
    const Forecast linear = autoregression(series, 9);
    std::printf("RMSE over the held-out years 1980-2008, in sunspot numbers:\n");
    std::printf("  %-26s one step ahead   recursive\n", "");
    const auto print = [&](const char* name, const Forecast& f) {
        std::printf("  %-26s %14.2f %11.2f\n", name, series.rmse(f.one_step), series.rmse(f.recursive));
    };
    print("persistence", last_year);
    print("linear AR(9)", linear);
    print("GRU", ours);
    const double best_rival = std::min(series.rmse(last_year.one_step), series.rmse(linear.one_step));
    std::printf(series.rmse(ours.one_step) < best_rival ? "One step ahead the GRU beats both.\n"
                                                        : "One step ahead the GRU does NOT beat both.\n");
    if (series.rmse(ours.recursive) >= series.rmse(linear.recursive))
        std::printf("Recursively, 29 years without an observation, it does not beat the linear fit.\n");
}

}  // namespace sunspots
