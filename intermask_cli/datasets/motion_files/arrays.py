"""The kinds of file a motion can come in: arrays as they are, before unit, axis and rate are settled.

Sizes are checked before memory is asked for and pickles are never loaded; whatever cannot be read is an
`InputError`.
"""

from __future__ import annotations

import io
import lzma
import math
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import h5py
import numpy as np

from intermask_cli.datasets.interactions import FILE_NAME, ITEMS, InteractionFile
from intermask_cli.datasets.motion_files.bvh import BvhError, Recipe, body_joints, parse_bvh, skeleton_map
from intermask_cli.errors import InputError
from intermask_cli.motion.body_model import stand_in_body
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.representation import interx
from intermask_cli.motion.representation.interhuman import (
    NUM_FEATURES,
    RAW_COLUMNS,
    joints_from_features,
    loaded_from_raw492,
    rotations6d_from_features,
)
from intermask_cli.motion.representation.interx import FEATURE_ROWS as INTERX_ROWS
from intermask_cli.motion.rotation import (
    matrix_from_axis_angle,
    matrix_from_sixd_rows,
    sixd_columns_from_matrix,
)
from intermask_cli.motion.skeleton import FPS, JOINT_NAMES, NUM_JOINTS, REST_OFFSETS

MIN_FRAMES = 4
MAX_FRAMES = 100_000
MAX_BVH_BYTES = 1 << 29
#: NumPy writes headers of about 120 bytes and believes none above 10,000.
_LONGEST_HEADER = 10_100
#: What NumPy packs an .npz with; zipfile bounds what only these two unpack at a time.
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
#: What unpacks to more than so many bytes and so many times its size is no motion, but made to fill memory.
_PACKED_BYTES, _PACKED_TIMES = 1 << 26, 100
#: A column of a rotation matrix has length 1; one this short points nowhere.
_SHORTEST_COLUMN = 0.1
_KINDS = ".npy, .npz, .h5 (FILE.h5#ID), .bvh"
_SHAPES = (
    f"joints (T, {NUM_JOINTS}, 3), the published demo's (T, {NUM_JOINTS}, 9), features (T, {NUM_FEATURES}) "
    f"or raw InterHuman (T, {RAW_COLUMNS}), "
    "each also as a pair (2, T, ...); Inter-X (T, 56, 6) or (T, 56, 12)"
)
#: What damaged files raise in the libraries below us, besides OSError.
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError,
    KeyError, ValueError, TypeError, AttributeError, OverflowError, SyntaxError,
    MemoryError, tokenize.TokenError,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class MotionContent:
    """joints (P, T, 22, 3), rotations6d (P, T, 21, 6) or None; float64, unit and axes of the file."""

    joints: np.ndarray
    rotations6d: np.ndarray | None
    kind: str
    fps: float = float(FPS)
    up: str = "y"


def read_content(path: Path, item: str | None, skeleton: Path | None = None) -> MotionContent:
    """Read all persons of a file; `item` is the id behind `FILE.h5#`, `skeleton` a joint map for BVH."""
    if path.is_dir() and (path / FILE_NAME).is_file():
        path = path / FILE_NAME
    if not path.is_file():
        raise InputError(f"no such file; accepted: {_KINDS}")
    size = path.stat().st_size
    if size == 0:
        raise InputError("the file is empty")
    kind = path.suffix.lower()
    if item is not None and kind not in (".h5", ".hdf5"):
        raise InputError(f"`#{item}` names an item of an .h5 file, this is {kind or 'no known kind'}")
    if skeleton is not None and kind != ".bvh":
        raise InputError(f"--skeleton maps the joints of .bvh files; {kind or 'this'} has fixed joints")
    try:
        if kind == ".npy":
            with path.open("rb") as stream:
                return _from_array(_read_array(stream, size, _check_motion_shape))
        if kind == ".npz":
            return _read_npz(path)
        if kind in (".h5", ".hdf5"):
            return _read_h5(path, item)
        if kind == ".bvh":
            return _read_bvh(path, size, skeleton)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})") from error
    raise InputError(f"unknown kind of file {path.suffix!r}; accepted: {_KINDS}")


def _read_array(
    stream: IO[bytes], size: int, check_shape: Callable[[tuple[int, ...]], None], alone: bool = False
) -> np.ndarray:
    """An .npy stream of `size` bytes -> float64 array; its header is believed only if the bytes are there.

    alone: nothing may follow the array, as in an .npz.
    """
    shape, fortran, dtype = _read_header(stream)
    if dtype.hasobject:
        raise InputError("holds pickled Python objects, which are never loaded; save plain numbers")
    if dtype.kind not in "fiu":
        raise InputError(f"holds {dtype} values; numbers are accepted")
    needed, left = math.prod(shape) * dtype.itemsize, size - stream.tell()
    if needed > left:
        raise InputError(f"truncated: shape {shape} of {dtype} needs {needed} bytes, {left} are there")
    if alone and needed < left:
        raise InputError(f"damaged: shape {shape} of {dtype} needs {needed} bytes, {left} are there")
    check_shape(shape)
    flat = np.frombuffer(stream.read(needed), dtype=dtype).astype(np.float64)
    return flat.reshape(shape, order="F" if fortran else "C")


def _read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, Fortran order and type of an .npy stream, which then stands at the first number."""
    try:
        # The length of the header is the file's claim too: no more than a true one may have is unpacked.
        head = io.BytesIO(stream.read(_LONGEST_HEADER))
        old = np.lib.format.read_magic(head) == (1, 0)
        read_header = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read_header(head)
        stream.seek(head.tell())
    except _DAMAGE as error:
        raise InputError(f"not an .npy array ({_one_line(error)})") from error
    return tuple(int(length) for length in shape), fortran, dtype


def _check_motion_shape(shape: tuple[int, ...]) -> None:
    if shape[-2:] in ((NUM_JOINTS, 3), (NUM_JOINTS, 9)):
        before = shape[:-2]
    elif len(shape) == 3 and shape[1:] in ((INTERX_ROWS, 6), (INTERX_ROWS, 12)):
        before = shape[:1]
    else:
        before = shape[:-1] if shape[-1:] in ((NUM_FEATURES,), (RAW_COLUMNS,)) else ()
    if len(before) not in (1, 2) or (len(before) == 2 and before[0] not in (1, 2)):
        raise InputError(f"shape {shape}; accepted: {_SHAPES}")
    if not MIN_FRAMES <= before[-1] <= MAX_FRAMES:
        raise InputError(f"{before[-1]} frames; {MIN_FRAMES} to {MAX_FRAMES} are accepted")


def _check_one_number(shape: tuple[int, ...]) -> None:
    if math.prod(shape) != 1:
        raise InputError(f"`fps` of shape {shape}; one number is accepted")


def _from_array(array: np.ndarray, fps: float = float(FPS)) -> MotionContent:
    """Joints, features or raw columns, with or without a person axis; Inter-X rows."""
    if array.shape[1:] in ((INTERX_ROWS, 6), (INTERX_ROWS, 12)):
        return _from_interx(array, fps)
    if array.shape[-1] == NUM_FEATURES:
        persons = array.reshape(-1, *array.shape[-2:])
        check_finite(persons, "column")
        joints, rotations = joints_from_features(persons), rotations6d_from_features(persons)
        return MotionContent(joints, rotations, f"features (T, {NUM_FEATURES})", fps)
    if array.shape[-1] == RAW_COLUMNS:
        persons = array.reshape(-1, *array.shape[-2:])
        check_finite(persons, "column")
        loaded = np.stack([loaded_from_raw492(raw) for raw in persons]).astype(np.float64)
        joints, rotations = (part.reshape(*loaded.shape[:2], -1, n) for part, n in _halves(loaded))
        return MotionContent(joints, rotations, f"raw InterHuman (T, {RAW_COLUMNS})", fps, up="z")
    joints = array.reshape(-1, *array.shape[-3:])
    if array.shape[-1] == 9:
        return _from_demo(joints, fps)
    return MotionContent(joints, None, f"joints (T, {NUM_JOINTS}, 3)", fps)


def _from_demo(array: np.ndarray, fps: float) -> MotionContent:
    """Positions and 6-D rotations (P, T, 22, 9) as the published demo writes them; the root's are zeros."""
    check_finite(array, "joint")
    joints, rotations = array[..., :3], array[..., 1:, 3:]
    kind = f"the published demo's (T, {NUM_JOINTS}, 9)"
    lengths = np.linalg.norm(rotations.reshape(*rotations.shape[:-1], 3, 2), axis=-2)
    if lengths.min() < _SHORTEST_COLUMN:
        return MotionContent(joints, None, f"{kind}, its rotations are none", fps)
    return MotionContent(joints, rotations, kind, fps)


def _from_interx(array: np.ndarray, fps: float) -> MotionContent:
    """Inter-X features of one person (T, 56, 6) or two (T, 56, 12), or a clip as on disk (T, 56, 6).

    Features are told from the axis-angles of a clip on disk by their unit rows. Joints are those of the
    stand-in body, since SMPL-X may not be shipped.
    """
    check_finite(array.reshape(1, len(array), -1), "column")
    rows = np.linalg.norm(array[:, :-1, :3], axis=-1)
    persons: tuple[np.ndarray, ...]
    if array.shape[2] == 12:
        persons = interx.split_persons(array)
        kind = f"Inter-X features (T, {INTERX_ROWS}, 12)"
    elif np.abs(rows - 1).max() < 0.2:
        persons, kind = (array,), f"Inter-X features (T, {INTERX_ROWS}, 6)"
    else:
        both = interx.persons_from_processed(array)
        persons = tuple(interx.person_features(person) for person in both)
        kind = f"Inter-X clip (T, {INTERX_ROWS}, 6)"
    features = np.stack(persons)
    joints = interx.joints_from_features(features, stand_in_body())[:, :, :NUM_JOINTS]
    body = matrix_from_sixd_rows(features[:, :, 1:NUM_JOINTS].astype(np.float64))
    return MotionContent(joints.astype(np.float64), sixd_columns_from_matrix(body), kind, fps)


def _halves(loaded: np.ndarray) -> tuple[tuple[np.ndarray, int], tuple[np.ndarray, int]]:
    """InterHuman body columns (..., 192) -> positions and rotations, each with its numbers per joint."""
    return (loaded[..., : 3 * NUM_JOINTS], 3), (loaded[..., 3 * NUM_JOINTS :], 6)


def _read_npz(path: Path) -> MotionContent:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.removesuffix(".npy"): name for name in archive.namelist()}
            wanted = next((name for name in ("positions", "joints") if name in names), None)
            if wanted is None and "trans" in names and ("poses" in names or "pose_body" in names):
                return _read_amass(archive, names)
            if wanted is None:
                seen = ", ".join(sorted(names)[:8]) or "nothing"
                raise InputError(
                    f"no array `positions`, `joints`, or AMASS `poses` and `trans`; it holds {seen}"
                )
            array = _read_member(archive, names[wanted], _check_motion_shape)
            if "fps" not in names:
                return _from_array(array)
            return _from_array(array, float(_read_member(archive, names["fps"], _check_one_number).item()))
    except _DAMAGE as error:
        raise InputError(f"truncated or damaged .npz file ({_one_line(error)})") from error


def _read_amass(archive: zipfile.ZipFile, names: dict[str, str]) -> MotionContent:
    """SMPL body rotations -> joints of our own rest pose: the file's body shape needs a licensed model.

    The pelvis is put at `trans`, which in SMPL lies a constant few centimetres from it.
    """

    def columns(name: str, least: int) -> np.ndarray:
        def check(shape: tuple[int, ...]) -> None:
            if len(shape) != 2 or shape[1] < least:
                raise InputError(f"`{name}` of shape {shape}; (T, {least} or more) is accepted")
            if not MIN_FRAMES <= shape[0] <= MAX_FRAMES:
                raise InputError(f"{shape[0]} frames; {MIN_FRAMES} to {MAX_FRAMES} are accepted")

        return _read_member(archive, names[name], check)

    if "poses" in names:
        turns = columns("poses", 3 * NUM_JOINTS)[:, : 3 * NUM_JOINTS]
    elif "root_orient" in names:
        turns = np.concatenate([columns("root_orient", 3)[:, :3], columns("pose_body", 63)[:, :63]], axis=1)
    else:
        raise InputError("`pose_body` without `root_orient`")
    trans = columns("trans", 3)[:, :3]
    if len(trans) != len(turns):
        raise InputError(f"{len(trans)} rows of `trans` for {len(turns)} of rotations")
    for values in (turns, trans):
        check_finite(values[None, :, :], "column")
    rate = next((name for name in ("mocap_framerate", "mocap_frame_rate", "fps") if name in names), None)
    fps = FPS if rate is None else _read_member(archive, names[rate], _check_one_number).item()
    local = matrix_from_axis_angle(turns.reshape(-1, NUM_JOINTS, 3))
    joints = forward_kinematics(local, trans, REST_OFFSETS)[0]
    rotations = sixd_columns_from_matrix(local[:, 1:])
    return MotionContent(joints[None], rotations[None], "AMASS rotations on our own body", float(fps), up="z")


def _read_member(
    archive: zipfile.ZipFile, name: str, check_shape: Callable[[tuple[int, ...]], None]
) -> np.ndarray:
    info = archive.getinfo(name)
    _check_packing(info, Path(str(archive.filename)).stat().st_size)
    with archive.open(info) as stream:
        return _read_array(stream, info.file_size, check_shape, alone=True)


def _check_packing(info: zipfile.ZipInfo, archive_bytes: int) -> None:
    """Refuse, by the zip directory alone, what a few bytes unpack to gigabytes."""
    if info.compress_type not in _PACKINGS:
        raise InputError(f"`{info.filename}` is packed in a way NumPy never does; save it with np.savez")
    packed = min(info.compress_size, archive_bytes)
    if info.file_size > max(_PACKED_BYTES, _PACKED_TIMES * packed):
        raise InputError(
            f"`{info.filename}` would unpack from {packed} to {info.file_size} bytes; more than "
            f"{_PACKED_TIMES} times is refused; save it with np.savez, which does not pack"
        )


def _read_h5(path: Path, item: str | None) -> MotionContent:
    try:
        with InteractionFile(path) as dataset:
            item = _chosen_item(dataset, item)
            with h5py.File(path, "r") as file:
                persons, frames, joints, axes = file[f"{ITEMS}/{item}/joints"].shape
            # The first 22 joints of an Inter-X body are the ones used here.
            _check_motion_shape((persons, frames, min(joints, NUM_JOINTS), axes))
            stored, fps = dataset.read(item), dataset.fps
    except _DAMAGE as error:
        raise InputError(f"damaged HDF5 file ({_one_line(error)})") from error
    rotations = stored.rotations6d
    if rotations is not None:
        if rotations.shape != (persons, frames, NUM_JOINTS - 1, 6):
            raise InputError(f"rotations6d of shape {rotations.shape} do not belong to {frames} frames")
        check_finite(rotations, "rotation")
        rotations = rotations.astype(np.float64)
    positions = stored.joints[:, :, :NUM_JOINTS].astype(np.float64)
    return MotionContent(positions, rotations, f"interaction {item}", fps)


def _chosen_item(dataset: InteractionFile, item: str | None) -> str:
    ids = dataset.ids
    if item is None and len(ids) == 1:
        return ids[0]
    if item is None or item not in ids:
        seen = "no item named" if item is None else f"no item '{item}'"
        raise InputError(
            f"{seen}; it holds {len(ids)}: {', '.join(ids[:4])}{', ...' if len(ids) > 4 else ''}; "
            "choose one as FILE.h5#ID"
        )
    return item


def _read_bvh(path: Path, size: int, skeleton: Path | None) -> MotionContent:
    if size > MAX_BVH_BYTES:
        raise InputError(f"{size} bytes; at most {MAX_BVH_BYTES} are read")
    recipes = None if skeleton is None else _skeleton(skeleton)
    try:
        motion = parse_bvh(path.read_text(encoding="utf-8", errors="replace"), MAX_FRAMES)
        joints, scheme = body_joints(motion, recipes)
    except BvhError as error:
        raise InputError(str(error)) from error
    kind = f"BVH, {len(motion.names)} joints -> {NUM_JOINTS} by {scheme} names"
    return MotionContent(joints[None], None, kind, motion.fps)


def _skeleton(path: Path) -> dict[str, Recipe]:
    try:
        return skeleton_map(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, BvhError) as error:
        raise InputError(f"skeleton map {path}: {getattr(error, 'strerror', None) or error}") from error


def check_finite(values: np.ndarray, what: str) -> None:
    """values (P, T, ...): name the first NaN or infinity."""
    bad = np.argwhere(~np.isfinite(values))
    if len(bad) == 0:
        return
    person, frame, index = (int(n) for n in bad[0][:3])
    value = values[tuple(bad[0])]
    where = JOINT_NAMES[index] if what == "joint" else f"{what} {index}"
    who = f"person {person + 1}, " if len(values) > 1 else ""
    raise InputError(
        f"{value} at {who}frame {frame}, {where} ({len(bad)} such numbers in all); clean it first"
    )


def _one_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
