"""What ships: it loads, it is small, and it makes people."""

from __future__ import annotations

import numpy as np
import pytest

import intermask_cli as im
from intermask_cli.models.bundle_info import ASSETS, list_bundled
from intermask_cli.motion.kinematics import bone_lengths


def test_the_bundled_models_are_small() -> None:
    assert "duet-mini" in list_bundled()
    assert sum(path.stat().st_size for path in ASSETS.rglob("*") if path.is_file()) < 15e6


@pytest.fixture(scope="module")
def model():
    return im.load_model("duet-mini")


@pytest.mark.slow
def test_duet_mini_makes_two_standing_people(model) -> None:
    first, second = model.generate(["two people bow to each other"] * 2, frames=40, seeds=[1, 2])
    assert first.joints.shape == (2, 40, 22, 3) and np.isfinite(first.joints).all()
    assert not np.array_equal(first.joints, second.joints), "the seed matters"
    heights = first.joints[..., 1].max(axis=2) - first.joints[..., 1].min(axis=2)
    assert ((heights > 0.8) & (heights < 2.2)).all()
    lengths = bone_lengths(first.joints)
    assert lengths.std(axis=1).max() < 1e-5, "bones keep their length"
    np.testing.assert_allclose(lengths[:, 0], first.bone_lengths, atol=1e-5)
    assert first.rigid == (True, True) and first.no_body == ""
    decoded = model.generate("two people bow to each other", frames=40, seed=1, body="decoded")[0]
    assert bone_lengths(decoded.joints).std(axis=1).max() > 1e-3
    assert np.linalg.norm(decoded.joints - first.joints, axis=-1).mean() < 0.04


@pytest.mark.slow
def test_the_given_person_of_a_reaction_is_untouched(model) -> None:
    given = model.generate(["two people shake hands"], frames=24, seed=3)[0].joints[1]
    answer = model.react(given, ["two people shake hands"], person=1, seed=4)[0]
    assert np.array_equal(answer.joints[1], given)
    assert np.isfinite(answer.joints[0]).all()
