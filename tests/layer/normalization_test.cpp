// SPDX-License-Identifier: MIT
// What both normalisations share.
#include "eigengru/layer/normalization.hpp"

#include "eigengru/layer/batch_normalization.hpp"
#include "eigengru/layer/layer_normalization.hpp"
#include "eigengru/layer/sequential.hpp"
#include "support/allocation_counter.hpp"
#include "support/message_of.hpp"
#include "support/modes.hpp"
#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace eigengru_test::normalization_test {
namespace {

using namespace eigengru;

template <class S>
class NormalizationOf : public testing::Test {};
TYPED_TEST_SUITE(NormalizationOf, Scalars, );

TYPED_TEST(NormalizationOf, MayWriteOverItsInputs) {
    using S = TypeParam;
    LayerNormalization<S> norm(5);
    norm.update_parameters([](auto& p) { p.flat().setRandom(); });
    Sequence<S> x = random_sequence<S>({2, 3, 5});
    const Sequence<S> y = norm(x);
    norm.call(std::as_const(x).view(), x);
    EXPECT_EQ(x.matrix(), y.matrix());
}

TYPED_TEST(NormalizationOf, StridedSequencesAreReadAndWrittenWhereTheyLie) {
    using S = TypeParam;
    BatchNormalization<S> norm(3);
    norm.update_parameters([](auto& p) { p.flat() = p.flat().Random(p.flat().size()).cwiseAbs(); });
    const RowMatrix<S> memory = RowMatrix<S>::Random(1, 60);
    const SequenceView<const S> strided(memory.data(), {2, 4, 3}, {30, 5});
    Sequence<S> plain({2, 4, 3});
    for (Index b = 0; b < 2; ++b) plain.sequence(b) = strided.sequence(b);
    RowMatrix<S> out = RowMatrix<S>::Constant(1, 60, S(77));
    const SequenceView<S> y(out.data(), {2, 4, 3}, {30, 5});
    norm.call(strided, y);
    const Sequence<S> expected = norm(plain);
    for (Index b = 0; b < 2; ++b) EXPECT_EQ(y.sequence(b), expected.sequence(b));
    EXPECT_EQ((out.array() == S(77)).count(), 60 - 24);
}

TYPED_TEST(NormalizationOf, NotANumberInAStepThatNothingDependsOnReachesNoGradient) {
    using S = TypeParam;
    const auto expect_clean = [](const auto& norm) {
        Sequence<S> x = random_sequence<S>({1, 3, 2}), d = random_sequence<S>({1, 3, 2});
        x.step(1).setConstant(std::numeric_limits<S>::quiet_NaN());
        d.step(1).setZero();
        InputTape<S> tape;
        (void)norm.forward(x, tape);
        const NamedGradients<S> g = norm.backward(tape, d);
        EXPECT_FALSE(g.parameters.flat().hasNaN()) << norm.name();
        EXPECT_TRUE(g.inputs.step(1).isZero(0)) << norm.name();
        EXPECT_FALSE(g.inputs.matrix().hasNaN() || g.inputs.step(2).isZero(0)) << norm.name();
    };
    expect_clean(LayerNormalization<S>(2, {.gamma_initializer = "ones"}));
    expect_clean(BatchNormalization<S>(2));
}

TEST(LayerNormalization, RegularizersAndConstraintsAreOfEachWeight) {
    LayerNormalization<double> norm(2, {.beta_regularizer = Regularizer::l1(0.5), .gamma_constraint = "non_neg"});
    norm.set_weights({RowMatrix<double>{{-1, 2}}, RowMatrix<double>{{3}, {-4}}});
    norm.apply_constraints();
    EXPECT_EQ(norm.parameters().find("gamma"), (RowMatrix<double>{{0, 2}}));
    EXPECT_EQ(norm.losses().total(), 3.5);
    InputTape<double> tape;
    (void)norm.forward(random_sequence<double>({1, 1, 2}), tape);
    const auto g = norm.backward(tape, Sequence<double>({1, 1, 2}));
    EXPECT_EQ(g.parameters.find("beta"), (RowMatrix<double>{{0.5, -0.5}}));
}

TEST(LayerNormalization, RefusesWhatDoesNotFit) {
    EXPECT_EQ(message_of<OptionError>([] { LayerNormalization<float>(2, {.epsilon = -1}); }),
              "LayerNormalization: epsilon expected a finite number of at least 0, received -1");
    EXPECT_THROW(LayerNormalization<float>(0), ShapeError);
    EXPECT_EQ(message_of<OptionError>([] {
                  LayerNormalization<float>(2, {.gamma_initializer = "orthogonal"});
              }).substr(0, 37),
              "LayerNormalization: gamma_initializer");
    LayerNormalization<float> norm(2);
    EXPECT_EQ(message_of<ShapeError>([&] {
                  (void)norm(Sequence<float>({1, 1, 3}));
              }),
              "LayerNormalization::operator(): inputs have 3 features, the layer was built for 2");
    EXPECT_EQ(message_of<ShapeError>([&] { norm.set_weights({RowMatrix<float>::Zero(1, 2).eval()}); }),
              "LayerNormalization::set_weights: expected 2 weights, received 1");
    InputTape<float> tape;
    EXPECT_THROW((void)norm.backward(tape, Sequence<float>({1, 1, 2})), std::logic_error);
    (void)norm.forward(Sequence<float>({1, 1, 2}), tape);
    EXPECT_EQ(message_of<ShapeError>([&] {
                  (void)norm.backward(tape, Sequence<float>({1, 2, 2}));
              }),
              "LayerNormalization::backward: d_outputs expected shape (1, 1, 2), received (1, 2, 2)");
}

TEST(LayerNormalization, AllocatesNothingTheSecondTime) {
    if (!kAllocationCounterWorks) GTEST_SKIP() << "allocations cannot be counted in this build";
    const LayerNormalization<float> norm(5);
    const Sequence<float> x = random_sequence<float>({2, 3, 5});
    Sequence<float> y(x.shape());
    InputTape<float> tape;
    NamedGradients<float> g;
    for (int i = 0; i < 2; ++i) {
        const AllocationCount count;
        norm.forward(x, tape, y);
        norm.backward(tape, x, g);
        if (i == 1) {
            EXPECT_EQ(count.count(), 0U);
        }
    }
}

TEST(Normalization, EpsilonIsAFiniteNumberThatIsNotNegative) {
    for (const double epsilon :
         {-1e-9, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
        EXPECT_EQ(message_of<OptionError>([&] {
                      BatchNormalization<float>(2, {.epsilon = epsilon});
                  }).find("BatchNormalization: epsilon expected a finite number of at least 0, received "),
                  0U);
        EXPECT_THROW(LayerNormalization<float>(2, {.epsilon = epsilon}), OptionError);
    }
    EXPECT_NO_THROW(BatchNormalization<float>(2, {.epsilon = 0}));
    EXPECT_EQ(message_of<ShapeError>([] { BatchNormalization<float>(-2); }),
              "BatchNormalization: features expected at least 1, received -2");
}

TEST(Normalization, OutputsMustFitAndAreLeftAloneWhereTheyDoNot) {
    const LayerNormalization<float> norm(2);
    Sequence<float> y({1, 3, 2});
    y.matrix().setConstant(7);
    EXPECT_THROW(norm.call(Sequence<float>({1, 4, 2}), y), ShapeError);
    EXPECT_TRUE((y.matrix().array() == 7).all());
}

TEST(LayerNormalizationInAModel, PassesTheMaskOn) {
    const Gru<float> gru(2, {.units = 3, .return_sequences = true});
    Sequential<float> model({LayerNormalization<float>(2), gru});
    Gru<float> alone = gru;
    const Sequence<float> x = random_sequence<float>({2, 4, 2});
    const Sequence<float> y = LayerNormalization<float>(2)(x);
    EXPECT_EQ(model.predict(x, {.lengths = {4, 1}}).matrix(), alone(y, {.lengths = {4, 1}}).sequences.matrix());
}

TEST(NormalizationInAModel, MustHaveTheFeaturesOfTheLayerBefore) {
    EXPECT_EQ(message_of<ShapeError>([] {
                  Sequential<float>({Dense<float>(2, {.units = 3}), BatchNormalization<float>(2)});
              }),
              "Sequential: layer \"batch_normalization\" expected 2 features, the layer before it gives 3");
}

}  // namespace
}  // namespace eigengru_test::normalization_test
