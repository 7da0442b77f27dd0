"""Ids of prompts: safe as file names, unique, and independent of the order of lines."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from intermask_cli.datasets.tables import MAX_ID_LENGTH, safe_id

#: Hexadecimal digits that distinguish ids that became equal.
_DIGITS = 8


class Line(NamedTuple):
    """Where a prompt stands, and the id that the user gave it, or None: then its file and line name it."""

    given: str | None
    file: str
    line: int


def unique_ids(lines: Sequence[Line]) -> list[str]:
    """A safe id for each prompt, in order: the given one, else `<file stem>-<line>`.

    Of ids that would become equal, the one that is written so already stays as it is; the others get a hash
    of what the user wrote, so other lines and their order do not matter. Files of one name are distinguished
    by as many of their folders as needed.
    """
    stems = distinct_stems({line.file for line in lines})
    bases = [_base(line, stems[line.file]) for line in lines]
    count = Counter(bases)
    exact = {line.given for line in lines if line.given is not None}
    taken = set(exact)
    times: Counter[str] = Counter()
    ids: list[str] = []
    for line, base in zip(lines, bases, strict=True):
        if line.given != base and (count[base] > 1 or base in exact):
            origin = base if line.given is None else line.given
            times[origin] += 1  # a file given twice has each of its lines twice
            if line.given is not None or base in exact or times[origin] > 1:
                base = _with_hash(base, f"{origin}\n{times[origin]}", taken)
        taken.add(base)
        ids.append(base)
    return ids


def _base(line: Line, stem: str) -> str:
    fallback = f"{stem}-{line.line}"
    return fallback if line.given is None else safe_id(line.given, fallback)


def distinct_stems(files: set[str]) -> dict[str, str]:
    """A safe name for each file: its stem, with as many folders before it as needed to differ."""
    stems: dict[str, str] = {}
    depth = 1
    left = set(files)
    while left:
        names = {
            file: safe_id("-".join([*Path(file).parts[-depth:-1], Path(file).stem]), "prompts")
            for file in left
        }
        count = Counter(names.values())
        complete = {file for file in left if depth >= len(Path(file).parts)}
        stems |= {file: name for file, name in names.items() if count[name] == 1 or file in complete}
        left -= stems.keys()
        depth += 1
    return stems


def _with_hash(base: str, origin: str, taken: set[str]) -> str:
    """`base` with the first digits of the hash of `origin`: more of them where that id is taken."""
    digest = hashlib.sha256(origin.encode("utf-8", "surrogatepass")).hexdigest()
    ids = (f"{base[: MAX_ID_LENGTH - n - 1].rstrip('-')}-{digest[:n]}" for n in range(_DIGITS, len(digest)))
    return next(id for id in ids if id not in taken)
