// SPDX-License-Identifier: MIT
#include "eigengru/layer/bidirectional_check.hpp"

#include "eigengru/layer/bidirectional.hpp"
#include "support/message_of.hpp"
#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

namespace eigengru_test::bidirectional_check_test {
namespace {

using namespace eigengru;

TEST(Bidirectional, CallThatFailsChangesNothing) {
    Bidirectional<float> both(2, {.units = 3, .stateful = true});
    const Sequence<float> x = random_sequence<float>({2, 4, 2});
    (void)both(x);
    const RowMatrix<float> state = both.forward_layer().state();
    const RowMatrix<float> wide = RowMatrix<float>::Zero(2, 4);
    EXPECT_EQ(message_of<ShapeError>([&] { both(x, {.initial_state_backward = wide}); }),
              "Bidirectional::operator(): initial_state_backward expected shape (2, 3), received (2, 4)");
    EXPECT_THROW(both(random_sequence<float>({3, 4, 2})), ShapeError);
    EXPECT_THROW(both(random_sequence<float>({2, 4, 3})), ShapeError);
    EXPECT_EQ(both.forward_layer().state(), state);
}

TEST(Bidirectional, GradientsThatDoNotFitAreRefused) {
    Bidirectional<float> both(2, {.units = 3});
    BidirectionalTape<float> tape;
    (void)both.forward(random_sequence<float>({2, 4, 2}), {}, tape);
    const RowMatrix<float> last = RowMatrix<float>::Zero(2, 3);
    EXPECT_EQ(message_of<ShapeError>([&] { both.backward(tape, {.last = last}); }),
              "Bidirectional::backward: last expected shape (2, 6), received (2, 3)");
    EXPECT_THROW(both.backward(tape, {.forward = {.sequences = last}}), ShapeError);
    EXPECT_THROW(both.backward(tape, {.backward = {.state = last.topRows(1)}}), ShapeError);
    Bidirectional<float> other(2, {.units = 4});
    EXPECT_THROW(other.backward(tape, {}), std::logic_error);
    // The gradient fits the layer, the tape does not: nothing may be read beyond it.
    const RowMatrix<float> fits_other = RowMatrix<float>::Zero(2, 8);
    EXPECT_THROW(other.backward(tape, {.last = fits_other}), std::logic_error);
}

TEST(Bidirectional, DemandedCudnnIsRefusedBeforeAnythingRuns) {
    Bidirectional<float> both(2, {.units = 3, .unroll = true, .use_cudnn = true});
    EXPECT_TRUE(message_of<BackendError>([&] {
                    both(random_sequence<float>({2, 4, 2}));
                }).starts_with("Bidirectional::operator(): use_cudnn is true, but"));
}

TEST(Bidirectional, OutputsThatDoNotFitAreRefused) {
    Bidirectional<float> both(2, {.units = 3});
    BidirectionalTape<float> tape;
    RowMatrix<float> last(2, 3);
    const Sequence<float> x = random_sequence<float>({2, 4, 2});
    EXPECT_THROW(both.forward(x, {}, tape, {.last = last}), ShapeError);
    Sequence<float> sequences({2, 4, 6});
    EXPECT_THROW(both.forward(x, {}, tape, {.sequences = sequences}), ShapeError);
    EXPECT_TRUE(tape.empty());
}

TEST(BidirectionalBackward, NeedsTheTapeOfAForwardPass) {
    Bidirectional<float> both(2, {.units = 3});
    EXPECT_EQ(message_of<std::logic_error>([&] { both.backward(BidirectionalTape<float>(), {}); }),
              "Bidirectional::backward: expected the tape of a forward pass, received an empty one");
}

/// What a backward pass says about gradients, after a forward pass over (2, 4, 2).
std::string refusal(Bidirectional<float> both, const BidirectionalOutputGradients<float>& d) {
    BidirectionalTape<float> tape;
    (void)both.forward(random_sequence<float>({2, 4, 2}), {}, tape);
    return message_of<ShapeError>([&] { (void)both.backward(tape, d); });
}

TEST(BidirectionalBackward, GradientsOfOutputsThatThereAreNotAreRefused) {
    const Bidirectional<float> last(2, {.units = 3}), sequences(2, {.units = 3, .return_sequences = true});
    const Bidirectional<float> apart(2, {.units = 3, .return_sequences = true}, {.merge = Merge::none});
    const Sequence<float> wide({2, 4, 6}), narrow({2, 4, 3});
    const RowMatrix<float> d_last = RowMatrix<float>::Zero(2, 6);
    EXPECT_EQ(refusal(last, {.sequences = wide}),
              "Bidirectional::backward: sequences expected none, received shape (2, 4, 6)");
    EXPECT_EQ(refusal(last, {.backward = {.sequences = narrow}}),
              "Bidirectional::backward: sequences expected none, received shape (2, 4, 3)");
    EXPECT_EQ(refusal(sequences, {.sequences = narrow}),
              "Bidirectional::backward: sequences expected shape (2, 4, 6), received shape (2, 4, 3)");
    EXPECT_EQ(refusal(apart, {.sequences = wide}),
              "Bidirectional::backward: sequences expected none, received shape (2, 4, 6)");
    EXPECT_EQ(refusal(apart, {.last = d_last}),
              "Bidirectional::backward: last expected none with Merge::none, received shape (2, 6)");
    EXPECT_EQ(refusal(apart, {.forward = {.sequences = narrow}, .backward = {.sequences = narrow}}),
              "nothing was thrown");
}

TEST(BidirectionalBackward, GradientsOfStatesMustFitTheirLayer) {
    const Bidirectional<float> both(2, {.units = 3}, {.backward = GruOptions{.units = 5, .go_backwards = true}});
    const RowMatrix<float> three = RowMatrix<float>::Zero(2, 3), five = RowMatrix<float>::Zero(2, 5);
    EXPECT_EQ(refusal(both, {.forward = {.state = five}}),
              "Bidirectional::backward: forward.state expected shape (2, 3), received (2, 5)");
    EXPECT_EQ(refusal(both, {.backward = {.state = three}}),
              "Bidirectional::backward: backward.state expected shape (2, 5), received (2, 3)");
    EXPECT_EQ(refusal(both, {.forward = {.last = three, .state = three}, .backward = {.last = five, .state = five}}),
              "nothing was thrown");
}

TEST(BidirectionalCall, IsCheckedForBothLayersBeforeOneRuns) {
    Bidirectional<float> both(2, {.units = 3, .stateful = true});
    const Sequence<float> x = random_sequence<float>({2, 4, 2});
    const DropoutMasks<float> wrong{.input = {RowMatrix<float>::Ones(2, 7)}};
    EXPECT_THROW(both(x, {.lengths = {4, 5}}), ShapeError);
    EXPECT_THROW(both(x, {.training = true, .dropout_masks_backward = &wrong}), ShapeError);
    const RowMatrix<float> wide = RowMatrix<float>::Zero(2, 4);
    EXPECT_EQ(message_of<ShapeError>([&] { both(x, {.initial_state_forward = wide}); }),
              "Bidirectional::operator(): initial_state_forward expected shape (2, 3), received (2, 4)");
    EXPECT_EQ(both.forward_layer().state().rows(), 0);
    EXPECT_EQ(both.backward_layer().state().rows(), 0);
}

}  // namespace
}  // namespace eigengru_test::bidirectional_check_test
