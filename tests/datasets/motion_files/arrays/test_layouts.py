"""Arrays of every known shape are the motion that was stored; others are refused with a likely reason."""

from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from intermask_cli.datasets.motion_files.arrays.layouts import layout_of
from intermask_cli.datasets.motion_files.read import read_motion, read_people
from intermask_cli.errors import InputError
from intermask_cli.motion.representation.interhuman import pair_features
from tests.helpers.motion_samples import fk_pair, fk_person
from tests.helpers.paths import SHARED

CASES = SHARED / "cases" / "motion"
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason=f"no cases at {CASES}")
FRAMES = 36


def more_joints(joints, count):
    """Joints of a larger model: ours first, then others."""
    return np.concatenate([joints, np.repeat(joints[..., :1, :], count - 22, axis=-2) + 0.3], axis=-2)


LAYOUTS = {
    "SMPL": lambda pair: more_joints(pair[0], 24),
    "SMPL-H": lambda pair: more_joints(pair[0], 52),
    "SMPL-X": lambda pair: more_joints(pair[0], 55),
    "SMPL-X with a surface": lambda pair: more_joints(pair[0], 127),
    "axes before time": lambda pair: pair[0].transpose(1, 2, 0),
    "a sample of one": lambda pair: pair[:1].transpose(0, 2, 3, 1),
    "one row": lambda pair: pair[0].reshape(FRAMES, 66),
    "persons first": lambda pair: pair,
    "time first": lambda pair: pair.swapaxes(0, 1),
    "two of a diffusion model": lambda pair: pair.transpose(0, 2, 3, 1),
    "pair of SMPL-X": lambda pair: more_joints(pair, 55),
    "pair in rows": lambda pair: pair.reshape(2, FRAMES, 66),
    "axes of length one": lambda pair: pair[0][None, None],
    "Fortran order": lambda pair: np.asfortranarray(pair[0]),
    "double precision": lambda pair: pair[0].astype(np.float64),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_gives_the_persons(name, tmp_path):
    pair, _ = fk_pair(FRAMES)
    array = LAYOUTS[name](pair)
    np.save(tmp_path / "a.npy", array)
    people = read_people(tmp_path / "a.npy")
    assert len(people) == (2 if 2 in array.shape and array.ndim > 2 else 1)
    for person, given in enumerate(people):
        assert_array_equal(given.joints, pair[person])
        assert given.warnings == ()
        assert "assumed" in given.source


@needs_cases
@pytest.mark.parametrize("name", ["smpl_24_joints", "smplx_55_joints", "joints_axes_time", "time_first_pair"])
def test_shapes_of_the_cases(name):
    want = np.load(CASES / "array-shapes" / "want.npy")
    given = read_people(CASES / "array-shapes" / f"{name}.npy")[0]
    assert_allclose(given.joints, want, atol=1e-3)
    assert given.warnings == ()


def test_samples_of_a_batch_are_chosen_like_persons(tmp_path):
    samples = np.stack([fk_person(FRAMES, seed)[0] for seed in range(5)])
    np.save(tmp_path / "results.npy", samples.transpose(0, 2, 3, 1))
    with pytest.raises(InputError, match="holds 5 persons; choose one with --person 1 to --person 5"):
        read_motion(tmp_path / "results.npy")
    assert_allclose(read_motion(tmp_path / "results.npy", person=3).joints, samples[3], atol=1e-6)


def test_features_in_other_layouts(tmp_path):
    features = pair_features(*fk_pair(FRAMES))  # (2, T, 262)
    for name, array in {
        "side by side": np.concatenate([features[0], features[1]], axis=-1),
        "time first": features.swapaxes(0, 1),
        "time last": features.swapaxes(1, 2),
    }.items():
        np.save(tmp_path / "a.npy", array)
        for person, given in enumerate(read_people(tmp_path / "a.npy")):
            assert_array_equal(given.joints.reshape(-1, 66), features[person, :, :66]), name


@needs_cases
def test_humanml3d_is_read_at_its_own_rate(tmp_path):
    given = read_motion(CASES / "humanml3d" / "features_263.npy")
    joints = np.load(CASES / "humanml3d" / "joints_at_20_fps.npy")
    assert (given.original_fps, given.original_frames, given.frames) == (20, 40, 59)
    assert "HumanML3D" in given.source and "assumed" not in given.source and given.warnings == ()
    assert_allclose(given.joints[::3], joints[::2], atol=1e-3)
    features = np.load(CASES / "humanml3d" / "features_263.npy")
    np.save(tmp_path / "mdm.npy", features.T[None, :, None])  # (1, 263, 1, T), as diffusion code has it
    assert_array_equal(read_motion(tmp_path / "mdm.npy").joints, given.joints)
    np.savez(tmp_path / "rate.npz", motion=features, fps=40)
    assert read_motion(tmp_path / "rate.npz").original_fps == 40


def humanml3d_features(joints):
    """Features of joints (T, 22, 3), by plain loops from the table in `humanml3d`: an oracle."""
    across = joints[:, 1] - joints[:, 2] + joints[:, 16] - joints[:, 17]
    yaw = np.arctan2(-across[:, 2], across[:, 0])  # the turn that takes X to the left of the body
    features = np.zeros((len(joints) - 1, 263))
    for t in range(len(joints) - 1):

        def seen(vector, turn):
            c, s = np.cos(turn), np.sin(turn)
            return np.stack([c * vector[..., 0] - s * vector[..., 2], vector[..., 1],
                             s * vector[..., 0] + c * vector[..., 2]], axis=-1)  # fmt: skip

        change = yaw[t + 1] - yaw[t]
        features[t, 0] = -np.arctan2(np.sin(change), np.cos(change)) / 2
        features[t, 1:3] = seen(joints[t + 1, 0] - joints[t, 0], yaw[t + 1])[[0, 2]]
        features[t, 3] = joints[t, 0, 1]
        below = joints[t, 1:] - joints[t, 0] * [1, 0, 1]
        features[t, 4:67] = seen(below, yaw[t]).ravel()
        features[t, 67:193] = np.tile([1.0, 0, 0, 0, 1, 0], 21)
    return features, yaw[0], joints[0, 0]


def test_humanml3d_features_of_a_turning_person(tmp_path):
    joints = fk_person(40, seed=4, heading=0.8)[0]
    features, yaw, start = humanml3d_features(joints)
    np.save(tmp_path / "a.npy", features)
    given = read_motion(tmp_path / "a.npy", fps=30)
    c, s = np.cos(yaw), np.sin(yaw)
    turned = joints[:-1] - start * [1, 0, 1]
    turned = np.stack([c * turned[..., 0] - s * turned[..., 2], turned[..., 1],
                       s * turned[..., 0] + c * turned[..., 2]], axis=-1)  # fmt: skip
    assert_allclose(given.joints, turned, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "likely"),
    [
        ((40, 17, 3), "Human3.6M or COCO"),
        ((40, 25, 3), "BODY_25"),
        ((40, 251), "KIT-ML"),
        ((40, 6890, 3), "vertices"),
        ((40, 24, 3, 3), r"rotation matrices.*np\.savez\(FILE, poses=a, trans=t\)"),
        ((40, 22, 2), "no depth"),
        ((40, 135), "6-D"),
        ((3, 31, 40), r"a\.transpose\(2, 1, 0\) is \(T, joints, 3\)"),
        ((31, 3, 40), r"a\.transpose\(2, 0, 1\) is \(T, joints, 3\)"),
        ((40, 30, 3), "another order"),
        ((22, 3), "one frame"),
    ],
)
def test_refused_shapes_say_what_they_likely_are(shape, likely):
    with pytest.raises(InputError, match=likely) as caught:
        layout_of(shape)
    assert str(shape) in str(caught.value) and "accepted: joints (T, 22, 3)" in str(caught.value)


def test_the_advice_for_a_turned_array_turns_it():
    for shape in ((3, 22, 40), (3, 40, 22), (40, 3, 22)):
        with pytest.raises(InputError) as caught:
            layout_of(shape)
        turn = re.search(r"(a\.transpose\([0-9, ]+\)) is", str(caught.value))
        assert eval(turn[1], {"a": np.zeros(shape)}).shape == (40, 22, 3)


def test_rows_that_are_rotations_are_not_taken_for_joints(tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "poses.npy", rng.normal(0, 0.4, (40, 72)))
    with pytest.raises(InputError, match=r"SMPL's rotations; save them with the translation"):
        read_motion(tmp_path / "poses.npy")
