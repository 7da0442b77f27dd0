"""Scores of motions in memory, for scripts and notebooks.

    from evaluators.api import evaluate_interactions
    scores = evaluate_interactions(model.generate(prompts), evaluator="duet-eval")
    scores.metrics["FID"].mean, scores.physics["foot_skate_mm_per_frame"]

`evaluators.evaluator.load_evaluator` gives the embeddings themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluators.data.cache import Cache
from evaluators.data.sets import BOTH_PERSONS, InteractionSet, duets_test_set
from evaluators.evaluator import Evaluator, Pair, load_evaluator, motion_of
from evaluators.protocols.evaluation import Scorer, physics_of
from evaluators.protocols.protocol import Protocol, protocol_named
from evaluators.protocols.scoring import MetricScore, collect
from evaluators.reports.report import physics_means
from evaluators.run import DEFAULT_CLIPS, with_common_mentions, with_duplicates_rule, with_samples
from intermask_cli.errors import InputError
from intermask_cli.inference.inputs import text_list, whole_number
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.motion import Motion

__all__ = ["InteractionScores", "evaluate_interactions", "load_evaluator"]


@dataclass(frozen=True, eq=False, repr=False)
class InteractionScores:
    """Scores of N interactions against a reference.

    Attributes:
        metrics: R@1, R@2, R@3, FID, MM Dist, Diversity, MModality and those of installed packages; a metric
            that cannot be computed has the reason as `absent`.
        physics: mean of every column of `intermask_cli.motion.physics`; None where it is undefined.
        distances: (N,) distance of every interaction to its own caption.
        protocol: the settings the metrics were computed with.
        evaluator: name and SHA-256 of the evaluator.
    """

    metrics: dict[str, MetricScore]
    physics: dict[str, float | None]
    distances: np.ndarray
    protocol: Protocol
    evaluator: str

    def __repr__(self) -> str:
        known = [f"{name} {score.mean:.3g}" for name, score in self.metrics.items() if score.absent is None]
        return f"InteractionScores({', '.join([f'{len(self.distances)} interactions', *known])})"


def evaluate_interactions(
    generated: Iterable[Pair],
    texts: Iterable[str] | None = None,
    reference: Iterable[Pair] | None = None,
    evaluator: str | Path | Evaluator = "duet-eval",
    *,
    text_encoder: str | None = None,
    repetitions: int | None = None,
    seed: int = 3407,
    device: str = "cpu",
    cache: Path | None = None,
) -> InteractionScores:
    """Score interactions by an evaluator's protocol, as `intermask evaluate FILE` does.

    Args:
        generated: what is scored. Of an `Interaction` with a given person, physics covers the partner only.
        texts: the caption of each; None takes the texts of `Interaction` records.
        reference: real motion that FID compares with; None: 128 clips of the bundled Duets test split.
        evaluator: a bundled name, a folder, a registered name, or a loaded evaluator.
        text_encoder: where the evaluator's text encoder is, if not where expected.
        repetitions: draws of pools and pairs; None takes the protocol's number.
        seed: of these draws.
        device: torch device string for an evaluator that is loaded here.
        cache: folder to keep embeddings in; None keeps none.

    Raises:
        InputError: texts are missing or do not match, or motions that the evaluator cannot read.
        MissingError: no such evaluator, or its text encoder is missing.
    """
    if not isinstance(evaluator, Evaluator):
        evaluator = load_evaluator(evaluator, text_encoder, device)
    protocol = protocol_named(evaluator.info.protocol)
    if repetitions is not None:
        if whole_number(repetitions, "repetitions") < 1:
            raise InputError(f"repetitions is {repetitions}; accepted: 1 or more")
        protocol = protocol.repeated(int(repetitions))
    generated = _pairs("generated", generated)
    interactions = _interaction_set("generated", generated, _texts(generated, texts))
    if reference is None:
        real = duets_test_set(DEFAULT_CLIPS)
    else:
        reference = _pairs("reference", reference)
        real = _interaction_set("reference", reference, [""] * len(reference))
    interactions, real, _ = with_common_mentions(interactions, real, None)
    protocol = with_duplicates_rule(with_samples(protocol, interactions), real)
    scorer = Scorer(evaluator, protocol, real, Cache(cache), seed)
    embedded = scorer.embed(interactions)
    scored = scorer.repetitions(interactions, embedded)
    metrics = collect(scored, protocol, scorer.per_clip(interactions, embedded))
    physics = physics_means(physics_of(interactions))
    name = f"{evaluator.name} {evaluator.sha256}"
    return InteractionScores(metrics, physics, scored[0].distances, protocol, name)


def _texts(generated: Sequence[Pair], texts: Iterable[str] | None) -> list[str]:
    if texts is None:
        if not all(isinstance(item, Interaction) for item in generated):
            raise InputError("motions without texts; give one text per motion, or Interaction records")
        return [item.text for item in generated if isinstance(item, Interaction)]
    listed = text_list(texts)
    if len(listed) != len(generated):
        raise InputError(f"{len(listed)} texts for {len(generated)} motions; give one per motion")
    return listed


def _pairs(name: str, pairs: Iterable[Pair]) -> list[Pair]:
    if isinstance(pairs, str | Motion | Interaction) or not isinstance(pairs, Iterable):
        raise InputError(f"{name} is a single value; accepted: a list of pairs, each of them two persons")
    listed = list(pairs)
    if not listed:
        raise InputError(f"{name}: no motions; give one or more")
    return listed


def _interaction_set(name: str, pairs: Sequence[Pair], texts: Sequence[str]) -> InteractionSet:
    records = [item if isinstance(item, Interaction) else None for item in pairs]
    return InteractionSet(
        name=name,
        ids=tuple(f"{name} {i}" for i in range(len(pairs))),
        prompts=tuple(texts),
        motions=tuple(motion_of(item) for item in pairs),
        samples=tuple(0 if record is None else record.sample for record in records),
        seeds=tuple(None if record is None else record.seed for record in records),
        generated_persons=tuple(BOTH_PERSONS if record is None else record.generated for record in records),
    )
