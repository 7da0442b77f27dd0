"""An `interactions.h5` that is damaged or made by other hands: read, or refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from intermask_cli.datasets.interactions import InteractionFile, write_dataset
from intermask_cli.errors import InputError
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.motion import Motion


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


# ---------------------------------------------------------------- format version 2


def rigid_item(**changes: object) -> Interaction:
    rng = np.random.default_rng(0)
    motion = Motion(
        rng.normal(size=(2, 8, 22, 3)).astype(np.float32),
        rng.normal(size=(2, 8, 21, 6)).astype(np.float32),
        None,
        rng.normal(size=(2, 8, 6)).astype(np.float32),
        rng.uniform(0.1, 0.4, (2, 21)).astype(np.float32),
    )
    return Interaction(motion, text="they bow", seed=3, **{"id": "a", "rigid": (True, True), **changes})


def test_a_file_of_version_1_is_read(tmp_path: Path) -> None:
    """Written above by plain h5py, as 0.1.0 and 0.2.0 write it."""
    with InteractionFile(write(tmp_path / "a.h5", lambda file: None)) as dataset:
        (item,) = dataset
        assert dataset.attributes["format_version"] == 1
    assert item.rigid == (False, False) and item.body == "decoded"
    assert item.root_rotations6d is None and item.bone_lengths is None and item.no_body == ""
    assert (item.source_id, item.read_as, item.read_confidence) == ("", "", None)


def test_a_rigid_item_comes_back_as_it_was_written(tmp_path: Path) -> None:
    item = rigid_item(
        rigid=(False, True), given=0, no_body="person 2: thigh and shin differ", source_id="Szene 1/a",
        read_as="bow", read_confidence=0.75,
    )  # fmt: skip
    path = write_dataset(tmp_path / "a.h5", [item, Interaction(np.zeros((2, 8, 22, 3), np.float32), id="b")])
    with h5py.File(path) as file:
        assert file.attrs["format_version"] == 2
        assert file["interactions/a"].attrs["rigid"].tolist() == [0, 1]
        assert "rigid" not in file["interactions/b"].attrs
        assert file["index/read_confidence"].dtype == np.float64
        assert np.isnan(file["index/read_confidence"][1])
    with InteractionFile(path) as dataset:
        back = dataset["a"]
        assert dataset.column("no_body") == [item.no_body, ""]
        assert dataset.column("source_id") == [item.source_id, ""]
    for name in ("joints", "rotations6d", "root_rotations6d", "bone_lengths"):
        np.testing.assert_array_equal(getattr(back, name), getattr(item, name))
    for name in ("rigid", "no_body", "source_id", "read_as", "read_confidence", "given", "body"):
        assert getattr(back, name) == getattr(item, name), name
    assert back.body == "rigid"  # of the person who was generated


def test_a_rigid_person_without_bone_lengths_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs rotations6d, root_rotations6d and bone_lengths"):
        Interaction(Motion(rigid_item().joints, rigid_item().rotations6d), rigid=(True, True))
    path = write_dataset(tmp_path / "a.h5", rigid_item())
    with h5py.File(path, "a") as file:
        del file["interactions/a/bone_lengths"]
    with pytest.raises(InputError, match="interaction 'a' cannot be read"):
        read_all(path)


@pytest.mark.parametrize("name", ["root_rotations6d", "bone_lengths"])
def test_a_claimed_size_is_refused_before_it_is_read(name: str, tmp_path: Path) -> None:
    path = write_dataset(tmp_path / "a.h5", rigid_item())
    with h5py.File(path, "a") as file:
        del file[f"interactions/a/{name}"]
        file.create_dataset(
            f"interactions/a/{name}", shape=(2, 10**6, 10**5), dtype="f4", chunks=(1, 100, 10)
        )
    with pytest.raises(InputError, match=f"{name} of shape"):
        read_all(path)
