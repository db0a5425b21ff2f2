// SPDX-License-Identifier: MIT
// The two pictures of the sunspots example.
#pragma once

#include "../picture.hpp"
#include "rivals.hpp"
#include "training.hpp"

#include <sstream>

namespace sunspots {

/// Truth, forecasts and Keras's forecast.
inline void draw_forecasts(const Series& series, const Forecast& ours, const std::vector<double>& keras) {
    std::ostringstream out;
    out << "set title 'Yearly sunspot numbers: held-out years, forecast by a GRU'\n"
        << "set key outside top center horizontal\nset xlabel 'year'\nset ylabel 'sunspot number'\n"
        << "set yrange [0:*]\nset grid\n$data << end\n";
    for (std::size_t t = series.held_out() - 30; t < series.years().size(); ++t) {
        out << series.years()[t] << ' ' << series.numbers()[t];
        const bool is_forecast = t >= series.held_out();
        const std::size_t i = is_forecast ? t - series.held_out() : 0;
        if (is_forecast) out << ' ' << ours.one_step[i] << ' ' << ours.recursive[i] << ' ' << keras[i];
        out << '\n';
    }
    out << "end\nplot $data using 1:2 with lines lw 3 lc rgb '#999999' title 'truth', "
        << "$data using 1:3 with lines lw 2 lc rgb '#0060ad' title 'Eigengru, one step ahead', "
        << "$data using 1:5 with points pt 6 ps 1.4 lc rgb '#dd181f' title 'Keras, one step ahead', "
        << "$data using 1:4 with lines lw 2 dt 2 lc rgb '#00a050' title 'Eigengru, recursive from 1979'\n";
    picture::draw("sunspots.png", out.str());
}

/// The losses: ours and Keras's from the same weights and, thin, ours from random ones.
inline void draw_training(const Curve& ours, const Curve& keras, const std::vector<Curve>& random) {
    std::ostringstream out;
    out << "set title 'Training on the years 1700-1979'\nset key top right\nset grid\nset logscale y\n"
        << "set yrange [0.02:0.3]\n"
        << "set ytics (0.02, 0.03, 0.05, 0.1, 0.2, 0.3)\nset xlabel 'step'\nset ylabel 'loss'\n$data << end\n";
    for (std::size_t step = 0; step < kSteps; ++step) {
        out << step + 1 << ' ' << ours.loss[step] << ' ' << keras.loss[step];
        for (const Curve& curve : random) out << ' ' << curve.loss[step];
        out << '\n';
    }
    out << "end\nplot ";
    for (std::size_t i = 0; i < random.size(); ++i)
        out << "$data using 1:" << i + 4 << " with lines lw 1 lc rgb '#bbbbbb' "
            << (i == 0 ? "title 'Eigengru, own random weights'" : "notitle") << ", ";
    out << "$data using 1:2 with lines lw 5 lc rgb '#80b8f0' title 'Eigengru', "
        << "$data using 1:3 with lines lw 2 dt 2 lc rgb '#dd181f' title 'Keras'\n";
    picture::draw("sunspots_training.png", out.str());
}

}  // namespace sunspots
