"""The motion record: optional arrays of a rigid body, parts, padding, hash."""

from __future__ import annotations

import numpy as np
import pytest

from intermask_cli.errors import InputError
from intermask_cli.motion.motion import Motion


def rigid(frames: int = 10) -> Motion:
    rng = np.random.default_rng(0)

    def values(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    return Motion(
        values(2, frames, 22, 3),
        values(2, frames, 21, 6),
        None,
        values(2, frames, 6),
        np.abs(values(2, 21)),
    )


def test_parts_and_padding_cut_frames_and_keep_the_lengths_of_bones() -> None:
    motion = rigid()
    part, padded = motion.part(2, 5), motion.padded(4)
    for changed, frames in ((part, 3), (padded, 12)):
        assert changed.has_rig and changed.frames == frames
        assert changed.root_rotations6d.shape == (2, frames, 6)
        np.testing.assert_array_equal(changed.bone_lengths, motion.bone_lengths)
    np.testing.assert_array_equal(part.root_rotations6d, motion.root_rotations6d[:, 2:5])
    np.testing.assert_array_equal(padded.root_rotations6d[:, -1], motion.root_rotations6d[:, -1])
    part.bone_lengths[:] = 0  # a copy, as the other arrays
    assert motion.bone_lengths.all()


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("root_rotations6d", (2, 9, 6)),
        ("root_rotations6d", (2, 10, 1, 6)),
        ("bone_lengths", (2, 22)),
        ("bone_lengths", (2, 10, 21)),
        ("bone_lengths", (1, 21)),
    ],
)
def test_arrays_of_another_shape_are_refused(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=f"{name} of shape"):
        Motion(rigid().joints, **{name: np.zeros(shape, np.float32)})


def test_the_hash_sees_every_array_and_stays_that_of_joints_alone() -> None:
    motion = rigid()
    hashes = {
        motion.sha256(),
        Motion(motion.joints).sha256(),
        Motion(motion.joints, motion.rotations6d).sha256(),
        Motion(motion.joints, motion.rotations6d, None, motion.root_rotations6d).sha256(),
        Motion(
            motion.joints, motion.rotations6d, None, motion.root_rotations6d, motion.bone_lengths * 2
        ).sha256(),
    }
    assert len(hashes) == 5
