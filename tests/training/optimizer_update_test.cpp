// SPDX-License-Identifier: MIT
#include "eigengru/training/optimizer_update.hpp"

#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace {

using namespace eigengru;

/// One weight with three slots, moved by hand.
template <class S>
class UpdateOf : public testing::Test {
protected:
    using Slots = std::array<S*, detail::kMostSlots>;

    template <class R>
    void move(const R& recipe, double learning_rate, std::int64_t t = 1) {
        const auto rule = detail::update_rule<S>(recipe, learning_rate, t);
        rule(detail::UpdateBlock<S>{&w, &g, {&slots[0], &slots[1], &slots[2]}, 1});
    }
    static void expect_near(S actual, double expected) {
        EXPECT_NEAR(static_cast<double>(actual), expected, 4 * std::numeric_limits<S>::epsilon() * std::abs(expected));
    }

    S w = 2, g = 3;
    std::array<S, 3> slots{S(0.5), S(0.25), S(0.125)};
};
TYPED_TEST_SUITE(UpdateOf, eigengru_test::Scalars, );

TYPED_TEST(UpdateOf, SgdMovesAlongTheGradient) {
    this->move(SGD{}, 0.1);
    this->expect_near(this->w, 1.7);
    EXPECT_EQ(this->slots[0], TypeParam(0.5));
}

TYPED_TEST(UpdateOf, SgdMovesByItsMomentum) {
    this->move(SGD{.momentum = 0.5}, 0.125);
    this->expect_near(this->slots[0], 0.25 - 0.375);
    this->expect_near(this->w, 2 - 0.125);
}

TYPED_TEST(UpdateOf, SgdLooksAhead) {
    this->move(SGD{.momentum = 0.5, .nesterov = true}, 0.1);
    this->expect_near(this->w, 2 - 0.025 - 0.3);
}

TYPED_TEST(UpdateOf, RmspropDividesByTheRoot) {
    this->move(RMSprop{.rho = 0.5, .epsilon = 0.25}, 0.1);
    this->expect_near(this->slots[0], 4.75);
    this->expect_near(this->w, 2 - 0.3 / std::sqrt(5.0));
}

TYPED_TEST(UpdateOf, RmspropKeepsMomentumBeforeTheAverage) {
    this->move(RMSprop{.rho = 0.5, .momentum = 0.5, .epsilon = 0.25, .centered = true}, 0.1);
    const double average = 0.0625 + 1.5, increment = 0.3 / std::sqrt(5.0 - average * average);
    this->expect_near(this->slots[2], average);
    this->expect_near(this->slots[1], 0.125 + increment);
    this->expect_near(this->w, 2 - 0.125 - increment);
}

TYPED_TEST(UpdateOf, RmspropCenteredWithoutMomentumHasTwoSlots) {
    this->move(RMSprop{.rho = 0.5, .epsilon = 0.25, .centered = true}, 0.1);
    this->expect_near(this->slots[1], 0.125 + 1.5);
    EXPECT_EQ(this->slots[2], TypeParam(0.125));
}

TYPED_TEST(UpdateOf, AdamCorrectsItsBias) {
    this->move(Adam{.beta_1 = 0.5, .beta_2 = 0.75, .epsilon = 0.25}, 0.1, 2);
    const double m = 1.75, v = 0.25 + 0.25 * 8.75;
    this->expect_near(this->slots[0], m);
    this->expect_near(this->slots[1], v);
    const double rate = 0.1 * std::sqrt(1 - 0.5625) / (1 - 0.25);
    this->expect_near(this->w, 2 - rate * m / (std::sqrt(v) + 0.25));
}

TYPED_TEST(UpdateOf, AmsgradKeepsTheLargest) {
    this->slots[2] = 100;
    this->move(AdamW{.beta_1 = 0.5, .beta_2 = 0.75, .epsilon = 0, .amsgrad = true}, 0.1, 1);
    EXPECT_EQ(this->slots[2], TypeParam(100));
    this->expect_near(this->w, 2 - 0.1 * 0.5 / 0.5 * 1.75 / 10);
    this->slots[2] = 0;
    this->move(Adam{.amsgrad = true}, 0.1);
    EXPECT_EQ(this->slots[2], this->slots[1]);
}

// update_weight: blocks, strides, decay and clipping

/// A weight of some rows and columns, its rows `stride` apart, after one step of RMSprop; flat, without the gaps.
template <class S>
std::vector<S> updated(Index rows, Index cols, Index stride, const detail::Clipping& clipping, double decay) {
    std::vector<S> weights(static_cast<std::size_t>(rows * stride), S(-5)), gradient, slot, flat;
    for (Index i = 0; i < rows * cols; ++i) {
        const double x = static_cast<double>(i);
        weights[static_cast<std::size_t>(i / cols * stride + i % cols)] = static_cast<S>(std::sin(x));
        gradient.push_back(static_cast<S>(std::cos(3 * x)));
        slot.push_back(static_cast<S>(1 + std::sin(5 * x)));
    }
    const std::vector<S> gradient_before = gradient;
    const auto rule = detail::update_rule<S>(RMSprop{}, 0.01, 1);
    const MatrixMap<S> map(weights.data(), rows, cols, Eigen::OuterStride<>(stride));
    detail::update_weight<S>(map, {gradient.data(), rows * cols}, {slot.data(), nullptr, nullptr},
                             detail::GradientClip<S>(clipping, 0.0), static_cast<S>(decay), rule);
    EXPECT_EQ(gradient, gradient_before);
    for (Index r = 0; r < rows; ++r) {
        flat.insert(flat.end(), map.row(r).begin(), map.row(r).end());
        for (Index gap = cols; gap < stride; ++gap)
            EXPECT_EQ(weights[static_cast<std::size_t>(r * stride + gap)], S(-5));
    }
    return flat;
}

TYPED_TEST(UpdateOf, RowsApartAndAdjacentOnesAreMovedAlike) {
    const auto adjacent = updated<TypeParam>(3, 700, 700, {}, 0.0);
    const auto apart = updated<TypeParam>(3, 700, 703, {}, 0.0);
    ASSERT_EQ(apart.size(), adjacent.size());
    for (std::size_t i = 0; i < apart.size(); ++i) this->expect_near(apart[i], static_cast<double>(adjacent[i]));
}

TYPED_TEST(UpdateOf, EveryBlockIsClippedAndDecays) {
    const auto weights = updated<TypeParam>(1, 1300, 1300, {.clipvalue = 0.5}, 0.125);
    for (const std::size_t i : {0U, 1U, 511U, 512U, 1023U, 1024U, 1299U}) {
        const double x = static_cast<double>(i);
        const double gradient = std::clamp(std::cos(3 * x), -0.5, 0.5);
        const double v = 0.9 * (1 + std::sin(5 * x)) + 0.1 * gradient * gradient;
        const double expected = std::sin(x) * 0.875 - 0.01 * gradient / std::sqrt(v + 1e-7);
        EXPECT_NEAR(static_cast<double>(weights[i]), expected, 16 * std::numeric_limits<TypeParam>::epsilon()) << i;
    }
}

TYPED_TEST(UpdateOf, ClipnormIsThatOfTheWholeWeight) {
    const auto once = updated<TypeParam>(1, 1300, 1300, {.clipnorm = 1e9}, 0.0);
    EXPECT_EQ(once, (updated<TypeParam>(1, 1300, 1300, {}, 0.0)));
    const auto clipped = updated<TypeParam>(2, 650, 650, {.clipnorm = 1}, 0.0);
    double sum = 0;
    for (int i = 0; i < 1300; ++i) sum += std::cos(3.0 * i) * std::cos(3.0 * i);
    const double gradient = std::cos(3.0 * 1299) / std::sqrt(sum);
    const double v = 0.9 * (1 + std::sin(5.0 * 1299)) + 0.1 * gradient * gradient;
    EXPECT_NEAR(static_cast<double>(clipped[1299]), std::sin(1299.0) - 0.01 * gradient / std::sqrt(v + 1e-7), 1e-6);
}

TYPED_TEST(UpdateOf, AnEmptyWeightIsNothing) {
    EXPECT_TRUE((updated<TypeParam>(0, 4, 4, {}, 0.5).empty()));
}

}  // namespace
