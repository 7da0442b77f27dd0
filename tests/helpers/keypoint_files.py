"""The arrays the published system writes per person (docs/reference/data-and-evaluation.md#output-files)."""

from __future__ import annotations

import numpy as np

from intermask_cli.cleanup.published import lock_feet
from intermask_cli.motion.curves import smoothed_over_time
from intermask_cli.motion.representation.interhuman import joints_from_features, rotations6d_from_features


def keypoints_from_features(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Denormalised features (T, 262) -> two arrays (T, 22, 9) float64: plain, and with feet locked ("ik").

    Each holds positions (3) smoothed over time and the raw rotation (6, `sixd_columns`; zeros for the root).
    """
    rotations = rotations6d_from_features(features)  # (T, 21, 6)
    rotations = np.concatenate([np.zeros_like(rotations[:, :1]), rotations], axis=1)  # (T, 22, 6)
    plain = smoothed_over_time(joints_from_features(features))
    locked = smoothed_over_time(lock_feet(plain))
    first, second = (
        np.concatenate([joints, rotations], axis=-1).astype(np.float64) for joints in (plain, locked)
    )
    return first, second
