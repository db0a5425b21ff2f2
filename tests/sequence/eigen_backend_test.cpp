// SPDX-License-Identifier: MIT
// The backend below the layer: what it writes and what it leaves alone. Its numbers are tested through the layer,
// against Keras and against scalar loops.
#include "eigengru/sequence/eigen_backend.hpp"

#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace {

using namespace eigengru;
using eigengru_test::Modes;

constexpr Index kFeatures = 3, kUnits = 4;

/// Weights, inputs and memory for the results of one call.
template <class S, bool ResetAfter>
class Backend {
public:
    Backend(Index batch, Index time) : parameters_(kFeatures, kUnits, true), inputs_({batch, time, kFeatures}) {
        parameters_.flat().setRandom();
        inputs_.matrix().setRandom();
        workspace_.prepare({batch, time, kFeatures, kUnits});
    }

    [[nodiscard]] Sequence<S>& inputs() { return inputs_; }

    /// All three results of a call along the plan.
    Output<S> run(const SequencePlan& plan, MatrixView<const S> initial_state = {}, bool zero_output_for_mask = false,
                  const DropoutMasks<S>* dropout = nullptr) {
        Output<S> y{Sequence<S>({plan.batch(), plan.time(), kUnits}), RowMatrix<S>(plan.batch(), kUnits),
                    RowMatrix<S>(plan.batch(), kUnits)};
        run_into({y.sequences, y.last, y.state}, plan, initial_state, zero_output_for_mask, dropout);
        return y;
    }

    void run_into(const OutputView<S>& output, const SequencePlan& plan, MatrixView<const S> initial_state = {},
                  bool zero_output_for_mask = false, const DropoutMasks<S>* dropout = nullptr) {
        const GruParameters<S, ResetAfter>& p = parameters_;
        const detail::StepFunction<S> f{p.kernel(), p.recurrent_kernel(), p.bias(), tanh_, sigmoid_};
        const detail::SequenceCall<S> call{.plan = plan,
                                           .inputs = inputs_,
                                           .output = output,
                                           .initial_state = initial_state,
                                           .dropout = dropout,
                                           .zero_output_for_mask = zero_output_for_mask};
        detail::EigenBackend<ResetAfter, S>(f, call, workspace_).run();
    }

    [[nodiscard]] SequencePlan plan(IndexListView lengths = {}, bool go_backwards = false) const {
        return {inputs_.shape(), go_backwards, {}, lengths};
    }

private:
    GruParameters<S, ResetAfter> parameters_;
    Sequence<S> inputs_;
    detail::Workspace<S> workspace_;
    Activation tanh_ = "tanh", sigmoid_ = "sigmoid";
};

template <class M>
class EigenBackendOf : public testing::Test {
protected:
    using Runner = Backend<typename M::Scalar, M::kResetAfter>;
};
TYPED_TEST_SUITE(EigenBackendOf, Modes, );

TYPED_TEST(EigenBackendOf, LastAndStateAreTheLastOfTheSequences) {
    typename TestFixture::Runner backend(3, 5);
    const auto y = backend.run(backend.plan());
    EXPECT_EQ(y.last, y.sequences.step(4));
    EXPECT_EQ(y.state, y.last);
}

TYPED_TEST(EigenBackendOf, WritesOnlyWhatIsWanted) {
    typename TestFixture::Runner backend(3, 5);
    const auto y = backend.run(backend.plan());
    RowMatrix<typename TypeParam::Scalar> state(3, kUnits);
    backend.run_into({.state = state}, backend.plan());
    EXPECT_EQ(state, y.state);
    EXPECT_NO_THROW(backend.run_into({}, backend.plan()));
}

TYPED_TEST(EigenBackendOf, LeavesWhatLiesBetweenTheRowsOfItsResults) {
    using S = typename TypeParam::Scalar;
    typename TestFixture::Runner backend(2, 3);
    const auto y = backend.run(backend.plan());
    std::vector<S> memory(2 * 40, S(7));
    const SequenceView<S> sequences(memory.data(), {2, 3, kUnits}, {40, 9});
    backend.run_into({.sequences = sequences}, backend.plan());
    EXPECT_EQ(sequences.sequence(1), y.sequences.sequence(1));
    EXPECT_EQ(memory[4], S(7));
    EXPECT_EQ(memory[39], S(7));
    EXPECT_EQ(std::count(memory.begin(), memory.end(), S(7)), 80 - 2 * 3 * kUnits);
}

TYPED_TEST(EigenBackendOf, ChunksOfTimeDoNotShow) {
    using S = typename TypeParam::Scalar;
    typename TestFixture::Runner whole(1, 300);  // more steps than a chunk holds
    const auto y = whole.run(whole.plan());
    RowMatrix<S> state = RowMatrix<S>::Zero(1, kUnits);
    const RowMatrix<S> inputs = whole.inputs().sequence(0);
    for (Index t = 0; t < 300; ++t) {
        whole.inputs().sequence(0).row(0) = inputs.row(t);
        const SequencePlan one({1, 1, kFeatures}, false, {}, {});
        state = whole.run(one, state).state;
        ASSERT_LT((state - y.sequences.step(t)).cwiseAbs().maxCoeff(), S(1e-5)) << t;
    }
}

TYPED_TEST(EigenBackendOf, GoingBackwardsIsTheReversedInput) {
    typename TestFixture::Runner backend(1, 6);
    const auto y = backend.run(backend.plan({}, true));
    const RowMatrix<typename TypeParam::Scalar> reversed = backend.inputs().sequence(0).colwise().reverse();
    backend.inputs().sequence(0) = reversed;
    EXPECT_EQ(backend.run(backend.plan()).sequences.matrix(), y.sequences.matrix());
}

TYPED_TEST(EigenBackendOf, MaskedRowKeepsItsState) {
    using S = typename TypeParam::Scalar;
    typename TestFixture::Runner backend(2, 4);
    const RowMatrix<S> state = RowMatrix<S>::Random(2, kUnits);
    const auto y = backend.run(backend.plan({0, 2}), state);
    EXPECT_EQ(y.state.row(0), state.row(0));
    EXPECT_EQ(y.sequences.sequence(0).cwiseAbs().maxCoeff(), S(0));
    EXPECT_EQ(y.sequences.sequence(1).row(3), y.sequences.sequence(1).row(1));
}

TYPED_TEST(EigenBackendOf, MaskedFirstStepsGiveZerosWhateverTheState) {
    using S = typename TypeParam::Scalar;
    typename TestFixture::Runner backend(1, 4);
    const RowMatrix<S> state = RowMatrix<S>::Random(1, kUnits);
    const auto y = backend.run(backend.plan({2}, true), state);  // backwards: the padding comes first
    EXPECT_EQ(y.sequences.sequence(0).topRows(2).cwiseAbs().maxCoeff(), S(0));
    EXPECT_GT(y.sequences.sequence(0).row(2).cwiseAbs().maxCoeff(), S(0));
}

TYPED_TEST(EigenBackendOf, ZeroOutputForMaskKeepsTheStateBehindTheZeros) {
    using S = typename TypeParam::Scalar;
    typename TestFixture::Runner backend(1, 4);
    const auto plain = backend.run(backend.plan({2}));
    const auto y = backend.run(backend.plan({2}), {}, true);
    EXPECT_EQ(y.last.cwiseAbs().maxCoeff(), S(0));
    EXPECT_EQ(y.state, plain.state);
}

TYPED_TEST(EigenBackendOf, StepsThatNobodyUsesAreSkipped) {
    using S = typename TypeParam::Scalar;
    typename TestFixture::Runner backend(2, 4);
    backend.inputs().step(2).setConstant(std::numeric_limits<S>::quiet_NaN());
    backend.inputs().step(3).setConstant(std::numeric_limits<S>::quiet_NaN());
    const auto y = backend.run(backend.plan({2, 1}));
    EXPECT_EQ(y.last.row(0), y.sequences.sequence(0).row(1));
}

TYPED_TEST(EigenBackendOf, InputMasksScaleTheInputs) {
    using S = typename TypeParam::Scalar;
    typename TestFixture::Runner backend(2, 4);
    const DropoutMasks<S> twice{.input = {RowMatrix<S>::Constant(2, kFeatures, S(2))}};
    const DropoutMasks<S> thrice_twice{.input = std::vector<RowMatrix<S>>(3, twice.input[0])};
    const auto one = backend.run(backend.plan(), {}, false, &twice);
    const auto three = backend.run(backend.plan(), {}, false, &thrice_twice);
    backend.inputs().matrix() *= S(2);
    const auto scaled = backend.run(backend.plan());
    EXPECT_LT((one.last - scaled.last).cwiseAbs().maxCoeff(), S(1e-6));
    EXPECT_LT((three.last - scaled.last).cwiseAbs().maxCoeff(), S(1e-6));
}

TYPED_TEST(EigenBackendOf, RunsAgainInTheSameWorkspaceAlike) {
    typename TestFixture::Runner backend(3, 5);
    const auto first = backend.run(backend.plan());
    (void)backend.run(backend.plan({1, 0, 5}), RowMatrix<typename TypeParam::Scalar>::Random(3, kUnits).eval());
    EXPECT_EQ(backend.run(backend.plan()).sequences.matrix(), first.sequences.matrix());
}

}  // namespace
