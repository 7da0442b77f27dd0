"""Targets for `Stage.hand`: functions that return one, measured from the posed trunks.

Lengths are metres for the 1.70 m body. A value may be a number or a curve over the stage's time axis.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from intermask_cli.datasets.duets.motion_plan import Trunk
from intermask_cli.datasets.duets.timing import Array

Target = Callable[[Trunk], Array]
Value = float | Array


def now(value: Value, pose: Trunk) -> Value:
    """The frames of a curve that are posed; a number is returned unchanged."""
    return value[: pose.frames] if isinstance(value, np.ndarray) else value


def by_shoulder(person: int, hand: int, out: Value, up: Value, forward: Value) -> Target:
    """A point relative to the hand's own shoulder: outward (to the hand's side), up, forward."""

    def target(pose: Trunk) -> Array:
        outward = now(out, pose) * (1.0 if hand == 0 else -1.0)
        return pose.shoulder(person, hand) + pose.offset(person, outward, now(up, pose), now(forward, pose))

    return target


def on_body(person: int, joint: str, left: Value, up: Value, forward: Value) -> Target:
    """A point relative to a trunk joint of either person: to that person's left, up, forward."""

    def target(pose: Trunk) -> Array:
        offset = pose.offset(person, now(left, pose), now(up, pose), now(forward, pose))
        return pose.joint(person, joint) + offset

    return target


def halfway(hands: tuple[int, int], drop: Value) -> Target:
    """The point at which a hand of each role meet, `drop` metres below the line between the shoulders."""
    return lambda pose: pose.between(hands, now(drop, pose))
