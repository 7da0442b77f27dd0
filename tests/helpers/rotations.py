"""Measures of rotations that only tests need."""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.rotation import axis_angle_from_matrix


def angle_between_matrices(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Geodesic distance (...) in radians between rotations (..., 3, 3)."""
    return np.linalg.norm(axis_angle_from_matrix(np.swapaxes(a, -1, -2) @ b), axis=-1)
