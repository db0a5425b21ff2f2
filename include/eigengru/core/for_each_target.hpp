// SPDX-License-Identifier: MIT
// Includes one source once for every instruction set that kernels are compiled for, each time in a namespace and target
// region of its own. For kernels that are written once, over a vector type Vec<Scalar>:
//
//     #define EIGENGRU_TARGET_SOURCE "eigengru/cell/gates_kernel.hpp"
//     #include "eigengru/core/for_each_target.hpp"
//
// makes detail::portable, detail::avx2 and detail::avx512 of it. The source has no include guard, includes nothing and
// sees EIGENGRU_TARGET, one of EIGENGRU_TARGET_PORTABLE, _AVX2 and _AVX512. What g++ 12 does not
// compile for the region: friend functions defined in a class, lambdas, and constructors that it makes itself (a member
// of a vector type with an initializer). Members and functions of a namespace are.
// Source of the idea: simdjson and Highway.

#if defined(EIGENGRU_TARGET_SOURCE)

#define EIGENGRU_TARGET_PORTABLE 0
#define EIGENGRU_TARGET_AVX2 1
#define EIGENGRU_TARGET_AVX512 2

#define EIGENGRU_TARGET EIGENGRU_TARGET_PORTABLE
namespace eigengru::inline EIGENGRU_ABI::detail::portable {
#include EIGENGRU_TARGET_SOURCE
}
#undef EIGENGRU_TARGET

#if EIGENGRU_HAS_X86_TARGETS

#define EIGENGRU_TARGET EIGENGRU_TARGET_AVX2
EIGENGRU_BEGIN_TARGET("avx2,fma")
namespace eigengru::inline EIGENGRU_ABI::detail::avx2 {
#include EIGENGRU_TARGET_SOURCE
}
EIGENGRU_END_TARGET
#undef EIGENGRU_TARGET

#define EIGENGRU_TARGET EIGENGRU_TARGET_AVX512
EIGENGRU_BEGIN_TARGET("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")
namespace eigengru::inline EIGENGRU_ABI::detail::avx512 {
#include EIGENGRU_TARGET_SOURCE
}
EIGENGRU_END_TARGET
#undef EIGENGRU_TARGET

#endif

#undef EIGENGRU_TARGET_PORTABLE
#undef EIGENGRU_TARGET_AVX2
#undef EIGENGRU_TARGET_AVX512
#undef EIGENGRU_TARGET_SOURCE

#endif
