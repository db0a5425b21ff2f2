// SPDX-License-Identifier: MIT
// Huge pages for what is large: weights, scratch, records of the backward pass, sequences.
#pragma once

#include "eigengru/core/types.hpp"

#include <cstddef>
#include <cstdint>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace eigengru::inline EIGENGRU_ABI::detail {

/// The bytes of a huge page of most processors.
inline constexpr std::size_t kHugePageBytes = std::size_t(2) << 20;

/// Where memory of so many bytes had better begin: at a huge page where there are some. (Other systems would set aside
/// as much again for nothing.)
[[nodiscard]] constexpr std::size_t large_alignment([[maybe_unused]] std::size_t bytes, std::size_t otherwise) {
#if defined(__linux__)
    if (bytes >= kHugePageBytes) return kHugePageBytes;
#endif
    return otherwise;
}

/// Asks the system to back memory with huge pages, where whole ones fit; best before anybody writes there. A step reads
/// all weights, and a processor knows the addresses of a few thousand pages: with pages of 4 KB it looks most of 25 MB
/// up again in each step, which costs up to a quarter of the time. No more than a wish: Linux grants it where it can,
/// unless /sys/kernel/mm/transparent_hugepage/enabled says `never`.
inline void advise_huge_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(MADV_HUGEPAGE)
    const std::size_t past = reinterpret_cast<std::uintptr_t>(memory) % kHugePageBytes;
    const std::size_t before = past == 0 ? 0 : kHugePageBytes - past;  // bytes before the first whole page
    if (bytes < before + kHugePageBytes) return;
    const std::size_t whole = (bytes - before) / kHugePageBytes * kHugePageBytes;
    static_cast<void>(::madvise(static_cast<char*>(memory) + before, whole, MADV_HUGEPAGE));
#endif
}

/// Another size for a vector of Eigen, with undefined values.
template <RealScalar S>
void resize_large(Eigen::Matrix<S, Eigen::Dynamic, 1>& values, Index size) {
    values.resize(0);  // Eigen frees before it allocates: a failure must leave nothing dangling
    values.resize(size);
    advise_huge_pages(values.data(), static_cast<std::size_t>(size) * sizeof(S));
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
