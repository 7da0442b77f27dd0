"""Stands and steps of one foot as a curve: a spot for each stand, and a path from spot to spot for each step.

A step follows its decoded path as far as it can: its ends join the spots, and a foot that brushes the floor
is lifted. Axes: T frames of one foot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intermask_cli.motion.curves import minimum_jerk, runs_of_true

#: Metres that a foot is lifted for a step: at least, and more for a step of `_LONG_STEP_M`.
_LIFT_M, _LONG_LIFT_M, _LONG_STEP_M = 0.035, 0.09, 0.6
#: Frames at either end of a step over which it joins the decoded path.
_JOIN_FRAMES = 10
#: Shares of a step between which the foot moves over the ground: it is off the floor by then.
_GROUND = (0.08, 0.92)


@dataclass(frozen=True)
class FootPath:
    """Toe joint (T, 3), metres; yaw of the foot (T,), radians; `swing` (T,): 0 on the floor, 1 in the middle
    of a step; `drift` (T,): metres that the foot drifted while it should have stood."""

    toe: np.ndarray
    yaw: np.ndarray
    swing: np.ndarray
    drift: np.ndarray


def foot_path(toe: np.ndarray, yaw: np.ndarray, air: np.ndarray) -> FootPath:
    """Decoded toe (T, 3) and yaw (T,) -> the foot standing and, in the frames of `air` (T,), stepping."""
    frames = len(toe)
    place = np.column_stack([toe, np.unwrap(yaw)])  # (T, 4)
    result, swing, drift = np.empty_like(place), np.zeros(frames), np.zeros(frames)
    for start, stop in runs_of_true(~air):
        result[start:stop] = place[start:stop].mean(axis=0)
        result[start:stop, 1] = 0
        drift[start:stop] = np.ptp(toe[start:stop, (0, 2)], axis=0).max()
    for start, stop in runs_of_true(air):
        # A step that starts or ends with the clip starts or ends as decoded.
        before = result[start - 1] if start > 0 else None
        after = result[stop] if stop < frames else None
        result[start:stop], swing[start:stop] = _step(place[start:stop], before, after)
        drift[start:stop] = max(drift[max(start - 1, 0)], drift[min(stop, frames - 1)])
    return FootPath(result[:, :3], result[:, 3], swing, drift)


def _step(
    decoded: np.ndarray, before: np.ndarray | None, after: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Places (n, 4) of a step (x, height, z, yaw) and its swing (n,), between the stands (4,) around it."""
    frames = len(decoded)
    since, until = np.arange(1, frames + 1), np.arange(frames, 0, -1)
    share = since / (frames + 1)
    bump_share, trust = share, np.ones(frames)
    if before is None:
        bump_share = np.maximum(bump_share, 0.5)
    else:
        trust = trust * minimum_jerk(since / _JOIN_FRAMES)
    if after is None:
        bump_share = np.minimum(bump_share, 0.5)
    else:
        trust = trust * minimum_jerk(until / _JOIN_FRAMES)
    bump = np.square(4 * bump_share * (1 - bump_share))
    origin = decoded[0] if before is None else before
    goal = decoded[-1] if after is None else after
    over = minimum_jerk((share - _GROUND[0]) / (_GROUND[1] - _GROUND[0]))[:, None]
    # How the decoded path differs from a plain step between its ends.
    own = decoded - (decoded[0] + over * (decoded[-1] - decoded[0]))
    places = origin + over * (goal - origin) + trust[:, None] * own
    height = trust * np.maximum(decoded[:, 1], 0)
    way = float(np.linalg.norm(goal[:3] - origin[:3]))
    lift = _LIFT_M + _LONG_LIFT_M * min(way / _LONG_STEP_M, 1.0)
    places[:, 1] = height + bump * max(lift - height.max(), 0.0)
    return places, bump
