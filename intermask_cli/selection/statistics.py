"""`intermask stats`: what is in a dataset, in numbers, next to real or other motion.

* **Near-duplicates** are interactions nearer than a distance to an earlier one (`near_duplicates`).
* **Diversity** is the mean distance of joints between random pairs of interactions of different prompts;
  **within prompts** between samples of one prompt.
* **Novelty** is the distance of each interaction to the nearest one of the training motion.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.console import counter
from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.errors import InputError
from intermask_cli.motion.physics import COLUMNS as PHYSICS
from intermask_cli.motion.physics import MIN_FRAMES, physics_table
from intermask_cli.motion.skeleton import FPS, NUM_JOINTS
from intermask_cli.selection.near_duplicates import DistinctMoves, moments_of

#: Distances (mm of a joint, on average) at which near-duplicates are counted.
DUPLICATES_MM = (20.0, 50.0)
#: Random pairs whose distance is measured, and interactions of the training motion that are searched at most.
_PAIRS, _SEARCHED = 2_000, 20_000
#: Interactions that are in memory with their joints at once.
_TOGETHER = 256
_PERCENTILES = (5, 50, 95)


@dataclass(frozen=True)
class Spread:
    """Mean and percentiles of a quantity; NaN values are left out and counted."""

    mean: float
    p5: float
    median: float
    p95: float
    missing: int

    @classmethod
    def of(cls, values: Sequence[float] | np.ndarray) -> Spread:
        """Of any values; all NaN where there are none."""
        array = np.asarray(values, np.float64)
        finite = array[np.isfinite(array)]
        if not len(finite):
            nan = float("nan")
            return cls(nan, nan, nan, nan, len(array))
        low, median, high = np.percentile(finite, _PERCENTILES)
        return cls(float(finite.mean()), float(low), float(median), float(high), len(array) - len(finite))


@dataclass
class DatasetStatistics:
    """Figures of one dataset; None where something was not asked for or cannot be measured."""

    path: Path
    attributes: dict[str, Any]
    runs: dict[str, dict[str, Any]]
    interactions: int
    prompts: int
    seconds: float
    columns: list[str]
    kinds: dict[str, int]
    frames: list[int]
    distances_m: Spread
    physics: dict[str, Spread] = field(default_factory=dict)
    reference: dict[str, Spread] | None = None
    reference_path: Path | None = None
    near_duplicates: dict[float, int] = field(default_factory=dict)
    diversity_mm: Spread | None = None
    within_prompts_mm: Spread | None = None
    novelty_mm: Spread | None = None
    training_path: Path | None = None
    notes: dict[str, int] = field(default_factory=dict)


def measure(
    source: Path, reference: Path | None = None, training: Path | None = None, by: str | None = None
) -> DatasetStatistics:
    """Statistics of a run or .h5 file.

    Args:
        reference: a run or .h5 whose physics is compared.
        training: a run or .h5 in which the nearest interactions are searched.
        by: column whose values are counted as kinds; default: `kind`, else the kind in `read_as`.

    Raises:
        InputError: no such column, no interactions, or a file that cannot be read.
    """
    with InteractionFile(source) as dataset:
        if not len(dataset):
            raise InputError(f"{dataset.path}: no interactions")
        frames = [int(count) for count in dataset.column("frames")]
        physics, moments, distances = _measured(dataset)
        statistics = DatasetStatistics(
            path=dataset.local_path,
            attributes=dataset.attributes,
            runs=dataset.joined_runs(),
            interactions=len(dataset),
            prompts=len(set(dataset.column("prompt"))),
            seconds=sum(frames) / FPS,
            columns=dataset.columns,
            kinds=_kinds(dataset, by),
            frames=frames,
            distances_m=Spread.of(distances),
            physics={name: Spread.of(values) for name, values in physics.items()},
            notes=_notes(dataset),
        )
        prompts = dataset.column("prompt")
    statistics.near_duplicates = {limit: _duplicates(moments, frames, limit) for limit in DUPLICATES_MM}
    rng = np.random.default_rng(0)
    pairs = rng.integers(len(moments), size=(_PAIRS, 2))
    apart = [(a, b) for a, b in pairs.tolist() if prompts[a] != prompts[b]]
    statistics.diversity_mm = _distances(moments, apart)
    statistics.within_prompts_mm = _distances(moments, _pairs_within(prompts, rng))
    if reference is not None:
        with InteractionFile(reference) as other:
            values, _, _ = _measured(other)
            statistics.reference = {name: Spread.of(column) for name, column in values.items()}
            statistics.reference_path = other.local_path
    if training is not None:
        with InteractionFile(training) as other:
            statistics.novelty_mm = Spread.of(_nearest(moments, _moments(other)))
            statistics.training_path = other.local_path
    return statistics


def _measured(dataset: InteractionFile) -> tuple[dict[str, np.ndarray], np.ndarray, list[float]]:
    """Physics by column, moments (N, 2, M, J, 3), and mean distances of the pelves in metres."""
    ids = dataset.ids
    parts: list[dict[str, np.ndarray]] = []
    moments: list[np.ndarray] = []
    distances: list[float] = []
    with counter("measure", len(ids), "interactions") as progress:
        for start in range(0, len(ids), _TOGETHER):
            items = [dataset.read(id) for id in ids[start : start + _TOGETHER]]
            long = [i for i in items if i.joints.shape[2] == NUM_JOINTS and i.frames >= MIN_FRAMES]
            persons = [(0, 1) if item.given is None else (1 - item.given,) for item in long]
            parts.append(physics_table([item.joints for item in long], persons))
            for item in items:
                moments.append(moments_of(item.joints))
                apart = np.linalg.norm(item.joints[0, :, 0] - item.joints[1, :, 0], axis=-1)
                distances.append(float(apart.mean()))
            progress.advance(len(items))
    return {n: np.concatenate([part[n] for part in parts]) for n in PHYSICS}, np.stack(moments), distances


def _moments(dataset: InteractionFile) -> np.ndarray:
    """Moments of evenly spread interactions of a dataset, at most `_SEARCHED`."""
    ids = dataset.ids
    chosen = ids[:: -(-len(ids) // _SEARCHED)]
    with counter("training motion", len(chosen), "interactions") as progress:

        def all_moments() -> Iterator[np.ndarray]:
            for id in chosen:
                yield moments_of(dataset.read(id).joints)
                progress.advance()

        return np.stack(list(all_moments()))


def _kinds(dataset: InteractionFile, by: str | None) -> dict[str, int]:
    """Interactions of each kind, most frequent first; empty where nothing says kinds."""
    name = by or next((name for name in ("kind", "read_as") if name in dataset.columns), None)
    if name is None:
        return {}
    if name not in dataset.columns:
        raise InputError(f"--by {name}: no such column; there are: {', '.join(dataset.columns)}")
    values = [str(value) for value in dataset.column(name)]
    if name == "read_as":  # "kick_dodge, person 2, left, high": the kind stands first
        values = [" | ".join(phase.split(",")[0] for phase in value.split(" | ")) for value in values]
    return dict(Counter(values).most_common())


def _notes(dataset: InteractionFile) -> dict[str, int]:
    """How many interactions have something in the columns that warn."""
    names = [name for name in ("no_body", "text_warning", "outside") if name in dataset.columns]
    return {name: sum(bool(str(value)) for value in dataset.column(name)) for name in names}


def _duplicates(moments: np.ndarray, frames: Sequence[int], limit_mm: float) -> int:
    moves = DistinctMoves(limit_mm)
    return sum(not moves.add_moments(one, count) for one, count in zip(moments, frames, strict=True))


def _pairs_within(prompts: Sequence[str], rng: np.random.Generator) -> list[tuple[int, int]]:
    """Random pairs of samples of one prompt, at most `_PAIRS`."""
    groups: dict[str, list[int]] = {}
    for index, prompt in enumerate(prompts):
        groups.setdefault(prompt, []).append(index)
    pairs = [(a, b) for group in groups.values() for a, b in pairwise(group)]
    if len(pairs) <= _PAIRS:
        return pairs
    return [pairs[i] for i in rng.choice(len(pairs), _PAIRS, replace=False)]


def _distances(moments: np.ndarray, pairs: Sequence[tuple[int, int]]) -> Spread | None:
    if not pairs:
        return None
    return Spread.of([1000 * np.linalg.norm(moments[a] - moments[b], axis=-1).mean() for a, b in pairs])


def _nearest(moments: np.ndarray, others: np.ndarray) -> list[float]:
    """Millimetres from each of `moments` to the nearest of `others`."""
    if moments.shape[-2] != others.shape[-2]:
        raise InputError(
            f"training motion of {others.shape[-2]} joints next to bodies of {moments.shape[-2]}"
        )
    means = others.reshape(len(others), -1, 3).mean(1)
    nearest = []
    with counter("nearest training motion", len(moments), "interactions") as progress:
        for one in moments:
            # A mean distance is at least the distance of the means: most others need not be looked at.
            bounds = np.linalg.norm(means - one.reshape(-1, 3).mean(0), axis=-1)
            best = np.inf
            for index in np.argsort(bounds):
                if bounds[index] >= best:
                    break
                best = min(best, float(np.linalg.norm(others[index] - one, axis=-1).mean()))
            nearest.append(1000 * best)
            progress.advance()
    return nearest
