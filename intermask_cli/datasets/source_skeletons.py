"""The group `source` of an item: the given person's own skeleton and animation, as its file held them.

========================  ===============================================================================
offsets (J, 3)            rest translation of each joint to its parent, in the file's unit and axes
rotations (T, J, 4)       local rotations, quaternions w x y z, of the root relative to the world
root (T, 3)               positions of the root
translations (T, J, 3)    translations to the parent in each frame, where joints other than the root move
end_sites (J, 3)          offset of the End Site below a joint; NaN where it has none
parents (J,)              index of each joint's parent; -1 for the root
fps, metres_per_unit, up  attributes: rate, unit and up axis as they were taken
names, orders             attributes: JSON lists of joint names and of rotation orders
========================  ===============================================================================
"""

from __future__ import annotations

import json
from typing import Any

import h5py
import numpy as np

from intermask_cli.datasets.hdf5_arrays import write_array
from intermask_cli.errors import InputError
from intermask_cli.motion.animated_skeleton import AnimatedSkeleton
from intermask_cli.motion.rotation import matrix_from_quaternion_wxyz, quaternion_wxyz_from_matrix

#: Name of the group in an item.
SOURCE = "source"
#: More joints or frames do not occur in motion files that were read: a defence against huge claims.
_MAX_JOINTS, _MAX_NUMBERS = 1000, 100_000_000


def write_source(item: h5py.Group, skeleton: AnimatedSkeleton) -> None:
    """Write the group into the group of an item."""
    group = item.create_group(SOURCE)
    ends = np.full((len(skeleton.names), 3), np.nan)
    for joint, offset in skeleton.end_sites.items():
        ends[joint] = offset
    arrays: dict[str, np.ndarray] = {
        "offsets": skeleton.offsets.astype(np.float64),
        "rotations": quaternion_wxyz_from_matrix(skeleton.rotations).astype(np.float32),
        "root": skeleton.root.astype(np.float64),
        "end_sites": ends,
        "parents": np.asarray(skeleton.parents, np.int32),
    }
    if skeleton.translations is not None:
        arrays["translations"] = skeleton.translations.astype(np.float32)
    for name, array in arrays.items():
        write_array(group, name, array)
    group.attrs["names"] = json.dumps(skeleton.names)
    group.attrs["orders"] = json.dumps(skeleton.orders)
    group.attrs["fps"] = skeleton.fps
    if skeleton.metres_per_unit is not None:
        group.attrs["metres_per_unit"] = skeleton.metres_per_unit
    if skeleton.up is not None:
        group.attrs["up"] = skeleton.up


def read_source(item: h5py.Group) -> AnimatedSkeleton | None:
    """The source of an item, None where it has none.

    Raises:
        InputError: arrays that do not belong together, or of an implausible size.
        KeyError, TypeError, ValueError, OSError: a damaged group.
    """
    if SOURCE not in item:
        return None
    group = item[SOURCE]
    names, orders = (tuple(map(str, json.loads(group.attrs[name]))) for name in ("names", "orders"))
    joints, frames = len(names), group["root"].shape[0]
    shapes = {
        "offsets": (joints, 3),
        "rotations": (frames, joints, 4),
        "root": (frames, 3),
        "end_sites": (joints, 3),
        "parents": (joints,),
        "translations": (frames, joints, 3),
    }
    if not 0 < joints <= _MAX_JOINTS or 4 * frames * joints > _MAX_NUMBERS or len(orders) not in (0, joints):
        raise InputError(f"source claims {frames:,} frames of {joints:,} joints")
    arrays: dict[str, Any] = {}
    for name, shape in shapes.items():
        if name in group:
            if group[name].shape != shape:
                raise InputError(f"source: {name} of shape {group[name].shape}; expected {shape}")
            arrays[name] = group[name][...]
    parents = tuple(map(int, arrays["parents"]))
    if parents[0] != -1 or not all(0 <= parent < joint for joint, parent in enumerate(parents[1:], 1)):
        raise InputError("source: parents do not form a tree")
    ends = arrays["end_sites"]
    translations = arrays.get("translations")
    unit = group.attrs.get("metres_per_unit")
    return AnimatedSkeleton(
        names=names,
        parents=parents,
        offsets=arrays["offsets"],
        rotations=matrix_from_quaternion_wxyz(arrays["rotations"].astype(np.float64)),
        root=arrays["root"],
        fps=float(group.attrs["fps"]),
        end_sites={int(joint): ends[joint] for joint in np.flatnonzero(np.isfinite(ends).all(axis=1))},
        translations=None if translations is None else translations.astype(np.float64),
        orders=orders,
        metres_per_unit=None if unit is None else float(unit),
        up=None if "up" not in group.attrs else str(group.attrs["up"]),
    )
