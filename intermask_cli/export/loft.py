"""Closed surfaces through a row of cross-sections, with the weights that bind their points to joints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from intermask_cli.motion.rotation import normalize


@dataclass(frozen=True)
class SkinnedPart:
    """A closed surface: points (V, 3), triangles (F, 3), weights (V, 22)."""

    points: np.ndarray
    triangles: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class SkinnedRing:
    """A cross-section: points (N, 3) and its weights (22,)."""

    points: np.ndarray
    weights: np.ndarray


def ellipse(
    centre: np.ndarray, u: np.ndarray, v: np.ndarray, radii: tuple[float, float, float], count: int
) -> np.ndarray:
    """Points (count, 3): radius along +-u, along +v, along -v."""
    angles = 2 * np.pi * np.arange(count) / count
    along_u, along_v = np.cos(angles), np.sin(angles)
    depth = np.where(along_v >= 0, radii[1], radii[2]) * along_v
    points: np.ndarray = centre + radii[0] * along_u[:, None] * u + depth[:, None] * v
    return points


def loft(rings: Sequence[SkinnedRing], bulge: float = 0.3) -> SkinnedPart:
    """Rings of N points each, joined and closed by a fan at both ends.

    The middle of an end stands out by `bulge` of the end ring's radius.
    """
    count = len(rings[0].points)
    points = [ring.points for ring in rings]
    weights = [np.repeat(ring.weights[None], count, axis=0) for ring in rings]
    k = np.arange(count)
    after = (k + 1) % count
    triangles = []
    for low in range(0, (len(rings) - 1) * count, count):
        high = low + count
        triangles.append(np.stack([low + k, low + after, high + k], axis=-1))
        triangles.append(np.stack([low + after, high + after, high + k], axis=-1))
    last = (len(rings) - 1) * count
    for ring, inner, first, turn in ((rings[0], rings[1], 0, 1), (rings[-1], rings[-2], last, -1)):
        middle = ring.points.mean(axis=0)
        outward = normalize(middle - inner.points.mean(axis=0))
        reach = np.linalg.norm(ring.points - middle, axis=-1).mean()
        tip = len(rings) * count + (turn < 0)
        points.append((middle + bulge * reach * outward)[None])
        weights.append(ring.weights[None])
        fan = np.stack([np.full(count, tip), first + after, first + k], axis=-1)
        triangles.append(fan[:, ::turn])
    part = SkinnedPart(np.concatenate(points), np.concatenate(triangles), np.concatenate(weights))
    return part if volume(part) > 0 else SkinnedPart(part.points, part.triangles[:, ::-1], part.weights)


def volume(part: SkinnedPart) -> float:
    """Signed volume: positive where triangles face outward."""
    a, b, c = np.moveaxis(part.points[part.triangles] - part.points.mean(axis=0), 1, 0)
    return float((np.cross(a, b) * c).sum() / 6)
