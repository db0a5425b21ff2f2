# SPDX-License-Identifier: MIT
"""Makes the golden data of training (losses, trajectories, more gradients) from real Keras on TensorFlow in float64.

In the environment that generate.py describes:
    ~/golden-venv/bin/python tests/golden/generate_training.py              writes the three files beside this script
    ~/golden-venv/bin/python tests/golden/generate_training.py losses       only those named

Every loss and every update is computed by Keras and, as a second opinion, by training_equations.py (plain NumPy); the
script stops when they differ by more than the case's tolerance. The files hold facts about Keras, no code of Keras.
"""

import sys
from pathlib import Path

import generate  # first: it chooses the backend

import keras
import numpy as np
import tensorflow as tf

import gradient_cases
import loss_cases
import trajectories
from golden_format import GoldenFile

HERE = Path(__file__).resolve().parent


def gradients():
    file = GoldenFile()
    for case in gradient_cases.cases():
        generate.record(case, file)
    return file


FILES = {"losses": loss_cases.losses, "gru_gradients": gradients, "trajectories": trajectories.trajectories}


def main():
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    print(f"keras {keras.__version__}, tensorflow {tf.__version__}, numpy {np.__version__}")
    for name in sys.argv[1:] or FILES:
        file = FILES[name]()
        print(f"{name}.golden: {len(file.names)} cases, {file.save(HERE / (name + '.golden'))} bytes", flush=True)


if __name__ == "__main__":
    main()
