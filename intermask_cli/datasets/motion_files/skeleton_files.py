"""Files of skeletons with names: opened by their suffix, and each skeleton matched to the 22 joints."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from intermask_cli.datasets.motion_files.asf_amc import find_asf, read_amc
from intermask_cli.datasets.motion_files.bvh import read_bvh
from intermask_cli.datasets.motion_files.fbx import read_fbx
from intermask_cli.datasets.motion_files.file_motion import FileMotion
from intermask_cli.datasets.motion_files.glb import read_glb
from intermask_cli.datasets.motion_files.matching.body_joints import SkeletonMatch, body_joints
from intermask_cli.datasets.motion_files.matching.skeleton_map import (
    map_to_fill_in,
    names_exactly,
    read_skeleton_map,
)
from intermask_cli.datasets.motion_files.read_options import (
    SKELETON_SUFFIXES,
    USD_SUFFIXES,
    ReadOptions,
    suffix_of,
)
from intermask_cli.datasets.motion_files.usd import read_usd
from intermask_cli.errors import InputError
from intermask_cli.motion.animated_skeleton import AnimatedSkeleton


def read_skeletons(path: Path, suffix: str, skeleton: str | Path | None, fps: float | None) -> FileMotion:
    """The people of a file of skeletons.

    skeleton: a map of joints, or for an .amc file its .asf. fps: rate that the user gives.

    Raises:
        InputError: damaged file, or no skeleton has the joints. MissingError: an extra is not installed.
            OSError: not readable.
    """
    asf, map_file = _asf_and_map(skeleton)
    skeletons = _open(path, suffix, asf, fps)
    file_type = "USD" if suffix in USD_SUFFIXES else suffix[1:].upper()
    return _people_of(skeletons, file_type, map_file)


def printed_skeleton_map(path: Path, options: ReadOptions) -> str:
    """A map of a file's joints for `--skeleton` (YAML): that which was found, else one to fill in.

    The person of the options chooses one of several skeletons. A map in the options is printed as it was
    understood, with the joints that it leaves out. Raises as `read_skeletons`.
    """
    suffix = suffix_of(path)
    if not path.is_file() or suffix not in SKELETON_SUFFIXES:
        raise InputError(f"{path}: not a file of a skeleton; accepted: {', '.join(SKELETON_SUFFIXES)}")
    asf, map_file = _asf_and_map(options.skeleton)
    given = None if map_file is None else read_skeleton_map(map_file)
    skeletons = _open(path, suffix, asf, options.fps)
    person = 0 if options.person is None and len(skeletons) == 1 else options.person
    if not isinstance(person, int) or person not in range(len(skeletons)):
        choices = " or ".join(f"--person {number}" for number in range(1, len(skeletons) + 1))
        raise InputError(f"{path}: holds {len(skeletons)} skeletons; choose one with {choices}")
    skeleton = skeletons[person]
    try:
        _, match = body_joints(skeleton, given)
    except InputError:
        if given is not None:
            raise
        return map_to_fill_in(skeleton.names, skeleton.parents)
    return f"# {path.name}: {match.summary}\n{match.map_text}"


def _asf_and_map(skeleton: str | Path | None) -> tuple[Path | None, Path | None]:
    """The .asf file or the map of joints that `--skeleton` names."""
    given = None if skeleton is None else Path(skeleton)
    return (given, None) if given is not None and given.suffix.lower() == ".asf" else (None, given)


def _open(path: Path, suffix: str, asf: Path | None, fps: float | None) -> list[AnimatedSkeleton]:
    if asf is not None and suffix != ".amc":
        raise InputError(f"--skeleton {asf}: an .asf is for .amc files")
    if suffix == ".amc":
        return read_amc(path, find_asf(path, asf), fps)
    if suffix in (".glb", ".gltf"):
        return read_glb(path)
    if suffix == ".fbx":
        return read_fbx(path)
    if suffix in USD_SUFFIXES:
        return read_usd(path)
    return read_bvh(path, fps)


def _people_of(skeletons: list[AnimatedSkeleton], file_type: str, map_file: Path | None) -> FileMotion:
    """The 22 joints of each skeleton that has them; InputError if none has."""
    recipes = None if map_file is None else read_skeleton_map(map_file)
    matched: list[tuple[AnimatedSkeleton, np.ndarray, SkeletonMatch]] = []
    failed: list[InputError] = []
    if recipes is not None:  # a map of one of several people names that one's joints
        skeletons = [one for one in skeletons if names_exactly(one.names, recipes)] or skeletons
    for skeleton in skeletons:
        try:
            matched.append((skeleton, *body_joints(skeleton, recipes)))
        except InputError as error:
            failed.append(error)
    if not matched:
        raise failed[0]
    people = [skeleton for skeleton, _, _ in matched]
    matches = tuple(match for _, _, match in matched)
    notes = list(dict.fromkeys(note for skeleton in people for note in skeleton.notes))
    notes += [match.note for match in matches if match.note]
    if failed and recipes is None:
        notes.append(f"{len(failed)} of {len(skeletons)} skeletons left out: {failed[0]}")
    return FileMotion(
        np.stack([joints for _, joints, _ in matched]),
        None,
        f"{file_type}, {matches[0].summary}",
        people[0].fps,
        up=people[0].up,
        metres_per_unit=people[0].metres_per_unit,
        skeletons=tuple(people),
        matches=matches,
        notes=tuple(notes),
    )
