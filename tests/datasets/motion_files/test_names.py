"""Naming schemes of BVH joints, and maps that a user gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from intermask_cli.datasets.motion_files.bvh import parse_bvh
from intermask_cli.datasets.motion_files.names import SCHEMES, body_joints, skeleton_map
from intermask_cli.datasets.motion_files.read import read_motion
from intermask_cli.errors import InputError
from intermask_cli.motion.skeleton import JOINT_NAMES, PARENTS
from tests.helpers.motion_files import bvh_text, bvh_with_names, rest_bvh
from tests.helpers.motion_samples import fk_person

QUIET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


MIXAMO = {
    "pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2",
    "neck": "Neck", "head": "Head",
    **{f"{side}_{ours}": f"{side.title()}{theirs}" for side in ("left", "right") for ours, theirs in (
        ("hip", "UpLeg"), ("knee", "Leg"), ("ankle", "Foot"), ("foot", "ToeBase"), ("collar", "Shoulder"),
        ("shoulder", "Arm"), ("elbow", "ForeArm"), ("wrist", "Hand"),
    )},
}  # fmt: skip


CMU_SPINE = {"spine1": "LowerBack", "spine2": "Spine", "spine3": "Spine1"}


@pytest.mark.parametrize(
    ("scheme", "rename"),
    [
        ("intermask", lambda n: n),
        ("SMPL", lambda n: "m_avg_" + n.replace("left_", "L_").replace("right_", "R_").title()),
        ("Mixamo", lambda n: "mixamorig:" + MIXAMO[n]),
        ("CMU MotionBuilder", lambda n: CMU_SPINE.get(n, MIXAMO[n])),
    ],
)  # fmt: skip
def test_naming_schemes(tmp_path, scheme, rename):
    (tmp_path / "a.bvh").write_text(rest_bvh([rename(name) for name in JOINT_NAMES]))
    (tmp_path / "b.bvh").write_text(rest_bvh())
    renamed = read_motion(tmp_path / "a.bvh")
    assert scheme in renamed.source
    assert_array_equal(renamed.joints, read_motion(tmp_path / "b.bvh").joints)


def test_short_spine_and_toes_from_end_sites():
    keep = [j for j, name in enumerate(JOINT_NAMES) if name not in ("spine3", "left_foot", "right_foot")]
    position = {j: k for k, j in enumerate(keep)}
    parents = [position.get(PARENTS[j], position[6]) if j else -1 for j in keep]
    _, _, offsets = fk_person(2)
    names = [MIXAMO[JOINT_NAMES[j]] for j in keep]
    (motion,) = parse_bvh(bvh_text(names, parents, offsets[keep], np.tile([0, 0.9, 0], (5, 1))), 10)
    joints, scheme = body_joints(motion)
    assert scheme == "Mixamo, short spine"
    assert_allclose(joints[:, 10] - joints[:, 7], np.tile([0, 0.01, 0.05], (5, 1)), atol=1e-6)
    assert_allclose(joints[:, 6], (joints[:, 3] + joints[:, 9]) / 2, atol=1e-6)


def test_every_scheme_covers_every_joint():
    for recipes in SCHEMES.values():
        assert set(recipes) == set(JOINT_NAMES)
        assert all(sum(recipe.values()) == pytest.approx(1) for recipe in recipes.values())


def test_unknown_names_list_what_is_missing():
    with pytest.raises(InputError, match="nearest is intermask, without leftwrist"):
        body_joints(parse_bvh(rest_bvh([n.replace("left_wrist", "stump") for n in JOINT_NAMES]), 10)[0])


def test_a_skeleton_map_reads_any_names(tmp_path):
    names = {name: f"bone{number}" for number, name in enumerate(JOINT_NAMES)}
    expected = bvh_with_names(tmp_path / "odd.bvh", names)
    with pytest.raises(InputError, match="--skeleton"):
        read_motion(tmp_path / "odd.bvh", units="cm")
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
    assert list(sorted(recipes)) == sorted(JOINT_NAMES)
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


def test_two_spellings_of_one_joint_are_one_joint():
    lines = {name: "a" for name in JOINT_NAMES} | {"head": "{Hips: 0.5, hips: 0.5}"}
    recipes = skeleton_map("".join(f"{name}: {value}\n" for name, value in lines.items()))
    assert list(recipes["head"].values()) == [1.0]


def test_random_bytes_as_a_skeleton_map(tmp_path):
    bvh_with_names(tmp_path / "a.bvh", {})
    for content in (b"\xff\xfe\x00", b"\x00", b"", b"a: \x07"):
        (tmp_path / "map.yaml").write_bytes(content)
        with pytest.raises(InputError, match=r"skeleton map .*map\.yaml"):
            read_motion(tmp_path / "a.bvh", units="cm", skeleton=tmp_path / "map.yaml")


def test_a_skeleton_map_is_for_bvh(tmp_path, pair):
    np.save(tmp_path / "a.npy", pair[0][0])
    with pytest.raises(InputError, match=r"joints of \.bvh"):
        read_motion(tmp_path / "a.npy", skeleton=tmp_path / "map.yaml")
