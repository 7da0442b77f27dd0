"""What is scored: interactions with their prompts, from the Duets test split, a file of ours, or a model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from evaluators.canonical import check_joints
from evaluators.evaluator import Motion
from intermask_cli.datasets.duets.captions import Mention
from intermask_cli.datasets.duets.corpus import test_split
from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.errors import InputError
from intermask_cli.motion.skeleton import FPS, JOINT_NAMES

#: Corpus of the bundled test split; its test clips' indices are never used for training.
DUETS_SEED = 2026
FULL_CAPTION = 0
#: Test clips are cut to a multiple of this many frames, so that models can make many of equal length at once.
LENGTH_STEP = 12
BOTH = (0, 1)


@dataclass(frozen=True, eq=False)
class InteractionSet:
    """N interactions in a fixed order. `made` names the persons that were generated (for physics)."""

    name: str
    ids: tuple[str, ...]
    prompts: tuple[str, ...]
    motions: tuple[Motion, ...]
    samples: tuple[int, ...]
    seeds: tuple[int | None, ...]
    made: tuple[tuple[int, ...], ...]
    mentions: tuple[Mention, ...] | None = None  # what each prompt says, where that is known
    provenance: dict[str, object] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def hashes(self) -> tuple[str, ...]:
        """SHA-256 of every motion."""
        return tuple(motion_sha256(motion) for motion in self.motions)

    @cached_property
    def sha256(self) -> str:
        """Over ids, prompts and motions, in order."""
        digest = hashlib.sha256()
        for row in zip(self.ids, self.prompts, self.hashes, strict=True):
            digest.update(json.dumps(row).encode())
        return digest.hexdigest()

    def take(self, chosen: Sequence[int], name: str) -> InteractionSet:
        """Some of the interactions, in the given order."""

        def pick(values: tuple) -> tuple:
            return tuple(values[i] for i in chosen)

        return replace(
            self, name=name, ids=pick(self.ids), prompts=pick(self.prompts), motions=pick(self.motions),
            samples=pick(self.samples), seeds=pick(self.seeds), made=pick(self.made),
            mentions=None if self.mentions is None else pick(self.mentions),
        )  # fmt: skip

    def with_motions(self, name: str, motions: Sequence[Motion], **changes: object) -> InteractionSet:
        """The same prompts with other motions."""
        return replace(self, name=name, motions=tuple(motions), **changes)  # type: ignore[arg-type]


def motion_sha256(motion: Motion) -> str:
    """Over shapes and bytes of joints and, where there, rotations and features."""
    digest = hashlib.sha256()
    for array in (motion.joints, motion.rotations6d, motion.features):
        if array is not None:
            values = np.ascontiguousarray(array, dtype=np.float32)
            digest.update(str(values.shape).encode() + values.tobytes())
    return digest.hexdigest()


def duets_test_set(count: int, skip: int = 0) -> InteractionSet:
    """Test clips `skip`..`skip + count` of the bundled corpus with their full captions."""
    clips = list(test_split(skip + count, DUETS_SEED))[skip:]
    frames = [clip.joints.shape[1] // LENGTH_STEP * LENGTH_STEP for clip in clips]
    return InteractionSet(
        name="Duets test",
        ids=tuple(clip.id for clip in clips),
        prompts=tuple(clip.captions[FULL_CAPTION] for clip in clips),
        motions=tuple(
            Motion(clip.joints[:, :t], clip.rotations6d[:, :t]) for clip, t in zip(clips, frames, strict=True)
        ),
        samples=(0,) * count,
        seeds=(None,) * count,
        made=(BOTH,) * count,
        mentions=tuple(clip.mentions[FULL_CAPTION] for clip in clips),
        provenance={"corpus": "duets", "seed": DUETS_SEED, "skip": skip},
    )


def file_set(path: Path) -> InteractionSet:
    """All interactions of an interactions.h5 or the run directory that holds one.

    Raises InputError naming the file and the interaction for another skeleton, rate, NaN or too few frames.
    """
    with InteractionFile(path) as dataset:
        if round(dataset.fps, 3) != FPS:
            raise InputError(
                f"{dataset.path}: {dataset.fps:g} fps; accepted: {FPS}; resample the motions first"
            )
        names = dataset.attributes.get("joint_names")
        if names is not None and list(names) != list(JOINT_NAMES):
            raise InputError(
                f"{dataset.path}: another skeleton ({len(names)} joints); accepted: our 22 joints in order"
            )
        items = list(dataset)
        attributes = dataset.attributes
    if not items:
        raise InputError(f"{path}: holds no interaction; nothing to score")
    for item in items:
        try:
            check_joints(item.joints, f"{path}: {item.id}")
        except ValueError as error:
            raise InputError(str(error)) from error
    kept = ("model", "model_sha256", "text_encoder", "text_encoder_sha256", "sampling", "created", "versions")
    return InteractionSet(
        name=str(path),
        ids=tuple(item.id for item in items),
        prompts=tuple(item.prompt for item in items),
        motions=tuple(Motion(item.joints, item.rotations6d) for item in items),
        samples=tuple(item.sample for item in items),
        seeds=tuple(item.seed for item in items),
        made=tuple(BOTH if item.given_person is None else (2 - item.given_person,) for item in items),
        provenance={name: attributes[name] for name in kept if name in attributes},
    )


def relation(interactions: InteractionSet, chosen: Sequence[int]) -> np.ndarray:
    """Fair rule for duplicates, as `right` of `pool_ranks`: whether motion j's own prompt says at least what
    prompt i says. Without known mentions, equal prompts (but for case, blanks, full stop) say the same.
    """
    if interactions.mentions is None:
        plain = np.array([" ".join(interactions.prompts[i].lower().split()).rstrip(".") for i in chosen])
        return plain[:, None] == plain[None, :]
    said = [interactions.mentions[i] for i in chosen]
    return np.array(
        [
            [all(a is None or a == b for a, b in zip(one, other, strict=True)) for other in said]
            for one in said
        ]
    )
