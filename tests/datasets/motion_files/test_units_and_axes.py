"""Unit and up axis of a file that does not state them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from intermask_cli.datasets.motion_files.read import read_motion
from intermask_cli.datasets.motion_files.units import METRES
from intermask_cli.datasets.motion_files.units_and_axes import find_unit, find_up
from intermask_cli.errors import InputError
from intermask_cli.export.bvh import skeleton_of_rig, write_bvh
from intermask_cli.motion.body_check import body_height
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.rig import Rig
from intermask_cli.motion.rotation import axis_angle_from_matrix, matrix_from_axis_angle
from intermask_cli.motion.skeleton import JOINT
from tests.helpers.motion_samples import fk_person
from tests.helpers.real_skeletons import REAL_TREES
from tests.helpers.skeleton_files import TO_AXES, rig_bvh
from tests.helpers.tool_skeletons import TOOL_RIGS

LAFAN = REAL_TREES["LaFAN1"][0]
UNITY = TOOL_RIGS["Unity"][0]


def motion_of(root_turn=None, root=None, frames=24, height_m=1.75):
    """Positions, local rotations and offsets of a person, who lies almost still if the root is turned."""
    positions, local, offsets = fk_person(frames, seed=3, height_m=height_m)
    if root_turn is not None:
        local[:] = matrix_from_axis_angle(0.3 * axis_angle_from_matrix(local))
        local[:, 0] = root_turn @ local[:, 0]
    place = positions[:, 0] if root is None else root
    return forward_kinematics(local, place, offsets)[0], local, offsets


@pytest.mark.parametrize("height_m", [1.45, 1.6, 1.75, 2.05])
@pytest.mark.parametrize("unit", METRES)
def test_every_usual_unit_is_found(unit, height_m):
    joints = fk_person(8, height_m=height_m)[0]
    assert find_unit(joints / METRES[unit]) == METRES[unit]


@pytest.mark.parametrize(
    ("height_m", "advice"), [(1.1, r"--units cm \(1\.1\d m\)"), (2.6, r"--units cm \(2\.\d+ m\)")]
)
def test_a_child_or_a_giant_needs_its_unit(tmp_path, height_m, advice):
    text, truth = rig_bvh(UNITY, motion=motion_of(height_m=height_m))
    (tmp_path / "clip.bvh").write_text(text)
    with pytest.raises(InputError, match=f"a child or a giant needs .*{advice}"):
        read_motion(tmp_path / "clip.bvh")
    given = read_motion(tmp_path / "clip.bvh", units="cm")
    assert_allclose(given.joints[:, JOINT["left_ankle"]], truth["left_ankle"], atol=1e-3)
    assert body_height(given.joints) == pytest.approx(height_m, rel=0.05)


def test_our_own_exports_of_children_are_read_without_options(tmp_path):
    _, local, offsets = fk_person(12, height_m=1.1)
    root = np.tile([0.0, 0.6, 0.0], (12, 1))
    write_bvh(tmp_path / "a.bvh", skeleton_of_rig(Rig(local, root, offsets, 0.0)))
    given = read_motion(tmp_path / "a.bvh")
    assert_allclose(given.joints, forward_kinematics(local, root, offsets)[0], atol=1e-4)
    assert "intermask names" in given.source
    assert "centimetres" in given.source


def test_a_body_without_size_is_named():
    with pytest.raises(InputError, match="in one place"):
        find_unit(np.zeros((5, 22, 3)))


@pytest.mark.parametrize("options", [{}, {"turned_root": True}, {"along_x": True}])
@pytest.mark.parametrize("up", TO_AXES)
@pytest.mark.parametrize("rig", [LAFAN, UNITY], ids=["LaFAN1", "Unity"])
def test_the_axis_of_a_standing_body_is_found(tmp_path, rig, up, options):
    text, truth = rig_bvh(rig, up=up, **options)
    (tmp_path / "clip.bvh").write_text(text)
    given = read_motion(tmp_path / "clip.bvh")
    assert f", {up.upper()} up," in given.source
    heights = given.joints[:, JOINT["head"], 1] - given.joints[:, JOINT["left_ankle"], 1]
    assert_allclose(heights, truth["head"][:, 1] - truth["left_ankle"][:, 1], atol=1e-3)


SUPINE = matrix_from_axis_angle(np.array([-np.pi / 2, 0.0, 0.0]))  # head towards -Z, face up
ON_THE_SIDE = matrix_from_axis_angle(np.array([0.0, 0.0, np.pi / 2]))  # head towards -X


@pytest.mark.parametrize("turn", [SUPINE, ON_THE_SIDE], ids=["supine", "on the side"])
@pytest.mark.parametrize("up", ["y", "z"])
def test_a_lying_person_is_not_turned_up(tmp_path, turn, up):
    """The rest pose and the floor show that the body lies."""
    frames = 24
    root = np.stack([np.linspace(1.0, 1.1, frames), np.full(frames, 0.25), np.full(frames, 2.0)], axis=-1)
    text, truth = rig_bvh(UNITY, up=up, motion=motion_of(turn, root))
    (tmp_path / "clip.bvh").write_text(text)
    given = read_motion(tmp_path / "clip.bvh")
    assert f", {up.upper()} up," in given.source
    for joint in ("head", "left_wrist", "right_ankle"):
        assert_allclose(given.joints[:, JOINT[joint]], truth[joint], atol=1e-3)


def test_a_person_who_sits_is_read_by_the_rest_pose(tmp_path):
    frames = 24
    _, local, offsets = fk_person(frames, seed=3, height_m=1.75)
    for side in ("left", "right"):
        local[:, JOINT[f"{side}_hip"]] = matrix_from_axis_angle(np.array([-1.6, 0.0, 0.0]))
        local[:, JOINT[f"{side}_knee"]] = np.eye(3)
    root = np.tile([0.5, 0.15, 0.5], (frames, 1))
    motion = (forward_kinematics(local, root, offsets)[0], local, offsets)
    for up in ("y", "z"):
        text, truth = rig_bvh(UNITY, up=up, motion=motion)
        (tmp_path / "clip.bvh").write_text(text)
        given = read_motion(tmp_path / "clip.bvh")
        assert_allclose(given.joints[:, JOINT["head"]], truth["head"], atol=1e-3)


def test_what_cannot_be_known_is_asked_for(tmp_path):
    """Stretched along Z, far from any floor, with a rest pose that stands along Y."""
    frames = 24
    root = np.tile([5.0, 5.0, 5.0], (frames, 1))
    text, truth = rig_bvh(UNITY, motion=motion_of(SUPINE.T, root))
    (tmp_path / "clip.bvh").write_text(text)
    with pytest.raises(InputError, match="give --up z or --up y"):
        read_motion(tmp_path / "clip.bvh")
    given = read_motion(tmp_path / "clip.bvh", up="y")
    assert_allclose(given.joints[:, JOINT["head"]], truth["head"], atol=1e-3)


def test_people_who_disagree_are_asked_for():
    standing = fk_person(8)[0]
    lying = standing @ np.array(SUPINE).T
    with pytest.raises(InputError, match="the bodies stand along"):
        find_up(np.stack([standing, lying]), [np.array([0, 1.0, 0]), np.array([0, 0, -1.0])])


def on_the_floor(turn):
    """`motion_of` a turned person whose lowest joint is 2 cm above the floor."""
    root = np.stack([np.linspace(1.0, 1.1, 24), np.zeros(24), np.full(24, 0.1)], axis=-1)
    root[:, 1] = 0.02 - motion_of(turn, root)[0][..., 1].min()
    return motion_of(turn, root)


LYING = {"face up": SUPINE, "face down": SUPINE.T, "on the side": ON_THE_SIDE}


@pytest.mark.parametrize("pose", LYING)
def test_a_lying_person_of_a_z_up_file_whose_rest_pose_stands_along_y(tmp_path, pose):
    """The file's root turns the rest pose up, so that only the floor shows the axis: found, or asked for."""
    motion = on_the_floor(LYING[pose])
    text, truth = rig_bvh(UNITY, up="z", turned_root=True, motion=motion)
    (tmp_path / "clip.bvh").write_text(text)
    if pose != "face down":  # as a person far above or below the floor, or with an arm in the air
        with pytest.raises(InputError, match=r"give --up y or --up z$"):
            read_motion(tmp_path / "clip.bvh")
        given = read_motion(tmp_path / "clip.bvh", up="z")
    else:
        given = read_motion(tmp_path / "clip.bvh")
    assert ", Z up," in given.source
    for joint in ("head", "left_wrist", "right_ankle"):
        assert_allclose(given.joints[:, JOINT[joint]], truth[joint], atol=1e-3)


def test_a_person_who_sits_where_the_rest_pose_has_no_floor_is_asked_for(tmp_path):
    frames = 24
    _, local, offsets = fk_person(frames, seed=3, height_m=1.75)
    for side in ("left", "right"):
        local[:, JOINT[f"{side}_hip"]] = matrix_from_axis_angle(np.array([-1.6, 0.0, 0.0]))
        local[:, JOINT[f"{side}_knee"]] = np.eye(3)
    root = np.tile([0.0, 0.15, 0.0], (frames, 1))
    motion = (forward_kinematics(local, root, offsets)[0], local, offsets)
    text, truth = rig_bvh(UNITY, up="z", turned_root=True, motion=motion)
    (tmp_path / "clip.bvh").write_text(text)
    with pytest.raises(InputError, match=r"sits, bends or lies.*give --up y or --up z$"):
        read_motion(tmp_path / "clip.bvh")
    given = read_motion(tmp_path / "clip.bvh", up="z")
    assert_allclose(given.joints[:, JOINT["head"]], truth["head"], atol=1e-3)


@pytest.mark.parametrize("up", ["y", "z"])
def test_a_person_on_the_hands_is_read_by_the_rest_pose_and_the_floor(tmp_path, up):
    text, truth = rig_bvh(UNITY, up=up, motion=on_the_floor(np.diag([-1.0, -1.0, 1.0])))
    (tmp_path / "clip.bvh").write_text(text)
    given = read_motion(tmp_path / "clip.bvh")
    assert_allclose(given.joints[:, JOINT["head"]], truth["head"], atol=1e-3)
    assert given.warnings == ()
