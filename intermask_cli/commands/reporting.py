"""How commands report: notes and warnings on stderr, the result on stdout, the gallery."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import typer

from intermask_cli.console import emit_json, note, out, warn
from intermask_cli.errors import InputError

if TYPE_CHECKING:
    from intermask_cli.datasets.tables import Rejected
    from intermask_cli.generation.given.motions import ReactInput
    from intermask_cli.generation.given.part_jobs import PairRead, PartJobs
    from intermask_cli.generation.job import Job, Summary
    from intermask_cli.generation.prompts.read import PromptSet
    from intermask_cli.generation.workers.model_source import ModelSource

#: Number of bad lines shown on stderr; rejected.jsonl lists all.
SHOWN = 10
#: Interactions on the gallery page of a run, which does not wait for more; `intermask view` shows all.
GALLERY_ITEMS = 24


class Report(Protocol):
    """The result of a command: as lines of text, as one JSON object, and as an exit code."""

    @property
    def exit_code(self) -> int: ...
    def lines(self) -> list[str]: ...
    def as_json(self) -> dict[str, Any]: ...


def report(result: Report | None, json: bool) -> NoReturn:
    """Print a result on stdout and leave with its exit code; None (another worker reports) prints nothing."""
    if result is None:
        raise typer.Exit(0)
    if json:
        emit_json(result.as_json())
    else:
        for line in result.lines():
            out.print(line, markup=False)
    raise typer.Exit(result.exit_code)


def run_and_report(
    job: Job,
    run: Callable[[Job], Summary | None],
    longest_frames: int,
    json: bool,
    whole: bool = False,
) -> NoReturn:
    """Fill a run directory and end the command: gallery, notes on clean-up and seams, the result.

    longest_frames: what the model makes in one window; 0 for clips that keep what they were given. whole: as
    in `remote_job.run_at_url`.
    """
    from intermask_cli.generation.remote_job import run_at_url

    def run_and_describe(job: Job) -> Summary | None:
        result = run(job)
        if result is not None:
            add_gallery(result)
            print_readings(result.folder)
            print_cleanup_effect(result.folder)
            for line in seam_lines(result.folder, longest_frames):
                note(line)
        return result

    report(run_and_describe(job) if job.url is None else run_at_url(job, run_and_describe, whole), json)


def add_gallery(result: Summary) -> None:
    """Write the gallery page of a finished run, unless an earlier command already did."""
    from intermask_cli.export.viewer.gallery import write_gallery
    from intermask_cli.files import disk_errors
    from intermask_cli.generation.run.directory import GALLERY

    page = result.folder / GALLERY
    if result.merged and not (result.finished_before and page.exists()):
        with disk_errors(page):
            write_gallery(result.folder, page, limit=GALLERY_ITEMS)


def require_prompts(prompts: PromptSet, strict: bool) -> PromptSet:
    """Warn of bad lines and return the prompts; InputError without prompts, or with bad lines if `strict`."""
    for line in prompts.notes[:SHOWN]:
        note(line)
    for bad in prompts.rejected[:SHOWN]:
        warn(f"{bad.file} line {bad.line} {bad.reason}; skipped")
    if len(prompts.rejected) > SHOWN:
        warn(f"{len(prompts.rejected) - SHOWN:,} more bad lines")
    if strict and prompts.rejected:
        raise InputError(f"{len(prompts.rejected):,} bad prompt lines; nothing was made because of --strict")
    if not prompts.prompts:
        raise InputError("no usable prompt; a prompt file has one prompt per line (see prompts/README.md)")
    return prompts


def warn_rejected(rejected: Sequence[Rejected], strict: bool) -> None:
    """Warn of motions that cannot be used; with `strict` they are an InputError."""
    for bad in rejected[:SHOWN]:
        warn(f"{bad.file}: {bad.reason}; skipped")
    if len(rejected) > SHOWN:
        warn(f"{len(rejected) - SHOWN:,} more unusable motions")
    if strict and rejected:
        raise InputError(f"{len(rejected):,} unusable motions; nothing was made because of --strict")


def require_jobs(jobs: PartJobs, strict: bool) -> PartJobs:
    """Print how pairs were read, warn of lines and motions that cannot be used; return the jobs.

    Raises InputError if `strict` and there are such.
    """
    for line in jobs.notes[:SHOWN]:
        note(line)
    for bad in jobs.rejected[:SHOWN]:
        warn(f"{bad.file}{f' line {bad.line}' if bad.line else ''}: {bad.reason}; skipped")
    if len(jobs.rejected) > SHOWN:
        warn(f"{len(jobs.rejected) - SHOWN:,} more that cannot be used")
    if strict and jobs.rejected:
        raise InputError(f"{len(jobs.rejected):,} unusable jobs; nothing was made because of --strict")
    print_inputs(jobs.pairs)
    return jobs


def report_parts(job: Job, source: ModelSource, strict: bool, dry_run: bool, json: bool) -> NoReturn:
    """Run a job that keeps parts of what it is given, or only say what it would make, and end the command."""
    from intermask_cli.generation.estimate import estimate
    from intermask_cli.generation.job import run_job
    from intermask_cli.generation.prompt_sets.readings import read_texts

    if dry_run:
        report(estimate(job, source, strict), json)
    if strict:
        read_texts((item.text for item in job.plan.items), source, strict)
    run_and_report(job, run_job, 0, json)


def print_readings(folder: Path) -> None:
    """Print what the first texts of a finished run were read as, and warn of those outside."""
    from intermask_cli.datasets.interactions import FILE_NAME, InteractionFile
    from intermask_cli.generation.prompt_sets.readings import reading_line

    if not (folder / FILE_NAME).is_file():  # other shards are missing
        return
    with InteractionFile(folder) as dataset:
        if "read_as" not in dataset.columns:
            return
        wanted = ("prompt", "read_as", "read_confidence", "outside")
        names = [name for name in wanted if name in dataset.columns]
        columns = [dataset.column(name) for name in names]
    rows = list({row[0]: row for row in zip(*columns, strict=True)}.values())
    if "outside" not in names:
        rows = [(*row, "") for row in rows]
    rows = [row for row in rows if row[1]]  # a reaction may have no text
    inside = [row for row in rows if not row[3]]
    for row in inside[:SHOWN]:
        note(reading_line(*row))
    if len(inside) > SHOWN:
        note(f"{len(inside) - SHOWN:,} more texts; the column read_as of index.csv has all")
    outside = [row for row in rows if row[3]]
    for row in outside[:SHOWN]:
        warn(reading_line(*row))
    if outside:
        count = f"{len(outside):,} of {len(rows):,} texts are outside what the model knows"
        warn(f"{count}; the column outside says why")


def print_inputs(inputs: Sequence[ReactInput] | Sequence[PairRead]) -> None:
    """Print how the given motions were read, and the warnings of the reader."""
    for given in inputs[:SHOWN]:
        note(f"read {given.source}")
        if given.bones:
            note(f"{given.path}: {given.bones}")
    if len(inputs) > SHOWN:
        note(f"read {len(inputs) - SHOWN:,} more motions")
    for given in inputs:
        for warning in given.warnings:
            warn(f"{given.path}: {warning}")


def print_cleanup_effect(folder: Path) -> None:
    """Print physics before and after clean-up, if the run was cleaned."""
    from intermask_cli.cleanup.effect import EFFECT_LOG, read_effects

    if (folder / EFFECT_LOG).is_file():
        for line in read_effects(folder / EFFECT_LOG).lines():
            note(line)


def seam_lines(folder: Path, longest_frames: int) -> list[str]:
    """One line about the seams of clips longer than a window, or no line without such clips.

    With 0 frames for `longest_frames`, about those of clips that keep what they were given.
    """
    from statistics import fmean

    from intermask_cli.datasets.interactions import FILE_NAME, InteractionFile
    from intermask_cli.motion.skeleton import FPS

    if not (folder / FILE_NAME).is_file():  # other shards are missing
        return []
    with InteractionFile(folder) as dataset:
        frames = zip(dataset.ids, dataset.column("frames"), strict=True)
        # Only the long ones are opened: a run can have hundreds of thousands of others.
        seams = [(id, seam) for id, count in frames if count > longest_frames for seam in dataset.seams(id)]
    if not seams:
        return []
    ratios = [seam.jerk / max(seam.typical_jerk, 1e-9) for _, seam in seams]
    worst_id, worst = seams[ratios.index(max(ratios))]
    at_seams = fmean(seam.jerk for _, seam in seams)
    elsewhere = fmean(seam.typical_jerk for _, seam in seams)
    window = f"longer than {longest_frames / FPS:g} s, made window by window"
    return [
        f"clips {window if longest_frames else 'with given frames'}: {len({id for id, _ in seams}):,}; mean "
        f"jerk {at_seams:.1f} m/s³ at {len(seams):,} seams, {elsewhere:.1f} elsewhere; the "
        f"worst seam, frame {worst.frame} of {worst_id}, has {max(ratios):.2f} times that of its clip"
    ]
