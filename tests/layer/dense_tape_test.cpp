// SPDX-License-Identifier: MIT
#include "eigengru/layer/dense_tape.hpp"

#include "eigengru/layer/dense.hpp"
#include "support/allocation_counter.hpp"
#include "support/message_of.hpp"
#include "support/modes.hpp"
#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;

template <class S>
class DenseTraining : public testing::Test {};
TYPED_TEST_SUITE(DenseTraining, Scalars, );

TYPED_TEST(DenseTraining, ForwardIsTheCall) {
    using S = TypeParam;
    const Dense<S> dense(3, {.units = 2, .activation = "softmax"});
    const Sequence<S> x = random_sequence<S>({2, 4, 3});
    DenseTape<S> tape;
    EXPECT_TRUE(tape.empty());
    dense.forward(x, tape);
    EXPECT_FALSE(tape.empty());
    EXPECT_LE((tape.outputs().matrix() - dense(x.view()).matrix()).cwiseAbs().maxCoeff(), S(1e-6));
    EXPECT_EQ(tape.inputs().matrix(), x.matrix());
    EXPECT_EQ(tape.linear().shape(), Shape3(2, 4, 2));
    tape.clear();
    EXPECT_TRUE(tape.empty());
}

/// sum(outputs . coefficients) and all regularization losses, as a function of one weight or input.
struct Loss {
    Dense<double> dense;
    Sequence<double> inputs, coefficients;

    double operator()() const {
        DenseTape<double> tape;
        dense.forward(inputs, tape);
        return tape.outputs().matrix().cwiseProduct(coefficients.matrix()).sum() + dense.losses().total() +
               dense.activity_loss(tape);
    }

    double slope(double& value) const {
        const double before = value, step = 1e-6;
        value = before + step;
        const double above = (*this)();
        value = before - step;
        const double below = (*this)();
        value = before;
        return (above - below) / (2 * step);
    }
};

void expect_gradients(const DenseOptions& options) {
    Loss loss{Dense<double>(3, options), random_sequence<double>({2, 3, 3}),
              random_sequence<double>({2, 3, options.units})};
    loss.dense.update_parameters([](auto& p) { p.flat().setRandom(); });
    DenseTape<double> tape;
    loss.dense.forward(loss.inputs, tape);
    const DenseGradients<double> g = loss.dense.backward(tape, loss.coefficients);
    loss.dense.update_parameters([&](auto& p) {
        for (Index i = 0; i < p.size(); ++i) EXPECT_NEAR(g.parameters.flat()[i], loss.slope(p.flat()[i]), 1e-7) << i;
    });
    for (Index i = 0; i < loss.inputs.size(); ++i)
        EXPECT_NEAR(g.inputs.data()[i], loss.slope(loss.inputs.data()[i]), 1e-7) << i;
}

TEST(DenseBackward, IsTheSlopeOfTheLoss) {
    expect_gradients({.units = 4});
    expect_gradients({.units = 4, .activation = "softmax", .use_bias = false});
    expect_gradients({.units = 2,
                      .activation = "gelu",
                      .kernel_regularizer = "l2",
                      .bias_regularizer = Regularizer::l1_l2({.l1 = 0.1, .l2 = 0.2}),
                      .activity_regularizer = "l2"});
}

TEST(DenseBackward, LeavesTheRegularizersOfAFrozenLayerOut) {
    Dense<double> dense(2, {.units = 1, .kernel_regularizer = "l2", .trainable = false});
    DenseTape<double> tape;
    dense.forward(random_sequence<double>({1, 1, 2}), tape);
    const Sequence<double> zeros({1, 1, 1});
    EXPECT_TRUE(dense.backward(tape, zeros).parameters.flat().isZero(0));
    EXPECT_EQ(dense.losses().total(), 0.0);
}

TEST(DenseBackward, AllocatesNothingTheSecondTime) {
    if (!kAllocationCounterWorks) GTEST_SKIP() << "allocations cannot be counted in this build";
    Dense<float> dense(70, {.units = 90, .activation = "relu"});
    const Sequence<float> x = random_sequence<float>({8, 20, 70}), d = random_sequence<float>({8, 20, 90});
    DenseTape<float> tape;
    DenseGradients<float> g;
    for (int i = 0; i < 2; ++i) {
        const AllocationCount count;
        dense.forward(x, tape);
        dense.backward(tape, d, g);
        if (i == 1) {
            EXPECT_EQ(count.count(), 0U);
        }
    }
}

TEST(DenseBackward, RefusesWhatDoesNotFit) {
    Dense<float> dense(2, {.units = 3}), other(3, {.units = 3});
    DenseTape<float> tape;
    const Sequence<float> d = random_sequence<float>({1, 1, 3});
    EXPECT_THROW((void)dense.backward(tape, d), std::logic_error);
    EXPECT_THROW(dense.forward(random_sequence<float>({1, 1, 3}), tape), ShapeError);
    dense.forward(random_sequence<float>({1, 1, 2}), tape);
    EXPECT_THROW((void)other.backward(tape, d), std::logic_error);
    EXPECT_EQ(message_of<ShapeError>([&] {
                  (void)dense.backward(tape, random_sequence<float>({1, 1, 2}));
              }),
              "Dense::backward: d_outputs expected shape (1, 1, 3), received (1, 1, 2)");
    const Dense<float> custom(2, {.units = 1, .activation = Activation::custom("same", [](auto x) { return x; })});
    EXPECT_THROW(custom.forward(random_sequence<float>({1, 1, 2}), tape), OptionError);
}

TEST(DenseTraining, ConstraintsAndVariablesFollowTheOptions) {
    Dense<float> dense(2, {.units = 1, .kernel_constraint = "non_neg", .name = "head"});
    dense.update_parameters([](auto& p) { p.flat().setConstant(-1.0f); });
    dense.apply_constraints();
    EXPECT_TRUE(dense.kernel().isZero(0));
    EXPECT_EQ(dense.bias()(0, 0), -1.0f);
    std::string names;
    dense.update_variables([&](const Variable<float>& v) {
        names += std::string(v.layer) + "/" + std::string(v.name) + (v.is_trainable ? " " : "! ");
    });
    EXPECT_EQ(names, "head/kernel head/bias ");
}

}  // namespace
}  // namespace eigengru_test
