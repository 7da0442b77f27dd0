"""Maps from our joints to those of a file, as users give them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from intermask_cli.datasets.motion_files.bvh import parse_bvh
from intermask_cli.datasets.motion_files.matching.body_joints import body_joints
from intermask_cli.datasets.motion_files.matching.skeleton_map import OPTIONAL, skeleton_map
from intermask_cli.datasets.motion_files.read import read_motion
from intermask_cli.errors import InputError
from intermask_cli.motion.skeleton import JOINT_NAMES, PARENTS
from tests.helpers.motion_files import bvh_text, bvh_with_names, rest_bvh
from tests.helpers.motion_samples import fk_person
from tests.helpers.paths import SHARED

QUIET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_a_skeleton_map_reads_any_names(tmp_path):
    names = {name: f"bone{number}" for number, name in enumerate(JOINT_NAMES)}
    expected = bvh_with_names(tmp_path / "odd.bvh", names)
    map = "".join(f"{ours}: {theirs}\n" for ours, theirs in names.items())
    (tmp_path / "map.yaml").write_text(map)
    given = read_motion(tmp_path / "odd.bvh", units="cm", skeleton=tmp_path / "map.yaml")
    assert_allclose(given.joints, expected, atol=1e-5)
    mixed = map.replace("spine2: bone6\n", "spine2: {bone3: 0.5, bone9: 0.5}\n")
    (tmp_path / "map.yaml").write_text(mixed)
    given = read_motion(tmp_path / "odd.bvh", units="cm", skeleton=tmp_path / "map.yaml")
    assert_allclose(given.joints[:, 6], (expected[:, 3] + expected[:, 9]) / 2, atol=1e-5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pelvis: a\n", "no line for 'left_hip'"),
        ("hips: a\n", "unknown joint 'hips'"),
        ("- a\n", "expected lines"),
        ("a: [\n", "not YAML"),
        ("".join(f"{name}: {{x: 0.4}}\n" for name in JOINT_NAMES), "sum to 1"),
        ("".join(f"{name}: other\n" for name in JOINT_NAMES), "no other"),
    ],
)
def test_bad_skeleton_maps(tmp_path, text, message):
    bvh_with_names(tmp_path / "a.bvh", {})
    (tmp_path / "map.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_motion(tmp_path / "a.bvh", units="cm", skeleton=tmp_path / "map.yaml")


MAP_WORDS = """a hips spine1 0.5 1 -1 .nan .inf 1e999 2001-99-99 0x_ !!int !!timestamp !!binary
!!python/name:os.system {a:0.5,b:0.5} {a:.nan} {Hips:0.5,hips:0.5} {a:.inf,b:-.inf} {1:1}
[ ] { } & * *x &x : , null ~ ' \" | > ? # --- ..."""


@QUIET
@given(
    complete=st.booleans(),
    parts=st.lists(st.sampled_from([*MAP_WORDS.split(), *JOINT_NAMES]) | st.text(max_size=5), max_size=23),
)
def test_any_skeleton_map_is_read_or_refused(complete, parts):
    """Free text, and complete maps of the 22 joints with odd entries."""
    text = " ".join(parts)
    if complete:
        entries = dict(zip(JOINT_NAMES, parts, strict=False))
        text = "".join(f"{name}: {entries.get(name, 'a').replace(':', ': ')}\n" for name in JOINT_NAMES)
    try:
        recipes = skeleton_map(text)
    except InputError as error:
        assert "\n" not in str(error)
        return
    assert set(JOINT_NAMES) - set(OPTIONAL) <= set(recipes) <= set(JOINT_NAMES)
    assert all(sum(recipe.values()) == pytest.approx(1) for recipe in recipes.values())


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    ["2001-99-99", "0x_", "!!timestamp x", "!!int x", "[" * 5000, "a: 1e999\n", "!!bool x", "? {}\n: 1"],
)
def test_skeleton_maps_that_trip_the_yaml_reader(text):
    with pytest.raises(InputError):
        skeleton_map(text)


@pytest.mark.parametrize(
    "entry", ["{a: .nan}", "{a: .inf, b: -.inf}", "{a: 1" + "0" * 400 + ", b: 0.5}", "{a: true}", "{}"]
)
def test_skeleton_weights_are_numbers_that_sum_to_one(entry):
    lines = {name: "a" for name in JOINT_NAMES} | {"head": entry}
    with pytest.raises(InputError, match="head"):
        skeleton_map("".join(f"{name}: {value}\n" for name, value in lines.items()))


def lines(entries):
    return "".join(f"{ours}: {theirs}\n" for ours, theirs in entries.items())


def test_two_spellings_of_one_joint_are_one_joint(tmp_path):
    (motion,) = parse_bvh(rest_bvh(), 10)
    given = skeleton_map(lines({name: name for name in JOINT_NAMES} | {"head": "{Head: 0.5, head: 0.5}"}))
    joints, _ = body_joints(motion, given)
    assert_allclose(joints, body_joints(motion)[0])


def test_joints_that_a_map_leaves_out_are_placed():
    (motion,) = parse_bvh(rest_bvh(), 10)
    given = skeleton_map(lines({name: name for name in JOINT_NAMES if name not in OPTIONAL}))
    joints, match = body_joints(motion, given)
    expected = body_joints(motion)[0]
    assert "by proportion" in match.summary
    # The rest pose has the proportions by which joints are placed.
    assert np.abs(joints - expected).max() < 0.06


def test_a_name_counts_first_as_it_is_written():
    names = ["Head" if name == "head" else "head" if name == "neck" else name for name in JOINT_NAMES]
    (motion,) = parse_bvh(rest_bvh(names), 10)
    (expected,) = parse_bvh(rest_bvh(), 10)
    exact = {ours: theirs for ours, theirs in zip(JOINT_NAMES, names, strict=True)}
    assert_allclose(body_joints(motion, skeleton_map(lines(exact)))[0], body_joints(expected)[0])
    with pytest.raises(InputError, match="'HEAD' of the skeleton map can be 'head' or 'Head'"):
        body_joints(motion, skeleton_map(lines(exact | {"head": "HEAD"})))


@pytest.mark.parametrize(
    "name", ["左足首", "mixamorig:Left Foot", "7", "- a: #b", "it's", "no", "DEF-foot.L"]
)
def test_a_printed_map_reads_the_file_as_it_was_read(name):
    """Whatever the joints are called, and with joints that the file lacks."""
    names = [name if joint == "left_ankle" else joint for joint in JOINT_NAMES]
    parents = list(PARENTS)
    keep = [j for j in range(len(names)) if JOINT_NAMES[j] not in ("left_foot", "right_foot", "spine2")]
    number = {joint: index for index, joint in enumerate(keep)}
    parents = [-1 if j == 0 else number[PARENTS[j] if PARENTS[j] in number else 3] for j in keep]
    _, _, offsets = fk_person(2)
    root = np.tile([0.0, 0.93, 0.0], (6, 1))
    (motion,) = parse_bvh(bvh_text([names[j] for j in keep], parents, offsets[keep], root), 10)
    joints, match = body_joints(motion)
    again, second = body_joints(motion, skeleton_map(match.map_text))
    assert_allclose(again, joints, atol=1e-7)
    assert second.joint_of == match.joint_of


MAPS = SHARED / "cases" / "motion" / "map-names"


@pytest.mark.skipif(not MAPS.is_dir(), reason=f"no cases at {MAPS}")
@pytest.mark.parametrize(
    ("file", "map", "want", "more"),
    [
        ("japanese", "japanese", "japanese", {}),
        ("japanese", None, "japanese", {}),
        ("two_people", "two", "two", {}),
        ("two_people", None, "one", {"person": 0}),
        ("two_people", None, "two", {"person": 1}),
    ],
)
def test_maps_of_users(file, map, want, more):
    skeleton = None if map is None else MAPS / f"{map}.yaml"
    given = read_motion(MAPS / f"{file}.bvh", skeleton=skeleton, **more)
    assert_allclose(given.joints, np.load(MAPS / f"{want}_want.npy"), atol=1e-3)


def test_random_bytes_as_a_skeleton_map(tmp_path):
    bvh_with_names(tmp_path / "a.bvh", {})
    for content in (b"\xff\xfe\x00", b"\x00", b"", b"a: \x07"):
        (tmp_path / "map.yaml").write_bytes(content)
        with pytest.raises(InputError, match=r"skeleton map .*map\.yaml"):
            read_motion(tmp_path / "a.bvh", units="cm", skeleton=tmp_path / "map.yaml")


def test_a_skeleton_map_is_for_bvh(tmp_path, pair):
    np.save(tmp_path / "a.npy", pair[0][0])
    with pytest.raises(InputError, match=r"joints of .*\.bvh"):
        read_motion(tmp_path / "a.npy", skeleton=tmp_path / "map.yaml")
