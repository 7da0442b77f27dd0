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
#: Seeds of clip number i: no two clips, and no two seeds of a row, share one.
SEED_STEP = 1_000_000


def generated(
    model: InteractionModel, clips: Sequence[CorpusClip], seed: int, sampling: SamplingConfig
) -> list[np.ndarray]:
    """Joints for every clip's full caption, as long as the clip."""

    def make(part: list[int]) -> list[Interaction]:
        frames = [clips[i].joints.shape[1] for i in part]
        return model.generate(_texts(clips, part), frames, seeds=_seeds(part, seed), sampling=sampling)

    return _in_batches(clips, list(range(len(clips))), make, "generate")


def reactions(
    model: InteractionModel, clips: Sequence[CorpusClip], seed: int, sampling: SamplingConfig
) -> tuple[list[np.ndarray], list[tuple[int, ...]]]:
    """Partners for person 1 of even and person 2 of odd clips -> joints of the pairs, who was made."""
    made: list[np.ndarray] = [np.empty(0)] * len(clips)
    for given in (0, 1):

        def make(part: list[int], given: int = given) -> list[Interaction]:
            motions = [(clips[i].joints[given], clips[i].rotations6d[given]) for i in part]
            return model.react_each(
                motions, _texts(clips, part), given, seeds=_seeds(part, seed), sampling=sampling
            )

        members = list(range(given, len(clips), 2))
        for i, joints in zip(members, _in_batches(clips, members, make, "react"), strict=True):
            made[i] = joints
    return made, [(1 - i % 2,) for i in range(len(clips))]


def timed(make: Callable[[], list[np.ndarray]]) -> tuple[list[np.ndarray], float, float]:
    """What `make` makes, CPU seconds of all threads and seconds by the clock, per motion."""
    cpu, clock = time.process_time(), time.perf_counter()
    made = make()
    return made, (time.process_time() - cpu) / len(made), (time.perf_counter() - clock) / len(made)


def _in_batches(
    clips: Sequence[CorpusClip],
    members: list[int],
    make: Callable[[list[int]], list[Interaction]],
    label: str,
) -> list[np.ndarray]:
    """Joints for the members in their order, made in batches of one length."""
    groups: dict[int, list[int]] = {}
    for i in members:
        groups.setdefault(clips[i].joints.shape[1], []).append(i)
    made: dict[int, np.ndarray] = {}
    with counter(label, len(members), "clips") as progress:
        for _, group in sorted(groups.items()):
            for start in range(0, len(group), BATCH):
                part = group[start : start + BATCH]
                made |= {i: result.joints for i, result in zip(part, make(part), strict=True)}
                progress.advance(len(part))
    return [made[i] for i in members]


def _texts(clips: Sequence[CorpusClip], part: list[int]) -> list[str]:
    return [clips[i].captions[FULL_CAPTION] for i in part]


def _seeds(part: list[int], seed: int) -> list[int]:
    return [seed * SEED_STEP + i for i in part]
