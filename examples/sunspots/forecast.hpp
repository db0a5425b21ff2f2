// SPDX-License-Identifier: MIT
// What the sunspots example needs besides a GRU: the data, the scale, the two simple rivals, and the picture.
#pragma once

#include <Eigen/QR>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace sunspots {

/// A CSV file with one line of names and columns of numbers.
class Table {
public:
    explicit Table(const std::filesystem::path& path) {
        std::ifstream file(path);
        std::string line, cell;
        if (!std::getline(file, line)) throw std::runtime_error(path.string() + " cannot be read");
        std::vector<std::string> names;
        for (std::istringstream cells(line); std::getline(cells, cell, ',');) names.push_back(cell);
        while (std::getline(file, line)) {
            std::size_t at = 0;
            for (std::istringstream cells(line); std::getline(cells, cell, ',');)
                columns_[names.at(at++)].push_back(std::stod(cell));
        }
    }

    [[nodiscard]] const std::vector<double>& column(const std::string& name) const { return columns_.at(name); }

private:
    std::map<std::string, std::vector<double>> columns_;
};

[[nodiscard]] inline double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
    if (a.size() != b.size()) throw std::runtime_error("the forecasts have different lengths");
    double largest = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
    return largest;
}

/// Forecasts of the held-out years, in sunspot numbers.
struct Forecast {
    std::vector<double> one_step;
    std::vector<double> recursive;
};

/// The yearly numbers. Training years are those up to 1979, the rest is held out; the scale comes from the training years:
/// y = 2 sqrt(x / scale) - 1.
class Series {
public:
    explicit Series(const std::filesystem::path& path) {
        const Table table(path);
        years_ = table.column("YEAR");
        x_ = table.column("SUNACTIVITY");
        while (held_out_ < years_.size() && years_[held_out_] <= 1979.0) ++held_out_;
        scale_ = *std::max_element(x_.begin(), x_.begin() + static_cast<std::ptrdiff_t>(held_out_));
    }

    /// The position of the first held-out year.
    [[nodiscard]] std::size_t held_out() const { return held_out_; }

    template <class Scalar>
    [[nodiscard]] std::vector<Scalar> normalised() const {
        std::vector<Scalar> y;
        for (const double x : x_) y.push_back(static_cast<Scalar>(2.0 * std::sqrt(x / scale_) - 1.0));
        return y;
    }

    [[nodiscard]] std::vector<double> denormalised(const std::vector<double>& y) const {
        std::vector<double> x;
        for (const double value : y) x.push_back(scale_ * std::pow(0.5 * (std::max(value, -1.0) + 1.0), 2.0));
        return x;
    }

    /// Next year is like this year.
    [[nodiscard]] Forecast persistence() const {
        const std::size_t count = x_.size() - held_out_;
        return {{x_.end() - 1 - static_cast<std::ptrdiff_t>(count), x_.end() - 1},
                std::vector<double>(count, x_[held_out_ - 1])};
    }

    /// A constant and the last `order` years, by least squares on the training years.
    [[nodiscard]] Forecast autoregression(std::size_t order) const {
        const auto rows = static_cast<Eigen::Index>(held_out_ - order);
        Eigen::MatrixXd past(rows, static_cast<Eigen::Index>(order) + 1);
        Eigen::VectorXd present(rows);
        for (std::size_t t = order; t < held_out_; ++t) {
            const auto row = static_cast<Eigen::Index>(t - order);
            past.row(row) = regressors(x_, t, order).transpose();
            present[row] = x_[t];
        }
        const Eigen::VectorXd fit = past.colPivHouseholderQr().solve(present);
        Forecast forecast;
        std::vector<double> own(x_.begin(), x_.begin() + static_cast<std::ptrdiff_t>(held_out_));
        for (std::size_t t = held_out_; t < x_.size(); ++t) {
            forecast.one_step.push_back(fit.dot(regressors(x_, t, order)));
            own.push_back(fit.dot(regressors(own, t, order)));
            forecast.recursive.push_back(own.back());
        }
        return forecast;
    }

    [[nodiscard]] double rmse(const std::vector<double>& forecast) const {
        double sum = 0.0;
        for (std::size_t i = 0; i < forecast.size(); ++i) sum += std::pow(forecast[i] - x_[held_out_ + i], 2.0);
        return std::sqrt(sum / static_cast<double>(forecast.size()));
    }

    /// Truth, forecasts and Keras's forecast as a PNG by gnuplot. False when gnuplot is missing.
    [[nodiscard]] bool draw(const std::string& png, const Forecast& ours, const std::vector<double>& keras) const {
        const std::string script = png + ".gp";
        std::ofstream out(script);
        out << "set terminal png size 1100,600 font ',12'\nset output '" << png << "'\n"
            << "set title 'Yearly sunspot numbers: held-out years, forecast by a GRU'\nset key outside top center horizontal\n"
            << "set xlabel 'year'\nset ylabel 'sunspot number'\nset yrange [0:*]\nset grid\n$data << end\n";
        for (std::size_t t = held_out_ - 30; t < x_.size(); ++t) {
            out << years_[t] << ' ' << x_[t];
            const bool is_forecast = t >= held_out_;
            const std::size_t i = is_forecast ? t - held_out_ : 0;
            if (is_forecast) out << ' ' << ours.one_step[i] << ' ' << ours.recursive[i] << ' ' << keras[i];
            out << '\n';
        }
        out << "end\nplot $data using 1:2 with lines lw 3 lc rgb '#999999' title 'truth', "
            << "$data using 1:3 with lines lw 2 lc rgb '#0060ad' title 'Eigengru, one step ahead', "
            << "$data using 1:5 with points pt 6 ps 1.4 lc rgb '#dd181f' title 'Keras, one step ahead', "
            << "$data using 1:4 with lines lw 2 dt 2 lc rgb '#00a050' title 'Eigengru, recursive from 1979'\n";
        out.close();
        return std::system(("gnuplot '" + script + "'").c_str()) == 0;
    }

private:
    [[nodiscard]] static Eigen::VectorXd regressors(const std::vector<double>& x, std::size_t t, std::size_t order) {
        Eigen::VectorXd row(static_cast<Eigen::Index>(order) + 1);
        row[0] = 1.0;
        for (std::size_t lag = 1; lag <= order; ++lag) row[static_cast<Eigen::Index>(lag)] = x[t - lag];
        return row;
    }

    std::vector<double> years_;
    std::vector<double> x_;
    std::size_t held_out_ = 0;
    double scale_ = 1.0;
};

}  // namespace sunspots
