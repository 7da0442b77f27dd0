"""The body solver: rigid, symmetric, exact on bodies, near decoded ones, independent of the batch."""

from __future__ import annotations

import numpy as np
import pytest

from intermask_cli.datasets.duets.clips import make_clip
from intermask_cli.motion.body.lengths import rest_offsets
from intermask_cli.motion.body.sole import TOES
from intermask_cli.motion.body.solver import SolvedBodies, solve_bodies, solve_clips
from intermask_cli.motion.body.turns import turns_rad
from intermask_cli.motion.kinematics import bone_lengths, forward_kinematics
from intermask_cli.motion.physics import foot_skate_mm_per_frame, jerk_m_per_s3
from intermask_cli.motion.rotation import matrix_from_sixd_columns, sixd_columns_from_matrix
from intermask_cli.motion.skeleton import JOINT, MIRROR
from tests.helpers.paths import SHARED

WRISTS = [JOINT["left_wrist"], JOINT["right_wrist"]]
ANKLES = [JOINT["left_ankle"], JOINT["right_ankle"]]
HINGES = [JOINT[f"{side}_{n}"] for n in ("shoulder", "elbow", "hip", "knee") for side in ("left", "right")]
ARRAYS = ("joints", "rotations6d", "root_rotations6d", "bone_lengths", "rest_offsets", "standing")


def on_the_floor(seed: int, kind: str | None = None, frames: int | None = None) -> np.ndarray:
    """A true clip (2, T, 22, 3) that stands with its toe joints on the floor, as a decoder's do."""
    joints = make_clip(seed, 0, kind).motion.joints[:, :frames].copy()
    joints[..., 1] -= np.quantile(joints[:, :, TOES, 1], 0.05)
    return joints


def decoded(seed: int, kind: str | None = None, frames: int | None = None) -> np.ndarray:
    """The same with 10 mm of noise on every joint, which changes within a few frames."""
    joints = on_the_floor(seed, kind, frames)
    noise = np.random.default_rng(seed).normal(0, 0.006, joints.shape)
    noise = (noise + np.roll(noise, 1, axis=1) + np.roll(noise, 2, axis=1)) / np.sqrt(3)
    return (joints + noise).astype(np.float32)


def gliding(metres_per_s: float = 1.0, frames: int = 120) -> np.ndarray:
    """A person (1, T, 22, 3) who stands as on a sledge: everything moves on at one speed."""
    pose = on_the_floor(11, "bow")[:1, :1]
    path = np.zeros((1, frames, 1, 3))
    path[0, :, 0, 0] = metres_per_s * np.arange(frames) / 30
    noise = np.random.default_rng(0).normal(0, 0.002, (1, frames, 22, 3))
    return (pose + path + noise).astype(np.float32)


def by_kinematics(bodies: SolvedBodies, offsets: np.ndarray) -> np.ndarray:
    """Joints (P, T, 22, 3) from rotations, offsets (P, 22, 3) and the path of the pelvis alone."""
    sixd = np.concatenate([bodies.root_rotations6d[:, :, None], bodies.rotations6d], axis=2)
    return forward_kinematics(matrix_from_sixd_columns(sixd), bodies.joints[:, :, 0], offsets[:, None])[0]


def off_mm(bodies: SolvedBodies, joints: np.ndarray, of: list[int] | None = None) -> np.ndarray:
    gap = 1000 * np.linalg.norm(bodies.joints - joints, axis=-1)
    return gap if of is None else gap[:, :, of]


@pytest.mark.parametrize("plant", [True, False])
@pytest.mark.parametrize("repair", [True, False])
def test_joints_are_forward_kinematics_on_symmetric_constant_bones(plant: bool, repair: bool) -> None:
    bodies = solve_bodies(decoded(3), plant=plant, repair=repair)
    offsets = rest_offsets(bodies.bone_lengths.astype(np.float64))
    assert np.abs(by_kinematics(bodies, offsets) - bodies.joints).max() < 1e-4
    assert np.abs(bone_lengths(bodies.joints) - bodies.bone_lengths[:, None]).max() < 1e-4
    other_side = np.array(MIRROR[1:]) - 1
    np.testing.assert_array_equal(bodies.bone_lengths, bodies.bone_lengths[:, other_side])


def test_result_is_the_same_alone_and_in_any_batch() -> None:
    """Bit for bit, with clips longer and shorter than each other and rigid ones between."""
    clips = [
        decoded(1, frames=40),
        decoded(2),
        on_the_floor(5, frames=50),
        decoded(3, frames=7),
        decoded(4, frames=1),
    ]
    together = solve_clips(clips)
    for order in ([4, 2, 0], [1, 3], [3, 1, 2, 0, 4]):
        for index, bodies in zip(order, solve_clips([clips[i] for i in order]), strict=True):
            for name in ARRAYS:
                np.testing.assert_array_equal(
                    getattr(together[index], name), getattr(bodies, name), err_msg=name
                )


@pytest.mark.parametrize("seed", range(4))
def test_true_bodies_come_back(seed: int) -> None:
    joints = make_clip(seed, 1).motion.joints
    for bodies in (solve_bodies(joints), solve_bodies(joints, plant=False, repair=False)):
        assert off_mm(bodies, joints).max() < 1.0
        assert not bodies.standing.any()
    offsets = rest_offsets(bodies.bone_lengths.astype(np.float64))
    assert np.abs(by_kinematics(bodies, offsets) - joints).max() < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["cmu-duets", "cmu-walks"])
def test_captured_bodies_come_back(folder: str) -> None:
    files = sorted((SHARED / "data" / folder / "trials").glob("*.npz"))
    if not files:
        pytest.skip(f"needs ../shared/data/{folder}")
    for file in files[::3]:
        joints = np.load(file, allow_pickle=False)["positions"]
        joints = (joints if joints.ndim == 4 else joints[None])[:, :300]
        bodies = solve_bodies(joints)
        for names, limit in (
            (WRISTS, 1),
            (ANKLES, 2),
            (list(TOES), 2),
            ([JOINT["pelvis"], JOINT["head"]], 1),
        ):
            assert off_mm(bodies, joints, names).mean() <= limit
        assert np.abs(by_kinematics(bodies, bodies.rest_offsets) - bodies.joints).max() < 1e-4
        assert off_mm(solve_bodies(joints, plant=False, repair=False), joints).max() <= 6


def test_another_pelvis_is_kept_only_if_asked_for() -> None:
    """Hips set lower than on the rest body: bone lengths alone cannot say so."""
    joints = on_the_floor(2).astype(np.float64)
    up = np.array([0, 0.04, 0])
    rigid = solve_bodies(joints.astype(np.float32))
    below = [JOINT[f"{side}_{n}"] for side in ("left", "right") for n in ("hip", "knee", "ankle", "foot")]
    pelvis = matrix_from_sixd_columns(rigid.root_rotations6d.astype(np.float64))  # (P, T, 3, 3)
    joints[:, :, below] -= (pelvis @ up)[:, :, None]
    joints = joints.astype(np.float32)
    kept, plain = solve_bodies(joints), solve_bodies(joints, keep_shape=False)
    assert off_mm(kept, joints).max() < 2
    assert off_mm(plain, joints, below[:1]).min() > 5
    assert np.abs(by_kinematics(plain, rest_offsets(plain.bone_lengths)) - plain.joints).max() < 1e-4


@pytest.mark.parametrize("kind", ["handshake", "hug", "follow", "kick_dodge"])
def test_decoded_bodies_keep_their_hands_and_stand_still(kind: str) -> None:
    joints = decoded(4, kind)
    bodies = solve_bodies(joints)
    assert off_mm(bodies, joints, WRISTS).mean() < 5  # of 10 mm of noise
    toes = bodies.joints[:, :, TOES]
    both = bodies.standing[:, 1:] & bodies.standing[:, :-1]
    assert both.mean() > 0.4
    assert 1000 * np.linalg.norm(np.diff(toes, axis=1), axis=-1)[both].max() < 0.1
    assert 1000 * np.abs(toes[bodies.standing][:, 1]).max() < 2
    assert 1000 * toes[..., 1].min() > -5
    local = np.swapaxes(matrix_from_sixd_columns(bodies.rotations6d.astype(np.float64)), 0, 1)
    assert np.degrees(turns_rad(local)[:, :, np.array(HINGES) - 1].max()) < 40
    assert jerk_m_per_s3(bodies.joints).mean() < 0.8 * jerk_m_per_s3(joints).mean()


def test_hands_that_meet_keep_their_distance() -> None:
    joints = decoded(9, "handshake")
    solved = solve_bodies(joints).joints
    gaps = [
        np.linalg.norm(j[0][:, WRISTS][:, :, None] - j[1][:, WRISTS][:, None], axis=-1)
        for j in (joints, solved)
    ]
    meet = gaps[0] < 0.25
    assert meet.any()
    assert 1000 * np.percentile(np.abs(gaps[1] - gaps[0])[meet], 95) < 12  # noise of 10 mm on both


def test_a_gliding_body_walks() -> None:
    joints = gliding()
    bodies = solve_bodies(joints)
    assert foot_skate_mm_per_frame(joints).item() > 25
    assert foot_skate_mm_per_frame(bodies.joints).item() < 8
    # One foot at a time, and neither leg far behind the body.
    assert (~bodies.standing).all(axis=-1).mean() < 0.25
    behind = np.linalg.norm(bodies.joints[:, :, TOES] - bodies.joints[:, :, [0]], axis=-1)
    assert behind.max() < 1.25
    left_as_it_is = solve_bodies(joints, plant=False)
    assert off_mm(left_as_it_is, joints, list(TOES)).mean() < 10


def test_kicks_and_hops_keep_their_height() -> None:
    joints = decoded(21, "kick_dodge")
    highest = joints[:, :, TOES, 1].max(axis=1)
    solved = solve_bodies(joints).joints[:, :, TOES, 1].max(axis=1)
    assert highest.max() > 0.3
    raised = highest > 0.25
    np.testing.assert_allclose(solved[raised], highest[raised], atol=0.08)


def test_a_known_body_is_used() -> None:
    joints = decoded(6)
    lengths = 1.03 * solve_bodies(joints).bone_lengths[0]
    (bodies,) = solve_clips([joints], None, [[lengths, None]])
    np.testing.assert_array_equal(bodies.bone_lengths[0], lengths)
    assert not np.array_equal(bodies.bone_lengths[1], lengths)


def test_rotations_that_no_joint_shows_are_taken_from_the_decoder() -> None:
    joints = on_the_floor(7)
    turned = np.tile(np.eye(3), (*joints.shape[:2], 21, 1, 1))
    angle = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
    for name in ("head", "left_wrist", "left_elbow"):
        turned[:, :, JOINT[name] - 1] = angle
    plain = solve_bodies(joints)
    bodies = solve_bodies(joints, sixd_columns_from_matrix(turned).astype(np.float32))
    np.testing.assert_array_equal(bodies.joints, plain.joints)
    local = matrix_from_sixd_columns(bodies.rotations6d)
    for name in ("head", "left_wrist"):
        np.testing.assert_allclose(
            local[:, :, JOINT[name] - 1], np.broadcast_to(angle, (*joints.shape[:2], 3, 3)), atol=1e-5
        )
    elbow = JOINT["left_elbow"] - 1  # shown by the joints
    np.testing.assert_array_equal(bodies.rotations6d[:, :, elbow], plain.rotations6d[:, :, elbow])


def test_an_empty_batch_is_empty() -> None:
    assert solve_clips([]) == []
