"""Pickles are refused with a line of Python; the line, when it is run, writes a file that is read."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose

from intermask_cli.datasets.motion_files.read import read_motion, read_people
from intermask_cli.errors import InputError
from intermask_cli.motion.rotation import axis_angle_from_matrix
from tests.helpers.motion_samples import fk_person

FRAMES = 24


def poses(joints=24, seed=0):
    """Rotation vectors (T, 3 joints) and the path (T, 3) of a pelvis at `trans`, Y up."""
    values = np.zeros((FRAMES, joints, 3))
    values[:, :22] = axis_angle_from_matrix(fk_person(FRAMES, seed)[1])
    path = np.stack([np.linspace(0, 1, FRAMES), np.full(FRAMES, 1.16), np.zeros(FRAMES)], axis=-1)
    return values.reshape(FRAMES, -1), path


def follow(error: InputError, folder):
    """Run the line of a message in a folder; returns the file that it names."""
    message = str(error)
    assert "\n" not in message and "if you trust the file" in message
    name = message.partition("line of Python writes ")[2].partition(",")[0]
    exec(message.partition("which is read: ")[2], {})
    return folder / name


def refused(path):
    with pytest.raises(InputError, match="never loaded") as caught:
        read_motion(path)
    return caught.value


def test_aist(tmp_path):
    values, path = poses()
    held = {
        "smpl_poses": values,
        "smpl_trans": path * 93.8,
        "smpl_scaling": np.array([93.8]),
        "smpl_loss": 0.1,
    }
    (tmp_path / "gBR_sBM.pkl").write_bytes(pickle.dumps(held))
    error = refused(tmp_path / "gBR_sBM.pkl")
    assert "AIST++" in str(error)
    given = read_motion(follow(error, tmp_path))
    assert given.original_fps == 60
    assert_allclose(given.joints[:, 0], (path - [0, 0.23, 0])[::2], atol=1e-4)


def test_wham_with_two_people_of_different_times(tmp_path):
    joblib = pytest.importorskip("joblib")
    values, path = poses()
    people = {
        number: {"pose": values, "trans": path, "pose_world": values,
                 "trans_world": path + np.array([2.0 * number, 0, 0]),
                 "betas": np.zeros((FRAMES, 10)), "frame_ids": np.arange(FRAMES) + 4 * number}
        for number in (0, 1)
    }  # fmt: skip
    joblib.dump(people, tmp_path / "wham_output.pkl")
    error = refused(tmp_path / "wham_output.pkl")
    assert "WHAM" in str(error)
    file = follow(error, tmp_path)
    both = read_people(file, up="y")
    assert [given.frames for given in both] == [FRAMES - 4] * 2
    assert_allclose(both[0].joints[0, 0], path[4] - [0, 0.23, 0], atol=1e-4)
    assert_allclose(both[1].joints[0, 0], path[0] + [2, -0.23, 0], atol=1e-4)
    assert read_motion(file, person=1, up="y").frames == FRAMES


def test_tram(tmp_path):
    from intermask_cli.motion.rotation import matrix_from_axis_angle

    values, path = poses()
    camera = np.diag([1.0, -1, -1])
    turns = matrix_from_axis_angle(values.reshape(FRAMES, 24, 3))
    turns[:, 0] = camera @ turns[:, 0]
    held = {
        "pred_rotmat": turns,
        "pred_trans": (path @ camera)[:, None],
        "pred_shape": np.zeros((FRAMES, 10)),
    }
    np.save(tmp_path / "hps_track_0.npy", held, allow_pickle=True)
    error = refused(tmp_path / "hps_track_0.npy")
    assert "TRAM" in str(error)
    given = read_motion(follow(error, tmp_path))
    assert (given.joints[:, 15, 1] - given.joints[:, 7, 1]).min() > 1


def test_phalp(tmp_path):
    joblib = pytest.importorskip("joblib")
    from intermask_cli.motion.rotation import matrix_from_axis_angle

    values, path = poses()
    camera = np.diag([1.0, -1, -1])
    turns = matrix_from_axis_angle(values.reshape(FRAMES, 24, 3))
    turns[:, 0] = camera @ turns[:, 0]
    frames = {
        f"{t:06d}.jpg": {
            "tid": [7, 3], "camera": [path[t] @ camera, np.zeros(3)], "3d_joints": [np.zeros((45, 3))] * 2,
            "smpl": [{"global_orient": turns[t, :1], "body_pose": turns[t, 1:]}] * 2,
        }
        for t in range(FRAMES)
    }  # fmt: skip
    joblib.dump(frames, tmp_path / "demo.pkl")
    error = refused(tmp_path / "demo.pkl")
    assert "PHALP" in str(error)
    assert read_motion(follow(error, tmp_path)).frames == FRAMES


def test_results_of_diffusion_code(tmp_path):
    samples = np.stack([fk_person(40, seed)[0] for seed in range(3)])
    held = {"motion": samples.transpose(0, 2, 3, 1), "text": ["walk"] * 3, "lengths": np.array([40] * 3),
            "num_samples": 3, "num_repetitions": 1}  # fmt: skip
    np.save(tmp_path / "results.npy", held, allow_pickle=True)
    file = follow(refused(tmp_path / "results.npy"), tmp_path)
    given = read_motion(file, person=2)
    assert (given.original_fps, given.original_frames) == (20, 40)
    assert_allclose(given.joints[::3], samples[2, ::2], atol=1e-5)


@pytest.mark.parametrize("name", ["a.pkl", "a.pickle", "a.joblib", "a.npy", "a.npz"])
def test_any_other_pickle_of_arrays(name, tmp_path):
    values, path = poses()
    held = {"person1": {"poses": values, "trans": path},
            "person2": {"poses": values, "trans": path + np.array([1.0, 0, 0])},
            "mocap_framerate": 30}  # fmt: skip
    if name.endswith("npz"):
        np.savez(tmp_path / name, joints=np.array([{}, 1], dtype=object), **{"x": 1})
        assert "allow_pickle" in str(refused(tmp_path / name))
        return
    if name.endswith("npy"):
        np.save(tmp_path / name, held, allow_pickle=True)
    elif name.endswith("joblib"):
        pytest.importorskip("joblib").dump(held, tmp_path / name)
    else:
        (tmp_path / name).write_bytes(pickle.dumps(held))
    people = read_people(follow(refused(tmp_path / name), tmp_path), up="y")
    assert_allclose(
        people[1].joints[:, 0] - people[0].joints[:, 0], np.tile([1.0, 0, 0], (FRAMES, 1)), atol=1e-5
    )
