# SPDX-License-Identifier: MIT
"""trajectories.golden: whole trainings of small models, 50 updates each, by Keras's own train_on_batch in float64.

Imported by generate_training.py, which has set the backend and float64 before. `replay` is the second opinion: the same
training with the losses and updates of training_equations.py, only the gradients come from TensorFlow.
"""

import keras
import numpy as np
import tensorflow as tf

import contract
import pieces
import training_equations
from activation_list import f32, seed_of
from golden_format import GoldenFile
from loss_cases import CLASSES as LOSSES
from trajectory_list import TRAJECTORIES

UPDATES, EARLY = 50, 10
BATCHES, BATCH, TIME, FEATURES = 3, 4, 5, 3
ROUNDED_TOLERANCE, EXACT_TOLERANCE = 5e-6, 1e-9

GRU_DEFAULTS = {
    "units": 4,
    "activation": "tanh",
    "recurrent_activation": "sigmoid",
    "use_bias": True,
    "reset_after": True,
    "return_sequences": False,
    "go_backwards": False,
    "stateful": False,
    "zero_output_for_mask": False,
    "trainable": True,
}
DENSE_DEFAULTS = {"units": 2, "activation": "linear", "use_bias": True, "trainable": True}
ROLES = {"gru": ("kernel", "recurrent", "bias"), "dense": ("kernel", "bias")}
OPTIMIZERS = {
    "sgd": keras.optimizers.SGD,
    "rmsprop": keras.optimizers.RMSprop,
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
}
SCHEDULES = {
    "exponential_decay": keras.optimizers.schedules.ExponentialDecay,
    "cosine_decay": keras.optimizers.schedules.CosineDecay,
}


class Setting:
    """A trajectory's options in full: its layers, optimiser, loss."""

    def __init__(self, name, family, optimizer, loss=("mean_squared_error", {}), gru=(), dense=(), **more):
        self.name, self.exact = name, family == "exact"
        self.optimizer, self.optimizer_arguments = optimizer
        self.loss, self.loss_arguments = loss
        self.schedule = more.get("schedule")
        self.reduction = more.get("reduction", "sum_over_batch_size")
        self.mask_kind, self.weights_kind = more.get("mask", "none"), more.get("weights", "none")
        self.sequences = more.get("sequences", self.mask_kind != "none")
        grus = [dict(g) for g in more.get("grus", [gru])]
        last = len(grus) - 1
        given = [{"return_sequences": self.sequences or i < last} | g for i, g in enumerate(grus)]
        self.layers = [("masking", {"mask_value": 0.0})] if self.mask_kind != "none" else []
        self.layers += [("gru", GRU_DEFAULTS | g) for g in given] + [("dense", DENSE_DEFAULTS | dict(dense))]

    def weighted_layers(self):
        return [(i, kind, layer) for i, (kind, layer) in enumerate(self.layers) if kind != "masking"]

    def options(self):
        result = {"kind": "trajectory", "family": "exact" if self.exact else "default", "updates": UPDATES}
        result |= {"batches": BATCHES, "batch": BATCH, "time": TIME, "features": FEATURES, "layers": len(self.layers)}
        for i, (kind, layer) in enumerate(self.layers):
            result[f"layer.{i}"] = kind
            for key, value in layer.items():
                result |= named(f"layer.{i}.{key}", value)
        result |= named("optimizer", (self.optimizer, self.optimizer_arguments))
        if self.schedule:
            result |= named("schedule", self.schedule)
        result |= named("loss", (self.loss, self.loss_arguments)) | {"reduction": self.reduction}
        result |= {"mask_kind": self.mask_kind, "weights_kind": self.weights_kind}
        return result | {"tolerance": EXACT_TOLERANCE if self.exact else ROUNDED_TOLERANCE}


def named(key, value):
    """(name, arguments) as `key NAME` and `key.ARGUMENT VALUE`, anything else as it is."""
    if not isinstance(value, tuple):
        return {key: value}
    return {key: value[0]} | {f"{key}.{argument}": v for argument, v in value[1].items()}


# ------------------------------------------------------------------------------------------------ the data


def draw_data(setting, seed):
    """The batches: inputs, targets, and where the setting asks for them mask and sample weights; all exact as float."""
    rng = np.random.default_rng(seed)
    units = setting.layers[-1][1]["units"]
    data = {"inputs": f32(rng.standard_normal((BATCHES, BATCH, TIME, FEATURES)))}
    if setting.mask_kind != "none":
        lengths = rng.integers(1, TIME + 1, (BATCHES, BATCH, 1))
        holes = rng.random((BATCHES, BATCH, TIME)) < 0.6
        data["mask"] = np.arange(TIME) < lengths if setting.mask_kind == "right" else holes
        data["mask"][:, 0, :2] = True
        data["inputs"][~data["mask"]] = 0
    steps = (BATCHES, BATCH, TIME) if setting.sequences else (BATCHES, BATCH)
    if setting.loss == "binary_crossentropy":
        data["targets"] = f32(rng.integers(0, 2, (*steps, units)))
    elif "categorical" in setting.loss:
        classes = rng.integers(0, units, steps)
        data["targets"] = f32(classes if setting.loss.startswith("sparse") else np.eye(units)[classes])
    else:
        data["targets"] = f32(rng.standard_normal((*steps, units)))
    if setting.weights_kind != "none":
        shape = steps if setting.weights_kind == "step" else steps[:2]
        data["sample_weight"] = f32(rng.integers(1, 17, shape) / 8)
    return data


def keras_batch(data, number):
    """inputs, targets, weights as train_on_batch takes them; one weight per sequence of steps needs the shape (B,1)."""
    inputs, targets, weights = (
        data[key][number % BATCHES].astype(keras.config.floatx()) if key in data else None
        for key in ("inputs", "targets", "sample_weight")
    )
    if weights is not None and weights.ndim == 1 and data["inputs_are_sequences"]:
        weights = weights[:, None]
    return inputs, targets, weights


# --------------------------------------------------------------------------------------------- Keras's model


def keras_arguments(layer):
    result = {}
    for key, value in layer.items():
        if key.endswith("_regularizer"):
            value = pieces.keras_regularizer(*value)
            if hasattr(value, "factor"):
                value.factor = tf.cast(value.factor, keras.config.floatx())
        elif key.endswith("_constraint"):
            value = pieces.CONSTRAINT_CLASSES[value[0]](**value[1])
        result[key] = value
    return result


def build(setting):
    kinds = {"masking": keras.layers.Masking, "gru": keras.layers.GRU, "dense": keras.layers.Dense}
    layers = [kinds[kind](**keras_arguments(layer)) for kind, layer in setting.layers]
    model = keras.Sequential([keras.Input(batch_shape=(BATCH, TIME, FEATURES)), *layers])
    arguments = dict(setting.optimizer_arguments)
    if setting.schedule:
        arguments["learning_rate"] = SCHEDULES[setting.schedule[0]](**setting.schedule[1])
    loss = LOSSES[setting.loss](reduction=setting.reduction, **setting.loss_arguments)
    model.compile(OPTIMIZERS[setting.optimizer](**arguments), loss, jit_compile=False)
    return model


def variables(setting, model):
    """name -> Keras variable; the names are those of the golden arrays without their prefix: 0.kernel."""
    result = {}
    for i, kind, layer in setting.weighted_layers():
        owner = model.layers[i].cell if kind == "gru" else model.layers[i]
        result[f"{i}.kernel"] = owner.kernel
        if kind == "gru":
            result[f"{i}.recurrent_kernel"] = owner.recurrent_kernel
        if layer["use_bias"]:
            result[f"{i}.bias"] = owner.bias
    return result


def values(found):
    return {key: variable.numpy() for key, variable in found.items()}


class Training:
    """A compiled model that can be trained several times from given weights."""

    def __init__(self, setting, data):
        self.setting, self.data = setting, data
        self.model = build(setting)
        self.variables = variables(setting, self.model)
        self.model.optimizer.build(self.model.trainable_variables)
        self.fresh = [v.numpy() for v in self.model.optimizer.variables]

    def reset(self, weights):
        for key, value in weights.items():
            self.variables[key].assign(value)
        for variable, value in zip(self.model.optimizer.variables, self.fresh):
            variable.assign(value)
        for layer in self.model.layers:
            if getattr(layer, "stateful", False):
                layer.reset_states()

    def run(self, weights):
        """Losses, weights after 10 updates, weights after 50."""
        self.reset(weights)
        losses = []
        for number in range(UPDATES):
            if number == EARLY:
                early = values(self.variables)
            inputs, targets, sample_weight = keras_batch(self.data, number)
            self.model.reset_metrics()
            losses.append(float(self.model.train_on_batch(inputs, targets, sample_weight)))
        return np.array(losses), early, values(self.variables)

    def fit(self, weights):
        """The same by model.fit."""
        self.reset(weights)
        batches = [keras_batch(self.data, number) for number in range(UPDATES)]
        whole = [None if part[0] is None else np.concatenate(part) for part in zip(*batches)]
        self.model.fit(*whole[:2], sample_weight=whole[2], batch_size=BATCH, shuffle=False, verbose=0)
        return values(self.variables)

    def replay(self, weights, is_rounded):
        """The same by training_equations.py on gradients from TensorFlow."""
        self.reset(weights)
        model, weights = self.model, {key: np.float64(value) for key, value in weights.items()}
        trainable = {key: v for key, v in self.variables.items() if v.trainable}
        constraints = own_constraints(self.setting)
        s = self.setting
        definition = (s.optimizer, s.optimizer_arguments, s.schedule, constraints)
        optimizer = training_equations.Optimizer(*definition, is_rounded=is_rounded)

        @tf.function
        def gradients(inputs, targets, sample_weight):
            with tf.GradientTape() as tape:
                loss = model.compute_loss(inputs, targets, model(inputs, training=True), sample_weight)
            return tape.gradient(loss, [v.value for v in trainable.values()])

        losses, states = [], {}
        for number in range(UPDATES):
            if number == EARLY:
                early = dict(weights)
            batch = keras_batch(self.data, number)
            losses.append(own_loss(s, weights, batch, states))
            found = gradients(*[None if part is None else tf.constant(part) for part in batch])
            optimizer.apply(weights, {key: np.array(g) for key, g in zip(trainable, found)})
            for key in trainable:
                self.variables[key].assign(weights[key])
        return np.array(losses), early, weights


# ------------------------------------------------------------------------------------------- NumPy's opinion


def own_constraints(setting):
    result = {}
    for i, kind, layer in setting.weighted_layers():
        for role in ROLES[kind]:
            if f"{role}_constraint" in layer:
                name, arguments = layer[f"{role}_constraint"]
                key = f"{i}.{'recurrent_kernel' if role == 'recurrent' else role}"
                result[key] = lambda w, name=name, arguments=arguments: pieces.own_constraint(name, w, **arguments)
    return result


def penalties(i, kind, layer, weights):
    total = 0.0
    if not layer["trainable"]:
        return total  # Keras leaves the penalties of frozen weights out, also from the loss it reports
    for role in ROLES[kind]:
        if f"{role}_regularizer" in layer:
            key = f"{i}.{'recurrent_kernel' if role == 'recurrent' else role}"
            total += pieces.own_regularizer(*layer[f"{role}_regularizer"], weights[key])
    return total


def own_loss(setting, weights, batch, states):
    """The loss that Keras reports for a batch; `states` carries a stateful layer's state on."""
    inputs, targets, sample_weight = batch
    mask = np.any(inputs != 0, axis=-1) if setting.mask_kind != "none" else None
    x, total = inputs, 0.0
    for i, kind, layer in setting.weighted_layers():
        own = {key.split(".")[1]: value for key, value in weights.items() if key.startswith(f"{i}.")}
        if kind == "gru":
            equations = {key: layer[key] for key in ("reset_after", "go_backwards", "zero_output_for_mask")}
            equations |= {key: (layer[key], {}) for key in ("activation", "recurrent_activation")}
            out = contract.gru(equations, own, x, mask, states.get(i) if layer["stateful"] else None)
            states[i] = out["state"]
            x = out["sequences"] if layer["return_sequences"] else out["last"]
            mask = mask if layer["return_sequences"] else None
        else:
            logits = x @ own["kernel"] + own.get("bias", 0.0)
            x = contract.activate(layer["activation"], {}, logits)
        total += penalties(i, kind, layer, weights)
        if "activity_regularizer" in layer:
            total += pieces.own_regularizer(*layer["activity_regularizer"], x) / len(x)
    arguments = setting.loss_arguments
    if setting.layers[-1][1]["activation"] in ("softmax", "sigmoid") and "crossentropy" in setting.loss:
        x, arguments = logits, arguments | {"from_logits": True}
    losses = training_equations.LOSSES[setting.loss](targets, x, **arguments)
    return total + training_equations.reduce(losses, mask, sample_weight, setting.reduction)


# -------------------------------------------------------------------------------------------------- recording

WORST = {"perturbed": 0.0, "fit": 0.0, "exact": 0.0, "rounded schedule": 0.0, "formula": 0.0}
# A schedule's powers and cosines in float32 are not those of NumPy to the last bit.
LIMITS = {"exact": 1e-11, "rounded schedule": 2e-8, "formula": ROUNDED_TOLERANCE}


def difference(a, b):
    return max(float(np.abs(a[key] - b[key]).max()) for key in a)


def initial_weights(setting, training, rng):
    """Random, exact as float, of about the size of Keras's initial weights."""
    result = {}
    for key, variable in training.variables.items():
        size = 0.4 if key.endswith("bias") else 1 / np.sqrt(variable.shape[0])
        result[key] = f32(size * rng.standard_normal(variable.shape))
    return result


def calm(setting):
    """Draws data and weights until a change of 1e-13 in every weight stays below 1e-11 over the whole training."""
    for attempt in range(20):
        seed = seed_of(f"trajectory.{setting.name}.{attempt}")
        data = draw_data(setting, seed)
        data["inputs_are_sequences"] = setting.sequences
        training = Training(setting, data)
        weights = initial_weights(setting, training, np.random.default_rng(seed + 1))
        losses, early, final = training.run(weights)
        rng = np.random.default_rng(seed + 2)
        changed = {key: w + 1e-13 * rng.choice([-1.0, 1.0], w.shape) for key, w in weights.items()}
        spread = difference(final, training.run(changed)[2])
        moved = max(float(np.abs(final[key] - weights[key]).max()) for key in final)
        if spread < 1e-11 and np.all(np.isfinite(losses)) and moved > 1e-3:
            WORST["perturbed"] = max(WORST["perturbed"], spread)
            return training, weights, losses, early, final
    raise ValueError(f"{setting.name}: every draw is ill-conditioned, the last one by {spread}")


def compare(setting, key, own, keras_run):
    """NumPy's losses, early and final weights with Keras's."""
    apart = max(difference(own[1], keras_run[1]), difference(own[2], keras_run[2]))
    apart = max(apart, float(np.abs(own[0] - keras_run[0]).max()))
    assert apart < LIMITS[key], (setting.name, key, apart)
    WORST[key] = max(WORST[key], apart)


def use(dtype):
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)


def float32_error(setting, data, weights, final):
    """The largest difference that the same training in float32 makes in the final weights."""
    use("float32")
    result = difference(Training(setting, data).run(weights)[2], final)
    use("float64")
    return result


def record(file, setting):
    training, weights, losses, early, final = calm(setting)
    fitted = difference(final, training.fit(weights))
    assert fitted < 1e-13, (setting.name, "fit", fitted)
    WORST["fit"] = max(WORST["fit"], fitted)
    keras_run = (losses, early, final)
    compare(setting, "rounded schedule" if setting.schedule else "exact", training.replay(weights, True), keras_run)
    if not setting.exact:
        formula = training.replay(weights, False)
        compare(setting, "formula", formula, keras_run)
    arrays = {f"initial.{k}": v for k, v in weights.items()}
    arrays |= {k: v for k, v in training.data.items() if k != "inputs_are_sequences"} | {"losses": losses}
    arrays |= {f"after_10.{k}": v for k, v in early.items()} | {f"final.{k}": v for k, v in final.items()}
    if not setting.exact:
        arrays |= {"formula.losses": formula[0]} | {f"formula.final.{k}": v for k, v in formula[2].items()}
    options = setting.options() | {"float32_error": float32_error(setting, training.data, weights, final)}
    file.add(f"trajectory.{setting.name}", options, arrays)


def trajectories():
    file = GoldenFile()
    for arguments in TRAJECTORIES:
        keras.utils.clear_session()
        record(file, Setting(**arguments))
    print(f"trajectories: largest differences {WORST}")
    return file
