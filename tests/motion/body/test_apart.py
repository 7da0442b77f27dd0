"""Bodies that stand in each other are moved apart smoothly; others, and those who embrace, are left."""

from __future__ import annotations

import numpy as np
import pytest

from intermask_cli.datasets.duets.clips import make_clip
from intermask_cli.motion.body.apart import Push, push_apart
from intermask_cli.motion.body.contacts import ContactWish, moved_to_meet
from intermask_cli.motion.body.solver import solve_clips
from intermask_cli.motion.capsules import capsule_gaps_m
from intermask_cli.motion.skeleton import JOINT

PARTNER = Push(
    shares=(0.0, 1.0), most_m=0.5, allowed_m=0.02, sigma_frames=6.0, reach_frames=8, rounds=6,
    turn_sigma_frames=6.0,
)  # fmt: skip


def walking_together(distance_m: float) -> np.ndarray:
    """The same walker (2, T, 22, 3) twice, this far apart to the side of the way."""
    walker = make_clip(1, 0, "follow").motion.joints[0].astype(np.float64)
    way = walker[-1, 0] - walker[0, 0]
    aside = np.array([-way[2], 0.0, way[0]]) / np.hypot(way[0], way[2])
    return np.stack([walker, walker + distance_m * aside])


def deepest_m(joints: np.ndarray) -> float:
    bodies = joints.copy()
    bodies[:, :, [20, 21]] = bodies[:, :, [18, 19]]
    first, second = bodies.astype(np.float32)
    return float(-capsule_gaps_m(first, second, 0.0).min())


@pytest.mark.parametrize("distance_m", [0.15, 0.22])
def test_the_partner_walks_farther_away_and_smoothly(distance_m: float) -> None:
    joints = walking_together(distance_m)
    displacement = push_apart(joints, PARTNER)
    assert not displacement[0].any() and not displacement[..., 1].any()
    assert deepest_m(joints) > 0.08
    assert deepest_m(joints + displacement[:, :, None]) < 0.05
    assert np.linalg.norm(np.diff(displacement[1], n=2, axis=0), axis=-1).max() < 0.01


def test_people_who_walk_through_each_other_pass_on_one_side() -> None:
    joints = walking_together(0.05)
    frames = joints.shape[1]
    joints[1, :, :, 0] += np.linspace(-0.8, 0.8, frames)[:, None]
    displacement = push_apart(joints, PARTNER)
    assert deepest_m(joints + displacement[:, :, None]) < deepest_m(joints) - 0.05
    assert np.linalg.norm(np.diff(displacement[1], axis=0), axis=-1).max() < 0.06


def test_people_who_do_not_overlap_are_left_alone() -> None:
    joints = make_clip(1, 0, "handshake").motion.joints.astype(np.float64)
    assert not push_apart(joints, PARTNER).any()
    np.testing.assert_array_equal(moved_to_meet(joints, [], (True, True)), joints)


def test_an_embrace_stays_an_embrace() -> None:
    """True overlaps of a hug that is known to be one are kept."""
    clip = make_clip(4, 0, "hug")
    wish = ContactWish((tuple((t.joint1, t.joint2) for t in clip.labels.contacts),))
    joints = clip.motion.joints.astype(np.float64)
    moved = moved_to_meet(joints, [wish], (True, True))
    pelvis = JOINT["pelvis"]
    assert np.abs(moved[:, :, pelvis] - joints[:, :, pelvis]).max() < 0.05


def test_bodies_are_moved_apart_only_where_it_is_known_that_they_should_be() -> None:
    noise = np.random.default_rng(0).normal(0, 0.004, walking_together(0.15).shape)
    joints = (walking_together(0.15) + noise).astype(np.float32)
    unknown, known = solve_clips([joints, joints], wishes=[None, []])
    assert deepest_m(known.joints) < 0.06 < deepest_m(unknown.joints)
    np.testing.assert_array_equal(solve_clips([joints])[0].joints, unknown.joints)
