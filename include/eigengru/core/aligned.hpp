// SPDX-License-Identifier: MIT
// AlignedVector: a std::vector whose memory begins at a cache line, for packed weights and scratch.
#pragma once

#include "eigengru/core/huge_pages.hpp"
#include "eigengru/core/types.hpp"

#include <new>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// The bytes of a cache line, and of the widest vector.
inline constexpr std::size_t kLineBytes = 64;

/// Scalars in a cache line.
template <class S>
inline constexpr Index kLineSize = Index(kLineBytes / sizeof(S));

/// Cache lines that cover so many scalars.
template <class S>
[[nodiscard]] constexpr Index line_count(Index count) {
    return (count + kLineSize<S> - 1) / kLineSize<S>;
}

/// `count` rounded up to whole cache lines of scalars.
template <class S>
[[nodiscard]] constexpr Index whole_lines(Index count) {
    return line_count<S>(count) * kLineSize<S>;
}

/// Asks for a cache line that will be read soon.
template <class T>
EIGENGRU_ALWAYS_INLINE void prefetch([[maybe_unused]] const T* address) {
#if defined(__GNUC__) || defined(__clang__)
    __builtin_prefetch(address, 0, 2);
#endif
}

/// Asks for a cache line that will be written soon.
template <class T>
EIGENGRU_ALWAYS_INLINE void prefetch_to_write([[maybe_unused]] T* address) {
#if defined(__GNUC__) || defined(__clang__)
    __builtin_prefetch(address, 1, 3);
#endif
}

/// Allocates at multiples of a cache line; much memory at multiples of a huge page, and asks for those.
template <class T>
struct AlignedAllocator {
    using value_type = T;

    AlignedAllocator() = default;
    template <class U>
    AlignedAllocator(const AlignedAllocator<U>&) {}

    [[nodiscard]] T* allocate(std::size_t count) {
        const std::size_t bytes = count * sizeof(T);
        void* const memory = ::operator new(bytes, alignment_of(bytes));
        advise_huge_pages(memory, bytes);
        return static_cast<T*>(memory);
    }
    void deallocate(T* memory, std::size_t count) { ::operator delete(memory, alignment_of(count * sizeof(T))); }

    friend bool operator==(const AlignedAllocator&, const AlignedAllocator&) { return true; }

private:
    [[nodiscard]] static constexpr std::align_val_t alignment_of(std::size_t bytes) {
        return std::align_val_t(large_alignment(bytes, kLineBytes));
    }
};

template <class T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

}  // namespace eigengru::inline EIGENGRU_ABI::detail
