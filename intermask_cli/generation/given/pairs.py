"""Pairs that a job starts from: items of a run, or motion files of two people.

An item of a dataset keeps all it has: joints and rotations bit by bit, tokens, text and seams. Of other files
the joints are kept as they are read; rotations are those of the file, else recovered from the joints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from intermask_cli.config import FRAMES_PER_TOKEN
from intermask_cli.datasets.interactions import FILE_NAME, InteractionFile
from intermask_cli.datasets.motion_files.read_options import H5_SUFFIXES, ReadOptions
from intermask_cli.datasets.motion_files.two_people import read_two_people
from intermask_cli.errors import InputError
from intermask_cli.files import without_absolute_paths
from intermask_cli.inference import inputs
from intermask_cli.inference.interaction import Interaction, Seam
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.rig import with_rig
from intermask_cli.motion.skeleton import FPS, NUM_JOINTS

#: Pairs in memory; 64 of ten seconds take about 60 MB.
_KEPT_IN_MEMORY = 64


@dataclass(frozen=True)
class PairFile:
    """Where a pair is: a file or FILE.h5#ID, and a second file where it holds one person."""

    path: str
    second: str | None = None

    def __str__(self) -> str:
        return self.path if self.second is None else f"{self.path} + {self.second}"

    @property
    def shown(self) -> str:
        """As `str`, without the folders of absolute paths."""
        files = (self.path, *([] if self.second is None else [self.second]))
        return " + ".join(without_absolute_paths(file) for file in files)

    @property
    def name(self) -> str:
        """The id of an item, else the file's name without its suffix."""
        return self.path.rpartition("#")[2] if "#" in self.path else Path(self.path).stem


@dataclass(frozen=True, eq=False)
class GivenPair:
    """A pair as read: metres, Y up, 30 fps.

    Attributes:
        motion: joints and rotations of both persons, with the arrays of rigid bodies; `rig.is_rigid` says of
            whom these are exact.
        text, tokens, seams: of an item of a dataset that was read as it is; "", None, () otherwise.
        model: SHA-256 of the model whose tokens they are, "" if that is not known.
        source: how it was read, a line or two.
        warnings: what is odd about it.
    """

    motion: Motion
    text: str
    tokens: np.ndarray | None
    seams: tuple[Seam, ...]
    source: tuple[str, ...]
    warnings: tuple[str, ...]
    model: str = ""

    @property
    def sha256(self) -> str:
        """Hash of joints and rotations."""
        return Motion(self.motion.joints, self.motion.rotations6d).sha256()


@dataclass(frozen=True)
class PairReader:
    """Reads pairs, all with the same options; it is pickled for workers."""

    options: ReadOptions = field(default_factory=ReadOptions)

    def __call__(self, file: PairFile) -> GivenPair:
        """The pair in a file; the last ones that were read stay in memory.

        Raises:
            InputError: as `read_two_people`; no such item.
        """
        return _read(self, file)

    def _read(self, file: PairFile) -> GivenPair:
        only_cut = replace(self.options, start=None, end=None) == ReadOptions()
        if file.second is None and only_cut:
            found = _item(file.path)
            if found is not None:
                return self._of_item(*found, file)
        files = [file.path] if file.second is None else [file.path, file.second]
        two = read_two_people(
            files,
            self.options,
            "give the file of the other one too, with the option or column `with` (`start_with`, `end_with`)",
            "write two of them with intermask convert --person, and give both files",
        )
        motion = with_rig(Motion(two.joints, two.rotations6d))
        sources = tuple(one.source for one in two.people)
        return GivenPair(motion, "", None, (), sources, two.warnings)

    def _of_item(self, item: Interaction, model: str, file: PairFile) -> GivenPair:
        motion = inputs.given_motion(item, None, len(item.joints))
        tokens, seams = item.tokens, item.seams
        first, stop = self.options.frames(motion.frames, FPS)
        if (first, stop) != (0, motion.frames):
            motion, tokens, seams = motion.part(first, stop), None, ()
            if motion.frames < FRAMES_PER_TOKEN:
                raise InputError(f"{file}: {motion.frames} frames; accepted: {FRAMES_PER_TOKEN} or more")
        if not motion.has_rig:
            motion = with_rig(motion)
        source = f"{file}: interaction of {motion.frames} frames"
        return GivenPair(motion, item.text, tokens, seams, (source,), (), model)


@lru_cache(_KEPT_IN_MEMORY)
def _read(reader: PairReader, file: PairFile) -> GivenPair:
    return reader._read(file)


def _item(path: str) -> tuple[Interaction, str] | None:
    """The item of FILE.h5#ID or RUN#ID and its model's SHA-256; None unless it has 22 joints at our rate."""
    name, mark, id = path.rpartition("#")
    if not mark or Path(path).exists() or not _is_dataset(name):
        return None
    with InteractionFile(name) as dataset:
        if dataset.fps != FPS or not dataset.shapes(id):  # the reader of motion files says what is wrong
            return None
        item, model = dataset.read(id), str(dataset.attributes.get("model_sha256", ""))
    return (item, model) if item.joints.shape[2] == NUM_JOINTS else None


def _is_dataset(path: str) -> bool:
    """Whether a path is a finished run, or a file of interactions."""
    if Path(path).is_dir():
        return (Path(path) / FILE_NAME).is_file()
    if Path(path).suffix.lower() not in H5_SUFFIXES or not Path(path).is_file():
        return False
    try:
        InteractionFile(path).close()
    except InputError:  # another HDF5 file, or a damaged one: its reader says more
        return False
    return True


def pairs_in(values: Sequence[str], second: str | None) -> list[PairFile]:
    """Files, items, and runs (all of their items) as a user wrote them -> pairs, in order, once each."""
    found: dict[PairFile, None] = {}
    for value in values:
        if "#" not in value and second is None and _is_dataset(value):
            with InteractionFile(value) as dataset:
                found.update((PairFile(f"{value}#{id}"), None) for id in dataset.ids)
        else:
            found[PairFile(value, second)] = None
    return list(found)
