// SPDX-License-Identifier: MIT
#include "cuda/instantiations.hpp"

namespace eigengru::inline EIGENGRU_ABI {

EIGENGRU_TEST_CUDA_INSTANTIATIONS(, float);
EIGENGRU_TEST_CUDA_INSTANTIATIONS(, double);

}  // namespace eigengru::inline EIGENGRU_ABI
