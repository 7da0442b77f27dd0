"""An evaluation in three steps: resolve, score, report.

    plan = resolve(request, worker)     options checked; evaluator, subject, reference and protocol loaded
    evaluation = score(plan)            rows of metrics and physics
    write_reports(evaluation, out)      `evaluators.reports.report`

The subject is a file of interactions or a model. A model is scored on the bundled test split, on another
reference, or by the paper's protocol on a user's copy of a dataset (`--dataset`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from evaluators.data.cache import Cache
from evaluators.data.folders import folder_set, is_folder_of_motions
from evaluators.data.paper import (
    DATASETS,
    InterXTest,
    PaperData,
    dataset_at,
    glove_folder,
    interx_texts,
    open_dataset,
)
from evaluators.data.sets import BOTH_PERSONS, InteractionSet, duets_test_set, file_set, with_mentions
from evaluators.evaluator import Evaluator, FeatureEvaluator, InterXPairEvaluator, load_evaluator
from evaluators.protocols.evaluation import (
    TASKS,
    Evaluation,
    Scorer,
    ground_truth_rows,
    prompts_with_samples,
    score_model,
    score_set,
)
from evaluators.protocols.motions import MotionGenerator
from evaluators.protocols.paper import PaperRun, complete_pools, score_paper
from evaluators.protocols.protocol import (
    EQUAL_CAPTION,
    OWN_MOTION,
    PUBLISHED_PAIRS,
    Protocol,
    ProtocolRecord,
    protocol_named,
)
from evaluators.reports.sensitivity import sensitivity_table
from intermask_cli.config import FRAMES_PER_TOKEN, SamplingConfig, sampling_with
from intermask_cli.console import note, warn
from intermask_cli.errors import InputError, MissingError
from intermask_cli.generation.workers.launch import Worker, join_workers, parse_processes
from intermask_cli.inference.model import InteractionModel, load_model
from intermask_cli.models.bundle_info import BundleInfo, read_info, resolve_bundle

#: The --reference that is the bundled test split of Duets.
BUNDLED_SPLIT = "test"
#: Clips of that split unless --clips gives another number.
DEFAULT_CLIPS = 128
DEFAULT_TASK = "generate"


@dataclass(frozen=True)
class EvaluationRequest:
    """The options of `intermask evaluate`; None for options that were not given."""

    evaluator: str
    reference: str
    seed: int
    device: str
    cache: Cache
    default_model: str
    subject: Path | None = None  # a file to score; None scores a model
    model: str | None = None
    text_encoder: str | None = None
    evaluator_text_encoder: str | None = None
    task: str | None = None
    clips: int | None = None
    repeats: int | None = None
    processes: str | None = None
    sampling: dict[str, Any] = field(default_factory=dict)  # of `sampling_with`, None where not given
    dataset: str | None = None
    root: Path | None = None
    quick: bool = False  # without MModality, which needs most of the samples
    sensitivity: bool = False  # score corrupted real motion instead of a subject

    def model_options(self) -> list[str]:
        """Names of the given options that are only for a model that generates motion."""
        options = {"model": self.model, "text-encoder": self.text_encoder, "processes": self.processes}
        given = [name for name, value in {**options, **self.sampling}.items() if value is not None]
        return [name.replace("_", "-") for name in given]


@dataclass(frozen=True)
class FileSubject:
    """Interactions of a file, generated earlier."""

    path: Path
    interactions: InteractionSet
    too_long: InteractionSet | None = None  # for the evaluator; they have physics only


@dataclass(frozen=True)
class ModelSubject:
    """A loaded model with the settings it samples with."""

    model: InteractionModel
    sampling: SamplingConfig
    text_encoder: str | None  # as named by the user; every worker loads its own
    processes: int | None  # None: one per GPU


@dataclass(frozen=True)
class EvaluationPlan:
    """Everything an evaluation depends on. Nothing has been embedded or generated yet."""

    subject: FileSubject | ModelSubject | None  # None: the reference itself, corrupted
    reference: InteractionSet | PaperData
    floor: InteractionSet | None  # other real motion, as many interactions as the reference
    evaluator: Evaluator
    protocol: Protocol
    task: str
    seed: int
    device: str  # as given; the worker's own is chosen among what it allows
    worker: Worker
    cache: Cache

    @property
    def sampling(self) -> Any:
        """Settings that the scored motion was sampled with, where known."""
        if isinstance(self.subject, ModelSubject):
            return asdict(self.subject.sampling)
        return self.subject.interactions.provenance.get("sampling") if self.subject else None

    @property
    def record(self) -> ProtocolRecord:
        """What is reported with every score."""
        reference = self.reference
        if isinstance(reference, PaperData):
            name, size = f"{reference.title} test, published policy", complete_pools(reference, self.protocol)
            varies = "captions, crops, order of persons, generated samples, pools and pairs"
        else:
            name, size = reference.name, len(reference)
            generated = isinstance(self.subject, ModelSubject)
            varies = "generated samples, pools and pairs" if generated else "pools and pairs"
        evaluator = self.evaluator
        return ProtocolRecord(
            self.protocol, evaluator.name, evaluator.sha256, evaluator.text_id, self.task, name,
            reference.sha256, size, varies, self.sampling,
        )  # fmt: skip

    @property
    def described_subject(self) -> dict[str, Any]:
        """The subject in plain values, for reports."""
        subject = self.subject
        if isinstance(subject, FileSubject):
            interactions = subject.interactions
            named = {"kind": "file", "file": str(subject.path), "interactions": len(interactions)}
            return {**named, "sha256": interactions.sha256, **interactions.provenance}
        if subject is None:
            return {"kind": "reference"}
        info = subject.model.info
        named = {"kind": "model", "model": info.name, "model_sha256": subject.model.bundle.sha256}
        described = {**named, "seed": self.seed, "sampling": asdict(subject.sampling)}
        if isinstance(self.reference, PaperData):  # which takes what the decoder returns, as published
            described |= {"body": "decoded", "device": self.worker.device, "processes": self.worker.world}
        else:
            described["body"] = info.body
        return described


def run_evaluation(request: EvaluationRequest) -> Evaluation | None:
    """Resolve and score; None on every process of a launcher but the first."""
    with _workers(request) as worker:
        plan = resolve(request, worker)
        evaluation = score(plan)
        return evaluation if worker.main else None


def run_sensitivity(request: EvaluationRequest) -> dict[str, dict[str, Any]]:
    """Scores of corrupted real motion: {corruption: {metric or physics column: score}}."""
    with _workers(request) as worker:
        return sensitivity_table(_scorer(resolve(request, worker)))


@contextmanager
def _workers(request: EvaluationRequest) -> Iterator[Worker]:
    """This process among those of a launcher, which share the work of `--dataset` only."""
    if request.dataset is None and os.environ.get("WORLD_SIZE", "1") != "1":
        raise InputError(
            "several processes share the work of --dataset only; start this evaluation without a launcher"
        )
    with join_workers(request.device) as worker:
        yield worker


# resolve ----------------------------------------------------------------------------------------------


def resolve(request: EvaluationRequest, worker: Worker) -> EvaluationPlan:
    """Check the options, then load evaluator, subject, reference and protocol, in this order.

    Raises:
        InputError: options that exclude each other or have no effect, or parts that do not fit together.
        MissingError: a model, evaluator, text encoder, file or dataset that does not exist.
    """
    _check_options(request)
    bundle = None if request.subject or request.sensitivity else _model_bundle(request)
    evaluator = _evaluator(request, worker.device)
    subject = _model(request, *bundle, worker.device) if bundle else _file_subject(request, evaluator)
    reference, floor = _reference(request, evaluator)
    protocol = protocol_named(evaluator.info.protocol)
    if request.repeats is not None:
        protocol = protocol.repeated(request.repeats)
    _check_fit(request, evaluator, protocol, subject, reference)
    if request.quick:
        protocol = replace(protocol, mm_captions=0)
    if isinstance(subject, FileSubject):
        assert isinstance(reference, InteractionSet)
        interactions, reference, floor = with_common_mentions(subject.interactions, reference, floor)
        if isinstance(evaluator, InterXPairEvaluator):
            texts = interx_texts(Path(request.reference), interactions.prompts)
            interactions = replace(interactions, texts=texts)
        subject = replace(subject, interactions=interactions)
        if not request.quick:
            protocol = with_samples(protocol, interactions)
    if isinstance(reference, InteractionSet):
        protocol = with_duplicates_rule(protocol, reference)
    plan = EvaluationPlan(
        subject, reference, floor, evaluator, protocol, _task(request, subject), request.seed, request.device,
        worker, request.cache,
    )  # fmt: skip
    if worker.main:
        _announce(plan)
    return plan


def _check_options(request: EvaluationRequest) -> None:
    """InputError for options that exclude each other or would have no effect."""
    if request.task not in (None, *TASKS):
        raise InputError(f"--task {request.task}: accepted: {', '.join(TASKS)}")
    if request.dataset is not None or request.root is not None:
        _check_dataset_options(request)
    given = request.model_options()
    if request.sensitivity:
        with_value = {
            "SUBJECT": request.subject,
            "--dataset": request.dataset,
            "--task": request.task,
            "--quick": request.quick,
        }
        useless = [name for name, value in with_value.items() if value] + [f"--{name}" for name in given]
        if useless:
            raise InputError(
                f"--faults scores corrupted real motion, not a model or a file; leave {useless[0]} out"
            )
    if request.subject is not None and given:
        raise InputError(
            f"--{given[0]} is for scoring a model; the motions of {request.subject} are already generated"
        )
    reference = request.dataset or (request.reference if request.reference != BUNDLED_SPLIT else None)
    if request.clips is not None and reference is not None:
        raise InputError(f"--clips counts clips of the bundled test split; leave it out with {reference}")


def _check_dataset_options(request: EvaluationRequest) -> None:
    if request.dataset is None:
        raise InputError(f"--root is the folder of a dataset; add --dataset {' or '.join(DATASETS)}")
    if request.dataset not in DATASETS:
        raise InputError(f"--dataset {request.dataset}: accepted: {', '.join(DATASETS)}")
    if request.root is None:
        raise InputError(f"--dataset {request.dataset} needs --root DIR, the folder it was unpacked to")
    if request.subject is not None:
        raise InputError(
            "--dataset scores a model on its own prompts; to score a file give the root as --reference"
        )
    if request.processes is not None:
        raise InputError(
            "--dataset is shared by the processes of a launcher; leave --processes out and start with "
            "torchrun or accelerate launch"
        )
    if request.reference != BUNDLED_SPLIT:
        raise InputError("--dataset is the reference itself; leave --reference out")


def _model_bundle(request: EvaluationRequest) -> tuple[Path, BundleInfo, SamplingConfig]:
    """Folder and config.json of the model and its sampling settings; no weights are read yet."""
    folder = resolve_bundle(request.model or request.default_model)
    info = read_info(folder)
    return folder, info, sampling_with(info.sampling, **request.sampling)


def _evaluator(request: EvaluationRequest, device: str) -> Evaluator:
    """The evaluator; Inter-X's finds its word vectors in the copy of Inter-X that is scored against."""
    root = request.root if request.dataset == InterXTest.name else None
    path = Path(request.reference)
    if request.reference != BUNDLED_SPLIT and dataset_at(path) == InterXTest.name:
        root = path
    vectors = None if root is None else glove_folder(root)
    return load_evaluator(request.evaluator, request.evaluator_text_encoder, device, vectors)


def _file_subject(request: EvaluationRequest, evaluator: Evaluator) -> FileSubject | None:
    if request.subject is None:
        return None
    return FileSubject(request.subject, *_file_interactions(request.subject, evaluator))


def _file_interactions(path: Path, evaluator: Evaluator) -> tuple[InteractionSet, InteractionSet | None]:
    """What the evaluator reads of a run, an .h5 file or a folder of motions, and what is too long for it.

    Rotations are read only for an evaluator that needs them.
    """
    read = folder_set if is_folder_of_motions(path) else file_set
    interactions = read(path, rotations=isinstance(evaluator, FeatureEvaluator))
    refusals = [evaluator.refusal(motion) for motion in interactions.motions]
    scored = [i for i, reason in enumerate(refusals) if reason is None]
    if len(scored) == len(refusals):
        return interactions, None
    if not scored:
        raise InputError(f"{path}: no interaction can be scored; the first: {refusals[0]}")
    too_long = [i for i, reason in enumerate(refusals) if reason is not None]
    reasons = tuple((interactions.ids[i], str(refusals[i])) for i in too_long)
    rest = replace(interactions.take(scored, interactions.name), left_out=interactions.left_out + reasons)
    return rest, interactions.take(too_long, interactions.name)


def _model(
    request: EvaluationRequest, folder: Path, info: BundleInfo, sampling: SamplingConfig, device: str
) -> ModelSubject:
    if request.dataset is None and not info.representation.holds_joints:
        raise InputError(
            f"model {info.name} makes {info.representation} motion; score it with --dataset "
            "interx --root DIR --evaluator BUNDLE"
        )
    model = load_model(folder, request.text_encoder, device)
    return ModelSubject(model, sampling, request.text_encoder, parse_processes(request.processes or "auto"))


def _reference(
    request: EvaluationRequest, evaluator: Evaluator
) -> tuple[InteractionSet | PaperData, InteractionSet | None]:
    """Real motion to compare with, and for the floor row as much other real motion, where there is any."""
    if request.dataset is not None:
        assert request.root is not None  # `_check_dataset_options`
        return open_dataset(request.dataset, request.root), None
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
    if dataset is None:
        interactions, _ = _file_interactions(path, evaluator)
        for id, reason in interactions.left_out:
            warn(f"--reference {path}: {id} is left out: {reason}")
    else:
        interactions = open_dataset(dataset, path).one_pass(request.seed)
    if len(interactions) < 2:
        count = len(interactions)
        raise InputError(f"--reference {path}: {count} interaction; a distribution needs 2 or more")
    if not isinstance(evaluator, InterXPairEvaluator):
        interactions = replace(interactions, texts=None)
    return interactions, None


def _check_fit(
    request: EvaluationRequest, evaluator: Evaluator, protocol: Protocol,
    subject: FileSubject | ModelSubject | None, reference: InteractionSet | PaperData,
) -> None:  # fmt: skip
    """InputError if evaluator, subject and reference do not belong together."""
    if request.sensitivity and isinstance(evaluator, InterXPairEvaluator):
        raise InputError(f"--faults changes joints, which evaluator {evaluator.name} does not read")
    if not isinstance(reference, PaperData):
        return
    if evaluator.info.protocol != reference.name or not isinstance(evaluator, FeatureEvaluator):
        raise InputError(
            f"evaluator {evaluator.name} belongs to protocol {evaluator.info.protocol}; this dataset "
            f"needs {reference.evaluator}"
        )
    if len(reference) < protocol.pool_size:
        raise InputError(
            f"{request.root}: {len(reference)} usable test clips; a pool needs {protocol.pool_size}"
        )
    assert isinstance(subject, ModelSubject)
    info = subject.model.info
    if info.representation is not reference.representation:
        raise InputError(
            f"model {info.name} makes {info.representation} motion; this dataset needs "
            f"{reference.representation}"
        )
    frames = reference.longest // FRAMES_PER_TOKEN * FRAMES_PER_TOKEN
    if info.max_frames < frames:
        raise InputError(
            f"model {info.name} makes up to {info.max_frames} frames; the test split asks for {frames}, and "
            "the published protocol makes every clip in one piece"
        )


def with_common_mentions(
    interactions: InteractionSet, reference: InteractionSet, floor: InteractionSet | None
) -> tuple[InteractionSet, InteractionSet, InteractionSet | None]:
    """The three sets with `mentions` if all have them, else all without, so that one rule serves all rows."""
    interactions = with_mentions(interactions, reference)
    if interactions.mentions is None:
        reference = replace(reference, mentions=None)
        floor = None if floor is None else replace(floor, mentions=None)
    return interactions, reference, floor


def with_duplicates_rule(protocol: Protocol, reference: InteractionSet) -> Protocol:
    """The protocol with the rule for duplicate captions that can be applied to this reference."""
    if protocol.duplicates == OWN_MOTION or reference.mentions is not None:
        return protocol
    return replace(protocol, duplicates=EQUAL_CAPTION)


def with_samples(protocol: Protocol, interactions: InteractionSet) -> Protocol:
    """The protocol with as many captions and samples for MModality as the interactions have."""
    groups = prompts_with_samples(interactions)
    if not groups:
        return protocol
    samples = min(protocol.mm_samples, *(len(group) for group in groups))
    pairs = samples if protocol.mm_draw == PUBLISHED_PAIRS else samples * (samples - 1) // 2
    return replace(
        protocol, mm_captions=len(groups), mm_samples=samples, mm_pairs=min(protocol.mm_pairs, pairs)
    )


def _task(request: EvaluationRequest, subject: FileSubject | ModelSubject | None) -> str:
    """What a model is asked to do; a file records whether its interactions are reactions."""
    if not isinstance(subject, FileSubject):
        return request.task or DEFAULT_TASK
    reactions = all(persons != BOTH_PERSONS for persons in subject.interactions.generated_persons)
    if request.task == "react" and not reactions:
        raise InputError(
            f"--task react: {request.subject} has interactions without a given person; leave --task out"
        )
    return "react" if reactions else "generate"


def _announce(plan: EvaluationPlan) -> None:
    """Print a line with evaluator, protocol and reference."""
    reference, protocol = plan.reference, plan.protocol
    if isinstance(reference, PaperData):
        clips, processes = complete_pools(reference, protocol), plan.worker.world
        scored = f"{clips} clips of {reference.title}, {processes} processes"
    else:
        scored = f"{len(reference)} reference interactions ({reference.name})"
    evaluator = plan.evaluator.name
    note(f"evaluator {evaluator}, protocol {protocol.name}, {protocol.repetitions} repetitions, {scored}")
    if not protocol.mm_captions:
        note("--quick: MModality is left out; everything else is as in the full protocol")


# score ------------------------------------------------------------------------------------------------


def score(plan: EvaluationPlan) -> Evaluation:
    """All rows of a plan; processes of a launcher share the work, and the first one has the rows."""
    subject, evaluation = plan.subject, Evaluation(plan.record, plan.described_subject)
    if isinstance(plan.reference, PaperData):
        assert isinstance(plan.evaluator, FeatureEvaluator) and isinstance(subject, ModelSubject)
        run = PaperRun(
            plan.evaluator, plan.protocol, plan.reference, subject.model, subject.sampling, plan.task,
            plan.seed, plan.cache, plan.worker,
        )  # fmt: skip
        score_paper(evaluation, run)
        return evaluation
    scorer = _scorer(plan)
    ground_truth_rows(evaluation, scorer, plan.floor)
    if isinstance(subject, FileSubject):
        score_set(evaluation, scorer, subject.interactions, subject.too_long)
        evaluation.left_out += subject.interactions.left_out
    elif subject is not None:
        generator = MotionGenerator(
            subject.model, subject.sampling, plan.cache, subject.text_encoder, plan.device, subject.processes
        )
        score_model(evaluation, scorer, generator, plan.task, plan.seed)
    return evaluation


def _scorer(plan: EvaluationPlan) -> Scorer:
    """A scorer of any set of interactions against the plan's reference."""
    assert isinstance(plan.reference, InteractionSet)
    return Scorer(plan.evaluator, plan.protocol, plan.reference, plan.cache, plan.seed)
