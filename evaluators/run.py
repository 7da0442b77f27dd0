"""From what a user asks for to an evaluation: load, check, score."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluators.data.paper import InterXTest, dataset_at, glove_folder, interx_texts, open_dataset
from evaluators.data.sets import BOTH_PERSONS, InteractionSet, duets_test_set, file_set, with_mentions
from evaluators.evaluator import Evaluator, FeatureEvaluator, InterXPairEvaluator, load_evaluator
from evaluators.networks.bundle import read_info, resolve_evaluator
from evaluators.protocols.evaluation import (
    Evaluation,
    Scorer,
    ground_truth_rows,
    prompts_with_samples,
    score_model,
    score_set,
)
from evaluators.protocols.motions import MotionGenerator
from evaluators.protocols.protocol import EQUAL_CAPTION, OWN_MOTION, Protocol, ProtocolRecord, protocol_named
from evaluators.reports.sensitivity import sensitivity_table
from evaluators.request import (
    BUNDLED_SPLIT,
    DEFAULT_CLIPS,
    DEFAULT_TASK,
    Request,
    check_request,
    check_sensitivity,
)
from intermask_cli.config import SamplingConfig, sampling_with
from intermask_cli.console import note
from intermask_cli.devices import choose_device
from intermask_cli.errors import InputError, MissingError
from intermask_cli.generation.launch import join_workers, parse_processes
from intermask_cli.models.bundle import resolve_bundle
from intermask_cli.motion.representation import Representation

if TYPE_CHECKING:
    from intermask_cli.inference.model import InteractionModel


def run_evaluation(request: Request) -> Evaluation | None:
    """All rows of a model or of a file; None on every process of a launcher but the first."""
    check_request(request)
    if request.subject is None:
        resolve_bundle(request.model or request.default_model)  # a model that is not there stops it at once
    if request.dataset is not None:
        return _paper_evaluation(request, request.dataset)
    evaluator = _evaluator(request, choose_device(request.device, 0), _interx_root(request.reference))
    subject = None if request.subject is None else _file(request.subject, evaluator)
    protocol = _protocol(evaluator, request.repeats)
    reference, floor = _reference(request, evaluator)
    _announce(evaluator, protocol, f"{len(reference)} reference interactions ({reference.name})")
    if subject is not None:
        subject = with_mentions(subject, reference)
        if subject.mentions is None:
            reference = replace(reference, mentions=None)
            floor = None if floor is None else replace(floor, mentions=None)
        protocol = _rule(protocol, reference)
        return _file_evaluation(request, evaluator, protocol, subject, reference, floor)
    scorer = Scorer(evaluator, _rule(protocol, reference), reference, request.cache, request.seed)
    return _model_evaluation(request, scorer, floor)


def _file_evaluation(
    request: Request, evaluator: Evaluator, protocol: Protocol, subject: InteractionSet,
    reference: InteractionSet, floor: InteractionSet | None,
) -> Evaluation:  # fmt: skip
    if isinstance(evaluator, InterXPairEvaluator):
        subject = replace(subject, texts=interx_texts(Path(request.reference), subject.prompts))
    scorer = Scorer(evaluator, _with_samples(protocol, subject), reference, request.cache, request.seed)
    record = _record(scorer, _task(request, subject), "pools and pairs", subject.provenance.get("sampling"))
    described = {"kind": "file", "file": str(request.subject), "interactions": len(subject)}
    evaluation = Evaluation(record, {**described, "sha256": subject.sha256, **subject.provenance})
    ground_truth_rows(evaluation, scorer, floor)
    score_set(evaluation, scorer, subject)
    return evaluation


def _file(path: Path, evaluator: Evaluator) -> InteractionSet:
    """A file of ours, with rotations where the evaluator reads them."""
    return file_set(path, rotations=isinstance(evaluator, FeatureEvaluator))


def _with_samples(protocol: Protocol, subject: InteractionSet) -> Protocol:
    """The protocol with as many captions and samples for MModality as the file has."""
    groups = prompts_with_samples(subject)
    if not groups:
        return protocol
    samples = min(protocol.mm_samples, *(len(group) for group in groups))
    return replace(
        protocol, mm_captions=len(groups), mm_samples=samples, mm_pairs=min(protocol.mm_pairs, samples)
    )


def _rule(protocol: Protocol, reference: InteractionSet) -> Protocol:
    """The rule for duplicates as it can be applied: to all rows alike."""
    if protocol.duplicates == OWN_MOTION or reference.mentions is not None:
        return protocol
    return replace(protocol, duplicates=EQUAL_CAPTION)


def _task(request: Request, subject: InteractionSet) -> str:
    """A file says itself whether its interactions are reactions."""
    reactions = all(persons != BOTH_PERSONS for persons in subject.generated_persons)
    if request.task == "react" and not reactions:
        raise InputError(
            f"--task react: {request.subject} has interactions without a given person; leave --task out"
        )
    return "react" if reactions else "generate"


def _model_evaluation(request: Request, scorer: Scorer, floor: InteractionSet | None) -> Evaluation:
    from intermask_cli.inference.model import load_model

    name = request.model or request.default_model
    model = load_model(name, request.text_encoder, choose_device(request.device, 0))
    if not model.info.representation.holds_joints:
        raise InputError(
            f"model {model.info.name} makes {model.info.representation} motion; score it with --dataset "
            "interx --root DIR --evaluator BUNDLE"
        )
    sampling = sampling_with(model.info.sampling, **request.sampling)
    task = request.task or DEFAULT_TASK
    record = _record(scorer, task, "generated samples, pools and pairs", asdict(sampling))
    evaluation = Evaluation(record, _model_subject(request, model, sampling))
    ground_truth_rows(evaluation, scorer, floor)
    workers = parse_processes(request.processes or "auto")
    maker = MotionGenerator(model, sampling, request.cache, request.text_encoder, request.device, workers)
    score_model(evaluation, scorer, maker, task, request.seed)
    return evaluation


def _paper_evaluation(request: Request, name: str) -> Evaluation | None:
    """The paper's protocol on a user's copy of a dataset, shared by the processes of a launcher."""
    from evaluators.protocols.paper import PaperRun, score_paper
    from intermask_cli.inference.model import load_model

    assert request.root is not None
    with join_workers(request.device) as worker:
        data = open_dataset(name, request.root)
        evaluator = _evaluator(request, worker.device, request.root if name == InterXTest.name else None)
        if evaluator.info.protocol != name or not isinstance(evaluator, FeatureEvaluator):
            raise InputError(
                f"evaluator {evaluator.name} belongs to protocol {evaluator.info.protocol}; this dataset "
                f"needs {data.evaluator}"
            )
        protocol = _protocol(evaluator, request.repeats)
        if len(data) < protocol.pool_size:
            raise InputError(
                f"{request.root}: {len(data)} usable test clips; a pool needs {protocol.pool_size}"
            )
        model = load_model(request.model or request.default_model, request.text_encoder, worker.device)
        _check_model(model, data.representation, data.longest // 4 * 4)
        sampling = sampling_with(model.info.sampling, **request.sampling)
        task = request.task or DEFAULT_TASK
        run = PaperRun(evaluator, protocol, data, model, sampling, task, request.seed, request.cache, worker)
        if worker.main:
            _announce(evaluator, protocol, f"{run.kept} clips of {data.title}, {worker.world} processes")
        record = ProtocolRecord(
            protocol, evaluator.name, evaluator.sha256, evaluator.text_id, task,
            f"{data.title} test, published policy", data.sha256, run.kept,
            "captions, crops, order of persons, generated samples, pools and pairs", asdict(sampling),
        )  # fmt: skip
        subject = {**_model_subject(request, model, sampling), "device": worker.device}
        evaluation = Evaluation(record, {**subject, "processes": worker.world})
        score_paper(evaluation, run)
        return evaluation if worker.main else None


def _check_model(model: InteractionModel, representation: Representation, frames: int) -> None:
    if model.info.representation is not representation:
        raise InputError(
            f"model {model.info.name} makes {model.info.representation} motion; this dataset needs "
            f"{representation}"
        )
    if model.info.max_frames < frames:
        raise InputError(
            f"model {model.info.name} makes up to {model.info.max_frames} frames; the test split asks for "
            f"{frames}, and the published protocol makes every clip in one piece"
        )


def _model_subject(request: Request, model: InteractionModel, sampling: SamplingConfig) -> dict[str, Any]:
    return {
        "kind": "model", "model": model.info.name, "model_sha256": model.bundle.sha256, "seed": request.seed,
        "sampling": asdict(sampling),
    }  # fmt: skip


def run_sensitivity(request: Request) -> dict[str, dict[str, Any]]:
    """Scores of real motion with planted faults."""
    check_sensitivity(request)
    evaluator = _evaluator(request, choose_device(request.device, 0), _interx_root(request.reference))
    if isinstance(evaluator, InterXPairEvaluator):
        raise InputError(f"--faults changes joints, which evaluator {evaluator.name} does not read")
    reference, _ = _reference(request, evaluator)
    return sensitivity_table(
        Scorer(evaluator, _protocol(evaluator, request.repeats), reference, request.cache, request.seed)
    )


def _evaluator(request: Request, device: str, interx_root: Path | None) -> Evaluator:
    """The evaluator; Inter-X's finds its word vectors in the copy of Inter-X that is used anyway."""
    where = request.evaluator_text_encoder
    if where is None and interx_root is not None:
        architecture = read_info(resolve_evaluator(request.evaluator)).architecture
        where = str(glove_folder(interx_root)) if architecture == "interx" else None
    return load_evaluator(request.evaluator, where, device)


def _protocol(evaluator: Evaluator, repeats: int | None) -> Protocol:
    protocol = protocol_named(evaluator.info.protocol)
    return protocol if repeats is None else replace(protocol, repetitions=repeats)


def _interx_root(reference: str) -> Path | None:
    path = Path(reference)
    return path if reference != BUNDLED_SPLIT and dataset_at(path) == InterXTest.name else None


def _reference(request: Request, evaluator: Evaluator) -> tuple[InteractionSet, InteractionSet | None]:
    """Reference interactions, and as many other real ones for the floor row where there are any."""
    if request.reference == BUNDLED_SPLIT:
        clips = request.clips or DEFAULT_CLIPS
        both = duets_test_set(2 * clips)
        reference = both.take(range(clips), both.name)
        return reference, both.take(range(clips, 2 * clips), "Duets test, other clips")
    path = Path(request.reference)
    if not path.exists():
        raise MissingError(
            f"--reference {request.reference}: no such file; accepted: test, a run, an .h5 file, a root of "
            "InterHuman or Inter-X"
        )
    dataset = dataset_at(path)
    found = _file(path, evaluator) if dataset is None else open_dataset(dataset, path).one_pass(request.seed)
    if len(found) < 2:
        raise InputError(f"--reference {path}: {len(found)} interaction; a distribution needs 2 or more")
    return found if isinstance(evaluator, InterXPairEvaluator) else replace(found, texts=None), None


def _announce(evaluator: Evaluator, protocol: Protocol, what: str) -> None:
    note(f"evaluator {evaluator.name}, protocol {protocol.name}, {protocol.repetitions} repetitions, {what}")


def _record(scorer: Scorer, task: str, varies: str, sampling: Any) -> ProtocolRecord:
    info = scorer.evaluator.info
    return ProtocolRecord(
        protocol=scorer.protocol,
        evaluator=info.name,
        evaluator_sha256=scorer.evaluator.sha256,
        text_encoder=scorer.evaluator.text_id,
        task=task,
        split=scorer.reference.name,
        split_sha256=scorer.reference.sha256,
        split_size=len(scorer.reference),
        repetition_varies=varies,
        sampling=sampling,
    )
