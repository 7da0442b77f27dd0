"""Rotations of the 22 joints from the rotations of a file's own skeleton.

Joint positions show no turn of a head, roll of a hand or twist of a forearm; the rotations of the file do.
The rest pose of a file differs from ours in the directions of its bones and in the axes of its joints.
Both are constant for a joint: its rotation in our convention is the file's rotation times a constant, which
is read off the file's rest pose, or, where that is not a standing body, off the clip.

X in their places, so that nothing here depends on names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from intermask_cli.motion.animated_skeleton import AnimatedSkeleton
from intermask_cli.motion.joint_rotations import rotations_from_joints, torso_rotation
from intermask_cli.motion.kinematics import forward_kinematics, local_from_global
from intermask_cli.motion.rotation import matrix_between, nearest_rotation, normalize
from intermask_cli.motion.skeleton import JOINT, JOINT_NAMES, NUM_JOINTS, PARENTS, REST_OFFSETS

#: Joints nearer than this share of the body's height are in one place; float32 resolves far less.
_SAME_PLACE = 1e-4
#: A bone that wanders farther than this in the frame of its joint, as a share of its length, is not carried
#: by that joint: the joint of the file is not ours, and its rotation says nothing about the bone.
_CARRIED = 0.05
#: Cosine between trunk and legs of a rest pose, below which it is not a standing body, as where all bones
#: point along X (LaFAN1).
_STANDING = 0.7
#: Our joints directly below each: the bones that it carries.
_CHILDREN = [[child for child, above in enumerate(PARENTS) if above == joint] for joint in range(NUM_JOINTS)]


@dataclass(frozen=True, eq=False)
class Correspondence:
    """Joints of a file that turn as our joints do.

    Attributes:
        sources: the file's joint for each of our 22; None where there is none.
        constants: (22, 3, 3): rotation of our joint = rotation of the file's joint @ constant.
    """

    sources: tuple[int | None, ...]
    constants: np.ndarray


def correspondence(joints: np.ndarray, skeleton: AnimatedSkeleton) -> Correspondence:
    """Which joints of a file turn as ours do, and by which constants.

    joints: our joints (T, 22, 3) in the unit and axes of the skeleton, frame by frame.
    """
    turns = skeleton.global_rotations()
    sources = _sources(joints, skeleton)
    rest = _rest(joints, skeleton, turns, sources)
    stands = _stands(rest)
    shown = _global(rotations_from_joints(rest[None] if stands else joints).local)
    constants = np.tile(np.eye(3), (NUM_JOINTS, 1, 1))
    for joint, source in enumerate(sources):
        if source is None or not _carries(joints, turns[:, source], joint):
            sources[joint] = None
        elif stands:  # at rest all rotations of the file are identity
            constants[joint] = shown[0, joint]
        else:
            relative = np.swapaxes(turns[:, source], -1, -2) @ shown[:, joint]
            constants[joint] = nearest_rotation(relative.mean(axis=0))
    return Correspondence(tuple(sources), constants)


def body_rotations(joints: np.ndarray, skeleton: AnimatedSkeleton) -> np.ndarray:
    """Rotations (T, 22, 3, 3) relative to the parent, of joint 0 relative to the world of the file.

    joints: as `correspondence`. A joint without a source turns with its parent, and from there the shortest
    way to where its bone points; pelvis and chest turn as their three bones show.
    """
    found = correspondence(joints, skeleton)
    turns = skeleton.global_rotations()
    rotations = np.empty((*joints.shape, 3))
    for joint, parent in enumerate(PARENTS):
        source = found.sources[joint]
        if source is not None:
            base = turns[:, source] @ found.constants[joint]
        elif len(_CHILDREN[joint]) > 1:
            base = torso_rotation(joints, JOINT_NAMES[joint])
        else:
            base = rotations[:, parent]
        rotations[:, joint] = _along_bone(base, joints, joint)
    return local_from_global(rotations)


def _global(local: np.ndarray) -> np.ndarray:
    """Local rotations (T, 22, 3, 3) -> rotations in the world."""
    return forward_kinematics(local, np.zeros((len(local), 3)), np.zeros((NUM_JOINTS, 3)))[1]


# ---------------------------------------------------------------- which joint is which


def _sources(joints: np.ndarray, skeleton: AnimatedSkeleton) -> list[int | None]:
    """The file's joint in the place of each of our joints, (T, 22, 3); None where there is none.

    Several may be in one place (clavicles of no length). From the ends of the limbs up, the joint nearest
    above those that were found is taken; of several at the end of a limb, the first in the tree.
    """
    places = skeleton.positions()
    size = float(np.ptp(joints[0], axis=0).max())
    sources: list[int | None] = [None] * NUM_JOINTS
    for joint in reversed(range(NUM_JOINTS)):
        away = np.linalg.norm(places - joints[:, joint, None], axis=-1).max(axis=0)
        here = np.flatnonzero(away < _SAME_PLACE * size)
        below = [source for child in _CHILDREN[joint] if (source := sources[child]) is not None]
        if below:
            above = _common_ancestors(below, skeleton.parents)
            # Pelvis and chest may be put together from several; what all limbs hang on turns as they do.
            joined = len(below) == len(_CHILDREN[joint]) > 1
            candidates = [source for source in above if source in here] or above[: int(joined)]
            sources[joint] = candidates[0] if candidates else None
        elif len(here):
            sources[joint] = int(here[0])
    return sources


def _common_ancestors(joints: Sequence[int], parents: Sequence[int]) -> list[int]:
    """Joints that are above all of these, the nearest first."""
    paths = []
    for joint in joints:
        path = []
        while (joint := parents[joint]) >= 0:
            path.append(joint)
        paths.append(path)
    return [above for above in paths[0] if all(above in path for path in paths[1:])]


def _carries(joints: np.ndarray, turns: np.ndarray, joint: int) -> bool:
    """Whether the bones below a joint of (T, 22, 3) stay put in the frame of the file's joint (T, 3, 3)."""
    for child in _CHILDREN[joint]:
        bone = joints[:, child] - joints[:, joint]
        inside = np.einsum("tji,tj->ti", turns, bone)
        spread = np.linalg.norm(inside - inside.mean(axis=0), axis=-1).max()
        if spread > _CARRIED * np.linalg.norm(bone, axis=-1).mean():
            return False
    return True


# ---------------------------------------------------------------- the rest pose


def _rest(
    joints: np.ndarray, skeleton: AnimatedSkeleton, turns: np.ndarray, sources: Sequence[int | None]
) -> np.ndarray:
    """Our joints (22, 3) in the file's rest pose, in which all its rotations are identity.

    A joint that is none of the file's keeps its mean place in the frame of the nearest one above it.
    """
    identity = np.tile(np.eye(3), (len(skeleton.names), 1, 1))
    at_rest = forward_kinematics(identity, np.zeros(3), skeleton.offsets, skeleton.parents)[0]
    places = skeleton.positions()
    rest = np.zeros((NUM_JOINTS, 3))
    for joint in range(NUM_JOINTS):
        holder, above = sources[joint], joint
        while holder is None and PARENTS[above] >= 0:
            above = PARENTS[above]
            holder = sources[above]
        holder = holder or 0
        away = joints[:, joint] - places[:, holder]
        rest[joint] = at_rest[holder] + np.einsum("tji,tj->ti", turns[:, holder], away).mean(axis=0)
    return rest


def _stands(rest: np.ndarray) -> bool:
    """Whether a rest pose (22, 3) is a standing body, whose bones show which way our joints point there."""
    ankles = (rest[JOINT["left_ankle"]] + rest[JOINT["right_ankle"]]) / 2
    legs, trunk = normalize(rest[0] - ankles), normalize(rest[JOINT["neck"]] - rest[0])
    across = normalize(rest[JOINT["left_hip"]] - rest[JOINT["right_hip"]])
    return bool(legs @ trunk > _STANDING and abs(across @ trunk) < 1 - _STANDING)


def _along_bone(base: np.ndarray, joints: np.ndarray, joint: int) -> np.ndarray:
    """base (T, 3, 3) turned the shortest way so that its rest bone points as in the joints (T, 22, 3)."""
    if len(_CHILDREN[joint]) != 1:
        return base
    child = _CHILDREN[joint][0]
    bone = joints[:, child] - joints[:, joint]
    aligned: np.ndarray = matrix_between(base @ REST_OFFSETS[child], bone) @ base
    # A bone of no length has no direction (clavicles of the CMU library).
    directed = np.linalg.norm(bone, axis=-1) > 0
    return np.where(directed[:, None, None], aligned, base)
