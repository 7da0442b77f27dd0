"""BVH: one file per person, all in the shared world frame, Y up, facing +Z in the rest pose.

The rest pose is the T-pose of `motion.skeleton` with the person's own bone lengths. The root's OFFSET is
zero, because its position channels give its place: readers that add both and readers that let the channels
replace OFFSET agree. The format has no place for the unit; it follows from the height of the body.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from intermask_cli.datasets.motion_files.bvh import parse_bvh
from intermask_cli.datasets.motion_files.units import METRES
from intermask_cli.export.bone_names import BoneNames
from intermask_cli.export.mannequin import leaf_offsets
from intermask_cli.motion.animated_skeleton import AnimatedSkeleton
from intermask_cli.motion.rig import Rig
from intermask_cli.motion.skeleton import FPS, PARENTS

#: Rotation order of the channels; few joints come near the poles of this one (X of 90 degrees).
_ORDER = "ZXY"


def skeleton_of_rig(
    rig: Rig,
    names: BoneNames = BoneNames.intermask,
    metres_per_unit: float = 0.01,
    fps: float = float(FPS),
) -> AnimatedSkeleton:
    """A rig as a skeleton of 22 named joints in the given unit, with end sites at head, hands and toes."""
    scale = 1 / metres_per_unit
    return AnimatedSkeleton(
        names=names.joints,
        parents=PARENTS,
        offsets=rig.offsets * scale,
        rotations=rig.local,
        root=rig.root * scale,
        fps=fps,
        end_sites={joint: offset * scale for joint, offset in leaf_offsets(rig.offsets).items()},
        orders=(_ORDER,) * len(PARENTS),
        metres_per_unit=metres_per_unit,
        up="y",
    )


def write_bvh(path: Path, skeleton: AnimatedSkeleton) -> None:
    """Write any skeleton in its own names, unit, axes, rate and rotation orders.

    Joints without an order get ZXY. Joints have position channels where the skeleton has `translations`.
    """
    orders = [order or _ORDER for order in skeleton.orders or [""] * len(skeleton.names)]
    hierarchy, written = _hierarchy(skeleton, orders)
    lines = ["HIERARCHY", *hierarchy, "MOTION"]
    lines += [f"Frames: {skeleton.frames}", f"Frame Time: {1 / skeleton.fps:.10f}"]
    angles = np.empty((*skeleton.rotations.shape[:2], 3))  # (T, J, 3) degrees
    for order in set(orders):  # all joints of an order at once
        joints = [joint for joint, own in enumerate(orders) if own == order]
        angles[:, joints] = np.degrees(euler_from_matrix(skeleton.rotations[:, joints], order))
    columns = []
    for joint in written:
        if joint == 0:
            columns.append(skeleton.root)
        elif skeleton.translations is not None:
            columns.append(skeleton.translations[:, joint])
        columns.append(angles[:, joint])
    values = np.concatenate(columns, axis=1)
    row = " ".join(["%.6f"] * values.shape[1])
    lines += [row % tuple(frame) for frame in values.tolist()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _hierarchy(skeleton: AnimatedSkeleton, orders: list[str]) -> tuple[list[str], list[int]]:
    """The lines of all joints, and the joints in the order of their channels: children after parents."""
    children: list[list[int]] = [[] for _ in skeleton.names]
    for joint, parent in enumerate(skeleton.parents):
        if parent >= 0:
            children[parent].append(joint)
    lines: list[str] = []
    written: list[int] = []
    stack = [(0, 0, False)]  # joint, depth, whether all below it is written
    while stack:
        joint, depth, done = stack.pop()
        indent = "  " * depth
        if done:
            if joint in skeleton.end_sites:
                end = _numbers(skeleton.end_sites[joint])
                lines += [
                    f"{indent}  End Site",
                    f"{indent}  {{",
                    f"{indent}    OFFSET {end}",
                    f"{indent}  }}",
                ]
            lines.append(f"{indent}}}")
            continue
        channels = [f"{axis}rotation" for axis in orders[joint]]
        if joint == 0 or skeleton.translations is not None:
            channels = ["Xposition", "Yposition", "Zposition", *channels]
        offset = np.zeros(3) if joint == 0 else skeleton.offsets[joint]
        lines += [
            f"{indent}{'ROOT' if joint == 0 else 'JOINT'} {skeleton.names[joint]}",
            f"{indent}{{",
            f"{indent}  OFFSET {_numbers(offset)}",
            f"{indent}  CHANNELS {len(channels)} {' '.join(channels)}",
        ]
        written.append(joint)
        stack.append((joint, depth, True))
        stack += [(child, depth + 1, False) for child in reversed(children[joint])]
    return lines, written


def _numbers(values: np.ndarray) -> str:
    return " ".join(f"{value:.6f}" for value in values)


def euler_from_matrix(matrix: np.ndarray, order: str) -> np.ndarray:
    """(T, ..., 3, 3) -> radians (T, ..., 3) about the axes of `order`, continuous along the first axis.

    The matrix is the product of the three turns in that order; the order has three different axes. Of the
    two solutions of a frame the one nearer to the previous frame is taken, and full turns are removed, so a
    person who turns past 180 degrees does not flip between frames.
    """
    i, j, k = ("XYZ".index(axis) for axis in order)
    sign = 1.0 if (j - i) % 3 == 1 else -1.0
    middle = np.arcsin(np.clip(sign * matrix[..., i, k], -1.0, 1.0))
    first = np.arctan2(-sign * matrix[..., j, k], matrix[..., k, k])
    last = np.arctan2(-sign * matrix[..., i, j], matrix[..., i, i])
    near = np.stack([first, middle, last], axis=-1)
    far = np.stack([first + np.pi, np.pi - middle, last + np.pi], axis=-1)
    result = near.copy()
    for t in range(1, len(result)):
        options = np.stack([near[t], far[t]])  # (2, ..., 3)
        turns = np.rint((options - result[t - 1]) / (2 * np.pi))
        options = options - 2 * np.pi * turns
        distance = np.abs(options - result[t - 1]).sum(-1)  # (2, ...)
        result[t] = np.where((distance[0] <= distance[1])[..., None], options[0], options[1])
    return result


def joints_of_bvh(path: Path, names: BoneNames, units: str) -> np.ndarray:
    """Joints (T, 22, 3) in metres of a file of one person written here in the given names and unit."""
    return read_again(path, names.joints) * METRES[units]


def read_again(path: Path, names: Sequence[str]) -> np.ndarray:
    """Joints (T, J, 3) of these names, in the unit of a file of one person written here."""
    skeletons = parse_bvh(path.read_text(encoding="utf-8"), max_frames=10**7)  # no limit on our own files
    places = {name: one.positions()[:, joint] for one in skeletons for joint, name in enumerate(one.names)}
    return np.stack([places[name] for name in names], axis=1)
