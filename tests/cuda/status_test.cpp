// SPDX-License-Identifier: MIT
// What becomes of failed calls, through the fake.
#include "eigengru/cuda/status.hpp"

#include "support/cuda_fake.hpp"
#include "support/message_of.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace eigengru_test::status_test {
namespace {

using namespace eigengru;
using namespace eigengru::detail;
using eigengru_test::CudaFake;
using eigengru_test::message_of;

TEST(FailureText, HasTheCallTheStatusAndItsWordsAndTakesTheErrorOffTheBooks) {
    CudaFake fake;
    const CudaFunctions& f = cuda_functions();
    fake.fail("cudaGetDevice", cudaErrorDevicesUnavailable);
    int device = 0;
    const cudaError_t status = f.cudaGetDevice(&device);
    EXPECT_EQ(fake.last_error(), cudaErrorDevicesUnavailable);
    EXPECT_EQ(
        failure_text(f, "cudaGetDevice", status),
        "cudaGetDevice failed with cudaErrorDevicesUnavailable: CUDA-capable device(s) is/are busy or unavailable");
    EXPECT_EQ(fake.last_error(), cudaSuccess);
}

TEST(FailureText, HasWhatCudnnSaysHoweverLongItIs) {
    const CudaFake fake;
    CudaFunctions f = cuda_functions();
    f.cudnnGetLastErrorString = [](char* message, std::size_t size) { std::strncpy(message, "a reason", size); };
    EXPECT_EQ(failure_text(f, "cudnnRNNForward", CUDNN_STATUS_EXECUTION_FAILED),
              "cudnnRNNForward failed with CUDNN_STATUS_EXECUTION_FAILED: a reason");
    f.cudnnGetLastErrorString = [](char* message, std::size_t size) { std::memset(message, 'x', size); };
    EXPECT_EQ(failure_text(f, "cudnnCreate", CUDNN_STATUS_EXECUTION_FAILED),
              "cudnnCreate failed with CUDNN_STATUS_EXECUTION_FAILED: " + std::string(511, 'x'));
}

TEST(CheckStatus, ThrowsUnlessTheCallWentWell) {
    const CudaFake fake;
    const CudaFunctions& f = cuda_functions();
    EXPECT_NO_THROW(check_status(f, "cudaFree", cudaSuccess));
    EXPECT_NO_THROW(check_status(f, "cudnnDestroy", CUDNN_STATUS_SUCCESS));
    EXPECT_EQ(message_of<BackendError>([&] { check_status(f, "cudaFree", cudaErrorInvalidValue); }),
              "cuDNN backend: cudaFree failed with cudaErrorInvalidValue: invalid argument");
    EXPECT_EQ(message_of<BackendError>([&] {
                  check_status(f, "cudnnDestroy", CUDNN_STATUS_NOT_SUPPORTED);
              }).find("cuDNN backend: cudnnDestroy failed with CUDNN_STATUS_NOT_SUPPORTED: "),
              0U);
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

TEST(Refusal, IsToldInWordsAndOtherFailuresAreThrown) {
    const CudaFake fake;
    const CudaFunctions& f = cuda_functions();
    EXPECT_EQ(refusal_of(f, "cudnnCreate", CUDNN_STATUS_SUCCESS), "");
    EXPECT_EQ(refusal_of(f, "cudnnCreate", CUDNN_STATUS_NOT_SUPPORTED_SHAPE)
                  .find("cudnnCreate failed with CUDNN_STATUS_NOT_SUPPORTED_SHAPE: "),
              0U);
    EXPECT_EQ(message_of<BackendError>([&] {
                  static_cast<void>(refusal_of(f, "cudnnCreate", CUDNN_STATUS_INTERNAL_ERROR));
              }).find("cuDNN backend: cudnnCreate failed with CUDNN_STATUS_INTERNAL_ERROR: "),
              0U);
}

}  // namespace
}  // namespace eigengru_test::status_test
