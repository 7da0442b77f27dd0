"""What a given motion must satisfy to be used (else InputError), and what is odd about it (warnings)."""

from __future__ import annotations

import numpy as np

from intermask_cli.errors import InputError
from intermask_cli.motion.kinematics import bone_lengths
from intermask_cli.motion.skeleton import FPS, JOINT, JOINT_NAMES, REST_OFFSETS

#: One token is four frames.
MIN_FRAMES = 4
#: Almost an hour at 30 frames per second: more is a mistake, or a claim meant to use up memory.
MAX_FRAMES = 100_000
#: Farthest coordinate of a joint: float32 still resolves a millimetre there.
MAX_DISTANCE_M = 10_000.0
#: A bone longer or shorter by this share than in an average body of the same size hints at a wrong joint map.
_ODD_SHARE = 0.6
#: Difference between a left and a right bone that hints at a wrong joint map; hand-made rigs rarely reach it.
_LOPSIDED_SHARE = 0.25
#: Bones that are not compared with the rest pose: skeletons differ in where they put these joints.
_LOOSE_BONES = ("left_hip", "right_hip", "spine1", "spine2", "spine3", "left_collar", "right_collar", "neck")
#: A rigid bone keeps its length; noise of a centimetre at both ends gives no warning yet.
_STRETCHES_M = 0.05
#: Faster than any person moves, in metres per second: the root was moved to another place.
_FASTEST_ROOT = 15.0


# ---------------------------------------------------------------- what a motion must satisfy


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


def check_distance(farthest: float) -> None:
    """farthest: largest coordinate of any joint, metres."""
    if farthest > MAX_DISTANCE_M:
        raise InputError(f"a joint is {farthest:.4g} m from the origin; accepted: up to {MAX_DISTANCE_M:g} m")


def check_frames(frames: int, original_frames: int, original_fps: float) -> None:
    """frames: at 30 fps, resampled from `original_frames` at `original_fps`."""
    if not MIN_FRAMES <= frames <= MAX_FRAMES:
        raise InputError(
            f"{original_frames} frames at {original_fps:g} fps are {frames} at {FPS}; "
            f"accepted: {MIN_FRAMES} to {MAX_FRAMES}"
        )


# ---------------------------------------------------------------- what is odd


def warnings_about(joints: np.ndarray) -> tuple[str, ...]:
    """What is odd about usable joints (T, 22, 3) at 30 fps, metres."""
    return (*_jumps(joints), *_odd_bones(joints))


def _jumps(joints: np.ndarray) -> tuple[str, ...]:
    """A warning if the pelvis moves faster than `_FASTEST_ROOT` between two frames."""
    steps = np.linalg.norm(np.diff(joints[:, 0].astype(np.float64), axis=0), axis=-1)
    jumps = np.flatnonzero(steps * FPS > _FASTEST_ROOT)
    if not len(jumps):
        return ()
    worst = int(jumps[np.argmax(steps[jumps])])
    others = "" if len(jumps) == 1 else f", and {len(jumps) - 1} more such jumps"
    return (
        f"the pelvis jumps {steps[worst]:.2f} m from frame {worst} to {worst + 1} (at {FPS} fps){others}; "
        "cut the clip there, or check --units and --fps",
    )


def _odd_bones(joints: np.ndarray) -> tuple[str, ...]:
    """Warnings about the worst bone by length, by difference of left and right, and by change of length."""
    bones = bone_lengths(joints.astype(np.float64))
    typical = np.median(bones, axis=0)
    rest = np.linalg.norm(REST_OFFSETS[1:], axis=-1)
    expected = rest * typical.sum() / rest.sum()
    warnings = []
    share = np.abs(np.log(np.maximum(typical, 1e-4) / expected))
    share[[JOINT[name] - 1 for name in _LOOSE_BONES]] = 0
    worst = int(share.argmax())
    if share[worst] > np.log(1 + _ODD_SHARE):
        warnings.append(
            f"the bone to {JOINT_NAMES[worst + 1]} is {1000 * typical[worst]:.0f} mm long, on a body of this "
            f"size {1000 * expected[worst]:.0f} mm; is the joint the right one?"
        )
    left = np.array([JOINT[name] - 1 for name in JOINT_NAMES if name.startswith("left_")])
    right = np.array([JOINT[name.replace("left_", "right_")] - 1 for name in JOINT_NAMES if "left_" in name])
    lopsided = np.abs(typical[left] - typical[right]) / np.maximum((typical[left] + typical[right]) / 2, 1e-4)
    worst = int(lopsided.argmax())
    if lopsided[worst] > _LOPSIDED_SHARE:
        name = JOINT_NAMES[left[worst] + 1].removeprefix("left_")
        warnings.append(
            f"the bone to the {name} is {1000 * typical[left[worst]]:.0f} mm long on the left, "
            f"{1000 * typical[right[worst]]:.0f} mm on the right"
        )
    departs = np.abs(bones - typical).max(axis=0)
    worst = int(departs.argmax())
    if departs[worst] > _STRETCHES_M:
        warnings.append(
            f"the bone to {JOINT_NAMES[worst + 1]} stretches: it departs by {1000 * departs[worst]:.0f} mm "
            f"from its {1000 * typical[worst]:.0f} mm"
        )
    return tuple(warnings)
