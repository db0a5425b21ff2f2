// SPDX-License-Identifier: MIT
// Version, the ABI namespace and the few macros of the library, for every other header. All macros stand here.
#pragma once

#include <Eigen/Core>

#define EIGENGRU_VERSION_MAJOR 0
#define EIGENGRU_VERSION_MINOR 1
#define EIGENGRU_VERSION_PATCH 0

#if !EIGEN_VERSION_AT_LEAST(3, 4, 0)
#error "Eigengru needs Eigen 3.4 or later"
#endif

// One meaning per binary. Whatever changes the code that the compiler makes of these headers is part of every name, so
// that translation units built with different flags link safely, and an object handed from one to the other is a link
// error instead of a crash.
#if defined(__AVX512F__)
#define EIGENGRU_ABI_SIMD avx512
#elif defined(__AVX2__) && defined(__FMA__)
#define EIGENGRU_ABI_SIMD avx2_fma
#elif defined(__AVX2__)
#define EIGENGRU_ABI_SIMD avx2
#elif defined(__AVX__) && defined(__FMA__)
#define EIGENGRU_ABI_SIMD avx_fma
#elif defined(__AVX__)
#define EIGENGRU_ABI_SIMD avx
#elif defined(__SSE4_2__)
#define EIGENGRU_ABI_SIMD sse42
#elif defined(__SSE4_1__)
#define EIGENGRU_ABI_SIMD sse41
#elif defined(__SSSE3__)
#define EIGENGRU_ABI_SIMD ssse3
#elif defined(__SSE3__)
#define EIGENGRU_ABI_SIMD sse3
#elif defined(__ARM_NEON)
#define EIGENGRU_ABI_SIMD neon
#else
#define EIGENGRU_ABI_SIMD base
#endif

#if defined(EIGEN_DONT_VECTORIZE)
#define EIGENGRU_ABI_VECTORIZE scalar
#else
#define EIGENGRU_ABI_VECTORIZE simd
#endif

#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#define EIGENGRU_ABI_EXCEPTIONS throws
#else
#define EIGENGRU_ABI_EXCEPTIONS aborts
#endif

#if defined(EIGENGRU_CUDNN) && defined(EIGENGRU_CUDNN_DEVICE)
#define EIGENGRU_ABI_CUDNN cudnn_device
#elif defined(EIGENGRU_CUDNN)
#define EIGENGRU_ABI_CUDNN cudnn
#else
#define EIGENGRU_ABI_CUDNN cpu
#endif

#define EIGENGRU_JOIN_EXPANDED(version, simd, vectorize, exceptions, cudnn) \
    version##_##simd##_##vectorize##_##exceptions##_##cudnn
#define EIGENGRU_JOIN(version, simd, vectorize, exceptions, cudnn) \
    EIGENGRU_JOIN_EXPANDED(version, simd, vectorize, exceptions, cudnn)
#define EIGENGRU_ABI \
    EIGENGRU_JOIN(v0_1, EIGENGRU_ABI_SIMD, EIGENGRU_ABI_VECTORIZE, EIGENGRU_ABI_EXCEPTIONS, EIGENGRU_ABI_CUDNN)

// Clang refuses the common mistake of a view that outlives what it looks at; g++ and MSVC have no such check.
#if defined(__clang__)
#define EIGENGRU_LIFETIMEBOUND [[clang::lifetimebound]]
#else
#define EIGENGRU_LIFETIMEBOUND
#endif

// Throwing goes through this one macro. The parts of the message follow the exception:
// EIGENGRU_THROW(ShapeError, "Gru: expected ", 3, ", received ", n).
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#define EIGENGRU_THROW(Exception, ...) throw Exception(::eigengru::detail::text(__VA_ARGS__))
#else
#define EIGENGRU_THROW(Exception, ...)                                                        \
    do {                                                                                      \
        ::eigengru::detail::failure_handler()(::eigengru::detail::text(__VA_ARGS__).c_str()); \
        std::abort();                                                                         \
    } while (false)
#endif

// Kernels compiled for instruction sets that the rest of the program is not compiled for: whatever stands between these
// two may use the named features, function templates that are instantiated later too. No header may be included there.
#if (defined(__x86_64__) || defined(__i386__)) && (defined(__GNUC__) || defined(__clang__))
#define EIGENGRU_HAS_X86_TARGETS 1
#else
#define EIGENGRU_HAS_X86_TARGETS 0
#endif

#define EIGENGRU_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define EIGENGRU_BEGIN_TARGET(features) \
    EIGENGRU_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define EIGENGRU_END_TARGET EIGENGRU_PRAGMA(clang attribute pop)
#else
// g++ 12 warns of uninitialised values inside its own intrinsics.
#define EIGENGRU_BEGIN_TARGET(features)                             \
    EIGENGRU_PRAGMA(GCC diagnostic push)                            \
    EIGENGRU_PRAGMA(GCC diagnostic ignored "-Wuninitialized")       \
    EIGENGRU_PRAGMA(GCC diagnostic ignored "-Wmaybe-uninitialized") \
    EIGENGRU_PRAGMA(GCC push_options)                               \
    EIGENGRU_PRAGMA(GCC target(features))
#define EIGENGRU_END_TARGET EIGENGRU_PRAGMA(GCC pop_options) EIGENGRU_PRAGMA(GCC diagnostic pop)
#endif

// Loops over the registers of a tile must vanish at every optimisation level, and what they call with them.
#if defined(__GNUC__) || defined(__clang__)
#define EIGENGRU_UNROLL(count) EIGENGRU_PRAGMA(GCC unroll count)
#define EIGENGRU_ALWAYS_INLINE __attribute__((always_inline)) inline
#else
#define EIGENGRU_UNROLL(count)
#define EIGENGRU_ALWAYS_INLINE inline
#endif

// What runs on a host and on a device: nvcc compiles it for both.
#if defined(__CUDACC__)
#define EIGENGRU_HOST_DEVICE __host__ __device__
#else
#define EIGENGRU_HOST_DEVICE
#endif
