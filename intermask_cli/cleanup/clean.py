"""Clean-up of interactions on request: what `--clean` offers, applied in a fixed order, and what it changed.

The methods are in `motion`; overlap is measured by the bodies of `intermask_cli.motion.capsules`, effects by
`intermask_cli.motion.physics`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from intermask_cli.cleanup.contact import clean_in_contact
from intermask_cli.cleanup.hands import join_hands
from intermask_cli.cleanup.modes import Clean, checked_modes
from intermask_cli.cleanup.published import lock_feet
from intermask_cli.cleanup.rigid_feet import lock_feet_rigidly
from intermask_cli.cleanup.smoothing import smooth_motion
from intermask_cli.errors import InputError
from intermask_cli.inference.interaction import Interaction, Seam
from intermask_cli.motion.curves import smoothed_over_time
from intermask_cli.motion.joint_rotations import rotations_from_joints
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.physics import seam_jerk
from intermask_cli.motion.skeleton import NUM_JOINTS

_SHORTEST = 4
#: Physics columns of one interaction before and after.
EffectRow = tuple[dict[str, float], dict[str, float]]
#: In a run directory: one JSON line per cleaned interaction.
EFFECT_LOG = "cleaning.jsonl"


def clean(
    joints: np.ndarray,
    rotations6d: np.ndarray | None,
    modes: Sequence[Clean],
    fixed: int | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """A pair (2, T, 22, 3) and its rotations (2, T, 21, 6) or None, cleaned; person `fixed` (0, 1) stays."""
    result, turned = joints.copy(), None if rotations6d is None else rotations6d.copy()
    persons = [person for person in range(2) if person != fixed]
    for mode in checked_modes(modes):
        if mode is Clean.contact:
            result, recovered = clean_in_contact(result, turned, fixed)
            turned = None if turned is None else recovered
        elif mode is Clean.meet:
            result, recovered = join_hands(result, turned, fixed)
            turned = None if turned is None else recovered
        else:
            for person in persons:
                own = None if turned is None else turned[person]
                result[person], own = _clean_person(mode, result[person], own)
                if turned is not None:
                    turned[person] = own
    return result, turned


def _clean_person(
    mode: Clean, joints: np.ndarray, rotations6d: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    if mode is Clean.smooth:
        return smooth_motion(joints, rotations6d)
    if mode is Clean.feet:
        given = None if rotations6d is None else rotations6d[None]
        cleaned, turned = lock_feet_rigidly(joints[None], given)
        return cleaned[0], None if given is None else turned[0]
    locked = smoothed_over_time(lock_feet(smoothed_over_time(joints)))
    return locked, None if rotations6d is None else rotations_from_joints(locked).rotations6d


def clean_item(item: Interaction, modes: Sequence[Clean]) -> Interaction:
    """An interaction cleaned; the person that a reaction was made for stays exactly as given."""
    if item.joints.shape[2] != NUM_JOINTS:
        raise InputError(
            f"{item.id}: --clean works on {NUM_JOINTS} joints; this body has {item.joints.shape[2]} joints"
        )
    if item.frames < _SHORTEST:
        raise InputError(f"{item.id}: {item.frames} frames; --clean needs {_SHORTEST} or more")
    joints, rotations6d = clean(item.joints, item.rotations6d, modes, item.given)
    motion = Motion(joints, rotations6d, item.features)
    return replace(item, motion=motion, seams=_seams_again(item, joints))


def _seams_again(item: Interaction, joints: np.ndarray) -> list[Seam]:
    """The item's seams with the jerk of its cleaned joints."""
    generated = joints[list(item.generated)]
    return [Seam(frame, overlap, *seam_jerk(generated, frame, overlap)) for frame, overlap, *_ in item.seams]


def effect_of(before: Interaction, after: Interaction) -> EffectRow:
    """Physics of one interaction before and after; of a reaction, those of the made person only."""
    from intermask_cli.motion.physics import physics

    return physics(before.joints, before.generated), physics(after.joints, before.generated)


def log_effects(path: Path, before: Sequence[Interaction], after: Sequence[Interaction]) -> None:
    """Append a line per interaction; several processes may write to one log."""
    lines = []
    for one, other in zip(before, after, strict=True):
        was, became = effect_of(one, other)
        lines.append(json.dumps({"id": one.id, "before": was, "after": became}) + "\n")
    with path.open("ab") as file:
        file.write("".join(lines).encode())


def read_effects(path: Path) -> Effect:
    """What a log says; of an interaction made twice (its part was lost), the later line counts."""
    found: dict[str, EffectRow] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        with suppress(ValueError):  # a killed process may leave half a line; its interaction is made again
            row = json.loads(line)
            found[row["id"]] = (row["before"], row["after"])
    return Effect(list(found.values()))


class Effect:
    """Physics before and after, over interactions; `rows` may come from other processes."""

    def __init__(self, rows: Sequence[EffectRow] = ()) -> None:
        self.rows = list(rows)

    def add(self, before: Interaction, after: Interaction) -> None:
        """Measure one interaction before and after."""
        self.rows.append(effect_of(before, after))

    def as_json(self) -> dict[str, dict[str, float]]:
        """Mean of every physics column before and after, over interactions where it is defined."""
        table: dict[str, dict[str, float]] = {}
        for name in self.rows[0][0] if self.rows else ():
            pairs = np.array([(before[name], after[name]) for before, after in self.rows])
            pairs = pairs[np.isfinite(pairs).all(axis=1)]
            if len(pairs):
                before, after = pairs.mean(axis=0)
                table[name] = {"before": float(before), "after": float(after)}
        return table

    def lines(self) -> list[str]:
        """The same for people."""
        return [
            f"{name}: {value['before']:.3f} before, {value['after']:.3f} after"
            for name, value in self.as_json().items()
        ]
