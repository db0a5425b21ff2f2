// SPDX-License-Identifier: MIT
// Two threads against one and against oneDNN's two (OMP_NUM_THREADS=2), by the wall clock: calls over sequences, and
// training steps. The library's threads are those of its ThreadPool.
#include "machine.hpp"
#include "measure.hpp"

#include <thread>

namespace eigengru_bench {
namespace {

constexpr std::int32_t kThreads = 2;

ContenderPointer make_on_one_thread(const Problem& problem) {
    Problem one = problem;
    one.threads = 1;
    return make_eigengru_plain(one);
}

struct Size {
    std::int64_t batch, units;
};

void run_sizes(Workload workload, const std::vector<Size>& sizes, const std::vector<Peer>& peers, Report& report) {
    for (const bool reset_after : {true, false}) {
        for (const Size& size : sizes) {
            Problem p;
            p.workload = workload;
            p.reset_after = reset_after;
            p.threads = kThreads;
            p.batch = size.batch;
            p.time = size.batch * size.units > 8192 ? 20 : 100;
            p.features = p.units = size.units;
            p.isa = report.options.isa.c_str();
            measure<float>(p, make_eigengru_plain, peers, report);
        }
    }
}

int run(int argc, char** argv) {
    Report report(argc, argv);
    print_machine(report.options);
    if (std::thread::hardware_concurrency() < kThreads) {
        std::cout << "skipped: this machine has one core\n";
        return 0;
    }
    std::vector<Peer> peers{{"eigengru one thread", make_on_one_thread}};
    add_onednn(peers);
    if (report.options.is_quick) {
        run_sizes(Workload::sequence, {{1, 256}, {32, 128}}, peers, report);
        run_sizes(Workload::training, {{32, 128}}, peers, report);
    } else {
        run_sizes(Workload::sequence,
                  {{1, 128}, {1, 256}, {1, 512}, {4, 256}, {16, 64}, {16, 256}, {32, 128}, {64, 256}, {64, 512}}, peers,
                  report);
        run_sizes(Workload::training, {{32, 64}, {32, 128}, {32, 256}, {64, 256}, {32, 512}}, peers, report);
    }
    report.print_summary();
    return 0;
}

}  // namespace
}  // namespace eigengru_bench

int main(int argc, char** argv) {
    return eigengru_bench::run(argc, argv);
}
