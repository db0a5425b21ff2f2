# SPDX-License-Identifier: MIT
"""Cases of gru_gradients.golden: what the other layer files do not differentiate. Imported by generate_training.py."""

import numpy as np
from generate import Case

UPSTREAM = ("d_sequences", "d_last", "d_state")


class OneSided(Case):
    """A case whose loss depends on one of sequences, last and state; the other coefficients are zero."""

    def __init__(self, name, upstream, **settings):
        self.upstream = upstream
        super().__init__(name, **settings)

    def draw(self, scale):
        super().draw(scale)
        for data in self.calls:
            for key in UPSTREAM:
                if key != self.upstream:
                    data[key] = np.zeros_like(data[key])


def cases():
    """One coefficient at a time under masks and options; one step; sizes at which vector code has several blocks."""
    masks = ("none", "right", "left", "holes", "all_masked_row")
    for upstream in UPSTREAM:
        for number, mask in enumerate(masks):
            for zero in (False, True):
                if zero and mask == "none":
                    continue
                settings = {"mask_kind": mask, "zero_output_for_mask": zero, "initial_state": number % 2 == 0}
                settings |= {"reset_after": (number + zero) % 2 == 0, "go_backwards": number % 3 == 2, "time": 5}
                name = f"gradient.{upstream[2:]}.{mask}{'.zero_output' if zero else ''}"
                yield OneSided(name, upstream, units=3, features=2, **settings)
    for after in (True, False):
        cell = "after" if after else "before"
        one = {"reset_after": after, "time": 1, "mask_kind": "all_masked_row", "units": 3, "features": 2}
        yield Case(f"gradient.one_step.{cell}", initial_state=True, **one)
        yield Case(f"gradient.one_step.backwards.{cell}", go_backwards=True, zero_output_for_mask=True, **one)
        yield OneSided(f"gradient.one_step.last.{cell}", "d_last", zero_output_for_mask=True, **one)
        if after:
            large = {"batch": 9, "time": 7, "features": 17, "units": 33, "mask_kind": "holes"}
            yield Case(f"gradient.large.{cell}", initial_state=True, **large)
        else:
            wide = {"batch": 17, "time": 5, "features": 5, "units": 24, "go_backwards": True}
            yield Case(f"gradient.wide.{cell}", reset_after=False, **wide)
        long = {"reset_after": after, "batch": 2, "time": 40, "features": 3, "units": 9, "mask_kind": "right"}
        yield Case(f"gradient.long.{cell}", **long)
        both = {"dropout": 0.3, "recurrent_dropout": 0.4, "training": True, "batch": 5, "features": 9, "units": 17}
        yield OneSided(f"gradient.dropout.last.{cell}", "d_last", reset_after=after, mask_kind="holes", **both)
        rows = {"activation": "softmax", "recurrent_activation": "softmax", "units": 5, "mask_kind": "holes"}
        yield OneSided(f"gradient.softmax.state.{cell}", "d_state", reset_after=after, initial_state=True, **rows)
        carried = {"stateful": True, "calls": 2, "mask_kind": "right", "zero_output_for_mask": True}
        yield OneSided(f"gradient.stateful.last.{cell}", "d_last", reset_after=after, **carried)
