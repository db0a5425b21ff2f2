// SPDX-License-Identifier: MIT
// The product that others are compared with. Not a template: it is optimised where the tests are not.
#pragma once

#include "eigengru/core/types.hpp"

namespace eigengru_test {

/// a b in double, by plain loops.
[[nodiscard]] eigengru::RowMatrix<double> plain_product(const eigengru::RowMatrix<double>& a,
                                                        const eigengru::RowMatrix<double>& b);

}  // namespace eigengru_test
