"""From what a user asks for to an evaluation: load, check, score."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from evaluators.embedding_cache import Cache
from evaluators.evaluation import TASKS, Evaluation, Scorer, ground_truth_rows, score_model, score_set
from evaluators.evaluator import Evaluator, load_evaluator
from evaluators.faults import fault_table
from evaluators.protocol import Protocol, ProtocolRecord, protocol_named
from evaluators.sets import InteractionSet, duets_test_set, file_set
from intermask_cli.console import note
from intermask_cli.errors import InputError, MissingError
from intermask_cli.generation.launch import choose_device

BUNDLED_SPLIT = "test"


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


def run_evaluation(request: Request) -> Evaluation:
    """All rows of a model or of a file."""
    if request.task not in TASKS:
        raise InputError(f"--task {request.task}: accepted: {', '.join(TASKS)}")
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
    evaluation = Evaluation(
        _record(scorer, request.task, "generated samples, pools and pairs"),
        {"kind": "model", "model": model.info.name, "model_sha256": model.bundle.sha256, "seed": request.seed,
         "sampling": asdict(sampling)},
    )  # fmt: skip
    ground_truth_rows(evaluation, scorer, floor)
    score_model(evaluation, scorer, model, request.task, sampling, request.seed)
    return evaluation


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
            f"--reference {request.reference}: accepted: 'test', a run directory or an .h5 file"
        )
    return file_set(path), None


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
