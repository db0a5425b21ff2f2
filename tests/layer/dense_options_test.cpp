// SPDX-License-Identifier: MIT
#include "eigengru/layer/dense_options.hpp"

#include "eigengru/layer/dense.hpp"
#include "support/message_of.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace eigengru_test::dense_options_test {
namespace {

using namespace eigengru;

TEST(DenseOptions, DefaultsAreThoseOfKeras) {
    const DenseOptions o;
    EXPECT_EQ(o.units, 0);  // Keras has no default: must be set
    EXPECT_EQ(o.activation, Activation("linear"));
    EXPECT_TRUE(o.use_bias);
    EXPECT_EQ(o.kernel_initializer, Initializer("glorot_uniform"));
    EXPECT_EQ(o.bias_initializer, Initializer("zeros"));
    for (const Regularizer& r : {o.kernel_regularizer, o.bias_regularizer, o.activity_regularizer})
        EXPECT_TRUE(r.is_none());
    for (const Constraint& c : {o.kernel_constraint, o.bias_constraint}) EXPECT_TRUE(c.is_none());
    EXPECT_EQ(o.name, "dense");
    EXPECT_TRUE(o.trainable);
    EXPECT_FALSE(o.seed.has_value());
}

TEST(DenseOptions, CompareEveryMember) {
    const DenseOptions o{.units = 4};
    EXPECT_EQ(o, DenseOptions{.units = 4});
    for (const DenseOptions& other :
         {DenseOptions{.units = 5}, DenseOptions{.units = 4, .activation = "relu"},
          DenseOptions{.units = 4, .use_bias = false}, DenseOptions{.units = 4, .kernel_initializer = "zeros"},
          DenseOptions{.units = 4, .bias_initializer = "ones"}, DenseOptions{.units = 4, .kernel_regularizer = "l1"},
          DenseOptions{.units = 4, .bias_regularizer = "l1"}, DenseOptions{.units = 4, .activity_regularizer = "l1"},
          DenseOptions{.units = 4, .kernel_constraint = "non_neg"},
          DenseOptions{.units = 4, .bias_constraint = "non_neg"}, DenseOptions{.units = 4, .name = "head"},
          DenseOptions{.units = 4, .trainable = false}, DenseOptions{.units = 4, .seed = 0}})
        EXPECT_NE(o, other);
}

TEST(Dense, RefusesBadOptions) {
    EXPECT_EQ(message_of<OptionError>([] { Dense<float>(3, {}); }), "Dense: units expected at least 1, received 0");
    EXPECT_EQ(message_of<ShapeError>([] { Dense<float>(0, {.units = 2}); }),
              "Dense: features expected at least 1, received 0");
    EXPECT_THROW(Dense<float>(3, {.units = 2, .bias_initializer = "orthogonal"}), OptionError);
    EXPECT_THROW(Dense<float>(3, {.units = 2, .bias_regularizer = "orthogonal_regularizer"}), OptionError);
    EXPECT_THROW(Dense<float>(3, {.units = 2, .bias_constraint = Constraint::max_norm({.axis = 1})}), OptionError);
    EXPECT_THROW(Dense<float>(std::numeric_limits<Index>::max(), {.units = 2}), ShapeError);
    EXPECT_THROW(Dense<float>(2, {.units = std::numeric_limits<Index>::max()}), ShapeError);
}

TEST(DenseOptions, RefusedOnesAreNamed) {
    const auto refusal = [](const DenseOptions& options) {
        return message_of<OptionError>([&] { (void)eigengru::detail::validated(options, 3); });
    };
    for (const auto& [name, options] :
         {std::pair<std::string, DenseOptions>{"bias_initializer", {.units = 2, .bias_initializer = "identity"}},
          {"bias_regularizer", {.units = 2, .bias_regularizer = "orthogonal_regularizer"}},
          {"kernel_constraint", {.units = 2, .kernel_constraint = Constraint::max_norm({.axis = 2})}},
          {"bias_constraint", {.units = 2, .bias_constraint = Constraint::max_norm({.axis = 1})}}})
        EXPECT_EQ(refusal(options).find("Dense: " + name), 0U) << refusal(options);
    EXPECT_EQ(refusal({.units = -1}), "Dense: units expected at least 1, received -1");
    EXPECT_EQ(refusal({.units = 2}), "nothing was thrown");
}

}  // namespace
}  // namespace eigengru_test::dense_options_test
