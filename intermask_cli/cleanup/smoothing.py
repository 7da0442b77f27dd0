"""Zero-phase smoothing over time (Savitzky and Golay 1964): peaks keep their place, bones their length."""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.rotation import matrix_from_sixd_columns, normalize, sixd_columns_from_matrix
from intermask_cli.motion.skeleton import PARENTS

WINDOW_FRAMES, ORDER = 9, 2  # at 30 fps passes movements up to about 5 a second


def savitzky_golay(values: np.ndarray, window: int = WINDOW_FRAMES, order: int = ORDER) -> np.ndarray:
    """Least-squares polynomials over a moving window of axis 0 of (T, ...); the ends take the outermost fits.

    Clips shorter than the window use the largest odd window that fits; below `order` + 2 frames nothing
    changes.
    """
    window = min(window, len(values) - (len(values) + 1) % 2)
    if window < order + 2:
        return values
    half = window // 2
    powers = np.arange(-half, half + 1)[:, None] ** np.arange(order + 1)[None]
    fit = powers @ np.linalg.pinv(powers.astype(np.float64))  # fitted window from values in it
    flat = values.reshape(len(values), -1).astype(np.float64)
    smooth = sum(weight * flat[k : len(flat) - window + 1 + k] for k, weight in enumerate(fit[half]))
    first, last = fit @ flat[:window], fit @ flat[-window:]
    result = np.concatenate([first[:half], np.asarray(smooth), last[half + 1 :]])
    return result.reshape(values.shape).astype(values.dtype)


def smooth_motion(
    joints: np.ndarray, rotations6d: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """One person, joints (T, 22, 3) and rotations (T, 21, 6) `sixd_columns` or None -> both smoothed.

    The root, the directions of bones and their lengths are smoothed, so rigid bones stay rigid.
    """
    root = savitzky_golay(joints[:, 0].astype(np.float64))
    parents = np.array(PARENTS[1:])
    bones = joints[:, 1:].astype(np.float64) - joints[:, parents]
    lengths = np.linalg.norm(bones, axis=-1, keepdims=True)
    directions = normalize(savitzky_golay(normalize(bones)))
    bones = directions * savitzky_golay(lengths)
    smooth = np.empty(joints.shape)
    smooth[:, 0] = root
    for joint, parent in enumerate(PARENTS[1:], start=1):
        smooth[:, joint] = smooth[:, parent] + bones[:, joint - 1]
    if rotations6d is not None:
        turned = savitzky_golay(rotations6d.astype(np.float64))
        rotations6d = sixd_columns_from_matrix(matrix_from_sixd_columns(turned)).astype(rotations6d.dtype)
    return smooth.astype(joints.dtype), rotations6d
