// SPDX-License-Identifier: MIT
#include "eigengru/training/loss_call.hpp"

#include "eigengru/core/sequence.hpp"

#include "support/message_of.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace {

using namespace eigengru;

using eigengru_test::message_of;

/// A call over (2, 3, 4) with the mask 1 1 0 / 1 0 0 and weights of the batch or of every step.
template <class S>
class LossCallOf : public testing::Test {
protected:
    LossCallOf() : targets({2, 3, 4}), predictions({2, 3, 4}), of_batch(2, 1), of_steps(2, 3) {
        of_batch << S(0.5), S(2);
        of_steps << S(0.5), S(1), S(4), S(2), S(8), S(16);
    }
    detail::LossCall<S> call() const { return {targets, predictions, options}; }
    MaskView mask() const { return MaskView(mask_values, 2, 3); }

    Sequence<S> targets, predictions;
    RowMatrix<S> of_batch, of_steps;
    std::array<bool, 6> mask_values{true, true, false, true, false, false};
    LossCallOptions<S> options;
};
TYPED_TEST_SUITE(LossCallOf, eigengru_test::Scalars, );

TYPED_TEST(LossCallOf, EveryStepIsUsedWithoutAMask) {
    EXPECT_FALSE(this->call().is_masked());
    EXPECT_EQ(this->call().sum_over_used([](Index, Index) { return 1.0; }), 6.0);
}

TYPED_TEST(LossCallOf, AMaskLeavesOutSteps) {
    this->options.mask = this->mask();
    EXPECT_TRUE(this->call().is_masked());
    EXPECT_EQ(this->call().sum_over_used([](Index b, Index t) { return double(10 * b + t); }), 0.0 + 1.0 + 10.0);
}

TYPED_TEST(LossCallOf, AnIgnoredClassLeavesOutSteps) {
    Sequence<TypeParam> classes({2, 3, 1});
    classes(1, 2, 0) = 3;
    detail::LossCall<TypeParam> call{classes, this->predictions, this->options, std::int64_t{0}};
    EXPECT_TRUE(call.is_masked());
    EXPECT_FALSE(call.is_used(0, 0));
    EXPECT_TRUE(call.is_used(1, 2));
}

TYPED_TEST(LossCallOf, WeightsAreThoseOfTheBatchOrOfEveryStep) {
    EXPECT_EQ(this->call().weight(1, 2), 1.0);
    this->options.sample_weight = this->of_batch;
    EXPECT_EQ(this->call().weight(1, 2), 2.0);
    this->options.sample_weight = this->of_steps;
    EXPECT_EQ(this->call().weight(1, 2), 16.0);
}

TYPED_TEST(LossCallOf, DivisorOfTheSumIsOne) {
    this->options = {this->of_steps, this->mask()};
    EXPECT_EQ(this->call().divisor(LossReduction::sum), 1.0);
}

TYPED_TEST(LossCallOf, DivisorOverTheBatchCountsUsedSteps) {
    this->options.sample_weight = this->of_steps;
    EXPECT_EQ(this->call().divisor(LossReduction::sum_over_batch_size), 6.0);
    this->options.mask = this->mask();
    EXPECT_EQ(this->call().divisor(LossReduction::sum_over_batch_size), 3.0);
}

TYPED_TEST(LossCallOf, DivisorOfTheWeightedMeanSumsTheWeightsAsGiven) {
    EXPECT_EQ(this->call().divisor(LossReduction::mean_with_sample_weight), 6.0);
    this->options.sample_weight = this->of_steps;
    EXPECT_EQ(this->call().divisor(LossReduction::mean_with_sample_weight), 31.5);
    this->options.sample_weight = this->of_batch;
    EXPECT_EQ(this->call().divisor(LossReduction::mean_with_sample_weight), 2.5);
}

TYPED_TEST(LossCallOf, DivisorOfTheWeightedMeanWithAMaskSumsTheUsedSteps) {
    this->options = {this->of_steps, this->mask()};
    EXPECT_EQ(this->call().divisor(LossReduction::mean_with_sample_weight), 3.5);
    this->options.sample_weight = this->of_batch;
    EXPECT_EQ(this->call().divisor(LossReduction::mean_with_sample_weight), 3.0);
    this->options.sample_weight = {};
    EXPECT_EQ(this->call().divisor(LossReduction::mean_with_sample_weight), 3.0);
}

TYPED_TEST(LossCallOf, ChecksTheShapeOfTheTargets) {
    const Sequence<TypeParam> other({2, 3, 5});
    const detail::LossCall<TypeParam> call{other, this->predictions, this->options};
    EXPECT_EQ(message_of<ShapeError>([&] { call.check_shapes("f", false); }),
              "f: targets expected the shape (2, 3, 4) for predictions of shape (2, 3, 4), received (2, 3, 5)");
    EXPECT_EQ(message_of<ShapeError>([&] { call.check_shapes("f", true); }),
              "f: targets expected the shape (2, 3, 1) for predictions of shape (2, 3, 4), received (2, 3, 5)");
}

TYPED_TEST(LossCallOf, RefusesAbsentOrEmptyPredictions) {
    const detail::LossCall<TypeParam> absent{{}, {}, this->options};
    EXPECT_THROW(absent.check_shapes("f", false), ShapeError);
    const Sequence<TypeParam> empty({2, 3, 0});
    const detail::LossCall<TypeParam> call{empty, empty, this->options};
    EXPECT_EQ(message_of<ShapeError>([&] { call.check_shapes("f", false); }),
              "f: predictions expected at least 1 feature, received the shape (2, 3, 0)");
}

TYPED_TEST(LossCallOf, ChecksTheShapeOfTheWeights) {
    for (const RowMatrix<TypeParam>& weights : {RowMatrix<TypeParam>(3, 1), RowMatrix<TypeParam>(2, 2)}) {
        this->options.sample_weight = weights;
        EXPECT_EQ(message_of<ShapeError>([&] { this->call().check_shapes("f", false); }),
                  "f: sample_weight expected (2, 1) or (2, 3), received " +
                      detail::shape_text(weights.rows(), weights.cols()));
    }
    this->options.sample_weight = this->of_batch;
    EXPECT_NO_THROW(this->call().check_shapes("f", false));
}

TYPED_TEST(LossCallOf, ChecksTheShapeOfTheMask) {
    this->options.mask = MaskView(this->mask_values, 3, 2);
    EXPECT_EQ(message_of<ShapeError>([&] { this->call().check_shapes("f", false); }),
              "f: mask expected (2, 3), received (3, 2)");
}

TYPED_TEST(LossCallOf, ChecksTheClassNumbersOfUsedSteps) {
    Sequence<TypeParam> classes({2, 3, 1});
    this->options.mask = this->mask();
    const detail::LossCall<TypeParam> call{classes, this->predictions, this->options};
    classes(0, 2, 0) = std::numeric_limits<TypeParam>::quiet_NaN();  // masked
    classes(1, 0, 0) = 3;
    EXPECT_NO_THROW(call.check_classes("f"));
    for (const double wrong : {-1.0, 4.0, 0.5, std::numeric_limits<double>::quiet_NaN()}) {
        classes(1, 0, 0) = TypeParam(wrong);
        EXPECT_EQ(message_of<OptionError>([&] { call.check_classes("f"); }),
                  detail::text("f: targets expected class numbers from 0 to 3, received ", wrong,
                               " for step 0 of sequence 1"));
    }
}

}  // namespace
