// SPDX-License-Identifier: MIT
// The layer's own promises: states, errors that change nothing, dropout, losses, weights, memory. Its numbers are held
// against Keras in gru_golden_test.cpp and against scalar loops in gru_random_test.cpp.
#include "eigengru/layer/gru.hpp"

#include "support/allocation_counter.hpp"
#include "support/golden_layer.hpp"
#include "support/message_of.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <sstream>

namespace eigengru_test {
namespace {

using namespace eigengru;

template <class S>
Sequence<S> inputs_of(Shape3 shape, unsigned seed = 1) {
    Sequence<S> inputs(shape);
    RandomStream random(seed, 0);
    for (Index i = 0; i < inputs.size(); ++i) inputs.data()[i] = static_cast<S>(2.0 * random.uniform() - 1.0);
    return inputs;
}

template <class S>
RowMatrix<S> matrix_of_size(Index rows, Index cols, unsigned seed = 2) {
    return inputs_of<S>({1, rows, cols}, seed).matrix();
}

/// Whether two results are equal to the bit.
template <class S>
bool same(const Output<S>& a, const Output<S>& b) {
    return a.last == b.last && a.state == b.state && a.sequences.shape() == b.sequences.shape() &&
           a.sequences.matrix() == b.sequences.matrix();
}

template <class M>
using LayerOf = Gru<typename M::Scalar, M::kResetAfter>;

template <class M>
class GruOf : public testing::Test {};
TYPED_TEST_SUITE(GruOf, Modes, );

// The shapes of the results

TYPED_TEST(GruOf, FillsSequencesLastAndState) {
    LayerOf<TypeParam> layer(8, {.units = 4, .return_sequences = true});
    const auto y = layer(inputs_of<typename TypeParam::Scalar>({3, 5, 8}));
    EXPECT_EQ(y.sequences.shape(), Shape3(3, 5, 4));
    EXPECT_EQ(y.last, y.sequences.step(4));
    EXPECT_EQ(y.state, y.last);
}

TEST(Gru, LeavesSequencesEmptyWithoutReturnSequences) {
    Gru<float> layer(8, {.units = 4});
    const Output<float> y = layer(inputs_of<float>({3, 5, 8}));
    EXPECT_EQ(y.sequences.size(), 0);
    EXPECT_EQ(y.last.rows(), 3);
    EXPECT_EQ(y.last, y.state);
}

TYPED_TEST(GruOf, GivesEmptyResultsForAnEmptyBatch) {
    using S = typename TypeParam::Scalar;
    LayerOf<TypeParam> layer(8, {.units = 4, .return_sequences = true, .return_state = true});
    const Output<S> y = layer(Sequence<S>({0, 5, 8}));
    EXPECT_EQ(y.sequences.shape(), Shape3(0, 5, 4));
    EXPECT_EQ(y.last.rows(), 0);
    EXPECT_EQ(y.last.cols(), 4);
    EXPECT_EQ(y.state.rows(), 0);
}

TEST(Gru, TakesAnEmptyBatchWithMaskAndState) {
    Gru<float> layer(8, {.units = 4});
    const std::vector<unsigned char> mask;
    const RowMatrix<float> state(0, 4);
    EXPECT_EQ(layer(Sequence<float>({0, 5, 8}), {.mask = {mask, 0, 5}, .initial_state = state}).last.rows(), 0);
}

TEST(Gru, TreatsAMatrixAsOneSequence) {
    Gru<double> layer(3, {.units = 2, .return_sequences = true});
    const RowMatrix<double> matrix = matrix_of_size<double>(7, 3);
    Sequence<double> one({1, 7, 3});
    one.matrix() = matrix;
    EXPECT_TRUE(same(layer(matrix), layer(one)));
}

// What is absent or wrong in the data reaches nothing else

TYPED_TEST(GruOf, NotANumberInMaskedStepsChangesNothing) {
    using S = typename TypeParam::Scalar;
    LayerOf<TypeParam> layer(4, {.units = 5, .return_sequences = true});
    for (const Index batch : {1, 3, 12}) {
        Sequence<S> inputs = inputs_of<S>({batch, 6, 4});
        Mask mask(batch, 6);
        for (Index b = 0; b < batch; ++b)
            for (Index t = 0; t < 6; ++t) mask(b, t) = (b + t) % 3 != 0;
        const Output<S> clean = layer(inputs, {.mask = mask});
        for (Index b = 0; b < batch; ++b)
            for (Index t = 0; t < 6; ++t)
                if (!mask(b, t))
                    inputs.sequence(b).row(t).setConstant(t % 2 == 0 ? std::numeric_limits<S>::quiet_NaN()
                                                                     : std::numeric_limits<S>::infinity());
        EXPECT_TRUE(same(layer(inputs, {.mask = mask}), clean)) << batch;
    }
}

TYPED_TEST(GruOf, NotANumberInOneRowStaysThere) {
    using S = typename TypeParam::Scalar;
    for (const Index batch : {2, 7, 9, 40}) {
        LayerOf<TypeParam> layer(4, {.units = 17, .return_sequences = true});
        Sequence<S> inputs = inputs_of<S>({batch, 6, 4});
        const Output<S> clean = layer(inputs);
        inputs(1, 2, 3) = std::numeric_limits<S>::quiet_NaN();
        const Output<S> y = layer(inputs);
        EXPECT_EQ(y.sequences.sequence(0), clean.sequences.sequence(0)) << batch;
        for (Index b = 2; b < batch; ++b)
            EXPECT_EQ(y.sequences.sequence(b), clean.sequences.sequence(b)) << b << " of " << batch;
    }
}

TEST(Gru, NotANumberComesOutFromItsStepOn) {
    Gru<float> layer(4, {.units = 3, .return_sequences = true});
    Sequence<float> inputs = inputs_of<float>({1, 6, 4});
    inputs(0, 2, 1) = std::numeric_limits<float>::quiet_NaN();
    const Output<float> y = layer(inputs);
    EXPECT_FALSE(y.sequences.sequence(0).topRows(2).hasNaN());
    EXPECT_TRUE(y.sequences.sequence(0).bottomRows(4).array().isNaN().all());
}

TEST(Gru, InfinityComesOutAsIeeeArithmeticSays) {
    Gru<double> layer(1, {.units = 1, .activation = "linear", .kernel_initializer = "ones", .return_sequences = true});
    const RowMatrix<double> inputs = RowMatrix<double>::Constant(1, 1, -std::numeric_limits<double>::infinity());
    EXPECT_EQ(layer(inputs).last(0, 0), -std::numeric_limits<double>::infinity());  // z = 0: the candidate alone
}

// Masks

TEST(Gru, RowMaskedThroughoutGivesZerosAndKeepsItsState) {
    Gru<float> layer(4, {.units = 3, .return_sequences = true});
    const RowMatrix<float> state = matrix_of_size<float>(2, 3);
    const Output<float> y = layer(inputs_of<float>({2, 5, 4}), {.lengths = {0, 5}, .initial_state = state});
    EXPECT_EQ(y.sequences.sequence(0).cwiseAbs().maxCoeff(), 0.0f);
    EXPECT_EQ(y.last.row(0).cwiseAbs().maxCoeff(), 0.0f);
    EXPECT_EQ(y.state.row(0), state.row(0));
}

TEST(Gru, LengthsSayTheSameAsARightPaddedMask) {
    Gru<float> layer(4, {.units = 3, .return_sequences = true, .go_backwards = true});
    const Sequence<float> inputs = inputs_of<float>({3, 4, 4});
    const std::vector<unsigned char> mask{1, 1, 1, 0, 1, 1, 1, 1, 0, 0, 0, 0};
    EXPECT_TRUE(same(layer(inputs, {.mask = {mask, 3, 4}}), layer(inputs, {.lengths = {3, 4, 0}})));
}

TEST(Gru, RepeatsTheOutputAtMaskedSteps) {
    Gru<float> layer(4, {.units = 3, .return_sequences = true});
    const Output<float> y = layer(inputs_of<float>({1, 5, 4}), {.lengths = {3}});
    EXPECT_EQ(y.sequences.step(4), y.sequences.step(2));
    EXPECT_EQ(y.last, y.sequences.step(2));
}

TEST(Gru, ZeroOutputForMaskGivesZerosAtMaskedSteps) {
    Gru<float> layer(4, {.units = 3, .return_sequences = true, .zero_output_for_mask = true});
    const Output<float> y = layer(inputs_of<float>({1, 5, 4}), {.lengths = {3}});
    EXPECT_EQ(y.sequences.sequence(0).bottomRows(2).cwiseAbs().maxCoeff(), 0.0f);
    EXPECT_EQ(y.last.cwiseAbs().maxCoeff(), 0.0f);
    EXPECT_EQ(y.state, y.sequences.step(2));
}

TEST(Gru, MaskOfAllTrueIsNoMask) {
    Gru<float> layer(4, {.units = 3, .return_sequences = true});
    const Sequence<float> inputs = inputs_of<float>({3, 5, 4});
    const Mask mask = Mask::Constant(3, 5, true);
    EXPECT_TRUE(same(layer(inputs, {.mask = mask}), layer(inputs)));
}

TEST(Gru, GoBackwardsReadsFromTheEnd) {
    Gru<float> layer(4, {.units = 3, .seed = 1, .return_sequences = true});
    Gru<float> backwards(4, {.units = 3, .return_sequences = true, .go_backwards = true});
    backwards.set_weights(layer.get_weights());
    const RowMatrix<float> inputs = matrix_of_size<float>(6, 4);
    EXPECT_TRUE(same(backwards(inputs), layer(RowMatrix<float>(inputs.colwise().reverse()))));
}

// Stateful layers

TYPED_TEST(GruOf, StatefulLayerGoesOnWhereItStopped) {
    using S = typename TypeParam::Scalar;
    LayerOf<TypeParam> whole(4, {.units = 3, .return_sequences = true});
    LayerOf<TypeParam> parts(4, {.units = 3, .stateful = true});
    parts.set_weights(whole.get_weights());
    const Sequence<S> inputs = inputs_of<S>({2, 6, 4});
    const SequenceView<const S> view = inputs;
    (void)parts(SequenceView<const S>(view.row(0, 0), {2, 2, 4}, view.strides()));
    const Output<S> y = parts(SequenceView<const S>(view.row(0, 2), {2, 4, 4}, view.strides()));
    EXPECT_LT((y.last - whole(inputs).last).cwiseAbs().maxCoeff(), S(1e-6));
}

TEST(GruStateful, CarriesTheStateOfEachRow) {
    Gru<float> layer(4, {.units = 3, .stateful = true});
    EXPECT_EQ(layer.state().rows(), 0);
    const Output<float> y = layer(inputs_of<float>({2, 5, 4}));
    EXPECT_EQ(layer.state(), y.state);
}

TEST(GruStateful, CarriesTheStateOfACallThatDoesNotAskForIt) {
    Gru<float> layer(4, {.units = 3, .stateful = true});
    Gru<float> same_layer = layer;
    const Sequence<float> inputs = inputs_of<float>({2, 5, 4});
    RowMatrix<float> last(2, 3);
    layer.call(inputs, {}, {.last = last});
    EXPECT_EQ(layer.state(), same_layer(inputs).state);
}

TEST(GruStateful, AnotherLayerCarriesNothing) {
    Gru<float> layer(4, {.units = 3});
    const Sequence<float> inputs = inputs_of<float>({2, 5, 4});
    EXPECT_TRUE(same(layer(inputs), layer(inputs)));
    EXPECT_EQ(layer.state().rows(), 0);
}

TEST(GruStateful, AnotherBatchSizeIsAnErrorThatNamesBoth) {
    Gru<float> layer(4, {.units = 3, .stateful = true});
    (void)layer(inputs_of<float>({2, 5, 4}));
    EXPECT_EQ(message_of<ShapeError>([&] {
                  layer(inputs_of<float>({7, 5, 4}));
              }),
              "Gru::operator(): inputs have a batch size of 7, this stateful layer carries the state of 2 sequences "
              "(clear_state() forgets them)");
}

TEST(GruStateful, AnotherTimeIsFine) {
    Gru<float> layer(4, {.units = 3, .stateful = true});
    (void)layer(inputs_of<float>({2, 5, 4}));
    EXPECT_NO_THROW(layer(inputs_of<float>({2, 9, 4})));
}

TEST(GruStateful, ResetStateStartsAnew) {
    Gru<float> layer(4, {.units = 3, .stateful = true});
    const Sequence<float> inputs = inputs_of<float>({2, 5, 4});
    const Output<float> first = layer(inputs);
    EXPECT_FALSE(same(layer(inputs), first));
    layer.reset_state();
    EXPECT_TRUE(same(layer(inputs), first));
}

TEST(GruStateful, ResetStateKeepsTheBatchSize) {
    Gru<float> layer(4, {.units = 3, .stateful = true});
    (void)layer(inputs_of<float>({2, 5, 4}));
    layer.reset_state();
    EXPECT_THROW(layer(inputs_of<float>({3, 5, 4})), ShapeError);
}

TEST(GruStateful, ResetStateOfSomeRowsKeepsTheOthers) {
    Gru<float> layer(4, {.units = 3, .stateful = true});
    const RowMatrix<float> state = layer(inputs_of<float>({4, 5, 4})).state;
    layer.reset_state({0, 2});
    EXPECT_EQ(layer.state().row(0).cwiseAbs().maxCoeff(), 0.0f);
    EXPECT_EQ(layer.state().row(1), state.row(1));
    EXPECT_EQ(layer.state().row(2).cwiseAbs().maxCoeff(), 0.0f);
    EXPECT_EQ(layer.state().row(3), state.row(3));
}

TEST(GruStateful, ResetStateOfARowThatIsNotThereChangesNothing) {
    Gru<float> layer(4, {.units = 3, .stateful = true});
    const RowMatrix<float> state = layer(inputs_of<float>({4, 5, 4})).state;
    EXPECT_EQ(message_of<ShapeError>([&] {
                  layer.reset_state({0, 4});
              }),
              "Gru::reset_state: rows[1] expected 0 to 3, received 4");
    EXPECT_THROW(layer.reset_state({-1}), ShapeError);
    EXPECT_EQ(layer.state(), state);
}

TEST(GruStateful, ResetStateBeforeTheFirstCallIsFine) {
    Gru<float> layer(4, {.units = 3, .stateful = true});
    EXPECT_NO_THROW(layer.reset_state());
}

TEST(GruStateful, ClearStateFreesTheBatchSize) {
    Gru<float> layer(4, {.units = 3, .stateful = true});
    const Sequence<float> inputs = inputs_of<float>({7, 5, 4});
    Gru<float> fresh = layer;
    (void)layer(inputs_of<float>({2, 5, 4}));
    layer.clear_state();
    EXPECT_EQ(layer.state().rows(), 0);
    EXPECT_TRUE(same(layer(inputs), fresh(inputs)));
}

TEST(GruStateful, SetStateTakesThePlaceOfTheCarriedOne) {
    Gru<float> layer(4, {.units = 3, .stateful = true});
    const Sequence<float> inputs = inputs_of<float>({2, 5, 4});
    const RowMatrix<float> state = matrix_of_size<float>(2, 3);
    Gru<float> given = layer;
    (void)layer(inputs);
    layer.set_state(state);
    EXPECT_EQ(layer.state(), state);
    EXPECT_TRUE(same(layer(inputs), given(inputs, {.initial_state = state})));
}

TEST(GruStateful, SetStateFixesTheBatchSize) {
    Gru<float> layer(4, {.units = 3, .stateful = true});
    layer.set_state(matrix_of_size<float>(2, 3));
    EXPECT_THROW(layer(inputs_of<float>({3, 5, 4})), ShapeError);
    EXPECT_NO_THROW(layer(inputs_of<float>({2, 5, 4})));
}

TEST(GruStateful, SetStateToItsOwnStateChangesNothing) {
    Gru<float> layer(4, {.units = 3, .stateful = true});
    layer.prepare(8, 5);
    const RowMatrix<float> state = layer(inputs_of<float>({2, 5, 4})).state;
    layer.set_state(layer.state());
    EXPECT_EQ(layer.state(), state);
}

TEST(GruStateful, SetStateOfAnotherShapeChangesNothing) {
    Gru<float> layer(4, {.units = 3, .stateful = true});
    const RowMatrix<float> state = layer(inputs_of<float>({2, 5, 4})).state;
    EXPECT_EQ(message_of<ShapeError>([&] { layer.set_state(matrix_of_size<float>(3, 3)); }),
              "Gru::set_state: values expected shape (2, 3), received (3, 3)");
    EXPECT_THROW(layer.set_state(matrix_of_size<float>(2, 4)), ShapeError);
    EXPECT_THROW(layer.set_state({}), ShapeError);
    EXPECT_EQ(layer.state(), state);
}

TEST(GruStateful, SetStateOfAnotherLayerIsMisuse) {
    Gru<float> layer(4, {.units = 3});
    EXPECT_EQ(message_of<std::logic_error>([&] { layer.set_state(matrix_of_size<float>(2, 3)); }),
              "Gru::set_state: the layer is not stateful");
}

TEST(GruStateful, ExplicitInitialStateTakesThePlaceOfTheCarriedOne) {
    Gru<float> layer(4, {.units = 3, .stateful = true});
    const Sequence<float> inputs = inputs_of<float>({2, 5, 4});
    const RowMatrix<float> state = matrix_of_size<float>(2, 3);
    const Output<float> first = layer(inputs, {.initial_state = state});
    EXPECT_FALSE(same(layer(inputs), first));
    EXPECT_TRUE(same(layer(inputs, {.initial_state = state}), first));
    EXPECT_EQ(layer.state(), first.state);
}

TEST(GruStateful, TakesItsOwnStateAsInitialState) {
    Gru<float> layer(4, {.units = 3, .stateful = true});
    const Sequence<float> inputs = inputs_of<float>({2, 5, 4});
    (void)layer(inputs);
    Gru<float> carried = layer;
    EXPECT_TRUE(same(layer(inputs, {.initial_state = layer.state()}), carried(inputs)));
}

TEST(GruStateful, AViewOfItsStateMayBeKeptWhereTheNextStateIsToBe) {
    Gru<float> layer(4, {.units = 70, .stateful = true});
    const Sequence<float> inputs = inputs_of<float>({2, 1, 4});
    (void)layer(inputs);
    const auto before = layer.state();
    (void)layer(inputs);
    const RowMatrix<float> values = before;
    Gru<float> other = layer;
    const Output<float> y = layer(inputs, {.initial_state = before});
    EXPECT_TRUE(same(y, other(inputs, {.initial_state = values})));
    EXPECT_EQ(layer.state(), other.state());
}

TEST(GruStateful, EmptyBatchFixesNothing) {
    Gru<float> layer(4, {.units = 3, .stateful = true});
    (void)layer(Sequence<float>({0, 5, 4}));
    EXPECT_NO_THROW(layer(inputs_of<float>({2, 5, 4})));
}

// Errors: each says what was expected and received, and leaves the layer as it was

/// A stateful layer that has been called, and what its next call gives.
class GruErrors : public testing::Test {
protected:
    GruErrors() : layer(4, {.units = 3, .dropout = 0.5, .seed = 7, .return_sequences = true, .stateful = true}) {
        (void)layer(inputs, {.training = true});
    }

    /// The message of a call that fails; checks that the layer gives, with training, what it would have given.
    template <class Error>
    std::string refusal(SequenceView<const float> given, const CallOptions<float>& call) {
        Gru<float> before = layer;
        const std::string message = message_of<Error>([&] { layer(given, call); });
        EXPECT_EQ(layer.state(), before.state());
        const CallOptions<float> next{.training = true};
        EXPECT_TRUE(same(layer(inputs, next), before(inputs, next)));
        EXPECT_EQ(layer.workspace_bytes(), before.workspace_bytes());
        return message;
    }

    const Sequence<float> inputs = inputs_of<float>({2, 5, 4});
    Gru<float> layer;
};

TEST_F(GruErrors, WrongFeatureCount) {
    EXPECT_EQ(refusal<ShapeError>(inputs_of<float>({2, 5, 7}), {}),
              "Gru::operator(): inputs have 7 features, the layer was built for 4");
}

TEST_F(GruErrors, AbsentInputs) {
    EXPECT_EQ(refusal<ShapeError>({}, {}), "Gru::operator(): inputs have 0 features, the layer was built for 4");
}

TEST_F(GruErrors, EmptyTime) {
    EXPECT_EQ(refusal<ShapeError>(Sequence<float>({2, 0, 4}), {}),
              "Gru::operator(): inputs expected at least 1 time step, received shape (2, 0, 4)");
}

TEST_F(GruErrors, AnotherBatchSize) {
    EXPECT_NE(refusal<ShapeError>(inputs_of<float>({3, 5, 4}), {}).find("batch size of 3"), std::string::npos);
    EXPECT_NE(refusal<ShapeError>(Sequence<float>({0, 5, 4}), {}).find("batch size of 0"), std::string::npos);
}

TEST_F(GruErrors, WrongMaskShape) {
    const Mask mask = Mask::Constant(2, 6, true);
    EXPECT_EQ(refusal<ShapeError>(inputs, {.mask = mask}),
              "Gru::operator(): mask expected shape (2, 5), received (2, 6)");
    const Mask turned = Mask::Constant(5, 2, true);
    EXPECT_EQ(refusal<ShapeError>(inputs, {.mask = turned}),
              "Gru::operator(): mask expected shape (2, 5), received (5, 2)");
}

TEST_F(GruErrors, EmptyMaskIsNotAbsent) {
    EXPECT_EQ(refusal<ShapeError>(inputs, {.mask = Mask()}),
              "Gru::operator(): mask expected shape (2, 5), received (0, 0)");
}

TEST_F(GruErrors, MaskAndLengths) {
    const Mask mask = Mask::Constant(2, 5, true);
    EXPECT_EQ(refusal<OptionError>(inputs, {.mask = mask, .lengths = {5, 5}}),
              "Gru::operator(): expected a mask or lengths, received both");
}

TEST_F(GruErrors, WrongLengths) {
    EXPECT_EQ(refusal<ShapeError>(inputs, {.lengths = {5, 5, 5}}),
              "Gru::operator(): lengths expected 2 entries, one a sequence, received 3");
    EXPECT_EQ(refusal<ShapeError>(inputs, {.lengths = std::vector<int>()}),
              "Gru::operator(): lengths expected 2 entries, one a sequence, received 0");
    EXPECT_EQ(refusal<ShapeError>(inputs, {.lengths = {5, 6}}),
              "Gru::operator(): lengths[1] expected 0 to 5, received 6");
    EXPECT_EQ(refusal<ShapeError>(inputs, {.lengths = {-1, 5}}),
              "Gru::operator(): lengths[0] expected 0 to 5, received -1");
}

TEST_F(GruErrors, WrongStateShape) {
    EXPECT_EQ(refusal<ShapeError>(inputs, {.initial_state = RowMatrix<float>::Zero(2, 4).eval()}),
              "Gru::operator(): initial_state expected shape (2, 3), received (2, 4)");
    EXPECT_EQ(refusal<ShapeError>(inputs, {.initial_state = RowMatrix<float>::Zero(3, 2).eval()}),
              "Gru::operator(): initial_state expected shape (2, 3), received (3, 2)");
}

TEST_F(GruErrors, UnfilledStateIsNotAbsent) {
    EXPECT_EQ(refusal<ShapeError>(inputs, {.initial_state = RowMatrix<float>()}),
              "Gru::operator(): initial_state expected shape (2, 3), received (0, 0)");
}

TEST_F(GruErrors, WrongDropoutMasks) {
    const RowMatrix<float> input = RowMatrix<float>::Ones(2, 4);
    const RowMatrix<float> state = RowMatrix<float>::Ones(2, 3);
    const auto refused = [this](const DropoutMasks<float>& masks) {
        return refusal<ShapeError>(inputs, {.training = true, .dropout_masks = &masks});
    };
    EXPECT_EQ(refused({.input = {input, input}}),
              "Gru::operator(): dropout_masks.input expected 0, 1 or 3 masks, received 2");
    EXPECT_EQ(refused({.state = {state}}), "Gru::operator(): dropout_masks.state expected 0 or 3 masks, received 1");
    EXPECT_EQ(refused({.input = {state}}),
              "Gru::operator(): dropout_masks.input expected shape (2, 4), received (2, 3)");
    EXPECT_EQ(refused({.state = {state, state, input}}),
              "Gru::operator(): dropout_masks.state expected shape (2, 3), received (2, 4)");
}

TEST_F(GruErrors, WrongOutputs) {
    Sequence<float> sequences({2, 5, 4});
    RowMatrix<float> matrix(2, 4);
    const Gru<float> before = layer;
    EXPECT_EQ(message_of<ShapeError>([&] { layer.call(inputs, {}, {.sequences = sequences}); }),
              "Gru::call: output.sequences expected shape (2, 5, 3), received (2, 5, 4)");
    EXPECT_EQ(message_of<ShapeError>([&] { layer.call(inputs, {}, {.last = matrix}); }),
              "Gru::call: output.last expected shape (2, 3), received (2, 4)");
    EXPECT_EQ(message_of<ShapeError>([&] { layer.call(inputs, {}, {.state = matrix}); }),
              "Gru::call: output.state expected shape (2, 3), received (2, 4)");
    EXPECT_EQ(layer.state(), before.state());
}

TEST(Gru, SequencesWithoutReturnSequencesAreAnError) {
    Gru<float> layer(4, {.units = 3});
    Sequence<float> sequences({2, 5, 3});
    EXPECT_EQ(message_of<ShapeError>([&] {
                  layer.call(inputs_of<float>({2, 5, 4}), {}, {.sequences = sequences});
              }),
              "Gru::call: output.sequences expected none without return_sequences, received shape (2, 5, 3)");
}

TEST(Gru, ActivityRegularizerNeedsItsOutputs) {
    Gru<float> layer(4, {.units = 3, .activity_regularizer = "l2", .return_sequences = true, .return_state = true});
    const Sequence<float> inputs = inputs_of<float>({2, 5, 4});
    Sequence<float> sequences({2, 5, 3});
    EXPECT_EQ(message_of<ShapeError>([&] { layer.call(inputs, {}, {}); }),
              "Gru::call: output.sequences expected to be present for the activity_regularizer, received none");
    EXPECT_EQ(message_of<ShapeError>([&] { layer.call(inputs, {}, {.sequences = sequences}); }),
              "Gru::call: output.state expected to be present for the activity_regularizer, received none");
}

TEST(Gru, RefusesUnitsAndFeaturesBelowOne) {
    EXPECT_EQ(message_of<OptionError>([] { Gru<float>(4, {}); }), "Gru: units expected at least 1, received 0");
    EXPECT_EQ(message_of<ShapeError>([] { Gru<float>(0, {.units = 3}); }),
              "Gru: features expected at least 1, received 0");
}

TEST(Gru, RefusesSizesThatOverflow) {
    constexpr Index kHuge = std::numeric_limits<Index>::max();
    EXPECT_THROW(Gru<float>(kHuge, {.units = 1}), ShapeError);
    EXPECT_THROW(Gru<float>(1, {.units = kHuge}), ShapeError);
    EXPECT_THROW(Gru<float>(kHuge / 2, {.units = kHuge / 2}), ShapeError);
}

TEST(Gru, PrepareRefusesSizesBelowOneAndOverflow) {
    Gru<float> layer(4, {.units = 3});
    EXPECT_EQ(message_of<ShapeError>([&] { layer.prepare(0, 5); }),
              "Gru::prepare: batch and time expected at least 1, received 0 and 5");
    EXPECT_THROW(layer.prepare(5, -1), ShapeError);
    EXPECT_THROW(layer.prepare(std::numeric_limits<Index>::max() / 2, 100), ShapeError);
    EXPECT_EQ(layer.workspace_bytes(), 0);
}

// The backend

#if !defined(EIGENGRU_CUDNN)

TEST(GruBackend, DemandedCudnnFailsAtTheCallWithEveryReason) {
    Gru<float> layer(4, {.units = 3, .activation = "relu", .unroll = true, .use_cudnn = true});
    const std::string message = message_of<BackendError>([&] { layer(inputs_of<float>({2, 5, 4})); });
    for (const char* part : {"Gru::operator()", "[failed] activation: must be tanh, is relu", "[failed] unroll",
                             "[failed] build: lacks the flag EIGENGRU_CUDNN"})
        EXPECT_NE(message.find(part), std::string::npos) << part << " is not in " << message;
}

TEST(GruBackend, DemandedCudnnChangesNothing) {
    Gru<float> layer(4, {.units = 3, .stateful = true, .use_cudnn = true});
    const RowMatrix<float> state = matrix_of_size<float>(2, 3);
    layer.set_state(state);
    const Index bytes = layer.workspace_bytes();
    EXPECT_THROW(layer(inputs_of<float>({2, 5, 4})), BackendError);
    EXPECT_EQ(layer.state(), state);
    EXPECT_EQ(layer.workspace_bytes(), bytes);
}

TEST(GruBackend, DemandedCudnnFailsForTheOtherCallToo) {
    Gru<float> layer(4, {.units = 3, .use_cudnn = true});
    RowMatrix<float> last = RowMatrix<float>::Constant(2, 3, 7.0f);
    EXPECT_THROW(layer.call(inputs_of<float>({2, 5, 4}), {}, {.last = last}), BackendError);
    EXPECT_EQ(last.minCoeff(), 7.0f);
}

TEST(GruBackend, ShapesAreCheckedBeforeTheBackend) {
    Gru<float> layer(4, {.units = 3, .use_cudnn = true});
    EXPECT_THROW(layer(inputs_of<float>({2, 5, 5})), ShapeError);
}

TEST(GruBackend, AutoAndNeverRunOnEigen) {
    for (const CudnnMode mode : {CudnnMode("auto"), CudnnMode(false)}) {
        Gru<float> layer(4, {.units = 3, .use_cudnn = mode});
        const Sequence<float> inputs = inputs_of<float>({2, 5, 4});
        EXPECT_NO_THROW(layer(inputs));
        EXPECT_EQ(layer.explain_backend(inputs).backend, Backend::eigen);
    }
}

#endif

TEST(GruBackend, ExplainBackendRunsNothing) {
    const Gru<float> layer(4, {.units = 3, .stateful = true, .use_cudnn = true});
    const BackendVerdict verdict = layer.explain_backend(inputs_of<float>({2, 5, 4}), {.lengths = {5, 0}});
    EXPECT_EQ(layer.state().rows(), 0);
    EXPECT_EQ(layer.workspace_bytes(), 0);
    EXPECT_NE(verdict.text().find("[failed] mask"), std::string::npos);
}

TEST(GruBackend, ExplainBackendChecksTheCall) {
    const Gru<float> layer(4, {.units = 3});
    EXPECT_THROW((void)layer.explain_backend(inputs_of<float>({2, 5, 5})), ShapeError);
}

// Dropout

GruOptions dropout_options(std::optional<std::uint64_t> seed = 7) {
    return {.units = 16, .dropout = 0.3, .recurrent_dropout = 0.4, .seed = seed, .return_sequences = true};
}

TYPED_TEST(GruOf, SameSeedGivesTheSameSequenceOfCalls) {
    using S = typename TypeParam::Scalar;
    LayerOf<TypeParam> a(4, dropout_options()), b(4, dropout_options());
    const Sequence<S> inputs = inputs_of<S>({3, 5, 4});
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(same(a(inputs, {.training = true}), b(inputs, {.training = true})));
}

TEST(GruDropout, ConsecutiveCallsDiffer) {
    Gru<float> layer(4, dropout_options());
    const Sequence<float> inputs = inputs_of<float>({3, 5, 4});
    const Output<float> first = layer(inputs, {.training = true});
    EXPECT_FALSE(same(layer(inputs, {.training = true}), first));
}

TEST(GruDropout, AnotherSeedGivesOtherMasks) {
    Gru<float> a(4, dropout_options(7)), b(4, dropout_options(8));
    b.set_weights(a.get_weights());
    const Sequence<float> inputs = inputs_of<float>({3, 5, 4});
    EXPECT_FALSE(same(a(inputs, {.training = true}), b(inputs, {.training = true})));
}

TEST(GruDropout, NoSeedIsRandom) {
    Gru<float> a(4, dropout_options({})), b(4, dropout_options({}));
    EXPECT_NE(a.parameters().flat(), b.parameters().flat());
    b.set_weights(a.get_weights());
    const Sequence<float> inputs = inputs_of<float>({3, 5, 4});
    EXPECT_FALSE(same(a(inputs, {.training = true}), b(inputs, {.training = true})));
}

TEST(GruDropout, IsOffOutsideOfTraining) {
    Gru<float> layer(4, dropout_options());
    Gru<float> plain(4, {.units = 16, .return_sequences = true});
    plain.set_weights(layer.get_weights());
    const Sequence<float> inputs = inputs_of<float>({3, 5, 4});
    EXPECT_TRUE(same(layer(inputs), plain(inputs)));
}

TEST(GruDropout, CallsOutsideOfTrainingDoNotMoveTheMasksOn) {
    Gru<float> a(4, dropout_options()), b(4, dropout_options());
    const Sequence<float> inputs = inputs_of<float>({3, 5, 4});
    (void)b(inputs);
    EXPECT_TRUE(same(a(inputs, {.training = true}), b(inputs, {.training = true})));
}

TEST(GruDropout, RateOneIsNone) {
    Gru<float> layer(4, {.units = 3, .dropout = 1.0, .recurrent_dropout = 1.0, .return_sequences = true});
    const Sequence<float> inputs = inputs_of<float>({3, 5, 4});
    EXPECT_TRUE(same(layer(inputs, {.training = true}), layer(inputs)));
}

TEST(GruDropout, OneMaskServesAllSteps) {
    // Without recurrent weights and with z = 0 an output is a function of its own input, so that a constant input shows
    // it.
    Gru<float> layer(40, {.units = 1,
                          .activation = "linear",
                          .recurrent_activation = "relu",
                          .kernel_initializer = "ones",
                          .recurrent_initializer = "zeros",
                          .dropout = 0.5,
                          .seed = 3,
                          .return_sequences = true});
    layer.update_parameters([](auto& p) { p.kernel().leftCols(2).setZero(); });
    Sequence<float> inputs({4, 6, 40});
    inputs.matrix().setOnes();
    const Output<float> y = layer(inputs, {.training = true});
    for (Index t = 1; t < 6; ++t) EXPECT_EQ(y.sequences.step(t), y.sequences.step(0));
    EXPECT_NE(y.last(0, 0), y.last(1, 0));
    EXPECT_NE(y.last(0, 0), 40.0f);
}

TEST(GruDropout, ExplicitMasksTakeThePlaceOfDrawnOnes) {
    Gru<double> layer(4, {.units = 3, .dropout = 0.5, .recurrent_dropout = 0.5, .return_sequences = true});
    const Sequence<double> inputs = inputs_of<double>({2, 5, 4});
    const DropoutMasks<double> ones{.input = {RowMatrix<double>::Ones(2, 4)},
                                    .state = std::vector<RowMatrix<double>>(3, RowMatrix<double>::Ones(2, 3))};
    const Output<double> y = layer(inputs, {.training = true, .dropout_masks = &ones});
    EXPECT_LT((y.sequences.matrix() - layer(inputs).sequences.matrix()).cwiseAbs().maxCoeff(), 1e-14);
}

TEST(GruDropout, ExplicitMasksAreForTrainingOnly) {
    Gru<float> layer(4, {.units = 3});
    const Sequence<float> inputs = inputs_of<float>({2, 5, 4});
    const DropoutMasks<float> zeros{.input = {RowMatrix<float>::Zero(2, 4)}};
    EXPECT_TRUE(same(layer(inputs, {.dropout_masks = &zeros}), layer(inputs)));
    EXPECT_FALSE(same(layer(inputs, {.training = true, .dropout_masks = &zeros}), layer(inputs)));
}

// Weights

TEST(Gru, SameSeedGivesTheSameWeights) {
    const Gru<float> a(4, {.units = 3, .seed = 5}), b(4, {.units = 3, .seed = 5}), c(4, {.units = 3, .seed = 6});
    EXPECT_EQ(a.parameters().flat(), b.parameters().flat());
    EXPECT_NE(a.parameters().flat(), c.parameters().flat());
}

TEST(Gru, StartsAsKerasDoes) {
    const Gru<double> layer(4, {.units = 3});
    const double limit = std::sqrt(6.0 / (4 + 9));
    const RowMatrix<double> recurrent = layer.parameters().recurrent_kernel();
    EXPECT_LE(layer.parameters().kernel().cwiseAbs().maxCoeff(), limit);
    EXPECT_TRUE((recurrent * recurrent.transpose()).isApprox(RowMatrix<double>::Identity(3, 3), 1e-12));
    EXPECT_EQ(layer.parameters().bias().cwiseAbs().maxCoeff(), 0.0);
}

TEST(Gru, CountsItsParameters) {
    EXPECT_EQ((Gru<float, true>(4, {.units = 3}).count_params()), 4 * 9 + 3 * 9 + 2 * 9);
    EXPECT_EQ((Gru<float, false>(4, {.units = 3}).count_params()), 4 * 9 + 3 * 9 + 9);
    EXPECT_EQ((Gru<float, true>(4, {.units = 3, .use_bias = false}).count_params()), 4 * 9 + 3 * 9);
}

TEST(Gru, UpdateParametersTakesEffectAtTheNextCall) {
    Gru<float> layer(4, {.units = 3});
    const Sequence<float> inputs = inputs_of<float>({2, 5, 4});
    EXPECT_GT(layer(inputs).last.cwiseAbs().maxCoeff(), 0.0f);
    layer.update_parameters([](auto& p) { p.flat().setZero(); });
    EXPECT_EQ(layer(inputs).last.cwiseAbs().maxCoeff(), 0.0f);
}

TEST(Gru, SetWeightsTakesEffectAtTheNextCall) {
    Gru<float> layer(4, {.units = 3}), other(4, {.units = 3});
    const Sequence<float> inputs = inputs_of<float>({2, 5, 4});
    (void)layer(inputs);
    layer.set_weights(other.get_weights());
    EXPECT_TRUE(same(layer(inputs), other(inputs)));
}

TEST(Gru, SetWeightsOfAWrongShapeChangesNothing) {
    Gru<float> layer(4, {.units = 3});
    const Gru<float> before = layer;
    std::vector<RowMatrix<float>> weights = layer.get_weights();
    for (RowMatrix<float>& w : weights) w.setOnes();
    weights[2].resize(1, 9);
    EXPECT_EQ(message_of<ShapeError>([&] { layer.set_weights(weights); }),
              "Gru::set_weights: bias expected shape (2, 9), received (1, 9)");
    EXPECT_EQ(layer.parameters().flat(), before.parameters().flat());
}

TEST(Gru, CopiesAreIndependent) {
    Gru<float> layer(4, {.units = 3, .stateful = true});
    const Sequence<float> inputs = inputs_of<float>({2, 5, 4});
    const Output<float> first = layer(inputs);
    Gru<float> copy = layer;
    copy.update_parameters([](auto& p) { p.flat().setZero(); });
    copy.reset_state();
    (void)copy(inputs);
    EXPECT_EQ(layer.state(), first.state);
    layer.reset_state();
    EXPECT_TRUE(same(layer(inputs), first));
}

TEST(Gru, CopyGoesOnLikeTheOriginal) {
    GruOptions options = dropout_options();
    options.stateful = true;
    Gru<float> layer(4, options);
    const Sequence<float> inputs = inputs_of<float>({2, 5, 4});
    (void)layer(inputs, {.training = true});
    Gru<float> copy = layer;
    EXPECT_TRUE(same(copy(inputs, {.training = true}), layer(inputs, {.training = true})));
}

TEST(Gru, MovesAreWhatTheyWere) {
    Gru<float> layer(4, {.units = 3, .stateful = true});
    const Sequence<float> inputs = inputs_of<float>({2, 5, 4});
    (void)layer(inputs);
    Gru<float> copy = layer;
    Gru<float> moved = std::move(layer);
    EXPECT_TRUE(same(moved(inputs), copy(inputs)));
}

TEST(Gru, ConfigMakesTheSameLayerAgain) {
    const Gru<float, false> layer(4, {.units = 3, .activation = "relu", .seed = 9, .name = "a layer"});
    const GruConfig config = layer.config();
    EXPECT_EQ(config.features, 4);
    EXPECT_FALSE(config.reset_after);
    EXPECT_EQ(config.options, layer.options());
    const Gru<float, false> again(config.features, config.options);
    EXPECT_EQ(again.parameters().flat(), layer.parameters().flat());
    EXPECT_EQ(again.name(), "a layer");
}

// Regularizers and constraints

TEST(GruLosses, AreZeroWithoutRegularizers) {
    Gru<float> layer(4, {.units = 3});
    (void)layer(inputs_of<float>({2, 5, 4}));
    EXPECT_EQ(layer.losses().total(), 0.0f);
}

TEST(GruLosses, FollowTheWeights) {
    Gru<double> layer(4, {.units = 3, .bias_initializer = "ones", .bias_regularizer = Regularizer::l1(0.5)});
    EXPECT_DOUBLE_EQ(layer.losses().bias, 0.5 * 18);
    layer.update_parameters([](auto& p) { p.bias().setConstant(2.0); });
    EXPECT_DOUBLE_EQ(layer.losses().total(), 0.5 * 36);
}

template <class S, bool ResetAfter>
void expect_losses_of_keras(const GoldenCase& golden, double tolerance) {
    Gru<S, ResetAfter> layer = layer_of<S, ResetAfter>(golden, regularized_options(golden));
    const std::vector<S> inputs = golden.array("inputs").as<S>();
    std::vector<unsigned char> mask;
    if (golden.has_array("mask")) mask = golden.array("mask").as<unsigned char>();
    const auto& shape = golden.array("inputs").dims;
    CallOptions<S> call;
    if (!mask.empty()) call.mask = {mask, shape[0], shape[1]};
    (void)layer({inputs, {shape[0], shape[1], shape[2]}}, call);

    const auto sum = [](const std::vector<double>& values) {
        double result = 0.0;
        for (const double value : values) result += value;
        return result;
    };
    const RegularizationLosses<S> losses = layer.losses();
    const double weights = sum(golden.array("weight_losses").values);
    const double activity = sum(golden.array("activity_losses").values);
    EXPECT_NEAR(losses.kernel + losses.recurrent_kernel + losses.bias, weights, tolerance * std::max(1.0, weights));
    EXPECT_NEAR(losses.activity, activity, tolerance * std::max(1.0, activity)) << golden.name;
}

template <class S>
class GruLossesOf : public testing::Test {};
TYPED_TEST_SUITE(GruLossesOf, Scalars, );

TYPED_TEST(GruLossesOf, AreThoseOfKeras) {
    int count = 0;
    for (const GoldenCase& golden : load_golden(EIGENGRU_GOLDEN_DIR "/regularizers.golden")) {
        if (golden.option("kind") != "regularized_layer") continue;
        const double tolerance = std::is_same_v<TypeParam, double> ? golden.number("tolerance") : 1e-6;
        SCOPED_TRACE(golden.name);
        if (golden.flag("reset_after"))
            expect_losses_of_keras<TypeParam, true>(golden, tolerance);
        else
            expect_losses_of_keras<TypeParam, false>(golden, tolerance);
        ++count;
    }
    EXPECT_EQ(count, 11);
}

TEST(GruLosses, ActivityIsThatOfTheLastCall) {
    Gru<double> layer(4, {.units = 3, .activity_regularizer = Regularizer::l1(1.0)});
    EXPECT_EQ(layer.losses().activity, 0.0);
    (void)layer(inputs_of<double>({2, 5, 4}, 1));
    const Output<double> y = layer(inputs_of<double>({5, 5, 4}, 2));
    EXPECT_NEAR(layer.losses().activity, y.last.cwiseAbs().sum() / 5, 1e-15);
}

TEST(GruLosses, ActivityIsThatOfTheCallIntoMemoryToo) {
    Gru<double> layer(4, {.units = 3, .activity_regularizer = "l2", .return_state = true});
    RowMatrix<double> last(2, 3), state(2, 3);
    layer.call(inputs_of<double>({2, 5, 4}), {}, {.last = last, .state = state});
    EXPECT_NEAR(layer.losses().activity, 0.01 * (last.squaredNorm() + state.squaredNorm()) / 2, 1e-16);
}

TEST(GruLosses, ActivityOfASequenceOfStridedMemoryIsTheSame) {
    Gru<double> layer(4, {.units = 3, .activity_regularizer = "l1", .return_sequences = true});
    const Sequence<double> inputs = inputs_of<double>({2, 5, 4});
    (void)layer(inputs);
    const double expected = layer.losses().activity;
    std::vector<double> memory(100, std::numeric_limits<double>::quiet_NaN());
    layer.call(inputs, {}, {.sequences = {memory.data(), {2, 5, 3}, {40, 7}}});
    EXPECT_NEAR(layer.losses().activity, expected, 1e-15);
}

TYPED_TEST(GruOf, ApplyConstraintsProjectsEachWeight) {
    using S = typename TypeParam::Scalar;
    LayerOf<TypeParam> layer(4, {.units = 3,
                                 .kernel_constraint = "non_neg",
                                 .recurrent_constraint = "unit_norm",
                                 .bias_constraint = Constraint::max_norm({.max_value = 0.5})});
    layer.update_parameters([](auto& p) {
        p.kernel().setConstant(S(-1));
        p.recurrent_kernel().setConstant(S(2));
        p.bias().setConstant(S(3));
    });
    layer.apply_constraints();
    EXPECT_EQ(layer.parameters().kernel().cwiseAbs().maxCoeff(), S(0));
    EXPECT_NEAR(layer.parameters().recurrent_kernel().col(4).norm(), 1.0, 1e-6);
    // Axis 0 of the two rows is the column; of Keras's vector it is the whole.
    const auto bias = layer.parameters().bias();
    EXPECT_NEAR(TypeParam::kResetAfter ? bias.col(0).norm() : bias.norm(), 0.5, 1e-6);
}

TEST(Gru, ApplyConstraintsWithoutAnyChangesNothing) {
    Gru<float> layer(4, {.units = 3});
    const Gru<float> before = layer;
    layer.apply_constraints();
    EXPECT_EQ(layer.parameters().flat(), before.parameters().flat());
}

// Memory

/// Calls into the caller's memory after prepare, and counts.
template <class Layer>
std::size_t allocations_of_calls(Layer layer, Shape3 shape, const CallOptions<typename Layer::Scalar>& call) {
    using S = typename Layer::Scalar;
    const Sequence<S> inputs = inputs_of<S>(shape);
    Sequence<S> sequences({shape.batch, shape.time, layer.units()});
    RowMatrix<S> last(shape.batch, layer.units()), state(shape.batch, layer.units());
    layer.prepare(shape.batch, shape.time);
    const AllocationCount counter;
    for (int i = 0; i < 2; ++i) layer.call(inputs, call, {.sequences = sequences, .last = last, .state = state});
    return counter.count();
}

/// Every combination of what could need memory, for one size.
template <class Layer>
void expect_no_allocations(Shape3 shape, Index units) {
    using S = typename Layer::Scalar;
    const Mask mask = Mask::Random(shape.batch, shape.time);
    const std::vector<int> lengths(static_cast<std::size_t>(shape.batch), 1);
    for (const double rate : {0.0, 0.2}) {
        for (const bool stateful : {false, true}) {
            const Layer layer(shape.features, {.units = units,
                                               .recurrent_initializer = "glorot_uniform",
                                               .activity_regularizer = "l1_l2",
                                               .dropout = rate,
                                               .recurrent_dropout = rate,
                                               .return_sequences = true,
                                               .go_backwards = stateful,
                                               .stateful = stateful});
            EXPECT_EQ(allocations_of_calls(layer, shape, {.training = true}), 0U) << shape.batch << ' ' << units;
            EXPECT_EQ(allocations_of_calls(layer, shape, {.mask = mask, .training = true}), 0U);
            EXPECT_EQ(allocations_of_calls(layer, shape, CallOptions<S>{.lengths = lengths}), 0U);
        }
    }
}

class GruMemory : public testing::Test {
protected:
    void SetUp() override {
        if (!kAllocationCounterWorks) GTEST_SKIP() << "allocations cannot be counted in this build";
    }
};

TEST_F(GruMemory, CallsAllocateNothingAfterPrepare) {
    for (const Index batch : {1, 3, 9, 130}) {
        for (const Index units : {1, 5, 33}) {
            expect_no_allocations<Gru<float, true>>({batch, 4, 7}, units);
            expect_no_allocations<Gru<float, false>>({batch, 4, 7}, units);
            expect_no_allocations<Gru<double, true>>({batch, 4, 7}, units);
            expect_no_allocations<Gru<double, false>>({batch, 4, 7}, units);
        }
    }
}

template <class Layer>
void expect_single_steps_allocate_nothing() {
    using S = typename Layer::Scalar;
    for (const bool stateful : {false, true})
        for (const Index time : {1, 50}) {
            Layer layer(7, {.units = 33, .return_sequences = true, .stateful = stateful});
            layer.prepare(3, time);
            const Sequence<S> x = inputs_of<S>({3, 1, 7});
            Output<S> y{.sequences = Sequence<S>({3, 1, 33}), .state = RowMatrix<S>(3, 33)};
            const AllocationCount count;
            for (int i = 0; i < 3; ++i) layer.call(x, {}, {.sequences = y.sequences, .state = y.state});
            EXPECT_EQ(count.count(), 0U);
        }
}

TEST_F(GruMemory, CallsOfOneStepAllocateNothingAfterPrepare) {
    expect_single_steps_allocate_nothing<Gru<float, true>>();
    expect_single_steps_allocate_nothing<Gru<float, false>>();
    expect_single_steps_allocate_nothing<Gru<double, true>>();
    expect_single_steps_allocate_nothing<Gru<double, false>>();
}

/// Sizes whose products Eigen would pack into memory from the heap.
template <class Layer>
std::size_t allocations_of_a_big_call() {
    constexpr Index kBatch = 64, kSize = 300;
    const Mask mask = Mask::Random(kBatch, 1);
    return allocations_of_calls(Layer(kSize, {.units = kSize,
                                              .recurrent_initializer = "glorot_uniform",
                                              .dropout = 0.1,
                                              .recurrent_dropout = 0.1,
                                              .return_sequences = true}),
                                {kBatch, 1, kSize}, {.mask = mask, .training = true});
}

TEST_F(GruMemory, BigCallsAllocateNothingAfterPrepare) {
    EXPECT_EQ((allocations_of_a_big_call<Gru<float, true>>()), 0U);
    EXPECT_EQ((allocations_of_a_big_call<Gru<float, false>>()), 0U);
    EXPECT_EQ((allocations_of_a_big_call<Gru<double, true>>()), 0U);
    EXPECT_EQ((allocations_of_a_big_call<Gru<double, false>>()), 0U);
}

TEST_F(GruMemory, EveryActivationAllocatesNothing) {
    for (const auto& [name, kind] : eigengru::detail::kActivationNames) {
        const Gru<float> layer(
            3, {.units = 5, .activation = name, .recurrent_activation = name, .return_sequences = true});
        EXPECT_EQ(allocations_of_calls(layer, {9, 3, 3}, {}), 0U) << name;
    }
}

TEST_F(GruMemory, SmallerCallsAllocateNothingEither) {
    Gru<float> layer(4, {.units = 3});
    layer.prepare(100, 5);
    const Sequence<float> inputs = inputs_of<float>({100, 5, 4});
    RowMatrix<float> last(100, 3);
    const AllocationCount counter;
    for (const auto& [batch, time] : {std::pair{64, 2}, {1, 5}, {3, 1}, {100, 1}, {99, 5}})
        layer.call({inputs.data(), {batch, time, 4}}, {}, {.last = MatrixView<float>(last.data(), batch, 3)});
    EXPECT_EQ(counter.count(), 0U);
}

TEST_F(GruMemory, FirstStatefulCallAndSetStateAllocateNothingAfterPrepare) {
    Gru<float> layer(4, {.units = 3, .stateful = true});
    layer.prepare(8, 5);
    const Sequence<float> inputs = inputs_of<float>({8, 5, 4});
    const RowMatrix<float> state = matrix_of_size<float>(4, 3);
    RowMatrix<float> last(8, 3);
    const AllocationCount counter;
    layer.set_state(state);
    layer.call({inputs.data(), {4, 5, 4}}, {}, {.last = MatrixView<float>(last.data(), 4, 3)});
    layer.clear_state();
    layer.call(inputs, {}, {.last = last});
    EXPECT_EQ(counter.count(), 0U);
}

TYPED_TEST(GruOf, WorkspaceDoesNotGrowWithTime) {
    for (const Index batch : {1, 3, 200}) {
        LayerOf<TypeParam> shorter(8, {.units = 16}), longer(8, {.units = 16});
        shorter.prepare(batch, batch == 1 ? 200 : 100);
        longer.prepare(batch, 10'000);
        EXPECT_EQ(shorter.workspace_bytes(), longer.workspace_bytes()) << batch;
        EXPECT_GT(longer.workspace_bytes(), 0);
    }
}

TEST(Gru, CallMakesRoomByItself) {
    Gru<float> layer(4, {.units = 3});
    EXPECT_EQ(layer.workspace_bytes(), 0);
    (void)layer(inputs_of<float>({2, 5, 4}));
    const Index bytes = layer.workspace_bytes();
    EXPECT_GT(bytes, 0);
    (void)layer(inputs_of<float>({1, 3, 4}));
    EXPECT_EQ(layer.workspace_bytes(), bytes);
}

// Both calls

TYPED_TEST(GruOf, CallIntoMemoryGivesTheSameBits) {
    using S = typename TypeParam::Scalar;
    LayerOf<TypeParam> layer(4, {.units = 3, .return_sequences = true});
    const Sequence<S> inputs = inputs_of<S>({2, 5, 4});
    Output<S> y{Sequence<S>({2, 5, 3}), RowMatrix<S>(2, 3), RowMatrix<S>(2, 3)};
    layer.call(inputs, {}, {y.sequences, y.last, y.state});
    EXPECT_TRUE(same(layer(inputs), y));
}

TEST(Gru, CallWritesOnlyWhatIsThere) {
    Gru<float> layer(4, {.units = 3, .return_sequences = true});
    const Sequence<float> inputs = inputs_of<float>({2, 5, 4});
    RowMatrix<float> state(2, 3);
    layer.call(inputs, {}, {.state = state});
    EXPECT_EQ(state, layer(inputs).state);
    EXPECT_NO_THROW(layer.call(inputs, {}, {}));
}

TEST(Gru, ManyShortStepsGiveTheSameAsOneLongCall) {
    // The chunks of time in which the input is projected must not show.
    Gru<double> layer(3, {.units = 4, .return_sequences = true});
    Gru<double> stepper(3, {.units = 4, .stateful = true});
    stepper.set_weights(layer.get_weights());
    const Sequence<double> inputs = inputs_of<double>({2, 150, 3});
    const Output<double> y = layer(inputs);
    for (Index t = 0; t < 150; ++t) {
        Sequence<double> one({2, 1, 3});
        one.step(0) = inputs.step(t);
        EXPECT_LT((stepper(one).last - y.sequences.step(t)).cwiseAbs().maxCoeff(), 1e-14) << t;
    }
}

}  // namespace
}  // namespace eigengru_test
