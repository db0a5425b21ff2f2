// SPDX-License-Identifier: MIT
// The layer's call for floats, reset after: to be compiled with -O3 -march=native, as a peer of the layer compiled as
// always.
#include "inference.hpp"

namespace eigengru_bench {

ContenderPointer make_eigengru_native(const Problem& problem) {
    if (problem.workload != Workload::sequence || problem.is_double != 0 || problem.reset_after == 0) return nullptr;
    return std::make_unique<Inference<float, true>>(problem);
}

}  // namespace eigengru_bench
