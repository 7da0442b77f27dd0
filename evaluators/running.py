"""From what a user asks for to an evaluation: load, check, score."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluators.embedding_cache import Cache
from evaluators.evaluation import TASKS, Evaluation, Scorer, ground_truth_rows, score_model, score_set
from evaluators.evaluator import Evaluator, load_evaluator
from evaluators.faults import fault_table
from evaluators.protocol import Protocol, ProtocolRecord, protocol_named
from evaluators.sets import InteractionSet, duets_test_set, file_set
from intermask_cli.console import note
from intermask_cli.errors import InputError, MissingError
from intermask_cli.generation.launch import choose_device

if TYPE_CHECKING:
    from intermask_cli.config import SamplingConfig
    from intermask_cli.pipeline import InteractionModel

BUNDLED_SPLIT = "test"
INTERHUMAN = "interhuman"


@dataclass(frozen=True)
class Request:
    """What `intermask evaluate` was asked for."""

    subject: Path | None
    model: str
    evaluator: str
    reference: str
    repeats: int | None
    task: str
    clips: int
    seed: int
    text_encoder: str | None
    evaluator_text_encoder: str | None
    device: str
    cache: Cache
    sampling: dict[str, Any]
    dataset: str | None = None
    root: Path | None = None


def run_evaluation(request: Request) -> Evaluation:
    """All rows of a model or of a file."""
    if request.task not in TASKS:
        raise InputError(f"--task {request.task}: accepted: {', '.join(TASKS)}")
    if request.dataset is not None or request.root is not None:
        return _dataset_evaluation(request)
    subject = file_set(request.subject) if request.subject is not None else None
    evaluator = load_evaluator(request.evaluator, request.evaluator_text_encoder)
    protocol = _protocol(evaluator, request.repeats)
    reference, floor = _reference(request)
    note(f"evaluator {evaluator.name}, protocol {protocol.name}, {protocol.repetitions} repetitions, "
         f"{len(reference)} reference interactions ({reference.name})")  # fmt: skip
    scorer = Scorer(evaluator, protocol, reference, request.cache, request.seed)
    if subject is not None:
        evaluation = Evaluation(
            _record(scorer, "generate", "pools and pairs"),
            {
                "kind": "file",
                "file": str(request.subject),
                "interactions": len(subject),
                **subject.provenance,
            },
        )
        ground_truth_rows(evaluation, scorer, floor)
        score_set(evaluation, scorer, subject)
        return evaluation
    return _model_evaluation(request, scorer, floor)


def _model_evaluation(request: Request, scorer: Scorer, floor: InteractionSet | None) -> Evaluation:
    from intermask_cli.commands.options import sampling_with
    from intermask_cli.pipeline import load_model

    model = load_model(request.model, request.text_encoder, choose_device(request.device, 0))
    sampling = sampling_with(model.info.sampling, **request.sampling)
    record = _record(scorer, request.task, "generated samples, pools and pairs")
    evaluation = Evaluation(record, _model_subject(request, model, sampling))
    ground_truth_rows(evaluation, scorer, floor)
    score_model(evaluation, scorer, model, request.task, sampling, request.seed)
    return evaluation


def _dataset_evaluation(request: Request) -> Evaluation:
    """The paper's protocol on a user's copy of InterHuman."""
    from evaluators.interhuman_protocol import InterHumanRun, score_interhuman
    from intermask_cli.commands.options import sampling_with
    from intermask_cli.datasets.interhuman import InterHuman, TextPairs
    from intermask_cli.pipeline import load_model

    if request.dataset != INTERHUMAN or request.root is None:
        raise InputError(f"--dataset {request.dataset}: accepted: {INTERHUMAN}, together with --root DIR")
    if request.subject is not None:
        raise InputError(
            "--dataset scores a model on its own prompts; leave the file out, or leave --dataset out"
        )
    pairs = TextPairs(InterHuman(request.root, "test", "published"))
    evaluator = load_evaluator(request.evaluator, request.evaluator_text_encoder)
    if evaluator.info.protocol != INTERHUMAN:
        raise InputError(
            f"evaluator {evaluator.name} belongs to protocol {evaluator.info.protocol}; this data set "
            "needs InterCLIP: intermask import-checkpoint interclip.ckpt --out DIR, then --evaluator DIR"
        )
    protocol = _protocol(evaluator, request.repeats)
    if len(pairs) < protocol.pool_size:
        raise InputError(f"{request.root}: {len(pairs)} usable test clips; a pool needs {protocol.pool_size}")
    model = load_model(request.model, request.text_encoder, choose_device(request.device, 0))
    sampling = sampling_with(model.info.sampling, **request.sampling)
    run = InterHumanRun(
        evaluator, protocol, pairs, model, sampling, request.task, request.seed, request.cache
    )
    record = ProtocolRecord(
        protocol, evaluator.name, evaluator.sha256, evaluator.info.text_encoder["id"], request.task,
        f"InterHuman test, {pairs.data.policy} policy", run.split_sha256, run.kept,
        "captions, crops, order of persons, generated samples, pools and pairs",
    )  # fmt: skip
    evaluation = Evaluation(record, _model_subject(request, model, sampling))
    score_interhuman(evaluation, run)
    return evaluation


def _model_subject(request: Request, model: InteractionModel, sampling: SamplingConfig) -> dict[str, Any]:
    return {
        "kind": "model", "model": model.info.name, "model_sha256": model.bundle.sha256, "seed": request.seed,
        "sampling": asdict(sampling),
    }  # fmt: skip


def run_faults(request: Request) -> dict[str, dict[str, Any]]:
    """Scores of real motion with planted faults."""
    evaluator = load_evaluator(request.evaluator, request.evaluator_text_encoder)
    reference, _ = _reference(request)
    return fault_table(
        Scorer(evaluator, _protocol(evaluator, request.repeats), reference, request.cache, request.seed)
    )


def _protocol(evaluator: Evaluator, repeats: int | None) -> Protocol:
    protocol = protocol_named(evaluator.info.protocol)
    return protocol if repeats is None else replace(protocol, repetitions=repeats)


def _reference(request: Request) -> tuple[InteractionSet, InteractionSet | None]:
    """Reference interactions, and as many other real ones for the floor row where there are any."""
    if request.reference == BUNDLED_SPLIT:
        both = duets_test_set(2 * request.clips)
        reference = both.take(range(request.clips), both.name)
        return reference, both.take(range(request.clips, 2 * request.clips), "Duets test, other clips")
    path = Path(request.reference)
    if not path.exists():
        raise MissingError(
            f"--reference {request.reference}: accepted: test, a run, an .h5 file, an InterHuman root"
        )
    if (path / "motions_processed").is_dir():
        return _interhuman_pass(path, request.seed), None
    return file_set(path), None


def _interhuman_pass(root: Path, seed: int) -> InteractionSet:
    """One random pass over the test split of an InterHuman copy."""
    import numpy as np

    from evaluators.interhuman_protocol import drawn_pass
    from intermask_cli.datasets.interhuman import InterHuman, TextPairs

    pairs = TextPairs(InterHuman(root, "test", "published"))
    if not len(pairs):
        raise InputError(
            f"{root}: no usable test clip; `intermask data check interhuman --root {root}` says why"
        )
    return drawn_pass(pairs, np.random.default_rng(seed), len(pairs), f"InterHuman test, {root}")


def _record(scorer: Scorer, task: str, varies: str) -> ProtocolRecord:
    info = scorer.evaluator.info
    return ProtocolRecord(
        protocol=scorer.protocol,
        evaluator=info.name,
        evaluator_sha256=scorer.evaluator.sha256,
        text_encoder=info.text_encoder["id"],
        task=task,
        split=scorer.reference.name,
        split_sha256=scorer.reference.sha256,
        split_size=len(scorer.reference),
        repetition_varies=varies,
    )
