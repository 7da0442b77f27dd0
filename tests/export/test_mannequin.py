"""The low-poly body: closed, skinned, on the floor, and of the person's own size."""

from __future__ import annotations

import numpy as np
import pytest

from intermask_cli.export.mannequin import (
    MAX_INFLUENCES,
    leaf_offsets,
    mannequin,
    rest_positions,
    standing_positions,
)
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.rotation import matrix_about_y, matrix_from_axis_angle
from intermask_cli.motion.skeleton import JOINT, MIRROR, REST_HEIGHT_M, REST_OFFSETS, scaled_offsets

BODY = mannequin(REST_OFFSETS)


def pose(**axis_angles: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Positions (1, 22, 3) and global rotations of the rest pose with some joints turned."""
    local = np.tile(np.eye(3), (1, 22, 1, 1))
    for joint, axis_angle in axis_angles.items():
        local[:, JOINT[joint]] = matrix_from_axis_angle(np.array(axis_angle))
    return forward_kinematics(local, np.zeros((1, 3)), REST_OFFSETS)


def area(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = np.moveaxis(points[triangles], 1, 0)
    return np.linalg.norm(np.cross(b - a, c - a), axis=-1) / 2


def test_few_triangles_that_face_outward() -> None:
    triangles = np.concatenate([BODY.body, BODY.visor])
    assert len(triangles) <= 2000
    assert triangles.max() == len(BODY.points) - 1 and len(np.unique(triangles)) == len(BODY.points)
    a, b, c = np.moveaxis(BODY.points[triangles].astype(np.float64), 1, 0)
    faces = np.cross(b - a, c - a)
    agree = (faces * BODY.normals[triangles].mean(axis=1)).sum(-1)
    assert agree.min() > 0
    assert area(BODY.points, triangles).min() > 1e-7


def test_every_part_is_closed_but_the_visor() -> None:
    edges = np.sort(BODY.body[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    assert set(counts) == {2}
    assert not np.intersect1d(BODY.body, BODY.visor).size


def test_weights_sum_to_one_and_fall() -> None:
    assert BODY.weights.shape == BODY.joints.shape == (len(BODY.points), MAX_INFLUENCES)
    assert np.abs(BODY.weights.sum(axis=1) - 1).max() < 1e-6
    assert (np.diff(BODY.weights, axis=1) <= 0).all() and BODY.weights.min() >= 0
    assert (BODY.joints[BODY.weights == 0] == 0).all()
    moved = {int(joint) for joint in BODY.joints[BODY.weights > 0.4]}
    assert moved == set(range(22))  # no joint turns without moving the body


def test_left_and_right_are_mirror_images() -> None:
    mirrored = BODY.points * (-1, 1, 1)
    apart = np.linalg.norm(BODY.points[:, None] - mirrored[None], axis=-1)
    nearest = apart.argmin(axis=1)
    assert apart.min(axis=1).max() < 2e-3
    sides = np.array(MIRROR)
    arms = np.isin(BODY.joints[:, 0], [JOINT["left_elbow"], JOINT["right_elbow"], JOINT["left_knee"]])
    assert (sides[BODY.joints[arms, 0]] == BODY.joints[nearest[arms], 0]).mean() > 0.95


def test_faces_forward_and_stands_on_its_soles() -> None:
    assert BODY.points[np.unique(BODY.visor), 2].mean() > 0.05
    standing = standing_positions(REST_OFFSETS)
    lowest = (BODY.points + standing[0])[:, 1].min()
    assert lowest == pytest.approx(0.0, abs=2e-3)
    on_floor = (BODY.points + standing[0])[:, 1] < 0.01
    assert set(BODY.joints[on_floor, 0]) == {JOINT[f"{side}_{part}"] for side in ("left", "right")
                                             for part in ("ankle", "foot")}  # fmt: skip
    assert np.ptp(BODY.points[:, 1]) == pytest.approx(REST_HEIGHT_M, abs=0.02)


def test_a_tall_body_is_the_same_in_proportion() -> None:
    tall = mannequin(scaled_offsets(1.9))
    assert np.abs(tall.points - BODY.points * (1.9 / REST_HEIGHT_M)).max() < 1e-5


def test_the_bind_pose_is_the_rest_pose_and_bodies_turn_whole() -> None:
    rest = rest_positions(REST_OFFSETS)
    positions, rotations = pose()
    assert np.abs(BODY.posed(positions, rotations, rest)[0] - BODY.points).max() < 1e-6
    positions, rotations = pose(pelvis=(0, 1.0, 0))
    turned = BODY.points @ matrix_about_y(1.0).T
    assert np.abs(BODY.posed(positions, rotations, rest)[0] - turned).max() < 1e-6


@pytest.mark.parametrize(
    ("joint", "bend"),
    [("left_knee", (2.0, 0, 0)), ("left_elbow", (0, -2.0, 0)), ("left_shoulder", (0, 0, -1.3))],
)
def test_joints_keep_their_thickness_when_they_bend(joint: str, bend: tuple[float, float, float]) -> None:
    """No triangle of the body collapses or is stretched more than three times."""
    positions, rotations = pose(**{joint: bend})
    posed = BODY.posed(positions, rotations, rest_positions(REST_OFFSETS))[0]
    ratio = area(posed, BODY.body) / area(BODY.points, BODY.body)
    assert ratio.min() > 0.1 and ratio.max() < 3


def test_leaves_end_at_crown_finger_tips_and_toes() -> None:
    rest, ends = rest_positions(REST_OFFSETS), leaf_offsets(REST_OFFSETS)
    assert set(ends) == {JOINT[n] for n in ("head", "left_wrist", "right_wrist", "left_foot", "right_foot")}
    for joint, offset in ends.items():
        end = rest[joint] + offset
        assert np.linalg.norm(BODY.points - end, axis=-1).min() < 0.03
        own = BODY.points[BODY.joints[:, 0] == joint]
        along = offset / np.linalg.norm(offset)
        assert ((own - end) @ along).max() < 0.01
