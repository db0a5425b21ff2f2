// SPDX-License-Identifier: MIT
// DenseOptions: the constructor arguments of a Dense layer.
#pragma once

#include "eigengru/math/activation.hpp"
#include "eigengru/math/constraint.hpp"
#include "eigengru/math/initializer.hpp"
#include "eigengru/math/regularizer.hpp"

#include <optional>
#include <string>

namespace eigengru::inline EIGENGRU_ABI {

/// The constructor arguments of keras.layers.Dense, in its order, and a seed for initializers that have none.
struct DenseOptions {
    Index units = 0;
    Activation activation = {};
    bool use_bias = true;
    Initializer kernel_initializer = "glorot_uniform";
    Initializer bias_initializer = "zeros";
    Regularizer kernel_regularizer = {};
    Regularizer bias_regularizer = {};
    Regularizer activity_regularizer = {};
    Constraint kernel_constraint = {};
    Constraint bias_constraint = {};
    std::string name = "dense";
    bool trainable = true;
    std::optional<std::uint64_t> seed = {};

    friend bool operator==(const DenseOptions&, const DenseOptions&) = default;
};

namespace detail {

/// Throws: ShapeError, OptionError.
[[nodiscard]] inline DenseOptions validated(DenseOptions options, Index features) {
    if (features < 1) EIGENGRU_THROW(ShapeError, "Dense: features expected at least 1, received ", features);
    if (options.units < 1) EIGENGRU_THROW(OptionError, "Dense: units expected at least 1, received ", options.units);
    options.kernel_initializer.check({features, options.units}, "Dense: kernel_initializer");
    options.bias_initializer.check({1, options.units, WeightRank::vector}, "Dense: bias_initializer");
    options.bias_regularizer.check(WeightRank::vector, "Dense: bias_regularizer");
    options.kernel_constraint.check(WeightRank::matrix, "Dense: kernel_constraint");
    options.bias_constraint.check(WeightRank::vector, "Dense: bias_constraint");
    return options;
}

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI
