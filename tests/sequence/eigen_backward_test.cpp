// SPDX-License-Identifier: MIT
// The backward pass below the layer: how it walks through chunks and segments. Its numbers are tested through the
// layer, against Keras and against differences.
#include "eigengru/sequence/eigen_backward.hpp"

#include "eigengru/layer/backend.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace eigengru_test {
namespace {

using namespace eigengru;

constexpr Index kFeatures = 3, kUnits = 4;

/// Weights, inputs and memory for passes forward and back.
template <class S, bool ResetAfter>
class Backend {
public:
    Backend(Index batch, Index time) : parameters_(kFeatures, kUnits, true), inputs_({batch, time, kFeatures}) {
        parameters_.flat().setRandom();
        inputs_.matrix().setRandom();
    }

    [[nodiscard]] Sequence<S>& inputs() { return inputs_; }

    /// A recorded pass; the mask by lengths.
    Tape<S> record(TapeOptions options = {}, bool go_backwards = false, IndexListView lengths = {},
                   const DropoutMasks<S>* dropout = nullptr) {
        const Shape3& shape = inputs_.shape();
        const SequencePlan plan(shape, go_backwards, {}, lengths);
        Tape<S> tape(options);
        workspace_.prepare({shape.batch, shape.time, kFeatures, kUnits}, true);
        const SequenceView<const S> inputs = inputs_;
        const OutputView<S> output;
        const eigengru::detail::SequenceCall<S> call{
            .plan = plan, .inputs = inputs, .output = output, .dropout = dropout};
        const eigengru::detail::LayerSignature signature{
            .features = kFeatures, .units = kUnits, .return_sequences = true, .go_backwards = go_backwards};
        eigengru::detail::record_on_backend<ResetAfter, S>(function(), call, workspace_, signature, tape);
        return tape;
    }

    Gradients<S> back(const Tape<S>& tape, const OutputGradients<S>& d) {
        const Shape3& shape = tape.shape();
        const eigengru::detail::WorkspaceShape sizes{shape.batch, shape.time, kFeatures, kUnits};
        workspace_.prepare(sizes, true);
        backward_workspace_.prepare(sizes, tape.has_gates() ? 0 : tape.segment(), !ResetAfter);
        Gradients<S> g;
        eigengru::detail::resize(g, shape, parameters_);
        const eigengru::detail::StepFunction<S> f = function();
        const eigengru::detail::BackwardCall<S> call{tape, d, g};
        eigengru::detail::EigenBackward<ResetAfter, S>(f, call, workspace_, backward_workspace_).run();
        return g;
    }

private:
    [[nodiscard]] eigengru::detail::StepFunction<S> function() const {
        return {parameters_.kernel(), parameters_.recurrent_kernel(), parameters_.bias(), tanh_, sigmoid_};
    }

    GruParameters<S, ResetAfter> parameters_;
    Sequence<S> inputs_;
    eigengru::detail::Workspace<S> workspace_;
    eigengru::detail::BackwardWorkspace<S> backward_workspace_;
    Activation tanh_ = "tanh", sigmoid_ = "sigmoid";
};

template <class S>
bool is_same(const Gradients<S>& a, const Gradients<S>& b) {
    return a.parameters.flat() == b.parameters.flat() && a.inputs.matrix() == b.inputs.matrix() &&
           a.initial_state == b.initial_state;
}

template <class M>
class EigenBackwardOf : public testing::Test {
protected:
    using Runner = Backend<typename M::Scalar, M::kResetAfter>;
};
TYPED_TEST_SUITE(EigenBackwardOf, Modes, );

TYPED_TEST(EigenBackwardOf, TheRecordIsInProcessingOrder) {
    using S = typename TypeParam::Scalar;
    typename TestFixture::Runner backend(2, 5);
    const Tape<S> tape = backend.record({}, true, {5, 3});
    EXPECT_EQ(eigengru::detail::inputs_of(tape).step(0).row(0), backend.inputs().step(4).row(0));
    EXPECT_EQ(eigengru::detail::inputs_of(tape).step(0).row(1).norm(), S(0));
    const SequencePlan plan = eigengru::detail::plan_of(tape);
    EXPECT_FALSE(plan.go_backwards());
    EXPECT_FALSE(plan.is_used(1, 1));
    EXPECT_TRUE(plan.is_used(1, 2));
    EXPECT_TRUE(plan.is_used(0, 0));
}

TYPED_TEST(EigenBackwardOf, GradientsOfTheInputsAreInTheOrderOfTheInputs) {
    using S = typename TypeParam::Scalar;
    typename TestFixture::Runner backend(1, 6);
    const RowMatrix<S> d = RowMatrix<S>::Random(1, kUnits);
    const Gradients<S> backwards = backend.back(backend.record({}, true), {.last = d});
    const RowMatrix<S> reversed = backend.inputs().sequence(0).colwise().reverse();
    backend.inputs().sequence(0) = reversed;
    const Gradients<S> forwards = backend.back(backend.record(), {.last = d});
    EXPECT_EQ(backwards.parameters.flat(), forwards.parameters.flat());
    EXPECT_EQ(backwards.inputs.sequence(0).colwise().reverse().eval(), forwards.inputs.sequence(0));
}

TYPED_TEST(EigenBackwardOf, ChunksOfTimeDoNotShow) {
    using S = typename TypeParam::Scalar;
    typename TestFixture::Runner whole(1, 300);  // more steps than a chunk holds
    Sequence<S> d({1, 300, kUnits});
    d.matrix().setRandom();
    const Tape<S> tape = whole.record();
    const Gradients<S> g = whole.back(tape, {.sequences = d});
    // Step by step, each a pass of its own from the recorded state.
    typename TestFixture::Runner one = whole;
    RowMatrix<S> d_state = RowMatrix<S>::Zero(1, kUnits);
    GruWeights<S> sum(kFeatures, kUnits, TypeParam::kResetAfter ? 2 : 1);
    one.inputs() = Sequence<S>({1, 1, kFeatures});
    for (Index t = 299; t >= 0; --t) {
        one.inputs().step(0) = whole.inputs().step(t);
        Tape<S> step = one.record();
        std::copy_n(tape.state(t), kUnits, step.state(0));
        std::copy_n(tape.gates() + t * 4 * kUnits, 4 * kUnits, step.gates());
        const Gradients<S> g_step = one.back(step, {.last = d.step(t), .state = d_state});
        d_state = g_step.initial_state;
        sum.flat() += g_step.parameters.flat();
        ASSERT_LT((g_step.inputs.matrix() - g.inputs.step(t)).cwiseAbs().maxCoeff(), S(1e-5)) << t;
    }
    EXPECT_LT((d_state - g.initial_state).cwiseAbs().maxCoeff(), S(1e-5));
    const S scale = sum.flat().cwiseAbs().maxCoeff();
    EXPECT_LT((sum.flat() - g.parameters.flat()).cwiseAbs().maxCoeff(), S(1e-5) * scale);
}

TYPED_TEST(EigenBackwardOf, SegmentsGiveTheSameBits) {
    using S = typename TypeParam::Scalar;
    for (const auto& [batch, time] : {std::pair<Index, Index>{1, 300}, {5, 60}, {130, 7}}) {
        typename TestFixture::Runner backend(batch, time);
        Sequence<S> d({batch, time, kUnits});
        d.matrix().setRandom();
        const Gradients<S> g = backend.back(backend.record(), {.sequences = d});
        for (const Index every : {1, 3, 25, 128, 1000})
            EXPECT_TRUE(is_same(backend.back(backend.record({.checkpoint_every = every}), {.sequences = d}), g))
                << batch << ' ' << every;
    }
}

TYPED_TEST(EigenBackwardOf, SegmentsWithMasksAndDropoutGiveTheSameBits) {
    using S = typename TypeParam::Scalar;
    typename TestFixture::Runner backend(5, 60);  // chunks of 25 steps
    const RowMatrix<S> units = RowMatrix<S>::Constant(5, kUnits, S(1.5));
    const DropoutMasks<S> dropout{.input = {RowMatrix<S>::Random(5, kFeatures)}, .state = {units, units, units}};
    const RowMatrix<S> d = RowMatrix<S>::Random(5, kUnits);
    const IndexListView lengths = {60, 0, 51, 25, 1};
    const Gradients<S> g = backend.back(backend.record({}, false, lengths, &dropout), {.last = d});
    const Tape<S> checkpoints = backend.record({.checkpoint_every = 25}, false, lengths, &dropout);
    EXPECT_EQ(checkpoints.segment(), 25);
    EXPECT_TRUE(is_same(backend.back(checkpoints, {.last = d}), g));
    EXPECT_EQ(g.initial_state.row(1).norm(), S(0));
}

TYPED_TEST(EigenBackwardOf, StepsThatNobodyUsesAreSkipped) {
    using S = typename TypeParam::Scalar;
    typename TestFixture::Runner longer(2, 6);
    const RowMatrix<S> d = RowMatrix<S>::Random(2, kUnits);
    const Gradients<S> g = longer.back(longer.record({}, false, {4, 2}), {.last = d});
    typename TestFixture::Runner shorter = longer;
    shorter.inputs() = Sequence<S>({2, 4, kFeatures});
    for (Index t = 0; t < 4; ++t) shorter.inputs().step(t) = longer.inputs().step(t);
    const Gradients<S> expected = shorter.back(shorter.record({}, false, {4, 2}), {.last = d});
    EXPECT_LT((g.parameters.flat() - expected.parameters.flat()).cwiseAbs().maxCoeff(), S(1e-6));
    EXPECT_EQ(g.initial_state, expected.initial_state);
    EXPECT_EQ(g.inputs.step(5).norm(), S(0));
}

TYPED_TEST(EigenBackwardOf, RunsAgainInTheSameWorkspaceAlike) {
    using S = typename TypeParam::Scalar;
    typename TestFixture::Runner backend(3, 5);
    const RowMatrix<S> d = RowMatrix<S>::Random(3, kUnits);
    const Tape<S> tape = backend.record(), masked = backend.record({.checkpoint_every = 2}, true, {5, 1, 0});
    const Gradients<S> first = backend.back(tape, {.state = d});
    (void)backend.back(masked, {.last = d});
    EXPECT_TRUE(is_same(backend.back(tape, {.state = d}), first));
}

}  // namespace
}  // namespace eigengru_test
