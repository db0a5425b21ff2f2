// SPDX-License-Identifier: MIT
#include "eigengru/layer/bidirectional_tape.hpp"

#include "eigengru/layer/bidirectional.hpp"
#include "support/modes.hpp"
#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace eigengru_test::bidirectional_tape_test {
namespace {

using namespace eigengru;

template <class S>
class BidirectionalTapeOf : public testing::Test {};
TYPED_TEST_SUITE(BidirectionalTapeOf, Scalars, );

TYPED_TEST(BidirectionalTapeOf, BackwardPassMayEmptyItsTape) {
    using S = TypeParam;
    Bidirectional<S, false> both(2, {.units = 3}, {.merge = Merge::mul});
    BidirectionalTape<S> tape;
    const BidirectionalOutput<S> y = both.forward(random_sequence<S>({2, 4, 2}), {.training = true}, tape);
    const BidirectionalGradients<S> g = both.backward(tape, {.last = y.last});
    const BidirectionalGradients<S> again = both.backward(std::move(tape), {.last = y.last});
    EXPECT_EQ(g.inputs.matrix(), again.inputs.matrix());
    EXPECT_EQ(g.backward.parameters.flat(), again.backward.parameters.flat());
    EXPECT_TRUE(tape.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
    EXPECT_THROW((void)both.backward(tape, {.last = y.last}), std::logic_error);
}

TYPED_TEST(BidirectionalTapeOf, IsEmptyWhereOneOfItsRecordsIs) {
    using S = TypeParam;
    BidirectionalTape<S> tape;
    EXPECT_TRUE(tape.empty());
    Bidirectional<S> both(2, {.units = 3});
    (void)both.forward(random_sequence<S>({2, 4, 2}), {}, tape);
    EXPECT_FALSE(tape.empty());
    BidirectionalTape<S> half = tape;
    half.backward.clear();
    EXPECT_TRUE(half.empty());
    half = tape;
    half.forward.clear();
    EXPECT_TRUE(half.empty());
    tape.clear();
    EXPECT_TRUE(tape.forward.empty() && tape.backward.empty());
}

TYPED_TEST(BidirectionalTapeOf, HasTheOutputsOfBothLayersInTheOrderOfTheInputs) {
    using S = TypeParam;
    Bidirectional<S> both(2, {.units = 3, .return_sequences = true}, {.merge = Merge::sum});
    const Sequence<S> x = random_sequence<S>({2, 4, 2});
    BidirectionalTape<S> tape;
    const BidirectionalOutput<S> y = both.forward(x, {}, tape);
    EXPECT_EQ(tape.forward_output.sequences.matrix() + tape.backward_output.sequences.matrix(), y.sequences.matrix());
    const Sequence<S> reversed = both.backward_layer()(x).sequences;
    for (Index t = 0; t < 4; ++t)
        EXPECT_TRUE(tape.backward_output.sequences.step(t).isApprox(reversed.step(3 - t), S(1e-6))) << t;
}

TYPED_TEST(BidirectionalTapeOf, IsAValue) {
    using S = TypeParam;
    Bidirectional<S> both(2, {.units = 3});
    BidirectionalTape<S> tape;
    const BidirectionalOutput<S> y = both.forward(random_sequence<S>({2, 4, 2}), {}, tape);
    const BidirectionalTape<S> copy = tape;
    const BidirectionalGradients<S> g = both.backward(copy, {.last = y.last});
    (void)both.forward(random_sequence<S>({2, 4, 2}), {}, tape);
    EXPECT_EQ(both.backward(copy, {.last = y.last}).inputs.matrix(), g.inputs.matrix());
    EXPECT_NE(both.backward(tape, {.last = y.last}).inputs.matrix(), g.inputs.matrix());
}

TEST(Bidirectional, GradientsOfAMergedOutputAndOfItsPartsAddUp) {
    Bidirectional<double> both(2, {.units = 3, .return_sequences = true}, {.merge = Merge::sum});
    BidirectionalTape<double> tape;
    const auto y = both.forward(random_sequence<double>({2, 4, 2}), {}, tape);
    const auto merged = both.backward(tape, {.sequences = y.sequences});
    const auto parts =
        both.backward(tape, {.forward = {.sequences = y.sequences}, .backward = {.sequences = y.sequences}});
    const auto all = both.backward(
        tape,
        {.sequences = y.sequences, .forward = {.sequences = y.sequences}, .backward = {.sequences = y.sequences}});
    EXPECT_EQ(merged.inputs.matrix(), parts.inputs.matrix());
    EXPECT_TRUE(all.inputs.matrix().isApprox(2 * merged.inputs.matrix(), 1e-12));
    EXPECT_TRUE(merged.inputs.matrix().isApprox(merged.forward.inputs.matrix() + merged.backward.inputs.matrix()));
}

}  // namespace
}  // namespace eigengru_test::bidirectional_tape_test
