// SPDX-License-Identifier: MIT
#include "eigengru/layer/model_layer.hpp"

#include "eigengru/layer/sequential.hpp"
#include "support/allocation_counter.hpp"
#include "support/message_of.hpp"
#include "support/modes.hpp"
#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;

/// A chain with every kind of layer; padded steps are zeros.
template <class S>
Sequential<S> every_layer(bool returns_sequences, double rate = 0.0) {
    return Sequential<S>({Masking<S>(),
                          Gru<S>(2, {.units = 3, .kernel_regularizer = "l2", .seed = 1, .return_sequences = true}),
                          Dropout<S>({.rate = rate, .seed = 2}), ActivationLayer<S>({.activation = "gelu"}),
                          Gru<S, false>(3, {.units = 2,
                                            .activity_regularizer = "l2",
                                            .seed = 3,
                                            .return_sequences = returns_sequences,
                                            .name = "second"}),
                          Dense<S>(2, {.units = 2, .activation = "softmax", .bias_regularizer = "l1", .seed = 4})});
}

template <class S>
Sequence<S> padded_inputs() {
    Sequence<S> x = random_sequence<S>({2, 4, 2});
    x.sequence(1).bottomRows(2).setZero();
    return x;
}

template <class S>
class SequentialTraining : public testing::Test {};
TYPED_TEST_SUITE(SequentialTraining, Scalars, );

TYPED_TEST(SequentialTraining, ForwardIsTheCallAndPassesTheMask) {
    using S = TypeParam;
    for (const bool returns_sequences : {true, false}) {
        Sequential<S> model = every_layer<S>(returns_sequences);
        const Sequence<S> x = padded_inputs<S>();
        ModelTape<S> tape;
        const SequenceView<const S> y = model.forward(x, {}, tape);
        const Sequence<S> expected = model.predict(x);
        ASSERT_EQ(y.shape(), expected.shape());
        for (Index b = 0; b < 2; ++b) EXPECT_LE((y.sequence(b) - expected.sequence(b)).cwiseAbs().maxCoeff(), S(1e-6));
        EXPECT_EQ(tape.mask().is_present(), returns_sequences);
        if (returns_sequences) {
            EXPECT_FALSE(tape.mask()(1, 3));
        }
    }
}

TEST(SequentialBackward, IsTheSlopeOfTheLoss) {
    for (const bool returns_sequences : {true, false}) {
        Sequential<double> model = every_layer<double>(returns_sequences);
        Sequence<double> x = padded_inputs<double>();
        const Sequence<double> d = random_sequence<double>({2, returns_sequences ? 4 : 1, 2});
        ModelTape<double> tape;
        const auto loss = [&] {
            ModelTape<double> again;
            const auto y = model.forward(x, {}, again);
            double sum = model.regularization_loss() + again.activity_loss();
            for (Index b = 0; b < 2; ++b) sum += y.sequence(b).cwiseProduct(d.sequence(b)).sum();
            return sum;
        };
        const auto slope = [&](double& value) {
            const double before = value;
            value = before + 1e-6;
            const double above = loss();
            value = before - 1e-6;
            const double below = loss();
            value = before;
            return (above - below) / 2e-6;
        };
        (void)model.forward(x, {}, tape);
        const ModelGradients<double> g = model.backward(tape, d);
        EXPECT_EQ(g.parameters.size(), model.count_params());
        Index offset = 0;
        model.update_variables([&](const Variable<double>& v) {
            const MatrixMap<const double> named = g.parameters.find(v.layer, v.name);
            for (Index i = 0; i < v.values.size(); ++i, ++offset) {
                const double expected = slope(const_cast<double*>(v.values.data())[i]);
                EXPECT_NEAR(g.parameters.flat()[offset], expected, 1e-7) << v.layer << '/' << v.name << ' ' << i;
                EXPECT_EQ(named.data()[i], g.parameters.flat()[offset]);
            }
        });
        for (const Index i : {0, 1, 5, 6, 7, 8, 11}) EXPECT_NEAR(g.inputs.data()[i], slope(x.data()[i]), 1e-7) << i;
        for (Index i = 12; i < 16; ++i) EXPECT_EQ(g.inputs.data()[i], 0.0) << "masked " << i;
    }
}

TYPED_TEST(SequentialTraining, DropoutOfTheForwardPassIsThatOfTheBackwardPass) {
    using S = TypeParam;
    Sequential<S> model({Dropout<S>({.rate = 0.5, .seed = 7}), Dense<S>(6, {.units = 1})});
    ModelTape<S> tape;
    (void)model.forward(random_sequence<S>({1, 1, 6}), {.training = true}, tape);
    const Sequence<S> ones = [] {
        Sequence<S> s({1, 1, 1});
        s.matrix().setOnes();
        return s;
    }();
    const ModelGradients<S> g = model.backward(std::as_const(tape), ones);
    const Dense<S>& dense = std::get<Dense<S>>(model.layers()[1]);
    int dropped = 0;
    for (Index i = 0; i < 6; ++i) {
        const S value = g.inputs.data()[i];
        EXPECT_TRUE(value == S(0) || value == 2 * dense.kernel()(i, 0)) << i;
        dropped += value == S(0) ? 1 : 0;
    }
    EXPECT_GT(dropped, 0);
    EXPECT_LT(dropped, 6);
}

TEST(SequentialBackward, AllocatesNothingTheSecondTime) {
    if (!kAllocationCounterWorks) GTEST_SKIP() << "allocations cannot be counted in this build";
    Sequential<float> model = every_layer<float>(true, 0.25);
    const Sequence<float> x = padded_inputs<float>(), d = random_sequence<float>({2, 4, 2});
    ModelTape<float> tape;
    ModelGradients<float> g;
    for (int i = 0; i < 2; ++i) {
        const AllocationCount count;
        (void)model.forward(x, {.training = true}, tape);
        model.backward(std::move(tape), d, g);
        if (i == 1) {
            EXPECT_EQ(count.count(), 0U);
        }
    }
}

TEST(SequentialBackward, MayUseTheMemoryOfAnotherModel) {
    Sequential<float> gru({Gru<float>(2, {.units = 3})}), dense({Dense<float>(2, {.units = 2})});
    const Sequence<float> x = random_sequence<float>({2, 4, 2}), d = random_sequence<float>({2, 4, 2});
    ModelTape<float> tape;
    ModelGradients<float> g;
    (void)gru.forward(x, {}, tape);
    gru.backward(tape, random_sequence<float>({2, 1, 3}), g);
    (void)dense.forward(x, {}, tape);
    dense.backward(tape, d, g);
    EXPECT_EQ(g.parameters.flat(), dense.backward(tape, d).parameters.flat());
}

TEST(ModelTapeOf, IsAValue) {
    Sequential<float> model = every_layer<float>(true);
    ModelTape<float> tape;
    EXPECT_TRUE(tape.empty());
    EXPECT_FALSE(tape.outputs().is_present());
    (void)model.forward(padded_inputs<float>(), {}, tape);
    const ModelTape<float> copy = tape;
    const Sequence<float> d = random_sequence<float>({2, 4, 2});
    const ModelGradients<float> g = model.backward(copy, d);
    (void)model.forward(random_sequence<float>({3, 2, 2}), {}, tape);
    EXPECT_EQ(model.backward(copy, d).parameters.flat(), g.parameters.flat());
    EXPECT_EQ(copy.outputs().shape(), Shape3(2, 4, 2));
}

TEST(SequentialBackward, RefusesWhatDoesNotFit) {
    Sequential<float> model = every_layer<float>(true);
    Sequential<float> other({Dense<float>(2, {.units = 2})});
    ModelTape<float> tape;
    const Sequence<float> d = random_sequence<float>({2, 4, 2});
    EXPECT_THROW((void)model.backward(tape, d), std::logic_error);
    (void)model.forward(padded_inputs<float>(), {}, tape);
    EXPECT_THROW((void)other.backward(tape, d), std::logic_error);
    EXPECT_EQ(message_of<ShapeError>([&] {
                  (void)model.backward(tape, random_sequence<float>({2, 3, 2}));
              }),
              "Sequential::backward: d_outputs expected shape (2, 4, 2), received (2, 3, 2)");
    EXPECT_THROW((void)model.backward(tape, d).parameters.find("gru", "gamma"), OptionError);
    (void)model.backward(std::move(tape), d);
    EXPECT_TRUE(tape.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
    Sequential<float> custom(
        {Dense<float>(2, {.units = 2}),
         ActivationLayer<float>({.activation = Activation::custom("same", [](auto x) { return x; })})});
    EXPECT_THROW(custom.forward(padded_inputs<float>(), {}, tape), OptionError);
}

TEST(SequentialBackward, NaNInThePaddingReachesNoGradient) {
    Sequential<float> model({LayerNormalization<float>(2), BatchNormalization<float>(2),
                             Dense<float>(2, {.units = 3, .activation = "tanh", .seed = 1}),
                             Gru<float>(3, {.units = 2, .seed = 2})});
    Sequence<float> x = padded_inputs<float>();
    ModelTape<float> tape;
    const std::vector<int> lengths{4, 2};
    const Sequence<float> d = random_sequence<float>({2, 1, 2});
    (void)model.forward(x, {.lengths = lengths}, tape);
    const ModelGradients<float> expected = model.backward(tape, d);
    x.sequence(1).bottomRows(2).setConstant(std::numeric_limits<float>::quiet_NaN());
    (void)model.forward(x, {.lengths = lengths}, tape);
    const ModelGradients<float> received = model.backward(tape, d);
    EXPECT_EQ(received.parameters.flat(), expected.parameters.flat());
    EXPECT_EQ(received.inputs.matrix(), expected.inputs.matrix());
}

TEST(SequentialStates, AreResetByRowAndForgotten) {
    Sequential<float> model(
        {Gru<float>(2, {.units = 3, .return_sequences = true, .stateful = true}), Gru<float>(3, {.units = 2})});
    (void)model.predict(random_sequence<float>({2, 3, 2}));
    const Gru<float>& gru = std::get<Gru<float>>(model.layers()[0]);
    model.reset_state({1});
    EXPECT_TRUE(gru.state().row(1).isZero(0));
    EXPECT_FALSE(gru.state().row(0).isZero(0));
    model.clear_state();
    EXPECT_EQ(gru.state().rows(), 0);
}

// Masks and modes of single layers

TEST(EmbeddingInAModel, MaskOfAModelIsWhereIdsAreNotZero) {
    const Gru<float> gru(2, {.units = 3, .return_sequences = true});
    Sequence<float> ids({2, 3, 1});
    ids.matrix() << 1, 2, 0, 1, 0, 0;
    for (const bool mask_zero : {true, false}) {
        const Embedding<float> embedding({.input_dim = 3, .output_dim = 2, .mask_zero = mask_zero});
        Sequential<float> model({embedding, gru});
        Gru<float> alone = gru;
        const Sequence<float> vectors = embedding(ids);
        const Sequence<float> expected =
            mask_zero ? alone(vectors, {.lengths = {2, 1}}).sequences : alone(vectors).sequences;
        EXPECT_EQ(model.predict(ids).matrix(), expected.matrix());
        ModelTape<float> tape;
        (void)model.forward(ids, {.lengths = {3, 3}}, tape);
        EXPECT_EQ(tape.mask().is_present(),
                  mask_zero);  // without mask_zero the mask of the call ends here, as in Keras
    }
}

TEST(EmbeddingInAModel, MustBeTheFirstLayer) {
    EXPECT_EQ(message_of<ShapeError>([] {
                  Sequential<float>({Masking<float>(), Embedding<float>({.input_dim = 3, .output_dim = 2})});
              }),
              "Sequential: layer \"embedding\" expected to be the first, since it takes ids, received outputs of "
              "another layer");
    EXPECT_THROW(Sequential<float>({Embedding<float>({.input_dim = 3, .output_dim = 2}), Gru<float>(3, {.units = 1})}),
                 ShapeError);
}

TEST(BatchNormalizationInAModel, TrainingChangesNothing) {
    Sequential<double> model({BatchNormalization<double>(2)});
    const Sequence<double> x = random_sequence<double>({3, 2, 2});
    const Sequence<double> y = model.predict(x);
    EXPECT_EQ(model(x, {.training = true}).matrix(), y.matrix());
    EXPECT_EQ(model.predict(x).matrix(), y.matrix());
}

}  // namespace
}  // namespace eigengru_test
