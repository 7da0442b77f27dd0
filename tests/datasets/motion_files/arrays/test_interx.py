"""Clips of Inter-X's HDF5 files."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from intermask_cli.datasets.motion_files.read import read_motion, read_people
from intermask_cli.errors import InputError
from tests.helpers.dataset_trees import interx_clip
from tests.helpers.paths import SHARED

CASE = SHARED / "cases" / "motion" / "interx-clip"


def test_a_clip_is_read_as_its_array_is(tmp_path):
    with h5py.File(tmp_path / "val.h5", "w") as file:
        for seed, name in enumerate(("G001T000A000R000", "G001T000A000R001")):
            file[name] = interx_clip(30, seed)
    np.save(tmp_path / "clip.npy", interx_clip(30, 1))
    clip, array = (read_people(tmp_path / name) for name in ("val.h5#G001T000A000R001", "clip.npy"))
    assert len(clip) == 2
    for one, other in zip(clip, array, strict=True):
        assert_array_equal(one.joints, other.joints)
        assert one.warnings == other.warnings == ()
    with pytest.raises(InputError, match=r"no clip named; it holds 2: G001.*choose one as FILE\.h5#NAME"):
        read_motion(tmp_path / "val.h5")


def test_a_clip_that_claims_much_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", shape=(10**9, 56, 6), dtype="f4", chunks=(100, 56, 6))
    with pytest.raises(InputError, match="1000000000 frames; accepted"):
        read_motion(tmp_path / "a.h5")


@pytest.mark.skipif(not CASE.is_dir(), reason=f"no case at {CASE}")
def test_case():
    for person in (0, 1):
        clip = read_motion(f"{CASE}/train.h5#G001T000A000R000", person=person)
        assert_array_equal(clip.joints, read_motion(CASE / "clip.npy", person=person).joints)
