"""Limbs that should meet: what is asked for, and targets moved so that they do.

A decoder places two people a little too far apart or to the side. The partner as a whole is moved by one
small vector, so that the limbs meet when they come nearest, and out of the other's body; arms take up what is
left around the time of the contact.
Axes: T frames of a pair; K pairs of joints that should meet at the same time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from intermask_cli.motion.body.apart import Push, push_apart
from intermask_cli.motion.capsules import BODY
from intermask_cli.motion.curves import minimum_jerk, runs_of_true, smoothed_over_time
from intermask_cli.motion.skeleton import JOINT, PALM_M

#: (Joint of person 0, joint of person 1) that should meet; a wrist stands for its palm.
Touch = tuple[int, int]

#: Wrist -> its elbow.
_ELBOW = {JOINT[f"{side}_wrist"]: JOINT[f"{side}_elbow"] for side in ("left", "right")}
#: Metres from the capsule around a joint within which a palm touches it.
_PALM_TO_BODY_M = 0.06
_RADIUS_M = dict(zip(BODY.children.tolist(), BODY.radii_m.tolist(), strict=True))
#: Metres over the ground that the partner is moved at most. A larger step would change the interaction.
_MAX_SHIFT_M = 0.30
#: Rounds of finding the vector that brings all K pairs together, and of pushing bodies apart.
_ROUNDS = 6
#: Metres that limbs may miss each other by at their nearest: those that are farther apart are not moved.
_MAX_GAP_M = 0.60
#: Metres that bodies may overlap, as those of the procedural corpus do at most: people whose limbs meet the
#: other's trunk, as in a hug, and all others.
_CLOSE_OVERLAP_M, _OVERLAP_M = 0.10, 0.02
#: Metres that the partner is moved out of the other's body at most, sigma in frames of that displacement, and
#: frames before and after that are moved as far.
_MAX_PUSH_M, _PUSH_SIGMA_FRAMES, _PUSH_REACH_FRAMES = 0.5, 6.0, 8
#: Frames from one shift to the next where a clip has phases, at most.
_CHANGE_FRAMES = 30
#: Metres farther apart than at their nearest up to which limbs count as meeting.
_LASTING_M = 0.08
#: Metres that an arm is moved at most to close what the shift leaves.
_MAX_CLOSING_M = 0.25
#: Frames in which arms come together before they meet, and part after it.
_BLEND_FRAMES = 14
#: Sigma in frames of what arms close: they follow the course of the gap, not its noise.
_SIGMA_FRAMES = 2.0


@dataclass(frozen=True)
class ContactWish:
    """Limbs of a pair that should meet in the frames [start, stop); `stop` None is the end of the clip.

    `options` are alternatives, such as the same with left and right exchanged where a text leaves it open;
    each has the touches that happen at the same time. The one whose limbs come nearest is taken.
    """

    options: tuple[tuple[Touch, ...], ...]
    start: int = 0
    stop: int | None = None


@dataclass(frozen=True)
class _Meeting:
    """The touches of a wish that are taken, its frames, the frame in which they are nearest, and the shift
    (3,) of person 1 that brings them together then."""

    touches: tuple[Touch, ...]
    window: slice
    frame: int
    shift: np.ndarray


def touch_point(joints: np.ndarray, joint: int) -> np.ndarray:
    """The point with which a joint touches: joints (..., 22, 3) -> (..., 3); of wrists the palm beyond."""
    point: np.ndarray = joints[..., joint, :]
    if joint in _ELBOW:
        along = point - joints[..., _ELBOW[joint], :]
        point = point + along * (PALM_M / np.maximum(np.linalg.norm(along, axis=-1, keepdims=True), 1e-9))
    return point


def moved_to_meet(pair: np.ndarray, wishes: Sequence[ContactWish], free: tuple[bool, bool]) -> np.ndarray:
    """Joints (2, T, 22, 3) with the partner and arms moved so that limbs meet as wished, and bodies do not.

    free: the persons that may be moved. Person 1 is the partner, or person 0 if person 1 is not free. Of arms
    only elbows and wrists are moved, without regard to the lengths of bones.
    """
    if not any(free):
        return pair
    meetings = [meeting for wish in wishes if (meeting := _meeting(pair, wish)) is not None]
    moved = pair.copy()
    partner, sign = (1, 1.0) if free[1] else (0, -1.0)
    if meetings:
        moved[partner] += sign * _shift_path(meetings, pair.shape[1])[:, None]
    at_trunk = any(not set(touch) <= set(_ELBOW) for m in meetings for touch in m.touches)
    push = Push(
        shares=(0.0, 1.0) if partner == 1 else (-1.0, 0.0),
        most_m=_MAX_PUSH_M,
        allowed_m=_CLOSE_OVERLAP_M if at_trunk else _OVERLAP_M,
        sigma_frames=_PUSH_SIGMA_FRAMES,
        reach_frames=_PUSH_REACH_FRAMES,
        rounds=_ROUNDS,
        turn_sigma_frames=_PUSH_SIGMA_FRAMES,
    )
    moved[partner] += push_apart(moved, push)[partner][:, None]
    for meeting in meetings:
        _close(moved, meeting, free)
    return moved


def _missing(gap: np.ndarray, touch: Touch) -> np.ndarray:
    """What a gap (..., 3) between the points of two limbs lacks for them to touch: a shorter vector."""
    bodies = [_RADIUS_M[joint] + _PALM_TO_BODY_M for joint in touch if joint not in _ELBOW]
    distance = np.linalg.norm(gap, axis=-1, keepdims=True)
    missing: np.ndarray = gap * (np.maximum(distance - sum(bodies), 0.0) / np.maximum(distance, 1e-9))
    return missing


def _gaps(pair: np.ndarray, touches: Sequence[Touch]) -> np.ndarray:
    """Vectors (K, T, 3) from the limb of person 1 to that of person 0."""
    return np.stack([touch_point(pair[0], a) - touch_point(pair[1], b) for a, b in touches])


def _meeting(pair: np.ndarray, wish: ContactWish) -> _Meeting | None:
    """The option whose limbs come nearest in the frames of the wish; None if none comes near."""
    frames = pair.shape[1]
    window = slice(wish.start, frames if wish.stop is None else min(wish.stop, frames))
    if window.stop <= window.start:
        return None
    best, nearest = None, _MAX_GAP_M
    for touches in wish.options:
        gaps = _gaps(pair[:, window], touches)
        missing = np.stack([_missing(gap, touch) for gap, touch in zip(gaps, touches, strict=True)])
        score = np.sqrt(np.square(missing).sum(-1).mean(axis=0))  # (T,)
        frame = int(score.argmin())
        if score[frame] < nearest:
            nearest = float(score[frame])
            shift = _shift(gaps[:, frame], touches)
            best = _Meeting(touches, window, wish.start + frame, shift)
    return best


def _shift(gaps: np.ndarray, touches: Sequence[Touch]) -> np.ndarray:
    """The displacement (3,) of person 1 over the ground that closes gaps (K, 3) best."""
    shift = np.zeros(3)
    for _ in range(_ROUNDS):
        missing = [_missing(gap - shift, touch) for gap, touch in zip(gaps, touches, strict=True)]
        shift += np.mean(missing, axis=0) * (1.0, 0.0, 1.0)
    return shift * min(1.0, _MAX_SHIFT_M / max(float(np.linalg.norm(shift)), 1e-9))


def _shift_path(meetings: Sequence[_Meeting], frames: int) -> np.ndarray:
    """Shift (T, 3) of person 1: constant, or from that of each meeting to that of the next."""
    ordered = sorted(meetings, key=lambda meeting: meeting.frame)
    path = np.repeat(ordered[0].shift[None], frames, axis=0)
    for earlier, later in pairwise(ordered):
        middle, span = (earlier.frame + later.frame) / 2, min(later.frame - earlier.frame, _CHANGE_FRAMES)
        share = minimum_jerk((np.arange(frames) - middle) / max(span, 1) + 0.5)
        path += share[:, None] * (later.shift - earlier.shift)
    return path


def _close(pair: np.ndarray, meeting: _Meeting, free: tuple[bool, bool]) -> None:
    """Move arms of joints (2, T, 22, 3), in place, so that limbs meet whenever they are at their nearest."""
    for touch in meeting.touches:
        arms = [person for person in (0, 1) if free[person] and touch[person] in _ELBOW]
        for _ in range(2 if arms else 0):  # the forearm turns, which moves the palm: again
            missing = _missing(_gaps(pair, [touch])[0], touch)  # (T, 3)
            closing = _around_the_nearest(missing, meeting.window) / len(arms)
            for person in arms:
                towards = -closing if person == 0 else closing
                wrist = touch[person]
                pair[person][:, wrist] += towards
                pair[person][:, _ELBOW[wrist]] += towards / 2


def _around_the_nearest(missing: np.ndarray, window: slice) -> np.ndarray:
    """The part (T, 3) of what is missing between two limbs (T, 3) that is to be closed.

    All of it while the limbs are about as near as they ever are, none of it long before and after.
    """
    distance = np.linalg.norm(missing, axis=-1)
    frames = np.arange(len(distance))
    near = np.zeros(len(distance), dtype=bool)
    near[window] = distance[window] <= distance[window].min() + _LASTING_M
    total, weights = np.zeros_like(missing), np.zeros((len(missing), 1))
    for start, stop in runs_of_true(near):
        rise = minimum_jerk((frames - start) / _BLEND_FRAMES + 1)
        fall = minimum_jerk((stop - 1 - frames) / _BLEND_FRAMES + 1)
        weight = (rise * fall)[:, None]
        total += weight * missing[np.clip(frames, start, stop - 1)]
        weights += weight
    closing = smoothed_over_time(total / np.maximum(weights, 1.0), _SIGMA_FRAMES)
    size = np.linalg.norm(closing, axis=-1, keepdims=True)
    limited: np.ndarray = closing * np.minimum(1.0, _MAX_CLOSING_M / np.maximum(size, 1e-9))
    return limited
