"""Limbs that should meet: the partner comes near, arms close the rest, and given persons stay."""

from __future__ import annotations

import numpy as np
import pytest

from intermask_cli.datasets.duets.clips import make_clip
from intermask_cli.datasets.duets.labels import Labels
from intermask_cli.motion.body.contacts import ContactWish, moved_to_meet, touch_point
from intermask_cli.motion.body.solver import solve_clips
from intermask_cli.motion.physics import foot_skate_mm_per_frame
from intermask_cli.motion.skeleton import JOINT

RIGHT_WRIST, LEFT_WRIST, CHEST = JOINT["right_wrist"], JOINT["left_wrist"], JOINT["spine3"]


def apart(kind: str, metres: tuple[float, float, float], seed: int = 3) -> tuple[np.ndarray, ContactWish]:
    """A true pair (2, T, 22, 3) with noise whose person 1 stands elsewhere, and what should meet in it."""
    clip = make_clip(seed, 0, kind)
    joints = clip.motion.joints.astype(np.float64)
    joints[1] += metres
    noise = np.random.default_rng(seed).normal(0, 0.004, joints.shape)
    return (joints + noise).astype(np.float32), wish_of(clip.labels)


def wish_of(labels: Labels) -> ContactWish:
    return ContactWish((tuple(dict.fromkeys((t.joint1, t.joint2) for t in labels.contacts)),))


def nearest(joints: np.ndarray, wish: ContactWish) -> float:
    """Metres between the points that should meet, the farthest of them, when they are nearest."""
    (touches,) = wish.options
    gaps = [
        np.linalg.norm(touch_point(joints[0], a) - touch_point(joints[1], b), axis=-1) for a, b in touches
    ]
    return float(max(gap.min() for gap in gaps))


@pytest.mark.parametrize("kind", ["handshake", "high_five", "hand_over", "clap_game", "circle_hands"])
@pytest.mark.parametrize("metres", [(0.2, 0.0, 0.1), (-0.1, 0.04, 0.2)])
def test_limbs_meet(kind: str, metres: tuple[float, float, float]) -> None:
    joints, wish = apart(kind, metres)
    without, with_wish = solve_clips([joints, joints], wishes=[[], [wish]])
    assert nearest(without.joints, wish) > 0.06
    assert nearest(with_wish.joints, wish) < 0.04
    # The partner as a whole is moved by one vector, the other person stands where he stood.
    np.testing.assert_allclose(with_wish.joints[0, :, 0], without.joints[0, :, 0], atol=1e-6)
    skate = [np.nanmax(foot_skate_mm_per_frame(bodies.joints)) for bodies in (without, with_wish)]
    assert skate[1] <= skate[0] + 0.5


def test_the_option_whose_limbs_come_nearest_is_taken() -> None:
    joints, wish = apart("handshake", (0.15, 0.0, 0.0))
    left = ((LEFT_WRIST, LEFT_WRIST),)
    moved = moved_to_meet(joints, [ContactWish((left, *wish.options))], (True, True))
    np.testing.assert_array_equal(moved, moved_to_meet(joints, [wish], (True, True)))
    assert not np.array_equal(moved, joints)


def test_limbs_that_never_come_near_are_left_alone() -> None:
    joints, wish = apart("handshake", (3.0, 0.0, 0.0))
    np.testing.assert_array_equal(moved_to_meet(joints, [wish], (True, True)), joints)
    later = [ContactWish(wish.options, start=400)]
    np.testing.assert_array_equal(moved_to_meet(joints, later, (True, True)), joints)


@pytest.mark.parametrize("kept", [0, 1])
def test_a_person_who_is_kept_does_not_move(kept: int) -> None:
    joints, wish = apart("hand_over", (0.2, 0.0, 0.1))
    flags = [person == kept for person in (0, 1)]
    without, with_wish = solve_clips([joints, joints], wishes=[[], [wish]], kept=[None, flags])
    np.testing.assert_array_equal(with_wish.joints[kept], without.joints[kept])
    assert nearest(with_wish.joints, wish) < 0.04 < nearest(without.joints, wish)


def test_hands_come_to_the_surface_of_a_body_not_into_it() -> None:
    joints, wish = apart("push_stagger", (0.15, 0.0, 0.15))
    moved = moved_to_meet(joints.astype(np.float64), [wish], (True, True))
    assert 0.10 < nearest(moved, wish) < 0.25


def test_phases_have_shifts_of_their_own_and_change_smoothly() -> None:
    """Person 1 of the second half stands elsewhere than in the first."""
    first, wish = apart("handshake", (0.2, 0.0, 0.0))
    frames = first.shape[1]
    second = first.astype(np.float64)
    second[1, :, :, 0] -= 0.4
    both = np.concatenate([first, second], axis=1)
    wishes = [ContactWish(wish.options, 0, frames), ContactWish(wish.options, frames, 2 * frames)]
    moved = moved_to_meet(both, wishes, (True, True))
    for part in (moved[:, :frames], moved[:, frames:]):
        assert nearest(part, wish) < 0.03
    shift = moved[1, :, 0] - both[1, :, 0]
    assert np.abs(np.diff(shift, axis=0)).max() < 0.03
    assert np.ptp(shift[:, 0]) > 0.2


def test_wishes_of_one_clip_leave_the_others_as_they_are() -> None:
    joints, wish = apart("handshake", (0.2, 0.0, 0.0))
    other, _ = apart("bow", (0.0, 0.0, 0.0))
    alone = solve_clips([other])[0]
    together = solve_clips([joints, other], wishes=[[wish], []])[1]
    np.testing.assert_array_equal(together.joints, alone.joints)
