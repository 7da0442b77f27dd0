"""An `interactions.h5` that is damaged or made by other hands: read, or refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.errors import InputError


def write(path: Path, spoil: Callable[[h5py.File], object]) -> Path:
    with h5py.File(path, "w") as file:
        file.attrs.update(
            {"format": "intermask-interactions", "format_version": 1, "fps": 30.0, "sampling": "{}"}
        )
        group = file.create_group("interactions/a")
        group.attrs.update({"prompt": "two people", "seed": 1, "sample": 0, "frames": 8})
        group["joints"] = np.zeros((2, 8, 22, 3), np.float32)
        for column, values in {"id": ["a"], "prompt": ["two people"], "sample": [0], "seed": [1]}.items():
            file[f"index/{column}"] = values
        file["index/frames"] = [8]
        spoil(file)
    return path


def replaced(name: str, value: object = None) -> Callable[[h5py.File], None]:
    """Put an array, or a group where none is given, in the place of an object."""

    def spoil(file: h5py.File) -> None:
        del file[name]
        if value is None:
            file.create_group(name)
        else:
            file[name] = value

    return spoil


def read_all(path: Path) -> int:
    with InteractionFile(path) as dataset:
        assert dataset.attributes and dataset.fps > 0
        return len([item.frames for item in dataset])


def test_the_unspoiled_file_is_read(tmp_path: Path) -> None:
    assert read_all(write(tmp_path / "a.h5", lambda file: None)) == 1


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: f.attrs.__setitem__("format_version", "x"), "format_version is 'x'"),
        (lambda f: f.attrs.__setitem__("format_version", [1, 2]), "format_version"),
        (lambda f: f.attrs.__setitem__("format", [1, 2]), "expected an HDF5 file with format"),
        (lambda f: f.attrs.__delitem__("fps"), "fps is None"),
        (lambda f: f.attrs.__setitem__("fps", float("nan")), "fps is"),
        (lambda f: f.attrs.__setitem__("fps", "fast"), "fps is 'fast'"),
        (lambda f: f.attrs.__setitem__("sampling", "{"), "sampling is not JSON"),
        (replaced("index/id"), "'index/id' is not a list of texts"),
        (replaced("index/id", [1.5]), "'index/id' is not a list of texts"),
        (replaced("index/seed", ["x"]), "'index/seed' is not a list of numbers"),
        (replaced("interactions", [1]), "interaction 'a'"),
        (replaced("interactions/a/joints"), "interaction 'a'"),
        (replaced("interactions/a/joints", [1.0]), r"shape \(1,\); expected \(2, T, J, 3\)"),
        (lambda f: f["interactions/a"].attrs.__setitem__("seed", "x"), "interaction 'a'"),
        (lambda f: f["interactions/a"].attrs.__delitem__("prompt"), "no complete interaction 'a'"),
    ],
)
def test_damage_is_named_in_one_line(spoil, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as refused:
        read_all(write(tmp_path / "a.h5", spoil))
    assert "\n" not in str(refused.value)
