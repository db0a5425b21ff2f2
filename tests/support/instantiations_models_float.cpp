// SPDX-License-Identifier: MIT
#include "support/instantiations.hpp"

namespace eigengru::inline EIGENGRU_ABI {

EIGENGRU_TEST_INSTANTIATIONS_OF_MODELS(, float);

}  // namespace eigengru::inline EIGENGRU_ABI
