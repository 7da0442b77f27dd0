"""Brings together hands that nearly touch, for pairs whose hands miss each other by a hand's breadth.

Two palms touch where they come close and move alike. Hands that shake, clap or hold each other move alike;
hands of people who pass each other do not. Each arm moves half of the way; a given person's arm does not
move. Bones stay rigid, and a palm that is out of reach stops on its way. The method is our own.
Axes: P = 2 persons, T frames, 2 hands (left, right).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from intermask_cli.cleanup.rigid_feet import cleaned_pair
from intermask_cli.motion.curves import minimum_jerk, smoothed_over_time
from intermask_cli.motion.inverse_kinematics import ARMS, ELBOWS, SHOULDERS, WRISTS, elbow_side, solve_limb
from intermask_cli.motion.skeleton import PALM_M

#: Metres. Palms that never come nearer than this are not meant to touch.
MAX_GAP_M = 0.25
#: Metres per frame of one palm relative to the other. Palms that are faster at all times around their nearest
#: frame pass each other.
_MAX_RELATIVE_SPEED_M = 0.02
#: Frames before and after the nearest frame in which a slower one is looked for.
_AROUND_FRAMES = 5
#: Metres. A contact lasts while the palms are at most this much farther apart than at their nearest. It also
#: lasts while they are near and move alike: hands that reach past each other are nearest before they hold on.
_LASTING_M = 0.06
#: Frames in which hands come together before a contact, and part after it.
_BLEND_FRAMES = 8
#: Sigma in frames of the smoothed palms in which contacts are detected, so that jitter causes none.
_DETECTION_SIGMA_FRAMES = 2.0
#: Rounds of solving an arm: it turns the forearm, which moves the palm; each round corrects the wrist.
_ROUNDS = 4


class HandContact(NamedTuple):
    """Hand `first` of person 0 touches hand `second` of person 1 (0 left, 1 right) from start to stop."""

    first: int
    second: int
    start: int
    stop: int


def palms(joints: np.ndarray) -> np.ndarray:
    """Middle of both palms: joints (..., 22, 3) -> (..., 2, 3)."""
    wrists, along = joints[..., WRISTS, :], joints[..., WRISTS, :] - joints[..., ELBOWS, :]
    length = np.maximum(np.linalg.norm(along, axis=-1, keepdims=True), 1e-9)
    middle: np.ndarray = wrists + PALM_M * along / length
    return middle


def hand_contacts(joints: np.ndarray) -> list[HandContact]:
    """The frames in which hands of a pair (2, T, 22, 3) nearly touch; a hand is in one contact at a time.

    Of two contacts that share a hand at the same time the nearer one is kept.
    """
    hands = np.stack([smoothed_over_time(person, _DETECTION_SIGMA_FRAMES) for person in palms(joints)])
    between = hands[0][:, :, None] - hands[1][:, None]  # (T, hand of person 0, hand of person 1, 3)
    distance = np.linalg.norm(between, axis=-1)
    speed = np.linalg.norm(np.gradient(between, axis=0), axis=-1)
    held = (distance < MAX_GAP_M) & (speed < _MAX_RELATIVE_SPEED_M)
    candidates: list[tuple[float, HandContact]] = []
    for first in range(2):
        for second in range(2):
            gap = distance[:, first, second]
            for frame in _nearest_frames(gap):
                around = slice(max(0, frame - _AROUND_FRAMES), frame + _AROUND_FRAMES + 1)
                if speed[around, first, second].min() < _MAX_RELATIVE_SPEED_M:
                    lasting = (gap < gap[frame] + _LASTING_M) | held[:, first, second]
                    contact = HandContact(first, second, *_run_around(lasting, frame))
                    candidates.append((float(gap[frame]), contact))
    contacts: list[HandContact] = []
    for _, contact in sorted(candidates):
        if not any(_share_a_hand(contact, nearer) for nearer in contacts):
            contacts.append(contact)
    return sorted(contacts, key=lambda contact: contact.start)


def _nearest_frames(gap: np.ndarray) -> list[int]:
    """Frames in which a gap (T,) is smaller than in the frames around, and small enough for a contact."""
    padded = np.pad(gap, 1, constant_values=np.inf)
    lowest = (gap <= padded[:-2]) & (gap < padded[2:]) & (gap < MAX_GAP_M)
    return [int(frame) for frame in np.flatnonzero(lowest)]


def _run_around(flags: np.ndarray, frame: int) -> tuple[int, int]:
    """The run of True (start, stop) in flags (T,) that holds the frame."""
    before, after = np.flatnonzero(~flags[:frame]), np.flatnonzero(~flags[frame:])
    return int(before[-1]) + 1 if len(before) else 0, frame + int(after[0]) if len(after) else len(flags)


def _share_a_hand(a: HandContact, b: HandContact) -> bool:
    """Whether two contacts need one hand at the same time, blending included."""
    apart = a.start >= b.stop + _BLEND_FRAMES or b.start >= a.stop + _BLEND_FRAMES
    return not apart and (a.first == b.first or a.second == b.second)


def join_hands(
    joints: np.ndarray, rotations6d: np.ndarray | None, fixed: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """A pair (2, T, 22, 3) whose nearly touching hands touch, and its rotations (2, T, 21, 6) turned along.

    Rotations are recovered from the joints when not given. Person `fixed` (0 or 1) does not move.
    """
    given = joints.astype(np.float64)
    cleaned = given.copy()
    shares = np.array([0.5, 0.5]) if fixed is None else np.where(np.arange(2) == fixed, 0.0, 1.0)
    before = palms(given)  # (P, T, 2, 3)
    displacement = np.zeros_like(before)
    contacts = hand_contacts(given)
    for first, second, start, stop in contacts:
        frames = np.arange(given.shape[1])
        rise = minimum_jerk((frames - start + _BLEND_FRAMES) / _BLEND_FRAMES)
        fall = minimum_jerk((stop - 1 + _BLEND_FRAMES - frames) / _BLEND_FRAMES)
        weight = (rise * fall)[:, None]  # (T, 1)
        gap = before[1][:, second] - before[0][:, first]  # (T, 3)
        for person, hand, to_partner in ((0, first, gap), (1, second, -gap)):
            own = displacement[person][:, hand]
            step = weight * shares[person] * to_partner
            # Two contacts of a hand may blend over the same frames; the larger step wins there.
            larger = np.linalg.norm(step, axis=-1) > np.linalg.norm(own, axis=-1)
            displacement[person][:, hand] = np.where(larger[:, None], step, own)
    for person in range(2):
        if displacement[person].any():
            _move_palms(cleaned[person], given[person], before[person] + displacement[person])
    return cleaned_pair(joints, cleaned, rotations6d, ARMS, fixed)


def _move_palms(person: np.ndarray, given: np.ndarray, targets: np.ndarray) -> None:
    """Solve both arms of joints (T, 22, 3) in place so that the palms reach targets (T, 2, 3)."""
    old_arm = (given[:, SHOULDERS], given[:, ELBOWS], given[:, WRISTS])  # (T, 2, 3) each
    wrists, pole = old_arm[2].copy(), elbow_side(given)
    for _ in range(_ROUNDS):
        wrists += targets - palms(person)
        person[:, ELBOWS], person[:, WRISTS] = solve_limb(old_arm, old_arm[0], wrists, pole)
