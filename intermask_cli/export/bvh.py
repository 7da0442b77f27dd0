"""BVH: one file per person, both in the shared world frame, centimetres, Y up, ZXY Euler angles.

The rest pose is the T-pose of `motion.skeleton` with the person's own bone lengths, facing +Z. The root's
OFFSET is zero, because its position channels give its place.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from intermask_cli.datasets.motion_files.bvh import parse_bvh
from intermask_cli.motion.skeleton import FPS, JOINT_NAMES, PARENTS

_CM_PER_M = 100.0
#: End sites of head, toes and hands, centimetres: the skeleton has no joints there, but readers draw bones.
_END_SITES_CM = {"head": (0.0, 18.0, 0.0), "left_foot": (0.0, 0.0, 6.0), "right_foot": (0.0, 0.0, 6.0),
               "left_wrist": (18.0, 0.0, 0.0), "right_wrist": (-18.0, 0.0, 0.0)}  # fmt: skip


def euler_zxy_from_matrix(matrix: np.ndarray) -> np.ndarray:
    """(T, ..., 3, 3) -> (T, ..., 3) radians z, x, y with R = Rz Rx Ry, continuous along the first axis.

    Of the two Euler solutions of a frame the one nearer to the previous frame is taken, and full turns are
    removed, so a person who turns past 180 degrees does not flip between frames.
    """
    m = matrix
    x = np.arcsin(np.clip(m[..., 2, 1], -1.0, 1.0))
    z = np.arctan2(-m[..., 0, 1], m[..., 1, 1])
    y = np.arctan2(-m[..., 2, 0], m[..., 2, 2])
    near = np.stack([z, x, y], axis=-1)
    far = np.stack([z + np.pi, np.pi - x, y + np.pi], axis=-1)
    result = near.copy()
    for t in range(1, len(result)):
        options = np.stack([near[t], far[t]])  # (2, ..., 3)
        turns = np.rint((options - result[t - 1]) / (2 * np.pi))
        options = options - 2 * np.pi * turns
        distance = np.abs(options - result[t - 1]).sum(-1)  # (2, ...)
        result[t] = np.where((distance[0] <= distance[1])[..., None], options[0], options[1])
    return result


def write_bvh(path: Path, local: np.ndarray, root: np.ndarray, offsets: np.ndarray) -> None:
    """Write one person: local rotations (T, 22, 3, 3), root (T, 3) metres, offsets (22, 3) metres."""
    lines = ["HIERARCHY", *_joint_lines(0, offsets * _CM_PER_M, ""), "MOTION"]
    lines += [f"Frames: {len(root)}", f"Frame Time: {1 / FPS:.8f}"]
    order = _depth_first(0)
    angles = np.rad2deg(euler_zxy_from_matrix(local))[:, order].reshape(len(root), -1)  # (T, 66)
    values = np.concatenate([root * _CM_PER_M, angles], axis=1)
    lines += [" ".join(f"{value:.6f}" for value in row) for row in values]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def _children(joint: int) -> list[int]:
    return [child for child, parent in enumerate(PARENTS) if parent == joint]


def _depth_first(joint: int) -> list[int]:
    return [joint, *(j for child in _children(joint) for j in _depth_first(child))]


def _joint_lines(joint: int, offsets_cm: np.ndarray, indent: str) -> list[str]:
    name, inner = JOINT_NAMES[joint], indent + "  "
    offset = np.zeros(3) if joint == 0 else offsets_cm[joint]
    rotations = "Zrotation Xrotation Yrotation"
    channels = f"6 Xposition Yposition Zposition {rotations}" if joint == 0 else f"3 {rotations}"
    lines = [
        f"{indent}{'ROOT' if joint == 0 else 'JOINT'} {name}",
        f"{indent}{{",
        f"{inner}OFFSET {' '.join(f'{v:.6f}' for v in offset)}",
        f"{inner}CHANNELS {channels}",
    ]
    for child in _children(joint):
        lines += _joint_lines(child, offsets_cm, inner)
    if name in _END_SITES_CM:
        end = " ".join(f"{v:.6f}" for v in _END_SITES_CM[name])
        lines += [f"{inner}End Site", f"{inner}{{", f"{inner}  OFFSET {end}", f"{inner}}}"]
    return [*lines, f"{indent}}}"]


def joints_of_bvh(path: Path) -> np.ndarray:
    """Joint positions (T, 22, 3) in metres of a file written by `write_bvh`."""
    (motion,) = parse_bvh(
        path.read_text(encoding="ascii"), max_frames=10**7
    )  # no limit on files of this package
    return motion.positions()[:, [motion.names.index(name) for name in JOINT_NAMES]] / _CM_PER_M
