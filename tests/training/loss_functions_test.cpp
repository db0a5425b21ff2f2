// SPDX-License-Identifier: MIT
#include "eigengru/training/loss_functions.hpp"

#include "support/modes.hpp"
#include "support/numbers.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace {

using namespace eigengru;
using detail::ClassTargets;
using detail::LossRow;
using detail::LossRowGradient;
using detail::OneClassTarget;
using eigengru_test::kInfinity;
using eigengru_test::kNan;

/// A row of targets and predictions with the gradient that a loss writes, of scalar S.
template <class S>
class LossRowOf : public testing::Test {
protected:
    void set(std::vector<double> y, std::vector<double> p) {
        targets.assign(y.begin(), y.end());
        predictions.assign(p.begin(), p.end());
        gradient.assign(p.size(), S(0));
    }
    LossRow<S> row() const { return {targets.data(), predictions.data(), Index(predictions.size())}; }
    LossRowGradient<S> d(double scale = 1.0) { return {gradient.data(), scale}; }

    static double tolerance() { return 8 * static_cast<double>(std::numeric_limits<S>::epsilon()); }
    static void expect_near(double actual, double expected) {
        EXPECT_NEAR(actual, expected, tolerance() * std::max(1.0, std::abs(expected)));
    }
    void expect_gradient(std::vector<double> expected) const {
        ASSERT_EQ(gradient.size(), expected.size());
        for (std::size_t i = 0; i < expected.size(); ++i) expect_near(static_cast<double>(gradient[i]), expected[i]);
    }

    std::vector<S> targets, predictions, gradient;
};
TYPED_TEST_SUITE(LossRowOf, eigengru_test::Scalars, );

// Written out by hand

TYPED_TEST(LossRowOf, SquaredError) {
    this->set({1, -2}, {1.5, -4});
    this->expect_near(detail::squared_error(this->row()), (0.25 + 4.0) / 2);
    detail::squared_error_gradient(this->row(), this->d());
    this->expect_gradient({0.5, -2});
}

TYPED_TEST(LossRowOf, AbsoluteErrorHasGradientZeroWhereBothAreEqual) {
    this->set({1, -2, 3}, {1.5, -4, 3});
    this->expect_near(detail::absolute_error(this->row()), 2.5 / 3);
    detail::absolute_error_gradient(this->row(), this->d(3));
    this->expect_gradient({1, -1, 0});
}

TYPED_TEST(LossRowOf, HuberIsSquaredInsideAndLinearBeyondDelta) {
    this->set({0, 0, 0}, {0.5, -3, 2});
    this->expect_near(detail::huber(this->row(), 2.0), (0.125 + (6 - 2) + 2) / 3);
    detail::huber_gradient(this->row(), 2.0, this->d(3));
    this->expect_gradient({0.5, -2, 2});
}

TYPED_TEST(LossRowOf, BinaryCrossentropySmoothsItsTargets) {
    this->set({1, 0}, {0.75, 0.25});
    this->expect_near(detail::binary_crossentropy(this->row(), 0.0), -std::log(0.75));
    this->expect_near(detail::binary_crossentropy(this->row(), 0.2), -0.9 * std::log(0.75) - 0.1 * std::log(0.25));
    detail::binary_crossentropy_gradient(this->row(), 0.2, this->d());
    this->expect_gradient({-0.15 / 0.1875 / 2, 0.15 / 0.1875 / 2});
}

TYPED_TEST(LossRowOf, BinaryCrossentropyClipsItsProbabilities) {
    this->set({1, 0}, {0, 1});
    const double almost_one = 1 - 1e-7;
    this->expect_near(detail::binary_crossentropy(this->row(), 0.0), -(std::log(1e-7) + std::log(1 - almost_one)) / 2);
    detail::binary_crossentropy_gradient(this->row(), 0.0, this->d());
    this->expect_gradient({0, 0});
}

TYPED_TEST(LossRowOf, BinaryCrossentropyOfLogitsIsThatOfTheirProbabilities) {
    this->set({1, 0.25}, {0.5, -1.5});
    const double p = 1 / (1 + std::exp(-0.5)), q = 1 / (1 + std::exp(1.5));
    const double expected = -std::log(p) - 0.25 * std::log(q) - 0.75 * std::log(1 - q);
    this->expect_near(detail::binary_crossentropy_of_logits(this->row(), 0.0), expected / 2);
    detail::binary_crossentropy_of_logits_gradient(this->row(), 0.0, this->d(2));
    this->expect_gradient({p - 1, q - 0.25});
}

TYPED_TEST(LossRowOf, BinaryCrossentropyOfLogitsIsStable) {
    const double large = static_cast<double>(std::numeric_limits<TypeParam>::max()) / 4;
    this->set({1, 0, 0, 1}, {large, -large, large, -large});
    this->expect_near(detail::binary_crossentropy_of_logits(this->row(), 0.0) / large, 0.5);
    detail::binary_crossentropy_of_logits_gradient(this->row(), 0.0, this->d(4));
    this->expect_gradient({0, 0, 1, -1});
}

TYPED_TEST(LossRowOf, BinaryCrossentropyOfInfiniteLogitsThatAreRightIsZero) {
    this->set({1, 0}, {kInfinity, -kInfinity});
    EXPECT_EQ(detail::binary_crossentropy_of_logits(this->row(), 0.0), 0.0);
    detail::binary_crossentropy_of_logits_gradient(this->row(), 0.0, this->d());
    this->expect_gradient({0, 0});
}

TYPED_TEST(LossRowOf, ClassCrossentropyRenormalises) {
    this->set({0, 1}, {0.5, 1.5});
    const auto row = this->row();
    const ClassTargets<TypeParam> y{row, 0.0};
    this->expect_near(detail::class_crossentropy(this->row(), y), -std::log(0.75));
    detail::class_crossentropy_gradient(this->row(), y, this->d());
    this->expect_gradient({0.5, -1 / 1.5 + 0.5});
}

TYPED_TEST(LossRowOf, ClassCrossentropyClipsAfterTheRenormalisation) {
    this->set({0, 1}, {4, 0});
    const auto row = this->row();
    const ClassTargets<TypeParam> y{row, 0.0};
    this->expect_near(detail::class_crossentropy(this->row(), y), -std::log(1e-7));
    detail::class_crossentropy_gradient(this->row(), y, this->d());
    this->expect_gradient({0, 0});
}

TYPED_TEST(LossRowOf, ClassTargetsAreSmoothedTowardsAllClasses) {
    this->set({0, 1, 0, 0}, {1, 1, 1, 1});
    const LossRow<TypeParam> row = this->row();
    const ClassTargets<TypeParam> y{row, 0.2};
    this->expect_near(y(0), 0.05);
    this->expect_near(y(1), 0.85);
}

TYPED_TEST(LossRowOf, ClassCrossentropyOfLogitsIsThatOfTheSoftmax) {
    this->set({0, 1}, {std::log(1.0), std::log(3.0)});
    const auto row = this->row();
    const ClassTargets<TypeParam> y{row, 0.0};
    this->expect_near(detail::class_crossentropy_of_logits(this->row(), y), -std::log(0.75));
    detail::class_crossentropy_of_logits_gradient(this->row(), y, this->d());
    this->expect_gradient({0.25, -0.25});
}

TYPED_TEST(LossRowOf, ClassCrossentropyOfLogitsKeepsTheSumOfTheTargets) {
    this->set({2, 1}, {0, 0});
    const auto row = this->row();
    detail::class_crossentropy_of_logits_gradient(row, ClassTargets<TypeParam>{row, 0.0}, this->d());
    this->expect_gradient({1.5 - 2, 1.5 - 1});
}

TYPED_TEST(LossRowOf, ClassCrossentropyOfLogitsIsStable) {
    const double large = static_cast<double>(std::numeric_limits<TypeParam>::max()) / 4;
    this->set({1}, {large, -large, -large});
    EXPECT_EQ(detail::class_crossentropy_of_logits(this->row(), OneClassTarget{0}), 0.0);
    this->expect_near(detail::class_crossentropy_of_logits(this->row(), OneClassTarget{2}) / large, 2.0);
    detail::class_crossentropy_of_logits_gradient(this->row(), OneClassTarget{2}, this->d());
    this->expect_gradient({1, 0, -1});
}

TYPED_TEST(LossRowOf, ClassCrossentropyAllowsAnInfiniteLogitOfAnotherClass) {
    this->set({0}, {1, -kInfinity});
    EXPECT_EQ(detail::class_crossentropy_of_logits(this->row(), OneClassTarget{0}), 0.0);
    detail::class_crossentropy_of_logits_gradient(this->row(), OneClassTarget{0}, this->d());
    this->expect_gradient({0, 0});
}

// NaN is never hidden

template <class S>
void expect_nan(double loss, const std::vector<S>& gradient) {
    EXPECT_TRUE(std::isnan(loss));
    EXPECT_TRUE(std::isnan(gradient[0])) << gradient[0];
}

TYPED_TEST(LossRowOf, NotANumberReachesLossAndGradient) {
    this->set({1, 0}, {kNan, 0.5});
    const auto row = this->row();
    const ClassTargets<TypeParam> y{row, 0.0};
    detail::squared_error_gradient(row, this->d());
    expect_nan(detail::squared_error(row), this->gradient);
    detail::absolute_error_gradient(row, this->d());
    expect_nan(detail::absolute_error(row), this->gradient);
    detail::huber_gradient(row, 1.0, this->d());
    expect_nan(detail::huber(row, 1.0), this->gradient);
    detail::binary_crossentropy_gradient(row, 0.0, this->d());
    expect_nan(detail::binary_crossentropy(row, 0.0), this->gradient);
    detail::binary_crossentropy_of_logits_gradient(row, 0.0, this->d());
    expect_nan(detail::binary_crossentropy_of_logits(row, 0.0), this->gradient);
    detail::class_crossentropy_gradient(row, y, this->d());
    expect_nan(detail::class_crossentropy(row, y), this->gradient);
    detail::class_crossentropy_of_logits_gradient(row, y, this->d());
    expect_nan(detail::class_crossentropy_of_logits(row, y), this->gradient);
}

TYPED_TEST(LossRowOf, NotANumberOfAnotherClassReachesTheLoss) {
    this->set({1}, {kNan, 0.5});
    EXPECT_TRUE(std::isnan(detail::class_crossentropy(this->row(), OneClassTarget{1})));
    EXPECT_TRUE(std::isnan(detail::class_crossentropy_of_logits(this->row(), OneClassTarget{1})));
}

}  // namespace
