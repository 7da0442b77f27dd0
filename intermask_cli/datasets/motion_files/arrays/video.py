"""Motion from video: axes and floor of the results that video-to-motion tools write."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from intermask_cli.datasets.motion_files.arrays.smpl import NamedArrays
from intermask_cli.datasets.motion_files.file_motion import FileMotion
from intermask_cli.errors import InputError
from intermask_cli.motion.rotation import matrix_between
from intermask_cli.motion.skeleton import FEET

#: Arrays that SLAHMR's results have and no other file of SMPL parameters has two of.
_SLAHMR = {"track_mask", "floor_plane", "floor_idcs", "world_scale", "cam_R", "intrins", "latent_motion"}
#: Cosine between the floor's normal and the camera's vertical above which the normal is trusted: hardly any
#: camera is tilted by more than 45 degrees.
_TRUSTED_FLOOR = 0.7
_DOWN_IS_Y = np.array([0.0, -1.0, 0.0])
_HALF_TURN = np.array([1.0, -1.0, -1.0])


def is_slahmr(names: Collection[str]) -> bool:
    """Whether a file of SMPL parameters is SLAHMR's `*_world_results.npz`, by the names of its arrays."""
    return len(_SLAHMR & set(names)) >= 2


def slahmr_scene(motion: FileMotion, arrays: NamedArrays) -> FileMotion:
    """SLAHMR's people, whose world has the axes of the first camera (Y down), upright on a floor at 0.

    All are moved together, so that distances between them stay.
    """
    # Half a turn about X first, so that the scene faces the same way whatever the floor's tilt is.
    turn = matrix_between(_vertical(arrays) * _HALF_TURN, -_DOWN_IS_Y) @ np.diag(_HALF_TURN)
    joints = motion.joints @ turn.T
    seen = joints if motion.tracked is None else joints[motion.tracked]
    floor = float(seen[..., list(FEET), 1].min())
    joints = joints - np.array([0.0, floor, 0.0])
    kind = f"SLAHMR scene turned upright, its floor moved from {floor:.2f} m to 0, {motion.kind}"
    return replace(motion, joints=joints, up="y", kind=kind)


def _vertical(arrays: NamedArrays) -> np.ndarray:
    """Unit vector (3,) that points up in the file: the floor's normal where it is given, else minus Y."""

    def check(shape: tuple[int, ...]) -> None:
        if len(shape) not in (1, 2) or shape[-1] not in (3, 4) or 0 in shape or len(shape) * shape[0] > 1000:
            raise InputError(f"shape {shape}; accepted: (planes, 3)")

    if "floor_plane" in arrays.names:
        normal: np.ndarray = np.atleast_2d(arrays.read("floor_plane", check))[0, :3]
        normal = normal / max(float(np.linalg.norm(normal)), 1e-9)
        if abs(float(normal @ _DOWN_IS_Y)) > _TRUSTED_FLOOR:
            return normal if normal @ _DOWN_IS_Y > 0 else -normal
    return _DOWN_IS_Y
