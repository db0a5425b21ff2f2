// SPDX-License-Identifier: MIT
// What owns handles, through the fake.
#include "eigengru/cuda/handles.hpp"

#include "support/cuda_fake.hpp"
#include "support/message_of.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace eigengru_test::handles_test {
namespace {

using namespace eigengru;
using namespace eigengru::detail;
using eigengru_test::CudaFake;
using eigengru_test::message_of;

TEST(CudaOwner, GivesBackWhatAFailedConstructionHadMade) {
    CudaFake fake;
    fake.fail("cudnnSetStream", CUDNN_STATUS_INTERNAL_ERROR);
    {
        const CudaStream stream = make_stream(cuda_functions());
        std::string refusal;
        EXPECT_THROW(static_cast<void>(make_cudnn_handle(cuda_functions(), stream.get(), refusal)), BackendError);
        CudaStream moved = make_stream(cuda_functions());
        moved = make_stream(cuda_functions());
    }
    EXPECT_EQ(fake.alive(), "");
}

TEST(CudaOwner, LeavesCudnnAloneWhenTheRuntimeIsGone) {
    CudaFake fake;
    const CudaFunctions& f = cuda_functions();
    const CudaStream stream = make_stream(f);
    std::string refusal;
    cudnnHandle_t left = nullptr;
    {
        const CudnnHandle handle = make_cudnn_handle(f, stream.get(), refusal);
        left = handle.get();
        fake.fail("cudaGetDeviceCount", cudaErrorCudartUnloading);
    }
    EXPECT_EQ(fake.calls("cudnnDestroy"), 0);
    f.cudnnDestroy(left);
}

TEST(CudaOwner, GivesBackToTheTableThatMadeIt) {
    CudaFake fake;
    static int strangers = 0;
    strangers = 0;
    CudaFunctions other = cuda_functions();
    other.cudaStreamDestroy = [](cudaStream_t) {
        ++strangers;
        return cudaSuccess;
    };
    {
        CudaStream stream = make_stream(cuda_functions()), another = make_stream(cuda_functions());
        const ScopedCudaFunctions scope(other);
        stream = CudaStream();
        EXPECT_EQ(fake.calls("cudaStreamDestroy"), 1);
    }
    EXPECT_EQ(strangers, 0);
    EXPECT_EQ(fake.alive(), "");
}

TEST(CudaOwner, IsNoneWhereCudnnDoesNotSupportTheDriver) {
    CudaFake fake;
    fake.fail("cudnnCreate", CUDNN_STATUS_NOT_SUPPORTED_INCOMPATIBLE_CUDA_DRIVER);
    std::string refusal;
    EXPECT_EQ(make_cudnn_handle(cuda_functions(), nullptr, refusal).get(), nullptr);
    EXPECT_EQ(refusal.find("cudnnCreate failed with CUDNN_STATUS_NOT_SUPPORTED_INCOMPATIBLE_CUDA_DRIVER: "), 0U)
        << refusal;
    EXPECT_EQ(fake.calls("cudnnSetStream"), 0);
    EXPECT_NE(make_cudnn_handle(cuda_functions(), nullptr, refusal).get(), nullptr);
    EXPECT_EQ(refusal, "");
    EXPECT_EQ(fake.calls("cudnnDestroy"), 1);
}

TEST(StreamScope, WaitsWhenAnExceptionIsOnItsWay) {
    CudaFake fake;
    const CudaStream stream = make_stream(cuda_functions());
    fake.reset_counts();
    { const StreamScope scope(cuda_functions(), stream.get()); }
    EXPECT_EQ(fake.calls("cudaStreamSynchronize"), 1);
    {
        StreamScope scope(cuda_functions(), stream.get());
        scope.wait();
    }
    EXPECT_EQ(fake.calls("cudaStreamSynchronize"), 2);
}

TEST(StreamScope, ReportsWhatFailedOnlyToThoseWhoWait) {
    CudaFake fake;
    const CudaStream stream = make_stream(cuda_functions());
    fake.fail("cudaStreamSynchronize", cudaErrorLaunchFailure);
    EXPECT_NE(message_of<BackendError>([&] {
                  StreamScope(cuda_functions(), stream.get()).wait();
              }).find("cuDNN backend: cudaStreamSynchronize failed with cudaErrorLaunchFailure: "),
              std::string::npos);
    fake.fail("cudaStreamSynchronize", cudaErrorLaunchFailure);
    { const StreamScope scope(cuda_functions(), stream.get()); }
    EXPECT_TRUE(fake.has_failed());
    EXPECT_EQ(fake.last_error(), cudaSuccess);
}

TEST(StreamScope, WaitsAgainForWhatFollows) {
    CudaFake fake;
    const CudaStream stream = make_stream(cuda_functions());
    fake.reset_counts();
    {
        StreamScope scope(cuda_functions(), stream.get());
        scope.wait();
        scope.reopen();
    }
    EXPECT_EQ(fake.calls("cudaStreamSynchronize"), 2);
}

}  // namespace
}  // namespace eigengru_test::handles_test
