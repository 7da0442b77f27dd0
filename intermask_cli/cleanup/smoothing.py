"""Zero-phase smoothing over time (Savitzky and Golay 1964): peaks keep their place, bones their length."""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.curves import savitzky_golay
from intermask_cli.motion.rotation import matrix_from_sixd_columns, normalize, sixd_columns_from_matrix
from intermask_cli.motion.skeleton import PARENTS


def smooth_motion(
    joints: np.ndarray, rotations6d: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """One person, joints (T, 22, 3) and rotations (T, 21, 6) `sixd_columns` or None -> both smoothed.

    The root, the directions of bones and their lengths are smoothed, so rigid bones stay rigid.
    """
    root = savitzky_golay(joints[:, 0].astype(np.float64))
    bones = joints[:, 1:].astype(np.float64) - joints[:, np.array(PARENTS[1:])]  # (T, 21, 3)
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
