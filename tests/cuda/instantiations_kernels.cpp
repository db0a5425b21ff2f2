// SPDX-License-Identifier: MIT
#include "cuda/instantiations.hpp"

namespace eigengru::inline EIGENGRU_ABI {

EIGENGRU_TEST_KERNELS_FOR_CUDNN(, float);
EIGENGRU_TEST_KERNELS_FOR_CUDNN(, double);

}  // namespace eigengru::inline EIGENGRU_ABI
