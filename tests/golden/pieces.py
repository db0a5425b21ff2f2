# SPDX-License-Identifier: MIT
"""The smaller golden files: activations, regularizers, constraints, and the numbers of Keras's own GRU tests.

Imported by generate.py, which has set the backend and float64 before.
"""

import keras
import numpy as np
import tensorflow as tf

import contract
from activation_list import ACTIVATIONS, EXACT, LOOSE, ROW_WISE, f32, is_loose, seed_of
from golden_format import GoldenFile

EPSILON = 1e-7


def rng_of(name):
    return np.random.default_rng(seed_of(name))


def check(name, keras_value, own_value, tolerance):
    keras_value, own_value = np.asarray(keras_value), np.asarray(own_value)
    scale = max(1.0, float(np.abs(keras_value).max(initial=0)))
    difference = float(np.abs(keras_value - own_value).max(initial=0)) / scale
    assert difference <= tolerance, (name, difference)


# ------------------------------------------------------------------------------------------- activations

IRREGULAR = (-7.3, -5.11, -3.7, -2.9, -1.7, -1.1, -0.9, -0.33, -0.1, -1e-3)
IRREGULAR += (1e-3, 0.1, 0.21, 0.7, 1.3, 2.2, 4.9, 6.1, 8.7)


def activations():
    """Values and derivatives at points from -12 to 12 with 0 and every kink; rows for the row-wise ones."""
    file = GoldenFile()
    for label, name, parameters in ACTIVATIONS:
        rng = rng_of("activation_values." + label)
        is_row_wise = name in ROW_WISE
        if is_row_wise:
            rows = [rng.normal(0, s, 5) for s in (0.1, 0.5, 1, 3)] + [np.zeros(5), np.array([12.0, -12, 0, 11, 5])]
            x = f32(np.stack(rows))
        else:
            x = f32(np.sort(np.concatenate([np.linspace(-12, 12, 49), IRREGULAR])))
        tensor = tf.constant(x.astype(np.float64))
        upstream = f32(rng.uniform(-1, 1, x.shape)) if is_row_wise else np.ones(x.shape, np.float32)
        function = getattr(keras.activations, name)
        with tf.GradientTape() as tape:
            tape.watch(tensor)
            y = function(tensor, **parameters)
            total = tf.reduce_sum(y * upstream.astype(np.float64))
        slope = np.array(tape.gradient(total, tensor))
        tolerance = LOOSE if is_loose(label) else EXACT
        own = contract.activate(name, parameters, x.astype(np.float64))
        check(label, y, own, tolerance)
        options = {"kind": "activation", "activation": name} | {f"activation.{k}": v for k, v in parameters.items()}
        options |= {"tolerance": tolerance, "row_wise": is_row_wise}
        arrays = {"inputs": x, "outputs": np.array(y)}
        arrays |= {"d_outputs": upstream, "d_inputs": slope} if is_row_wise else {"derivatives": slope}
        if tolerance == LOOSE:
            arrays["formula.outputs"] = own
        if name == "sparsemax":
            arrays["corrected.outputs"] = contract.sparsemax_projection(x.astype(np.float64))
        file.add(f"activation_values.{label}", options, arrays)
    return file


# ------------------------------------------------------------------------------------------ regularizers

REGULARIZERS = [
    ("l1", "l1", {"l1": 0.03125}),
    ("l2", "l2", {"l2": 0.01953125}),
    ("l1_l2", "l1_l2", {"l1": 0.015625, "l2": 0.0390625}),
    ("l1_l2_only_l1", "l1_l2", {"l1": 0.046875}),
    ("l1_default", "l1", {}),
    ("l2_default", "l2", {}),
    ("l1_l2_default", "l1_l2", {}),
    ("l1_zero", "l1", {"l1": 0.0}),
    ("orthogonal_rows", "orthogonal", {"factor": 0.296875, "mode": "rows"}),
    ("orthogonal_columns", "orthogonal", {"factor": 0.1875, "mode": "columns"}),
    ("orthogonal_default", "orthogonal", {}),
]
CLASSES = {
    "l1": keras.regularizers.L1,
    "l2": keras.regularizers.L2,
    "l1_l2": keras.regularizers.L1L2,
    "orthogonal": keras.regularizers.OrthogonalRegularizer,
}


def keras_regularizer(name, parameters):
    regularizer = CLASSES[name](**parameters)
    if name == "orthogonal":
        # Keras holds the factor as a float32 tensor and therefore fails on float64 weights; the rest is untouched.
        regularizer.factor = tf.cast(regularizer.factor, tf.float64)
    return regularizer


def own_regularizer(name, parameters, w):
    w = np.float64(w)
    if name == "orthogonal":
        axis = 1 if parameters.get("mode", "rows") == "rows" else 0
        unit = w / np.maximum(np.sqrt((w * w).sum(axis=axis, keepdims=True)), EPSILON)
        dots = unit @ unit.T if axis == 1 else unit.T @ unit
        n = len(dots)
        off = np.abs(dots).sum() - np.abs(np.diag(dots)).sum()
        return parameters.get("factor", 0.01) * 0.5 * off / (n * (n - 1) / 2)
    l1 = parameters.get("l1", 0.01 if name == "l1" else 0.0) if name != "l2" else 0.0
    l2 = parameters.get("l2", 0.01 if name == "l2" else 0.0) if name != "l1" else 0.0
    return l1 * np.abs(w).sum() + l2 * (w * w).sum()


def regularizers():
    file = GoldenFile()
    for label, name, parameters in REGULARIZERS:
        for shape in ((3, 6), (5, 2), (2, 9), (7,)):
            if name == "orthogonal" and len(shape) == 1:
                continue  # an error in Keras
            case = f"regularizer.{label}.{'x'.join(str(d) for d in shape)}"
            w = f32(rng_of(case).standard_normal(shape))
            regularizer = keras_regularizer(name, parameters)
            tensor = tf.constant(w.astype(np.float64))
            with tf.GradientTape() as tape:
                tape.watch(tensor)
                loss = regularizer(tensor)
            slope = tape.gradient(loss, tensor, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            own = own_regularizer(name, parameters, w)
            # Keras keeps the factors in float32, so the default 0.01 is not quite 0.01.
            tolerance = LOOSE if label in ("l1_default", "l2_default", "orthogonal_default") else EXACT
            check(case, loss, own, tolerance)
            options = {"kind": "regularizer", "regularizer": name}
            options |= {f"regularizer.{k}": v for k, v in parameters.items()} | {"tolerance": tolerance}
            arrays = {"weights": w, "loss": np.float64(loss), "d_weights": np.array(slope)}
            if tolerance == LOOSE:
                arrays["formula.loss"] = np.float64(own)
            file.add(case, options, arrays)
    for number, spec in enumerate(LAYERS):
        regularized_layer(file, number, spec)
    return file


PLAIN = {"return_sequences": False, "return_state": False}
LAYERS = [
    PLAIN | {"kernel": 0},
    PLAIN | {"recurrent": 8},
    PLAIN | {"bias": 9},
    PLAIN | {"bias": 1, "before": True},
    PLAIN | {"kernel": 2, "recurrent": 9, "bias": 0},
    PLAIN | {"activity": 0},
    PLAIN | {"activity": 1, "return_state": True},
    PLAIN | {"activity": 2, "return_sequences": True},
    PLAIN | {"activity": 2, "return_sequences": True, "return_state": True},
    PLAIN | {"activity": 1, "return_sequences": True, "return_state": True, "mask": True, "kernel": 1, "bias": 0},
    PLAIN | {"activity": 0, "return_sequences": True, "mask": True, "recurrent": 2, "before": True, "zero": True},
]


def regularized_layer(file, number, spec):
    name = f"regularized_layer.{number:02d}"
    rng = rng_of(name)
    batch, time, features, units = 3, 4, 2, 3
    after = not spec.get("before", False)
    chosen = {key: REGULARIZERS[spec[key]] for key in ("kernel", "recurrent", "bias", "activity") if key in spec}
    arguments = {f"{key}_regularizer": keras_regularizer(n, p) for key, (_, n, p) in chosen.items()}
    flags = {"return_sequences": spec["return_sequences"], "return_state": spec["return_state"]}
    zero = spec.get("zero", False)
    layer = keras.layers.GRU(units, reset_after=after, zero_output_for_mask=zero, **flags, **arguments)
    layer.build((batch, time, features))
    weights = [f32(0.6 * rng.standard_normal(w.shape)) for w in layer.get_weights()]
    layer.set_weights([w.astype(np.float64) for w in weights])
    arrays = dict(zip(("kernel", "recurrent_kernel", "bias"), weights))
    arrays["inputs"] = f32(rng.standard_normal((batch, time, features)))
    mask = None
    if spec.get("mask"):
        mask = np.array([[True, True, True, False], [True, False, True, True], [True, True, False, False]])
        arrays["mask"] = mask
    tensor = tf.constant(arrays["inputs"].astype(np.float64))
    sources = [w.value for w in layer.trainable_variables] + [tensor]
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        outputs = layer(tensor, mask=None if mask is None else tf.constant(mask))
        losses = [tf.convert_to_tensor(loss) for loss in layer.losses]
        total = tf.add_n(losses)
    slopes = tape.gradient(total, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    returned = list(outputs) if spec["return_state"] else [outputs]
    own = [own_regularizer(*chosen["activity"][1:], out) / batch for out in returned] if "activity" in chosen else []
    parts = (("kernel", 0), ("recurrent", 1), ("bias", 2))
    own += [own_regularizer(*chosen[key][1:], weights[i]) for key, i in parts if key in chosen]
    check(name, [float(loss) for loss in losses], own, 1e-12)
    count = len(returned) if "activity" in chosen else 0
    arrays["activity_losses"] = np.array([float(loss) for loss in losses[:count]])
    arrays["weight_losses"] = np.array([float(loss) for loss in losses[count:]])
    keys = ("d_kernel", "d_recurrent_kernel", "d_bias", "d_inputs")
    arrays |= {key: np.array(value) for key, value in zip(keys, slopes)}
    options = {"kind": "regularized_layer", "batch": batch, "time": time, "features": features, "units": units}
    options |= {"activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True, "reset_after": after}
    options |= {"zero_output_for_mask": zero} | flags
    for key, (_, regularizer, parameters) in chosen.items():
        options[f"{key}_regularizer"] = regularizer
        options |= {f"{key}_regularizer.{k}": v for k, v in parameters.items()}
    file.add(name, options | {"tolerance": 1e-11}, arrays)


# ------------------------------------------------------------------------------------------- constraints

CONSTRAINTS = [
    ("max_norm", {}),
    ("max_norm", {"max_value": 0.8}),
    ("max_norm", {"max_value": 1.3, "axis": 1}),
    ("max_norm", {"max_value": 0.9, "axis": (0, 1)}),
    ("non_neg", {}),
    ("unit_norm", {}),
    ("unit_norm", {"axis": 1}),
    ("unit_norm", {"axis": -1}),
    ("unit_norm", {"axis": (0, 1)}),
    ("min_max_norm", {}),
    ("min_max_norm", {"min_value": 0.7, "max_value": 1.4}),
    ("min_max_norm", {"min_value": 0.9, "max_value": 1.1, "rate": 0.3, "axis": 1}),
    ("min_max_norm", {"min_value": 1.5, "max_value": 2.0, "rate": 0.0}),
]
CONSTRAINT_CLASSES = {
    "max_norm": keras.constraints.MaxNorm,
    "non_neg": keras.constraints.NonNeg,
    "unit_norm": keras.constraints.UnitNorm,
    "min_max_norm": keras.constraints.MinMaxNorm,
}


def own_constraint(name, w, max_value=None, min_value=0.0, rate=1.0, axis=0):
    if name == "non_neg":
        return np.maximum(w, 0)
    n = np.sqrt((w * w).sum(axis=axis, keepdims=True))
    if name == "unit_norm":
        return w / (EPSILON + n)
    if name == "max_norm":
        return w * np.clip(n, 0, 2 if max_value is None else max_value) / (EPSILON + n)
    wanted = np.clip(n, min_value, 1.0 if max_value is None else max_value)
    return w * (rate * wanted + (1 - rate) * n) / (EPSILON + n)


def constraints():
    file = GoldenFile()
    for number, (name, parameters) in enumerate(CONSTRAINTS):
        for shape in ((3, 6), (4, 12), (2, 9), (6,)):
            axis = parameters.get("axis", 0)
            if len(shape) == 1 and axis not in (0, -1):
                continue
            case = f"constraint.{number:02d}.{name}.{'x'.join(str(d) for d in shape)}"
            w = f32(rng_of(case).standard_normal(shape))
            if shape == (4, 12):
                w[:, 3] = 0
                w[2] = 0
            constrained = np.array(CONSTRAINT_CLASSES[name](**parameters)(tf.constant(w.astype(np.float64))))
            check(case, constrained, own_constraint(name, w.astype(np.float64), **parameters), 1e-12)
            options = {"kind": "constraint", "constraint": name, "tolerance": 1e-11}
            for key, value in parameters.items():
                options[f"constraint.{key}"] = " ".join(str(v) for v in value) if isinstance(value, tuple) else value
            file.add(case, options, {"weights": w, "constrained": constrained})
    return file


# ------------------------------------------------------------------ the numbers of Keras's own GRU tests

A, B, M = (3, 6, 4), (2, 4, 3), [[1, 1, 0, 1], [1, 0, 0, 1]]
ROW0 = [0.03606692, 0.09497581, 0.09497581, 0.19393763]
ROW1 = [0.16051409, 0.16051409, 0.16051409, 0.30818558]


STATE = np.array([[0.23774096, 0.33508456], [0.83659905, 1.0227708]])
STATE_BACK = np.array([[0.13486053, 0.23261218], [0.78257304, 0.9691353]])


def columns(values, units):
    """The same number for every unit, as constant weights give."""
    return np.repeat(np.array(values, np.float64)[..., None], units, axis=-1)


UNIT_TESTS = [
    # name, input shape, units, layer arguments, call arguments, array, expected, tolerance
    ("constant_weights", A, 3, {}, {}, "last", columns([0.5217289, 0.6371659, 0.39384964], 3), 1e-5),
    ("go_backwards", A, 3, {"go_backwards": True}, {}, "last", columns([0.24406259, 0.611516, 0.3928808], 3), 1e-5),
    ("unroll", A, 3, {"unroll": True}, {}, "last", columns([0.5217289, 0.6371659, 0.39384964], 3), 1e-5),
    ("reset_before", A, 3, {"reset_after": False}, {}, "last", columns([0.51447755, 0.6426879, 0.40208298], 3), 1e-5),
    ("no_bias", A, 3, {"use_bias": False}, {}, "last", columns([0.49988455, 0.64701194, 0.4103359], 3), 1e-5),
    ("stateful", (2, 3, 4), 4, {"stateful": True}, {}, "second.last", columns([0.29542392, 0.5885018], 4), 1e-6),
    ("initial_state", B, 2, {}, {"state": True}, "last", STATE, 1e-6),
    ("initial_state_backwards", B, 2, {"go_backwards": True}, {"state": True}, "last", STATE_BACK, 1e-6),
    ("return_state", B, 2, {}, {"state": True}, "state", STATE, 1e-6),
    ("return_state_backwards", B, 2, {"go_backwards": True}, {"state": True}, "state", STATE_BACK, 1e-6),
    ("mask_unroll", B, 2, {"unroll": True}, {"mask": True}, "last", columns([0.19393763, 0.30818558], 2), 1e-6),
    ("mask_sequences", B, 2, {}, {"mask": True}, "sequences", columns([ROW0, ROW1], 2), 1e-6),
    ("mask_zero_output", B, 2, {"zero_output_for_mask": True}, {"mask": True}, "sequences",
     columns([[ROW0[0], ROW0[1], 0, ROW0[3]], [ROW1[0], 0, 0, ROW1[3]]], 2), 1e-6),
    ("mask_backwards", B, 2, {"go_backwards": True}, {"mask": True}, "last",
     columns([0.11669192, 0.28380975], 2), 1e-6),
]  # fmt: skip


def keras_unit_tests():
    """The printed numbers (6 to 8 digits), each verified against real Keras in float32 and against contract.py."""
    file = GoldenFile()
    worst = 0.0
    for name, shape, units, arguments, call, array, expected, tolerance in UNIT_TESTS:
        flags = {key: False for key in ("go_backwards", "unroll", "stateful", "zero_output_for_mask")}
        flags = flags | {"use_bias": True, "reset_after": True} | arguments
        features = shape[2]
        arrays = {"kernel": np.full((features, 3 * units), 0.01, np.float32)}
        arrays["recurrent_kernel"] = np.full((units, 3 * units), 0.02, np.float32)
        if flags["use_bias"]:
            arrays["bias"] = np.full((2, 3 * units) if flags["reset_after"] else (3 * units,), 0.03, np.float32)
        weights = dict(arrays)
        arrays["inputs"] = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
        if call.get("mask"):
            arrays["mask"] = np.array(M, bool)
        if call.get("state"):
            arrays["initial_state"] = np.arange(shape[0] * units, dtype=np.float32).reshape(shape[0], units)
        if flags["stateful"]:
            arrays["second.inputs"] = arrays["inputs"]
        measured, own = verify_unit_test(flags, units, weights, arrays, array)
        for value in (measured, own):
            difference = np.abs(value - expected)
            assert np.all(difference <= tolerance * (1 + np.abs(expected))), (name, difference.max())
        worst = max(worst, float(np.abs(own - expected).max()))
        arrays[array] = expected
        options = {"kind": "gru", "batch": shape[0], "time": shape[1], "features": features, "units": units}
        options |= {"activation": "tanh", "recurrent_activation": "sigmoid"} | flags
        options |= {"dropout": 0.0, "recurrent_dropout": 0.0, "training": False}
        options |= {"calls": 2 if flags["stateful"] else 1, "tolerance": tolerance}
        file.add(f"keras_unit_test.{name}", options, arrays)
    print(f"keras_unit_tests: largest difference of contract.py to the printed numbers {worst:.3g}")
    return file


def verify_unit_test(flags, units, weights, arrays, array):
    """What Keras gives in float32, and what the equations give in float64."""
    layer = keras.layers.GRU(units, return_sequences=array == "sequences", return_state=True, dtype="float32", **flags)
    inputs, state = arrays["inputs"], arrays.get("initial_state")
    layer.build(inputs.shape)
    layer.set_weights(list(weights.values()))
    mask = tf.constant(arrays["mask"]) if "mask" in arrays else None
    initial = None if state is None else tf.constant(state)
    equations = {key: flags[key] for key in ("reset_after", "go_backwards", "zero_output_for_mask")}
    equations |= {"activation": ("tanh", {}), "recurrent_activation": ("sigmoid", {})}
    for _ in range(2 if flags["stateful"] else 1):
        out, final = layer(tf.constant(inputs), mask=mask, initial_state=initial)
        own = contract.gru(equations, weights, inputs, arrays.get("mask"), state)
        state = own["state"]
    key = array.removeprefix("second.")
    return np.array(final if key == "state" else out), own[key]


FILES = {
    "activations": activations,
    "regularizers": regularizers,
    "constraints": constraints,
    "keras_unit_tests": keras_unit_tests,
}
