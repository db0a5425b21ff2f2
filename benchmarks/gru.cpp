// SPDX-License-Identifier: MIT
// The layer against two GRU layers written with Eigen alone (baselines.hpp), all into the caller's memory:
//     step       one time step of a stateful layer
//     sequence   100 time steps, fewer where the cell is large
// The table shows time of the faster baseline / time of the layer: above 1 the layer is faster. All figures: gru.csv.
#include "baselines.hpp"
#include "report.hpp"

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

template <class S, bool ResetAfter>
Result measure(const Cell& cell, const Effort& effort) {
    const Index n = cell.units;
    const Weights<S> weights = make_weights<S>(n, n, ResetAfter);
    Gru<S, ResetAfter> layer(
        n, {.units = n, .recurrent_initializer = "zeros", .return_sequences = true, .stateful = cell.is_step});
    layer.set_weights({weights.kernel, weights.recurrent_kernel, weights.bias});
    layer.prepare(cell.batch, cell.time);
    NaiveGru<S, ResetAfter> naive(weights, cell.batch);
    HoistedGru<S, ResetAfter> hoisted(weights, cell.batch, cell.time);

    Sequence<S> inputs({cell.batch, cell.time, n});
    fill(inputs.data(), inputs.size(), S(1));
    Sequence<S> y({cell.batch, cell.time, n}), y_naive = y, y_hoisted = y;
    const std::vector<Contender> contenders{{"layer", [&] { layer.call(inputs, {}, {.sequences = y}); }},
                                            {"naive",
                                             [&] {
                                                 if (!cell.is_step) naive.reset();
                                                 naive.run(inputs, y_naive);
                                             }},
                                            {"hoisted", [&] {
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
        check("the naive baseline", y.matrix(), y_naive.matrix(), 2 * n);
        check("the hoisted baseline", y.matrix(), y_hoisted.matrix(), 2 * n);
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

std::vector<std::string> labels(const std::vector<Index>& sizes) {
    std::vector<std::string> labels;
    for (const Index size : sizes) labels.push_back(std::to_string(size));
    return labels;
}

template <class S>
void run_tables(const char* scalar, const std::vector<Index>& batches, const std::vector<Index>& units,
                Report& report) {
    const Effort effort = report.arguments.is_quick ? Effort{.repetitions = 9, .seconds = 0.005} : Effort();
    for (const bool is_step : {false, true}) {
        for (const bool reset_after : {true, false}) {
            const std::string title = std::string(is_step ? "step" : "sequence") + "/" + scalar + "/" +
                                      (reset_after ? "reset_after" : "reset_before");
            const auto name = [&](std::size_t i, std::size_t j) {
                return title + "/B:" + std::to_string(batches[i]) + "/H:" + std::to_string(units[j]);
            };
            const auto is_wanted = [&](std::size_t i, std::size_t j) { return report.is_wanted(name(i, j)); };
            const auto measure_cell = [&](std::size_t i, std::size_t j) {
                const Index batch = batches[i], n = units[j];
                const Cell cell{is_step, reset_after, batch, n, is_step ? 1 : sequence_time(batch, n)};
                const Result r = reset_after ? measure<S, true>(cell, effort) : measure<S, false>(cell, effort);
                report.csv << (is_step ? "step," : "sequence,") << scalar << "," << reset_after << "," << batch << ","
                           << n << "," << cell.time << "," << r.layer << "," << r.naive << "," << r.hoisted << ","
                           << r.ratio() << "," << r.allocations << std::endl;
                report.summary.add(name(i, j), r.ratio(), r.allocations);
                return r.ratio();
            };
            Table(title + ": faster baseline / layer", "B \\ H", labels(batches), labels(units))
                .run(is_wanted, measure_cell);
        }
    }
}

Index workspace_bytes(Index time) {
    Gru<float> layer(64, {.units = 64, .recurrent_initializer = "zeros"});
    layer.prepare(32, time);
    return layer.workspace_bytes();
}

int run(int argc, char** argv) {
    Report report(argc, argv, "gru.csv",
                  "workload,scalar,reset_after,B,H,T,layer_ns,naive_ns,hoisted_ns,ratio,allocations");
    print_machine();
    std::cout << "F = H throughout; B sequences at once; medians of interleaved repetitions.\n";
    if (report.arguments.is_quick) {
        run_tables<float>("float", {1, 8, 32, 128}, {16, 64, 256, 512}, report);
        run_tables<double>("double", {1, 32}, {32, 128}, report);
    } else {
        run_tables<float>("float", {1, 2, 4, 8, 16, 32, 64, 128, 256}, {8, 16, 32, 64, 128, 256, 512, 1024}, report);
        run_tables<double>("double", {1, 4, 32, 128}, {16, 64, 256}, report);
    }
    report.summary.print("a call of the layer after prepare", 0.85);
    std::cout << "workspace_bytes for B = 32, H = 64: " << workspace_bytes(100) << " for T = 100, "
              << workspace_bytes(10000) << " for T = 10000 (aim: equal)\n";
    return 0;
}

}  // namespace
}  // namespace eigengru_bench

int main(int argc, char** argv) {
    return eigengru_bench::run(argc, argv);
}
