# SPDX-License-Identifier: MIT
"""Makes tests/golden/exchange: state dicts and ONNX files of GRUs, written by PyTorch's own tools and by onnx.helper,
with the outputs of PyTorch and of ONNX Runtime for them, and one model as .keras, .safetensors and .onnx.

Needs (Python 3.11): torch==2.15.0 onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2 safetensors keras==3.15.1 h5py.
The exports of one run are not the same bytes as those of another (names of nodes, the time in a .keras file).
"""

import logging
import os
import warnings
import zlib
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import keras
import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper
from safetensors.torch import save_file

from golden_format import GoldenFile

FOLDER = Path(__file__).resolve().parent / "exchange"
BATCH, TIME, FEATURES, UNITS = 2, 5, 3, 4


def seed(name):
    torch.manual_seed(zlib.crc32(name.encode("ascii")))
    return np.random.default_rng(zlib.crc32(name.encode("ascii")))


class Model(torch.nn.Module):
    """A GRU with a Linear behind it: what goes on to the Linear is `takes`."""

    def __init__(self, takes="sequence", head=True, **arguments):
        super().__init__()
        self.gru = torch.nn.GRU(FEATURES, UNITS, batch_first=True, **arguments)
        width = UNITS * (2 if self.gru.bidirectional else 1)
        self.fc = torch.nn.Linear(width, 2) if head else None
        self.takes = takes

    def forward(self, x, h0=None):
        y, h = self.gru(x) if h0 is None else self.gru(x, h0)
        if self.takes == "last":
            y = y[:, -1]
        elif self.takes == "state":
            y = h[-1] if not self.gru.bidirectional else torch.cat([h[-2], h[-1]], dim=1)
        return (y, h) if self.fc is None else torch.tanh(self.fc(y))


def add(golden, name, module, x, **options):
    """What a module gives for x in float64, after its weights were rounded to their dtype in the file."""
    exact = module.double()
    with torch.no_grad():
        y = exact(torch.from_numpy(x))
    outputs = y[0] if isinstance(y, tuple) else y
    golden.add(name, options, {"inputs": x, "outputs": outputs.numpy().reshape(len(x), -1, outputs.shape[-1])})


def round_weights(module, dtype):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(parameter.to(dtype))
    return {key: value.to(dtype).contiguous() for key, value in module.state_dict().items()}


def torch_files(golden):
    cases = {
        "bare": (torch.nn.GRU(FEATURES, UNITS, batch_first=True), torch.float32, {}),
        "double": (Model(), torch.float64, {}),
        "bfloat16": (Model(), torch.bfloat16, {}),
        "float16": (Model("state", head=False), torch.float16, {"return_sequences": False}),
        "three": (Model(num_layers=3, bias=False), torch.float64, {}),
        "both": (Model(num_layers=2, bidirectional=True), torch.float64, {}),
        "both_state": (Model("state", bidirectional=True), torch.float64, {"return_sequences": False}),
        "both_bare": (Model(head=False, bidirectional=True, bias=False), torch.float32, {}),
    }
    for name, (module, dtype, options) in cases.items():
        random = seed(name)
        for parameter in module.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
        x = random.standard_normal((BATCH, TIME, FEATURES))
        if name.startswith("both") or name == "three":  # a GRU that is a part of something
            module = torch.nn.ModuleDict({"encoder": module})
        save_file(round_weights(module, dtype), FOLDER / f"{name}.safetensors", {"format": "pt"})
        inner = module["encoder"] if isinstance(module, torch.nn.ModuleDict) else module
        if getattr(inner, "fc", None) is not None:
            options["head"] = "fc" if inner is module else "encoder.fc"  # with tanh behind it
        add(golden, name, inner, x, file=f"{name}.safetensors", **options)
    cell = torch.nn.GRUCell(FEATURES, UNITS).double()
    x = seed("cell").standard_normal((BATCH, TIME, FEATURES))
    save_file(cell.state_dict(), FOLDER / "cell.safetensors")
    h, outputs = torch.zeros(BATCH, UNITS).double(), []
    with torch.no_grad():
        for t in range(TIME):
            h = cell(torch.from_numpy(x[:, t]), h)
            outputs.append(h.numpy())
    golden.add("cell", {"file": "cell.safetensors"}, {"inputs": x, "outputs": np.stack(outputs, 1)})


def run(path, feeds):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def torch_exports(golden):
    cases = {
        "sequence": Model(),
        "last": Model("last", num_layers=2),
        "state": Model("state"),
        "both_state": Model("state", bidirectional=True),
        "two_both": Model(head=False, num_layers=2, bidirectional=True),
        "no_bias": Model(bias=False),
    }
    open_sizes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("time")}
    for case, module in cases.items():
        for way in ("legacy", "dynamo"):
            if way == "dynamo" and case in ("no_bias", "state"):
                continue
            name = f"{way}_{case}"
            x = seed(case).standard_normal((BATCH, TIME, FEATURES)).astype(np.float32)
            module = module.float().eval()
            path = FOLDER / f"{name}.onnx"
            arguments = (module, (torch.from_numpy(x),), str(path))
            if way == "dynamo":
                torch.onnx.export(*arguments, dynamo=True, dynamic_shapes=(open_sizes,), verbose=False)
                forget_sources(path)
            else:
                folds = case != "no_bias"  # without folding the weights are put in order by nodes
                torch.onnx.export(*arguments, dynamo=False, opset_version=17, input_names=["x"], do_constant_folding=folds,
                                  dynamic_axes={"x": {0: "batch", 1: "time"}})
            y = run(path, {"x": x})[0]
            golden.add(name, {"file": path.name}, {"inputs": x, "outputs": y.reshape(BATCH, -1, y.shape[-1])})
    with_state = Model(head=False, num_layers=2).eval()
    x = seed("initial").standard_normal((BATCH, TIME, FEATURES)).astype(np.float32)
    h0 = torch.zeros(2, BATCH, UNITS)
    path = FOLDER / "legacy_initial.onnx"
    torch.onnx.export(with_state, (torch.from_numpy(x), h0), str(path), dynamo=False, opset_version=11, input_names=["x", "h0"])
    y = run(path, {"x": x, "h0": h0.numpy()})[0]
    golden.add("legacy_initial", {"file": path.name}, {"inputs": x, "outputs": y})


def forget_sources(path):
    """The exporter notes the lines of Python that each node comes from: many times the size of the graph."""
    model = onnx.load(path, load_external_data=False)
    for node in model.graph.node:
        del node.metadata_props[:]
    del model.graph.metadata_props[:], model.metadata_props[:]
    for value in list(model.graph.value_info) + list(model.graph.input) + list(model.graph.output):
        del value.metadata_props[:]
    path.write_bytes(model.SerializeToString())
    beside = path.with_suffix(".onnx.data")
    if beside.exists() and beside.stat().st_size == 0:
        beside.unlink()


def node_file(name, random, opset=14, dtype=np.float32, directions=1, bias=True, initial=False, lengths=False, **attributes):
    """One GRU node, its Y made (batch, time, units) by Transpose and Reshape, as a graph of its own."""
    kind = {np.float32: TensorProto.FLOAT, np.float64: TensorProto.DOUBLE}[dtype]
    shapes = {"W": (directions, 3 * UNITS, FEATURES), "R": (directions, 3 * UNITS, UNITS)}
    if bias:
        shapes["B"] = (directions, 6 * UNITS)
    weights = {key: random.normal(0, 0.5, shape).astype(dtype) for key, shape in shapes.items()}
    tensors = [helper.make_tensor(key, kind, value.shape, value.tobytes(), raw=True) for key, value in weights.items()]
    tensors.append(helper.make_tensor("shape", TensorProto.INT64, (3,), [0, 0, -1]))
    names = ["xt", "W", "R", "B" if bias else "", "lengths" if lengths else "", "h0" if initial else ""]
    layout = attributes.get("layout", 0)
    nodes = [] if layout else [helper.make_node("Transpose", ["x"], ["xt"], perm=[1, 0, 2])]
    if layout:
        names[0] = "x"
    nodes.append(helper.make_node("GRU", names, ["Y", "Y_h"], name="the_gru", hidden_size=UNITS, **attributes))
    perm = [0, 1, 2, 3] if layout else [2, 0, 1, 3]
    nodes += [helper.make_node("Transpose", ["Y"], ["yt"], perm=perm), helper.make_node("Reshape", ["yt", "shape"], ["y"])]
    inputs = [helper.make_tensor_value_info("x", kind, ["batch", "time", FEATURES])]
    if initial:
        inputs.append(helper.make_tensor_value_info("h0", kind, [directions, "batch", UNITS]))
    if lengths:
        inputs.append(helper.make_tensor_value_info("lengths", TensorProto.INT32, ["batch"]))
    outputs = [helper.make_tensor_value_info("y", kind, None), helper.make_tensor_value_info("Y_h", kind, None)]
    graph = helper.make_graph(nodes, name, inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    path = FOLDER / f"{name}.onnx"
    onnx.save(model, path)
    return path


def onnx_nodes(golden):
    both = {"direction": "bidirectional", "directions": 2}
    cases = {
        "node_before": {"linear_before_reset": 0},
        "node_after": {"linear_before_reset": 1, "opset": 7},
        "node_both_before": {"linear_before_reset": 0, **both},
        "node_both_after": {"linear_before_reset": 1, "opset": 22, **both},
        "node_no_bias": {"bias": False},
        "node_initial": {"linear_before_reset": 1, "initial": True},
        "node_lengths": {"linear_before_reset": 1, "lengths": True},
        "node_reverse": {"direction": "reverse"},
        "node_activations": {"activations": ["HardSigmoid", "ScaledTanh"], "activation_alpha": [0.25, 0.9],
                             "activation_beta": [0.4, 1.1]},
        "node_affine": {"activations": ["Sigmoid", "Affine"], "activation_alpha": [0.4], "activation_beta": [0.1]},
        "node_leaky": {"activations": ["Sigmoid", "LeakyRelu"], "activation_alpha": [0.05]},
        "node_threshold": {"activations": ["HardSigmoid", "ThresholdedRelu"], "activation_alpha": [0.2, 0.15]},
    }
    for name, case in cases.items():
        random = seed(name)
        path = node_file(name, random, **case)
        x = random.standard_normal((BATCH, TIME, FEATURES)).astype(np.float32)
        feeds, arrays = {"x": x}, {"inputs": x}
        if case.get("initial"):
            feeds["h0"] = random.standard_normal((1, BATCH, UNITS)).astype(np.float32)
            arrays["initial_state"] = feeds["h0"][0]
        if case.get("lengths"):
            feeds["lengths"] = np.array([TIME, 3], dtype=np.int32)
            arrays["lengths"] = feeds["lengths"].astype(np.float64)
        y, state = run(path, feeds)
        golden.add(name, {"file": path.name}, {**arrays, "outputs": y, "state": state[0]})
    # ONNX Runtime has no layout 1: the same numbers as those of layout 0.
    first = node_file("node_before", seed("node_before"), linear_before_reset=0)
    node_file("node_layout", seed("node_before"), linear_before_reset=0, layout=1)
    x = seed("layout").standard_normal((BATCH, TIME, FEATURES)).astype(np.float32)
    y, state = run(first, {"x": x})
    golden.add("node_layout", {"file": "node_layout.onnx"}, {"inputs": x, "outputs": y, "state": state[0]})


def same_model(golden):
    """keras.Sequential([GRU, Dense]), the PyTorch model of the same weights, and its export."""
    random = seed("same")
    model = keras.Sequential([keras.Input((None, FEATURES)), keras.layers.GRU(UNITS, return_sequences=True), keras.layers.Dense(2)])
    model.set_weights([random.normal(0, 0.5, w.shape) for w in model.get_weights()])
    model.save(FOLDER / "same.keras")
    kernel, recurrent, bias, dense_kernel, dense_bias = model.get_weights()

    def rows(columns):  # z, r, h as columns to r, z, n as rows
        z, r, h = np.split(columns, 3, axis=-1)
        return torch.from_numpy(np.ascontiguousarray(np.concatenate([r, z, h], axis=-1).T))

    class Plain(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.gru = torch.nn.GRU(FEATURES, UNITS, batch_first=True)
            self.fc = torch.nn.Linear(UNITS, 2)

        def forward(self, x):
            return self.fc(self.gru(x)[0])

    plain = Plain()
    plain.load_state_dict({
        "gru.weight_ih_l0": rows(kernel), "gru.weight_hh_l0": rows(recurrent), "gru.bias_ih_l0": rows(bias[0]),
        "gru.bias_hh_l0": rows(bias[1]), "fc.weight": torch.from_numpy(dense_kernel.T.copy()), "fc.bias": torch.from_numpy(dense_bias)})
    save_file(plain.state_dict(), FOLDER / "same.safetensors")
    x = random.standard_normal((BATCH, TIME, FEATURES)).astype(np.float32)
    torch.onnx.export(plain.eval(), (torch.from_numpy(x),), str(FOLDER / "same.onnx"), dynamo=False, opset_version=17,
                      input_names=["x"], dynamic_axes={"x": {0: "batch", 1: "time"}})
    by_keras = model.predict(x, verbose=0)
    by_runtime = run(FOLDER / "same.onnx", {"x": x})[0]
    print("same model: Keras and ONNX Runtime differ by", np.abs(by_keras - by_runtime).max())
    with torch.no_grad():
        exact = plain.double()(torch.from_numpy(x).double()).numpy()
    golden.add("same", {}, {"inputs": x, "outputs": exact})


def main():
    FOLDER.mkdir(exist_ok=True)
    golden = GoldenFile()
    torch_files(golden)
    torch_exports(golden)
    onnx_nodes(golden)
    same_model(golden)
    print(golden.save(FOLDER / "exchange.golden"), "bytes,", len(golden.names), "cases")


if __name__ == "__main__":
    main()
