// SPDX-License-Identifier: MIT
// The gradients of the layer against every gradient recorded from Keras, by each way to run a backward pass, with and
// without checkpoints, by every kernel of this processor.

#include "support/golden_layer.hpp"
#include "support/kernel_list.hpp"

#include <gtest/gtest.h>

#include <cstdio>

namespace eigengru_test {
namespace {

using eigengru::Gradients;
using eigengru::Gru;
using eigengru::Index;
using eigengru::OutputGradients;
using eigengru::RowMatrix;
using eigengru::Tape;

/// The largest difference and the largest entry of one gradient.
struct Difference {
    double absolute = 0.0;
    double scale = 0.0;
};

template <class S>
Difference difference_to(const GoldenArray& expected, const S* received, Index size) {
    Difference result;
    if (expected.values.size() != static_cast<std::size_t>(size)) return {INFINITY, 1.0};
    for (std::size_t i = 0; i < expected.values.size(); ++i) {
        const double difference = std::abs(expected.values[i] - static_cast<double>(received[i]));
        if (!(difference <= result.absolute)) result.absolute = std::isnan(difference) ? INFINITY : difference;
        result.scale = std::max(result.scale, std::abs(expected.values[i]));
    }
    return result;
}

/// The memory of the coefficients of the recorded loss.
template <class S>
struct LossCoefficients {
    LossCoefficients(const GoldenCase& golden, const std::string& prefix) {
        if (golden.has_array(prefix + "d_sequences")) {
            const auto& dims = golden.array(prefix + "d_sequences").dims;
            shape = {dims[0], dims[1], dims[2]};
            sequences = golden.array(prefix + "d_sequences").as<S>();
        }
        if (golden.has_array(prefix + "d_last")) last = matrix_of<S>(golden.array(prefix + "d_last"));
        if (golden.has_array(prefix + "d_state")) state = matrix_of<S>(golden.array(prefix + "d_state"));
    }

    [[nodiscard]] OutputGradients<S> view() const {
        OutputGradients<S> d;
        if (!sequences.empty()) d.sequences = {sequences.data(), shape};
        if (last.size() > 0) d.last = last;
        if (state.size() > 0) d.state = state;
        return d;
    }

    eigengru::Shape3 shape;
    std::vector<S> sequences;
    RowMatrix<S> last, state;
};

/// The worst relative difference of a case in double; in float the worst fraction of its tolerance.
template <class S>
double worst_of(const GoldenCase& golden, const std::string& prefix, const Gradients<S>& g) {
    double worst = 0.0;
    const auto compare = [&](const char* name, const S* data, Index size) {
        const std::string key = prefix + name;
        if (!golden.has_array(key)) return;
        const auto [absolute, scale] = difference_to(golden.array(key), data, size);
        const double loose = golden.number("tolerance") > 1e-10 ? 1e-6 : 1e-10;
        const double recorded =
            golden.has_option("float32_gradient_error") ? golden.number("float32_gradient_error") : 0;
        const double tolerance = std::is_same_v<S, double> ? loose * scale : std::max(1e-4 * scale, 4.0 * recorded);
        worst = std::max(worst, absolute == 0.0 ? 0.0 : absolute / tolerance);
    };
    compare("d_kernel", g.parameters.kernel().data(), g.parameters.kernel().size());
    compare("d_recurrent_kernel", g.parameters.recurrent_kernel().data(), g.parameters.recurrent_kernel().size());
    compare("d_bias", g.parameters.bias().data(), g.parameters.bias().size());
    compare("d_inputs", g.inputs.data(), g.inputs.size());
    compare("d_initial_state", g.initial_state.data(), g.initial_state.size());
    return worst;
}

template <class S>
bool is_same(const Gradients<S>& a, const Gradients<S>& b) {
    return a.parameters.flat() == b.parameters.flat() && a.inputs.matrix() == b.inputs.matrix() &&
           a.initial_state == b.initial_state;
}

template <class S, bool ResetAfter>
double worst_difference(const GoldenCase& golden, eigengru::Kernels kernels) {
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

using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(GruGradientGolden, Scalars, );

/// Checks every case with gradients, prints the worst one and gives the number of cases.
template <class S>
int expect_agreement(const std::vector<GoldenCase>& cases, eigengru::Kernels kernels) {
    double worst = 0.0;
    std::string worst_name;
    int count = 0;
    for (const GoldenCase& golden : cases) {
        if (!golden.has_array("d_kernel")) continue;
        const double difference = golden.flag("reset_after") ? worst_difference<S, true>(golden, kernels)
                                                             : worst_difference<S, false>(golden, kernels);
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
        EXPECT_GE(expect_agreement<TypeParam>(cases, kernels), 240);
}

}  // namespace
}  // namespace eigengru_test
