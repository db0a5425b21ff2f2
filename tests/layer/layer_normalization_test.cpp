// SPDX-License-Identifier: MIT
#include "eigengru/layer/layer_normalization.hpp"

#include "support/allocation_counter.hpp"
#include "support/message_of.hpp"
#include "support/modes.hpp"
#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;

// The numbers of every combination, with gradients, are compared with Keras's in layers_golden_test.cpp.

template <class S>
class LayerNormalizationOf : public testing::Test {};
TYPED_TEST_SUITE(LayerNormalizationOf, Scalars, );

TYPED_TEST(LayerNormalizationOf, RowsHaveMeanZeroAndVarianceOne) {
    using S = TypeParam;
    const LayerNormalization<S> norm(16, {.epsilon = 0});
    const Sequence<S> y = norm(random_sequence<S>({2, 3, 16}));
    for (Index i = 0; i < 6; ++i) {
        EXPECT_NEAR(y.matrix().row(i).mean(), S(0), S(1e-6));
        EXPECT_NEAR(y.matrix().row(i).squaredNorm() / 16, S(1), S(1e-5));
    }
}

TYPED_TEST(LayerNormalizationOf, MayWriteOverItsInputs) {
    using S = TypeParam;
    LayerNormalization<S> norm(5);
    norm.update_parameters([](auto& p) { p.flat().setRandom(); });
    Sequence<S> x = random_sequence<S>({2, 3, 5});
    const Sequence<S> y = norm(x);
    norm.call(std::as_const(x).view(), x);
    EXPECT_EQ(x.matrix(), y.matrix());
}

TEST(LayerNormalization, HasTheWeightsThatItsOptionsSay) {
    EXPECT_EQ(LayerNormalization<float>(5).count_params(), 10);
    const LayerNormalization<float> gamma_alone(5, {.center = false}), beta_alone(5, {.scale = false});
    EXPECT_EQ(gamma_alone.parameters().entry(0).name, "gamma");
    EXPECT_EQ(beta_alone.parameters().entry(0).name, "beta");
    EXPECT_EQ(LayerNormalization<float>(5, {.center = false, .scale = false}).count_params(), 0);
    EXPECT_EQ(LayerNormalization<float>(5, {.rms_scaling = true}).count_params(), 5);
}

TEST(LayerNormalization, RegularizersAndConstraintsAreOfEachWeight) {
    LayerNormalization<double> norm(2, {.beta_regularizer = Regularizer::l1(0.5), .gamma_constraint = "non_neg"});
    norm.set_weights({RowMatrix<double>{{-1, 2}}, RowMatrix<double>{{3}, {-4}}});
    norm.apply_constraints();
    EXPECT_EQ(norm.parameters().find("gamma"), (RowMatrix<double>{{0, 2}}));
    EXPECT_EQ(norm.losses().total(), 3.5);
    InputTape<double> tape;
    (void)norm.forward(random_sequence<double>({1, 1, 2}), tape);
    const auto g = norm.backward(tape, Sequence<double>({1, 1, 2}));
    EXPECT_EQ(g.parameters.find("beta"), (RowMatrix<double>{{0.5, -0.5}}));
}

TEST(LayerNormalization, RefusesWhatDoesNotFit) {
    EXPECT_EQ(message_of<OptionError>([] { LayerNormalization<float>(2, {.epsilon = -1}); }),
              "LayerNormalization: epsilon expected a finite number of at least 0, received -1");
    EXPECT_THROW(LayerNormalization<float>(0), ShapeError);
    EXPECT_EQ(message_of<OptionError>([] {
                  LayerNormalization<float>(2, {.gamma_initializer = "orthogonal"});
              }).substr(0, 37),
              "LayerNormalization: gamma_initializer");
    LayerNormalization<float> norm(2);
    EXPECT_EQ(message_of<ShapeError>([&] {
                  (void)norm(Sequence<float>({1, 1, 3}));
              }),
              "LayerNormalization::operator(): inputs have 3 features, the layer was built for 2");
    EXPECT_EQ(message_of<ShapeError>([&] { norm.set_weights({RowMatrix<float>::Zero(1, 2).eval()}); }),
              "LayerNormalization::set_weights: expected 2 weights, received 1");
    InputTape<float> tape;
    EXPECT_THROW((void)norm.backward(tape, Sequence<float>({1, 1, 2})), std::logic_error);
    (void)norm.forward(Sequence<float>({1, 1, 2}), tape);
    EXPECT_EQ(message_of<ShapeError>([&] {
                  (void)norm.backward(tape, Sequence<float>({1, 2, 2}));
              }),
              "LayerNormalization::backward: d_outputs expected shape (1, 1, 2), received (1, 2, 2)");
}

TEST(LayerNormalization, AllocatesNothingTheSecondTime) {
    if (!kAllocationCounterWorks) GTEST_SKIP() << "allocations cannot be counted in this build";
    const LayerNormalization<float> norm(5);
    const Sequence<float> x = random_sequence<float>({2, 3, 5});
    Sequence<float> y(x.shape());
    InputTape<float> tape;
    NamedGradients<float> g;
    for (int i = 0; i < 2; ++i) {
        const AllocationCount count;
        norm.forward(x, tape, y);
        norm.backward(tape, x, g);
        if (i == 1) {
            EXPECT_EQ(count.count(), 0U);
        }
    }
}

}  // namespace
}  // namespace eigengru_test
