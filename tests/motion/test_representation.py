"""Representation objects: found by name, with sizes that fit the modules behind them."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from intermask_cli.config import STEMS
from intermask_cli.errors import InputError
from intermask_cli.models.tokenizer import PLANES
from intermask_cli.motion.representation import INTERHUMAN, INTERX, REPRESENTATIONS, representation_named


def test_representations_are_found_by_name_only():
    assert representation_named("interhuman") is INTERHUMAN and representation_named("interx") is INTERX
    assert (str(INTERHUMAN), str(INTERX)) == ("interhuman", "interx")
    with pytest.raises(InputError, match="'kit'; accepted: interhuman, interx"):
        representation_named("kit")


def test_configuration_and_tokenizer_know_the_same_representations():
    assert set(STEMS) == set(PLANES) == set(REPRESENTATIONS)


@pytest.mark.parametrize("name", ["interhuman", "interx"])
def test_sizes_fit_the_features(name):
    representation = representation_named(name)
    features = np.random.default_rng(0).normal(size=(2, 3, *representation.feature_shape)).astype(np.float32)
    joints = representation.joints_of(features)
    assert joints.shape == (2, 3, representation.num_joints, 3)
    assert len(representation.joint_names) == len(representation.parents) == representation.num_joints
    assert features[0, 0].size == representation.num_features
    if representation.std_floors is not None:
        assert representation.std_floors.shape == (representation.num_features,)


def test_interhuman_reads_positions_and_rotations_directly():
    features = np.arange(2 * 262, dtype=np.float32).reshape(2, 262)
    assert_array_equal(INTERHUMAN.joints_of(features).reshape(2, 66), features[:, :66])
    motion = INTERHUMAN.to_motion(features[None])
    assert_array_equal(motion.rotations6d.reshape(2, 126), features[:, 132:258])
    assert (
        motion.features.shape == (1, 2, 262) and INTERX.to_motion(np.ones((2, 1, 56, 6))).rotations6d is None
    )
