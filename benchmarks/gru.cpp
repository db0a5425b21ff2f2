// SPDX-License-Identifier: MIT
// The layer against two GRU layers written with Eigen alone (baselines.hpp), all into the caller's memory:
//     step       one time step of a stateful layer
//     sequence   100 time steps, fewer where the cell is large
// The table shows time of the faster baseline / time of the layer: above 1 the layer is faster. All figures: gru.csv.
#include "baselines.hpp"
#include "compare.hpp"
#include "support/allocation_counter.hpp"

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iomanip>
#include <optional>

namespace eigengru_bench {
namespace {

using eigengru::Gru;
using eigengru::GruOptions;
using eigengru::Sequence;

struct Cell {
    bool is_step;
    bool reset_after;
    Index batch;
    Index units;
    Index time;
};

struct Result {
    double layer = 0, naive = 0, hoisted = 0;  // nanoseconds a call
    std::size_t allocations = 0;

    [[nodiscard]] double ratio() const { return std::min(naive, hoisted) / layer; }
};

template <class S>
void fill(S* data, Index size, S scale) {
    std::uint32_t bits = 1;
    for (Index i = 0; i < size; ++i) {
        bits = bits * 1664525u + 1013904223u;
        data[i] = scale * (static_cast<S>(bits >> 8) / S(1 << 23) - S(1));
    }
}

template <class S>
Weights<S> make_weights(Index features, Index units, bool reset_after) {
    Weights<S> w{RowMatrix<S>(features, 3 * units), RowMatrix<S>(units, 3 * units),
                 RowMatrix<S>(reset_after ? 2 : 1, 3 * units)};
    fill(w.kernel.data(), w.kernel.size(), std::sqrt(S(3) / S(features)));
    fill(w.recurrent_kernel.data(), w.recurrent_kernel.size(), std::sqrt(S(3) / S(units)));
    fill(w.bias.data(), w.bias.size(), S(0.5));
    return w;
}

/// Ends the program when a baseline computes other numbers than the layer.
template <class S>
void check(const char* who, const Sequence<S>& expected, const Sequence<S>& received, Index depth) {
    const S error = (expected.matrix() - received.matrix()).cwiseAbs().maxCoeff();
    const S tolerance = 16 * std::numeric_limits<S>::epsilon() * std::sqrt(static_cast<S>(depth));
    if (error <= tolerance) return;
    std::cerr << who << " differs from the layer by " << error << ", more than " << tolerance << "\n";
    std::exit(1);
}

template <class S, bool ResetAfter>
Result measure(const Cell& cell, const Effort& effort) {
    const Index n = cell.units;
    const Weights<S> weights = make_weights<S>(n, n, ResetAfter);
    Gru<S, ResetAfter> layer(n, {.units = n,
                                 .recurrent_initializer = "zeros",
                                 .return_sequences = true,
                                 .stateful = cell.is_step});
    layer.set_weights({weights.kernel, weights.recurrent_kernel, weights.bias});
    layer.prepare(cell.batch, cell.time);
    NaiveGru<S, ResetAfter> naive(weights, cell.batch);
    HoistedGru<S, ResetAfter> hoisted(weights, cell.batch, cell.time);

    Sequence<S> inputs({cell.batch, cell.time, n});
    fill(inputs.data(), inputs.size(), S(1));
    Sequence<S> y({cell.batch, cell.time, n}), y_naive = y, y_hoisted = y;
    const std::vector<Contender> contenders{
        {"layer", [&] { layer.call(inputs, {}, {.sequences = y}); }},
        {"naive",
         [&] {
             if (!cell.is_step) naive.reset();
             naive.run(inputs, y_naive);
         }},
        {"hoisted",
         [&] {
             if (!cell.is_step) hoisted.reset();
             hoisted.run(inputs, y_hoisted);
         }}};

    Result result;
    for (int i = 0; i < (cell.is_step ? 3 : 1); ++i) {
        const eigengru_test::AllocationCount counter;
        contenders[0].run();
        result.allocations = std::max(result.allocations, counter.count());
        contenders[1].run();
        contenders[2].run();
        check("the naive baseline", y, y_naive, 2 * n);
        check("the hoisted baseline", y, y_hoisted, 2 * n);
    }
    const std::vector<double> times = median_times(contenders, effort);
    result.layer = times[0];
    result.naive = times[1];
    result.hoisted = times[2];
    return result;
}

/// Fewer steps for the large cells: about 2 GFLOP a call, and at least 4.
Index sequence_time(Index batch, Index units) {
    const double flops = 12.0 * static_cast<double>(batch * units * units);
    return std::clamp(static_cast<Index>(2e9 / flops), Index(4), Index(100));
}

/// One table: the ratios of a workload over batches and units, and their summary.
class Table {
public:
    Table(std::string title, std::vector<Index> batches, std::vector<Index> units)
        : title_(std::move(title)), batches_(std::move(batches)), units_(std::move(units)) {}

    template <class Measure>
    void run(const Measure& measure_cell) {
        std::cout << "\n" << title_ << ": faster baseline / layer\n" << std::setw(6) << "B \\ H";
        for (const Index n : units_) std::cout << std::setw(8) << n;
        std::cout << std::endl;
        for (const Index batch : batches_) {
            std::cout << std::setw(6) << batch;
            for (const Index n : units_) {
                const std::optional<Result> result = measure_cell(batch, n);
                if (result)
                    std::cout << std::setw(8) << std::fixed << std::setprecision(2) << result->ratio() << std::flush;
                else
                    std::cout << std::setw(8) << "-" << std::flush;
            }
            std::cout << std::endl;
        }
    }

private:
    std::string title_;
    std::vector<Index> batches_;
    std::vector<Index> units_;
};

/// What all cells together say.
struct Summary {
    double log_sum = 0;
    int cells = 0;
    double worst = 1e9;
    std::string worst_name;
    std::size_t allocations = 0;

    void add(const std::string& name, const Result& result) {
        log_sum += std::log(result.ratio());
        ++cells;
        allocations = std::max(allocations, result.allocations);
        if (result.ratio() < worst) {
            worst = result.ratio();
            worst_name = name;
        }
    }

    void print() const {
        const double mean = std::exp(log_sum / cells);
        const auto verdict = [](bool is_reached) { return is_reached ? "reached" : "NOT reached"; };
        std::cout << "\n" << cells << " cells. Geometric mean " << mean << " (aim: 1.00): " << verdict(mean >= 1.0)
                  << ". Worst cell " << worst << ", " << worst_name << " (aim: 0.85): "
                  << verdict(worst >= 0.85) << ".\n";
        if (eigengru_test::kAllocationCounterWorks)
            std::cout << "Heap allocations of a call of the layer after prepare, at most: " << allocations
                      << " (aim: 0)\n";
    }
};

template <class S>
void run_tables(const char* scalar, const std::vector<Index>& batches, const std::vector<Index>& units,
                const Arguments& arguments, std::ofstream& csv, Summary& summary) {
    const std::regex filter(arguments.filter);
    const Effort effort = arguments.is_quick ? Effort{.repetitions = 9, .seconds = 0.005} : Effort();
    for (const bool is_step : {false, true}) {
        for (const bool reset_after : {true, false}) {
            const std::string title = std::string(is_step ? "step" : "sequence") + "/" + scalar + "/" +
                                      (reset_after ? "reset_after" : "reset_before");
            Table(title, batches, units).run([&](Index batch, Index n) -> std::optional<Result> {
                const std::string name = title + "/B:" + std::to_string(batch) + "/H:" + std::to_string(n);
                if (!std::regex_search(name, filter)) return std::nullopt;
                const Cell cell{is_step, reset_after, batch, n, is_step ? 1 : sequence_time(batch, n)};
                const Result r = reset_after ? measure<S, true>(cell, effort) : measure<S, false>(cell, effort);
                csv << (is_step ? "step," : "sequence,") << scalar << "," << reset_after << "," << batch << "," << n
                    << "," << cell.time << "," << r.layer << "," << r.naive << "," << r.hoisted << "," << r.ratio()
                    << "," << r.allocations << std::endl;
                summary.add(name, r);
                return r;
            });
        }
    }
}

Index workspace_bytes(Index time) {
    Gru<float> layer(64, {.units = 64, .recurrent_initializer = "zeros"});
    layer.prepare(32, time);
    return layer.workspace_bytes();
}

int run(int argc, char** argv) {
    const Arguments arguments = parse_arguments(argc, argv);
    print_machine();
    std::cout << "F = H throughout; B sequences at once; medians of interleaved repetitions.\n";
    const std::filesystem::path program = argv[0];
    std::ofstream csv(program.parent_path() / "gru.csv");
    csv << "workload,scalar,reset_after,B,H,T,layer_ns,naive_ns,hoisted_ns,ratio,allocations\n";
    Summary summary;
    if (arguments.is_quick) {
        run_tables<float>("float", {1, 8, 32, 128}, {16, 64, 256, 512}, arguments, csv, summary);
        run_tables<double>("double", {1, 32}, {32, 128}, arguments, csv, summary);
    } else {
        run_tables<float>("float", {1, 2, 4, 8, 16, 32, 64, 128, 256}, {8, 16, 32, 64, 128, 256, 512, 1024}, arguments,
                          csv, summary);
        run_tables<double>("double", {1, 4, 32, 128}, {16, 64, 256}, arguments, csv, summary);
    }
    summary.print();
    std::cout << "workspace_bytes for B = 32, H = 64: " << workspace_bytes(100) << " for T = 100, "
              << workspace_bytes(10000) << " for T = 10000 (aim: equal)\n";
    return 0;
}

}  // namespace
}  // namespace eigengru_bench

int main(int argc, char** argv) {
    return eigengru_bench::run(argc, argv);
}
