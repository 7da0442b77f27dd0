"""Mean and standard deviation of each feature: to unit scale and back."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from intermask_cli.errors import InputError, MissingError
from intermask_cli.files import what_came_instead

#: Bytes of one array of statistics: a thousand features take 8,000.
_LARGEST = 1_000_000


@dataclass(frozen=True, eq=False)
class Normalizer:
    """`(x - mean) / std` per feature; mean and std (D,) float32."""

    mean: np.ndarray
    std: np.ndarray

    def __post_init__(self) -> None:
        for name in ("mean", "std"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.float32))
        if self.mean.ndim != 1 or self.mean.shape != self.std.shape:
            raise InputError(
                f"statistics of shapes {self.mean.shape} and {self.std.shape}: both must be (D,)"
            )
        if not (np.isfinite(self.mean).all() and np.isfinite(self.std).all() and (self.std > 0).all()):
            raise InputError("statistics must be finite and every standard deviation above 0")

    def normalize(self, features: np.ndarray) -> np.ndarray:
        """(..., D) in metres and flags -> unit scale."""
        normalized: np.ndarray = (features - self.mean) / self.std
        return normalized

    def denormalize(self, features: np.ndarray) -> np.ndarray:
        """(..., D) in unit scale -> metres and flags."""
        metres: np.ndarray = features * self.std + self.mean
        return metres

    def save(self, path: Path) -> None:
        """Write `mean` and `std` to an .npz file."""
        np.savez(path, mean=self.mean, std=self.std)

    @classmethod
    def load(cls, path: Path, std_path: Path | None = None) -> Normalizer:
        """Read an .npz with `mean`, `std` (or `global_mean`, `global_std`), or two .npy files."""
        if std_path is not None:
            mean, std = _read_npy(path), _read_npy(std_path)
            if (mean > 0).all() and not (std > 0).all():
                raise InputError(
                    f"{std_path}: deviations must be above 0, which those in {path} are; exchange the two"
                )
            return cls._of(mean, std, f"{path} and {std_path}")
        arrays = _read(path)
        for prefix in ("", "global_"):
            if {prefix + "mean", prefix + "std"} <= set(arrays):
                return cls._of(arrays[prefix + "mean"], arrays[prefix + "std"], str(path))
        raise InputError(f"{path}: no arrays `mean` and `std`; give an .npz with both, or two .npy files")

    @classmethod
    def _of(cls, mean: np.ndarray, std: np.ndarray, source: str) -> Normalizer:
        try:
            return cls(mean, std)
        except InputError as error:
            raise InputError(f"{source}: {error}") from error

    @classmethod
    def fit(cls, clips: Iterable[np.ndarray], std_floors: np.ndarray | None = None) -> Normalizer:
        """Statistics over all frames of clips (..., D); no deviation falls below `std_floors` (D,)."""
        count, total, square = 0, np.zeros(()), np.zeros(())
        for clip in clips:
            rows = clip.reshape(-1, clip.shape[-1]).astype(np.float64)
            count, total, square = count + len(rows), total + rows.sum(0), square + (rows * rows).sum(0)
        if count == 0:
            raise InputError("no frames to take statistics from")
        mean = total / count
        std = np.sqrt(np.maximum(square / count - mean * mean, 0))
        return cls(mean, std if std_floors is None else np.maximum(std, std_floors))


def _read_npy(path: Path) -> np.ndarray:
    arrays = _read(path)
    if list(arrays) != ["array"]:
        raise InputError(f"{path}: an .npz where one .npy array was expected; give the .npz alone")
    return arrays["array"]


def _read(path: Path) -> dict[str, np.ndarray]:
    """Arrays of an .npz by name, or {"array": content of an .npy}."""
    if not Path(path).is_file():
        raise MissingError(f"{path}: statistics file not found")
    if (found := what_came_instead(Path(path))) is not None:
        raise InputError(f"{path}: is {found}")
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                claimed = max((member.file_size for member in archive.infolist()), default=0)
            if claimed > _LARGEST:
                raise InputError(
                    f"{path}: an array of {claimed:,} bytes; statistics have at most {_LARGEST:,}"
                )
            with np.load(path, allow_pickle=False) as stored:
                arrays = dict(stored.items())
        else:  # mapped, so that a file that claims more than it has is refused
            arrays = {"array": np.load(path, allow_pickle=False, mmap_mode="r")}
    except (
        ValueError, OSError, EOFError, zipfile.BadZipFile, SyntaxError, tokenize.TokenError, MemoryError,
        zlib.error, NotImplementedError, RuntimeError, TypeError,
    ) as error:  # fmt: skip
        pickled = "allow_pickle" in str(error)
        reason = "pickled objects, which are never loaded" if pickled else str(error)
        raise InputError(f"{path}: not a readable .npy or .npz statistics file ({reason})") from error
    for name, array in arrays.items():
        if array.dtype.kind not in "fiu" or array.nbytes > _LARGEST:
            raise InputError(
                f"{path}: {name} is of type {array.dtype}, shape {array.shape}; expected a number per feature"
            )
    return {name: np.array(array) for name, array in arrays.items()}
