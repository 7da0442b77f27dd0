"""Axes of files: the rotation that turns each up axis to ours, Y."""

from __future__ import annotations

import numpy as np

#: Up axis -> the rows of the rotation that turns it to Y.
_TO_Y_UP = {
    "y": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "z": ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
    "x": ((0, -1, 0), (1, 0, 0), (0, 0, 1)),
    "-y": ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
    "-z": ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
    "-x": ((0, 1, 0), (-1, 0, 0), (0, 0, 1)),
}


def axes_to_y_up(up: str) -> np.ndarray:
    """Rotation (3, 3) from axes in which `up`, such as `z` or `-y`, is up to ours."""
    return np.array(_TO_Y_UP[up], dtype=np.float64)
