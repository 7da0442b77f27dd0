"""One set of bone lengths for a person, symmetric and constant over the clip."""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.body.timeline import Timeline
from intermask_cli.motion.rotation import normalize
from intermask_cli.motion.skeleton import JOINT, MIRROR, REST_OFFSETS

#: Direction (21, 3) of every bone in the rest pose.
REST_DIRECTIONS: np.ndarray = normalize(REST_OFFSETS[1:])
#: Index (21,) of the bone on the other side of the body; bones in the middle are their own.
_OTHER_SIDE = np.array(MIRROR[1:]) - 1

#: Metres of the shortest bone: a limb without any length has no direction.
_SHORTEST_M = 1e-4
#: Share of the frames whose span a limb must reach, and the most that its bones grow for it.
_SPAN_SHARE, _MAX_LENGTHENING = 0.9, 1.1


def symmetric_lengths(lengths: np.ndarray, timeline: Timeline) -> np.ndarray:
    """Decoded lengths (F, 21) of the bones that end in joints 1..21 -> lengths (N, 21) of rigid bodies.

    The median over the frames, which a few badly decoded frames do not move, of both sides together.
    """
    typical = timeline.quantile(lengths, 0.5)
    symmetric: np.ndarray = np.maximum((typical + typical[:, _OTHER_SIDE]) / 2, _SHORTEST_M)
    return symmetric


def lengthened_limbs(lengths: np.ndarray, joints: np.ndarray, timeline: Timeline) -> np.ndarray:
    """Lengths (N, 21) whose arms and legs span what they span in nine of ten frames of joints (F, 22, 3).

    Medians of noisy bones are shorter than a stretched limb is.
    """
    longer = lengths.copy()
    for upper, hinge, end in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")):
        sides = ("left", "right")
        start, stop = ([JOINT[f"{side}_{name}"] for side in sides] for name in (upper, end))
        spans = np.linalg.norm(joints[:, stop] - joints[:, start], axis=-1)  # (F, 2)
        span = timeline.quantile(spans, _SPAN_SHARE).mean(axis=-1)  # (N,)
        bones = np.array([JOINT[f"{side}_{name}"] - 1 for name in (hinge, end) for side in sides])
        factor = span / lengths[:, bones[::2]].sum(-1)
        longer[:, bones] *= np.clip(factor, 1.0, _MAX_LENGTHENING)[:, None]
    return longer


def rest_offsets(lengths: np.ndarray) -> np.ndarray:
    """Bone lengths (..., 21) -> offsets (..., 22, 3) from the parents in the rest pose; the root's are 0."""
    offsets = np.zeros((*lengths.shape[:-1], 22, 3))
    offsets[..., 1:, :] = lengths[..., None] * REST_DIRECTIONS
    return offsets
