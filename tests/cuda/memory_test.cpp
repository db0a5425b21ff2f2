// SPDX-License-Identifier: MIT
// What owns memory, through the fake.
#include "eigengru/cuda/memory.hpp"

#include "support/cuda_fake.hpp"
#include "support/message_of.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace eigengru_test::memory_test {
namespace {

using namespace eigengru;
using namespace eigengru::detail;

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

}  // namespace
}  // namespace eigengru_test::memory_test
