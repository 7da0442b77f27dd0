"""Motions a model makes for a reference set: reconstructed, generated, or in reaction to one person."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from evaluators.embedding_cache import Cache
from evaluators.evaluator import Motion
from evaluators.sets import InteractionSet
from intermask_cli.config import SamplingConfig
from intermask_cli.console import counter
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


def generated(
    model: InteractionModel, reference: InteractionSet, seeds: Sequence[int], sampling: SamplingConfig,
    cache: Cache, label: str = "generate",
) -> InteractionSet:  # fmt: skip
    """A motion for every prompt, as long as its reference motion rounded down to a multiple of 4 frames."""

    def make() -> list[Motion]:
        made: dict[int, Motion] = {}
        with counter(label, len(reference), "interactions") as progress:
            for part in _by_length(reference):
                results = model.generate(
                    [reference.prompts[i] for i in part],
                    [_frames(reference, i) for i in part],
                    seeds=[seeds[i] for i in part],
                    sampling=sampling,
                )
                made |= {
                    i: Motion(r.joints, _rotations(r.rotations6d)) for i, r in zip(part, results, strict=True)
                }
                progress.advance(len(part))
        return [made[i] for i in range(len(reference))]

    lengths = [str(_frames(reference, i)) for i in range(len(reference))]
    key = [*_key("generate", model, sampling), *map(str, seeds), *lengths, *reference.prompts]
    return reference.with_motions("generated", cache.motions(key, make), seeds=tuple(seeds))


def reacted(
    model: InteractionModel, reference: InteractionSet, given: Sequence[int], seeds: Sequence[int],
    sampling: SamplingConfig, cache: Cache,
) -> InteractionSet:  # fmt: skip
    """A partner for one person of every reference motion, whose own motion stays as it is (section 10)."""

    def make() -> list[Motion]:
        made = []
        with counter("react", len(reference), "interactions") as progress:
            for i, motion in enumerate(reference.motions):
                person = given[i]
                rotations = None if motion.rotations6d is None else motion.rotations6d[person]
                result = model.react(
                    motion.joints[person],
                    [reference.prompts[i]],
                    person,
                    rotations,
                    seed=seeds[i],
                    sampling=sampling,
                )[0]
                made.append(Motion(result.joints, _rotations(result.rotations6d)))
                progress.advance()
        return made

    key = [
        *_key("react", model, sampling),
        *map(str, seeds),
        *map(str, given),
        *reference.hashes,
        *reference.prompts,
    ]
    made = tuple((1 - person,) for person in given)
    return reference.with_motions("generated", cache.motions(key, make), seeds=tuple(seeds), made=made)


def _key(task: str, model: InteractionModel, sampling: SamplingConfig) -> list[str]:
    return [task, __version__, model.bundle.sha256, json.dumps(asdict(sampling), sort_keys=True)]


def _frames(reference: InteractionSet, i: int) -> int:
    return reference.motions[i].joints.shape[1] // 4 * 4


def _by_length(reference: InteractionSet) -> list[list[int]]:
    """Indices in batches of one length, so nothing is padded."""
    groups: dict[int, list[int]] = {}
    for i in range(len(reference)):
        groups.setdefault(_frames(reference, i), []).append(i)
    return [m[s : s + BATCH] for _, m in sorted(groups.items()) for s in range(0, len(m), BATCH)]


def _rotations(rotations6d: np.ndarray | None) -> np.ndarray:
    assert rotations6d is not None, "22-joint models always give rotations"
    return rotations6d
