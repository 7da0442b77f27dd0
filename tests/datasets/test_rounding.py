"""What a run stores by default: half the space, stated bounds, rigid bodies that stay rigid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from intermask_cli.datasets.hdf5_arrays import write_array
from intermask_cli.datasets.interactions import InteractionFile, write_dataset
from intermask_cli.datasets.rounding import JOINTS_WITHIN_M, ROTATIONS_WITHIN_DEGREES, rounded
from intermask_cli.inference.interaction import Interaction
from intermask_cli.inference.model import InteractionModel, load_model
from intermask_cli.motion.body.lengths import rest_offsets
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.rotation import (
    axis_angle_from_matrix,
    matrix_from_axis_angle,
    matrix_from_sixd_columns,
    sixd_columns_from_matrix,
)

ARRAYS = ("joints", "rotations6d", "root_rotations6d")


def rigid_pair(frames: int = 90, seed: int = 0, size: float = 1.0, turns: float = 1.2) -> Interaction:
    """A pair of rigid bodies whose every joint turns."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None, None] / 30
    lengths = size * rng.uniform(0.08, 0.45, (2, 21)).astype(np.float32)
    sixd, joints = [], []
    for person in (0, 1):
        waves = np.sin(time * rng.uniform(1, 6, (1, 22, 3)) + rng.uniform(0, 6, (1, 22, 3)))
        local = matrix_from_axis_angle(turns * waves)
        sixd.append(sixd_columns_from_matrix(local).astype(np.float32))
        root = np.stack([time[:, 0, 0], 0.9 + 0 * time[:, 0, 0], 1.1 * person + 0.3 * time[:, 0, 0]], axis=-1)
        joints.append(forward_kinematics(local, root, rest_offsets(lengths[person]))[0])
    both = np.stack(sixd)
    motion = Motion(np.stack(joints).astype(np.float32), both[:, :, 1:], None, both[:, :, 0], lengths)
    return Interaction(motion, text="they turn", seed=seed, id=f"pair-{seed}", rigid=(True, True))


def turned_degrees(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Angles between the rotations of two 6-D arrays."""
    first, second = (matrix_from_sixd_columns(sixd.astype(np.float64)) for sixd in (a, b))
    vectors = axis_angle_from_matrix(np.swapaxes(first, -1, -2) @ second)
    return np.degrees(np.linalg.norm(vectors, axis=-1))


def off_body_m(item: Interaction) -> float:
    """How far stored joints of rigid persons are from forward kinematics of what is stored with them."""
    worst = 0.0
    assert item.root_rotations6d is not None and item.rotations6d is not None
    assert item.bone_lengths is not None
    for person in np.flatnonzero(item.rigid):
        sixd = np.concatenate([item.root_rotations6d[person][:, None], item.rotations6d[person]], axis=1)
        local = matrix_from_sixd_columns(sixd.astype(np.float64))
        stored = item.joints[person].astype(np.float64)
        rebuilt = forward_kinematics(local, stored[:, 0], rest_offsets(item.bone_lengths[person]))[0]
        worst = max(worst, float(np.linalg.norm(rebuilt - stored, axis=-1).max()))
    return worst


def same(a: Interaction, b: Interaction) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in (*ARRAYS, "bone_lengths"))


@pytest.mark.parametrize("size", [0.6, 1.0, 3.0])
def test_bounds_hold_and_bodies_stay_rigid(size: float) -> None:
    for seed in range(4):
        item = rigid_pair(seed=seed, size=size)
        stored = rounded(item)
        assert stored.joints.dtype == np.float32 and not same(stored, item)
        moved = np.linalg.norm(stored.joints.astype(np.float64) - item.joints, axis=-1)
        assert moved.max() <= JOINTS_WITHIN_M + 1e-6
        for name in ("rotations6d", "root_rotations6d"):
            assert turned_degrees(getattr(stored, name), getattr(item, name)).max() < ROTATIONS_WITHIN_DEGREES
        assert off_body_m(stored) < 1e-4
        assert np.array_equal(stored.bone_lengths, item.bone_lengths)


def test_rounding_the_rounded_changes_nothing(tmp_path: Path) -> None:
    stored = rounded(rigid_pair(size=3.0))  # of which some frames need the finer step
    write_dataset(tmp_path / "a.h5", [stored])
    with InteractionFile(tmp_path / "a.h5") as dataset:
        read = dataset[0]
    assert same(read, stored) and same(rounded(read), stored)
    part = Motion(
        *(None if a is None else a[:, 30:60] for a in (read.joints, read.rotations6d)),
        None, read.root_rotations6d[:, 30:60], read.bone_lengths,
    )  # fmt: skip
    cut = Interaction(part, rigid=(True, True))
    assert same(rounded(cut), cut)


def test_a_given_person_is_stored_bit_by_bit() -> None:
    item = replace(rigid_pair(), given=1)
    stored = rounded(item)
    for name in ARRAYS:
        before, after = getattr(item, name), getattr(stored, name)
        assert after[1].tobytes() == before[1].tobytes() and after[0].tobytes() != before[0].tobytes()


def test_decoded_motion_is_rounded_number_by_number() -> None:
    pair = rigid_pair()
    features = np.random.default_rng(0).normal(size=(2, 90, 56, 6)).astype(np.float32)
    item = Interaction(Motion(pair.joints, pair.rotations6d, features))
    stored = rounded(item)
    assert np.abs(stored.joints - item.joints).max() <= 2**-15
    assert np.abs(stored.rotations6d - item.rotations6d).max() <= 2**-13
    assert np.abs(stored.features - features).max() <= 2**-15
    assert stored.root_rotations6d is None
    for name in ("joints", "rotations6d", "features"):
        assert not np.array_equal(getattr(stored, name), getattr(item, name))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint8"])
def test_plain_h5py_reads_what_is_written(tmp_path: Path, dtype: str) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "noise": (100 * rng.normal(size=(2, 40, 5, 3))).astype(dtype),
        "zeros": np.zeros((3, 50), dtype),
        "one": np.full(1, 7, dtype),
    }
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, array in arrays.items():
            write_array(file, name, array)
    with h5py.File(tmp_path / "a.h5", "r") as file:
        for name, array in arrays.items():
            assert file[name].dtype == dtype and np.array_equal(file[name][...], array)
        assert file["zeros"].id.get_storage_size() < file["zeros"].nbytes


@pytest.fixture(scope="module")
def model() -> Iterator[InteractionModel]:
    yield load_model("duet-mini", device="cpu")


@pytest.mark.slow
def test_real_clips_take_less_than_half_the_space(model: InteractionModel, tmp_path: Path) -> None:
    texts = ["two people shake hands", "one person kicks the other", "two people dance", "they hug"]
    made = model.generate(texts, frames=150, seeds=[1, 2, 3, 4])
    exact = write_dataset(tmp_path / "exact.h5", made)
    stored = [rounded(item) for item in made]
    small = write_dataset(tmp_path / "rounded.h5", stored)
    assert exact.stat().st_size > 2 * small.stat().st_size
    assert small.stat().st_size / len(made) < 205_000 / 2  # bytes of a pair in 0.1.0
    for before, after in zip(made, stored, strict=True):
        assert np.linalg.norm(after.joints - before.joints, axis=-1).max() <= JOINTS_WITHIN_M
        assert any(after.rigid) and off_body_m(after) < 1e-4
