"""One generated pair: what the pipeline hands back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Seam:
    """Where two windows meet: first frame of the overlap, its length, jerk there and elsewhere (m/s^3)."""

    frame: int
    overlap: int
    jerk: float
    typical_jerk: float


@dataclass(frozen=True, eq=False)
class Interaction:
    """Two persons in one world: metres, Y up, 30 fps; person 1 first.

    joints (2, T, J, 3) float32; rotations6d (2, T, 21, 6) float32 `sixd_columns`, as predicted or given,
    None for Inter-X models, which have features (2, T, 56, 6) instead; tokens (2, 5, n) int16, of each window
    without its overlap. given is the person (0 or 1) that was handed in and comes back unchanged, or None.
    """

    joints: np.ndarray
    rotations6d: np.ndarray | None
    tokens: np.ndarray
    text: str
    seed: int | None
    given: int | None = None
    features: np.ndarray | None = None
    seams: tuple[Seam, ...] = ()

    @property
    def frames(self) -> int:
        """T."""
        return int(self.joints.shape[1])
