// SPDX-License-Identifier: MIT
// The gradients of the layer against central differences on random configurations: all options, masks of every kind,
// dropout masks, every activation, regularizers, the second call of a stateful layer, by each kind of tape.
#include "eigengru/layer/gru.hpp"
#include "support/draw.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <random>

namespace eigengru_test {
namespace {

using namespace eigengru;
using Matrix = RowMatrix<double>;

constexpr unsigned kGradientCases = 240;  // for each reset mode

const std::vector<Activation>& activations() {
    static const std::vector<Activation> all{
        "linear",
        "tanh",
        "sigmoid",
        "relu",
        "relu6",
        "leaky_relu",
        "elu",
        "selu",
        "celu",
        "gelu",
        "silu",
        "hard_silu",
        "hard_sigmoid",
        "hard_tanh",
        "softplus",
        "softsign",
        "exponential",
        "mish",
        "log_sigmoid",
        "tanh_shrink",
        "soft_shrink",
        "hard_shrink",
        "squareplus",
        "sparse_plus",
        "sparse_sigmoid",
        "softmax",
        "log_softmax",
        "sparsemax",
        Activation::relu({.negative_slope = 0.1, .max_value = 0.6, .threshold = 0.05}),
        Activation::elu({.alpha = 0.7}),
        Activation::celu({.alpha = 1.7}),
        Activation::gelu({.approximate = true}),
        Activation::threshold({.threshold = 0.1, .default_value = -0.2}),
        Activation::squareplus({.b = 1.5}),
        Activation::custom(
            "cubed", [](auto x) { return x * x * x; }, [](auto x, auto) { return 3 * x * x; })};
    return all;
}

Regularizer draw_regularizer(Draw& draw, bool takes_matrix) {
    if (draw.one_in(2)) return {};
    if (takes_matrix && draw.one_in(3)) return Regularizer::orthogonal({.factor = 0.3, .mode = "columns"});
    return Regularizer::l1_l2({.l1 = draw.real(0, 0.2), .l2 = draw.real(0, 0.2)});
}

/// A layer, a call of it, and a linear function of all that it gives back as the loss, regularizers added.
template <bool ResetAfter>
class RandomCall {
public:
    using Layer = Gru<double, ResetAfter>;

    /// The activations take turns, so that each is seen in either place.
    explicit RandomCall(unsigned seed) : draw_(seed), options_(draw_options(seed)), layer_(draw_.size(1, 5), options_) {
        const Index features = layer_.features(), units = layer_.units();
        layer_.update_parameters([&](auto& p) {
            for (double& w : p.flat()) w = draw_.real(-0.8, 0.8);
        });
        inputs_ = Sequence<double>({draw_.size(1, 4), draw_.size(1, 6), features});
        if (is_contracting() && draw_.one_in(8)) inputs_ = Sequence<double>({30, 9, features});  // chunks and segments
        const auto [batch, time, width] = inputs_.shape();
        inputs_.matrix() = draw_.matrix(batch * time, width);
        state_ = draw_.matrix(batch, units, 0.7);
        draw_mask();
        if (draw_.one_in(3)) draw_dropout(batch, width, units);
        if (options_.stateful) call_once_before();
        if (options_.activity_regularizer.kind() == RegularizerKind::orthogonal) has_state_ = true;
        has_exploded_ = !(Layer(layer_)(inputs_, call()).state.cwiseAbs().maxCoeff() < 20.0);
        d_sequences_ = Sequence<double>({batch, time, units});
        d_sequences_.matrix() = draw_.matrix(batch * time, units);
        d_last_ = draw_.matrix(batch, units);
        d_state_ = draw_.matrix(batch, units);
        draw_gradients();
    }

    /// Gates outside of [0, 1] may let the state grow without limit; such numbers say nothing.
    [[nodiscard]] bool has_exploded() const { return has_exploded_; }
    [[nodiscard]] Sequence<double>& inputs() { return inputs_; }
    [[nodiscard]] const std::vector<unsigned char>& mask() const { return mask_; }
    [[nodiscard]] const OutputGradients<double>& d_output() const { return d_; }

    [[nodiscard]] CallOptions<double> call() const {
        CallOptions<double> call{.training = true, .dropout_masks = &dropout_};
        if (!mask_.empty()) call.mask = {mask_, inputs_.shape().batch, inputs_.shape().time};
        if (has_state_) call.initial_state = state_;
        return call;
    }

    [[nodiscard]] Gradients<double> gradients(Index checkpoint_every = 0) const {
        Layer layer = layer_;
        Tape<double> tape(TapeOptions{.checkpoint_every = checkpoint_every});
        (void)layer.forward(inputs_, call(), tape);
        return layer.backward(tape, d_);
    }

    /// The loss when everything moves by `distance` along a direction.
    [[nodiscard]] double loss(const Gradients<double>& direction, double distance) const {
        Layer layer = layer_;
        layer.update_parameters([&](auto& p) { p.flat() += distance * direction.parameters.flat(); });
        Sequence<double> inputs = inputs_;
        inputs.matrix() += distance * direction.inputs.matrix();
        CallOptions<double> call = this->call();
        const Matrix before = has_state_ ? state_ : carried();
        const Matrix state = before + distance * direction.initial_state;
        call.initial_state = state;
        const Output<double> y = layer(inputs, call);
        double sum = layer.losses().total();
        if (d_.sequences.is_present()) sum += y.sequences.matrix().cwiseProduct(d_sequences_.matrix()).sum();
        if (d_.last.is_present()) sum += y.last.cwiseProduct(d_last_).sum();
        if (d_.state.is_present()) sum += y.state.cwiseProduct(d_state_).sum();
        return sum;
    }

    /// One entry in the parameters, the inputs or the state, or random numbers in all of them.
    [[nodiscard]] Gradients<double> direction(Index kind, const Gradients<double>& like) {
        Gradients<double> d = like;
        for (double& w : d.parameters.flat()) w = draw_.real(-1, 1);
        d.inputs.matrix() = draw_.matrix(d.inputs.matrix().rows(), layer_.features());
        d.initial_state = draw_.matrix(d.initial_state.rows(), layer_.units());
        if (kind == 0) return d;
        if (kind != 1) d.parameters.flat().setZero();
        if (kind != 2) d.inputs.matrix().setZero();
        if (kind != 3) d.initial_state.setZero();
        if (kind < 4) return d;
        const Index size = d.parameters.size();
        d.parameters.flat()(draw_.size(0, size - 1)) = 1.0;
        return d;
    }

    [[nodiscard]] std::string description() const {
        const Shape3& shape = inputs_.shape();
        return eigengru::detail::text(shape, mask_.empty() ? "" : ", masked",
                                      dropout_.input.size() + dropout_.state.size() > 0 ? ", dropout, " : ", ",
                                      options_.to_string());
    }

private:
    GruOptions draw_options(unsigned seed) {
        const std::size_t n = activations().size();
        const bool returns_sequences = draw_.one_in(2);
        GruOptions options{.units = draw_.size(1, 5),
                           .recurrent_activation = "sigmoid",
                           .use_bias = !draw_.one_in(4),
                           .kernel_regularizer = draw_regularizer(draw_, true),
                           .recurrent_regularizer = draw_regularizer(draw_, true),
                           .bias_regularizer = draw_regularizer(draw_, false),
                           // Columns of zeros, as relu gives, are jumps of the orthogonal one.
                           .activity_regularizer = draw_regularizer(draw_, !returns_sequences && seed % 3 == 0),
                           .return_sequences = returns_sequences,
                           .return_state = draw_.one_in(2),
                           .go_backwards = draw_.one_in(3),
                           .stateful = draw_.one_in(4),
                           .zero_output_for_mask = draw_.one_in(3)};
        if (seed % 3 > 0) options.activation = activations()[seed / 3 % n];
        if (seed % 3 > 1) options.recurrent_activation = draw_.one_of(activations());
        if (seed % 3 == 1 && draw_.one_in(2)) std::swap(options.activation, options.recurrent_activation);
        if (seed % 3 == 0) options.activation = "tanh";
        return options;
    }

    [[nodiscard]] bool is_contracting() const {
        const std::string_view name = options_.recurrent_activation.name();
        return name.find("sigmoid") != name.npos && name != "log_sigmoid";
    }

    void draw_mask() {
        if (draw_.one_in(3)) return;
        const Index pattern = draw_.size(0, 4);
        const auto [batch, time, width] = inputs_.shape();
        for (Index b = 0; b < batch; ++b) {
            const Index length = draw_.size(0, time);
            for (Index t = 0; t < time; ++t) {
                const std::array<bool, 5> used{t < length, t >= length, draw_.one_in(2), false, true};
                mask_.push_back(used[static_cast<std::size_t>(pattern)] ? 1 : 0);
            }
        }
    }

    void draw_dropout(Index batch, Index features, Index units) {
        constexpr std::array<int, 3> kInputMasks{0, 1, 3};
        for (int i = draw_.one_of(kInputMasks); i > 0; --i)
            dropout_.input.push_back(draw_.dropout_mask(batch, features));
        for (int i = draw_.one_in(2) ? 3 : 0; i > 0; --i) dropout_.state.push_back(draw_.dropout_mask(batch, units));
    }

    /// The state that the checked call starts from is then the carried one, unless it is given.
    void call_once_before() {
        const Output<double> y = layer_(inputs_, call());
        has_state_ = !(y.state.cwiseAbs().maxCoeff() < 2.0) || draw_.one_in(3);
    }

    [[nodiscard]] Matrix carried() const {
        if (options_.stateful) return layer_.state();
        return Matrix::Zero(inputs_.shape().batch, layer_.units());
    }

    /// Any of the three, often all at once.
    void draw_gradients() {
        if (options_.return_sequences && !draw_.one_in(4)) d_.sequences = d_sequences_;
        if (!draw_.one_in(4)) d_.last = d_last_;
        if (!draw_.one_in(4)) d_.state = d_state_;
    }

    Draw draw_;
    GruOptions options_;
    Layer layer_;
    Sequence<double> inputs_;
    std::vector<unsigned char> mask_;
    bool has_state_ = draw_.one_in(2);
    bool has_exploded_ = false;
    Matrix state_;
    DropoutMasks<double> dropout_;
    Sequence<double> d_sequences_;
    Matrix d_last_, d_state_;
    OutputGradients<double> d_;
};

double dot(const Gradients<double>& a, const Gradients<double>& b) {
    return a.parameters.flat().dot(b.parameters.flat()) + a.inputs.matrix().cwiseProduct(b.inputs.matrix()).sum() +
           a.initial_state.cwiseProduct(b.initial_state).sum();
}

template <class S>
bool same_bits(const Gradients<S>& a, const Gradients<S>& b) {
    return a.parameters.flat() == b.parameters.flat() && a.inputs.matrix() == b.inputs.matrix() &&
           a.initial_state == b.initial_state;
}

/// The derivative along a direction by differences, and by how much it is uncertain: the difference between two steps.
/// A kink or jump of an activation between the points shows there.
struct Slope {
    double value = 0.0;
    double uncertainty = 0.0;
};

template <class Call>
Slope slope_of(const Call& random, const Gradients<double>& direction) {
    Slope best{0.0, INFINITY};
    for (const double step : {1e-4, 1e-5, 1e-6}) {
        const auto central = [&](double h) {
            return (random.loss(direction, h) - random.loss(direction, -h)) / (2 * h);
        };
        const double narrow = central(step), wide = central(2 * step);
        const Slope slope{(4 * narrow - wide) / 3, std::abs(narrow - wide)};  // the term in h^2 cancels
        if (slope.uncertainty < best.uncertainty) best = slope;
        if (best.uncertainty < 1e-7 * std::max(1.0, std::abs(best.value))) break;
    }
    return best;
}

template <class ResetMode>
class GruGradient : public testing::Test {};
using ResetModes = testing::Types<std::true_type, std::false_type>;
TYPED_TEST_SUITE(GruGradient, ResetModes, );

TYPED_TEST(GruGradient, IsTheSlopeOfTheLoss) {
    int compared = 0, uncertain = 0;
    double worst = 0.0;
    for (unsigned seed = 0; seed < kGradientCases; ++seed) {
        RandomCall<TypeParam::value> random(seed);
        if (random.has_exploded()) continue;
        const Gradients<double> g = random.gradients();
        for (const Index kind : {0, 1, 2, 3, 4, 4}) {
            const Gradients<double> direction = random.direction(kind, g);
            const Slope slope = slope_of(random, direction);
            const double scale = std::max(1.0, std::abs(slope.value));
            if (!(slope.uncertainty < 1e-5 * scale)) {
                ++uncertain;
                continue;
            }
            const double error = std::abs(dot(g, direction) - slope.value) / scale;
            EXPECT_LE(error, 1e-6) << "seed " << seed << ", kind " << kind << ", slope " << slope.value << ": "
                                   << random.description();
            worst = std::max(worst, error);
            ++compared;
        }
    }
    EXPECT_GE(compared, 5 * static_cast<int>(kGradientCases));
    EXPECT_GE(compared, 20 * uncertain);
    std::printf("  %d slopes, worst error %.3g, %d at a kink\n", compared, worst, uncertain);
}

TYPED_TEST(GruGradient, IsTheSameWithCheckpoints) {
    for (unsigned seed = 0; seed < kGradientCases; ++seed) {
        const RandomCall<TypeParam::value> random(seed);
        if (random.has_exploded()) continue;
        const Gradients<double> g = random.gradients();
        for (const Index every : {1, 2, 3, 5, 100})
            EXPECT_TRUE(same_bits(g, random.gradients(every))) << every << ", seed " << seed << random.description();
    }
}

TYPED_TEST(GruGradient, DoesNotDependOnWhatStandsAtMaskedSteps) {
    int masked = 0;
    for (unsigned seed = 0; seed < kGradientCases; ++seed) {
        RandomCall<TypeParam::value> random(seed);
        if (random.mask().empty() || random.has_exploded()) continue;
        const auto set_padding = [&](double even, double odd) {
            for (std::size_t i = 0; i < random.mask().size(); ++i) {
                if (random.mask()[i] != 0) continue;
                random.inputs().matrix().row(static_cast<Index>(i)).setConstant(i % 2 == 0 ? even : odd);
                ++masked;
            }
        };
        set_padding(0.0, 0.0);
        const Gradients<double> g = random.gradients();
        EXPECT_TRUE(g.parameters.flat().allFinite());
        set_padding(NAN, INFINITY);
        for (const Index every : {0, 2})
            EXPECT_TRUE(same_bits(g, random.gradients(every))) << "seed " << seed << ": " << random.description();
        for (std::size_t i = 0; i < random.mask().size(); ++i) {
            const double largest = g.inputs.matrix().row(static_cast<Index>(i)).cwiseAbs().maxCoeff();
            EXPECT_TRUE(random.mask()[i] != 0 || largest == 0.0) << "seed " << seed << ", row " << i;
        }
    }
    EXPECT_GT(masked, 500);
}

}  // namespace
}  // namespace eigengru_test
