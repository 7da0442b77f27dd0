"""The body solver: rigid, symmetric, exact on bodies, independent of the batch."""

from __future__ import annotations

import numpy as np
import pytest

from intermask_cli.datasets.duets.clips import make_clip
from intermask_cli.motion.body.lengths import rest_offsets
from intermask_cli.motion.body.solver import SolvedBodies, solve_bodies, solve_clips
from intermask_cli.motion.kinematics import bone_lengths, forward_kinematics
from intermask_cli.motion.rotation import matrix_about_y, matrix_from_sixd_columns
from intermask_cli.motion.skeleton import JOINT, MIRROR

UPPER_BODY = [JOINT[n] for n in ("spine1", "spine2", "spine3", "neck", "head")] + list(range(13, 15))
UPPER_BODY += [16, 17, 18, 19, 20, 21]


def decoded(seed: int, noise_m: float = 0.01, frames: int | None = None) -> np.ndarray:
    """A true clip (2, T, 22, 3) with noise on every joint, as a decoder makes it."""
    joints = make_clip(seed, 0).motion.joints[:, :frames]
    noise = np.random.default_rng(seed).normal(0, noise_m, joints.shape)
    return (joints + noise).astype(np.float32)


def by_kinematics(bodies: SolvedBodies) -> np.ndarray:
    """Joints (P, T, 22, 3) from rotations, lengths and the path of the pelvis alone."""
    sixd = np.concatenate([bodies.root_rotations6d[:, :, None], bodies.rotations6d], axis=2)
    offsets = rest_offsets(bodies.bone_lengths.astype(np.float64))[:, None]
    return forward_kinematics(matrix_from_sixd_columns(sixd), bodies.joints[:, :, 0], offsets)[0]


def test_joints_are_forward_kinematics_on_symmetric_constant_bones() -> None:
    bodies = solve_bodies(decoded(3))
    assert np.abs(by_kinematics(bodies) - bodies.joints).max() < 1e-4
    lengths = bone_lengths(bodies.joints)  # (P, T, 21)
    assert np.abs(lengths - bodies.bone_lengths[:, None]).max() < 1e-4
    other_side = np.array(MIRROR[1:]) - 1
    np.testing.assert_array_equal(bodies.bone_lengths, bodies.bone_lengths[:, other_side])


def test_result_is_the_same_alone_and_in_any_batch() -> None:
    clips = [decoded(1, frames=40), decoded(2), decoded(3, frames=7), decoded(4, frames=1)]
    together = solve_clips(clips)
    for clip, bodies in zip(clips, together, strict=True):
        alone = solve_bodies(clip)
        for name in ("joints", "rotations6d", "root_rotations6d", "bone_lengths"):
            np.testing.assert_array_equal(getattr(alone, name), getattr(bodies, name))


def test_a_chest_turned_backwards_is_named() -> None:
    joints = make_clip(5, 0).motion.joints.copy()
    above = UPPER_BODY[2:]
    middle = joints[0, 30:60, [JOINT["spine2"]]].transpose(1, 0, 2)
    turn = matrix_about_y(np.radians(170))
    joints[0, 30:60, above] = np.swapaxes(
        (np.swapaxes(joints[0, 30:60, above], 0, 1) - middle) @ turn.T + middle, 0, 1
    )
    bodies = solve_bodies(joints)
    assert bodies.reasons[0] is not None and "chest" in bodies.reasons[0]
    assert bodies.reasons[1] is None
    assert not bodies.is_body


@pytest.mark.parametrize("seed", range(6))
def test_true_motion_is_a_body(seed: int) -> None:
    assert solve_bodies(make_clip(seed, 1).motion.joints).is_body


def test_a_thigh_too_long_is_named() -> None:
    joints = make_clip(6, 0).motion.joints.copy()
    for side in ("left", "right"):
        names = [JOINT[f"{side}_{name}"] for name in ("hip", "knee", "ankle", "foot")]
        extra = 0.4 * (joints[0, :, names[1]] - joints[0, :, names[0]])
        joints[0, :, names[1:]] += extra
    bodies = solve_bodies(joints)
    assert bodies.reasons[0] is not None and "leg" in bodies.reasons[0]
    assert bodies.reasons[1] is None
