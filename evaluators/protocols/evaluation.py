"""Rows of an evaluation: ground truth, floor, reconstruction and generated motion, all scored alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evaluators.data.cache import Cache
from evaluators.data.sets import InteractionSet, relevance
from evaluators.evaluator import Evaluator
from evaluators.metrics.r_precision import Relevance
from evaluators.protocols.motions import GenerationRequest, MotionGenerator, reconstructed
from evaluators.protocols.protocol import OWN_MOTION, Protocol, ProtocolRecord
from evaluators.protocols.scoring import Embedded, MetricScore, Repetition, collect, score_repetition
from intermask_cli.generation.seeds import sample_seed
from intermask_cli.motion.physics import physics_table

GROUND_TRUTH, FLOOR = "ground truth", "floor"
RECONSTRUCTION, GENERATED = "reconstruction", "generated"
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


@dataclass
class Evaluation:
    """Everything a report shows. Rows, notes and physics are by the name of the row."""

    record: ProtocolRecord
    subject: dict[str, Any]
    rows: dict[str, dict[str, MetricScore]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)  # what a row is, in a few words
    physics: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    items: list[ScoredItem] = field(default_factory=list)


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
        return Embedded(text, motion, repeated_samples(interactions, motion, self.protocol.mm_samples))

    def repetition(
        self, interactions: InteractionSet, embedded: Embedded, number: int, against: np.ndarray | None = None
    ) -> Repetition:
        """Repetition `number`; its pools and pairs depend on nothing else, so rows share them.

        `against` (M, D) replaces the reference's embeddings in FID.
        """
        rng = np.random.default_rng([self.seed, number])
        against = self.reference_motion if against is None else against
        return score_repetition(self.protocol, embedded, against, rng, self._relevance(interactions))

    def row(self, interactions: InteractionSet, against: np.ndarray | None = None) -> dict[str, MetricScore]:
        """A row whose motions stay the same in all repetitions."""
        embedded = self.embed(interactions)
        numbers = range(self.protocol.repetitions)
        return collect([self.repetition(interactions, embedded, n, against) for n in numbers])

    def _relevance(self, interactions: InteractionSet) -> Relevance | None:
        if self.protocol.duplicates == OWN_MOTION:
            return None
        return lambda members: relevance(interactions, members)


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
    evaluation.rows[GROUND_TRUTH] = scorer.row(scorer.reference)
    evaluation.notes[GROUND_TRUTH] = "the reference against itself"
    evaluation.physics[GROUND_TRUTH] = physics_of(scorer.reference)
    if floor is not None:
        evaluation.rows[FLOOR] = scorer.row(floor)
        evaluation.notes[FLOOR] = "other real motion, as many interactions, against the reference"
        return
    embedded = scorer.embed(scorer.reference)
    repetitions = []
    for number in range(scorer.protocol.repetitions):
        order = np.random.default_rng([scorer.seed, number, _HALVES]).permutation(len(scorer.reference))
        half, other_half = np.split(order, [len(order) // 2])
        interactions = scorer.reference.take(half.tolist(), FLOOR)
        embedded_half = Embedded(embedded.text[half], embedded.motion[half])
        against = scorer.reference_motion[other_half]
        repetitions.append(scorer.repetition(interactions, embedded_half, number, against))
    evaluation.rows[FLOOR] = collect(repetitions)
    evaluation.notes[FLOOR] = (
        "random halves of the reference against each other: half the sample, so a higher FID"
    )


def score_set(
    evaluation: Evaluation, scorer: Scorer, interactions: InteractionSet, name: str = GENERATED
) -> None:
    """A row for motions that exist already; every repetition draws other pools."""
    embedded = scorer.embed(interactions)
    repetitions = [scorer.repetition(interactions, embedded, n) for n in range(scorer.protocol.repetitions)]
    evaluation.rows[name] = collect(repetitions)
    evaluation.notes[name] = f"{len(interactions)} interactions of {interactions.name}"
    evaluation.physics[name] = physics_of(interactions)
    evaluation.items += scored_items(interactions, repetitions[0], 0)


def score_model(
    evaluation: Evaluation, scorer: Scorer, generator: MotionGenerator, task: str, seed: int
) -> None:
    """Reconstruction and generated rows; every repetition generates new samples with other seeds."""
    reference, protocol = scorer.reference, scorer.protocol
    rebuilt = reconstructed(generator.model, reference, scorer.cache)
    evaluation.rows[RECONSTRUCTION] = scorer.row(rebuilt)
    evaluation.notes[RECONSTRUCTION] = "the reference through the model's tokenizer and back"
    evaluation.physics[RECONSTRUCTION] = physics_of(rebuilt)
    requests = [_requests(scorer, task, seed, number) for number in range(protocol.repetitions)]
    generator.prepare([request for repetition in requests for request in repetition])
    repetitions, tables = [], []
    for number, (request, *several) in enumerate(requests):
        generated = generator(request)
        embedded = scorer.embed(generated)
        if several:
            samples = scorer.cache.motion_embeddings(scorer.evaluator, generator(several[0]))  # (C * S, D)
            repeated = samples.reshape(-1, protocol.mm_samples, samples.shape[-1])  # (C, S, D)
            embedded = Embedded(embedded.text, embedded.motion, repeated)
        repetitions.append(scorer.repetition(generated, embedded, number))
        tables.append(physics_of(generated))
        evaluation.items += scored_items(generated, repetitions[-1], number)
    evaluation.rows[GENERATED] = collect(repetitions)
    evaluation.notes[GENERATED] = f"{generator.model.info.name}, {task}, new samples in every repetition"
    evaluation.physics[GENERATED] = {name: np.concatenate([t[name] for t in tables]) for name in tables[0]}


def _requests(scorer: Scorer, task: str, seed: int, number: int) -> list[GenerationRequest]:
    """A repetition's motions: one per interaction and, if pairs are generated, the samples of MModality."""
    reference = scorer.reference
    seeds = item_seeds(reference, seed, number)
    if task == "react":
        given = np.random.default_rng([seed, number, _GIVEN_PERSONS]).integers(0, 2, len(reference)).tolist()
        return [GenerationRequest(reference, seeds, given)]
    return [GenerationRequest(reference, seeds), _several_samples(scorer, seed, number)]


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
    return [
        ScoredItem(interactions, i, number, float(repetition.distances[i]), int(repetition.ranks[i]))
        for i in range(len(interactions))
    ]


def best_and_worst(items: Sequence[ScoredItem], count: int) -> tuple[list[ScoredItem], list[ScoredItem]]:
    """The interactions nearest to and farthest from their captions."""
    ordered = sorted(items, key=lambda item: item.distance)
    return ordered[:count], ordered[::-1][:count]
