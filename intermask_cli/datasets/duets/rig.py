"""A body: bone offsets of one person, and the personal style of all their motions."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from functools import cached_property

import numpy as np

from intermask_cli.datasets.duets.timing import Array
from intermask_cli.motion.skeleton import PALM_M, REST_HEIGHT_M, scaled_offsets

HEIGHT_RANGE_M = (1.50, 1.95)
#: Largest deviation of a limb from the average proportions, as a share.
_PROPORTION = 0.03
#: Joints whose offsets share one random proportion (left and right alike).
_GROUPS = ((1, 2), (3, 6, 9), (4, 5), (7, 8), (10, 11), (12, 15), (13, 14, 16, 17), (18, 19), (20, 21))
#: Group of the joints 1..21.
_GROUP = np.array([next(k for k, group in enumerate(_GROUPS) if joint in group) for joint in range(1, 22)])


@dataclass(frozen=True)
class Style:
    """How this person stands and moves. Lengths in metres (scaled with the body), angles in radians."""

    stance: float  # half distance between the feet
    stagger: float  # right foot ahead of the left
    toe_out: float
    posture: float  # forward bend of the resting spine
    chin: float  # downward tilt of the resting head
    arm_out: float  # hanging hands away from the hips
    arm_forward: float
    arm_bend: float  # share of the arm length lost to the bent elbow when hanging
    arm_swing: float  # factor on the swing of the arms in walking
    pace: float  # factor on step times
    lift: float  # extra foot clearance
    sway: float  # pelvis shift over the standing foot
    knees: float  # how far bent knees lower a standing body
    idle: float  # factor on idle noise
    reaction_s: float  # reaction delay


_LOWEST_STYLE = Style(
    stance=0.075, stagger=-0.10, toe_out=0.03, posture=-0.05, chin=-0.06, arm_out=0.07, arm_forward=-0.02,
    arm_bend=0.018, arm_swing=0.8, pace=0.9, lift=0.0, sway=0.018, knees=0.0, idle=0.5, reaction_s=0.03,
)  # fmt: skip
_HIGHEST_STYLE = Style(
    stance=0.155, stagger=0.10, toe_out=0.34, posture=0.14, chin=0.12, arm_out=0.15, arm_forward=0.08,
    arm_bend=0.045, arm_swing=1.2, pace=1.1, lift=0.04, sway=0.034, knees=0.007, idle=1.5, reaction_s=0.3,
)  # fmt: skip
#: Lowest and highest value of each field of `Style`, in order.
_STYLE_RANGES = np.array([astuple(_LOWEST_STYLE), astuple(_HIGHEST_STYLE)])


@dataclass(frozen=True)
class Body:
    """Offsets (22, 3) float64, body scale relative to 1.70 m, and style."""

    offsets: Array
    scale: float
    style: Style

    @cached_property
    def arm(self) -> float:
        """Shoulder to palm with the arm straight."""
        return math.hypot(*self.offsets[18]) + math.hypot(*self.offsets[20]) + PALM_M

    @cached_property
    def leg(self) -> float:
        """Hip to ankle with the leg straight."""
        return math.hypot(*self.offsets[4]) + math.hypot(*self.offsets[7])


def random_body(rng: np.random.Generator) -> Body:
    """A random adult between 1.50 and 1.95 m with limb proportions within 3 percent of the average."""
    height = min(max(rng.normal(1.72, 0.09), HEIGHT_RANGE_M[0]), HEIGHT_RANGE_M[1])
    offsets = scaled_offsets(height)
    proportions = 1.0 + rng.uniform(-_PROPORTION, _PROPORTION, len(_GROUPS))
    offsets[1:] *= proportions[_GROUP, None]
    style = Style(*rng.uniform(*_STYLE_RANGES).tolist())
    return Body(offsets, height / REST_HEIGHT_M, style)
