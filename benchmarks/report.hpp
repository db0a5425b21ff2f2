// SPDX-License-Identifier: MIT
// What a comparison of the layer with baselines reports: tables of ratios, all figures in a file, and a summary.
#pragma once

#include "compare.hpp"
#include "support/allocation_counter.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <regex>
#include <string>
#include <utility>
#include <vector>

namespace eigengru_bench {

/// A table of ratios.
class Table {
public:
    using Labels = std::vector<std::string>;

    Table(std::string title, std::string corner, Labels rows, Labels columns)
        : title_(std::move(title)), corner_(std::move(corner)), rows_(std::move(rows)), columns_(std::move(columns)) {}

    /// Prints measure(row, column), a ratio, for each cell where is_wanted(row, column); nothing when there is none.
    template <class IsWanted, class Measure>
    void run(const IsWanted& is_wanted, const Measure& measure) const {
        bool has_cells = false;
        for (std::size_t i = 0; i < rows_.size(); ++i)
            for (std::size_t j = 0; j < columns_.size(); ++j) has_cells = has_cells || is_wanted(i, j);
        if (!has_cells) return;
        const int row_width = std::max(width(rows_), static_cast<int>(corner_.size())) + 1;
        const int column_width = std::max(width(columns_) + 2, 8);
        std::cout << "\n" << title_ << "\n" << std::setw(row_width) << corner_;
        for (const std::string& column : columns_) std::cout << std::setw(column_width) << column;
        std::cout << std::endl;
        for (std::size_t i = 0; i < rows_.size(); ++i) {
            std::cout << std::setw(row_width) << rows_[i];
            for (std::size_t j = 0; j < columns_.size(); ++j) {
                std::cout << std::setw(column_width);
                if (is_wanted(i, j))
                    std::cout << std::fixed << std::setprecision(2) << measure(i, j) << std::flush;
                else
                    std::cout << "-" << std::flush;
            }
            std::cout << std::endl;
        }
    }

private:
    static int width(const Labels& labels) {
        std::size_t longest = 0;
        for (const std::string& label : labels) longest = std::max(longest, label.size());
        return static_cast<int>(longest);
    }

    std::string title_;
    std::string corner_;
    Labels rows_;
    Labels columns_;
};

/// What all cells together say.
class Summary {
public:
    void add(const std::string& name, double ratio, std::size_t allocations) {
        log_sum_ += std::log(ratio);
        ++cells_;
        allocations_ = std::max(allocations_, allocations);
        if (cells_ == 1 || ratio < worst_) {
            worst_ = ratio;
            worst_name_ = name;
        }
    }

    /// `counted`: what the heap allocations are those of; `aim`: what every cell shall reach.
    void print(const std::string& counted, double aim) const {
        if (cells_ == 0) {
            std::cout << "\nNothing matches the filter.\n";
            return;
        }
        const double mean = std::exp(log_sum_ / cells_);
        const auto verdict = [](bool is_reached) { return is_reached ? "reached" : "NOT reached"; };
        std::cout << "\n"
                  << cells_ << " cells. Geometric mean " << mean << " (aim: 1.00): " << verdict(mean >= 1.0)
                  << ". Worst cell " << worst_ << ", " << worst_name_ << " (aim: " << aim << "): " << verdict(worst_ >= aim)
                  << ".\n";
        if (eigengru_test::kAllocationCounterWorks)
            std::cout << "Heap allocations of " << counted << ", at most: " << allocations_ << " (aim: 0)\n";
    }

private:
    double log_sum_ = 0;
    int cells_ = 0;
    double worst_ = 0;
    std::string worst_name_;
    std::size_t allocations_ = 0;
};

/// One run of the program: what was asked for, and where the figures go.
struct Report {
    /// `file` lies beside the program and starts with `header`.
    Report(int argc, char** argv, const std::string& file, const std::string& header)
        : arguments(parse_arguments(argc, argv)),
          filter(arguments.filter),
          csv(std::filesystem::path(argv[0]).parent_path() / file) {
        csv << header << "\n";
    }

    [[nodiscard]] bool is_wanted(const std::string& name) const { return std::regex_search(name, filter); }

    Arguments arguments;
    std::regex filter;
    std::ofstream csv;
    Summary summary;
};

}  // namespace eigengru_bench
