"""The canonical frame of a person, and the way back to the world.

Canonical means: in frame 0 the pelvis is above the origin and the person faces +Z; the floor is y = 0
(docs/reference/data-and-evaluation.md#placement).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from intermask_cli.motion.skeleton import JOINT

#: "person": each person has a floor of their own (published, docs/reference/data-and-evaluation.md#q7: a
#: height difference between the two is lost). "pair": one floor for both, so their relative heights
#: survive.
Floor = Literal["person", "pair"]


@dataclass(frozen=True)
class Frame:
    """Place of a person in the world: yaw (radians, +Z towards +X), origin (x, z) and floor y (metres)."""

    yaw: float
    origin: tuple[float, float]
    floor: float

    def to_canonical(self, positions: np.ndarray) -> np.ndarray:
        """World positions (..., 3) -> canonical positions, same shape and precision."""
        return self.turn_to_canonical(positions - self._shift(positions.dtype))

    def to_world(self, positions: np.ndarray) -> np.ndarray:
        """Canonical positions (..., 3) -> world positions, same shape and precision."""
        world: np.ndarray = self.turn_to_world(positions) + self._shift(positions.dtype)
        return world

    def turn_to_canonical(self, directions: np.ndarray) -> np.ndarray:
        """World directions, e.g. velocities, (..., 3) -> canonical."""
        return turned_about_y(directions, -self.yaw)

    def turn_to_world(self, directions: np.ndarray) -> np.ndarray:
        """Canonical directions (..., 3) -> world."""
        return turned_about_y(directions, self.yaw)

    def _shift(self, dtype: np.dtype) -> np.ndarray:
        return np.array([self.origin[0], self.floor, self.origin[1]], dtype=dtype)


def turned_about_y(vectors: np.ndarray, yaw_rad: float) -> np.ndarray:
    """Vectors (..., 3) turned about +Y; positive yaw turns +Z towards +X."""
    cosine, sine = float(np.cos(yaw_rad)), float(np.sin(yaw_rad))
    turned = np.empty_like(vectors)
    turned[..., 0] = cosine * vectors[..., 0] + sine * vectors[..., 2]
    turned[..., 1] = vectors[..., 1]
    turned[..., 2] = cosine * vectors[..., 2] - sine * vectors[..., 0]
    return turned


def heading(pose: np.ndarray) -> np.ndarray:
    """Yaw (...) in radians that poses (..., 22, 3) face, from the hips; 0 if one is above the other."""
    across = pose[..., JOINT["right_hip"], :] - pose[..., JOINT["left_hip"], :]
    forward_x, forward_z = across[..., 2], -across[..., 0]
    yaw: np.ndarray = np.arctan2(forward_x, forward_z)
    return yaw


def person_frame(positions: np.ndarray) -> Frame:
    """Frame of one person from joints (T, 22, 3): facing and origin of frame 0, lowest joint of the clip."""
    first = positions[0].astype(np.float64)
    return Frame(
        yaw=float(heading(first)),
        origin=(float(first[0, 0]), float(first[0, 2])),
        floor=float(positions[..., 1].min()),
    )


def pair_frames(joints: np.ndarray, canonical: int = 0, floor: Floor = "person") -> tuple[Frame, Frame]:
    """Frames that bring each person of (2, T, 22, 3) into the canonical person's frame.

    Both share the heading and origin of person `canonical` (0 or 1); the floor is each person's own or the
    pair's (`Floor`).
    """
    leader = person_frame(joints[canonical])
    lowest = joints[..., 1].min(axis=(1, 2))
    floors = lowest if floor == "person" else np.full(2, lowest.min())
    first, second = (Frame(leader.yaw, leader.origin, float(height)) for height in floors)
    return first, second
