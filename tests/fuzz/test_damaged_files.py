"""Damaged files of every kind that is read end as an error of one line, whatever the damage.

Bounded and seeded; `make fuzz` runs many more rounds than a test run does.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from intermask_cli.datasets.interactions import InteractionFile, write_dataset
from intermask_cli.datasets.motion_files.read import read_people
from intermask_cli.datasets.motion_files.read_options import ReadOptions
from intermask_cli.errors import IntermaskError
from intermask_cli.generation.prompts.read import read_prompts
from intermask_cli.generation.run.directory import progress_of
from intermask_cli.generation.run.manifest import RunInfo, read_manifest
from intermask_cli.inference.interaction import Interaction
from intermask_cli.models.bundle import load_bundle
from intermask_cli.models.weights import stored_shapes
from intermask_cli.motion.normalizer import Normalizer
from intermask_cli.training.recipes import CONFIGS, load_recipe
from tests.helpers.damage import damaged_bytes, damaged_values, rounds
from tests.helpers.motion_samples import fk_pair
from tests.helpers.tiny import save_tiny


def survives(action: Callable[[], object], what: object) -> None:
    """The action succeeds, or fails with an error of our own, of one line."""
    try:
        action()
    except IntermaskError as error:
        assert str(error).strip(), what
    except Exception as error:
        raise AssertionError(f"{type(error).__name__}: {error} for {what!r:.2000}") from error


def test_config_of_a_bundle(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "b")
    config = folder / "config.json"
    content = config.read_bytes()
    for values in damaged_values(json.loads(content), 1, rounds(60)):
        config.write_text(json.dumps(values))
        survives(lambda: load_bundle(folder), values)
    for data in damaged_bytes(content, 2, rounds(30)):
        config.write_bytes(data)
        survives(lambda: load_bundle(folder), data)


def test_weights_and_statistics(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "b")
    for name, read in (("transformer.safetensors", stored_shapes), ("normalizer.npz", Normalizer.load)):
        path = folder / name
        for data in damaged_bytes(path.read_bytes(), 3, rounds(30)):
            path.write_bytes(data)
            survives(lambda read=read, path=path: read(path), data[:200])


def test_recipes(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    content = (CONFIGS / "duet-mini.yaml").read_bytes()
    for values in damaged_values(yaml.safe_load(content), 4, rounds(40)):
        path.write_text(json.dumps(values))  # JSON is YAML, and takes a tenth of the time
        survives(lambda: load_recipe(str(path)), values)
    for data in damaged_bytes(content[:1500], 5, rounds(15)):
        path.write_bytes(data)
        survives(lambda: load_recipe(str(path)), data)


def test_manifests(tmp_path: Path) -> None:
    manifest = {
        "format": "intermask-run", "format_version": 1, "command": "generate", "fingerprint": "f",
        "status": "finished", "counts": {"items": 3, "prompts": 3, "done": 3}, "identity": {"prompts": "x"},
        "about": {"seed": 0}, "dataset": {"fps": 30.0}, "started": None,
    }  # fmt: skip

    def read() -> None:
        values = read_manifest(tmp_path)
        if values is not None:
            RunInfo.from_manifest(values)
            progress_of(tmp_path, values).in_words()

    path = tmp_path / "manifest.json"
    for values in damaged_values(manifest, 6, rounds(80)):
        path.write_text(json.dumps(values))
        survives(read, values)
    for data in damaged_bytes(json.dumps(manifest).encode(), 7, rounds(40)):
        path.write_bytes(data)
        survives(read, data)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.csv", b"id,text,seconds,seed\na,two people bow,3,1\nb,they shake hands,2,7\n"),
        ("p.txt", "two people bow\nthey wave é\n".encode()),
        ("p.jsonl", b'{"id": "a", "text": "two people bow", "frames": 40}\n{"text": "b"}\n'),
        ("p.json", b'[{"text": "two people bow", "seconds": 3}, {"text": "b", "samples": 2}]'),
    ],
)
def test_prompts(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    for data in damaged_bytes(content, 8, rounds(40)):
        path.write_bytes(data)
        survives(lambda: read_prompts([path]), data)


def test_motion_files(tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    np.savez(path, joints=fk_pair(8)[0].astype(np.float32), fps=30.0)
    for data in damaged_bytes(path.read_bytes(), 9, rounds(30)):
        path.write_bytes(data)
        survives(lambda: read_people(path, ReadOptions()), data[:300])


def test_datasets(tmp_path: Path) -> None:
    def read() -> None:
        with InteractionFile(path) as dataset:
            list(dataset)
            _ = dataset.attributes

    path = tmp_path / "d.h5"
    write_dataset(path, Interaction(fk_pair(8)[0], id="a", text="x"))
    for data in damaged_bytes(path.read_bytes(), 10, rounds(30)):
        path.write_bytes(data)
        survives(read, data[:300])


@pytest.mark.parametrize("fps", [0.0005, 5e-5, 1e-9])
def test_a_low_rate_is_refused_before_anything_is_resampled(tmp_path: Path, fps: float) -> None:
    path = tmp_path / "slow.npz"
    np.savez(path, joints=fk_pair(8)[0][0].astype(np.float32), fps=fps)
    with pytest.raises(IntermaskError, match="is this the frame time"):
        read_people(path, ReadOptions())
