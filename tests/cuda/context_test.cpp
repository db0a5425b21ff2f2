// SPDX-License-Identifier: MIT
// What the passes of one user share, through the fake.
#include "eigengru/cuda/context.hpp"

#include "cuda/plans.hpp"
#include "support/message_of.hpp"

#include <gtest/gtest.h>

namespace eigengru_test::context_test {
namespace {

using namespace eigengru;
using namespace eigengru::detail;
using eigengru_test::CudaFake;
using eigengru_test::message_of;

TEST(CudnnContextOf, HasAStreamOfItsOwnOrLeavesTheCallersAlone) {
    CudaFake fake;
    const CudaStream stream = make_stream(cuda_functions());
    {
        const CudnnContext own(cuda_functions()), others(cuda_functions(), stream.get());
        EXPECT_NE(own.stream(), nullptr);
        EXPECT_NE(own.stream(), stream.get());
        EXPECT_EQ(others.stream(), stream.get());
        EXPECT_NE(others.handle(), own.handle());
        fake.reset_counts();
    }
    EXPECT_EQ(fake.calls("cudaStreamDestroy"), 1);
    EXPECT_EQ(fake.calls("cudnnDestroy"), 2);
    EXPECT_EQ(fake.alive(), "1 streams");
}

TEST(CudnnContextOf, IsForItsDeviceAndTable) {
    const CudaFake fake;
    static int current = 0;
    current = 1;
    CudaFunctions f = cuda_functions();
    f.cudaGetDevice = [](int* device) {
        *device = current;
        return cudaSuccess;
    };
    const CudnnContext context(f);
    EXPECT_EQ(context.device(), 1);
    EXPECT_TRUE(context.is_for(f));
    EXPECT_FALSE(context.is_for(cuda_functions()));
    current = 0;
    EXPECT_FALSE(context.is_for(f));
}

TEST(CudnnContextOf, WithoutSupportForTheDriverThereIsNoPlanAndNobodyIsAsked) {
    CudaFake fake;
    fake.fail("cudnnCreate", CUDNN_STATUS_NOT_SUPPORTED_INCOMPATIBLE_CUDA_DRIVER);
    CudnnContext context(cuda_functions());
    EXPECT_EQ(context.handle(), nullptr);
    EXPECT_EQ(context.refusal().find("cudnnCreate failed with"), 0U) << context.refusal();
    fake.reset_counts();
    const RnnPlan::Result result = context.plan(kPlanKey);
    EXPECT_EQ(result.plan, nullptr);
    EXPECT_EQ(result.refusal, context.refusal());
    EXPECT_EQ(context.plans().size(), 0U);
    EXPECT_EQ(fake.calls(), 0);
}

TEST(CudnnContextOf, FailuresOfItsPartsAreThrownAndLeaveNothing) {
    CudaFake fake;
    for (const std::string function : {"cudaGetDevice", "cudaStreamCreateWithFlags", "cudnnCreate", "cudnnSetStream"}) {
        fake.fail(function,
                  function.starts_with("cuda") ? int{cudaErrorInitializationError} : int{CUDNN_STATUS_INTERNAL_ERROR});
        EXPECT_EQ(message_of<BackendError>([] {
                      const CudnnContext context(cuda_functions());
                  }).find("cuDNN backend: " + function + " failed with "),
                  0U)
            << function;
        EXPECT_EQ(fake.alive(), "") << function;
    }
}

TEST_F(Plan, HasWorkspaceWhetherItIsNewOrKnown) {
    PlanKey large = kPlanKey;
    large.batch = 64;
    const auto plan = context->plan(large).plan;
    ASSERT_GT(plan->workspace_bytes(), context->plan(kPlanKey).plan->workspace_bytes());
    const void* const workspace = context->workspace();
    EXPECT_NE(workspace, nullptr);
    fake.reset_counts();
    static_cast<void>(context->plan(large));
    EXPECT_EQ(fake.allocations(), 0);
    EXPECT_EQ(context->workspace(), workspace);
}

TEST(IsCapturing, CountsEverythingButTheAnswerNo) {
    CudaFake fake;
    const CudaFunctions& f = cuda_functions();
    const CudaStream stream = make_stream(f);
    EXPECT_FALSE(is_capturing(f, stream.get()));
    for (const auto status : {cudaStreamCaptureStatusActive, cudaStreamCaptureStatusInvalidated}) {
        fake.set_capturing(stream.get(), status);
        EXPECT_TRUE(is_capturing(f, stream.get()));
    }
    // While another stream is being captured, the legacy stream answers with an error.
    EXPECT_TRUE(is_capturing(f, nullptr));
    EXPECT_EQ(fake.last_error(), cudaSuccess);
    fake.set_capturing(stream.get(), cudaStreamCaptureStatusNone);
    EXPECT_FALSE(is_capturing(f, nullptr));
}

}  // namespace
}  // namespace eigengru_test::context_test
