// SPDX-License-Identifier: MIT
#include "eigengru/layer/model_stream.hpp"

#include "support/allocation_counter.hpp"
#include "support/message_of.hpp"
#include "support/modes.hpp"
#include "support/random_sequence.hpp"

#include <gtest/gtest.h>


namespace eigengru_test {
namespace {

using namespace eigengru;

/// Every causal layer, with a mask of zeros.
template <class S>
Sequential<S> causal_model(bool returns_sequences, bool zero_output_for_mask = false) {
    BatchNormalization<S> batch(6);
    batch.update_parameters([](auto& p) { p.flat() = p.flat().Random(p.flat().size()).cwiseAbs(); });
    return Sequential<S>(
        {Masking<S>(), Dense<S>(2, {.units = 6, .activation = "tanh"}), batch,
         Gru<S>(6, {.units = 5, .return_sequences = true, .zero_output_for_mask = zero_output_for_mask}),
         Dropout<S>({.rate = 0.5}), LayerNormalization<S>(5), ActivationLayer<S>({.activation = "relu"}),
         Gru<S, false>(5, {.units = 3, .activation = "softsign", .return_sequences = returns_sequences}),
         Dense<S>(3, {.units = 4, .activation = "softmax"})});
}

/// Rows that begin, end and pause at different steps.
template <class S>
Sequence<S> padded_inputs(Shape3 shape) {
    Sequence<S> x = random_sequence<S>(shape);
    x.sequence(0).topRows(2).setZero();
    x.sequence(1).bottomRows(2).setZero();
    x.sequence(1).row(3).setZero();
    return x;
}

/// What a stream gives at each step, (batch, time, units).
template <class S>
Sequence<S> streamed(ModelStream<S>& stream, const Sequence<S>& x) {
    const Shape3& shape = x.shape();
    Sequence<S> y({shape.batch, shape.time, stream.units()});
    RowMatrix<S> step_y(shape.batch, stream.units());
    for (Index t = 0; t < shape.time; ++t) {
        const RowMatrix<S> step_x = x.step(t);
        EXPECT_TRUE(stream.step(step_x.data(), step_y.data()));
        y.step(t) = step_y;
    }
    return y;
}

template <class S>
class ModelStreamOf : public testing::Test {
protected:
    static constexpr S kTolerance = std::is_same_v<S, float> ? S(1e-6) : S(1e-13);
};
TYPED_TEST_SUITE(ModelStreamOf, Scalars, );

TYPED_TEST(ModelStreamOf, GivesWhatTheModelGives) {
    using S = TypeParam;
    for (const bool zero_output : {false, true}) {
        Sequential<S> model = causal_model<S>(true, zero_output);
        const Sequence<S> x = padded_inputs<S>({3, 40, 2});
        ModelStream<S> stream(model, {.rows = 3});
        EXPECT_LE((streamed(stream, x).matrix() - model.predict(x).matrix()).cwiseAbs().maxCoeff(), this->kTolerance);
    }
}

TYPED_TEST(ModelStreamOf, LastOutputIsThatOfEachStep) {
    using S = TypeParam;
    Sequential<S> model = causal_model<S>(false);
    const Sequence<S> x = padded_inputs<S>({3, 8, 2});
    ModelStream<S> stream(model, {.rows = 3});
    const Sequence<S> y = streamed(stream, x);
    for (Index t = 0; t < 8; ++t) {
        Sequence<S> start({Index{3}, t + 1, Index{2}});
        for (Index b = 0; b < 3; ++b) start.sequence(b) = x.sequence(b).topRows(t + 1);
        EXPECT_LE((y.step(t) - model.predict(start).step(0)).cwiseAbs().maxCoeff(), this->kTolerance) << t;
    }
}

TYPED_TEST(ModelStreamOf, StateIsAllThatGoesOn) {
    using S = TypeParam;
    const Sequential<S> model = causal_model<S>(true);
    const Sequence<S> x = padded_inputs<S>({3, 6, 2});
    ModelStream<S> stream(model, {.rows = 3});
    (void)streamed(stream, x);
    ModelStream<S> other(model, {.rows = 3});
    other.set_state(stream.state());
    EXPECT_EQ(other.state(), stream.state());
    EXPECT_EQ(streamed(other, x).matrix(), streamed(stream, x).matrix());
    EXPECT_THROW(other.set_state(RowMatrix<S>::Zero(3, 2).eval()), ShapeError);
}

TEST(ModelStream, ResetBeginsAnew) {
    ModelStream<float> stream(causal_model<float>(true), {.rows = 3});
    const Sequence<float> x = padded_inputs<float>({3, 6, 2});
    const RowMatrix<float> first = streamed(stream, x).matrix();
    stream.reset();
    EXPECT_EQ(streamed(stream, x).matrix(), first);
    EXPECT_TRUE(stream.reset(1));
    EXPECT_FALSE(stream.reset(3));
    EXPECT_FALSE(stream.reset(-1));
    EXPECT_TRUE(stream.state().row(1).isZero(0));
    EXPECT_FALSE(stream.state().row(2).isZero(0));
}

TEST(ModelStream, TakesManyStepsAtOnceAndNoOutputs) {
    const Sequential<float> model = causal_model<float>(true);
    ModelStream<float> a(model), b(model);
    const Sequence<float> x = random_sequence<float>({1, 5, 2});
    std::vector<float> y(20);
    EXPECT_TRUE(a.process({x.data(), 10}, y));
    EXPECT_EQ(streamed(b, x).matrix(), (MatrixView<const float>(y.data(), 5, 4).map()));
    EXPECT_TRUE(a.process(x.data(), nullptr, 5));
    (void)streamed(b, x);
    EXPECT_EQ(a.state(), b.state());
}

TEST(ModelStream, StepsOfIds) {
    Sequential<double> model({Embedding<double>({.input_dim = 4, .output_dim = 3, .mask_zero = true}),
                              Gru<double>(3, {.units = 5, .return_sequences = true})});
    Sequence<double> ids({2, 4, 1});
    ids.matrix() << 0, 1, 0, 2, 3, 0, 0, 1;
    ModelStream<double> stream(model, {.rows = 2});
    EXPECT_LE((streamed(stream, ids).matrix() - model.predict(ids).matrix()).cwiseAbs().maxCoeff(), 1e-13);
    const RowMatrix<double> before = stream.state();
    const std::vector<double> wrong{1, 4};
    std::vector<double> y(10, 9.0);
    EXPECT_FALSE(stream.step(wrong, y));
    EXPECT_FALSE(stream.process(wrong.data(), y.data(), 1));
    EXPECT_EQ(stream.state(), before);
    EXPECT_EQ(y[0], 9.0);
}

TEST(ModelStream, NotANumberInMaskedStepsChangesNothing) {
    Sequential<float> model({Masking<float>({.mask_value = -1}), Gru<float>(2, {.units = 3})});
    ModelStream<float> stream(model);
    const std::vector<float> masked{-1, -1}, used{1, 2};
    std::vector<float> y(3), again(3);
    (void)stream.step(used, y);
    const RowMatrix<float> state = stream.state();
    (void)stream.step(masked, again);
    EXPECT_EQ(again, y);
    EXPECT_EQ(stream.state(), state);
}

TEST(ModelStream, AllocatesNothing) {
    if (!kAllocationCounterWorks) GTEST_SKIP() << "allocations cannot be counted in this build";
    ModelStream<float> stream(causal_model<float>(true), {.rows = 3});
    const Sequence<float> x = padded_inputs<float>({3, 6, 2});
    RowMatrix<float> y(3, 4);
    const AllocationCount count;
    for (int t = 0; t < 6; ++t) (void)stream.step(x.data(), y.data());
    stream.reset();
    EXPECT_EQ(count.count(), 0U);
    const float* const in = x.data();
    float* const out = y.data();
    static_assert(noexcept(stream.step(in, out))&& noexcept(stream.process(in, out, 1)));
    static_assert(noexcept(stream.reset())&& noexcept(stream.reset(0)));
}

TEST(ModelStream, IsACopyOfTheModel) {
    Sequential<float> model({Gru<float>(2, {.units = 3})});
    ModelStream<float> stream(model), same(model);
    model.update_variables([](const Variable<float>& v) { MatrixMap<float>(v.values).setZero(); });
    const Sequence<float> x = random_sequence<float>({1, 3, 2});
    EXPECT_EQ(streamed(stream, x).matrix(), streamed(same, x).matrix());
    EXPECT_FALSE(stream.state().isZero(0));
}

TEST(ModelStream, ModelsWithoutAStateAreStepped) {
    ModelStream<float> stream(Sequential<float>({Dense<float>(2, {.units = 3}), Dropout<float>()}));
    EXPECT_EQ(stream.state_size(), 0);
    EXPECT_EQ(stream.units(), 3);
    EXPECT_EQ(streamed(stream, random_sequence<float>({1, 3, 2})).shape(), Shape3(1, 3, 3));
}

TEST(ModelStream, RefusesNoRowsAndAModelThatDoesNotKnowItsFeatures) {
    EXPECT_THROW(ModelStream<float>(causal_model<float>(true), {.rows = 0}), ShapeError);
    EXPECT_EQ(message_of<ShapeError>([] { ModelStream<float>(Sequential<float>({Masking<float>()})); }),
              "ModelStream: expected a layer that knows its features, received none");
}

}  // namespace
}  // namespace eigengru_test
