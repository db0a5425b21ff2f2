# SPDX-License-Identifier: MIT
"""Losses, reductions, schedules and optimisers in plain NumPy: the second opinion beside Keras for the training data.

README.md states the same equations. Everything is float64. Hyper-parameters are used as they are given, which is what
Keras would compute if it did not round some of them to float32; `is_rounded` rounds them where Keras does.
"""

import math

import numpy as np

EPSILON = 1e-7

# ------------------------------------------------------------------------------------------------- losses


def smoothed(targets, label_smoothing, classes):
    return targets * (1 - label_smoothing) + label_smoothing / classes if label_smoothing else targets


def log_softmax(x):
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def mean_squared_error(targets, predictions):
    return np.square(targets - predictions).mean(axis=-1)


def mean_absolute_error(targets, predictions):
    return np.abs(targets - predictions).mean(axis=-1)


def huber(targets, predictions, delta=1.0):
    error = np.abs(predictions - targets)
    return np.where(error <= delta, 0.5 * error * error, delta * error - 0.5 * delta * delta).mean(axis=-1)


def binary_crossentropy(targets, predictions, from_logits=False, label_smoothing=0.0):
    y = smoothed(targets, label_smoothing, 2)
    if from_logits:
        x = predictions
        return (np.maximum(x, 0) - x * y + np.log1p(np.exp(-np.abs(x)))).mean(axis=-1)
    p = np.clip(predictions, EPSILON, 1 - EPSILON)
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(axis=-1)


def categorical_crossentropy(targets, predictions, from_logits=False, label_smoothing=0.0):
    y = smoothed(targets, label_smoothing, predictions.shape[-1])
    if from_logits:
        return -(y * log_softmax(predictions)).sum(axis=-1)
    p = predictions / predictions.sum(axis=-1, keepdims=True)
    return -(y * np.log(np.clip(p, EPSILON, 1 - EPSILON))).sum(axis=-1)


def sparse_categorical_crossentropy(targets, predictions, from_logits=False):
    # TensorFlow clips first and normalises then, unlike the categorical loss.
    x = predictions if from_logits else np.log(np.clip(predictions, EPSILON, 1 - EPSILON))
    return -np.take_along_axis(log_softmax(x), targets.astype(np.int64)[..., None], axis=-1)[..., 0]


LOSSES = {
    function.__name__: function
    for function in (
        mean_squared_error,
        mean_absolute_error,
        huber,
        binary_crossentropy,
        categorical_crossentropy,
        sparse_categorical_crossentropy,
    )
}


def reduce(losses, mask=None, weights=None, reduction="sum_over_batch_size"):
    """Losses (B,) or (B,T); mask of the same shape; weights (B,), (B,1) or (B,T): the number, or losses for none."""
    if mask is None and weights is None:
        factors = None
    elif mask is None:
        factors = weights
    else:
        used = mask.astype(np.float64)
        if reduction == "sum_over_batch_size":
            used = used * (mask.size / max(mask.sum(), 1))
        factors = used if weights is None else used * weights
    weighted = losses if factors is None else losses * factors
    if reduction == "none":
        return weighted
    if reduction == "sum":
        return weighted.sum()
    divisor = losses.size if reduction == "sum_over_batch_size" or factors is None else factors.sum()
    return weighted.sum() / divisor if divisor else 0.0


# ---------------------------------------------------------------------------------------------- schedules


def exponential_decay(step, initial_learning_rate, decay_steps, decay_rate, staircase=False):
    power = step / decay_steps
    return initial_learning_rate * decay_rate ** (math.floor(power) if staircase else power)


def cosine_decay(step, initial_learning_rate, decay_steps, alpha=0.0, warmup_target=None, warmup_steps=0):
    start = initial_learning_rate
    if warmup_target is not None:
        if step < warmup_steps:
            return initial_learning_rate + (warmup_target - initial_learning_rate) * step / warmup_steps
        start, step = warmup_target, step - warmup_steps
    cosine = 0.5 * (1 + math.cos(math.pi * min(step, decay_steps) / decay_steps))
    return start * ((1 - alpha) * cosine + alpha)


SCHEDULES = {"exponential_decay": exponential_decay, "cosine_decay": cosine_decay}

# --------------------------------------------------------------------------------------------- optimisers


class Optimizer:
    """One optimiser over a dict of weights; `apply` changes them in place.

    The order in one update: clip the gradients, decay the weights, move them, constrain them.
    """

    def __init__(self, name, arguments, schedule, constraints, is_rounded=False):
        self.name, self.schedule, self.constraints = name, schedule, constraints
        self.arguments = dict(arguments)
        if is_rounded:
            self.arguments |= as_keras_rounds(name, arguments)
            self.schedule = schedule and (schedule[0], {k: single(v) for k, v in schedule[1].items()})
        self.slots = {}
        self.step = 0

    def apply(self, weights, gradients):
        a = self.arguments
        rate = SCHEDULES[self.schedule[0]](self.step, **self.schedule[1]) if self.schedule else a["learning_rate"]
        self.step += 1
        gradients = clip(gradients, a)
        for key, gradient in gradients.items():
            w = weights[key]
            w = w - a.get("weight_decay", 0.0) * rate * w
            w = w - UPDATES[self.name](gradient, rate, self.step, self.slots.setdefault(key, {}), a)
            if key in self.constraints:
                w = self.constraints[key](w)
            weights[key] = w


def single(value):
    return float(np.float32(value)) if isinstance(value, float) else value


def as_keras_rounds(name, arguments):
    """The hyper-parameters that Keras on TensorFlow takes through float32, also in a float64 model."""
    result = {"weight_decay": single(arguments["weight_decay"])} if "weight_decay" in arguments else {}
    if name == "sgd" and "momentum" in arguments:
        result["momentum"] = single(arguments["momentum"])
    if name in ("adam", "adamw"):
        # Only in the powers; the moments themselves take the betas as they are.
        result |= {f"power_{key}": single(arguments[key]) for key in ("beta_1", "beta_2")}
    return result


def clip(gradients, a):
    if "clipvalue" in a:
        return {k: np.clip(g, -a["clipvalue"], a["clipvalue"]) for k, g in gradients.items()}
    if "clipnorm" in a:
        limit = a["clipnorm"]
        return {k: g * (limit / max(math.sqrt(np.square(g).sum()), limit)) for k, g in gradients.items()}
    if "global_clipnorm" in a:
        limit = a["global_clipnorm"]
        norm = math.sqrt(sum(np.square(g).sum() for g in gradients.values()))
        return {k: g * (limit / max(norm, limit)) for k, g in gradients.items()}
    return gradients


def slot(slots, name, gradient):
    return slots.get(name, np.zeros_like(gradient))


def sgd(g, rate, step, slots, a):
    momentum = a.get("momentum", 0.0)
    if momentum == 0:
        return rate * g
    slots["m"] = m = momentum * slot(slots, "m", g) - rate * g
    return -(momentum * m - rate * g) if a.get("nesterov", False) else -m


def rmsprop(g, rate, step, slots, a):
    rho = a["rho"]
    slots["v"] = v = rho * slot(slots, "v", g) + (1 - rho) * g * g
    denominator = v + a["epsilon"]
    if a.get("centered", False):
        slots["a"] = average = rho * slot(slots, "a", g) + (1 - rho) * g
        denominator = denominator - average * average
    increment = rate * g / np.sqrt(denominator)
    if a.get("momentum", 0.0) == 0:
        return increment
    slots["m"] = a["momentum"] * slot(slots, "m", g) + increment
    return slots["m"]


def adam(g, rate, step, slots, a):
    beta_1, beta_2 = a["beta_1"], a["beta_2"]
    slots["m"] = m = slot(slots, "m", g) + (1 - beta_1) * (g - slot(slots, "m", g))
    slots["v"] = v = slot(slots, "v", g) + (1 - beta_2) * (g * g - slot(slots, "v", g))
    if a.get("amsgrad", False):
        slots["largest"] = v = np.maximum(slot(slots, "largest", g), v)
    power_1, power_2 = a.get("power_beta_1", beta_1) ** step, a.get("power_beta_2", beta_2) ** step
    alpha = rate * math.sqrt(1 - power_2) / (1 - power_1)
    return alpha * m / (np.sqrt(v) + a["epsilon"])


UPDATES = {"sgd": sgd, "rmsprop": rmsprop, "adam": adam, "adamw": adam}
