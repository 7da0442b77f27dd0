"""Impossible bodies are named; what people do is not."""

from __future__ import annotations

import numpy as np
import pytest

from intermask_cli.datasets.duets.clips import make_clip
from intermask_cli.datasets.duets.labels import KINDS
from intermask_cli.motion.body.is_body import is_rigid
from intermask_cli.motion.body.solver import solve_bodies
from intermask_cli.motion.kinematics import bone_lengths
from intermask_cli.motion.rotation import matrix_about_y
from intermask_cli.motion.skeleton import JOINT
from tests.helpers.paths import CMU_DUETS

ABOVE_THE_WAIST = [JOINT[name] for name in ("spine3", "neck", "head")] + [13, 14, 16, 17, 18, 19, 20, 21]


def clip(seed: int) -> np.ndarray:
    return make_clip(seed, 0).motion.joints.copy()


def turned_chest(degrees: float) -> np.ndarray:
    """A clip whose first person turns everything above the waist by an angle in ten frames."""
    joints = clip(5)
    part = joints[0, 30:40]  # (10, 22, 3)
    middle = part[:, [JOINT["spine2"]]]
    turn = matrix_about_y(np.radians(degrees))
    part[:, ABOVE_THE_WAIST] = (part[:, ABOVE_THE_WAIST] - middle) @ turn.T + middle
    return joints


@pytest.mark.parametrize("degrees", [150, -165, 178])
def test_a_chest_turned_backwards_is_named(degrees: float) -> None:
    bodies = solve_bodies(turned_chest(degrees))
    assert bodies.reasons[0] is not None and "chest" in bodies.reasons[0]
    assert bodies.reasons[1] is None
    assert not bodies.is_body


def test_a_chest_turned_as_people_do_is_not() -> None:
    assert solve_bodies(turned_chest(50)).is_body


@pytest.mark.parametrize(("factor", "word"), [(1.45, "longer"), (0.6, "shorter")])
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_thigh_of_another_body_is_named(factor: float, word: str, side: str) -> None:
    joints = clip(6)
    hip, knee, ankle, toe = (JOINT[f"{side}_{name}"] for name in ("hip", "knee", "ankle", "foot"))
    extra = (factor - 1) * (joints[1, :, knee] - joints[1, :, hip])
    joints[1][:, [knee, ankle, toe]] += extra[:, None]
    bodies = solve_bodies(joints)
    assert bodies.reasons[0] is None
    assert bodies.reasons[1] is not None
    assert f"{side} leg" in bodies.reasons[1] and word in bodies.reasons[1]


def test_a_leg_that_grows_for_a_while_is_named() -> None:
    joints = clip(7)
    for start, end in (("hip", "knee"), ("knee", "ankle")):
        moved = [JOINT[f"left_{name}"] for name in ("knee", "ankle", "foot")][0 if end == "knee" else 1 :]
        bone = joints[0, 40:50, JOINT[f"left_{end}"]] - joints[0, 40:50, JOINT[f"left_{start}"]]
        joints[0, 40:50][:, moved] += 0.45 * bone[:, None]
    assert "left leg" in str(solve_bodies(joints).reasons[0])


@pytest.mark.parametrize("factor", [0.0, 0.2, 4.0])
def test_a_size_that_no_person_has_is_named(factor: float) -> None:
    bodies = solve_bodies((factor * clip(9)).astype(np.float32))
    assert all(reason is not None and "tall" in reason for reason in bodies.reasons)
    assert np.isfinite(bodies.joints).all()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_people_do_is_named(kind: str) -> None:
    joints = make_clip(1, 3, kind).motion.joints
    noise = np.random.default_rng(0).normal(0, 0.008, joints.shape)
    assert solve_bodies(joints).is_body
    assert solve_bodies((joints + noise).astype(np.float32)).is_body


@pytest.mark.skipif(not CMU_DUETS.exists(), reason="needs ../shared/data/cmu-duets")
@pytest.mark.slow
def test_real_dancers_are_rigid_bodies() -> None:
    for file in sorted((CMU_DUETS / "trials").glob("*.npz"))[:2]:
        joints = np.load(file, allow_pickle=False)["positions"]
        assert all(is_rigid(bone_lengths(person)) for person in joints)
        assert solve_bodies(joints).is_body


def test_noise_is_not_rigid() -> None:
    joints = clip(8)
    assert is_rigid(bone_lengths(joints[0]))
    noise = np.random.default_rng(0).normal(0, 0.003, joints[0].shape)
    assert not is_rigid(bone_lengths(joints[0] + noise))


@pytest.mark.parametrize(("height_m", "named"), [(0.6, False), (-0.3, True)])
def test_a_kick_that_is_drawn_too_long_is_a_kick(height_m: float, named: bool) -> None:
    """A foot in the air that is out of reach, and one below the floor."""
    joints = clip(10).astype(np.float64)
    hip = joints[0, 30:42, JOINT["left_hip"]]
    for joint, share in (("knee", 0.5), ("ankle", 1.0), ("foot", 1.0)):
        way = np.array([0.0, 0.0, 1.0]) * 1.05
        place = hip + share * way
        place[:, 1] += share * (height_m - hip[:, 1])
        joints[0, 30:42, JOINT[f"left_{joint}"]] = place
    bodies = solve_bodies(joints.astype(np.float32))
    assert (bodies.reasons[0] is not None) == named
