// SPDX-License-Identifier: MIT
// What a comparison reports: a line on the screen and a row in ratios.csv for each peer, and a summary at the end.
#pragma once

#include "compare.hpp"

#include <eigengru/core/kernels.hpp>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

namespace eigengru_bench {

/// Ratios nearer to 1 than this are called ties.
inline constexpr double kTie = 0.05;

/// The arguments of a program:
///     --quick          a few sizes only
///     --filter REGEX   only cells whose name matches
///     --isa NAME       these kernels instead of the best ones; oneDNN and Eigen are held to the same instructions
///     --csv FOLDER     appends to ratios.csv and spreads.csv there
struct Options {
    bool is_quick = false;
    std::string filter = ".";
    std::string isa = "automatic";
    std::string folder;
};

/// Ends the program when there are no kernels of this name, or the processor does not run them.
inline eigengru::Kernels kernels_named(std::string_view name) {
    const auto& names = eigengru::detail::kKernelNames;
    const auto found = std::find(names.begin(), names.end(), name);
    const auto kernels = static_cast<eigengru::Kernels>(found - names.begin());
    if (found != names.end() && is_supported(kernels)) return kernels;
    std::cerr << "--isa: this processor has no kernels " << name << "\n";
    std::exit(1);
}

inline Options parse_options(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        const bool has_value = i + 1 < argc;
        if (name == "--quick") {
            options.is_quick = true;
        } else if (name == "--filter" && has_value) {
            options.filter = argv[++i];
        } else if (name == "--csv" && has_value) {
            options.folder = argv[++i];
        } else if (name == "--isa" && has_value) {
            options.isa = argv[++i];
            static_cast<void>(kernels_named(options.isa));
        } else {
            std::cerr << "usage: " << argv[0] << " [--quick] [--filter REGEX] [--isa NAME] [--csv FOLDER]\n";
            std::exit(1);
        }
    }
    return options;
}

[[nodiscard]] inline const char* name_of(Workload workload) {
    switch (workload) {
        case Workload::sequence: return "sequence";
        case Workload::step: return "step";
        case Workload::streaming: return "streaming";
        case Workload::training: return "training";
        case Workload::activation: return "activation";
    }
    return "";
}

/// "sequence", "sequence_reset_before" for the other variant, "activation_tanh".
[[nodiscard]] inline std::string workload_of(const Problem& p) {
    const std::string name = name_of(p.workload);
    if (p.workload == Workload::activation) return name + "_" + p.activation;
    return name + (p.reset_after != 0 ? "" : "_reset_before");
}

/// workload/scalar/B:1/T:100/F:64/H:64, for --filter; with several threads workload/scalar/threads:2/B:1/...
[[nodiscard]] inline std::string cell_name(const Problem& p) {
    const std::string threads = p.threads > 1 ? "/threads:" + std::to_string(p.threads) : "";
    return workload_of(p) + (p.is_double != 0 ? "/double" : "/float") + threads + "/B:" + std::to_string(p.batch) +
           "/T:" + std::to_string(p.time) + "/F:" + std::to_string(p.features) + "/H:" + std::to_string(p.units);
}

/// How a peer's cells went.
struct Tally {
    int wins = 0, ties = 0, losses = 0;
    double log_sum = 0, worst = 0;
    std::string worst_cell;

    void add(double ratio, const std::string& cell) {
        ++(ratio > 1 + kTie ? wins : ratio < 1 - kTie ? losses : ties);
        log_sum += std::log(ratio);
        if (!worst_cell.empty() && ratio >= worst) return;
        worst = ratio;
        worst_cell = cell;
    }
    [[nodiscard]] int cells() const { return wins + ties + losses; }
};

class Report {
public:
    Report(int argc, char** argv) : options(parse_options(argc, argv)), filter_(options.filter) {
        if (options.folder.empty()) return;
        open(ratios_, "ratios.csv",
             "workload,scalar,isa,threads,batch,time,features,units,ours_us,peer,peer_us,ratio,share_of_roof");
        open(spreads_, "spreads.csv", "cell,isa,contender,us_low,us_median,us_high,ratio_low,ratio_median,ratio_high");
    }

    [[nodiscard]] bool is_wanted(const Problem& p) const { return std::regex_search(cell_name(p), filter_); }

    /// Begins the line of a cell. share_of_roof is NaN where the roof was not measured.
    void begin(const Problem& p, const std::string& isa, const Times& ours, double share_of_roof) {
        problem_ = p;
        isa_ = isa;
        ours_ = ours;
        share_of_roof_ = share_of_roof;
        const Spread time = spread_of(ours);
        std::cout << std::left << std::setw(54) << cell_name(p) << std::right << std::fixed << std::setw(9)
                  << std::setprecision(3) << time.median / static_cast<double>(p.time) << " us/step"
                  << std::setprecision(2);
        if (!std::isnan(share_of_roof)) std::cout << std::setw(5) << std::lround(100 * share_of_roof) << " % of roof";
        spreads_ << cell_name(p) << "," << isa << ",eigengru," << time.low << "," << time.median << "," << time.high
                 << ",1,1,1\n";
    }

    /// A peer of the cell that was begun.
    void add(const std::string& peer, const Times& times) {
        const Spread time = spread_of(times), ratio = ratio_of(times, ours_);
        std::cout << "   " << peer << " " << ratio.median << " (" << ratio.low << "-" << ratio.high << ")"
                  << std::flush;
        tallies_[peer].add(ratio.median, cell_name(problem_));
        const Problem& p = problem_;
        ratios_ << workload_of(p) << "," << (p.is_double != 0 ? "double" : "float") << "," << isa_ << "," << p.threads
                << "," << p.batch << "," << p.time << "," << p.features << "," << p.units << ","
                << spread_of(ours_).median << "," << peer << "," << time.median << "," << ratio.median << ",";
        if (!std::isnan(share_of_roof_)) ratios_ << share_of_roof_;
        ratios_ << std::endl;
        spreads_ << cell_name(p) << "," << isa_ << "," << peer << "," << time.low << "," << time.median << ","
                 << time.high << "," << ratio.low << "," << ratio.median << "," << ratio.high << std::endl;
    }

    void print_summary() const {
        if (tallies_.empty()) std::cout << "\nNothing matches the filter.\n";
        for (const auto& [peer, tally] : tallies_)
            std::cout << "\n"
                      << peer << ": " << tally.cells() << " cells, geometric mean "
                      << std::exp(tally.log_sum / tally.cells()) << "; faster " << tally.wins << ", ties " << tally.ties
                      << ", slower " << tally.losses << "; worst " << tally.worst << ", " << tally.worst_cell;
        std::cout << "\n";
    }

    Options options;

private:
    void open(std::ofstream& file, const char* name, const char* header) const {
        const std::filesystem::path path = std::filesystem::path(options.folder) / name;
        const bool is_new = !std::filesystem::exists(path);
        file.open(path, std::ios::app);
        if (is_new) file << header << "\n";
    }

    std::regex filter_;
    std::ofstream ratios_, spreads_;
    std::map<std::string, Tally> tallies_;
    Problem problem_;
    std::string isa_;
    Times ours_;
    double share_of_roof_ = 0;
};

}  // namespace eigengru_bench
