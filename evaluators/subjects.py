"""Motions a model makes for a reference set: reconstructed, generated, or in reaction to one person."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Sequence
from dataclasses import asdict

import numpy as np

from evaluators.embedding_cache import Cache
from evaluators.evaluator import Motion
from evaluators.sets import InteractionSet
from intermask_cli.config import SamplingConfig
from intermask_cli.console import counter
from intermask_cli.interaction import Interaction
from intermask_cli.pipeline import InteractionModel
from intermask_cli.version import __version__

BATCH = 16


def reconstructed(model: InteractionModel, reference: InteractionSet, cache: Cache) -> InteractionSet:
    """Every reference motion through the tokenizer and back."""

    def make() -> list[Motion]:
        made = []
        with counter("reconstruct", len(reference), "motions") as progress:
            for motion in reference.motions:
                result = model.reconstruct(motion.joints, motion.rotations6d)
                made.append(Motion(result.joints, _rotations(result.rotations6d)))
                progress.advance()
        return made

    key = ["reconstruct", __version__, model.bundle.sha256, *reference.hashes]
    return reference.with_motions("reconstruction", cache.motions(key, make))


def from_texts(
    model: InteractionModel, prompts: Sequence[str], frames: Sequence[int], seeds: Sequence[int],
    sampling: SamplingConfig, cache: Cache, label: str = "generate",
) -> list[Motion]:  # fmt: skip
    """A motion for every prompt, of so many frames (multiples of 4)."""

    def make() -> list[Motion]:
        def batch(part: list[int]) -> list[Interaction]:
            texts, lengths = [prompts[i] for i in part], [frames[i] for i in part]
            return model.generate(texts, lengths, seeds=[seeds[i] for i in part], sampling=sampling)

        return _made(list(frames), batch, label)

    key = [*_key("generate", model, sampling), *map(str, seeds), *map(str, frames), *prompts]
    return cache.motions(key, make)


def generated(
    model: InteractionModel, reference: InteractionSet, seeds: Sequence[int], sampling: SamplingConfig,
    cache: Cache, label: str = "generate",
) -> InteractionSet:  # fmt: skip
    """A motion for every prompt, as long as its reference motion rounded down to a multiple of 4 frames."""
    frames = [motion.joints.shape[1] // 4 * 4 for motion in reference.motions]
    motions = from_texts(model, reference.prompts, frames, seeds, sampling, cache, label)
    return reference.with_motions("generated", motions, seeds=tuple(seeds))


def reacted(
    model: InteractionModel, reference: InteractionSet, given: Sequence[int], seeds: Sequence[int],
    sampling: SamplingConfig, cache: Cache,
) -> InteractionSet:  # fmt: skip
    """A partner for one person of every reference motion, whose own motion stays as it is (section 10)."""

    def make() -> list[Motion]:
        def batch(part: list[int]) -> list[Interaction]:
            person = given[part[0]]
            return model.react_each(
                [_one(reference.motions[i], person) for i in part],
                [reference.prompts[i] for i in part],
                person,
                seeds=[seeds[i] for i in part],
                sampling=sampling,
            )

        frames = [motion.joints.shape[1] for motion in reference.motions]
        return _made(list(zip(frames, given, strict=True)), batch, "react")

    key = [
        *_key("react", model, sampling),
        *map(str, seeds),
        *map(str, given),
        *reference.hashes,
        *reference.prompts,
    ]
    made = tuple((1 - person,) for person in given)
    return reference.with_motions("generated", cache.motions(key, make), seeds=tuple(seeds), made=made)


def _one(motion: Motion, person: int) -> tuple[np.ndarray, np.ndarray | None]:
    return motion.joints[person], None if motion.rotations6d is None else motion.rotations6d[person]


def _made(
    alike: Sequence[Hashable], batch: Callable[[list[int]], list[Interaction]], label: str
) -> list[Motion]:
    """Motions in order, made in batches of items that are alike (equal length, same person given)."""
    groups: dict[Hashable, list[int]] = {}
    for i, what in enumerate(alike):
        groups.setdefault(what, []).append(i)
    made: dict[int, Motion] = {}
    with counter(label, len(alike), "interactions") as progress:
        for members in groups.values():
            for start in range(0, len(members), BATCH):
                part = members[start : start + BATCH]
                for i, result in zip(part, batch(part), strict=True):
                    made[i] = Motion(result.joints, _rotations(result.rotations6d))
                progress.advance(len(part))
    return [made[i] for i in range(len(alike))]


def _key(task: str, model: InteractionModel, sampling: SamplingConfig) -> list[str]:
    return [task, __version__, model.bundle.sha256, json.dumps(asdict(sampling), sort_keys=True)]


def _rotations(rotations6d: np.ndarray | None) -> np.ndarray:
    assert rotations6d is not None, "22-joint models always give rotations"
    return rotations6d
