// SPDX-License-Identifier: MIT
// Whether there is a device and a cuDNN, through the fake.
#include "eigengru/cuda/presence.hpp"

#include "support/cuda_fake.hpp"

#include <gtest/gtest.h>

namespace eigengru_test::presence_test {
namespace {

using namespace eigengru;
using namespace eigengru::detail;
using eigengru_test::CudaFake;

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

TEST(Presence, NoneOfADeviceIsAnAnswerToo) {
    const CudaFake fake;
    CudaFunctions f = cuda_functions();
    f.cudaGetDeviceCount = [](int* count) {
        *count = 0;
        return cudaSuccess;
    };
    EXPECT_FALSE(device_condition(f).passed);
    EXPECT_EQ(device_condition(f).reason, "there is none");
    EXPECT_FALSE(is_device_there(f));
}

TEST(Presence, DeviceWithoutADriverIsNone) {
    CudaFake fake;
    fake.fail("cudaDriverGetVersion", cudaErrorInvalidValue);
    const BackendRule rule = device_condition(cuda_functions());
    EXPECT_FALSE(rule.passed);
    EXPECT_EQ(rule.reason, "has no driver: cudaDriverGetVersion failed with cudaErrorInvalidValue: invalid argument");
    EXPECT_EQ(fake.last_error(), cudaSuccess);
}

TEST(Presence, IsAskedWithoutWordsAndLeavesNoError) {
    CudaFake fake;
    EXPECT_TRUE(is_device_there(cuda_functions()));
    for (const char* function : {"cudaGetDeviceCount", "cudaDriverGetVersion"}) {
        fake.fail(function, cudaErrorInvalidValue);
        EXPECT_FALSE(is_device_there(cuda_functions())) << function;
        EXPECT_TRUE(fake.has_failed()) << function;
        EXPECT_EQ(fake.last_error(), cudaSuccess) << function;
    }
    fake.options().devices = 0;
    EXPECT_FALSE(is_device_there(cuda_functions()));
}

TEST(Presence, VersionsAreCountedAsTheirLibrariesDo) {
    EXPECT_EQ(cuda_version_text(12080), "12.8");
    EXPECT_EQ(cuda_version_text(13000), "13.0");
    CudaFake fake;
    fake.options().cudnn_version = 8907;
    EXPECT_EQ(cudnn_major(cuda_functions()), 8U);
    EXPECT_FALSE(cudnn_condition(cuda_functions()).passed);
    fake.options().cudnn_version = 101502;
    EXPECT_EQ(cudnn_major(cuda_functions()), 10U);
    EXPECT_EQ(cudnn_condition(cuda_functions()).reason, "must be version 9, is 10.15.2");
}

}  // namespace
}  // namespace eigengru_test::presence_test
