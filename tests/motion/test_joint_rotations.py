"""Rotations recovered from joints: exact positions, sensible twist, no jumps, real capture."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from intermask_cli.motion.joint_rotations import rotations_from_joints
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.rotation import (
    matrix_about_y,
    matrix_from_axis_angle,
    matrix_from_sixd_columns,
)
from intermask_cli.motion.skeleton import JOINT, PARENTS, REST_OFFSETS, scaled_offsets
from tests.helpers.motion_samples import fk_person
from tests.helpers.paths import CMU_DUETS, SHARED
from tests.helpers.rotations import angle_between_matrices

CMU = CMU_DUETS / "trials"
HINGED = [
    JOINT[f"{side}_{part}"] for side in ("left", "right") for part in ("hip", "knee", "shoulder", "elbow")
]


def degrees(a, b):
    return np.degrees(angle_between_matrices(a, b))


@pytest.mark.parametrize("height_m", [1.5, 1.95])
def test_known_motion_is_reproduced(height_m):
    positions, local, offsets = fk_person(90, seed=1, height_m=height_m)
    found = rotations_from_joints(positions)
    assert found.worst_mm < 1e-6
    assert_allclose(found.offsets, offsets, atol=1e-9)
    assert degrees(found.local[:, 0], local[:, 0]).max() < 1e-4
    # collars and spine turn by up to 10 degrees about axes no position shows; bent limbs show theirs
    assert degrees(found.local[:, HINGED], local[:, HINGED]).max() < 10
    assert degrees(found.local, local).mean() < 6


def test_sixd_rotations_and_offsets_rebuild_the_joints():
    positions, _, _ = fk_person(40, seed=2)
    found = rotations_from_joints(positions.astype(np.float32))
    assert found.rotations6d.shape == (40, 21, 6)
    assert found.rotations6d.dtype == np.float32
    local = np.concatenate([found.local[:, :1], matrix_from_sixd_columns(found.rotations6d)], axis=1)
    rebuilt, _ = forward_kinematics(local, positions[:, 0], found.offsets)
    assert np.abs(rebuilt - positions).max() < 0.001


def test_error_is_the_distance_that_is_left():
    positions, _, _ = fk_person(40, seed=3)
    positions[:, JOINT["left_wrist"], 0] += np.linspace(0, 0.02, 40)
    found = rotations_from_joints(positions)
    rebuilt, _ = forward_kinematics(found.local, positions[:, 0], found.offsets)
    distances = 1000 * np.linalg.norm(rebuilt - positions, axis=-1)
    assert_allclose([found.error_mm, found.worst_mm], [distances.mean(), distances.max()])
    assert 1 < found.worst_mm < 20


def test_turning_the_world_turns_only_the_root():
    positions, _, _ = fk_person(40, seed=4)
    turn = matrix_about_y(2.0)
    plain, turned = rotations_from_joints(positions), rotations_from_joints(positions @ turn.T)
    assert degrees(turned.local[:, 1:], plain.local[:, 1:]).max() < 1e-4
    assert degrees(turned.local[:, 0], turn @ plain.local[:, 0]).max() < 1e-4


def rest_person(frames):
    local = np.tile(np.eye(3), (frames, 22, 1, 1))
    return local, np.tile([0.0, 0.95, 0.0], (frames, 1))


def test_rest_pose_has_no_rotation():
    local, root = rest_person(5)
    positions, _ = forward_kinematics(local, root, scaled_offsets(1.7))
    assert degrees(rotations_from_joints(positions).local, local).max() < 1e-4


@pytest.mark.parametrize(("limb", "hinge", "axis"), [
    ("left_shoulder", "left_elbow", [0, -1, 0]), ("right_shoulder", "right_elbow", [0, 1, 0]),
    ("left_hip", "left_knee", [1, 0, 0]), ("right_hip", "right_knee", [1, 0, 0]),
])  # fmt: skip
def test_bent_limb_shows_its_twist_and_keeps_it_while_straight(limb, hinge, axis):
    local, root = rest_person(60)
    bone = REST_OFFSETS[JOINT[hinge]]
    twist = np.radians(50) * bone / np.linalg.norm(bone)
    local[:, JOINT[limb]] = matrix_from_axis_angle(twist)
    bend = 1.2 * np.clip(np.abs(np.arange(60) - 30) / 10 - 0.5, 0, 1)
    local[:, JOINT[hinge]] = matrix_from_axis_angle(bend[:, None] * np.array(axis, dtype=float))
    positions, _ = forward_kinematics(local, root, REST_OFFSETS)
    found = rotations_from_joints(positions)
    assert found.worst_mm < 1e-6
    assert degrees(found.local[:, JOINT[limb]], local[:, JOINT[limb]]).max() < 8
    steps = degrees(found.local[1:, JOINT[limb]], found.local[:-1, JOINT[limb]])
    assert steps.max() < 5


def test_noise_of_a_centimetre_stays_about_that():
    positions, local, _ = fk_person(90, seed=5)
    noisy = positions + np.random.default_rng(0).normal(0, 0.01 / np.sqrt(3), positions.shape)
    found = rotations_from_joints(noisy)
    assert 1 < found.error_mm < 20
    assert degrees(found.local[:, HINGED], local[:, HINGED]).mean() < 15


def assert_rotations(matrices):
    assert_allclose(
        matrices @ np.swapaxes(matrices, -1, -2), np.broadcast_to(np.eye(3), matrices.shape), atol=1e-4
    )
    assert_allclose(np.linalg.det(matrices), 1, atol=1e-4)


def test_joints_in_one_place_still_have_rotations():
    found = rotations_from_joints(np.zeros((6, 22, 3)))
    assert_rotations(found.local)
    assert found.error_mm == 0


def without_length(offsets, names):
    """Rest offsets whose bones to `names` have no length; the next joints stay in their places."""
    offsets = offsets.copy()
    for name in names:
        joint = JOINT[name]
        for child in (j for j, parent in enumerate(PARENTS) if parent == joint):
            offsets[child] += offsets[joint]
        offsets[joint] = 0
    return offsets


@pytest.mark.parametrize(
    "names",
    [
        ("left_collar", "right_collar"),
        ("left_collar", "right_collar", "neck"),
        ("left_hip", "right_hip"),
        ("spine1",),
        ("spine1", "spine2"),
        ("spine1", "left_collar", "right_collar", "neck"),
        ("left_foot", "right_foot"),
    ],
)
def test_bones_of_no_length(names):
    """The joints before and after such a bone keep about the rotations that they have with the bone."""
    _, local, offsets = fk_person(60, seed=6)
    # A collapsed bone and the next are one bone, which is rigid only if its joint does not turn.
    local[:, [JOINT[name] for name in names]] = np.eye(3)
    root = np.tile([0.0, 0.95, 0.0], (60, 1))
    whole, _ = forward_kinematics(local, root, offsets)
    collapsed, _ = forward_kinematics(local, root, without_length(offsets, names))
    found, expected = rotations_from_joints(collapsed), rotations_from_joints(whole)
    assert_rotations(found.local)
    assert found.worst_mm < 1
    compared = [
        JOINT[name]
        for name in ("pelvis", "neck", *(f"{side}_{part}" for side in ("left", "right")
                     for part in ("hip", "knee", "shoulder", "elbow", "wrist")))
        if name not in names
    ]  # fmt: skip
    assert degrees(found.local[:, compared], expected.local[:, compared]).max() < 15


ZERO_CLAVICLES = SHARED / "cases" / "motion" / "zero-clavicles"


@pytest.mark.skipif(not ZERO_CLAVICLES.is_dir(), reason=f"no cases at {ZERO_CLAVICLES}")
def test_the_same_motion_with_and_without_clavicles():
    without, given = (
        rotations_from_joints(np.load(ZERO_CLAVICLES / f"{name}_clavicles.npy")) for name in ("zero", "with")
    )
    assert_rotations(without.local)
    assert without.worst_mm < 1
    joints = [
        JOINT["neck"],
        *(JOINT[f"{s}_{p}"] for s in ("left", "right") for p in ("shoulder", "elbow", "wrist")),
    ]
    assert degrees(without.local[:, joints], given.local[:, joints]).max() < 15


@pytest.mark.slow
@pytest.mark.skipif(not CMU.is_dir(), reason=f"no CMU duets at {CMU}")
def test_cmu_capture_within_a_millimetre():
    for path in sorted(CMU.glob("*.npz")):
        positions = np.load(path)["positions"]
        for person in positions:
            found = rotations_from_joints(person)
            assert found.error_mm < 0.3
            assert found.worst_mm < 1.0
            knees = found.local[:, [JOINT["left_knee"], JOINT["right_knee"]]]
            assert degrees(knees, np.eye(3)).max() < 160
            child, parent = JOINT["left_collar"], PARENTS[JOINT["left_collar"]]
            assert np.linalg.norm(found.offsets[child]) == pytest.approx(
                np.linalg.norm(person[:, child] - person[:, parent], axis=-1).mean(), abs=1e-3
            )


def test_a_neck_below_the_shoulders_does_not_turn_the_chest_over() -> None:
    """The CMU library: clavicles of no length, shoulders above the first joint of the neck."""
    joints, local, offsets = fk_person(20)
    offsets[[JOINT["left_collar"], JOINT["right_collar"]]] = 0
    for side in (1, -1):
        offsets[JOINT["left_shoulder" if side > 0 else "right_shoulder"]] = (0.18 * side, 0.14, 0)
    offsets[JOINT["neck"]] = (0, 0.105, -0.01)
    joints = forward_kinematics(local, joints[:, 0], offsets)[0]
    chest = rotations_from_joints(joints).local[:, JOINT["spine3"]]
    assert degrees(chest, local[:, JOINT["spine3"]]).max() < 25


@pytest.mark.parametrize("backwards_m", [-0.03, 0.0, 0.03])
def test_collars_at_the_neck_do_not_tip_the_chest(backwards_m: float) -> None:
    """Skeletons whose collars start at the neck: the few centimetres between show no direction."""
    joints, local, offsets = fk_person(20)
    offsets[JOINT["left_collar"]] = (0.03, 0.18, -backwards_m)
    offsets[JOINT["right_collar"]] = (-0.03, 0.18, -backwards_m)
    offsets[JOINT["neck"]] = (0, 0.2, backwards_m)
    joints = forward_kinematics(local, joints[:, 0], offsets)[0]
    chest = rotations_from_joints(joints).local[:, JOINT["spine3"]]
    assert degrees(chest, local[:, JOINT["spine3"]]).max() < 20
