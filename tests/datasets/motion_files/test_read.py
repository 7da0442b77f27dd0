"""Reading a given person: every format gives the same motion, and nothing bad gets through."""

from __future__ import annotations

import io
import json
import pickle
import re
import struct
import time
import tracemalloc
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from intermask_cli.datasets.interactions import FORMAT, INDEX_COLUMNS, InteractionFile
from intermask_cli.datasets.motion_files.bvh import SCHEMES, BvhError, body_joints, parse_bvh, skeleton_map
from intermask_cli.datasets.motion_files.read import body_height, read_motion, resampled
from intermask_cli.errors import InputError
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.representation.interhuman import pair_features
from intermask_cli.motion.skeleton import JOINT, JOINT_NAMES, PARENTS, REST_OFFSETS
from tests.helpers.motion_samples import fk_pair, fk_person
from tests.helpers.paths import CMU_DUETS

CMU = CMU_DUETS
needs_cmu = pytest.mark.skipif(not CMU.is_dir(), reason=f"no CMU duets at {CMU}")


@pytest.fixture
def pair():
    return fk_pair(40)


def write_h5(path, joints, rotations=None, ids=("a-0001",), fps=30.0):
    with h5py.File(path, "w") as file:
        file.attrs.update({"format": "intermask-interactions", "format_version": 1, "fps": fps})
        for id in ids:
            group = file.create_group(f"interactions/{id}")
            group.attrs.update({"prompt": "two people", "seed": 1, "sample": 0, "frames": joints.shape[1]})
            group["joints"] = joints
            if rotations is not None:
                group["rotations6d"] = rotations
        for column in ("id", "prompt", "sample", "seed", "frames"):
            values = list(ids) if column in ("id", "prompt") else [0] * len(ids)
            file[f"index/{column}"] = values
    return path


def raw492(joints, rotations):
    raw = np.zeros((len(joints), 492), dtype=np.float32)
    raw[:, :66] = np.stack([joints[..., 0], -joints[..., 2], joints[..., 1]], -1).reshape(len(joints), 66)
    raw[:, 186:312] = rotations.reshape(len(joints), 126)
    return raw


# ---------------------------------------------------------------- formats


def test_npy_joints_come_back_exactly(pair, tmp_path):
    np.save(tmp_path / "one.npy", pair[0][0])
    motion = read_motion(tmp_path / "one.npy")
    assert_array_equal(motion.joints, pair[0][0])
    assert motion.joints.dtype == np.float32
    assert motion.rotations6d is None
    assert (motion.original_fps, motion.original_frames, motion.frames) == (30, 40, 40)
    assert "one.npy" in motion.source


def test_limbs_are_reported_as_the_skeleton_has_them(pair, tmp_path):
    joints = pair[0][0].copy()
    joints[:, [JOINT["left_elbow"], JOINT["left_wrist"]]] += (
        joints[:, [JOINT["left_elbow"]]] - (joints[:, [JOINT["left_shoulder"]]])
    )  # an upper arm twice as long
    np.save(tmp_path / "one.npy", joints)
    bones = np.linalg.norm(joints[0, 1:] - joints[0, list(PARENTS[1:])], axis=-1)
    left, right = (
        bones[JOINT[f"{side}_elbow"] - 1] + bones[JOINT[f"{side}_wrist"] - 1] for side in ("left", "right")
    )
    source = read_motion(tmp_path / "one.npy").source
    assert f"arms {left:.2f} m left, {right:.2f} m right" in source
    leg = bones[JOINT["left_knee"] - 1] + bones[JOINT["left_ankle"] - 1]
    assert f"legs {leg:.2f} m" in source and "bones vary by 0.0 mm" in source


def test_resampling_and_axes_are_said(pair, tmp_path):
    joints = pair[0][0]
    z_up = np.stack([joints[..., 0], -joints[..., 2], joints[..., 1]], axis=-1)
    np.save(tmp_path / "z.npy", z_up)
    source = read_motion(tmp_path / "z.npy", fps=60, up="z").source
    assert "40 frames at 60 fps -> 20 at 30" in source and "z-up -> y-up" in source
    np.save(tmp_path / "y.npy", joints)
    assert "->" not in read_motion(tmp_path / "y.npy").source


def test_a_root_that_teleports_is_told_with_the_figure(pair, tmp_path):
    joints = pair[0][0].copy()
    np.save(tmp_path / "calm.npy", joints)
    assert read_motion(tmp_path / "calm.npy").warnings == ()
    joints[25:, :, 0] += 3.0
    np.save(tmp_path / "jump.npy", joints)
    (warning,) = read_motion(tmp_path / "jump.npy").warnings
    assert "frame 24 to 25" in warning
    jump = float(np.linalg.norm(joints[25, 0] - joints[24, 0]))
    assert f"{jump:.2f} m" in warning


@pytest.mark.parametrize("person", [0, 1])
def test_every_pair_format_gives_the_chosen_person(pair, tmp_path, person):
    joints, rotations = pair
    np.save(tmp_path / "pair.npy", joints)
    np.save(tmp_path / "fortran.npy", np.asfortranarray(joints))
    np.savez_compressed(tmp_path / "pair.npz", positions=joints, fps=np.float32(30), caption="salsa")
    np.save(tmp_path / "raw.npy", np.stack([raw492(*one) for one in zip(joints, rotations, strict=True)]))
    write_h5(tmp_path / "run.h5", joints, rotations)
    for name in ("pair.npy", "fortran.npy", "pair.npz", "raw.npy", "run.h5", "run.h5#a-0001"):
        motion = read_motion(f"{tmp_path}/{name}", person=person)
        assert_array_equal(motion.joints, joints[person])
        if name.startswith(("raw", "run")):
            assert_array_equal(motion.rotations6d, rotations[person])


def test_features_are_read_as_they_are(pair, tmp_path):
    features = pair_features(*pair)
    np.save(tmp_path / "features.npy", features[1])
    motion = read_motion(tmp_path / "features.npy")
    assert_array_equal(motion.joints.reshape(39, 66), features[1][:, :66])
    assert_array_equal(motion.rotations6d.reshape(39, 126), features[1][:, 132:258])


def test_run_directory_and_interx_joints(pair, tmp_path):
    joints = np.concatenate([pair[0], np.ones((2, 40, 33, 3), np.float32)], axis=2)
    write_h5(tmp_path / "interactions.h5", joints, ids=("x", "y"))
    assert_array_equal(read_motion(f"{tmp_path}#y", person=1).joints, pair[0][1])


@needs_cmu
@pytest.mark.parametrize("subject", ["60", "61"])
def test_cmu_bvh_equals_the_collection(subject):
    trial = np.load(CMU / "trials" / "60_61_10.npz")
    person = ("60", "61").index(subject)
    motion = read_motion(CMU / "source" / f"{subject}_10_frames_0400-0699.bvh", fps=60, units=str(1 / 0.75))
    assert motion.frames == 150
    inside = (trial["source_frame"] >= 400) & (trial["source_frame"] < 700)
    clean = ~trial["repaired"][person][inside]
    assert clean.sum() > 100
    assert_allclose(motion.joints[clean], trial["positions"][person][inside][clean], atol=1.1e-4)


@needs_cmu
def test_cmu_recording():
    motion = read_motion(CMU / "trials" / "60_61_01.npz", person=1)
    assert_array_equal(motion.joints, np.load(CMU / "trials" / "60_61_01.npz")["positions"][1])


# ---------------------------------------------------------------- BVH


def bvh_text(names, parents, offsets, root, turns_deg=None, order="ZXY", fps=30.0):
    """A BVH file of the given tree; turns_deg {joint: (T, 3) degrees in `order`}."""
    children = {j: [k for k, parent in enumerate(parents) if parent == j] for j in range(len(names))}
    columns, lines = [], []

    def write(joint):
        lines.append(f"{'ROOT' if parents[joint] < 0 else 'JOINT'} {names[joint]} {{")
        lines.append("OFFSET " + " ".join(f"{v:.9f}" for v in offsets[joint]))
        place = "Xposition Yposition Zposition " if parents[joint] < 0 else ""
        lines.append(f"CHANNELS {6 if place else 3} {place}" + " ".join(f"{a}rotation" for a in order))
        columns.extend([root] if place else [])
        columns.append((turns_deg or {}).get(joint, np.zeros((len(root), 3))))
        for child in children[joint]:
            write(child)
        if not children[joint]:
            lines.append("End Site { OFFSET 0 0.01 0.05 }")
        lines.append("}")

    write(parents.index(-1))
    rows = np.concatenate(columns, axis=1)
    motion = [f"MOTION\nFrames: {len(root)}\nFrame Time: {1 / fps:.9f}"]
    motion += [" ".join(f"{v:.9f}" for v in row) for row in rows]
    return "HIERARCHY\n" + "\n".join(lines) + "\n" + "\n".join(motion) + "\n"


def rest_bvh(names=JOINT_NAMES, frames=8, scale=1.0, **more):
    _, _, offsets = fk_person(2)
    root = np.tile([0.3, 0.95, -0.2], (frames, 1)) * scale
    return bvh_text(names, list(PARENTS), offsets * scale, root, **more)


def test_bvh_rotation_order_is_the_listed_one():
    from scipy.spatial.transform import Rotation

    rng = np.random.default_rng(0)
    _, _, offsets = fk_person(2)
    root = np.tile([0.0, 0.95, 0.0], (9, 1))
    for order in ("ZXY", "XYZ", "YZX"):
        turns = {joint: rng.uniform(-60, 60, (9, 3)) for joint in range(22)}
        local = np.stack(
            [Rotation.from_euler(order, turns[j], degrees=True).as_matrix() for j in range(22)], axis=1
        )
        expected, _ = forward_kinematics(local, root, offsets)
        motion = parse_bvh(bvh_text(JOINT_NAMES, list(PARENTS), offsets, root, turns, order), 100)
        found, scheme = body_joints(motion)
        assert scheme == "intermask"
        assert_allclose(found, expected, atol=1e-6)


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
    motion = parse_bvh(bvh_text(names, parents, offsets[keep], np.tile([0, 0.9, 0], (5, 1))), 10)
    joints, scheme = body_joints(motion)
    assert scheme == "Mixamo, short spine"
    assert_allclose(joints[:, 10] - joints[:, 7], np.tile([0, 0.01, 0.05], (5, 1)), atol=1e-6)
    assert_allclose(joints[:, 6], (joints[:, 3] + joints[:, 9]) / 2, atol=1e-6)


def test_every_scheme_covers_every_joint():
    for recipes in SCHEMES.values():
        assert set(recipes) == set(JOINT_NAMES)
        assert all(sum(recipe.values()) == pytest.approx(1) for recipe in recipes.values())


def test_unknown_names_say_what_is_lacking():
    with pytest.raises(BvhError, match="nearest is intermask, without leftwrist"):
        body_joints(parse_bvh(rest_bvh([n.replace("left_wrist", "stump") for n in JOINT_NAMES]), 10))


# ---------------------------------------------------------------- options


def test_units(tmp_path):
    metres = fk_person(10)[0]
    for unit, factor in {"cm": 0.01, "mm": 0.001, "inch": 0.0254, "1.3333": 1.3333}.items():
        np.save(tmp_path / f"{unit}.npy", metres / factor)
        assert_allclose(read_motion(tmp_path / f"{unit}.npy", units=unit).joints, metres, atol=1e-5)
    for unit in ("cm", "mm", "inch"):
        with pytest.raises(InputError, match=rf"m tall; 0\.5 to 3 m .*--units {unit}"):
            read_motion(tmp_path / f"{unit}.npy")


@pytest.mark.parametrize("height_m", [1.5, 1.7, 1.95])
def test_height_is_known_in_any_pose(height_m):
    assert body_height(fk_person(10, seed=3, height_m=height_m)[0]) == pytest.approx(height_m, abs=0.01)


def test_up_axis(tmp_path):
    y_up = fk_person(10)[0]
    np.save(tmp_path / "z.npy", np.stack([y_up[..., 0], -y_up[..., 2], y_up[..., 1]], axis=-1))
    with pytest.raises(InputError, match="--up z"):
        read_motion(tmp_path / "z.npy")
    assert_allclose(read_motion(tmp_path / "z.npy", up="z").joints, y_up, atol=1e-6)
    lying = read_motion(tmp_path / "z.npy", up="y")
    assert lying.joints[0, 15, 2] - lying.joints[0, 7, 2] > 1
    np.save(tmp_path / "down.npy", -y_up)
    with pytest.raises(InputError, match="along -Y"):
        read_motion(tmp_path / "down.npy")


@pytest.mark.parametrize("fps", [25.0, 60.0, 120.0, 100.0])
def test_other_rates_are_brought_to_30(tmp_path, fps):
    frames = int(2 * fps) + 1
    start, _, _ = fk_person(2)
    joints = np.tile(start[:1], (frames, 1, 1))
    joints[..., 0] += 0.5 * np.arange(frames)[:, None] / fps
    np.save(tmp_path / "moving.npy", joints)
    motion = read_motion(tmp_path / "moving.npy", fps=fps)
    assert motion.frames == 61
    assert_allclose(motion.joints[:, 0, 0] - start[0, 0, 0], 0.5 * np.arange(61) / 30, atol=1e-5)
    assert (motion.original_fps, motion.original_frames) == (fps, frames)


def test_whole_steps_pick_frames_exactly():
    values = np.random.default_rng(0).normal(size=(31, 22, 3))
    assert_array_equal(resampled(values, 60.0), values[::2])
    assert_array_equal(resampled(values, 120.0), values[::4])


def test_rates_come_from_the_file_and_rotations_stay_rotations(pair, tmp_path):
    joints, rotations = pair
    np.savez(tmp_path / "fast.npz", positions=joints, fps=60)
    assert read_motion(tmp_path / "fast.npz", person=0).frames == 20
    motion = read_motion(write_h5(tmp_path / "fast.h5", joints, rotations, fps=50.0), person=0)
    columns = motion.rotations6d.reshape(-1, 3, 2)
    gram = np.swapaxes(columns, -1, -2) @ columns
    assert_allclose(gram, np.broadcast_to(np.eye(2), gram.shape), atol=1e-5)


# ---------------------------------------------------------------- bad input


def saved(path, array, **more):
    np.save(path, array, **more)
    return path


def bad_files(folder):
    """name -> (file, options, what the message must say)."""
    good = fk_person(10)[0].astype(np.float32)
    pair = np.stack([good, good])
    nan, infinite = pair.copy(), good.copy()
    nan[1, 3, 4, 1] = np.nan
    infinite[5, 20, 0] = np.inf
    whole = saved(folder / "whole.npy", good).read_bytes()
    np.savez(folder / "whole.npz", positions=pair)
    zipped = (folder / "whole.npz").read_bytes()
    h5 = write_h5(folder / "whole.h5", pair, ids=("p-1", "p-2")).read_bytes()
    far = good.copy()
    far[0, 21] = 1e6

    def file(name, content):
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder / name

    header = json.dumps({"descr": "<f8", "fortran_order": False, "shape": None})
    huge = header.replace('"', "'").replace("null", "(1000000000000, 22, 3)").replace("false", "False")
    huge = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(huge)) + huge.encode()
    np.savez(folder / "other.npz", poses=good)
    np.savez(folder / "objects.npz", positions=np.array([{}], dtype=object))
    np.savez(folder / "two_rates.npz", positions=good, fps=[30, 60])
    bvh = rest_bvh()
    return {
        "missing": (folder / "none.npy", {}, "no such file"),
        "empty": (file("empty.npy", b""), {}, "empty"),
        "unknown kind": (file("motion.fbx", b"x"), {}, r"\.fbx.*accepted"),
        "directory": (folder, {}, "no such file"),
        "wrong shape": (saved(folder / "shape.npy", good[:, :21]), {}, r"\(10, 21, 3\); accepted"),
        "three persons": (saved(folder / "three.npy", np.stack([good] * 3)), {}, r"\(3, 10, 22, 3\)"),
        "one number": (saved(folder / "scalar.npy", np.array(1.0)), {}, r"shape \(\)"),
        "too short": (saved(folder / "short.npy", good[:3]), {}, "3 frames; 4 to"),
        "nan": (saved(folder / "nan.npy", nan), {"person": 0}, "nan at person 2, frame 3, left_knee"),
        "infinity": (saved(folder / "inf.npy", infinite), {}, "inf at frame 5, left_wrist"),
        "nan features": (
            saved(folder / "nanf.npy", np.full((9, 262), np.nan)), {}, "nan at frame 0, column 0",
        ),
        "far away": (saved(folder / "far.npy", far), {}, "1e[+]06 m from the origin"),
        "all zero": (saved(folder / "zero.npy", np.zeros((9, 22, 3))), {}, "0 m tall"),
        "pickle": (
            saved(folder / "object.npy", np.array([{}], dtype=object), allow_pickle=True), {}, "never loaded",
        ),
        "raw pickle": (file("pickle.npy", pickle.dumps({"a": 1})), {}, "not an .npy array"),
        "text": (saved(folder / "text.npy", np.array(["a"] * 9)), {}, "numbers are accepted"),
        "complex": (saved(folder / "complex.npy", good.astype(complex)), {}, "numbers are accepted"),
        "truncated npy": (file("cut.npy", whole[:-50]), {}, "truncated"),
        "huge header": (file("huge.npy", huge), {}, "truncated.*1000000000000"),
        "truncated npz": (file("cut.npz", zipped[: len(zipped) // 2]), {"person": 0}, "damaged .npz"),
        "npz without positions": (folder / "other.npz", {}, "holds poses"),
        "npz with objects": (folder / "objects.npz", {}, "never loaded"),
        "npz with two rates": (folder / "two_rates.npz", {}, "fps"),
        "truncated h5": (file("cut.h5", h5[: len(h5) // 2]), {"person": 0}, "not a readable HDF5"),
        "no h5": (file("text.h5", "hello"), {}, "not a readable HDF5"),
        "h5 item not chosen": (folder / "whole.h5", {}, r"holds 2: p-1, p-2; choose one as FILE\.h5#ID"),
        "h5 item unknown": (f"{folder}/whole.h5#q", {"person": 0}, "no item 'q'"),
        "item of npy": (f"{folder}/whole.npy#q", {}, "names an item of an .h5"),
        "person not chosen": (saved(folder / "two.npy", pair), {}, "--person 1 or --person 2"),
        "person of one": (folder / "whole.npy", {"person": 1}, "holds 1 person"),
        "person of two": (folder / "two.npy", {"person": 2}, "holds 2 persons"),
        "fps": (folder / "whole.npy", {"fps": 0}, "0 frames per second"),
        "fps nan": (folder / "whole.npy", {"fps": float("nan")}, "nan frames per second"),
        "fps leaves little": (folder / "whole.npy", {"fps": 120}, "10 frames at 120 fps are 3 at 30"),
        "units": (folder / "whole.npy", {"units": "furlong"}, "furlong.*accepted: m, cm"),
        "up": (folder / "whole.npy", {"up": "x"}, "accepted: y, z"),
        "bvh without motion": (file("cut.bvh", bvh[:300]), {}, "needs HIERARCHY"),
        "bvh cut": (file("cut2.bvh", bvh[:-60]), {}, "truncated or damaged: 8 frames of 69 channels"),
        "bvh frames claim": (
            file("claim.bvh", bvh.replace("Frames: 8", "Frames: 9999999999")), {}, "says 9999999999 frames",
        ),
        "bvh words": (file("words.bvh", bvh + "left"), {}, "motion data"),
        "bvh nan": (file("nan.bvh", bvh.replace("0.950000000", "nan", 1)), {}, "frame 0 is not finite"),
        "bvh time": (
            file("time.bvh", bvh.replace("Frame Time: 0.0", "Frame Time: -0.0")), {}, "frame time",
        ),
        "bvh channel": (file("channel.bvh", bvh.replace("Xrotation", "Wrotation", 1)), {}, "Wrotation"),
        "bvh brace": (file("brace.bvh", bvh.replace("}", "", 3)), {}, "cut off|wrong place|unexpected"),
        "bvh centimetres": (file("cm.bvh", rest_bvh(scale=100.0)), {}, "--units cm"),
    }  # fmt: skip


def test_bad_files_give_one_line_that_says_what_was_seen(tmp_path):
    for name, (path, options, message) in bad_files(tmp_path).items():
        with pytest.raises(InputError, match=message) as caught:
            read_motion(path, **options)
        text = str(caught.value)
        assert "\n" not in text, name
        assert text.startswith(str(path).partition("#")[0]), name
        assert text.count(str(path).partition("#")[0] + ":") == 1, name
        assert caught.value.exit_code == 2


def test_no_code_in_a_pickle_runs(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "executed",))

    array = np.empty(9, dtype=object)
    array[:] = Bomb()
    np.save(tmp_path / "bomb.npy", array, allow_pickle=True)
    np.savez(tmp_path / "bomb.npz", positions=array, fps=array)
    for name in ("bomb.npy", "bomb.npz"):
        with pytest.raises(InputError, match="never loaded"):
            read_motion(tmp_path / name)
    assert not (tmp_path / "executed").exists()


QUIET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def reads_or_refuses(path):
    """A damaged file is an InputError or, if the damage missed the motion, a finite motion."""
    try:
        motion = read_motion(path, person=0)
    except InputError as error:
        assert "\n" not in str(error)
        return
    assert np.isfinite(motion.joints).all()


@QUIET
@given(content=st.binary(min_size=1, max_size=300), kind=st.sampled_from([".npy", ".npz", ".h5", ".bvh"]))
def test_random_bytes(content, kind, tmp_path):
    starts = {
        ".npy": b"\x93NUMPY\x01\x00",
        ".npz": b"PK\x03\x04",
        ".h5": b"\x89HDF\r\n\x1a\n",
        ".bvh": b"HIERARCHY ",
    }
    path = tmp_path / f"random{kind}"
    for bytes_ in (content, starts[kind] + content):
        path.write_bytes(bytes_)
        with pytest.raises(InputError):
            read_motion(path)


class Files(dict):
    """File contents by name, with a short repr for hypothesis reports."""

    def __repr__(self):
        return f"Files({sorted(self)})"


@pytest.fixture(scope="module")
def whole_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    joints, rotations = fk_pair(12)
    np.save(folder / "a.npy", joints)
    np.savez(folder / "a.npz", positions=joints, fps=30)
    np.savez_compressed(folder / "b.npz", positions=joints, fps=30)
    write_h5(folder / "a.h5", joints, rotations)
    (folder / "a.bvh").write_text(rest_bvh())
    return Files((path.name, path.read_bytes()) for path in folder.iterdir())


@QUIET
@given(data=st.data())
def test_truncated_anywhere(data, whole_files, tmp_path):
    name = data.draw(st.sampled_from(sorted(whole_files)))
    whole = whole_files[name]
    (tmp_path / name).write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    reads_or_refuses(tmp_path / name)


@QUIET
@given(data=st.data())
def test_damaged_bytes(data, whole_files, tmp_path):
    name = data.draw(st.sampled_from(sorted(whole_files)))
    damaged = bytearray(whole_files[name])
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / name).write_bytes(bytes(damaged))
    reads_or_refuses(tmp_path / name)


BVH_WORDS = """HIERARCHY ROOT JOINT End Site { } OFFSET CHANNELS 0 1 3 6 -1 nan 1e999 Xposition Zrotation
hip MOTION Frames: Frame Time:"""


@QUIET
@given(text=st.lists(st.sampled_from(BVH_WORDS.split()), max_size=40))
def test_shuffled_bvh_words(text):
    for head in ("", "HIERARCHY ROOT hip { OFFSET 0 0 0 CHANNELS 3 Zrotation Xrotation Yrotation "):
        try:
            motion = parse_bvh(head + " ".join(text), 100)
        except BvhError:
            continue
        assert np.isfinite(motion.positions).all()


# ---------------------------------------------------------------- skeleton maps, AMASS, Inter-X


def bvh_with_names(path, names):
    """A BVH file of our skeleton whose joints are called otherwise."""
    from intermask_cli.export.bvh import write_bvh
    from intermask_cli.motion.rotation import matrix_about_y
    from intermask_cli.motion.skeleton import REST_OFFSETS

    local = np.tile(np.eye(3), (12, 22, 1, 1))
    local[:, 0] = matrix_about_y(np.linspace(0, 1, 12))
    root = np.tile([0.0, 0.93, 0.0], (12, 1))
    write_bvh(path, local, root, REST_OFFSETS)
    text = path.read_text()
    for old, new in names.items():
        text = text.replace(f" {old}\n", f" {new}\n")
    path.write_text(text)
    return forward_kinematics(local, root, REST_OFFSETS)[0]


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
    whole=st.booleans(),
    parts=st.lists(st.sampled_from([*MAP_WORDS.split(), *JOINT_NAMES]) | st.text(max_size=5), max_size=23),
)
def test_any_skeleton_map_is_read_or_refused(whole, parts):
    """Free text, and whole maps of our 22 joints with odd entries."""
    text = " ".join(parts)
    if whole:
        entries = dict(zip(JOINT_NAMES, parts, strict=False))
        text = "".join(f"{name}: {entries.get(name, 'a').replace(':', ': ')}\n" for name in JOINT_NAMES)
    try:
        recipes = skeleton_map(text)
    except BvhError as error:
        assert "\n" not in str(error)
        return
    assert list(sorted(recipes)) == sorted(JOINT_NAMES)
    assert all(sum(recipe.values()) == pytest.approx(1) for recipe in recipes.values())


@pytest.mark.parametrize(
    "text",
    ["2001-99-99", "0x_", "!!timestamp x", "!!int x", "[" * 5000, "a: 1e999\n", "!!bool x", "? {}\n: 1"],
)
def test_skeleton_maps_that_trip_the_yaml_reader(text):
    with pytest.raises(BvhError):
        skeleton_map(text)


@pytest.mark.parametrize(
    "entry", ["{a: .nan}", "{a: .inf, b: -.inf}", "{a: 1" + "0" * 400 + ", b: 0.5}", "{a: true}", "{}"]
)
def test_skeleton_weights_are_numbers_that_sum_to_one(entry):
    lines = {name: "a" for name in JOINT_NAMES} | {"head": entry}
    with pytest.raises(BvhError, match="head"):
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


@pytest.mark.parametrize("layout", ["poses", "pose_body"])
def test_amass_rotations(tmp_path, layout):
    from intermask_cli.motion.rotation import axis_angle_from_matrix, matrix_from_axis_angle
    from intermask_cli.motion.rotation import sixd_columns_from_matrix as sixd
    from intermask_cli.motion.skeleton import REST_OFFSETS

    _, local, _ = fk_person(40)
    # AMASS is Z up: the same person, turned.
    turn = matrix_from_axis_angle(np.array([np.pi / 2, 0, 0]))
    root = np.stack([np.linspace(0, 1, 40), np.full(40, 0.93), np.zeros(40)], -1)
    expected = forward_kinematics(local, root, REST_OFFSETS)[0]
    turned = local.copy()
    turned[:, 0] = turn @ local[:, 0]
    poses = axis_angle_from_matrix(turned).reshape(40, -1)
    trans = root @ turn.T
    if layout == "poses":
        fields = {"poses": np.pad(poses, ((0, 0), (0, 90))), "mocap_framerate": 30.0}
    else:
        fields = {"root_orient": poses[:, :3], "pose_body": poses[:, 3:], "mocap_frame_rate": 30.0}
    np.savez(tmp_path / "a.npz", trans=trans, betas=np.zeros(16), gender="neutral", **fields)
    given = read_motion(tmp_path / "a.npz", up="z")
    assert_allclose(given.joints, expected, atol=1e-5)
    assert_allclose(given.rotations6d, sixd(local[:, 1:]), atol=1e-5)
    assert "AMASS" in given.source
    np.savez(tmp_path / "b.npz", trans=trans[:9], **fields)
    with pytest.raises(InputError, match="9 rows of `trans`"):
        read_motion(tmp_path / "b.npz")


def test_interx_arrays(tmp_path):
    from intermask_cli.motion.body_model import stand_in_body
    from intermask_cli.motion.representation.interx import joints_from_features, pair_features, split_persons

    rng = np.random.default_rng(2)
    processed = np.zeros((20, 56, 6))
    processed[:, :22] = rng.normal(0, 0.2, (22, 6))
    processed[:, 55] = [0.0, 0.95, 0.0, 1.0, 0.95, 0.0]
    features = pair_features(processed)
    expected = [joints_from_features(p, stand_in_body())[:, :22] for p in split_persons(features)]
    np.save(tmp_path / "disk.npy", processed)
    np.save(tmp_path / "pair.npy", features)
    np.save(tmp_path / "one.npy", features[..., 6:])
    for name in ("disk", "pair"):
        for person in (0, 1):
            given = read_motion(tmp_path / f"{name}.npy", person=person, up="y")
            assert_allclose(given.joints, expected[person], atol=1e-4)
            assert given.rotations6d.shape == (20, 21, 6)
    assert_allclose(read_motion(tmp_path / "one.npy", up="y").joints, expected[1], atol=1e-4)


# ---------------------------------------------------------------- the demo's arrays, rates, hostile files


@pytest.mark.parametrize("persons", [1, 2])
def test_the_demo_s_arrays(pair, tmp_path, persons):
    joints, turns = pair
    demo = np.concatenate([joints, np.pad(turns, ((0, 0), (0, 0), (1, 0), (0, 0)))], axis=-1)
    np.save(tmp_path / "demo.npy", demo if persons == 2 else demo[0])
    given = read_motion(tmp_path / "demo.npy", person=persons - 1)
    assert_array_equal(given.joints, joints[persons - 1])
    assert_allclose(given.rotations6d, turns[persons - 1], atol=1e-6)
    assert "(T, 22, 9)" in given.source and "rotations from the file" in given.source
    demo[..., 3:] = 0
    np.save(tmp_path / "bare.npy", demo[0])
    given = read_motion(tmp_path / "bare.npy")
    assert given.rotations6d is None and "rotations recovered" in given.source


@pytest.mark.parametrize(
    ("written", "fps"),
    [("0.0333333", 30), ("0.033333", 30), ("0.033", 30), ("0.008333", 120), ("0.016666", 60), ("0.04", 25),
     ("0.041708", 1 / 0.041708), ("0.0333667", 1 / 0.0333667), ("0.03", 1 / 0.03), ("3.33333e-2", 30)],
)  # fmt: skip
def test_a_rounded_frame_time_is_the_rate_it_was_rounded_from(written, fps):
    text = re.sub(r"Frame Time: \S+", f"Frame Time: {written}", rest_bvh())
    assert parse_bvh(text, 100).fps == fps


def test_thirty_frames_a_second_in_a_bvh_are_kept_bit_for_bit(tmp_path):
    turns = {4: np.linspace(0, 40, 90)[:, None] * np.ones(3)}
    root = np.tile([0.3, 0.95, -1.2], (90, 1))
    text = bvh_text(JOINT_NAMES, list(PARENTS), REST_OFFSETS, root, turns)
    (tmp_path / "a.bvh").write_text(re.sub(r"Frame Time: \S+", "Frame Time: 0.0333333", text))
    motion = parse_bvh(text, 100)
    given = read_motion(tmp_path / "a.bvh")
    assert_array_equal(given.joints, body_joints(motion)[0].astype(np.float32))
    assert "90 frames at 30 fps" in given.source and "->" not in given.source.partition("names")[2]


def test_every_bone_is_reported_and_odd_ones_are_doubted(pair, tmp_path):
    np.save(tmp_path / "a.npy", pair[0][0])
    given = read_motion(tmp_path / "a.npy")
    assert given.bones.count("±") == 21 and "left_knee-left_ankle" in given.bones
    assert not given.warnings
    assert re.search(r"forward kinematics [\d.]+ mm off \(worst [\d.]+\)", given.source)
    for change, message in {
        "swap": "is the joint the right one",
        "one side": "on the right",
        "stretch": "stretches",
    }.items():
        odd = pair[0][0].copy()
        if change == "swap":  # a map that takes the hand's tip for the wrist of both arms
            for side in ("left", "right"):
                arm = odd[:, JOINT[f"{side}_wrist"]] - odd[:, JOINT[f"{side}_elbow"]]
                odd[:, JOINT[f"{side}_wrist"]] += 1.2 * arm
        elif change == "one side":
            odd[:, JOINT["left_wrist"]] += 0.4 * (odd[:, JOINT["left_wrist"]] - odd[:, JOINT["left_elbow"]])
        else:
            odd[3, JOINT["head"], 1] += 0.1
        np.save(tmp_path / "odd.npy", odd)
        assert any(message in warning for warning in read_motion(tmp_path / "odd.npy").warnings), change


def hostile_files(folder):
    """Name -> a small file that claims to hold very much."""

    def npy(shape):
        head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
        return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + bytes(64)

    head = "HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\nCHANNELS 1 Xposition\n"
    chain = "JOINT b\n{\nOFFSET 0 1 0\n"
    tail = "MOTION\nFrames: %s\nFrame Time: 0.01\n%s"
    lying = io.BytesIO()
    with zipfile.ZipFile(lying, "w") as archive:
        archive.writestr("positions.npy", npy((100_000, 22, 3)))
    image = bytearray(lying.getvalue())
    at = image.rfind(b"PK\x01\x02") + 24
    image[at : at + 4] = struct.pack("<I", 2**31)  # the size unpacked
    contents = {
        "shape.npy": npy((10**12, 22, 3)),
        "negative.npy": npy((-4, 22, 3)),
        "lying.npz": bytes(image),
        "negative.bvh": (head + "}\n" + tail % (-5, "1 ")).encode(),
        "many.bvh": (head + "}\n" + tail % (10**9, "1 ")).encode(),
        "digits.bvh": (head + "}\n" + tail % ("9" * 5000, "1 ")).encode(),
        "deep.bvh": (head + chain * 10_000 + "}\n" * 10_001 + tail % (4, "1 " * 4)).encode(),
        "wide.bvh": (head + chain * 900 + "}\n" * 901 + tail % (50_000, "1 " * 50_000)).encode(),
        "nan.bvh": (head + "}\n" + tail % (4, "1 nan 2 3")).encode(),
        "unicode.bvh": (head + "}\n" + tail % ("٤", "1 " * 4)).encode(),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    for name in ("rotations.h5", "index.h5", "joints.h5"):
        with h5py.File(folder / name, "w") as file:
            file.attrs["format"], file.attrs["format_version"], file.attrs["fps"] = FORMAT, 1, 30.0
            item = file.create_group("interactions/a")
            item.attrs["prompt"], item.attrs["seed"], item.attrs["sample"] = "x", 0, 0
            frames = 10**9 if name == "joints.h5" else 40
            item.create_dataset("joints", shape=(2, frames, 22, 3), dtype="f4", chunks=(1, 40, 22, 3))
            if name == "rotations.h5":
                item.create_dataset("rotations6d", shape=(2, 10**9, 21, 6), dtype="f4", chunks=(1, 40, 21, 6))
            many = 10**9 if name == "index.h5" else 1
            for column in INDEX_COLUMNS:
                kind = h5py.string_dtype() if column in ("id", "prompt") else "i8"
                data = file.create_dataset(
                    f"index/{column}", shape=(many,), dtype=kind, chunks=(min(many, 1000),)
                )
                data[0] = "a" if column in ("id", "prompt") else 0
        contents[name] = b""
    return sorted(contents)


def test_hostile_files_take_neither_memory_nor_time(tmp_path):
    names = hostile_files(tmp_path)
    tracemalloc.start()
    try:
        for name in names:
            started = time.process_time()
            with pytest.raises(InputError) as caught:
                read_motion(tmp_path / name, person=0)
            assert "\n" not in str(caught.value) and len(str(caught.value)) < 700, name
            assert time.process_time() - started < 5, name
            assert tracemalloc.get_traced_memory()[1] < 200e6, name
    finally:
        tracemalloc.stop()
    with (
        pytest.raises(InputError, match="claims 1,000,000,000 frames"),
        InteractionFile(tmp_path / "joints.h5") as d,
    ):
        d.read("a")


def zip_bombs(folder):
    """Name -> what the message must say; each is small and unpacks to 100 megabytes or more."""
    much = 100 << 20

    def npy(shape, kind="<f8", version=1, spaces=0):
        head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
        head = head.ljust(117 + spaces) + b"\n"
        return (
            b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(head)) + head
        )

    small = npy((10, 22, 3))
    raw = npy((2, 13_500, 492))  # a shape that is accepted
    bombs = {
        "bzip2.npz": (small + bytes(much), zipfile.ZIP_BZIP2, len(small) + 5280, "NumPy never does"),
        "zeros.npz": (raw + bytes(2 * 13_500 * 492 * 8), zipfile.ZIP_DEFLATED, None, "100 times is refused"),
        "behind.npz": (small + bytes(much), zipfile.ZIP_DEFLATED, None, "100 times is refused"),
        "under.npz": (small + bytes(60 << 20), zipfile.ZIP_DEFLATED, None, "needs 5280 bytes"),
        "header.npz": (
            npy((10, 22, 3), version=2, spaces=60 << 20), zipfile.ZIP_DEFLATED, None, "not an .npy array",
        ),
        "amass.npz": (raw + bytes(much), zipfile.ZIP_DEFLATED, None, "100 times is refused"),
    }  # fmt: skip
    for name, (content, packing, told, _) in bombs.items():
        image = io.BytesIO()
        with zipfile.ZipFile(image, "w", packing) as archive:
            if name == "amass.npz":
                archive.writestr("trans.npy", small)
                archive.writestr("poses.npy", content)
            else:
                archive.writestr("positions.npy", content)
        data = bytearray(image.getvalue())
        if told is not None:
            at = data.rfind(b"PK\x01\x02") + 24
            data[at : at + 4] = struct.pack("<I", told)
        (folder / name).write_bytes(data)
    return {name: message for name, (_, _, _, message) in bombs.items()}


def test_zip_bombs_are_refused_before_they_unpack(tmp_path):
    bombs = zip_bombs(tmp_path)
    for name, message in bombs.items():
        assert (tmp_path / name).stat().st_size < 1 << 20, name
        tracemalloc.start()
        started = time.process_time()
        try:
            with pytest.raises(InputError, match=message) as caught:
                read_motion(tmp_path / name, person=0)
            assert tracemalloc.get_traced_memory()[1] < 2 << 20, name
        finally:
            tracemalloc.stop()
        assert time.process_time() - started < 1, name
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 400, name


def test_a_person_who_stands_still_is_no_bomb(tmp_path):
    """Frames that repeat pack to less than a hundredth; only together with much to unpack is that refused."""
    still = np.repeat(fk_pair(1)[0], 2000, axis=1)
    np.savez_compressed(tmp_path / "still.npz", positions=still)
    assert (tmp_path / "still.npz").stat().st_size < still.nbytes / 100
    assert_array_equal(read_motion(tmp_path / "still.npz", person=1).joints, still[1])
