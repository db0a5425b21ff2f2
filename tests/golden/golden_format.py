# SPDX-License-Identifier: MIT
"""Writer and reader of the .golden format (README.md describes it). NumPy only."""

import numpy as np

MAGIC = b"eigengru-golden 1\n"
CODES = {"f4": "<f4", "f8": "<f8", "u1": "u1"}


class GoldenFile:
    """Collects cases in memory; `save` writes them in order."""

    def __init__(self):
        self.chunks = [MAGIC]
        self.names = []

    def add(self, name, options, arrays):
        """options: dict of str -> printable; arrays: dict of str -> ndarray of f4, f8 or bool/u1."""
        if name in self.names:
            raise ValueError(f"case {name} is there twice")
        self.names.append(name)
        self.chunks.append(f"case {name}\n".encode("ascii"))
        for key, value in options.items():
            self.chunks.append(f"option {key} {format_option(value)}\n".encode("ascii"))
        for key, value in arrays.items():
            self.chunks.append(encode_array(key, value))
        self.chunks.append(b"end\n")

    def save(self, path):
        data = b"".join(self.chunks)
        with open(path, "wb") as file:
            file.write(data)
        return len(data)


def format_option(value):
    """Booleans as true/false, floats so that they read back to the same bits."""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)):
        return repr(float(value))
    text = str(value)
    if "\n" in text or not text:
        raise ValueError(f"an option is one non-empty line, not {text!r}")
    return text


def encode_array(name, value):
    value = np.asarray(value)
    if value.dtype == np.bool_:
        value = value.astype(np.uint8)
    code = {"float32": "f4", "float64": "f8", "uint8": "u1"}[value.dtype.name]
    dims = "".join(f" {d}" for d in value.shape)
    header = f"array {name} {code} {value.ndim}{dims}\n".encode("ascii")
    return header + np.ascontiguousarray(value, dtype=CODES[code]).tobytes() + b"\n"


def load(path):
    """List of (name, options, arrays), for checks in Python."""
    with open(path, "rb") as file:
        data = file.read()
    if not data.startswith(MAGIC):
        raise ValueError(f"{path}: not a golden file")
    position, cases = len(MAGIC), []
    while position < len(data):
        stop = data.index(b"\n", position)
        word, _, rest = data[position:stop].decode("ascii").partition(" ")
        position = stop + 1
        if word == "case":
            cases.append((rest, {}, {}))
        elif word == "option":
            key, _, value = rest.partition(" ")
            cases[-1][1][key] = value
        elif word == "array":
            name, code, _, *dims = rest.split(" ")
            shape = tuple(int(d) for d in dims)
            dtype = np.dtype(CODES[code])
            size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
            cases[-1][2][name] = np.frombuffer(data[position : position + size], dtype).reshape(shape)
            position += size + 1
        elif word != "end":
            raise ValueError(f"{path}: unknown line {word!r}")
    return cases
