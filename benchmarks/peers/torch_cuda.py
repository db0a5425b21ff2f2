#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""PyTorch's nn.GRU on a GPU, in the cells of bench_cudnn: microseconds a call forward, and of a training step.

    torch_cuda.py [--quick] [DEVICE]     "cuda" unless named

Data of the device, float without TF32. Beside the output of bench_cudnn this says what others get from the same GPU.
"""

import sys
import time

WARM_UP, REPEATS, ROUNDS, TIME = 3, 20, 5, 128


def time_of(torch, device, call):
    """The shortest of some rounds of calls, in microseconds a call, as in cudnn.cpp."""
    best = float("inf")
    for repeats in (WARM_UP, *(REPEATS,) * ROUNDS):
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        if torch.device(device).type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, (time.perf_counter() - start) / repeats) if repeats == REPEATS else best
    return 1e6 * best


def measure(torch, device, batch, units):
    layer = torch.nn.GRU(units, units).to(device)
    inputs = torch.randn(TIME, batch, units, device=device, requires_grad=True)
    d_outputs = torch.randn_like(inputs)

    def forward():
        with torch.inference_mode():
            layer(inputs)

    def training():
        torch.autograd.grad(layer(inputs)[0], [inputs, *layer.parameters()], d_outputs)

    return [time_of(torch, device, call) for call in (forward, training)]


def main():
    is_quick = "--quick" in sys.argv
    device = next((argument for argument in sys.argv[1:] if argument != "--quick"), "cuda")
    try:
        import torch
    except ImportError as error:
        print(f"skipped: PyTorch ({error})")
        return
    if torch.device(device).type == "cuda" and not torch.cuda.is_available():
        print(f"skipped: PyTorch {torch.__version__} sees no GPU")
        return
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    print(f"PyTorch {torch.__version__} on {device}, float, microseconds a call")
    print(f"{'B':>5} {'T':>5} {'H':>5} {'forward':>10} {'training':>10}")
    for units in (64, 128, 256, 512, 1024):
        for batch in (1, 16, 64):
            if is_quick and (units != 256 or batch == 1):
                continue
            forward, training = measure(torch, device, batch, units)
            print(f"{batch:5} {TIME:5} {units:5} {forward:10.1f} {training:10.1f}", flush=True)


if __name__ == "__main__":
    main()
