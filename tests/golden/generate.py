# SPDX-License-Identifier: MIT
"""Makes the golden data of tests/golden/*.golden from real Keras on TensorFlow in float64.

Once, in a virtual environment outside the repository:
    python3 -m venv ~/golden-venv
    ~/golden-venv/bin/pip install keras==3.15.1 tensorflow-cpu==2.21.0 numpy==2.4.6
then
    ~/golden-venv/bin/python tests/golden/generate.py            writes every *.golden file beside this script
    ~/golden-venv/bin/python tests/golden/generate.py --tables   prints the tables of names and defaults of README.md

Every case is computed by Keras and, as a second opinion, by contract.py (plain NumPy); the script stops when they
differ by more than the case's tolerance. Seeds come from the case names, so the data do not depend on the order of
the cases. The files hold facts about Keras, no code of Keras.
"""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import sys  # noqa: E402
from pathlib import Path  # noqa: E402

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

import contract  # noqa: E402
import names_and_defaults  # noqa: E402
import pieces  # noqa: E402
from activation_list import ACTIVATIONS, BY_LABEL, EXACT, LOOSE, f32, is_loose, seed_of  # noqa: E402
from golden_format import GoldenFile  # noqa: E402

HERE = Path(__file__).resolve().parent
WEIGHT_NAMES = ("kernel", "recurrent_kernel", "bias")
SIZES = (1, 2, 3, 5, 7, 8, 9, 16, 17, 24, 31, 33, 40, 64)
MASKS = ("none", "right", "left", "holes", "all_masked_row", "first_masked")

DEFAULTS = {
    "batch": 3,
    "time": 4,
    "features": 3,
    "units": 4,
    "activation": "tanh",
    "recurrent_activation": "sigmoid",
    "use_bias": True,
    "reset_after": True,
    "go_backwards": False,
    "unroll": False,
    "stateful": False,
    "zero_output_for_mask": False,
    "dropout": 0.0,
    "recurrent_dropout": 0.0,
    "training": False,
    "mask_kind": "none",
    "initial_state": False,
    "calls": 1,
}


def keras_activation(label):
    """A bare name where the defaults hold, else a function with the arguments."""
    name, parameters = BY_LABEL[label]
    if not parameters:
        return name
    function = getattr(keras.activations, name)
    return lambda x: function(x, **parameters)


def make_mask(kind, batch, time, rng):
    if kind == "none":
        return None
    lengths = rng.integers(1, time + 1, size=batch)
    steps = np.arange(time)
    if kind == "right":
        mask = steps[None, :] < lengths[:, None]
    elif kind == "left":
        mask = steps[None, :] >= time - lengths[:, None]
    else:
        mask = rng.random((batch, time)) < 0.6
    if kind == "all_masked_row":
        mask[batch - 1] = False
    if kind == "first_masked":
        # The first processed step and the first in time, so that it holds in both directions.
        mask[:, 0] = False
        mask[0, time - 1] = False
    if kind == "holes" and time >= 3:
        mask[0] = True
        mask[0, time // 2] = False
    if not mask[0].any() and (batch > 1 or kind != "all_masked_row"):
        mask[0, time // 2] = True
    return mask


class Case:
    """One layer with its random data; `run` fills options and arrays for the file."""

    def __init__(self, name, **settings):
        unknown = set(settings) - set(DEFAULTS)
        assert not unknown, unknown
        self.name = name
        self.settings = {**DEFAULTS, **settings}
        s = self.settings
        assert not (s["unroll"] and s["go_backwards"] and s["zero_output_for_mask"] and s["mask_kind"] != "none")
        self.rng = np.random.default_rng(seed_of(name))
        self.draw(1.0)

    def draw(self, scale):
        s, rng = self.settings, self.rng
        shapes = {"kernel": (s["features"], 3 * s["units"]), "recurrent_kernel": (s["units"], 3 * s["units"])}
        if s["use_bias"]:
            shapes["bias"] = (2, 3 * s["units"]) if s["reset_after"] else (3 * s["units"],)
        spread = {"kernel": 1.2 / np.sqrt(s["features"]), "recurrent_kernel": 1.2 / np.sqrt(s["units"]), "bias": 0.4}
        self.weights = {k: f32(scale * spread[k] * rng.standard_normal(shape)) for k, shape in shapes.items()}
        self.calls = []
        for call in range(s["calls"]):
            batch, time, features, units = s["batch"], s["time"], s["features"], s["units"]
            data = {"inputs": f32(rng.standard_normal((batch, time, features)))}
            mask = make_mask(s["mask_kind"], batch, time, rng)
            if mask is not None:
                data["mask"] = mask
            given = s["initial_state"] if isinstance(s["initial_state"], bool) else s["initial_state"] == call
            if given:
                data["initial_state"] = f32(rng.uniform(-1, 1, (batch, units)))
            data["d_sequences"] = f32(rng.uniform(-1, 1, (batch, time, units)))
            data["d_last"] = f32(rng.uniform(-1, 1, (batch, units)))
            data["d_state"] = f32(rng.uniform(-1, 1, (batch, units)))
            self.calls.append(data)

    @property
    def equations(self):
        s = self.settings
        flags = {key: s[key] for key in ("reset_after", "go_backwards", "zero_output_for_mask")}
        return flags | {key: BY_LABEL[s[key]] for key in ("activation", "recurrent_activation")}

    def evaluate(self, number=0, state=None, masks=((), ()), dtype=np.float64, order=None):
        """contract.py on one call; `order` = permutations of features and units, undone in the result."""
        data = self.calls[number]
        s = self.settings
        features, units = order or (np.arange(s["features"]), np.arange(s["units"]))
        columns = np.concatenate([gate * s["units"] + units for gate in range(3)])
        rows = {"kernel": (features,), "recurrent_kernel": (units,), "bias": ()}
        weights = {key: value[..., columns] for key, value in self.weights.items()}
        weights = {key: value[rows[key]] for key, value in weights.items()}
        state = data.get("initial_state") if state is None else state
        state = None if state is None else state[:, units]
        masks = [[m[:, axis] for m in group] for group, axis in zip(masks, (features, units))]
        inputs = data["inputs"][:, :, features]
        out = contract.gru(self.equations, weights, inputs, data.get("mask"), state, *masks, dtype=dtype)
        back = np.argsort(units)
        return {key: value[..., back] for key, value in out.items()}

    def float32_errors(self, exact, **call):
        """Errors of float evaluations: as it stands, and the largest of eight with the sums in another order."""
        rng = np.random.default_rng(seed_of(self.name + ".orders"))
        s = self.settings
        orders = [(rng.permutation(s["features"]), rng.permutation(s["units"])) for _ in range(8)]
        plain, *others = (
            largest(exact, self.evaluate(dtype=np.float32, order=order, **call)) for order in [None] + orders
        )
        return plain, max([plain] + others)

    def tame(self):
        """Smaller weights until the recurrence neither explodes nor amplifies rounding by chance.

        A float tolerance derived from one float evaluation means something only where other orders of summation
        give an error of the same size; the last step accepts what grows by nature (log_softmax as both).
        """
        for scale, limit in ((1.0, 6), (0.7, 6), (0.5, 6), (0.3, 6), (0.2, 6), (0.1, 6), (0.2, 100)):
            self.rng = np.random.default_rng(seed_of(self.name))
            self.draw(scale)
            with np.errstate(all="ignore"):
                exact = self.evaluate()
                if not np.all(np.isfinite(exact["sequences"])) or np.abs(exact["sequences"]).max() > limit:
                    continue
                plain, worst = self.float32_errors(exact)
            if worst <= max(5e-7, (2 if limit == 6 else 3.5) * plain):
                return
        raise ValueError(f"{self.name}: outputs or their float errors stay large: {plain}, {worst}")


class KerasRun:
    """The Keras layer of a case in one dtype."""

    def __init__(self, case, dtype):
        s = case.settings
        self.case, self.dtype = case, dtype
        keys = ("use_bias", "reset_after", "go_backwards", "unroll", "stateful", "zero_output_for_mask", "dropout")
        self.layer = keras.layers.GRU(
            s["units"],
            activation=keras_activation(s["activation"]),
            recurrent_activation=keras_activation(s["recurrent_activation"]),
            recurrent_dropout=s["recurrent_dropout"],
            return_sequences=True,
            return_state=True,
            seed=seed_of(case.name) % 2**31,
            dtype=dtype,
            **{key: s[key] for key in keys},
        )
        self.layer.build((s["batch"], s["time"], s["features"]))
        self.layer.set_weights([case.weights[k].astype(dtype) for k in WEIGHT_NAMES if k in case.weights])
        self.drawn = {}
        self.watch_masks("input", "get_dropout_mask")
        self.watch_masks("state", "get_recurrent_dropout_mask")

    def watch_masks(self, kind, method):
        """Keeps what the cell draws: the method returns None, one mask or a list of three."""
        original = getattr(self.layer.cell, method)

        def recorded(step_input):
            masks = original(step_input)
            if masks is not None:
                drawn_now = masks if isinstance(masks, (list, tuple)) else [masks]
                self.drawn[kind] = [np.array(m) for m in drawn_now]
            return masks

        object.__setattr__(self.layer.cell, method, recorded)

    def inject(self, masks):
        cell = self.layer.cell
        for kind, attribute in (("input", "_dropout_mask"), ("state", "_recurrent_dropout_mask")):
            tensors = [tf.constant(m, self.dtype) for m in masks.get(kind, [])]
            single = kind == "input" and cell.implementation != 1
            if tensors:
                setattr(cell, attribute, tensors[0] if single else tensors)

    def forward(self, data, initial_state, return_sequences=True):
        self.layer.return_sequences = return_sequences
        mask = tf.constant(data["mask"]) if "mask" in data else None
        out, state = self.layer(
            data["tensor"], mask=mask, initial_state=initial_state, training=self.case.settings["training"]
        )
        return out, state

    def outputs(self, data):
        """Outputs as the user sees them; leaves a stateful layer's state as it was."""
        before = self.carried()
        data["tensor"] = tf.constant(data["inputs"].astype(self.dtype))
        given = data.get("initial_state")
        initial = None if given is None else tf.constant(given.astype(self.dtype))
        self.drawn = {}
        sequences, state = self.forward(data, initial)
        masks = dict(self.drawn) if self.case.settings["training"] else {}
        masks = {kind: value for kind, value in masks.items() if 0 < self.rate(kind) < 1}
        self.restore(before)
        self.inject(masks)
        last, state_again = self.forward(data, initial, return_sequences=False)
        self.after = self.carried()
        self.restore(before)
        assert np.array_equal(state, state_again)
        return {"sequences": np.array(sequences), "last": np.array(last), "state": np.array(state)}, masks

    def rate(self, kind):
        return self.case.settings["dropout" if kind == "input" else "recurrent_dropout"]

    def carried(self):
        return keras.ops.convert_to_numpy(self.layer.states[0]) if self.case.settings["stateful"] else None

    def restore(self, value):
        if value is not None:
            self.layer.states[0].assign(value)

    def gradients(self, data, masks):
        """Gradients of the linear loss; the initial state's also where it is the carried or the zero one."""
        before = self.carried()
        shape = (data["inputs"].shape[0], self.case.settings["units"])
        given = data.get("initial_state", before if before is not None else np.zeros(shape))
        initial = tf.constant(given.astype(self.dtype))
        weights = self.layer.trainable_variables
        with tf.GradientTape() as tape:
            data["tensor"] = tf.constant(data["inputs"].astype(self.dtype))
            tape.watch([data["tensor"], initial])
            self.inject(masks)
            sequences, state = self.forward(data, initial)
            self.restore(before)
            self.inject(masks)
            last, _ = self.forward(data, initial, return_sequences=False)
            parts = (("d_sequences", sequences), ("d_last", last), ("d_state", state))
            loss = sum(tf.reduce_sum(tf.constant(data[key].astype(self.dtype)) * value) for key, value in parts)
        self.restore(before)
        sources = [w.value for w in weights] + [data["tensor"], initial]
        found = tape.gradient(loss, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        names = ["d_" + k for k in WEIGHT_NAMES if k in self.case.weights] + ["d_inputs", "d_initial_state"]
        return float(loss), {name: np.array(value) for name, value in zip(names, found)}


def largest(a, b):
    return max(float(np.abs(np.float64(a[key]) - np.float64(b[key])).max(initial=0)) for key in a)


def directional_check(case, data, state, masks, gradients, rng):
    """Relative difference between Keras's gradient and a central difference of contract.py, along one direction."""
    base = {**case.weights, "inputs": data["inputs"], "initial_state": state}
    base = {key: value.astype(np.float64) for key, value in base.items()}
    direction = {key: rng.standard_normal(value.shape) for key, value in base.items()}

    def loss(shift):
        at = {key: value + shift * direction[key] for key, value in base.items()}
        weights = {key: at[key] for key in case.weights}
        out = contract.gru(case.equations, weights, at["inputs"], data.get("mask"), at["initial_state"], *masks)
        return sum(float((data["d_" + key].astype(np.float64) * value).sum()) for key, value in out.items())

    expected = sum(float((gradients["d_" + key] * value).sum()) for key, value in direction.items())
    differences = [abs((loss(e) - loss(-e)) / (2 * e) - expected) for e in (1e-5, 1e-6, 1e-7)]
    return min(differences) / max(1.0, abs(expected))


WORST = {"exact": 0.0, "loose": 0.0, "gradient": 0.0, "float32": 0.0}


def record(case, file):
    """Runs a case on Keras and NumPy, compares them, adds it to the file."""
    case.tame()
    s = case.settings
    loose = is_loose(s["activation"]) or is_loose(s["recurrent_activation"])
    runs = KerasRun(case, "float64"), KerasRun(case, "float32")
    arrays = dict(case.weights)
    errors = np.zeros(3)
    carried = None
    for number in range(s["calls"]):
        stored, call_errors, carried = record_call(case, number, runs, carried, loose)
        prefix = "" if number == 0 else "second."
        arrays |= {prefix + key: value for key, value in stored.items()}
        errors = np.maximum(errors, call_errors)
    WORST["float32"] = max(WORST["float32"], float(errors[0]))
    options = {"kind": "gru"} | gru_options(s) | {"tolerance": LOOSE if loose else EXACT}
    names = ("float32_error", "float32_error_reordered", "float32_gradient_error")
    file.add(case.name, options | dict(zip(names, errors)), arrays)


def record_call(case, number, runs, carried, loose):
    """One call: its arrays, its three float errors, and the state that a stateful layer carries on."""
    s, data = case.settings, case.calls[number]
    run, run32 = runs
    state = data.get("initial_state", carried if carried is not None else np.zeros((s["batch"], s["units"])))
    out, masks = run.outputs(data)
    after = run.after
    injected = (masks.get("input", ()), masks.get("state", ()))
    loss, gradients = run.gradients(data, masks)
    call = {"number": number, "state": state, "masks": injected}
    own = case.evaluate(**call)
    compare(case, out, own, loose)
    slope = directional_check(case, data, state, injected, gradients, np.random.default_rng(7))
    assert slope < 2e-6, (case.name, "gradient", slope)
    WORST["gradient"] = max(WORST["gradient"], slope)
    run32.restore(None if carried is None else carried.astype(np.float32))
    _, gradients32 = run32.gradients(data, masks)
    errors = (*case.float32_errors(out, **call), largest(gradients, gradients32))
    stored = {key: value for key, value in data.items() if key != "tensor"}
    stored |= {f"{kind}_dropout_masks": np.stack(group) for kind, group in masks.items() if group}
    stored |= out | {"loss": np.float64(loss)} | gradients
    if loose:
        stored |= {"formula." + key: value for key, value in own.items()}
    if "sparsemax" in (s["activation"], s["recurrent_activation"]):
        stored |= {"corrected." + key: value for key, value in corrected(case, data, state, injected).items()}
    run.restore(after)
    return stored, errors, after


def compare(case, out, own, loose):
    """Keras against contract.py, relative to max(1, largest output)."""
    difference = largest(out, own) / max(1.0, float(np.abs(out["sequences"]).max()))
    assert difference < (LOOSE if loose else EXACT), (case.name, difference)
    key = "loose" if loose else "exact"
    WORST[key] = max(WORST[key], difference)


def corrected(case, data, state, injected):
    """The case with the published sparsemax in the place of the released Keras's."""
    equations = dict(case.equations)
    for key in ("activation", "recurrent_activation"):
        if equations[key][0] == "sparsemax":
            equations[key] = ("sparsemax_projection", {})
    return contract.gru(equations, case.weights, data["inputs"], data.get("mask"), state, *injected)


def gru_options(settings):
    options = {}
    for key, value in settings.items():
        if key == "initial_state":
            continue
        if key in ("activation", "recurrent_activation"):
            name, parameters = BY_LABEL[value]
            options[key] = name
            options |= {f"{key}.{p}": v for p, v in parameters.items()}
        else:
            options[key] = value
    return options


# ---------------------------------------------------------------------------------------------- the cases


def activation_cases():
    """Each activation in each place, the cells in turn, the other options drawn."""
    for index, (label, name, _) in enumerate(ACTIVATIONS):
        for place in ("activation", "recurrent_activation", "both"):
            rng = np.random.default_rng(seed_of(f"{label}.{place}.settings"))
            keys = ("activation", "recurrent_activation") if place == "both" else (place,)
            settings = {key: label for key in keys}
            settings |= {
                "reset_after": bool(rng.random() < 0.5 if place == "both" else (index + (place != "activation")) % 2),
                "use_bias": bool(rng.random() < 0.8),
                "go_backwards": bool(rng.random() < 0.3),
                "mask_kind": str(rng.choice(MASKS)) if rng.random() < 0.5 else "none",
                "initial_state": bool(rng.random() < 0.6),
                "batch": int(rng.integers(2, 4)),
                "time": int(rng.integers(2, 6)),
                "features": int(rng.integers(1, 5)),
                "units": int(rng.integers(3, 6)),
            }
            yield Case(f"activation.{label}.{place}", **settings)


def combination_cases():
    """Cell x bias x mask x direction in full; initial state, zero output, unrolling and sizes drawn."""
    for after in (True, False):
        for bias in (True, False):
            for mask in MASKS:
                for back in (False, True):
                    name = ".".join(
                        ["combination", "after" if after else "before", "bias" if bias else "no_bias", mask]
                        + (["backwards"] if back else ["forwards"])
                    )
                    settings = {"reset_after": after, "use_bias": bias, "mask_kind": mask, "go_backwards": back}
                    yield Case(name, **settings, **drawn(name, back))
    for after in (True, False):
        for mask in ("all_masked_row", "first_masked"):
            for zero in (True, False):
                cell = "after" if after else "before"
                yield Case(
                    f"combination.{mask}_with_state.{cell}{'.zero_output' if zero else ''}",
                    reset_after=after,
                    mask_kind=mask,
                    zero_output_for_mask=zero,
                    initial_state=True,
                    time=5,
                )
    for number in range(24):
        name = f"combination.random_{number:02d}"
        rng = np.random.default_rng(seed_of(name + ".more"))
        back = bool(rng.random() < 0.5)
        labels = [label for label, _, _ in ACTIVATIONS]
        settings = drawn(name, back) | {
            "reset_after": bool(rng.random() < 0.5),
            "use_bias": bool(rng.random() < 0.7),
            "mask_kind": str(rng.choice(MASKS)),
            "go_backwards": back,
            "activation": str(rng.choice(labels)),
            "recurrent_activation": str(rng.choice(labels)),
        }
        yield Case(name, **settings)


def drawn(name, go_backwards):
    rng = np.random.default_rng(seed_of(name + ".settings"))
    unroll = bool(rng.random() < 0.4)
    # Keras reads the mask in the wrong order when all three meet; there is no right number to record.
    zero = bool(rng.random() < 0.5) and not (unroll and go_backwards)
    return {
        "initial_state": bool(rng.random() < 0.5),
        "unroll": unroll,
        "zero_output_for_mask": zero,
        "batch": int(rng.integers(2, 6)),
        "time": int(rng.integers(3, 8)),
        "features": int(rng.integers(1, 7)),
        "units": int(rng.integers(1, 7)),
    }


def size_cases():
    """Awkward sizes: each for U, B, F; pairs of them; short and long sequences."""
    small = (2, 1, 3, 5)
    for index, size in enumerate(SIZES):
        cells = (True, False) if size <= 33 else (bool(index % 2),)
        for after in cells:
            cell = "after" if after else "before"
            common = {"reset_after": after, "initial_state": True, "mask_kind": "right" if index % 3 == 0 else "none"}
            yield Case(f"size.units_{size}.{cell}", units=size, batch=small[index % 4], time=3, features=2, **common)
        after = bool(index % 2)
        common = {"reset_after": after, "initial_state": True, "mask_kind": "holes" if index % 3 == 1 else "none"}
        yield Case(f"size.batch_{size}", batch=size, units=3, time=3, features=2, **common)
        other = common | {"reset_after": not after}
        yield Case(f"size.batch_{size}.other_cell", batch=size, units=2, time=2, features=1, **other)
        yield Case(f"size.features_{size}", features=size, units=2 + index % 3, time=2, batch=2, **common)
    pairs = ((7, 9), (9, 17), (17, 8), (5, 16), (8, 24), (16, 7), (33, 9), (64, 5), (1, 33))
    for index, (batch, units) in enumerate(pairs):
        yield Case(
            f"size.batch_{batch}.units_{units}",
            batch=batch,
            units=units,
            time=2,
            features=3,
            reset_after=bool(index % 2),
            mask_kind="holes" if index % 2 else "none",
        )
    for time in (1, 2, 13, 40):
        for after in (True, False):
            cell = "after" if after else "before"
            sizes = {"time": time, "batch": 2, "units": 3, "features": 2}
            yield Case(f"size.time_{time}.{cell}", reset_after=after, mask_kind="holes", **sizes)
    yield Case("size.one", batch=1, time=1, features=1, units=1, initial_state=True)
    yield Case("size.one.before", batch=1, time=1, features=1, units=1, initial_state=True, reset_after=False)


def dropout_cases():
    """Training with recorded masks, and the settings under which no mask is drawn."""
    for after in (True, False):
        for label, rates in (("input", (0.4, 0.0)), ("state", (0.0, 0.3)), ("both", (0.25, 0.5))):
            for number in range(3):
                name = f"dropout.{label}.{'after' if after else 'before'}.{number}"
                rng = np.random.default_rng(seed_of(name + ".settings"))
                yield Case(
                    name,
                    reset_after=after,
                    dropout=rates[0],
                    recurrent_dropout=rates[1],
                    training=True,
                    batch=int(rng.integers(3, 6)),
                    features=int(rng.integers(4, 7)),
                    units=int(rng.integers(4, 7)),
                    mask_kind=("none", "holes", "all_masked_row")[number],
                    go_backwards=bool(rng.random() < 0.5),
                    unroll=number == 2,
                    initial_state=bool(rng.random() < 0.7),
                    use_bias=bool(rng.random() < 0.7),
                )
    quiet = (
        ("training_without_rates", True, 0.0, 0.0),
        ("inference_with_rates", False, 0.5, 0.3),
        ("inference_with_input_rate", False, 0.5, 0.0),
        ("rate_one", True, 1.0, 0.0),
        ("recurrent_rate_one", True, 0.0, 1.0),
        ("rate_one_and_recurrent", True, 1.0, 0.4),
    )
    for label, training, dropout, recurrent in quiet:
        for after in (True, False):
            yield Case(
                f"dropout.{label}.{'after' if after else 'before'}",
                reset_after=after,
                training=training,
                dropout=dropout,
                recurrent_dropout=recurrent,
                mask_kind="holes" if after else "none",
                initial_state=True,
            )
    for label, activation in (("relu", "relu"), ("softmax", "softmax"), ("elu", "elu_alpha")):
        yield Case(
            f"dropout.both.{label}",
            activation=activation,
            dropout=0.3,
            recurrent_dropout=0.2,
            training=True,
            batch=4,
            features=5,
            units=5,
            reset_after=label != "softmax",
        )


def stateful_cases():
    """Two calls; the second starts from the state the first left, unless an initial_state is given."""
    for after in (True, False):
        cell = "after" if after else "before"
        common = {"reset_after": after, "stateful": True, "calls": 2}
        yield Case(f"stateful.plain.{cell}", **common)
        yield Case(f"stateful.initial_state_first.{cell}", initial_state=0, **common)
        yield Case(f"stateful.initial_state_second.{cell}", initial_state=1, mask_kind="holes", **common)
        yield Case(f"stateful.masked.{cell}", mask_kind="all_masked_row", **common)
        yield Case(f"stateful.zero_output.{cell}", mask_kind="right", zero_output_for_mask=True, **common)
        yield Case(f"stateful.backwards.{cell}", mask_kind="left", go_backwards=True, use_bias=False, **common)
        yield Case(f"stateful.unroll.{cell}", mask_kind="first_masked", unroll=True, **common)
        yield Case(f"stateful.dropout.{cell}", dropout=0.4, training=True, batch=4, features=5, **common)
        both = {"dropout": 0.3, "recurrent_dropout": 0.3, "training": True, "batch": 4, "features": 5, "units": 5}
        yield Case(f"stateful.dropout_both.{cell}", mask_kind="holes", **both, **common)


def write(name, cases):
    file = GoldenFile()
    for case in cases:
        record(case, file)
    size = file.save(HERE / f"{name}.golden")
    print(f"{name}.golden: {len(file.names)} cases, {size} bytes", flush=True)
    return len(file.names)


def main():
    if "--tables" in sys.argv[1:]:
        print(names_and_defaults.tables())
        return
    keras.config.set_floatx("float64")
    print(f"keras {keras.__version__}, tensorflow {tf.__version__}, numpy {np.__version__}")
    total = 0
    total += write("gru_activations", activation_cases())
    total += write("gru_combinations", combination_cases())
    total += write("gru_sizes", size_cases())
    total += write("gru_dropout", dropout_cases())
    total += write("gru_stateful", stateful_cases())
    print(f"{total} layer cases; worst difference Keras to NumPy: {WORST}")
    for name, build in pieces.FILES.items():
        file = build()
        print(f"{name}.golden: {len(file.names)} cases, {file.save(HERE / (name + '.golden'))} bytes")


if __name__ == "__main__":
    main()
