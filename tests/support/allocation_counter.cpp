// SPDX-License-Identifier: MIT
#include "support/allocation_counter.hpp"

namespace eigengru_test {
namespace {

// The program's own thread-local variable: reading it never allocates.
constinit thread_local std::size_t allocations = 0;

}  // namespace

AllocationCount::AllocationCount() : start_(allocations) {}

std::size_t AllocationCount::count() const {
    return allocations - start_;
}

}  // namespace eigengru_test

#if defined(EIGENGRU_TEST_COUNTS_ALLOCATIONS)

#include <cerrno>

// The linker prefers these to the C library's, in the program and in every shared library that it loads. operator new
// calls malloc or aligned_alloc and so is counted once. free stays the C library's: the memory is its own.
extern "C" {

void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

void* malloc(std::size_t size) {
    ++eigengru_test::allocations;
    return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) {
    ++eigengru_test::allocations;
    return __libc_calloc(count, size);
}

void* realloc(void* old, std::size_t size) {
    ++eigengru_test::allocations;
    return __libc_realloc(old, size);
}

void* memalign(std::size_t alignment, std::size_t size) {
    ++eigengru_test::allocations;
    return __libc_memalign(alignment, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) {
    ++eigengru_test::allocations;
    return __libc_memalign(alignment, size);
}

int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
    ++eigengru_test::allocations;
    void* const block = __libc_memalign(alignment, size);
    if (block == nullptr) return ENOMEM;
    *memory = block;
    return 0;
}

}  // extern "C"

#endif
