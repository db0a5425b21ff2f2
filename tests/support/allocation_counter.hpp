// SPDX-License-Identifier: MIT
// Counts the heap allocations of the calling thread, for the tests of "allocates nothing after prepare".
//
// It replaces malloc and its relatives in every program that uses it, so that operator new, Eigen and the C library are
// all seen. That needs glibc, and the sanitizers have their own malloc: there kAllocationCounterWorks is false, count()
// is always 0, and a test says GTEST_SKIP() or checks `if constexpr (kAllocationCounterWorks)`.
#pragma once

#include <cstddef>
#include <cstdlib>  // defines __GLIBC__

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define EIGENGRU_TEST_SANITIZER_OWNS_MALLOC
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define EIGENGRU_TEST_SANITIZER_OWNS_MALLOC
#endif

#if defined(__GLIBC__) && !defined(EIGENGRU_TEST_SANITIZER_OWNS_MALLOC)
#define EIGENGRU_TEST_COUNTS_ALLOCATIONS
#endif

namespace eigengru_test {

#if defined(EIGENGRU_TEST_COUNTS_ALLOCATIONS)
inline constexpr bool kAllocationCounterWorks = true;
#else
inline constexpr bool kAllocationCounterWorks = false;
#endif

/// Allocations of this thread since the counter was made. Counters may be nested.
class AllocationCount {
public:
    AllocationCount();
    [[nodiscard]] std::size_t count() const;

private:
    std::size_t start_;
};

}  // namespace eigengru_test
