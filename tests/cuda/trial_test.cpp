// SPDX-License-Identifier: MIT
// Trials of plans, through the fake.
#include "eigengru/cuda/trial.hpp"

#include "cuda/plans.hpp"
#include "support/message_of.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <memory>

namespace eigengru_test::trial_test {
namespace {

using namespace eigengru;
using namespace eigengru::detail;
using eigengru_test::message_of;

TEST_F(Plan, TrialOfTrainingRunsBackwardToo) {
    PlanKey key = kPlanKey;
    key.is_training = true;
    static_cast<void>(context->plan(key));
    EXPECT_EQ(fake.calls("cudnnRNNBackwardData_v8"), 1);
    EXPECT_EQ(fake.calls("cudnnRNNBackwardWeights_v8"), 1);
    fake.fail("cudnnRNNBackwardWeights_v8", CUDNN_STATUS_NOT_SUPPORTED);
    key.time = 4;
    EXPECT_EQ(context->plan(key).plan, nullptr);
}

/// A plan that has not been tried, and what tries it.
class TrialOf : public Plan {
protected:
    void TearDown() override {
        plan.reset();
        trial.reset();
        scratch = DeviceMemory();
        Plan::TearDown();
    }

    [[nodiscard]] RnnPlan::Place place() { return {cuda_functions(), context->handle(), scratch}; }
    void make(bool is_training) {
        PlanKey key = kPlanKey;
        key.is_training = is_training;
        plan = RnnPlan::make(place(), key).plan;
        ASSERT_NE(plan, nullptr);
    }

    DeviceMemory scratch;
    std::shared_ptr<const RnnPlan> plan;
    std::unique_ptr<Trial> trial = std::make_unique<Trial>(place(), context->stream());
};

TEST_F(TrialOf, RunsAPlanForInferenceForwardAlone) {
    make(false);
    EXPECT_EQ(trial->run(*plan), "");
    EXPECT_EQ(fake.calls("cudnnRNNForward"), 1);
    EXPECT_EQ(fake.calls("cudnnRNNBackwardData_v8"), 0);
    EXPECT_EQ(fake.latest_forward().mode, CUDNN_FWD_MODE_INFERENCE);
    fake.reset_counts();
    EXPECT_EQ(trial->run(*plan), "");
    EXPECT_EQ(fake.allocations(), 0);
}

TEST_F(TrialOf, SaysWhatIsNotSupportedAtAnyOfItsCalls) {
    make(true);
    for (const std::string function : {"cudnnRNNForward", "cudnnRNNBackwardData_v8", "cudnnRNNBackwardWeights_v8"}) {
        fake.fail(function, CUDNN_STATUS_NOT_SUPPORTED);
        EXPECT_EQ(trial->run(*plan).find(function + " failed with CUDNN_STATUS_NOT_SUPPORTED: "), 0U) << function;
        fake.fail(function, CUDNN_STATUS_EXECUTION_FAILED);
        EXPECT_THROW(static_cast<void>(trial->run(*plan)), BackendError) << function;
    }
    EXPECT_EQ(trial->run(*plan), "");
}

TEST_F(TrialOf, TimeIsThatOfThreePassesAndInfiniteWhereOneIsRefused) {
    make(false);
    fake.options().milliseconds[CUDNN_RNN_ALGO_STANDARD] = 2.5F;
    EXPECT_EQ(trial->time(*plan), 7.5F);
    fake.fail("cudnnRNNForward", CUDNN_STATUS_NOT_SUPPORTED, 2);
    EXPECT_EQ(trial->time(*plan), std::numeric_limits<float>::infinity());
    EXPECT_EQ(trial->time(*plan), 7.5F);
}

TEST_F(TrialOf, TimeThatCannotBeTakenIsAFailure) {
    make(false);
    for (const std::string function :
         {"cudaEventCreateWithFlags", "cudaEventRecord", "cudaEventSynchronize", "cudaEventElapsedTime"}) {
        fake.fail(function, cudaErrorLaunchFailure);
        EXPECT_EQ(message_of<BackendError>([&] {
                      static_cast<void>(trial->time(*plan));
                  }).find("cuDNN backend: " + function + " failed with cudaErrorLaunchFailure: "),
                  0U);
        EXPECT_EQ(fake.last_error(), cudaSuccess) << function;
    }
}

}  // namespace
}  // namespace eigengru_test::trial_test
