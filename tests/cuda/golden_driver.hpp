// SPDX-License-Identifier: MIT
// Calls recorded from Keras, run on cuDNN next to the same layer on Eigen: outputs by each way in, of the host and of the
// device, gradients by each way back. For the fake GPU and for real ones.
#pragma once

#include "cuda/instantiations.hpp"
#include "cuda/on_device.hpp"
#include "support/golden_values.hpp"

#include <gtest/gtest.h>

#include <cstdio>

namespace eigengru_test {

/// The largest differences, as fractions of the tolerance, and how many cases gave them.
struct Found {
    int cases = 0;
    int on_device = 0;  ///< of these with data of the device
    int gradients = 0;
    double outputs_to_keras = 0;
    double gradients_to_keras = 0;
    double outputs_to_eigen = 0;
    int other_bits = 0;  ///< passes back that gave other bits when they were repeated
};

/// The options of the calls: any size is worth while, so that only the rules decide.
template <class S>
eigengru::CallOptions<S> call_options(const GoldenCall<S>& golden, bool any_mask) {
    eigengru::CallOptions<S> call = golden.options();
    call.cudnn.least_work = 0;
    call.cudnn.any_mask = any_mask;
    return call;
}

template <class S>
double largest_difference(const eigengru::Output<S>& a, const eigengru::Output<S>& b) {
    const auto difference = [](const auto& x, const auto& y) {
        return x.size() == 0 ? 0.0 : static_cast<double>((x - y).cwiseAbs().maxCoeff());
    };
    return std::max({difference(a.sequences.matrix(), b.sequences.matrix()), difference(a.last, b.last),
                     difference(a.state, b.state)});
}

/// Every call of a case, forward, by the three ways in, the layer on Eigen beside them.
template <class S>
void run_forward(const GoldenCase& golden, bool any_mask, Found& found) {
    eigengru::GruOptions options = options_of(golden);
    options.use_cudnn = true;
    eigengru::Gru<S> by_value = layer_of<S, true>(golden, options);
    eigengru::Gru<S> into_memory = by_value;
    options.return_sequences = false;
    eigengru::Gru<S> last_only = layer_of<S, true>(golden, options);
    options = options_of(golden);
    options.use_cudnn = false;
    eigengru::Gru<S> on_eigen = layer_of<S, true>(golden, options);
    const double tolerance = tolerance_of<S>(golden);
    for (std::size_t number = 0; number < golden.size("calls"); ++number) {
        const std::string prefix = number == 0 ? "" : "second.";
        const GoldenCall<S> recorded(golden, prefix);
        const eigengru::CallOptions<S> call = call_options(recorded, any_mask);
        const eigengru::Shape3 shape(recorded.inputs().shape().batch, recorded.inputs().shape().time, by_value.units());
        const eigengru::Output<S> y = by_value(recorded.inputs(), call);
        eigengru::Output<S> into{eigengru::Sequence<S>(shape), eigengru::RowMatrix<S>(shape.batch, shape.features),
                                 eigengru::RowMatrix<S>(shape.batch, shape.features)};
        into_memory.call(recorded.inputs(), call, {into.sequences, into.last, into.state});
        const eigengru::Output<S> last = last_only(recorded.inputs(), call);
        for (const eigengru::Gru<S>* layer : {&by_value, &into_memory, &last_only})
            EXPECT_EQ(layer->last_backend(), eigengru::Backend::cudnn) << golden.name;
        for (const eigengru::Output<S>* output : {&y, static_cast<const eigengru::Output<S>*>(&into), &last}) {
            const double difference = difference_to(golden, prefix, *output);
            EXPECT_LE(difference, tolerance) << golden.name;
            found.outputs_to_keras = std::max(found.outputs_to_keras, difference / tolerance);
        }
        found.outputs_to_eigen =
            std::max(found.outputs_to_eigen, largest_difference(y, on_eigen(recorded.inputs(), call)) / tolerance);
    }
    ++found.cases;
}

/// The first call of a case with data of the device, where the kernels that it needs are there.
template <class S>
void run_on_device(const GoldenCase& golden, bool any_mask, Found& found) {
    using eigengru::Index;
    const GoldenCall<S> recorded(golden, "");
    const eigengru::CallOptions<S> options = call_options(recorded, any_mask);
    const eigengru::Gru<S> layer = layer_of<S, true>(golden, options_of(golden));
    const eigengru::SequenceView<const S> inputs = recorded.inputs();
    const auto [batch, time, features] = inputs.shape();
    const bool has_mask = options.mask.is_present(), has_state = options.initial_state.is_present();
    const bool has_kernels = eigengru::detail::cuda_functions().gather_rows != nullptr;
    if ((has_mask && !any_mask) || ((has_mask || layer.options().go_backwards) && !has_kernels)) return;
    std::vector<unsigned char> used;
    for (Index b = 0; has_mask && b < batch; ++b)
        for (Index t = 0; t < time; ++t) used.push_back(options.mask(b, t) ? 1 : 0);
    const auto stream = eigengru::detail::make_stream(eigengru::detail::cuda_functions());
    const OnDevice<S> x(stream.get(), inputs.row(0, 0), inputs.shape().size());
    const OnDevice<unsigned char> mask(stream.get(), used.data(), static_cast<Index>(used.size()));
    const Index one = batch * layer.units();
    const OnDevice<S> initial(stream.get(), options.initial_state.data(), has_state ? one : 0);
    const OnDevice<S> sequences(one * time), last(one), state(one);
    eigengru::DeviceCall<S> call{.shape = inputs.shape(),
                                 .inputs = x.view(),
                                 .sequences = sequences.span(),
                                 .last = last.span(),
                                 .state = state.span()};
    if (has_mask) call.mask = mask.view();
    if (has_state) call.initial_state = initial.view();
    eigengru::DeviceGru<S> device(stream.get(), options.cudnn);
    device.call(layer.cell(), call);
    const double tolerance = tolerance_of<S>(golden);
    const auto compare = [&](const char* name, const OnDevice<S>& received) {
        const std::vector<S> values = received.fetch(stream.get());
        const double difference = difference_to(golden, name, values.data(), static_cast<Index>(values.size()));
        EXPECT_LE(difference, tolerance) << golden.name << ", " << name << " on the device";
        found.outputs_to_keras = std::max(found.outputs_to_keras, difference / tolerance);
    };
    compare("sequences", sequences);
    compare("last", last);
    compare("state", state);
    ++found.on_device;
}

/// Every call of a case with its gradients, by the three ways back, which give the same bits where that is promised.
template <class S>
void run_backward(const GoldenCase& golden, bool any_mask, bool has_same_bits, Found& found) {
    eigengru::GruOptions options = options_of(golden);
    options.use_cudnn = true;
    eigengru::Gru<S> layer = layer_of<S, true>(golden, options);
    for (std::size_t number = 0; number < golden.size("calls"); ++number) {
        const std::string prefix = number == 0 ? "" : "second.";
        const GoldenCall<S> recorded(golden, prefix);
        const LossCoefficients<S> loss(golden, prefix);
        eigengru::Tape<S> tape;
        const eigengru::Output<S> y = layer.forward(recorded.inputs(), call_options(recorded, any_mask), tape);
        EXPECT_EQ(layer.last_backend(), eigengru::Backend::cudnn) << golden.name;
        EXPECT_LE(difference_to(golden, prefix, y), tolerance_of<S>(golden)) << golden.name;
        const eigengru::Gradients<S> g = layer.backward(tape, loss.view());
        const double difference = worst_of(golden, prefix, g);
        EXPECT_LE(difference, 1.0) << golden.name;
        found.gradients_to_keras = std::max(found.gradients_to_keras, difference);
        const bool is_repeated = is_same(g, layer.backward(tape, loss.view()));
        eigengru::Gradients<S> into;
        layer.backward(std::move(tape), loss.view(), into);
        EXPECT_TRUE(!has_same_bits || (is_repeated && is_same(g, into))) << golden.name;
        found.other_bits += is_repeated && is_same(g, into) ? 0 : 1;
        EXPECT_TRUE(tape.empty());
    }
    ++found.gradients;
}

/// Whether the rules let the calls of a case run on cuDNN.
template <class S>
bool passes_rules(const GoldenCase& golden, bool any_mask) {
    if (!golden.flag("reset_after")) return false;
    const eigengru::Gru<S> layer = layer_of<S, true>(golden, options_of(golden));
    for (std::size_t number = 0; number < golden.size("calls"); ++number) {
        const GoldenCall<S> recorded(golden, number == 0 ? "" : "second.");
        if (layer.explain_backend(recorded.inputs(), call_options(recorded, any_mask)).backend !=
            eigengru::Backend::cudnn)
            return false;
    }
    return true;
}

/// One case, if the rules let it run on cuDNN. Returns whether they do.
template <class S>
bool run_case(const GoldenCase& golden, bool any_mask, bool has_same_bits, Found& found) {
    if (!passes_rules<S>(golden, any_mask)) return false;
    run_forward<S>(golden, any_mask, found);
    run_on_device<S>(golden, any_mask, found);
    if (golden.has_array("d_kernel")) run_backward<S>(golden, any_mask, has_same_bits, found);
    return true;
}

template <class S>
void print(const Found& found, bool any_mask) {
    std::printf(
        "  %s, %s: %d cases, %d with data of the device, %d with gradients; of the tolerance at most %.3g (outputs), "
        "%.3g (gradients), "
        "%.3g (outputs, to Eigen); %d with other bits when repeated\n",
        sizeof(S) == 4 ? "float" : "double", any_mask ? "any mask" : "the eight rules", found.cases, found.on_device,
        found.gradients, found.outputs_to_keras, found.gradients_to_keras, found.outputs_to_eigen, found.other_bits);
}

}  // namespace eigengru_test
