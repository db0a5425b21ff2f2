// SPDX-License-Identifier: MIT
#include "eigengru/sequence/backend_rules.hpp"

#include <gtest/gtest.h>

#include <set>

namespace {

using namespace eigengru;

/// A query that fails exactly the rules whose bits are set; the options must outlive it.
struct Situation {
    explicit Situation(unsigned failed, CudnnMode mode = "auto") : bits(failed) {
        options.units = 4;
        options.use_cudnn = mode;
        if (fails(0)) options.activation = "relu";
        if (fails(1)) options.recurrent_activation = "hard_sigmoid";
        if (fails(2)) options.dropout = 0.25;
        options.unroll = fails(3);
        options.use_bias = !fails(4);
    }
    [[nodiscard]] bool fails(unsigned rule) const { return (bits >> rule & 1U) != 0; }
    [[nodiscard]] BackendVerdict verdict() const {
        return choose_backend({.options = options,
                               .reset_after = !fails(5),
                               .mask = fails(6) ? MaskKind::general : MaskKind::right_padded,
                               .runs_eagerly = !fails(7)});
    }

    unsigned bits;
    GruOptions options;
};

constexpr unsigned kCombinations = 1U << 8;

BackendVerdict verdict_of(const GruOptions& options) {
    return choose_backend({.options = options});
}

bool has_passed(const BackendVerdict& verdict, std::string_view rule) {
    for (const BackendRule& r : verdict.rules)
        if (r.name == rule) return r.passed;
    for (const BackendRule& r : verdict.conditions)
        if (r.name == rule) return r.passed;
    ADD_FAILURE() << "no rule is called " << rule;
    return false;
}

TEST(BackendRules, EveryCombinationReportsExactlyTheFailedOnes) {
    for (unsigned failed = 0; failed < kCombinations; ++failed) {
        const BackendVerdict verdict = Situation(failed).verdict();
        for (unsigned rule = 0; rule < 8; ++rule) {
            EXPECT_EQ(verdict.rules[rule].passed, (failed >> rule & 1U) == 0)
                << failed << ' ' << verdict.rules[rule].name;
            EXPECT_FALSE(verdict.rules[rule].reason.empty());
        }
    }
}

TEST(BackendRules, EveryCombinationRunsOnCudnnOnlyWhereItCan) {
    for (unsigned failed = 0; failed < kCombinations; ++failed) {
        const bool can = failed == 0 && detail::kHasCudnn;
        const Backend wanted = can ? Backend::cudnn : Backend::eigen;
        EXPECT_EQ(Situation(failed, "auto").verdict().backend, wanted) << failed;
        EXPECT_EQ(Situation(failed, true).verdict().backend, wanted) << failed;
        EXPECT_EQ(Situation(failed, false).verdict().backend, Backend::eigen) << failed;
    }
}

TEST(BackendRules, EveryCombinationIsRefusedOnlyWhereCudnnIsDemandedAndCannotRun) {
    for (unsigned failed = 0; failed < kCombinations; ++failed) {
        const bool can = failed == 0 && detail::kHasCudnn;
        EXPECT_FALSE(Situation(failed, "auto").verdict().is_refused) << failed;
        EXPECT_FALSE(Situation(failed, false).verdict().is_refused) << failed;
        EXPECT_EQ(Situation(failed, true).verdict().is_refused, !can) << failed;
    }
}

TEST(BackendRules, EveryCombinationSaysItAllInItsText) {
    for (unsigned failed = 0; failed < kCombinations; ++failed) {
        const BackendVerdict verdict = Situation(failed).verdict();
        const std::string text = verdict.text();
        const auto has = [&](const BackendRule& rule) {
            const std::string line =
                detail::text("[", rule.passed ? "passed" : "failed", "] ", rule.name, ": ", rule.reason);
            EXPECT_NE(text.find(line), std::string::npos) << line << " is not in " << text;
        };
        for (const BackendRule& rule : verdict.rules) has(rule);
        for (const BackendRule& condition : verdict.conditions) has(condition);
    }
}

TEST(BackendRules, HaveEightDifferentNames) {
    std::set<std::string_view> names;
    for (const BackendRule& rule : Situation(0).verdict().rules) names.insert(rule.name);
    EXPECT_EQ(names, (std::set<std::string_view>{"activation", "recurrent_activation", "dropout", "unroll", "use_bias",
                                                 "reset_after", "mask", "eager execution"}));
}

TEST(BackendRules, DefaultsOfKerasPassAllEight) {
    for (const BackendRule& rule : verdict_of({.units = 4}).rules) EXPECT_TRUE(rule.passed) << rule.name;
}

TEST(BackendRules, RecurrentDropoutFailsToo) {
    EXPECT_FALSE(has_passed(verdict_of({.units = 4, .recurrent_dropout = 0.1}), "dropout"));
}

TEST(BackendRules, DropoutOfRateOneFailsSinceItIsNotZero) {
    EXPECT_FALSE(has_passed(verdict_of({.units = 4, .dropout = 1.0}), "dropout"));
}

TEST(BackendRules, ActivationWithTheSameNameAsTanhIsAnother) {
    const Activation custom = Activation::custom("tanh", [](auto x) { return x; });
    EXPECT_FALSE(has_passed(verdict_of({.units = 4, .activation = custom}), "activation"));
}

TEST(BackendRules, NoMaskAndARightPaddedOnePass) {
    const GruOptions options{.units = 4};
    for (const MaskKind mask : {MaskKind::none, MaskKind::right_padded})
        EXPECT_TRUE(has_passed(choose_backend({.options = options, .mask = mask}), "mask"));
    EXPECT_FALSE(has_passed(choose_backend({.options = options, .mask = MaskKind::general}), "mask"));
}

TEST(BackendRules, AnyMaskPassesWhereItIsAllowed) {
    const GruOptions options{.units = 4};
    const BackendVerdict verdict =
        choose_backend({.options = options, .mask = MaskKind::general, .allows_any_mask = true});
    EXPECT_TRUE(has_passed(verdict, "mask"));
    EXPECT_NE(verdict.text().find("mask: is none of Keras's for cuDNN; any_mask allows it"), std::string::npos);
}

TEST(BackendRules, DropoutMasksOfTheCallAreDropout) {
    const GruOptions options{.units = 4};
    EXPECT_FALSE(has_passed(choose_backend({.options = options, .has_dropout_masks = true}), "dropout"));
}

TEST(BackendRules, ConditionsOfTheCallerCountToo) {
    const GruOptions options{.units = 4, .use_cudnn = true};
    const BackendVerdict verdict =
        choose_backend({.options = options, .conditions = {{"device", false, "there is none"}}});
    EXPECT_TRUE(verdict.is_refused);
    EXPECT_NE(verdict.text().find("[failed] device: there is none"), std::string::npos);
}

TEST(BackendRules, FailedRulesNameWhatTheyFound) {
    const std::string text = Situation(3).verdict().text();
    EXPECT_NE(text.find("must be tanh, is relu"), std::string::npos) << text;
    EXPECT_NE(text.find("must be sigmoid, is hard_sigmoid"), std::string::npos) << text;
}

TEST(BackendRules, NeverIsAmongTheConditions) {
    EXPECT_FALSE(has_passed(Situation(0, false).verdict(), "use_cudnn"));
    EXPECT_TRUE(has_passed(Situation(0, true).verdict(), "use_cudnn"));
    EXPECT_TRUE(has_passed(Situation(0, "auto").verdict(), "use_cudnn"));
}

#if !defined(EIGENGRU_CUDNN)
TEST(BackendRules, MissingBuildFlagIsAmongTheConditions) {
    const BackendVerdict verdict = Situation(0, true).verdict();
    EXPECT_FALSE(has_passed(verdict, "build"));
    EXPECT_NE(verdict.text().find("EIGENGRU_CUDNN"), std::string::npos);
}
#endif

TEST(BackendRules, TextBeginsWithTheDecision) {
    EXPECT_TRUE(Situation(1).verdict().text().starts_with("runs on Eigen\n"));
    EXPECT_TRUE(
        Situation(1, true).verdict().text().starts_with("use_cudnn is true, but this call cannot run on cuDNN\n"));
}

}  // namespace
