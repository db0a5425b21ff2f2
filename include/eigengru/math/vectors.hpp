// SPDX-License-Identifier: MIT
// The vector types that kernels are written in, Vec<float> and Vec<double>, and their sigmoid and tanh, for every
// instruction set: detail::portable (Eigen's packets), detail::avx2, detail::avx512.
#pragma once

#include "eigengru/math/packet.hpp"

#if EIGENGRU_HAS_X86_TARGETS
#include <immintrin.h>
#endif

namespace eigengru::inline EIGENGRU_ABI::detail::portable {

template <class Packet>
Lanes<Packet> lanes_of(const Packet&);

template <class S>
using Vec = decltype(lanes_of(typename packet::packet_traits<S>::type()));

}  // namespace eigengru::inline EIGENGRU_ABI::detail::portable

#define EIGENGRU_TARGET_SOURCE "eigengru/math/vector_x86.hpp"
#include "eigengru/core/for_each_target.hpp"

#define EIGENGRU_TARGET_SOURCE "eigengru/math/vector_functions.hpp"
#include "eigengru/core/for_each_target.hpp"
