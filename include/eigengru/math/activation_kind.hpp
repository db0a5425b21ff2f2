// SPDX-License-Identifier: MIT
// ActivationKind, and an activation as its kernels are told about it.
#pragma once

#include "eigengru/core/types.hpp"

namespace eigengru::inline EIGENGRU_ABI {

/// The known activations; `custom` is the user's own.
enum class ActivationKind : unsigned char {
    linear,
    tanh,
    sigmoid,
    relu,
    relu6,
    leaky_relu,
    elu,
    selu,
    celu,
    gelu,
    silu,
    hard_silu,
    hard_sigmoid,
    hard_tanh,
    softplus,
    softsign,
    exponential,
    mish,
    log_sigmoid,
    tanh_shrink,
    soft_shrink,
    hard_shrink,
    threshold,
    squareplus,
    sparse_plus,
    sparse_sigmoid,
    softmax,
    log_softmax,
    sparsemax,
    custom
};

namespace detail {

/// A known activation with its parameters, in the order of its factory's options.
template <RealScalar S>
struct ActivationCall {
    ActivationKind kind;
    bool flag;  ///< gelu: the approximation by tanh; relu: there is a max_value
    S a, b, c;
};

/// The constants of selu. Source: Klambauer et al., "Self-normalizing neural networks", 2017.
inline constexpr double kSeluAlpha = 1.6732632423543772848170429916717;
inline constexpr double kSeluScale = 1.0507009873554804934193349852946;

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI
