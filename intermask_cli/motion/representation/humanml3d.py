"""HumanML3D's 263 numbers per frame of one person -> joint positions.

=========  ======================================================================
columns    content
=========  ======================================================================
0          turn of the body about Y to the next frame, half the angle in radians
1..2       velocity of the pelvis along X and Z to the next frame, seen from the body
3          height of the pelvis, metres
4..66      joints 1..21, metres, on the floor below the pelvis, seen from the body
67..192    21 rotations as two columns each, of a skeleton of its own
193..258   22 velocities (not used here)
259..262   contacts of the feet (not used here)
=========  ======================================================================

Source: HumanML3D (Guo et al., CVPR 2022), `motion_representation.ipynb`. One frame is lost, since velocities
join two frames.
"""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.rotation import matrix_about_y
from intermask_cli.motion.skeleton import NUM_JOINTS

NUM_FEATURES = 263
#: Frames per second of the features.
FPS = 20.0
_TURN, _VELOCITY, _HEIGHT, _JOINTS, _ROTATIONS = 0, slice(1, 3), 3, slice(4, 67), slice(67, 193)


def joints_from_features(features: np.ndarray) -> np.ndarray:
    """Denormalised features (..., T, 263) -> joints (..., T, 22, 3), Y up, in metres and float64."""
    features = features.astype(np.float64)
    before = np.zeros_like(features[..., :1, :3])  # the first frame has turned and moved by nothing
    steps = np.concatenate([before, features[..., :-1, :3]], axis=-2)  # (..., T, 3)
    # The turn is that of the world as seen from the body, hence the sign.
    facing = matrix_about_y(-2 * np.cumsum(steps[..., _TURN], axis=-1))  # (..., T, 3, 3)
    moves = np.zeros((*steps.shape[:-1], 3))
    moves[..., [0, 2]] = steps[..., _VELOCITY]
    path = np.cumsum((facing @ moves[..., None])[..., 0], axis=-2)  # (..., T, 3)
    local = features[..., _JOINTS].reshape(*features.shape[:-1], NUM_JOINTS - 1, 3)
    joints = np.zeros((*features.shape[:-1], NUM_JOINTS, 3))
    joints[..., 1:, :] = np.einsum("...ij,...kj->...ki", facing, local)
    joints += path[..., None, :]
    joints[..., 0, 1] = features[..., _HEIGHT]
    return joints


def rotation_columns(features: np.ndarray) -> np.ndarray:
    """Features (..., 263) -> both columns of each rotation (..., 21, 2, 3), of length 1 if denormalised."""
    return features[..., _ROTATIONS].reshape(*features.shape[:-1], NUM_JOINTS - 1, 2, 3)
