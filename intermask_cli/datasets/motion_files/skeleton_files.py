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
from intermask_cli.datasets.motion_files.matching.skeleton_map import names_exactly, read_skeleton_map
from intermask_cli.errors import InputError
from intermask_cli.motion.animated_skeleton import AnimatedSkeleton


def read_skeletons(path: Path, suffix: str, skeleton: str | Path | None, fps: float | None) -> FileMotion:
    """The people of a file of skeletons.

    skeleton: a map of joints, or for an .amc file its .asf. fps: rate that the user gives.

    Raises:
        InputError: damaged file, or no skeleton has the joints. MissingError: an extra is not installed.
            OSError: not readable.
    """
    given = None if skeleton is None else Path(skeleton)
    asf = given if given is not None and given.suffix.lower() == ".asf" else None
    if asf is not None and suffix != ".amc":
        raise InputError(f"--skeleton {asf}: an .asf is for .amc files")
    if suffix == ".amc":
        skeletons = read_amc(path, find_asf(path, asf), fps)
    elif suffix in (".glb", ".gltf"):
        skeletons = read_glb(path)
    elif suffix == ".fbx":
        skeletons = read_fbx(path)
    else:
        skeletons = read_bvh(path, fps)
    return _people_of(skeletons, suffix[1:].upper(), None if given is asf else given)


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
