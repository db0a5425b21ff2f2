// SPDX-License-Identifier: MIT
#include "eigengru/layer/sequential.hpp"

#include "support/backwards_executor.hpp"
#include "support/message_of.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace {

using namespace eigengru;
using eigengru_test::message_of;

template <class S>
Sequence<S> random_inputs(Shape3 shape = {3, 5, 4}) {
    Sequence<S> inputs(shape);
    inputs.matrix().setRandom();
    return inputs;
}

template <class S>
class SequentialOf : public testing::Test {};
TYPED_TEST_SUITE(SequentialOf, eigengru_test::Scalars, );

TYPED_TEST(SequentialOf, RunsItsLayersInTheirOrder) {
    Gru<TypeParam> first(4, {.units = 6, .return_sequences = true});
    Gru<TypeParam, false> second(6, {.units = 5});
    const Dense<TypeParam> head(5, {.units = 2, .activation = "tanh"});
    Sequential<TypeParam> model({first, second, head});
    const Sequence<TypeParam> x = random_inputs<TypeParam>();
    const Sequence<TypeParam> y = model.predict(x);
    EXPECT_EQ(y.shape(), Shape3(3, 1, 2));
    EXPECT_TRUE(y.matrix().isApprox(head(second(first(x).sequences).last), TypeParam(1e-6)));
}

TYPED_TEST(SequentialOf, TakesStridedInputs) {
    Sequential<TypeParam> model({Gru<TypeParam>(4, {.units = 6})});
    const RowMatrix<TypeParam> memory = RowMatrix<TypeParam>::Random(1, 200);
    const SequenceView<const TypeParam> strided(memory.data(), {3, 5, 4}, {60, 7});
    Sequence<TypeParam> plain({3, 5, 4});
    for (Index b = 0; b < 3; ++b) plain.sequence(b) = strided.sequence(b);
    EXPECT_EQ(model.predict(strided).matrix(), model.predict(plain).matrix());
}

TYPED_TEST(SequentialOf, TakesAnEmptyBatch) {
    Sequential<TypeParam> model(
        {Masking<TypeParam>(), Gru<TypeParam>(4, {.units = 6}), Dense<TypeParam>(6, {.units = 2})});
    EXPECT_EQ(model.predict(Sequence<TypeParam>({0, 5, 4})).shape(), Shape3(0, 1, 2));
}

TYPED_TEST(SequentialOf, PartsOfAnExecutorGiveTheSameBits) {
    using S = TypeParam;
    const Sequential<S> made({Gru<S>(4, {.units = 40, .seed = 1, .return_sequences = true}),
                              Bidirectional<S>(40, {.units = 30, .seed = 2, .return_sequences = true}),
                              Dense<S>(60, {.units = 2, .seed = 3})});
    const Sequence<S> x = random_inputs<S>({16, 30, 4}), d = random_inputs<S>({16, 30, 2});
    const IndexListView lengths{30, 3, 0, 7, 20, 1, 1, 1, 2, 1, 1, 30, 30, 29, 4, 30};
    Sequential<S> alone = made, shared = made;
    eigengru_test::Backwards executor;
    EXPECT_EQ(shared.predict(x, {.lengths = lengths, .executor = &executor}).matrix(),
              alone.predict(x, {.lengths = lengths}).matrix());
    EXPECT_EQ(executor.runs, 3);
    ModelTape<S> tape, shared_tape;
    alone.forward(x, {.lengths = lengths}, tape);
    shared.forward(x, {.lengths = lengths, .executor = &executor}, shared_tape);
    EXPECT_EQ(executor.runs, 6);
    const ModelGradients<S> g = alone.backward(tape, d), shared_g = shared.backward(shared_tape, d, &executor);
    EXPECT_GT(executor.runs, 6);
    EXPECT_EQ(shared_g.parameters.flat(), g.parameters.flat());
    EXPECT_EQ(shared_g.inputs.matrix(), g.inputs.matrix());
    const Index runs = executor.runs;
    EXPECT_EQ(shared.backward(std::move(shared_tape), d, &executor).parameters.flat(), g.parameters.flat());
    EXPECT_GT(executor.runs, runs);
}

// Masks

TYPED_TEST(SequentialOf, MaskingMakesTheMaskOfTheGru) {
    Gru<TypeParam> gru(4, {.units = 6});
    Sequential<TypeParam> model({Masking<TypeParam>({.mask_value = -9}), gru});
    Sequence<TypeParam> x = random_inputs<TypeParam>();
    x.sequence(1).bottomRows(2).setConstant(TypeParam(-9));
    EXPECT_EQ(model.predict(x).matrix(), gru(x, {.lengths = {5, 3, 5}}).last);
}

TYPED_TEST(SequentialOf, MaskGoesThroughOtherLayersToTheNextGru) {
    Gru<TypeParam> first(4, {.units = 6, .return_sequences = true}), second(6, {.units = 5});
    Sequential<TypeParam> model({Masking<TypeParam>(), first, Dropout<TypeParam>(), second});
    Sequence<TypeParam> x = random_inputs<TypeParam>();
    x.sequence(2).bottomRows(4).setZero();
    const auto between = first(x, {.lengths = {5, 5, 1}});
    EXPECT_EQ(model.predict(x).matrix(), second(between.sequences, {.lengths = {5, 5, 1}}).last);
}

TYPED_TEST(SequentialOf, MaskOrLengthsOfTheCallReachTheFirstLayer) {
    Gru<TypeParam> gru(4, {.units = 6});
    Sequential<TypeParam> model({gru});
    const Sequence<TypeParam> x = random_inputs<TypeParam>({2, 3, 4});
    const std::vector<unsigned char> mask{1, 0, 0, 1, 1, 1};
    const RowMatrix<TypeParam> expected = gru(x, {.lengths = {1, 3}}).last;
    EXPECT_EQ(model.predict(x, {.lengths = {1, 3}}).matrix(), expected);
    EXPECT_EQ(model(x, {.mask = {mask, 2, 3}}).matrix(), expected);
}

TEST(Sequential, FeaturesAreThoseOfTheFirstLayerThatHasASize) {
    EXPECT_EQ(Sequential<float>({Masking<float>(), Dense<float>(3, {.units = 2})}).features(), 3);
    EXPECT_EQ(Sequential<float>({Masking<float>(), ActivationLayer<float>({.activation = "relu"})}).features(), 0);
}

TEST(Sequential, RefusesAMaskThatDoesNotFit) {
    Sequential<float> model({Gru<float>(4, {.units = 6})});
    const std::vector<unsigned char> mask(6, 1);
    EXPECT_THROW(model(random_inputs<float>({2, 5, 4}), {.mask = {mask, 2, 3}}), ShapeError);
    EXPECT_THROW(model(random_inputs<float>({2, 3, 4}), {.mask = {mask, 2, 3}, .lengths = {1, 1}}), OptionError);
}

// Training and state

TEST(Sequential, DropsInTrainingOnly) {
    Sequential<float> model({Dropout<float>({.rate = 1.0}), ActivationLayer<float>()});
    const Sequence<float> x = random_inputs<float>();
    EXPECT_EQ(model(x, {.training = true}).matrix().cwiseAbs().maxCoeff(), 0.0f);
    EXPECT_EQ(model(x).matrix(), x.matrix());
    EXPECT_EQ(model.predict(x, {.training = true}).matrix(), x.matrix());
}

TEST(Sequential, StatefulLayersCarryOnUntilReset) {
    for (const bool reset_after : {true, false}) {
        const GruOptions options{.units = 3, .stateful = true};
        Sequential<float> model = reset_after ? Sequential<float>({Gru<float, true>(4, options)})
                                              : Sequential<float>({Gru<float, false>(4, options)});
        const Sequence<float> x = random_inputs<float>();
        const RowMatrix<float> first = model.predict(x).matrix();
        EXPECT_NE(model.predict(x).matrix(), first);
        model.reset_state();
        EXPECT_EQ(model.predict(x).matrix(), first);
    }
}

TEST(Sequential, CopiesAreIndependent) {
    Sequential<float> model({Gru<float>(4, {.units = 3, .stateful = true})});
    const Sequence<float> x = random_inputs<float>();
    (void)model.predict(x);
    Sequential<float> copy = model;
    copy.reset_state();
    EXPECT_NE(model.predict(x).matrix(), copy.predict(x).matrix());
}

// The chain

TEST(Sequential, LayersCanBeReachedAndChanged) {
    Sequential<float> model({Gru<float>(4, {.units = 6}), Dense<float>(6, {.units = 2})});
    std::get<Gru<float>>(model.layer(0)).update_parameters([](auto& p) { p.flat().setZero(); });
    EXPECT_EQ(model.layers().size(), 2U);
    EXPECT_EQ(model.predict(random_inputs<float>()).matrix().cwiseAbs().maxCoeff(), 0.0f);
}

TEST(Sequential, LayerThatIsNotThereIsRefused) {
    Sequential<float> model({Gru<float>(4, {.units = 6})});
    EXPECT_EQ(message_of<ShapeError>([&] { (void)model.layer(1); }), "Sequential::layer: expected 0 to 0, received 1");
    EXPECT_THROW((void)model.layer(-1), ShapeError);
}

TEST(Sequential, RefusesAnEmptyChain) {
    EXPECT_EQ(message_of<ShapeError>([] { Sequential<float>(std::vector<Sequential<float>::Layer>()); }),
              "Sequential: expected at least one layer, received none");
}

TEST(Sequential, RefusesLayersThatDoNotFitTogether) {
    EXPECT_EQ(message_of<ShapeError>([] {
                  Sequential<float>({Gru<float>(4, {.units = 6}), Dropout<float>(), Dense<float>(5, {.units = 2})});
              }),
              "Sequential: layer \"dense\" expected 5 features, the layer before it gives 6");
}

TEST(Sequential, RefusesInputsOfOtherFeatures) {
    Sequential<float> model({Masking<float>(), Gru<float>(4, {.units = 6})});
    EXPECT_THROW(model.predict(random_inputs<float>({3, 5, 7})), ShapeError);
}

TEST(Sequential, NotANumberInMaskedStepsChangesNothing) {
    Sequential<float> model({Gru<float>(4, {.units = 6, .return_sequences = true}), Dense<float>(6, {.units = 2})});
    Sequence<float> x = random_inputs<float>();
    const RowMatrix<float> clean = model.predict(x, {.lengths = {5, 3, 5}}).matrix();
    x.sequence(1).bottomRows(2).setConstant(std::numeric_limits<float>::quiet_NaN());
    EXPECT_EQ(model.predict(x, {.lengths = {5, 3, 5}}).matrix(), clean);
}

}  // namespace
