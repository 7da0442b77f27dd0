"""Dictionaries of tensors in .pt files, by `torch.load(weights_only=True)` after a look at the archive."""

from __future__ import annotations

import pickletools
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.datasets.motion_files.arrays.stored import DAMAGE, one_line
from intermask_cli.errors import InputError

SUFFIXES = (".pt", ".pth")
#: Bytes of the description of tensors (`data.pkl`); a dictionary of a thousand tensors takes 0.1 MB.
_LONGEST_DESCRIPTION = 1 << 22
#: What the description of plain tensors refers to; `weights_only` also allows objects that take memory.
_ALLOWED = ("torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter", "collections OrderedDict")
_ALLOWED_ENDING = "Storage"
#: Depth of dictionaries in each other.
_DEEPEST = 6


class TensorFile:
    """The tensors of a .pt file, as `StoredArrays`; names of nested dictionaries are joined by `/`."""

    def __init__(self, tensors: Mapping[str, Any]):
        self._tensors = tensors

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all tensors, numbers and texts."""
        return tuple(self._tensors)

    def shape(self, name: str) -> tuple[int, ...] | None:
        """Shape of a tensor; None for anything else."""
        return tuple(self._tensors[name].shape) if hasattr(self._tensors[name], "detach") else None

    def read(self, name: str, check_shape: Callable[[tuple[int, ...]], None]) -> np.ndarray:
        """The tensor as float64; InputError names it if it is not one or check_shape refuses its shape."""
        tensor = self._tensors[name]
        try:
            if not hasattr(tensor, "detach"):
                raise InputError("not a tensor")
            if tensor.is_complex() or tensor.is_quantized or tensor.layout is not _strided():
                raise InputError(f"holds {tensor.dtype} values; accepted: a tensor of plain numbers")
            check_shape(tuple(tensor.shape))
        except InputError as error:
            raise InputError(f"`{name}`: {error}") from error
        values: np.ndarray = tensor.detach().double().numpy()
        return values

    def text(self, name: str) -> str | None:
        """A text of the file."""
        value = self._tensors[name]
        return value if isinstance(value, str) else None

    def number_or_text(self, name: str) -> float | str | None:
        """One number or text of the file; None if it is anything else."""
        value = self._tensors[name]
        if hasattr(value, "numel"):
            return float(value.item()) if value.numel() == 1 and not value.is_complex() else None
        return value if isinstance(value, int | float | str) and not isinstance(value, bool) else None


def read_tensors(path: Path) -> TensorFile:
    """The tensors of a .pt file.

    Raises:
        InputError: an old file that is one pickle, other objects than tensors, sizes that do not fit.
    """
    with path.open("rb") as stream:
        if stream.read(2) != b"PK":
            raise InputError(
                "a .pt file as torch wrote before version 1.6; if you trust it, turn it by: import torch; "
                f"torch.save(torch.load({str(path)!r}, weights_only=True), {str(path)!r})"
            )
    try:
        stored = _checked_archive(path)
        import torch

        held = torch.load(path, map_location="cpu", weights_only=True)
        tensors = dict(_flat(held, "", 0))
        held_bytes = [t.untyped_storage().nbytes() for t in tensors.values() if hasattr(t, "untyped_storage")]
        claimed = max(held_bytes, default=0)
        if claimed > stored:
            raise InputError(f"damaged: a tensor of {claimed} bytes, the file has {stored}")
    except DAMAGE as error:
        raise InputError(f"damaged .pt file, or not a dictionary of tensors ({one_line(error)})") from error
    return TensorFile(tensors)


def _checked_archive(path: Path) -> int:
    """Bytes of all tensors by the directory of the archive; InputError unless it is plain."""
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        packed = [info.filename for info in members if info.compress_type != zipfile.ZIP_STORED]
        total = sum(info.file_size for info in members)
        if packed or total > size:
            raise InputError(f"damaged: its parts have {total} bytes, the file has {size}")
        descriptions = [info for info in members if info.filename.endswith("/data.pkl")]
        if len(descriptions) != 1 or descriptions[0].file_size > _LONGEST_DESCRIPTION:
            raise InputError("not a dictionary of tensors as torch.save writes it")
        _check_description(archive.read(descriptions[0]))
    return total


def _check_description(description: bytes) -> None:
    """Refuse a description that refers to anything but plain tensors."""
    for operation, argument, _ in pickletools.genops(description):
        if operation.name in ("STACK_GLOBAL", "INST", "OBJ", "EXT1", "EXT2", "EXT4"):
            raise InputError("holds other objects than tensors, which are never loaded; save tensors")
        if operation.name == "GLOBAL" and not (
            argument in _ALLOWED
            or (str(argument).startswith("torch ") and str(argument).endswith(_ALLOWED_ENDING))
        ):
            raise InputError(
                f"holds `{str(argument).replace(' ', '.')}`, and only tensors are loaded; save a "
                "dictionary of tensors"
            )


def _flat(held: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Values of nested dictionaries and lists by their joined names."""
    if isinstance(held, Mapping) and depth < _DEEPEST:
        for name, value in held.items():
            yield from _flat(value, f"{path}/{name}" if path else str(name), depth + 1)
    elif isinstance(held, list | tuple) and depth < _DEEPEST:
        for number, value in enumerate(held, 1):
            yield from _flat(value, f"{path}/{number}" if path else str(number), depth + 1)
    else:
        yield path, held


def _strided() -> Any:
    import torch

    return torch.strided
