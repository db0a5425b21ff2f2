// SPDX-License-Identifier: MIT
// The cuDNN path on the fake GPU against every call recorded from Keras that passes the eight rules, next to the same
// layer on Eigen: outputs by each way in, gradients by each way back. Then the same for the masks beyond Keras.
#include "cuda/instantiations.hpp"
#include "support/cuda_fake.hpp"
#include "support/golden_values.hpp"

#include <gtest/gtest.h>

#include <cstdio>

namespace eigengru_test {
namespace {

using eigengru::Backend;
using eigengru::CallOptions;
using eigengru::Gradients;
using eigengru::Gru;
using eigengru::GruOptions;
using eigengru::Output;
using eigengru::RowMatrix;
using eigengru::Tape;

/// The largest differences, as fractions of the tolerance, and how many cases gave them.
struct Found {
    int cases = 0;
    int gradients = 0;
    double outputs_to_keras = 0;
    double gradients_to_keras = 0;
    double outputs_to_eigen = 0;
};

/// The options of the calls: any size is worth while, so that only the rules decide.
template <class S>
CallOptions<S> call_options(const GoldenCall<S>& golden, bool any_mask) {
    CallOptions<S> call = golden.options();
    call.cudnn.least_work = 0;
    call.cudnn.any_mask = any_mask;
    return call;
}

template <class S>
double largest_difference(const Output<S>& a, const Output<S>& b) {
    const auto difference = [](const auto& x, const auto& y) {
        return x.size() == 0 ? 0.0 : static_cast<double>((x - y).cwiseAbs().maxCoeff());
    };
    return std::max({difference(a.sequences.matrix(), b.sequences.matrix()), difference(a.last, b.last),
                     difference(a.state, b.state)});
}

/// Every call of a case, forward, by the three ways in, the layer on Eigen beside them.
template <class S>
void run_forward(const GoldenCase& golden, bool any_mask, Found& found) {
    GruOptions options = options_of(golden);
    options.use_cudnn = true;
    Gru<S> by_value = layer_of<S, true>(golden, options);
    Gru<S> into_memory = by_value;
    options.return_sequences = false;
    Gru<S> last_only = layer_of<S, true>(golden, options);
    options = options_of(golden);
    options.use_cudnn = false;
    Gru<S> on_eigen = layer_of<S, true>(golden, options);
    const double tolerance = tolerance_of<S>(golden);
    for (std::size_t number = 0; number < golden.size("calls"); ++number) {
        const std::string prefix = number == 0 ? "" : "second.";
        const GoldenCall<S> recorded(golden, prefix);
        const CallOptions<S> call = call_options(recorded, any_mask);
        const eigengru::Shape3 shape(recorded.inputs().shape().batch, recorded.inputs().shape().time, by_value.units());
        const Output<S> y = by_value(recorded.inputs(), call);
        Output<S> into{eigengru::Sequence<S>(shape), RowMatrix<S>(shape.batch, shape.features),
                       RowMatrix<S>(shape.batch, shape.features)};
        into_memory.call(recorded.inputs(), call, {into.sequences, into.last, into.state});
        const Output<S> last = last_only(recorded.inputs(), call);
        for (const Gru<S>* layer : {&by_value, &into_memory, &last_only})
            EXPECT_EQ(layer->last_backend(), Backend::cudnn) << golden.name;
        for (const Output<S>* output : {&y, static_cast<const Output<S>*>(&into), &last}) {
            const double difference = difference_to(golden, prefix, *output);
            EXPECT_LE(difference, tolerance) << golden.name;
            found.outputs_to_keras = std::max(found.outputs_to_keras, difference / tolerance);
        }
        found.outputs_to_eigen =
            std::max(found.outputs_to_eigen, largest_difference(y, on_eigen(recorded.inputs(), call)) / tolerance);
    }
    ++found.cases;
}

/// Every call of a case with its gradients, by the three ways back.
template <class S>
void run_backward(const GoldenCase& golden, bool any_mask, Found& found) {
    GruOptions options = options_of(golden);
    options.use_cudnn = true;
    Gru<S> layer = layer_of<S, true>(golden, options);
    for (std::size_t number = 0; number < golden.size("calls"); ++number) {
        const std::string prefix = number == 0 ? "" : "second.";
        const GoldenCall<S> recorded(golden, prefix);
        const LossCoefficients<S> loss(golden, prefix);
        Tape<S> tape;
        const Output<S> y = layer.forward(recorded.inputs(), call_options(recorded, any_mask), tape);
        EXPECT_EQ(layer.last_backend(), Backend::cudnn) << golden.name;
        EXPECT_LE(difference_to(golden, prefix, y), tolerance_of<S>(golden)) << golden.name;
        const Gradients<S> g = layer.backward(tape, loss.view());
        const double difference = worst_of(golden, prefix, g);
        EXPECT_LE(difference, 1.0) << golden.name;
        found.gradients_to_keras = std::max(found.gradients_to_keras, difference);
        EXPECT_TRUE(is_same(g, layer.backward(tape, loss.view()))) << golden.name;
        Gradients<S> into;
        layer.backward(std::move(tape), loss.view(), into);
        EXPECT_TRUE(is_same(g, into)) << golden.name;
        EXPECT_TRUE(tape.empty());
    }
    ++found.gradients;
}

/// Whether the rules let the calls of a case run on cuDNN.
template <class S>
bool passes_rules(const GoldenCase& golden, bool any_mask) {
    if (!golden.flag("reset_after")) return false;
    const Gru<S> layer = layer_of<S, true>(golden, options_of(golden));
    for (std::size_t number = 0; number < golden.size("calls"); ++number) {
        const GoldenCall<S> recorded(golden, number == 0 ? "" : "second.");
        if (layer.explain_backend(recorded.inputs(), call_options(recorded, any_mask)).backend != Backend::cudnn)
            return false;
    }
    return true;
}

/// Runs all cases that pass on a fake of its own each and prints what was found.
template <class S>
Found run_cases(FakeStreams streams, bool any_mask) {
    Found found;
    for (const GoldenCase& golden : gru_cases()) {
        CudaFake fake({.streams = streams});
        if (!passes_rules<S>(golden, any_mask)) continue;
        run_forward<S>(golden, any_mask, found);
        if (golden.has_array("d_kernel")) run_backward<S>(golden, any_mask, found);
        for (const std::string& violation : fake.violations()) ADD_FAILURE() << golden.name << ": " << violation;
        EXPECT_EQ(fake.alive(), "") << golden.name;
        EXPECT_EQ(fake.last_error(), cudaSuccess) << golden.name;
    }
    std::printf(
        "  %s, %s: %d cases, %d with gradients; of the tolerance at most %.3g (outputs), %.3g (gradients), "
        "%.3g (outputs, to Eigen)\n",
        sizeof(S) == 4 ? "float" : "double", any_mask ? "any mask" : "the eight rules", found.cases, found.gradients,
        found.outputs_to_keras, found.gradients_to_keras, found.outputs_to_eigen);
    return found;
}

template <class S>
class CudnnGolden : public testing::Test {};

using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(CudnnGolden, Scalars, );

TYPED_TEST(CudnnGolden, AgreesWithKerasOnEveryCaseThatPassesTheRules) {
    for (const FakeStreams streams : {FakeStreams::latest, FakeStreams::at_once}) {
        const Found found = run_cases<TypeParam>(streams, false);
        EXPECT_GE(found.cases, 49);
        EXPECT_GE(found.gradients, 42);
    }
}

TYPED_TEST(CudnnGolden, AgreesWithKerasForAnyMaskToo) {
    const Found found = run_cases<TypeParam>(FakeStreams::latest, true);
    EXPECT_GE(found.cases, 93);
    EXPECT_GE(found.gradients, 83);
}

}  // namespace
}  // namespace eigengru_test
