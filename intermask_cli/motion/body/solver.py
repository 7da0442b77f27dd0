"""Decoded joints of people -> rigid bodies: constant bones, a root path and local rotations.

Trunk, limbs and feet are posed to the decoded joints, one after the other. Persons of all
clips are solved together (`timeline.Timeline`), and no result depends on which others are in the batch.
Axes: P persons and T frames of a clip; N persons and F frames of all clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from intermask_cli.motion.body.is_body import why_no_body
from intermask_cli.motion.body.lengths import rest_offsets, symmetric_lengths
from intermask_cli.motion.body.limbs import ARMS, LEGS, bend_direction, pose_limbs
from intermask_cli.motion.body.timeline import Timeline
from intermask_cli.motion.body.trunk import (
    CHEST,
    HEAD,
    HIPS,
    NECK,
    PELVIS,
    SPINE1,
    aligned,
    carrier_rotation,
    pose_trunk,
)
from intermask_cli.motion.kinematics import forward_kinematics, local_from_global
from intermask_cli.motion.rotation import matrix_from_sixd_columns, sixd_columns_from_matrix
from intermask_cli.motion.skeleton import JOINT, NUM_JOINTS

TOES = np.array([JOINT["left_foot"], JOINT["right_foot"]])


@dataclass(frozen=True)
class SolvedBodies:
    """The P persons of a clip as rigid bodies.

    `joints` are forward kinematics of `root_rotations6d` and `rotations6d` from the pelvis' positions on
    `bone_lengths` along the directions of `skeleton.REST_OFFSETS` (`lengths.rest_offsets`).

    Attributes:
        joints: (P, T, 22, 3) float32, metres.
        rotations6d: local rotations (P, T, 21, 6) float32 of joints 1..21, `sixd_columns`.
        root_rotations6d: rotation (P, T, 6) float32 of the pelvis in the world, `sixd_columns`.
        bone_lengths: (P, 21) float32 metres, of the bones that end in joints 1..21; left equals right.
        reasons: for each person why the decoded joints were no body, or None.
    """

    joints: np.ndarray
    rotations6d: np.ndarray
    root_rotations6d: np.ndarray
    bone_lengths: np.ndarray
    reasons: tuple[str | None, ...]

    @property
    def is_body(self) -> bool:
        """Whether all persons are bodies."""
        return not any(self.reasons)


def solve_bodies(joints: np.ndarray, rotations6d: np.ndarray | None = None) -> SolvedBodies:
    """Joints (P, T, 22, 3), Y up, metres, 30 fps -> their rigid bodies; see `solve_clips`."""
    return solve_clips([joints], [rotations6d])[0]


def solve_clips(
    clips: Sequence[np.ndarray],
    rotations6d: Sequence[np.ndarray | None] | None = None,
    bone_lengths: Sequence[Sequence[np.ndarray | None] | None] | None = None,
) -> list[SolvedBodies]:
    """Clips of any lengths at once: faster than one by one, with exactly the same results.

    Args:
        clips: decoded joints (P, T, 22, 3) of each, Y up, metres, 30 fps.
        rotations6d: decoded local rotations (P, T, 21, 6) `sixd_columns` of each, or None. Only those that
            no joint shows are used: of the head, the hands and the toes.
        bone_lengths: lengths (21,) of those persons of each clip whose body is known, None for the others.
    """
    if not clips:
        return []
    given = rotations6d or [None] * len(clips)
    timeline = Timeline([clip.shape[1] for clip in clips for _ in range(len(clip))])
    decoded = np.concatenate([clip.reshape(-1, NUM_JOINTS, 3) for clip in clips]).astype(np.float64)
    leaves = np.concatenate([_leaves(clip, sixd) for clip, sixd in zip(clips, given, strict=True)])
    lengths = symmetric_lengths(decoded, timeline)
    of_clips = bone_lengths or [None] * len(clips)
    known = [one for clip, some in zip(clips, of_clips, strict=True) for one in some or [None] * len(clip)]
    for person, one in enumerate(known):
        if one is not None:
            lengths[person] = one
    local, root = _pose(decoded, lengths, leaves, timeline)
    offsets = rest_offsets(lengths)
    positions, _ = forward_kinematics(local, root, offsets[timeline.person])
    reasons = why_no_body(decoded, timeline)
    solved, person, frame = [], 0, 0
    for clip in clips:
        persons, frames = clip.shape[:2]
        part = slice(frame, frame + persons * frames)
        sixd = sixd_columns_from_matrix(local[part]).reshape(persons, frames, NUM_JOINTS, 6)
        sixd = sixd.astype(np.float32)
        solved.append(
            SolvedBodies(
                positions[part].reshape(persons, frames, NUM_JOINTS, 3).astype(np.float32),
                sixd[:, :, 1:],
                sixd[:, :, 0],
                lengths[person : person + persons].astype(np.float32),
                reasons[person : person + persons],
            )
        )
        person, frame = person + persons, part.stop
    return solved


def _leaves(clip: np.ndarray, rotations6d: np.ndarray | None) -> np.ndarray:
    """Decoded local rotations (P * T, 22, 3, 3) of the joints no other joint shows, else none."""
    local = np.tile(np.eye(3), (clip.shape[0] * clip.shape[1], NUM_JOINTS, 1, 1))
    if rotations6d is not None:
        sixd = rotations6d.reshape(-1, NUM_JOINTS - 1, 6).astype(np.float64)
        for joint in (HEAD, *ARMS.end, *TOES):
            local[:, joint] = matrix_from_sixd_columns(sixd[:, joint - 1])
    return local


def _pose(
    targets: np.ndarray, lengths: np.ndarray, leaves: np.ndarray, timeline: Timeline
) -> tuple[np.ndarray, np.ndarray]:
    """Local rotations (F, 22, 3, 3) and root path (F, 3) of bodies whose joints are near the targets.

    targets (F, 22, 3); bone lengths (N, 21); leaves: local rotations (F, 22, 3, 3) of the last joints.
    """
    offsets = rest_offsets(lengths)[timeline.person]  # (F, 22, 3)
    rotations, positions = np.empty((*targets.shape, 3)), np.empty_like(targets)
    root = targets[:, PELVIS]
    pelvis = carrier_rotation(targets, PELVIS, (*HIPS, SPINE1), offsets)
    pose_trunk(targets, root, pelvis, offsets, rotations, positions)
    chest = rotations[:, CHEST]
    # Straight knees bend forwards, straight elbows back and down.
    sides = (
        (LEGS, pelvis[:, None, :, 2]),
        (ARMS, -chest[:, None, :, 2] - np.array([0.0, 1.0, 0.0])),
    )
    for limbs, default in sides:
        ends = targets[:, limbs.end]
        pole = bend_direction(targets[:, limbs.upper], targets[:, limbs.hinge], ends, default, timeline)
        pose_limbs(limbs, ends, pole, offsets, rotations, positions)
    shanks, feet = rotations[:, LEGS.hinge], targets[:, TOES] - positions[:, LEGS.end]
    rotations[:, LEGS.end] = aligned(shanks, offsets[:, TOES], feet)
    for leaf, parent in zip((HEAD, *ARMS.end, *TOES), (NECK, *ARMS.hinge, *LEGS.end), strict=True):
        rotations[:, leaf] = rotations[:, parent] @ leaves[:, leaf]
    return local_from_global(rotations), root
