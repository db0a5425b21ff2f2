// SPDX-License-Identifier: MIT
#include "support/allocation_counter.hpp"

#include <Eigen/Core>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

namespace eigengru_test {
namespace {

/// Runs `body` and gives the number of allocations it made.
template <class F>
std::size_t allocations_in(F&& body) {
    const AllocationCount counter;
    body();
    return counter.count();
}

/// Makes the compiler believe that somebody looks at the memory, so that it keeps the allocation.
void* volatile kept = nullptr;

void keep(void* memory) {
    kept = memory;
}

class AllocationCounter : public testing::Test {
protected:
    void SetUp() override {
        if (!kAllocationCounterWorks) GTEST_SKIP() << "allocations cannot be counted in this build";
    }
};

TEST_F(AllocationCounter, SeesNothingWhereNothingHappens) {
    double sum = 0;
    EXPECT_EQ(allocations_in([&] { sum += 1; }), 0u);
}

TEST_F(AllocationCounter, SeesMalloc) {
    EXPECT_EQ(allocations_in([] {
                  void* memory = std::malloc(100);
                  keep(memory);
                  std::free(memory);
              }),
              1u);
}

TEST_F(AllocationCounter, SeesCallocAndRealloc) {
    EXPECT_EQ(allocations_in([] {
                  void* memory = std::calloc(10, 10);
                  keep(memory);
                  memory = std::realloc(memory, 1000);
                  keep(memory);
                  std::free(memory);
              }),
              2u);
}

TEST_F(AllocationCounter, SeesAlignedAllocAndPosixMemalign) {
    EXPECT_EQ(allocations_in([] {
                  void* memory = std::aligned_alloc(64, 128);
                  keep(memory);
                  std::free(memory);
                  if (posix_memalign(&memory, 64, 128) == 0) {
                      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % 64, 0u);
                      std::free(memory);
                  }
              }),
              2u);
}

TEST_F(AllocationCounter, SeesNewOnce) {
    EXPECT_EQ(allocations_in([] { keep(std::make_unique<int>(7).get()); }), 1u);
}

TEST_F(AllocationCounter, SeesNewOfAnOveralignedType) {
    struct alignas(128) Wide {
        char bytes[128];
    };
    EXPECT_EQ(allocations_in([] { keep(std::make_unique<Wide>().get()); }), 1u);
}

TEST_F(AllocationCounter, SeesAnEigenResize) {
    Eigen::MatrixXd matrix(2, 2);
    EXPECT_EQ(allocations_in([&] { matrix.resize(20, 20); }), 1u);
    EXPECT_EQ(allocations_in([&] { matrix.resize(10, 40); }), 0u);
}

TEST_F(AllocationCounter, SeesTheTemporaryOfAnAliasedProduct) {
    Eigen::MatrixXd a = Eigen::MatrixXd::Identity(20, 20);
    Eigen::MatrixXd b = a;
    EXPECT_GT(allocations_in([&] { b = a * b; }), 0u);
}

TEST_F(AllocationCounter, CountsItsOwnThreadAlone) {
    const AllocationCount outer;
    std::size_t inner = 0;
    std::thread other([&inner] {
        inner = allocations_in([] {
            for (int i = 0; i < 100; ++i) keep(std::make_unique<int>(i).get());
        });
    });
    other.join();
    EXPECT_EQ(inner, 100u);
    EXPECT_LT(outer.count(), 100u);
}

TEST_F(AllocationCounter, CountersNest) {
    const AllocationCount outer;
    keep(std::make_unique<int>(1).get());
    const AllocationCount inner;
    keep(std::make_unique<int>(2).get());
    EXPECT_EQ(inner.count(), 1u);
    EXPECT_EQ(outer.count(), 2u);
}

#if !defined(EIGENGRU_TEST_COUNTS_ALLOCATIONS)
TEST(AllocationCounterUnavailable, CountsZero) {
    const AllocationCount counter;
    std::vector<int> some(100);
    keep(some.data());
    EXPECT_EQ(counter.count(), 0u);
}
#endif

}  // namespace
}  // namespace eigengru_test
