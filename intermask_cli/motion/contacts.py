"""Foot contact flags from joint positions (reference data-and-evaluation.md, section 2.1 step 5)."""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.skeleton import FEET

#: Squared displacement to the next frame below which a foot joint is at rest, m^2 (0.95 m/s at 30 fps).
MAX_SQUARED_STEP = 0.001
#: Height below which it is on the floor, metres: ankle, toe, ankle, toe.
MAX_HEIGHT = np.array([0.12, 0.05, 0.12, 0.05])


def foot_contacts(positions: np.ndarray) -> np.ndarray:
    """Joints (..., T, 22, 3), Y up with the floor at 0 -> flags (..., T - 1, 4) bool, order as `FEET`."""
    feet = positions[..., FEET, :]
    step = feet[..., 1:, :, :] - feet[..., :-1, :, :]
    resting = (step * step).sum(-1) < MAX_SQUARED_STEP
    return resting & (feet[..., :-1, :, 1] < MAX_HEIGHT)
