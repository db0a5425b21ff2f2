// SPDX-License-Identifier: MIT
// Which kernels compute: chosen by what the processor can do and by the size of the state, overridden by an option of
// the call or by the environment variable EIGENGRU_KERNELS.
#pragma once

#include "eigengru/core/error.hpp"
#include "eigengru/core/types.hpp"

#include <array>
#include <cstdlib>
#include <string_view>

namespace eigengru::inline EIGENGRU_ABI {

/// The kernels of the CPU. They all compute the same function; their results differ by rounding.
enum class Kernels : unsigned char {
    automatic,  ///< EIGENGRU_KERNELS where it is set, else the fastest that this processor runs
    eigen,      ///< products by Eigen from the weights as they are
    portable,   ///< packed weights, with the packets of Eigen that the program is compiled for
    avx2,       ///< packed weights, AVX2 and FMA, whatever the program is compiled for
    avx512      ///< packed weights, AVX-512 (F, DQ, VL, BW), likewise
};

namespace detail {

inline constexpr std::array<std::string_view, 5> kKernelNames{"automatic", "eigen", "portable", "avx2", "avx512"};

}  // namespace detail

/// Whether this processor, and the operating system on it, run them.
[[nodiscard]] inline bool is_supported([[maybe_unused]] Kernels kernels) {
#if EIGENGRU_HAS_X86_TARGETS
    __builtin_cpu_init();
    const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (kernels == Kernels::avx2) return has_avx2;
    if (kernels == Kernels::avx512)
        return has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
#endif
    return kernels < Kernels::avx2;
}

/// "automatic", "eigen", "portable", "avx2", "avx512".
[[nodiscard]] constexpr std::string_view name_of(Kernels kernels) {
    return detail::kKernelNames[static_cast<std::size_t>(kernels)];
}

namespace detail {

/// Throws: OptionError for kernels that this processor does not run.
inline Kernels checked_kernels(std::string_view where, Kernels kernels) {
    if (!is_supported(kernels))
        EIGENGRU_THROW(OptionError, where, ": expected kernels that this processor runs, received ", name_of(kernels));
    return kernels;
}

/// What Kernels::automatic stands for.
struct AutomaticKernels {
    Kernels best;
    Kernels of_one_vector;  ///< for steps whose state fits a vector of AVX2: all that waits in a wider one is slower
};

/// Throws: OptionError.
[[nodiscard]] inline AutomaticKernels automatic_kernels() {
    static const char* const where = "EIGENGRU_KERNELS";
    if (const char* wanted = std::getenv(where); wanted != nullptr && std::string_view(wanted) != "automatic") {
        for (std::size_t i = 1; i < kKernelNames.size(); ++i)
            if (kKernelNames[i] == wanted) {
                const Kernels named = checked_kernels(where, static_cast<Kernels>(i));
                return {named, named};
            }
        EIGENGRU_THROW(OptionError, where, ": expected automatic, eigen, portable, avx2 or avx512, received ", wanted);
    }
    const Kernels narrow = is_supported(Kernels::avx2) ? Kernels::avx2 : Kernels::portable;
    return {is_supported(Kernels::avx512) ? Kernels::avx512 : narrow, narrow};
}

/// The environment is read once. Throws: OptionError.
inline const AutomaticKernels& automatic_kernels_once() {
    static const AutomaticKernels automatic = automatic_kernels();
    return automatic;
}

/// The kernels of a call, never `automatic`. Throws: OptionError.
[[nodiscard]] inline Kernels resolved(std::string_view where, Kernels kernels) {
    return kernels == Kernels::automatic ? automatic_kernels_once().best : checked_kernels(where, kernels);
}

/// The same for a layer with so many units. A recorded call has those of its backward pass, which works on whole lines.
template <RealScalar S>
[[nodiscard]] Kernels resolved(std::string_view where, Kernels kernels, Index units, bool is_recorded) {
    constexpr Index kOneVector = 32 / static_cast<Index>(sizeof(S));
    const bool is_one = kernels == Kernels::automatic && units <= kOneVector && !is_recorded;
    return is_one ? automatic_kernels_once().of_one_vector : resolved(where, kernels);
}

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI
