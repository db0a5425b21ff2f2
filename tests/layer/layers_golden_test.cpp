// SPDX-License-Identifier: MIT
// The layers around the GRU against every output and gradient recorded from Keras: outputs to 1e-11 in double and what
// float allows, gradients to 1e-10.

#include "support/golden_layer.hpp"

#include <gtest/gtest.h>

#include <cstdio>

namespace eigengru_test {
namespace {

using namespace eigengru;

/// The worst difference of a case as a fraction of what is allowed.
template <class S>
class Comparison {
public:
    explicit Comparison(const GoldenCase& golden) : golden_(golden) {}

    void output(const std::string& key, const MatrixView<const S>& received) {
        compare(key, received.map(), 1e-11, std::max(1e-6, 4 * golden_.number("float32_error")));
    }
    void gradient(const std::string& key, const MatrixView<const S>& received) {
        compare(key, received.map(), 1e-10, std::max(1e-4, 4 * golden_.number("float32_gradient_error")));
    }
    [[nodiscard]] double worst() const { return worst_; }

private:
    void compare(const std::string& key, const MatrixMap<const S>& received, double exact, double single) {
        const std::vector<double>& expected = golden_.array(key).values;
        ASSERT_EQ(static_cast<std::size_t>(received.size()), expected.size()) << golden_.name << ' ' << key;
        double scale = 1.0;
        for (const double value : expected) scale = std::max(scale, std::abs(value));
        for (std::size_t i = 0; i < expected.size(); ++i) {
            const double difference = std::abs(static_cast<double>(received.data()[i]) - expected[i]);
            const double tolerance = scale * (std::is_same_v<S, double> ? exact : single);
            worst_ = std::isnan(difference) ? INFINITY : std::max(worst_, difference / tolerance);
        }
        EXPECT_LE(worst_, 1.0) << golden_.name << ' ' << key;
    }

    const GoldenCase& golden_;
    double worst_ = 0.0;
};

template <class S>
std::vector<RowMatrix<S>> weights_of(const GoldenCase& golden) {
    std::vector<RowMatrix<S>> weights;
    for (std::size_t i = 0; golden.has_array("weight." + std::to_string(i)); ++i)
        weights.push_back(matrix_of<S>(golden.array("weight." + std::to_string(i))));
    return weights;
}

/// A recorded array of two or three dimensions; a batch of ids has one feature.
template <class S>
Sequence<S> sequence_of(const GoldenArray& array) {
    const std::size_t features = array.dims.size() == 3 ? array.dims[2] : 1;
    Sequence<S> result({array.dims[0], array.dims[1], features});
    const std::vector<S> values = array.as<S>();
    std::copy(values.begin(), values.end(), result.data());
    return result;
}

/// Outputs of a layer that gives up the time axis, as a sequence of one step.
template <class S>
Sequence<S> steps_of(const GoldenArray& array) {
    if (array.dims.size() == 3) return sequence_of<S>(array);
    Sequence<S> result({array.dims[0], std::size_t{1}, array.dims[1]});
    result.matrix() = matrix_of<S>(array);
    return result;
}

// Bidirectional

Merge merge_of(const std::string& name) {
    if (name == "concat") return Merge::concat;
    if (name == "sum") return Merge::sum;
    if (name == "mul") return Merge::mul;
    return name == "ave" ? Merge::ave : Merge::none;
}

template <class S, bool ResetAfter>
Bidirectional<S, ResetAfter> bidirectional_of(const GoldenCase& golden) {
    const GruOptions forward{.units = static_cast<Index>(golden.size("units")),
                             .use_bias = golden.flag("use_bias"),
                             .return_sequences = golden.flag("return_sequences"),
                             .stateful = golden.flag("stateful")};
    BidirectionalOptions options{.merge = merge_of(golden.option("merge"))};
    if (golden.flag("own")) {
        GruOptions backward = forward;
        backward.units = static_cast<Index>(golden.size("backward_units"));
        backward.activation = golden.option("backward_activation");
        backward.go_backwards = true;
        options.backward = backward;
    }
    const auto features = static_cast<Index>(golden.array("inputs").dims[2]);
    return {features, forward, options, weights_of<S>(golden)};
}

/// The outputs in Keras's order: merged, or the two, then the states.
template <class S>
std::vector<MatrixView<const S>> outputs_of(const BidirectionalOutput<S>& y, Merge merge, bool has_sequences) {
    const auto of = [&](const auto& output) {
        return has_sequences ? MatrixView<const S>(output.sequences.matrix()) : MatrixView<const S>(output.last);
    };
    if (merge != Merge::none) return {of(y), y.forward.state, y.backward.state};
    return {of(y.forward), of(y.backward), y.forward.state, y.backward.state};
}

template <class S>
void compare_gradients(Comparison<S>& comparison, const GoldenCase& golden, const BidirectionalGradients<S>& g) {
    std::size_t number = 0;
    for (const Gradients<S>* part : {&g.forward, &g.backward}) {
        const GruWeights<S>& p = part->parameters;
        const auto compare = [&](const MatrixMap<const S>& values) {
            if (values.size() > 0) comparison.gradient("d_weight." + std::to_string(number++), values);
        };
        compare(p.kernel());
        compare(p.recurrent_kernel());
        compare(p.bias());
    }
    comparison.gradient("d_inputs", g.inputs.matrix());
    if (!golden.has_array("d_state.0")) return;
    comparison.gradient("d_state.0", g.forward.initial_state);
    comparison.gradient("d_state.1", g.backward.initial_state);
}

template <class S, bool ResetAfter>
double bidirectional_difference(const GoldenCase& golden) {
    Bidirectional<S, ResetAfter> both = bidirectional_of<S, ResetAfter>(golden);
    const Merge merge = both.options().merge;
    const bool has_sequences = both.returns_sequences();
    const Sequence<S> x = sequence_of<S>(golden.array("inputs"));
    std::vector<unsigned char> mask;
    BidirectionalCallOptions<S> call;
    if (golden.has_array("mask")) {
        mask = golden.array("mask").as<unsigned char>();
        call.mask = {mask, x.shape().batch, x.shape().time};
    }
    RowMatrix<S> states[2];
    if (golden.has_array("state.0")) {
        for (const std::size_t i : {0U, 1U}) states[i] = matrix_of<S>(golden.array("state." + std::to_string(i)));
        call.initial_state_forward = states[0];
        call.initial_state_backward = states[1];
    }
    Comparison<S> comparison(golden);
    BidirectionalTape<S> tape;
    Bidirectional<S, ResetAfter> plain = both;
    const BidirectionalOutput<S> y = both.forward(x, call, tape), called = plain(x, call);
    EXPECT_TRUE(y.last.isApprox(called.last, S(1e-6)) || merge == Merge::none || y.last.isZero(S(1e-6)));
    std::vector<Sequence<S>> d_outputs;
    const auto outputs = outputs_of(y, merge, has_sequences);
    for (std::size_t i = 0; golden.has_array("output." + std::to_string(i)); ++i) {
        comparison.output("output." + std::to_string(i), outputs[i]);
        d_outputs.push_back(steps_of<S>(golden.array("d_output." + std::to_string(i))));
    }
    BidirectionalOutputGradients<S> d;
    const auto set = [&](auto& part, const Sequence<S>& values) {
        if (has_sequences)
            part.sequences = values;
        else
            part.last = values.matrix();
    };
    std::size_t next = 0;
    if (merge == Merge::none) {
        set(d.forward, d_outputs[next++]);
        set(d.backward, d_outputs[next++]);
    } else {
        set(d, d_outputs[next++]);
    }
    if (next < d_outputs.size()) {
        d.forward.state = d_outputs[next].matrix();
        d.backward.state = d_outputs[next + 1].matrix();
    }
    compare_gradients(comparison, golden, both.backward(tape, d));
    if (golden.has_array("second.inputs"))
        comparison.output("second.output.0",
                          both(sequence_of<S>(golden.array("second.inputs")), call).sequences.matrix());
    return comparison.worst();
}

// Layers that need no more than their inputs

template <class S, class L>
double layer_difference(const GoldenCase& golden, const L& layer) {
    Comparison<S> comparison(golden);
    InputTape<S> tape;
    const Sequence<S> x = sequence_of<S>(golden.array("inputs"));
    comparison.output("output.0", layer.forward(x, tape).matrix());
    const NamedGradients<S> g = layer.backward(tape, steps_of<S>(golden.array("d_output.0")));
    for (std::size_t i = 0; i < g.parameters.count(); ++i)
        comparison.gradient("d_weight." + std::to_string(i), g.parameters.map(i));
    if (golden.has_array("d_inputs")) comparison.gradient("d_inputs", g.inputs.matrix());
    return comparison.worst();
}

template <class S>
double small_difference(const GoldenCase& golden) {
    const std::string& kind = golden.option("kind");
    const std::vector<RowMatrix<S>> weights = weights_of<S>(golden);
    if (kind == "embedding")
        return layer_difference<S>(golden, Embedding<S>({.input_dim = 7, .output_dim = 3}, weights));
    if (kind == "batch_normalization")
        return layer_difference<S>(golden, BatchNormalization<S>(5,
                                                                 {.epsilon = golden.number("epsilon"),
                                                                  .center = golden.flag("center"),
                                                                  .scale = golden.flag("scale")},
                                                                 weights));
    return layer_difference<S>(golden, LayerNormalization<S>(5,
                                                             {.epsilon = golden.number("epsilon"),
                                                              .center = golden.flag("center"),
                                                              .scale = golden.flag("scale"),
                                                              .rms_scaling = golden.flag("rms_scaling")},
                                                             weights));
}

// Whole models

template <class S>
Sequential<S> chain_of(const std::string& name) {
    if (name == "chain.words")
        return Sequential<S>({Embedding<S>({.input_dim = 7, .output_dim = 3, .mask_zero = true}),
                              Bidirectional<S>(3, {.units = 4, .return_sequences = true}), LayerNormalization<S>(8),
                              Gru<S, false>(8, {.units = 5, .return_sequences = true}), BatchNormalization<S>(5),
                              Dense<S>(5, {.units = 3, .activation = "tanh", .name = "time_distributed"}),
                              Gru<S>(3, {.units = 4}), Dense<S>(4, {.units = 2, .activation = "softmax"})});
    return Sequential<S>({Masking<S>(), Gru<S>(2, {.units = 4, .return_sequences = true}), LayerNormalization<S>(4),
                          Bidirectional<S, false>(4, {.units = 3}, {.merge = Merge::mul}), Dense<S>(3, {.units = 2})});
}

template <class S>
double chain_difference(const GoldenCase& golden) {
    Sequential<S> model = chain_of<S>(golden.name);
    const std::vector<RowMatrix<S>> weights = weights_of<S>(golden);
    std::size_t next = 0;
    model.update_variables([&](const Variable<S>& v) {
        MatrixMap<S>(v.values) = weights.at(next++).reshaped(v.values.rows(), v.values.cols());
    });
    EXPECT_EQ(next, weights.size());
    const Sequence<S> x = sequence_of<S>(golden.array("inputs"));
    Comparison<S> comparison(golden);
    comparison.output("output.0", model.predict(x).matrix());
    ModelTape<S> tape;
    comparison.output("output.0", model.forward(x, {}, tape).step(0).eval());
    const ModelGradients<S> g = model.backward(tape, steps_of<S>(golden.array("d_output.0")));
    Index offset = 0;
    for (std::size_t i = 0; i < weights.size(); offset += weights[i++].size())
        comparison.gradient("d_weight." + std::to_string(i),
                            {g.parameters.flat().data() + offset, Index{1}, weights[i].size()});
    if (golden.has_array("d_inputs")) comparison.gradient("d_inputs", g.inputs.matrix());
    return comparison.worst();
}

template <class S>
double worst_of(const GoldenCase& golden) {
    const std::string& kind = golden.option("kind");
    if (kind == "chain") return chain_difference<S>(golden);
    if (kind != "bidirectional") return small_difference<S>(golden);
    return golden.flag("reset_after") ? bidirectional_difference<S, true>(golden)
                                      : bidirectional_difference<S, false>(golden);
}

template <class S>
void compare_all() {
    double worst = 0.0;
    std::string worst_name;
    const std::vector<GoldenCase> cases = load_golden(std::filesystem::path(EIGENGRU_GOLDEN_DIR) / "layers.golden");
    EXPECT_EQ(cases.size(), 28U);
    for (const GoldenCase& golden : cases) {
        const double difference = worst_of<S>(golden);
        EXPECT_LE(difference, 1.0) << golden.name;
        if (difference <= worst) continue;
        worst = difference;
        worst_name = golden.name;
    }
    std::printf("%zu cases, worst at %g of what is allowed: %s\n", cases.size(), worst, worst_name.c_str());
}

TEST(LayersGolden, AgreeWithKerasInDouble) {
    compare_all<double>();
}

TEST(LayersGolden, AgreeWithKerasInFloat) {
    compare_all<float>();
}

}  // namespace
}  // namespace eigengru_test
