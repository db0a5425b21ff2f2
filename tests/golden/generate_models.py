# SPDX-License-Identifier: MIT
"""Makes the model files of tests/golden/models with real Keras on TensorFlow, JAX and PyTorch.

Needs, beside the environment of generate.py: jax==0.10.2 torch==2.15.0 h5py==3.14.0. Run without arguments it starts
itself once for each backend (a Keras process has one backend) and then once more on TensorFlow, which loads every
file and records its predictions in float64.

For each model and backend: NAME.BACKEND.keras, NAME.BACKEND.weights.h5 and NAME.BACKEND.golden, which holds
inputs, Keras's predictions by that backend in the model's own dtype, and exact_predictions, those of the same weights
in a float64 copy of the model. The saved files carry the time of saving: they are not the same bytes at each run.
"""

import os
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np

MODELS = Path(__file__).resolve().parent / "models"
BACKENDS = ("tensorflow", "jax", "torch")
PAD = -9.0
# Models for one backend only: what they show does not depend on the backend.
ONLY_TENSORFLOW = {"unknown_conv1d", "functional", "deferred", "layer_normalised"}


def seed_of(name):
    return zlib.crc32(name.encode("ascii"))


def builders(keras):
    layers, regularizers, constraints, initializers = (
        keras.layers,
        keras.regularizers,
        keras.constraints,
        keras.initializers,
    )
    small = keras.Input((5, 3))

    def plain(policy=None):
        # TensorFlow has no QR decomposition in bfloat16, so no orthogonal initializer there.
        recurrent = "orthogonal" if policy is None else "glorot_uniform"
        gru = layers.GRU(6, dtype=policy, recurrent_initializer=recurrent)
        return keras.Sequential([keras.Input((5, 3)), gru, layers.Dense(2, dtype=policy)])

    def stack():
        return keras.Sequential(
            [
                keras.Input((6, 3)),
                layers.Masking(mask_value=PAD),
                layers.GRU(
                    7,
                    activation="softsign",
                    recurrent_activation="hard_sigmoid",
                    kernel_initializer=initializers.HeNormal(seed=3),
                    recurrent_initializer=initializers.Orthogonal(gain=0.7, seed=4),
                    bias_initializer=initializers.RandomUniform(-0.2, 0.3, seed=5),
                    kernel_regularizer=regularizers.L1(0.001),
                    recurrent_regularizer=regularizers.L2(0.002),
                    bias_regularizer=regularizers.L1L2(0.003, 0.004),
                    activity_regularizer=regularizers.L2(0.005),
                    kernel_constraint=constraints.MaxNorm(1.5, axis=1),
                    recurrent_constraint=constraints.UnitNorm(axis=0),
                    bias_constraint=constraints.NonNeg(),
                    dropout=0.1,
                    recurrent_dropout=0.2,
                    seed=11,
                    return_sequences=True,
                    unroll=True,
                    zero_output_for_mask=True,
                    use_cudnn=False,
                ),
                layers.GRU(
                    5,
                    activation="elu",
                    recurrent_activation="sigmoid",
                    use_bias=False,
                    reset_after=False,
                    go_backwards=True,
                ),
                layers.Dense(4, activation="softmax"),
                layers.Dropout(0.3),
                layers.Activation("softplus"),
            ]
        )

    def stateful():
        return keras.Sequential(
            [
                keras.Input(batch_shape=(2, 4, 3)),
                layers.GRU(5, return_sequences=True, stateful=True),
                layers.GRU(4, stateful=True, reset_after=False),
                layers.Dense(2, activation="tanh"),
            ]
        )

    def configured():
        return keras.Sequential(
            [
                keras.Input((4, 3)),
                layers.GRU(
                    4,
                    kernel_initializer=initializers.VarianceScaling(2.0, "fan_avg", "uniform", seed=1),
                    recurrent_initializer=initializers.TruncatedNormal(0.1, 0.2, seed=2),
                    bias_initializer=initializers.Constant(0.25),
                    kernel_regularizer=regularizers.OrthogonalRegularizer(0.02, "columns"),
                    recurrent_regularizer=regularizers.L1L2(0.01, 0.02),
                    bias_regularizer="l2",
                    activity_regularizer=regularizers.L1(0.03),
                    kernel_constraint=constraints.MinMaxNorm(0.2, 1.8, 0.5, axis=0),
                    recurrent_constraint="unit_norm",
                    bias_constraint=constraints.MaxNorm(3),
                    return_sequences=True,
                ),
                layers.GRU(
                    3,
                    activation=None,
                    recurrent_activation="tanh",
                    kernel_initializer="identity",
                    recurrent_initializer=initializers.RandomNormal(0.0, 0.3, seed=9),
                    bias_initializer="ones",
                    trainable=False,
                ),
            ]
        )

    def named():
        return keras.Sequential(
            [
                keras.Input((4, 3), name="samples"),
                layers.GRU(4, return_sequences=True, name="encoder"),
                layers.GRU(3, name="dense"),  # a name that looks like another class
                layers.Dense(3, activation="relu", name="gru"),
                layers.Dense(2, use_bias=False, name="The head 1"),
            ],
            name="my_model",
        )

    def two_gru():
        return keras.Sequential(
            [
                keras.Input((4, 3)),
                layers.GRU(4, return_sequences=True),
                layers.GRU(5, return_sequences=True, go_backwards=True),
                layers.Dense(3, activation="relu"),
                layers.Activation("sigmoid"),
            ]
        )

    def trained():
        model = plain()
        model.compile("adam", "mse")
        rng = np.random.default_rng(5)
        x, y = rng.standard_normal((8, 5, 3)), rng.standard_normal((8, 2))
        model.fit(x.astype("float32"), y.astype("float32"), epochs=2, batch_size=4, verbose=0, shuffle=False)
        return model

    def any_length():
        return keras.Sequential([keras.Input((None, 2)), layers.Masking(0.0), layers.GRU(4), layers.Dense(1)])

    def unknown_lstm():
        first = layers.GRU(4, return_sequences=True)
        return keras.Sequential([keras.Input((4, 3)), first, layers.LSTM(3), layers.Dense(1)])

    def unknown_conv1d():
        return keras.Sequential([keras.Input((6, 3)), layers.Conv1D(4, 3), layers.GRU(3)])

    def layer_normalised():
        return keras.Sequential([keras.Input((4, 3)), layers.GRU(4), layers.LayerNormalization(), layers.Dense(1)])

    def functional():
        return keras.Model(small, layers.Dense(2)(layers.GRU(4)(small)))

    def deferred():
        model = keras.Sequential([layers.GRU(4), layers.Dense(2)])
        model.build((None, 5, 3))
        return model

    plain_ones = {
        "plain": plain,
        "float64": lambda: plain("float64"),
        "bfloat16": lambda: plain("bfloat16"),
        "float16": lambda: plain("float16"),
        "mixed_bfloat16": lambda: plain("mixed_bfloat16"),
        "mixed_float16": lambda: plain("mixed_float16"),
    }
    others = (stack, stateful, configured, named, two_gru, trained, any_length)
    refused = (unknown_lstm, unknown_conv1d, layer_normalised, functional, deferred)
    return plain_ones | {build.__name__: build for build in others + refused}


def inputs_of(name, model, call):
    rng = np.random.default_rng(seed_of(f"{name}.inputs.{call}"))
    batch, time, features = model.input_shape
    x = rng.standard_normal((batch or 3, time or 7, features)).astype(np.float32)
    if name == "stack":
        x[0, 4:] = PAD  # padding on the right
        x[1, :2] = PAD  # on the left
        x[2, 3] = PAD  # a hole
        x[2, 1, 0] = PAD  # one feature alone does not mask a step
    if name == "any_length":
        x[0, 3:] = 0
        x[1] = 0
    return x


def build(keras, name, make):
    """The model with random weights, the same for every backend."""
    keras.backend.clear_session()  # so that the layer names start anew
    model = make()
    if name == "trained":
        return model
    rng = np.random.default_rng(seed_of(name + ".weights"))
    model.set_weights([0.6 * rng.standard_normal(w.shape).astype(np.float32) for w in model.get_weights()])
    return model


def save(backend):
    """All models of one backend; runs in a process of its own."""
    import keras
    from golden_format import GoldenFile

    for name, make in builders(keras).items():
        if name in ONLY_TENSORFLOW and backend != "tensorflow":
            continue
        model = build(keras, name, make)
        path = MODELS / f"{name}.{backend}"
        model.save(f"{path}.keras")
        model.save_weights(f"{path}.weights.h5")
        options = {"kind": "model", "model": name, "backend": backend, "keras": keras.__version__}
        options |= {"calls": 2 if name == "stateful" else 1}
        arrays = {}
        for call in range(options["calls"]):
            prefix = "" if call == 0 else "second."
            arrays[prefix + "inputs"] = inputs_of(name, model, call)
            out = keras.ops.convert_to_numpy(model(arrays[prefix + "inputs"], training=False))
            arrays[prefix + "predictions"] = out if out.dtype == np.float64 else out.astype(np.float32)
        file = GoldenFile()
        file.add(f"model.{name}.{backend}", options, arrays)
        file.save(f"{path}.golden")


def add_exact_predictions():
    """Loads each saved file into TensorFlow, copies it to float64 and records what that predicts."""
    import keras
    from golden_format import GoldenFile, load

    def in_float64(layer):
        return layer.__class__.from_config({**layer.get_config(), "dtype": "float64"})

    worst = {}
    for path in sorted(MODELS.glob("*.golden")):
        [(name, options, arrays)] = load(path)
        model = keras.saving.load_model(path.with_suffix(".keras"), compile=False)
        keras.config.set_floatx("float64")
        exact = keras.models.clone_model(model, clone_function=in_float64)
        if not exact.built:
            exact.build(model.input_shape)
        exact.set_weights([np.asarray(w, np.float64) for w in model.get_weights()])
        for layer in exact.layers:
            getattr(layer, "reset_state", lambda: None)()
        fresh = GoldenFile()
        options = {key: value for key, value in options.items() if key != "prediction_error"}
        difference = 0.0
        for call in range(int(options["calls"])):
            prefix = "" if call == 0 else "second."
            x = arrays[prefix + "inputs"].astype(np.float64)
            out = keras.ops.convert_to_numpy(exact(x, training=False))
            arrays[prefix + "exact_predictions"] = out.astype(np.float64)
            difference = max(difference, float(np.abs(out - arrays[prefix + "predictions"]).max()))
        keras.config.set_floatx("float32")
        options["prediction_error"] = difference
        worst[name] = difference
        fresh.add(name, options, arrays)
        fresh.save(path)
    for name, difference in worst.items():
        print(f"{name}: largest difference of its own predictions to float64 {difference:.3g}")


def main():
    if len(sys.argv) > 1:
        add_exact_predictions() if sys.argv[1] == "exact" else save(sys.argv[1])
        return
    MODELS.mkdir(exist_ok=True)
    for step in (*BACKENDS, "exact"):
        environment = os.environ | {
            "KERAS_BACKEND": "tensorflow" if step == "exact" else step,
            "JAX_ENABLE_X64": "1",
            "JAX_PLATFORMS": "cpu",
            "CUDA_VISIBLE_DEVICES": "",
            "TF_ENABLE_ONEDNN_OPTS": "0",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        print(f"== {step}", flush=True)
        subprocess.run([sys.executable, __file__, step], env=environment, check=True)
    total = sum(p.stat().st_size for p in MODELS.iterdir())
    print(f"{len(list(MODELS.iterdir()))} files, {total} bytes")


if __name__ == "__main__":
    main()
