"""Joints of an SMPL-X body: the user's own `SMPLX_NEUTRAL.npz`, or a stand-in body that may be shipped.

Pose blend shapes do not move joints, so the rest joints and the tree are all that is needed
(docs/reference/data-and-evaluation.md#smpl-x-body).
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from intermask_cli.errors import InputError, MissingError
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.rotation import matrix_from_axis_angle
from intermask_cli.motion.skeleton import INTERX_PARENTS, JOINT, PARENTS, REST_OFFSETS

#: Pelvis in the rest pose, metres: SMPL-X puts its origin about 0.35 m above it.
PELVIS_IN_REST = (0.0, -0.35, 0.0)
#: Offsets of jaw, left eye and right eye from the head, metres: estimates, for drawing only.
_FACE = ((0.0, -0.01, 0.02), (0.032, 0.06, 0.06), (-0.032, 0.06, 0.06))
#: Left index, middle, pinky, ring and thumb, metres: the knuckle's offset from the wrist, then the offset
#: between joints of the finger. Estimates, for drawing only.
_FINGERS = (
    ((0.090, 0.0, 0.025), (0.030, 0.0, 0.0)),
    ((0.092, 0.0, 0.002), (0.032, 0.0, 0.0)),
    ((0.078, 0.0, -0.038), (0.022, 0.0, 0.0)),
    ((0.086, 0.0, -0.018), (0.030, 0.0, 0.0)),
    ((0.030, -0.01, 0.030), (0.022, 0.0, 0.018)),
)


@dataclass(frozen=True, eq=False)
class BodyModel:
    """Rest joints (J, 3) metres of the neutral mean shape, and the parent of each joint (-1: root)."""

    rest_joints: np.ndarray
    parents: tuple[int, ...]

    @classmethod
    def load(cls, path: Path) -> BodyModel:
        """Read the `.npz` file as distributed; arrays that need pickle are never opened.

        Raises:
            MissingError: the file does not exist.
            InputError: the file does not hold a body model.
        """
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
        """Axis-angle rotations (..., J, 3) and root translation (..., 3) -> joints (..., J, 3), metres."""
        offsets = self.rest_joints.copy()
        offsets[1:] -= self.rest_joints[list(self.parents[1:])]
        local = matrix_from_axis_angle(axis_angle)  # (..., J, 3, 3)
        positions, _ = forward_kinematics(local, translation + self.rest_joints[0], offsets, self.parents)
        return positions


@lru_cache(maxsize=1)
def stand_in_body() -> BodyModel:
    """55 joints in Inter-X order: Inter-X results can be shown without SMPL-X, which may not be shipped.

    The 22 body joints are those of `motion.skeleton`; face and fingers are estimates. Rotations and root
    translation of a result are the model's. Joint positions differ from those of the neutral SMPL-X body as
    the proportions of the two do.
    """
    offsets = np.zeros((len(INTERX_PARENTS), 3))
    offsets[: len(PARENTS)] = REST_OFFSETS
    offsets[0] = PELVIS_IN_REST
    offsets[len(PARENTS) : len(PARENTS) + 3] = _FACE
    hand = np.array([part for knuckle, along in _FINGERS for part in (knuckle, along, along)])  # (15, 3)
    first = len(PARENTS) + 3
    offsets[first : first + 15] = hand
    offsets[first + 15 :] = hand * (-1.0, 1.0, 1.0)
    joints = offsets.copy()
    for joint, parent in enumerate(INTERX_PARENTS):
        if parent >= 0:
            joints[joint] += joints[parent]
    assert INTERX_PARENTS[first] == JOINT["left_wrist"]
    return BodyModel(joints, INTERX_PARENTS)
