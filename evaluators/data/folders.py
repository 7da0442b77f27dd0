"""Folders of motions that another system made, with their captions: scored as they are.

Captions stand in a table (`captions.csv`, or the only .csv, .tsv or .jsonl of the folder), one row per pair:

* `text` with `pair` (a file of both people) or `person1` and `person2`, as in `intermask data pairs`; or
* `text` with `id`, the name of the files without suffix: `ID.npy`, or one file per person, such as
  `ID_person1.bvh` and `ID_person2.bvh`, or `person1/ID.npy` and `person2/ID.npy`.

Without a table each motion has its caption in a text file of its name, as in HumanML3D's `texts/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from evaluators.data.sets import BOTH_PERSONS, InteractionSet
from intermask_cli.console import counter, warn
from intermask_cli.datasets.interactions import FILE_NAME
from intermask_cli.datasets.interhuman.pair_table import FILE_COLUMNS, PairRow, read_table
from intermask_cli.datasets.interhuman.pairs import read_pair
from intermask_cli.datasets.motion_files.read_options import MOTION_SUFFIXES, ReadOptions
from intermask_cli.datasets.tables import Rejected, parse_records
from intermask_cli.datasets.text_files import decoded
from intermask_cli.errors import InputError
from intermask_cli.motion.motion import Motion

#: Tables are looked for under these names first.
TABLE_NAMES = ("captions.csv", "captions.tsv", "captions.jsonl")
_TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl")
_CAPTION_COLUMNS = ("text", "caption", "prompt")
_ID_COLUMNS = ("id", "name", "file", "filename", "motion")
#: The end of a name that says whose motion a file holds.
_PERSON = re.compile(r"^(?P<id>.+?)[-_. ](?:person|p|actor|human)[-_ ]?(?P<person>[12])$", re.IGNORECASE)
_PERSON_FOLDER = re.compile(r"^(?:person|p|actor|human)[-_ ]?(?P<person>[12])$", re.IGNORECASE)
#: Separates a caption from the parts of speech in HumanML3D's text files.
_CAPTION_END = "#"


def is_folder_of_motions(path: Path) -> bool:
    """A folder that is not a run."""
    return path.is_dir() and not (path / FILE_NAME).is_file()


def folder_set(folder: Path, rotations: bool = True) -> InteractionSet:
    """All pairs of a folder, read as `read_people` reads them: metres, Y up, 30 fps.

    Pairs that cannot be read are in `left_out`. Raises InputError without captions or any usable pair.
    """
    rows, rejected = _listed(folder)
    left_out = [(bad.id or f"line {bad.line}", bad.reason) for bad in rejected]
    read: list[tuple[PairRow, Motion]] = []
    warnings: list[str] = []
    with counter(f"read {folder}", len(rows), "pairs") as progress:
        for row in rows:
            try:
                pair = read_pair(row, folder, ReadOptions())
            except (InputError, OSError) as error:  # OSError: a cell that cannot be a file name
                left_out.append((row.id, str(error)))
            else:
                item = pair.interaction
                read.append((row, Motion(item.joints, item.rotations6d if rotations else None)))
                warnings += [f"{row.id}: {text}" for text in pair.warnings]
            progress.advance()
    if not read:
        first = f"; the first: {left_out[0][0]}: {left_out[0][1]}" if left_out else ""
        raise InputError(f"{folder}: no usable pair of motions{first}")
    if warnings:
        more = f" ({len(warnings)} such remarks; `intermask info FILE` shows those of a file)"
        warn(warnings[0] + (more if len(warnings) > 1 else ""))
    prompts = tuple(row.captions[0] for row, _ in read)
    samples = tuple(prompts[:i].count(prompt) for i, prompt in enumerate(prompts))
    return InteractionSet(
        str(folder), tuple(row.id for row, _ in read), prompts, tuple(motion for _, motion in read), samples,
        (None,) * len(read), (BOTH_PERSONS,) * len(read), left_out=tuple(left_out),
    )  # fmt: skip


def _listed(folder: Path) -> tuple[list[PairRow], list[Rejected]]:
    """Pairs to read, in order, and rows that cannot be used."""
    files = _motion_files(folder)
    table = _table_of(folder)
    if table is None:
        rows = [
            _row_of(id, persons, _caption_of(folder, id))
            for id, persons in sorted(files.items())
            if _caption_of(folder, id)
        ]
        if not rows:
            raise InputError(
                f"{folder}: neither {FILE_NAME} nor captions; accepted: a run, or motions with "
                f"{TABLE_NAMES[0]} (columns id or pair, and text) or a text file each"
            )
        return rows, []
    records = list(parse_records(table.read_bytes(), table.suffix.lower(), str(table)))
    names = {name.lower() for _, record in records if not isinstance(record, str) for name in record}
    if names & set(FILE_COLUMNS):
        listed = read_table(table)
        return listed.rows, listed.rejected
    return _by_id(table, records, files)


def _by_id(
    table: Path, records: Sequence[tuple[int, Any]], files: Mapping[str, dict[int, str]]
) -> tuple[list[PairRow], list[Rejected]]:
    """Rows of a table of ids and captions, with the files of each id."""
    rows, rejected = [], []
    for line, record in records:
        if isinstance(record, str):
            rejected.append(Rejected(str(table), line, record))
            continue
        cells = {name.lower(): str(cell).strip() for name, cell in record.items() if cell is not None}
        caption = next((cells[name] for name in _CAPTION_COLUMNS if cells.get(name)), "")
        name = next((cells[name] for name in _ID_COLUMNS if cells.get(name)), "")
        id = name if name in files else str(Path(name).with_suffix("")) if name else ""
        if not caption or id not in files:
            accepted = (
                f"a column {_ID_COLUMNS[0]} with a file's name without suffix, and {_CAPTION_COLUMNS[0]}"
            )
            problem = f"no motion file of {name!r}" if name and caption else "no caption or no id"
            rejected.append(Rejected(str(table), line, f"{problem}; accepted: {accepted}", id or None))
            continue
        rows.append(replace(_row_of(id, files[id], caption), lines=(line,)))
    return rows, rejected


def _row_of(id: str, persons: Mapping[int, str], caption: str) -> PairRow:
    """Files by person; 0 is a file of both."""
    paths = (persons[0],) if 0 in persons else tuple(persons[number] for number in sorted(persons))
    return PairRow(id, (0,), paths, {}, (caption,), "test")


def _motion_files(folder: Path) -> dict[str, dict[int, str]]:
    """Motion files below a folder by id and person (1, 2; 0 is a file of both), relative to the folder."""
    found: dict[str, dict[int, str]] = {}
    for path in _files_below(folder):
        if path.suffix.lower() not in MOTION_SUFFIXES:
            continue
        relative = path.relative_to(folder)
        named, held = _PERSON.match(path.stem), _PERSON_FOLDER.match(path.parent.name)
        if named:
            id, person = relative.with_name(named["id"]).as_posix(), int(named["person"])
        elif held and len(relative.parts) > 1:
            id, person = (relative.parent.parent / path.stem).as_posix(), int(held["person"])
        else:
            id, person = relative.with_suffix("").as_posix(), 0
        found.setdefault(id, {})[person] = relative.as_posix()
    return found


def _files_below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            yield path


def _table_of(folder: Path) -> Path | None:
    """The table of captions; InputError if several could be it."""
    for name in TABLE_NAMES:
        if (folder / name).is_file():
            return folder / name
    tables = [p for p in sorted(folder.iterdir()) if p.suffix.lower() in _TABLE_SUFFIXES and p.is_file()]
    if len(tables) > 1:
        names = ", ".join(path.name for path in tables)
        raise InputError(f"{folder}: several tables ({names}); call the one of the captions {TABLE_NAMES[0]}")
    return tables[0] if tables else None


def _caption_of(folder: Path, id: str) -> str:
    """First caption in the text file of a motion, next to it or in `texts/`; empty without one."""
    for path in (folder / f"{id}.txt", folder / "texts" / f"{id}.txt"):
        if path.is_file():
            lines = decoded(path)[0].splitlines()
            return next((line.split(_CAPTION_END)[0].strip() for line in lines if line.strip()), "")
    return ""
