# SPDX-License-Identifier: MIT
"""Prints which names Keras accepts for activations, initializers, regularizers and constraints, with their defaults."""

import inspect

import keras


def described(module, name):
    try:
        found = module.get(name)
    except Exception as error:  # what it raises is part of the answer
        return f"{type(error).__name__}: {str(error).split(chr(10))[0]}"
    try:
        config = found.get_config()
    except NotImplementedError:
        return "the base class, not usable"
    return f"{type(found).__name__} {config if config else ''}".strip()


def classes_table(title, module, registry, more):
    """One row for each registered name and for each name that one might expect to work."""
    lines = [f"### {title}", "", "| name | result |", "|---|---|"]
    names = sorted(set(registry) | set(more), key=lambda n: (n.lower(), n))
    return lines + [f"| `{name}` | {described(module, name)} |" for name in names] + [""]


def activations_table(registry):
    lines = ["### Activations", "", "| name | arguments |", "|---|---|"]
    for name, function in sorted(registry.items()):
        alias = "" if function.__name__ == name else f" (alias of {function.__name__})"
        lines.append(f"| `{name}` | `{inspect.signature(function)}`{alias} |")
    return lines + [""]


def tables():
    from keras.src import activations, constraints, initializers, regularizers

    lines = [f"Keras {keras.__version__}", ""]
    lines += activations_table(activations.ALL_OBJECTS_DICT)
    lines += classes_table("Initializers", keras.initializers, initializers.ALL_OBJECTS_DICT, ["eye", "he"])
    lines += classes_table("Regularizers", keras.regularizers, regularizers.ALL_OBJECTS_DICT, ["l1_l2", "orthogonal"])
    lines += classes_table("Constraints", keras.constraints, constraints.ALL_OBJECTS_DICT, ["maxnorm", "nonneg"])
    return "\n".join(lines)
