"""Options that several commands share: the type of each, and groups of them as dataclasses."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from intermask_cli.cleanup.modes import Clean
from intermask_cli.config import DEFAULT_MODEL, SamplingConfig, sampling_with

if TYPE_CHECKING:
    from intermask_cli.datasets.motion_files.read_options import ReadOptions
    from intermask_cli.generation.ray.cluster import RaySettings
    from intermask_cli.generation.requests import PromptRequest, RunSettings
    from intermask_cli.generation.workers.model_source import ModelSource
    from intermask_cli.inference.proportions import Proportions

Out = Annotated[
    str | None,
    typer.Option(
        "--out",
        "-o",
        metavar="PATH",
        help="Run directory, or a URL such as s3://bucket/run; the same command on it resumes.",
        show_default=False,
    ),
]
WorkFolder = Annotated[
    Path | None,
    typer.Option(
        help="With a URL as --out: folder in which the run is made.  [default: in the user's cache folder]",
        show_default=False,
    ),
]
Model = Annotated[str, typer.Option(help="Bundled name, bundle folder or hub id.", envvar="INTERMASK_MODEL")]
TextEncoder = Annotated[
    str | None,
    typer.Option(
        help="The model's text encoder, if not in its usual place: minilm, clip, a folder, a hub id or a "
        "plug-in.",
        show_default=False,
    ),
]
Samples = Annotated[
    int, typer.Option(min=1, max=100_000, help="Samples of each prompt whose line gives no number.")
]
Seed = Annotated[
    int, typer.Option(min=0, max=2**63 - 1, help="Run seed; the seed of each sample is derived from it.")
]
Steps = Annotated[
    int | None,
    typer.Option(min=1, max=1000, help="Decoding steps.  [default: the model's]", show_default=False),
]
Guidance = Annotated[
    float | None,
    typer.Option(help="Classifier-free guidance; 1 is none.  [default: the model's]", show_default=False),
]
GuidanceInterval = Annotated[
    str | None,
    typer.Option(
        metavar="LOW-HIGH",
        help="Guide only steps in which this share of the tokens is masked, e.g. 0.5-1, for fewer passes of "
        "the network.  [default: the model's]",
        show_default=False,
    ),
]
Temperature = Annotated[
    float | None,
    typer.Option(help="Divides the logits before sampling.  [default: the model's]", show_default=False),
]
Draw = Annotated[
    str | None, typer.Option(help="categorical or gumbel.  [default: the model's]", show_default=False)
]
Filter = Annotated[
    float | None,
    typer.Option(
        "--filter",
        help="Share of the least likely codes to drop.  [default: the model's]",
        show_default=False,
    ),
]
BatchSize = Annotated[
    str, typer.Option(help="Items sampled together; auto: as many as fit. Results do not change.")
]
Processes = Annotated[
    str,
    typer.Option(
        help="Workers on this machine; auto: one per visible GPU, or one per core in large runs on the CPU. "
        "With --engine ray workers of the cluster; auto: as many as it has room for."
    ),
]
EngineName = Annotated[
    str,
    typer.Option(
        "--engine",
        help="local: this machine, or a launcher's processes; ray: a Ray cluster. Results do not change.",
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        help="The Ray cluster: auto (the one that this machine belongs to) or HOST:PORT.  "
        "[default: RAY_ADDRESS, else a Ray of this machine alone]",
        show_default=False,
    ),
]
GpusPerWorker = Annotated[
    float | None,
    typer.Option(
        help="GPUs of each worker on Ray, such as 0.25: four share one.  [default: 1]", show_default=False
    ),
]
Person = Annotated[
    int | None,
    typer.Option(min=1, help="Which person of a file with several, counted from 1.", show_default=False),
]
MotionFps = Annotated[
    float | None,
    typer.Option(
        "--fps", help="Frames per second instead of the file's rate; .npy has none: 30.", show_default=False
    ),
]
MotionUp = Annotated[
    str | None,
    typer.Option("--up", help="Up axis of the motion files: y, z, x, -y, -z or -x.", show_default=False),
]
MotionUnits = Annotated[
    str | None,
    typer.Option(
        "--units",
        help="Units of the motion files: m, cm, mm, inch, foot, cmu (CMU library) or metres per unit.",
        show_default=False,
    ),
]
SkeletonMap = Annotated[
    Path | None,
    typer.Option(
        "--skeleton",
        help="YAML map from our joints to the file's (docs/reference/formats.md).",
        show_default=False,
    ),
]
Start = Annotated[
    str | None,
    typer.Option(
        help="First frame that is read, counted from 0 at the file's rate, or seconds as 1.5s.",
        show_default=False,
    ),
]
End = Annotated[
    str | None, typer.Option(help="First frame that is not read, as --start.", show_default=False)
]
Flip = Annotated[
    str | None,
    typer.Option(help="Axis to negate (x, y or z), for files of left-handed tools.", show_default=False),
]
MirrorSides = Annotated[
    bool, typer.Option("--mirror", help="Exchange left and right joints, for files that have them exchanged.")
]
ShardOfRun = Annotated[
    str | None,
    typer.Option("--shard", help="Make shard i of n of the run, e.g. 3/16.", show_default=False),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.", envvar="INTERMASK_DEVICE")]
Dtype = Annotated[str, typer.Option(help="float32 or bf16.")]
CudaGraphs = Annotated[
    bool,
    typer.Option(
        "--cuda-graphs",
        help="On a GPU, replay small batches as CUDA graphs (docs/guides/scale.md).",
        hidden=True,  # until it has run on a GPU
    ),
]
Limit = Annotated[int | None, typer.Option(min=1, help="Use only the first N prompts.", show_default=False)]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a different run in the directory.")]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict", help="Make nothing if any line is bad, or is read as outside what the model knows."
    ),
]
Reading = Annotated[
    str,
    typer.Option(
        help="auto: prompts are read by the model's own reader, if it has one, and made as full captions; "
        "off: the network gets the prompts as they are; or a plug-in."
    ),
]
RejectedOk = Annotated[
    bool,
    typer.Option(
        "--rejected-ok",
        help="Exit code 0, not 3, where lines were rejected or samples dropped and nothing else went wrong.",
    ),
]
Provenance = Annotated[
    str,
    typer.Option(
        help="full: manifest.json names the machine, the process and absolute paths, which short leaves out."
    ),
]
CsvBom = Annotated[
    bool,
    typer.Option(
        "--csv-bom", help="Begin index.csv with a byte order mark, for spreadsheets opened by a click."
    ),
]
CleanModes = Annotated[
    list[Clean] | None,
    typer.Option(
        help="Clean-up, repeatable: smooth; one of feet (planted feet do not slide, rigid bones), contact "
        "(as feet; joined hands stay joined, bodies overlap less), published; meet (hands that nearly meet "
        "are brought together).  [default: none]",
        show_default=False,
    ),
]
Body = Annotated[
    str | None,
    typer.Option(
        help="rigid: constant bones and planted feet; decoded: as the decoder left it.  "
        "[default: the model's]",
        show_default=False,
    ),
]
Height = Annotated[
    str | None,
    typer.Option(
        help="Height of the bodies in metres: 1.8, or 1.8,1.65 for person 1 and 2. Hands still meet, feet "
        "still stand.",
        show_default=False,
    ),
]
BodyShape = Annotated[
    list[Path] | None,
    typer.Option(
        help="Proportions of the bodies: a table of bone lengths (YAML, JSON, NPZ) or any motion file; "
        "repeat it for person 2.",
        show_default=False,
    ),
]
Store = Annotated[
    str,
    typer.Option(
        help="rounded: joints to 0.2 mm and rotations to 0.035 degrees, in half the space; exact: every bit. "
        "A given person is always exact."
    ),
]
Accept = Annotated[
    str | None,
    typer.Option(
        help='What a sample must be like: "foot_skate_mm_per_frame < 4 and kind == asked". Others are made '
        "again (docs/guides/generate.md).",
        show_default=False,
    ),
]
Tries = Annotated[
    int | None,
    typer.Option(
        help="Samples that are made at most until one meets --accept.  [default: 4]", show_default=False
    ),
]
OnFail = Annotated[
    str | None,
    typer.Option(
        help="Where none of them does: keep the last one, marked, or drop it (exit code 3).  [default: keep]",
        show_default=False,
    ),
]
ExportAs = Annotated[
    str | None,
    typer.Option(
        help="Also write every interaction as a file, in exports/ of the run: bvh, glb, fbx, usd, npz, npy, "
        "several with commas.",
        show_default=False,
    ),
]
ProgressAs = Annotated[
    str,
    typer.Option(help="bar: for people; json: one JSON object per line on stderr (docs/guides/generate.md)."),
]
PartInputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT",
        help="Runs, items (RUN#ID), motion files of two people, or tables of jobs (.csv .tsv .jsonl).",
        show_default=False,
    ),
]
SecondFile = Annotated[
    str | None,
    typer.Option("--with", help="File of the second person, where a file holds one.", show_default=False),
]
JobPrompt = Annotated[
    str | None,
    typer.Option(
        "--prompt",
        "-p",
        help="What happens; for lines of a table without a text.  [default: the text of the run's item]",
        show_default=False,
    ),
]
NewFrames = Annotated[
    int | None, typer.Option(help="Frames that are made new.  [default: 5 seconds]", show_default=False)
]
NewSeconds = Annotated[float | None, typer.Option(help="The same in seconds.", show_default=False)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would be made and cost, as plan does.")]
Layout = Annotated[
    str,
    typer.Option(
        help="single: interactions.h5 holds everything; parts: it is an index of many files, and nothing is "
        "merged; auto: parts above 10 GB."
    ),
]
PromptFormat = Annotated[
    str | None,
    typer.Option(
        help="Format of the prompt files: txt, csv, tsv, jsonl or json.  [default: by suffix or content]",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


def with_option_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Decorator of a command: a parameter whose type is a dataclass becomes one option per field.

    Fields are written as parameters are, `name: Annotated[type, typer.Option(...)] = default`. Typer sees the
    fields in place of the parameter; the command receives the record.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        kind = hints[parameter.name]
        if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
            parameters.append(parameter.replace(annotation=kind, kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        groups[parameter.name] = kind
        of_field = get_type_hints(kind, include_extras=True)
        for item in dataclasses.fields(kind):
            default = inspect.Parameter.empty if item.default is dataclasses.MISSING else item.default
            parameters.append(
                inspect.Parameter(
                    item.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=of_field[item.name]
                )
            )

    @functools.wraps(command)
    def run(**values: Any) -> None:
        for name, kind in groups.items():
            values[name] = kind(**{item.name: values.pop(item.name) for item in dataclasses.fields(kind)})
        command(**values)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


@dataclasses.dataclass(frozen=True)
class WholeReadingOptions:
    """How motion files are read, all of their frames; None leaves it to the file and the reader."""

    fps: MotionFps = None
    up: MotionUp = None
    units: MotionUnits = None
    skeleton: SkeletonMap = None
    flip: Flip = None
    mirror: MirrorSides = False

    def options(self, person: int | None = None) -> ReadOptions:
        """The record for the readers; `person` counts from 1. InputError for a value that is not accepted."""
        from intermask_cli.datasets.motion_files.read_options import ReadOptions

        index = None if person is None else person - 1
        return ReadOptions(
            index, self.fps, self.up, self.units, self.skeleton, flip=self.flip, mirror=self.mirror
        )


@dataclasses.dataclass(frozen=True)
class ReadingOptions(WholeReadingOptions):
    """How motion files are read, and which part of them."""

    start: Start = None
    end: End = None

    def options(self, person: int | None = None) -> ReadOptions:
        """As `WholeReadingOptions.options`, with the part that is read."""
        return dataclasses.replace(super().options(person), start=self.start, end=self.end)


@dataclasses.dataclass(frozen=True)
class SamplingOptions:
    """How tokens are sampled; None takes the model's setting."""

    steps: Steps = None
    guidance: Guidance = None
    guidance_interval: GuidanceInterval = None
    temperature: Temperature = None
    draw: Draw = None
    filter: Filter = None

    def over(self, defaults: SamplingConfig) -> SamplingConfig:
        """The model's settings, replaced by the options that were given."""
        return sampling_with(defaults, **dataclasses.asdict(self))


@dataclasses.dataclass(frozen=True)
class ModelOptions:
    """The model, its device and its precision."""

    model: Model = DEFAULT_MODEL
    text_encoder: TextEncoder = None
    device: Device = "auto"
    dtype: Dtype = "float32"
    cuda_graphs: CudaGraphs = False
    reading: Reading = "auto"

    def source(self) -> ModelSource:
        """The description of the model, which is not loaded yet."""
        from intermask_cli.devices import choose_device
        from intermask_cli.errors import InputError
        from intermask_cli.generation.workers.model_source import ModelSource

        if self.cuda_graphs and choose_device(self.device, 0) == "cpu":
            raise InputError("--cuda-graphs: the device is the CPU; leave it out, or give --device cuda")
        return ModelSource.find(self.model, self.text_encoder, self.dtype, self.cuda_graphs, self.reading)


@dataclasses.dataclass(frozen=True)
class PromptOptions:
    """Where prompts come from, and how long the clips of those without a length are."""

    prompts: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Prompt files (.txt .csv .tsv .jsonl .json), folders of them, or - for stdin.",
            show_default=False,
        ),
    ] = None
    prompt: Annotated[
        list[str] | None,
        typer.Option("--prompt", "-p", help="A prompt (repeatable), instead of a file or after it."),
    ] = None
    frames: Annotated[
        int | None,
        typer.Option(help="Frames of prompts that give no length.  [default: 5 seconds]", show_default=False),
    ] = None
    seconds: Annotated[float | None, typer.Option(help="The same in seconds.", show_default=False)] = None
    format: PromptFormat = None
    prompt_fps: Annotated[
        float, typer.Option(min=1, max=1000, help="Frames per second of prompts written text#frames.")
    ] = 20.0

    def request(self, source: ModelSource, strict: bool) -> PromptRequest:
        """The prompts for a model; bad lines are warned of.

        Raises InputError without usable prompts, or with bad lines if `strict`.
        """
        from intermask_cli.commands import reporting
        from intermask_cli.errors import InputError
        from intermask_cli.generation.prompts.read import read_prompts
        from intermask_cli.generation.requests import PromptRequest

        limits = source.frame_limits()
        length = limits.default_length(self.frames, self.seconds)
        files = self.prompts or []
        if not files and not self.prompt:
            raise InputError("no prompts; give a prompt file, or a text with --prompt")
        read = read_prompts(files, limits, self.format, self.prompt_fps, self.prompt or ())
        return PromptRequest(files, reporting.require_prompts(read, strict), length)


@dataclasses.dataclass(frozen=True)
class ItemOptions:
    """What is made and how the work is divided, with or without a run directory."""

    samples: Samples = 1
    seed: Seed = 0
    limit: Limit = None
    body: Body = None
    clean: CleanModes = None
    store: Store = "rounded"
    accept: Accept = None
    tries: Tries = None
    on_fail: OnFail = None
    layout: Layout = "auto"
    batch_size: BatchSize = "auto"
    processes: Processes = "auto"
    shard: ShardOfRun = None
    strict: Strict = False
    rejected_ok: RejectedOk = False

    def settings(self, model: ModelOptions, sampling: SamplingOptions) -> RunSettings:
        """Settings of the run, without its prompts; InputError for a value that is not accepted."""
        from intermask_cli.cleanup.modes import checked_modes, notes_on_rigid
        from intermask_cli.config import LAYOUTS, STORES
        from intermask_cli.console import note
        from intermask_cli.errors import InputError
        from intermask_cli.generation.job import Execution
        from intermask_cli.generation.requests import RunSettings
        from intermask_cli.generation.run.acceptance import Acceptance
        from intermask_cli.generation.run.plan import Shard
        from intermask_cli.generation.workers.launch import parse_processes

        batch_size, processes = parse_batch_size(self.batch_size), parse_processes(self.processes)
        if self.store not in STORES:
            raise InputError(f"--store {self.store}: accepted are {' and '.join(STORES)}")
        acceptance = Acceptance.parse(self.accept, self.tries, self.on_fail, self.store)
        if self.layout not in LAYOUTS:
            raise InputError(f"--layout {self.layout}: accepted are {', '.join(LAYOUTS)}")
        shard, modes = Shard.parse(self.shard), checked_modes(self.clean or ())
        source = model.source()
        if modes:
            source.require_joints("--clean works on 22 joints")
        if acceptance is not None and acceptance.needs_22_joints:
            source.require_joints("--accept measures physics, and reads kinds, on 22 joints")
        if acceptance is not None and acceptance.names_asked and not source.reading:
            raise InputError(
                "--accept: 'asked' is what a prompt is read as, and prompts are not read here "
                "(--reading off, or a model without a reader)"
            )
        if self.body is not None:
            source.info.check_body(self.body)
        if (self.body or source.info.body) == "rigid":
            for line in notes_on_rigid(modes):
                note(line)
        if acceptance is not None and acceptance.names_kind:
            from evaluators.kinds import KindReader

            acceptance = dataclasses.replace(acceptance, read_kind=KindReader.load())
        return RunSettings(
            source=source,
            sampling=sampling.over(source.info.sampling),
            seed=self.seed,
            samples=self.samples,
            limit=self.limit,
            clean=modes,
            body=self.body,
            batch_size=batch_size,
            store=self.store,
            layout=self.layout,
            acceptance=acceptance,
            execution=Execution(model.device, processes, shard, rejected_ok=self.rejected_ok),
        )


@dataclasses.dataclass(frozen=True)
class PartRunOptions(ItemOptions):
    """What is made and how the work is divided, for commands that keep the bodies that they are given."""

    out: Out = None
    work_folder: WorkFolder = None
    engine: EngineName = "local"
    address: Address = None
    gpus_per_worker: GpusPerWorker = None
    overwrite: Overwrite = False
    progress: ProgressAs = "bar"
    csv_bom: CsvBom = False
    provenance: Provenance = "short"

    def settings(self, model: ModelOptions, sampling: SamplingOptions) -> RunSettings:
        """As `ItemOptions.settings`, with the run directory and the engine."""
        from intermask_cli.console import write_json_lines
        from intermask_cli.errors import InputError
        from intermask_cli.generation.remote_job import destination

        if self.progress not in ("bar", "json"):
            raise InputError(f"--progress {self.progress}: accepted are bar and json")
        if self.progress == "json":
            write_json_lines()
        if self.provenance not in ("short", "full"):
            raise InputError(f"--provenance {self.provenance}: accepted are short and full")
        settings = super().settings(model, sampling)
        place = destination(self.out, self.work_folder, settings.execution.shard)
        return dataclasses.replace(
            settings,
            out=place.folder,
            url=place.url,
            csv_bom=self.csv_bom,
            full_provenance=self.provenance == "full",
            execution=dataclasses.replace(
                settings.execution, overwrite=self.overwrite, ray=self.ray_settings()
            ),
        )

    def ray_settings(self) -> RaySettings | None:
        """Where Ray is used, None without it; InputError for a value that is not accepted."""
        from intermask_cli.errors import InputError
        from intermask_cli.generation.ray.cluster import RaySettings

        if self.engine == "ray":
            return RaySettings(self.address, self.gpus_per_worker)
        if self.engine != "local":
            raise InputError(f"--engine {self.engine}: accepted are local and ray")
        for option, value in (("--address", self.address), ("--gpus-per-worker", self.gpus_per_worker)):
            if value is not None:
                raise InputError(f"{option}: is of Ray; add --engine ray")
        return None


@dataclasses.dataclass(frozen=True)
class RunOptions(PartRunOptions):
    """What is made and how the work is divided, for commands that fill a run directory with new people."""

    height: Height = None
    body_shape: BodyShape = None
    export: ExportAs = None

    def settings(self, model: ModelOptions, sampling: SamplingOptions) -> RunSettings:
        """As `PartRunOptions.settings`, with the proportions of the bodies."""
        return with_proportions(super().settings(model, sampling), self.height, self.body_shape)


@dataclasses.dataclass(frozen=True)
class PlanOptions(ItemOptions):
    """What is made and how the work is divided, without a run directory."""

    height: Height = None
    body_shape: BodyShape = None

    def settings(self, model: ModelOptions, sampling: SamplingOptions) -> RunSettings:
        """As `ItemOptions.settings`, with the proportions of the bodies."""
        return with_proportions(super().settings(model, sampling), self.height, self.body_shape)


def with_proportions(settings: RunSettings, height: str | None, shapes: Sequence[Path] | None) -> RunSettings:
    """Settings with the values of --height and --body-shape; InputError where the model cannot have them."""
    from intermask_cli.errors import InputError

    proportions = body_proportions(height, shapes)
    if proportions:
        settings.source.require_joints("--height and --body-shape work on 22 joints")
    if proportions and (settings.body or settings.source.info.body) != "rigid":
        raise InputError("--height and --body-shape need rigid bodies; add --body rigid")
    return dataclasses.replace(settings, proportions=proportions)


def body_proportions(height: str | None, shapes: Sequence[Path] | None) -> Proportions:
    """The values of --height and --body-shape; InputError for others than those accepted."""
    from intermask_cli.errors import InputError
    from intermask_cli.inference.proportions import Proportions

    heights: tuple[float, ...] = ()
    if height is not None:
        try:
            heights = tuple(float(part) for part in height.split(","))
        except ValueError:
            raise InputError(f"--height {height}: accepted are metres, as 1.8 or 1.8,1.65") from None
    if not shapes:
        return Proportions(heights)
    from intermask_cli.datasets.body_shapes import read_body_shapes

    files = [read_body_shapes(path) for path in shapes]
    # The one file's body or bodies; of several files, each person's own.
    bodies = files[0] if len(files) == 1 else tuple(of[min(i, len(of) - 1)] for i, of in enumerate(files))
    return Proportions(heights, bodies)


def parse_batch_size(text: str) -> int | None:
    """The value of --batch-size: a number, or None for auto."""
    from intermask_cli.errors import InputError

    if text == "auto":
        return None
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise InputError(f"--batch-size {text}: accepted are auto and 1 or more")
    return int(text)
