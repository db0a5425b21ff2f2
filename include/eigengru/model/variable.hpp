// SPDX-License-Identifier: MIT
// Variable: one weight as optimisers and checkers see it, whatever the layer.
#pragma once

#include "eigengru/core/types.hpp"

#include <string_view>

namespace eigengru::inline EIGENGRU_ABI {

/// One weight of a layer while it is updated. A layer's `update_variables(f)` calls `f(variable)` for each of its
/// weights in the order in which they lie in its flat buffer; gradients have the same order.
template <RealScalar S>
struct Variable {
    std::string_view layer;  ///< name of the layer
    std::string_view name;   ///< kernel, recurrent_kernel, bias
    MatrixMap<S> values;     ///< writable for the length of the call
    bool is_trainable;       ///< false keeps an optimiser away
};

}  // namespace eigengru::inline EIGENGRU_ABI
