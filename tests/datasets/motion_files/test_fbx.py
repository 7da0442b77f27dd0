"""FBX through pufbx, and through Blender where there is one: units, axes, several people, damaged files."""

from __future__ import annotations

import importlib.util
import os

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.transform import Rotation

from intermask_cli.datasets.motion_files import fbx
from intermask_cli.datasets.motion_files.blender import BLENDER_VARIABLE, blender_command
from intermask_cli.datasets.motion_files.fbx import read_fbx
from intermask_cli.datasets.motion_files.read import read_people
from intermask_cli.errors import InputError, MissingError
from intermask_cli.motion.joint_rotations import rotations_from_joints
from intermask_cli.motion.skeleton import JOINT_NAMES, PARENTS
from tests.helpers.motion_samples import fk_pair
from tests.helpers.scene_files import write_fbx

needs_pufbx = pytest.mark.skipif(importlib.util.find_spec("pufbx") is None, reason="pufbx is not installed")
needs_blender = pytest.mark.skipif(blender_command() is None, reason="there is no Blender")


@pytest.fixture(scope="module")
def pair():
    return [rotations_from_joints(joints) for joints in fk_pair(20)[0]], fk_pair(20)[0].astype(np.float64)


def people_of(pair, scale, z_up=False):
    """The two people for `write_fbx`, in units of 1 / scale metres."""
    stand = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0.0]]) if z_up else np.eye(3)
    found = []
    for name, rig, joints in zip(("Anna", "Ben"), *pair, strict=True):
        local = rig.local.copy()
        local[:, 0] = stand @ local[:, 0]
        turns = Rotation.from_matrix(local.reshape(-1, 3, 3)).as_euler("xyz", degrees=True)
        turns = np.rad2deg(np.unwrap(np.deg2rad(turns.reshape(len(local), -1, 3)), axis=0))
        root = joints[:, 0] @ stand.T * scale
        found.append((name, JOINT_NAMES, PARENTS, rig.offsets * scale, root, turns))
    return found


@needs_pufbx
@pytest.mark.parametrize(
    ("unit_cm", "z_up", "fps"),
    [(1.0, False, 30.0), (100.0, False, 24.0), (1.0, True, 60.0), (2.54, True, 30.0)],
)
def test_two_people_in_any_unit_and_axis(pair, tmp_path, unit_cm, z_up, fps):
    path = tmp_path / "pair.fbx"
    write_fbx(path, people_of(pair, 100 / unit_cm, z_up), fps, unit_cm, up=2 if z_up else 1)
    found = read_people(path, fps=30)
    assert len(found) == 2
    for motion, joints in zip(found, pair[1], strict=True):
        assert_allclose(motion.joints, joints, atol=1e-4)
        assert motion.skeleton.metres_per_unit == pytest.approx(unit_cm / 100)
        assert motion.skeleton.names == JOINT_NAMES
    assert read_fbx(path)[0].fps == fps


@needs_pufbx
def test_a_unit_that_makes_no_person_is_not_trusted(pair, tmp_path):
    path = tmp_path / "metres_called_centimetres.fbx"
    write_fbx(path, people_of(pair, 1.0)[:1], unit_cm=1.0)
    (skeleton,) = read_fbx(path)
    assert skeleton.metres_per_unit is None and skeleton.up == "y"


@needs_pufbx
def test_damaged_files_are_one_line(pair, tmp_path):
    good = write_fbx(tmp_path / "a.fbx", people_of(pair, 100.0)[:1]).read_text()
    cases = {
        good[: len(good) // 2]: "truncated or damaged|without animation",
        good.replace("AnimationCurve:", "Other:"): "without animation",
        good.replace("; FBX", "// FBX"): "not an FBX file",
        good.replace("Objects:  {", "Objects:  {{{"): "truncated or damaged",
    }
    for text, message in cases.items():
        (tmp_path / "b.fbx").write_text(text)
        with pytest.raises(InputError, match=message) as caught:
            read_people(tmp_path / "b.fbx")
        assert "\n" not in str(caught.value)


@needs_pufbx
def test_damaged_bytes_never_take_the_process(pair, tmp_path):
    good = write_fbx(tmp_path / "a.fbx", people_of(pair, 100.0)[:1]).read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(5):
        damaged = bytearray(good)
        for place in rng.integers(40, len(good), 20):
            damaged[place] = rng.integers(32, 127)
        (tmp_path / "b.fbx").write_bytes(damaged)
        try:
            people = read_fbx(tmp_path / "b.fbx")
        except InputError as error:
            assert "\n" not in str(error)
            continue
        assert all(np.isfinite(one.positions()).all() for one in people)


def test_without_either_the_message_says_how(pair, tmp_path, monkeypatch):
    write_fbx(tmp_path / "a.fbx", people_of(pair, 100.0)[:1])
    monkeypatch.setattr(fbx, "blender_command", lambda: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *_: None)
    with pytest.raises(MissingError, match=r"intermask\[fbx\].*GLB or BVH"):
        read_people(tmp_path / "a.fbx")


@needs_blender
@pytest.mark.slow
def test_what_blender_writes_is_read_by_either_route(pair, tmp_path, monkeypatch):
    """Blender imports two BVH files and exports FBX in centimetres and metres."""
    from intermask_cli.datasets.motion_files.blender import run_in_blender
    from intermask_cli.export.bvh import write_bvh

    for name, rig, joints in zip("ab", *pair, strict=True):
        write_bvh(tmp_path / f"{name}.bvh", rig.local, joints[:, 0], rig.offsets)
    script = tmp_path / "export.py"
    script.write_text(
        "import sys, bpy\nfolder = sys.argv[-1]\nbpy.ops.wm.read_factory_settings(use_empty=True)\n"
        "bpy.context.scene.render.fps = 30\n"
        "for name in 'ab':\n"
        "    bpy.ops.import_anim.bvh(filepath=f'{folder}/{name}.bvh', global_scale=0.01, "
        "update_scene_duration=True)\n"
        "for name, scale in (('cm', 'FBX_SCALE_NONE'), ('m', 'FBX_SCALE_UNITS')):\n"
        "    bpy.ops.export_scene.fbx(filepath=f'{folder}/{name}.fbx', apply_scale_options=scale, "
        "bake_anim_simplify_factor=0)\n"
    )
    run_in_blender(script, str(tmp_path), what="the test")
    routes = [True] * (importlib.util.find_spec("pufbx") is not None) + [False]
    for name in ("cm", "m"):
        for by_pufbx in routes:
            with monkeypatch.context() as patch:
                if not by_pufbx:
                    patch.setattr(fbx.importlib.util, "find_spec", lambda name, *_: None)
                    patch.setenv(BLENDER_VARIABLE, os.environ.get(BLENDER_VARIABLE, "blender"))
                people = read_fbx(tmp_path / f"{name}.fbx")
            assert len(people) == 2
            for one, joints in zip(people, pair[1], strict=True):
                order = [
                    next(k for k, n in enumerate(one.names) if n.partition(".")[0] == joint)
                    for joint in JOINT_NAMES
                ]
                places = one.positions()[:, order] * one.metres_per_unit
                assert_allclose(places, joints, atol=1e-3)
