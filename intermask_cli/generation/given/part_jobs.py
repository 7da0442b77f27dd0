"""Jobs that keep a part of given pairs, from options and tables: continue, join, edit.

A table has one job per line. Its columns are those of prompt files, and those of the task (`columns_of`);
what a line leaves out, the options say. Lines that cannot be used are rejected, with the reason; the others
are made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.config import BODY_ROWS, FRAMES_PER_TOKEN, LONGEST_FRAMES, PERSONS
from intermask_cli.datasets.tables import Rejected, usable_text
from intermask_cli.errors import InputError
from intermask_cli.generation.given.pairs import GivenPair, PairFile, PairReader, pairs_in
from intermask_cli.generation.prompts.read import FrameLimits, Prompt, read_prompts
from intermask_cli.models.bundle_info import BundleInfo
from intermask_cli.motion.skeleton import FPS, JOINT
from intermask_cli.reading.phases import split_phases

#: Suffixes of tables of jobs; no motion file has one of them.
TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl")
#: People who act together rarely run faster: a stretch between two clips that needs more is too short.
_FASTEST_M_PER_S = 3.0


class PartTask(str, Enum):
    """What is made; the value is the name of the command."""

    extend = "extend"
    inbetween = "inbetween"
    edit = "edit"


#: Columns of each task's tables that name files, each with that of its second file.
FILES = {
    PartTask.extend: (("motion", "with"),),
    PartTask.inbetween: (("start", "start_with"), ("end", "end_with")),
    PartTask.edit: (("motion", "with"),),
}
#: Columns that only edits have.
EDIT_COLUMNS = ("person", "rows", "from", "to")


def columns_of(task: PartTask) -> tuple[str, ...]:
    """Columns of a task's tables in addition to those of prompt files."""
    files = tuple(name for pair in FILES[task] for name in pair)
    return files + (EDIT_COLUMNS if task is PartTask.edit else ())


@dataclass(frozen=True)
class PartJob:
    """One clip to make, as plain data.

    Attributes:
        files, sha256: the pairs that it starts from, and hashes of what they held when the run began.
        frames: how many are made new, of an extension or between two clips.
        persons, rows, start, stop: what an edit makes again, and in which frames.
    """

    task: PartTask
    files: tuple[PairFile, ...]
    sha256: tuple[str, ...]
    frames: int = 0
    persons: tuple[int, ...] = ()
    rows: tuple[int, ...] = ()
    start: int = 0
    stop: int = 0

    def identity(self) -> list[Any]:
        """What changes the clip; where the files are does not."""
        return [self.sha256, self.frames, self.persons, self.rows, self.start, self.stop]


@dataclass(frozen=True)
class PairRead:
    """How a pair was read, for the report on it."""

    path: str
    source: str
    bones: str
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class PartJobs:
    """Jobs with their prompts, in order; rejected lines and motions; notes; how pairs were read."""

    jobs: list[tuple[Prompt, PartJob]]
    rejected: list[Rejected]
    notes: tuple[str, ...]
    pairs: list[PairRead]


@dataclass(frozen=True)
class PartWishes:
    """What a user asks for: files with the options that hold for all of them, and tables.

    Attributes:
        values: options by the columns of tables (`columns_of`), as text.
        motions: pairs to continue or edit: files, items, runs with all of their items.
        tables: files of jobs.
        text: of jobs whose line has none; None is the text of the pair, if it has one.
        frames: of jobs whose line gives no length.
    """

    task: PartTask
    values: Mapping[str, str]
    motions: tuple[str, ...]
    tables: tuple[str, ...]
    text: str | None
    frames: int


def wishes_of(
    task: PartTask,
    inputs: Sequence[str],
    values: Mapping[str, str | None],
    text: str | None,
    frames: int,
) -> PartWishes:
    """What a user asks for, from files of any kind and options (`PartWishes`), of which None are not given.

    One motion given with tables is that of their lines that name none.

    Raises:
        InputError: nothing to start from, or several motions with a table.
    """
    given = {name: value for name, value in values.items() if value is not None}
    tables = tuple(name for name in inputs if Path(name).suffix.lower() in TABLE_SUFFIXES)
    motions = tuple(name for name in inputs if name not in tables)
    needed = [name for name, _ in FILES[task]]
    if task is PartTask.inbetween and motions:
        raise InputError(
            f"{motions[0]}: no table of jobs ({', '.join(TABLE_SUFFIXES)}); give clips with --start and --end"
        )
    if task is not PartTask.inbetween and tables and motions:
        if len(motions) > 1:
            raise InputError(f"{len(motions)} motions with a table; give one, for lines that name none")
        given[needed[0]], motions = motions[0], ()
    if not tables and not motions and not all(name in given for name in needed):
        options = " and ".join(f"--{name}" for name in needed) if task is PartTask.inbetween else "a motion"
        raise InputError(f"nothing to start from; give {options}, or a table of jobs")
    if text is not None:
        text = usable_text(text, "--prompt")
        split_phases(text)  # raises InputError for an empty phase
    return PartWishes(task, given, motions, tables, text, frames)


def length_limits(task: PartTask, info: BundleInfo) -> FrameLimits:
    """How many frames can be made new: between two clips, what the window holds with a token of each."""
    if task is PartTask.inbetween:
        longest = info.max_frames - 2 * FRAMES_PER_TOKEN
        return FrameLimits(
            info.fps, longest=longest, limit_name=f"what '{info.name}' makes between two clips"
        )
    return FrameLimits(info.fps)


def read_jobs(wishes: PartWishes, info: BundleInfo, read: PairReader) -> PartJobs:
    """Every job, with its pairs read once.

    Raises:
        InputError: no pair is given; a table that cannot be used at all; the only job that there is cannot be
            made.
    """
    lines, rejected, notes = _lines(wishes, info)
    reader = _Reader(wishes, info, read)
    jobs: list[tuple[Prompt, PartJob]] = []
    for prompt, files in lines:
        try:
            jobs.append(reader.job(prompt, files))
        except InputError as error:
            if len(lines) == 1 and not rejected:
                raise
            line = prompt.line if wishes.tables else 0
            rejected.append(Rejected(prompt.file, line, str(error).removeprefix(f"{prompt.file}: ")))
    if not jobs:
        first = rejected[0]
        where = f"{first.file} line {first.line}" if first.line else f"{first.file}:"
        raise InputError(f"none of {len(rejected)} jobs can be made; {where} {first.reason}")
    rejected.sort(key=lambda bad: (bad.file, bad.line))
    return PartJobs(jobs, rejected, notes, list(reader.reports.values()))


#: A prompt with its task's columns, and the files of its pairs.
_Line = tuple[Prompt, tuple[PairFile, ...]]


def _lines(wishes: PartWishes, info: BundleInfo) -> tuple[list[_Line], list[Rejected], tuple[str, ...]]:
    """All jobs before their pairs are read, rejected lines, notes."""
    if wishes.tables:
        found = read_prompts(wishes.tables, length_limits(wishes.task, info), text=wishes.text or "")
        return [(prompt, _files_of(prompt, wishes)) for prompt in found.prompts], found.rejected, found.notes
    columns = FILES[wishes.task]
    if len(columns) > 1:
        given = [PairFile(wishes.values[name], wishes.values.get(second)) for name, second in columns]
        return [(Prompt("", wishes.text or "", given[0].path, 1), tuple(given))], [], ()
    pairs = pairs_in(wishes.motions, wishes.values.get(columns[0][1]))
    return [(Prompt("", wishes.text or "", str(pair), 1), (pair,)) for pair in pairs], [], ()


def _files_of(prompt: Prompt, wishes: PartWishes) -> tuple[PairFile, ...]:
    """The files of a line, below the folder of its table; those that it leaves out are the options'."""
    folder = Path(prompt.file).parent if Path(prompt.file).is_file() else Path()
    files = []
    for name, second in FILES[wishes.task]:
        if name in prompt.carried:
            other = prompt.carried.get(second)
            files.append(
                PairFile(
                    _below(folder, prompt.carried[name]), None if other is None else _below(folder, other)
                )
            )
        else:
            files.append(PairFile(wishes.values.get(name, ""), wishes.values.get(second)))
    return tuple(files)


def _below(folder: Path, name: str) -> str:
    return str(folder / name)


@dataclass
class _Reader:
    """Reads the pairs of jobs, each once, and checks every job against what it holds."""

    wishes: PartWishes
    info: BundleInfo
    read: PairReader
    reports: dict[PairFile, PairRead] = field(default_factory=dict)
    hashes: dict[PairFile, str] = field(default_factory=dict)

    def job(self, prompt: Prompt, files: tuple[PairFile, ...]) -> tuple[Prompt, PartJob]:
        """A line's job, and its prompt with its text, its length, and how it is called."""
        for file, (column, _) in zip(files, FILES[self.wishes.task], strict=True):
            if not file.path:
                raise InputError(f"has no {column}; give a motion file, or an item of a run as RUN#ID")
        pairs = [self._pair(file) for file in files]
        task, values = self.wishes.task, {**self.wishes.values, **prompt.carried}
        text = prompt.text or pairs[0].text if self.wishes.text is None and len(files) == 1 else prompt.text
        if task is not PartTask.extend and len(split_phases(text)) > 1:
            raise InputError(f"'{text}' has several phases; give --prompt with one, or continue with extend")
        job = PartJob(task, files, tuple(self.hashes[file] for file in files))
        if task is PartTask.edit:
            job = _edit(job, values, pairs[0].motion.frames, self.info)
        else:
            frames = prompt.frames or self.wishes.frames
            job = replace(job, frames=frames - frames % FRAMES_PER_TOKEN)
        total = sum(pair.motion.frames for pair in pairs) + job.frames
        if total > LONGEST_FRAMES:
            raise InputError(
                f"{total:,} frames in all; accepted: up to {LONGEST_FRAMES:,} ({LONGEST_FRAMES / FPS / 60:g} "
                "minutes); give a part with --start and --end"
            )
        if task is PartTask.inbetween:
            self._check_distance(pairs, files, job.frames)
        carried = {**_carried(job, files), **prompt.carried}
        return replace(prompt, text=text, frames=total, carried=carried), job

    def _pair(self, file: PairFile) -> GivenPair:
        pair = self.read(file)
        if file not in self.reports:
            self.reports[file] = PairRead(str(file), "; ".join(pair.source), "", pair.warnings)
            self.hashes[file] = pair.sha256
        return pair

    def _check_distance(self, pairs: Sequence[GivenPair], files: Sequence[PairFile], frames: int) -> None:
        """Warn of a way that takes longer than there is time."""
        before, after = (pair.motion.joints[:, :, JOINT["pelvis"]] for pair in pairs)  # (2, T, 3)
        ways = np.linalg.norm(after[:, 0] - before[:, -1], axis=-1)
        speed = float(ways.max()) / (frames / FPS)
        if speed > _FASTEST_M_PER_S:
            report = self.reports[files[1]]
            line = (
                f"person {int(ways.argmax()) + 1} has {ways.max():.1f} m to go in {frames / FPS:.1f} s from "
                "the end of one clip to the start of the other; are both in one world frame?"
            )
            self.reports[files[1]] = replace(report, warnings=(*report.warnings, line))


def _carried(job: PartJob, files: Sequence[PairFile]) -> dict[str, str]:
    """Columns of the index that say what a clip was made from."""
    carried = {name: file.shown for file, (name, _) in zip(files, FILES[job.task], strict=True)}
    if job.task is PartTask.edit:
        carried |= {
            "person": ",".join(str(person + 1) for person in job.persons),
            "rows": ",".join(map(str, job.rows)),
            "from": f"{job.start}f",
            "to": f"{job.stop}f",
        }
    return carried


def _edit(job: PartJob, values: Mapping[str, str], frames: int, info: BundleInfo) -> PartJob:
    """The job with what is edited."""
    persons = _numbers(values.get("person", ""), "person", 1, PERSONS)
    start = _frame(values.get("from", "0"), "from")
    stop = frames if "to" not in values else _frame(values["to"], "to")
    if not start < stop <= frames:
        raise InputError(
            f"from frame {start} ({start / FPS:g} s) to frame {stop} ({stop / FPS:g} s); accepted: a range "
            f"within {frames} frames ({frames / FPS:g} s)"
        )
    if stop - start > (most := info.max_frames - 2 * FRAMES_PER_TOKEN):
        raise InputError(
            f"{stop - start} frames to edit; '{info.name}' makes up to {most} ({most / FPS:g} s) at a time; "
            "give less with from and to"
        )
    rows = _numbers(values.get("rows", ""), "rows", 0, BODY_ROWS - 1)
    return replace(job, persons=tuple(p - 1 for p in persons), rows=rows, start=start, stop=stop)


def _numbers(text: str, what: str, low: int, high: int) -> tuple[int, ...]:
    """`3,4` or `[3, 4]` -> numbers from low to high, in order; all of them where nothing is given."""
    parts = re.sub(r"[\[\],+]", " ", text).split()
    if not parts:
        return tuple(range(low, high + 1))
    if not all(re.fullmatch(r"[0-9]{1,4}", part) and low <= int(part) <= high for part in parts):
        listed = ", ".join(map(str, range(low, high + 1)))
        raise InputError(f"{what} {text!r}; accepted: one or more of {listed}, such as {low},{high}")
    return tuple(sorted({int(part) for part in parts}))


def _frame(text: str, what: str) -> int:
    """Seconds (`1.5`, `1.5s`), or frames (`45f`) -> a frame at 30 fps."""
    match = re.fullmatch(r"\s*(?:([0-9]+)\s*f|([0-9]*\.?[0-9]+|[0-9]+\.)\s*s?)\s*", text.lower(), re.ASCII)
    if match is None or len(text) > 20:
        raise InputError(f"{what} {text!r}; accepted: seconds such as 1.5, or frames such as 45f")
    return int(match[1]) if match[1] else round(float(match[2]) * FPS)
