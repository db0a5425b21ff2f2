// SPDX-License-Identifier: MIT
// The gradients of the layer against every gradient recorded from Keras, by each way to run a backward pass, with and
// without checkpoints, by every kernel of this processor.

#include "support/golden_values.hpp"
#include "support/kernel_list.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <cstdio>

namespace eigengru_test {
namespace {

using eigengru::Gradients;
using eigengru::Gru;
using eigengru::Tape;

template <class S, bool ResetAfter>
double worst_gradient_difference(const GoldenCase& golden, eigengru::Kernels kernels) {
    const eigengru::GruOptions options = options_of(golden);
    Gru<S, ResetAfter> layer = layer_of<S, ResetAfter>(golden, options);
    double worst = 0.0;
    for (std::size_t number = 0; number < golden.size("calls"); ++number) {
        const std::string prefix = number == 0 ? "" : "second.";
        const GoldenCall<S> call(golden, prefix);
        const LossCoefficients<S> loss(golden, prefix);
        eigengru::CallOptions<S> call_options = call.options();
        call_options.kernels = kernels;
        Gru<S, ResetAfter> again = layer;
        Tape<S> tape;
        (void)layer.forward(call.inputs(), call_options, tape);
        const Gradients<S> g = layer.backward(tape, loss.view());
        worst = std::max(worst, worst_of(golden, prefix, g));

        EXPECT_TRUE(is_same(g, layer.backward(std::as_const(tape), loss.view()))) << golden.name;
        Gradients<S> into;
        layer.backward(std::move(tape), loss.view(), into);
        EXPECT_TRUE(is_same(g, into)) << golden.name;
        EXPECT_TRUE(tape.empty());
        Tape<S> checkpoints(eigengru::TapeOptions{.checkpoint_every = 2});
        (void)again.forward(call.inputs(), call_options, checkpoints);
        EXPECT_TRUE(is_same(g, again.backward(checkpoints, loss.view()))) << golden.name;
    }
    return worst;
}

template <class S>
class GruGradientGolden : public testing::Test {};

TYPED_TEST_SUITE(GruGradientGolden, Scalars, );

/// Checks every case with gradients, prints the worst one and gives the number of cases.
template <class S>
int expect_gradient_agreement(const std::vector<GoldenCase>& cases, eigengru::Kernels kernels) {
    double worst = 0.0;
    std::string worst_name;
    int count = 0;
    for (const GoldenCase& golden : cases) {
        if (!golden.has_array("d_kernel")) continue;
        const double difference = golden.flag("reset_after") ? worst_gradient_difference<S, true>(golden, kernels)
                                                             : worst_gradient_difference<S, false>(golden, kernels);
        EXPECT_LE(difference, 1.0) << golden.name << ", kernels " << name_of(kernels);
        if (difference >= worst) {
            worst = difference;
            worst_name = golden.name;
        }
        ++count;
    }
    std::printf("  %s, %s: %d cases, worst difference %.3g of its tolerance (%s)\n", name_of(kernels).data(),
                sizeof(S) == 4 ? "float" : "double", count, worst, worst_name.c_str());
    return count;
}

TYPED_TEST(GruGradientGolden, AgreesWithKerasOnEveryCaseByEveryKernel) {
    const std::vector<GoldenCase> cases = gru_cases();
    for (const eigengru::Kernels kernels : supported_kernels())
        EXPECT_GE(expect_gradient_agreement<TypeParam>(cases, kernels), 240);
}

}  // namespace
}  // namespace eigengru_test
