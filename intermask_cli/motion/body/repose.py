"""A rigid body brought to changed joints: the same bones, rotations as near as possible to those it had.

Whatever moves joints afterwards (clean-up, another body) ends here, so that joints stay forward kinematics.
Axes: T frames of one person.
"""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.body.limbs import ARMS, LEGS, Limbs, pose_limbs
from intermask_cli.motion.body.trunk import CARRIERS, CHEST, PELVIS, aligned, carrier_rotation
from intermask_cli.motion.kinematics import forward_kinematics, local_from_global
from intermask_cli.motion.rotation import normalize
from intermask_cli.motion.skeleton import FEET, PARENTS

#: The only child of each joint that has one.
_CHILD = {parent: child for child, parent in enumerate(PARENTS) if PARENTS.count(parent) == 1}
#: Directions in the axes of the pelvis and of the chest in which straight knees and elbows bend.
_LIMBS = ((LEGS, PELVIS, np.array([0.0, 0.0, 1.0])), (ARMS, CHEST, np.array([0.0, -1.0, -1.0])))
#: Metres from a hinge to the line between the ends of its limb, below which the direction above is mixed in.
_STRAIGHT_M = 1e-3
_ANKLES, _TOES = np.array(FEET[::2]), np.array(FEET[1::2])


def reposed(local: np.ndarray, offsets: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Local rotations (T, 22, 3, 3) of a body whose joints are as near as its bones allow to the given ones.

    Pelvis and chest fit their three bones, every other joint turns its bone by the shortest way, and arms and
    legs meet wrists and ankles exactly where they reach them. Joints that rigid bones can have are met.

    Args:
        local: rotations (T, 22, 3, 3) that the body had; twists stay as they are here.
        offsets: (22, 3) from the parents in the rest pose, metres.
        joints: (T, 22, 3) metres; the pelvis is met exactly.
    """
    targets = joints.astype(np.float64)
    offsets = np.broadcast_to(offsets, targets.shape)
    rotations = _turned(targets, local, offsets)
    positions = forward_kinematics(local_from_global(rotations), targets[:, PELVIS], offsets)[0]
    for limbs, carrier, bend in _LIMBS:
        pole = _pole(limbs, targets, rotations[:, None, carrier] @ bend)
        pose_limbs(limbs, targets[:, limbs.end], pole, offsets, rotations, positions)
    positions[:, _TOES] = positions[:, _ANKLES] + targets[:, _TOES] - targets[:, _ANKLES]
    return local_from_global(_turned(positions, local, offsets))


def _turned(targets: np.ndarray, local: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Global rotations (T, 22, 3, 3): the local ones, each turned so that its bone points to its target."""
    rotations = np.empty_like(local)
    for joint, parent in enumerate(PARENTS):
        if joint in CARRIERS:
            rotations[:, joint] = carrier_rotation(targets, joint, offsets)
            continue
        rotations[:, joint] = rotations[:, parent] @ local[:, joint]
        if (child := _CHILD.get(joint)) is not None:
            bone = targets[:, child] - targets[:, joint]
            rotations[:, joint] = aligned(rotations[:, joint], offsets[:, child], bone)
    return rotations


def _pole(limbs: Limbs, joints: np.ndarray, straight: np.ndarray) -> np.ndarray:
    """Direction (T, 2, 3) in which limbs of joints (T, 22, 3) bend; straight ones to `straight` (T, 1, 3)."""
    upper, hinge, end = (joints[:, numbers] for numbers in (limbs.upper, limbs.hinge, limbs.end))
    along = normalize(end - upper)
    bend = hinge - upper
    bend = bend - (bend * along).sum(-1, keepdims=True) * along
    trust = np.minimum(np.linalg.norm(bend, axis=-1, keepdims=True) / _STRAIGHT_M, 1)
    return normalize(trust * normalize(bend) + (1 - trust) * straight)
