"""Export formats with files per interaction: their names, settings, and how they are written and checked.

Every file is read back and its joint positions are compared with what was written. The largest distance is
the round-trip error; above the bound of the format it is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.datasets.motion_files.units import METRES
from intermask_cli.errors import InputError, IntermaskError
from intermask_cli.export.bone_names import BoneNames
from intermask_cli.export.bvh import joints_of_bvh, read_again, skeleton_of_rig, write_bvh
from intermask_cli.export.fbx import write_fbx
from intermask_cli.export.glb import joints_of_glb, write_glb
from intermask_cli.export.like import SOURCE, OnRig, people_on_rig, rig_of_file
from intermask_cli.export.npz import joints_of_smpl_npz, write_smpl_npz
from intermask_cli.export.own_rate import at_30_fps, at_own_rate
from intermask_cli.export.usd import joints_of_usd, write_usd
from intermask_cli.files import Replacements
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.curves import smoothed_over_time
from intermask_cli.motion.representation.interx import axis_angle_from_features
from intermask_cli.motion.rig import Rig, rig_for
from intermask_cli.motion.rotation import matrix_from_axis_angle, sixd_columns_from_matrix
from intermask_cli.motion.skeleton import FPS, NUM_JOINTS


@dataclass(frozen=True)
class ExportSettings:
    """How files are written, where a format leaves a choice.

    Attributes:
        names: scheme of bone names.
        units: length unit of BVH, "cm" or "m".
        up: vertical axis of NPZ, "z" as in AMASS or "y".
        leaf_bones: whether head, hands and toes of GLB and FBX end in a bone of their own.
        like: a file with the rig to put people on, or "source" for that of the given person's own file;
            names, unit, axes and rate are then those of the rig.
    """

    names: BoneNames = BoneNames.intermask
    units: str = "cm"
    up: str = "z"
    leaf_bones: bool = False
    like: str | None = None

    def given(self) -> dict[str, Any]:
        """The settings that are not the default, as JSON values."""
        default = asdict(ExportSettings())
        return {name: value for name, value in asdict(self).items() if value != default[name]}


#: Accepted values of the settings with names.
_CHOICES = {"names": [names.value for names in BoneNames], "units": ["cm", "m"], "up": ["z", "y"]}


@dataclass(frozen=True)
class Written:
    """Errors of one exported interaction in millimetres.

    fit_mm: mean distance of the file's joints to the dataset's (0 where positions are stored);
    round_trip_mm: largest distance between joints read from the file and those written;
    toes_mm, contacts_mm: on another rig, mean distance of toes, and of wrists that touch the other person.
    """

    fit_mm: float
    round_trip_mm: float
    toes_mm: float | None = None
    contacts_mm: float | None = None


@dataclass(frozen=True)
class Format:
    """An export format.

    `write(item, paths, settings)` writes one file per suffix; `bound_mm` is the largest round-trip error;
    `settings` are the fields of `ExportSettings` that it obeys.
    """

    suffixes: tuple[str, ...]
    write: Callable[[Interaction, list[Path], ExportSettings], Written]
    bound_mm: float
    settings: tuple[str, ...] = ()


def settings_for(target: str, **given: Any) -> ExportSettings:
    """The settings of a format; None counts as not given.

    Raises:
        InputError: a setting that has no effect on the format, a value that is not accepted, or a file for
            `like` that holds no rig.
    """
    given = {name: value for name, value in given.items() if value is not None}
    obeyed = FORMATS[target].settings if target in FORMATS else ()
    for name, value in given.items():
        users = [format for format, about in FORMATS.items() if name in about.settings]
        if name not in obeyed:
            what = f"it is for {', '.join(users)}" if users else "there is no such setting"
            raise InputError(f"{name.replace('_', '-')} has no effect on {target}; {what}")
        if name in _CHOICES and value not in _CHOICES[name]:
            raise InputError(f"{name} is {value!r}; accepted: {', '.join(_CHOICES[name])}")
    if "like" in given and len(given) > 1:
        others = ", ".join(f"--{name.replace('_', '-')}" for name in given if name != "like")
        raise InputError(f"--like takes names, unit and axes from the rig; leave out {others}")
    if given.get("like", SOURCE) != SOURCE:
        rig_of_file(given["like"])  # one error at once, not one per interaction
    if "names" in given:
        given["names"] = BoneNames(given["names"])
    return replace(ExportSettings(), **given)


def paths_of(id: str, format: Format, folder: Path) -> list[Path]:
    """The files of an interaction, named after its id."""
    return [folder / f"{id}{suffix}" for suffix in format.suffixes]


def export_item(
    item: Interaction,
    name: str,
    folder: Path,
    settings: ExportSettings | None = None,
    files: Replacements | None = None,
) -> Written:
    """Write one interaction in the named format; files appear only when complete and checked.

    With `files` they appear when that context ends, together with those of other interactions.

    Raises:
        InputError: the interaction cannot be represented in this format.
        IntermaskError: the joints read back differ by more than the format's bound, or the files cannot be
            written; then an OSError is the cause.
    """
    format = FORMATS[name]
    with (
        Replacements() if files is None else nullcontext(files) as together,
        together.add(*paths_of(item.id, format, folder)) as drafts,
    ):
        written = format.write(item, drafts, settings or ExportSettings())
        if not written.round_trip_mm <= format.bound_mm:
            raise IntermaskError(
                f"{item.id}: read back from {name}, a joint is {written.round_trip_mm:.3f} mm away "
                f"(bound {format.bound_mm} mm); no file was written"
            )
    return written


def rigs_of(item: Interaction) -> list[Rig]:
    """Every person of an interaction as a rigid skeleton: as stored, else found from joints and rotations."""
    motion = item.motion
    if motion.rotations6d is None and motion.features is not None and motion.features.ndim == 4:  # Inter-X
        turns = matrix_from_axis_angle(axis_angle_from_features(motion.features)[:, :, 1:NUM_JOINTS])
        motion = replace(motion, rotations6d=sixd_columns_from_matrix(turns))
    return [rig_for(motion, person, item.rigid[person]) for person in range(motion.persons)]


def _bvh(item: Interaction, paths: list[Path], settings: ExportSettings) -> Written:
    if settings.like is not None:
        return _bvh_on_rig(people_on_rig(item, settings.like), paths)
    rigs, fps = at_own_rate(item, rigs_of(item))
    for path, rig in zip(paths, rigs, strict=True):
        write_bvh(path, skeleton_of_rig(rig, settings.names, METRES[settings.units], fps))
    read = [joints_of_bvh(path, settings.names, settings.units) for path in paths]
    return _compared(item, rigs, read, fps)


def _bvh_on_rig(people: list[OnRig], paths: list[Path]) -> Written:
    trips = []
    for path, one in zip(paths, people, strict=True):
        write_bvh(path, one.skeleton)
        metres = one.skeleton.metres_per_unit or 1.0
        trips.append(metres * _largest_mm(read_again(path, one.skeleton.names), one.skeleton.positions()))
    moved = [one for one in people if not one.kept]
    return Written(
        _mean([one.body_mm for one in moved]) or 0.0,
        max(trips),
        _mean([one.toes_mm for one in moved]),
        _mean([one.contacts_mm for one in moved]),
    )


def _mean(values: list[float | None]) -> float | None:
    """Mean of the known values, None without any."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _glb(item: Interaction, paths: list[Path], settings: ExportSettings) -> Written:
    rigs = rigs_of(item)
    write_glb(paths[0], rigs, item.id, settings.names, settings.leaf_bones)
    return _compared(item, rigs, joints_of_glb(paths[0], settings.names))


def _fbx(item: Interaction, paths: list[Path], settings: ExportSettings) -> Written:
    rigs = rigs_of(item)
    return _compared(item, rigs, write_fbx(paths[0], rigs, item.id, settings.names, settings.leaf_bones))


def _usd(item: Interaction, paths: list[Path], settings: ExportSettings) -> Written:
    rigs = rigs_of(item)
    write_usd(paths[0], rigs, item.id, settings.names)
    return _compared(item, rigs, joints_of_usd(paths[0]))


def _npz(item: Interaction, paths: list[Path], settings: ExportSettings) -> Written:
    rigs = rigs_of(item)
    stored_mm, posed = [], []
    for person, (path, rig) in enumerate(zip(paths, rigs, strict=True)):
        joints = item.joints[person, :, :NUM_JOINTS]
        source = "stored" if item.rigid[person] else "found from joints and rotations"
        write_smpl_npz(path, rig, joints, settings.up, source, item.text, item.seed, person)
        read, by_rotations = joints_of_smpl_npz(path)
        stored_mm.append(_largest_mm(read, joints))
        posed.append(by_rotations)
    by_rotations_mm = _compared(item, rigs, posed)
    return replace(by_rotations_mm, round_trip_mm=max(by_rotations_mm.round_trip_mm, *stored_mm))


def _npy(item: Interaction, paths: list[Path], settings: ExportSettings) -> Written:
    """Arrays (T, 22, 9) of the published demo: positions smoothed over time, then rotations not smoothed."""
    if item.rotations6d is None:
        raise InputError(f"{item.id}: no rotations6d in the dataset; the npy layout of the demo needs them")
    errors = []
    for person, path in enumerate(paths):
        positions = smoothed_over_time(item.joints[person])
        rotations = np.pad(item.rotations6d[person], ((0, 0), (1, 0), (0, 0)))  # (T, 22, 6), root zero
        np.save(path, np.concatenate([positions, rotations], axis=-1).astype(np.float64))
        errors.append(_largest_mm(np.load(path, allow_pickle=False)[..., :3], positions))
    return Written(0.0, max(errors))


def _compared(
    item: Interaction, rigs: list[Rig], read: list[np.ndarray] | np.ndarray, fps: float = FPS
) -> Written:
    """Errors of the joints (T, 22, 3) read back of each person, at `fps`."""
    fits, trips = [], []
    for joints, rig, given in zip(read, rigs, item.joints[..., :NUM_JOINTS, :], strict=True):
        at_30 = joints if fps == FPS else at_30_fps(joints, fps, item.frames)
        fits.append(float(1000 * np.linalg.norm(at_30 - given, axis=-1).mean()))
        trips.append(_largest_mm(joints, rig.joints))
    return Written(float(np.mean(fits)), max(trips))


def _largest_mm(a: np.ndarray, b: np.ndarray) -> float:
    """Largest distance in millimetres of two sets of joints (..., 3) in metres."""
    return float(1000 * np.linalg.norm(a - b, axis=-1).max())


#: Endings of the file names of person 1 and person 2.
_PERSONS = ("_person1", "_person2")
#: Formats by name. The bounds of skeletons are larger because these store rounded rotations, whose error
#: grows along each limb; the others store positions too.
FORMATS: dict[str, Format] = {
    "bvh": Format(tuple(f"{p}.bvh" for p in _PERSONS), _bvh, 0.1, ("names", "units", "like")),
    "glb": Format((".glb",), _glb, 0.1, ("names", "leaf_bones")),
    "fbx": Format((".fbx",), _fbx, 0.1, ("names", "leaf_bones")),
    "usd": Format((".usd",), _usd, 0.1, ("names",)),
    "npz": Format(tuple(f"{p}.npz" for p in _PERSONS), _npz, 0.01, ("up",)),
    "npy": Format(tuple(f"{p}.npy" for p in _PERSONS), _npy, 0.01),
}
