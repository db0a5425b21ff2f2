// SPDX-License-Identifier: MIT
// Counts the heap allocations of the calling thread, for the tests of "allocates nothing after prepare".
//
// It replaces malloc and its relatives in every program that uses it, so that operator new, Eigen and the C library are
// all seen. That needs glibc, and the sanitizers have their own malloc: there kAllocationCounterWorks is false, count()
// is always 0, and a test says GTEST_SKIP() or checks `if constexpr (kAllocationCounterWorks)`.
#pragma once

#include "support/sanitizers.hpp"

#include <cstddef>
#include <cstdlib>  // defines __GLIBC__

#if defined(__GLIBC__) && !defined(EIGENGRU_TEST_HAS_SANITIZER)
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
