"""Rows of an evaluation: ground truth, floor, reconstruction and generated motion, all scored alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from evaluators.data.cache import Cache
from evaluators.data.sets import InteractionSet, relevance
from evaluators.evaluator import Evaluator
from evaluators.metrics import NOT_RANKED
from evaluators.metrics.r_precision import Relevance
from evaluators.protocols.motions import GenerationRequest, MotionGenerator, reconstructed
from evaluators.protocols.protocol import (
    FLOOR,
    GENERATED,
    GROUND_TRUTH,
    OWN_MOTION,
    RECONSTRUCTION,
    Protocol,
    ProtocolRecord,
)
from evaluators.protocols.scoring import (
    Embedded,
    MetricScore,
    PerClip,
    Repetition,
    averaged,
    captions_per_pool,
    collect,
    per_clip_scores,
    score_repetition,
)
from intermask_cli.generation.prompts.seeds import sample_seed
from intermask_cli.motion.physics import physics_table

TASKS = ("generate", "react")
#: Independent random streams of one repetition, next to that of its pools and pairs.
_HALVES, _GIVEN_PERSONS, _REPEATED_CAPTIONS = 1, 2, 3


@dataclass(frozen=True)
class ScoredItem:
    """One interaction: where it is in which set, its distance to its caption, its rank in its pool."""

    interactions: InteractionSet
    index: int
    repetition: int
    distance: float
    rank: int
    key: str  # equal for the same clip of another repetition or file


@dataclass
class Evaluation:
    """Everything a report shows. Rows, notes and physics are by the name of the row."""

    record: ProtocolRecord
    subject: dict[str, Any]
    rows: dict[str, dict[str, MetricScore]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)  # what a row is, in a few words
    physics: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    items: list[ScoredItem] = field(default_factory=list)
    captions_per_pool: dict[str, float] = field(default_factory=dict)  # different ones, by row
    left_out: tuple[tuple[str, str], ...] = ()  # id and reason of what could not be scored

    def add(
        self, row: str, note: str, repetitions: Sequence[Repetition], per_clip: Mapping[str, PerClip]
    ) -> None:
        """Add a row of metrics."""
        self.rows[row] = collect(repetitions, self.record.protocol, per_clip)
        self.notes[row] = note
        if (count := captions_per_pool(repetitions)) is not None:
            self.captions_per_pool[row] = count


class Scorer:
    """Scores sets against one reference with one evaluator and protocol."""

    def __init__(
        self, evaluator: Evaluator, protocol: Protocol, reference: InteractionSet, cache: Cache, seed: int
    ):
        self.evaluator, self.protocol, self.reference, self.cache = evaluator, protocol, reference, cache
        self.seed = seed
        self.reference_motion = cache.motion_embeddings(evaluator, reference)  # (M, D)

    def embed(self, interactions: InteractionSet) -> Embedded:
        """Text and motion embeddings, and those of prompts with several samples, if any."""
        motion = self.cache.motion_embeddings(self.evaluator, interactions)
        text = self.cache.text_embeddings(self.evaluator, interactions.texts or interactions.prompts)
        repeated = repeated_samples(interactions, motion, self.protocol.mm_samples)
        captions = tuple(interactions.prompts[m[0]] for m in prompts_with_samples(interactions))
        return Embedded(text, motion, repeated, clip_keys(interactions), captions)

    def repetition(
        self, interactions: InteractionSet, embedded: Embedded, number: int, against: np.ndarray | None = None
    ) -> Repetition:
        """Repetition `number`; its pools and pairs depend on nothing else, so rows share them.

        `against` (M, D) replaces the reference's embeddings in FID.
        """
        rng = np.random.default_rng([self.seed, number])
        against = self.reference_motion if against is None else against
        return score_repetition(self.protocol, embedded, against, rng, self._relevance(interactions))

    def per_clip(
        self, interactions: InteractionSet, embedded: Embedded, against: np.ndarray | None = None
    ) -> dict[str, PerClip]:
        """What every interaction contributes to each metric."""
        against = self.reference_motion if against is None else against
        return per_clip_scores(self.protocol, embedded, against, self._relevance(interactions))

    def repetitions(self, interactions: InteractionSet, embedded: Embedded) -> list[Repetition]:
        """All repetitions of motions that stay the same."""
        return [
            self.repetition(interactions, embedded, number) for number in range(self.protocol.repetitions)
        ]

    def row(self, interactions: InteractionSet) -> dict[str, MetricScore]:
        """A row whose motions stay the same in all repetitions."""
        embedded = self.embed(interactions)
        repetitions = self.repetitions(interactions, embedded)
        return collect(repetitions, self.protocol, self.per_clip(interactions, embedded))

    def _relevance(self, interactions: InteractionSet) -> Relevance | None:
        if self.protocol.duplicates == OWN_MOTION:
            return None
        return lambda members: relevance(interactions, members)


def clip_keys(interactions: InteractionSet) -> tuple[str, ...]:
    """A key per interaction that is equal for the same prompt of another file: the prompt and its count."""
    occurrences: dict[str, int] = {}
    keys = []
    for prompt in interactions.prompts:
        number = occurrences[prompt] = occurrences.get(prompt, 0) + 1
        keys.append(f"{number} {prompt}")
    return tuple(keys)


def prompts_with_samples(interactions: InteractionSet) -> list[list[int]]:
    """Indices of the interactions of every prompt that has several samples."""
    by_prompt: dict[str, list[int]] = {}
    for i, prompt in enumerate(interactions.prompts):
        by_prompt.setdefault(prompt, []).append(i)
    return [m for m in by_prompt.values() if len({interactions.samples[i] for i in m}) > 1]


def repeated_samples(
    interactions: InteractionSet, motion: np.ndarray, most: int | None = None
) -> np.ndarray | None:
    """(C, S, D) of the C prompts with several samples, cut to the smallest S, or `most`; None without any."""
    several = prompts_with_samples(interactions)
    if not several:
        return None
    size = min(most or len(motion), *(len(members) for members in several))
    return np.stack([motion[members[:size]] for members in several])


def ground_truth_rows(evaluation: Evaluation, scorer: Scorer, floor: InteractionSet | None) -> None:
    """Reference against itself, and real motion against other real motion: the lowest FID to expect.

    Without a second real set the reference is split into random halves.
    """
    _add_set(evaluation, scorer, scorer.reference, GROUND_TRUTH, "the reference against itself")
    evaluation.physics[GROUND_TRUTH] = physics_of(scorer.reference)
    if floor is not None:
        note = "other real motion, as many interactions, against the reference"
        _add_set(evaluation, scorer, floor, FLOOR, note)
        return
    embedded = scorer.embed(scorer.reference)
    repetitions, contributions = [], []
    for number in range(scorer.protocol.repetitions):
        order = np.random.default_rng([scorer.seed, number, _HALVES]).permutation(len(scorer.reference))
        half, other_half = np.split(order, [len(order) // 2])
        interactions = scorer.reference.take(half.tolist(), FLOOR)
        keys = tuple(embedded.keys[i] for i in half)
        embedded_half = Embedded(embedded.text[half], embedded.motion[half], keys=keys)
        against = scorer.reference_motion[other_half]
        repetitions.append(scorer.repetition(interactions, embedded_half, number, against))
        contributions.append(scorer.per_clip(interactions, embedded_half, against))
    note = "random halves of the reference against each other: half the sample, so a higher FID"
    evaluation.add(FLOOR, note, repetitions, averaged(contributions))


def _add_set(
    evaluation: Evaluation, scorer: Scorer, interactions: InteractionSet, row: str, note: str
) -> list[Repetition]:
    """Add a row of motions that stay the same -> its repetitions."""
    embedded = scorer.embed(interactions)
    repetitions = scorer.repetitions(interactions, embedded)
    evaluation.add(row, note, repetitions, scorer.per_clip(interactions, embedded))
    return repetitions


def score_set(
    evaluation: Evaluation, scorer: Scorer, interactions: InteractionSet,
    too_long: InteractionSet | None = None, name: str = GENERATED,
) -> None:  # fmt: skip
    """A row for motions that exist already; every repetition draws other pools.

    Motions that are `too_long` for the evaluator have physics and no other score.
    """
    note = f"{len(interactions)} interactions of {interactions.name}"
    repetitions = _add_set(evaluation, scorer, interactions, name, note)
    evaluation.physics[name] = physics_of(interactions)
    evaluation.items += scored_items(interactions, repetitions[0], 0)
    if too_long is not None:
        columns = evaluation.physics[name], physics_of(too_long)
        evaluation.physics[name] = {c: np.concatenate([t[c] for t in columns]) for c in columns[0]}
        evaluation.items += [
            ScoredItem(too_long, i, 0, float("nan"), NOT_RANKED, f"{key} (not scored)")
            for i, key in enumerate(clip_keys(too_long))
        ]


def score_model(
    evaluation: Evaluation, scorer: Scorer, generator: MotionGenerator, task: str, seed: int
) -> None:
    """Reconstruction and generated rows; every repetition generates new samples with other seeds."""
    reference, protocol = scorer.reference, scorer.protocol
    rebuilt = reconstructed(generator.model, reference, scorer.cache)
    note = "the reference through the model's tokenizer and back"
    _add_set(evaluation, scorer, rebuilt, RECONSTRUCTION, note)
    evaluation.physics[RECONSTRUCTION] = physics_of(rebuilt)
    requests = [_requests(scorer, task, seed, number) for number in range(protocol.repetitions)]
    generator.prepare([request for repetition in requests for request in repetition])
    repetitions, contributions, tables = [], [], []
    for number, (request, *several) in enumerate(requests):
        generated = generator(request)
        embedded = scorer.embed(generated)
        if several:
            samples = scorer.cache.motion_embeddings(scorer.evaluator, generator(several[0]))  # (C * S, D)
            repeated = samples.reshape(-1, protocol.mm_samples, samples.shape[-1])  # (C, S, D)
            captions = several[0].reference.prompts[:: protocol.mm_samples]
            embedded = replace(embedded, repeated=repeated, repeated_keys=captions)
        repetitions.append(scorer.repetition(generated, embedded, number))
        contributions.append(scorer.per_clip(generated, embedded))
        tables.append(physics_of(generated))
        evaluation.items += scored_items(generated, repetitions[-1], number)
    note = f"{generator.model.info.name}, {task}, new samples in every repetition"
    evaluation.add(GENERATED, note, repetitions, averaged(contributions))
    evaluation.physics[GENERATED] = {name: np.concatenate([t[name] for t in tables]) for name in tables[0]}


def _requests(scorer: Scorer, task: str, seed: int, number: int) -> list[GenerationRequest]:
    """A repetition's motions: one per interaction and, if pairs are generated, the samples of MModality."""
    reference = scorer.reference
    seeds = item_seeds(reference, seed, number)
    if task == "react":
        given = np.random.default_rng([seed, number, _GIVEN_PERSONS]).integers(0, 2, len(reference)).tolist()
        return [GenerationRequest(reference, seeds, given)]
    once = GenerationRequest(reference, seeds)
    return [once, _several_samples(scorer, seed, number)] if scorer.protocol.mm_captions else [once]


def _several_samples(scorer: Scorer, seed: int, number: int) -> GenerationRequest:
    """Several samples of some random captions, lengths as in the reference, a caption's together."""
    reference, protocol = scorer.reference, scorer.protocol
    captions = min(protocol.mm_captions, len(reference))
    rng = np.random.default_rng([seed, number, _REPEATED_CAPTIONS])
    indices = rng.choice(len(reference), captions, replace=False)
    repeated = reference.take(np.repeat(indices, protocol.mm_samples).tolist(), "repeated captions")
    samples = tuple(range(protocol.mm_samples)) * captions
    seeds = [sample_seed(seed + number, p, 1, s) for p, s in zip(repeated.prompts, samples, strict=True)]
    return GenerationRequest(repeated, seeds)


def item_seeds(reference: InteractionSet, seed: int, number: int) -> list[int]:
    """A seed per item and repetition that depends on its prompt, not on its position."""
    occurrences: dict[str, int] = {}
    seeds = []
    for prompt in reference.prompts:
        seeds.append(sample_seed(seed, prompt, occurrences.setdefault(prompt, 0), number))
        occurrences[prompt] += 1
    return seeds


def physics_of(interactions: InteractionSet) -> dict[str, np.ndarray]:
    """Physics columns (N,) of a set; feet, bones and jerk of the generated persons only."""
    return physics_table(
        [motion.joints for motion in interactions.motions], list(interactions.generated_persons)
    )


def scored_items(interactions: InteractionSet, repetition: Repetition, number: int) -> list[ScoredItem]:
    """One record per interaction."""
    keys = clip_keys(interactions)
    return [
        ScoredItem(interactions, i, number, float(repetition.distances[i]), int(repetition.ranks[i]), keys[i])
        for i in range(len(interactions))
    ]


def best_and_worst(items: Sequence[ScoredItem], count: int) -> tuple[list[ScoredItem], list[ScoredItem]]:
    """The interactions nearest to and farthest from their captions."""
    scored = [item for item in items if not np.isnan(item.distance)]
    ordered = sorted(scored, key=lambda item: item.distance)
    return ordered[:count], ordered[::-1][:count]
