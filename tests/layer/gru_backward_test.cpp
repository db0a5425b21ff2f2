// SPDX-License-Identifier: MIT
// forward and backward of the layer beside their numbers, which gru_gradient_test.cpp and gru_gradient_golden_test.cpp
// check: masked rows, tapes, memory, errors.
#include "eigengru/layer/gru.hpp"

#include "support/allocation_counter.hpp"
#include "support/message_of.hpp"
#include "support/modes.hpp"
#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;

template <class M>
using LayerOf = Gru<typename M::Scalar, M::kResetAfter>;

/// Random gradients of everything that a layer gives back.
template <class S>
struct RandomGradients {
    RandomGradients(const GruOptions& options, Index batch, Index time)
        : has_sequences(options.return_sequences),
          sequences(random_sequence<S>({batch, time, options.units})),
          last(RowMatrix<S>::Random(batch, options.units)),
          state(RowMatrix<S>::Random(batch, options.units)) {}

    [[nodiscard]] OutputGradients<S> view() const {
        OutputGradients<S> d{.last = last, .state = state};
        if (has_sequences) d.sequences = sequences;
        return d;
    }

    bool has_sequences;
    Sequence<S> sequences;
    RowMatrix<S> last, state;
};

template <class S>
bool is_same(const Gradients<S>& a, const Gradients<S>& b) {
    return a.parameters.flat() == b.parameters.flat() && a.inputs.matrix() == b.inputs.matrix() &&
           a.initial_state == b.initial_state;
}

/// One layer, a call of it, and gradients of what the call gives back.
template <class M>
class GruBackward : public testing::Test {
protected:
    using Scalar = typename M::Scalar;
    using Layer = LayerOf<M>;
    static constexpr Index kBatch = 3, kTime = 6, kFeatures = 4, kUnits = 5;

    static GruOptions options() {
        return {.units = kUnits, .bias_initializer = "random_normal", .return_sequences = true};
    }

    Gradients<Scalar> backward(Tape<Scalar>& tape, const CallOptions<Scalar>& call = {}) {
        (void)layer.forward(inputs, call, tape);
        return layer.backward(tape, d.view());
    }
    Gradients<Scalar> backward(const CallOptions<Scalar>& call = {}) {
        Tape<Scalar> tape;
        return backward(tape, call);
    }

    Layer layer{kFeatures, options()};
    Sequence<Scalar> inputs = random_sequence<Scalar>({kBatch, kTime, kFeatures});
    RandomGradients<Scalar> d{options(), kBatch, kTime};
};
TYPED_TEST_SUITE(GruBackward, Modes, );

// Values

TYPED_TEST(GruBackward, ForwardGivesWhatTheCallGives) {
    using S = typename TypeParam::Scalar;
    Tape<S> tape, checkpoints(TapeOptions{.checkpoint_every = 2});
    const Output<S> y = this->layer(this->inputs);
    for (Tape<S>* t : {&tape, &checkpoints}) {
        const Output<S> recorded = this->layer.forward(this->inputs, {}, *t);
        EXPECT_EQ(recorded.sequences.matrix(), y.sequences.matrix());
        EXPECT_EQ(recorded.last, y.last);
        EXPECT_EQ(recorded.state, y.state);
    }
}

TYPED_TEST(GruBackward, ForwardIntoMemoryGivesTheSame) {
    using S = typename TypeParam::Scalar;
    Tape<S> tape;
    const Output<S> y = this->layer(this->inputs);
    Sequence<S> sequences({this->kBatch, this->kTime, this->kUnits});
    RowMatrix<S> state(this->kBatch, this->kUnits);
    this->layer.forward(this->inputs, {}, tape, {.sequences = sequences, .state = state});
    EXPECT_EQ(sequences.matrix(), y.sequences.matrix());
    EXPECT_EQ(state, y.state);
    EXPECT_TRUE(is_same(this->layer.backward(tape, this->d.view()), this->backward()));
    this->layer.forward(this->inputs, {}, tape, {});
    EXPECT_TRUE(is_same(this->layer.backward(tape, this->d.view()), this->backward()));
}

TYPED_TEST(GruBackward, AbsentGradientsCountAsZeros) {
    using S = typename TypeParam::Scalar;
    Tape<S> tape;
    (void)this->backward(tape);
    const RowMatrix<S> zeros = RowMatrix<S>::Zero(this->kBatch, this->kUnits);
    const Gradients<S> with_zeros = this->layer.backward(tape, {.last = this->d.last, .state = zeros});
    EXPECT_TRUE(is_same(this->layer.backward(tape, {.last = this->d.last}), with_zeros));
    const Gradients<S> none = this->layer.backward(tape, {});
    EXPECT_EQ(none.parameters.flat().cwiseAbs().maxCoeff(), S(0));
    EXPECT_EQ(none.inputs.matrix().cwiseAbs().maxCoeff(), S(0));
    EXPECT_EQ(none.initial_state.cwiseAbs().maxCoeff(), S(0));
}

TYPED_TEST(GruBackward, GradientsOfLastAreThoseOfTheLastOfTheSequences) {
    using S = typename TypeParam::Scalar;
    Tape<S> tape;
    (void)this->backward(tape);
    Sequence<S> d_sequences({this->kBatch, this->kTime, this->kUnits});
    d_sequences.step(this->kTime - 1) = this->d.last;
    EXPECT_TRUE(is_same(this->layer.backward(tape, {.sequences = d_sequences}),
                        this->layer.backward(tape, {.last = this->d.last})));
    EXPECT_TRUE(is_same(this->layer.backward(tape, {.state = this->d.last}),
                        this->layer.backward(tape, {.last = this->d.last})));
}

TYPED_TEST(GruBackward, StridedGradientsAreReadWhereTheyLie) {
    using S = typename TypeParam::Scalar;
    Tape<S> tape;
    const Gradients<S> expected = this->backward(tape);
    Sequence<S> wide({this->kBatch, this->kTime, this->kUnits + 3});
    wide.matrix().leftCols(this->kUnits) = this->d.sequences.matrix();
    RowMatrix<S> both(this->kBatch, 2 * this->kUnits);
    both << this->d.last, this->d.state;
    const Index width = this->kUnits + 3;
    const SequenceView<const S> d_sequences(wide.data(), this->d.sequences.shape(), {this->kTime * width, width});
    EXPECT_TRUE(is_same(this->layer.backward(tape, {.sequences = d_sequences,
                                                    .last = both.leftCols(this->kUnits),
                                                    .state = both.rightCols(this->kUnits)}),
                        expected));
}

TYPED_TEST(GruBackward, WithoutTrainingThereIsNoDropoutInTheGradients) {
    using S = typename TypeParam::Scalar;
    GruOptions options = this->options();
    options.dropout = 0.5;
    options.recurrent_dropout = 0.5;
    typename TestFixture::Layer other(this->kFeatures, options);
    other.set_weights(this->layer.get_weights());
    Tape<S> tape;
    (void)other.forward(this->inputs, {.training = false}, tape);
    EXPECT_TRUE(is_same(other.backward(tape, this->d.view()), this->backward()));
    (void)other.forward(this->inputs, {.training = true}, tape);
    EXPECT_FALSE(is_same(other.backward(tape, this->d.view()), this->backward()));
}

TYPED_TEST(GruBackward, DrawnDropoutMasksAreThoseOfTheForwardPass) {
    using S = typename TypeParam::Scalar;
    GruOptions options = this->options();
    options.dropout = 0.5;
    options.recurrent_dropout = 0.5;
    options.seed = 7;
    typename TestFixture::Layer other(this->kFeatures, options);
    Tape<S> first, second, again;
    (void)other.forward(this->inputs, {.training = true}, first);
    const Gradients<S> g = other.backward(first, this->d.view());
    (void)other.forward(this->inputs, {.training = true}, second);
    EXPECT_FALSE(is_same(other.backward(second, this->d.view()), g));
    EXPECT_TRUE(is_same(other.backward(first, this->d.view()), g));
    other.set_dropout_calls(0);
    (void)other.forward(this->inputs, {.training = true}, again);
    EXPECT_TRUE(is_same(other.backward(again, this->d.view()), g));
}

TYPED_TEST(GruBackward, NoSequencesGiveZerosAndTheRegularizers) {
    using S = typename TypeParam::Scalar;
    typename TestFixture::Layer other(this->kFeatures, {.units = 5,
                                                        .kernel_regularizer = Regularizer::l2(0.5),
                                                        .activity_regularizer = "l2",
                                                        .return_sequences = true});
    for (const Index every : {0, 2}) {
        Tape<S> tape(TapeOptions{.checkpoint_every = every});
        (void)other.forward(Sequence<S>({0, 3, this->kFeatures}), {}, tape);
        EXPECT_FALSE(tape.empty());
        const Gradients<S> g = other.backward(tape, {.last = RowMatrix<S>(0, 5)});
        EXPECT_EQ(g.parameters.kernel(), other.parameters().kernel());
        EXPECT_EQ(g.parameters.recurrent_kernel().cwiseAbs().maxCoeff(), S(0));
        EXPECT_EQ(g.inputs.shape(), Shape3(0, 3, this->kFeatures));
        EXPECT_EQ(g.initial_state.rows(), 0);
    }
}

TYPED_TEST(GruBackward, WithoutBiasHasNoGradientOfIt) {
    using S = typename TypeParam::Scalar;
    GruOptions options = this->options();
    options.use_bias = false;
    typename TestFixture::Layer other(this->kFeatures, options), with_bias(this->kFeatures, this->options());
    with_bias.update_parameters([&](auto& p) {
        p.kernel() = other.parameters().kernel();
        p.recurrent_kernel() = other.parameters().recurrent_kernel();
        p.bias().setZero();
    });
    Tape<S> tape, with_bias_tape;
    (void)other.forward(this->inputs, {}, tape);
    (void)with_bias.forward(this->inputs, {}, with_bias_tape);
    const Gradients<S> g = other.backward(tape, this->d.view());
    EXPECT_EQ(g.parameters.size(), other.count_params());
    EXPECT_EQ(g.parameters.bias().rows(), 0);
    EXPECT_EQ(g.parameters.kernel(), with_bias.backward(with_bias_tape, this->d.view()).parameters.kernel());
}

TYPED_TEST(GruBackward, AFrozenLayerHasGradientsToo) {
    using S = typename TypeParam::Scalar;
    GruOptions options = this->options();
    options.trainable = false;
    typename TestFixture::Layer other(this->kFeatures, options);
    other.set_weights(this->layer.get_weights());
    Tape<S> tape;
    (void)other.forward(this->inputs, {}, tape);
    EXPECT_TRUE(is_same(other.backward(tape, this->d.view()), this->backward()));
}

// Masks

TYPED_TEST(GruBackward, AFullyMaskedRowGivesNothingAndPassesItsStateThrough) {
    using S = typename TypeParam::Scalar;
    const RowMatrix<S> state = RowMatrix<S>::Random(this->kBatch, this->kUnits);
    const CallOptions<S> call{.lengths = {6, 0, 3}, .initial_state = state};
    for (const Index every : {0, 1, 2}) {
        Tape<S> tape(TapeOptions{.checkpoint_every = every});
        const Gradients<S> g = this->backward(tape, call);
        EXPECT_EQ(g.initial_state.row(1), this->d.state.row(1));
        EXPECT_EQ(g.inputs.sequence(1).cwiseAbs().maxCoeff(), S(0));
        // What it holds does not reach the parameters either.
        this->inputs.sequence(1).setConstant(std::numeric_limits<S>::infinity());
        RandomGradients<S> other = this->d;
        other.sequences.sequence(1).setConstant(S(100));
        other.last.row(1).setConstant(S(100));
        other.state.row(1).setConstant(S(100));
        (void)this->layer.forward(this->inputs, call, tape);
        EXPECT_EQ(this->layer.backward(tape, other.view()).parameters.flat(), g.parameters.flat());
    }
}

TYPED_TEST(GruBackward, WhereEveryRowIsMaskedTheParametersGetZeros) {
    using S = typename TypeParam::Scalar;
    const Gradients<S> g = this->backward({.lengths = {0, 0, 0}});
    EXPECT_EQ(g.parameters.flat().cwiseAbs().maxCoeff(), S(0));
    EXPECT_EQ(g.inputs.matrix().cwiseAbs().maxCoeff(), S(0));
    EXPECT_EQ(g.initial_state, this->d.state);
}

TYPED_TEST(GruBackward, NotANumberInThePaddingChangesNothing) {
    using S = typename TypeParam::Scalar;
    const CallOptions<S> call{.lengths = {4, 2, 6}};
    this->inputs.sequence(0).bottomRows(2).setZero();
    this->inputs.sequence(1).bottomRows(4).setZero();
    const Gradients<S> g = this->backward(call);
    this->inputs.sequence(0).bottomRows(2).setConstant(std::numeric_limits<S>::quiet_NaN());
    this->inputs.sequence(1).bottomRows(4).setConstant(-std::numeric_limits<S>::infinity());
    EXPECT_TRUE(is_same(this->backward(call), g));
    EXPECT_TRUE(g.parameters.flat().allFinite());
}

TYPED_TEST(GruBackward, AMaskOfAllTrueChangesNoBit) {
    const std::array<bool, 18> mask{true, true, true, true, true, true, true, true, true,
                                    true, true, true, true, true, true, true, true, true};
    EXPECT_TRUE(is_same(this->backward({.mask = {mask.data(), this->kBatch, this->kTime}}), this->backward()));
}

// Tapes

TYPED_TEST(GruBackward, IsTheSameFromRunToRunAndFromEachKindOfTape) {
    using S = typename TypeParam::Scalar;
    const CallOptions<S> call{.lengths = {4, 2, 6}};
    const Gradients<S> g = this->backward(call);
    EXPECT_TRUE(is_same(this->backward(call), g));
    for (Index every = 0; every <= this->kTime + 1; ++every) {
        Tape<S> tape(TapeOptions{.checkpoint_every = every});
        EXPECT_TRUE(is_same(this->backward(tape, call), g)) << every;
        EXPECT_TRUE(is_same(this->layer.backward(std::as_const(tape), this->d.view()), g)) << every;
        EXPECT_TRUE(is_same(this->layer.backward(std::move(tape), this->d.view()), g)) << every;
    }
}

TYPED_TEST(GruBackward, OfManyStepsIsTheSameWithCheckpoints) {
    using S = typename TypeParam::Scalar;
    for (const auto& [batch, time] : {std::pair<Index, Index>{1, 300}, {30, 41}, {130, 5}}) {
        const Sequence<S> longer = random_sequence<S>({batch, time, this->kFeatures});
        const RandomGradients<S> d_longer(this->options(), batch, time);
        Tape<S> tape;
        (void)this->layer.forward(longer, {}, tape);
        const Gradients<S> g = this->layer.backward(tape, d_longer.view());
        for (const Index every : {1, 3, 10, 128, 129, 1000}) {
            Tape<S> checkpoints(TapeOptions{.checkpoint_every = every});
            (void)this->layer.forward(longer, {}, checkpoints);
            EXPECT_TRUE(is_same(this->layer.backward(checkpoints, d_longer.view()), g)) << batch << ' ' << every;
        }
    }
}

TYPED_TEST(GruBackward, ATapeHoldsNoMoreThanItSays) {
    using S = typename TypeParam::Scalar;
    const Index b = 30, t = 41, f = this->kFeatures, u = this->kUnits;
    const Sequence<S> longer = random_sequence<S>({b, t, f});
    Tape<S> tape;
    (void)this->layer.forward(longer, {}, tape);
    EXPECT_EQ(tape.size(), b * t * f + 5 * b * t * u);
    for (const Index every : {1, 4, 7, 41, 1000}) {
        Tape<S> checkpoints(TapeOptions{.checkpoint_every = every});
        (void)this->layer.forward(longer, {}, checkpoints);
        EXPECT_LE(checkpoints.size(), b * t * f + b * u * ((t + every - 1) / every)) << every;
    }
}

TYPED_TEST(GruBackward, SeveralTapesKeepApart) {
    using S = typename TypeParam::Scalar;
    std::array<Tape<S>, 3> tapes;
    std::vector<Gradients<S>> expected;
    for (Tape<S>& tape : tapes) {
        expected.push_back(this->backward(tape));
        this->inputs.matrix().setRandom();
    }
    for (const std::size_t i : {2U, 0U, 1U})
        EXPECT_TRUE(is_same(this->layer.backward(tapes[i], this->d.view()), expected[i])) << i;
    EXPECT_FALSE(is_same(expected[0], expected[1]));
}

TYPED_TEST(GruBackward, ATapeOutlivesWhatItWasRecordedFrom) {
    using S = typename TypeParam::Scalar;
    std::vector<unsigned char> mask(18, 1);
    mask[4] = 0;
    const RowMatrix<S> halves = RowMatrix<S>::Constant(3, 5, S(0.5));
    DropoutMasks<S> dropout{.input = {RowMatrix<S>::Ones(3, 4)}, .state = {halves, halves, halves}};
    RowMatrix<S> state = RowMatrix<S>::Random(3, 5);
    const CallOptions<S> call{
        .mask = {mask, 3, 6}, .initial_state = state, .training = true, .dropout_masks = &dropout};
    Tape<S> tape, checkpoints(TapeOptions{.checkpoint_every = 2});
    const Gradients<S> g = this->backward(tape, call);
    (void)this->layer.forward(this->inputs, call, checkpoints);
    this->inputs.matrix().setConstant(S(9));
    std::fill(mask.begin(), mask.end(), static_cast<unsigned char>(0));
    dropout.input[0].setZero();
    dropout.state[1].setZero();
    state.setZero();
    (void)this->layer(random_sequence<S>({7, 9, 4}));
    this->layer.prepare(50, 3);
    EXPECT_TRUE(is_same(this->layer.backward(tape, this->d.view()), g));
    EXPECT_TRUE(is_same(this->layer.backward(checkpoints, this->d.view()), g));
}

TYPED_TEST(GruBackward, AStatefulLayerRecordsTheStateItStartedFrom) {
    using S = typename TypeParam::Scalar;
    GruOptions options = this->options();
    options.stateful = true;
    typename TestFixture::Layer other(this->kFeatures, options);
    other.set_weights(this->layer.get_weights());
    const RowMatrix<S> carried = other(this->inputs).state;
    Tape<S> tape, checkpoints(TapeOptions{.checkpoint_every = 3}), unseen(TapeOptions{.checkpoint_every = 3});
    const Gradients<S> expected = this->backward({.initial_state = carried});
    (void)other.forward(this->inputs, {}, tape);
    other.set_state(carried);
    (void)other.forward(this->inputs, {}, checkpoints);
    other.set_state(carried);
    other.forward(this->inputs, {}, unseen, {});  // the state goes where the carried one lies
    EXPECT_TRUE(is_same(other.backward(tape, this->d.view()), expected));
    EXPECT_TRUE(is_same(other.backward(checkpoints, this->d.view()), expected));
    EXPECT_TRUE(is_same(other.backward(unseen, this->d.view()), expected));
}

TYPED_TEST(GruBackward, AMovedTapeIsEmptyAfterwardsAndTheOtherOneIsNot) {
    using S = typename TypeParam::Scalar;
    Tape<S> tape;
    (void)this->backward(tape);
    EXPECT_FALSE(tape.empty());
    Gradients<S> g;
    this->layer.backward(std::move(tape), this->d.view(), g);
    EXPECT_TRUE(tape.empty());
    (void)this->backward(tape);
    EXPECT_FALSE(tape.empty());
    (void)this->layer.backward(std::move(tape), this->d.view());
    EXPECT_TRUE(tape.empty());
}

TYPED_TEST(GruBackward, IntoGradientsOfOtherSizesGivesTheSame) {
    using S = typename TypeParam::Scalar;
    Tape<S> tape;
    const Gradients<S> expected = this->backward(tape);
    Gradients<S> into{GruWeights<S>(1, 1, 1), Sequence<S>({1, 1, 1}), RowMatrix<S>::Constant(9, 9, S(7))};
    for (int i = 0; i < 2; ++i) {
        this->layer.backward(tape, this->d.view(), into);
        EXPECT_TRUE(is_same(into, expected));
    }
}

TYPED_TEST(GruBackward, ACopyOfTheLayerReadsTheTapeToo) {
    using S = typename TypeParam::Scalar;
    Tape<S> tape;
    const Gradients<S> g = this->backward(tape);
    typename TestFixture::Layer copy = this->layer;
    EXPECT_TRUE(is_same(copy.backward(tape, this->d.view()), g));
}

}  // namespace
}  // namespace eigengru_test
