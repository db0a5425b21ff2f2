// SPDX-License-Identifier: MIT
#include "eigengru/model/options.hpp"

#include "support/message_of.hpp"
#include "support/numbers.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <sstream>

namespace {

using namespace eigengru;
using eigengru_test::kNan;
using eigengru_test::message_of;

template <class Error>
std::string refusal(const GruOptions& options, Index features = 8, bool reset_after = true) {
    return message_of<Error>([&] { detail::validate(options, features, reset_after); });
}

// CudnnMode

TEST(CudnnMode, DefaultsToAuto) {
    EXPECT_TRUE(CudnnMode().is_auto());
    EXPECT_EQ(CudnnMode(), CudnnMode("auto"));
}

TEST(CudnnMode, ConvertsFromBool) {
    const CudnnMode always = true, never = false;
    EXPECT_TRUE(always.is_always());
    EXPECT_TRUE(never.is_never());
    EXPECT_FALSE(always.is_auto());
}

TEST(CudnnMode, ConvertsFromAnyString) {
    EXPECT_TRUE(CudnnMode(std::string("auto")).is_auto());
    EXPECT_TRUE(CudnnMode(std::string_view("auto")).is_auto());
}

TEST(CudnnMode, RefusesOtherNames) {
    EXPECT_EQ(message_of<OptionError>([] { CudnnMode("always"); }),
              "GruOptions: use_cudnn expected true, false or \"auto\", received \"always\"");
}

TEST(CudnnMode, DoesNotConvertFromNumbersAndPointers) {
    static_assert(!std::convertible_to<int, CudnnMode>);
    static_assert(!std::convertible_to<void*, CudnnMode>);
    static_assert(!std::convertible_to<std::nullptr_t, CudnnMode>);
    SUCCEED();
}

// Defaults

TEST(GruOptions, DefaultsAreThoseOfKeras) {
    const GruOptions o;
    EXPECT_EQ(o.units, 0);  // Keras has no default: must be set
    EXPECT_EQ(o.activation, Activation("tanh"));
    EXPECT_EQ(o.recurrent_activation, Activation("sigmoid"));
    EXPECT_TRUE(o.use_bias);
    EXPECT_EQ(o.kernel_initializer, Initializer("glorot_uniform"));
    EXPECT_EQ(o.recurrent_initializer, Initializer("orthogonal"));
    EXPECT_EQ(o.bias_initializer, Initializer("zeros"));
    for (const Regularizer& r :
         {o.kernel_regularizer, o.recurrent_regularizer, o.bias_regularizer, o.activity_regularizer})
        EXPECT_TRUE(r.is_none());
    for (const Constraint& c : {o.kernel_constraint, o.recurrent_constraint, o.bias_constraint})
        EXPECT_TRUE(c.is_none());
    EXPECT_EQ(o.dropout, 0.0);
    EXPECT_EQ(o.recurrent_dropout, 0.0);
    EXPECT_FALSE(o.seed.has_value());
    for (const bool flag :
         {o.return_sequences, o.return_state, o.go_backwards, o.stateful, o.unroll, o.zero_output_for_mask})
        EXPECT_FALSE(flag);
    EXPECT_TRUE(o.use_cudnn.is_auto());
    EXPECT_EQ(o.name, "gru");
    EXPECT_TRUE(o.trainable);
}

TEST(GruOptions, ReadsLikeKeywordArguments) {
    const GruOptions o{.units = 16,
                       .activation = "relu",
                       .use_bias = false,
                       .kernel_regularizer = "l2",
                       .bias_constraint = "non_neg",
                       .dropout = 0.1,
                       .seed = 3,
                       .use_cudnn = false,
                       .name = "encoder"};
    EXPECT_EQ(o.activation, Activation::relu());
    EXPECT_EQ(o.kernel_regularizer, Regularizer::l2());
    EXPECT_EQ(o.bias_constraint, Constraint::non_neg());
    EXPECT_EQ(o.seed, 3U);
}

TEST(GruOptions, ComparesEveryMember) {
    const GruOptions o{.units = 4};
    EXPECT_EQ(o, GruOptions{.units = 4});
    EXPECT_NE(o, (GruOptions{.units = 5}));
    EXPECT_NE(o, (GruOptions{.units = 4, .activation = "relu"}));
    EXPECT_NE(o, (GruOptions{.units = 4, .seed = 0}));
    EXPECT_NE(o, (GruOptions{.units = 4, .use_cudnn = true}));
    EXPECT_NE(o, (GruOptions{.units = 4, .trainable = false}));
}

TEST(GruOptions, PrintsEveryMember) {
    const std::string text = GruOptions{.units = 4, .dropout = 0.25, .seed = 9, .name = "encoder"}.to_string();
    for (const char* part : {"units=4",
                             "activation=tanh",
                             "recurrent_activation=sigmoid",
                             "use_bias=true",
                             "kernel_initializer=glorot_uniform",
                             "recurrent_initializer=orthogonal",
                             "bias_initializer=zeros",
                             "kernel_regularizer=none",
                             "recurrent_regularizer=none",
                             "bias_regularizer=none",
                             "activity_regularizer=none",
                             "kernel_constraint=none",
                             "recurrent_constraint=none",
                             "bias_constraint=none",
                             ", dropout=0.25",
                             "recurrent_dropout=0",
                             "seed=9",
                             "return_sequences=false",
                             "return_state=false",
                             "go_backwards=false",
                             "stateful=false",
                             "unroll=false",
                             "zero_output_for_mask=false",
                             "use_cudnn=auto",
                             "name=\"encoder\"",
                             "trainable=true"})
        EXPECT_NE(text.find(part), std::string::npos) << part << " is not in " << text;
}

TEST(GruOptions, PrintsNoneAndTheModesOfCudnn) {
    EXPECT_NE((GruOptions{.use_cudnn = true}).to_string().find("seed=None"), std::string::npos);
    EXPECT_NE((GruOptions{.use_cudnn = true}).to_string().find("use_cudnn=true"), std::string::npos);
    EXPECT_NE((GruOptions{.use_cudnn = false}).to_string().find("use_cudnn=false"), std::string::npos);
}

TEST(GruConfig, PrintsItself) {
    const GruConfig config{.features = 8, .reset_after = false, .options = {.units = 4}};
    std::ostringstream stream;
    stream << config;
    EXPECT_EQ(stream.str(), config.to_string());
    EXPECT_TRUE(config.to_string().starts_with("GRU(features=8, reset_after=false, units=4, activation=tanh"));
    EXPECT_TRUE(config.to_string().ends_with("trainable=true)"));
}

TEST(GruConfig, Compares) {
    const GruConfig config{.features = 8, .options = {.units = 4}};
    EXPECT_EQ(config, (GruConfig{.features = 8, .options = {.units = 4}}));
    EXPECT_NE(config, (GruConfig{.features = 9, .options = {.units = 4}}));
    EXPECT_NE(config, (GruConfig{.features = 8, .reset_after = false, .options = {.units = 4}}));
    EXPECT_NE(config, (GruConfig{.features = 8, .options = {.units = 5}}));
}

TEST(CallOptions, DefaultsToNothing) {
    const CallOptions<float> call;
    EXPECT_FALSE(call.mask.is_present());
    EXPECT_FALSE(call.lengths.is_present());
    EXPECT_FALSE(call.initial_state.is_present());
    EXPECT_FALSE(call.training);
    EXPECT_EQ(call.dropout_masks, nullptr);
}

// What is refused

TEST(ValidateGru, AcceptsWhatKerasAccepts) {
    EXPECT_NO_THROW(detail::validate({.units = 1}, 1, true));
    EXPECT_NO_THROW(detail::validate({.units = 4, .dropout = 1.0, .recurrent_dropout = 1.0}, 8, false));
}

TEST(ValidateGru, RefusesUnitsBelowOne) {
    EXPECT_EQ(refusal<OptionError>({}), "Gru: units expected at least 1, received 0");
    EXPECT_EQ(refusal<OptionError>({.units = -3}), "Gru: units expected at least 1, received -3");
}

TEST(ValidateGru, RefusesFeaturesBelowOne) {
    EXPECT_EQ(refusal<ShapeError>({.units = 4}, 0), "Gru: features expected at least 1, received 0");
    EXPECT_EQ(refusal<ShapeError>({.units = 4}, -8), "Gru: features expected at least 1, received -8");
}

TEST(ValidateGru, RefusesSizesThatOverflow) {
    constexpr Index kHuge = std::numeric_limits<Index>::max();
    for (const Index units : {kHuge, kHuge / 3, Index{1} << 31})
        EXPECT_NE(refusal<ShapeError>({.units = units}).find("Gru: the sizes overflow"), std::string::npos) << units;
    EXPECT_NE(refusal<ShapeError>({.units = 1}, kHuge).find("Gru: the sizes overflow"), std::string::npos);
    EXPECT_NE(refusal<ShapeError>({.units = kHuge}, kHuge).find("Gru: the sizes overflow"), std::string::npos);
}

TEST(ValidateGru, RefusesRatesOutsideOfTheUnitInterval) {
    EXPECT_EQ(refusal<OptionError>({.units = 4, .dropout = -0.1}),
              "Gru: dropout expected a rate in [0, 1], received -0.1");
    EXPECT_EQ(refusal<OptionError>({.units = 4, .recurrent_dropout = 1.5}),
              "Gru: recurrent_dropout expected a rate in [0, 1], received 1.5");
}

TEST(ValidateGru, RefusesRatesThatAreNotNumbers) {
    EXPECT_EQ(refusal<OptionError>({.units = 4, .dropout = kNan}),
              "Gru: dropout expected a rate in [0, 1], received nan");
    EXPECT_EQ(refusal<OptionError>({.units = 4, .recurrent_dropout = std::numeric_limits<double>::infinity()}),
              "Gru: recurrent_dropout expected a rate in [0, 1], received inf");
}

TEST(ValidateGru, RefusesMatrixInitializersOnABiasVector) {
    for (const char* name : {"orthogonal", "identity"}) {
        EXPECT_EQ(refusal<OptionError>({.units = 4, .bias_initializer = name}, 8, false),
                  detail::text("Gru: bias_initializer: ", name,
                               " expected a weight of rank 2, received shape (12,) of rank 1"));
        EXPECT_NO_THROW(detail::validate({.units = 4, .bias_initializer = name}, 8, true));
    }
}

TEST(ValidateGru, RefusesAnOrthogonalRegularizerOnABiasVector) {
    const GruOptions options{.units = 4, .bias_regularizer = "orthogonal_regularizer"};
    EXPECT_EQ(refusal<OptionError>(options, 8, false),
              "Gru: bias_regularizer: orthogonal_regularizer expected a weight of rank 2, received one of rank 1");
    EXPECT_NO_THROW(detail::validate(options, 8, true));
}

TEST(ValidateGru, RefusesConstraintsAlongAnAxisThatIsNotThere) {
    const Constraint third = Constraint::max_norm({.axis = 2});
    const Constraint second = Constraint::max_norm({.axis = 1});
    EXPECT_EQ(refusal<OptionError>({.units = 4, .kernel_constraint = third}),
              "Gru: kernel_constraint: axis expected from -2 to 1 for a weight of rank 2, received 2");
    EXPECT_EQ(refusal<OptionError>({.units = 4, .recurrent_constraint = third}),
              "Gru: recurrent_constraint: axis expected from -2 to 1 for a weight of rank 2, received 2");
    EXPECT_EQ(refusal<OptionError>({.units = 4, .bias_constraint = second}, 8, false),
              "Gru: bias_constraint: axis expected from -1 to 0 for a weight of rank 1, received 1");
}

TEST(ValidateGru, IgnoresTheBiasOptionsWithoutABias) {
    EXPECT_NO_THROW(detail::validate(
        {.units = 4, .use_bias = false, .bias_initializer = "orthogonal", .bias_regularizer = "orthogonal_regularizer"},
        8, false));
}

TEST(ValidateGru, RefusesAnOrthogonalActivityRegularizerOnSequences) {
    const std::string message =
        refusal<OptionError>({.units = 4, .activity_regularizer = "orthogonal_regularizer", .return_sequences = true});
    EXPECT_TRUE(message.starts_with("Gru: activity_regularizer expected")) << message;
    EXPECT_NO_THROW(detail::validate({.units = 4, .activity_regularizer = "orthogonal_regularizer"}, 8, true));
}

TEST(ValidateGru, UnknownNamesAreRefusedWithTheKnownOnes) {
    const auto lists = [](const std::string& message, std::initializer_list<const char*> known) {
        for (const char* name : known)
            EXPECT_NE(message.find(detail::text("\"", name, "\"")), std::string::npos) << message;
        EXPECT_NE(message.find("received \"foo\""), std::string::npos) << message;
    };
    lists(message_of<OptionError>([] { (void)GruOptions{.activation = "foo"}; }), {"tanh", "softmax"});
    lists(message_of<OptionError>([] { (void)GruOptions{.kernel_initializer = "foo"}; }), {"zeros", "orthogonal"});
    lists(message_of<OptionError>([] { (void)GruOptions{.kernel_regularizer = "foo"}; }), {"l1", "l2"});
    lists(message_of<OptionError>([] { (void)GruOptions{.kernel_constraint = "foo"}; }), {"max_norm", "non_neg"});
}

TEST(IsDropping, OnlyStrictlyBetweenZeroAndOne) {
    EXPECT_FALSE(detail::is_dropping(0.0));
    EXPECT_TRUE(detail::is_dropping(0.5));
    EXPECT_FALSE(detail::is_dropping(1.0));
}

}  // namespace
