// SPDX-License-Identifier: MIT
// What owns memory and handles, and what becomes of failures, through the fake.
#include "eigengru/cuda/memory.hpp"

#include "eigengru/cuda/handles.hpp"
#include "eigengru/cuda/presence.hpp"
#include "support/cuda_fake.hpp"
#include "support/message_of.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace {

using namespace eigengru;
using namespace eigengru::detail;
using eigengru_test::CudaFake;
using eigengru_test::message_of;

TEST(CudaMemory, GrowsAndNeverShrinks) {
    const CudaFake fake;
    {
        DeviceMemory memory;
        memory.reserve(cuda_functions(), 0);
        EXPECT_EQ(memory.data(), nullptr);
        memory.reserve(cuda_functions(), 64);
        const void* data = memory.data();
        memory.reserve(cuda_functions(), 16);
        EXPECT_EQ(memory.data(), data);
        memory.reserve(cuda_functions(), 128);
        EXPECT_EQ(memory.bytes(), 128U);
    }
    EXPECT_EQ(fake.alive(), "");
}

TEST(CudaMemory, MovesAlong) {
    const CudaFake fake;
    {
        PinnedMemory memory;
        memory.reserve(cuda_functions(), 64);
        const void* data = memory.data();
        PinnedMemory other = std::move(memory);
        EXPECT_EQ(other.data(), data);
        EXPECT_EQ(memory.data(), nullptr);  // NOLINT: what a moved one is, is documented
        memory = std::move(other);
        EXPECT_EQ(memory.data(), data);
    }
    EXPECT_EQ(fake.alive(), "");
}

TEST(CudaMemory, IsEmptyAfterAFailureAndTheErrorIsOffTheBooks) {
    CudaFake fake;
    DeviceMemory memory;
    memory.reserve(cuda_functions(), 64);
    fake.fail("cudaMalloc", cudaErrorMemoryAllocation);
    const std::string message = message_of<BackendError>([&] { memory.reserve(cuda_functions(), 128); });
    EXPECT_NE(message.find("cudaMalloc failed with cudaErrorMemoryAllocation: "), std::string::npos) << message;
    EXPECT_EQ(memory.bytes(), 0U);
    EXPECT_EQ(fake.last_error(), cudaSuccess);
    EXPECT_EQ(fake.alive(), "");
}

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

TEST(Refusal, IsEveryKindOfNotSupportedAndNothingElse) {
    EXPECT_TRUE(is_not_supported(CUDNN_STATUS_NOT_SUPPORTED));
    EXPECT_TRUE(is_not_supported(CUDNN_STATUS_NOT_SUPPORTED_ARCH_MISMATCH));
    EXPECT_TRUE(is_not_supported(CUDNN_STATUS_INTERNAL_ERROR_COMPILATION_FAILED));
    EXPECT_FALSE(is_not_supported(CUDNN_STATUS_INTERNAL_ERROR));
    EXPECT_FALSE(is_not_supported(CUDNN_STATUS_SUCCESS));
    EXPECT_FALSE(is_not_supported(CUDNN_STATUS_BAD_PARAM));
    EXPECT_FALSE(is_not_supported(CUDNN_STATUS_EXECUTION_FAILED));
}

TEST(Presence, SaysWhatIsThere) {
    CudaFake fake;
    EXPECT_EQ(device_condition(cuda_functions()).reason, "there is one, with a driver for CUDA 13.0");
    EXPECT_TRUE(cudnn_condition(cuda_functions()).passed);
    fake.options().cudnn_version = 8907;
    EXPECT_EQ(cudnn_condition(cuda_functions()).reason, "must be version 9, is 8.9.7");
    fake.options().cudnn_version = 91900;
    EXPECT_EQ(cudnn_condition(cuda_functions()).reason, "must be version 9, is 9.19.0");
}

TEST(Presence, NoDeviceIsAnAnswerAndLeavesNoError) {
    CudaFake fake;
    fake.fail("cudaGetDeviceCount", cudaErrorInsufficientDriver);
    const BackendRule rule = device_condition(cuda_functions());
    EXPECT_FALSE(rule.passed);
    EXPECT_NE(rule.reason.find("cudaErrorInsufficientDriver"), std::string::npos) << rule.reason;
    EXPECT_EQ(fake.last_error(), cudaSuccess);
}

}  // namespace
