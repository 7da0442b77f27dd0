"""Sets of interactions with their prompts, to be scored: from the Duets test split, a file or a model."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from evaluators.evaluator import interx_motion
from evaluators.metrics import same_group
from evaluators.networks.canonical import check_joints
from intermask_cli.datasets.duets.captions import Mention
from intermask_cli.datasets.duets.corpus import CorpusClip, maker_of, test_split
from intermask_cli.datasets.duets.labels import kind_set
from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.errors import InputError
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.body_check import giants
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.representation.interx import FEATURE_ROWS
from intermask_cli.motion.skeleton import FPS, INTERX_PARENTS, JOINT_NAMES, NUM_JOINTS

#: Corpus of the bundled test split; its test clips' indices are never used for training.
DUETS_SEED = 2026
#: Kinds on which duet-mini and duet-eval were trained, as in `intermask data duets --kinds`.
DUETS_KINDS = "duets-1"
#: Position of the full caption among a clip's captions.
FULL_CAPTION = 0
#: Test clips are cut to a multiple of this many frames, so that models generate many of equal length at once.
LENGTH_STEP = 12
BOTH_PERSONS = (0, 1)
_NOT_WORDS = re.compile(r"[\W_]+")
#: Root attributes of a scored file that go into reports.
_PROVENANCE = (
    "model_id", "model_sha256", "text_encoder_id", "text_encoder_sha256", "sampling", "body", "created",
    "versions",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class InteractionSet:
    """N interactions in a fixed order. Physics scores the `generated_persons` of each (0-based)."""

    name: str
    ids: tuple[str, ...]
    prompts: tuple[str, ...]
    motions: tuple[Motion, ...]
    samples: tuple[int, ...]
    seeds: tuple[int | None, ...]
    generated_persons: tuple[tuple[int, ...], ...]
    mentions: tuple[Mention, ...] | None = None  # what each prompt states, where that is known
    texts: tuple[str, ...] | None = None  # what the evaluator reads, where that is not the prompt
    provenance: dict[str, object] = field(default_factory=dict)
    left_out: tuple[tuple[str, str], ...] = ()  # id and reason of what the file holds and cannot be read

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def hashes(self) -> tuple[str, ...]:
        """SHA-256 of every motion."""
        return tuple(motion.sha256() for motion in self.motions)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of ids, prompts and motions, in order."""
        digest = hashlib.sha256()
        for row in zip(self.ids, self.prompts, self.hashes, strict=True):
            digest.update(json.dumps(row).encode())
        return digest.hexdigest()

    def take(self, indices: Sequence[int], name: str) -> InteractionSet:
        """Some of the interactions, in the given order."""

        def pick(values: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(values[i] for i in indices)

        return replace(
            self, name=name, ids=pick(self.ids), prompts=pick(self.prompts), motions=pick(self.motions),
            samples=pick(self.samples), seeds=pick(self.seeds),
            generated_persons=pick(self.generated_persons),
            mentions=None if self.mentions is None else pick(self.mentions),
            texts=None if self.texts is None else pick(self.texts),
        )  # fmt: skip

    def with_motions(self, name: str, motions: Sequence[Motion], **changes: Any) -> InteractionSet:
        """The same prompts with other motions."""
        return replace(self, name=name, motions=tuple(motions), **changes)


def duets_test_set(count: int, skip: int = 0, kinds: str = DUETS_KINDS) -> InteractionSet:
    """Test clips `skip`..`skip + count` of the corpus of these kinds with their full captions."""
    clips = list(test_split(skip + count, DUETS_SEED, maker_of(kind_set(kinds))))[skip:]
    provenance = {"corpus": "duets", "kinds": kinds, "seed": DUETS_SEED, "skip": skip}
    return replace(clip_set(clips, "Duets test"), provenance=provenance)


def on_floor(joints: np.ndarray) -> np.ndarray:
    """(2, T, 22, 3) with the lowest joint of each person at y = 0 (`motion.placement`, floor "person")."""
    lowest = joints[..., 1].min(axis=(1, 2))
    offset = np.stack([np.zeros(2), lowest, np.zeros(2)], -1)[:, None, None]  # (2, 1, 1, 3)
    lowered: np.ndarray = joints - offset.astype(joints.dtype)
    return lowered


def clip_set(clips: Sequence[CorpusClip], name: str) -> InteractionSet:
    """Clips with their full captions, cut to a multiple of LENGTH_STEP frames, each person on the floor.

    In the models' representation the lowest joint is at y = 0; in Duets clips the toes are 2 cm above it.
    Foot measures depend on that height, so ground truth and generated motion need the same floor.
    """
    frames = [clip.joints.shape[1] // LENGTH_STEP * LENGTH_STEP for clip in clips]
    return InteractionSet(
        name=name,
        ids=tuple(clip.id for clip in clips),
        prompts=tuple(clip.captions[FULL_CAPTION] for clip in clips),
        motions=tuple(
            Motion(on_floor(clip.joints[:, :t]), clip.rotations6d[:, :t])
            for clip, t in zip(clips, frames, strict=True)
        ),
        samples=(0,) * len(clips),
        seeds=(None,) * len(clips),
        generated_persons=(BOTH_PERSONS,) * len(clips),
        mentions=tuple(clip.mentions[FULL_CAPTION] for clip in clips),
    )


def file_set(path: Path, rotations: bool = True) -> InteractionSet:
    """All interactions of an interactions.h5 or the run directory that holds one.

    `rotations` False leaves them out, which saves two thirds of the memory. Inter-X files are scored by their
    features, and by the body joints of a stand-in body for physics.

    Interactions that cannot be scored (NaN, too few frames, another shape) are in `left_out`.
    Raises InputError for another skeleton, rate or unit, and if no interaction can be scored.
    """
    rows, left_out = [], []
    with InteractionFile(path) as dataset:
        attributes = _attributes(dataset)
        for id in dataset.ids:
            try:
                item = dataset.read(id)
                motion = _stored_motion(item, id, rotations)
            except InputError as error:
                left_out.append((id, str(error).removeprefix(f"{id}: ")))
            else:
                rows.append((item.id, item.text, motion, item.sample, item.seed, item.generated))
    if not rows:
        reason = f"; the first is {': '.join(left_out[0])}" if left_out else ""
        raise InputError(f"{path}: holds no interaction that can be scored{reason}")
    if (fault := giants(person for row in rows for person in row[2].joints)) is not None:
        raise InputError(f"{path}: {fault}")
    ids, prompts, motions, samples, seeds, generated = zip(*rows, strict=True)
    return InteractionSet(
        str(path),
        ids,
        prompts,
        motions,
        samples,
        seeds,
        generated,
        provenance={name: attributes[name] for name in _PROVENANCE if name in attributes},
        left_out=tuple(left_out),
    )


def _attributes(dataset: InteractionFile) -> dict[str, Any]:
    """Root attributes; InputError for another frame rate or skeleton."""
    try:
        attributes, fps = dataset.attributes, dataset.fps
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(f"{dataset.path}: damaged or missing root attributes ({error})") from error
    if round(fps, 3) != FPS:
        raise InputError(f"{dataset.path}: {fps:g} fps; accepted: {FPS}; resample the motions first")
    names = attributes.get("joint_names")
    if names is not None and (
        list(names)[:NUM_JOINTS] != list(JOINT_NAMES) or len(names) not in (NUM_JOINTS, len(INTERX_PARENTS))
    ):
        raise InputError(
            f"{dataset.path}: another skeleton ({len(names)} joints); accepted: our 22 joints in order, "
            f"or the {len(INTERX_PARENTS)} of our Inter-X files"
        )
    return attributes


def _stored_motion(item: Interaction, name: str, keep_rotations: bool) -> Motion:
    joints, features = item.joints, item.features
    if features is not None and joints.ndim == 4 and joints.shape[2] == len(INTERX_PARENTS):
        if features.shape != (*joints.shape[:2], FEATURE_ROWS, 6):
            raise InputError(
                f"{name}: features have shape {features.shape}; accepted: (2, T, {FEATURE_ROWS}, 6)"
            )
        joints = joints[:, :, :NUM_JOINTS]
    try:
        check_joints(joints, name)
    except ValueError as error:
        raise InputError(str(error)) from error
    if features is not None:
        return interx_motion(features)
    rotations = item.rotations6d
    if rotations is not None and (
        rotations.shape != (*joints.shape[:2], NUM_JOINTS - 1, 6) or not np.isfinite(rotations).all()
    ):
        raise InputError(
            f"{name}: rotations6d of shape {rotations.shape} or with NaN; accepted: finite "
            f"(2, T, {NUM_JOINTS - 1}, 6)"
        )
    return Motion(joints, rotations if keep_rotations else None)


def with_mentions(interactions: InteractionSet, reference: InteractionSet) -> InteractionSet:
    """The interactions with the reference's `mentions`, if all their prompts occur there; else unchanged."""
    known: dict[str, Mention] = {}
    for prompt, mention in zip(reference.prompts, reference.mentions or (), strict=False):
        if known.setdefault(prompt, mention) != mention:
            return interactions
    if not all(prompt in known for prompt in interactions.prompts):
        return interactions
    return replace(interactions, mentions=tuple(known[prompt] for prompt in interactions.prompts))


def relevance(interactions: InteractionSet, members: Sequence[int] | np.ndarray) -> np.ndarray:
    """Fair rule for duplicates -> (n, n) bool for `pool_ranks`: motion j's own prompt implies prompt i.

    Without known mentions, prompts are equal if only case, blanks and punctuation differ.
    """
    if interactions.mentions is None:
        return same_group([_plain(interactions.prompts[i]) for i in members])
    stated = [interactions.mentions[i] for i in members]
    return np.array(
        [
            [all(a is None or a == b for a, b in zip(caption, own, strict=True)) for own in stated]
            for caption in stated
        ]
    )


def _plain(prompt: str) -> str:
    """The words of a prompt."""
    return " ".join(_NOT_WORDS.sub(" ", prompt.casefold()).split())
