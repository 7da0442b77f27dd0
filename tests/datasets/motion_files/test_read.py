"""Reading a given person: every format gives the same motion; options, and messages for bad files."""

from __future__ import annotations

import json
import pickle
import struct

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from intermask_cli.datasets.motion_files.read import read_motion
from intermask_cli.errors import InputError
from intermask_cli.motion.joint_rotations import rotations_from_joints
from intermask_cli.motion.representation.interhuman import pair_features
from tests.helpers.motion_files import rest_bvh, write_h5
from tests.helpers.motion_samples import fk_person
from tests.helpers.paths import CMU_DUETS

needs_cmu = pytest.mark.skipif(not CMU_DUETS.is_dir(), reason=f"no CMU duets at {CMU_DUETS}")


def raw492(joints, rotations):
    raw = np.zeros((len(joints), 492), dtype=np.float32)
    raw[:, :66] = np.stack([joints[..., 0], -joints[..., 2], joints[..., 1]], -1).reshape(len(joints), 66)
    raw[:, 186:312] = rotations.reshape(len(joints), 126)
    return raw


def test_npy_joints_come_back_exactly(pair, tmp_path):
    np.save(tmp_path / "one.npy", pair[0][0])
    motion = read_motion(tmp_path / "one.npy")
    assert_array_equal(motion.joints, pair[0][0])
    assert motion.joints.dtype == np.float32
    assert motion.rotations6d is None
    assert (motion.original_fps, motion.original_frames, motion.frames) == (30, 40, 40)
    assert "one.npy" in motion.source


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
    trial = np.load(CMU_DUETS / "trials" / "60_61_10.npz")
    person = ("60", "61").index(subject)
    motion = read_motion(
        CMU_DUETS / "source" / f"{subject}_10_frames_0400-0699.bvh", fps=60, units=str(1 / 0.75)
    )
    assert motion.frames == 150
    inside = (trial["source_frame"] >= 400) & (trial["source_frame"] < 700)
    clean = ~trial["repaired"][person][inside]
    assert clean.sum() > 100
    assert_allclose(motion.joints[clean], trial["positions"][person][inside][clean], atol=1.1e-4)


@needs_cmu
def test_cmu_recording():
    motion = read_motion(CMU_DUETS / "trials" / "60_61_01.npz", person=1)
    assert_array_equal(motion.joints, np.load(CMU_DUETS / "trials" / "60_61_01.npz")["positions"][1])


def test_rotations_are_recovered_once_where_a_file_has_none(pair, tmp_path):
    np.save(tmp_path / "joints.npy", pair[0][0])
    given = read_motion(tmp_path / "joints.npy")
    assert_array_equal(given.recovered, rotations_from_joints(given.joints).rotations6d)
    assert given.known_rotations6d is given.recovered
    given = read_motion(write_h5(tmp_path / "run.h5", *pair), person=0)
    assert given.recovered is None and given.known_rotations6d is given.rotations6d


def test_units(tmp_path):
    metres = fk_person(10)[0]
    for unit, factor in {"cm": 0.01, "mm": 0.001, "inch": 0.0254, "1.3333": 1.3333}.items():
        np.save(tmp_path / f"{unit}.npy", metres / factor)
        assert_allclose(read_motion(tmp_path / f"{unit}.npy", units=unit).joints, metres, atol=1e-5)
    for unit in ("cm", "mm", "inch"):
        with pytest.raises(InputError, match=rf"m tall; 0\.5 to 3 m .*--units {unit}"):
            read_motion(tmp_path / f"{unit}.npy")


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


def test_rates_come_from_the_file_and_rotations_stay_rotations(pair, tmp_path):
    joints, rotations = pair
    np.savez(tmp_path / "fast.npz", positions=joints, fps=60)
    assert read_motion(tmp_path / "fast.npz", person=0).frames == 20
    motion = read_motion(write_h5(tmp_path / "fast.h5", joints, rotations, fps=50.0), person=0)
    columns = motion.rotations6d.reshape(-1, 3, 2)
    gram = np.swapaxes(columns, -1, -2) @ columns
    assert_allclose(gram, np.broadcast_to(np.eye(2), gram.shape), atol=1e-5)


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
    intact = saved(folder / "whole.npy", good).read_bytes()
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
        "unknown kind": (file("motion.c3d", b"x"), {}, r"\.c3d.*accepted"),
        "directory": (folder, {}, "no such file"),
        "wrong shape": (saved(folder / "shape.npy", good[:, :21]), {}, r"\(10, 21, 3\), most likely KIT-ML"),
        "three persons": (
            saved(folder / "three.npy", np.stack([good] * 3)), {}, "3 persons.*--person 1 to --person 3",
        ),
        "one number": (saved(folder / "scalar.npy", np.array(1.0)), {}, r"shape \(\)"),
        "too short": (saved(folder / "short.npy", good[:3]), {}, "3 frames; accepted: 4 to"),
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
        "text": (saved(folder / "text.npy", np.array(["a"] * 9)), {}, "accepted: numbers"),
        "complex": (saved(folder / "complex.npy", good.astype(complex)), {}, "accepted: numbers"),
        "truncated npy": (file("cut.npy", intact[:-50]), {}, "truncated"),
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
        "up": (folder / "whole.npy", {"up": "w"}, "accepted: y, z"),
        "bvh without motion": (file("cut.bvh", bvh[:300]), {}, "needs HIERARCHY"),
        "bvh cut": (file("cut2.bvh", bvh[:-60]), {}, "truncated or damaged: 8 frames of 69 channels"),
        "bvh frames claim": (
            file("claim.bvh", bvh.replace("Frames: 8", "Frames: 9999999999")), {}, "gives 9999999999 frames",
        ),
        "bvh words": (file("words.bvh", bvh + "left"), {}, "motion data"),
        "bvh nan": (file("nan.bvh", bvh.replace("0.950000000", "nan", 1)), {}, "frame 0 is not finite"),
        "bvh time": (
            file("time.bvh", bvh.replace("Frame Time: 0.0", "Frame Time: -0.0")), {}, "frame time",
        ),
        "bvh channel": (file("channel.bvh", bvh.replace("Xrotation", "Wrotation", 1)), {}, "Wrotation"),
        "bvh brace": (file("brace.bvh", bvh.replace("}", "", 3)), {}, "truncated|misplaced|unexpected"),
        "bvh of a child": (file("cm.bvh", rest_bvh(scale=10.0)), {}, "a child or a giant needs --units cmu"),
    }  # fmt: skip


def test_bad_files_give_one_line_with_what_was_found(tmp_path):
    for name, (path, options, message) in bad_files(tmp_path).items():
        with pytest.raises(InputError, match=message) as caught:
            read_motion(path, **options)
        text = str(caught.value)
        assert "\n" not in text, name
        assert text.startswith(str(path).partition("#")[0]), name
        assert text.count(str(path).partition("#")[0] + ":") == 1, name
        assert caught.value.exit_code == 2
