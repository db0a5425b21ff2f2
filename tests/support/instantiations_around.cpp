// SPDX-License-Identifier: MIT
#include "support/instantiations.hpp"

namespace eigengru::inline EIGENGRU_ABI {

EIGENGRU_TEST_INSTANTIATIONS_AROUND(, float);
EIGENGRU_TEST_INSTANTIATIONS_AROUND(, double);

}  // namespace eigengru::inline EIGENGRU_ABI
