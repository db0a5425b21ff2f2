// SPDX-License-Identifier: MIT
// A training step of the layer, forward and backward with all gradients, against the same by hand with Eigen and by
// oneDNN. Gradients arrive at the outputs of all 100 steps and at the final state; the weights are new in each step.
#include "machine.hpp"
#include "measure.hpp"

namespace eigengru_bench {
namespace {

struct Size {
    std::int64_t batch, features, units;
};

template <class S>
void run_sizes(const std::vector<Size>& sizes, const std::vector<Peer>& peers, Report& report) {
    for (const bool reset_after : {true, false}) {
        for (const Size& size : sizes) {
            Problem p;
            p.workload = Workload::training;
            p.is_double = sizeof(S) == sizeof(double);
            p.reset_after = reset_after;
            p.batch = size.batch;
            p.time = 100;
            p.features = size.features;
            p.units = size.units;
            p.isa = report.options.isa.c_str();
            measure<S>(p, make_eigengru_plain, peers, report);
        }
    }
}

int run(int argc, char** argv) {
    Report report(argc, argv);
    print_machine(report.options);
    std::vector<Peer> peers{{"Eigen hoisted", eigen_for(report.options).hoisted}};
    add_onednn(peers);
    if (report.options.is_quick) {
        run_sizes<float>({{32, 64, 64}, {32, 256, 256}}, peers, report);
        run_sizes<double>({{32, 64, 64}}, peers, report);
    } else {
        run_sizes<float>({{32, 64, 64}, {32, 128, 128}, {32, 256, 256}, {64, 256, 256}, {32, 512, 512}}, peers, report);
        run_sizes<double>({{32, 64, 64}, {32, 128, 128}, {32, 256, 256}}, peers, report);
    }
    report.print_summary();
    return 0;
}

}  // namespace
}  // namespace eigengru_bench

int main(int argc, char** argv) {
    return eigengru_bench::run(argc, argv);
}
