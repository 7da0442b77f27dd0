"""Acclaim files: axes, order of angles, where the skeleton is found, damaged files."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from intermask_cli.datasets.motion_files.asf_amc import find_asf, parse_amc, parse_asf, read_amc
from intermask_cli.datasets.motion_files.read import read_motion
from intermask_cli.errors import InputError
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.rotation import matrix_from_axis_angle
from intermask_cli.motion.skeleton import JOINT_NAMES, PARENTS, REST_OFFSETS
from tests.helpers.motion_files import asf_amc_text, bvh_text

QUIET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CMU_UNIT = 0.0254 / 0.45


@pytest.fixture
def walk():
    """local (24, 22, 3, 3), root (24, 3) metres, and the joints they give (24, 22, 3)."""
    rng = np.random.default_rng(3)
    swing = np.sin(np.linspace(0, 6, 24))[:, None, None]
    local = matrix_from_axis_angle(rng.uniform(-0.5, 0.5, (22, 3)) * swing)
    root = np.array([0.3, 0.95, -0.2]) + np.linspace(0, 1, 24)[:, None] * [0.2, 0.0, 0.9]
    return local, root, forward_kinematics(local, root, REST_OFFSETS)[0]


def write(folder, walk, stem="60_01", asf="60.asf", **options):
    local, root, _ = walk
    texts = asf_amc_text(
        JOINT_NAMES, list(PARENTS), REST_OFFSETS / CMU_UNIT, root / CMU_UNIT, local, length=0.45, **options
    )
    (folder / asf).write_text(texts[0])
    (folder / f"{stem}.amc").write_text(texts[1])
    return folder / f"{stem}.amc"


@pytest.fixture
def map_file(tmp_path):
    """A map that makes the tests independent of how names are matched."""
    lines = [f"{name}: {'root' if name == 'pelvis' else name}\n" for name in JOINT_NAMES]
    (tmp_path / "map.yaml").write_text("".join(lines))
    return tmp_path / "map.yaml"


def test_the_motion_is_the_one_that_was_written(walk, map_file, tmp_path):
    path = write(tmp_path, walk)
    motion = read_motion(path, fps=30, skeleton=map_file)
    assert_allclose(motion.joints, walk[2], atol=1e-5)
    assert motion.skeleton.metres_per_unit == pytest.approx(CMU_UNIT)
    assert len(motion.skeleton.names) > 22


def test_it_equals_a_bvh_of_the_same_motion(walk, map_file, tmp_path):
    from scipy.spatial.transform import Rotation

    local, root, _ = walk
    turns = {
        joint: Rotation.from_matrix(local[:, joint]).as_euler("ZXY", degrees=True) for joint in range(22)
    }
    (tmp_path / "a.bvh").write_text(bvh_text(JOINT_NAMES, list(PARENTS), REST_OFFSETS, root, turns))
    bvh = read_motion(tmp_path / "a.bvh", units="m")
    amc = read_motion(write(tmp_path, walk), fps=30, skeleton=map_file)
    assert_allclose(amc.joints, bvh.joints, atol=1e-5)


def test_no_rate_is_taken_for_that_of_the_library_and_said(walk, map_file, tmp_path):
    path = write(tmp_path, walk)
    motion = read_motion(path, skeleton=map_file)
    assert motion.original_fps == 120 and motion.frames == 6
    assert any("120 fps" in warning and "--fps" in warning for warning in motion.warnings)
    path.write_text(path.read_text().replace(":DEGREES", ":DEGREES\n:SAMPLES-PER-SECOND 60"))
    motion = read_motion(path, skeleton=map_file)
    assert motion.original_fps == 60 and not any("fps" in warning for warning in motion.warnings)


def test_the_skeleton_is_found(walk, tmp_path):
    path = write(tmp_path, walk)
    (tmp_path / "61.asf").write_text("another")
    assert find_asf(path, None).name == "60.asf"  # 60_01 is of subject 60
    (tmp_path / "60.asf").rename(tmp_path / "60_01.ASF")
    assert find_asf(path, None).name == "60_01.ASF"
    (tmp_path / "60_01.ASF").rename(tmp_path / "someone.asf")
    with pytest.raises(InputError, match=r"2 others \(61\.asf, someone\.asf\).*--skeleton FILE\.asf"):
        read_motion(path)
    assert find_asf(path, tmp_path / "61.asf").name == "61.asf"
    with pytest.raises(InputError, match=r"skeleton .*61\.asf: not an Acclaim skeleton"):
        read_motion(path, skeleton=tmp_path / "61.asf")
    (tmp_path / "61.asf").unlink()
    assert find_asf(path, None).name == "someone.asf"  # the only one
    with pytest.raises(InputError, match=r"without motion; give the \.amc"):
        read_motion(tmp_path / "someone.asf")
    (tmp_path / "someone.asf").unlink()
    with pytest.raises(InputError, match="in the same folder, where there are none"):
        read_motion(path)


def test_radians_and_hinges(walk):
    local, root, _ = walk
    asf, amc = asf_amc_text(JOINT_NAMES, list(PARENTS), REST_OFFSETS, root, local)
    degrees = parse_amc(amc, parse_asf(asf))
    radians = ""
    for line in amc.replace(":DEGREES", ":RADIANS").splitlines():
        name, *values = line.split()
        if values and not name.startswith(("#", ":")):
            numbers = [float(v) for v in values]
            turns = np.radians(numbers[-3:])
            line = f"{name} {' '.join(map(str, [*numbers[:-3], *turns]))}"
        radians += line + "\n"
    assert_allclose(parse_amc(radians, parse_asf(asf)).positions(), degrees.positions(), atol=1e-9)
    hinge = ":units\nlength 1\nangle deg\n:root\norder TX TY TZ RX RY RZ\nposition 0 0 0\norientation 0 0 0\n"
    hinge += ":bonedata\nbegin\nname shin\ndirection 0 -1 0\nlength 2\naxis 0 0 90 XYZ\ndof rx\nend\n"
    hinge += ":hierarchy\nbegin\nroot shin\nend\n"
    skeleton = parse_amc("1\nroot 1 2 3 0 0 0\nshin 90\n", parse_asf(hinge))
    # The bone's x axis is the world's y, so -y stays where it is.
    assert_allclose(skeleton.end_positions()[1], [[1, 0, 3]], atol=1e-9)
    skeleton = parse_amc("1\nroot 0 0 0 0 0 0\nshin 90\n", parse_asf(hinge.replace("0 0 90", "0 0 0")))
    assert_allclose(skeleton.end_positions()[1], [[0, 0, -2]], atol=1e-9)


def test_damaged_files_say_what_is_wrong(walk, tmp_path):
    path = write(tmp_path, walk)
    asf, amc = (tmp_path / "60.asf").read_text(), path.read_text()
    motions = {
        "": "the file is empty",
        amc[: len(amc) // 2]: "lacks|expected",
        amc.replace("head ", "horn ", 1): "names 'horn'",
        amc.replace("head ", "head nan ", 1): "expected 3 numbers",
        "MOTION\n": "before the first frame",
    }
    for text, message in motions.items():
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            read_motion(path)
    path.write_text(amc)
    skeletons = {
        asf.replace(":hierarchy", ":tree"): "no section :hierarchy",
        asf.replace("root to_spine1", "chest to_spine1"): "cannot be",
        asf.replace(" name head", " name neck"): "two bones",
        asf.replace("direction", "size", 1): "direction of",
    }
    for text, message in skeletons.items():
        (tmp_path / "60.asf").write_text(text)
        with pytest.raises(InputError, match=message):
            read_motion(path)


@QUIET
@given(data=st.data())
def test_damaged_anywhere(data, walk, tmp_path):
    local, root, _ = walk
    texts = list(asf_amc_text(JOINT_NAMES, list(PARENTS), REST_OFFSETS, root[:5], local[:5]))
    which = data.draw(st.integers(0, 1))
    damaged = bytearray(texts[which].encode())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "a.asf").write_bytes(damaged if which == 0 else texts[0].encode())
    (tmp_path / "a.amc").write_bytes(damaged if which == 1 else texts[1].encode())
    try:
        (skeleton,) = read_amc(tmp_path / "a.amc", tmp_path / "a.asf")
    except InputError as error:
        assert "\n" not in str(error)
        return
    assert np.isfinite(skeleton.positions()).all()
