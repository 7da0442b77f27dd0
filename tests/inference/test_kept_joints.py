"""What an edit of body rows leaves alone."""

from __future__ import annotations

import numpy as np
import pytest

from intermask_cli.config import BODY_ROWS
from intermask_cli.inference.kept_joints import keep_joints_of, keep_rig_of, made_new
from intermask_cli.motion.body.solver import solve_bodies
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.rig import is_rigid
from intermask_cli.motion.skeleton import JOINT, JOINT_NAMES, PARENTS
from tests.helpers.motion_samples import fk_pair


def names(rows: list[int]) -> set[str]:
    return {JOINT_NAMES[joint] for joint in np.flatnonzero(made_new(rows))}


def test_arms_turn_alone_and_the_pelvis_turns_all() -> None:
    arms = {f"{side}_{joint}" for side in ("left", "right") for joint in ("shoulder", "elbow", "wrist")}
    assert names([4]) == arms
    assert names([3, 4]) == arms | {"neck", "head", "left_collar", "right_collar"}
    assert names([2]) == {"left_ankle", "right_ankle", "left_foot", "right_foot"}
    assert made_new([0]).all() and made_new(list(range(BODY_ROWS))).all()
    for rows in ([1], [2], [3], [1, 4], [2, 3]):
        new = made_new(rows)
        assert not new[JOINT["pelvis"]]
        assert all(new[joint] or not new[parent] for joint, parent in enumerate(PARENTS) if parent >= 0)


@pytest.mark.parametrize("rigid", [True, False])
def test_what_does_not_hang_from_an_edited_row_is_put_back(rigid: bool) -> None:
    given, other = (
        Motion(
            one.joints, one.rotations6d, None, one.root_rotations6d, solve_bodies(*fk_pair(30)).bone_lengths
        )
        for one in (solve_bodies(*fk_pair(30, seed)) for seed in (0, 0))
    )
    made = other.part(0, 30)
    made.joints[...] += np.float32(0.07)  # somewhere else, arms elsewhere still
    made.rotations6d[:, :, JOINT["left_shoulder"] - 1] = made.rotations6d[:, ::-1, JOINT["left_elbow"] - 1]
    new = made_new([4])
    (keep_rig_of if rigid else keep_joints_of)(made, given, 1, new)
    still = [joint for joint, parent in enumerate(PARENTS) if not new[max(parent, 0)]]
    np.testing.assert_allclose(made.joints[1][:, still], given.joints[1][:, still], atol=1e-5)
    kept = ~new[1:]
    np.testing.assert_allclose(made.rotations6d[1][:, kept], given.rotations6d[1][:, kept], atol=1e-5)
    assert not np.allclose(made.rotations6d[1], given.rotations6d[1], atol=1e-3)
    if rigid:
        assert is_rigid(made, 1) and not np.allclose(made.joints[1], given.joints[1], atol=1e-3)
    assert np.abs(made.joints[0] - given.joints[0]).max() > 0.05  # the other person was not asked for
