// SPDX-License-Identifier: MIT
// The plans that are remembered and the choice between algorithms, through the fake.
#include "eigengru/cuda/plan_cache.hpp"

#include "cuda/plans.hpp"

#include <gtest/gtest.h>

namespace eigengru_test::plan_cache_test {
namespace {

using namespace eigengru;
using namespace eigengru::detail;

TEST_F(Plan, IsMadeOnceForAKey) {
    const auto first = context->plan(kPlanKey).plan;
    ASSERT_NE(first, nullptr);
    fake.reset_counts();
    EXPECT_EQ(context->plan(kPlanKey).plan, first);
    EXPECT_EQ(fake.calls(), 0);
}

TEST_F(Plan, ThoseUsedLastAreKeptAndTheirNumberIsBounded) {
    PlanKey key = kPlanKey, often = kPlanKey;
    often.time = 2;
    for (key.time = 1; key.time <= Index(PlanCache::kMostPlans) + 3; ++key.time) {
        static_cast<void>(context->plan(key));
        if (key.time > 2) static_cast<void>(context->plan(often));
    }
    EXPECT_EQ(context->plans().size(), PlanCache::kMostPlans);
    --key.time;
    EXPECT_NE(context->plans().find(key), nullptr);
    EXPECT_NE(context->plans().find(often), nullptr);
    key.time = 1;
    EXPECT_EQ(context->plans().find(key), nullptr);
}

TEST_F(Plan, TakesTheFastestAlgorithm) {
    fake.options().milliseconds = {4, 3, 1, 2};
    EXPECT_EQ(context->plan(automatic_key()).plan->key().algorithm, CudnnAlgorithm::persist_dynamic);
}

TEST_F(Plan, TakesTheStandardAlgorithmWhereNoneIsFaster) {
    fake.options().milliseconds = {1, 1, 1, 1};
    EXPECT_EQ(context->plan(automatic_key()).plan->key().algorithm, CudnnAlgorithm::standard);
}

TEST_F(Plan, DropsWhatIsNotSupportedWhereverThatIsSaid) {
    fake.options().milliseconds = {4, 3, 2, 1};
    PlanKey key = automatic_key();
    key.is_double = true;  // neither persist_static nor its sibling
    EXPECT_EQ(context->plan(key).plan->key().algorithm, CudnnAlgorithm::persist_dynamic);
    fake.options().limits = eigengru_test::FakeLimits::at_run;
    key = automatic_key();
    key.units = 200;  // too many for small_h
    EXPECT_EQ(context->plan(key).plan->key().algorithm, CudnnAlgorithm::persist_dynamic);
}

TEST_F(Plan, RefusalOfTheStandardAlgorithmIsTheAnswer) {
    fake.fail("cudnnSetRNNDataDescriptor", CUDNN_STATUS_NOT_SUPPORTED_SHAPE);
    const RnnPlan::Result result = context->plan(automatic_key());
    EXPECT_EQ(result.plan, nullptr);
    EXPECT_NE(result.refusal.find("cudnnSetRNNDataDescriptor failed with"), std::string::npos) << result.refusal;
}

TEST_F(Plan, FailureIsNoAnswerAndIsNotRemembered) {
    fake.fail("cudnnRNNForward", CUDNN_STATUS_EXECUTION_FAILED);
    EXPECT_THROW(static_cast<void>(context->plan(automatic_key())), BackendError);
    fake.recover();
    EXPECT_EQ(context->plans().size(), 0U);
    EXPECT_NE(context->plan(automatic_key()).plan, nullptr);
}

TEST_F(Plan, LengthsOfAboutTheSameSizeShareAChoice) {
    fake.options().milliseconds = {4, 1, 2, 3};
    PlanKey key = automatic_key();
    key.time = 33;
    static_cast<void>(context->plan(key));
    fake.reset_counts();
    key.time = 64;
    EXPECT_EQ(context->plan(key).plan->key().algorithm, CudnnAlgorithm::persist_static);
    EXPECT_EQ(fake.calls("cudnnRNNForward"), 1);  // a trial, no timing
    key.time = 65;
    static_cast<void>(context->plan(key));
    EXPECT_GT(fake.calls("cudnnRNNForward"), 2);
}

TEST_F(Plan, SharedChoiceThatIsNotSupportedIsMadeAgain) {
    fake.options().milliseconds = {4, 1, 2, 3};
    PlanKey key = automatic_key();
    key.time = 33;
    static_cast<void>(context->plan(key));
    key.time = 34;
    fake.fail("cudnnGetRNNTempSpaceSizes", CUDNN_STATUS_NOT_SUPPORTED);
    EXPECT_NE(context->plan(key).plan, nullptr);
}

TEST_F(Plan, ARefusalIsRememberedAndAskedForNoMore) {
    fake.fail("cudnnGetRNNTempSpaceSizes", CUDNN_STATUS_NOT_SUPPORTED);
    const std::string refusal = context->plan(kPlanKey).refusal;
    EXPECT_EQ(refusal.find("cudnnGetRNNTempSpaceSizes failed with CUDNN_STATUS_NOT_SUPPORTED: "), 0U) << refusal;
    fake.recover();
    fake.reset_counts();
    const RnnPlan::Result again = context->plan(kPlanKey);
    EXPECT_EQ(again.plan, nullptr);
    EXPECT_EQ(again.refusal, refusal);
    EXPECT_EQ(fake.calls(), 0);
}

TEST_F(Plan, WhatIsKnownOfAKeyIsToldWithoutAskingAnybody) {
    EXPECT_EQ(context->plans().find(kPlanKey), nullptr);
    const auto plan = context->plan(kPlanKey).plan;
    fake.reset_counts();
    ASSERT_NE(context->plans().find(kPlanKey), nullptr);
    EXPECT_EQ(context->plans().find(kPlanKey)->plan, plan);
    EXPECT_EQ(context->plans().find(automatic_key()), nullptr);  // the same algorithm in the end, but another question
    EXPECT_EQ(fake.calls(), 0);
}

}  // namespace
}  // namespace eigengru_test::plan_cache_test
