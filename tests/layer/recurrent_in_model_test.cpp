// SPDX-License-Identifier: MIT
// What a Gru and a Bidirectional do in a model.
#include "eigengru/layer/recurrent_in_model.hpp"

#include "eigengru/layer/sequential.hpp"
#include "support/message_of.hpp"
#include "support/modes.hpp"
#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

namespace eigengru_test::recurrent_in_model_test {
namespace {

using namespace eigengru;
using eigengru::detail::ModelShape;
using eigengru::detail::shape_after;

template <class S>
class RecurrentInModel : public testing::Test {};
TYPED_TEST_SUITE(RecurrentInModel, Scalars, );

TYPED_TEST(RecurrentInModel, GivesSequencesWhereTheLastGruReturnsThem) {
    Sequential<TypeParam> model(
        {Gru<TypeParam>(4, {.units = 6, .return_sequences = true}), Dense<TypeParam>(6, {.units = 2})});
    EXPECT_EQ(model.predict(random_sequence<TypeParam>({3, 5, 4})).shape(), Shape3(3, 5, 2));
}

TYPED_TEST(RecurrentInModel, LastOutputIsASequenceOfOneStepWithoutAMask) {
    using S = TypeParam;
    const auto expect_last = [](auto layer) {
        LayerData<S> data{.values = random_sequence<S>({2, 4, 3}), .mask = Mask::Constant(2, 4, true)};
        data.mask(1, 3) = false;
        const auto last = layer(data.values, {.mask = data.mask_view()}).last;
        eigengru::detail::run_layer(layer, data, {});
        EXPECT_FALSE(data.is_sequence) << layer.name();
        EXPECT_EQ(data.mask.size(), 0) << layer.name();
        EXPECT_EQ(data.values.shape(), Shape3(2, 1, layer.units())) << layer.name();
        EXPECT_EQ(data.values.matrix(), last) << layer.name();
    };
    expect_last(Gru<S>(3, {.units = 5}));
    expect_last(Gru<S, false>(3, {.units = 5}));
    expect_last(Bidirectional<S>(3, {.units = 5}));
}

TYPED_TEST(RecurrentInModel, SequencesKeepTheirMask) {
    using S = TypeParam;
    LayerData<S> data{.values = random_sequence<S>({2, 4, 3}), .mask = Mask::Constant(2, 4, true)};
    data.mask(1, 3) = false;
    Bidirectional<S> both(3, {.units = 5, .return_sequences = true});
    const Sequence<S> expected = both(data.values, {.mask = data.mask_view()}).sequences;
    eigengru::detail::run_layer(both, data, {});
    EXPECT_TRUE(data.is_sequence);
    EXPECT_EQ(data.values.matrix(), expected.matrix());
    EXPECT_FALSE(data.mask(1, 3));
}

TYPED_TEST(RecurrentInModel, ActivityLossesOfBothLayersCount) {
    using S = TypeParam;
    const Bidirectional<S> both(3, {.units = 5, .activity_regularizer = "l2", .return_sequences = true});
    Sequential<S> model({both, Gru<S>(10, {.units = 2, .activity_regularizer = "l1"})});
    const Sequence<S> x = random_sequence<S>({2, 4, 3});
    ModelTape<S> tape;
    (void)model.forward(x, {}, tape);
    Bidirectional<S> alone = both;
    Gru<S> last = std::get<Gru<S>>(model.layers()[1]);
    (void)last(alone(x).sequences);
    EXPECT_GT(alone.activity_loss(), S(0));
    EXPECT_NEAR(tape.activity_loss(), alone.activity_loss() + last.activity_loss(), 1e-5);
}

TEST(OnlyStep, IsTheRowsOfAStridedStep) {
    Sequence<float> all({3, 2, 4});
    all.matrix().setRandom();
    const SequenceView<const float> second(all.view().row(0, 1), {3, 1, 4}, {8, 4});
    const MatrixView<const float> step = eigengru::detail::only_step(second);
    EXPECT_EQ(step.map(), all.step(1));
}

TEST(Sequential, RefusesAGruAfterOneWithoutSequences) {
    EXPECT_EQ(message_of<ShapeError>([] {
                  Sequential<float>({Gru<float>(4, {.units = 6}), Gru<float>(6, {.units = 2, .name = "second"})});
              }),
              "Sequential: layer \"second\" expected sequences, but a GRU before it has return_sequences = false");
}

TEST(RecurrentInAModel, TakesFeaturesAndSequencesOfTheLayerBefore) {
    const Bidirectional<float> both(4, {.units = 3}, {.merge = Merge::sum});
    const ModelShape after = shape_after(both, {.features = 4});
    EXPECT_EQ(after.features, 3);
    EXPECT_FALSE(after.is_sequence);
    EXPECT_FALSE(after.is_first);
    EXPECT_EQ(message_of<ShapeError>([&] { (void)shape_after(both, {.features = 5}); }),
              "Sequential: layer \"bidirectional\" expected 4 features, the layer before it gives 5");
    EXPECT_EQ(
        message_of<ShapeError>([&] { (void)shape_after(both, {.features = 4, .is_sequence = false}); }),
        "Sequential: layer \"bidirectional\" expected sequences, but a GRU before it has return_sequences = false");
}

TEST(RecurrentInAModel, RefusesABidirectionalWithTwoOutputs) {
    EXPECT_EQ(message_of<OptionError>(
                  [] { Sequential<float>({Bidirectional<float>(4, {.units = 3}, {.merge = Merge::none})}); }),
              "Sequential: layer \"bidirectional\" expected a merge, received none, which gives two outputs");
}

}  // namespace
}  // namespace eigengru_test::recurrent_in_model_test
