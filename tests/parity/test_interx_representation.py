"""Inter-X clips to features and joints: evaluation/interx_representation.npz, body_model_synthetic.npz."""

from __future__ import annotations

import numpy as np
import pytest

from intermask_cli.motion.body_model import BodyModel
from intermask_cli.motion.representation import interx
from intermask_cli.motion.rotation import matrix_from_axis_angle
from intermask_cli.motion.skeleton import INTERX_PARENTS
from tests.helpers.parity_comparing import assert_close
from tests.helpers.rotations import angle_between_matrices

pytestmark = pytest.mark.parity


@pytest.fixture
def golden(load):
    return load("evaluation/interx_representation.npz")


@pytest.fixture
def body(parity_file):
    return BodyModel.load(parity_file("evaluation/body_model_synthetic.npz"))


def test_single_person_features(golden):
    persons = interx.persons_from_processed(golden["processed"])
    for person, name in zip(persons, ("single_p1", "single_p2"), strict=True):
        ours = interx.person_features(person)
        assert ours.dtype == np.float32
        assert_close(ours, golden[name], atol=1e-5)


def test_pair_features(golden):
    pair = interx.pair_features(golden["processed"])
    assert_close(pair, golden["pair"], atol=1e-5)
    for ours, name in zip(interx.split_persons(pair), ("single_p1", "single_p2"), strict=True):
        assert_close(ours, golden[name], atol=1e-5)


def angles(ours, theirs):
    """Radians between rotation vectors, compared as rotations: at half a turn the axis may flip."""
    first, second = (matrix_from_axis_angle(vectors.astype(np.float64)) for vectors in (ours, theirs))
    return angle_between_matrices(first, second)


def test_rotations_recovered_from_features(golden):
    theirs = np.concatenate([golden["axis_angle_root"][:, :, None], golden["axis_angle_body"]], axis=2)
    sources = interx.persons_from_processed(golden["processed"])
    for person, features in enumerate(interx.split_persons(golden["pair"])):
        ours = interx.axis_angle_from_features(features)
        assert angles(ours, sources[person][:, :55]).max() < 1e-5
        # the published route passes through a float32 arc cosine and is itself 2e-4 away from its source
        apart = angles(ours, theirs[person])
        assert_close(apart, np.zeros_like(apart), atol=1e-3)


def test_joints(golden, body):
    for person, features in enumerate(interx.split_persons(golden["pair"])):
        assert_close(interx.joints_from_features(features, body), golden["joints"][person], atol=2e-4)


def global_features(person: np.ndarray, body: BodyModel) -> np.ndarray:
    """The "global" variant, unused by released settings: (T, 56, 3) -> (T, 55, 12) float32, not normalised.

    Per joint: position (3), forward difference (3), 6-D rotation (6).
    """
    features = interx.person_features(person)
    joints = interx.joints_from_features(features, body)
    rotations = features[:, : interx.TRANSLATION]
    return np.concatenate([joints, interx.forward_difference(joints), rotations], axis=-1)


def test_global_variant(golden, body):
    person, _ = interx.persons_from_processed(golden["processed"])
    assert_close(global_features(person, body), golden["global_p1"], atol=2e-4)


def test_tree(body):
    assert body.parents == INTERX_PARENTS
