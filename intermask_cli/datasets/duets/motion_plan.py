"""What two bodies should do, frame by frame (`MotionPlan`), and posed trunks to aim hands from (`Trunk`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from intermask_cli.datasets.duets.gait import Flight
from intermask_cli.datasets.duets.rig import Body
from intermask_cli.datasets.duets.timing import Array
from intermask_cli.motion.inverse_kinematics import soft_reach
from intermask_cli.motion.skeleton import JOINT, MIRROR

#: Factors of a vector's coordinates in a mirror at the plane x = 0.
MIRROR_X = np.array([-1.0, 1.0, 1.0])

_CHANNELS = (
    "root", "yaw", "hips_pitch", "hips_roll", "bend", "crouch", "shift", "nod", "gaze", "look", "elbow",
    "jump",
)  # fmt: skip


class Reach(NamedTuple):
    """A palm moves to `target(pose)` with weight (T,): 0 keeps its motion so far, 1 is the target."""

    person: int
    hand: int  # 0 left, 1 right
    weight: Array
    target: Callable[[Trunk], Array]
    bulge: float  # how far the path curves forward, share of its length


class FootLift(NamedTuple):
    """An ankle leaves its step towards `target(pelvis (T, 3), yaw (T,))` with weight (T,).

    `pitch` is the foot's at full weight, radians, positive with the toes down.
    """

    person: int
    foot: int
    weight: Array
    target: Callable[[Array, Array], Array]
    pitch: float


@dataclass
class MotionPlan:
    """Curves over time that a choreography writes; angles in radians, lengths in metres."""

    root: Array  # (2, T, 2) ground position x, z
    yaw: Array  # (2, T) heading
    hips_pitch: Array  # (2, T) pelvis tilted forward
    hips_roll: Array
    bend: Array  # (2, T, 3) spine: forward, to the right, twisted to the left
    crouch: Array  # (2, T) pelvis lowered
    shift: Array  # (2, T, 2) pelvis moved relative to the root: to the left, forward
    nod: Array  # (2, T) head pitched down
    gaze: Array  # (2, T) weight of looking at the partner
    look: Array  # (2, T) head turned to the left, on top of the gaze
    elbow: Array  # (2, T, 2) elbows pushed outward (0 hanging ... 1)
    jump: Array  # (2, T) metres of both feet above the floor
    reaches: list[Reach] = field(default_factory=list)
    lifts: list[FootLift] = field(default_factory=list)
    flights: tuple[list[Flight], list[Flight]] = field(default_factory=lambda: ([], []))

    def until(self, end: int) -> MotionPlan:
        """The plan of the frames before `end`."""
        frames = {name: getattr(self, name)[:, :end] for name in _CHANNELS}
        reaches = [reach._replace(weight=reach.weight[:end]) for reach in self.reaches]
        lifts = [lift._replace(weight=lift.weight[:end]) for lift in self.lifts]
        return replace(self, reaches=reaches, lifts=lifts, **frames)


@dataclass(frozen=True)
class Trunk:
    """The posed trunks of both bodies, from which hand targets are measured; all in the world."""

    positions: dict[int, Array]  # joint -> (3, 2, T)
    sine: Array  # (2, T) of the heading
    cosine: Array
    bodies: tuple[Body, Body]

    @property
    def frames(self) -> int:
        """Number of frames T."""
        return len(self.sine[0])

    @cached_property
    def exchanged(self) -> Trunk:
        """With the roles exchanged."""
        positions = {joint: place[:, ::-1] for joint, place in self.positions.items()}
        return Trunk(positions, self.sine[::-1], self.cosine[::-1], self.bodies[::-1])

    @cached_property
    def mirrored(self) -> Trunk:
        """Mirrored at the plane x = 0."""
        mirror = MIRROR_X[:, None, None]
        positions = {MIRROR[joint]: place * mirror for joint, place in self.positions.items()}
        return Trunk(positions, -self.sine, self.cosine, self.bodies)

    def joint(self, person: int, name: str) -> Array:
        """Position (T, 3) of a trunk joint (pelvis, spine, neck, head, collars, shoulders)."""
        return self.positions[JOINT[name]][:, person].T

    def shoulder(self, person: int, hand: int) -> Array:
        """Position (T, 3) of the shoulder of a hand (0 left, 1 right)."""
        return self.joint(person, ("left_shoulder", "right_shoulder")[hand])

    def offset(self, person: int, left: float | Array, up: float | Array, forward: float | Array) -> Array:
        """World vector (T, 3) of a body-relative one (upright, along the heading), scaled with the body."""
        s, c = self.sine[person], self.cosine[person]
        x, y, z = (value * self.bodies[person].scale for value in (left, up, forward))
        vector = np.empty((3, len(s)))
        vector[0], vector[1], vector[2] = x * c + z * s, y, z * c - x * s
        return vector.T

    def within_reach(self, person: int, hand: int, point: Array) -> Array:
        """The point (T, 3), or a nearer one in the same direction if it is too far for this palm."""
        return soft_reach(self.shoulder(person, hand), point, np.array(self.bodies[person].arm), 0.86, 0.93)

    def between(self, hands: tuple[int, int], drop: float | Array) -> Array:
        """Point (T, 3) both palms can reach: between two shoulders, `drop` metres below (negative: above)."""
        first, second = self.shoulder(0, hands[0]), self.shoulder(1, hands[1])
        arms = np.array([body.arm for body in self.bodies])
        share = arms[0] / arms.sum()
        apart = np.linalg.norm(second - first, axis=-1)
        # The depth that both arms reach with 0.91 of their length.
        most = np.sqrt(np.maximum((0.91 * arms.sum()) ** 2 - apart**2, 0.0)) / 2
        point: Array = first + share * (second - first)
        point[:, 1] -= np.clip(drop, -most, most)
        return point
