"""Arms and legs: two bones from shoulder to wrist and from hip to ankle, bent to where they were decoded.

Both limbs of a pair are solved at once. Axes: F frames, 2 sides (left, right).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intermask_cli.motion.body.timeline import Timeline
from intermask_cli.motion.body.trunk import turned
from intermask_cli.motion.inverse_kinematics import two_bone_rotations
from intermask_cli.motion.rotation import normalize
from intermask_cli.motion.skeleton import JOINT


@dataclass(frozen=True)
class Limbs:
    """A left and a right limb: joint numbers (2,), and what straight limbs do.

    hinge_axis: (2, 3) rest direction of the hinge axis, upper bone x lower bone when bent.
    """

    upper: np.ndarray
    hinge: np.ndarray
    end: np.ndarray
    hinge_axis: np.ndarray


def _limbs(names: tuple[str, str, str], hinge_axis: tuple[tuple[float, ...], ...]) -> Limbs:
    upper, hinge, end = (np.array([JOINT[f"{side}_{name}"] for side in ("left", "right")]) for name in names)
    return Limbs(upper, hinge, end, np.array(hinge_axis))


ARMS = _limbs(("shoulder", "elbow", "wrist"), ((0.0, -1.0, 0.0), (0.0, 1.0, 0.0)))
LEGS = _limbs(("hip", "knee", "ankle"), ((1.0, 0.0, 0.0), (1.0, 0.0, 0.0)))
#: Sigma in frames of the average that gives a nearly straight limb its side.
_SIDE_SIGMA_FRAMES = 4.0
#: Metres. The side of limbs that bend less comes from their neighbours and from `default` mostly.
_TRUSTED_BEND_M = 0.02
#: Metres: the same for limbs that are taken as they are, where only a straight line shows no side.
_STRAIGHT_BEND_M = 1e-6


def bend_direction(
    limbs: Limbs, joints: np.ndarray, default: np.ndarray, steady: Timeline | None
) -> np.ndarray:
    """Direction (F, 2, 3) in which limbs bend: that of their hinges.

    joints (F, 22, 3); default (F, 2, 3): where straight limbs bend; steady: of the frames, to smooth the
    direction over time, or None to take it as it is.
    """
    upper = joints[:, limbs.upper]
    along = normalize(joints[:, limbs.end] - upper)
    bend = joints[:, limbs.hinge] - upper
    bend = bend - (bend * along).sum(-1, keepdims=True) * along
    if steady is None:
        return normalize(bend + _STRAIGHT_BEND_M * default)
    return normalize(steady.smoothed(bend, _SIDE_SIGMA_FRAMES) + _TRUSTED_BEND_M * default)


def pose_limbs(
    limbs: Limbs, targets: np.ndarray, pole: np.ndarray, offsets: np.ndarray,
    rotations: np.ndarray, positions: np.ndarray, stretch: float = 0.9999,
) -> None:  # fmt: skip
    """Fill global rotations of upper joint and hinge, and positions of hinge and end.

    Args:
        targets: where the ends (F, 2, 3) should be; out of reach they are met in direction only.
        pole: direction (F, 2, 3) the hinges point to.
        offsets: rest offsets (F, 22, 3).
        rotations, positions: (F, 22, 3, 3) and (F, 22, 3); upper joints have their positions.
        stretch: share of its length that a limb spans at most. Nearer to 1 the hinge moves more for noise.
    """
    start, first, second = positions[:, limbs.upper], offsets[:, limbs.hinge], offsets[:, limbs.end]
    upper, lower = two_bone_rotations(start, targets, pole, first, second, 0.0, limbs.hinge_axis, stretch)
    rotations[:, limbs.upper], rotations[:, limbs.hinge] = upper, lower
    positions[:, limbs.hinge] = start + turned(upper, first)
    positions[:, limbs.end] = positions[:, limbs.hinge] + turned(lower, second)
