"""Hands that nearly meet brought together, for partners whose hands miss each other by a hand's breadth.

Two palms meet where they come close and move alike: hands that shake, clap or hold on do, hands of people who
pass each other do not. Both arms give way by half, a given person's not at all; bones stay rigid and a palm
out of reach stays on its way. Own method. Axes: P = 2 persons, T frames, 2 = left and right hand.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from intermask_cli.cleanup.rigid_feet import cleaned_pair
from intermask_cli.motion.curves import minimum_jerk, smoothed_over_time
from intermask_cli.motion.inverse_kinematics import ARMS, ELBOWS, SHOULDERS, WRISTS, elbow_side, solve_limb
from intermask_cli.motion.skeleton import PALM_M

#: Palms that never come nearer than this do not meet, metres;
NEAR_M = 0.25
#: nor do those that move faster past each other all the time around their nearest, metres a frame, frames.
ALIKE_M, AROUND_FRAMES = 0.02, 5
#: A meeting lasts while the palms are no farther apart than so much more than at their nearest, metres, or
#: while they are near and move alike: hands that reach past each other come nearest before they hold on.
LASTING_M = 0.06
#: Frames in which hands come together before a meeting and part after it.
BLEND_FRAMES = 8
_DETECT_SIGMA_FRAMES = 2.0
_ROUNDS = 4


class Meeting(NamedTuple):
    """Hands `one` of person 1 and `two` of person 2 (0 left, 1 right), together in frames [start, stop)."""

    one: int
    two: int
    start: int
    stop: int


def palms(joints: np.ndarray) -> np.ndarray:
    """Middle of both palms: joints (..., 22, 3) -> (..., 2, 3)."""
    wrists, along = joints[..., WRISTS, :], joints[..., WRISTS, :] - joints[..., ELBOWS, :]
    return wrists + PALM_M * along / np.maximum(np.linalg.norm(along, axis=-1, keepdims=True), 1e-9)


def meetings(joints: np.ndarray) -> list[Meeting]:
    """Where the hands of a pair (2, T, 22, 3) nearly meet; a hand is in one meeting at a time."""
    hands = np.stack([smoothed_over_time(person, _DETECT_SIGMA_FRAMES) for person in palms(joints)])
    between = hands[0][:, :, None] - hands[1][:, None]  # (T, hand of 1, hand of 2, 3)
    distance = np.linalg.norm(between, axis=-1)
    past = np.linalg.norm(np.gradient(between, axis=0), axis=-1)
    held = (distance < NEAR_M) & (past < ALIKE_M)
    found: list[tuple[float, Meeting]] = []
    for one in range(2):
        for two in range(2):
            for frame in _nearest(distance[:, one, two]):
                around = slice(max(0, frame - AROUND_FRAMES), frame + AROUND_FRAMES + 1)
                if past[around, one, two].min() < ALIKE_M:
                    near = distance[:, one, two] < distance[frame, one, two] + LASTING_M
                    start, stop = _run_around(near | held[:, one, two], frame)
                    found.append((float(distance[frame, one, two]), Meeting(one, two, start, stop)))
    chosen: list[Meeting] = []
    for _, meeting in sorted(found):
        if not any(_same_hand(meeting, other) for other in chosen):
            chosen.append(meeting)
    return sorted(chosen, key=lambda meeting: meeting.start)


def _nearest(distance: np.ndarray) -> list[int]:
    """Frames (T,) where a distance is smallest between two rises, and small."""
    padded = np.pad(distance, 1, constant_values=np.inf)
    lowest = (distance <= padded[:-2]) & (distance < padded[2:]) & (distance < NEAR_M)
    return [int(frame) for frame in np.flatnonzero(lowest)]


def _run_around(flags: np.ndarray, frame: int) -> tuple[int, int]:
    before, after = np.flatnonzero(~flags[:frame]), np.flatnonzero(~flags[frame:])
    return int(before[-1]) + 1 if len(before) else 0, frame + int(after[0]) if len(after) else len(flags)


def _same_hand(meeting: Meeting, other: Meeting) -> bool:
    apart = meeting.start >= other.stop + BLEND_FRAMES or other.start >= meeting.stop + BLEND_FRAMES
    return not apart and (meeting.one == other.one or meeting.two == other.two)


def join_hands(
    joints: np.ndarray, rotations6d: np.ndarray | None, fixed: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """A pair (2, T, 22, 3) whose meeting hands touch, and its rotations (2, T, 21, 6) turned along.

    Rotations are recovered from the joints when not given; person `fixed` (0 or 1) does not move.
    """
    given = joints.astype(np.float64)
    cleaned = given.copy()
    shares = np.array([0.5, 0.5]) if fixed is None else np.where(np.arange(2) == fixed, 0.0, 1.0)
    before = palms(given)
    wanted = np.zeros_like(before)  # displacement of each palm
    for one, two, start, stop in meetings(given):
        frames = np.arange(given.shape[1])
        weight = minimum_jerk((frames - start + BLEND_FRAMES) / BLEND_FRAMES)
        weight = (weight * minimum_jerk((stop - 1 + BLEND_FRAMES - frames) / BLEND_FRAMES))[:, None]
        gap = before[1][:, two] - before[0][:, one]
        for person, hand, way in ((0, one, gap), (1, two, -gap)):
            move = weight * shares[person] * way
            larger = np.linalg.norm(move, axis=-1) > np.linalg.norm(wanted[person][:, hand], axis=-1)
            wanted[person][:, hand] = np.where(larger[:, None], move, wanted[person][:, hand])
    for person in range(2):
        if wanted[person].any():
            _move_palms(cleaned[person], given[person], before[person] + wanted[person])
    return cleaned_pair(joints, cleaned, rotations6d, ARMS, fixed)


def _move_palms(person: np.ndarray, given: np.ndarray, targets: np.ndarray) -> None:
    """Solve both arms of joints (T, 22, 3) in place for palms at targets (T, 2, 3)."""
    old = (given[:, SHOULDERS], given[:, ELBOWS], given[:, WRISTS])
    wrists, spare = old[2].copy(), elbow_side(given)
    for _ in range(_ROUNDS):
        wrists += targets - palms(person)
        person[:, ELBOWS], person[:, WRISTS] = solve_limb(old, old[0], wrists, spare)
