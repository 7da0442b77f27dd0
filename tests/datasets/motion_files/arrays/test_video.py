"""Results of video-to-motion tools: SLAHMR's scenes, GVHMR's tensors, who is seen when, hostile files."""

from __future__ import annotations

import csv
import zipfile

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from intermask_cli.datasets.interhuman.pair_table import read_table
from intermask_cli.datasets.interhuman.pairs import write_pairs
from intermask_cli.datasets.motion_files.read import read_motion, read_people
from intermask_cli.datasets.motion_files.read_options import ReadOptions
from intermask_cli.errors import InputError
from intermask_cli.motion.rotation import axis_angle_from_matrix, matrix_from_axis_angle
from tests.helpers.motion_samples import fk_person
from tests.helpers.paths import SHARED

CASES = SHARED / "cases" / "motion" / "from-video"
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason=f"no cases at {CASES}")
FRAMES = 60
#: The first camera of a scene: X right, Y down, Z forward.
TO_CAMERA = np.diag([1.0, -1.0, -1.0])


def scene(persons=2, tilt=0.0, mask=None):
    """Arrays as SLAHMR writes them, and pelvises; the camera, 1.4 m up, is tilted by `tilt` radians."""
    turn = matrix_from_axis_angle(np.array([tilt, 0, 0])) @ TO_CAMERA
    roots, bodies, paths, joints = [], [], [], []
    for person in range(persons):
        local = fk_person(FRAMES, seed=person, heading=2.0 * person)[1]
        pelvis = np.stack([np.linspace(0, 0.5, FRAMES) + person, np.full(FRAMES, 0.9), np.zeros(FRAMES)], -1)
        roots.append(axis_angle_from_matrix(turn @ local[:, 0]))
        bodies.append(axis_angle_from_matrix(local[:, 1:]).reshape(FRAMES, 63))
        camera = (pelvis - [0, 1.4, 0]) @ turn.T  # the camera is 1.4 m above the floor
        paths.append(camera - [0, -0.35, 0])
        joints.append(pelvis)
    floor = (turn @ [0.0, 1.0, 0.0]).reshape(1, 3)
    return {
        "root_orient": np.stack(roots), "pose_body": np.stack(bodies), "trans": np.stack(paths),
        "betas": np.zeros((persons, 16)), "floor_plane": floor, "floor_idcs": np.zeros(persons, dtype=int),
        "world_scale": np.ones((1, 1)), "intrins": np.array([1000.0, 1000, 640, 360]),
        "track_mask": np.ones((persons, FRAMES), dtype=bool) if mask is None else mask,
        "cam_R": np.tile(np.eye(3), (persons, FRAMES, 1, 1)), "latent_motion": np.zeros((persons, 59, 48)),
    }, np.stack(joints)  # fmt: skip


@pytest.mark.parametrize("tilt", [0.0, 0.3])
def test_a_scene_is_upright_and_keeps_its_distances(tilt, tmp_path):
    arrays, pelvis = scene(tilt=tilt)
    np.savez(tmp_path / "a_world_results.npz", **arrays)
    people = read_people(tmp_path / "a_world_results.npz")
    read = np.stack([given.joints[:, 0] for given in people])
    assert_allclose(read[1] - read[0], pelvis[1] - pelvis[0], atol=1e-4)
    heights = read[..., 1] - pelvis[..., 1]
    assert_allclose(heights, np.full_like(heights, heights[0, 0]), atol=1e-4)
    assert min(given.joints[:, [7, 8, 10, 11], 1].min() for given in people) == pytest.approx(0, abs=1e-6)
    assert all(given.warnings == () for given in people)
    with pytest.raises(InputError, match="holds 2 persons; choose one with --person 1 or --person 2"):
        read_motion(tmp_path / "a_world_results.npz")


def test_frames_in_which_a_person_is_not_tracked_do_not_count(tmp_path):
    mask = np.ones((2, FRAMES), dtype=bool)
    mask[0, :5], mask[1, 40:] = False, False
    arrays, _ = scene(mask=mask)
    np.savez(tmp_path / "a.npz", **arrays)
    assert [read_motion(tmp_path / "a.npz", person=person).frames for person in (0, 1)] == [55, 40]
    both = read_people(tmp_path / "a.npz")
    assert [given.frames for given in both] == [35, 35]
    assert "frames 5 to 39 of 60 are read" in both[0].warnings[0]
    np.savez(tmp_path / "apart.npz", **arrays | {"track_mask": np.arange(FRAMES) // 30 == [[0], [1]]})
    with pytest.raises(InputError, match="never tracked at the same time"):
        read_people(tmp_path / "apart.npz")


def table(folder, **row):
    with (folder / "pairs.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(row))
        writer.writeheader()
        writer.writerow(row)
    return read_table(folder / "pairs.csv")


def test_a_scene_of_two_is_one_clip_and_one_of_three_needs_a_choice(tmp_path):
    np.savez(tmp_path / "two.npz", **scene()[0])
    mask = np.ones((3, FRAMES), dtype=bool)
    mask[1, 10:] = False  # the person who is not chosen
    np.savez(tmp_path / "three.npz", **scene(3, mask=mask)[0])
    written = write_pairs(
        table(tmp_path, pair="two.npz", text="x", split="train"), tmp_path / "a", ReadOptions()
    )
    assert (written.clips, written.frames) == (1, FRAMES)
    with pytest.raises(InputError, match=r"holds 3 people; a column `persons` chooses two.*such as 1 3"):
        write_pairs(table(tmp_path, pair="three.npz", text="x"), tmp_path / "b", ReadOptions())
    chosen = table(tmp_path, pair="three.npz", persons="1 3", text="x", split="train")
    written = write_pairs(chosen, tmp_path / "b", ReadOptions())
    assert (written.clips, written.frames) == (1, FRAMES)


@needs_cases
def test_both_people_of_the_case():
    people = read_people(CASES / "clip_000100_world_results.npz")
    read = np.stack([given.joints[:, 0] for given in people]).astype(np.float64).reshape(-1, 3)
    want = np.load(CASES / "pelvis_want.npy").astype(np.float64).reshape(-1, 3)
    u, _, vt = np.linalg.svd((read - read.mean(0)).T @ (want - want.mean(0)))
    turn = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    assert_allclose((read - read.mean(0)) @ turn, want - want.mean(0), atol=1e-3)
    assert all(given.warnings == () for given in people)
    smpl = np.load(CASES.parent / "smpl-y-up" / "smplx_y_up.npz")
    given = read_motion(CASES / "hmr4d_results.pt")
    assert_allclose(given.joints[:, 0], smpl["trans"] + [0, -0.35, 0], atol=1e-3)


def gvhmr(path, **more):
    """A file as GVHMR writes it; returns the pelvis (T, 3)."""
    local = fk_person(FRAMES, seed=5)[1]
    pelvis = np.stack([np.linspace(0, 1, FRAMES), np.full(FRAMES, 0.93), np.zeros(FRAMES)], axis=-1)
    values = torch.tensor(axis_angle_from_matrix(local), dtype=torch.float32)
    body = {"body_pose": values[:, 1:].reshape(FRAMES, 63), "global_orient": values[:, 0],
            "transl": torch.tensor(pelvis + np.array([0, 0.35, 0]), dtype=torch.float32),
            "betas": torch.zeros(FRAMES, 10)}  # fmt: skip
    camera = {**body, "transl": torch.zeros(FRAMES, 3)}
    torch.save(
        {"smpl_params_global": body, "smpl_params_incam": camera, "net_outputs": {"x": 1}} | more, path
    )
    return pelvis


def test_tensors_of_gvhmr(tmp_path):
    pelvis = gvhmr(tmp_path / "hmr4d_results.pt")
    given = read_motion(tmp_path / "hmr4d_results.pt")
    assert_allclose(given.joints[:, 0], pelvis, atol=1e-5)
    assert given.warnings == () and given.original_fps == 30
    gvhmr(tmp_path / "fast.pt", fps=60)
    assert read_motion(tmp_path / "fast.pt").frames == FRAMES // 2


class Touch:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return type(self.path).touch, (self.path,)


def test_hostile_and_other_tensor_files_are_one_line(tmp_path):
    gvhmr(tmp_path / "whole.pt")
    whole = (tmp_path / "whole.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    torch.save({"trans": Touch(tmp_path / "touched")}, tmp_path / "code.pt")
    torch.save({"a": bytearray(b"x")}, tmp_path / "bytes.pt")
    torch.save({"weight": torch.zeros(3)}, tmp_path / "weights.pt")
    torch.save({"transl": torch.zeros(1, 1).expand(10**9, 3), "poses": torch.zeros(3)}, tmp_path / "wide.pt")
    torch.save(
        dict(torch.load(tmp_path / "whole.pt")), tmp_path / "old.pt", _use_new_zipfile_serialization=False
    )
    with (
        zipfile.ZipFile(tmp_path / "whole.pt") as source,
        zipfile.ZipFile(tmp_path / "packed.pt", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in source.namelist():
            packed.writestr(name, source.read(name))
    for name, message in {
        "cut": "damaged", "code": "only tensors are loaded", "bytes": "only tensors are loaded",
        "weights": "no SMPL parameters.*it holds weight", "wide": "1000000000 frames",
        "packed": "its parts have",
        "old": r"torch\.save\(torch\.load\(.*weights_only=True\)",
    }.items():  # fmt: skip
        with pytest.raises(InputError, match=message) as caught:
            read_motion(tmp_path / f"{name}.pt")
        assert "\n" not in str(caught.value), name
    assert not (tmp_path / "touched").exists()


def test_the_line_that_renews_an_old_tensor_file_works(tmp_path):
    gvhmr(tmp_path / "whole.pt")
    torch.save(
        dict(torch.load(tmp_path / "whole.pt")), tmp_path / "old.pt", _use_new_zipfile_serialization=False
    )
    with pytest.raises(InputError) as caught:
        read_motion(tmp_path / "old.pt")
    exec(str(caught.value).partition("turn it by: ")[2], {})
    assert read_motion(tmp_path / "old.pt").frames == FRAMES


@pytest.mark.parametrize("held", ["tensor", "dictionary"])
def test_joints_in_a_tensor_file(held, tmp_path):
    joints = fk_person(40)[0]
    tensor = torch.from_numpy(joints)
    torch.save(tensor if held == "tensor" else {"joints": tensor, "fps": 60}, tmp_path / "a.pt")
    given = read_motion(tmp_path / "a.pt")
    assert_allclose(given.joints, joints if held == "tensor" else joints[::2][: given.frames], atol=1e-5)
