// SPDX-License-Identifier: MIT
// The data of the sunspots example: the yearly numbers, which years are held out, and the scale that the GRU works on.
#pragma once

#include <algorithm>
#include <cmath>
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

/// The yearly numbers. Training years are those up to 1979, the rest is held out; the scale comes from the training
/// years: y = 2 sqrt(x / scale) - 1.
class Series {
public:
    explicit Series(const std::filesystem::path& path) {
        const Table table(path);
        years_ = table.column("YEAR");
        numbers_ = table.column("SUNACTIVITY");
        while (held_out_ < years_.size() && years_[held_out_] <= 1979.0) ++held_out_;
        scale_ = *std::max_element(numbers_.begin(), numbers_.begin() + static_cast<std::ptrdiff_t>(held_out_));
    }

    [[nodiscard]] const std::vector<double>& years() const { return years_; }
    [[nodiscard]] const std::vector<double>& numbers() const { return numbers_; }

    /// The position of the first held-out year.
    [[nodiscard]] std::size_t held_out() const { return held_out_; }

    template <class Scalar>
    [[nodiscard]] std::vector<Scalar> normalised() const {
        std::vector<Scalar> y;
        for (const double x : numbers_) y.push_back(static_cast<Scalar>(2.0 * std::sqrt(x / scale_) - 1.0));
        return y;
    }

    [[nodiscard]] std::vector<double> denormalised(const std::vector<double>& y) const {
        std::vector<double> x;
        for (const double value : y) x.push_back(scale_ * std::pow(0.5 * (std::max(value, -1.0) + 1.0), 2.0));
        return x;
    }

    /// The forecasts of the held-out years, of those of all years but the first.
    [[nodiscard]] std::vector<double> held_out_part(const std::vector<double>& forecasts) const {
        return {forecasts.begin() + static_cast<std::ptrdiff_t>(held_out_) - 1, forecasts.end()};
    }

    /// Of a forecast of the held-out years, in sunspot numbers.
    [[nodiscard]] double rmse(const std::vector<double>& forecast) const {
        double sum = 0.0;
        for (std::size_t i = 0; i < forecast.size(); ++i) sum += std::pow(forecast[i] - numbers_[held_out_ + i], 2.0);
        return std::sqrt(sum / static_cast<double>(forecast.size()));
    }

private:
    std::vector<double> years_;
    std::vector<double> numbers_;
    std::size_t held_out_ = 0;
    double scale_ = 1.0;
};

}  // namespace sunspots
