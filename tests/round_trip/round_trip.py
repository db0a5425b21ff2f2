# SPDX-License-Identifier: MIT
"""Opens with real Keras 3 what Eigengru writes, and compares the predictions. By hand, in the environment of
tests/golden/generate_files.py for Keras 3:

    flags="$(pkg-config --cflags --libs hdf5 libzip)"
    g++ -O1 -std=c++20 -Iinclude -I/usr/include/eigen3 tests/round_trip/round_trip.cpp $flags -o /tmp/round_trip
    ~/keras3/bin/python tests/round_trip/round_trip.py /tmp/round_trip

Every model of tests/golden/models and tests/golden/files is loaded and written by Eigengru. Keras loads the .keras
file, then weights of zero are replaced from the .weights.h5 file, and each time the predictions are compared with the
recorded ones, which Keras computed in float64. The first GRU is made again by GRU.from_config.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras  # noqa: E402
import numpy as np  # noqa: E402

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
sys.path.insert(0, str(GOLDEN))
from golden_format import load  # noqa: E402


def difference(model, arrays):
    """The largest difference to the recorded predictions, relative to max(1, largest of them)."""
    worst = 0.0
    for layer in model.layers:
        if getattr(layer, "stateful", False):
            layer.reset_state()
    for prefix in ("", "second."):
        if prefix + "inputs" in arrays:
            x, expected = arrays[prefix + "inputs"], arrays[prefix + "exact_predictions"]
            if model.inputs[0].shape[0] not in (None, len(x)):
                return float("nan")
            found = np.asarray(model(x, training=False), np.float64)
            worst = max(worst, float(np.abs(found - expected).max() / max(1.0, np.abs(expected).max())))
    return worst


def is_part(part, whole):
    """Whether all that a configuration says is in another, which may have defaults besides."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and is_part(part[key], whole[key]) for key in part)
    if isinstance(part, float):
        return abs(part - whole) <= 1e-6 * abs(part)  # this backend rounds factors to float32
    return part == whole


def check(program, source, arrays, folder):
    out = folder / source.name
    run = subprocess.run([program, str(source), str(out)], capture_output=True, text=True)
    if run.returncode != 0:
        return f"not written: {run.stdout.strip().split(': ', 2)[-1]}"
    model = keras.saving.load_model(f"{out}.keras")
    whole = difference(model, arrays)
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    model.load_weights(f"{out}.weights.h5")
    weights = difference(model, arrays)
    config = Path(f"{out}.json").read_text()
    if config:
        layer = keras.layers.GRU.from_config(json.loads(config))
        mine = json.loads(config)
        again = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)["config"]))
        assert is_part(mine, again), f"another get_config: {again} for {mine}"
    again = folder / "again.keras"
    model.save(again)
    resaved = difference(keras.saving.load_model(again), arrays)
    return whole, weights, resaved


def main():
    program = sys.argv[1]
    worst, count, compared, refused = 0.0, 0, 0, []
    with tempfile.TemporaryDirectory() as name:
        sources = sorted([*GOLDEN.glob("models/*.keras"), *GOLDEN.glob("files/*.keras"), *GOLDEN.glob("files/*.h5")])
        for source in sources:
            golden = source.with_suffix(".golden")
            if "weights" in source.name or not golden.exists():
                continue
            [(_, _, arrays)] = load(golden)
            result = check(program, source, arrays, Path(name))
            if isinstance(result, str):
                refused.append((source.name, result))
                continue
            count += 1
            compared += result[0] == result[0]  # a stateful model is saved for another batch size than was recorded
            print(f"{source.name}: {', '.join(f'{r:.3g}' for r in result)}")
            worst = max([worst, *(r for r in result if r == r)])
    for name, why in refused:
        print(f"{name}: {why}")
    print(f"{count} files written by Eigengru opened with Keras {keras.__version__}")
    print(f"{compared} of them compared: largest difference {worst:.3g}")


if __name__ == "__main__":
    main()
