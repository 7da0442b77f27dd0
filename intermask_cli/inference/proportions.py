"""Interactions on bodies of given proportions: what `--height` and `--body-shape` ask for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from intermask_cli.config import PERSONS
from intermask_cli.errors import InputError
from intermask_cli.inference.bodies import Kept, seams_of, with_bodies
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.body.lengths import rest_offsets
from intermask_cli.motion.body.proportions import on_lengths
from intermask_cli.motion.body_check import BODY_HEIGHT_M, height_of
from intermask_cli.motion.rig import Rig, put_rig, rig_in
from intermask_cli.motion.skeleton import NUM_JOINTS


@dataclass(frozen=True, eq=False)
class Proportions:
    """Bodies for the persons of interactions; either may be empty, one entry counts for both persons.

    Attributes:
        heights_m: of standing bodies; all bones in proportion.
        shapes: bone lengths (21,), metres; NaN for bones that keep their share of the own body.
    """

    heights_m: tuple[float, ...] = ()
    shapes: tuple[np.ndarray, ...] = ()

    def __post_init__(self) -> None:
        low, high = BODY_HEIGHT_M
        for height in self.heights_m:
            if not low <= height <= high:
                raise InputError(f"a height of {height:g} m; accepted: {low:g} to {high:g}")
        for name, values in (("heights", self.heights_m), ("body shapes", self.shapes)):
            if len(values) > PERSONS:
                raise InputError(f"{len(values)} {name}; accepted: one, or one for each of {PERSONS} persons")

    def __bool__(self) -> bool:
        """Whether any body is given."""
        return bool(self.heights_m or self.shapes)

    def identity(self) -> dict[str, list[float] | list[str]]:
        """What must be equal for a run to continue an earlier one."""
        digests = [hashlib.sha256(np.float32(shape).tobytes()).hexdigest() for shape in self.shapes]
        return {"heights": list(self.heights_m), "shapes": digests}

    def lengths(self, own: np.ndarray, person: int) -> np.ndarray:
        """Bone lengths (21,) of person 0 or 1, whose own are (21,)."""
        lengths = own.astype(np.float64)
        if self.shapes:
            shape = self.shapes[min(person, len(self.shapes) - 1)]
            lengths = np.where(np.isnan(shape), lengths * np.nanmedian(shape / lengths), shape)
        if self.heights_m:
            lengths = lengths * (self.heights_m[min(person, len(self.heights_m) - 1)] / height_of(lengths))
        return lengths


def with_proportions(item: Interaction, proportions: Proportions) -> Interaction:
    """The interaction on bodies of the given proportions: hands still meet, feet still stand.

    Bodies that are not rigid become so first. The given person of a reaction does not change.

    Raises:
        InputError: another body than the 22 joints.
    """
    if item.joints.shape[2] != NUM_JOINTS:
        raise InputError(
            f"{item.id}: --height and --body-shape work on {NUM_JOINTS} joints; this body has "
            f"{item.joints.shape[2]}"
        )
    if not all(item.rigid[person] for person in item.generated):
        item = _rigid(item)
    motion = item.motion.part(0, item.frames)  # a copy
    assert motion.bone_lengths is not None
    rigs = [rig_in(motion, person) for person in range(motion.persons)]
    old = motion.bone_lengths.astype(np.float64)
    new = np.stack([proportions.lengths(lengths, person) for person, lengths in enumerate(old)])
    local, root = on_lengths(motion.joints, np.stack([rig.local for rig in rigs]), old, new, item.given)
    for person in item.generated:
        put_rig(motion, person, Rig(local[person], root[person], rest_offsets(new[person]), 0.0))
    return replace(item, motion=motion, seams=seams_of(item, motion))


def _rigid(item: Interaction) -> Interaction:
    """A decoded interaction with rigid bodies; a given person stays as given."""
    kept = None
    if item.given is not None:
        frames = np.zeros(item.joints.shape[:2], dtype=bool)
        frames[item.given] = True
        kept = [Kept(frames, item.motion)]
    return with_bodies([item], kept)[0]
