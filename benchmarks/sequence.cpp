// SPDX-License-Identifier: MIT
// The layer against its peers, F = H, everything into memory that is there:
//     sequence   100 time steps, fewer where the cell is large
//     step       one time step of a stateful layer
// In a few cells the library compiled with -O3 -march=native is a peer of itself as users compile it: the aim is a tie.
#include "machine.hpp"
#include "measure.hpp"

namespace eigengru_bench {
namespace {

using Sizes = std::vector<std::int64_t>;

struct Grid {
    Workload workload;
    bool reset_after;
    Sizes batches, units;
};

/// Fewer steps for the large cells: about 2 GFLOP a call, and at least 4.
std::int64_t sequence_time(std::int64_t batch, std::int64_t units) {
    const double flops = 12.0 * static_cast<double>(batch * units * units);
    return std::clamp(static_cast<std::int64_t>(2e9 / flops), std::int64_t(4), std::int64_t(100));
}

template <class S>
void run_grid(const Grid& grid, const std::vector<Peer>& peers, Report& report) {
    for (const std::int64_t units : grid.units) {
        for (const std::int64_t batch : grid.batches) {
            Problem p;
            p.workload = grid.workload;
            p.is_double = sizeof(S) == sizeof(double);
            p.reset_after = grid.reset_after;
            p.batch = batch;
            p.time = grid.workload == Workload::step ? 1 : sequence_time(batch, units);
            p.features = p.units = units;
            p.isa = report.options.isa.c_str();
            measure<S>(p, make_eigengru_plain, peers, report);
        }
    }
}

std::vector<Peer> all_peers(const Options& options) {
    const EigenContenders eigen = eigen_for(options);
    std::vector<Peer> peers{{"Eigen naive", eigen.naive}, {"Eigen hoisted", eigen.hoisted}};
    add_onednn(peers);
    return peers;
}

int run(int argc, char** argv) {
    Report report(argc, argv);
    print_machine(report.options);
    const std::vector<Peer> peers = all_peers(report.options);
    const bool is_quick = report.options.is_quick;
    const Sizes batches = is_quick ? Sizes{1, 4, 32} : Sizes{1, 2, 4, 8, 16, 32, 64, 256};
    const Sizes units = is_quick ? Sizes{64, 256, 512} : Sizes{64, 128, 256, 512, 1024};
    const Sizes double_batches = is_quick ? Sizes{32} : Sizes{1, 16, 32, 64, 256};
    const Sizes double_units = is_quick ? Sizes{64} : Sizes{64, 128, 256, 512};
    for (const bool reset_after : {true, false}) {
        run_grid<float>({Workload::sequence, reset_after, batches, units}, peers, report);
        run_grid<float>({Workload::step, reset_after, {1, 4, 32}, {16, 64, 256}}, peers, report);
        run_grid<double>({Workload::sequence, reset_after, double_batches, double_units}, peers, report);
    }
    run_grid<float>({Workload::sequence, true, {1, 32}, {64, 256, 1024}},
                    {{"eigengru -march=native", make_eigengru_native}}, report);
    report.print_summary();
    return 0;
}

}  // namespace
}  // namespace eigengru_bench

int main(int argc, char** argv) {
    return eigengru_bench::run(argc, argv);
}
