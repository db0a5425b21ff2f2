// SPDX-License-Identifier: MIT
#include "eigengru/layer/bidirectional.hpp"

#include "support/allocation_counter.hpp"
#include "support/message_of.hpp"
#include "support/modes.hpp"
#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;

// The numbers of every merge, with masks, states and gradients, are compared with Keras's in layers_golden_test.cpp;
// what is refused is tested in bidirectional_check_test.cpp.

template <class S>
class BidirectionalOf : public testing::Test {};
TYPED_TEST_SUITE(BidirectionalOf, Scalars, );

TYPED_TEST(BidirectionalOf, IsTwoLayersOneOfThemReversed) {
    using S = TypeParam;
    Bidirectional<S> both(2, {.units = 3, .return_sequences = true});
    const Sequence<S> x = random_sequence<S>({2, 4, 2});
    const BidirectionalOutput<S> y = both(x, {.lengths = {4, 2}});
    const Output<S> f = both.forward_layer()(x, {.lengths = {4, 2}});
    const Output<S> b = both.backward_layer()(x, {.lengths = {4, 2}});
    EXPECT_EQ(y.sequences.shape(), Shape3(2, 4, 6));
    for (Index t = 0; t < 4; ++t) {
        EXPECT_EQ(y.sequences.step(t).leftCols(3), f.sequences.step(t));
        EXPECT_EQ(y.sequences.step(t).rightCols(3), b.sequences.step(3 - t));
    }
    EXPECT_EQ(y.last.leftCols(3), f.last);
    EXPECT_EQ(y.last.rightCols(3), b.last);
    EXPECT_EQ(y.forward.state, f.state);
    EXPECT_EQ(y.backward.state, b.state);
}

TEST(Bidirectional, WithoutAMergeGivesTwoOutputs) {
    Bidirectional<float> both(2, {.units = 3, .return_sequences = true}, {.merge = Merge::none});
    const auto y = both(random_sequence<float>({2, 4, 2}));
    EXPECT_EQ(y.sequences.size(), 0);
    EXPECT_EQ(y.last.size(), 0);
    EXPECT_EQ(y.forward.sequences.shape(), Shape3(2, 4, 3));
    EXPECT_EQ(y.backward.sequences.shape(), Shape3(2, 4, 3));
    EXPECT_EQ(both.units(), 6);
}

TEST(Bidirectional, BackwardLayerMayHaveOptionsOfItsOwn) {
    Bidirectional<float> both(
        2, {.units = 3}, {.backward = GruOptions{.units = 5, .activation = "relu", .go_backwards = true, .name = "b"}});
    EXPECT_EQ(both.units(), 8);
    EXPECT_EQ(both.backward_layer().name(), "b");
    EXPECT_EQ(both(random_sequence<float>({2, 4, 2})).last.cols(), 8);
}

TEST(Bidirectional, StatesStartWhereTheCallSays) {
    Bidirectional<float> both(2, {.units = 3});
    const Sequence<float> x = random_sequence<float>({2, 4, 2});
    const RowMatrix<float> f = RowMatrix<float>::Random(2, 3), b = RowMatrix<float>::Random(2, 3);
    const auto y = both(x, {.initial_state_forward = f, .initial_state_backward = b});
    EXPECT_EQ(y.forward.state, both.forward_layer()(x, {.initial_state = f}).state);
    EXPECT_EQ(y.backward.state, both.backward_layer()(x, {.initial_state = b}).state);
}

TEST(Bidirectional, StatefulLayersCarryOnUntilReset) {
    Bidirectional<float> both(2, {.units = 3, .stateful = true});
    const Sequence<float> x = random_sequence<float>({2, 4, 2});
    const auto first = both(x);
    const auto second = both(x);
    EXPECT_NE(second.backward.state, first.backward.state);
    both.reset_state();
    EXPECT_EQ(both(x).last, first.last);
    both.reset_state({1});
    EXPECT_TRUE(both.forward_layer().state().row(1).isZero(0));
    EXPECT_TRUE(both.backward_layer().state().row(1).isZero(0));
    EXPECT_FALSE(both.backward_layer().state().row(0).isZero(0));
    both.clear_state();
    EXPECT_EQ(both(random_sequence<float>({3, 4, 2})).last.rows(), 3);
}

TEST(Bidirectional, DropsInTrainingOnlyAndDifferentUnitsInEachDirection) {
    Bidirectional<double> both(2, {.units = 3, .dropout = 0.5, .seed = 3, .return_sequences = true});
    Bidirectional<double> again = both;
    const Sequence<double> x = random_sequence<double>({8, 1, 2});
    EXPECT_EQ(both(x).last, again(x).last);
    const auto dropped = both(x, {.training = true});
    EXPECT_NE(dropped.last, again(x).last);
    EXPECT_EQ(dropped.last, again(x, {.training = true}).last);
    EXPECT_EQ(both.backward_layer().options().seed, std::optional<std::uint64_t>(6));
    EXPECT_NE(both.forward_layer().parameters().flat(), both.backward_layer().parameters().flat());
}

TEST(Bidirectional, TakesDropoutMasksForEachLayer) {
    Bidirectional<float> both(2, {.units = 3, .dropout = 0.5});
    const Sequence<float> x = random_sequence<float>({2, 4, 2});
    const DropoutMasks<float> zeros{.input = {RowMatrix<float>::Zero(2, 2)}};
    const DropoutMasks<float> ones{.input = {RowMatrix<float>::Ones(2, 2)}};
    const auto y = both(x, {.training = true, .dropout_masks_forward = &zeros, .dropout_masks_backward = &ones});
    EXPECT_EQ(y.backward.last, both.backward_layer()(x).last);
    EXPECT_EQ(y.forward.last, both.forward_layer()(Sequence<float>({2, 4, 2})).last);
}

TEST(Bidirectional, ReusedMemoryKeepsNoOutputThatThereIsNot) {
    const Sequence<float> x = random_sequence<float>({2, 4, 2});
    BidirectionalOutput<float> y;
    Bidirectional<float>(2, {.units = 3, .return_sequences = true}).call(x, {}, y);
    EXPECT_EQ(y.sequences.shape().features, 6);
    Bidirectional<float>(2, {.units = 3}, {.merge = Merge::none}).call(x, {}, y);
    EXPECT_EQ(y.sequences.shape().batch, 0);
    EXPECT_EQ(y.last.rows(), 0);
}

TEST(Bidirectional, WeightsAreThoseOfTheForwardLayerThenOfTheBackwardLayer) {
    Bidirectional<double> both(2, {.units = 3}), other(2, {.units = 3});
    EXPECT_EQ(both.count_params(), 2 * both.forward_layer().count_params());
    other.set_weights(both.get_weights());
    EXPECT_EQ(other.get_weights(), both.get_weights());
    EXPECT_EQ(both.get_weights()[0], both.forward_layer().parameters().kernel());
    EXPECT_EQ(both.get_weights()[5], both.backward_layer().parameters().bias());
    std::vector<RowMatrix<double>> wrong(both.get_weights());
    wrong[0].setZero();
    wrong[3] = RowMatrix<double>::Zero(3, 9);
    EXPECT_THROW(other.set_weights(wrong), ShapeError);
    EXPECT_EQ(other.get_weights(), both.get_weights());
    wrong.pop_back();
    EXPECT_EQ(message_of<ShapeError>([&] { other.set_weights(wrong); }),
              "Bidirectional: expected 6 weights, received 5");
    const Bidirectional<double> built(2, {.units = 3}, {}, both.get_weights());
    EXPECT_EQ(built.get_weights(), both.get_weights());
}

TEST(Bidirectional, VariablesHaveTheNamesOfTheirLayers) {
    Bidirectional<float> both(2, {.units = 3, .use_bias = false, .name = "g"}, {.trainable = false});
    std::string names;
    both.update_variables([&](const Variable<float>& v) {
        names.append(v.layer).append("/").append(v.name).append(v.is_trainable ? " " : "- ");
    });
    EXPECT_EQ(names, "forward_g/kernel- forward_g/recurrent_kernel- backward_g/kernel- backward_g/recurrent_kernel- ");
}

TEST(Bidirectional, PenaltiesAreThoseOfBothLayers) {
    Bidirectional<float> both(2, {.units = 3, .kernel_regularizer = "l2", .activity_regularizer = "l1"});
    (void)both(random_sequence<float>({2, 4, 2}));
    const auto f = both.forward_layer().losses(), b = both.backward_layer().losses();
    EXPECT_GT(b.kernel, 0.0f);
    EXPECT_EQ(both.losses().kernel, f.kernel + b.kernel);
    EXPECT_EQ(both.losses().activity, f.activity + b.activity);
}

TEST(Bidirectional, ConstraintsReachBothLayers) {
    Bidirectional<float> both(2, {.units = 3, .kernel_constraint = "non_neg"});
    both.apply_constraints();
    EXPECT_GE(both.forward_layer().parameters().kernel().minCoeff(), 0.0f);
    EXPECT_GE(both.backward_layer().parameters().kernel().minCoeff(), 0.0f);
}

TEST(Bidirectional, ExplainsTheBackendOfBothLayers) {
    Bidirectional<float> both(2, {.units = 3, .use_cudnn = false});
    const BidirectionalVerdict verdict = both.explain_backend(random_sequence<float>({2, 4, 2}));
    EXPECT_EQ(verdict.backward.backend, Backend::eigen);
    EXPECT_TRUE(verdict.text().starts_with("forward layer: runs on Eigen"));
    EXPECT_NE(verdict.text().find("\nbackward layer: runs on Eigen"), std::string::npos);
}

TEST(Bidirectional, AllocatesNothingTheSecondTime) {
    if (!kAllocationCounterWorks) GTEST_SKIP() << "allocations cannot be counted in this build";
    Bidirectional<float> both(2, {.units = 3, .return_sequences = true}, {.merge = Merge::mul});
    const Sequence<float> x = random_sequence<float>({2, 4, 2}), d = random_sequence<float>({2, 4, 3});
    BidirectionalOutput<float> y;
    BidirectionalTape<float> tape;
    BidirectionalGradients<float> g;
    Sequence<float> merged({2, 4, 3});
    for (int i = 0; i < 2; ++i) {
        const AllocationCount count;
        both.call(x, {}, y);
        both.forward(x, {.training = true}, tape, {.sequences = merged});
        both.backward(std::move(tape), {.sequences = d}, g);
        if (i == 1) {
            EXPECT_EQ(count.count(), 0U);
        }
    }
    EXPECT_EQ(y.sequences.matrix(), merged.matrix());
}

TEST(Bidirectional, EmptyBatchGivesEmptyOutputs) {
    Bidirectional<float> both(2, {.units = 3, .return_sequences = true});
    BidirectionalTape<float> tape;
    const BidirectionalOutput<float> y = both.forward(Sequence<float>({0, 4, 2}), {}, tape);
    EXPECT_EQ(y.sequences.shape(), Shape3(0, 4, 6));
    EXPECT_EQ(both.backward(tape, {.sequences = y.sequences, .last = y.last}).inputs.shape(), Shape3(0, 4, 2));
}

}  // namespace
}  // namespace eigengru_test
