"""A body for showing Inter-X results without SMPL-X, whose files only its authors may hand out.

The 22 body joints are our own skeleton's; face and fingers are rough. Rotations and root translation of a
result are the model's; joint positions differ from those of the neutral SMPL-X body by its proportions.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from intermask_cli.motion.body_model import BodyModel
from intermask_cli.motion.skeleton import INTERX_PARENTS, JOINT, PARENTS, REST_OFFSETS

PELVIS_IN_REST = (0.0, -0.35, 0.0)  # SMPL-X puts its origin about this far above the pelvis
_FACE = ((0.0, -0.01, 0.02), (0.032, 0.06, 0.06), (-0.032, 0.06, 0.06))  # jaw, left eye, right eye
#: Index, middle, pinky, ring, thumb: offset of the knuckle from the wrist (left hand), then along the finger.
_FINGERS = (
    ((0.090, 0.0, 0.025), (0.030, 0.0, 0.0)),
    ((0.092, 0.0, 0.002), (0.032, 0.0, 0.0)),
    ((0.078, 0.0, -0.038), (0.022, 0.0, 0.0)),
    ((0.086, 0.0, -0.018), (0.030, 0.0, 0.0)),
    ((0.030, -0.01, 0.030), (0.022, 0.0, 0.018)),
)


@lru_cache(maxsize=1)
def stand_in_body() -> BodyModel:
    """55 joints in Inter-X order."""
    offsets = np.zeros((len(INTERX_PARENTS), 3))
    offsets[: len(PARENTS)] = REST_OFFSETS
    offsets[0] = PELVIS_IN_REST
    offsets[len(PARENTS) : len(PARENTS) + 3] = _FACE
    hand = np.array([part for knuckle, along in _FINGERS for part in (knuckle, along, along)])
    first = len(PARENTS) + 3
    offsets[first : first + 15] = hand
    offsets[first + 15 :] = hand * (-1.0, 1.0, 1.0)
    joints = offsets.copy()
    for joint, parent in enumerate(INTERX_PARENTS):
        if parent >= 0:
            joints[joint] += joints[parent]
    assert INTERX_PARENTS[first] == JOINT["left_wrist"]
    return BodyModel(joints, INTERX_PARENTS)
