// SPDX-License-Identifier: MIT
// Plans, their trials and the choice between algorithms, through the fake.
#include "eigengru/cuda/context.hpp"

#include "support/cuda_fake.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace {

using namespace eigengru;
using namespace eigengru::detail;
using eigengru_test::CudaFake;

constexpr PlanKey kKey{.batch = 2, .time = 3, .features = 4, .units = 5};

PlanKey automatic(PlanKey key = kKey) {
    key.algorithm = CudnnAlgorithm::automatic;
    return key;
}

class Plan : public testing::Test {
protected:
    void TearDown() override {
        context.reset();
        EXPECT_TRUE(fake.violations().empty()) << fake.violations().front();
        EXPECT_EQ(fake.alive(), "");
    }

    CudaFake fake;
    std::unique_ptr<CudnnContext> context = std::make_unique<CudnnContext>(cuda_functions());
};

TEST_F(Plan, IsMadeOnceForAKey) {
    const auto first = context->plan(kKey).plan;
    ASSERT_NE(first, nullptr);
    fake.reset_counts();
    EXPECT_EQ(context->plan(kKey).plan, first);
    EXPECT_EQ(fake.calls(), 0);
}

TEST_F(Plan, IsAnotherForEveryFieldOfTheKey) {
    std::vector<PlanKey> keys(10, kKey);
    keys[1].batch = 3;
    keys[2].time = 4;
    keys[3].features = 5;
    keys[4].units = 6;
    keys[5].is_double = true;
    keys[6].is_training = true;
    keys[7].allow_tf32 = true;
    keys[8].algorithm = CudnnAlgorithm::persist_static;
    keys[9].layout = CUDNN_RNN_DATA_LAYOUT_BATCH_MAJOR_UNPACKED;
    std::vector<std::shared_ptr<const RnnPlan>> plans;
    for (const PlanKey& key : keys) {
        plans.push_back(context->plan(key).plan);
        ASSERT_NE(plans.back(), nullptr);
        EXPECT_EQ(plans.back()->key(), key);
    }
    for (std::size_t i = 0; i < keys.size(); ++i) EXPECT_EQ(context->plan(keys[i]).plan, plans[i]);
    EXPECT_EQ(context->plans().size(), keys.size());
}

TEST_F(Plan, ThoseUsedLastAreKeptAndTheirNumberIsBounded) {
    PlanKey key = kKey, often = kKey;
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

TEST_F(Plan, PersistentKernelThatDoesNotCompileIsNotSupported) {
    PlanKey key = kKey;
    key.algorithm = CudnnAlgorithm::persist_dynamic;
    fake.fail("cudnnBuildRNNDynamic", CUDNN_STATUS_INTERNAL_ERROR_COMPILATION_FAILED);
    const RnnPlan::Result result = context->plan(key);
    EXPECT_EQ(result.plan, nullptr);
    EXPECT_NE(result.refusal.find("cudnnBuildRNNDynamic failed with"), std::string::npos) << result.refusal;
}

TEST_F(Plan, TakesTheFastestAlgorithm) {
    fake.options().milliseconds = {4, 3, 1, 2};
    EXPECT_EQ(context->plan(automatic()).plan->key().algorithm, CudnnAlgorithm::persist_dynamic);
}

TEST_F(Plan, TakesTheStandardAlgorithmWhereNoneIsFaster) {
    fake.options().milliseconds = {1, 1, 1, 1};
    EXPECT_EQ(context->plan(automatic()).plan->key().algorithm, CudnnAlgorithm::standard);
}

TEST_F(Plan, DropsWhatIsNotSupportedWhereverThatIsSaid) {
    fake.options().milliseconds = {4, 3, 2, 1};
    PlanKey key = automatic();
    key.is_double = true;  // neither persist_static nor its sibling
    EXPECT_EQ(context->plan(key).plan->key().algorithm, CudnnAlgorithm::persist_dynamic);
    fake.options().limits = eigengru_test::FakeLimits::at_run;
    key = automatic();
    key.units = 200;  // too many for small_h
    EXPECT_EQ(context->plan(key).plan->key().algorithm, CudnnAlgorithm::persist_dynamic);
}

TEST_F(Plan, RefusalOfTheStandardAlgorithmIsTheAnswer) {
    fake.fail("cudnnSetRNNDataDescriptor", CUDNN_STATUS_NOT_SUPPORTED_SHAPE);
    const RnnPlan::Result result = context->plan(automatic());
    EXPECT_EQ(result.plan, nullptr);
    EXPECT_NE(result.refusal.find("cudnnSetRNNDataDescriptor failed with"), std::string::npos) << result.refusal;
}

TEST_F(Plan, FailureIsNoAnswerAndIsNotRemembered) {
    fake.fail("cudnnRNNForward", CUDNN_STATUS_EXECUTION_FAILED);
    EXPECT_THROW(static_cast<void>(context->plan(automatic())), BackendError);
    fake.recover();
    EXPECT_EQ(context->plans().size(), 0U);
    EXPECT_NE(context->plan(automatic()).plan, nullptr);
}

TEST_F(Plan, LengthsOfAboutTheSameSizeShareAChoice) {
    fake.options().milliseconds = {4, 1, 2, 3};
    PlanKey key = automatic();
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
    PlanKey key = automatic();
    key.time = 33;
    static_cast<void>(context->plan(key));
    key.time = 34;
    fake.fail("cudnnGetRNNTempSpaceSizes", CUDNN_STATUS_NOT_SUPPORTED);
    EXPECT_NE(context->plan(key).plan, nullptr);
}

TEST_F(Plan, TrialOfTrainingRunsBackwardToo) {
    PlanKey key = kKey;
    key.is_training = true;
    static_cast<void>(context->plan(key));
    EXPECT_EQ(fake.calls("cudnnRNNBackwardData_v8"), 1);
    EXPECT_EQ(fake.calls("cudnnRNNBackwardWeights_v8"), 1);
    fake.fail("cudnnRNNBackwardWeights_v8", CUDNN_STATUS_NOT_SUPPORTED);
    key.time = 4;
    EXPECT_EQ(context->plan(key).plan, nullptr);
}

}  // namespace
