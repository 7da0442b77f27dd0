"""glTF: scales and turned nodes above the skeleton, keys of every kind, several people, damaged files."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from intermask_cli.datasets.motion_files.glb import read_glb
from intermask_cli.datasets.motion_files.read import read_motion, read_people
from intermask_cli.errors import InputError
from intermask_cli.export.glb import write_glb
from intermask_cli.motion.joint_rotations import rotations_from_joints
from intermask_cli.motion.rig import rig_of
from intermask_cli.motion.rotation import quaternion_wxyz_from_matrix
from intermask_cli.motion.skeleton import JOINT_NAMES, PARENTS
from tests.helpers.motion_samples import fk_pair
from tests.helpers.scene_files import write_gltf

pytest.importorskip("pygltflib")
QUIET = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TIMES = np.arange(30) / 30


@pytest.fixture(scope="module")
def people():
    """Two rigid people of 30 frames: (local (T, 22, 3, 3), root (T, 3), offsets (22, 3), joints)."""
    rigs = []
    for joints in fk_pair(30)[0]:
        found = rotations_from_joints(joints)
        rigs.append((found.local, joints[:, 0].astype(np.float64), found.offsets, joints))
    return rigs


def xyzw(local):
    quaternions = np.roll(quaternion_wxyz_from_matrix(local), -1, axis=-1)
    for t in range(1, len(quaternions)):  # keys of one sign, as exporters write them
        flip = (quaternions[t] * quaternions[t - 1]).sum(-1) < 0
        quaternions[t, flip] *= -1
    return quaternions


def skeleton(person, first=0, top=-1, prefix="", scale=1.0, animation="walk", times=TIMES):
    """Nodes and tracks of a person; node numbers begin at `first`, lengths are multiplied by `scale`."""
    local, root, offsets, _ = person
    nodes = [
        {
            "name": prefix + name,
            "parent": top if joint == 0 else first + PARENTS[joint],
            "translation": [float(v) for v in (root[0] if joint == 0 else offsets[joint]) * scale],
        }
        for joint, name in enumerate(JOINT_NAMES)
    ]
    turns = xyzw(local)
    tracks = [
        (animation, first + joint, "rotation", times, turns[: len(times), joint], "LINEAR")
        for joint in range(22)
    ]
    tracks.append((animation, first, "translation", times, root[: len(times)] * scale, "LINEAR"))
    return nodes, tracks


@pytest.mark.parametrize("suffix", [".glb", ".gltf"])
def test_a_plain_skeleton(people, tmp_path, suffix):
    path = write_gltf(tmp_path / f"a{suffix}", *skeleton(people[0]), skins=[range(22)])
    motion = read_motion(path)
    assert_allclose(motion.joints, people[0][3], atol=1e-5)
    assert motion.original_fps == 30 and motion.warnings == ()
    assert (motion.skeleton.metres_per_unit, motion.skeleton.up) == (1.0, "y")
    assert motion.skeleton.names == JOINT_NAMES


def test_nodes_above_scale_and_turn_the_skeleton(people, tmp_path):
    """Centimetres and Z up below an armature that scales by 0.01 and turns, and a mesh as its neighbour."""
    local, root, offsets, joints = people[0]
    top = {
        "name": "Armature", "parent": -1, "scale": [0.01] * 3, "translation": [0.0, 0.0, 0.0],
        "rotation": [-np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)],
    }  # fmt: skip
    stand = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0.0]])  # Y up -> Z up
    turned = local.copy()
    turned[:, 0] = stand @ local[:, 0]
    nodes, tracks = skeleton((turned, root @ stand.T, offsets, joints), first=1, top=0, scale=100.0)
    mesh = {"name": "Body", "parent": 0, "mesh": True}
    path = write_gltf(tmp_path / "a.glb", [top, *nodes, mesh], tracks, skins=[range(1, 23)])
    motion = read_motion(path)
    assert_allclose(motion.joints, joints, atol=1e-5)
    assert motion.skeleton.names == JOINT_NAMES
    (no_skin,) = read_glb(write_gltf(tmp_path / "b.glb", [top, *nodes], tracks))
    assert no_skin.names == JOINT_NAMES
    assert_allclose(no_skin.positions(), joints, atol=1e-5)


def test_every_person_has_their_own_animation(people, tmp_path):
    one = skeleton(people[0], animation="first")
    two = skeleton(people[1], first=22, animation="second")
    path = write_gltf(tmp_path / "a.glb", one[0] + two[0], one[1] + two[1])
    for number, motion in enumerate(read_people(path)):
        assert_allclose(motion.joints, people[number][3], atol=1e-5)
    # One animation for both, below one node.
    one = skeleton(people[0], first=1, top=0, prefix="a:")
    two = skeleton(people[1], first=23, top=0, prefix="b:")
    scene = {"name": "Scene", "parent": -1}
    path = write_gltf(tmp_path / "b.glb", [scene, *one[0], *two[0]], one[1] + two[1])
    for number, found in enumerate(read_glb(path)):
        assert_allclose(found.positions(), people[number][3], atol=1e-5)


def test_our_own_export(people, tmp_path):
    rigs = tuple(rig_of(joints) for *_, joints in people)
    write_glb(tmp_path / "pair.glb", rigs, "walk")
    found = read_people(tmp_path / "pair.glb")
    assert len(found) == 2
    for rig, motion in zip(rigs, found, strict=True):
        assert_allclose(motion.joints, rig.joints, atol=1e-4)


def test_the_first_animation_that_moves_is_read_and_the_others_are_named(people, tmp_path):
    nodes, tracks = skeleton(people[0])
    pose = [("T-pose", 0, "translation", TIMES[:1], people[0][1][:1], "LINEAR")]
    more = skeleton(people[1], animation="run")[1]
    motion = read_motion(write_gltf(tmp_path / "a.glb", nodes, pose + tracks + more))
    assert_allclose(motion.joints, people[0][3], atol=1e-5)
    assert motion.warnings[0] == "animation 'walk' is read, not 'run'"


def test_keys_of_every_interpolation(people, tmp_path):
    """Steps on every frame, cubic splines through straight lines, and keys that were left out."""
    nodes, _ = skeleton(people[0])
    turn = np.array([0.0, np.sin(0.3), 0.0, np.cos(0.3)])
    still = [0.0, 0.0, 0.0, 1.0]
    ends = np.array([0.0, 1.0])
    start, end = people[0][1][0], people[0][1][0] + [0.0, 0.0, 1.5]
    slope = end - start
    cubic = np.stack([slope, start, slope, slope, end, slope])
    every = np.arange(31) / 30
    tracks = [
        ("a", 0, "translation", ends, cubic, "CUBICSPLINE"),
        ("a", 0, "rotation", ends, np.stack([still, turn]), "LINEAR"),
        ("a", 4, "rotation", every, np.tile(turn, (31, 1)), "STEP"),
        ("a", 5, "rotation", ends, np.stack([still, turn]), "STEP"),
    ]
    (found,) = read_glb(write_gltf(tmp_path / "a.glb", nodes, tracks))
    assert found.fps == 30 and found.frames == 31
    assert_allclose(found.root, start + every[:, None] * slope, atol=1e-6)
    angle = np.arctan2(found.rotations[:, 0, 0, 2], found.rotations[:, 0, 0, 0])
    assert_allclose(angle, 0.6 * every, atol=1e-6)  # at an even speed
    assert_allclose(found.rotations[:30, 5], np.broadcast_to(np.eye(3), (30, 3, 3)), atol=1e-6)
    assert_allclose(found.rotations[30, 5], found.rotations[30, 4], atol=1e-6)


@pytest.mark.parametrize("fps", [24.0, 25.0, 60.0, 30000 / 1001, 120.0])
def test_the_rate_is_that_of_the_keys(people, tmp_path, fps):
    times = np.arange(30) / fps + 1 / fps  # Blender's first frame is 1
    nodes, tracks = skeleton(people[0], times=times)
    (found,) = read_glb(write_gltf(tmp_path / "a.glb", nodes, tracks))
    assert found.fps == pytest.approx(fps, rel=1e-5) and found.frames == 30
    assert_allclose(found.positions(), people[0][3], atol=2e-5)


def test_few_keys_by_hand_have_no_rate_of_their_own(people, tmp_path):
    nodes, _ = skeleton(people[0])
    places = people[0][1][:4]
    tracks = [("a", 0, "translation", np.array([0, 10, 35, 60]) / 24, places, "LINEAR")]
    (found,) = read_glb(write_gltf(tmp_path / "a.glb", nodes, tracks))
    assert found.fps == 24 and found.frames == 61
    tracks = [("a", 0, "translation", np.array([0, 0.417, 1.23, 2.22]), places, "LINEAR")]
    (found,) = read_glb(write_gltf(tmp_path / "b.glb", nodes, tracks))
    assert found.fps == 30 and found.notes == ("keys at no regular rate; sampled at 30 fps",)


def test_files_that_cannot_be_used_say_why(people, tmp_path):
    nodes, tracks = skeleton(people[0])
    good = write_gltf(tmp_path / "a.glb", nodes, tracks).read_bytes()
    text = write_gltf(tmp_path / "a.gltf", nodes, tracks).read_text()
    uri = text[text.index("data:") : text.index('"', text.index("data:"))]
    cases = {
        "still.glb": (write_gltf(tmp_path / "still.glb", nodes, []).read_bytes(), "without animation"),
        "cut.glb": (good[: len(good) // 2], "damaged|cannot be read|truncated"),
        "text.glb": (b"hello, this is text", "damaged|cannot be read"),
        "outside.gltf": (text.replace(uri, "../secret.bin").encode(), "in its own folder"),
        "absent.gltf": (text.replace(uri, "absent.bin").encode(), "which is missing"),
        "short.gltf": (
            text.replace(uri, "data:application/octet-stream;base64," + base64.b64encode(b"abc").decode())
            .encode(),
            "beyond the end",
        ),
        "packed.gltf": (
            text.replace('"asset"', '"extensionsRequired": ["EXT_meshopt_compression"], "asset"').encode(),
            "compressed by EXT_meshopt",
        ),
    }  # fmt: skip
    for name, (content, message) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=message) as caught:
            read_motion(tmp_path / name)
        assert "\n" not in str(caught.value)


@QUIET
@given(data=st.data())
def test_damaged_anywhere(data, people, tmp_path):
    path = tmp_path / "intact.gltf"
    if not path.exists():
        write_gltf(path, *skeleton(people[0]), skins=[range(22)])
    text = path.read_text()
    at = text.index("data:")
    damaged = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 3))):  # outside the numbers, which are most of the file
        place = data.draw(st.integers(0, len(damaged) - 1).filter(lambda k: not at < k < at + 9000))
        damaged[place] = data.draw(st.integers(32, 126))
    (tmp_path / "a.gltf").write_bytes(damaged)
    try:
        found = read_glb(tmp_path / "a.gltf")
    except (InputError, OSError) as error:
        assert "\n" not in str(error)
        return
    assert all(np.isfinite(one.positions()).all() for one in found)
