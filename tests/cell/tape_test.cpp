// SPDX-License-Identifier: MIT
#include "eigengru/cell/tape.hpp"

#include "support/allocation_counter.hpp"
#include "support/message_of.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace eigengru_test {
namespace {

using namespace eigengru;
using eigengru::detail::LayerSignature;
using eigengru::detail::signature_of;

constexpr Shape3 kShape(2, 5, 3);
const LayerSignature kSignature{.features = 3, .units = 4};

template <class S>
Tape<S> recorded(TapeOptions options = {}, S first_input = S(7)) {
    Tape<S> tape(options);
    tape.start(kSignature, kShape, 1, false);
    tape.inputs()[0] = first_input;
    tape.finish();
    return tape;
}

template <class S>
class TapeOf : public testing::Test {};
TYPED_TEST_SUITE(TapeOf, Scalars, );

TYPED_TEST(TapeOf, IsEmptyAtFirst) {
    const Tape<TypeParam> tape;
    EXPECT_TRUE(tape.empty());
    EXPECT_EQ(tape.size(), 0);
    EXPECT_EQ(tape.options().checkpoint_every, 0);
}

TYPED_TEST(TapeOf, IsEmptyUntilItIsComplete) {
    Tape<TypeParam> tape = recorded<TypeParam>();
    EXPECT_FALSE(tape.empty());
    tape.start(kSignature, kShape, 1, false);
    EXPECT_TRUE(tape.empty());
    tape.finish();
    EXPECT_FALSE(tape.empty());
    tape.clear();
    EXPECT_TRUE(tape.empty());
}

TYPED_TEST(TapeOf, KnowsItsSizes) {
    const Tape<TypeParam> tape = recorded<TypeParam>();
    EXPECT_EQ(tape.shape(), kShape);
    EXPECT_EQ(tape.units(), 4);
    EXPECT_EQ(tape.signature(), kSignature);
    EXPECT_EQ(tape.segment(), 5);
    EXPECT_TRUE(tape.has_gates());
}

TYPED_TEST(TapeOf, HoldsInputsStatesAndGates) {
    EXPECT_EQ(recorded<TypeParam>().size(), 2 * 5 * 3 + 5 * (2 * 5 * 4));
}

TYPED_TEST(TapeOf, HoldsInputsAndCheckpointsAlone) {
    EXPECT_EQ(recorded<TypeParam>({.checkpoint_every = 2}).size(), 2 * 5 * 3 + 3 * (2 * 4));
    EXPECT_EQ(recorded<TypeParam>({.checkpoint_every = 5}).size(), 2 * 5 * 3 + 2 * 4);
    EXPECT_EQ(recorded<TypeParam>({.checkpoint_every = 1000}).size(), 2 * 5 * 3 + 2 * 4);
    EXPECT_FALSE(recorded<TypeParam>({.checkpoint_every = 2}).has_gates());
}

TYPED_TEST(TapeOf, HoldsAFinalStateWhereOneIsWanted) {
    Tape<TypeParam> tape;
    tape.start(kSignature, kShape, 1, true);
    tape.finish();
    EXPECT_TRUE(tape.keeps_final_state());
    EXPECT_EQ(tape.size(), recorded<TypeParam>().size() + 2 * 4);
    EXPECT_EQ(tape.final_state() + 2 * 4, tape.inputs() + tape.size());
}

TYPED_TEST(TapeOf, RoundsCheckpointsUpToWholeChunks) {
    Tape<TypeParam> tape({.checkpoint_every = 3});
    tape.start(kSignature, {2, 11, 3}, 2, false);
    EXPECT_EQ(tape.segment(), 4);
    tape.start(kSignature, {2, 11, 3}, 3, false);
    EXPECT_EQ(tape.segment(), 3);
    tape.start(kSignature, {2, 11, 3}, 11, false);
    EXPECT_EQ(tape.segment(), 11);
}

TYPED_TEST(TapeOf, AnyDistanceOfCheckpointsIsAtMostTheTime) {
    Tape<TypeParam> tape({.checkpoint_every = std::numeric_limits<Index>::max()});
    tape.start(kSignature, {2, 11, 3}, 2, false);
    EXPECT_EQ(tape.segment(), 11);
}

TYPED_TEST(TapeOf, PartsFollowOneAnother) {
    Tape<TypeParam> tape = recorded<TypeParam>();
    EXPECT_EQ(tape.state(0), tape.inputs() + 2 * 5 * 3);
    EXPECT_EQ(tape.state(3), tape.state(0) + 3 * 2 * 4);
    EXPECT_EQ(tape.gates(), tape.state(0) + 5 * 2 * 4);
    Tape<TypeParam> checkpoints = recorded<TypeParam>({.checkpoint_every = 2});
    EXPECT_EQ(checkpoints.state(4), checkpoints.state(0) + 2 * 2 * 4);
}

TYPED_TEST(TapeOf, KeepsTheMaskInProcessingOrder) {
    Tape<TypeParam> tape = recorded<TypeParam>();
    EXPECT_FALSE(tape.mask().is_present());
    tape.record_mask(true, [](Index b, Index step) { return b == 1 && step >= 3; });
    EXPECT_FALSE(tape.mask()(0, 3));
    EXPECT_FALSE(tape.mask()(1, 2));
    EXPECT_TRUE(tape.mask()(1, 4));
    tape.record_mask(false, [](Index, Index) { return true; });
    EXPECT_FALSE(tape.mask().is_present());
}

TYPED_TEST(TapeOf, KeepsCopiesOfTheDropoutMasks) {
    DropoutMasks<TypeParam> masks{.input = {RowMatrix<TypeParam>::Ones(2, 3)}};
    Tape<TypeParam> tape = recorded<TypeParam>();
    EXPECT_EQ(tape.dropout(), nullptr);
    tape.record_dropout(&masks);
    masks.input[0].setZero();
    EXPECT_EQ(tape.dropout()->input.at(0).minCoeff(), TypeParam(1));
    EXPECT_TRUE(tape.dropout()->state.empty());
    tape.record_dropout(nullptr);
    EXPECT_EQ(tape.dropout(), nullptr);
}

TYPED_TEST(TapeOf, CopiesAreIndependent) {
    Tape<TypeParam> tape = recorded<TypeParam>();
    const Tape<TypeParam> copy = tape;
    tape.inputs()[0] = TypeParam(8);
    EXPECT_EQ(copy.inputs()[0], TypeParam(7));
    tape.clear();
    EXPECT_FALSE(copy.empty());
}

TYPED_TEST(TapeOf, IsEmptyWhenMovedAway) {
    Tape<TypeParam> tape = recorded<TypeParam>();
    const Tape<TypeParam> moved = std::move(tape);
    EXPECT_TRUE(tape.empty());
    EXPECT_EQ(moved.inputs()[0], TypeParam(7));
}

TYPED_TEST(TapeOf, IsEmptyWhenMovedIntoOneThatHasMemory) {
    Tape<TypeParam> tape = recorded<TypeParam>(), other = recorded<TypeParam>({}, TypeParam(8));
    other = std::move(tape);
    EXPECT_TRUE(tape.empty());
    EXPECT_EQ(other.inputs()[0], TypeParam(7));
}

TYPED_TEST(TapeOf, CanBeWrittenAgainAfterItWasMovedAway) {
    Tape<TypeParam> tape = recorded<TypeParam>();
    const Tape<TypeParam> moved = std::move(tape);
    tape.start(kSignature, kShape, 1, false);
    tape.inputs()[0] = TypeParam(9);
    tape.finish();
    EXPECT_FALSE(tape.empty());
    EXPECT_EQ(moved.inputs()[0], TypeParam(7));
}

TYPED_TEST(TapeOf, KeepsItsMemoryForTheNextRecord) {
    if (!kAllocationCounterWorks) GTEST_SKIP() << "allocations cannot be counted in this build";
    const DropoutMasks<TypeParam> masks{.input = {RowMatrix<TypeParam>::Ones(2, 3)}};
    Tape<TypeParam> tape;
    const auto record = [&](Index time) {
        tape.start(kSignature, {2, time, 3}, 1, true);
        tape.record_mask(true, [](Index, Index) { return true; });
        tape.record_dropout(&masks);
        tape.finish();
    };
    record(5);
    const AllocationCount counter;
    for (const Index time : {5, 2, 5}) record(time);
    tape.clear();
    record(4);
    EXPECT_EQ(counter.count(), 0U);
}

TYPED_TEST(TapeOf, OfNoSequencesIsARecord) {
    Tape<TypeParam> tape;
    tape.start(kSignature, {0, 5, 3}, 1, false);
    tape.finish();
    EXPECT_FALSE(tape.empty());
    EXPECT_EQ(tape.size(), 0);
}

TYPED_TEST(TapeOf, RefusesNegativeCheckpoints) {
    EXPECT_EQ(message_of<OptionError>([] { (void)Tape<TypeParam>({.checkpoint_every = -1}); }),
              "Tape: checkpoint_every expected at least 0, received -1");
}

TEST(LayerSignature, TellsWhatAGradientDependsOn) {
    const GruOptions options{.units = 4, .activation = "relu", .return_sequences = true};
    const LayerSignature signature = signature_of(options, 3, true);
    EXPECT_EQ(signature.features, 3);
    EXPECT_EQ(signature.units, 4);
    EXPECT_EQ(signature.activation, Activation("relu"));
    EXPECT_TRUE(signature.return_sequences);
    EXPECT_EQ(signature, signature_of(options, 3, true));
    EXPECT_NE(signature, signature_of(options, 2, true));
    EXPECT_NE(signature, signature_of(options, 3, false));
    const auto differs = [&](auto change) {
        GruOptions other = options;
        change(other);
        return !(signature_of(other, 3, true) == signature);
    };
    EXPECT_TRUE(differs([](GruOptions& o) { o.units = 5; }));
    EXPECT_TRUE(differs([](GruOptions& o) { o.use_bias = false; }));
    EXPECT_TRUE(differs([](GruOptions& o) { o.return_sequences = false; }));
    EXPECT_TRUE(differs([](GruOptions& o) { o.return_state = true; }));
    EXPECT_TRUE(differs([](GruOptions& o) { o.go_backwards = true; }));
    EXPECT_TRUE(differs([](GruOptions& o) { o.zero_output_for_mask = true; }));
    EXPECT_TRUE(differs([](GruOptions& o) { o.activation = "tanh"; }));
    EXPECT_TRUE(differs([](GruOptions& o) { o.recurrent_activation = "tanh"; }));
    EXPECT_FALSE(differs([](GruOptions& o) { o.name = "another"; }));
}

}  // namespace
}  // namespace eigengru_test
