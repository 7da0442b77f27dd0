"""What is odd about a motion that can be used: one line each, with the likely cause and what to do.

`react`, `data pairs`, `data check` and `info` all use `oddities_of`. A right motion gives no line.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from intermask_cli.datasets.motion_files.body_likeness import BACKWARDS, toes_against_facing
from intermask_cli.datasets.motion_files.pace import FAST_LIMBS, FAST_ROOT, peak_speeds
from intermask_cli.motion.body_check import body_height
from intermask_cli.motion.kinematics import bone_lengths
from intermask_cli.motion.skeleton import FEET, FPS, JOINT, JOINT_NAMES, PARENTS, REST_OFFSETS

#: Heights of nearly all adults and older children, metres.
USUAL_HEIGHT_M = (1.3, 2.2)
#: A bone longer or shorter by this share than in an average body of the same size hints at a wrong joint map.
_ODD_SHARE = 0.6
#: Difference between a left and a right bone that hints at a wrong joint map; hand-made rigs rarely reach it.
_LOPSIDED_SHARE = 0.25
#: Bones that are not compared with the rest pose: skeletons differ in where they put these joints.
_LOOSE_BONES = (
    "left_hip", "right_hip", "spine1", "spine2", "spine3", "left_collar", "right_collar", "neck", "head",
)  # fmt: skip
#: A rigid bone keeps its length; noise of a centimetre at both ends gives no warning yet.
_STRETCHES_M = 0.05
#: Bones shorter than this have no direction.
_NO_LENGTH_M = 0.005
#: Faster than any person moves, in metres per second: the root was moved to another place.
_FASTEST_ROOT = 15.0
#: Percentile of the speeds of a motion that a jump must stand out from.
_TWENTIETH = 95
#: The step out of a first frame that is not part of the motion: metres, and multiple of the fastest others.
_FIRST_STEP_M, _FIRST_STEP_TIMES = 0.12, 3.0
#: Frames for which such a pose is held at most.
_HELD_FRAMES = 60
#: Feet farther from the floor than this are not just on a step or a thick sole, metres.
OFF_FLOOR_M = 0.25
#: A pelvis that moves less than this while a foot moves more than the second, metres, is held in place.
_HELD_M, _STEPS_M = 0.002, 0.15
#: Mean error of forward kinematics above which recovered rotations do not show the motion, millimetres.
_ROTATION_ERROR_MM = 30.0


@dataclass(frozen=True)
class Oddity:
    """What is odd about a motion, with the likely cause, and what to do about it."""

    finding: str
    advice: str

    def __str__(self) -> str:
        return f"{self.finding}; {self.advice}"


def oddities_of(
    joints: np.ndarray,
    original: np.ndarray | None = None,
    rotation_error_mm: float | None = None,
    first_frame: int = 0,
) -> tuple[Oddity, ...]:
    """What is odd about usable joints (T, 22, 3) at 30 fps, metres, Y up.

    original: the same at the file's own rate, by default `joints`. rotation_error_mm: mean distance between
    the joints and forward kinematics of the rotations recovered from them, if there are any. first_frame:
    number in the file of the first frame of `original`.
    """
    joints = joints.astype(np.float64)
    at_own_rate = joints if original is None else original.astype(np.float64)
    apart = _first_frames(at_own_rate, first_frame)
    # In frames at 30 fps, up to and with the jump.
    skipped = 0 if apart is None else math.ceil(apart[0] * len(joints) / len(at_own_rate))
    return (
        *(() if apart is None else (apart[1],)),
        *_jumps(joints[skipped:], skipped),
        *_speed(joints),
        *_height(joints),
        *_sides(joints),
        *_floor(joints),
        *_bones(joints),
        *_rotations(rotation_error_mm),
    )


# ---------------------------------------------------------------- motion


def _first_frames(joints: np.ndarray, number: int) -> tuple[int, Oddity] | None:
    """First frames that are a pose apart, as the T-pose that capture tools write: how many, and the line.

    number: in the file, of the first frame.
    """
    if len(joints) < 4:
        return None
    steps = np.linalg.norm(np.diff(joints, axis=0), axis=-1)  # (T - 1, 22)
    fastest = steps.max(axis=1)
    # Of a pose that is held, all steps but the last are small.
    at = int(fastest[: min(_HELD_FRAMES, len(fastest) // 2)].argmax())
    before, after = fastest[:at], fastest[at + 1 :]
    usual = max(float(np.percentile(after, _TWENTIETH)), float(before.max(initial=0)))
    if fastest[at] < max(_FIRST_STEP_M, _FIRST_STEP_TIMES * max(usual, float(after[0]))):
        return None
    last = number + at
    which = f"frame {number} is" if at == 0 else f"frames {number} to {last} are"
    odd = Oddity(
        f"{which} not part of the motion, likely a T-pose: the {JOINT_NAMES[steps[at].argmax()]} "
        f"jumps {fastest[at]:.2f} m from it, later at most {after.max():.2f} m a frame",
        f"leave {'it' if at == 0 else 'them'} out with --start {last + 1}",
    )
    return at + 1, odd


def _jumps(joints: np.ndarray, first: int) -> Iterator[Oddity]:
    """A pelvis that moves faster than `_FASTEST_ROOT` in a frame; the first of joints is frame `first`."""
    steps = np.linalg.norm(np.diff(joints[:, 0], axis=0), axis=-1)
    jumps = np.flatnonzero(steps * FPS > _FASTEST_ROOT)
    if not len(jumps):
        return
    worst = int(jumps[np.argmax(steps[jumps])])
    others = "" if len(jumps) == 1 else f", and {len(jumps) - 1} more such jumps"
    frame = worst + first
    yield Oddity(
        f"the pelvis jumps {steps[worst]:.2f} m from frame {frame} to {frame + 1} (at {FPS} fps){others}",
        "cut the clip there, or check --units and --fps",
    )


def _speed(joints: np.ndarray) -> Iterator[Oddity]:
    """A rate or unit with which no person moves."""
    for name, speed, fast in zip(
        ("pelvis", "hands and feet"), peak_speeds(joints), (FAST_ROOT, FAST_LIMBS), strict=True
    ):
        if speed > fast:
            yield Oddity(
                f"the speed of the {name} is {speed:.0f} m/s, so the rate or the unit is likely wrong",
                "give --fps or --units",
            )
            return


# ---------------------------------------------------------------- body


def _height(joints: np.ndarray) -> Iterator[Oddity]:
    height = body_height(joints)
    low, high = USUAL_HEIGHT_M
    if not low <= height <= high:
        who = "a child" if height < low else "a giant"
        yield Oddity(
            f"the body is {height:.2f} m tall", f"if it is not {who}, the unit is wrong: give --units"
        )


def _sides(joints: np.ndarray) -> Iterator[Oddity]:
    toes = toes_against_facing(joints)
    if toes is not None and toes < BACKWARDS:
        yield Oddity(
            f"the toes point against the way that hips and shoulders face (cosine {toes:.1f}), so left and "
            "right joints are exchanged or the file is left-handed",
            "read it with --mirror if they are exchanged, with --flip x if it is left-handed",
        )


def _floor(joints: np.ndarray) -> Iterator[Oddity]:
    """Feet far from the floor, and a pelvis that is held in place."""
    lowest = lowest_foot(joints)
    moves = np.ptp(joints[:, 0], axis=0).max()
    steps = np.ptp(joints[:, list(FEET)], axis=0).max()
    if moves < _HELD_M and steps > _STEPS_M:
        yield Oddity(
            f"the pelvis never moves while the feet do (lowest foot at {lowest:.2f} m), so the path of "
            "the root is missing",
            "add it to the joints before saving them",
        )
    # A person who lies, or stands on the hands, touches the floor with other joints.
    elif min(abs(lowest), abs(_lowest(joints))) > OFF_FLOOR_M:
        yield Oddity(
            f"the lowest foot is at {lowest:.2f} m, far from the floor at 0; likely the root's heights are "
            "relative to its OFFSET or to another floor",
            f"add {-lowest:.2f} m to the heights in the file",
        )


def lowest_foot(joints: np.ndarray) -> float:
    """Height of the lowest foot of joints (T, 22, 3), metres, apart from a twentieth of the frames."""
    return _lowest(joints[:, list(FEET)])


def _lowest(joints: np.ndarray) -> float:
    return float(np.percentile(joints[..., 1].min(axis=1), 100 - _TWENTIETH))


def _bones(joints: np.ndarray) -> Iterator[Oddity]:
    """Bones of no length, and the worst bone by length, by sides, and by change of length."""
    bones = bone_lengths(joints)
    typical = np.median(bones, axis=0)
    rest = np.linalg.norm(REST_OFFSETS[1:], axis=-1)
    expected = rest * typical.sum() / rest.sum()
    short = typical < _NO_LENGTH_M
    if short.any():
        names = ", ".join(JOINT_NAMES[bone + 1] for bone in np.flatnonzero(short))
        yield Oddity(
            f"bones of no length: {names}, since the file has two joints in one place",
            "nothing needs to be done, their rotations follow the parent",
        )
    share = np.abs(np.log(np.maximum(typical, 1e-4) / expected))
    share[[JOINT[name] - 1 for name in _LOOSE_BONES]] = 0
    # The bone after one of no length takes its place: a shoulder at the end of no collar.
    share[short | np.isin(np.array(PARENTS[1:]), np.flatnonzero(short) + 1)] = 0
    worst = int(share.argmax())
    if share[worst] > np.log(1 + _ODD_SHARE):
        yield Oddity(
            f"the bone to {JOINT_NAMES[worst + 1]} is {1000 * typical[worst]:.0f} mm long, on a body of this "
            f"size {1000 * expected[worst]:.0f} mm",
            "check that the joint is the right one",
        )
    left = np.array([JOINT[name] - 1 for name in JOINT_NAMES if name.startswith("left_")])
    right = np.array([JOINT[name.replace("left_", "right_")] - 1 for name in JOINT_NAMES if "left_" in name])
    lopsided = np.abs(typical[left] - typical[right]) / np.maximum((typical[left] + typical[right]) / 2, 1e-4)
    lopsided[short[left] & short[right]] = 0
    worst = int(lopsided.argmax())
    if lopsided[worst] > _LOPSIDED_SHARE:
        name = JOINT_NAMES[left[worst] + 1].removeprefix("left_")
        yield Oddity(
            f"the bone to the {name} is {1000 * typical[left[worst]]:.0f} mm long on the left, "
            f"{1000 * typical[right[worst]]:.0f} mm on the right",
            "check that both joints are the right ones",
        )
    departs = np.abs(bones - typical).max(axis=0)
    worst = int(departs.argmax())
    if departs[worst] > _STRETCHES_M:
        yield Oddity(
            f"the bone to {JOINT_NAMES[worst + 1]} stretches: it departs by {1000 * departs[worst]:.0f} mm "
            f"from its {1000 * typical[worst]:.0f} mm",
            "clean the motion, or check that the joint is the right one",
        )


def _rotations(error_mm: float | None) -> Iterator[Oddity]:
    if error_mm is not None and error_mm > _ROTATION_ERROR_MM:
        yield Oddity(
            f"forward kinematics of the recovered rotations is {error_mm:.0f} mm off the joints, since bones "
            "change length or joints are not the right ones",
            "check the bones that are printed; exports show the rotations",
        )
