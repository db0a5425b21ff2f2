# SPDX-License-Identifier: MIT
"""Makes layers.golden, the layers around the GRU, from real Keras on TensorFlow in float64; see generate.py for the
virtual environment.

    ~/golden-venv/bin/python tests/golden/generate_layers.py

Keras runs every case in float64 and in float32; the script stops where a gradient differs from a central difference of
the loss along a random direction. Seeds come from the case names.
"""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

from pathlib import Path  # noqa: E402

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from activation_list import f32, seed_of  # noqa: E402
from golden_format import GoldenFile  # noqa: E402

HERE = Path(__file__).resolve().parent
BATCH, TIME, FEATURES = 3, 4, 2
layers = keras.layers


def mask_of(kind):
    """Right-padded with a row that is masked whole, or with holes and a masked first step."""
    if kind == "none":
        return None
    if kind == "right":
        return np.array([[1, 1, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]], bool)
    return np.array([[0, 1, 0, 1], [1, 0, 1, 1], [1, 1, 1, 0]], bool)


class Case:
    """What one call computes: `build(dtype)` gives a layer, `call(layer, inputs, states)` its outputs as a list."""

    def __init__(self, name, options, build, call, inputs, states=(), is_integer=False, calls=1):
        self.name, self.options, self.build, self.call = name, options, build, call
        self.rng = np.random.default_rng(seed_of(name))
        self.inputs, self.states, self.is_integer, self.calls = inputs, states, is_integer, calls
        layer = build("float64")
        call(layer, self.tensor(inputs[0], "float64"), [tf.constant(s) for s in states])
        self.shapes = [tuple(w.shape) for w in layer.weights]
        self.kinds = [w.path.split("/")[-1] for w in layer.weights]
        self.weights = [self.draw(kind, shape) for kind, shape in zip(self.kinds, self.shapes)]

    def draw(self, kind, shape):
        if kind == "moving_variance":
            return f32(self.rng.uniform(0.5, 1.5, shape))
        if kind == "gamma":
            return f32(self.rng.uniform(0.5, 1.5, shape))
        return f32(self.rng.standard_normal(shape) * 0.6)

    def tensor(self, value, dtype):
        return tf.constant(value, "int32" if self.is_integer else dtype)

    def run(self, dtype, coefficients=None):
        """Outputs of every call, and the gradients of sum(coefficient output) of the first one."""
        layer = self.build(dtype)
        states = [tf.constant(s, dtype) for s in self.states]
        inputs = [self.tensor(x, dtype) for x in self.inputs]
        self.call(layer, inputs[0], states)
        if hasattr(layer, "reset_state") and self.options.get("stateful"):
            layer.reset_state()
        layer.set_weights([w.astype(dtype) for w in self.weights])
        results, gradients = [], None
        for number in range(self.calls):
            with tf.GradientTape() as tape:
                sources = states + ([] if self.is_integer else [inputs[number]])
                tape.watch(sources + [w.value for w in layer.weights])
                outputs = self.call(layer, inputs[number], states)
                if number == 0 and coefficients is not None:
                    parts = [tf.reduce_sum(tf.constant(c, dtype) * y) for c, y in zip(coefficients, outputs)]
                    loss = tf.add_n(parts)
            if number == 0 and coefficients is not None:
                weights = [w.value for w in layer.weights]
                zero = tf.UnconnectedGradients.ZERO
                found = tape.gradient(loss, weights + sources, unconnected_gradients=zero)
                gradients = [tf.convert_to_tensor(g).numpy() for g in found]
            results.append([np.array(y) for y in outputs])
        return results, gradients

    def loss_at(self, shift, directions, coefficients):
        """The loss with weights, states and inputs moved along a direction."""
        count = len(self.weights)
        kept = self.weights, self.states, self.inputs
        moved = [v.astype("float64") + shift * d for v, d in zip(self.values(), directions)]
        self.weights = moved[:count]
        self.states = moved[count : count + len(self.states)]
        if not self.is_integer:
            self.inputs = [moved[-1]] + list(self.inputs[1:])
        (outputs, *_), _ = self.run("float64")
        self.weights, self.states, self.inputs = kept
        return sum(float((c.astype("float64") * y).sum()) for c, y in zip(coefficients, outputs))

    def values(self):
        return list(self.weights) + list(self.states) + ([] if self.is_integer else [self.inputs[0]])

    def record(self, file):
        outputs, _ = self.run("float64")
        coefficients = [f32(self.rng.uniform(-1, 1, y.shape)) for y in outputs[0]]
        outputs, gradients = self.run("float64", coefficients)
        single, single_gradients = self.run("float32", coefficients)
        # Zeros stay, so that a Masking masks the same steps.
        directions = [self.rng.standard_normal(v.shape) * (v != 0) for v in self.values()]
        e = 1e-6
        slope = (self.loss_at(e, directions, coefficients) - self.loss_at(-e, directions, coefficients)) / (2 * e)
        expected = sum(float((g * d).sum()) for g, d in zip(gradients, directions))
        assert abs(slope - expected) < 1e-7 * max(1, abs(expected)), (self.name, slope, expected)
        errors = [np.abs(a - b).max() for xs, ys in zip(outputs, single) for a, b in zip(xs, ys)]
        gradient_errors = [np.abs(a - b).max(initial=0) for a, b in zip(gradients, single_gradients)]
        arrays = {f"weight.{i}": w for i, w in enumerate(self.weights)}
        arrays |= {f"state.{i}": s for i, s in enumerate(self.states)}
        for number, prefix in ((0, ""), (1, "second."))[: self.calls]:
            arrays[prefix + "inputs"] = f32(self.inputs[number])
            arrays |= {f"{prefix}output.{i}": y for i, y in enumerate(outputs[number])}
        arrays |= {f"d_output.{i}": c for i, c in enumerate(coefficients)}
        names = [f"d_weight.{i}" for i in range(len(self.weights))] + [f"d_state.{i}" for i in range(len(self.states))]
        names += [] if self.is_integer else ["d_inputs"]
        arrays |= dict(zip(names, gradients))
        mask = self.options.pop("mask", None)
        if mask is not None:
            arrays["mask"] = mask
        options = dict(self.options)
        options["float32_error"] = float(max(errors))
        options["float32_gradient_error"] = float(max(gradient_errors))
        file.add(self.name, options, arrays)


def bidirectional(name, merge="concat", mask="none", own=None, states=False, calls=1, **settings):
    """`own`: arguments of a backward layer of its own."""
    units = settings.setdefault("units", 3)
    rng = np.random.default_rng(seed_of(name + ".data"))
    mask_values = mask_of(mask)
    # Keras 3.15.1 fails on a stateful Bidirectional that returns its states.
    shared = {**settings, "return_state": not settings.get("stateful", False)}

    def build(dtype):
        backward = None
        if own is not None:
            backward = layers.GRU(**{**shared, "go_backwards": True, **own}, dtype=dtype)
        forward = layers.GRU(**shared, dtype=dtype)
        merge_mode = None if merge == "none" else merge
        return layers.Bidirectional(forward, merge_mode=merge_mode, backward_layer=backward, dtype=dtype)

    def call(layer, inputs, initial):
        mask_tensor = None if mask_values is None else tf.constant(mask_values)
        outputs = layer(inputs, mask=mask_tensor, initial_state=list(initial) or None)
        return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]

    backward_units = (own or {}).get("units", units)
    initial = [f32(rng.uniform(-1, 1, (BATCH, u))) for u in (units, backward_units)] if states else []
    options = {"kind": "bidirectional", "merge": merge, "backward_units": backward_units, "own": own is not None}
    flags = {"reset_after": True, "use_bias": True, "return_sequences": False, "stateful": False}
    options |= {**flags, **settings}
    if own is not None:
        options["backward_activation"] = own.get("activation", "tanh")
    if mask_values is not None:
        options["mask"] = mask_values
    inputs = [f32(rng.standard_normal((BATCH, TIME, FEATURES))) for _ in range(calls)]
    return Case(name, options, build, call, inputs, initial, calls=calls)


def bidirectional_cases():
    for merge in ("concat", "sum", "mul", "ave", "none"):
        for sequences in (True, False):
            what = "sequences" if sequences else "last"
            mask = "holes" if sequences else "right"
            after = merge in ("concat", "mul")
            yield bidirectional(f"bidirectional.{merge}.{what}", merge, mask, states=merge != "ave",
                                return_sequences=sequences, reset_after=after)
    yield bidirectional("bidirectional.plain", return_sequences=True)
    yield bidirectional("bidirectional.right", "sum", "right", return_sequences=True)
    own = {"units": 2, "activation": "relu"}
    yield bidirectional("bidirectional.own", mask="holes", own=own, states=True, return_sequences=True)
    yield bidirectional("bidirectional.own.none", "none", own=own, states=True, return_sequences=False)
    yield bidirectional("bidirectional.no_bias", "ave", use_bias=False, reset_after=False)
    yield bidirectional("bidirectional.stateful", "mul", calls=2, stateful=True, return_sequences=True)


def plain_case(name, kind, make, options, inputs=None):
    """A layer without states, outside of training."""
    rng = np.random.default_rng(seed_of(name + ".data"))
    is_integer = inputs is not None
    values = inputs if is_integer else f32(rng.standard_normal((BATCH, TIME, 5)))
    options = {"kind": kind} | options

    def call(layer, x, _):
        return [layer(x, training=False)]

    return Case(name, options, make, call, [values], is_integer=is_integer)


def normalization_cases():
    for center, scale in ((True, True), (True, False), (False, True), (False, False)):
        options = {"center": center, "scale": scale, "epsilon": 0.0625}
        for kind, layer in (("batch", layers.BatchNormalization), ("layer", layers.LayerNormalization)):
            if kind == "layer" and not (center or scale):
                options = options | {"epsilon": 0.001}

            def make(dtype, layer=layer, options=options):
                return layer(**options, dtype=dtype)

            recorded = options | {"rms_scaling": False}
            name = f"{kind}_normalization.{'beta' if center else ''}{'gamma' if scale else ''}".rstrip(".")
            yield plain_case(name, f"{kind}_normalization", make, recorded)
    rms = {"center": True, "scale": True, "epsilon": 0.0625, "rms_scaling": True}
    yield plain_case("layer_normalization.rms", "layer_normalization",
                     lambda dtype: layers.LayerNormalization(**rms, dtype=dtype), rms)


IDS = np.array([[3, 1, 0, 0], [6, 6, 2, 1], [0, 4, 0, 6]])


def embedding_cases():
    yield plain_case("embedding", "embedding", lambda dtype: layers.Embedding(7, 3, dtype=dtype), {}, IDS)


def chain_cases():
    """Whole models; the test builds the same ones by name."""

    def words(dtype):
        return keras.Sequential([
            layers.Embedding(7, 3, mask_zero=True, dtype=dtype),
            layers.Bidirectional(layers.GRU(4, return_sequences=True, dtype=dtype), dtype=dtype),
            layers.LayerNormalization(dtype=dtype),
            layers.GRU(5, return_sequences=True, reset_after=False, dtype=dtype),
            layers.BatchNormalization(dtype=dtype),
            layers.TimeDistributed(layers.Dense(3, activation="tanh", dtype=dtype), dtype=dtype),
            layers.GRU(4, dtype=dtype),
            layers.Dense(2, activation="softmax", dtype=dtype),
        ])

    def signals(dtype):
        return keras.Sequential([
            layers.Masking(dtype=dtype),
            layers.GRU(4, return_sequences=True, dtype=dtype),
            layers.LayerNormalization(dtype=dtype),
            layers.Bidirectional(layers.GRU(3, reset_after=False, dtype=dtype), merge_mode="mul", dtype=dtype),
            layers.Dense(2, dtype=dtype),
        ])

    def call(model, x, _):
        return [model(x, training=False)]

    ids = np.concatenate([IDS, np.zeros((1, 4), int)])
    yield Case("chain.words", {"kind": "chain"}, words, call, [ids], is_integer=True)
    rng = np.random.default_rng(seed_of("chain.signals.data"))
    values = f32(rng.standard_normal((BATCH, TIME, FEATURES))) * mask_of("right")[:, :, None].astype("float32")
    yield Case("chain.signals", {"kind": "chain"}, signals, call, [f32(values)])


def main():
    file = GoldenFile()
    for cases in (bidirectional_cases, embedding_cases, normalization_cases, chain_cases):
        for case in cases():
            case.record(file)
            print(case.name, case.options)
    print(file.save(HERE / "layers.golden"), "bytes,", len(file.names), "cases")


if __name__ == "__main__":
    main()
