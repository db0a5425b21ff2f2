// SPDX-License-Identifier: MIT
#include "support/instantiations.hpp"

namespace eigengru::inline EIGENGRU_ABI {

EIGENGRU_TEST_INSTANTIATIONS_OF_KERNELS(, float);
EIGENGRU_TEST_INSTANTIATIONS_OF_KERNELS(, double);

}  // namespace eigengru::inline EIGENGRU_ABI
