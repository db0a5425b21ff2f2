// SPDX-License-Identifier: MIT
// The gradients of the losses that kernel, recurrent, bias and activity regularizers add to a layer, against Keras.

#include "support/golden_layer.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace eigengru_test {
namespace {

using eigengru::Gradients;
using eigengru::Gru;
using eigengru::Index;
using eigengru::Tape;

/// The largest difference to the recorded gradients, which are those of the regularizers' losses alone.
template <class S>
double difference_to(const GoldenCase& golden, const Gradients<S>& g) {
    double worst = 0.0;
    const auto compare = [&](const char* name, const S* data, Index size) {
        if (golden.has_array(name))
            worst = std::max(worst, relative_difference(golden.array(name), data, static_cast<std::size_t>(size)));
    };
    compare("d_kernel", g.parameters.kernel().data(), g.parameters.kernel().size());
    compare("d_recurrent_kernel", g.parameters.recurrent_kernel().data(), g.parameters.recurrent_kernel().size());
    compare("d_bias", g.parameters.bias().data(), g.parameters.bias().size());
    compare("d_inputs", g.inputs.data(), g.inputs.size());
    return worst;
}

template <class S, bool ResetAfter>
void expect_that_of_keras(const GoldenCase& golden) {
    Gru<S, ResetAfter> layer = layer_of<S, ResetAfter>(golden, regularized_options(golden));
    const std::vector<S> inputs = golden.array("inputs").as<S>();
    std::vector<unsigned char> mask;
    if (golden.has_array("mask")) mask = golden.array("mask").as<unsigned char>();
    const auto& dims = golden.array("inputs").dims;
    eigengru::CallOptions<S> call;
    if (!mask.empty()) call.mask = {mask, dims[0], dims[1]};
    const double tolerance = std::is_same_v<S, double> ? golden.number("tolerance") : 3e-6;
    const auto sum = [&](const char* name) {
        const std::vector<double>& losses = golden.array(name).values;
        return std::accumulate(losses.begin(), losses.end(), 0.0);
    };
    for (const Index every : {0, 1, 2, 100}) {
        Tape<S> tape(eigengru::TapeOptions{.checkpoint_every = every});
        (void)layer.forward({inputs, {dims[0], dims[1], dims[2]}}, call, tape);
        const double loss = sum("weight_losses") + sum("activity_losses");
        EXPECT_NEAR(static_cast<double>(layer.losses().total()), loss, tolerance * std::max(1.0, loss)) << golden.name;
        const Gradients<S> g = layer.backward(tape, {});
        EXPECT_LE(difference_to(golden, g), tolerance) << golden.name << ", checkpoints " << every;
    }
}

template <class S>
class GruRegularizerGolden : public testing::Test {};
TYPED_TEST_SUITE(GruRegularizerGolden, Scalars, );

TYPED_TEST(GruRegularizerGolden, GradientsAreThoseOfKeras) {
    int count = 0;
    for (const GoldenCase& golden : load_golden(EIGENGRU_GOLDEN_DIR "/regularizers.golden")) {
        if (golden.option("kind") != "regularized_layer") continue;
        if (golden.flag("reset_after"))
            expect_that_of_keras<TypeParam, true>(golden);
        else
            expect_that_of_keras<TypeParam, false>(golden);
        ++count;
    }
    EXPECT_EQ(count, 11);
}

}  // namespace
}  // namespace eigengru_test
