"""The 22-joint SMPL-like skeleton of every motion here (metres, Y up, rest pose faces +Z, left is +X).

Joint order and tree: docs/reference/data-and-evaluation.md#skeleton. The rest offsets are those of a body
of our own, 1.70 m tall, in T-pose; `scaled_offsets` gives other heights.
"""

from __future__ import annotations

import numpy as np

#: Frames per second of all motion here: both datasets have this rate.
FPS = 30
NUM_JOINTS = 22

JOINT_NAMES: tuple[str, ...] = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle",
    "right_ankle", "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
)  # fmt: skip
PARENTS: tuple[int, ...] = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)
JOINT: dict[str, int] = {name: index for index, name in enumerate(JOINT_NAMES)}

#: Drawing and bone-loss order: right leg, left leg, spine and head, right arm, left arm.
CHAINS: tuple[tuple[int, ...], ...] = (
    (0, 2, 5, 8, 11),
    (0, 1, 4, 7, 10),
    (0, 3, 6, 9, 12, 15),
    (9, 14, 17, 19, 21),
    (9, 13, 16, 18, 20),
)
#: The 21 bones (parent, child) in chain order.
BONES: tuple[tuple[int, int], ...] = tuple(
    (chain[i], chain[i + 1]) for chain in CHAINS for i in range(len(chain) - 1)
)
#: Left ankle, left toe, right ankle, right toe: the order of the four contact flags.
FEET: tuple[int, int, int, int] = (7, 10, 8, 11)
#: Head, wrists and toes: the joints whose rotation no other joint's position shows.
END_JOINTS: tuple[int, ...] = (15, 20, 21, 10, 11)

#: Metres from the wrist to the palm, along the forearm: the skeleton has no hand joint.
PALM_M = 0.09

LEFT: tuple[int, ...] = (1, 4, 7, 10, 13, 16, 18, 20)
RIGHT: tuple[int, ...] = (2, 5, 8, 11, 14, 17, 19, 21)
#: Joint order after exchanging left and right.
MIRROR: tuple[int, ...] = tuple(
    dict(zip(LEFT + RIGHT, RIGHT + LEFT, strict=True)).get(j, j) for j in range(NUM_JOINTS)
)

#: Offset of each joint from its parent in the rest pose (T-pose), metres; row 0 is the root and is zero.
REST_OFFSETS: np.ndarray = np.array(
    [
        [0.0, 0.0, 0.0],
        [0.085, -0.085, 0.0],
        [-0.085, -0.085, 0.0],
        [0.0, 0.110, -0.015],
        [0.015, -0.390, 0.005],
        [-0.015, -0.390, 0.005],
        [0.0, 0.135, 0.005],
        [0.0, -0.395, -0.030],
        [0.0, -0.395, -0.030],
        [0.0, 0.060, 0.010],
        [0.015, -0.060, 0.125],
        [-0.015, -0.060, 0.125],
        [0.0, 0.215, -0.020],
        [0.075, 0.120, -0.010],
        [-0.075, 0.120, -0.010],
        [0.0, 0.090, 0.040],
        [0.105, 0.030, -0.005],
        [-0.105, 0.030, -0.005],
        [0.260, 0.0, -0.010],
        [-0.260, 0.0, -0.010],
        [0.250, 0.0, 0.0],
        [-0.250, 0.0, 0.0],
    ],
    dtype=np.float64,
)
#: Crown of the head above the soles in the rest pose.
REST_HEIGHT_M = 1.70


def scaled_offsets(height_m: float) -> np.ndarray:
    """Rest offsets (22, 3) of a body of the given height, all bones in proportion."""
    return REST_OFFSETS * (height_m / REST_HEIGHT_M)


#: Parents of the 55 SMPL-X joints: 22 body, jaw, eyes, 15 left hand, 15 right hand
#: (docs/reference/data-and-evaluation.md#skeleton).
INTERX_PARENTS: tuple[int, ...] = (
    *PARENTS, 15, 15, 15,
    20, 25, 26, 20, 28, 29, 20, 31, 32, 20, 34, 35, 20, 37, 38,
    21, 40, 41, 21, 43, 44, 21, 46, 47, 21, 49, 50, 21, 52, 53,
)  # fmt: skip
