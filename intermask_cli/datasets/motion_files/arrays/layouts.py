"""What an array holds, by its shape: the layouts that motion tools write, as a table.

An axis is written `P` persons (or samples), `T` frames, `J` joints, `3` coordinates, `D` features.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from intermask_cli.datasets.motion_files.arrays.refused_shapes import likely_content
from intermask_cli.datasets.motion_files.limits import MAX_FRAMES, MIN_FRAMES
from intermask_cli.errors import InputError
from intermask_cli.motion.representation import humanml3d, interhuman, interx
from intermask_cli.motion.skeleton import NUM_JOINTS

Content = Literal["joints", "demo", "interx", "interhuman", "raw", "humanml3d", "motion-x", "columns"]

#: Joints of the skeletons whose first 22 are ours, in our order -> what writes them.
JOINT_COUNTS = {
    22: "our joints",
    24: "SMPL",
    45: "SMPL with 21 points of its surface",
    52: "SMPL-H",
    55: "SMPL-X",
    73: "SMPL-H with 21 points of its surface",
    127: "SMPL-X with points of its surface",
    144: "SMPL-X with points of its surface and the contour of the face",
}
#: Columns per frame -> what they are.
FEATURE_COUNTS: dict[int, Content] = {
    interhuman.NUM_FEATURES: "interhuman",
    2 * interhuman.NUM_FEATURES: "interhuman",
    interhuman.RAW_COLUMNS: "raw",
    humanml3d.NUM_FEATURES: "humanml3d",
    322: "motion-x",
    **{3 * joints: "columns" for joints in (22, 24, 52, 55)},
}
#: Order of the axes in which each content occurs; where two fit a shape, the first is taken.
_ORDERS: dict[Content, tuple[str, ...]] = {
    "joints": ("TJ3", "TPJ3", "PTJ3", "J3T", "PJ3T"),
    "demo": ("TJ9", "PTJ9"),
    "interx": ("TRD",),
    "interhuman": ("TD", "TPD", "PTD", "DT", "PDT"),
}
#: Features of any kind lie alike.
_FEATURE_ORDERS = _ORDERS["interhuman"]
#: An axis of persons that follows that of frames has no more than this, since (T, P, ...) of many cannot be
#: distinguished from a batch of T samples.
_MOST_AFTER_FRAMES = 4
#: Persons or samples in one array.
MAX_PERSONS = 256
ACCEPTED = (
    "joints (T, 22, 3), also of SMPL (T, 24, 3), SMPL-H (T, 52, 3) and SMPL-X (T, 55, 3); features of "
    "InterHuman (T, 262), (T, 492) or HumanML3D (T, 263); the published demo's (T, 22, 9); each also "
    "(2, T, ...); Inter-X (T, 56, 6) or (T, 56, 12)"
)


@dataclass(frozen=True)
class Layout:
    """Order of the axes (`PTJ3`) and what the array holds."""

    axes: str
    content: Content

    def arranged(self, array: np.ndarray) -> np.ndarray:
        """The array with its axes in the order P, T, then the others; P is 1 where there is no such axis."""
        if array.ndim != len(self.axes):
            array = array.reshape([length for length in array.shape if length != 1])
        order = sorted(range(len(self.axes)), key=lambda axis: "PTRJ39D".index(self.axes[axis]))
        arranged = np.transpose(array, order)
        return arranged if "P" in self.axes else arranged[None]


def layout_of(shape: tuple[int, ...]) -> Layout:
    """The layout of an array.

    Raises:
        InputError: none fits, with what the shape most likely is; too few or too many frames or persons.
    """
    # Some tools write (263, 1, T) or (1, 1, T, 22, 3).
    squeezed = tuple(length for length in shape if length != 1)
    for candidate in (shape, squeezed):
        for layout in _layouts():
            if _fits(layout, candidate):
                check_length(candidate[layout.axes.index("T")])
                return layout
    raise InputError(f"shape {shape}{likely_content(shape)}; accepted: {ACCEPTED}")


def check_motion_shape(shape: tuple[int, ...]) -> None:
    """Raise InputError unless an array of this shape can be motion."""
    layout_of(shape)


def check_length(frames: int) -> None:
    """Raise InputError unless a motion may have this many frames."""
    if not MIN_FRAMES <= frames <= MAX_FRAMES:
        raise InputError(f"{frames} frames; accepted: {MIN_FRAMES} to {MAX_FRAMES}")


def _layouts() -> Iterator[Layout]:
    for content in ("joints", "demo", "interx"):
        for axes in _ORDERS[content]:
            yield Layout(axes, content)
    for axes in _FEATURE_ORDERS:
        for content in dict.fromkeys(FEATURE_COUNTS.values()):
            yield Layout(axes, content)


def _fits(layout: Layout, shape: tuple[int, ...]) -> bool:
    if len(shape) != len(layout.axes):
        return False
    size = dict(zip(layout.axes, shape, strict=True))
    accepted = {
        "J": (NUM_JOINTS,) if layout.content == "demo" else tuple(JOINT_COUNTS),
        "3": (3,),
        "9": (9,),
        "R": (interx.FEATURE_ROWS,),
        "D": (6, 12)
        if layout.content == "interx"
        else tuple(count for count, content in FEATURE_COUNTS.items() if content == layout.content),
    }
    if any(length not in accepted.get(axis, (length,)) for axis, length in size.items()):
        return False
    persons, frames = size.get("P", 1), size["T"]
    if layout.axes.endswith("T") and frames < MIN_FRAMES:  # (T, 24, 3, 3) are rotation matrices
        return False
    if layout.axes.startswith("TP"):
        return persons <= _MOST_AFTER_FRAMES < frames
    return 1 <= persons <= MAX_PERSONS


def is_joints(shape: tuple[int, ...] | None) -> bool:
    """Whether an array of this shape can be joints and nothing else."""
    if shape is None or math.prod(shape) == 0:
        return False
    return any(_fits(layout, shape) for layout in _layouts() if layout.content == "joints")
