# SPDX-License-Identifier: MIT
"""Opens with real PyTorch what Eigengru writes, and compares the predictions. By hand, with the program of
round_trip.py and the packages torch, numpy and safetensors:

    ~/torch/bin/python tests/round_trip/round_trip_torch.py /tmp/round_trip

Every model of tests/golden/models, tests/golden/files and tests/golden/exchange whose layers PyTorch has is loaded and
written by Eigengru. torch.nn modules take the state dict, strictly, and are run in float64; the predictions are
compared with the recorded ones of Keras and PyTorch.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
sys.path.insert(0, str(GOLDEN))
from golden_format import load  # noqa: E402


def module_with(module, tensors, prefix, suffix=""):
    """`module` in float64 with the tensors of these names, each used once."""
    state = {key: tensors.pop(prefix + key.replace("_l0", suffix or "_l0")) for key in module.state_dict()}
    module.load_state_dict(state, strict=True)
    return module.double().eval()


def gru_module(entry, tensors):
    """A torch.nn.GRU of one layer: "NAME_l2" is layer 2 of the GRU "NAME" in the state dict."""
    numbered = re.fullmatch(r"(.+)_l(\d+)", entry["name"])
    prefix, number = (numbered[1], numbered[2]) if numbered else (entry["name"], "0")
    suffix = f"_l{number}"
    shape = tensors[f"{prefix}.weight_ih{suffix}"].shape
    return module_with(
        torch.nn.GRU(shape[1], shape[0] // 3, batch_first=True, bias=f"{prefix}.bias_ih{suffix}" in tensors,
                     bidirectional=entry["class"] == "Bidirectional"), tensors, prefix + ".", suffix)


ACTIVATIONS = {"linear": lambda x: x, "softmax": lambda x: torch.softmax(x, -1), "swish": torch.nn.functional.silu}


def activation(name):
    return ACTIVATIONS.get(name) or getattr(torch, name, None) or getattr(torch.nn.functional, name)


def run(layers, tensors, x):
    """The layers of the list in the metadata as PyTorch's modules, one after the other."""
    y = torch.from_numpy(x)
    for entry in layers:
        kind = entry["class"]
        if kind in ("GRU", "Bidirectional"):
            outputs, state = gru_module(entry, tensors)(y)
            y = outputs if entry["return_sequences"] else torch.cat(list(state), -1)
        elif kind == "Dense":
            weight = tensors[entry["name"] + ".weight"]
            bias = entry["name"] + ".bias" in tensors
            module = module_with(torch.nn.Linear(weight.shape[1], weight.shape[0], bias), tensors, entry["name"] + ".")
            y = activation(entry["activation"])(module(y))
        elif kind == "Embedding":
            weight = tensors[entry["name"] + ".weight"]
            module = module_with(torch.nn.Embedding(*weight.shape), tensors, entry["name"] + ".")
            y = module(y.reshape(y.shape[0], y.shape[1]).long())
        elif kind == "Activation":
            y = activation(entry["activation"])(y)
        elif kind != "Dropout":
            raise NotImplementedError(kind)
    assert not tensors, f"unused: {sorted(tensors)}"
    return y.numpy()


def recorded_cases():
    """Each file with its inputs, the recorded predictions, and what is done in code behind its layers."""
    for source in sorted([*GOLDEN.glob("models/*.keras"), *GOLDEN.glob("files/*.keras"), *GOLDEN.glob("files/*.h5")]):
        golden = source.with_suffix(".golden")
        if "weights" not in source.name and golden.exists():
            [(_, _, arrays)] = load(golden)
            yield source, arrays.get("inputs"), arrays.get("exact_predictions"), lambda y: y
    for _, options, arrays in load(GOLDEN / "exchange" / "exchange.golden"):
        if options.get("file", "").endswith(".safetensors") and "return_sequences" not in options:
            behind = np.tanh if "head" in options else lambda y: y
            yield GOLDEN / "exchange" / options["file"], arrays["inputs"], arrays["outputs"], behind


def check(program, source, x, expected, behind, folder):
    out = folder / source.name
    process = subprocess.run([program, str(source), str(out)], capture_output=True, text=True)
    written = Path(f"{out}.safetensors")
    if process.returncode != 0 or not written.exists():
        return process.stdout.strip().split(": ", 2)[-1]
    with safe_open(written, "pt") as file:
        layers = json.loads(file.metadata()["eigengru"])
        tensors = {key: file.get_tensor(key) for key in file.keys()}
    if any(entry["class"] == "Masking" or entry.get("mask_zero") for entry in layers):
        return "PyTorch has no masks"
    with torch.no_grad():
        found = behind(run(layers, tensors, np.array(x, np.float64))).reshape(expected.shape)
    return float(np.abs(found - expected).max() / max(1.0, np.abs(expected).max()))


def main():
    worst, count, refused = 0.0, 0, []
    with tempfile.TemporaryDirectory() as name:
        for source, x, expected, behind in recorded_cases():
            if x is None:
                continue
            result = check(sys.argv[1], source, x, expected, behind, Path(name))
            if isinstance(result, str):
                refused.append((source.name, result))
                continue
            count += 1
            worst = max(worst, result)
            print(f"{source.name}: {result:.3g}")
    for name, why in refused:
        print(f"{name}: {why}")
    print(f"{count} files written by Eigengru opened with PyTorch {torch.__version__}: largest difference {worst:.3g}")


if __name__ == "__main__":
    main()
