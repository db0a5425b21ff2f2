// SPDX-License-Identifier: MIT
// The layer against the scalar loops of support/reference_gru.hpp on thousands of random configurations: all options,
// masks of every kind, several calls of stateful layers, dropout masks, strided inputs and outputs.
#include "eigengru/layer/gru.hpp"

#include "support/draw.hpp"
#include "support/modes.hpp"
#include "support/reference_gru.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <limits>
#include <random>
#include <set>

namespace eigengru_test {
namespace {

using namespace eigengru;

constexpr int kCases = 1100;  // for each scalar type and reset mode

struct ActivationPair {
    ReferenceActivation reference;
    Activation activation;
};

std::vector<ActivationPair> all_activations() {
    std::vector<ActivationPair> all;
    for (const char* name :
         {"linear",      "tanh",           "sigmoid",      "relu",        "relu6",       "leaky_relu",
          "elu",         "selu",           "celu",         "gelu",        "silu",        "hard_silu",
          "swish",       "hard_swish",     "hard_sigmoid", "hard_tanh",   "softplus",    "softsign",
          "exponential", "mish",           "log_sigmoid",  "tanh_shrink", "soft_shrink", "squareplus",
          "hard_shrink", "sparse_sigmoid", "sparse_plus",  "softmax",     "log_softmax", "sparsemax"})
        all.push_back({{name, {}}, Activation(name)});
    all.push_back({{"relu", {{"negative_slope", 0.1}, {"max_value", 0.6}, {"threshold", 0.05}}},
                   Activation::relu({.negative_slope = 0.1, .max_value = 0.6, .threshold = 0.05})});
    all.push_back({{"leaky_relu", {{"negative_slope", 0.3}}}, Activation::leaky_relu({.negative_slope = 0.3})});
    all.push_back({{"elu", {{"alpha", 0.7}}}, Activation::elu({.alpha = 0.7})});
    all.push_back({{"celu", {{"alpha", 1.7}}}, Activation::celu({.alpha = 1.7})});
    all.push_back({{"gelu", {{"approximate", 1.0}}}, Activation::gelu({.approximate = true})});
    all.push_back({{"soft_shrink", {{"threshold", 0.2}}}, Activation::soft_shrink({.threshold = 0.2})});
    all.push_back({{"hard_shrink", {{"threshold", 0.1}}}, Activation::hard_shrink({.threshold = 0.1})});
    all.push_back({{"threshold", {{"threshold", 0.1}, {"default_value", -0.2}}},
                   Activation::threshold({.threshold = 0.1, .default_value = -0.2})});
    all.push_back({{"squareplus", {{"b", 1.5}}}, Activation::squareplus({.b = 1.5})});
    return all;
}

ActivationPair draw_activation(Draw& draw, const char* usual) {
    static const std::vector<ActivationPair> all = all_activations();
    return draw.one_in(2) ? ActivationPair{{usual, {}}, Activation(usual)} : draw.one_of(all);
}

/// A batch of sequences that lie apart, batch-major or time-major; what lies between them must not be touched.
template <class S>
class Scattered {
public:
    static constexpr S kBetween = std::numeric_limits<S>::quiet_NaN();

    Scattered(Draw& draw, Shape3 shape) : shape_(shape) {
        const Index row = shape.features + (draw.one_in(2) ? 0 : draw.size(1, 3));
        const Index gap = draw.one_in(2) ? 0 : draw.size(1, 5);
        strides_ = draw.one_in(4) ? Strides{row, shape.batch * row + gap} : Strides{shape.time * row + gap, row};
        memory_.assign(static_cast<std::size_t>(shape.batch * strides_.batch + shape.time * strides_.time), kBetween);
    }

    [[nodiscard]] SequenceView<S> view() { return {memory_.data(), shape_, strides_}; }
    [[nodiscard]] MatrixView<S> matrix() { return {memory_.data(), shape_.batch, shape_.features, strides_.batch}; }

    void assign(const std::vector<S>& values) {
        std::size_t i = 0;
        visit([&](S& element) { element = values[i++]; });
    }

    [[nodiscard]] std::vector<S> values() {
        std::vector<S> result;
        visit([&](const S& element) { result.push_back(element); });
        return result;
    }

    /// Call it last: it forgets the values.
    [[nodiscard]] bool is_untouched_between() {
        visit([](S& element) { element = kBetween; });
        return std::all_of(memory_.begin(), memory_.end(), [](S x) { return x != x; });
    }

private:
    template <class F>
    void visit(F&& f) {
        for (Index b = 0; b < shape_.batch; ++b)
            for (Index t = 0; t < shape_.time; ++t)
                for (Index i = 0; i < shape_.features; ++i) f(view()(b, t, i));
    }

    Shape3 shape_;
    Strides strides_;
    std::vector<S> memory_;
};

/// The largest difference, relative to max(1, largest expected value); infinite where one is NaN or missing.
template <class S, class T>
double difference(const std::vector<S>& received, const std::vector<T>& expected) {
    if (received.size() != expected.size()) return std::numeric_limits<double>::infinity();
    double worst = 0.0;
    double scale = 1.0;
    for (std::size_t i = 0; i < received.size(); ++i) {
        const double d = std::abs(static_cast<double>(received[i]) - static_cast<double>(expected[i]));
        worst = d >= 0.0 ? std::max(worst, d) : std::numeric_limits<double>::infinity();
        scale = std::max(scale, std::abs(static_cast<double>(expected[i])));
    }
    return worst / scale;
}

template <class S, class T>
double difference(const ReferenceOutput<S>& received, const ReferenceOutput<T>& expected) {
    return std::max({difference(received.sequences, expected.sequences), difference(received.last, expected.last),
                     difference(received.state, expected.state)});
}

template <class S>
std::vector<double> as_double(const std::vector<S>& values) {
    return {values.begin(), values.end()};
}

template <class S>
std::vector<std::vector<double>> as_double(const std::vector<std::vector<S>>& all) {
    std::vector<std::vector<double>> result;
    for (const std::vector<S>& values : all) result.push_back(as_double(values));
    return result;
}

/// The used steps of a batch: every pattern that matters.
std::vector<unsigned char> draw_mask(Draw& draw, const ReferenceOptions& o) {
    std::vector<unsigned char> mask;
    const auto time = static_cast<Index>(o.time);
    const Index pattern = draw.size(0, 4);
    for (std::size_t b = 0; b < o.batch; ++b) {
        const Index length = draw.size(0, time);
        for (Index t = 0; t < time; ++t) {
            const std::array<bool, 5> used{t < length, t >= length, draw.one_in(2), false, true};
            mask.push_back(used[static_cast<std::size_t>(pattern)] ? static_cast<unsigned char>(draw.size(1, 255)) : 0);
        }
    }
    return mask;
}

/// One random layer and its reference, called several times.
template <class S, bool ResetAfter>
class RandomCase {
public:
    explicit RandomCase(unsigned seed) : draw_(seed) {
        draw_sizes();
        draw_options();
        draw_weights();
    }

    struct Result {
        double difference = 0.0;      // of the layer to the reference of the same scalar type
        double rounding_error = 0.0;  // of that reference to the one in double
        bool is_untouched = true;     // what lies between the outputs
        bool has_exploded = false;    // a gate that is not in [0, 1] can do that; such numbers say nothing
        double float_tolerance = 0.0;
    };

    Result run() {
        Gru<S, ResetAfter> layer(size(reference_.features), options_);
        layer.set_weights(keras_weights());
        Result result;
        const Index calls = options_.stateful ? draw_.size(1, 3) : 1;
        for (Index i = 0; i < calls && !result.has_exploded; ++i) {
            call(layer, result);
            if (options_.stateful && !result.has_exploded) change_state(layer);
        }
        result.float_tolerance = float_tolerance(result.rounding_error);
        return result;
    }

    [[nodiscard]] std::string description() const {
        return eigengru::detail::text("batch ", reference_.batch, ", time ", reference_.time, ", features ",
                                      reference_.features, ", ", options_.to_string());
    }

private:
    static Index size(std::size_t n) { return static_cast<Index>(n); }

    void draw_sizes() {
        constexpr std::array<Index, 10> kAwkward{1, 2, 8, 15, 16, 17, 24, 31, 33, 64};
        const bool is_awkward = draw_.one_in(16);
        const auto one = [&] {
            return static_cast<std::size_t>(is_awkward ? draw_.one_of(kAwkward) : draw_.size(1, 9));
        };
        reference_ = {.batch = one(), .time = one(), .features = one(), .units = one()};
        if (is_awkward && draw_.one_in(4)) reference_.batch = static_cast<std::size_t>(draw_.size(120, 140));
        // Small enough for the loops; more time than fits into a chunk stays frequent.
        while (work() > 60'000 && reference_.units > 2) reference_.units /= 2;
        while (work() > 60'000 && reference_.features > 2) reference_.features /= 2;
        while (work() > 60'000) reference_.time /= 2;
    }

    [[nodiscard]] std::size_t work() const {
        return reference_.batch * reference_.time * reference_.units * (reference_.features + reference_.units);
    }

    void draw_options() {
        const ActivationPair activation = draw_activation(draw_, "tanh");
        const ActivationPair recurrent = draw_activation(draw_, "sigmoid");
        options_ = {.units = size(reference_.units),
                    .activation = activation.activation,
                    .recurrent_activation = recurrent.activation,
                    .use_bias = !draw_.one_in(4),
                    .kernel_initializer = "zeros",
                    .recurrent_initializer = "zeros",
                    .return_sequences = draw_.one_in(2),
                    .return_state = draw_.one_in(2),
                    .go_backwards = draw_.one_in(3),
                    .stateful = draw_.one_in(3),
                    .unroll = draw_.one_in(4),
                    .zero_output_for_mask = draw_.one_in(3),
                    .use_cudnn = false};
        is_contracting_ = kGates.contains(recurrent.reference.name);
        if (!is_contracting_) reference_.time = std::min<std::size_t>(reference_.time, 4);
        reference_.activation = activation.reference;
        reference_.recurrent_activation = recurrent.reference;
        reference_.use_bias = options_.use_bias;
        reference_.reset_after = ResetAfter;
        reference_.go_backwards = options_.go_backwards;
        reference_.zero_output_for_mask = options_.zero_output_for_mask;
    }

    void draw_weights() {
        const auto units = size(reference_.units);
        const auto features = size(reference_.features);
        weights_.kernel = draw_.values<S>(features * 3 * units, 1.0 / std::sqrt(static_cast<double>(features)));
        weights_.recurrent_kernel = draw_.values<S>(units * 3 * units, 1.0 / std::sqrt(static_cast<double>(units)));
        if (options_.use_bias) weights_.bias = draw_.values<S>((ResetAfter ? 2 : 1) * 3 * units, 0.5);
    }

    [[nodiscard]] std::vector<RowMatrix<S>> keras_weights() const {
        std::vector<std::vector<S>> all{weights_.kernel, weights_.recurrent_kernel};
        if (options_.use_bias) all.push_back(weights_.bias);
        std::vector<RowMatrix<S>> result;
        for (const std::vector<S>& values : all) {
            const std::size_t width = 3 * reference_.units;
            result.push_back(MatrixView<const S>(values.data(), values.size() / width, width).map());
        }
        return result;
    }

    /// Half of the time NaN and infinity stand at masked steps, where they must not matter.
    ReferenceCall<S> draw_call() {
        const auto batch = size(reference_.batch);
        ReferenceCall<S> call;
        call.inputs = draw_.values<S>(batch * size(reference_.time * reference_.features), 1.0);
        if (draw_.one_in(2)) call.mask = draw_mask(draw_, reference_);
        if (draw_.one_in(3)) call.initial_state = draw_.values<S>(batch * size(reference_.units), 1.0);
        if (draw_.one_in(4)) draw_dropout(call);
        if (call.mask.empty() || draw_.one_in(2)) return call;
        for (std::size_t i = 0; i < call.inputs.size(); ++i)
            if (call.mask[i / reference_.features] == 0)
                call.inputs[i] = i % 2 == 0 ? std::numeric_limits<S>::quiet_NaN() : std::numeric_limits<S>::infinity();
        return call;
    }

    void draw_dropout(ReferenceCall<S>& call) {
        const auto mask = [&](std::size_t width) {
            std::vector<S> values(reference_.batch * width);
            for (S& value : values) value = draw_.one_in(3) ? S(0) : S(1.5);
            return values;
        };
        constexpr std::array<int, 3> kInputMasks{0, 1, 3};
        for (int i = draw_.one_of(kInputMasks); i > 0; --i)
            call.input_dropout_masks.push_back(mask(reference_.features));
        for (int i = draw_.one_in(2) ? 3 : 0; i > 0; --i) call.state_dropout_masks.push_back(mask(reference_.units));
    }

    static std::vector<RowMatrix<S>> matrices(const std::vector<std::vector<S>>& all, std::size_t rows) {
        std::vector<RowMatrix<S>> result;
        for (const std::vector<S>& values : all)
            result.push_back(MatrixView<const S>(values.data(), rows, values.size() / rows).map());
        return result;
    }

    void call(Gru<S, ResetAfter>& layer, Result& result) {
        const ReferenceCall<S> given = draw_call();
        ReferenceCall<S> complete = given;
        if (complete.initial_state.empty() && options_.stateful) complete.initial_state = carried_;
        const ReferenceOutput<S> expected = reference_gru(reference_, weights_, complete);
        const auto is_large = [](S x) { return !(std::abs(x) < S(100)); };
        result.has_exploded = std::any_of(expected.sequences.begin(), expected.sequences.end(), is_large);
        if (result.has_exploded) return;
        const ReferenceOutput<S> received = receive(layer, given, result);
        result.difference = std::max(result.difference, difference(received, kept(expected)));
        result.rounding_error = std::max(result.rounding_error, difference(expected, in_double(complete)));
        carried_ = expected.state;
    }

    ReferenceOutput<S> kept(ReferenceOutput<S> expected) const {
        if (!options_.return_sequences) expected.sequences.clear();
        return expected;
    }

    ReferenceOutput<double> in_double(const ReferenceCall<S>& call) const {
        return reference_gru<double>(
            reference_, {as_double(weights_.kernel), as_double(weights_.recurrent_kernel), as_double(weights_.bias)},
            {as_double(call.inputs), call.mask, as_double(call.initial_state), as_double(call.input_dropout_masks),
             as_double(call.state_dropout_masks)});
    }

    /// Runs the layer by one of its two calls, inputs and outputs scattered.
    ReferenceOutput<S> receive(Gru<S, ResetAfter>& layer, const ReferenceCall<S>& given, Result& result) {
        const Shape3 shape(reference_.batch, reference_.time, reference_.features);
        Scattered<S> inputs(draw_, shape);
        inputs.assign(given.inputs);
        const DropoutMasks<S> masks{matrices(given.input_dropout_masks, reference_.batch),
                                    matrices(given.state_dropout_masks, reference_.batch)};
        const bool is_dropping = !masks.input.empty() || !masks.state.empty();
        CallOptions<S> call{.training = is_dropping, .dropout_masks = &masks};
        if (!given.mask.empty()) call.mask = {given.mask, shape.batch, shape.time};
        const std::vector<int> lengths = lengths_of(given.mask);
        if (!lengths.empty() && draw_.one_in(2)) {
            call.mask = {};
            call.lengths = lengths;
        }
        if (!given.initial_state.empty()) call.initial_state = {given.initial_state.data(), shape.batch, layer.units()};
        return draw_.one_in(2) ? by_value(layer, inputs.view(), call) : into_memory(layer, inputs.view(), call, result);
    }

    /// The lengths that say the same as a mask; empty where none do.
    [[nodiscard]] std::vector<int> lengths_of(const std::vector<unsigned char>& mask) const {
        std::vector<int> lengths;
        for (std::size_t at = 0; at < mask.size(); at += reference_.time) {
            const auto first = mask.begin() + static_cast<std::ptrdiff_t>(at);
            const auto last = first + static_cast<std::ptrdiff_t>(reference_.time);
            const auto unused = std::find(first, last, 0);
            if (std::any_of(unused, last, [](unsigned char used) { return used != 0; })) return {};
            lengths.push_back(static_cast<int>(unused - first));
        }
        return lengths;
    }

    static ReferenceOutput<S> by_value(Gru<S, ResetAfter>& layer, SequenceView<const S> inputs,
                                       const CallOptions<S>& call) {
        const Output<S> y = layer(inputs, call);
        return {{y.sequences.data(), y.sequences.data() + y.sequences.size()},
                {y.last.data(), y.last.data() + y.last.size()},
                {y.state.data(), y.state.data() + y.state.size()}};
    }

    ReferenceOutput<S> into_memory(Gru<S, ResetAfter>& layer, SequenceView<const S> inputs, const CallOptions<S>& call,
                                   Result& result) {
        const Shape3 shape(inputs.shape().batch, inputs.shape().time, layer.units());
        Scattered<S> sequences(draw_, shape);
        Scattered<S> last(draw_, {shape.batch, 1, shape.features});
        Scattered<S> state(draw_, {shape.batch, 1, shape.features});
        OutputView<S> output{.last = last.matrix(), .state = state.matrix()};
        if (options_.return_sequences) output.sequences = sequences.view();
        layer.call(inputs, call, output);
        ReferenceOutput<S> received{options_.return_sequences ? sequences.values() : std::vector<S>(), last.values(),
                                    state.values()};
        for (Scattered<S>* memory : {&sequences, &last, &state})
            result.is_untouched = result.is_untouched && memory->is_untouched_between();
        return received;
    }

    /// Between two calls of a stateful layer.
    void change_state(Gru<S, ResetAfter>& layer) {
        const auto units = static_cast<std::ptrdiff_t>(reference_.units);
        switch (draw_.size(0, 5)) {
            case 0:
                layer.reset_state();
                std::fill(carried_.begin(), carried_.end(), S(0));
                break;
            case 1: {
                const Index row = draw_.size(0, size(reference_.batch) - 1);
                layer.reset_state({row});
                std::fill_n(carried_.begin() + row * units, units, S(0));
                break;
            }
            case 2:
                layer.clear_state();
                carried_.clear();
                reference_.batch = static_cast<std::size_t>(draw_.size(1, 9));
                break;
            case 3:
                carried_ = draw_.values<S>(size(carried_.size()), 1.0);
                layer.set_state({carried_.data(), reference_.batch, reference_.units});
                break;
            default: reference_.time = static_cast<std::size_t>(draw_.size(1, size(reference_.time))); break;
        }
    }

    /// A recurrence amplifies rounding errors. How much, shows in those of the reference, which are of the same kind:
    /// four times these, and where the state is a mean of values no larger than before, no less than 1e-6.
    [[nodiscard]] double float_tolerance(double rounding_error) const {
        return std::max(is_contracting_ ? 1e-6 : 1e-5, 4.0 * rounding_error);
    }

    inline static const std::set<std::string> kGates{"sigmoid", "hard_sigmoid", "sparse_sigmoid", "softmax"};

    Draw draw_;
    bool is_contracting_ = true;  // the gates lie in [0, 1]; others may let the state grow without limit
    ReferenceOptions reference_;
    GruOptions options_;
    ReferenceWeights<S> weights_;
    std::vector<S> carried_;
};

template <class M>
class GruAtRandom : public testing::Test {};
TYPED_TEST_SUITE(GruAtRandom, Modes, );

TYPED_TEST(GruAtRandom, AgreesWithTheScalarLoops) {
    using S = typename TypeParam::Scalar;
    int compared = 0;
    double worst = 0.0;
    double closest = 0.0;
    for (unsigned seed = 0; seed < kCases; ++seed) {
        RandomCase<S, TypeParam::kResetAfter> random(seed);
        const auto result = random.run();
        if (result.has_exploded) continue;
        const double tolerance = std::is_same_v<S, double> ? 1e-11 : result.float_tolerance;
        EXPECT_LE(result.difference, tolerance)
            << "seed " << seed << ", rounding error " << result.rounding_error << ": " << random.description();
        EXPECT_TRUE(result.is_untouched) << "seed " << seed << ": " << random.description();
        worst = std::max(worst, result.difference);
        closest = std::max(closest, result.difference / tolerance);
        ++compared;
    }
    EXPECT_GE(compared, kCases * 9 / 10);
    std::printf("  %d cases, worst difference %.3g, at most %.2f of the tolerance\n", compared, worst, closest);
}

}  // namespace
}  // namespace eigengru_test
