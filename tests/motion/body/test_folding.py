"""A trunk that folds flat where it should turn round turns evenly."""

from __future__ import annotations

import numpy as np

from intermask_cli.datasets.duets.clips import make_clip
from intermask_cli.motion.body.folding import folded_frames
from intermask_cli.motion.body.solver import solve_bodies
from intermask_cli.motion.body.timeline import Timeline
from intermask_cli.motion.body.turns import turns_rad
from intermask_cli.motion.rotation import matrix_about_y, matrix_from_sixd_columns


def fading_turn(frames: int = 60, over: int = 12) -> np.ndarray:
    """A person (1, T, 22, 3) whose joints fade to the same pose turned by 176 degrees, with noise."""
    pose = make_clip(11, 0, "bow").motion.joints[:1, :1].astype(np.float64)
    middle = pose[:, :, :1] * (1, 0, 1)
    turned = (pose - middle) @ matrix_about_y(np.radians(176.0)).T + middle
    share = np.clip((np.arange(frames) - (frames - over) / 2) / over, 0, 1)[None, :, None, None]
    noise = np.random.default_rng(0).normal(0, 0.002, (1, frames, 22, 3))
    return ((1 - share) * pose + share * turned + noise).astype(np.float32)


def test_the_trunk_turns_evenly_and_as_one() -> None:
    joints = fading_turn()
    assert 2 <= folded_frames(joints[0].astype(np.float64), Timeline([60])).sum() <= 12
    bodies = solve_bodies(joints)
    assert bodies.is_body
    pelvis = matrix_from_sixd_columns(bodies.root_rotations6d[0].astype(np.float64))
    assert np.degrees(turns_rad(pelvis)).max() < 45  # 176 degrees in one frame before
    spine = matrix_from_sixd_columns(bodies.rotations6d[0].astype(np.float64))[:, [2, 5, 8]]
    twist = spine[:, 0] @ spine[:, 1] @ spine[:, 2]
    assert np.degrees(np.arccos(np.clip((np.trace(twist, axis1=1, axis2=2) - 1) / 2, -1, 1))).max() < 40


def test_people_do_not_fold() -> None:
    for kind in ("hug", "turn_under_arm", "pull_up", "bow"):
        for person in make_clip(2, 1, kind).motion.joints:
            assert not folded_frames(person, Timeline([len(person)])).any()
