// SPDX-License-Identifier: MIT
#include "eigengru/cell/fixed.hpp"

#include "eigengru/layer/stream.hpp"
#include "support/allocation_counter.hpp"
#include "support/kernel_list.hpp"
#include "support/larger.hpp"
#include "support/many_steps.hpp"
#include "support/message_of.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;

template <class M, Index Features, Index Units>
using FixedOf = FixedGru<typename M::Scalar, Features, Units, M::kResetAfter>;

template <class M>
using LayerOf = Gru<typename M::Scalar, M::kResetAfter>;

template <class M>
LayerOf<M> random_layer(Index features, Index units, GruOptions options = {}) {
    options.units = units;
    options.stateful = true;
    options.recurrent_initializer = "glorot_uniform";
    if (options.use_bias) options.bias_initializer = "random_normal";
    options.seed = 7;
    return {features, options};
}

template <class S>
RowMatrix<S> random_inputs(Index steps, Index features) {
    return RowMatrix<S>::Random(steps, features);
}

template <class S, std::size_t N>
Eigen::Map<const RowMatrix<S>> row_of(std::span<const S, N> values) {
    return {values.data(), 1, Index(N)};
}

template <class S>
constexpr double kTolerance = std::is_same_v<S, float> ? 1e-6 : 1e-12;

/// Steps of a fixed-size GRU and of its layer, which carries its state, from a state of random numbers.
template <class M, Index Features, Index Units>
void expect_steps_of_layer(LayerOf<M> layer, Kernels kernels) {
    using S = typename M::Scalar;
    FixedOf<M, Features, Units> fixed(layer, kernels);
    const RowMatrix<S> start = RowMatrix<S>::Random(1, Units), inputs = random_inputs<S>(30, Features);
    layer.set_state(start);
    fixed.set_state(std::span<const S, std::size_t(Units)>(start.data(), std::size_t(Units)));
    double difference = 0;
    for (Index t = 0; t < inputs.rows(); ++t) {
        const RowMatrix<S> expected = layer(SequenceView<const S>(inputs.row(t).data(), {1, 1, Features})).state;
        const auto state = fixed.step(std::span<const S, std::size_t(Features)>(inputs.row(t).data(), Features));
        difference = std::max(difference, double((row_of(state) - expected).cwiseAbs().maxCoeff()));
    }
    EXPECT_LE(difference, kTolerance<S>) << Features << ' ' << Units << ' ' << name_of(kernels);
}

template <class M, Index Features, Index Units>
void expect_steps_of_layer() {
    for (const Kernels kernels : supported_kernels())
        expect_steps_of_layer<M, Features, Units>(random_layer<M>(Features, Units), kernels);
}

template <class M>
class FixedGruOf : public testing::Test {};
TYPED_TEST_SUITE(FixedGruOf, Modes, );

// The compiler unrolls each size for every instruction set: few sizes in all modes, and the rest in one mode each, or it
// works for minutes.
TYPED_TEST(FixedGruOf, StepsAreThoseOfTheLayer) {
    expect_steps_of_layer<TypeParam, 3, 3>();
    expect_steps_of_layer<TypeParam, 3, 8>();
    expect_steps_of_layer<TypeParam, 8, 9>();
    expect_steps_of_layer<TypeParam, 2, 24>();
}

TEST(FixedGru, StepsAreThoseOfTheLayerForMoreSizes) {
    expect_steps_of_layer<Mode<float, true>, 1, 1>();
    expect_steps_of_layer<Mode<float, false>, 2, 3>();
    expect_steps_of_layer<Mode<float, true>, 1, 16>();
    expect_steps_of_layer<Mode<double, true>, 16, 17>();
    expect_steps_of_layer<Mode<float, true>, 1, 31>();
    expect_steps_of_layer<Mode<float, true>, 8, 32>();
    expect_steps_of_layer<Mode<float, false>, 3, 33>();
    expect_steps_of_layer<Mode<double, false>, 2, 40>();
    expect_steps_of_layer<Mode<float, true>, 16, 64>();
    expect_steps_of_layer<Mode<float, true>, 2, 75>();
}

TYPED_TEST(FixedGruOf, StepsWithoutBiasAreThoseOfTheLayer) {
    expect_steps_of_layer<TypeParam, 3, 8>(random_layer<TypeParam>(3, 8, {.use_bias = false}), Kernels::automatic);
}

TYPED_TEST(FixedGruOf, LargeInputsAreThoseOfTheLayer) {
    using S = typename TypeParam::Scalar;
    for (const Kernels kernels : supported_kernels()) {
        LayerOf<TypeParam> layer = random_layer<TypeParam>(1, 3);
        FixedOf<TypeParam, 1, 3> fixed(layer, kernels);
        for (const S x : {S(1e30), S(-1e30), S(500), S(-500), S(50), S(-50), S(0)}) {
            const RowMatrix<S> expected = layer(SequenceView<const S>(&x, {1, 1, 1})).state;
            EXPECT_LE((row_of(fixed.step(x)) - expected).cwiseAbs().maxCoeff(), S(1e-6)) << x << name_of(kernels);
        }
    }
}

TYPED_TEST(FixedGruOf, NanStays) {
    using S = typename TypeParam::Scalar;
    for (const Kernels kernels : supported_kernels()) {
        FixedOf<TypeParam, 1, 3> fixed(random_layer<TypeParam>(1, 3), kernels);
        for (const S x : fixed.step(std::numeric_limits<S>::quiet_NaN())) EXPECT_TRUE(std::isnan(x));
        fixed.reset();
        for (const S x : fixed.step(S(1))) EXPECT_FALSE(std::isnan(x));
    }
}

TYPED_TEST(FixedGruOf, InputsComeInManyForms) {
    using S = typename TypeParam::Scalar;
    const LayerOf<TypeParam> layer = random_layer<TypeParam>(3, 3);
    FixedOf<TypeParam, 3, 3> a(layer), b(layer);
    const std::array<S, 3> array{S(0.5), S(-1), S(2)};
    const S plain[3] = {S(0.5), S(-1), S(2)};
    EXPECT_EQ(row_of(a.step(array)), row_of(b.step(plain)));
    FixedOf<TypeParam, 1, 3> c(random_layer<TypeParam>(1, 3)), d = c;
    EXPECT_EQ(row_of(c.step(S(0.5))), row_of(d.step(std::array<S, 1>{S(0.5)})));
}

TYPED_TEST(FixedGruOf, OneCanFeedAnother) {
    using S = typename TypeParam::Scalar;
    FixedOf<TypeParam, 1, 3> first(random_layer<TypeParam>(1, 3));
    FixedOf<TypeParam, 3, 3> second(random_layer<TypeParam>(3, 3)), own = second;
    const auto between = first.step(S(0.5));
    const auto output = second.step(between);
    EXPECT_EQ(output.data(), second.state().data());
    const RowMatrix<S> state = row_of(second.state());
    own.set_state(second.state());
    EXPECT_EQ(row_of(second.step(second.state())), row_of(own.step(std::span<const S, 3>(state.data(), 3))));
}

TYPED_TEST(FixedGruOf, StateIsKeptSetAndReset) {
    using S = typename TypeParam::Scalar;
    FixedOf<TypeParam, 1, 3> fixed(random_layer<TypeParam>(1, 3));
    EXPECT_EQ(row_of(fixed.state()), (RowMatrix<S>::Zero(1, 3)));
    const std::array<S, 3> values{S(0.25), S(-0.5), S(1e-300)};
    fixed.set_state(values);
    EXPECT_EQ(fixed.state()[0], S(0.25));
    EXPECT_EQ(fixed.state()[1], S(-0.5));
    EXPECT_EQ(fixed.state()[2], S(0));
    const RowMatrix<S> once = row_of(fixed.step(S(1)));
    fixed.set_state(values);
    EXPECT_EQ(row_of(fixed.step(S(1))), once);
    fixed.reset();
    EXPECT_EQ(row_of(fixed.state()), (RowMatrix<S>::Zero(1, 3)));
}

TYPED_TEST(FixedGruOf, CopiesAreIndependent) {
    using S = typename TypeParam::Scalar;
    FixedOf<TypeParam, 1, 3> a(random_layer<TypeParam>(1, 3));
    a.step(S(1));
    const FixedOf<TypeParam, 1, 3> b = a;
    const RowMatrix<S> before = row_of(b.state());
    a.step(S(2));
    EXPECT_EQ(row_of(b.state()), before);
    EXPECT_NE(row_of(a.state()), before);
}

TYPED_TEST(FixedGruOf, LaterChangesOfTheLayerDoNotReachIt) {
    using S = typename TypeParam::Scalar;
    LayerOf<TypeParam> layer = random_layer<TypeParam>(1, 3);
    FixedOf<TypeParam, 1, 3> a(layer), b(layer);
    layer.update_parameters([](auto& p) { p.flat().setZero(); });
    EXPECT_EQ(row_of(a.step(S(1))), row_of(b.step(S(1))));
    EXPECT_NE(a.state()[0], S(0));
}

TYPED_TEST(FixedGruOf, AllocatesNothing) {
    if (!kAllocationCounterWorks) GTEST_SKIP() << "allocations cannot be counted in this build";
    using S = typename TypeParam::Scalar;
    using Fixed = FixedOf<TypeParam, 1, 3>;
    const AllocationCount counter;
    Fixed fixed(typename Fixed::Weights(std::array<S, 9>{}, std::array<S, 27>{}));
    fixed.step(S(1));
    fixed.reset();
    fixed.set_state(std::array<S, 3>{});
    EXPECT_EQ(counter.count(), 0U);
}

TYPED_TEST(FixedGruOf, HotFunctionsAreNoexceptAndCopiesAreTrivial) {
    using S = typename TypeParam::Scalar;
    using Fixed = FixedOf<TypeParam, 1, 3>;
    static_assert(noexcept(std::declval<Fixed&>().step(S(1))));
    static_assert(noexcept(std::declval<Fixed&>().step(std::array<S, 1>{})));
    static_assert(noexcept(std::declval<Fixed&>().set_state(std::array<S, 3>{})));
    static_assert(noexcept(std::declval<Fixed&>().reset()));
    static_assert(noexcept(std::declval<Fixed&>().state()));
    static_assert(std::is_nothrow_constructible_v<Fixed, const typename Fixed::Weights&>);
    static_assert(std::is_trivially_copyable_v<Fixed>);
    SUCCEED();
}

/// A state that only decays, by a factor of 0.9 each step: all weights are zero, and so is what z lets in.
template <class M, Index Units>
FixedOf<M, 1, Units> decaying(Kernels kernels) {
    using S = typename M::Scalar;
    using Fixed = FixedOf<M, 1, Units>;
    std::array<S, Fixed::Weights::kKernelSize> kernel{};
    std::array<S, Fixed::Weights::kRecurrentKernelSize> recurrent_kernel{};
    std::array<S, Fixed::Weights::kBiasSize> bias{};
    std::fill_n(bias.begin(), Units, S(2.2));
    return Fixed(typename Fixed::Weights(kernel, recurrent_kernel, bias), kernels);
}

TYPED_TEST(FixedGruOf, ADecayingStateBecomesZeroAndIsNeverSubnormal) {
    using S = typename TypeParam::Scalar;
    for (const Kernels kernels : supported_kernels()) {
        auto fixed = decaying<TypeParam, 3>(kernels);
        for (const std::array<S, 3>& start :
             {std::array<S, 3>{S(1), S(-1e-20), S(1e-29)}, std::array<S, 3>{S(-1), S(0.5), S(-1e-29)}}) {
            fixed.set_state(start);
            for (int t = 0; t < kManySteps; ++t)
                for (const S x : fixed.step(S(1)))
                    ASSERT_TRUE(x == 0 || std::abs(x) >= detail::kSmallestState<S>) << x << " at " << t;
            for (const S x : fixed.state()) EXPECT_EQ(x, S(0));
        }
    }
}

TYPED_TEST(FixedGruOf, ManyStepsAreThoseOfAStream) {
    using S = typename TypeParam::Scalar;
    const LayerOf<TypeParam> layer = random_layer<TypeParam>(3, 8);
    FixedOf<TypeParam, 3, 8> fixed(layer);
    GruStream<S> stream(layer);
    const RowMatrix<S> inputs = random_inputs<S>(997, 3);
    std::array<S, 8> y{};
    S difference = 0;
    for (int t = 0; t < kManySteps; ++t) {
        const S* x = inputs.row(t % 997).data();
        stream.step(x, y.data());
        const auto state = fixed.step(std::span<const S, 3>(x, 3));
        for (std::size_t i = 0; i < 8; ++i) difference = larger(difference, std::abs(state[i] - y[i]));
    }
    EXPECT_LE(difference, kTolerance<S>);
}

TYPED_TEST(FixedGruOf, KnowsItsKernels) {
    for (const Kernels kernels : supported_kernels()) {
        const FixedOf<TypeParam, 1, 3> fixed(random_layer<TypeParam>(1, 3), kernels);
        EXPECT_NE(fixed.kernels(), Kernels::automatic);
        EXPECT_NE(fixed.kernels(), Kernels::eigen);
        if (kernels >= Kernels::portable) {
            EXPECT_EQ(fixed.kernels(), kernels);
        }
    }
}

TEST(FixedGru, TakesWhatEigengruKernelsNames) {
    ASSERT_EQ(setenv("EIGENGRU_KERNELS", "portable", 1), 0);
    const FixedGru<float, 1, 64> portable(random_layer<Mode<float, true>>(1, 64));
    ASSERT_EQ(setenv("EIGENGRU_KERNELS", "nonsense", 1), 0);
    const FixedGru<float, 1, 64> other(random_layer<Mode<float, true>>(1, 64));
    ASSERT_EQ(unsetenv("EIGENGRU_KERNELS"), 0);
    const FixedGru<float, 1, 64> best(random_layer<Mode<float, true>>(1, 64));
    EXPECT_EQ(portable.kernels(), Kernels::portable);
    EXPECT_EQ(other.kernels(), best.kernels());
}

template <class Fixed, class Error>
std::string refusal(Index features, GruOptions options) {
    return message_of<Error>([&] { Fixed(Gru<float>(features, options)); });
}

TEST(FixedGru, RefusesALayerOfOtherSizes) {
    using Fixed = FixedGru<float, 1, 24>;
    EXPECT_EQ((refusal<Fixed, ShapeError>(8, {.units = 24})),
              "FixedGru: expected a layer of 1 features and 24 units, received 8 and 24");
    EXPECT_EQ((refusal<Fixed, ShapeError>(1, {.units = 16})),
              "FixedGru: expected a layer of 1 features and 24 units, received 1 and 16");
}

TEST(FixedGru, RefusesOtherActivations) {
    using Fixed = FixedGru<float, 1, 4>;
    EXPECT_EQ((refusal<Fixed, OptionError>(1, {.units = 4, .activation = "relu"})),
              "FixedGru: expected the activations tanh and sigmoid, received relu and sigmoid; GruStream takes any");
    EXPECT_EQ(
        (refusal<Fixed, OptionError>(1, {.units = 4, .recurrent_activation = "hard_sigmoid"})),
        "FixedGru: expected the activations tanh and sigmoid, received tanh and hard_sigmoid; GruStream takes any");
    const Activation impostor = Activation::custom("tanh", [](auto x) { return x; });
    EXPECT_NE((refusal<Fixed, OptionError>(1, {.units = 4, .activation = impostor})), "nothing was thrown");
}

TEST(FixedGru, RefusesGoBackwards) {
    EXPECT_EQ((refusal<FixedGru<float, 1, 4>, OptionError>(1, {.units = 4, .go_backwards = true})),
              "FixedGru: expected go_backwards = false, received true");
}

TEST(FixedGru, WeightsMayBeAConstantExpression) {
    // Two units that copy a constant in and keep half of it.
    static constexpr std::array<double, 6> kKernel{0, 0, 0, 0, 1, -1};
    static constexpr std::array<double, 12> kRecurrentKernel{};
    static constexpr std::array<double, 12> kBias{};
    static constexpr FixedGruWeights<double, 1, 2> kWeights(kKernel, kRecurrentKernel, kBias);
    static constexpr FixedGruWeights<double, 1, 2> kWeightsWithoutBias(kKernel, kRecurrentKernel);
    FixedGru<double, 1, 2> fixed(kWeights), same(kWeightsWithoutBias);
    const auto state = fixed.step(0.5);
    EXPECT_NEAR(state[0], 0.5 * std::tanh(0.5), 1e-15);
    EXPECT_NEAR(state[1], -0.5 * std::tanh(0.5), 1e-15);
    EXPECT_EQ(row_of(same.step(0.5)), row_of(state));
}

}  // namespace
}  // namespace eigengru_test
