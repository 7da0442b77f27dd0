"""Decoded joints of people -> rigid bodies: constant bones, a root path and local rotations.

The stages, in order, are modules of their own: `smoothing`, `contacts`, `feet`, `trunk`, `limbs`, `turns`.
Joints are forward kinematics of the result. Persons of all clips are solved together (`timeline`), and no
result depends on which others are in the batch.
Axes: P persons and T frames of a clip; N persons and F frames of all clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from intermask_cli.motion.body.contacts import ContactWish, moved_to_meet
from intermask_cli.motion.body.feet import plan_feet
from intermask_cli.motion.body.folding import unfolded
from intermask_cli.motion.body.is_body import is_rigid, why_no_body
from intermask_cli.motion.body.lengths import lengthened_limbs, rest_offsets, symmetric_lengths
from intermask_cli.motion.body.limbs import ARMS, LEGS, bend_direction, pose_limbs
from intermask_cli.motion.body.smoothing import smoothed_path
from intermask_cli.motion.body.sole import ANKLES, TOES
from intermask_cli.motion.body.timeline import Timeline
from intermask_cli.motion.body.trunk import (
    CHEST,
    PELVIS,
    aligned,
    carrier_rotation,
    own_offsets,
    pose_trunk,
    reaching_shoulders,
    turned,
)
from intermask_cli.motion.body.turns import limit_turns
from intermask_cli.motion.kinematics import bone_lengths, forward_kinematics, local_from_global
from intermask_cli.motion.rotation import matrix_from_sixd_columns, sixd_columns_from_matrix
from intermask_cli.motion.skeleton import END_JOINTS, PARENTS

#: An array per person.
Arrays = Sequence[np.ndarray | None] | np.ndarray
_LEAVES = np.array(END_JOINTS)
#: Metres from its spot within which a foot stands.
_STANDING_M = 5e-4


@dataclass(frozen=True)
class SolvedBodies:
    """The P persons of a clip as rigid bodies.

    `joints` are forward kinematics of `root_rotations6d` and `rotations6d` from the pelvis' positions on
    `bone_lengths` along the directions of `skeleton.REST_OFFSETS` (`lengths.rest_offsets`). Only persons
    whose joints were rigid already, and whose pelvis or chest has another shape, keep that: `rest_offsets`.

    Attributes:
        joints: (P, T, 22, 3) float32, metres.
        rotations6d: local rotations (P, T, 21, 6) float32 of joints 1..21, `sixd_columns`.
        root_rotations6d: rotation (P, T, 6) float32 of the pelvis in the world, `sixd_columns`.
        bone_lengths: (P, 21) float32 metres, of the bones that end in joints 1..21; left equals right.
        rest_offsets: (P, 22, 3) float32 metres from the parents in the rest pose, as described above.
        standing: (P, T, 2) bool, left and right foot that were planted; all False where none were.
        reasons: for each person why the decoded joints cannot be a body, or None.
    """

    joints: np.ndarray
    rotations6d: np.ndarray
    root_rotations6d: np.ndarray
    bone_lengths: np.ndarray
    rest_offsets: np.ndarray
    standing: np.ndarray
    reasons: tuple[str | None, ...]

    @property
    def is_body(self) -> bool:
        """Whether all persons are bodies."""
        return not any(self.reasons)


@dataclass(frozen=True)
class _Person:
    """One person: joints (T, 22, 3) as decoded, the lengths (T, 21) of their bones, rotations (T, 21, 6) or
    None, the bone lengths (21,) that the body must have, or None, and where the joints should be: `smooth`
    without noise, `targets` moved to meet the other person."""

    joints: np.ndarray
    lengths: np.ndarray
    rotations6d: np.ndarray | None
    bone_lengths: np.ndarray | None
    smooth: np.ndarray
    targets: np.ndarray

    @classmethod
    def of_clip(cls, clip: np.ndarray, sixd: Arrays | None, known: Arrays | None) -> list[_Person]:
        """The persons of joints (P, T, 22, 3), with what is known of each."""
        persons = []
        for person, joints in enumerate(clip.astype(np.float64)):
            lengths = bone_lengths(clip[person])
            own_sixd = None if sixd is None else sixd[person]
            own_lengths = None if known is None else known[person]
            persons.append(cls(joints, lengths, own_sixd, own_lengths, smooth=joints, targets=joints))
        return persons


def solve_bodies(
    joints: np.ndarray,
    rotations6d: np.ndarray | None = None,
    *,
    plant: bool = True,
    repair: bool = True,
    keep_shape: bool = True,
) -> SolvedBodies:
    """Joints (P, T, 22, 3), Y up, metres, 30 fps -> their rigid bodies; see `solve_clips`."""
    return solve_clips([joints], [rotations6d], plant=plant, repair=repair, keep_shape=keep_shape)[0]


def solve_clips(
    clips: Sequence[np.ndarray],
    rotations6d: Sequence[np.ndarray | None] | None = None,
    bone_lengths: Sequence[Sequence[np.ndarray | None] | None] | None = None,
    wishes: Sequence[Sequence[ContactWish] | None] | None = None,
    kept: Sequence[Sequence[bool] | None] | None = None,
    *,
    plant: bool = True,
    repair: bool = True,
    keep_shape: bool = True,
) -> list[SolvedBodies]:
    """Clips of any lengths at once: faster than one by one, with exactly the same results.

    Args:
        clips: decoded joints (P, T, 22, 3) of each, Y up, metres, 30 fps.
        rotations6d: decoded local rotations (P, T, 21, 6) `sixd_columns` of each, or None. Only those that
            no joint shows are used: of the head, the hands and the toes.
        bone_lengths: lengths (21,) of those persons of each clip whose body is known, None for the others.
        wishes: limbs that should meet, of each clip of two persons; elsewhere their bodies are kept apart.
            None where that is not known. A person whose bones are rigid already is not moved for them.
        kept: of each clip, the persons that are not moved for wishes either, or None.
        plant: feet stand still and step. A person whose bones are rigid already was captured or computed,
            not decoded, and keeps its feet.
        repair: noise and turns that no person makes are removed, again not from a rigid person.
        keep_shape: a rigid person keeps the shape of its pelvis and chest, which bone lengths do not show.
    """
    sixd_of = rotations6d or [None] * len(clips)
    lengths_of = bone_lengths or [None] * len(clips)
    persons = [
        person for parts in zip(clips, sixd_of, lengths_of, strict=True) for person in _Person.of_clip(*parts)
    ]
    solved: dict[int, SolvedBodies] = {}
    ends = np.cumsum([len(clip) for clip in clips])
    rigid = [is_rigid(person.lengths) for person in persons]
    if repair:
        _smooth(persons, [i for i, own in enumerate(rigid) if not own])
    for clip, (end, wished) in enumerate(zip(ends, wishes or [None] * len(clips), strict=True)):
        if wished is not None:
            fixed = (kept[clip] if kept else None) or (False, False)
            free = (not (fixed[0] or rigid[end - 2]), not (fixed[1] or rigid[end - 1]))
            _meet(persons, end - 2, wished, free)
    for kind in (True, False):
        members = [i for i, own in enumerate(rigid) if own is kind]
        bodies = _solve(
            [persons[i] for i in members], kind and keep_shape, plant and not kind, repair and not kind
        )
        solved |= dict(zip(members, bodies, strict=True))
    return [
        _together([solved[i] for i in range(end - len(clip), end)])
        for clip, end in zip(clips, ends, strict=True)
    ]


def _smooth(persons: list[_Person], members: list[int]) -> None:
    """Take the noise off the joints of some persons; replaces them in the list."""
    if not members:
        return
    timeline = Timeline([len(persons[i].joints) for i in members])
    smooth = smoothed_path(np.concatenate([persons[i].joints for i in members]), timeline)
    for i, own in zip(members, timeline, strict=True):
        persons[i] = replace(persons[i], smooth=smooth[own], targets=smooth[own])


def _meet(persons: list[_Person], first: int, wishes: Sequence[ContactWish], free: tuple[bool, bool]) -> None:
    """Move two persons, `first` and the next, as `contacts` does; replaces them in the list."""
    pair = np.stack([persons[first].targets, persons[first + 1].targets])
    for person, targets in enumerate(moved_to_meet(pair, wishes, free), first):
        persons[person] = replace(persons[person], targets=targets)


def _together(persons: list[SolvedBodies]) -> SolvedBodies:
    """Bodies of one person each as those of one clip."""
    arrays = ("joints", "rotations6d", "root_rotations6d", "bone_lengths", "rest_offsets", "standing")
    stacked = {name: np.concatenate([getattr(person, name) for person in persons]) for name in arrays}
    return SolvedBodies(**stacked, reasons=tuple(person.reasons[0] for person in persons))


def _solve(persons: list[_Person], keep_shape: bool, plant: bool, repair: bool) -> list[SolvedBodies]:
    """The bodies of N persons, one each."""
    if not persons:
        return []
    timeline = Timeline([len(person.joints) for person in persons])
    decoded = np.concatenate([person.joints for person in persons])  # (F, 22, 3)
    leaves = np.concatenate([_leaves(person) for person in persons]).astype(np.float64)  # (F, 5, 6)
    decoded_lengths = np.concatenate([person.lengths for person in persons])  # (F, 21)
    lengths = symmetric_lengths(decoded_lengths, timeline)
    targets = np.concatenate([person.targets for person in persons])  # (F, 22, 3)
    if repair:
        leaves = smoothed_path(leaves, timeline)
        smooth = np.concatenate([person.smooth for person in persons])
        lengths = lengthened_limbs(lengths, smooth, timeline)
    known = np.array([person.bone_lengths is not None for person in persons])
    for index in np.flatnonzero(known):
        lengths[index] = persons[index].bone_lengths
    rest = rest_offsets(lengths)  # (N, 22, 3)
    if keep_shape:
        rest[~known] = own_offsets(decoded, rest, timeline)[~known]
        lengths = np.linalg.norm(rest[:, 1:], axis=-1)
    offsets = rest[timeline.person]  # (F, 22, 3)
    pelvis, chest = (carrier_rotation(targets, centre, offsets) for centre in (PELVIS, CHEST))
    if repair:
        pelvis, chest = unfolded(targets, pelvis, chest, timeline)
    reasons = why_no_body(decoded, decoded_lengths, pelvis, chest, timeline)
    local_leaves = matrix_from_sixd_columns(leaves)
    rotations, standing = _pose(targets, pelvis, chest, offsets, local_leaves, timeline, plant, repair)
    local = local_from_global(rotations)
    if repair:
        for own in limit_turns(local, timeline):
            rotations[own] = forward_kinematics(local[own], targets[own, PELVIS], offsets[own])[1]
    positions = _positions(rotations, targets[:, PELVIS], offsets)
    # A foot out of reach of its spot does not stand.
    missed = np.linalg.norm(positions[:, TOES] - targets[:, TOES], axis=-1)
    standing &= missed < _STANDING_M
    sixd = sixd_columns_from_matrix(local).astype(np.float32)  # (F, 22, 6)
    return [
        SolvedBodies(
            positions[None, frames].astype(np.float32),
            sixd[None, frames, 1:],
            sixd[None, frames, 0],
            lengths[None, person].astype(np.float32),
            rest[None, person].astype(np.float32),
            standing[None, frames],
            (reasons[person],),
        )
        for person, frames in enumerate(timeline)
    ]


def _leaves(person: _Person) -> np.ndarray:
    """Decoded local rotations (T, 5, 6) of the joints that no other joint shows, else the rest pose's."""
    if person.rotations6d is None:
        return np.broadcast_to(sixd_columns_from_matrix(np.eye(3)), (len(person.joints), len(_LEAVES), 6))
    return person.rotations6d[:, _LEAVES - 1]


def _positions(rotations: np.ndarray, root: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Joints (F, 22, 3) of bodies with global rotations (F, 22, 3, 3) and pelvises on a path (F, 3)."""
    positions = turned(rotations[:, PARENTS], offsets)  # of every joint from its parent
    positions[:, PELVIS] = root
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            positions[:, joint] += positions[:, parent]
    return positions


def _pose(
    targets: np.ndarray,
    pelvis: np.ndarray,
    chest: np.ndarray,
    offsets: np.ndarray,
    leaves: np.ndarray,
    timeline: Timeline,
    plant: bool,
    repair: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Global rotations (F, 22, 3, 3) of bodies near the targets, and their standing feet (F, 2).

    targets (F, 22, 3): feet become the planned ones here, and all but the wrists come down where standing
    feet need it; pelvis, chest: their global rotations (F, 3, 3); offsets: rest offsets (F, 22, 3); leaves:
    local rotations (F, 5, 3, 3) of the last joints.
    """
    rotations, positions = np.empty((*targets.shape, 3)), np.empty_like(targets)
    wanted, standing = targets.copy(), np.zeros((len(targets), 2), dtype=bool)
    if plant:
        feet = plan_feet(targets, pelvis, offsets, timeline)
        targets[..., 1] -= feet.sinking[:, None]
        # Hands stay where they were: they may hold on to the other person.
        targets[:, ARMS.end] = wanted[:, ARMS.end]
        targets[:, TOES], targets[:, ANKLES], standing = feet.toes, feet.ankles, feet.standing
    steady = timeline if repair else None
    pose_trunk(targets, pelvis, chest, offsets, rotations, positions, steady)
    reaching_shoulders(targets, offsets, rotations, positions, bent=repair)
    # Straight knees bend forwards, straight elbows back and down.
    sides = (
        (LEGS, pelvis[:, None, :, 2]),
        (ARMS, -chest[:, None, :, 2] - np.array([0.0, 1.0, 0.0])),
    )
    stretch = 0.9999 if repair else 0.999999
    for limbs, default in sides:
        pole = bend_direction(limbs, wanted, default, steady)
        pose_limbs(limbs, targets[:, limbs.end], pole, offsets, rotations, positions, stretch)
    shanks, feet_bones = rotations[:, LEGS.hinge], targets[:, TOES] - positions[:, LEGS.end]
    rotations[:, LEGS.end] = aligned(shanks, offsets[:, TOES], feet_bones)
    rotations[:, _LEAVES] = rotations[:, np.array(PARENTS)[_LEAVES]] @ leaves
    return rotations, standing
