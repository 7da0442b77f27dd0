"""Motions of a transformer row or a sampler setting for the captions of the held-out clips."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from intermask_cli.config import SamplingConfig
from intermask_cli.console import counter
from intermask_cli.datasets.duets.corpus import CorpusClip
from intermask_cli.inference.interaction import Interaction
from intermask_cli.inference.model import InteractionModel

FULL_CAPTION = 0
BATCH = 32
#: Clip i gets the sampling seed `seed * SEED_STEP + i`: no two clips, and no two seeds of a row, share one.
SEED_STEP = 1_000_000


def generated(
    model: InteractionModel, clips: Sequence[CorpusClip], seed: int, sampling: SamplingConfig
) -> list[np.ndarray]:
    """Joints (2, T, 22, 3) for every clip's full caption, as long as the clip."""

    def generate(batch: list[int]) -> list[Interaction]:
        frames = [clips[i].joints.shape[1] for i in batch]
        return model.generate(_texts(clips, batch), frames, seeds=_seeds(batch, seed), sampling=sampling)

    return _in_batches(clips, list(range(len(clips))), generate, "generate")


def reactions(
    model: InteractionModel, clips: Sequence[CorpusClip], seed: int, sampling: SamplingConfig
) -> tuple[list[np.ndarray], list[tuple[int, ...]]]:
    """Partners for person 0 of even and person 1 of odd clips -> joints of the pairs, generated persons."""
    pairs: list[np.ndarray] = [np.empty(0)] * len(clips)
    for given in (0, 1):

        def react(batch: list[int], given: int = given) -> list[Interaction]:
            motions = [(clips[i].joints[given], clips[i].rotations6d[given]) for i in batch]
            texts, seeds = _texts(clips, batch), _seeds(batch, seed)
            return model.react_each(motions, texts, given, seeds=seeds, sampling=sampling)

        members = list(range(given, len(clips), 2))
        for i, joints in zip(members, _in_batches(clips, members, react, "react"), strict=True):
            pairs[i] = joints
    return pairs, [(1 - i % 2,) for i in range(len(clips))]


def timed(generate: Callable[[], list[np.ndarray]]) -> tuple[list[np.ndarray], float, float]:
    """Motions of `generate`, CPU seconds of all threads per motion, seconds by the clock per motion."""
    cpu, clock = time.process_time(), time.perf_counter()
    motions = generate()
    cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
    return motions, cpu / len(motions), clock / len(motions)


def _in_batches(
    clips: Sequence[CorpusClip],
    members: list[int],
    generate: Callable[[list[int]], list[Interaction]],
    label: str,
) -> list[np.ndarray]:
    """Joints for the members in their order; every batch holds clips of one length."""
    by_length: dict[int, list[int]] = {}
    for i in members:
        by_length.setdefault(clips[i].joints.shape[1], []).append(i)
    joints: dict[int, np.ndarray] = {}
    with counter(label, len(members), "clips") as progress:
        for _, group in sorted(by_length.items()):
            for start in range(0, len(group), BATCH):
                batch = group[start : start + BATCH]
                joints |= {i: result.joints for i, result in zip(batch, generate(batch), strict=True)}
                progress.advance(len(batch))
    return [joints[i] for i in members]


def _texts(clips: Sequence[CorpusClip], batch: list[int]) -> list[str]:
    return [clips[i].captions[FULL_CAPTION] for i in batch]


def _seeds(batch: list[int], seed: int) -> list[int]:
    return [seed * SEED_STEP + i for i in batch]
