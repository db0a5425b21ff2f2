# SPDX-License-Identifier: MIT
"""losses.golden: every loss with masks, sample weights and reductions, called as a compiled Keras model calls it.

Imported by generate_training.py, which has set the backend and float64 before.
"""

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend import set_keras_mask
from keras.src.trainers.compile_utils import CompileLoss

import training_equations
from activation_list import EXACT, f32, seed_of
from golden_format import GoldenFile

CLASSES = {
    "mean_squared_error": keras.losses.MeanSquaredError,
    "mean_absolute_error": keras.losses.MeanAbsoluteError,
    "huber": keras.losses.Huber,
    "binary_crossentropy": keras.losses.BinaryCrossentropy,
    "categorical_crossentropy": keras.losses.CategoricalCrossentropy,
    "sparse_categorical_crossentropy": keras.losses.SparseCategoricalCrossentropy,
}
REDUCTIONS = ("sum_over_batch_size", "sum", "none", "mean_with_sample_weight")

# Every loss with its arguments: (label, Keras name, arguments).
VARIANTS = [
    ("mse", "mean_squared_error", {}),
    ("mae", "mean_absolute_error", {}),
    ("huber", "huber", {}),
    ("huber_delta", "huber", {"delta": 0.3}),
    ("bce", "binary_crossentropy", {}),
    ("bce_smooth", "binary_crossentropy", {"label_smoothing": 0.1}),
    ("bce_logits", "binary_crossentropy", {"from_logits": True}),
    ("bce_logits_smooth", "binary_crossentropy", {"from_logits": True, "label_smoothing": 0.25}),
    ("cce", "categorical_crossentropy", {}),
    ("cce_smooth", "categorical_crossentropy", {"label_smoothing": 0.1}),
    ("cce_logits", "categorical_crossentropy", {"from_logits": True}),
    ("cce_logits_smooth", "categorical_crossentropy", {"from_logits": True, "label_smoothing": 0.25}),
    ("scce", "sparse_categorical_crossentropy", {}),
    ("scce_logits", "sparse_categorical_crossentropy", {"from_logits": True}),
]
BY_LABEL = {label: (name, arguments) for label, name, arguments in VARIANTS}


def draw(name, arguments, batch, time, units, rng):
    """Predictions of the kind the loss expects, and targets: real, 0 to 1, one-hot, or class numbers."""
    shape = (batch, time, units)
    predictions = rng.standard_normal(shape)
    if name in ("mean_squared_error", "mean_absolute_error", "huber"):
        return f32(predictions), f32(rng.standard_normal(shape))
    if arguments.get("from_logits", False):
        predictions = 2 * predictions
    elif name == "binary_crossentropy":
        predictions = rng.uniform(0.02, 0.98, shape)
    else:
        predictions = rng.uniform(0.05, 1, shape)
        predictions = predictions / predictions.sum(axis=-1, keepdims=True)
    if name == "binary_crossentropy":
        return f32(predictions), f32(rng.integers(0, 2, shape))
    chosen = rng.integers(0, units, (batch, time))
    one_hot = np.eye(units)[chosen]
    return f32(predictions), f32(chosen if name.startswith("sparse") else one_hot)


def keras_loss(name, arguments, reduction, data, dtype):
    """Loss (or losses), gradient to what the model's head got. `data["head"]`: the activation in front of the loss."""
    flat = data["shape"] == "flat"
    loss = CompileLoss(CLASSES[name](reduction=reduction, dtype=dtype, **arguments))
    source = tf.constant((data["inputs"][:, 0] if flat else data["inputs"]).astype(dtype))
    targets = tf.constant((data["targets"][:, 0] if flat else data["targets"]).astype(dtype))
    weights = data.get("sample_weight")
    if weights is not None and weights.ndim == 1 and not flat:
        weights = weights[:, None]  # Keras itself multiplies (B,T) by (B,) along the time
    with tf.GradientTape() as tape:
        tape.watch(source)
        predictions = getattr(keras.activations, data["head"])(source) if "head" in data else tf.identity(source)
        if "mask" in data:
            set_keras_mask(predictions, tf.constant(data["mask"][:, 0] if flat else data["mask"]))
        value = loss(targets, predictions, None if weights is None else tf.constant(weights.astype(dtype)))
        total = tf.reduce_sum(value)
    slope = tape.gradient(total, source, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return np.array(value), np.array(slope).reshape(data["inputs"].shape), np.array(predictions)


def own_loss(name, arguments, reduction, data, inputs):
    """The same in NumPy, as a function of the values in front of the head."""
    if "head" in data:
        # Keras on TensorFlow remembers the logits of a softmax or sigmoid and takes the loss on them.
        arguments = arguments | {"from_logits": True}
    losses = training_equations.LOSSES[name](np.float64(data["targets"]), inputs, **arguments)
    weights = data.get("sample_weight")
    if weights is not None:
        weights = np.float64(weights if weights.ndim == 2 else weights[:, None])
    return training_equations.reduce(losses, data.get("mask"), weights, reduction)


def check_gradient(case, evaluate, inputs, slope):
    """Central difference along a random direction. The step of 1e-9 stays inside the clipped ends."""
    direction = np.random.default_rng(7).choice([-1.0, 1.0], inputs.shape)
    expected = float((slope * direction).sum())
    steps = (1e-5, 1e-6, 1e-7, 1e-9)
    sums = [[np.sum(evaluate(inputs + sign * h * direction)) for sign in (1, -1)] for h in steps]
    found = [(above - below) / 2 / h for (above, below), h in zip(sums, steps)]
    difference = min(abs(f - expected) for f in found) / max(1.0, float(np.abs(slope).sum()))
    assert difference < 5e-6, (case, difference)


def on_probabilities(case, name, arguments, reduction, data, predictions):
    """What the same loss is where the head is not remembered: from the numbers that the head gave."""
    plain = {key: value for key, value in data.items() if key != "head"} | {"inputs": predictions}
    value, slope, _ = keras_loss(name, arguments, reduction, plain, "float64")
    own = own_loss(name, arguments, reduction, plain, predictions)
    assert abs(float(value) - float(own)) < 1e-13 * max(1.0, abs(float(own))), case
    return {"probabilities.loss": value, "probabilities.d_predictions": slope}


def record(file, case, variant, reduction, data):
    name, arguments = BY_LABEL[variant]
    value, slope, predictions = keras_loss(name, arguments, reduction, data, "float64")
    value32, slope32, _ = keras_loss(name, arguments, reduction, data, "float32")
    inputs = np.float64(data["inputs"])

    def evaluate(x):
        return own_loss(name, arguments, reduction, data, x)

    own = evaluate(inputs)
    scale = max(1.0, float(np.abs(value).max()))
    difference = float(np.abs(value.reshape(np.shape(own)) - own).max()) / scale
    assert difference < 1e-13, (case, difference)
    check_gradient(case, evaluate, inputs, slope)
    options = {"kind": "loss", "loss": name} | {f"loss.{k}": v for k, v in arguments.items()}
    options |= {"reduction": reduction, "tolerance": EXACT}
    options |= {"float32_error": float(np.abs(value - value32).max())}
    options |= {"float32_gradient_error": float(np.abs(slope - slope32).max())}
    arrays = {"predictions": data["inputs"], "targets": data["targets"]}
    arrays |= {key: data[key] for key in ("sample_weight", "mask") if key in data}
    shape = data["inputs"].shape[:2]
    arrays |= {"losses": value.reshape(shape)} if reduction == "none" else {"loss": value}
    arrays["d_predictions"] = slope
    if "head" in data:
        options["head"] = data["head"]
        arrays["logits"], arrays["d_logits"] = arrays.pop("predictions"), arrays.pop("d_predictions")
        arrays["predictions"] = predictions.reshape(data["inputs"].shape)
        arrays |= on_probabilities(case, name, arguments, reduction, data, arrays["predictions"])
    file.add(case, options, arrays)


def add_case(file, variant, reduction, shape, masked, weighted, label="loss"):
    """One drawn case; `weighted` is none, sample (B) or step (B,T)."""
    case = f"{label}.{variant}.{shape}.{reduction}.{'mask' if masked else 'whole'}.{weighted}"
    rng = np.random.default_rng(seed_of(case))
    batch, time, units = (4, 1, 3) if shape == "flat" else (3, 4, 3)
    name, arguments = BY_LABEL[variant]
    inputs, targets = draw(name, arguments, batch, time, units, rng)
    data = {"inputs": inputs, "targets": targets, "shape": shape}
    if masked:
        mask = rng.random((batch, time)) < 0.6
        mask[0, 0], mask[-1, -1] = True, False
        data["mask"] = mask
    if weighted != "none":
        data["sample_weight"] = f32(rng.integers(1, 17, (batch,) if weighted == "sample" else (batch, time)) / 8)
    record(file, case, variant, reduction, data)


def drawn_cases(file):
    """The full grid for one loss; for the others each reduction with masks and weights in turn."""
    combinations = [(m, w) for m in (False, True) for w in ("none", "sample", "step")]
    for reduction in REDUCTIONS:
        for masked, weighted in combinations:
            add_case(file, "mse", reduction, "sequence", masked, weighted)
            if weighted != "step":
                add_case(file, "mse", reduction, "flat", masked, weighted)
    for number, (variant, _, _) in enumerate(VARIANTS[1:]):
        for turn, reduction in enumerate(REDUCTIONS):
            for shift in (0, 1):
                masked, weighted = combinations[(number + turn + 3 * shift) % 6]
                add_case(file, variant, reduction, "sequence", masked, weighted)
            weighted = ("none", "sample")[(number + turn) % 2]
            add_case(file, variant, reduction, "flat", (number + turn) % 4 == 0, weighted)


def awkward(file, label, variant, inputs, targets, **more):
    """A case with values by hand, once without reduction and once as the model reduces."""
    inputs = f32(inputs)
    data = {"inputs": inputs, "targets": f32(targets), "shape": "flat" if inputs.shape[1] == 1 else "sequence"} | more
    for reduction in ("none", "sum_over_batch_size"):
        record(file, f"awkward.{label}.{variant}.{reduction}", variant, reduction, data)


CORNERS = [[0, 0, 1], [1, 0, 0], [0.5, 0.5, 0], [1, 1, 1]], [[0.25, 0, 0], [0, 2, 0], [3, 1, 4], [1e-5, 1e-5, 0.5]]


def awkward_cases(file):
    one_hot = np.eye(3)[[[0, 0, 2, 1], [0, 1, 2, 0]]]
    classes = np.array([[0, 0, 2, 1], [0, 1, 2, 0]])
    for variant in ("cce", "cce_smooth"):
        awkward(file, "corners", variant, CORNERS, one_hot)
    awkward(file, "corners", "scce", CORNERS, classes)
    zero_one = [[[0, 0, 1, 1]], [[0, 1, 0, 1]], [[1, 0.5, 0, 1]]]
    zero_one_targets = [[[0, 1, 0, 1]], [[0, 1, 1, 0]], [[0.25, 0.5, 0.75, 1]]]
    for variant in ("bce", "bce_smooth"):
        awkward(file, "corners", variant, zero_one, zero_one_targets)
    logits = [[[60, -60, 0], [800, 0, -800]], [[-1000, -1000, -1000], [20, 20.5, -30]]]
    for variant in ("cce_logits", "cce_logits_smooth"):
        awkward(file, "large", variant, logits, np.eye(3)[[[1, 2], [0, 1]]])
    awkward(file, "large", "scce_logits", logits, [[1, 2], [0, 1]])
    for variant in ("bce_logits", "bce_logits_smooth"):
        awkward(file, "large", variant, logits, [[[0, 1, 1], [1, 0, 1]], [[0, 0.5, 1], [1, 0, 0]]])
    for variant in ("mae", "huber", "huber_delta"):
        # Ties, and errors of exactly delta where a float holds delta.
        awkward(file, "ties", variant, [[[0.5, 2, -1]], [[1, 0, 0.25]]], [[[0.5, 1, 0]], [[-1, 0, 0.25]]])
    for variant in ("mse", "mae", "huber"):
        awkward(file, "large", variant, [[[1e6, -1e6]]], [[[-1e6, 3]]])


def mask_cases(file):
    """Masks of nothing, weights of nothing, and the smallest shapes."""
    for variant in ("mse", "cce", "bce_logits"):
        name, arguments = BY_LABEL[variant]
        rng = np.random.default_rng(seed_of("loss_masks." + variant))
        inputs, targets = draw(name, arguments, 3, 4, 3, rng)
        rows = np.array([[1, 1, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0]], bool)
        kinds = {"empty_row": rows, "empty": np.zeros((3, 4), bool), "full": np.ones((3, 4), bool)}
        weights = {"none": {}, "sample": {"sample_weight": f32([0.5, 2, 3])}}
        weights["step"] = {"sample_weight": f32(rows + 0.5)}
        for kind, mask in kinds.items():
            for weighted, more in weights.items():
                for reduction in REDUCTIONS:
                    data = {"inputs": inputs, "targets": targets, "mask": mask, "shape": "sequence"} | more
                    if variant == "mse" or weighted == "none" or reduction == "mean_with_sample_weight":
                        record(file, f"mask_{kind}.{variant}.{reduction}.{weighted}", variant, reduction, data)
        for reduction in REDUCTIONS:
            data = {"inputs": inputs, "targets": targets, "shape": "sequence", "sample_weight": f32(np.zeros(3))}
            record(file, f"weights_zero.{variant}.{reduction}", variant, reduction, data)
    for variant in ("mse", "mae", "huber", "bce", "bce_logits"):
        name, arguments = BY_LABEL[variant]
        rng = np.random.default_rng(seed_of("loss_small." + variant))
        for batch, time in ((1, 1), (2, 1), (1, 3)):
            inputs, targets = draw(name, arguments, batch, time, 1, rng)
            data = {"inputs": inputs, "targets": targets, "shape": "flat" if time == 1 else "sequence"}
            record(file, f"small.{variant}.{batch}x{time}x1", variant, "sum_over_batch_size", data)


def head_cases(file):
    """A softmax or sigmoid directly in front of the loss: Keras on TensorFlow computes on its argument."""
    for variant in ("bce", "bce_smooth", "cce", "cce_smooth", "scce"):
        head = "sigmoid" if variant.startswith("bce") else "softmax"
        name, arguments = BY_LABEL[variant]
        rng = np.random.default_rng(seed_of(f"head.{head}.{variant}"))
        inputs, targets = draw(name, arguments | {"from_logits": True}, 3, 4, 3, rng)
        inputs[0, 0], inputs[1, 2], inputs[2, 3] = [50, -40, 0], [-90, 30, 31], [8, -9, 25]
        data = {"inputs": inputs, "targets": targets, "shape": "sequence", "head": head}
        record(file, f"head.{head}.{variant}", variant, "sum_over_batch_size", data)
        mask = np.array([[1, 1, 0, 0], [1, 0, 1, 1], [1, 1, 1, 1]], bool)
        record(file, f"head.{head}.{variant}.mask", variant, "sum_over_batch_size", data | {"mask": mask})


def losses():
    file = GoldenFile()
    drawn_cases(file)
    awkward_cases(file)
    mask_cases(file)
    head_cases(file)
    return file
