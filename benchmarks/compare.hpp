// SPDX-License-Identifier: MIT
// Compares contenders honestly: Google Benchmark runs the repetitions of all of them in random order, and each counts
// with its median.
#pragma once

#include <benchmark/benchmark.h>

#include <Eigen/Core>

#include <algorithm>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <regex>
#include <string>
#include <vector>

namespace eigengru_bench {

struct Contender {
    std::string name;
    std::function<void()> run;
};

/// How long a comparison may take: each contender is timed `repetitions` times for `seconds`, or for one run if that
/// takes longer.
struct Effort {
    int repetitions = 15;
    double seconds = 0.01;
};

/// The arguments of a benchmark: --quick is ours, the others are Google Benchmark's.
struct Arguments {
    bool is_quick = false;
    std::string filter = ".";
};

inline Arguments parse_arguments(int argc, char** argv) {
    static std::string interleave = "--benchmark_enable_random_interleaving=true";
    Arguments arguments;
    std::vector<char*> rest{argv[0], interleave.data()};
    for (int i = 1; i < argc; ++i) {
        if (std::string(argv[i]) == "--quick")
            arguments.is_quick = true;
        else
            rest.push_back(argv[i]);
    }
    int count = static_cast<int>(rest.size());
    benchmark::Initialize(&count, rest.data());
    if (benchmark::ReportUnrecognizedArguments(count, rest.data())) std::exit(1);
    if (const std::string filter = benchmark::GetBenchmarkFilter(); !filter.empty()) arguments.filter = filter;
    return arguments;
}

namespace detail {

/// Keeps the times and prints nothing.
class Collector : public benchmark::BenchmarkReporter {
public:
    bool ReportContext(const Context&) override { return true; }
    void ReportRuns(const std::vector<Run>& runs) override {
        for (const Run& run : runs)
            if (run.run_type == Run::RT_Iteration)
                times[run.run_name.function_name].push_back(run.GetAdjustedCPUTime());
    }

    std::map<std::string, std::vector<double>> times;
};

}  // namespace detail

[[nodiscard]] inline double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

/// The median time of each contender, in nanoseconds.
[[nodiscard]] inline std::vector<double> median_times(const std::vector<Contender>& contenders, Effort effort) {
    for (const Contender& contender : contenders)
        benchmark::RegisterBenchmark(contender.name.c_str(),
                                     [run = contender.run](benchmark::State& state) {
                                         for (auto _ : state) {
                                             run();
                                             benchmark::ClobberMemory();
                                         }
                                     })
            ->Repetitions(effort.repetitions)
            ->MinTime(effort.seconds);
    detail::Collector collector;
    benchmark::RunSpecifiedBenchmarks(&collector, ".");
    benchmark::ClearRegisteredBenchmarks();
    std::vector<double> medians;
    for (const Contender& contender : contenders) medians.push_back(median(collector.times.at(contender.name)));
    return medians;
}

/// What the figures depend on.
inline void print_machine() {
    std::string cpu = "unknown CPU", line;
    for (std::ifstream info("/proc/cpuinfo"); std::getline(info, line);)
        if (line.starts_with("model name")) cpu = line.substr(line.find(':') + 2);
#if defined(__clang__)
    constexpr const char* compiler = __VERSION__;
#else
    constexpr const char* compiler = "g++ " __VERSION__;
#endif
    std::cout << cpu << "; " << compiler << " " << EIGENGRU_BENCH_FLAGS << "; Eigen " << EIGEN_WORLD_VERSION << "."
              << EIGEN_MAJOR_VERSION << "." << EIGEN_MINOR_VERSION << " with " << Eigen::SimdInstructionSetsInUse()
              << "; one thread\n";
}

}  // namespace eigengru_bench
