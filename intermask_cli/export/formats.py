"""Export formats with files per interaction: their names, how they are written and checked.

Every file is read back and its joint positions are compared with what was written. The largest distance is
the round-trip error; above the bound of the format it is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from intermask_cli.errors import InputError, IntermaskError
from intermask_cli.export.bvh import joints_of_bvh, write_bvh
from intermask_cli.export.glb import joints_of_glb, write_glb
from intermask_cli.export.npz import joints_of_smpl_npz, write_smpl_npz
from intermask_cli.files import replacing
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.curves import smoothed_over_time
from intermask_cli.motion.rig import Rig, rig_of


@dataclass(frozen=True)
class Written:
    """Errors of one exported interaction in millimetres.

    fit_mm: mean distance of the rigid skeleton to the dataset's joints (0 where positions are stored);
    round_trip_mm: largest distance between joints read from the file and those written.
    """

    fit_mm: float
    round_trip_mm: float


@dataclass(frozen=True)
class Format:
    """`write(item, paths)` writes one file per suffix; `bound_mm` is the largest round-trip error."""

    suffixes: tuple[str, ...]
    write: Callable[[Interaction, list[Path]], Written]
    bound_mm: float


def paths_of(id: str, format: Format, folder: Path) -> list[Path]:
    """The files of an interaction, named after its id."""
    return [folder / f"{id}{suffix}" for suffix in format.suffixes]


def export_item(item: Interaction, name: str, folder: Path) -> Written:
    """Write one interaction in the named format; files appear only when complete and checked.

    Raises:
        InputError: the interaction cannot be represented in this format.
        IntermaskError: the joints read back differ by more than the format's bound, or the files cannot be
            written; then an OSError is the cause.
    """
    format = FORMATS[name]
    with ExitStack() as stack:
        drafts = [stack.enter_context(replacing(path)) for path in paths_of(item.id, format, folder)]
        written = format.write(item, drafts)
        if not written.round_trip_mm <= format.bound_mm:
            raise IntermaskError(
                f"{item.id}: read back from {name}, a joint is {written.round_trip_mm:.3f} mm away "
                f"(bound {format.bound_mm} mm); no file was written"
            )
    return written


def _bvh(item: Interaction, paths: list[Path]) -> Written:
    rigs = _rigs(item)
    errors = []
    for path, rig in zip(paths, rigs, strict=True):
        write_bvh(path, rig.local, rig.root, rig.offsets)
        errors.append(_largest_mm(joints_of_bvh(path), rig.joints))
    return Written(float(np.mean([rig.fit_error_mm for rig in rigs])), max(errors))


def _glb(item: Interaction, paths: list[Path]) -> Written:
    first, second = _rigs(item)
    write_glb(paths[0], (first, second), item.id)
    error = _largest_mm(joints_of_glb(paths[0]), np.stack([first.joints, second.joints]))
    return Written((first.fit_error_mm + second.fit_error_mm) / 2, error)


def _npz(item: Interaction, paths: list[Path]) -> Written:
    errors, fits = [], []
    for person, path in enumerate(paths):
        write_smpl_npz(path, item, person)
        with np.load(path, allow_pickle=False) as data:
            errors.append(_largest_mm(data["joints"], item.joints[person]))
        distance = np.linalg.norm(joints_of_smpl_npz(path) - item.joints[person], axis=-1)  # (T, 22)
        fits.append(float(1000 * distance.mean()))
    return Written(float(np.mean(fits)), max(errors))


def _npy(item: Interaction, paths: list[Path]) -> Written:
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


def _rigs(item: Interaction) -> tuple[Rig, Rig]:
    first, second = (rig_of(item.joints[p], f"{item.id} person {p + 1}") for p in (0, 1))
    return first, second


def _largest_mm(a: np.ndarray, b: np.ndarray) -> float:
    """Largest distance in millimetres of two sets of joints (..., 3) in metres."""
    return float(1000 * np.linalg.norm(a - b, axis=-1).max())


#: Endings of the file names of person 1 and person 2.
_PERSONS = ("_person1", "_person2")
#: Formats by name. The bounds of BVH and GLB are larger because these store rounded rotations, whose error
#: grows along each limb; the others store positions.
FORMATS: dict[str, Format] = {
    "bvh": Format(tuple(f"{p}.bvh" for p in _PERSONS), _bvh, bound_mm=0.1),
    "glb": Format((".glb",), _glb, bound_mm=0.1),
    "npz": Format(tuple(f"{p}.npz" for p in _PERSONS), _npz, bound_mm=0.01),
    "npy": Format(tuple(f"{p}.npy" for p in _PERSONS), _npy, bound_mm=0.01),
}
