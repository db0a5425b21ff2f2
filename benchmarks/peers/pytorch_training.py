#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""PyTorch's nn.GRU beside the layer: the training steps that bench_training measured, read from its training.csv.

    pytorch_training.py TRAINING_CSV

A step is forward and backward with all gradients, arriving at the outputs of all steps and at the final state; one
thread; the median of repetitions, in CPU time as there. nn.GRU is always reset_after, so that only those rows have a
peer. Needs the PyPI package torch.
"""

import csv
import statistics
import sys
import time

import torch

SECONDS = 2.0
REPETITIONS = 15


def make_step(dtype, batch, features, units, steps):
    """A function that runs one training step."""
    torch.manual_seed(1)
    layer = torch.nn.GRU(features, units, batch_first=True, dtype=dtype)
    inputs = torch.rand(batch, steps, features, dtype=dtype, requires_grad=True)
    initial_state = torch.rand(1, batch, units, dtype=dtype, requires_grad=True)
    d_outputs = torch.rand(batch, steps, units, dtype=dtype)
    d_state = torch.rand(1, batch, units, dtype=dtype)
    sources = [inputs, initial_state, *layer.parameters()]

    def step():
        outputs = layer(inputs, initial_state)
        return torch.autograd.grad(outputs, sources, (d_outputs, d_state))

    return step


def median_time(step):
    """In nanoseconds: of up to REPETITIONS steps, fewer (but 5) where they take longer than SECONDS."""
    for _ in range(2):
        step()
    times = []
    end = time.monotonic() + SECONDS
    while len(times) < REPETITIONS and (len(times) < 5 or time.monotonic() < end):
        start = time.process_time_ns()
        step()
        times.append(time.process_time_ns() - start)
    return statistics.median(times)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    print(f"PyTorch {torch.__version__}, nn.GRU, {torch.backends.cpu.get_cpu_capability()}, one thread")
    with open(sys.argv[1], newline="", encoding="utf-8") as file:
        cells = [row for row in csv.DictReader(file) if row["reset_after"] == "1"]
    if not cells:
        print("No cell with reset_after was measured.")
    for cell in cells:
        batch, features, units, steps = (int(cell[name]) for name in ("B", "F", "H", "T"))
        median = median_time(make_step(getattr(torch, cell["scalar"]), batch, features, units, steps))
        layer = float(cell["layer_ns"])
        name = f"training/{cell['scalar']}/reset_after/B:{batch}/F:{features}/H:{units}"
        print(f"{name:48} torch {median / 1e6:9.3f} ms   layer {layer / 1e6:9.3f} ms   torch / layer "
              f"{median / layer:5.2f}", flush=True)


if __name__ == "__main__":
    main()
