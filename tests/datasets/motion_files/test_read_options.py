"""What users say about a file: frames and seconds, axes, sides, units by any name, suffixes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from intermask_cli.datasets.motion_files.read import read_motion
from intermask_cli.datasets.motion_files.read_options import ReadOptions, suffix_of
from intermask_cli.datasets.motion_files.units import metres_per_unit
from intermask_cli.errors import InputError
from intermask_cli.motion.skeleton import JOINT_NAMES, MIRROR, PARENTS
from tests.helpers.motion_files import bvh_text, rest_bvh
from tests.helpers.motion_samples import fk_person
from tests.helpers.paths import SHARED

CASES = SHARED / "cases" / "motion"
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason=f"no cases at {CASES}")


@pytest.mark.parametrize(
    ("names", "metres"),
    [
        (("m", "metre", "Meters", " metres ", "1", "1.0"), 1.0),
        (("cm", "centimeter", "Centimetres", "CM", "0.01", "1e-2"), 0.01),
        (("mm", "millimeters", "millimetre"), 0.001),
        (("in", "inch", "inches", "Inches"), 0.0254),
        (("ft", "foot", "feet"), 0.3048),
        (("cmu",), 0.0254 / 0.45),
    ],
)
def test_units_by_the_names_that_people_type(names, metres):
    for name in names:
        assert metres_per_unit(name) == pytest.approx(metres)


@pytest.mark.parametrize("name", ["furlong", "", "nan", "inf", "-1", "0", "1e9", "m/s", "0x10"])
def test_other_units_are_refused(name):
    with pytest.raises(InputError, match="accepted: m, cm, mm, inch, foot, cmu, or metres per unit"):
        metres_per_unit(name)


@pytest.mark.parametrize(
    ("start", "end", "frames"),
    [
        (None, None, (0, 90)),
        ("1", None, (1, 90)),
        ("0", "45", (0, 45)),
        ("0.5s", "1.5 s", (15, 45)),
        (".5s", "2sec", (15, 60)),
        ("1s", "89", (30, 89)),
        ("10", "1000", (10, 90)),
    ],
)
def test_frames_and_seconds(start, end, frames):
    assert ReadOptions(start=start, end=end).frames(90, 30.0) == frames


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        ("90", None, r"--start 90 leaves nothing of 90 frames \(3\.00 s\)"),
        ("20", "20", "--start 20 --end 20 leaves nothing"),
        (None, "0", "--end 0 leaves nothing"),
        ("-1", None, "a frame counted from 0"),
        ("1.5", None, "or seconds as 1.5s"),
        ("first", None, "--start 'first'"),
        ("1e3s", None, "accepted"),
        ("9" * 400 + "s", None, "accepted"),
    ],
)
def test_frames_that_cannot_be(start, end, message):
    with pytest.raises(InputError, match=message):
        ReadOptions(start=start, end=end).frames(90, 30.0)


def test_cut_at_the_rate_of_the_file(tmp_path):
    joints = fk_person(120)[0]
    np.savez(tmp_path / "a.npz", joints=joints, fps=60)
    motion = read_motion(tmp_path / "a.npz", start="0.5s", end="90")
    assert motion.original_frames == 60 and motion.frames == 30
    assert_allclose(motion.joints, joints[30:90:2], atol=1e-6)
    (tmp_path / "a.bvh").write_text(rest_bvh(frames=20))
    motion = read_motion(tmp_path / "a.bvh", start="5")
    assert motion.frames == motion.skeleton.frames == 15
    with pytest.raises(InputError, match="leaves nothing of 20 frames"):
        read_motion(tmp_path / "a.bvh", start="20")


@pytest.mark.parametrize("up", ["x", "y", "z", "-x", "-y", "-z", "+Z", "-Y"])
def test_every_axis_can_be_up(tmp_path, up):
    """The person of a file whose axis `up` points up is our person, turned about the vertical at most."""
    joints = fk_person(20)[0]
    axis, sign = "xyz".index(up[-1].lower()), -1.0 if up[0] == "-" else 1.0
    rows = np.zeros((3, 3))
    rows[1, axis] = sign  # our y
    rows[0, (axis + 1) % 3] = 1.0
    rows[2] = np.cross(rows[0], rows[1])
    np.save(tmp_path / "a.npy", joints @ rows)  # rows: file -> ours
    motion = read_motion(tmp_path / "a.npy", up=up)
    assert_allclose(motion.joints[..., 1], joints[..., 1], atol=1e-5)

    def sides(of):
        return np.cross(of[:, 1] - of[:, 2], of[:, 12] - of[:, 0])[:, [0, 2]]  # forward, on the floor

    turn = np.linalg.svd(np.einsum("ti,tj->ij", sides(joints), sides(motion.joints)))
    assert np.linalg.det(turn[0] @ turn[2]) > 0  # a turn and no mirror image


def test_a_left_handed_file(tmp_path):
    joints = fk_person(20)[0].astype(np.float32)
    for axis, name in enumerate("xyz"):
        sign = np.where(np.arange(3) == axis, -1, 1).astype(np.float32)
        np.save(tmp_path / "a.npy", joints * sign)
        assert_array_equal(read_motion(tmp_path / "a.npy", flip=name).joints, joints)
    angles = {k: np.random.default_rng(k).uniform(-20, 20, (8, 3)) for k in range(22)}
    _, _, offsets = fk_person(2)
    root = np.tile([0.3, 0.95, -0.2], (8, 1))
    (tmp_path / "a.bvh").write_text(bvh_text(JOINT_NAMES, list(PARENTS), offsets, root, angles))
    right = read_motion(tmp_path / "a.bvh", flip="x")
    assert_allclose(right.joints, read_motion(tmp_path / "a.bvh").joints * [-1, 1, 1], atol=1e-5)
    assert_allclose(right.skeleton.positions()[:, 0], right.joints[:, 0], atol=1e-5)


def test_exchanged_sides(tmp_path):
    joints = fk_person(20)[0].astype(np.float32)
    np.save(tmp_path / "a.npy", joints[:, list(MIRROR)])
    assert_array_equal(read_motion(tmp_path / "a.npy", mirror=True).joints, joints)


def test_a_file_whose_whole_name_is_a_suffix(tmp_path):
    assert suffix_of(Path("x/.bvh")) == ".bvh"
    assert suffix_of(Path("x/.hidden.BVH")) == ".bvh"
    assert suffix_of(Path("x/.profile")) == ""
    (tmp_path / ".bvh").write_text(rest_bvh())
    assert read_motion(tmp_path / ".bvh").frames == 8


@pytest.mark.parametrize(("field", "value"), [("up", "w"), ("up", "yz"), ("flip", "-x"), ("flip", "up")])
def test_axes_that_do_not_exist(field, value):
    with pytest.raises(InputError, match="accepted: "):
        ReadOptions(**{field: value})


@needs_cases
def test_the_cases():
    want = np.load(CASES / "t-pose-first" / "want.npy")
    motion = read_motion(CASES / "t-pose-first" / "t_pose_first.bvh", start="1")
    assert_allclose(motion.joints, want, atol=1e-3)
    right = np.load(CASES / "sides-exchanged" / "right.npy")
    exchanged = CASES / "sides-exchanged" / "columns_exchanged.npy"
    assert_allclose(read_motion(exchanged, mirror=True).joints, right, atol=1e-3)
    left = CASES / "sides-exchanged" / "left_handed_x.npy"
    assert_allclose(read_motion(left, flip="x").joints, right, atol=1e-3)
    upright = read_motion(CASES / "y-down" / "y_down.npy", up="-y").joints
    assert_allclose(upright[..., 1], np.load(CASES / "y-down" / "want.npy")[..., 1], atol=1e-3)
