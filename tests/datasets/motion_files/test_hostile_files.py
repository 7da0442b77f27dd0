"""Random, truncated, damaged and hostile files are read or refused within little memory and time."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zipfile

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intermask_cli.datasets.interactions import FORMAT, INDEX_COLUMNS, InteractionFile
from intermask_cli.datasets.motion_files.read import read_motion
from intermask_cli.errors import InputError
from tests.helpers.motion_files import rest_bvh, write_h5
from tests.helpers.motion_samples import fk_pair

QUIET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def reads_or_refuses(path):
    """A damaged file is an InputError or, if the motion itself is intact, a finite motion."""
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
def intact_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("intact")
    joints, rotations = fk_pair(12)
    np.save(folder / "a.npy", joints)
    np.savez(folder / "a.npz", positions=joints, fps=30)
    np.savez_compressed(folder / "b.npz", positions=joints, fps=30)
    write_h5(folder / "a.h5", joints, rotations)
    (folder / "a.bvh").write_text(rest_bvh())
    return Files((path.name, path.read_bytes()) for path in folder.iterdir())


@QUIET
@given(data=st.data())
def test_truncated_anywhere(data, intact_files, tmp_path):
    name = data.draw(st.sampled_from(sorted(intact_files)))
    intact = intact_files[name]
    (tmp_path / name).write_bytes(intact[: data.draw(st.integers(0, len(intact) - 1))])
    reads_or_refuses(tmp_path / name)


@QUIET
@given(data=st.data())
def test_damaged_bytes(data, intact_files, tmp_path):
    name = data.draw(st.sampled_from(sorted(intact_files)))
    damaged = bytearray(intact_files[name])
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / name).write_bytes(bytes(damaged))
    reads_or_refuses(tmp_path / name)


def hostile_files(folder):
    """Write small files that claim to hold a lot; returns their names."""

    def npy(shape):
        head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
        return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + bytes(64)

    head = "HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\nCHANNELS 1 Xposition\n"
    chain = "JOINT b\n{\nOFFSET 0 1 0\n"
    tail = "MOTION\nFrames: %s\nFrame Time: 0.01\n%s"
    claiming = io.BytesIO()
    with zipfile.ZipFile(claiming, "w") as archive:
        archive.writestr("positions.npy", npy((100_000, 22, 3)))
    image = bytearray(claiming.getvalue())
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
