"""The way of both bodies over the ground: places, headings and speeds, computed once for all uses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intermask_cli.datasets.duets.timing import Array, rate


@dataclass(frozen=True)
class GroundPath:
    """Curves (2, T) of both persons; metres, radians, seconds."""

    x: Array
    z: Array
    yaw: Array  # heading
    sine: Array  # of the heading
    cosine: Array
    speed: Array  # over the ground
    forward: Array  # speed along the heading
    turning: Array  # radians per second, to the left

    @classmethod
    def of(cls, root: Array, yaw: Array) -> GroundPath:
        """From ground positions x, z (2, T, 2) and headings (2, T)."""
        x, z = (np.ascontiguousarray(root[..., k]) for k in (0, 1))
        sine, cosine = np.sin(yaw), np.cos(yaw)
        across, along = rate(x), rate(z)
        return cls(
            x, z, yaw, sine, cosine, speed=np.hypot(across, along),
            forward=across * sine + along * cosine, turning=rate(yaw),
        )  # fmt: skip
