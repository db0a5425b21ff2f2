// SPDX-License-Identifier: MIT
// What forward and backward of the layer promise beside numbers: that they allocate nothing from the second time on,
// and what they refuse.
#include "eigengru/layer/gru.hpp"

#include "support/allocation_counter.hpp"
#include "support/message_of.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;

// Memory

/// The allocations of the second training step of a layer, each by forward and backward into existing memory.
template <class M>
class TrainingStep : public testing::Test {
protected:
    using Scalar = typename M::Scalar;

    struct Case {
        Shape3 shape{3, 7, 4};
        GruOptions options = {.units = 5};
        Index checkpoint_every = 0;
        bool has_mask = false;
        bool gives_dropout = false;
    };

    static std::size_t allocations_of(Case wanted) {
        const auto [batch, time, features] = wanted.shape;
        wanted.options.recurrent_initializer = "glorot_uniform";  // orthogonal ones take long to draw
        wanted.options.return_sequences = true;
        Gru<Scalar, M::kResetAfter> layer(features, wanted.options);
        const Sequence<Scalar> inputs(wanted.shape), d_sequences({batch, time, layer.units()});
        Sequence<Scalar> sequences({batch, time, layer.units()});
        RowMatrix<Scalar> last(batch, layer.units()), state = RowMatrix<Scalar>::Zero(batch, layer.units());
        const std::vector<unsigned char> mask(static_cast<std::size_t>(batch * time), 1);
        const DropoutMasks<Scalar> masks{.input = std::vector(3, ones(batch, features)),
                                         .state = std::vector(3, ones(batch, layer.units()))};
        CallOptions<Scalar> call{.training = true, .dropout_masks = wanted.gives_dropout ? &masks : nullptr};
        if (wanted.has_mask) call.mask = {mask, batch, time};
        Tape<Scalar> tape(TapeOptions{.checkpoint_every = wanted.checkpoint_every});
        Gradients<Scalar> gradients;
        const auto step = [&] {
            layer.forward(inputs, call, tape, {.sequences = sequences, .last = last, .state = state});
            layer.backward(std::move(tape), {.sequences = d_sequences, .last = last, .state = state}, gradients);
        };
        step();
        const AllocationCount counter;
        step();
        step();
        return counter.count();
    }

    static RowMatrix<Scalar> ones(Index rows, Index cols) { return RowMatrix<Scalar>::Ones(rows, cols); }
};
TYPED_TEST_SUITE(TrainingStep, Modes, );

TYPED_TEST(TrainingStep, AllocatesNothingFromTheSecondTimeOn) {
    if (!kAllocationCounterWorks) GTEST_SKIP() << "allocations cannot be counted in this build";
    for (const Index every : {0, 1, 3})
        for (const bool has_mask : {false, true})
            EXPECT_EQ(this->allocations_of({.checkpoint_every = every, .has_mask = has_mask}), 0U)
                << every << ' ' << has_mask;
}

TYPED_TEST(TrainingStep, WithDropoutAllocatesNothing) {
    if (!kAllocationCounterWorks) GTEST_SKIP() << "allocations cannot be counted in this build";
    for (const double recurrent_dropout : {0.0, 0.5})
        for (const bool is_given : {false, true})
            EXPECT_EQ(
                this->allocations_of({.options = {.units = 5, .dropout = 0.5, .recurrent_dropout = recurrent_dropout},
                                      .has_mask = true,
                                      .gives_dropout = is_given}),
                0U)
                << recurrent_dropout << ' ' << is_given;
}

TYPED_TEST(TrainingStep, WithOtherOptionsAllocatesNothing) {
    if (!kAllocationCounterWorks) GTEST_SKIP() << "allocations cannot be counted in this build";
    EXPECT_EQ(this->allocations_of({.options = {.units = 5, .activation = "relu", .recurrent_activation = "softmax"}}),
              0U);
    EXPECT_EQ(this->allocations_of({.options = {.units = 5,
                                                .kernel_regularizer = "l2",
                                                .activity_regularizer = "l1",
                                                .go_backwards = true,
                                                .stateful = true},
                                    .checkpoint_every = 2}),
              0U);
}

TYPED_TEST(TrainingStep, OfLargeSizesAllocatesNothing) {
    if (!kAllocationCounterWorks) GTEST_SKIP() << "allocations cannot be counted in this build";
    EXPECT_EQ(this->allocations_of({.shape = {1, 200, 3}, .options = {.units = 9}, .checkpoint_every = 50}), 0U);
    EXPECT_EQ(this->allocations_of({.shape = {64, 2, 16}, .options = {.units = 256}}), 0U);
    EXPECT_EQ(this->allocations_of({.shape = {2, 2, 700}, .options = {.units = 9}}), 0U);
}

// Errors

class TrainingErrors : public testing::Test {
protected:
    TrainingErrors() { (void)layer.forward(inputs, {}, tape); }

    std::string misuse(const Tape<float>& given) {
        return message_of<std::logic_error>([&] { (void)layer.backward(given, {}); });
    }
    std::string refusal(const OutputGradients<float>& d) {
        return message_of<ShapeError>([&] { (void)layer.backward(tape, d); });
    }
    Tape<float> tape_of(Index features, const GruOptions& options) {
        Gru<float> other(features, options);
        Tape<float> result;
        (void)other.forward(Sequence<float>({3, 6, features}), {}, result);
        return result;
    }

    Gru<float> layer{4, {.units = 5, .return_sequences = true}};
    const Sequence<float> inputs = Sequence<float>({3, 6, 4});
    Tape<float> tape;
};

TEST_F(TrainingErrors, AnEmptyTape) {
    EXPECT_EQ(misuse(Tape<float>()), "Gru::backward: expected the tape of a forward pass, received an empty one");
}

TEST_F(TrainingErrors, ATapeThatWasUsedUpOrMovedAway) {
    (void)layer.backward(std::move(tape), {});
    EXPECT_THROW((void)layer.backward(tape, {}), std::logic_error);
    (void)layer.forward(inputs, {}, tape);
    const Tape<float> moved = std::move(tape);
    EXPECT_THROW((void)layer.backward(tape, {}), std::logic_error);
    EXPECT_NO_THROW((void)layer.backward(moved, {}));
}

TEST_F(TrainingErrors, ATapeOfOtherSizes) {
    EXPECT_EQ(
        misuse(tape_of(2, {.units = 5, .return_sequences = true})),
        "Gru::backward: expected a tape of this layer, with 4 features, 5 units and its options, received one with "
        "2 features, 5 units");
    EXPECT_NE(misuse(tape_of(4, {.units = 6, .return_sequences = true})), "nothing was thrown");
}

TEST_F(TrainingErrors, ATapeOfOtherOptions) {
    const auto is_refused = [&](auto change) {
        GruOptions options = layer.options();
        change(options);
        return misuse(tape_of(4, options)) != "nothing was thrown";
    };
    EXPECT_FALSE(is_refused([](GruOptions&) {}));
    EXPECT_TRUE(is_refused([](GruOptions& o) { o.activation = "relu"; }));
    EXPECT_TRUE(is_refused([](GruOptions& o) { o.recurrent_activation = "tanh"; }));
    EXPECT_TRUE(is_refused([](GruOptions& o) { o.use_bias = false; }));
    EXPECT_TRUE(is_refused([](GruOptions& o) { o.go_backwards = true; }));
    EXPECT_TRUE(is_refused([](GruOptions& o) { o.return_sequences = false; }));
    EXPECT_TRUE(is_refused([](GruOptions& o) { o.zero_output_for_mask = true; }));
}

TEST_F(TrainingErrors, ATapeWithoutWhatAnActivityRegularizerNeeds) {
    GruOptions options = layer.options();
    options.activity_regularizer = "l2";
    Gru<float> regularized(4, options);
    EXPECT_THROW((void)regularized.backward(tape, {}), std::logic_error);
}

TEST_F(TrainingErrors, ATapeOfTheOtherResetMode) {
    Gru<float, false> other(4, {.units = 5, .return_sequences = true});
    EXPECT_THROW((void)other.backward(tape, {}), std::logic_error);
}

TEST_F(TrainingErrors, GradientsOfWrongShapes) {
    const RowMatrix<float> wrong(3, 4);
    EXPECT_EQ(refusal({.last = wrong}), "Gru::backward: last expected shape (3, 5), received (3, 4)");
    EXPECT_EQ(refusal({.state = wrong}), "Gru::backward: state expected shape (3, 5), received (3, 4)");
    EXPECT_EQ(refusal({.sequences = Sequence<float>({3, 5, 5})}),
              "Gru::backward: sequences expected shape (3, 6, 5), received shape (3, 5, 5)");
}

TEST_F(TrainingErrors, GradientsOfSequencesThatAreNotReturned) {
    Gru<float> last_only(4, {.units = 5});
    (void)last_only.forward(inputs, {}, tape);
    EXPECT_EQ(message_of<ShapeError>([&] {
                  (void)last_only.backward(tape, {.sequences = Sequence<float>({3, 6, 5})});
              }),
              "Gru::backward: sequences expected none without return_sequences, received shape (3, 6, 5)");
}

TEST_F(TrainingErrors, LeaveTapeAndGradientsAsTheyWere) {
    Gradients<float> g = layer.backward(tape, {});
    g.parameters.flat().setConstant(7.0f);
    EXPECT_THROW(layer.backward(std::move(tape), {.last = RowMatrix<float>(3, 4)}, g), ShapeError);
    EXPECT_FALSE(tape.empty());
    EXPECT_EQ(g.parameters.flat().minCoeff(), 7.0f);
}

TEST_F(TrainingErrors, OfForwardAreThoseOfTheCallAndLeaveTheTape) {
    EXPECT_EQ(message_of<ShapeError>([&] {
                  (void)layer.forward(Sequence<float>({3, 6, 7}), {}, tape);
              }),
              "Gru::forward: inputs have 7 features, the layer was built for 4");
    RowMatrix<float> last(2, 5);
    EXPECT_EQ(message_of<ShapeError>([&] { layer.forward(inputs, {}, tape, {.last = last}); }),
              "Gru::forward: output.last expected shape (3, 5), received (2, 5)");
    EXPECT_FALSE(tape.empty());
}

TEST_F(TrainingErrors, ACustomActivationWithoutItsDerivative) {
    const Activation cubed = Activation::custom("cubed", [](auto x) { return x * x * x; });
    const std::string text =
        "Gru::forward: expected activations with derivatives, received the custom \"cubed\" that "
        "was made without one";
    for (const bool is_recurrent : {false, true}) {
        GruOptions options{.units = 5, .dropout = 0.5, .stateful = true};
        (is_recurrent ? options.recurrent_activation : options.activation) = cubed;
        Gru<float> custom(4, options);
        Tape<float> unused;
        RowMatrix<float> last = RowMatrix<float>::Constant(3, 5, 7.0f);
        EXPECT_EQ(message_of<OptionError>([&] { (void)custom.forward(inputs, {.training = true}, unused); }), text);
        EXPECT_EQ(message_of<OptionError>([&] { custom.forward(inputs, {}, unused, {.last = last}); }), text);
        EXPECT_EQ(custom.state().rows(), 0);
        EXPECT_EQ(custom.dropout_calls(), 0U);
        EXPECT_EQ(last.minCoeff(), 7.0f);
        EXPECT_TRUE(unused.empty());
        EXPECT_NO_THROW((void)custom(inputs));
    }
}

TEST_F(TrainingErrors, AnActivationThatThrowsLeavesNoTape) {
    const Activation throwing = Activation::custom(
        "throwing", [](auto x) -> decltype(x) { throw std::runtime_error("stop"); }, [](auto, auto y) { return y; });
    Gru<float> custom(4, {.units = 5, .activation = throwing, .stateful = true});
    Tape<float> unused;
    EXPECT_THROW((void)custom.forward(inputs, {}, unused), std::runtime_error);
    EXPECT_TRUE(unused.empty());
    EXPECT_EQ(custom.state().rows(), 0);
}

}  // namespace
}  // namespace eigengru_test
