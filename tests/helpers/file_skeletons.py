"""Skeletons as files hold them, built from true motion: other names, rest poses, units and axes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from intermask_cli.motion.animated_skeleton import AnimatedSkeleton
from intermask_cli.motion.kinematics import forward_kinematics, local_from_global
from intermask_cli.motion.rotation import matrix_from_axis_angle
from intermask_cli.motion.skeleton import JOINT, JOINT_NAMES, PARENTS
from tests.helpers.motion_files import bvh_text

#: The names of Mixamo in our order.
_MIXAMO = """
Hips LeftUpLeg RightUpLeg Spine LeftLeg RightLeg Spine1 LeftFoot RightFoot Spine2 LeftToeBase RightToeBase
Neck LeftShoulder RightShoulder Head LeftArm RightArm LeftForeArm RightForeArm LeftHand RightHand
"""
MIXAMO = tuple(f"mixamorig:{name}" for name in _MIXAMO.split())
#: A file's axes -> matrix from ours (Y up) to them.
AXES = {"y": np.eye(3), "z": np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])}


def with_turned_ends(local: np.ndarray) -> np.ndarray:
    """Local rotations (T, 22, 3, 3) with turns that no position shows.

    The head turns by up to 60 degrees, the left hand by 80, the right forearm by 40.
    """
    wave = np.sin(np.linspace(0, 6, len(local)))[:, None]
    turned = local.copy()
    for joint, degrees, axis in (("head", 60, "y"), ("left_wrist", 80, "x"), ("right_elbow", 40, "x")):
        about = np.eye(3)["xyz".index(axis)]
        turned[:, JOINT[joint]] = turned[:, JOINT[joint]] @ matrix_from_axis_angle(
            np.radians(degrees) * wave * about
        )
    return turned


def a_pose() -> np.ndarray:
    """Local rotations (22, 3, 3) of a rest pose with lowered arms."""
    pose = np.tile(np.eye(3), (22, 1, 1))
    for side, sign in (("left", -1), ("right", 1)):
        pose[JOINT[f"{side}_shoulder"]] = matrix_from_axis_angle(np.array([0, 0, sign * 0.8]))
    return pose


def bones_along_x() -> np.ndarray:
    """Local rotations (22, 3, 3) of a rest pose that is not a body: joints turned at random."""
    rng = np.random.default_rng(5)
    turns = matrix_from_axis_angle(rng.normal(size=(22, 3)))
    return local_from_global(turns[None])[0]


def file_skeleton(
    local: np.ndarray,
    root: np.ndarray,
    offsets: np.ndarray,
    rest: np.ndarray | None = None,
    names: tuple[str, ...] = MIXAMO,
    unit: float = 1.0,
    up: str = "y",
    fps: float = 30.0,
    ends: Mapping[str, tuple[float, float, float]] | None = None,
) -> AnimatedSkeleton:
    """Motion of our skeleton as a file with another rest pose holds it; the joints are where they were.

    local (T, 22, 3, 3) with joint 0 relative to the world, root (T, 3) metres, offsets (22, 3) metres.
    rest: local rotations (22, 3, 3) of the file's rest pose in our convention; the T-pose if not given.
    unit: metres per unit. ends: End Sites by our joint names, metres in the T-pose.
    """
    zeros = np.zeros((22, 3))
    rest = np.tile(np.eye(3), (22, 1, 1)) if rest is None else rest
    at_rest = forward_kinematics(rest, np.zeros(3), zeros)[1]
    axes = AXES[up]
    turns = axes @ forward_kinematics(local, root, zeros)[1] @ np.swapaxes(at_rest, -1, -2) @ axes.T
    turned_offsets = offsets.copy()
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            turned_offsets[joint] = at_rest[parent] @ offsets[joint]
    end_sites = {
        JOINT[name]: axes @ at_rest[JOINT[name]] @ np.array(end) / unit for name, end in (ends or {}).items()
    }
    return AnimatedSkeleton(
        names=names,
        parents=PARENTS,
        offsets=turned_offsets @ axes.T / unit,
        rotations=local_from_global(turns),
        root=root @ axes.T / unit,
        fps=fps,
        end_sites=end_sites,
        orders=("ZXY",) * len(JOINT_NAMES),
        metres_per_unit=unit,
        up=up,
    )


def write_skeleton(path: Path, skeleton: AnimatedSkeleton) -> None:
    """Write a skeleton as a BVH file in its own unit and axes."""
    order = skeleton.orders[0]
    turns = {
        joint: euler_degrees(skeleton.rotations[:, joint], order) for joint in range(len(skeleton.names))
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        bvh_text(
            skeleton.names,
            list(skeleton.parents),
            skeleton.offsets,
            skeleton.root,
            turns,
            order,
            skeleton.fps,
        )
    )


def euler_degrees(rotations: np.ndarray, order: str) -> np.ndarray:
    """Angles (T, 3) in degrees of rotations (T, 3, 3) about the axes of `order` in turn."""
    return Rotation.from_matrix(rotations).as_euler(order.upper(), degrees=True)
