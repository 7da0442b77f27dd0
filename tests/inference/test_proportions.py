"""Interactions on bodies of given proportions: rigid, as tall as asked for, given persons kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from intermask_cli.errors import InputError
from intermask_cli.inference.interaction import Interaction
from intermask_cli.inference.proportions import Proportions, with_proportions
from intermask_cli.motion.body.solver import solve_bodies
from intermask_cli.motion.body_check import body_height, height_of
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.rig import is_rigid
from intermask_cli.motion.skeleton import JOINT, REST_OFFSETS
from tests.helpers.motion_samples import fk_pair

REST = np.linalg.norm(REST_OFFSETS[1:], axis=-1)


@pytest.fixture
def item() -> Interaction:
    s = solve_bodies(*fk_pair(40))
    motion = Motion(s.joints, s.rotations6d, None, s.root_rotations6d, s.bone_lengths)
    return Interaction(motion, text="they bow", seed=3, id="a", rigid=(True, True))


def test_both_get_their_heights_and_stay_rigid(item: Interaction) -> None:
    before = item.motion.sha256()
    made = with_proportions(item, Proportions((1.8, 1.65)))
    assert made.rigid == (True, True) and (made.text, made.seed, made.id) == ("they bow", 3, "a")
    for person, height in enumerate((1.8, 1.65)):
        assert is_rigid(made.motion, person)
        assert abs(body_height(made.joints[person]) - height) < 1e-3
        assert abs(height_of(made.bone_lengths[person]) - height) < 1e-5
    assert item.motion.sha256() == before  # the input is not changed


def test_one_value_counts_for_both(item: Interaction) -> None:
    made = with_proportions(item, Proportions((1.7,)))
    np.testing.assert_allclose(height_of(made.bone_lengths), 1.7, atol=1e-5)


def test_a_shape_sets_its_bones_and_the_others_keep_their_share(item: Interaction) -> None:
    shape = np.full(21, np.nan)
    shape[JOINT["left_knee"] - 1] = 0.5
    made = with_proportions(item, Proportions(shapes=(shape,)))
    own, lengths = item.bone_lengths[0], made.bone_lengths[0]
    assert lengths[JOINT["left_knee"] - 1] == np.float32(0.5)
    share = 0.5 / own[JOINT["left_knee"] - 1]
    others = np.delete(np.arange(21), JOINT["left_knee"] - 1)
    np.testing.assert_allclose(lengths[others], own[others] * share, rtol=1e-5)
    tall = with_proportions(item, Proportions((1.9,), (REST,)))  # a shape, scaled to a height
    np.testing.assert_allclose(tall.bone_lengths[0] / REST, tall.bone_lengths[1][0] / REST[0], rtol=1e-5)
    np.testing.assert_allclose(height_of(tall.bone_lengths), 1.9, atol=1e-5)


def test_a_given_person_does_not_change(item: Interaction) -> None:
    made = with_proportions(replace(item, given=1), Proportions((1.8,)))
    for name in ("joints", "rotations6d", "root_rotations6d", "bone_lengths"):
        np.testing.assert_array_equal(getattr(made, name)[1], getattr(item, name)[1])
    assert abs(height_of(made.bone_lengths[0]) - 1.8) < 1e-5


@pytest.mark.parametrize("given", [None, 0])
def test_a_decoded_interaction_becomes_rigid_first(given: int | None) -> None:
    """As runs of earlier versions hold them."""
    joints, rotations = fk_pair(40)
    made = with_proportions(Interaction(joints, rotations, given=given), Proportions((1.8,)))
    assert made.rigid == ((True, True) if given is None else (False, True))
    assert is_rigid(made.motion, 1) and abs(height_of(made.bone_lengths[1]) - 1.8) < 1e-5
    if given == 0:
        np.testing.assert_array_equal(made.joints[0], joints[0])
        np.testing.assert_array_equal(made.rotations6d[0], rotations[0])


def test_what_cannot_be_a_body_is_refused(item: Interaction) -> None:
    for height in (0.1, 180.0, float("nan")):
        with pytest.raises(InputError, match=r"a height of .* m; accepted: 0.5 to 3"):
            Proportions((height,))
    with pytest.raises(InputError, match="3 heights; accepted: one, or one for each of 2 persons"):
        Proportions((1.7, 1.7, 1.7))
    with pytest.raises(InputError, match="work on 22 joints; this body has 55"):
        with_proportions(Interaction(np.zeros((2, 8, 55, 3), np.float32)), Proportions((1.8,)))


def test_the_identity_differs_between_bodies() -> None:
    identities = [
        Proportions((1.8,)), Proportions((1.8, 1.8)), Proportions(shapes=(REST,)),
        Proportions(shapes=(REST, REST)), Proportions(shapes=(1.01 * REST,)),
    ]  # fmt: skip
    assert len({str(one.identity()) for one in identities}) == 5
    assert not Proportions() and all(identities)
