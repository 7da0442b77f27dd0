"""Whether people move at the pace of people: what shows that a motion is not at 30 fps, or not in metres.

Fast motion shows in speeds that no one reaches. Slow motion has no such bound, for people may stand still.
But the swing of a leg takes about as long in slow as in fast walks: people who walk slowly take shorter steps
and wait between them. So the duration of long steps shows motion that plays at half speed.
"""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.skeleton import FPS, JOINT

#: Speeds that people reach for moments only, metres per second: a sprint, and hands or feet as seen from the
#: pelvis. Motion that is faster in a twentieth of its frames has a wrong rate or unit.
FAST_ROOT, FAST_LIMBS = 9.0, 11.0
_TWENTIETH = 95
#: The same for hands and feet of half of the people of a data set. Measured: half of the dancers of the CMU
#: duets stay below 2.5 m/s, nineteen of twenty below 3.2.
_FAST_LIMBS_OF_HALF = 5.5
#: A foot that moves faster than the first, m/s, for longer than the second, metres, makes a long step.
_STEPPING, _LONG_STEP_M = 0.15, 0.4
#: Distance over peak speed times this is the duration of a smooth step (minimum-jerk profile, Flash and Hogan
#: 1985), whatever rest its ends contain.
_SMOOTH = 1.875
#: Seconds that long steps of half of the people take at least where motion is slowed down. Measured, medians
#: of people, real and at half speed: CMU walks 0.72 (at most 0.92) and 1.41, CMU duets 0.57 and 1.06.
_SLOW_STEP = 1.0
#: Long steps that a person needs to count, and people that a data set needs.
_FEWEST_STEPS, _FEWEST_PEOPLE = 2, 3


class Pace:
    """Speeds and steps of the people of a data set."""

    def __init__(self) -> None:
        self._speeds: list[tuple[float, float]] = []
        self._steps: list[float] = []  # seconds, one number per person with long steps

    def add(self, joints: np.ndarray) -> None:
        """Take account of one person: joints (T, 22, 3), metres, at 30 fps."""
        self._speeds.append(peak_speeds(joints))
        steps = step_seconds(joints)
        if len(steps) >= _FEWEST_STEPS:
            self._steps.append(float(np.median(steps)))

    def fault(self) -> str | None:
        """What shows that the data set is not at 30 fps or not in metres, or None.

        One clip may be fast or slow. A set in which half of the people are faster than a fighter, or swing
        their legs in slow motion, cannot be right.
        """
        if not self._speeds:
            return None
        pelvis, limbs = np.median(np.array(self._speeds), axis=0)
        if pelvis > FAST_ROOT or limbs > _FAST_LIMBS_OF_HALF:
            return (
                f"half of the people move their hands and feet at {limbs:.1f} m/s and more, their pelvis at "
                f"{pelvis:.1f} m/s; people reach {_FAST_LIMBS_OF_HALF:g} and {FAST_ROOT:g} for moments; "
                f"check that the motion has {FPS} frames per second and is in metres"
            )
        if len(self._steps) < _FEWEST_PEOPLE or np.median(self._steps) <= _SLOW_STEP:
            return None
        return (
            f"half of the {len(self._steps)} people who take long steps swing a leg for "
            f"{np.median(self._steps):.1f} s and more; people need 0.4 to 0.9 s; check that the motion has "
            f"{FPS} frames per second and is not slowed down"
        )


def peak_speeds(joints: np.ndarray) -> tuple[float, float]:
    """Speeds of joints (T, 22, 3) at 30 fps that a twentieth of the frames exceed, in m/s.

    That of the pelvis, and that of the fastest hand or foot as seen from it.
    """
    root = joints[:, :1]
    ends = joints[:, [JOINT[f"{side}_{end}"] for side in ("left", "right") for end in ("wrist", "ankle")]]
    if len(joints) < 2:
        return 0.0, 0.0
    pelvis, limbs = (
        FPS * np.linalg.norm(np.diff(paths, axis=0), axis=-1).max(axis=1) for paths in (root, ends - root)
    )
    return float(np.percentile(pelvis, _TWENTIETH)), float(np.percentile(limbs, _TWENTIETH))


def step_seconds(joints: np.ndarray) -> np.ndarray:
    """Durations (N,) of the long steps of both feet: joints (T, 22, 3) at 30 fps, metres, Y up.

    Steps that the clip cuts are left out.
    """
    seconds = []
    for ankle in (JOINT["left_ankle"], JOINT["right_ankle"]):
        path = joints[:, ankle][:, (0, 2)].astype(np.float64)
        if len(path) < 4:
            continue
        steps = FPS * np.linalg.norm(np.diff(path, axis=0), axis=-1)
        speed = np.convolve(steps, np.full(3, 1 / 3), "same")  # m/s between frames, without single spikes
        changes = np.flatnonzero(np.diff(speed > _STEPPING))
        starts = changes[~(speed[changes] > _STEPPING)] + 1
        for start in starts:
            ends = np.flatnonzero(speed[start:] <= _STEPPING)
            if not len(ends):
                continue
            stop = start + int(ends[0])
            length = float(np.linalg.norm(path[stop] - path[start]))
            if length > _LONG_STEP_M:
                seconds.append(_SMOOTH * length / float(speed[start:stop].max()))
    return np.array(seconds)
