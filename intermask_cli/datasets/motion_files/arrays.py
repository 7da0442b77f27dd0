"""Motion stored as arrays: .npy, .npz and our interactions.h5, in the unit, axes and rate of the file.

Sizes are checked before memory is allocated and pickles are never loaded.
"""

from __future__ import annotations

import io
import lzma
import math
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

import h5py
import numpy as np

from intermask_cli.datasets.interactions import ITEMS, InteractionFile
from intermask_cli.datasets.motion_files.checks import MAX_FRAMES, MIN_FRAMES, check_finite
from intermask_cli.datasets.motion_files.file_motion import FileMotion
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
from intermask_cli.motion.skeleton import FPS, NUM_JOINTS, REST_OFFSETS

#: Bytes read of an .npy header: NumPy writes about 120 and accepts at most 10,000 characters.
_LONGEST_HEADER = 10_100
#: Compression methods of NumPy's .npz; zipfile limits how much it decompresses at once for these only.
_COMPRESSION = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
#: Bytes to which an array may decompress whatever its stored size: less than this fits any memory.
_ALWAYS_DECOMPRESSED = 1 << 26
#: Multiple of its stored size to which a larger array may decompress; more is likely a decompression bomb.
_MOST_COMPRESSION = 100
#: Length below which a column of a rotation matrix, which should have length 1, has no usable direction.
_SHORTEST_COLUMN = 0.1
#: Largest difference from 1 in the row lengths of Inter-X features; axis-angles on disk differ by more.
_UNIT_ROWS = 0.2
_SHAPES = (
    f"joints (T, {NUM_JOINTS}, 3), the published demo's (T, {NUM_JOINTS}, 9), features (T, {NUM_FEATURES}) "
    f"or raw InterHuman (T, {RAW_COLUMNS}), "
    "each also as a pair (2, T, ...); Inter-X (T, 56, 6) or (T, 56, 12)"
)
#: What the libraries raise for damaged files, apart from OSError.
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError,
    KeyError, ValueError, TypeError, AttributeError, OverflowError, SyntaxError,
    MemoryError, tokenize.TokenError,
)  # fmt: skip


def read_npy(path: Path) -> FileMotion:
    """Motion of an .npy file: joints, features or raw columns of one person or two.

    Raises:
        InputError: not such an array, pickled objects, a shape that is not accepted. OSError: not readable.
    """
    with path.open("rb") as stream:
        return _from_array(_read_array(stream, path.stat().st_size, _check_motion_shape))


def read_npz(path: Path) -> FileMotion:
    """Motion of an .npz file: `positions` or `joints` as in an .npy file and `fps`, or AMASS rotations.

    Raises:
        InputError: as `read_npy`; a damaged archive, other arrays, a decompression bomb.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.removesuffix(".npy"): name for name in archive.namelist()}
            positions = next((name for name in ("positions", "joints") if name in names), None)
            if positions is None and "trans" in names and ("poses" in names or "pose_body" in names):
                return _read_amass(archive, names)
            if positions is None:
                held = ", ".join(sorted(names)[:8]) or "nothing"
                raise InputError(
                    f"no array `positions`, `joints`, or AMASS `poses` and `trans`; it holds {held}"
                )
            array = _read_member(archive, names[positions], _check_motion_shape)
            if "fps" not in names:
                return _from_array(array)
            return _from_array(array, float(_read_member(archive, names["fps"], _check_one_number).item()))
    except _DAMAGE as error:
        raise InputError(f"truncated or damaged .npz file ({_one_line(error)})") from error


def _read_amass(archive: zipfile.ZipFile, names: dict[str, str]) -> FileMotion:
    """SMPL body rotations -> joints of our rest pose, since the file's body shape needs a licensed model.

    The pelvis is put at `trans`; in SMPL it is a constant few centimetres from there.
    """

    def columns(name: str, least: int) -> np.ndarray:
        def check(shape: tuple[int, ...]) -> None:
            if len(shape) != 2 or shape[1] < least:
                raise InputError(f"`{name}` of shape {shape}; accepted: (T, {least} or more)")
            _check_length(shape[0])

        return _read_member(archive, names[name], check)

    if "poses" in names:
        rotations = columns("poses", 3 * NUM_JOINTS)[:, : 3 * NUM_JOINTS]
    elif "root_orient" in names:
        rotations = np.concatenate(
            [columns("root_orient", 3)[:, :3], columns("pose_body", 63)[:, :63]], axis=1
        )
    else:
        raise InputError("`pose_body` without `root_orient`; save both, or `poses`")
    trans = columns("trans", 3)[:, :3]
    if len(trans) != len(rotations):
        raise InputError(f"{len(trans)} rows of `trans` for {len(rotations)} of rotations")
    for values in (rotations, trans):
        check_finite(values[None, :, :], "column")
    rate = next((name for name in ("mocap_framerate", "mocap_frame_rate", "fps") if name in names), None)
    fps = FPS if rate is None else _read_member(archive, names[rate], _check_one_number).item()
    local = matrix_from_axis_angle(rotations.reshape(-1, NUM_JOINTS, 3))  # (T, 22, 3, 3)
    joints = forward_kinematics(local, trans, REST_OFFSETS)[0]
    sixd = sixd_columns_from_matrix(local[:, 1:])
    return FileMotion(joints[None], sixd[None], "AMASS rotations on our own body", float(fps), up="z")


def read_h5(path: Path, item: str | None) -> FileMotion:
    """Motion of one item of an interactions.h5 file; `item` may be None if the file has only one.

    Raises:
        InputError: damaged file, no such item, arrays that do not fit.
    """
    try:
        with InteractionFile(path) as dataset:
            item = _item_id(dataset, item)
            with h5py.File(path, "r") as file:
                persons, frames, joints, axes = file[f"{ITEMS}/{item}/joints"].shape
            # Of an Inter-X body only the first 22 joints are used.
            _check_motion_shape((persons, frames, min(joints, NUM_JOINTS), axes))
            stored, fps = dataset.read(item), dataset.fps
    except _DAMAGE as error:
        raise InputError(f"damaged HDF5 file ({_one_line(error)})") from error
    rotations = stored.rotations6d
    if rotations is not None:
        if rotations.shape != (persons, frames, NUM_JOINTS - 1, 6):
            raise InputError(f"rotations6d of shape {rotations.shape} do not fit {frames} frames")
        check_finite(rotations, "rotation")
        rotations = rotations.astype(np.float64)
    positions = stored.joints[:, :, :NUM_JOINTS].astype(np.float64)
    return FileMotion(positions, rotations, f"interaction {item}", fps)


def _item_id(dataset: InteractionFile, item: str | None) -> str:
    """The id to read: `item`, or the only one of the file."""
    ids = dataset.ids
    if item is None and len(ids) == 1:
        return ids[0]
    if item is None or item not in ids:
        problem = "no item named" if item is None else f"no item '{item}'"
        raise InputError(
            f"{problem}; it holds {len(ids)}: {', '.join(ids[:4])}{', ...' if len(ids) > 4 else ''}; "
            "choose one as FILE.h5#ID"
        )
    return item


# ---------------------------------------------------------------- what an array holds, by its shape


def _check_motion_shape(shape: tuple[int, ...]) -> None:
    """Raise InputError unless an array of this shape can be motion (`_SHAPES`) of an accepted length."""
    if shape[-2:] in ((NUM_JOINTS, 3), (NUM_JOINTS, 9)):
        before = shape[:-2]
    elif len(shape) == 3 and shape[1:] in ((INTERX_ROWS, 6), (INTERX_ROWS, 12)):
        before = shape[:1]
    else:
        before = shape[:-1] if shape[-1:] in ((NUM_FEATURES,), (RAW_COLUMNS,)) else ()
    if len(before) not in (1, 2) or (len(before) == 2 and before[0] not in (1, 2)):
        raise InputError(f"shape {shape}; accepted: {_SHAPES}")
    _check_length(before[-1])


def _check_length(frames: int) -> None:
    if not MIN_FRAMES <= frames <= MAX_FRAMES:
        raise InputError(f"{frames} frames; accepted: {MIN_FRAMES} to {MAX_FRAMES}")


def _check_one_number(shape: tuple[int, ...]) -> None:
    if math.prod(shape) != 1:
        raise InputError(f"`fps` of shape {shape}; accepted: one number")


def _from_array(array: np.ndarray, fps: float = float(FPS)) -> FileMotion:
    """Joints, features or raw columns, with or without a person axis; Inter-X rows."""
    if array.shape[1:] in ((INTERX_ROWS, 6), (INTERX_ROWS, 12)):
        return _from_interx(array, fps)
    if array.shape[-1] == NUM_FEATURES:
        persons = array.reshape(-1, *array.shape[-2:])  # (P, T, 262)
        check_finite(persons, "column")
        joints, rotations = joints_from_features(persons), rotations6d_from_features(persons)
        return FileMotion(joints, rotations, f"features (T, {NUM_FEATURES})", fps)
    if array.shape[-1] == RAW_COLUMNS:
        persons = array.reshape(-1, *array.shape[-2:])  # (P, T, 492)
        check_finite(persons, "column")
        loaded = np.stack([loaded_from_raw492(raw) for raw in persons]).astype(np.float64)  # (P, T, 192)
        joints = loaded[..., : 3 * NUM_JOINTS].reshape(*loaded.shape[:2], NUM_JOINTS, 3)
        rotations = loaded[..., 3 * NUM_JOINTS :].reshape(*loaded.shape[:2], NUM_JOINTS - 1, 6)
        return FileMotion(joints, rotations, f"raw InterHuman (T, {RAW_COLUMNS})", fps, up="z")
    joints = array.reshape(-1, *array.shape[-3:])  # (P, T, 22, 3 or 9)
    if array.shape[-1] == 9:
        return _from_demo(joints, fps)
    return FileMotion(joints, None, f"joints (T, {NUM_JOINTS}, 3)", fps)


def _from_demo(array: np.ndarray, fps: float) -> FileMotion:
    """Positions and 6-D rotations (P, T, 22, 9) as the published demo writes them; the root's are zeros."""
    check_finite(array, "joint")
    joints, rotations = array[..., :3], array[..., 1:, 3:]
    kind = f"the published demo's (T, {NUM_JOINTS}, 9)"
    lengths = np.linalg.norm(rotations.reshape(*rotations.shape[:-1], 3, 2), axis=-2)  # (P, T, 21, 2)
    if lengths.min() < _SHORTEST_COLUMN:
        return FileMotion(joints, None, f"{kind}, without usable rotations", fps)
    return FileMotion(joints, rotations, kind, fps)


def _from_interx(array: np.ndarray, fps: float) -> FileMotion:
    """Inter-X features of one person (T, 56, 6) or two (T, 56, 12), or a clip as on disk (T, 56, 6).

    Unit rows distinguish features from the axis-angles of a clip on disk. Joints are those of the stand-in
    body, since SMPL-X may not be redistributed.
    """
    check_finite(array.reshape(1, len(array), -1), "column")
    rows = np.linalg.norm(array[:, :-1, :3], axis=-1)
    persons: tuple[np.ndarray, ...]
    if array.shape[2] == 12:
        persons = interx.split_persons(array)
        kind = f"Inter-X features (T, {INTERX_ROWS}, 12)"
    elif np.abs(rows - 1).max() < _UNIT_ROWS:
        persons, kind = (array,), f"Inter-X features (T, {INTERX_ROWS}, 6)"
    else:
        both = interx.persons_from_processed(array)
        persons = tuple(interx.person_features(person) for person in both)
        kind = f"Inter-X clip (T, {INTERX_ROWS}, 6)"
    features = np.stack(persons)
    joints = interx.joints_from_features(features, stand_in_body())[:, :, :NUM_JOINTS]
    body = matrix_from_sixd_rows(features[:, :, 1:NUM_JOINTS].astype(np.float64))
    return FileMotion(joints.astype(np.float64), sixd_columns_from_matrix(body), kind, fps)


# ---------------------------------------------------------------- arrays that may be damaged or hostile


def _read_array(
    stream: IO[bytes], size: int, check_shape: Callable[[tuple[int, ...]], None], alone: bool = False
) -> np.ndarray:
    """An .npy stream of `size` bytes -> float64 array; memory is allocated only if the file has the bytes.

    alone: nothing may follow the array, as in an .npz.
    """
    shape, fortran, dtype = _read_header(stream)
    if dtype.hasobject:
        raise InputError("holds pickled Python objects, which are never loaded; save plain numbers")
    if dtype.kind not in "fiu":
        raise InputError(f"holds {dtype} values; accepted: numbers")
    needed, left = math.prod(shape) * dtype.itemsize, size - stream.tell()  # language: ok, a method
    if needed > left:
        raise InputError(f"truncated: shape {shape} of {dtype} needs {needed} bytes, the file has {left}")
    if alone and needed < left:
        raise InputError(f"damaged: shape {shape} of {dtype} needs {needed} bytes, the file has {left}")
    check_shape(shape)
    flat = np.frombuffer(stream.read(needed), dtype=dtype).astype(np.float64)
    return flat.reshape(shape, order="F" if fortran else "C")


def _read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, Fortran order and type of an .npy stream, which is then positioned at the first number."""
    try:
        # The header's length is also only claimed, so no more is read than a valid header can have.
        head = io.BytesIO(stream.read(_LONGEST_HEADER))
        old = np.lib.format.read_magic(head) == (1, 0)
        read_header = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read_header(head)
        stream.seek(head.tell())  # language: ok, a method
    except _DAMAGE as error:
        raise InputError(f"not an .npy array ({_one_line(error)})") from error
    return tuple(int(length) for length in shape), fortran, dtype


def _read_member(
    archive: zipfile.ZipFile, name: str, check_shape: Callable[[tuple[int, ...]], None]
) -> np.ndarray:
    info = archive.getinfo(name)
    _check_compression(info, Path(str(archive.filename)).stat().st_size)
    with archive.open(info) as stream:
        return _read_array(stream, info.file_size, check_shape, alone=True)


def _check_compression(info: zipfile.ZipInfo, archive_bytes: int) -> None:
    """Refuse decompression bombs by the directory of the archive, before anything is decompressed."""
    if info.compress_type not in _COMPRESSION:
        raise InputError(
            f"`{info.filename}` is compressed by a method that NumPy never uses; save it with np.savez"
        )
    stored = min(info.compress_size, archive_bytes)
    if info.file_size > max(_ALWAYS_DECOMPRESSED, _MOST_COMPRESSION * stored):
        raise InputError(
            f"`{info.filename}` would decompress from {stored} to {info.file_size} bytes, more than "
            f"{_MOST_COMPRESSION} times: likely a decompression bomb; save it with np.savez, which does not "
            "compress"
        )


def _one_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
