"""Motion for tests: smooth synthetic motion with known rotations, and the noise of a tokenizer."""

from __future__ import annotations

import numpy as np

from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.curves import smoothed_over_time
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.rotation import (
    matrix_about_y,
    matrix_from_axis_angle,
    sixd_columns_from_matrix,
)
from intermask_cli.motion.skeleton import JOINT, NUM_JOINTS, REST_OFFSETS, scaled_offsets

#: Typical range of each joint in radians about its own x, y, z axes; hinges bend one way about one axis.
_RANGE = np.full((NUM_JOINTS, 3), 0.15)
_RANGE[[JOINT["left_hip"], JOINT["right_hip"]]] = (0.6, 0.1, 0.15)
_RANGE[[JOINT["left_shoulder"], JOINT["right_shoulder"]]] = (0.2, 0.7, 0.7)
_RANGE[[JOINT["left_knee"], JOINT["right_knee"], JOINT["left_elbow"], JOINT["right_elbow"]]] = 0


def fk_person(frames: int = 60, seed: int = 0, height_m: float = 1.7, heading: float = 0.0):
    """-> positions (T, 22, 3), local rotations (T, 22, 3, 3), offsets (22, 3); elbows and knees bent."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None, None] / 30
    frequency, phase = rng.uniform(0.3, 1.0, (2, 1, NUM_JOINTS, 3))
    wave = np.sin(2 * np.pi * (frequency * time + phase))
    angles = rng.uniform(0.3, 1.0, (1, NUM_JOINTS, 3)) * _RANGE * wave
    bend = 0.6 + 0.4 * wave[..., 0]
    for side, sign in (("left", -1.0), ("right", 1.0)):
        angles[:, JOINT[f"{side}_knee"], 0] = bend[:, JOINT[f"{side}_knee"]]
        angles[:, JOINT[f"{side}_elbow"], 1] = sign * bend[:, JOINT[f"{side}_elbow"]]
        angles[:, JOINT[f"{side}_shoulder"], 2] += sign * 0.8
    local = matrix_from_axis_angle(angles)
    local[:, 0] = matrix_about_y(heading + 0.3 * time[:, 0, 0]) @ local[:, 0]
    root = np.stack([0.4 * time[:, 0, 0], 0.93 + 0.02 * wave[:, 0, 0], 0.2 * wave[:, 0, 1]], axis=-1)
    offsets = scaled_offsets(height_m)
    positions, _ = forward_kinematics(local, root, offsets)
    return positions, local, offsets


def fk_pair(frames: int = 60, seed: int = 0):
    """-> joints (2, T, 22, 3), rotations6d (2, T, 21, 6), float32; face to face 1.2 m apart."""
    first, first_local, _ = fk_person(frames, 2 * seed, 1.62, heading=0.7)
    second, second_local, _ = fk_person(frames, 2 * seed + 1, 1.84, heading=0.7 + np.pi)
    second = second + np.array([0.8, 0.0, 0.9])
    local = np.stack([first_local, second_local])[:, :, 1:]
    return np.stack([first, second]).astype(np.float32), sixd_columns_from_matrix(local).astype(np.float32)


def moving_pair(frames: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A plausible pair: smooth joint angles on our skeleton, the second person facing the first."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None, None] / 30
    joints, rotations = [], []
    for person in (0, 1):
        angles = 0.4 * np.sin(time * rng.uniform(1, 4, (1, 22, 3)) + rng.uniform(0, 6, (1, 22, 3)))
        local = matrix_from_axis_angle(angles)
        local[:, 0] = matrix_about_y(np.full(frames, np.pi * person + 0.3)) @ matrix_from_axis_angle(
            0.1 * angles[:, 0]
        )
        root = np.stack(
            [0.2 * time[:, 0, 0], np.full(frames, 0.95), 1.2 * person + 0.1 * time[:, 0, 0]], axis=-1
        )
        joints.append(forward_kinematics(local, root, REST_OFFSETS)[0])
        rotations.append(sixd_columns_from_matrix(local[:, 1:]))
    return np.stack(joints).astype(np.float32), np.stack(rotations).astype(np.float32)


def walking(frames: int, start: tuple[float, float] = (3.0, -2.0)) -> np.ndarray:
    """(T, 22, 3) float32: a rest pose that drifts through the world with a little sway."""
    identity = np.tile(np.eye(3), (frames, NUM_JOINTS, 1, 1))
    time = np.arange(frames) / 30
    root = np.stack([start[0] + 0.5 * time, np.full(frames, 0.95), start[1] + 0.1 * np.sin(time)], -1)
    return forward_kinematics(identity, root, REST_OFFSETS)[0].astype(np.float32)


def with_tokenizer_noise(joints: np.ndarray, seed: int) -> np.ndarray:
    """Joints (P, T, 22, 3) with slow noise of 3 cm on each root and on each foot.

    A knee follows its foot by half.
    """
    rng, noisy = np.random.default_rng(seed), joints.astype(np.float64)
    for person in noisy:
        person += _slow_noise(rng, len(person), 0.03)[:, None]
        for side in ("left", "right"):
            drift = _slow_noise(rng, len(person), 0.03)
            person[:, JOINT[f"{side}_knee"]] += drift / 2
            for name in ("ankle", "foot"):
                person[:, JOINT[f"{side}_{name}"]] += drift
    return noisy


def _slow_noise(rng: np.random.Generator, frames: int, mean_m: float) -> np.ndarray:
    """A smooth path (T, 3) about the origin with the given mean distance from it, metres."""
    noise = smoothed_over_time(rng.normal(size=(frames, 3)), 8.0)
    return mean_m * noise / np.linalg.norm(noise, axis=-1).mean()


def mean_error_mm(a: np.ndarray, b: np.ndarray, joints: list[int] | slice = slice(None)) -> float:
    """Mean distance in millimetres of some joints of two motions (P, T, 22, 3) in metres."""
    return float(1000 * np.linalg.norm(a[:, :, joints] - b[:, :, joints], axis=-1).mean())


def same(a: Interaction, b: Interaction) -> bool:
    """Whether two interactions have the same joints, rotations and tokens, bit for bit."""
    arrays = ("joints", "rotations6d", "tokens")
    return all(getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in arrays)


def turning_pair(frames: int = 150) -> np.ndarray:
    """Two people who turn twice about themselves, one the other way, arms swinging."""
    time = np.linspace(0, 4 * np.pi, frames)
    rng = np.random.default_rng(5)
    people = []
    for person, direction in enumerate((1, -1)):
        swing = rng.normal(0, 0.35, (22, 3))[None] * np.sin(time / 2 + person)[:, None, None]
        local = matrix_from_axis_angle(swing)
        local[:, 0] = matrix_about_y(direction * time + np.pi * person)
        root = np.stack([np.sin(time / 4), 0.93 + 0.02 * np.cos(time), np.full(frames, float(person))], -1)
        people.append(forward_kinematics(local, root, REST_OFFSETS)[0])
    return np.stack(people).astype(np.float32)
