"""Parameters of SMPL bodies under every spelling and in every form of rotation; `trans` is not the pelvis."""

from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose

from intermask_cli.datasets.motion_files.arrays.smpl_names import parameters_of_people
from intermask_cli.datasets.motion_files.read import read_motion, read_people
from intermask_cli.errors import InputError
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.rotation import (
    axis_angle_from_matrix,
    sixd_columns_from_matrix,
    sixd_rows_from_matrix,
)
from intermask_cli.motion.skeleton import REST_OFFSETS
from tests.helpers.motion_samples import fk_person
from tests.helpers.paths import SHARED

CASES = SHARED / "cases" / "motion"
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason=f"no cases at {CASES}")
FRAMES = 30


@pytest.fixture(scope="module")
def person():
    """local rotations (T, 22, 3, 3) and trans (T, 3) of a person whose pelvis is 0.93 m high, Y up."""
    local = fk_person(FRAMES, seed=3)[1]
    trans = np.stack([np.linspace(0, 1, FRAMES), np.full(FRAMES, 0.93 + 0.35), np.zeros(FRAMES)], axis=-1)
    return local, trans


def body_of(local, trans, rest):
    return forward_kinematics(local, trans + np.array([0, rest, 0]), REST_OFFSETS)[0]


SPELLINGS = {
    "AMASS": ("root_orient", "pose_body", "trans"),
    "smplx": ("global_orient", "body_pose", "transl"),
    "prefixed": ("smplx_global_orient", "smplx_body_pose", "smplx_transl"),
    "camel case": ("globalOrient", "bodyPose", "transl"),
    "mixed": ("orient", "body_pose", "trans"),
    "grouped": ("person1/root_orient", "person1/pose_body", "person1/trans"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("form", ["vectors", "(T, 21, 3)", "matrices", "6-D rows", "6-D columns", "batch"])
def test_spellings_and_forms(spelling, form, person, tmp_path):
    local, trans = person
    convert = {
        "matrices": lambda m: m,
        "6-D rows": sixd_rows_from_matrix,
        "6-D columns": sixd_columns_from_matrix,
    }
    values = convert.get(form, axis_angle_from_matrix)(local)
    root, body = values[:, 0], values[:, 1:]
    if form == "vectors":
        body = body.reshape(FRAMES, -1)
    if form == "batch":
        root, body, trans = root[None], body.reshape(1, FRAMES, -1), trans[None]
    np.savez(tmp_path / "a.npz", **dict(zip(SPELLINGS[spelling], (root, body, trans), strict=True)))
    given = read_motion(tmp_path / "a.npz", up="y")
    assert_allclose(given.joints, body_of(*person, -0.35), atol=1e-5)
    assert given.warnings == ()


@pytest.mark.parametrize(
    ("joints", "rest"), [(24, -0.23), (52, -0.22), (55, -0.35)], ids=["SMPL", "SMPL-H", "SMPL-X"]
)
def test_the_pelvis_is_where_the_model_has_it(joints, rest, person, tmp_path):
    local, trans = person
    poses = np.zeros((FRAMES, joints, 3))
    poses[:, :22] = axis_angle_from_matrix(local)
    np.savez(tmp_path / "a.npz", poses=poses.reshape(FRAMES, -1), trans=trans)
    given = read_motion(tmp_path / "a.npz", up="y")
    assert_allclose(given.joints, body_of(local, trans, rest), atol=1e-5)
    assert f"pelvis at trans + (0, {rest:g}, 0)" in given.source
    np.savez(tmp_path / "b.npz", poses=poses.reshape(FRAMES, -1), trans=trans, model_type="smplx")
    assert_allclose(read_motion(tmp_path / "b.npz", up="y").joints[:, 0, 1], trans[:, 1] - 0.35, atol=1e-5)


def test_the_shift_is_along_y_of_the_file_in_files_that_are_z_up(person, tmp_path):
    local, trans = person
    turn = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # Y up -> Z up
    turned = local.copy()
    turned[:, 0] = turn @ local[:, 0]
    values = axis_angle_from_matrix(turned)
    pelvis = (trans - [0, 0.35, 0]) @ turn.T
    np.savez(
        tmp_path / "a.npz",
        root_orient=values[:, 0],
        pose_body=values[:, 1:],
        trans=pelvis + np.array([0, 0.35, 0]),
    )
    assert_allclose(read_motion(tmp_path / "a.npz").joints, body_of(local, trans, -0.35), atol=1e-5)


def test_the_advice_about_the_up_axis_works(person, tmp_path):
    local, trans = person
    values = axis_angle_from_matrix(local)
    for up, turn in {
        "y": np.eye(3),
        "-y": np.diag([1.0, -1, -1]),
        "x": np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]]),
    }.items():
        root = axis_angle_from_matrix(turn @ local[:, 0])
        np.savez(tmp_path / "a.npz", root_orient=root, pose_body=values[:, 1:], trans=trans @ turn.T)
        with pytest.raises(InputError, match=r"along .* in the file, which is read as Z up") as caught:
            read_motion(tmp_path / "a.npz")
        advised = re.search(r"--up (\S+)", str(caught.value))[1]
        assert advised == up and "--up z" not in str(caught.value)
        joints = read_motion(tmp_path / "a.npz", up=advised).joints
        assert (joints[:, 15, 1] - joints[:, 7, 1]).min() > 1


@needs_cases
def test_smpl_of_the_cases(tmp_path):
    file = CASES / "smpl-y-up" / "smplx_y_up.npz"
    with pytest.raises(InputError, match=r"along Y in the file.*give --up y"):
        read_motion(file)
    given = read_motion(file, up="y")
    assert_allclose(given.joints[:, 0], np.load(CASES / "smpl-y-up" / "pelvis_want.npy"), atol=0.05)
    assert given.warnings == ()
    npz = CASES / "npz-keys" / "smplx_argument_names.npz"
    arrays = dict(np.load(npz))
    np.savez(tmp_path / "same.npz", root_orient=arrays["global_orient"], pose_body=arrays["body_pose"],
             trans=arrays["transl"])  # fmt: skip
    assert_allclose(read_motion(npz, up="y").joints, read_motion(tmp_path / "same.npz", up="y").joints)
    inter_x = CASES / "array-shapes" / "pose_body_21x3.npz"
    arrays = dict(np.load(inter_x))
    np.savez(tmp_path / "flat.npz", **arrays | {"pose_body": arrays["pose_body"].reshape(-1, 63)})
    given = read_motion(inter_x, up="y")
    assert_allclose(given.joints, read_motion(tmp_path / "flat.npz", up="y").joints)
    assert "30 fps (assumed" in given.source
    posed = CASES / "npz-keys" / "posed_joints.npz"
    np.save(tmp_path / "posed.npy", np.load(posed)["posed_joints"])
    assert_allclose(read_motion(posed).joints, read_motion(tmp_path / "posed.npy").joints)
    assert "`posed_joints`" in read_motion(posed).source


def test_files_of_inter_x_have_its_rate(person, tmp_path):
    local, trans = (np.repeat(part, 4, axis=0) for part in person)
    values = axis_angle_from_matrix(local)
    fields = {"root_orient": values[:, 0], "pose_body": values[:, 1:], "trans": trans}
    np.savez(tmp_path / "P1.npz", **fields)
    given = read_motion(tmp_path / "P1.npz")
    assert (given.original_fps, given.frames) == (120, FRAMES) and "Inter-X" in given.source
    np.savez(tmp_path / "P2.npz", **fields, fps=60)
    assert read_motion(tmp_path / "P2.npz", up="y").original_fps == 60


def test_motion_x_rows(person, tmp_path):
    local, trans = person
    rows = np.zeros((FRAMES, 322))
    rows[:, :66] = axis_angle_from_matrix(local).reshape(FRAMES, 66)
    rows[:, 309:312] = trans
    np.save(tmp_path / "a.npy", rows)
    given = read_motion(tmp_path / "a.npy")
    assert_allclose(given.joints, body_of(local, trans, -0.35), atol=1e-5)
    assert "Motion-X" in given.source


def test_people_in_sets_of_their_own(person, tmp_path):
    local, trans = person
    values = axis_angle_from_matrix(local)
    fields = {}
    for number, shift in ((1, 0.0), (2, 2.0)):
        fields |= {f"person{number}_root_orient": values[:, 0], f"person{number}_pose_body": values[:, 1:],
                   f"person{number}_trans": trans + np.array([shift, 0, 0])}  # fmt: skip
    np.savez(tmp_path / "a.npz", **fields)
    people = read_people(tmp_path / "a.npz", up="y")
    assert_allclose(
        people[1].joints - people[0].joints, np.broadcast_to([2.0, 0, 0], (FRAMES, 22, 3)), atol=1e-5
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"trans": (FRAMES, 3), "poses": (FRAMES, 70)}, r"`poses`: shape \(30, 70\); accepted"),
        ({"trans": (FRAMES, 4), "poses": (FRAMES, 72)}, r"`trans`: shape \(30, 4\); accepted: \(T, 3\)"),
        ({"trans": (FRAMES, 3), "poses": (20, 72)}, "20 rows for 30 rows of `trans`"),
        ({"poses": (FRAMES, 72)}, "no joints .*no SMPL parameters.*it holds poses"),
        ({"trans": (FRAMES, 3), "pose_body": (FRAMES, 63)}, "no SMPL parameters"),
        ({"trans": (2, 3), "poses": (2, 72)}, "2 frames; accepted"),
        ({"trans": (FRAMES, 2, 3), "poses": (FRAMES, 2, 72)}, r"persons come first: a\.swapaxes\(0, 1\)"),
        ({"thetas": (FRAMES, 24, 3)}, "no joints .*it holds thetas"),
    ],
)
def test_parameters_that_do_not_fit(fields, message, tmp_path):
    np.savez(tmp_path / "a.npz", **{name: np.zeros(shape) for name, shape in fields.items()})
    with pytest.raises(InputError, match=message) as caught:
        read_motion(tmp_path / "a.npz")
    assert "\n" not in str(caught.value)


def test_sets_of_the_world_are_preferred_and_others_refused():
    names = ("smpl_params_incam/body_pose", "smpl_params_incam/global_orient", "smpl_params_incam/transl",
             "smpl_params_global/body_pose", "smpl_params_global/global_orient", "smpl_params_global/transl",
             "pose", "trans", "pose_world", "trans_world")  # fmt: skip
    assert parameters_of_people(names[:6])[0]["trans"] == "smpl_params_global/transl"
    assert parameters_of_people(names[6:])[0] == {"poses": "pose_world", "trans": "trans_world"}
    with pytest.raises(InputError, match="several sets of SMPL parameters: a, b"):
        parameters_of_people(("a_poses", "a_trans", "b_poses", "b_trans"))
    assert parameters_of_people(("left_hand_pose", "cam_trans", "jaw_pose")) == []


def test_infinite_parameters(person, tmp_path):
    local, trans = person
    values = axis_angle_from_matrix(local)
    values[3, 5] = np.nan
    np.savez(tmp_path / "a.npz", root_orient=values[:, 0], pose_body=values[:, 1:], trans=trans)
    with pytest.raises(InputError, match="nan at frame 3"):
        read_motion(tmp_path / "a.npz")


def test_rotations_in_degrees_are_named_and_the_advice_works(person, tmp_path):
    local, trans = person
    degrees = np.degrees(axis_angle_from_matrix(local)).reshape(FRAMES, -1)
    np.savez(tmp_path / "a.npz", poses=degrees, trans=trans)
    with pytest.raises(InputError, match=r"`poses`: .*most likely degrees; save np\.radians"):
        read_motion(tmp_path / "a.npz", up="y")
    np.savez(tmp_path / "a.npz", poses=np.radians(degrees), trans=trans)
    given = read_motion(tmp_path / "a.npz", up="y")
    assert_allclose(given.joints, body_of(local, trans, -0.35), atol=1e-5)
