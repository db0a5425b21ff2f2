// SPDX-License-Identifier: MIT
#include "support/instantiations.hpp"

namespace eigengru::inline EIGENGRU_ABI {

EIGENGRU_TEST_INSTANTIATIONS_OF_MODELS(, float);
EIGENGRU_TEST_INSTANTIATIONS_OF_MODELS(, double);

}  // namespace eigengru::inline EIGENGRU_ABI
