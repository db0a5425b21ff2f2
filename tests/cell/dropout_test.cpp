// SPDX-License-Identifier: MIT
#include "eigengru/cell/dropout.hpp"

#include "support/message_of.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <array>

namespace {

using namespace eigengru;
using eigengru_test::message_of;

template <class S>
RowMatrix<S> drawn(Index rows, Index cols, double rate, RandomStream random = {7, 0}) {
    RowMatrix<S> mask(rows, cols);
    draw_dropout_mask(mask, rate, random);
    return mask;
}

template <class S>
DropoutMasks<S> drawn_masks(const GruOptions& options, std::uint64_t seed, std::uint64_t call) {
    DropoutMasks<S> masks;
    detail::resize_dropout_masks(masks, options, 3, 5);
    detail::draw_dropout_masks(masks, options, seed, call);
    return masks;
}

template <class S>
class DropoutMaskOf : public testing::Test {};
TYPED_TEST_SUITE(DropoutMaskOf, eigengru_test::Scalars, );

TYPED_TEST(DropoutMaskOf, HasZerosAndScaledOnes) {
    const TypeParam kept = static_cast<TypeParam>(1.0 / 0.7);
    const RowMatrix<TypeParam> mask = drawn<TypeParam>(10, 10, 0.3);
    EXPECT_TRUE((mask.array() == 0 || mask.array() == kept).all());
}

TYPED_TEST(DropoutMaskOf, DropsAtItsRate) {
    for (const double rate : {0.1, 0.5, 0.9}) {
        const RowMatrix<TypeParam> mask = drawn<TypeParam>(200, 500, rate);
        const double dropped = static_cast<double>((mask.array() == 0).count()) / 1e5;
        EXPECT_NEAR(dropped, rate, 5 * std::sqrt(rate * (1 - rate) / 1e5)) << rate;
    }
}

TYPED_TEST(DropoutMaskOf, DropsNothingAtRateZeroAndAllAtRateOne) {
    EXPECT_EQ(drawn<TypeParam>(10, 10, 0.0), RowMatrix<TypeParam>::Ones(10, 10));
    EXPECT_EQ(drawn<TypeParam>(10, 10, 1.0), RowMatrix<TypeParam>::Zero(10, 10));
}

TYPED_TEST(DropoutMaskOf, IsAFunctionOfItsStream) {
    EXPECT_EQ(drawn<TypeParam>(4, 4, 0.5, {1, 2}), drawn<TypeParam>(4, 4, 0.5, {1, 2}));
    EXPECT_NE(drawn<TypeParam>(4, 4, 0.5, {1, 2}), drawn<TypeParam>(4, 4, 0.5, {1, 3}));
    EXPECT_NE(drawn<TypeParam>(4, 4, 0.5, {1, 2}), drawn<TypeParam>(4, 4, 0.5, {2, 2}));
}

/// The first row of a mask of rate 0.5 and seed 42, which every compiler and version must give.
TYPED_TEST(DropoutMaskOf, BeginsAsEver) {
    const std::array<int, 16> expected{2, 0, 0, 0, 2, 0, 2, 0, 2, 2, 2, 2, 2, 2, 2, 0};
    const RowMatrix<TypeParam> mask = drawn<TypeParam>(1, 16, 0.5, {42, 0});
    for (Index i = 0; i < 16; ++i) EXPECT_EQ(mask(0, i), TypeParam(expected[static_cast<std::size_t>(i)])) << i;
}

TEST(DropoutMask, DropsTheSameForEveryScalarType) {
    const RowMatrix<float> a = drawn<float>(20, 20, 0.3);
    const RowMatrix<double> b = drawn<double>(20, 20, 0.3);
    EXPECT_TRUE(((a.array() == 0) == (b.array() == 0)).all());
}

TEST(DropoutMask, BeginsTheSameInEverySize) {
    EXPECT_EQ(drawn<float>(1, 8, 0.5), drawn<float>(5, 8, 0.5).row(0));
}

// The masks of a call

TEST(DropoutMasksOfACall, WithoutDropoutThereAreNone) {
    for (const double rate : {0.0, 1.0}) {
        const auto masks = drawn_masks<float>({.units = 4, .dropout = rate, .recurrent_dropout = rate}, 7, 0);
        EXPECT_TRUE(masks.input.empty() && masks.state.empty()) << rate;
    }
}

TEST(DropoutMasksOfACall, DropoutAloneHasOneForTheInputs) {
    const auto masks = drawn_masks<float>({.units = 4, .dropout = 0.5}, 7, 0);
    ASSERT_EQ(masks.input.size(), 1U);
    EXPECT_TRUE(masks.state.empty());
    EXPECT_EQ(masks.input[0].rows(), 3);
    EXPECT_EQ(masks.input[0].cols(), 5);
}

TEST(DropoutMasksOfACall, RecurrentDropoutAloneHasThreeForTheState) {
    const auto masks = drawn_masks<float>({.units = 4, .recurrent_dropout = 0.5}, 7, 0);
    EXPECT_TRUE(masks.input.empty());
    ASSERT_EQ(masks.state.size(), 3U);
    EXPECT_EQ(masks.state[2].rows(), 3);
    EXPECT_EQ(masks.state[2].cols(), 4);
}

TEST(DropoutMasksOfACall, BothHaveThreeEach) {
    const auto masks = drawn_masks<float>({.units = 4, .dropout = 0.5, .recurrent_dropout = 0.5}, 7, 0);
    EXPECT_EQ(masks.input.size(), 3U);
    EXPECT_EQ(masks.state.size(), 3U);
}

TEST(DropoutMasksOfACall, UseTheirOwnRates) {
    const auto masks = drawn_masks<double>({.units = 4, .dropout = 0.5, .recurrent_dropout = 0.75}, 7, 0);
    EXPECT_EQ(masks.input[0].maxCoeff(), 2.0);
    EXPECT_EQ(masks.state[0].maxCoeff(), 4.0);
}

TEST(DropoutMasksOfACall, AreAllDifferent) {
    GruOptions options{.units = 5, .dropout = 0.5, .recurrent_dropout = 0.5};
    std::vector<RowMatrix<float>> all;
    for (std::uint64_t call = 0; call < 3; ++call) {
        const auto masks = drawn_masks<float>(options, 7, call);
        all.insert(all.end(), masks.input.begin(), masks.input.end());
        all.insert(all.end(), masks.state.begin(), masks.state.end());
    }
    for (std::size_t i = 0; i < all.size(); ++i)
        for (std::size_t j = 0; j < i; ++j) EXPECT_NE(all[i], all[j]) << i << ' ' << j;
}

TEST(DropoutMasksOfACall, AreAFunctionOfSeedAndCall) {
    const GruOptions options{.units = 4, .dropout = 0.5};
    EXPECT_EQ(drawn_masks<float>(options, 7, 3).input, drawn_masks<float>(options, 7, 3).input);
    EXPECT_NE(drawn_masks<float>(options, 7, 3).input, drawn_masks<float>(options, 8, 3).input);
}

// The initializers of a layer draw from seed, seed + 1 and seed + 2: a mask must not repeat their bits.
TEST(DropoutMasksOfACall, HaveNothingInCommonWithTheInitializers) {
    const auto mask = drawn_masks<float>({.units = 4, .dropout = 0.5}, 7, 0).input[0];
    EXPECT_NE(mask, drawn<float>(3, 5, 0.5, {7, 0}));
}

// What a caller's own masks must look like

std::string refusal(const DropoutMasks<float>& masks) {
    return message_of<ShapeError>([&] { detail::check_dropout_masks("Gru::operator()", masks, 3, 5, 4); });
}

TEST(CheckDropoutMasks, AcceptsEveryCompleteSet) {
    const RowMatrix<float> input(3, 5), state(3, 4);
    EXPECT_EQ(refusal({}), "nothing was thrown");
    EXPECT_EQ(refusal({.input = {input}}), "nothing was thrown");
    EXPECT_EQ(refusal({.input = {input, input, input}, .state = {state, state, state}}), "nothing was thrown");
}

TEST(CheckDropoutMasks, RefusesOtherCounts) {
    const RowMatrix<float> input(3, 5), state(3, 4);
    EXPECT_EQ(refusal({.input = {input, input}}),
              "Gru::operator(): dropout_masks.input expected 0, 1 or 3 masks, received 2");
    EXPECT_EQ(refusal({.input = {input, input, input, input}}),
              "Gru::operator(): dropout_masks.input expected 0, 1 or 3 masks, received 4");
    EXPECT_EQ(refusal({.state = {state, state}}),
              "Gru::operator(): dropout_masks.state expected 0 or 3 masks, received 2");
}

TEST(CheckDropoutMasks, RefusesOtherShapes) {
    const RowMatrix<float> input(3, 5), state(3, 4);
    EXPECT_EQ(refusal({.input = {state}}),
              "Gru::operator(): dropout_masks.input expected shape (3, 5), received (3, 4)");
    EXPECT_EQ(refusal({.state = {state, input, state}}),
              "Gru::operator(): dropout_masks.state expected shape (3, 4), received (3, 5)");
}

}  // namespace
