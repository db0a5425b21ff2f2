#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ONNX Runtime and PyTorch against the library, in one process and in the same rounds, as compare.hpp does it.

    python_peers.py LIBRARY [--quick] [--filter REGEX] [--csv FOLDER]

LIBRARY is libbench_python_plain.so. Every contender is called from Python and gets its arrays in the layout it works
in: the library (batch, time, features), the peers (time, batch, features); none copies them in the timed path. One
thread, float; times are CPU times of the process. A peer that cannot be imported is named and skipped. In FOLDER the
programs have begun ratios.csv and spreads.csv.
"""

import argparse
import ctypes
import importlib
import math
import os
import random
import re
import time

import numpy as np

ROUNDS = 15
SECONDS = 0.004
POINTERS = ("kernel", "recurrent_kernel", "bias", "inputs", "initial_state", "d_outputs", "d_state", "outputs",
            "d_inputs", "d_initial_state", "d_kernel", "d_recurrent_kernel", "d_bias")
WORKLOADS = {"sequence": 0, "training": 3}


class Problem(ctypes.Structure):
    """contender.hpp's."""

    _fields_ = [("workload", ctypes.c_int32), ("is_double", ctypes.c_int32), ("reset_after", ctypes.c_int32),
                ("threads", ctypes.c_int32), *((name, ctypes.c_int64) for name in ("batch", "time", "features", "units")),
                ("isa", ctypes.c_char_p), ("activation", ctypes.c_char_p),
                *((name, ctypes.c_void_p) for name in POINTERS)]


class Cell:
    """A problem with its arrays, those of the library in its own layout."""

    def __init__(self, workload, reset_after, batch, steps, features, units):
        self.workload, self.reset_after = workload, reset_after
        self.batch, self.time, self.features, self.units = batch, steps, features, units
        generator = np.random.default_rng(1)
        self.arrays = {name: generator.uniform(-scale, scale, shape).astype(np.float32) for name, shape, scale in (
            ("kernel", (features, 3 * units), math.sqrt(3 / features)),
            ("recurrent_kernel", (units, 3 * units), math.sqrt(3 / units)),
            ("bias", (2 if reset_after else 1, 3 * units), 0.5),
            ("inputs", (batch, steps, features), 1.0),
            ("initial_state", (batch, units), 0.25),
            ("d_outputs", (batch, steps, units), 0.5),
            ("d_state", (batch, units), 2.0))}
        self.arrays["outputs"] = np.zeros_like(self.arrays["d_outputs"])
        for name in ("kernel", "recurrent_kernel", "bias", "inputs", "initial_state"):
            self.arrays["d_" + name] = np.zeros_like(self.arrays[name])
        self.problem = Problem(WORKLOADS[workload], 0, reset_after, 1, batch, steps, features, units, b"automatic",
                               b"tanh", *(self.arrays[name].ctypes.data for name in POINTERS))

    def label(self):
        return self.workload + ("" if self.reset_after else "_reset_before")

    def name(self):
        return f"{self.label()}/float/B:{self.batch}/T:{self.time}/F:{self.features}/H:{self.units}"

    def time_major(self, name):
        return np.ascontiguousarray(self.arrays[name].swapaxes(0, 1))


class Library:
    """The library and its roof."""

    def __init__(self, path):
        self.functions = ctypes.CDLL(path)
        self.functions.bench_make.argtypes = (ctypes.c_char_p, ctypes.POINTER(Problem), ctypes.c_size_t)
        self.functions.bench_make.restype = ctypes.c_void_p
        self.functions.bench_isa.restype = ctypes.c_char_p
        self.functions.bench_read_passes.argtypes = (ctypes.c_size_t,)
        self.functions.bench_read_passes.restype = self.functions.bench_multiply_adds.restype = ctypes.c_long

    def make(self, what, cell, size=0):
        """A function that runs it; None where there is none."""
        address = self.functions.bench_make(what.encode(), cell.problem, size)
        return ctypes.c_void_p(address) if address else None

    def runner(self, contender):
        run, one = self.functions.bench_run, ctypes.c_long(1)
        return lambda: run(contender, one)


def onnx_model(cell):
    """One GRU node, and its weights as ONNX wants them: (1, 3 units, features), gates z, r, h."""
    onnx = importlib.import_module("onnx")
    bias = np.zeros((2, 3 * cell.units), np.float32)
    bias[: len(cell.arrays["bias"])] = cell.arrays["bias"]
    weights = {"W": cell.arrays["kernel"].T[None], "R": cell.arrays["recurrent_kernel"].T[None],
               "B": bias.reshape(1, -1)}
    node = onnx.helper.make_node("GRU", ["X", "W", "R", "B"], ["Y"], hidden_size=cell.units,
                                 linear_before_reset=int(cell.reset_after))
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [node], "gru", [value("X", 1, [cell.time, cell.batch, cell.features])],
        [value("Y", 1, [cell.time, 1, cell.batch, cell.units])],
        [onnx.numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in weights.items()])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 14)])
    model.ir_version = 8
    return model.SerializeToString()


def make_onnxruntime(cell):
    """Returns a function that runs it and one that gives what it computed; None where the peer does not do the cell."""
    if cell.workload != "sequence":
        return None
    runtime = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = runtime.InferenceSession(onnx_model(cell), options, providers=["CPUExecutionProvider"])
    inputs = runtime.OrtValue.ortvalue_from_numpy(cell.time_major("inputs"))
    outputs = runtime.OrtValue.ortvalue_from_shape_and_type((cell.time, 1, cell.batch, cell.units), np.float32)
    binding = session.io_binding()
    binding.bind_ortvalue_input("X", inputs)
    binding.bind_ortvalue_output("Y", outputs)

    def results():
        return {"outputs": outputs.numpy()[:, 0].swapaxes(0, 1)}

    return (lambda: session.run_with_iobinding(binding)), results


def torch_layer(torch, cell):
    """nn.GRU with the cell's weights: its gates are r, z, n."""
    layer = torch.nn.GRU(cell.features, cell.units)
    order = np.concatenate([np.arange(cell.units) + gate * cell.units for gate in (1, 0, 2)])
    weights = (cell.arrays["kernel"].T, cell.arrays["recurrent_kernel"].T, cell.arrays["bias"][0],
               cell.arrays["bias"][1])
    with torch.no_grad():
        for parameter, values in zip(layer.parameters(), weights):
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(values[order])))
    return layer, order


def make_torch(cell):
    """As make_onnxruntime; nn.GRU is always reset after."""
    if not cell.reset_after:
        return None
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    layer, order = torch_layer(torch, cell)
    inputs = torch.from_numpy(cell.time_major("inputs"))
    last = {}
    if cell.workload == "sequence":
        def run():
            with torch.inference_mode():
                last["outputs"] = layer(inputs)[0]

        return run, lambda: {"outputs": last["outputs"].numpy().swapaxes(0, 1)}

    inputs.requires_grad_()
    initial_state = torch.from_numpy(cell.arrays["initial_state"])[None].requires_grad_()
    d_outputs = torch.from_numpy(cell.time_major("d_outputs"))
    d_state = torch.from_numpy(cell.arrays["d_state"])[None]

    def run_training():
        outputs = layer(inputs, initial_state)
        last["outputs"] = outputs[0]
        last["gradients"] = torch.autograd.grad(outputs, [inputs, initial_state, *layer.parameters()],
                                                (d_outputs, d_state))

    def training_results():
        d_inputs, d_initial_state, *d_weights = (gradient.numpy() for gradient in last["gradients"])
        kernel, recurrent_kernel, bias, recurrent_bias = (gradient[np.argsort(order)] for gradient in d_weights)
        return {"outputs": last["outputs"].detach().numpy().swapaxes(0, 1), "d_inputs": d_inputs.swapaxes(0, 1),
                "d_initial_state": d_initial_state[0], "d_kernel": kernel.T,
                "d_recurrent_kernel": recurrent_kernel.T, "d_bias": np.stack([bias, recurrent_bias])}

    return run_training, training_results


PEERS = {"ONNX Runtime": ("onnxruntime", make_onnxruntime), "PyTorch": ("torch", make_torch)}


def check(peer, cell, received):
    """Ends the program when a peer computes other numbers than the library (problem_data.hpp's tolerance)."""
    for name, values in received.items():
        expected = cell.arrays[name]
        terms = {"outputs": cell.features + cell.units, "d_inputs": 3 * cell.units, "d_initial_state": 3 * cell.units}
        tolerance = 4 * 2**-23 * math.sqrt(terms.get(name, cell.batch * cell.time)) * np.abs(expected).max()
        error = np.abs(values - expected).max()
        if not error <= tolerance:
            raise SystemExit(f"{cell.name()}: {peer}: {name} differs by {error}, more than {tolerance}")


def cpu_time(run, calls):
    start = time.process_time_ns()
    for _ in range(calls):
        run()
    return (time.process_time_ns() - start) / 1e9


def calls_for(run):
    calls = 1
    while True:
        taken = cpu_time(run, calls)
        if taken > SECONDS / 8:
            return max(1, int(SECONDS / taken * calls))
        calls *= 4


def time_all(runners):
    """Microseconds a call of each runner in each round, as compare.hpp."""
    calls = [calls_for(run) for run in runners]
    times = [[] for _ in runners]
    order = list(range(len(runners)))
    for _ in range(ROUNDS):
        random.shuffle(order)
        for i in order:
            if calls[i] > 1:
                runners[i]()
            times[i].append(1e6 * cpu_time(runners[i], calls[i]) / calls[i])
    return times


def spread(values):
    return tuple(np.quantile(values, (0.25, 0.5, 0.75)))


def roof_share(cell, ours, multiply_add, read):
    """measure.hpp's Roof."""
    column = multiply_add * cell.batch * 3 * cell.units
    inputs, recurrent = column * cell.features, column * cell.units
    step = 3 * (inputs + recurrent) if cell.workload == "training" else inputs + np.maximum(recurrent, read)
    return np.median(cell.time * step / np.array(ours))


class Report:
    """report.hpp's lines and files."""

    def __init__(self, folder):
        self.ratios = folder and open(os.path.join(folder, "ratios.csv"), "a", encoding="utf-8")
        self.spreads = folder and open(os.path.join(folder, "spreads.csv"), "a", encoding="utf-8")

    def add(self, cell, isa, peer, ours, theirs, share):
        median, (low, ratio, high) = spread(ours)[1], spread([b / a for a, b in zip(ours, theirs)])
        print(f"   {peer} {ratio:.2f} ({low:.2f}-{high:.2f})", end="", flush=True)
        if not self.ratios:
            return
        print(cell.label(), "float", isa, 1, cell.batch, cell.time, cell.features, cell.units, f"{median:.6g}", peer,
              f"{spread(theirs)[1]:.6g}", f"{ratio:.4g}", share, sep=",", file=self.ratios, flush=True)
        print(cell.name(), isa, peer, *(f"{value:.6g}" for value in (*spread(theirs), low, ratio, high)), sep=",",
              file=self.spreads, flush=True)


def measure(library, cell, peers, report):
    ours = library.make("eigengru", cell)
    library.runner(ours)()
    library.functions.bench_give_results(ours)
    names, runners = [], [library.runner(ours)]
    for name, (_, make) in peers.items():
        made = make(cell)
        if made is None:
            continue
        made[0]()
        check(name, cell, made[1]())
        names.append(name)
        runners.append(made[0])
    size = 12 * cell.units**2
    roof = [library.make("multiply-adds", cell), library.make("read", cell, size)]
    if all(roof):
        runners += [library.runner(contender) for contender in roof]
    times = time_all(runners)
    print(f"{cell.name():54}{spread(times[0])[1] / cell.time:9.3f} us/step", end="")
    share = ""
    if all(roof):
        product = np.array(times[-2]) / library.functions.bench_multiply_adds()
        read = np.array(times[-1]) / library.functions.bench_read_passes(size)
        share = f"{roof_share(cell, times[0], product, read):.4g}"
        print(f"{100 * float(share):5.0f} % of roof", end="")
    isa = library.functions.bench_isa(ours).decode()
    for name, theirs in zip(names, times[1:]):
        report.add(cell, isa, name, times[0], theirs, share)
    print()
    for contender in [ours, *filter(None, roof)]:
        library.functions.bench_delete(contender)


def cells(is_quick):
    """The cells of sequence.cpp and training.cpp."""
    for reset_after in (True, False):
        for units in (64, 256) if is_quick else (64, 128, 256, 512, 1024):
            for batch in (1, 32) if is_quick else (1, 2, 4, 8, 16, 32, 64, 256):
                steps = min(max(int(2e9 / (12 * batch * units**2)), 4), 100)
                yield "sequence", reset_after, batch, steps, units, units
    sizes = ((32, 64, 64), (32, 128, 128), (32, 256, 256), (64, 256, 256), (32, 512, 512))
    for batch, features, units in sizes[:1] if is_quick else sizes:
        yield "training", True, batch, 100, features, units


def available_peers():
    peers = {}
    for name, (module, make) in PEERS.items():
        try:
            print(f"{name} {importlib.import_module(module).__version__}")
            peers[name] = (module, make)
        except ImportError as error:
            print(f"skipped: {name} ({error})")
    return peers


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--filter", default=".")
    parser.add_argument("--csv", default="")
    arguments = parser.parse_args()
    peers = available_peers()
    library, report = Library(arguments.library), Report(arguments.csv)
    for description in cells(arguments.quick) if peers else ():
        workload, reset_after, *_ = description
        if workload == "training" and "PyTorch" not in peers or list(peers) == ["PyTorch"] and not reset_after:
            continue
        cell = Cell(*description)
        if re.search(arguments.filter, cell.name()):
            measure(library, cell, peers, report)


if __name__ == "__main__":
    main()
