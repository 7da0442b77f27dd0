"""One set of bone lengths for a person, symmetric and constant over the clip."""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.body.timeline import Timeline
from intermask_cli.motion.kinematics import bone_lengths
from intermask_cli.motion.rotation import normalize
from intermask_cli.motion.skeleton import MIRROR, REST_OFFSETS

#: Direction (21, 3) of every bone in the rest pose.
REST_DIRECTIONS: np.ndarray = normalize(REST_OFFSETS[1:])
#: Index (21,) of the bone on the other side of the body; bones in the middle are their own.
_OTHER_SIDE = np.array(MIRROR[1:]) - 1


def symmetric_lengths(joints: np.ndarray, timeline: Timeline) -> np.ndarray:
    """Joints (F, 22, 3) -> lengths (N, 21) of the bones that end in joints 1..21, metres.

    The median over the frames, which a few badly decoded frames do not move, of both sides together.
    """
    typical = timeline.quantile(bone_lengths(joints), 0.5)
    lengths: np.ndarray = (typical + typical[:, _OTHER_SIDE]) / 2
    return lengths


def rest_offsets(lengths: np.ndarray) -> np.ndarray:
    """Bone lengths (..., 21) -> offsets (..., 22, 3) from the parents in the rest pose; the root's are 0."""
    offsets = np.zeros((*lengths.shape[:-1], 22, 3))
    offsets[..., 1:, :] = lengths[..., None] * REST_DIRECTIONS
    return offsets
