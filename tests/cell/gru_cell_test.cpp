// SPDX-License-Identifier: MIT
#include "eigengru/cell/gru_cell.hpp"

#include "eigengru/layer/gru.hpp"
#include "support/allocation_counter.hpp"
#include "support/message_of.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;

template <class M>
using CellOf = GruCell<typename M::Scalar, M::kResetAfter>;

template <class S>
RowMatrix<S> random_matrix(Index rows, Index cols) {
    return RowMatrix<S>::Random(rows, cols);
}

/// One step by the layer: a sequence of one time step.
template <class S, bool R>
RowMatrix<S> step_of_layer(const GruCell<S, R>& cell, const RowMatrix<S>& inputs, const RowMatrix<S>& state) {
    Gru<S, R> layer(cell.features(), cell.options());
    layer.set_weights(cell.get_weights());
    return layer(SequenceView<const S>(inputs.data(), {inputs.rows(), 1, inputs.cols()}), {.initial_state = state})
        .state;
}

template <class S, bool R>
RowMatrix<S> step_of_cell(const GruCell<S, R>& cell, const RowMatrix<S>& inputs, const RowMatrix<S>& state) {
    RowMatrix<S> next(inputs.rows(), cell.units());
    std::vector<S> scratch(cell.scratch_size(inputs.rows()));
    cell.step(inputs, state, next, scratch);
    return next;
}

template <class S, bool R>
void expect_step_of_layer(const GruCell<S, R>& cell, Index batch) {
    const RowMatrix<S> inputs = random_matrix<S>(batch, cell.features());
    const RowMatrix<S> state = random_matrix<S>(batch, cell.units());
    const double tolerance = std::is_same_v<S, float> ? 1e-6 : 1e-14;
    const RowMatrix<S> expected = step_of_layer(cell, inputs, state);
    const double scale = std::max(1.0, static_cast<double>(expected.cwiseAbs().maxCoeff()));
    EXPECT_LE((step_of_cell(cell, inputs, state) - expected).cwiseAbs().maxCoeff(), tolerance * scale)
        << cell.options().to_string();
}

template <class M>
class GruCellOf : public testing::Test {};
TYPED_TEST_SUITE(GruCellOf, Modes, );

TYPED_TEST(GruCellOf, StepIsTheLayersForOneStep) {
    for (const Index batch : {1, 2, 3, 7, 8, 9, 33})
        for (const Index units : {1, 3, 8, 17})
            expect_step_of_layer(CellOf<TypeParam>(5, {.units = units, .bias_initializer = "random_normal"}), batch);
}

TYPED_TEST(GruCellOf, StepWithoutBiasIsTheLayers) {
    expect_step_of_layer(CellOf<TypeParam>(5, {.units = 6, .use_bias = false}), 3);
}

TYPED_TEST(GruCellOf, StepWithAnyActivationsIsTheLayers) {
    for (const char* activation : {"relu", "softmax", "linear", "selu"})
        for (const char* recurrent : {"hard_sigmoid", "sigmoid", "softmax", "sparsemax"})
            expect_step_of_layer(
                CellOf<TypeParam>(5, {.units = 6, .activation = activation, .recurrent_activation = recurrent}), 3);
}

TYPED_TEST(GruCellOf, StepInPlaceGivesTheSame) {
    using S = typename TypeParam::Scalar;
    const CellOf<TypeParam> cell(5, {.units = 6});
    const RowMatrix<S> inputs = random_matrix<S>(4, 5);
    RowMatrix<S> state = random_matrix<S>(4, 6);
    const RowMatrix<S> expected = step_of_cell(cell, inputs, state);
    std::vector<S> scratch(cell.scratch_size(4));
    cell.step(inputs, state, state, scratch);
    EXPECT_EQ(state, expected);
}

TYPED_TEST(GruCellOf, StepOfStridedViewsGivesTheSameAndWritesNothingElse) {
    using S = typename TypeParam::Scalar;
    const CellOf<TypeParam> cell(5, {.units = 6});
    const RowMatrix<S> inputs = random_matrix<S>(4, 9), state = random_matrix<S>(4, 10);
    RowMatrix<S> next = RowMatrix<S>::Constant(4, 11, S(7));
    std::vector<S> scratch(cell.scratch_size(4));
    cell.step(inputs.middleCols(2, 5), state.middleCols(1, 6), next.middleCols(3, 6), scratch);
    EXPECT_EQ(next.middleCols(3, 6), step_of_cell<S>(cell, inputs.middleCols(2, 5), state.middleCols(1, 6)));
    EXPECT_TRUE((next.leftCols(3).array() == S(7)).all() && (next.rightCols(2).array() == S(7)).all());
}

TYPED_TEST(GruCellOf, StepOfAnEmptyBatchDoesNothing) {
    using S = typename TypeParam::Scalar;
    const CellOf<TypeParam> cell(5, {.units = 6});
    EXPECT_EQ(step_of_cell(cell, RowMatrix<S>(0, 5), RowMatrix<S>(0, 6)).rows(), 0);
}

TYPED_TEST(GruCellOf, StepsInARowAreASequence) {
    using S = typename TypeParam::Scalar;
    const CellOf<TypeParam> cell(5, {.units = 6});
    Gru<S, TypeParam::kResetAfter> layer(5, {.units = 6});
    layer.set_weights(cell.get_weights());
    const RowMatrix<S> sequence = random_matrix<S>(20, 5);
    RowMatrix<S> state = RowMatrix<S>::Zero(1, 6);
    std::vector<S> scratch(cell.scratch_size(1));
    for (Index t = 0; t < 20; ++t) cell.step(sequence.row(t), state, state, scratch);
    EXPECT_LT((state - layer(sequence).state).cwiseAbs().maxCoeff(), S(1e-6));
}

TYPED_TEST(GruCellOf, StepAllocatesNothing) {
    if (!kAllocationCounterWorks) GTEST_SKIP() << "allocations cannot be counted in this build";
    using S = typename TypeParam::Scalar;
    for (const auto& [batch, size] : {std::pair<Index, Index>{1, 5}, {3, 40}, {64, 300}}) {
        const CellOf<TypeParam> cell(size, {.units = size, .recurrent_initializer = "glorot_uniform"});
        const RowMatrix<S> inputs = random_matrix<S>(batch, size);
        RowMatrix<S> state = random_matrix<S>(batch, size);
        std::vector<S> scratch(cell.scratch_size(batch));
        const AllocationCount counter;
        cell.step(inputs, state, state, scratch);
        EXPECT_EQ(counter.count(), 0U) << batch << ' ' << size;
    }
}

TYPED_TEST(GruCellOf, UsesNoScratchBeyondItsSize) {
    using S = typename TypeParam::Scalar;
    const CellOf<TypeParam> cell(5, {.units = 6});
    const std::size_t size = cell.scratch_size(3);
    std::vector<S> scratch(size + 8, S(7));
    RowMatrix<S> state = random_matrix<S>(3, 6);
    cell.step(random_matrix<S>(3, 5), state, state, scratch);
    for (std::size_t i = size; i < scratch.size(); ++i) EXPECT_EQ(scratch[i], S(7));
}

// Forward and backward

/// A recorded step of random inputs, and its gradients for random d_next.
template <class S, bool R>
struct RecordedStep {
    explicit RecordedStep(const GruCell<S, R>& cell, Index batch)
        : inputs(random_matrix<S>(batch, cell.features())),
          state(random_matrix<S>(batch, cell.units())),
          next(batch, cell.units()),
          d_next(random_matrix<S>(batch, cell.units())) {
        std::vector<S> scratch(cell.scratch_size(batch));
        cell.forward(inputs, state, next, scratch, tape);
    }

    RowMatrix<S> inputs, state, next, d_next;
    Tape<S> tape;
};

template <class S>
void expect_near(const Gradients<S>& received, const Gradients<S>& expected, double tolerance) {
    EXPECT_LE((received.parameters.flat() - expected.parameters.flat()).cwiseAbs().maxCoeff(), tolerance);
    EXPECT_LE((received.inputs.matrix() - expected.inputs.matrix()).cwiseAbs().maxCoeff(), tolerance);
    EXPECT_LE((received.initial_state - expected.initial_state).cwiseAbs().maxCoeff(), tolerance);
}

/// The gradients of the layer, which are tested against Keras and against differences, for a sequence of one step.
template <class S, bool R>
void expect_gradients_of_layer(const GruCell<S, R>& cell, Index batch) {
    const RecordedStep<S, R> step(cell, batch);
    Gru<S, R> layer(cell.features(), cell.options());
    layer.set_weights(cell.get_weights());
    Tape<S> tape;
    const SequenceView<const S> inputs(step.inputs.data(), {batch, 1, cell.features()});
    const Output<S> y = layer.forward(inputs, {.initial_state = step.state}, tape);
    const double tolerance = std::is_same_v<S, float> ? 3e-6 : 1e-14;
    EXPECT_LE((step.next - y.last).cwiseAbs().maxCoeff(), tolerance);
    expect_near(cell.backward(step.tape, step.d_next), layer.backward(tape, {.last = step.d_next}), 10 * tolerance);
}

TYPED_TEST(GruCellOf, ForwardIsTheStep) {
    using S = typename TypeParam::Scalar;
    for (const char* activation : {"tanh", "relu"}) {
        const CellOf<TypeParam> cell(5, {.units = 6, .activation = activation});
        const RecordedStep<S, TypeParam::kResetAfter> step(cell, 3);
        EXPECT_LE((step.next - step_of_cell(cell, step.inputs, step.state)).cwiseAbs().maxCoeff(), S(1e-6));
        EXPECT_EQ(step.tape.size(), 3 * 5 + 5 * 3 * 6);
    }
}

TYPED_TEST(GruCellOf, ForwardMayWriteOverTheState) {
    using S = typename TypeParam::Scalar;
    const CellOf<TypeParam> cell(5, {.units = 6});
    const RecordedStep<S, TypeParam::kResetAfter> step(cell, 3);
    RowMatrix<S> state = step.state;
    std::vector<S> scratch(cell.scratch_size(3));
    Tape<S> tape;
    cell.forward(step.inputs, state, state, scratch, tape);
    EXPECT_EQ(state, step.next);
    expect_near(cell.backward(tape, step.d_next), cell.backward(step.tape, step.d_next), 0.0);
}

TYPED_TEST(GruCellOf, GradientsAreTheLayersForOneStep) {
    for (const Index batch : {1, 3, 33})
        for (const Index units : {1, 8, 17})
            expect_gradients_of_layer(CellOf<TypeParam>(5, {.units = units, .bias_initializer = "random_normal"}),
                                      batch);
}

TYPED_TEST(GruCellOf, GradientsWithOtherOptionsAreTheLayers) {
    expect_gradients_of_layer(CellOf<TypeParam>(5, {.units = 6, .use_bias = false}), 3);
    for (const char* activation : {"silu", "softmax"})
        for (const char* recurrent : {"hard_sigmoid", "sigmoid"})
            expect_gradients_of_layer(
                CellOf<TypeParam>(5, {.units = 6, .activation = activation, .recurrent_activation = recurrent}), 3);
    expect_gradients_of_layer(CellOf<TypeParam>(5, {.units = 6,
                                                    .kernel_regularizer = Regularizer::l1(0.1),
                                                    .recurrent_regularizer = Regularizer::orthogonal(),
                                                    .bias_regularizer = "l2"}),
                              3);
}

TYPED_TEST(GruCellOf, GradientsOfAnEmptyBatchAreZeros) {
    using S = typename TypeParam::Scalar;
    const CellOf<TypeParam> cell(5, {.units = 6});
    const RecordedStep<S, TypeParam::kResetAfter> step(cell, 0);
    const Gradients<S> g = cell.backward(step.tape, step.d_next);
    EXPECT_EQ(g.parameters.flat().cwiseAbs().maxCoeff(), S(0));
    EXPECT_EQ(g.inputs.shape(), Shape3(0, 1, 5));
    EXPECT_EQ(g.initial_state.rows(), 0);
}

TYPED_TEST(GruCellOf, ForwardAllocatesNothingFromTheSecondTimeOn) {
    if (!kAllocationCounterWorks) GTEST_SKIP() << "allocations cannot be counted in this build";
    using S = typename TypeParam::Scalar;
    const CellOf<TypeParam> cell(5, {.units = 6, .activation = "relu"});
    RecordedStep<S, TypeParam::kResetAfter> step(cell, 3);
    std::vector<S> scratch(cell.scratch_size(3));
    const AllocationCount counter;
    cell.forward(step.inputs, step.state, step.next, scratch, step.tape);
    EXPECT_EQ(counter.count(), 0U);
}

TYPED_TEST(GruCellOf, TapesOfOneCellKeepApart) {
    using S = typename TypeParam::Scalar;
    const CellOf<TypeParam> cell(5, {.units = 6});
    const RecordedStep<S, TypeParam::kResetAfter> one(cell, 3);
    const Gradients<S> alone = cell.backward(one.tape, one.d_next);
    const RecordedStep<S, TypeParam::kResetAfter> other(cell, 3);
    expect_near(cell.backward(one.tape, one.d_next), alone, 0.0);
    EXPECT_NE(cell.backward(other.tape, one.d_next).parameters.flat(), alone.parameters.flat());
}

TEST(GruCellBackwardErrors, NameWhatIsWrong) {
    const GruCell<float> cell(5, {.units = 6}), other(5, {.units = 6, .use_bias = false});
    const RecordedStep<float, true> step(cell, 4);
    EXPECT_EQ(message_of<std::logic_error>([&] { (void)cell.backward(Tape<float>(), step.d_next); }),
              "GruCell::backward: expected the tape of a forward step of this cell, received an empty one");
    EXPECT_EQ(message_of<std::logic_error>([&] { (void)other.backward(step.tape, step.d_next); }),
              "GruCell::backward: expected the tape of a forward step of this cell, received another one");
    EXPECT_EQ(message_of<ShapeError>([&] { (void)cell.backward(step.tape, step.d_next.topRows(3)); }),
              "GruCell::backward: d_next_state expected shape (4, 6), received (3, 6)");
    Gru<float> layer(5, {.units = 6});
    Tape<float> sequence;
    (void)layer.forward(random_matrix<float>(2, 5), {}, sequence);
    EXPECT_THROW((void)cell.backward(sequence, step.d_next), std::logic_error);
}

TEST(GruCellBackwardErrors, TapesOfALayerWithDropoutOrAMaskAreRefused) {
    Gru<float> layer(5, {.units = 6});
    const RowMatrix<float> inputs = random_matrix<float>(1, 5), d_next = random_matrix<float>(1, 6);
    const DropoutMasks<float> dropout{.input = {RowMatrix<float>::Constant(1, 5, 2.0f)}};
    Tape<float> tape;
    (void)layer.forward(inputs, {.training = true, .dropout_masks = &dropout}, tape);
    EXPECT_THROW((void)layer.cell().backward(tape, d_next), std::logic_error);
    (void)layer.forward(inputs, {.lengths = {0}}, tape);
    EXPECT_THROW((void)layer.cell().backward(tape, d_next), std::logic_error);
}

TEST(GruCellForwardErrors, AreThoseOfTheStepAndLeaveTheTape) {
    const GruCell<float> cell(5, {.units = 6});
    RecordedStep<float, true> step(cell, 4);
    std::vector<float> scratch(cell.scratch_size(4));
    EXPECT_EQ(message_of<ShapeError>(
                  [&] { cell.forward(random_matrix<float>(4, 7), step.state, step.next, scratch, step.tape); }),
              "GruCell::forward: inputs expected shape (4, 5), received (4, 7)");
    EXPECT_FALSE(step.tape.empty());
}

TEST(GruCellForwardErrors, ACustomActivationWithoutADerivativeIsRefused) {
    const Activation cubed = Activation::custom("cubed", [](auto x) { return x * x * x; });
    const GruCell<float> cell(5, {.units = 6, .activation = cubed});
    EXPECT_EQ(message_of<OptionError>([&] { RecordedStep<float, true>(cell, 4); }),
              "GruCell::forward: expected activations with derivatives, received the custom \"cubed\" that was made "
              "without one");
}

TEST(GruCellForwardErrors, ATapeWithCheckpointsIsRefused) {
    const GruCell<float> cell(5, {.units = 6});
    const RowMatrix<float> inputs = random_matrix<float>(4, 5), state = random_matrix<float>(4, 6);
    RowMatrix<float> next(4, 6);
    std::vector<float> scratch(cell.scratch_size(4));
    Tape<float> checkpoints(TapeOptions{.checkpoint_every = 2});
    EXPECT_THROW(cell.forward(inputs, state, next, scratch, checkpoints), std::logic_error);
}

// Errors

class GruCellErrors : public testing::Test {
protected:
    const GruCell<float> cell{5, {.units = 6}};
    const RowMatrix<float> inputs = RowMatrix<float>::Zero(4, 5);
    const RowMatrix<float> state = RowMatrix<float>::Zero(4, 6);
    RowMatrix<float> next = RowMatrix<float>::Constant(4, 6, 7.0f);
    std::vector<float> scratch = std::vector<float>(cell.scratch_size(4));

    std::string refusal(MatrixView<const float> x, MatrixView<const float> h, MatrixView<float> h_next,
                        std::span<float> memory) const {
        return message_of<ShapeError>([&] { cell.step(x, h, h_next, memory); });
    }
    void TearDown() override { EXPECT_EQ(next.minCoeff(), 7.0f) << "something was written"; }
};

TEST_F(GruCellErrors, WrongInputs) {
    EXPECT_EQ(refusal(RowMatrix<float>(4, 7), state, next, scratch),
              "GruCell::step: inputs expected shape (4, 5), received (4, 7)");
}

TEST_F(GruCellErrors, AbsentArguments) {
    EXPECT_NE(refusal({}, state, next, scratch).find("GruCell::step: inputs"), std::string::npos);
    EXPECT_NE(refusal(inputs, {}, next, scratch).find("GruCell::step: state"), std::string::npos);
    EXPECT_NE(refusal(inputs, state, {}, scratch).find("GruCell::step: next_state"), std::string::npos);
}

TEST_F(GruCellErrors, WrongStates) {
    RowMatrix<float> other(3, 6);
    EXPECT_EQ(refusal(inputs, RowMatrix<float>(4, 5), next, scratch),
              "GruCell::step: state expected shape (4, 6), received (4, 5)");
    EXPECT_EQ(refusal(inputs, state, other, scratch),
              "GruCell::step: next_state expected shape (4, 6), received (3, 6)");
}

TEST_F(GruCellErrors, ScratchThatIsTooSmall) {
    const std::span<float> small = std::span(scratch).first(scratch.size() - 1);
    EXPECT_EQ(refusal(inputs, state, next, small),
              eigengru::detail::text("GruCell::step: scratch expected at least ", scratch.size(),
                                     " elements, received ", scratch.size() - 1));
}

TEST(GruCell, ScratchSizeRefusesBadBatches) {
    const GruCell<float> cell(5, {.units = 6});
    EXPECT_THROW((void)cell.scratch_size(-1), ShapeError);
    EXPECT_THROW((void)cell.scratch_size(std::numeric_limits<Index>::max()), ShapeError);
    EXPECT_EQ(cell.scratch_size(0), 0U);
}

TEST(GruCell, ValidatesItsOptions) {
    EXPECT_THROW(GruCell<float>(5, {}), OptionError);
    EXPECT_THROW(GruCell<float>(0, {.units = 6}), ShapeError);
    EXPECT_THROW(GruCell<float>(5, {.units = 6, .dropout = 2.0}), OptionError);
}

// Weights

TEST(GruCell, SeedMakesTheWeights) {
    const GruCell<float> a(5, {.units = 6, .seed = 1}), b(5, {.units = 6, .seed = 1}), c(5, {.units = 6, .seed = 2});
    EXPECT_EQ(a.parameters().flat(), b.parameters().flat());
    EXPECT_NE(a.parameters().flat(), c.parameters().flat());
}

TEST(GruCell, NoSeedIsRandom) {
    EXPECT_NE((GruCell<float>(5, {.units = 6}).get_weights()), (GruCell<float>(5, {.units = 6}).get_weights()));
}

TEST(GruCell, SeedOfAnInitializerIsItsOwn) {
    const Initializer own = Initializer::random_normal({.seed = 3});
    const GruCell<float> a(5, {.units = 6, .kernel_initializer = own}), b(5, {.units = 6, .kernel_initializer = own});
    EXPECT_EQ(a.parameters().kernel(), b.parameters().kernel());
    EXPECT_NE(a.parameters().recurrent_kernel(), b.parameters().recurrent_kernel());
}

TEST(GruCell, WeightsOfOneSeedDiffer) {
    const GruCell<double> cell(
        6, {.units = 6, .kernel_initializer = "random_normal", .recurrent_initializer = "random_normal", .seed = 1});
    EXPECT_NE(cell.parameters().kernel(), cell.parameters().recurrent_kernel());
}

TEST(GruCell, SetWeightsOfAWrongShapeChangesNothing) {
    GruCell<float> cell(5, {.units = 6});
    const std::vector<RowMatrix<float>> before = cell.get_weights();
    EXPECT_THROW(cell.set_weights({before[1], before[1], before[2]}), ShapeError);
    EXPECT_THROW(cell.set_weights({before[0], before[1]}), ShapeError);
    EXPECT_EQ(cell.get_weights(), before);
}

TEST(GruCell, UpdateParametersWrites) {
    GruCell<float> cell(5, {.units = 6});
    cell.update_parameters([](auto& p) { p.flat().setZero(); });
    EXPECT_EQ(cell.parameters().flat().cwiseAbs().maxCoeff(), 0.0f);
}

template <class Cell>
concept GivesParametersOfATemporary = requires(Cell&& cell) { std::move(cell).parameters(); };

TEST(GruCell, ParametersOfATemporaryAreRefused) {
    static_assert(!GivesParametersOfATemporary<GruCell<float>>);
    SUCCEED();
}

TEST(GruCell, LossesAreThoseOfItsWeights) {
    GruCell<double> cell(1, {.units = 1,
                             .kernel_regularizer = Regularizer::l1(1.0),
                             .recurrent_regularizer = Regularizer::l2(1.0),
                             .bias_regularizer = Regularizer::l1(0.5)});
    cell.update_parameters([](auto& p) { p.flat().setConstant(2.0); });
    EXPECT_DOUBLE_EQ(cell.losses().kernel, 3 * 2.0);
    EXPECT_DOUBLE_EQ(cell.losses().recurrent_kernel, 3 * 4.0);
    EXPECT_DOUBLE_EQ(cell.losses().bias, 0.5 * 6 * 2.0);
    EXPECT_EQ(cell.losses().activity, 0.0);
}

TEST(GruCell, ApplyConstraintsProjectsItsWeights) {
    GruCell<double> cell(1, {.units = 1, .kernel_constraint = "non_neg", .bias_constraint = "non_neg"});
    cell.update_parameters([](auto& p) { p.flat().setConstant(-2.0); });
    cell.apply_constraints();
    EXPECT_EQ(cell.parameters().kernel().minCoeff(), 0.0);
    EXPECT_EQ(cell.parameters().recurrent_kernel().minCoeff(), -2.0);
    EXPECT_EQ(cell.parameters().bias().minCoeff(), 0.0);
}

}  // namespace
}  // namespace eigengru_test
