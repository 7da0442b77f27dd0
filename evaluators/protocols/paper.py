"""The paper's protocol on InterHuman or Inter-X, repetition by repetition.

Described in docs/reference/data-and-evaluation.md#protocol; the quirks (Q) are listed under #quirks. Every
repetition draws the data again. The ground-truth row compares two such passes, hence its FID is not 0 (Q20).
Incomplete last batches are dropped (Q1). Generated motion has `4 * (length // 4)` frames. Features are scored
as the decoder returns them (Q5).

The work of a repetition is cut into parts of one length. Every process of a launcher writes its share of
parts to the cache, which all of them read. So an interrupted evaluation resumes, and the numbers do not
depend on the number of processes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial

import numpy as np
import torch

from evaluators.data.cache import Cache
from evaluators.data.paper import DrawnPairs, PaperData
from evaluators.data.sets import BOTH_PERSONS, InteractionSet
from evaluators.evaluator import FeatureEvaluator
from evaluators.protocols.evaluation import (
    Evaluation,
    physics_of,
    scored_items,
)
from evaluators.protocols.protocol import GENERATED, GROUND_TRUTH, RECONSTRUCTION, Protocol
from evaluators.protocols.scoring import (
    Embedded,
    PerClip,
    Repetition,
    averaged,
    per_clip_scores,
    score_repetition,
)
from intermask_cli.config import FRAMES_PER_TOKEN, SamplingConfig
from intermask_cli.console import counter, note
from intermask_cli.errors import InputError
from intermask_cli.generation.workers.launch import Worker
from intermask_cli.inference.model import InteractionModel
from intermask_cli.motion.motion import Motion
from intermask_cli.sampling import tasks
from intermask_cli.version import __version__

#: Pairs of one length that are generated and embedded together.
BATCH = 32
#: Independent random streams of one repetition: of the first and the second pass over the data, of the
#: prompts, of pools and pairs, and of the samples for MModality.
_FIRST, _FRESH, _SAMPLED, _POOLS, _REPEATED = range(5)
#: Repetitions of every row, each with what its clips contribute.
Rows = dict[str, list[tuple[Repetition, dict[str, PerClip]]]]
#: Indices of some drawn pairs -> their motion: true, reconstructed or generated.
Motions = Callable[[list[int]], DrawnPairs]


@dataclass
class PaperRun:
    """Everything that one evaluation by the paper's protocol depends on."""

    evaluator: FeatureEvaluator
    protocol: Protocol
    data: PaperData
    model: InteractionModel
    sampling: SamplingConfig
    task: str
    seed: int
    cache: Cache
    worker: Worker

    @cached_property
    def clips_per_pass(self) -> int:
        """Clips of a pass: complete pools only."""
        return complete_pools(self.data, self.protocol)

    def rng(self, number: int, stream: int) -> np.random.Generator:
        """The generator of one random stream of repetition `number`."""
        return np.random.default_rng([self.seed, number, stream])

    def drawn(self, number: int, stream: int) -> DrawnPairs:
        """One pass over the data in random order."""
        return self.data.drawn(self.rng(number, stream), self.clips_per_pass)

    @cached_property
    def identity(self) -> list[str]:
        """Everything that cached parts of all repetitions depend on."""
        sampling = json.dumps(asdict(self.sampling), sort_keys=True)
        hashes = [self.evaluator.key, self.model.bundle.sha256, self.model.device.type, self.data.sha256]
        protocol = replace(self.protocol, repetitions=0, interval="", mm_captions=0)
        choices = [self.task, sampling, str(protocol)]
        return [__version__, *hashes, *choices, str(self.seed)]


def complete_pools(data: PaperData, protocol: Protocol) -> int:
    """Clips of a pass that count: those of complete pools (quirk Q1)."""
    return len(data) // protocol.pool_size * protocol.pool_size


def score_paper(evaluation: Evaluation, run: PaperRun) -> None:
    """Rows of ground truth, reconstruction and generated motion over all repetitions."""
    rows: Rows = {GROUND_TRUTH: [], RECONSTRUCTION: [], GENERATED: []}
    for number in range(run.protocol.repetitions):
        if run.worker.main:
            note(f"repetition {number + 1} of {run.protocol.repetitions}")
        _repetition(evaluation, run, number, rows)
    notes = {
        GROUND_TRUTH: "two random passes over the data against each other",
        RECONSTRUCTION: "both persons through the tokenizer and back",
        GENERATED: f"{run.model.info.name}, {run.task}, new data and samples in every repetition",
    }
    for name, scored in rows.items():
        repetitions, per_clip = zip(*scored, strict=True)
        evaluation.add(name, notes[name], repetitions, averaged(per_clip))


def _repetition(evaluation: Evaluation, run: PaperRun, number: int, rows: Rows) -> None:
    """Add repetition `number` to every row; the first one also gives physics and the items of reports."""
    fresh_pass = run.drawn(number, _FRESH)
    fresh, _ = _embedded(
        run, number, "fresh ground truth", fresh_pass, fresh_pass.take
    )  # FID compares with it
    first, prompts = run.drawn(number, _FIRST), run.drawn(number, _SAMPLED)
    with_joints = number == 0
    scored_rows = {
        GROUND_TRUTH: (first, *_embedded(run, number, GROUND_TRUTH, first, first.take, with_joints)),
        RECONSTRUCTION: (
            first,
            *_embedded(run, number, RECONSTRUCTION, first, lambda part: rebuilt(run, first.take(part))),
        ),
        GENERATED: (
            prompts,
            *_embedded(
                run, number, GENERATED, prompts, lambda part: sampled(run, prompts, part, number), with_joints
            ),
        ),
    }
    repeated: np.ndarray | None = None
    repeated_keys: tuple[str, ...] = ()
    if run.task == "generate" and run.protocol.mm_captions:
        repeated, repeated_keys = _several_samples(run, prompts, number)
    for name, (captions, motion, motions) in scored_rows.items():
        text = run.cache.text_embeddings(run.evaluator, captions.texts)
        embedded = Embedded(text, motion, keys=captions.ids)
        if name == GENERATED:
            embedded = replace(embedded, repeated=repeated, repeated_keys=repeated_keys)
        scored = score_repetition(run.protocol, embedded, fresh, run.rng(number, _POOLS))
        rows[name].append((scored, per_clip_scores(run.protocol, embedded, fresh)))
        if motions and run.worker.main:
            shown = _shown(run, name, captions, motions)
            evaluation.physics[name] = physics_of(shown)
            if name == GENERATED:
                evaluation.items += scored_items(shown, scored, number)


def _shown(run: PaperRun, name: str, drawn: DrawnPairs, motions: list[Motion]) -> InteractionSet:
    """A set for reports. In reactions person 1 is generated for person 0."""
    count, generated = len(drawn), name == GENERATED
    seeds = [_seed(run.seed, 0, _SAMPLED, i) for i in range(count)] if generated else [None] * count
    partner_only = generated and run.task == "react"
    persons = ((1,) if partner_only else BOTH_PERSONS,) * count
    return InteractionSet(name, drawn.ids, drawn.prompts, tuple(motions), (0,) * count, tuple(seeds), persons)


# parts shared by processes ------------------------------------------------------------------------------


def _embedded(
    run: PaperRun, number: int, row: str, drawn: DrawnPairs, motions_of: Motions, with_joints: bool = False
) -> tuple[np.ndarray, list[Motion]]:
    """Embeddings (N, D) of the motions of the pairs `drawn`, and the motions if `with_joints`.

    Each process computes its share of the parts and reads the others' from the cache.
    """
    parts = batches(drawn.tokens)
    own_parts = run.worker.deal(parts)
    label = f"{row}, repetition {number + 1}"
    with _progress(run, label, sum(len(part) for part in own_parts)) as advance:
        for part in own_parts:
            compute = partial(_embed_part, run, motions_of, part, with_joints)
            _part(run, number, row, part, with_joints, compute)
            advance(len(part))
    if run.worker.state is not None:
        run.worker.state.wait_for_everyone()
    rows: list[np.ndarray] = [np.empty(0)] * len(drawn)
    motions: dict[int, Motion] = {}
    for part in parts:
        arrays = _part(run, number, row, part, with_joints, _not_shared)
        for position, i in enumerate(part):
            rows[i] = arrays["embeddings"][position]
        if with_joints:
            joints = np.split(arrays["joints"], np.cumsum(arrays["frames"])[:-1], axis=1)
            motions |= {i: Motion(pair) for i, pair in zip(part, joints, strict=True)}
    return np.stack(rows), [motions[i] for i in range(len(motions))]


@contextmanager
def _progress(run: PaperRun, label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Progress of the main process on its own share."""
    if not run.worker.main:
        yield lambda count: None
        return
    with counter(label, total, "interactions") as shown:
        yield shown.advance


def _part(
    run: PaperRun, number: int, row: str, part: list[int], with_joints: bool,
    compute: Callable[[], dict[str, np.ndarray]],
) -> dict[str, np.ndarray]:  # fmt: skip
    key = [*run.identity, str(number), row, json.dumps(part), "with joints" if with_joints else ""]
    return run.cache.arrays("repetitions", key, compute)


def _not_shared() -> dict[str, np.ndarray]:
    raise InputError(
        "another process computed a part of this repetition, but it is not in the cache; give all processes "
        "one folder as --cache"
    )


def _embed_part(
    run: PaperRun, motions_of: Motions, part: list[int], with_joints: bool
) -> dict[str, np.ndarray]:
    drawn = motions_of(part)
    arrays = {"embeddings": run.evaluator.embed_features(drawn.features, drawn.frames, drawn.ids)}
    if with_joints:
        pairs = zip(drawn.features, drawn.frames, strict=True)
        joints = [run.data.motion(features[:, :frames]).joints for features, frames in pairs]
        arrays |= {"joints": np.concatenate(joints, axis=1), "frames": np.array(drawn.frames)}
    return arrays


def batches(tokens: Sequence[int]) -> list[list[int]]:
    """Indices of equal length, at most BATCH together."""
    groups: dict[int, list[int]] = {}
    for i, n in enumerate(tokens):
        groups.setdefault(n, []).append(i)
    return [m[s : s + BATCH] for _, m in sorted(groups.items()) for s in range(0, len(m), BATCH)]


# generated and reconstructed motion -----------------------------------------------------------------------


def _several_samples(run: PaperRun, prompts: DrawnPairs, number: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """(C, S, D) samples of some captions for MModality, with the lengths of their clips, and the clips' ids.

    A caption's samples are in reversed order: the published wrapper sorts them by falling length and does
    not undo it, and samples of one length come out reversed (docs/reference/data-and-evaluation.md#q21).
    """
    protocol = run.protocol
    captions = min(protocol.mm_captions, len(prompts))
    indices = run.rng(number, _REPEATED).choice(len(prompts), captions, replace=False)
    repeated = prompts.take(np.repeat(indices, protocol.mm_samples).tolist())
    embeddings, _ = _embedded(
        run,
        number,
        f"{captions} captions with several samples",
        repeated,
        lambda part: sampled(run, repeated, part, number, _REPEATED),
    )  # (C * S, D)
    samples = embeddings.reshape(captions, protocol.mm_samples, -1)[:, ::-1]
    return samples, tuple(prompts.ids[i] for i in indices)


def sampled(
    run: PaperRun, prompts: DrawnPairs, part: list[int], number: int, stream: int = _SAMPLED
) -> DrawnPairs:
    """Generated motion for some prompts of one length, each with its own seed.

    For reactions person 1 is generated and person 0 keeps all true frames, as published; only the generated
    frames count.
    """
    react = run.task == "react"
    # Published: half the steps for reactions (docs/reference/model.md#reaction).
    steps = max(run.sampling.steps // 2, 1) if react else run.sampling.steps
    batch = prompts.take(part)
    lengths = zip(batch.features, batch.tokens, strict=True)
    known = [_known(run.model, features, n, react) for features, n in lengths]
    generators = [torch.Generator().manual_seed(_seed(run.seed, number, stream, i)) for i in part]
    maps = run.model.filler.fill(batch.prompts, known, generators, run.sampling, steps)
    given = [
        (0, features[0, : n * FRAMES_PER_TOKEN]) if react else None
        for features, n in zip(batch.features, batch.tokens, strict=True)
    ]
    pairs = run.model.codec.decode_pairs(maps, given)
    if react:
        pairs = [_with_given(pair, true) for pair, true in zip(pairs, batch.features, strict=True)]
    return batch.with_features(pairs, [n * FRAMES_PER_TOKEN for n in batch.tokens])


def _known(model: InteractionModel, features: np.ndarray, n: int, react: bool) -> torch.Tensor:
    """Token map of `n` tokens per body row: all masked, or with the tokens of person 0 for a reaction."""
    if not react:
        return tasks.generate(n)
    return tasks.react(model.codec.encode([features[0, : n * FRAMES_PER_TOKEN]])[0], 0)


def _with_given(pair: np.ndarray, true: np.ndarray) -> np.ndarray:
    """The true pair with person 1 replaced by the generated person; zeros after its last frame."""
    result = np.zeros_like(true)
    result[0] = true[0]
    result[1, : pair.shape[1]] = pair[1]
    return result


def _seed(seed: int, number: int, stream: int, index: int) -> int:
    """The 63-bit seed of one sample."""
    state = np.random.SeedSequence([seed, number, stream, index]).generate_state(1, np.uint64)[0]
    return int(state >> np.uint64(1))


def rebuilt(run: PaperRun, batch: DrawnPairs) -> DrawnPairs:
    """Both persons of every pair through the tokenizer, separately; pairs of one number of tokens."""
    frames = batch.tokens[0] * FRAMES_PER_TOKEN
    maps = run.model.codec.encode([person[:frames] for pair in batch.features for person in pair])
    pairs = run.model.codec.decode_pairs([torch.stack(maps[2 * i : 2 * i + 2]) for i in range(len(batch))])
    return batch.with_features(pairs, [frames] * len(batch))
