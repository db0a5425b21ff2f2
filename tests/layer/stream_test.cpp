// SPDX-License-Identifier: MIT
#include "eigengru/layer/stream.hpp"

#include "support/allocation_counter.hpp"
#include "support/kernel_list.hpp"
#include "support/many_steps.hpp"
#include "support/message_of.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;

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
constexpr double kTolerance = std::is_same_v<S, float> ? 1e-6 : 1e-12;

/// Steps of a stream and of its layer, which carries its state, from states of random numbers.
template <class M>
void expect_steps_of_layer(const LayerOf<M>& original, const StreamOptions& options) {
    using S = typename M::Scalar;
    LayerOf<M> layer = original;
    GruStream<S> stream(layer, options);
    const Index features = layer.features(), units = layer.units(), rows = options.rows, steps = 12;
    const RowMatrix<S> start = RowMatrix<S>::Random(rows, units);
    const RowMatrix<S> inputs = RowMatrix<S>::Random(steps * rows, features);
    RowMatrix<S> y(rows, units);
    layer.set_state(start);
    stream.set_state(start);
    double difference = 0;
    for (Index t = 0; t < steps; ++t) {
        const S* x = inputs.row(t * rows).data();
        const RowMatrix<S> expected = layer(SequenceView<const S>(x, {rows, 1, features})).state;
        stream.step(x, y.data());
        const double scale = std::max(1.0, double(expected.cwiseAbs().maxCoeff()));
        difference = std::max(difference, double((y - expected).cwiseAbs().maxCoeff()) / scale);
        EXPECT_EQ(stream.state(), y);
    }
    EXPECT_LE(difference, kTolerance<S>) << features << ' ' << units << ' ' << rows << ' ' << name_of(options.kernels);
}

template <class M>
class GruStreamOf : public testing::Test {};
TYPED_TEST_SUITE(GruStreamOf, Modes, );

TYPED_TEST(GruStreamOf, StepsAreThoseOfTheLayer) {
    for (const Index units : {1, 3, 8, 16, 17, 24, 31, 32, 33, 40, 64}) {
        for (const Index features : {1, 2, 3, 8, 16}) {
            const LayerOf<TypeParam> layer = random_layer<TypeParam>(features, units);
            for (const Kernels kernels : supported_kernels())
                expect_steps_of_layer<TypeParam>(layer, {.kernels = kernels});
        }
    }
}

TYPED_TEST(GruStreamOf, StepsOfManyRowsAreThoseOfTheLayer) {
    for (const Kernels kernels : supported_kernels())
        for (const Index rows : {2, 3, 7, 8, 33})
            expect_steps_of_layer<TypeParam>(random_layer<TypeParam>(3, 17), {.rows = rows, .kernels = kernels});
}

TYPED_TEST(GruStreamOf, AnyActivationsAreThoseOfTheLayer) {
    for (const char* activation : {"relu", "softmax", "tanh"})
        for (const char* recurrent : {"hard_sigmoid", "sigmoid", "sparsemax"})
            for (const Kernels kernels : supported_kernels())
                expect_steps_of_layer<TypeParam>(
                    random_layer<TypeParam>(3, 9, {.activation = activation, .recurrent_activation = recurrent}),
                    {.rows = 3, .kernels = kernels});
}

TYPED_TEST(GruStreamOf, StepsWithoutBiasAreThoseOfTheLayer) {
    expect_steps_of_layer<TypeParam>(random_layer<TypeParam>(3, 9, {.use_bias = false}), {.rows = 2});
}

TYPED_TEST(GruStreamOf, OfALayerOfAnyModeIsTheSame) {
    using S = typename TypeParam::Scalar;
    const LayerOf<TypeParam> layer = random_layer<TypeParam>(2, 5);
    GruStream stream(layer);
    GruStream of_any(AnyGru<S>{layer});
    static_assert(std::is_same_v<decltype(stream), GruStream<S>> && std::is_same_v<decltype(of_any), GruStream<S>>);
    const std::vector<S> x{S(0.5), S(-1)};
    std::vector<S> y(5), z(5);
    stream.step(x, y);
    of_any.step(x, z);
    EXPECT_EQ(y, z);
}

/// A stream of `rows` rows with 2 features and 5 units, and inputs for it.
template <class M>
struct Example {
    using S = typename M::Scalar;

    explicit Example(Index rows, Index steps = 1)
        : layer(random_layer<M>(2, 5)),
          stream(layer, {.rows = rows}),
          x(RowMatrix<S>::Random(steps * rows, 2)),
          y(RowMatrix<S>::Constant(steps * rows, 5, S(7))) {}

    void step() { stream.step(x.data(), y.data()); }

    LayerOf<M> layer;
    GruStream<S> stream;
    RowMatrix<S> x, y;
};

TYPED_TEST(GruStreamOf, ProcessIsStepAfterStep) {
    using S = typename TypeParam::Scalar;
    Example<TypeParam> e(3, 4);
    GruStream<S> one_by_one = e.stream, by_span = e.stream;
    e.stream.process(e.x.data(), e.y.data(), 4);
    RowMatrix<S> y(3, 5);
    for (Index t = 0; t < 4; ++t) {
        one_by_one.step(e.x.row(3 * t).data(), y.data());
        EXPECT_EQ(y, e.y.middleRows(3 * t, 3));
    }
    std::vector<S> all(12 * 5);
    by_span.process(std::span<const S>(e.x.data(), 24), all);
    EXPECT_TRUE(std::equal(all.begin(), all.end(), e.y.data()));
}

TYPED_TEST(GruStreamOf, WithoutOutputsOnlyTheStatesGoOn) {
    using S = typename TypeParam::Scalar;
    Example<TypeParam> e(3, 4);
    GruStream<S> other = e.stream;
    e.stream.process(e.x.data(), e.y.data(), 4);
    other.process(e.x.data(), nullptr, 4);
    EXPECT_EQ(other.state(), e.stream.state());
}

TYPED_TEST(GruStreamOf, RowsComeAndGo) {
    Example<TypeParam> e(3);
    EXPECT_EQ(e.stream.join(), std::nullopt);
    e.stream.leave_all();
    EXPECT_EQ(e.stream.active_count(), 0);
    EXPECT_EQ(e.stream.join(), 0);
    EXPECT_EQ(e.stream.join(), 1);
    EXPECT_EQ(e.stream.join(), 2);
    EXPECT_EQ(e.stream.join(), std::nullopt);
    EXPECT_TRUE(e.stream.leave(1));
    EXPECT_FALSE(e.stream.leave(1));
    EXPECT_FALSE(e.stream.leave(-1));
    EXPECT_FALSE(e.stream.leave(3));
    EXPECT_TRUE(e.stream.is_active(0));
    EXPECT_FALSE(e.stream.is_active(1));
    EXPECT_EQ(e.stream.active_count(), 2);
    EXPECT_EQ(e.stream.join(), 1);
}

TYPED_TEST(GruStreamOf, AFreeRowIsZerosAndChangesNothingElse) {
    using S = typename TypeParam::Scalar;
    Example<TypeParam> e(5);
    e.step();
    GruStream<S> all = e.stream;
    e.stream.leave(1);
    e.stream.leave(4);
    RowMatrix<S> expected(5, 5);
    for (int t = 0; t < 3; ++t) {
        all.step(e.x.data(), expected.data());
        for (const Index row : {1, 4}) expected.row(row).setZero();
        e.step();
        EXPECT_EQ(e.y, expected);
        EXPECT_EQ(e.stream.state(), expected);
    }
}

TYPED_TEST(GruStreamOf, InputsOfAFreeRowAreNotRead) {
    using S = typename TypeParam::Scalar;
    Example<TypeParam> e(3);
    e.stream.leave(1);
    e.x.row(1).setConstant(std::numeric_limits<S>::quiet_NaN());
    e.step();
    EXPECT_TRUE(e.y.allFinite());
    e.stream.leave_all();
    e.stream.step(nullptr, e.y.data());
    EXPECT_TRUE(e.y.isZero(0));
}

TYPED_TEST(GruStreamOf, ANewStreamBeginsWithZerosAfterAnyNumberOfSteps) {
    using S = typename TypeParam::Scalar;
    for (const int steps : {0, 1, 2}) {
        Example<TypeParam> e(3), fresh(3);
        e.step();
        e.stream.leave(1);
        for (int t = 0; t < steps; ++t) e.step();
        EXPECT_EQ(e.stream.join(), 1);
        EXPECT_TRUE(e.stream.state().row(1).isZero(0));
        e.step();
        fresh.stream.step(e.x.data(), fresh.y.data());
        EXPECT_EQ(RowMatrix<S>(e.y.row(1)), RowMatrix<S>(fresh.y.row(1)));
    }
}

TYPED_TEST(GruStreamOf, ResetIsForOneRowOrAll) {
    using S = typename TypeParam::Scalar;
    Example<TypeParam> e(3);
    e.step();
    EXPECT_TRUE(e.stream.reset(1));
    EXPECT_TRUE(e.stream.state().row(1).isZero(0));
    EXPECT_EQ(RowMatrix<S>(e.stream.state().row(0)), RowMatrix<S>(e.y.row(0)));
    EXPECT_EQ(RowMatrix<S>(e.stream.state().row(2)), RowMatrix<S>(e.y.row(2)));
    EXPECT_FALSE(e.stream.reset(3));
    e.stream.reset();
    EXPECT_TRUE(e.stream.state().isZero(0));
    EXPECT_EQ(e.stream.active_count(), 3);
}

TYPED_TEST(GruStreamOf, StatesAreSetWhereThereIsAStream) {
    using S = typename TypeParam::Scalar;
    Example<TypeParam> e(3);
    e.stream.leave(1);
    RowMatrix<S> state = RowMatrix<S>::Random(3, 5);
    state(0, 0) = S(1e-300);
    e.stream.set_state(state);
    state.row(1).setZero();
    state(0, 0) = 0;
    EXPECT_EQ(e.stream.state(), state);
    const std::vector<S> values(5, S(0.25));
    EXPECT_TRUE(e.stream.set_state(2, values));
    EXPECT_EQ(e.stream.state()(2, 4), S(0.25));
    EXPECT_FALSE(e.stream.set_state(1, values));
    EXPECT_FALSE(e.stream.set_state(2, std::vector<S>(4)));
    EXPECT_EQ(message_of<ShapeError>([&] { e.stream.set_state(RowMatrix<S>(2, 5)); }),
              "GruStream::set_state: state expected shape (3, 5), received (2, 5)");
}

TYPED_TEST(GruStreamOf, CopiesAreIndependent) {
    using S = typename TypeParam::Scalar;
    Example<TypeParam> e(3);
    e.step();
    GruStream<S> copy = e.stream;
    const RowMatrix<S> before = copy.state();
    e.step();
    EXPECT_EQ(copy.state(), before);
    copy.step(e.x.data(), nullptr);
    EXPECT_EQ(copy.state(), e.y);
    const GruStream<S> moved = std::move(copy);
    EXPECT_EQ(moved.state(), e.y);
}

TYPED_TEST(GruStreamOf, LaterChangesOfTheLayerDoNotReachIt) {
    using S = typename TypeParam::Scalar;
    Example<TypeParam> e(3);
    GruStream<S> other(e.layer, {.rows = 3});
    e.layer.update_parameters([](auto& p) { p.flat().setZero(); });
    e.step();
    other.step(e.x.data(), nullptr);
    EXPECT_EQ(other.state(), e.y);
    EXPECT_FALSE(e.y.isZero(0));
}

TYPED_TEST(GruStreamOf, AllocatesNothing) {
    if (!kAllocationCounterWorks) GTEST_SKIP() << "allocations cannot be counted in this build";
    using S = typename TypeParam::Scalar;
    for (const Kernels kernels : supported_kernels()) {
        for (const char* activation : {"tanh", "relu", "sparsemax"}) {
            const LayerOf<TypeParam> layer = random_layer<TypeParam>(2, 150, {.activation = activation});
            const GruStream<S> original(layer, {.rows = 9, .kernels = kernels});
            GruStream<S> stream = original;
            const RowMatrix<S> x = RowMatrix<S>::Random(36, 2);
            RowMatrix<S> y(36, 150);
            const AllocationCount counter;
            stream.process(x.data(), y.data(), 4);
            for (const Index row : {1, 3, 5, 7}) stream.leave(row);
            stream.step(x.data(), y.data());
            stream.reset(2);
            EXPECT_TRUE(stream.join().has_value());
            stream.leave_all();
            stream.reset();
            EXPECT_EQ(counter.count(), 0U) << activation << name_of(kernels);
        }
    }
}

TYPED_TEST(GruStreamOf, HotFunctionsAreNoexcept) {
    using S = typename TypeParam::Scalar;
    using Stream = GruStream<S>&;
    const S* x = nullptr;
    S* y = nullptr;
    static_assert(noexcept(std::declval<Stream>().step(x, y)) && noexcept(std::declval<Stream>().process(x, y, 1)));
    static_assert(noexcept(std::declval<Stream>().step(std::span<const S>(), std::span<S>())));
    static_assert(noexcept(std::declval<Stream>().process(std::span<const S>(), std::span<S>())));
    static_assert(noexcept(std::declval<Stream>().join()) && noexcept(std::declval<Stream>().leave(0)));
    static_assert(noexcept(std::declval<Stream>().reset()) && noexcept(std::declval<Stream>().reset(0)));
    static_assert(noexcept(std::declval<Stream>().leave_all()) && noexcept(std::declval<Stream>().active_count()));
    static_assert(noexcept(std::declval<Stream>().set_state(0, std::span<const S>())));
    SUCCEED();
}

TYPED_TEST(GruStreamOf, ADecayingStateBecomesZeroAndIsNeverSubnormal) {
    using S = typename TypeParam::Scalar;
    for (const Kernels kernels : supported_kernels())
        for (const char* activation : {"tanh", "linear"}) {
            // All weights are zero, and so is what z lets in; z itself is 0.9.
            LayerOf<TypeParam> layer(1, {.units = 5, .activation = activation});
            layer.update_parameters([](auto& p) {
                p.flat().setZero();
                p.bias().row(0).head(5).setConstant(S(2.2));
            });
            GruStream<S> stream(layer, {.kernels = kernels});
            ASSERT_TRUE(stream.set_state(0, std::array<S, 5>{S(1), S(-1), S(0.5), S(-1e-20), S(1e-29)}));
            std::array<S, 5> y{};
            for (int t = 0; t < kManySteps; ++t) {
                const S x = 1;
                stream.step(&x, y.data());
                for (const S h : y) ASSERT_TRUE(h == 0 || std::abs(h) >= detail::kSmallestState<S>) << h << " at " << t;
            }
            EXPECT_TRUE(stream.state().isZero(0));
            EXPECT_EQ(y, (std::array<S, 5>{}));
        }
}

TYPED_TEST(GruStreamOf, KnowsWhatItWasBuiltFor) {
    using S = typename TypeParam::Scalar;
    const LayerOf<TypeParam> layer = random_layer<TypeParam>(2, 5);
    for (const Kernels kernels : supported_kernels()) {
        const GruStream<S> stream(layer, {.rows = 3, .kernels = kernels});
        EXPECT_EQ(stream.rows(), 3);
        EXPECT_EQ(stream.features(), 2);
        EXPECT_EQ(stream.units(), 5);
        EXPECT_EQ(stream.active_count(), 3);
        EXPECT_TRUE(stream.kernels() >= Kernels::portable);
        EXPECT_TRUE(kernels < Kernels::portable || stream.kernels() == kernels);
    }
    const Index limit = 32 / Index(sizeof(S));  // a vector of AVX2
    const detail::AutomaticKernels& automatic = detail::automatic_kernels_once();
    if (automatic.best == Kernels::eigen) return;
    EXPECT_EQ(GruStream<S>(random_layer<TypeParam>(2, limit)).kernels(), automatic.of_one_vector);
    EXPECT_EQ(GruStream<S>(random_layer<TypeParam>(2, limit + 1)).kernels(), automatic.best);
}

TEST(GruStream, RefusesWhatAStreamCannotDo) {
    const auto refusal = [](GruOptions options, Index rows) {
        return message_of<std::invalid_argument>([&] { GruStream<float>(Gru<float>(1, options), {.rows = rows}); });
    };
    EXPECT_EQ(refusal({.units = 4, .go_backwards = true}, 1),
              "GruStream: expected go_backwards = false, received true: a stream has no end");
    EXPECT_EQ(refusal({.units = 4}, 0), "GruStream: rows expected at least 1, received 0");
    EXPECT_NE(refusal({.units = 4}, Index(1) << 60).find("the sizes overflow"), std::string::npos);
}

TEST(GruStream, DropoutAndWhatIsReturnedPlayNoPart) {
    GruOptions options{.units = 4, .dropout = 0.5, .recurrent_dropout = 0.5, .seed = 7, .return_sequences = true};
    GruStream<float> dropping(Gru<float>(1, options));
    options.dropout = options.recurrent_dropout = 0;
    GruStream<float> plain(Gru<float>(1, options));
    const std::array<float, 1> x{0.5F};
    std::array<float, 4> y{}, z{};
    dropping.step(x, y);
    plain.step(x, z);
    EXPECT_EQ(y, z);
}

TEST(GruStreamDeathTest, SpansOfAnotherSizeEndTheProgram) {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    GruStream<float> stream(Gru<float>(2, {.units = 4}));
    std::vector<float> x(2), y(4), short_one(3), longer(8);
    EXPECT_DEATH(stream.step(short_one, y), "GruStream::step: x expected 2 elements, received 3");
    EXPECT_DEATH(stream.step(x, short_one), "GruStream::step: y expected 4 elements, received 3");
    EXPECT_DEATH(stream.process(short_one, y), "GruStream::process: x expected 2 elements, received 3");
    EXPECT_DEATH(stream.process(x, longer), "GruStream::process: y expected 4 elements, received 8");
}

}  // namespace
}  // namespace eigengru_test
