"""Arrays of AMASS, Inter-X and the published demo; pickles and decompression bombs."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from intermask_cli.datasets.motion_files.read import read_motion
from intermask_cli.errors import InputError
from intermask_cli.motion.body_model import stand_in_body
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.representation.interx import joints_from_features, pair_features, split_persons
from intermask_cli.motion.rotation import (
    axis_angle_from_matrix,
    matrix_from_axis_angle,
    sixd_columns_from_matrix,
)
from intermask_cli.motion.skeleton import REST_OFFSETS
from tests.helpers.motion_samples import fk_pair, fk_person


@pytest.mark.parametrize("layout", ["poses", "pose_body"])
def test_amass_rotations(tmp_path, layout):
    _, local, _ = fk_person(40)
    # AMASS is Z up: the same person, turned.
    turn = matrix_from_axis_angle(np.array([np.pi / 2, 0, 0]))
    root = np.stack([np.linspace(0, 1, 40), np.full(40, 0.93), np.zeros(40)], -1)
    # The pelvis is at `trans` plus its rest place, a height in the body and so a shift along Y of the file.
    pelvis = root @ turn.T + [0, {"poses": -0.22, "pose_body": -0.35}[layout], 0]
    expected = forward_kinematics(local, pelvis @ turn, REST_OFFSETS)[0]
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
    assert_allclose(given.rotations6d, sixd_columns_from_matrix(local[:, 1:]), atol=1e-5)
    assert "trans + (0, -0." in given.source
    np.savez(tmp_path / "b.npz", trans=trans[:9], **fields)
    with pytest.raises(InputError, match="40 rows for 9 rows of `trans`"):
        read_motion(tmp_path / "b.npz")


def test_interx_arrays(tmp_path):
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


@pytest.mark.parametrize("persons", [1, 2])
def test_arrays_of_the_published_demo(pair, tmp_path, persons):
    joints, rotations = pair
    demo = np.concatenate([joints, np.pad(rotations, ((0, 0), (0, 0), (1, 0), (0, 0)))], axis=-1)
    np.save(tmp_path / "demo.npy", demo if persons == 2 else demo[0])
    given = read_motion(tmp_path / "demo.npy", person=persons - 1)
    assert_array_equal(given.joints, joints[persons - 1])
    assert_allclose(given.rotations6d, rotations[persons - 1], atol=1e-6)
    assert "(T, 22, 9)" in given.source and "rotations from the file" in given.source
    demo[..., 3:] = 0
    np.save(tmp_path / "bare.npy", demo[0])
    given = read_motion(tmp_path / "bare.npy")
    assert given.rotations6d is None and "rotations recovered" in given.source


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
        "bzip2.npz": (small + bytes(much), zipfile.ZIP_BZIP2, len(small) + 5280, "NumPy never uses"),
        "zeros.npz": (raw + bytes(2 * 13_500 * 492 * 8), zipfile.ZIP_DEFLATED, None, "decompression bomb"),
        "behind.npz": (small + bytes(much), zipfile.ZIP_DEFLATED, None, "decompression bomb"),
        "under.npz": (small + bytes(60 << 20), zipfile.ZIP_DEFLATED, None, "needs 5280 bytes"),
        "header.npz": (
            npy((10, 22, 3), version=2, spaces=60 << 20), zipfile.ZIP_DEFLATED, None, "not an .npy array",
        ),
        "amass.npz": (raw + bytes(much), zipfile.ZIP_DEFLATED, None, "decompression bomb"),
    }  # fmt: skip
    for name, (content, packing, claimed_bytes, _) in bombs.items():
        image = io.BytesIO()
        with zipfile.ZipFile(image, "w", packing) as archive:
            if name == "amass.npz":
                archive.writestr("trans.npy", npy((10, 3)) + bytes(240))
                archive.writestr("poses.npy", content)
            else:
                archive.writestr("positions.npy", content)
        data = bytearray(image.getvalue())
        if claimed_bytes is not None:
            at = data.rfind(b"PK\x01\x02") + 24
            data[at : at + 4] = struct.pack("<I", claimed_bytes)
        (folder / name).write_bytes(data)
    return {name: message for name, (_, _, _, message) in bombs.items()}


@pytest.mark.slow
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


def test_a_person_who_stands_still_is_not_a_bomb(tmp_path):
    """Frames that repeat compress to less than a hundredth, which is refused of large arrays only."""
    still = np.repeat(fk_pair(1)[0], 2000, axis=1)
    np.savez_compressed(tmp_path / "still.npz", positions=still)
    assert (tmp_path / "still.npz").stat().st_size < still.nbytes / 100
    assert_array_equal(read_motion(tmp_path / "still.npz", person=1).joints, still[1])
