# SPDX-License-Identifier: MIT
"""The trainings of trajectories.golden: what each one is about. trajectories.py fills in what is not said here."""

# Hyper-parameters that float32 holds exactly, so that Keras computes the plain equations in double.
SGD = {"learning_rate": 2.0**-4}
RMSPROP = {"learning_rate": 2.0**-7, "rho": 0.875, "epsilon": 2.0**-20}
ADAM = {"learning_rate": 2.0**-6, "beta_1": 0.875, "beta_2": 1023 / 1024, "epsilon": 2.0**-20}
# Keras's own defaults (and a momentum, a decay as people write them).
ADAM_DEFAULT = {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
RMSPROP_DEFAULT = {"learning_rate": 0.001, "rho": 0.9, "epsilon": 1e-7}

SOFTMAX = {"units": 3, "activation": "softmax"}
LOGITS = {"units": 3}
L2 = ("l2", {"l2": 2.0**-5})


def exact(name, optimizer=("sgd", SGD), **more):
    return {"name": name, "family": "exact", "optimizer": optimizer} | more


def default(name, optimizer, **more):
    return {"name": name, "family": "default", "optimizer": optimizer} | more


def optimizers():
    before = {"gru": {"reset_after": False}}
    two = {"grus": [{}, {"units": 3}]}
    yield exact("sgd")
    yield exact("sgd.momentum", ("sgd", SGD | {"momentum": 0.5}), **before)
    yield exact("sgd.nesterov", ("sgd", SGD | {"momentum": 0.5, "nesterov": True}), **two)
    yield exact("rmsprop", ("rmsprop", RMSPROP))
    yield exact("rmsprop.centered", ("rmsprop", RMSPROP | {"centered": True}))
    yield exact("rmsprop.momentum", ("rmsprop", RMSPROP | {"momentum": 0.5}), **before)
    yield exact("rmsprop.centered.momentum", ("rmsprop", RMSPROP | {"centered": True, "momentum": 0.5}), **two)
    yield exact("adam", ("adam", ADAM), **two)
    yield exact("adam.amsgrad", ("adam", ADAM | {"amsgrad": True}), **before)
    yield exact("adamw", ("adamw", ADAM | {"weight_decay": 2.0**-4}))
    yield exact("adamw.amsgrad", ("adamw", ADAM | {"weight_decay": 2.0**-4, "amsgrad": True}), **before)
    yield exact("sgd.weight_decay", ("sgd", SGD | {"weight_decay": 2.0**-4}))
    nesterov = SGD | {"momentum": 0.5, "nesterov": True}
    yield exact("sgd.nesterov.weight_decay", ("sgd", nesterov | {"weight_decay": 2.0**-4}))
    yield exact("adam.weight_decay", ("adam", ADAM | {"weight_decay": 2.0**-4}), **before)
    yield exact("rmsprop.weight_decay", ("rmsprop", RMSPROP | {"weight_decay": 2.0**-4}))


def clipping():
    two = {"grus": [{"reset_after": False}, {"units": 3}]}
    for label, optimizer in (("sgd", SGD | {"momentum": 0.5}), ("adam", ADAM), ("rmsprop", RMSPROP)):
        yield exact(f"{label}.clipvalue", (label, optimizer | {"clipvalue": 2.0**-5}))
        yield exact(f"{label}.clipnorm", (label, optimizer | {"clipnorm": 2.0**-3}))
        yield exact(f"{label}.global_clipnorm", (label, optimizer | {"global_clipnorm": 2.0**-2}), **two)
    everything = {"global_clipnorm": 2.0**-2, "weight_decay": 2.0**-5}
    gru = {"kernel_regularizer": L2, "recurrent_constraint": ("max_norm", {"max_value": 1.0})}
    yield exact("adam.everything", ("adam", ADAM | everything), gru=gru)


def regularizers():
    adam = ("adam", ADAM)
    l1, both = ("l1", {"l1": 2.0**-6}), ("l1_l2", {"l1": 2.0**-7, "l2": 2.0**-6})
    orthogonal = ("orthogonal", {"factor": 2.0**-3, "mode": "rows"})
    yield exact("l2.kernel", gru={"kernel_regularizer": L2})
    yield exact("l1.recurrent_kernel", gru={"recurrent_regularizer": l1})
    yield exact("l1_l2.bias", adam, gru={"bias_regularizer": both, "reset_after": False})
    yield exact("orthogonal.recurrent_kernel", gru={"recurrent_regularizer": orthogonal})
    columns = ("orthogonal", {"factor": 2.0**-3, "mode": "columns"})
    yield exact("orthogonal.kernel", adam, gru={"kernel_regularizer": columns, "recurrent_regularizer": L2})
    yield exact("l2.dense", dense={"kernel_regularizer": L2, "bias_regularizer": both})
    yield exact("activity.last", gru={"activity_regularizer": L2})
    yield exact("activity.sequences", adam, sequences=True, gru={"activity_regularizer": l1})
    yield exact("activity.zero_output", sequences=True, mask="right",
                gru={"activity_regularizer": L2, "zero_output_for_mask": True})
    yield exact("activity.masked", sequences=True, mask="right", gru={"activity_regularizer": L2})


def constraints():
    adam = ("adam", ADAM)
    yield exact("max_norm.kernel", gru={"kernel_constraint": ("max_norm", {"max_value": 0.75})})
    yield exact("non_neg.recurrent_kernel", adam, gru={"recurrent_constraint": ("non_neg", {})})
    yield exact("unit_norm.kernel", gru={"kernel_constraint": ("unit_norm", {}), "reset_after": False})
    between = ("min_max_norm", {"min_value": 0.5, "max_value": 1.0, "rate": 0.5})
    yield exact("min_max_norm.recurrent_kernel", adam, gru={"recurrent_constraint": between})
    yield exact("max_norm.bias", gru={"bias_constraint": ("max_norm", {"max_value": 0.25}), "reset_after": False})
    dense = {"kernel_constraint": ("max_norm", {"max_value": 0.5, "axis": 1}), "bias_constraint": ("non_neg", {})}
    yield exact("max_norm.dense", adam, dense=dense)


def masks_and_weights():
    adam = ("adam", ADAM)
    two = {"grus": [{"zero_output_for_mask": True}, {"units": 3, "reset_after": False}]}
    yield exact("mask.right", mask="right")
    yield exact("mask.holes", adam, mask="holes", gru={"reset_after": False})
    yield exact("mask.two_layers", mask="holes", **two)
    yield exact("mask.last", mask="right", sequences=False)
    yield exact("mask.sum", mask="holes", reduction="sum")
    yield exact("mask.step_weights", mask="right", weights="step")
    yield exact("mask.sample_weights", mask="holes", weights="sample")
    yield exact("mask.weighted_mean", mask="holes", weights="step", reduction="mean_with_sample_weight")
    yield exact("weights.sample", adam, weights="sample")
    yield exact("weights.step", sequences=True, weights="step")
    yield exact("weights.weighted_mean", weights="sample", reduction="mean_with_sample_weight")


def losses():
    adam, slow = ("adam", ADAM), ("sgd", {"learning_rate": 2.0**-6})
    yield exact("loss.mae", adam, loss=("mean_absolute_error", {}))
    yield exact("loss.huber", loss=("huber", {"delta": 0.5}), sequences=True)
    yield exact("loss.bce.sigmoid", loss=("binary_crossentropy", {}), dense={"activation": "sigmoid"})
    yield exact("loss.bce.logits", adam, loss=("binary_crossentropy", {"from_logits": True, "label_smoothing": 0.125}))
    yield exact("loss.cce.softmax", loss=("categorical_crossentropy", {}), dense=SOFTMAX)
    smooth = ("categorical_crossentropy", {"from_logits": True, "label_smoothing": 0.125})
    yield exact("loss.cce.logits", loss=smooth, dense=LOGITS, mask="right")
    yield exact("loss.scce.softmax", adam, loss=("sparse_categorical_crossentropy", {}), dense=SOFTMAX, mask="holes")
    yield exact("loss.scce.logits", loss=("sparse_categorical_crossentropy", {"from_logits": True}), dense=LOGITS)
    yield exact("loss.sum", slow, reduction="sum")


def layers():
    adam = ("adam", ADAM)
    yield exact("frozen.first", adam, grus=[{"trainable": False, "kernel_regularizer": L2}, {"units": 3}])
    yield exact("frozen.activity", grus=[{"trainable": False, "activity_regularizer": L2}, {"units": 3}])
    yield exact("frozen.dense", dense={"trainable": False}, gru={"reset_after": False})
    clipped = ("sgd", SGD | {"global_clipnorm": 0.125})
    yield exact("frozen.clipped", clipped, grus=[{}, {"units": 3, "trainable": False}])
    yield exact("stateful", gru={"stateful": True})
    yield exact("stateful.masked", adam, gru={"stateful": True, "reset_after": False}, mask="holes")
    yield exact("backwards", adam, gru={"go_backwards": True}, sequences=True)
    yield exact("no_bias", gru={"use_bias": False}, dense={"use_bias": False})
    other = {"activation": "softsign", "recurrent_activation": "hard_sigmoid", "units": 8}
    yield exact("activations", adam, gru=other)


def schedules_and_defaults():
    halving = {"initial_learning_rate": 2.0**-3, "decay_steps": 16, "decay_rate": 0.5, "staircase": True}
    decay = {"initial_learning_rate": 0.05, "decay_steps": 20, "decay_rate": 0.9}
    cosine = {"initial_learning_rate": 0.05, "decay_steps": 40, "alpha": 0.1}
    warm = {"initial_learning_rate": 0.0005, "decay_steps": 30, "warmup_target": 0.002, "warmup_steps": 12}
    adam = {key: value for key, value in ADAM_DEFAULT.items() if key != "learning_rate"}
    yield exact("schedule.staircase", ("sgd", {"momentum": 0.5}), schedule=("exponential_decay", halving))
    yield default("schedule.exponential", ("sgd", {}), schedule=("exponential_decay", decay))
    yield default("schedule.staircase.default", ("adam", adam),
                  schedule=("exponential_decay", decay | {"staircase": True, "initial_learning_rate": 0.001}))
    yield default("schedule.cosine", ("sgd", {"weight_decay": 0.05}), schedule=("cosine_decay", cosine))
    yield default("schedule.cosine.warmup", ("adam", adam), schedule=("cosine_decay", warm), mask="right")
    yield default("default.sgd", ("sgd", {"learning_rate": 0.01, "momentum": 0.9, "nesterov": True}))
    yield default("default.rmsprop", ("rmsprop", RMSPROP_DEFAULT | {"centered": True}))
    yield default("default.rmsprop.clipvalue", ("rmsprop", RMSPROP_DEFAULT | {"momentum": 0.9, "clipvalue": 0.01}))
    yield default("default.sgd.global_clipnorm", ("sgd", {"learning_rate": 0.1, "global_clipnorm": 0.1}))
    yield default("default.adam", ("adam", ADAM_DEFAULT), grus=[{}, {"units": 3, "reset_after": False}])
    yield default("default.adamw", ("adamw", ADAM_DEFAULT | {"weight_decay": 0.004, "clipnorm": 0.1}))


def all_of_them():
    groups = (optimizers, clipping, regularizers, constraints, masks_and_weights, losses, layers)
    return [trajectory for group in (*groups, schedules_and_defaults) for trajectory in group()]


TRAJECTORIES = all_of_them()
