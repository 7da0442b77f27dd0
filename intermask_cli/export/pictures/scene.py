"""Projection of a pair onto a picture: camera, limb segments with depth and width. NumPy only.

The colours (Okabe-Ito blue and vermilion) are distinct for colour-blind people. Right limbs are drawn darker
than left ones, so that the sides can be distinguished.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from intermask_cli.motion.skeleton import BONES, JOINT, LEFT, RIGHT

PERSON_COLOURS = ("#0072B2", "#D55E00")
PERSON_DARK = ("#004C78", "#8E3F00")
PERSON_LIGHT = ("#4DA6DB", "#F39A5A")

#: Lines of the trunk, drawn in addition to the bones: shoulders, hips and flanks.
_EXTRA_SEGMENTS = (
    (JOINT["left_shoulder"], JOINT["right_shoulder"]),
    (JOINT["left_hip"], JOINT["right_hip"]),
    (JOINT["left_shoulder"], JOINT["left_hip"]),
    (JOINT["right_shoulder"], JOINT["right_hip"]),
)
_SEGMENTS = (*BONES, *_EXTRA_SEGMENTS)
_HEAD = JOINT["head"]
#: Radius of the ball that is drawn as head.
HEAD_RADIUS_M = 0.105
#: The head joint is at the base of the skull, so the ball is drawn higher by this share of the neck's length.
_HEAD_SHIFT = 0.6


def _segment_radius(parent: int, child: int) -> float:
    """Limb radius in metres, for drawing only."""
    if child in (JOINT["left_knee"], JOINT["right_knee"]):
        return 0.065
    if child in (JOINT["left_ankle"], JOINT["right_ankle"]):
        return 0.05
    if child in (JOINT["left_elbow"], JOINT["right_elbow"], JOINT["left_wrist"], JOINT["right_wrist"]):
        return 0.038
    if child in (JOINT["left_foot"], JOINT["right_foot"]):
        return 0.04
    return 0.06


_RADII = np.array([_segment_radius(a, b) for a, b in _SEGMENTS])
_SIDES = np.array([1 if b in RIGHT else -1 if b in LEFT and a in LEFT else 0 for a, b in _SEGMENTS])


def drawing_segments() -> list[tuple[int, int, float, int]]:
    """Limbs to draw: (joint, joint, radius in metres, 1 right / -1 left / 0 middle)."""
    return [
        (a, b, float(radius), int(side))
        for (a, b), radius, side in zip(_SEGMENTS, _RADII, _SIDES, strict=True)
    ]


@dataclass(frozen=True)
class Camera:
    """Orthographic camera circling the Y axis: azimuth 0 looks along -Z, elevation looks down (radians)."""

    azimuth_rad: float
    elevation_rad: float = 0.22

    def project(self, points: np.ndarray) -> np.ndarray:
        """World (..., 3) metres -> (..., 3): right, up, depth (larger is nearer), metres."""
        c, s = np.cos(self.azimuth_rad), np.sin(self.azimuth_rad)
        right = c * points[..., 0] - s * points[..., 2]
        forward = s * points[..., 0] + c * points[..., 2]
        ce, se = np.cos(self.elevation_rad), np.sin(self.elevation_rad)
        up = ce * points[..., 1] - se * forward
        depth = se * points[..., 1] + ce * forward
        return np.stack([right, up, depth], axis=-1)


def side_view(joints: np.ndarray) -> Camera:
    """A camera that shows two persons (2, T, 22, 3) side by side.

    It looks across the mean line from one person to the other, turned by 20 degrees for depth.
    """
    between = (joints[1, :, 0] - joints[0, :, 0])[:, [0, 2]].mean(0)
    if np.linalg.norm(between) < 0.05:
        between = np.array([1.0, 0.0])
    return Camera(float(np.arctan2(-between[1], between[0])) + np.deg2rad(20.0))


class Head(NamedTuple):
    """A ball on the picture, metres."""

    right: float
    up: float
    radius: float
    colour: str
    depth: float


@dataclass(frozen=True)
class Drawing:
    """One frame as a picture, back to front.

    Attributes:
        segments: both ends (right, up) of S limbs (S, 2, 2), metres.
        radii: (S,) metres.
        colours: one per limb.
        heads: of the two persons.
        depths: mean depth (S,) of each limb, larger is nearer, metres.
    """

    segments: np.ndarray
    radii: np.ndarray
    colours: list[str]
    heads: list[Head]
    depths: np.ndarray


def draw_frame(joints: np.ndarray, camera: Camera) -> Drawing:
    """Depth-sorted limbs of one frame: joints (2, 22, 3) metres."""
    points = camera.project(joints)  # (2, 22, 3)
    ends = points[:, np.array(_SEGMENTS)]  # (2, S / 2, 2, 3)
    depth = ends[..., 2].mean(-1).reshape(-1)  # (S,)
    order = np.argsort(depth, kind="stable")
    colours = [
        (PERSON_COLOURS, PERSON_DARK, PERSON_LIGHT)[side][person] for person in (0, 1) for side in _SIDES
    ]
    neck = points[:, JOINT["neck"]]
    heads = []
    for person in (0, 1):
        right, up, depth_m = points[person, _HEAD] + _HEAD_SHIFT * (points[person, _HEAD] - neck[person])
        colour = PERSON_COLOURS[person]
        heads.append(Head(float(right), float(up), HEAD_RADIUS_M, colour, float(depth_m)))
    return Drawing(
        segments=ends[..., :2].reshape(-1, 2, 2)[order],
        radii=np.tile(_RADII, 2)[order],
        colours=[colours[i] for i in order],
        heads=sorted(heads, key=lambda head: head.depth),
        depths=depth[order],
    )
