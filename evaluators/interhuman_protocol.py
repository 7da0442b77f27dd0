"""The paper's protocol on InterHuman (reference section 10), repetition by repetition.

Every repetition draws the data anew: random caption, crop and twofold exchange of persons (Q2). The
ground-truth row compares two such passes, hence its FID is not 0 (Q20). Incomplete last batches are dropped
(Q1), generated motion has the length `4 * (length // 4)`, and features are scored as the decoder gives them
(Q5).
Finished repetitions are kept in the cache, so an interrupted evaluation goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property

import numpy as np
import torch

from evaluators.embedding_cache import Cache
from evaluators.evaluation import (
    GENERATED,
    GROUND_TRUTH,
    RECONSTRUCTION,
    Evaluation,
    physics_of,
    scored_items,
)
from evaluators.evaluator import Evaluator, Motion
from evaluators.protocol import Protocol
from evaluators.scoring import Embedded, Repetition, collect, score_repetition
from evaluators.sets import BOTH, InteractionSet
from intermask_cli.config import SamplingConfig
from intermask_cli.console import counter, note
from intermask_cli.datasets.interhuman import TextPairs
from intermask_cli.pipeline import InteractionModel
from intermask_cli.sampling import tasks
from intermask_cli.version import __version__

TOKEN_FRAMES = 4
BATCH = 32
#: Independent random streams of one repetition.
_FIRST, _FRESH, _SAMPLED, _POOLS, _NOISE = range(5)


@dataclass
class InterHumanRun:
    """What one evaluation is made of."""

    evaluator: Evaluator
    protocol: Protocol
    pairs: TextPairs
    model: InteractionModel
    sampling: SamplingConfig
    task: str
    seed: int
    cache: Cache

    @cached_property
    def kept(self) -> int:
        """Items of a pass: complete pools only."""
        return len(self.pairs) // self.protocol.pool_size * self.protocol.pool_size

    @cached_property
    def split_sha256(self) -> str:
        """Over names, lengths and captions of the split."""
        pairs = self.pairs
        rows = [
            [n, t, pairs.captions(i)] for i, (n, t) in enumerate(zip(pairs.names, pairs.lengths, strict=True))
        ]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()

    def rng(self, number: int, stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, number, stream])

    def key(self, number: int, what: str) -> list[str]:
        """Everything the embeddings `what` of a repetition depend on."""
        sampling = json.dumps(asdict(self.sampling), sort_keys=True)
        hashes = [self.evaluator.sha256, self.model.bundle.sha256, self.split_sha256]
        choices = [self.pairs.data.policy, self.task, sampling, str(replace(self.protocol, repetitions=0))]
        return [what, __version__, *hashes, *choices, str(self.seed), str(number)]

    def drawn(self, number: int, stream: int, name: str) -> InteractionSet:
        """One pass over the data in random order."""
        return drawn_pass(self.pairs, self.rng(number, stream), self.kept, name)


def drawn_pass(pairs: TextPairs, rng: np.random.Generator, kept: int, name: str) -> InteractionSet:
    """`kept` items in random order, each with a random caption, crop and order of persons."""
    items = [pairs.item(int(i), rng) for i in rng.permutation(len(pairs))[:kept]]
    return InteractionSet(
        name, tuple(item.name for item in items), tuple(item.caption for item in items),
        tuple(Motion.from_features(item.features) for item in items),
        (0,) * len(items), (None,) * len(items), (BOTH,) * len(items),
    )  # fmt: skip


def score_interhuman(evaluation: Evaluation, run: InterHumanRun) -> None:
    """Rows of ground truth, reconstruction and generated motion over all repetitions."""
    rows: dict[str, list[Repetition]] = {GROUND_TRUTH: [], RECONSTRUCTION: [], GENERATED: []}
    for number in range(run.protocol.repetitions):
        note(f"repetition {number + 1} of {run.protocol.repetitions}")
        _repetition(evaluation, run, number, rows)
    evaluation.rows |= {name: collect(repetitions) for name, repetitions in rows.items()}
    evaluation.notes |= {
        GROUND_TRUTH: "two random passes over the data against each other",
        RECONSTRUCTION: "both persons through the tokenizer and back",
        GENERATED: f"{run.model.info.name}, {run.task}, new data and samples in every repetition",
    }


def _repetition(
    evaluation: Evaluation, run: InterHumanRun, number: int, rows: dict[str, list[Repetition]]
) -> None:
    first = run.drawn(number, _FIRST, "ground truth")
    fresh = _embedded(run, number, "fresh", lambda: run.drawn(number, _FRESH, "fresh ground truth"))
    prompts = run.drawn(number, _SAMPLED, "prompts")
    kept: dict[str, InteractionSet] = {}

    def made() -> InteractionSet:
        kept[GENERATED] = generated_features(run, prompts, number)
        return kept[GENERATED]

    def rebuilt() -> InteractionSet:
        kept[RECONSTRUCTION] = reconstructed_features(run, first)
        return kept[RECONSTRUCTION]

    motions = {
        GROUND_TRUTH: (first, _embedded(run, number, "truth", lambda: first)),
        RECONSTRUCTION: (first, _embedded(run, number, "reconstruction", rebuilt)),
        GENERATED: (prompts, _embedded(run, number, "generated", made, always=number == 0)),
    }
    repeated = _several_samples(run, prompts, number) if run.task == "generate" else None
    for name, (texts, motion) in motions.items():
        text = run.cache.text_embeddings(run.evaluator, texts.prompts)
        embedded = Embedded(text, motion, repeated if name == GENERATED else None)
        scored = score_repetition(run.protocol, embedded, fresh, run.rng(number, _POOLS))
        rows[name].append(scored)
        if number == 0 and name == GENERATED:
            evaluation.items += scored_items(kept[GENERATED], scored, 0)
    if number == 0:
        evaluation.physics[GROUND_TRUTH] = physics_of(first)
        evaluation.physics[GENERATED] = physics_of(kept[GENERATED])


def _embedded(
    run: InterHumanRun, number: int, what: str, make: Callable[[], InteractionSet], always: bool = False
) -> np.ndarray:
    """Motion embeddings of a set that is only made when they are not kept already, or when always wanted."""
    interactions = make() if always else None

    def embed() -> np.ndarray:
        some = interactions or make()
        with counter(f"embed {what}", len(some), "motions") as progress:
            return run.evaluator.embed_motions(some.motions, some.ids, progress.advance)

    return run.cache.numbers("repetitions", run.key(number, what), embed)


def _several_samples(run: InterHumanRun, prompts: InteractionSet, number: int) -> np.ndarray:
    """(C, S, D): samples of some captions for MModality, with the lengths of their clips."""
    protocol = run.protocol
    captions = min(protocol.mm_captions, len(prompts))
    chosen = run.rng(number, _NOISE).choice(len(prompts), captions, replace=False)
    rows = np.repeat(chosen, protocol.mm_samples).tolist()
    flat = _embedded(
        run,
        number,
        "several samples",
        lambda: generated_features(run, prompts.take(rows, "repeated"), number, 1),
    )
    return flat.reshape(captions, protocol.mm_samples, -1)


def generated_features(
    run: InterHumanRun, prompts: InteractionSet, number: int, stream: int = 0
) -> InteractionSet:
    """Motion for every prompt; for reactions person 2 of the drawn pair is made anew."""
    react = run.task == "react"
    steps = max(run.sampling.steps // 2, 1) if react else run.sampling.steps
    made: list[Motion | None] = [None] * len(prompts)
    with counter(f"{run.task}, repetition {number + 1}", len(prompts), "interactions") as progress:
        for part in batches([m.joints.shape[1] // TOKEN_FRAMES for m in prompts.motions]):
            known = [_known(run.model, prompts.motions[i], react) for i in part]
            generators = [_generator(run.seed, number, stream, i) for i in part]
            texts = [prompts.prompts[i] for i in part]
            maps = run.model.filler.fill(texts, known, generators, run.sampling, steps)
            persons = run.model.codec.decode([person for pair in maps for person in pair])
            for j, i in enumerate(part):
                features = np.stack(persons[2 * j : 2 * j + 2])
                given = prompts.motions[i].features
                if react and given is not None:
                    features[0] = given[0, : features.shape[1]]
                made[i] = Motion.from_features(features)
            progress.advance(len(part))
    changed = ((1,),) * len(prompts) if react else prompts.made
    return replace(prompts, name="generated", motions=tuple(m for m in made if m is not None), made=changed)


def _known(model: InteractionModel, motion: Motion, react: bool) -> torch.Tensor:
    n = motion.joints.shape[1] // TOKEN_FRAMES
    if not react:
        return tasks.generate(n)
    assert motion.features is not None
    return tasks.react(model.codec.encode([motion.features[0, : n * TOKEN_FRAMES]])[0], 0)


def _generator(seed: int, number: int, stream: int, index: int) -> torch.Generator:
    state = np.random.SeedSequence([seed, number, stream, index]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))


def batches(tokens: Sequence[int]) -> list[list[int]]:
    """Indices of equal length, at most BATCH together."""
    groups: dict[int, list[int]] = {}
    for i, n in enumerate(tokens):
        groups.setdefault(n, []).append(i)
    return [m[s : s + BATCH] for _, m in sorted(groups.items()) for s in range(0, len(m), BATCH)]


def reconstructed_features(run: InterHumanRun, drawn: InteractionSet) -> InteractionSet:
    """Both persons of every pair through the tokenizer, separately."""
    made = []
    with counter("reconstruct", len(drawn), "interactions") as progress:
        for motion in drawn.motions:
            assert motion.features is not None
            frames = motion.joints.shape[1] // TOKEN_FRAMES * TOKEN_FRAMES
            maps = run.model.codec.encode([person[:frames] for person in motion.features])
            made.append(Motion.from_features(np.stack(run.model.codec.decode(maps))))
            progress.advance()
    return drawn.with_motions("reconstruction", made)
