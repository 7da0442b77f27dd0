"""Reads prompt files into prompts and rejected lines; a bad line does not stop the others.

Formats: `.txt` (one prompt per line, `#` comments), `.csv` / `.tsv` (header with `text`), `.jsonl`
(one object per line), `.json` (a list of objects), folders of these, and `-` (standard input). Known columns:
`id text frames seconds seed samples tags`; others are carried through unchanged. The `index.csv` of a run
makes the same interactions again. `prompts/README.md` has examples.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from intermask_cli.config import DEFAULT_SECONDS, LONGEST_FRAMES
from intermask_cli.datasets.interactions import OPTIONAL_COLUMNS
from intermask_cli.datasets.spreadsheets import without_guard
from intermask_cli.datasets.tables import (
    MAX_ID_LENGTH,
    RawRecord,
    Rejected,
    clean_text,
    parse_records,
    safe_id,
    type_name,
    usable_text,
)
from intermask_cli.datasets.text_lines import UnusableLine, check_text, stripped
from intermask_cli.errors import InputError
from intermask_cli.generation.prompts.foreign import HASH_FPS, ForeignLines, json_records
from intermask_cli.generation.prompts.ids import Line, unique_ids
from intermask_cli.generation.prompts.seeds import MAX_SEED
from intermask_cli.generation.prompts.sources import PromptSource, open_sources
from intermask_cli.generation.prompts.traps import Traps
from intermask_cli.reading.phases import split_phases

#: Samples of one prompt; a larger number is most likely a seed or a length in the wrong column.
MAX_SAMPLES = 100_000
#: Extra columns of all prompt files together; each becomes a column of the dataset's index.
MAX_CARRIED_COLUMNS = 64
#: From here on floats, and so spreadsheets and JavaScript, leave out whole numbers.
_EXACT_FLOAT = 2**53


#: Where prompts given one by one come from, as messages name it.
COMMAND_LINE = "--prompt"
#: Characters of a text that a run directory is named by.
_TEXT_IN_NAME = 40


@dataclass(frozen=True)
class FrameLimits:
    """Which lengths are accepted; `limit_name` names the longest length in messages.

    `one_phase` is the name of a model that makes no phases; "" where phases are accepted.
    """

    fps: float = 30.0
    shortest: int = 4
    longest: int = LONGEST_FRAMES
    limit_name: str = "the limit of one clip"
    one_phase: str = ""

    def default_length(self, frames: int | None, seconds: float | None) -> int:
        """Frames of prompts that state no length, from --frames or --seconds; without both, 5 seconds."""
        if frames is None and seconds is None:
            return min(round(DEFAULT_SECONDS * self.fps), self.longest)
        try:
            count = _frames(frames, seconds, self)
        except UnusableLine as error:
            raise InputError(f"the command line {error}") from error
        assert count is not None
        return count


@dataclass(frozen=True)
class Prompt:
    """One accepted line: `frames`, `seed` and `samples` are None if the file does not state them.

    Only a prompt from the command line has an empty id. `source_id` is the id as the user wrote it, ""
    for none. A row of a run's `index.csv` is one sample: `sample`
    is its number, `id` its complete id and `seed` its own seed.
    """

    id: str
    text: str
    file: str
    line: int
    frames: int | None = None
    seed: int | None = None
    samples: int | None = None
    sample: int | None = None
    source_id: str = ""
    carried: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PromptSet:
    """All prompts in file and line order, ids unique; rejected lines; and notes on how files were read."""

    prompts: list[Prompt]
    rejected: list[Rejected]
    notes: tuple[str, ...] = ()


def read_prompts(
    sources: Iterable[str | Path],
    limits: FrameLimits = FrameLimits(),
    format: str | None = None,
    hash_fps: float = HASH_FPS,
    texts: Sequence[str] = (),
    text: str | None = None,
) -> PromptSet:
    """Read all files and folders; `-` is standard input. Single `texts` come after them.

    format: of all of them (`sources.FORMATS`); by suffix if None. hash_fps: frames per second of lines
    `text#frames`. text: of lines without one, which are rejected if it is None.

    Raises:
        InputError: a file cannot be used at all (missing, unknown suffix, no `text` column, UTF-16).
    """
    collector = _Collector(limits, hash_fps, text)
    for source in open_sources(sources, format):
        collector.add_file(source)
    for number, text in enumerate(texts, 1):
        collector.add_text(number, text)
    return collector.result()


def prompts_of(source: PromptSource, limits: FrameLimits = FrameLimits()) -> PromptSet:
    """Read prompts that are in memory already, as those of a file of that name and format."""
    collector = _Collector(limits, HASH_FPS)
    collector.add_file(source)
    return collector.result()


def react_prompts(text: str | None, file: str | Path | None) -> PromptSet:
    """Prompts of a reaction: one text without an id, a file, or neither (an empty text, so no condition).

    Lengths in the file are dropped, since the given motion has its own.
    """
    if text is not None and file is not None:
        raise InputError("--prompt and --prompts exclude each other; give one")
    if file is not None:
        from_file = read_prompts([file])
        return replace(from_file, prompts=[replace(prompt, frames=None) for prompt in from_file.prompts])
    prompt_text = "" if text is None else usable_text(text, "--prompt")
    split_phases(prompt_text)  # raises InputError for an empty phase
    return PromptSet([Prompt("", prompt_text, "--prompt", 1)], [])


def default_run_name(sources: Sequence[str | Path], first_text: str = "") -> str:
    """Name of the run directory: the prompt file's, that of several files' folder, or the first text's."""
    if not sources:
        return safe_id(first_text[:_TEXT_IN_NAME], "prompt")
    if len(sources) == 1:
        return "stdin" if str(sources[0]) == "-" else safe_id(Path(sources[0]).stem, "prompts")
    parents = {Path(source).resolve().parent for source in sources}
    return safe_id(parents.pop().name, "prompts") if len(parents) == 1 else "prompts"


class _Collector:
    """Checks raw records and gives every prompt a unique, safe id."""

    def __init__(self, limits: FrameLimits, hash_fps: float, text: str | None = None):
        self.limits, self.text = limits, text
        self.foreign, self.traps = ForeignLines(hash_fps), Traps()
        self.prompts: list[Prompt] = []  # with ids as written, until `result`
        self.rejected: list[Rejected] = []
        self.notes: list[str] = []
        self.given_ids: dict[str, str] = {}  # id as written -> file and line
        self.columns: set[str] = set()

    def add_file(self, source: PromptSource) -> None:
        name = source.name
        self.notes += [source.note] if source.note else []
        for line, raw in self._records(source):
            try:
                record = raw if isinstance(raw, str) else self.foreign.phases(raw)
                if isinstance(record, str):
                    raise UnusableLine(record)
                if source.format == "txt":
                    self.traps.text_line(record["text"])
                    record = self.foreign.text_line(record)
                else:
                    self.traps.record(record)
                self.prompts.append(self._prompt(name, line, record))
            except UnusableLine as error:
                self.rejected.append(Rejected(name, line, str(error)))
        self.notes += [*self.foreign.notes(name), *self.traps.notes(name)]

    def add_text(self, number: int, text: str) -> None:
        """One prompt from the command line, the number-th of them."""
        try:
            self.prompts.append(self._prompt(COMMAND_LINE, number, {"text": text}))
        except UnusableLine as error:
            self.rejected.append(Rejected(COMMAND_LINE, number, str(error)))

    def _records(self, source: PromptSource) -> Iterable[RawRecord]:
        if source.format == "json":
            return json_records(source.data, source.name)
        return parse_records(source.data, f".{source.format}", source.name, self.text is None)

    def result(self) -> PromptSet:
        ids = unique_ids([Line(prompt.id or None, prompt.file, prompt.line) for prompt in self.prompts])
        prompts = [replace(prompt, id=id) for prompt, id in zip(self.prompts, ids, strict=True)]
        changed = sum(prompt.id not in ("", id) for prompt, id in zip(self.prompts, ids, strict=True))
        if changed:
            were = f"{changed:,} ids were" if changed > 1 else "1 id was"
            self.notes.append(
                f"{were} changed to be safe as file names; column source_id has them as written"
            )
        return PromptSet(prompts, self.rejected, tuple(self.notes))

    def _prompt(self, name: str, line: int, raw: dict[str, Any]) -> Prompt:
        """The checked values of one record; its id is the one written, "" for none."""
        values = {key: value for key, value in raw.items() if value is not None}
        sample = _sample_of_a_run(values)
        if sample is not None:
            values = {key: without_guard(value) for key, value in values.items() if key != "sample"}
        written = values.pop("text", None)
        text = self.text if written is None and self.text is not None else clean_text(written)
        try:
            phases = split_phases(text)
        except InputError as error:
            raise UnusableLine(
                "has a text with an empty phase; give words on both sides of every '|'"
            ) from error
        if len(phases) > 1 and self.limits.one_phase:
            raise UnusableLine(f"has phases ('|'), which '{self.limits.one_phase}' does not make; give one")
        frames = _frames(values.pop("frames", None), values.pop("seconds", None), self.limits)
        seed = _seed(values.pop("seed", None))
        samples = _integer("samples", values.pop("samples", None), 1, MAX_SAMPLES)
        given = _id(values.pop("id", None))
        source_id = given or ""
        if sample is not None:
            source_id = str(values.pop("source_id", ""))
            values = {key: value for key, value in values.items() if key not in OPTIONAL_COLUMNS}
        carried = _carried(values)
        if len(self.columns | carried.keys()) > MAX_CARRIED_COLUMNS:
            raise UnusableLine(f"exceeds the limit of {MAX_CARRIED_COLUMNS} extra columns")
        if given is not None:
            if given in self.given_ids:
                earlier = self.given_ids[given]
                raise UnusableLine(
                    f"id '{given[:MAX_ID_LENGTH]}' was already used at {earlier}; ids must differ"
                )
            self.given_ids[given] = f"{name} line {line}"
        self.columns |= carried.keys()
        return Prompt(given or "", text, name, line, frames, seed, samples, sample, source_id, carried)


def _sample_of_a_run(values: Mapping[str, Any]) -> int | None:
    """The sample number of a row of a run's `index.csv`, or None for any other record."""
    if "samples" in values or not {"id", "sample", "seed", "frames"} <= values.keys():
        return None
    number = str(values["sample"]).strip()
    return (
        int(number)
        if re.fullmatch(r"\d{1,6}", number) and str(values["id"]).endswith(f"-s{number}")
        else None
    )


def _id(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is None:
        return None
    if not isinstance(value, str):
        raise UnusableLine(f"has a {type_name(value)} as id; expected a string")
    check_text(value)
    return stripped(value) or None


def _number(name: str, value: Any) -> float | int:
    """A number from a cell or a JSON value; integers of any size stay exact."""
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            pass
        try:
            return float(value)
        except ValueError:
            check_text(value)
            raise UnusableLine(f"has {name}={value.strip()[:40]!r}; expected a number") from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnusableLine(f"has a {type_name(value)} as {name}; expected a number")
    return value


def _seed(value: Any) -> int | None:
    """A seed; a number that a spreadsheet or a float has rounded is not the seed that was meant."""
    number = None if value is None else _number("seed", value)
    if isinstance(number, float) and abs(number) >= _EXACT_FLOAT:
        raise UnusableLine(
            f"has seed={str(value).strip()[:40]}, which has lost digits; "
            "write the whole number (format the column as text)"
        )
    return _integer("seed", value, 0, MAX_SEED)


def _integer(name: str, value: Any, low: int, high: int) -> int | None:
    if value is None:
        return None
    number = _number(name, value)
    if not low <= number <= high or number != int(number):
        raise UnusableLine(f"has {name}={_short(number)}; expected a whole number from {low} to {high:,}")
    return int(number)


def _frames(frames: Any, seconds: Any, limits: FrameLimits) -> int | None:
    if frames is not None and seconds is not None:
        raise UnusableLine("has both frames and seconds; give one")
    if seconds is not None:
        value = _number("seconds", seconds)
        if not 0 < value < math.inf:
            raise UnusableLine(f"has seconds={_short(value)}; expected a positive, finite number")
        count = round(min(value, 1e9) * limits.fps)
    elif frames is not None:
        number = _integer("frames", frames, 0, MAX_SEED)
        assert number is not None
        count = number
    else:
        return None
    if count < limits.shortest:
        raise UnusableLine(f"asks for {count} frames; the shortest clip has {limits.shortest}")
    if count > limits.longest:
        raise UnusableLine(
            f"asks for {_short(count)} frames ({count / limits.fps:.4g} s); "
            f"{limits.limit_name} is {limits.longest:,} ({limits.longest / limits.fps:g} s)"
        )
    return count


def _carried(values: dict[str, Any]) -> dict[str, str]:
    """Extra columns as text; JSON values other than strings stay JSON."""
    tags = values.get("tags")
    if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags):
        values["tags"] = ",".join(tags)
    elif tags is not None and not isinstance(tags, str):
        raise UnusableLine(f"has a {type_name(tags)} as tags; expected a string or a list of strings")
    carried = {}
    for key, value in values.items():
        if not key.strip():
            continue
        plain = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        check_text(key + plain)
        carried[key.strip()] = plain
    return carried


def _short(value: float | int) -> str:
    if isinstance(value, int) and abs(value) < 10**15:
        return f"{value:,}"
    return f"{float(value) if isinstance(value, float) else float(max(-(10**300), min(value, 10**300))):g}"
