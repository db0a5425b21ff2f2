// SPDX-License-Identifier: MIT
#include "support/instantiations.hpp"

namespace eigengru::inline EIGENGRU_ABI {

EIGENGRU_TEST_INSTANTIATIONS_OF_LAYERS(, float);
EIGENGRU_TEST_INSTANTIATIONS_OF_LAYERS(, double);

}  // namespace eigengru::inline EIGENGRU_ABI
