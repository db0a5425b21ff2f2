// SPDX-License-Identifier: MIT
#include "eigengru/training/optimizer_options.hpp"

#include "support/numbers.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace eigengru;
using eigengru_test::kNan;
using Names = std::vector<std::string_view>;

template <OptimizerRecipe R>
std::string refusal_of(const R& recipe) {
    try {
        detail::check_recipe(recipe);
    } catch (const OptionError& error) {
        return error.what();
    }
    return "nothing was thrown";
}

TEST(SGD, HasTheDefaultsOfKeras) {
    EXPECT_EQ(SGD(), (SGD{0.01, 0.0, false, std::nullopt, std::nullopt, std::nullopt, std::nullopt}));
}

TEST(RMSprop, HasTheDefaultsOfKeras) {
    EXPECT_EQ(RMSprop(),
              (RMSprop{0.001, 0.9, 0.0, 1e-7, false, std::nullopt, std::nullopt, std::nullopt, std::nullopt}));
}

TEST(Adam, HasTheDefaultsOfKeras) {
    EXPECT_EQ(Adam(), (Adam{0.001, 0.9, 0.999, 1e-7, false, std::nullopt, std::nullopt, std::nullopt, std::nullopt}));
}

TEST(AdamW, HasTheDefaultsOfKeras) {
    EXPECT_EQ(AdamW(), (AdamW{0.001, 0.004, 0.9, 0.999, 1e-7, false, std::nullopt, std::nullopt, std::nullopt}));
}

template <class R>
class Recipe : public testing::Test {};
using Recipes = testing::Types<SGD, RMSprop, Adam, AdamW>;
TYPED_TEST_SUITE(Recipe, Recipes, );

TYPED_TEST(Recipe, DefaultsAreInRange) {
    EXPECT_EQ(refusal_of(TypeParam()), "nothing was thrown");
}

TYPED_TEST(Recipe, RefusesClippingThatIsNotAbove0) {
    for (const double most : {0.0, -1.0, kNan, std::numeric_limits<double>::infinity()}) {
        EXPECT_EQ(refusal_of(TypeParam{.clipnorm = most}),
                  detail::text(detail::recipe_name(TypeParam()),
                               ": clipnorm expected a finite number above 0, received ", most));
        EXPECT_NE(refusal_of(TypeParam{.clipvalue = most}), "nothing was thrown");
        EXPECT_NE(refusal_of(TypeParam{.global_clipnorm = most}), "nothing was thrown");
    }
    EXPECT_EQ(refusal_of(TypeParam{.clipnorm = 1}), "nothing was thrown");
}

TYPED_TEST(Recipe, RefusesTwoWaysToClip) {
    const std::string expected = detail::text(detail::recipe_name(TypeParam()),
                                              ": expected at most one of clipnorm, clipvalue and global_clipnorm");
    EXPECT_EQ(refusal_of(TypeParam{.clipnorm = 1, .clipvalue = 1}), expected);
    EXPECT_EQ(refusal_of(TypeParam{.clipvalue = 1, .global_clipnorm = 1}), expected);
    EXPECT_EQ(refusal_of(TypeParam{.clipnorm = 1, .global_clipnorm = 1}), expected);
}

TYPED_TEST(Recipe, RefusesANegativeWeightDecay) {
    EXPECT_EQ(refusal_of(TypeParam{.weight_decay = -1}),
              detail::text(detail::recipe_name(TypeParam()),
                           ": weight_decay expected a finite number of at least 0, received -1"));
    EXPECT_EQ(refusal_of(TypeParam{.weight_decay = 0}), "nothing was thrown");
}

TYPED_TEST(Recipe, RefusesANegativeLearningRate) {
    EXPECT_THROW((void)TypeParam{.learning_rate = -1}, OptionError);
}

TEST(SGD, RefusesAMomentumOutOfRange) {
    EXPECT_EQ(refusal_of(SGD{.momentum = 1.5}), "SGD: momentum expected a number in [0, 1], received 1.5");
    EXPECT_NE(refusal_of(SGD{.momentum = kNan}), "nothing was thrown");
    EXPECT_EQ(refusal_of(SGD{.momentum = 1}), "nothing was thrown");
}

TEST(RMSprop, RefusesNumbersOutOfRange) {
    EXPECT_EQ(refusal_of(RMSprop{.rho = -0.5}), "RMSprop: rho expected a number in [0, 1], received -0.5");
    EXPECT_EQ(refusal_of(RMSprop{.momentum = 2}), "RMSprop: momentum expected a number in [0, 1], received 2");
    EXPECT_EQ(refusal_of(RMSprop{.epsilon = -1}),
              "RMSprop: epsilon expected a finite number of at least 0, received -1");
}

TEST(Adam, RefusesNumbersOutOfRange) {
    EXPECT_EQ(refusal_of(Adam{.beta_1 = 1}), "Adam: beta_1 expected a number in [0, 1), received 1");
    EXPECT_EQ(refusal_of(AdamW{.beta_2 = -1}), "AdamW: beta_2 expected a number in [0, 1), received -1");
    EXPECT_EQ(refusal_of(AdamW{.epsilon = kNan}),
              "AdamW: epsilon expected a finite number of at least 0, received nan");
    EXPECT_EQ(refusal_of(Adam{.beta_1 = 0, .beta_2 = 0, .epsilon = 0}), "nothing was thrown");
}

TEST(SlotNames, AreThoseOfKeras) {
    EXPECT_EQ(detail::slot_names(SGD{}), Names{});
    EXPECT_EQ(detail::slot_names(SGD{.momentum = 0.5}), Names{"momentum"});
    EXPECT_EQ(detail::slot_names(RMSprop{}), Names{"velocity"});
    EXPECT_EQ(detail::slot_names(RMSprop{.centered = true}), (Names{"velocity", "average_gradient"}));
    EXPECT_EQ(detail::slot_names(RMSprop{.momentum = 0.5, .centered = true}),
              (Names{"velocity", "momentum", "average_gradient"}));
    EXPECT_EQ(detail::slot_names(AdamW{}), (Names{"momentum", "velocity"}));
    EXPECT_EQ(detail::slot_names(Adam{.amsgrad = true}), (Names{"momentum", "velocity", "velocity_hat"}));
}

}  // namespace
