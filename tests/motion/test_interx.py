"""Inter-X representation and body model: round trips, plain loops, bad files."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.transform import Rotation

from intermask_cli.errors import InputError, MissingError
from intermask_cli.motion.body_model import BodyModel
from intermask_cli.motion.representation import interx
from intermask_cli.motion.skeleton import INTERX_PARENTS


@pytest.fixture
def clip():
    rng = np.random.default_rng(0)
    clip = rng.uniform(-1, 1, (12, 56, 6)).astype(np.float32)
    clip[:, interx.FACE] = 0
    return clip


@pytest.fixture
def body():
    rest = np.cumsum(np.random.default_rng(1).normal(0, 0.1, (55, 3)), axis=0)
    return BodyModel(rest, INTERX_PARENTS)


def test_rotation_rows_are_the_first_two_rows_of_the_matrix(clip):
    features = interx.person_features(interx.persons_from_processed(clip)[0])
    for row in (0, 7, 54):
        matrix = Rotation.from_rotvec(clip[:, row, :3]).as_matrix()
        assert_allclose(features[:, row], matrix[:, :2].reshape(-1, 6), atol=1e-6)


def test_translation_row_is_position_and_next_step(clip):
    first, second = interx.split_persons(interx.pair_features(clip))
    for features, columns in ((first, slice(0, 3)), (second, slice(3, 6))):
        assert_array_equal(interx.translation_from_features(features), clip[:, 55, columns])
        for t in range(11):
            assert_allclose(features[t, 55, 3:], clip[t + 1, 55, columns] - clip[t, 55, columns], atol=1e-6)
        assert_array_equal(features[-1, 55, 3:], 0)


def test_axis_angle_round_trip_and_join(clip):
    pair = interx.pair_features(clip)
    halves = interx.split_persons(pair)
    assert_array_equal(interx.join_persons(*halves), pair)
    for features, columns in zip(halves, (slice(0, 3), slice(3, 6)), strict=True):
        assert_allclose(interx.axis_angle_from_features(features), clip[:, :55, columns], atol=1e-5)


def test_joints_equal_a_walk_down_the_tree(clip, body):
    person = clip[..., :3].astype(np.float64)
    ours = interx.joints_from_features(interx.person_features(person), body)
    for t in (0, 5):
        turned, placed = {}, {}
        for joint, parent in enumerate(INTERX_PARENTS):
            turn = Rotation.from_rotvec(person[t, joint])
            if parent < 0:
                turned[joint], placed[joint] = turn, body.rest_joints[0] + person[t, 55]
            else:
                offset = body.rest_joints[joint] - body.rest_joints[parent]
                placed[joint] = placed[parent] + turned[parent].apply(offset)
                turned[joint] = turned[parent] * turn
        assert_allclose(ours[t], [placed[joint] for joint in range(55)], atol=1e-5)


def test_face_rotations_change_no_joint(clip, body):
    features = interx.person_features(clip[..., :3])
    turned = features.copy()
    turned[:, interx.FACE] = interx.person_features(clip[..., 3:])[:, 1:4]
    assert_array_equal(interx.joints_from_features(turned, body), interx.joints_from_features(features, body))


def test_shape_is_checked():
    with pytest.raises(ValueError, match=r"\(4, 55, 6\)"):
        interx.persons_from_processed(np.zeros((4, 55, 6)))


def test_body_model_file(tmp_path):
    rng = np.random.default_rng(2)
    regressor, template = rng.random((55, 90)), rng.random((90, 3))
    table = np.stack([INTERX_PARENTS, np.arange(55)]).astype(np.int64)
    table[0, 0] = 2**32 - 1
    np.savez(
        tmp_path / "body.npz",
        J_regressor=regressor, v_template=template, kintree_table=table, extra=np.array([{}], dtype=object),
    )  # fmt: skip
    body = BodyModel.load(tmp_path / "body.npz")
    assert body.parents == INTERX_PARENTS
    assert_allclose(body.rest_joints, regressor @ template)


def test_unusable_body_models(tmp_path):
    with pytest.raises(MissingError, match="SMPLX_NEUTRAL"):
        BodyModel.load(tmp_path / "none.npz")
    np.savez(tmp_path / "empty.npz", other=np.ones(3))
    (tmp_path / "text.npz").write_text("no")
    np.savez(tmp_path / "objects.npz", J_regressor=np.array([{}], dtype=object))
    for name in ("empty", "text", "objects"):
        with pytest.raises(InputError, match=name):
            BodyModel.load(tmp_path / f"{name}.npz")
