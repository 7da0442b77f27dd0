"""Motion files from one format to another: what can be read, into what can be written, with the error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.datasets.interactions import write_dataset
from intermask_cli.datasets.motion_files.read import GivenMotion, read_people
from intermask_cli.datasets.motion_files.read_options import MOTION_SUFFIXES, ReadOptions
from intermask_cli.datasets.tables import Rejected
from intermask_cli.errors import EXIT_OK, EXIT_PARTIAL, InputError, IntermaskError
from intermask_cli.export.bvh import write_bvh
from intermask_cli.export.formats import FORMATS, ExportSettings, settings_for
from intermask_cli.files import Replacements
from intermask_cli.generation.given.motions import find_inputs
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.motion import Motion

#: Formats of `export` with a file of its own for each person.
_FILE_PER_PERSON = ("bvh", "npz")
#: Every format that is written: those of `export`, plain joints, and datasets of one interaction.
TARGETS = tuple(sorted({*FORMATS, "npy", "h5"}))
#: Readers disagree with the writer by this much at most, millimetres: rates are changed between frames.
_BOUND_MM = 5.0


@dataclass(frozen=True)
class Converted:
    """One file that was converted.

    Attributes:
        source: how it was read, one line per person.
        warnings: what is odd about it.
        written: the files.
        content: what the files hold.
        mean_mm, worst_mm: distance of the joints read back from those that were read.
    """

    source: tuple[str, ...]
    warnings: tuple[str, ...]
    written: tuple[Path, ...]
    content: str
    mean_mm: float
    worst_mm: float


@dataclass(frozen=True)
class ConvertSummary:
    """Result of a conversion: files in order, and those that could not be converted."""

    converted: Sequence[Converted]
    rejected: Sequence[Rejected]

    @property
    def exit_code(self) -> int:
        """`EXIT_PARTIAL` if files could not be converted."""
        return EXIT_PARTIAL if self.rejected else EXIT_OK

    def as_json(self) -> dict[str, Any]:
        """Files, errors and failures as JSON values."""
        return {
            "converted": [
                {
                    "source": list(one.source),
                    "files": [str(path) for path in one.written],
                    "content": one.content,
                    "mean_mm": round(one.mean_mm, 4),
                    "worst_mm": round(one.worst_mm, 4),
                }
                for one in self.converted
            ],
            "rejected": [{"file": one.file, "reason": one.reason} for one in self.rejected],
        }

    def lines(self) -> list[str]:
        """A line per file."""
        return [
            f"{', '.join(map(str, one.written))}: {one.content}; read again, joints are "
            f"{one.mean_mm:.2f} mm off (worst {one.worst_mm:.2f})"
            for one in self.converted
        ]


@dataclass(frozen=True)
class Conversion:
    """How files are converted.

    Attributes:
        reading: how they are read.
        second: a file with the second person, for files of one.
        target: the format, where the output is a folder; None takes it from the output's suffix.
        settings: of the format, as `formats.settings_for` takes them; None counts as not given.
        overwrite: whether files that exist are replaced.
    """

    reading: ReadOptions
    second: Path | None = None
    target: str | None = None
    settings: dict[str, Any] | None = None
    overwrite: bool = False


def convert_files(source: str, out: Path, conversion: Conversion) -> ConvertSummary:
    """Convert a file, or every motion file of a folder or pattern into the folder `out`.

    Of several files one that cannot be converted does not stop the others.

    Raises:
        InputError: a format that is not written, a file that exists or cannot be converted, or none of many.
    """
    sources = find_inputs([source])
    many = sources != [source]
    if not many and conversion.target is None:
        return ConvertSummary([convert(source, out, _format_of(out), conversion)], [])
    if conversion.target is None:
        raise InputError(f"{source}: holds several files; give --to with one of {', '.join(TARGETS)}")
    if out.is_file():
        raise InputError(f"{out}: is a file; with --to the output is a folder")
    stems = [Path(one.replace("#", "-")).stem for one in sources]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twice:
        raise InputError(f"{source}: two files are called {twice[0]}; rename one, or convert them one by one")
    converted, rejected = [], []
    for one, stem in zip(sources, stems, strict=True):
        try:
            converted.append(convert(one, out / f"{stem}.{conversion.target}", conversion.target, conversion))
        except IntermaskError as error:
            if not many or isinstance(error.__cause__, OSError):
                raise
            rejected.append(Rejected(one, 0, str(error).removeprefix(f"{one}: ")))
    if not converted:
        raise InputError(
            f"none of {len(sources)} files can be converted; {rejected[0].file}: {rejected[0].reason}"
        )
    return ConvertSummary(converted, rejected)


def _format_of(out: Path) -> str:
    name = out.suffix.lower().removeprefix(".")
    name = {"hdf5": "h5", "usda": "usd", "usdc": "usd"}.get(name, name)
    if name not in TARGETS:
        accepted = ", ".join(f".{target}" for target in TARGETS)
        raise InputError(f"{out}: suffix '{out.suffix}'; accepted: {accepted}, or a folder with --to FORMAT")
    return name


def convert(source: str, out: Path, target: str, conversion: Conversion) -> Converted:
    """Convert one file. Files appear only when they are complete and were read back.

    Raises:
        InputError: a file that cannot be read or represented in the format, or an output that exists.
        IntermaskError: joints read back are somewhere else; no file is written then.
    """
    given = {name: value for name, value in (conversion.settings or {}).items() if value is not None}
    settings = settings_for(target, **given)
    people = read_people(source, conversion.reading)
    if conversion.second is not None:
        people = [*people, *read_people(conversion.second, replace(conversion.reading, person=None))]
        frames = {one.frames for one in people}
        if len(frames) > 1:
            raise InputError(
                f"{source} and {conversion.second}: {min(frames)} and {max(frames)} frames at 30 fps"
            )
    paths = _paths(out, target, len(people))
    _check_free(paths, [source, *([] if conversion.second is None else [str(conversion.second)])], conversion)
    with Replacements() as files, files.add(*paths) as drafts:
        # Mirrored joints are no longer those that the names of a skeleton say.
        kept = not given and not conversion.reading.mirror
        content, again = _write(people, drafts, target, settings, kept, name=out.stem)
        errors = np.concatenate([np.linalg.norm(a - b, axis=-1).ravel() for a, b in again]) * 1000
        if not errors.max() <= _BOUND_MM and settings.like is None:
            raise IntermaskError(
                f"{source}: read back from {target}, a joint is {errors.max():.1f} mm away "
                f"(bound {_BOUND_MM:g} mm); no file was written"
            )
    return Converted(
        tuple(one.source for one in people),
        tuple(dict.fromkeys(warning for one in people for warning in one.warnings)),
        tuple(paths),
        content,
        float(errors.mean()),
        float(errors.max()),
    )


def _paths(out: Path, target: str, people: int) -> list[Path]:
    """The files of a conversion: `out`, or one for each person."""
    if people == 1 or target not in _FILE_PER_PERSON:
        return [out]
    return [out.with_name(f"{out.stem}_person{number}{out.suffix}") for number in range(1, people + 1)]


def _check_free(paths: Sequence[Path], sources: Sequence[str], conversion: Conversion) -> None:
    """Refuse files that exist, and the inputs in any case."""
    read = [Path(source.rpartition("#")[0] or source).resolve() for source in sources]
    for path in paths:
        if path.resolve() in read:
            raise InputError(f"{path}: is the input; give another name")
        if path.exists() and not conversion.overwrite:
            raise InputError(f"{path}: exists; give another name, or --overwrite")


#: Joints read back and the joints they should be, (T, 22, 3) each.
_Again = list[tuple[np.ndarray, np.ndarray]]


def _write(
    people: Sequence[GivenMotion],
    paths: list[Path],
    target: str,
    settings: ExportSettings,
    kept: bool,
    name: str,
) -> tuple[str, _Again]:
    """Write people in a format -> what the files hold, and the joints read back.

    kept: write the skeletons of the files as they are where the format can hold them.
    """
    if target == "bvh" and kept and all(one.skeleton is not None for one in people):
        return _write_skeletons(people, paths)
    joints = np.stack([one.joints for one in people])
    if target == "npy":
        np.save(paths[0], joints if len(people) > 1 else joints[0])
        return "joints in metres, Y up, 30 fps", _read_again(paths[0], people, ReadOptions())
    item = _interaction(people, name)
    if target == "h5":
        if len(people) != 2:
            raise InputError(
                f"an .h5 holds pairs, and this is {len(people)} person; give --with FILE for the other"
            )
        write_dataset(paths[0], [item])
        return "a dataset of one interaction", _read_again(paths[0], people, ReadOptions())
    written = FORMATS[target].write(item, paths, settings)
    content = "22 joints" if settings.like is None else f"the rig of {settings.like}"
    if settings.like is None and f".{target}" in MOTION_SUFFIXES:
        again: _Again = []
        for path in paths:
            again += _read_again(path, people[len(again) :], ReadOptions())
        return content, again
    # Files that are not read here: the writer's own errors.
    error = np.zeros((1, 1, 3))
    error[..., 0] = max(written.fit_mm, written.round_trip_mm) / 1000
    return content, [(error, np.zeros((1, 1, 3)))]


def _write_skeletons(people: Sequence[GivenMotion], paths: Sequence[Path]) -> tuple[str, _Again]:
    """The skeletons of the files as they are: names, rest pose, unit, axes, rate and every joint."""
    again: _Again = []
    for one, path in zip(people, paths, strict=True):
        skeleton = one.skeleton
        assert skeleton is not None
        write_bvh(path, skeleton)
        again += _read_again(path, [one], ReadOptions(units=str(skeleton.metres_per_unit), up=skeleton.up))
    sizes = "; ".join(
        f"{len(one.skeleton.names)} joints as in the file, {one.skeleton.fps:g} fps"
        for one in people
        if one.skeleton
    )
    return sizes, again


def _interaction(people: Sequence[GivenMotion], name: str) -> Interaction:
    """The people of a file as a record; rotations are those of their skeletons where they have one."""
    rotations = [one.known_rotations6d if one.of_skeleton is None else one.of_skeleton for one in people]
    motion = Motion(np.stack([one.joints for one in people]), np.stack(rotations).astype(np.float32))
    first = people[0].skeleton
    return Interaction(motion, id=name, given=None if first is None else 0, source=first)


def _read_again(path: Path, people: Sequence[GivenMotion], options: ReadOptions) -> _Again:
    """Joints of a file written here, and those of the people who were written."""
    # Drafts are hidden files whose suffix is that of the file.
    found = read_people(path, options)
    return [
        (again.joints[: one.frames], one.joints[: again.frames])
        for again, one in zip(found, people, strict=False)
    ]
