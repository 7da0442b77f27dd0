"""What a given motion must satisfy to be used; else InputError."""

from __future__ import annotations

import numpy as np

from intermask_cli.errors import InputError
from intermask_cli.motion.skeleton import FPS, JOINT_NAMES

#: One token is four frames.
MIN_FRAMES = 4
#: Almost an hour at 30 frames per second: more is a mistake, or a claim meant to use up memory.
MAX_FRAMES = 100_000
#: Farthest coordinate of a joint: float32 still resolves a millimetre there.
MAX_DISTANCE_M = 10_000.0


def check_finite(values: np.ndarray, unit: str) -> None:
    """values (P, T, N, ...): InputError names the first NaN or infinity; `unit` is what axis 2 counts."""
    bad = np.argwhere(~np.isfinite(values))
    if len(bad) == 0:
        return
    person, frame, index = (int(n) for n in bad[0][:3])
    value = values[tuple(bad[0])]
    place = JOINT_NAMES[index] if unit == "joint" else f"{unit} {index}"
    who = f"person {person + 1}, " if len(values) > 1 else ""
    raise InputError(
        f"{value} at {who}frame {frame}, {place} ({len(bad)} such numbers in all); clean it first"
    )


def check_padding(joints: np.ndarray, first_frame: int) -> None:
    """InputError if frames of joints (P, T, 22, 3) have them all in one place.

    first_frame: number in the file of the first of these frames.
    """
    empty = np.flatnonzero((np.ptp(joints, axis=2) == 0).all(axis=-1).any(axis=0))
    frames = joints.shape[1]
    if not 0 < len(empty) < frames:
        return
    first, last = (first_frame + int(frame) for frame in (empty[0], empty[-1]))
    which = f"frame {first} has" if len(empty) == 1 else f"{len(empty)} frames from {first} to {last} have"
    at_end = empty[-1] == frames - 1 and empty[-1] - empty[0] == len(empty) - 1
    advice = f"leave them out with --end {first}" if at_end else "cut the clip there, or clean it first"
    raise InputError(f"{which} all joints in one place, likely padding or lost tracking; {advice}")


def check_distance(farthest: float) -> None:
    """farthest: largest coordinate of any joint, metres."""
    if farthest > MAX_DISTANCE_M:
        raise InputError(f"a joint is {farthest:.4g} m from the origin; accepted: up to {MAX_DISTANCE_M:g} m")


def check_frames(original_frames: int, original_fps: float) -> None:
    """InputError, before anything is resampled, for a number of frames at 30 fps that is not read."""
    seconds = max(original_frames - 1, 0) / original_fps
    frames = int(min(seconds * FPS + 1e-3, 1e15)) + 1  # as `motion.resampling.frame_times` counts
    if not MIN_FRAMES <= frames <= MAX_FRAMES:
        slow = f"; {original_fps:g} frames per second: is this the frame time?" if original_fps < 1 else ""
        raise InputError(
            f"{original_frames} frames at {original_fps:g} fps are {frames} at {FPS}; "
            f"accepted: {MIN_FRAMES} to {MAX_FRAMES}{slow}"
        )
