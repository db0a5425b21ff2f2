// SPDX-License-Identifier: MIT
// The checks one by one. That a call which fails leaves the layer as it was is in gru_test.cpp.
#include "eigengru/layer/call_check.hpp"

#include "support/message_of.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;
using eigengru_test::message_of;

const std::string kFine = "nothing was thrown";

/// A layer of 4 features and 3 units, called with a batch of 2 and 5 steps.
class CallCheck : public testing::Test {
protected:
    GruOptions options{.units = 3, .return_sequences = true};
    Index carried = 0;
    Sequence<float> sequences = Sequence<float>({2, 5, 3});
    RowMatrix<float> matrix = RowMatrix<float>(2, 3);

    template <class Error = ShapeError>
    std::string call(const CallOptions<float>& given, Shape3 shape = {2, 5, 4}) const {
        const Sequence<float> x(shape);
        return message_of<Error>([&] {
            detail::check_call<float>(x, given, {"Gru::operator()", options, 4, carried});
        });
    }
    std::string output(const OutputView<float>& given, Shape3 shape = {2, 5, 4}) const {
        return message_of<ShapeError>([&] {
            detail::check_output<float>(given, shape, {"Gru::call", options, 4, carried});
        });
    }
    std::string state(MatrixView<const float> values) const {
        return message_of<ShapeError>([&] {
            detail::check_state<float>(values, {"Gru::set_state", options, 4, carried});
        });
    }
};

TEST_F(CallCheck, AcceptsWhatFits) {
    const std::vector<unsigned char> mask(10, 1);
    const DropoutMasks<float> masks{.input = {RowMatrix<float>(2, 4)}};
    EXPECT_EQ(call({}), kFine);
    EXPECT_EQ(call({.mask = {mask, 2, 5}, .initial_state = matrix, .training = true, .dropout_masks = &masks}), kFine);
    EXPECT_EQ(call({.lengths = {0, 5}}), kFine);
    EXPECT_EQ(call({}, {0, 5, 4}), kFine);
}

TEST_F(CallCheck, FeaturesMustBeThoseOfTheLayer) {
    EXPECT_EQ(call({}, {2, 5, 3}), "Gru::operator(): inputs have 3 features, the layer was built for 4");
}

TEST_F(CallCheck, TimeMustNotBeEmpty) {
    EXPECT_EQ(call({}, {2, 0, 4}), "Gru::operator(): inputs expected at least 1 time step, received shape (2, 0, 4)");
}

TEST_F(CallCheck, BatchMustBeTheCarriedOneOnlyWhereTheLayerIsStateful) {
    carried = 7;
    EXPECT_EQ(call({}), kFine);
    options.stateful = true;
    EXPECT_EQ(call({}),
              "Gru::operator(): inputs have a batch size of 2, this stateful layer carries the state of 7 sequences "
              "(clear_state() forgets them)");
    EXPECT_EQ(call({}, {7, 5, 4}), kFine);
    carried = 0;
    EXPECT_EQ(call({}), kFine);
}

TEST_F(CallCheck, MaskMustFit) {
    const std::vector<unsigned char> mask(10, 1);
    EXPECT_EQ(call({.mask = {mask, 5, 2}}), "Gru::operator(): mask expected shape (2, 5), received (5, 2)");
}

TEST_F(CallCheck, MaskAndLengthsExcludeEachOther) {
    const std::vector<unsigned char> mask(10, 1);
    EXPECT_EQ(call<OptionError>({.mask = {mask, 2, 5}, .lengths = {5, 5}}),
              "Gru::operator(): expected a mask or lengths, received both");
}

TEST_F(CallCheck, LengthsMustFit) {
    EXPECT_EQ(call({.lengths = {5}}), "Gru::operator(): lengths expected 2 entries, one a sequence, received 1");
    EXPECT_EQ(call({.lengths = {6, 5}}), "Gru::operator(): lengths[0] expected 0 to 5, received 6");
    EXPECT_EQ(call({.lengths = {5, -1}}), "Gru::operator(): lengths[1] expected 0 to 5, received -1");
}

TEST_F(CallCheck, InitialStateMustFit) {
    EXPECT_EQ(call({.initial_state = RowMatrix<float>(3, 3)}),
              "Gru::operator(): initial_state expected shape (2, 3), received (3, 3)");
}

TEST_F(CallCheck, DropoutMasksMustFitEvenOutsideOfTraining) {
    const DropoutMasks<float> masks{.input = {RowMatrix<float>(2, 3)}};
    EXPECT_EQ(call({.dropout_masks = &masks}),
              "Gru::operator(): dropout_masks.input expected shape (2, 4), received (2, 3)");
}

// Outputs

TEST_F(CallCheck, OutputsMayBeAbsent) {
    EXPECT_EQ(output({}), kFine);
    EXPECT_EQ(output({.sequences = sequences, .last = matrix, .state = matrix}), kFine);
}

TEST_F(CallCheck, SequencesMustFit) {
    EXPECT_EQ(output({.sequences = sequences}, {2, 6, 4}),
              "Gru::call: output.sequences expected shape (2, 6, 3), received (2, 5, 3)");
}

TEST_F(CallCheck, SequencesNeedReturnSequences) {
    options.return_sequences = false;
    EXPECT_EQ(output({.sequences = sequences}),
              "Gru::call: output.sequences expected none without return_sequences, received shape (2, 5, 3)");
}

TEST_F(CallCheck, LastAndStateMustFit) {
    RowMatrix<float> other(3, 2);
    EXPECT_EQ(output({.last = other}), "Gru::call: output.last expected shape (2, 3), received (3, 2)");
    EXPECT_EQ(output({.state = other}), "Gru::call: output.state expected shape (2, 3), received (3, 2)");
}

TEST_F(CallCheck, ActivityRegularizerNeedsWhatTheLayerReturns) {
    options.activity_regularizer = "l1";
    EXPECT_EQ(output({.last = matrix}),
              "Gru::call: output.sequences expected to be present for the activity_regularizer, received none");
    EXPECT_EQ(output({.sequences = sequences}), kFine);
    options.return_sequences = false;
    EXPECT_EQ(output({}), "Gru::call: output.last expected to be present for the activity_regularizer, received none");
    options.return_state = true;
    EXPECT_EQ(output({.last = matrix}),
              "Gru::call: output.state expected to be present for the activity_regularizer, received none");
    EXPECT_EQ(output({.last = matrix, .state = matrix}), kFine);
}

TEST_F(CallCheck, EmptyBatchNeedsNoOutputs) {
    options.activity_regularizer = "l1";
    EXPECT_EQ(output({}, {0, 5, 4}), kFine);
}

// States

TEST_F(CallCheck, StateOfALayerThatIsNotStatefulIsMisuse) {
    EXPECT_EQ(message_of<std::logic_error>([&] {
                  detail::check_state<float>(matrix, {"Gru::set_state", options, 4, 0});
              }),
              "Gru::set_state: the layer is not stateful");
}

TEST_F(CallCheck, StateFixesTheBatchOnlyWhereThereIsNone) {
    options.stateful = true;
    EXPECT_EQ(state(RowMatrix<float>(9, 3)), kFine);
    carried = 2;
    EXPECT_EQ(state(RowMatrix<float>(9, 3)), "Gru::set_state: values expected shape (2, 3), received (9, 3)");
}

TEST_F(CallCheck, StateMustHaveRowsOfUnits) {
    options.stateful = true;
    EXPECT_EQ(state(RowMatrix<float>(2, 4)), "Gru::set_state: values expected shape (2, 3), received (2, 4)");
    EXPECT_EQ(state(RowMatrix<float>(0, 3)), "Gru::set_state: values expected shape (1, 3), received (0, 3)");
}

TEST(CheckPrepare, RefusesSizesBelowOneAndOverflow) {
    EXPECT_NO_THROW(detail::check_prepare(1, 1, 4, 3));
    EXPECT_EQ(message_of<ShapeError>([] { detail::check_prepare(2, 0, 4, 3); }),
              "Gru::prepare: batch and time expected at least 1, received 2 and 0");
    EXPECT_THROW(detail::check_prepare(Index{1} << 40, Index{1} << 40, 4, 3), ShapeError);
    EXPECT_THROW(detail::check_prepare(Index{1} << 31, Index{1} << 30, 40, 30), ShapeError);
}

}  // namespace
