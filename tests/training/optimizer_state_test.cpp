// SPDX-License-Identifier: MIT
#include "eigengru/training/optimizer_state.hpp"

#include "support/modes.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;

template <class S>
class OptimizerStateOf : public testing::Test {};
TYPED_TEST_SUITE(OptimizerStateOf, eigengru_test::Scalars, );

TYPED_TEST(OptimizerStateOf, RecipeIsTextWithAllItsNumbers) {
    const auto recipe = [](const Optimizer<TypeParam>& optimizer) { return detail::recipe_text(optimizer); };
    const std::string none = "clipnorm=none, clipvalue=none, global_clipnorm=none)";
    EXPECT_EQ(
        recipe(SGD{.momentum = 0.1, .clipnorm = 1.5}),
        "SGD(momentum=0.1, nesterov=false, weight_decay=none, clipnorm=1.5, clipvalue=none, global_clipnorm=none)");
    EXPECT_EQ(recipe(RMSprop{.rho = 1.0 / 3.0}),
              "RMSprop(rho=0.3333333333333333, momentum=0, epsilon=1e-07, "
              "centered=false, weight_decay=none, " +
                  none);
    EXPECT_EQ(recipe(AdamW{.amsgrad = true}),
              "AdamW(beta_1=0.9, beta_2=0.999, epsilon=1e-07, amsgrad=true, weight_decay=0.004, " + none);
    EXPECT_EQ(recipe(Adam{.learning_rate = 1.0}), recipe(Adam{.learning_rate = 2.0}));
    EXPECT_NE(recipe(Adam{.clipvalue = 1.0}), recipe(Adam{.global_clipnorm = 1.0}));
}

TYPED_TEST(OptimizerStateOf, RateCanBeReplaced) {
    const Optimizer<TypeParam> optimizer = Adam{.learning_rate = 0.1, .beta_1 = 0.5};
    EXPECT_EQ(detail::with_learning_rate(optimizer, 0.3).learning_rate(), 0.3);
    EXPECT_EQ(detail::recipe_text(detail::with_learning_rate(optimizer, 0.3)), detail::recipe_text(optimizer));
    EXPECT_THROW((void)detail::with_learning_rate(optimizer, -1.0), OptionError);
    EXPECT_EQ(detail::sampled_rates(optimizer), std::vector<double>{0.1});
}

TEST(SampledRates, TellSchedulesApart) {
    const auto rates = [](const LearningRate& rate) { return detail::sampled_rates(rate); };
    const std::vector<LearningRate> all{0.1,
                                        0.2,
                                        ExponentialDecay{0.1, 10, 0.5},
                                        ExponentialDecay{0.1, 11, 0.5},
                                        ExponentialDecay{0.1, 10, 0.5, true},
                                        CosineDecay{0.1, 1000},
                                        CosineDecay{0.1, 1001},
                                        CosineDecay{0.1, 1000, 0.1},
                                        CosineDecay{0.1, 1000, 0.0, 0.2, 5}};
    for (std::size_t i = 0; i < all.size(); ++i)
        for (std::size_t j = 0; j < all.size(); ++j)
            EXPECT_EQ(detail::are_same_rates(rates(all[i]), rates(all[j])), i == j) << i << " " << j;
    EXPECT_EQ(rates(0.5), std::vector<double>{0.5});
    EXPECT_EQ(rates(ExponentialDecay{0.1, 10, 0.5})[1], 0.1 * std::pow(0.5, 0.1));
}

TEST(SampledRates, MayDifferInTheLastBits) {
    EXPECT_TRUE(detail::are_same_rates({0.1, 0.0}, {0.1 * (1.0 + 1e-15), 0.0}));
    EXPECT_FALSE(detail::are_same_rates({0.1}, {0.1 * (1.0 + 1e-9)}));
    EXPECT_FALSE(detail::are_same_rates({0.1}, {0.1, 0.1}));
}

TEST(ExactText, ReadsBackAsTheSameNumber) {
    for (const double value : {0.1, 1.0 / 3.0, 1e-300, 123456789.0})
        EXPECT_EQ(std::stod(detail::exact_text(value)), value);
    EXPECT_EQ(detail::exact_text(std::optional<double>()), "none");
}

}  // namespace
