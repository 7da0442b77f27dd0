"""Projection of a pair onto a picture: cameras, and the outlines of two figures. NumPy only.

The colours (Okabe-Ito blue and vermilion) are distinct for colour-blind people. Right limbs are drawn darker
than left ones, so that the sides can be distinguished.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intermask_cli.errors import InputError
from intermask_cli.export.pictures.figure import PARTS, RADII_M, figure_ends, figure_widths

PERSON_COLOURS = ("#0072B2", "#D55E00")
#: Of each person by tone: the colour of a part and that of its lit side.
_TONES = (
    {"trunk": ("#0a72b0", "#2b8fcb"), "left": ("#2a86c0", "#55a9dd"), "right": ("#05547f", "#1c74a5"),
     "face": ("#062033", "#0d3350")},
    {"trunk": ("#cf5c05", "#ea7d2a"), "left": ("#e0782a", "#f6a05c"), "right": ("#a04400", "#c2641c"),
     "face": ("#331500", "#572600")},
)  # fmt: skip
#: Elevation of a camera that looks down a little, radians: the floor is seen as a plane.
DOWNWARD_RAD = 0.22
#: Radians away from the exact side, so that limbs of one side do not hide those of the other.
_SIDE_TURN_RAD = np.deg2rad(20.0)
#: Points of an outline around each end of a part.
_ARC = 9
#: The lit side of a part: share of its radius, and how far it is moved to the upper left, in radii.
_LIT_SIZE, _LIT_SHIFT = 0.62, 0.24
#: Metres by which eyes and nose are drawn nearer than they are, so that the head never hides them.
_FACE_NEARER_M = 0.06


@dataclass(frozen=True)
class Camera:
    """Orthographic camera circling the Y axis: azimuth 0 looks along -Z, elevation looks down (radians)."""

    azimuth_rad: float
    elevation_rad: float = DOWNWARD_RAD

    @property
    def towards_eye(self) -> np.ndarray:
        """Unit vector (3,) from the scene to the camera."""
        c, s = np.cos(self.azimuth_rad), np.sin(self.azimuth_rad)
        ce, se = np.cos(self.elevation_rad), np.sin(self.elevation_rad)
        return np.array([ce * s, se, ce * c])

    def project(self, points: np.ndarray) -> np.ndarray:
        """World (..., 3) metres -> (..., 3): right, up, depth (larger is nearer), metres."""
        c, s = np.cos(self.azimuth_rad), np.sin(self.azimuth_rad)
        right = c * points[..., 0] - s * points[..., 2]
        forward = s * points[..., 0] + c * points[..., 2]
        ce, se = np.cos(self.elevation_rad), np.sin(self.elevation_rad)
        up = ce * points[..., 1] - se * forward
        depth = se * points[..., 1] + ce * forward
        return np.stack([right, up, depth], axis=-1)


@dataclass(frozen=True)
class View:
    """From where a pair is seen, relative to the line from person 1 to person 2.

    Attributes:
        azimuth_rad: 0 shows person 1 left and person 2 right; a quarter turn looks from behind person 2.
        elevation_rad: how far the camera looks down, or None for the picture's own.
    """

    azimuth_rad: float = _SIDE_TURN_RAD
    elevation_rad: float | None = None

    def camera(self, joints: np.ndarray, elevation_rad: float = DOWNWARD_RAD) -> Camera:
        """The camera for a pair (2, T, 22, 3); `elevation_rad` where the view has none."""
        between = (joints[1, :, 0] - joints[0, :, 0])[:, [0, 2]].mean(0)
        if np.linalg.norm(between) < 0.05:
            between = np.array([1.0, 0.0])
        turn = float(np.arctan2(-between[1], between[0])) + self.azimuth_rad
        return Camera(turn, elevation_rad if self.elevation_rad is None else self.elevation_rad)


SIDE = View()
#: Named views of `--camera`.
VIEWS = {
    "side": SIDE,
    "back": View(np.pi - _SIDE_TURN_RAD),
    "behind-1": View(-np.pi / 2 + _SIDE_TURN_RAD),
    "behind-2": View(np.pi / 2 - _SIDE_TURN_RAD),
    "top": View(0.0, np.pi / 2),
}


def parse_view(text: str) -> View:
    """A named view, or "AZIMUTH,ELEVATION" in degrees.

    Raises:
        InputError: another text, or an elevation outside 0 to 90 degrees.
    """
    if text in VIEWS:
        return VIEWS[text]
    try:
        azimuth, elevation = (float(part) for part in text.split(","))
    except ValueError:
        azimuth = elevation = np.nan
    if not (np.isfinite(azimuth) and 0 <= elevation <= 90):
        raise InputError(
            f"--camera {text}: accepted are {', '.join(VIEWS)}, or AZIMUTH,ELEVATION in degrees such as "
            "30,15 (azimuth 0 shows the pair from the side, elevation 0 to 90)"
        )
    return View(np.deg2rad(azimuth), np.deg2rad(elevation))


@dataclass(frozen=True)
class Outlines:
    """Two figures as polygons, for every frame from back to front.

    Attributes:
        polygons: (T, S, points, 2): right and up, metres; of each part its outline, then its lit side.
        parts: (T, S): index of the colour of each polygon in `COLOURS`.
    """

    polygons: np.ndarray
    parts: np.ndarray


#: Colours of the polygons: of both persons and all parts, the outline's and then the lit side's.
COLOURS = tuple(colour for tones in _TONES for part in PARTS for colour in tones[part.tone])
#: Which of `COLOURS` belong to an outline; a lit side has no edge of its own.
IS_OUTLINE = np.arange(len(COLOURS)) % 2 == 0


def outlines(joints: np.ndarray, camera: Camera) -> Outlines:
    """Outlines of a pair (2, T, 22, 3), metres."""
    joints = np.swapaxes(joints, 0, 1)  # (T, 2, 22, 3)
    ends = figure_ends(joints)  # (T, 2, K, 2, 3)
    seen = camera.project(ends)
    radii = RADII_M * _widened(ends, figure_widths(joints), camera)[..., None]  # (T, 2, K, 2)
    lit = seen[..., :2] + _LIT_SHIFT * radii[..., None] * np.array([-1.0, 1.0])
    hulls = np.stack([_hulls(seen[..., :2], radii), _hulls(lit, _LIT_SIZE * radii)], axis=3)
    nearer = np.array([_FACE_NEARER_M if part.tone == "face" else 0.0 for part in PARTS])
    depth = (seen[..., 2].mean(-1) + nearer).reshape(len(joints), -1)  # (T, 2 K)
    order = np.argsort(depth, axis=1, kind="stable")
    hulls = hulls.reshape(len(joints), 2 * len(PARTS), 2, -1, 2)
    sorted_hulls = np.take_along_axis(hulls, order[:, :, None, None, None], axis=1)
    parts = 2 * order[..., None] + np.arange(2)  # (T, 2 K, 2)
    return Outlines(sorted_hulls.reshape(len(joints), -1, hulls.shape[-2], 2), parts.reshape(len(joints), -1))


def _widened(ends: np.ndarray, widths: np.ndarray, camera: Camera) -> np.ndarray:
    """How many times its radius each part (..., K) is wide as seen: flat parts turn their side to the eye."""
    side = np.cross(ends[..., 1, :] - ends[..., 0, :], camera.towards_eye)  # (..., K, 3)
    side = side / np.maximum(np.linalg.norm(side, axis=-1, keepdims=True), 1e-9)
    widened: np.ndarray = np.sqrt(1.0 + (side * widths).sum(-1) ** 2)
    return widened


def _hulls(ends: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Hulls (..., points, 2) of two circles each: centres (..., 2, 2) and radii (..., 2)."""
    along = ends[..., 1, :] - ends[..., 0, :]
    span = np.linalg.norm(along, axis=-1)
    direction = np.arctan2(along[..., 1], along[..., 0])[..., None]  # (..., 1)
    cosine = (radii[..., 0] - radii[..., 1]) / np.maximum(span, 1e-9)
    opening = np.arccos(np.clip(cosine, -1.0, 1.0))[..., None]
    share = np.linspace(0.0, 1.0, _ARC)
    start = direction + opening + share * 2 * (np.pi - opening)  # (..., ARC)
    end = direction - opening + share * 2 * opening
    angles = np.stack([start, end], axis=-2)  # (..., 2, ARC)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    points = ends[..., None, :] + radii[..., None, None] * circle
    hulls: np.ndarray = points.reshape(*points.shape[:-3], 2 * _ARC, 2)
    return hulls
