"""Forward kinematics: local rotations and bone offsets to joint positions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from intermask_cli.motion.skeleton import PARENTS


def forward_kinematics(
    local: np.ndarray, root: np.ndarray, offsets: np.ndarray, parents: Sequence[int] = PARENTS
) -> tuple[np.ndarray, np.ndarray]:
    """Joint positions (..., J, 3) and global rotations (..., J, 3, 3) of a kinematic tree.

    Args:
        local: rotations (..., J, 3, 3) relative to the parent, of joint 0 relative to the world.
        root: position (..., 3) of joint 0.
        offsets: (J, 3) or (..., J, 3) from the parent in the rest pose.
        parents: parent of each joint, before the joint itself; -1 for a root.
    """
    offsets = np.broadcast_to(offsets, (*local.shape[:-2], 3))  # (..., J, 3)
    positions = np.empty(local.shape[:-1], dtype=np.result_type(local, root))
    rotations = np.empty_like(local)
    for joint, parent in enumerate(parents):
        if parent < 0:
            positions[..., joint, :] = root
            rotations[..., joint, :, :] = local[..., joint, :, :]
        else:
            turned = rotations[..., parent, :, :] @ offsets[..., joint, :, None]  # (..., 3, 1)
            positions[..., joint, :] = positions[..., parent, :] + turned[..., 0]
            rotations[..., joint, :, :] = rotations[..., parent, :, :] @ local[..., joint, :, :]
    return positions, rotations


def local_from_global(rotations: np.ndarray, parents: Sequence[int] = PARENTS) -> np.ndarray:
    """Global rotations (..., J, 3, 3) -> rotations relative to the parent, same shape."""
    local = rotations.copy()
    for joint, parent in enumerate(parents):
        if parent >= 0:
            inverse = np.swapaxes(rotations[..., parent, :, :], -1, -2)
            local[..., joint, :, :] = inverse @ rotations[..., joint, :, :]
    return local


def bone_lengths(positions: np.ndarray, parents: Sequence[int] = PARENTS) -> np.ndarray:
    """Joint positions (..., J, 3) -> distances (..., J - 1) of joints 1..J-1 to their parents, metres."""
    bones = positions[..., 1:, :] - np.take(positions, parents[1:], axis=-2)
    lengths: np.ndarray = np.linalg.norm(bones, axis=-1)
    return lengths
