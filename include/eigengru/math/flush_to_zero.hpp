// SPDX-License-Identifier: MIT
// ScopedFlushToZero: subnormal numbers as zeros, for a while and for the calling thread. Eigengru itself never uses it:
// the mode belongs to the program. Streams do without, since they store small states as 0 (cell/flush.hpp).
#pragma once

#include "eigengru/core/config.hpp"

#include <cstdint>

#if defined(__SSE2__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace eigengru::inline EIGENGRU_ABI {

namespace detail {

#if defined(__SSE2__) || defined(_M_X64)

/// MXCSR: results (FTZ) and operands (DAZ) that are subnormal count as zeros.
inline constexpr std::uint64_t kFlushToZeroBits = 0x8000 | 0x0040;

[[nodiscard]] inline std::uint64_t float_mode() {
    return _mm_getcsr();
}
inline void set_float_mode(std::uint64_t mode) {
    _mm_setcsr(static_cast<unsigned>(mode));
}

#elif defined(__aarch64__)

/// FPCR: FZ, for results and operands alike.
inline constexpr std::uint64_t kFlushToZeroBits = std::uint64_t(1) << 24;

[[nodiscard]] inline std::uint64_t float_mode() {
    std::uint64_t mode;
    asm volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
}
inline void set_float_mode(std::uint64_t mode) {
    asm volatile("msr fpcr, %0" : : "r"(mode));
}

#else

inline constexpr std::uint64_t kFlushToZeroBits = 0;

[[nodiscard]] inline std::uint64_t float_mode() {
    return 0;
}
inline void set_float_mode(std::uint64_t) {}

#endif

}  // namespace detail

/// While it lives, the calling thread computes with zeros in place of subnormal numbers, where the processor can
/// (x86-64, AArch64); then the mode is again what it was.
///
///     const ScopedFlushToZero flush;
///     layer(inputs);
///
/// For callers of Gru with signals that die away, and for benchmarks: subnormal numbers cost up to a hundred times as
/// much as others. The compiler knows nothing of it and may move arithmetic of the same function in or out.
class [[nodiscard]] ScopedFlushToZero {
public:
    ScopedFlushToZero() : before_(detail::float_mode()) { detail::set_float_mode(before_ | detail::kFlushToZeroBits); }
    ScopedFlushToZero(const ScopedFlushToZero&) = delete;
    ScopedFlushToZero& operator=(const ScopedFlushToZero&) = delete;
    ~ScopedFlushToZero() { detail::set_float_mode(before_); }

    /// Whether it has an effect on this processor.
    [[nodiscard]] static constexpr bool is_supported() { return detail::kFlushToZeroBits != 0; }

private:
    std::uint64_t before_;
};

}  // namespace eigengru::inline EIGENGRU_ABI
