"""Reactions to many given motions: finds and reads the files, and makes one plan over all of them.

The items of a file get the same seeds, motion and ends of ids as if it were the only file. Only the last
`_KEPT_IN_MEMORY` motions stay in memory, so its size does not grow with their number; others are read again
when their partners are made.
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from intermask_cli.config import LONGEST_FRAMES
from intermask_cli.datasets.interactions import FILE_NAME
from intermask_cli.datasets.motion_files.read_options import MOTION_SUFFIXES
from intermask_cli.datasets.tables import Rejected, safe_id
from intermask_cli.errors import InputError
from intermask_cli.files import without_absolute_paths
from intermask_cli.generation.prompts.read import Prompt
from intermask_cli.generation.run.plan import Plan, WorkItem, cut_into_parts, make_plan
from intermask_cli.generation.workers.loaders import GivenPerson
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.rig import as_rigid
from intermask_cli.motion.skeleton import FPS

if TYPE_CHECKING:
    from intermask_cli.datasets.motion_files.read import GivenMotion

#: Motions in memory, with their rotations; 64 of ten seconds take about 15 MB, and about 60 MB with skeletons
#: of 25 joints at 30 fps.
_KEPT_IN_MEMORY = 64
#: Path or FILE.h5#ID -> the person in it.
Reader = Callable[[str], "GivenMotion"]


@dataclass(frozen=True)
class ReactInput:
    """One given motion: its name, its path, and the hash of its content when the run began.

    `source` and `bones` describe how it was read; `warnings` are those of the reader.
    """

    name: str
    path: str
    frames: int
    sha256: str
    source: str
    bones: str = ""
    warnings: tuple[str, ...] = ()


def find_inputs(values: Sequence[str]) -> list[str]:
    """Files, folders (their motion files) and patterns with `*` -> files in order, once each."""
    files: dict[str, None] = {}
    for value in values:
        path = Path(value)
        if path.is_dir() and not (path / FILE_NAME).is_file():
            inside = [  # names that begin with a dot are what a Mac adds for its files
                str(p)
                for p in sorted(path.iterdir())
                if p.suffix.lower() in MOTION_SUFFIXES and not p.name.startswith(".")
            ]
            if not inside:
                raise InputError(
                    f"{value}: no motion file in this folder; accepted: {', '.join(MOTION_SUFFIXES)}"
                )
        elif glob.has_magic(value) and not path.exists():
            inside = sorted(name for name in glob.glob(value) if Path(name).is_file())
            if not inside:
                raise InputError(f"{value}: no file matches")
        else:
            inside = [value]
        files.update(dict.fromkeys(inside))
    return list(files)


def read_inputs(paths: Sequence[str], read: Reader) -> tuple[list[ReactInput], list[Rejected]]:
    """Read every motion once. Unusable ones are rejected; if none is left, that is an InputError."""
    inputs: list[ReactInput] = []
    rejected: list[Rejected] = []
    taken: set[str] = set()
    for path in paths:
        try:
            given = _motion_in(read, path)
            _check_length(given, path)
        except InputError as error:
            if len(paths) == 1:
                raise
            rejected.append(Rejected(path, 0, str(error).removeprefix(f"{path}: ")))
            continue
        stem = safe_id(Path(path).stem, "motion")
        name, number = stem, 1
        while name in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name)
        digest = _sha256(given)
        inputs.append(ReactInput(name, path, given.frames, digest, given.source, given.bones, given.warnings))
    if not inputs:
        first = rejected[0]
        raise InputError(f"none of {len(paths)} motions can be used; {first.file}: {first.reason}")
    return inputs, rejected


def _check_length(given: GivenMotion, path: str) -> None:
    """InputError for a motion whose reaction no dataset could hold: said before hours of sampling."""
    if given.frames > LONGEST_FRAMES:
        raise InputError(
            f"{path}: {given.frames:,} frames; accepted: up to {LONGEST_FRAMES:,} "
            f"({LONGEST_FRAMES / FPS / 60:g} minutes); give a part with --start and --end"
        )


@dataclass(frozen=True)
class ReactPlan:
    """The plan, and the given motion of each of its items by item id."""

    plan: Plan
    inputs: dict[str, ReactInput]

    def given(self, read: Reader, person: int) -> GivenMotions:
        """A function from an item to its given person, who is `person` (0 or 1) of the text."""
        files = {id: (given.path, given.sha256) for id, given in self.inputs.items()}
        return GivenMotions(files, read, person)


@dataclass(frozen=True)
class GivenMotions:
    """Item -> its given person; InputError if the motion has changed since the run began.

    It is pickled for workers.
    """

    of_item: dict[str, tuple[str, str]]  # item id -> path and hash
    read: Reader
    person: int

    def __call__(self, item: WorkItem) -> GivenPerson:
        path, sha256 = self.of_item[item.id]
        motion = _motion_in(self.read, path)
        if _sha256(motion) != sha256:
            raise InputError(f"{path}: changed during the run; restore the file or start a new run")
        stored = motion.rotations6d
        return GivenPerson(
            motion.joints,
            motion.known_rotations6d,
            self.person,
            motion.skeleton,
            motion.of_skeleton,
            None if stored is None else as_rigid(motion.joints, stored),
        )


@lru_cache(_KEPT_IN_MEMORY)
def _motion_in(read: Reader, path: str) -> GivenMotion:
    return read(path)


def _sha256(given: GivenMotion) -> str:
    rotations6d = None if given.rotations6d is None else given.rotations6d[None]
    return Motion(given.joints[None], rotations6d).sha256(shapes=False)


def make_react_plan(
    inputs: Sequence[ReactInput], prompts: Sequence[Prompt], seed: int, samples: int, limit: int | None
) -> ReactPlan:
    """Every prompt for every motion; a prompt without an id is called after the motion.

    With several motions ids begin with the motion's name, and the column `input` says which file it was.
    """
    items: list[WorkItem] = []
    by_id: dict[str, ReactInput] = {}
    for given in inputs:
        named = [prompt if prompt.id else replace(prompt, id=given.name) for prompt in prompts]
        for item in make_plan(named, seed, samples, given.frames, limit, unit=1).items:
            if len(inputs) > 1:
                own = item.id.startswith(f"{given.name}-s")
                carried = {"input": without_absolute_paths(given.path), **item.carried}
                item = replace(item, id=item.id if own else f"{given.name}-{item.id}", carried=carried)
            items.append(replace(item, position=len(items)))
            by_id[items[-1].id] = given
    if len(by_id) != len(items):
        raise InputError("two interactions would get the same id; rename a file or give prompts other ids")
    return ReactPlan(Plan(items, cut_into_parts(items)), by_id)
