// SPDX-License-Identifier: MIT
#include "eigengru/training/train_step.hpp"

#include "support/message_of.hpp"
#include "support/modes.hpp"
#include "training/trainer_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;
using namespace eigengru_test;

template <class S>
class TrainStepOf : public testing::Test {
protected:
    SmallData<S> data{3, 4};
    Sequential<S> model = small_model<S>({.stateful = true, .dropout = 0.3});
    detail::TrainStep<S> step{model, "mse", SGD{.learning_rate = 0.0}};
    detail::BatchMemory<S> memory;
};
TYPED_TEST_SUITE(TrainStepOf, eigengru_test::Scalars, );

TYPED_TEST(TrainStepOf, KnowsTheLargestNormOfTheGradients) {
    using S = TypeParam;
    const DataSet<S> batch{this->data.x, this->data.y};
    double largest = 0.0;
    for (int i = 0; i < 4; ++i) {
        (void)this->step.update(batch, this->memory, {"here"});
        const double norm = global_norm(this->model, std::as_const(this->memory.gradients.parameters).flat());
        largest = std::max(largest, norm);
        EXPECT_EQ(this->step.largest_norm(), largest);
    }
    EXPECT_GT(largest, 0.0);
}

TYPED_TEST(TrainStepOf, RefusedTargetsLeaveStatesAndCountersAsTheyWere) {
    using S = TypeParam;
    const SmallData<S> other(3, 5);
    (void)this->step.update({this->data.x, this->data.y}, this->memory, {"here"});
    const RowMatrix<S> state = state_of(this->model);
    EXPECT_THROW((void)this->step.update({this->data.x, other.y}, this->memory, {"here"}), ShapeError);
    EXPECT_EQ(state_of(this->model), state);
    EXPECT_EQ(std::get<Dropout<S>>(this->model.layer(1)).dropout_calls(), 1U);
    EXPECT_EQ(this->step.optimizer().iterations(), 1);
}

TYPED_TEST(TrainStepOf, EvaluatesOutsideOfTraining) {
    using S = TypeParam;
    const double a = this->step.evaluate({this->data.x, this->data.y}, this->memory);
    this->model.reset_state();
    EXPECT_EQ(this->step.evaluate({this->data.x, this->data.y}, this->memory), a);
    this->model.reset_state();
    const Loss loss = "mse";
    const S expected = loss.value(this->data.y, this->model.predict(this->data.x)) + this->model.regularization_loss();
    EXPECT_NEAR(a, static_cast<double>(expected), 1e-6);
    EXPECT_EQ(this->step.optimizer().iterations(), 0);
}

TYPED_TEST(TrainStepOf, RefusesAReductionToMoreThanOneNumber) {
    detail::TrainStep<TypeParam> unreduced(this->model, Loss::mean_squared_error({.reduction = "none"}), SGD{});
    EXPECT_THROW((void)unreduced.update({this->data.x, this->data.y}, this->memory, {"here"}), OptionError);
}

TEST(StepPlace, CountsFromOne) {
    EXPECT_EQ((detail::StepPlace{"Trainer::fit", 2, 10, 0, 32}.to_string()),
              "Trainer::fit: epoch 3 of 10, batch 1 of 32: ");
    EXPECT_EQ(detail::StepPlace{"here"}.to_string(), "here: ");
}

}  // namespace
