// SPDX-License-Identifier: MIT
#include "eigengru/training/optimizer.hpp"

#include "support/allocation_counter.hpp"
#include "training/mock_model.hpp"

#include "support/message_of.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace {

using namespace eigengru;
using eigengru_test::MockModel;

using eigengru_test::message_of;

template <class S>
class OptimizerOf : public testing::Test {
protected:
    using Vector = Eigen::Matrix<S, Eigen::Dynamic, 1>;

    /// The weights of the mock model after four steps down its bowl.
    static Vector trained(Optimizer<S> optimizer) {
        MockModel<S> model;
        for (int i = 0; i < 4; ++i) optimizer.step(model, model.gradients());
        EXPECT_EQ(model.between_rows(), S(77));
        EXPECT_EQ(model.constraints_applied, 4);
        return model.weights();
    }

    /// The recipes have numbers that a float holds exactly, since Keras rounds some of them to float32.
    static void expect_near(const Vector& actual, const std::array<double, 9>& expected) {
        const double tolerance = std::is_same_v<S, float> ? 1e-5 : 1e-12;
        for (Index i = 0; i < 9; ++i)
            EXPECT_NEAR(static_cast<double>(actual(i)), expected[static_cast<std::size_t>(i)], tolerance) << i;
    }

    MockModel<S> model;
};
TYPED_TEST_SUITE(OptimizerOf, eigengru_test::Scalars, );

// Four steps of Keras 3.15.1 (TensorFlow, float64):
//
//     k = keras.Variable(np.array([[0.5, -1.0, 2.0], [0.25, 3.0, -0.75]]), dtype="float64")
//     b = keras.Variable(np.array([0.1, -0.2, 0.3]), dtype="float64")
//     optimizer.build([k, b])
//     for i in range(4):
//         gk = np.array([[1.0, -2.0, 0.5], [4.0, 0.25, -1.0]]) * (k.numpy() - 0.5)
//         gb = 3.0 * (b.numpy() + 1.0)
//         optimizer.apply([keras.ops.convert_to_tensor(gk), keras.ops.convert_to_tensor(gb)], [k, b])

TYPED_TEST(OptimizerOf, PlainSgdIsThatOfKeras) {
    const Optimizer<TypeParam> optimizer = SGD{.learning_rate = 0.0078125};
    this->expect_near(this->trained(optimizer),
                      {0.5, -1.09597024321556, 1.97669947182294, 0.279815435409546, 2.98052589598956,
                       -0.789522652514279, 0.000444171950221062, -0.272404238581657, 0.182343112304807});
}

TYPED_TEST(OptimizerOf, SgdWithMomentumIsThatOfKeras) {
    const Optimizer<TypeParam> optimizer = SGD{.learning_rate = 0.125, .momentum = 0.875};
    this->expect_near(this->trained(optimizer), {0.5, -5.740966796875, 1.24951934814453, 0.697998046875,
                                                 2.34302568435669, -2.41015625, -1.8078125, -1.5875, -1.9546875});
}

TYPED_TEST(OptimizerOf, SgdWithNesterovAndDecayIsThatOfKeras) {
    const Optimizer<TypeParam> optimizer =
        SGD{.learning_rate = 0.125, .momentum = 0.875, .nesterov = true, .weight_decay = 0.0078125};
    this->expect_near(this->trained(optimizer),
                      {0.498793645507703, -9.33399634006582, 1.07578778060815, 0.54787668350059, 2.15219698278543,
                       -3.30300354694987, -1.38850219986916, -1.28236032110599, -1.45926345237795});
}

TYPED_TEST(OptimizerOf, ClipnormIsThatOfKeras) {
    const Optimizer<TypeParam> optimizer = SGD{.learning_rate = 0.125, .clipnorm = 1.5};
    this->expect_near(this->trained(optimizer),
                      {0.5, -1.66311827747867, 1.86127818312779, 0.393374819652792, 2.88229988082358, -1.00741545327258,
                       -0.338482552848505, -0.51889640207164, -0.218206653366416});
}

TYPED_TEST(OptimizerOf, ClipvalueIsThatOfKeras) {
    const Optimizer<TypeParam> optimizer = SGD{.learning_rate = 0.125, .clipvalue = 0.75};
    this->expect_near(this->trained(optimizer),
                      {0.5, -1.375, 1.65871429443359, 0.48046875, 2.70184564590454, -1.125, -0.275, -0.575, -0.075});
}

TYPED_TEST(OptimizerOf, GlobalClipnormIsThatOfKeras) {
    const Optimizer<TypeParam> optimizer = SGD{.learning_rate = 0.125, .global_clipnorm = 2.0};
    this->expect_near(this->trained(optimizer),
                      {0.5, -1.55602871759227, 1.88068566142843, 0.37795321050135, 2.89902822708151, -0.968021286213933,
                       -0.349504296294075, -0.5269122154866, -0.231232350165725});
}

TYPED_TEST(OptimizerOf, AScheduleIsThatOfKeras) {
    const Optimizer<TypeParam> optimizer =
        SGD{.learning_rate = ExponentialDecay{.initial_learning_rate = 0.25, .decay_steps = 1, .decay_rate = 0.5}};
    this->expect_near(this->trained(optimizer),
                      {0.5, -2.86181640625, 1.67339134216309, 0.5, 2.71756994724274, -1.42604064941406,
                       -0.873443603515625, -0.907958984375, -0.850433349609375});
}

TYPED_TEST(OptimizerOf, RmspropIsThatOfKeras) {
    const Optimizer<TypeParam> optimizer = RMSprop{.learning_rate = 0.0625, .rho = 0.875, .epsilon = 0x1p-20};
    this->expect_near(this->trained(optimizer),
                      {0.5, -1.53609663641394, 1.5194034860235, 0.499153370103575, 2.50598911790252, -1.29025471834828,
                       -0.367262116058229, -0.646633507309502, -0.175090916509442});
}

TYPED_TEST(OptimizerOf, CenteredRmspropWithMomentumIsThatOfKeras) {
    const Optimizer<TypeParam> optimizer = RMSprop{.learning_rate = 0.0625,
                                                   .rho = 0.75,
                                                   .momentum = 0.5,
                                                   .epsilon = 0x1p-10,
                                                   .centered = true,
                                                   .weight_decay = 0.125};
    this->expect_near(this->trained(optimizer),
                      {0.498050003918127, -1.81254491635606, 1.20381595080757, 0.549172506459383, 2.14405387914599,
                       -1.5750760121051, -0.616668248524527, -0.861388626651791, -0.440050949739242});
}

TYPED_TEST(OptimizerOf, AdamIsThatOfKeras) {
    const Optimizer<TypeParam> optimizer =
        Adam{.learning_rate = 0.125, .beta_1 = 0.875, .beta_2 = 0.9921875, .epsilon = 0x1p-20};
    this->expect_near(this->trained(optimizer),
                      {0.5, -1.50178461623888, 1.50429023448092, 0.631295214414236, 2.50219056528941, -1.25193727474291,
                       -0.393247444287266, -0.688688128242013, -0.194740939143889});
}

TYPED_TEST(OptimizerOf, AmsgradIsThatOfKeras) {
    const Optimizer<TypeParam> optimizer = Adam{.learning_rate = 0.125,
                                                .beta_1 = 0.75,
                                                .beta_2 = 0.5,
                                                .epsilon = 0x1p-10,
                                                .amsgrad = true,
                                                .weight_decay = 0.0625};
    this->expect_near(this->trained(optimizer),
                      {0.453784003996517, -1.4563412753853, 1.44297087194416, 0.580698875848589, 2.41096274453276,
                       -1.2124645587645, -0.3934457517027, -0.672964221629663, -0.204031399479961});
}

TYPED_TEST(OptimizerOf, AdamWIsThatOfKeras) {
    const Optimizer<TypeParam> optimizer = AdamW{
        .learning_rate = 0.125, .weight_decay = 0.00390625, .beta_1 = 0.875, .beta_2 = 0.9921875, .epsilon = 0x1p-20};
    this->expect_near(this->trained(optimizer),
                      {0.435501699851324, -1.49946242503161, 1.5007968581352, 0.630791970925405, 2.4967320763596,
                       -1.25010434117298, -0.393077852089794, -0.687956584445942, -0.194955410912279});
}

TYPED_TEST(OptimizerOf, AdamWIsAdamWithDecay) {
    EXPECT_EQ(this->trained(AdamW{}), this->trained(Adam{.weight_decay = 0.004}));
}

// What a step leaves alone, and its order

TYPED_TEST(OptimizerOf, GradientsStayAsTheyAre) {
    const auto before = this->model.gradients();
    const auto gradients = before;
    Optimizer<TypeParam> optimizer = SGD{.clipvalue = 0.01};
    optimizer.step(this->model, gradients);
    EXPECT_EQ(gradients, before);
}

TYPED_TEST(OptimizerOf, VariablesThatAreNotTrainableStayWithTheirSlots) {
    this->model.is_kernel_trainable = false;
    const auto before = this->model.weights();
    Optimizer<TypeParam> optimizer = AdamW{.learning_rate = 0.1};
    optimizer.step(this->model, this->model.gradients());
    EXPECT_EQ(this->model.weights().head(6), before.head(6));
    EXPECT_NE(this->model.weights().tail(3), before.tail(3));
    for (const OptimizerSlot<TypeParam>& slot : optimizer.slots()) {
        EXPECT_EQ(slot.values.head(6).cwiseAbs().maxCoeff(), TypeParam(0)) << slot.name;
        EXPECT_GT(slot.values.tail(3).minCoeff(), TypeParam(0)) << slot.name;
    }
}

TYPED_TEST(OptimizerOf, GlobalNormCountsTrainableVariablesAlone) {
    this->model.is_kernel_trainable = false;
    auto gradients = this->model.gradients();
    gradients.head(6).setConstant(TypeParam(1e6));
    gradients.tail(3) << TypeParam(3), TypeParam(0), TypeParam(4);
    const auto before = this->model.weights();
    Optimizer<TypeParam> optimizer = SGD{.learning_rate = 1, .global_clipnorm = 2.5};
    optimizer.step(this->model, gradients);
    EXPECT_NEAR(this->model.weights()(6), before(6) - TypeParam(1.5), 1e-6);
    EXPECT_NEAR(this->model.weights()(8), before(8) - TypeParam(2), 1e-6);
}

TYPED_TEST(OptimizerOf, ConstraintsComeLast) {
    this->model.is_bias_positive = true;
    Optimizer<TypeParam> optimizer = SGD{.learning_rate = 10};
    optimizer.step(this->model, this->model.gradients());
    EXPECT_EQ(this->model.weights().tail(3).cwiseAbs().maxCoeff(), TypeParam(0));
}

TYPED_TEST(OptimizerOf, NotANumberInAGradientIsNotHidden) {
    auto gradients = this->model.gradients();
    gradients(1) = std::numeric_limits<TypeParam>::quiet_NaN();
    for (const Optimizer<TypeParam>& recipe :
         {Optimizer<TypeParam>(SGD{.clipvalue = 1}), Optimizer<TypeParam>(SGD{.clipnorm = 1}),
          Optimizer<TypeParam>(SGD{.global_clipnorm = 1}), Optimizer<TypeParam>(Adam{.amsgrad = true})}) {
        Optimizer<TypeParam> optimizer = recipe;
        optimizer.step(this->model, gradients);
        EXPECT_TRUE(std::isnan(this->model.weights()(1)));
        this->model = {};
    }
}

TYPED_TEST(OptimizerOf, CountsIterationsAndFollowsItsSchedule) {
    const ExponentialDecay schedule{.initial_learning_rate = 0.2, .decay_steps = 1, .decay_rate = 0.5};
    Optimizer<TypeParam> optimizer = SGD{.learning_rate = schedule};
    EXPECT_EQ(optimizer.iterations(), 0);
    EXPECT_EQ(optimizer.learning_rate(), 0.2);
    optimizer.step(this->model, this->model.gradients());
    EXPECT_EQ(optimizer.iterations(), 1);
    EXPECT_EQ(optimizer.learning_rate(), 0.1);
}

TYPED_TEST(OptimizerOf, RecipeIsKept) {
    const Optimizer<TypeParam> optimizer = Adam{.learning_rate = 0.5};
    EXPECT_EQ(std::get<Adam>(optimizer.recipe()), (Adam{.learning_rate = 0.5}));
}

TYPED_TEST(OptimizerOf, LaterStepsAllocateNothing) {
    if constexpr (!eigengru_test::kAllocationCounterWorks)
        GTEST_SKIP() << "allocations cannot be counted in this build";
    const auto gradients = this->model.gradients();
    for (Optimizer<TypeParam> optimizer :
         {Optimizer<TypeParam>(SGD{.momentum = 0.9, .clipnorm = 1}),
          Optimizer<TypeParam>(RMSprop{.momentum = 0.9, .centered = true, .clipvalue = 1}),
          Optimizer<TypeParam>(Adam{.amsgrad = true, .global_clipnorm = 1}), Optimizer<TypeParam>(AdamW{})}) {
        optimizer.step(this->model, gradients);
        const eigengru_test::AllocationCount allocations;
        optimizer.step(this->model, gradients);
        EXPECT_EQ(allocations.count(), 0U);
    }
}

// Checkpoints

TYPED_TEST(OptimizerOf, SlotsAreEmptyBeforeTheFirstStep) {
    Optimizer<TypeParam> optimizer = Adam{};
    ASSERT_EQ(optimizer.slots().size(), 2U);
    EXPECT_EQ(optimizer.slots()[1].name, "velocity");
    EXPECT_EQ(optimizer.slots()[1].values.size(), 0);
    optimizer.step(this->model, this->model.gradients());
    EXPECT_EQ(optimizer.slots()[1].values.size(), 9);
}

TYPED_TEST(OptimizerOf, ARestoredOneGoesOnWhereTheOtherStood) {
    for (const Optimizer<TypeParam>& recipe :
         {Optimizer<TypeParam>(SGD{.momentum = 0.9}), Optimizer<TypeParam>(RMSprop{.momentum = 0.9, .centered = true}),
          Optimizer<TypeParam>(Adam{.amsgrad = true}), Optimizer<TypeParam>(SGD{})}) {
        Optimizer<TypeParam> first = recipe;
        first.step(this->model, this->model.gradients());
        first.step(this->model, this->model.gradients());
        Optimizer<TypeParam> second = recipe;
        second.restore(first.iterations(), first.slots());
        MockModel<TypeParam> copy = this->model;
        first.step(this->model, this->model.gradients());
        second.step(copy, copy.gradients());
        EXPECT_EQ(copy.weights(), this->model.weights());
        EXPECT_EQ(second.iterations(), 3);
    }
}

TYPED_TEST(OptimizerOf, RestoresOneThatHasNotBegun) {
    const Optimizer<TypeParam> fresh = Adam{};
    Optimizer<TypeParam> other = Adam{};
    other.step(this->model, this->model.gradients());
    other.restore(fresh.iterations(), fresh.slots());
    EXPECT_EQ(other.iterations(), 0);
    EXPECT_EQ(other.slots()[0].values.size(), 0);
}

TYPED_TEST(OptimizerOf, RefusesToRestoreWhatDoesNotFitAndChangesNothing) {
    using Slots = std::vector<OptimizerSlot<TypeParam>>;
    Optimizer<TypeParam> optimizer = Adam{};
    optimizer.step(this->model, this->model.gradients());
    const Eigen::Matrix<TypeParam, 3, 1> three = Eigen::Matrix<TypeParam, 3, 1>::Ones();
    const VectorMap<const TypeParam> values(three.data(), 3), fewer(three.data(), 2), none(three.data(), 0);
    EXPECT_EQ(message_of<OptionError>([&] { optimizer.restore(-1, Slots{}); }),
              "Optimizer::restore: iterations expected at least 0, received -1");
    EXPECT_EQ(message_of<OptionError>([&] {
                  optimizer.restore(1, Slots{{"momentum", values}});
              }),
              "Optimizer::restore: expected the slots \"momentum\", \"velocity\", received \"momentum\"");
    EXPECT_EQ(message_of<ShapeError>([&] {
                  optimizer.restore(1, Slots{{"momentum", values}, {"velocity", fewer}});
              }),
              "Optimizer::restore: slot \"velocity\" expected 3 elements, as the first one, received 2");
    EXPECT_EQ(message_of<ShapeError>([&] {
                  optimizer.restore(1, Slots{{"momentum", none}, {"velocity", none}});
              }),
              "Optimizer::restore: slot \"momentum\" expected the weights' number of elements after 1 iterations, "
              "received 0");
    EXPECT_EQ(optimizer.iterations(), 1);
    EXPECT_EQ(optimizer.slots()[0].values.size(), 9);
}

// Refusals

TYPED_TEST(OptimizerOf, RefusesARecipeOutOfRange) {
    EXPECT_EQ(message_of<OptionError>([] { Optimizer<TypeParam>(SGD{.momentum = 2}); }),
              "SGD: momentum expected a number in [0, 1], received 2");
    EXPECT_EQ(message_of<OptionError>([] { Optimizer<TypeParam>(Adam{.clipnorm = 1, .clipvalue = 1}); }),
              "Adam: expected at most one of clipnorm, clipvalue and global_clipnorm");
}

TYPED_TEST(OptimizerOf, RefusesAnotherNumberOfGradients) {
    Optimizer<TypeParam> optimizer = SGD{};
    const Eigen::Matrix<TypeParam, Eigen::Dynamic, 1> gradients = Eigen::Matrix<TypeParam, Eigen::Dynamic, 1>::Ones(8);
    const auto before = this->model.weights();
    EXPECT_EQ(message_of<ShapeError>([&] { optimizer.step(this->model, gradients); }),
              "Optimizer::step: gradients expected 9 elements, one for each weight, received 8");
    EXPECT_EQ(this->model.weights(), before);
    EXPECT_EQ(optimizer.iterations(), 0);
}

TYPED_TEST(OptimizerOf, RefusesAModelOfAnotherSizeThanItsSlots) {
    Optimizer<TypeParam> optimizer = Adam{};
    const Eigen::Matrix<TypeParam, 3, 1> three = Eigen::Matrix<TypeParam, 3, 1>::Ones();
    const VectorMap<const TypeParam> values(three.data(), 3);
    optimizer.restore(1, std::vector<OptimizerSlot<TypeParam>>{{"momentum", values}, {"velocity", values}});
    EXPECT_EQ(message_of<ShapeError>([&] { optimizer.step(this->model, this->model.gradients()); }),
              "Optimizer::step: the slots were made for 3 weights, received a model of 9");
    EXPECT_EQ(this->model.constraints_applied, 0);
}

}  // namespace
