"""Mean and standard deviation of each feature: to unit scale and back."""

from __future__ import annotations

import tokenize
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from intermask_cli.errors import InputError, MissingError


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
            return cls(_read_npy(path), _read_npy(std_path))
        arrays = _read(path)
        for prefix in ("", "global_"):
            if {prefix + "mean", prefix + "std"} <= set(arrays):
                return cls(arrays[prefix + "mean"], arrays[prefix + "std"])
        raise InputError(f"{path}: no arrays `mean` and `std`; give an .npz with both, or two .npy files")

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
    try:
        loaded = np.load(path, allow_pickle=False)
        return {"array": loaded} if isinstance(loaded, np.ndarray) else dict(loaded.items())
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, SyntaxError, tokenize.TokenError) as error:
        raise InputError(f"{path}: not a readable .npy or .npz statistics file ({error})") from error
