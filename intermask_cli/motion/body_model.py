"""Joints of an SMPL-X body from the user's own `SMPLX_NEUTRAL.npz` (data-and-evaluation.md, section 5).

Pose blend shapes do not move joints, so the rest joints and the tree are all that is needed.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from intermask_cli.errors import InputError, MissingError
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.rotation import matrix_from_axis_angle


@dataclass(frozen=True, eq=False)
class BodyModel:
    """Rest joints (J, 3) metres of the neutral mean shape, and the parent of each joint (-1: root)."""

    rest_joints: np.ndarray
    parents: tuple[int, ...]

    @classmethod
    def load(cls, path: Path) -> BodyModel:
        """Read the `.npz` file as distributed; arrays that need pickle are never opened."""
        if not Path(path).is_file():
            raise MissingError(f"{path}: body model not found; get SMPLX_NEUTRAL.npz from its authors")
        try:
            with np.load(path, allow_pickle=False) as archive:
                rest = archive["J_regressor"].astype(np.float64) @ archive["v_template"].astype(np.float64)
                parents = archive["kintree_table"][0].astype(np.int64)
        except (KeyError, ValueError, OSError, EOFError, IndexError, zipfile.BadZipFile) as error:
            raise InputError(f"{path}: not an SMPL-X body model in .npz form ({error})") from error
        # Files differ in how they mark the root: -1, or the same bits as an unsigned integer.
        return cls(rest, (-1, *(int(parent) for parent in parents[1:])))

    def joints(self, axis_angle: np.ndarray, translation: np.ndarray) -> np.ndarray:
        """Local rotations (..., J, 3) and root translation (..., 3) -> joints (..., J, 3), metres."""
        offsets = self.rest_joints.copy()
        offsets[1:] -= self.rest_joints[list(self.parents[1:])]
        local = matrix_from_axis_angle(axis_angle)
        positions, _ = forward_kinematics(local, translation + self.rest_joints[0], offsets, self.parents)
        return positions
