// SPDX-License-Identifier: MIT
#include "eigengru/layer/stream_stage.hpp"

#include "eigengru/layer/model_stream.hpp"
#include "support/message_of.hpp"
#include "support/modes.hpp"
#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>

namespace eigengru_test::stream_stage_test {
namespace {

using namespace eigengru;
using eigengru::detail::GruStage;
using eigengru::detail::stream_stage;

/// A step of two rows through a GRU of three units.
template <class S>
struct StageStep {
    void run(GruStage<S>& stage) { stage.step({2, 2, x.data(), y.data(), is_used.data()}); }

    RowMatrix<S> x = RowMatrix<S>::Random(2, 2), y = RowMatrix<S>::Zero(2, 3);
    std::array<unsigned char, 2> is_used{1, 1};
};

template <class S>
class GruStageOf : public testing::Test {};
TYPED_TEST_SUITE(GruStageOf, Scalars, );

TYPED_TEST(GruStageOf, MaskedStepLeavesStateAndOutputAsTheyWere) {
    using S = TypeParam;
    GruStage<S> stage(Gru<S>(2, {.units = 3, .return_sequences = true}), {.rows = 2}, true);
    StageStep<S> step;
    step.run(stage);
    const RowMatrix<S> before = step.y;
    step.is_used = {1, 0};
    step.x.row(1).setConstant(std::numeric_limits<S>::quiet_NaN());
    step.run(stage);
    EXPECT_NE(step.y.row(0), before.row(0));
    EXPECT_EQ(step.y.row(1), before.row(1));
    EXPECT_EQ(step.is_used[1], 0);  // the mask goes on where sequences are returned
    RowMatrix<S> state(2, stage.state_size());
    stage.get_state(state.leftCols(stage.state_size()));
    EXPECT_EQ(state.row(1).head(3), before.row(1));
    EXPECT_EQ(state.row(1).tail(3), before.row(1));
}

TYPED_TEST(GruStageOf, OutputOfAMaskedStepIsZeroWhereTheLayerSaysSo) {
    using S = TypeParam;
    GruStage<S> stage(Gru<S>(2, {.units = 3, .return_sequences = true, .zero_output_for_mask = true}), {.rows = 2},
                      true);
    StageStep<S> step;
    step.run(stage);
    const RowMatrix<S> before = step.y;
    step.is_used = {0, 0};
    step.run(stage);
    EXPECT_TRUE(step.y.isZero(0));
    RowMatrix<S> state(2, stage.state_size());
    stage.get_state(state.leftCols(stage.state_size()));
    EXPECT_EQ(state.leftCols(3), before);
}

TYPED_TEST(GruStageOf, WithoutReturnedSequencesEveryStepOfTheNextLayerCounts) {
    using S = TypeParam;
    GruStage<S> stage(Gru<S>(2, {.units = 3}), {.rows = 2}, true);
    StageStep<S> step;
    step.is_used = {0, 1};
    step.run(stage);
    EXPECT_EQ(step.is_used, (std::array<unsigned char, 2>{1, 1}));
    EXPECT_TRUE(step.y.row(0).isZero(0));
}

TYPED_TEST(GruStageOf, StateIsTakenAndGivenAndRowsBeginAnew) {
    using S = TypeParam;
    for (const bool has_mask : {false, true}) {
        GruStage<S> stage(Gru<S>(2, {.units = 3, .return_sequences = true}), {.rows = 2}, has_mask);
        EXPECT_EQ(stage.state_size(), has_mask ? 6 : 3);  // with a mask the last output too
        GruStage<S> other = stage;
        StageStep<S> step;
        step.run(stage);
        RowMatrix<S> state(2, stage.state_size()), again = state;
        stage.get_state(state.leftCols(state.cols()));
        other.set_state(state.leftCols(state.cols()));
        step.run(stage);
        const RowMatrix<S> y = step.y;
        step.run(other);
        EXPECT_EQ(step.y, y);
        stage.reset(1);
        stage.get_state(again.leftCols(again.cols()));
        EXPECT_TRUE(again.row(1).isZero(0));
        EXPECT_FALSE(again.row(0).isZero(0));
        stage.reset();
        stage.get_state(again.leftCols(again.cols()));
        EXPECT_TRUE(again.isZero(0));
    }
}

/// Whether a mask leaves a layer that one reaches, or not.
template <class L>
bool mask_after(const L& layer, bool has_mask) {
    EXPECT_TRUE(stream_stage<float>(layer, StreamOptions{.rows = 1}, has_mask).has_value()) << layer.name();
    return has_mask;
}

TEST(StreamStageOf, FollowsTheMaskThroughTheLayers) {
    for (const bool has_mask : {false, true}) {
        EXPECT_TRUE(mask_after(Masking<float>(), has_mask));
        EXPECT_EQ(mask_after(Dense<float>(2, {.units = 3}), has_mask), has_mask);
        EXPECT_EQ(mask_after(Gru<float>(2, {.units = 3, .return_sequences = true}), has_mask), has_mask);
        EXPECT_FALSE(mask_after(Gru<float>(2, {.units = 3}), has_mask));
        for (const bool mask_zero : {false, true})
            EXPECT_EQ(mask_after(Embedding<float>({.input_dim = 3, .output_dim = 2, .mask_zero = mask_zero}), has_mask),
                      mask_zero);
        bool after = has_mask;
        EXPECT_FALSE(stream_stage<float>(Dropout<float>({.rate = 0.5}), StreamOptions{.rows = 1}, after).has_value());
        EXPECT_EQ(after, has_mask);
    }
}

TEST(ModelStream, LayersThatNeedTheEndAreRefusedByName) {
    EXPECT_EQ(
        message_of<OptionError>([] { ModelStream<float>(Sequential<float>({Bidirectional<float>(2, {.units = 3})})); }),
        "ModelStream: layer \"bidirectional\" reads its inputs from both ends, and a stream has no end");
    EXPECT_EQ(message_of<OptionError>(
                  [] { ModelStream<float>(Sequential<float>({Gru<float>(2, {.units = 3, .go_backwards = true})})); }),
              "ModelStream: layer \"gru\" reads its inputs from their end (go_backwards), and a stream has no end");
}

}  // namespace
}  // namespace eigengru_test::stream_stage_test
