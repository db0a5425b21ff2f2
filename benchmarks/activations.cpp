// SPDX-License-Identifier: MIT
// The activations on a block that stays in the cache: tanh and sigmoid against Eigen's own, and what the others cost.
// They are compiled for the instructions that the program is compiled for; Eigen's are -march=native.
#include "machine.hpp"
#include "measure.hpp"

namespace eigengru_bench {
namespace {

template <class S>
void run_activation(const char* name, const std::vector<Peer>& peers, Report& report) {
    Problem p;
    p.workload = Workload::activation;
    p.activation = name;
    p.is_double = sizeof(S) == sizeof(double);
    p.batch = 16;
    p.features = p.units = 128;
    p.isa = report.options.isa.c_str();
    measure<S>(p, make_activation_plain, peers, report);
}

int run(int argc, char** argv) {
    Report report(argc, argv);
    print_machine(report.options);
    const std::vector<Peer> peers{{"Eigen array", eigen_for(report.options).array}};
    for (const char* name : {"tanh", "sigmoid"}) {
        run_activation<float>(name, peers, report);
        run_activation<double>(name, peers, report);
    }
    report.print_summary();
    if (report.options.is_quick) return 0;
    for (const char* name :
         {"relu",           "relu6",       "leaky_relu",   "elu",         "selu",        "celu",       "gelu",
          "silu",           "hard_silu",   "hard_sigmoid", "hard_tanh",   "softplus",    "softsign",   "exponential",
          "mish",           "log_sigmoid", "tanh_shrink",  "soft_shrink", "hard_shrink", "squareplus", "sparse_plus",
          "sparse_sigmoid", "softmax",     "log_softmax",  "sparsemax"})
        run_activation<float>(name, {}, report);
    return 0;
}

}  // namespace
}  // namespace eigengru_bench

int main(int argc, char** argv) {
    return eigengru_bench::run(argc, argv);
}
