// SPDX-License-Identifier: MIT
#include "support/instantiations.hpp"

namespace eigengru::inline EIGENGRU_ABI {

EIGENGRU_TEST_INSTANTIATIONS_AROUND(, float);

}  // namespace eigengru::inline EIGENGRU_ABI
