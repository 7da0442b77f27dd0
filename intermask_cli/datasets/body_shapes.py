"""Bone lengths of bodies from files: a table of lengths, or any motion whose proportions are taken."""

from __future__ import annotations

import difflib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from intermask_cli.datasets.motion_files.arrays.stored import open_npz
from intermask_cli.datasets.motion_files.read import read_people
from intermask_cli.datasets.motion_files.read_options import MOTION_SUFFIXES
from intermask_cli.errors import InputError
from intermask_cli.motion.kinematics import bone_lengths
from intermask_cli.motion.skeleton import JOINT_NAMES, MIRROR

TABLE_SUFFIXES = (".yaml", ".yml", ".json")
#: Of tables and of stored arrays: more cannot be bone lengths of two bodies.
_MAX_BYTES = 1_000_000
#: Shortest and longest bone, metres: a file in centimetres or another unit is outside.
_BONE_M = (0.005, 1.5)
_OTHER_SIDE = np.array(MIRROR[1:]) - 1


def read_body_shapes(path: str | Path) -> tuple[np.ndarray, ...]:
    """Bone lengths (21,) in metres of the one or two bodies of a file; NaN for bones that a table leaves out.

    A table (YAML or JSON) maps names of our joints to the length of the bone that ends there; a name without
    `left_` or `right_` counts for both sides; a list of two tables is a body for each person. An .npz may
    hold `bone_lengths` (21,) or (2, 21). Of motion, the typical lengths over the clip are taken, both sides
    alike.

    Raises:
        InputError: no such file, an unknown joint, lengths that are not metres, motion that cannot be read.
    """
    path = Path(path)
    try:
        if path.suffix.lower() in TABLE_SUFFIXES:
            shapes = _of_table(path)
        else:
            shapes = _of_arrays(path) or _of_motion(path)
        for shape in shapes:
            _check(shape)
    except InputError as error:
        message = str(error)
        raise InputError(message if message.startswith(str(path)) else f"{path}: {message}") from error
    return shapes


def _of_table(path: Path) -> tuple[np.ndarray, ...]:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path.stat().st_size:,} bytes; a table of bone lengths is smaller")
        text = path.read_text(encoding="utf-8-sig")
        values = json.loads(text) if path.suffix.lower() == ".json" else yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InputError(f"cannot be read ({reason})") from error
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise InputError(f"not a table of bone lengths ({str(error).splitlines()[0]})") from error
    tables = values if isinstance(values, list) else [values]
    if not 1 <= len(tables) <= 2:
        raise InputError(f"{len(tables)} tables; accepted: one, or one for each of two persons")
    return tuple(_lengths(table) for table in tables)


def _lengths(table: Any) -> np.ndarray:
    """One table, joint -> metres, as an array (21,)."""
    if isinstance(table, dict) and isinstance(table.get("bone_lengths"), dict):
        table = table["bone_lengths"]
    if not isinstance(table, dict) or not table:
        raise InputError("not a table of bone lengths; accepted: lines such as `left_knee: 0.41`")
    lengths = np.full(len(JOINT_NAMES) - 1, np.nan)
    names = [*JOINT_NAMES[1:], *sorted({_without_side(name) for name in JOINT_NAMES[1:]})]
    for key, value in table.items():
        if key not in names:
            near = difflib.get_close_matches(str(key), names, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; accepted: {', '.join(JOINT_NAMES[1:])}"
            raise InputError(f"no bone ends in '{key}'{hint}")
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            raise InputError(f"{key} is {value!r}; accepted: a length in metres")
        for bone, name in enumerate(JOINT_NAMES[1:]):
            # A side that is named itself counts more than a name for both.
            if name == key or (_without_side(name) == key and name not in table):
                lengths[bone] = value
    return lengths


def _without_side(name: str) -> str:
    return name.removeprefix("left_").removeprefix("right_")


def _of_arrays(path: Path) -> tuple[np.ndarray, ...] | None:
    """`bone_lengths` of an .npz; None where there are none."""
    if path.suffix.lower() != ".npz" or not path.is_file():
        return None
    with open_npz(path) as arrays:
        if "bone_lengths" not in arrays.names:
            return None
        return tuple(arrays.read("bone_lengths", _check_shape).reshape(-1, 21))


def _check_shape(shape: tuple[int, ...]) -> None:
    if shape not in ((21,), (1, 21), (2, 21)):
        raise InputError(f"shape {shape}; accepted: (21,), or (2, 21) for two persons")


def _of_motion(path: Path) -> tuple[np.ndarray, ...]:
    if not any(str(path).lower().partition("#")[0].endswith(suffix) for suffix in MOTION_SUFFIXES):
        raise InputError(f"unknown file type; accepted: {', '.join((*TABLE_SUFFIXES, *MOTION_SUFFIXES))}")
    people = read_people(path)
    if len(people) > 2:
        raise InputError(f"holds {len(people)} persons; accepted: one or two")
    typical = [np.median(bone_lengths(one.joints.astype(np.float64)), axis=0) for one in people]
    return tuple((lengths + lengths[_OTHER_SIDE]) / 2 for lengths in typical)


def _check(shape: np.ndarray) -> None:
    low, high = _BONE_M
    known = ~np.isnan(shape)
    for bone in np.flatnonzero(known):
        if not low <= shape[bone] <= high:
            name = JOINT_NAMES[bone + 1]
            raise InputError(f"the bone to {name} is {shape[bone]:g} m long; accepted: {low:g} to {high:g}")
