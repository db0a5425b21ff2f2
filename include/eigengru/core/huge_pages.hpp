// SPDX-License-Identifier: MIT
// Huge pages for what is large: weights, records of the backward pass, sequences.
#pragma once

#include "eigengru/core/config.hpp"

#include <cstddef>
#include <cstdint>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace eigengru::inline EIGENGRU_ABI::detail {

/// The bytes of a huge page of most processors.
inline constexpr std::size_t kHugePageBytes = std::size_t(2) << 20;

/// Asks the system to back memory that nobody has written yet with huge pages, where whole ones fit. A step reads all
/// weights, and a processor knows the addresses of a few thousand pages: with pages of 4 KB it looks most of 25 MB up
/// again in each step, which costs up to a quarter of the time. No more than a wish: Linux grants it unless
/// /sys/kernel/mm/transparent_hugepage/enabled says `never`.
inline void advise_huge_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(MADV_HUGEPAGE)
    const std::size_t before = (kHugePageBytes - reinterpret_cast<std::uintptr_t>(memory) % kHugePageBytes) %
                               kHugePageBytes;  // up to the first whole page
    if (bytes < before + kHugePageBytes) return;
    const std::size_t whole = (bytes - before) / kHugePageBytes * kHugePageBytes;
    (void)::madvise(static_cast<char*>(memory) + before, whole, MADV_HUGEPAGE);
#endif
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
