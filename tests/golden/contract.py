# SPDX-License-Identifier: MIT
"""The GRU's equations in plain NumPy, for the generator: the second opinion beside Keras.

Every function works in the dtype of its arguments (float32 or float64), so that the same equations also tell how
large the rounding error of a float evaluation is.
"""

import math

import numpy as np

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


def _erf(x):
    return np.array([math.erf(v) for v in x.ravel()], dtype=x.dtype).reshape(x.shape)


def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def relu(x, negative_slope=0.0, max_value=None, threshold=0.0):
    # Keras clips to [0, max_value] before it adds the negative part, and only when there is a max_value.
    kept = np.where(x > threshold, x, 0)
    if max_value is not None:
        kept = np.clip(kept, 0, max_value)
    return kept - negative_slope * np.maximum(threshold - x, 0) if negative_slope != 0 else kept


def gelu(x, approximate=False):
    if approximate:
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
    return 0.5 * x * (1 + _erf(x / math.sqrt(2)))


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def celu(x, alpha=1.0):
    return np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0) / alpha)


def hard_sigmoid(x):
    return np.clip(x + 3, 0, 6) / 6


def soft_shrink(x, threshold=0.5):
    return np.where(x > threshold, x - threshold, np.where(x < -threshold, x + threshold, 0))


def hard_shrink(x, threshold=0.5):
    return np.where(np.abs(x) > threshold, x, 0)


def sparse_plus(x):
    return np.where(x <= -1, 0, np.where(x < 1, 0.25 * (x + 1) ** 2, x))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def log_softmax(x):
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def sparsemax(x):
    """What the released Keras computes: its threshold adds up the cumulative sums themselves (fixed after 3.15.1)."""
    return _sparsemax(x, lambda ordered, sums, support: np.where(support, sums, 0).sum(axis=-1, keepdims=True))


def sparsemax_projection(x):
    """The published sparsemax: the Euclidean projection of each row on the simplex."""
    return _sparsemax(x, lambda ordered, sums, support: np.where(support, ordered, 0).sum(axis=-1, keepdims=True))


def _sparsemax(x, total):
    ordered = -np.sort(-x, axis=-1)
    sums = np.cumsum(ordered, axis=-1)
    count = np.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    support = ordered - (sums - 1) / count > 0
    k = support.sum(axis=-1, keepdims=True).astype(x.dtype)
    return np.maximum(x - (total(ordered, sums, support) - 1) / k, 0)


ACTIVATIONS = {
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "linear": lambda x: x,
    "relu": relu,
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu": lambda x, negative_slope=0.2: np.where(x > 0, x, negative_slope * x),
    "elu": elu,
    "selu": lambda x: SELU_SCALE * elu(x, SELU_ALPHA),
    "celu": celu,
    "gelu": gelu,
    "silu": lambda x: x * sigmoid(x),
    "swish": lambda x: x * sigmoid(x),
    "hard_silu": lambda x: x * hard_sigmoid(x),
    "hard_swish": lambda x: x * hard_sigmoid(x),
    "hard_sigmoid": hard_sigmoid,
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "softplus": softplus,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "exponential": np.exp,
    "mish": lambda x: x * np.tanh(softplus(x)),
    "log_sigmoid": lambda x: -softplus(-x),
    "tanh_shrink": lambda x: x - np.tanh(x),
    "soft_shrink": soft_shrink,
    "hard_shrink": hard_shrink,
    "threshold": lambda x, threshold, default_value: np.where(x > threshold, x, default_value),
    "squareplus": lambda x, b=4.0: (x + np.sqrt(x * x + b)) / 2,
    "sparse_plus": sparse_plus,
    "sparse_sigmoid": lambda x: np.where(x <= -1, 0, np.where(x >= 1, 1, 0.5 * (x + 1))),
    "softmax": softmax,
    "log_softmax": log_softmax,
    "sparsemax": sparsemax,
    "sparsemax_projection": sparsemax_projection,
}


def activate(name, parameters, x):
    """The activation of that Keras name on the last axis of x, in x's dtype."""
    return ACTIVATIONS[name](x, **parameters).astype(x.dtype)


def step(options, weights, x_t, h, input_masks, state_masks):
    """One step: x_t (B,F), h (B,U) to the new state (B,U)."""
    kernel, recurrent = weights["kernel"], weights["recurrent_kernel"]
    units = h.shape[1]
    b_in = np.zeros(3 * units, h.dtype)
    b_rec = np.zeros(3 * units, h.dtype)
    if "bias" in weights:
        b_in, b_rec = (weights["bias"][0], weights["bias"][1]) if options["reset_after"] else (weights["bias"], b_rec)
    gates = [slice(0, units), slice(units, 2 * units), slice(2 * units, 3 * units)]

    def masked(value, masks, gate):
        return value if not len(masks) else value * masks[gate if len(masks) == 3 else 0]

    x = [masked(x_t, input_masks, g) @ kernel[:, gates[g]] + b_in[gates[g]] for g in range(3)]
    h_in = [masked(h, state_masks, g) for g in range(3)]

    def recurrent_activation(value):
        return activate(*options["recurrent_activation"], value)

    z = recurrent_activation(x[0] + (h_in[0] @ recurrent[:, gates[0]] + b_rec[gates[0]]))
    r = recurrent_activation(x[1] + (h_in[1] @ recurrent[:, gates[1]] + b_rec[gates[1]]))
    if options["reset_after"]:
        inner = r * (h_in[2] @ recurrent[:, gates[2]] + b_rec[gates[2]])
    else:
        inner = (r * h_in[2]) @ recurrent[:, gates[2]]
    candidate = activate(*options["activation"], x[2] + inner)
    return z * h + (1 - z) * candidate


def gru(options, weights, inputs, mask=None, initial_state=None, input_masks=(), state_masks=(), dtype=np.float64):
    """The whole layer: dict of sequences (B,T,U), last (B,U), state (B,U), computed in dtype."""
    weights = {key: value.astype(dtype) for key, value in weights.items()}
    inputs = inputs.astype(dtype)
    input_masks = [m.astype(dtype) for m in input_masks]
    state_masks = [m.astype(dtype) for m in state_masks]
    batch, time, _ = inputs.shape
    units = weights["recurrent_kernel"].shape[0]
    h = np.zeros((batch, units), dtype) if initial_state is None else initial_state.astype(dtype)
    output = np.zeros((batch, units), dtype)
    outputs = []
    for s in range(time):
        t = time - 1 - s if options["go_backwards"] else s
        candidate = step(options, weights, inputs[:, t], h, input_masks, state_masks)
        used = np.ones((batch, 1), bool) if mask is None else mask[:, t : t + 1].astype(bool)
        h = np.where(used, candidate, h)
        output = np.where(used, candidate, output)
        outputs.append(np.where(used, output, 0) if options["zero_output_for_mask"] else output)
        assert h.dtype == dtype and output.dtype == dtype
    sequences = np.stack(outputs, axis=1).astype(dtype)
    return {"sequences": sequences, "last": sequences[:, -1], "state": h}
