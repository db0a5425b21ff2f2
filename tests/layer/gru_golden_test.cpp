// SPDX-License-Identifier: MIT
// The layer against every call recorded from Keras: the value-returning call and the one into the caller's memory, with
// and without return_sequences, in both scalar types, by every kernel of this processor.

#include "support/golden_values.hpp"
#include "support/kernel_list.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <map>

namespace eigengru_test {
namespace {

using eigengru::Gru;
using eigengru::Output;
using eigengru::RowMatrix;

/// Runs all calls of a case by each of the three ways in and gives the worst difference.
template <class S, bool ResetAfter>
double worst_difference(const GoldenCase& golden, eigengru::Kernels kernels) {
    eigengru::GruOptions options = options_of(golden);
    Gru<S, ResetAfter> by_value = layer_of<S, ResetAfter>(golden, options);
    Gru<S, ResetAfter> into_memory = by_value;
    options.return_sequences = false;
    Gru<S, ResetAfter> last_only = layer_of<S, ResetAfter>(golden, options);
    double worst = 0.0;
    for (std::size_t number = 0; number < golden.size("calls"); ++number) {
        const std::string prefix = number == 0 ? "" : "second.";
        const GoldenCall<S> call(golden, prefix);
        eigengru::CallOptions<S> call_options = call.options();
        call_options.kernels = kernels;
        worst = std::max(worst, difference_to(golden, prefix, by_value(call.inputs(), call_options)));
        worst = std::max(worst, difference_to(golden, prefix, last_only(call.inputs(), call_options)));
        const eigengru::Shape3 shape(call.inputs().shape().batch, call.inputs().shape().time, by_value.units());
        Output<S> y{eigengru::Sequence<S>(shape), RowMatrix<S>(shape.batch, shape.features),
                    RowMatrix<S>(shape.batch, shape.features)};
        into_memory.call(call.inputs(), call_options, {y.sequences, y.last, y.state});
        worst = std::max(worst, difference_to(golden, prefix, y));
    }
    return worst;
}

template <class S>
class GruGolden : public testing::Test {};

TYPED_TEST_SUITE(GruGolden, Scalars, );

/// Checks every case and prints the worst ones, with tolerances of a case of its own apart.
template <class S>
void expect_agreement(const std::vector<GoldenCase>& cases, eigengru::Kernels kernels) {
    std::map<double, std::pair<double, std::string>> worst;  // by tolerance
    for (const GoldenCase& golden : cases) {
        const double difference = golden.flag("reset_after") ? worst_difference<S, true>(golden, kernels)
                                                             : worst_difference<S, false>(golden, kernels);
        const double tolerance = tolerance_of<S>(golden);
        EXPECT_LE(difference, tolerance) << golden.name << ", kernels " << name_of(kernels);
        auto& entry = worst[tolerance <= 1e-6 ? tolerance : 1.0];
        if (difference >= entry.first) entry = {difference, golden.name};
    }
    for (const auto& [tolerance, entry] : worst)
        std::printf("  %s, %s, tolerance %s: worst difference %.3g (%s)\n", name_of(kernels).data(),
                    sizeof(S) == 4 ? "float" : "double",
                    tolerance < 1.0 ? std::to_string(tolerance).c_str() : "of the case", entry.first,
                    entry.second.c_str());
}

TYPED_TEST(GruGolden, AgreesWithKerasOnEveryCaseByEveryKernel) {
    const std::vector<GoldenCase> cases = gru_cases();
    EXPECT_GE(cases.size(), 240U);
    for (const eigengru::Kernels kernels : supported_kernels()) expect_agreement<TypeParam>(cases, kernels);
    std::printf("  %zu cases\n", cases.size());
}

}  // namespace
}  // namespace eigengru_test
