"""Where hands go: small factories of targets for `Stage.hand`, measured from the posed trunks.

Lengths are metres for the 1.70 m body. A value may be a number or a curve over the stage's time axis.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from intermask_cli.datasets.duets.motion_plan import Trunk

Array = np.ndarray
Target = Callable[[Trunk], Array]
Value = float | Array


def now(value: Value, pose: Trunk) -> Value:
    """The part of a curve that belongs to the frames being posed; numbers stay as they are."""
    return value[: pose.yaw.shape[1]] if isinstance(value, np.ndarray) else value


def by_shoulder(person: int, hand: int, out: Value, up: Value, forward: Value) -> Target:
    """A point seen from the hand's own shoulder: outward (to the hand's side), up, forward."""

    def target(pose: Trunk) -> Array:
        outward = now(out, pose) * (1.0 if hand == 0 else -1.0)
        return pose.shoulder(person, hand) + pose.offset(person, outward, now(up, pose), now(forward, pose))

    return target


def on_body(person: int, joint: str, left: Value, up: Value, forward: Value) -> Target:
    """A point seen from a trunk joint of a person (also the partner): to that person's left, up, forward."""

    def target(pose: Trunk) -> Array:
        offset = pose.offset(person, now(left, pose), now(up, pose), now(forward, pose))
        return pose.joint(person, joint) + offset

    return target


def halfway(hands: tuple[int, int], drop: Value) -> Target:
    """The point where a hand of role 0 and one of role 1 meet, `drop` metres below the shoulders' line."""
    return lambda pose: pose.between(hands, now(drop, pose))
