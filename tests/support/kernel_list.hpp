// SPDX-License-Identifier: MIT
// The kernels that this processor runs, for tests that go through all of them.
#pragma once

#include "eigengru/core/kernels.hpp"

#include <vector>

namespace eigengru_test {

[[nodiscard]] inline std::vector<eigengru::Kernels> supported_kernels() {
    using enum eigengru::Kernels;
    std::vector<eigengru::Kernels> list;
    for (const eigengru::Kernels kernels : {automatic, eigen, portable, avx2, avx512})
        if (is_supported(kernels)) list.push_back(kernels);
    return list;
}

}  // namespace eigengru_test
