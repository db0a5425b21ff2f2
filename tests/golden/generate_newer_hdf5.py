# SPDX-License-Identifier: MIT
"""Makes the files of tests/golden/hdf5: weights that Keras saved, copied into the newer forms of HDF5.

With h5py 3.14.0 (HDF5 1.14.6), in an environment outside of the repository:
    python3.11 -m venv ~/h5py && ~/h5py/bin/pip install h5py==3.14.0
    ~/h5py/bin/python tests/golden/generate_newer_hdf5.py

NAME.v108.weights.h5 has a superblock of version 2, NAME.latest.weights.h5 of version 3; NAME.ordered.weights.h5 one of
version 0, and groups of the newer form, which remember the order in which their members were made.
"""

from pathlib import Path

import h5py

GOLDEN = Path(__file__).resolve().parent
NAME = "plain"


def copy(source, target, **options):
    """All groups and data sets, without attributes."""
    for key, item in source.items():
        if isinstance(item, h5py.Group):
            copy(item, target.create_group(key, **options), **options)
        else:
            target.create_dataset(key, data=item[()])


(GOLDEN / "hdf5").mkdir(exist_ok=True)
with h5py.File(GOLDEN / "models" / f"{NAME}.tensorflow.weights.h5") as kept:
    for form, libver, options in [
        ("v108", ("v108", "v108"), {}),
        ("latest", "latest", {}),
        ("ordered", "earliest", {"track_order": True}),
    ]:
        with h5py.File(GOLDEN / "hdf5" / f"{NAME}.{form}.weights.h5", "w", libver=libver, **options) as file:
            copy(kept, file, **options)
