"""Near-duplicates: where two interactions stand and face does not matter, what they do does."""

import numpy as np

from intermask_cli.motion.placement import turned_about_y
from intermask_cli.selection.near_duplicates import MOMENTS, DistinctMoves, moments_of
from tests.helpers.motion_samples import moving_pair


def test_place_heading_and_small_changes_do_not_make_another_movement() -> None:
    joints, _ = moving_pair(60, 1)
    turned = turned_about_y(joints, 1.1) + np.array([3.0, 0.0, -2.0], np.float32)
    moves = DistinctMoves(20)
    assert moves.add(joints)
    assert not moves.add(turned)
    assert not moves.add(joints + np.random.default_rng(0).normal(0, 0.005, joints.shape).astype(np.float32))
    assert moves.add(moving_pair(60, 2)[0])
    assert moves.add(joints[:, :40])  # much shorter


def test_the_cheap_bound_loses_nothing() -> None:
    """Every pair within the limit by the complete distance is found."""
    base, _ = moving_pair(48, 3)
    rng = np.random.default_rng(5)
    clips = [
        base + scale * rng.normal(size=(2, 1, 22, 3)).astype(np.float32) for scale in np.linspace(0, 0.2, 30)
    ]
    limit = 60.0
    moves, kept = DistinctMoves(limit), []
    for clip in clips:
        moments = moments_of(clip)
        assert moments.shape == (2, MOMENTS, 22, 3)
        near = any(np.linalg.norm(moments - other, axis=-1).mean() <= limit / 1000 for other in kept)
        assert moves.add(clip) is not near
        if not near:
            kept.append(moments)
    assert 1 < len(kept) < len(clips)
