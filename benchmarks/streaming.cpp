// SPDX-License-Identifier: MIT
// One stream, step by step: FixedGru against fixed sizes in Eigen, the way RTNeural does it, and against GruStream.
#include "machine.hpp"
#include "measure.hpp"

namespace eigengru_bench {
namespace {

struct Size {
    std::int64_t features, units;
};

int run(int argc, char** argv) {
    Report report(argc, argv);
    print_machine(report.options);
    const std::vector<Peer> peers{{"Eigen fixed", eigen_for(report.options).fixed},
                                  {"eigengru GruStream", make_stream_plain}};
    const std::vector<Size> all{{1, 8},  {1, 16}, {1, 24}, {1, 32},  {1, 40},
                                {1, 64}, {8, 8},  {8, 16}, {16, 32}, {16, 64}};
    const std::vector<Size> few{{1, 8}, {1, 24}, {1, 40}, {16, 64}};
    for (const Size& size : report.options.is_quick ? few : all) {
        Problem p;
        p.workload = Workload::streaming;
        p.time = 1000;
        p.features = size.features;
        p.units = size.units;
        p.isa = report.options.isa.c_str();
        measure<float>(p, make_fixed_plain, peers, report);
    }
    report.print_summary();
    return 0;
}

}  // namespace
}  // namespace eigengru_bench

int main(int argc, char** argv) {
    return eigengru_bench::run(argc, argv);
}
