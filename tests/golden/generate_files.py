# SPDX-License-Identifier: MIT
"""Makes the files of tests/golden/files: every kind of file that Keras 2 and Keras 3 write, with all layers.

Once for each version, in an environment of its own outside of the repository:
    python3.11 -m venv ~/keras2 && ~/keras2/bin/pip install tensorflow==2.15.1 h5py==3.12.1
    ~/keras2/bin/python tests/golden/generate_files.py
    python3.11 -m venv ~/keras3 && ~/keras3/bin/pip install keras==3.15.1 tensorflow-cpu==2.21.0
    ~/keras3/bin/python tests/golden/generate_files.py

For each model: NAME.keras2.h5 and NAME.keras2.keras (keras3 likewise), some NAME.keras2.weights.h5, and
NAME.keras2.golden with inputs, predictions, and exact_predictions: those of the same weights in a float64 copy.
"""

import os
import sys
import zlib
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras as installed  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parent))
from golden_format import GoldenFile  # noqa: E402

keras = tf.keras
IS_KERAS2 = installed.__version__.startswith("2.")
VERSION = "keras2" if IS_KERAS2 else "keras3"
FILES = Path(__file__).resolve().parent / "files"
PAD = -9.0


def layers_of(dtype):
    """keras.layers, each of that dtype."""

    class Layers:
        def __getattr__(self, name):
            make = getattr(keras.layers, name)
            return lambda *args, **kwargs: make(*args, **({"dtype": dtype} | kwargs))

    return Layers()


def classic(L, dtype):
    """The defaults of Keras 2 as it was: hard_sigmoid, reset before."""
    if not IS_KERAS2:
        return None
    old = tf.compat.v1.keras.layers.GRU
    return [
        keras.Input((5, 3)),
        old(4, return_sequences=True, dtype=dtype),
        L.GRU(3, recurrent_activation="hard_sigmoid", dropout=0.1),
        L.Dense(2, activation="hard_sigmoid"),
    ]


def around(L, dtype):
    return [
        keras.Input((6, 3)),
        L.Masking(mask_value=PAD),
        L.Bidirectional(L.GRU(4, return_sequences=True), merge_mode="ave"),
        L.BatchNormalization(),
        L.TimeDistributed(L.Dense(3, activation="relu")),
        L.LayerNormalization(),
        L.Dropout(0.2),
        L.Bidirectional(L.GRU(2, reset_after=False, name="inner")),
        L.Activation("softmax"),
    ]


def cells(L, dtype):
    frozen = L.GRU(4, return_sequences=True, name="first", trainable=False)
    inner = [keras.Input((5, 4)), frozen, L.GRU(4, return_sequences=True, name="second"), L.BatchNormalization()]
    return [
        keras.Input((5, 3)),
        L.RNN(L.GRUCell(4), return_sequences=True),
        keras.Sequential(inner, name="inner"),
        L.RNN([L.GRUCell(3), L.GRUCell(2, use_bias=False)], return_sequences=True),
        L.RNN(L.GRUCell(3, reset_after=False), go_backwards=True),
    ]


def chain(layers):
    x = y = layers[0]
    for layer in layers[1:]:
        y = layer(y)
    return keras.Model(x, y)


def embedded(L, dtype):
    return chain(
        [
            keras.Input((6,)),
            L.Embedding(9, 4, mask_zero=True),
            L.Bidirectional(L.GRU(3, return_sequences=True), merge_mode="concat"),
            L.GRU(3),
            L.Dense(2, activation="sigmoid"),
        ]
    )


def masked(L, dtype):
    """A Functional model in which Keras 3 writes down how the mask is made."""
    first = [L.Masking(mask_value=PAD), L.GRU(4, return_sequences=True), L.Dense(3), L.GRU(2)]
    return chain([keras.Input((6, 3)), *first])


def branched(L, dtype):
    x = keras.Input((5, 3))
    y = L.GRU(4, name="trunk")(x)
    return keras.Model(x, L.Dense(2, name="left")(y) + L.Dense(2, name="right")(y))


def cudnn(L, dtype):
    if not IS_KERAS2:
        return None
    return [keras.Input((5, 3)), tf.compat.v1.keras.layers.CuDNNGRU(4, dtype=dtype), L.Dense(2)]


def cudnn_as_gru(L, dtype):
    return [keras.Input((5, 3)), L.GRU(4, reset_after=True), L.Dense(2)]


def double(L, dtype):
    return [keras.Input((5, 3), dtype="float64"), layers_of("float64").GRU(4), layers_of("float64").Dense(2)]


MODELS = [classic, around, cells, embedded, masked, branched, cudnn, double]
WITH_WEIGHTS = {"classic", "around", "embedded"}


def build(make, dtype):
    keras.backend.clear_session()  # so that the layer names start anew
    made = make(layers_of(dtype), dtype)
    return keras.Sequential(made) if isinstance(made, list) else made


def inputs_of(name, model):
    rng = np.random.default_rng(zlib.crc32(f"{name}.inputs".encode()))
    shape = model.input_shape
    if name == "embedded":
        ids = rng.integers(1, 9, (3, shape[1])).astype(np.float32)
        ids[0, 4:] = 0
        ids[1, :2] = 0
        return ids
    x = rng.standard_normal((3, *shape[1:])).astype(np.float32)
    if name in ("around", "masked"):
        x[0, 4:] = PAD
        x[1, :2] = PAD
        x[2, 3] = PAD
    return x


def weights_for(name, model):
    rng = np.random.default_rng(zlib.crc32(f"{name}.weights".encode()))
    draw = lambda w: 0.6 * rng.standard_normal(w.shape)  # noqa: E731
    values = [draw(w) for w in model.get_weights()]
    names = [v.path if hasattr(v, "path") else v.name for v in model.weights]
    return [np.abs(v) + 0.1 if "moving_variance" in n else v for v, n in zip(values, names)]


def predictions(model, x):
    return np.asarray(model(x, training=False))


def main():
    FILES.mkdir(exist_ok=True)
    for make in MODELS:
        name = make.__name__
        model = build(make, "float32")
        if model is None:  # not in this version
            continue
        weights = [w.astype(np.float32) for w in weights_for(name, model)]
        model.set_weights(weights)
        path = FILES / f"{name}.{VERSION}"
        if name != "branched" or IS_KERAS2:
            model.save(f"{path}.h5")
        if name != "cudnn":
            model.save(f"{path}.keras")
        if name in WITH_WEIGHTS:
            # Before Keras 3 a name without ".weights" asks for the old form.
            model.save_weights(f"{path}.old_weights.h5" if IS_KERAS2 else f"{path}.weights.h5")
        if name == "branched":
            continue
        x = inputs_of(name, model)
        keras.backend.set_floatx("float64")
        if name == "cudnn":  # runs on a GPU alone; Keras converts its weights when a GRU loads them
            single = build(cudnn_as_gru, "float32")
            single.load_weights(f"{path}.h5")
            exact = build(cudnn_as_gru, "float64")
            exact.set_weights([w.astype(np.float64) for w in single.get_weights()])
        else:
            single = model
            exact = build(make, "float64")
            exact.set_weights([w.astype(np.float64) for w in weights])
        arrays = {"inputs": x, "predictions": predictions(single, x)}
        arrays["exact_predictions"] = predictions(exact, x.astype(np.float64)).astype(np.float64)
        keras.backend.set_floatx("float32")
        error = float(np.abs(arrays["predictions"] - arrays["exact_predictions"]).max())
        file = GoldenFile()
        version = installed.__version__
        file.add(f"file.{name}.{VERSION}", {"kind": "file", "model": name, "keras": version, "prediction_error": error}, arrays)
        file.save(f"{path}.golden")
        print(f"{name}: its own predictions differ by {error:.3g} from those in float64", flush=True)


if __name__ == "__main__":
    main()
