"""The record of one interaction: what a model returns and what a dataset file holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import shorten
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from intermask_cli.errors import InputError
from intermask_cli.motion.animated_skeleton import AnimatedSkeleton
from intermask_cli.motion.motion import Motion


class Seam(NamedTuple):
    """Where two windows of a long clip meet, and how smooth the motion is there.

    `frame` is the first frame of the overlap and `overlap` its length in frames. The jerks (m/s^3) are means
    over the generated persons: `jerk` around the overlap, `typical_jerk` in the rest of the clip.
    """

    frame: int
    overlap: int
    jerk: float
    typical_jerk: float


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Interaction:
    """Two persons in one world: metres, Y up, 30 fps.

    Attributes:
        motion: joints (2, T, J, 3) float32, with rotations6d (2, T, 21, 6) of an InterHuman model or features
            (2, T, 56, 6) of an Inter-X model.
        text: the prompt; "" for none.
        seed: the seed it was sampled with, or None.
        tokens: the token map (2, 5, T // 4), or None where it is not known.
        given: the person (0 or 1) whose motion was given and is unchanged, or None.
        seams: one per overlap of windows, for clips longer than the model's window.
        id: its name in a dataset; "" for none.
        sample: which of several samples of one prompt it is, from 0.
        rigid: of each person, whether the joints are forward kinematics of the motion's root_rotations6d and
            rotations6d on its bone_lengths. A given person is rigid only if its source is.
        no_body: why the decoded motion is not that of a body, "" where it is or was not examined.
        source_id: the user's own id of the prompt; "" for none.
        read_as: what the prompt was read as (`reading`); "" where it was not read.
        read_confidence: how sure that reading is, 0 to 1, or None.
        outside: why the prompt is outside what the model knows, "" where it is inside or was not read.
        source: the given person as its file held it, where that file has a skeleton of its own, or None.
        text_warning: what the text encoder did not read of the text (`generation.prompts.text_warnings`).
        tries: how many samples were made until this one (`generation.run.acceptance`), or None.
        accepted: whether it meets the condition of its run, or None where that had none.
        measured: what was measured for that condition, by the names of columns.
        kept: flags (2, T) of the frames of each person that were given and are unchanged, of a clip that was
            continued, completed or edited; else None.
    """

    motion: Motion
    text: str
    seed: int | None
    tokens: np.ndarray | None
    given: int | None
    seams: tuple[Seam, ...]
    id: str
    sample: int
    rigid: tuple[bool, ...]
    no_body: str
    source_id: str
    read_as: str
    read_confidence: float | None
    outside: str
    source: AnimatedSkeleton | None
    text_warning: str
    tries: int | None
    accepted: bool | None
    measured: Mapping[str, float | str]
    kept: np.ndarray | None

    def __init__(
        self,
        motion: Motion | np.ndarray,
        rotations6d: np.ndarray | None = None,
        tokens: np.ndarray | None = None,
        text: str = "",
        seed: int | None = None,
        given: int | None = None,
        features: np.ndarray | None = None,
        seams: Sequence[Seam] = (),
        *,
        id: str = "",
        sample: int = 0,
        rigid: Sequence[bool] | None = None,
        no_body: str = "",
        source_id: str = "",
        read_as: str = "",
        read_confidence: float | None = None,
        outside: str = "",
        source: AnimatedSkeleton | None = None,
        text_warning: str = "",
        tries: int | None = None,
        accepted: bool | None = None,
        measured: Mapping[str, float | str] = MappingProxyType({}),
        kept: np.ndarray | None = None,
    ) -> None:
        """`motion` is a Motion, or its joints; `rotations6d` and `features` then complete it.

        Raises:
            InputError: rotations6d or features with a Motion, which has its own; arrays of another shape;
                a text that is not a string; a given person other than 0 and 1; a rigid person without
                rotations or bone lengths.
        """
        if not isinstance(motion, Motion):
            motion = Motion(motion, rotations6d, features)
        elif rotations6d is not None or features is not None:
            raise InputError("rotations6d and features are part of the Motion; give them there")
        if not isinstance(text, str):
            raise InputError(f"text is {text!r}; accepted: a string, '' for no text")
        if given not in (None, 0, 1) or isinstance(given, bool):
            raise InputError(f"given is {given!r}; accepted: person 0 or 1, None for none")
        flags = (False,) * motion.persons if rigid is None else tuple(bool(flag) for flag in rigid)
        if len(flags) != motion.persons:
            raise InputError(
                f"rigid has {len(flags)} values; accepted: one for each of {motion.persons} persons"
            )
        if any(flags) and not motion.has_rig:
            raise InputError("a rigid person needs rotations6d, root_rotations6d and bone_lengths")
        if kept is not None:
            kept = np.asarray(kept, dtype=bool)
            if kept.shape != motion.joints.shape[:2]:
                raise InputError(
                    f"kept of shape {kept.shape}; accepted: {motion.joints.shape[:2]}, as the joints"
                )
        values = {
            "motion": motion, "text": text, "seed": seed, "tokens": tokens, "given": given,
            "seams": tuple(seams), "id": id, "sample": sample, "rigid": flags, "no_body": no_body,
            "source_id": source_id, "read_as": read_as, "read_confidence": read_confidence,
            "outside": outside, "source": source, "text_warning": text_warning, "tries": tries,
            "accepted": accepted, "measured": dict(measured),
            "kept": kept,
        }  # fmt: skip
        for name, value in values.items():
            object.__setattr__(self, name, value)  # frozen, so that records can be shared

    def __repr__(self) -> str:
        parts = [repr(shorten(self.text, 60)), f"{self.frames} frames", f"seed {self.seed}"]
        parts += [f"id {self.id!r}"] if self.id else []
        parts += [] if self.given is None else [f"given person {self.given}"]
        return f"Interaction({', '.join(parts)})"

    @property
    def joints(self) -> np.ndarray:
        """Positions (2, T, J, 3), metres."""
        return self.motion.joints

    @property
    def rotations6d(self) -> np.ndarray | None:
        """Local rotations (2, T, 21, 6) of joints 1..21, `sixd_columns`, or None."""
        return self.motion.rotations6d

    @property
    def root_rotations6d(self) -> np.ndarray | None:
        """Rotations (2, T, 6) of the pelvis in the world, `sixd_columns`, or None."""
        return self.motion.root_rotations6d

    @property
    def bone_lengths(self) -> np.ndarray | None:
        """Distances (2, 21) of joints 1..21 to their parents, metres, or None."""
        return self.motion.bone_lengths

    @property
    def body(self) -> str:
        """ "rigid" if every generated person is, else "decoded": as the model's decoder left the joints."""
        return "rigid" if all(self.rigid[person] for person in self.generated) else "decoded"

    @property
    def features(self) -> np.ndarray | None:
        """Features of the model's representation, or None."""
        return self.motion.features

    @property
    def frames(self) -> int:
        """T."""
        return self.motion.frames

    @property
    def generated(self) -> tuple[int, ...]:
        """The persons (0, 1) that were generated: both, or all but the given one."""
        return tuple(person for person in range(self.motion.persons) if person != self.given)
