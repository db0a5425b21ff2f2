// SPDX-License-Identifier: MIT
// The activations: tanh and sigmoid against Eigen's own, and what each of the others costs.
#include "compare.hpp"

#include <eigengru/eigengru.hpp>

#include <cmath>
#include <cstdlib>
#include <iomanip>

namespace eigengru_bench {
namespace {

using eigengru::Activation;
using eigengru::ArrayMap;
using eigengru::Index;
using eigengru::MatrixMap;
using eigengru::RowMatrix;

constexpr Index kRows = 16;
constexpr Index kCols = 128;

/// A block that stays in the cache, with values from -6 to 6.
template <class S>
RowMatrix<S> make_values() {
    RowMatrix<S> values(kRows, kCols);
    for (Index i = 0; i < values.size(); ++i) values.data()[i] = S(6) * std::sin(static_cast<S>(i) * S(0.7));
    return values;
}

/// A contender that overwrites a copy of the values each time.
template <class S, class Apply>
Contender contender(const std::string& name, const RowMatrix<S>& values, RowMatrix<S>& out, Apply apply) {
    return {name, [&values, &out, apply] {
                out = values;
                apply(out);
            }};
}

template <class S>
void apply(const Activation& activation, RowMatrix<S>& block) {
    activation.apply<S>(MatrixMap<S>(block.data(), kRows, kCols, Eigen::OuterStride<>(kCols)));
}

/// Ends the program when an activation differs from the same computed in long double.
template <class S, class Exact>
void check(const std::string& name, const RowMatrix<S>& values, const RowMatrix<S>& received, Exact exact) {
    for (Index i = 0; i < values.size(); ++i) {
        const long double expected = exact(static_cast<long double>(values.data()[i]));
        const long double error = std::abs(expected - static_cast<long double>(received.data()[i]));
        if (error <= 4 * std::numeric_limits<S>::epsilon()) continue;
        std::cerr << name << " is wrong at " << values.data()[i] << "\n";
        std::exit(1);
    }
}

template <class S>
void compare_with_eigen(const char* scalar, Effort effort) {
    const RowMatrix<S> values = make_values<S>();
    RowMatrix<S> ours(kRows, kCols), eigens(kRows, kCols);
    const auto compare = [&](const std::string& name, auto eigen, auto exact) {
        const Activation activation(name);
        const std::vector<Contender> contenders{
            contender<S>("ours", values, ours, [activation](RowMatrix<S>& x) { apply(activation, x); }),
            contender<S>("eigen", values, eigens, eigen)};
        for (const Contender& c : contenders) c.run();
        check(name, values, ours, exact);
        check("Eigen's " + name, values, eigens, exact);
        const std::vector<double> times = median_times(contenders, effort);
        const double size = static_cast<double>(values.size());
        std::cout << std::setw(8) << scalar << std::setw(9) << name << std::setw(14) << times[0] / size << std::setw(14)
                  << times[1] / size << std::setw(12) << times[1] / times[0] << std::endl;
    };
    compare(
        "tanh", [](RowMatrix<S>& x) { x = x.array().tanh(); }, [](long double x) { return std::tanh(x); });
    compare(
        "sigmoid", [](RowMatrix<S>& x) { x = x.array().logistic(); },
        [](long double x) { return 1 / (1 + std::exp(-x)); });
}

void list_all(Effort effort) {
    const RowMatrix<float> values = make_values<float>();
    const std::vector<std::string> names{
        "relu",       "tanh",        "sigmoid",        "relu6",       "leaky_relu",   "elu",         "selu",
        "celu",       "gelu",        "silu",           "hard_silu",   "hard_sigmoid", "hard_tanh",   "softplus",
        "softsign",   "exponential", "mish",           "log_sigmoid", "tanh_shrink",  "soft_shrink", "hard_shrink",
        "squareplus", "sparse_plus", "sparse_sigmoid", "softmax",     "log_softmax",  "sparsemax"};
    RowMatrix<float> out(kRows, kCols);
    std::vector<Contender> contenders;
    for (const std::string& name : names)
        contenders.push_back(contender<float>(
            name, values, out, [activation = Activation(name)](RowMatrix<float>& x) { apply(activation, x); }));
    const std::vector<double> times = median_times(contenders, effort);
    std::cout << "\n" << std::setw(16) << "float" << std::setw(14) << "ns/element" << std::setw(12) << "of relu\n";
    for (std::size_t i = 0; i < names.size(); ++i)
        std::cout << std::setw(16) << names[i] << std::setw(14) << times[i] / static_cast<double>(values.size())
                  << std::setw(12) << times[i] / times[0] << "\n";
}

int run(int argc, char** argv) {
    const Arguments arguments = parse_arguments(argc, argv);
    const Effort effort{.repetitions = arguments.is_quick ? 5 : 15, .seconds = 0.005};
    print_machine();
    std::cout << std::fixed << std::setprecision(3) << "Blocks of " << kRows << " x " << kCols
              << ", copied and overwritten.\n\n"
              << std::setw(8) << "type" << std::setw(9) << "name" << std::setw(14) << "ns/element" << std::setw(14)
              << "Eigen's" << std::setw(12) << "ratio"
              << "\n";
    compare_with_eigen<float>("float", effort);
    compare_with_eigen<double>("double", effort);
    list_all(effort);
    return 0;
}

}  // namespace
}  // namespace eigengru_bench

int main(int argc, char** argv) {
    return eigengru_bench::run(argc, argv);
}
