# SPDX-License-Identifier: MIT
"""The activations of the golden data with their arguments, and small helpers that several scripts share."""

import zlib

import numpy as np

EXACT, LOOSE = 1e-11, 1e-6

# Every activation of the contract: (label, Keras name, parameters).
ACTIVATIONS = [
    ("tanh", "tanh", {}),
    ("sigmoid", "sigmoid", {}),
    ("linear", "linear", {}),
    ("relu", "relu", {}),
    ("relu_slope", "relu", {"negative_slope": 0.25}),
    ("relu_max", "relu", {"max_value": 0.75}),
    ("relu_max6", "relu", {"max_value": 6.0}),
    ("relu_threshold", "relu", {"threshold": 0.1875}),
    ("relu_all", "relu", {"negative_slope": 0.1, "max_value": 0.875, "threshold": 0.125}),
    ("relu_slope_max", "relu", {"negative_slope": 0.3, "max_value": 0.8}),
    ("relu_negative_threshold", "relu", {"threshold": -0.25, "max_value": 1.125}),
    ("relu6", "relu6", {}),
    ("leaky_relu", "leaky_relu", {}),
    ("leaky_relu_slope", "leaky_relu", {"negative_slope": 0.125}),
    ("elu", "elu", {}),
    ("elu_alpha", "elu", {"alpha": 0.7}),
    ("selu", "selu", {}),
    ("celu", "celu", {}),
    ("celu_alpha", "celu", {"alpha": 1.7}),
    ("gelu", "gelu", {}),
    ("gelu_tanh", "gelu", {"approximate": True}),
    ("silu", "silu", {}),
    ("swish", "swish", {}),
    ("hard_silu", "hard_silu", {}),
    ("hard_swish", "hard_swish", {}),
    ("hard_sigmoid", "hard_sigmoid", {}),
    ("hard_tanh", "hard_tanh", {}),
    ("softplus", "softplus", {}),
    ("softsign", "softsign", {}),
    ("exponential", "exponential", {}),
    ("mish", "mish", {}),
    ("log_sigmoid", "log_sigmoid", {}),
    ("tanh_shrink", "tanh_shrink", {}),
    ("soft_shrink", "soft_shrink", {}),
    ("soft_shrink_argument", "soft_shrink", {"threshold": 0.2}),
    ("hard_shrink", "hard_shrink", {}),
    ("hard_shrink_argument", "hard_shrink", {"threshold": 0.15}),
    ("threshold", "threshold", {"threshold": 0.1, "default_value": -0.4}),
    ("squareplus", "squareplus", {}),
    ("squareplus_b", "squareplus", {"b": 1.5}),
    ("sparse_plus", "sparse_plus", {}),
    ("sparse_sigmoid", "sparse_sigmoid", {}),
    ("softmax", "softmax", {}),
    ("log_softmax", "log_softmax", {}),
    ("sparsemax", "sparsemax", {}),
]
BY_LABEL = {label: (name, parameters) for label, name, parameters in ACTIVATIONS}
ROW_WISE = {"softmax", "log_softmax", "sparsemax"}


def seed_of(name):
    return zlib.crc32(name.encode("ascii"))


def f32(array):
    return np.asarray(array).astype(np.float32)


def is_loose(label):
    """True where Keras or TensorFlow rounds a constant of this activation to float32."""
    name, parameters = BY_LABEL[label]
    rounded = []
    if name == "relu":
        rounded = [parameters.get("threshold"), parameters.get("max_value")]
    # Keras sends relu with a slope alone through leaky_relu.
    if name == "leaky_relu" or set(parameters) == {"negative_slope"}:
        rounded = [parameters.get("negative_slope", 0.2)]
    return name == "gelu" or any(v is not None and float(np.float32(v)) != v for v in rounded)
