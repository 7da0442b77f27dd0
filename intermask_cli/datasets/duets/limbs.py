"""Arms and legs of both bodies by two-bone inverse kinematics, as `motion.inverse_kinematics` on other axes.

Axes: components (`vectors`), bone (upper, lower), person, side (left, right), T.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intermask_cli.datasets.duets.timing import Array
from intermask_cli.datasets.duets.vectors import cross, dot, frame, length, product, unit
from intermask_cli.motion.skeleton import PALM_M, REST_OFFSETS

#: Share of its length that a limb spans at most, and metres by which it spans more than when it is folded.
_STRETCH, _FOLDED_M = 0.9999, 1e-4


#: Joints at the lower ends of the upper and the lower bones of left leg, right leg, left arm, right arm.
_ENDS = np.array([[4, 5, 18, 19], [7, 8, 20, 21]])
#: Hinge axes of these limbs in the rest pose: x for legs, downwards and upwards for arms; (3, 1, 4).
_HINGES = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, -1.0, 1.0], [0.0] * 4])[:, None]
#: Inverse of the frames of bone and hinge in the rest pose (3, 3, 2, 1, 4, 1): bodies differ in lengths only.
_REST = frame(REST_OFFSETS.T[:, _ENDS], _HINGES).swapaxes(0, 1)[..., None, :, None]


@dataclass(frozen=True)
class LimbPair:
    """The bones of both arms, or both legs."""

    lengths: Array  # (2, 2, 2, 1) metres
    beyond: float  # metres from the end of the lower bone to what should be in place: the palm
    rest: Array  # (3, 3, 2, 1, 2, 1) as `_REST`

    @property
    def longest(self) -> Array:
        """Length (2, 2, 1) of the straight limb, in metres."""
        both: Array = self.lengths[0] + self.lengths[1] + self.beyond
        return both


def legs_and_arms(offsets: Array) -> tuple[LimbPair, LimbPair]:
    """The limbs of both bodies with offsets (3, 2, 22, 1)."""
    lengths = length(offsets[:, :, _ENDS]).swapaxes(0, 1)  # (2, 2, 4, 1)
    legs = LimbPair(lengths[:, :, :2], 0.0, _REST[..., :2, :])
    return legs, LimbPair(lengths[:, :, 2:], PALM_M, _REST[..., 2:, :])


def soft_distance(distance: Array, limb: Array, free: float, limit: float) -> Array:
    """Distances smoothly held below `limit` of the limb's length, unchanged up to `free` of it."""
    untouched, margin = free * limb, (limit - free) * limb
    over = np.maximum(distance - untouched, 0.0)
    held: Array = np.minimum(distance, untouched) + margin * (1.0 - np.exp(over / -margin))
    return held


def two_bone_rotations(
    along: Array, distance: Array, pole: Array, limbs: LimbPair
) -> tuple[Array, Array, Array]:
    """The limbs whose ends are `distance` metres along a line.

    along (3, 2, 2, T) is the unit vector from the start of the limb to its end; the hinge is where the pole
    (3, 2, 2, T), which must not be along that line, points to. Returns global rotations (3, 3, 2, 2, 2, T) of
    the bones, and where the hinge and the end of the lower bone are, seen from the start (3, 2, 2, T).
    """
    aside = unit(pole - dot(pole, along) * along)
    upper, lower = limbs.lengths
    first, second = upper, lower + limbs.beyond
    span = np.minimum(np.maximum(distance, np.abs(first - second) + _FOLDED_M), _STRETCH * (first + second))
    # Both bones as unit vectors in the plane of `along` and `aside`.
    ahead, sideways = np.empty((2, 2, *span.shape))
    ahead[0] = (first**2 - second**2 + span**2) / (2.0 * first * span)
    sideways[0] = np.sqrt(1.0 - ahead[0] ** 2)
    share = first / second
    ahead[1], sideways[1] = span / second - share * ahead[0], -share * sideways[0]
    frames = np.empty((3, 3, *ahead.shape))
    frames[:, 1] = cross(aside, along)[:, None]
    along, aside = along[:, None], aside[:, None]
    frames[:, 0] = ahead * along + sideways * aside
    frames[:, 2] = ahead * aside - sideways * along
    hinge = upper * frames[:, 0, 0]
    return product(frames, limbs.rest), hinge, hinge + lower * frames[:, 0, 1]
