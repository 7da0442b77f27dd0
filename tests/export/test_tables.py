"""Parquet, WebDataset and Hugging Face: each is read back with its own library and equals the dataset."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from intermask_cli.datasets.interactions import InteractionFile, write_dataset
from intermask_cli.export.tables import parquet, webdataset
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.motion import Motion
from tests.helpers.motion_samples import moving_pair

Run = Callable[..., tuple[int, str, str]]
COUNT = 7


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Seven interactions of different lengths; one has no tokens, ids have dots, one text is not ASCII."""
    monkeypatch.chdir(tmp_path)
    items = []
    for i in range(COUNT):
        joints, rotations = moving_pair(20 + 4 * i, i)
        items.append(
            Interaction(
                Motion(joints=joints, rotations6d=rotations),
                tokens=None if i == 3 else np.full((2, 5, 5 + i), i, np.int16),
                text=f"two people grüßen {i}",
                seed=i,
                id=f"a.b-{i}" if i else "a_b-1",  # like the first once its dot is gone
                read_confidence=0.5 if i == 2 else None,
            )
        )
    path = write_dataset(tmp_path / "run" / "interactions.h5", items)
    splits = "".join(f"{item.id},{'test' if i > 4 else 'train'}\n" for i, item in enumerate(items))
    (tmp_path / "run" / "splits.csv").write_text("id,split\n" + splits)
    return path.parent


def stored(run: Path) -> dict[str, Interaction]:
    with InteractionFile(run) as dataset:
        return {item.id: item for item in dataset}


def check(row: dict, item: Interaction) -> None:
    """A row as its library gives it, with frames first, equals the interaction."""
    frames = item.frames
    joints = np.stack(row["joints"]).reshape(frames, 2, 22, 3)
    np.testing.assert_array_equal(joints, np.moveaxis(item.joints, 0, 1))
    rotations = np.stack(row["rotations6d"]).reshape(frames, 2, 21, 6)
    np.testing.assert_array_equal(rotations, np.moveaxis(item.rotations6d, 0, 1))
    assert (row["prompt"], row["seed"], row["frames"]) == (item.text, item.seed, frames)
    if item.tokens is not None:
        np.testing.assert_array_equal(
            np.stack(row["tokens"]).reshape(-1, 2, 5), np.moveaxis(item.tokens, -1, 0)
        )


@pytest.mark.slow
def test_parquet_is_read_by_pandas_and_arrow(cli: Run, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pandas, arrow = pytest.importorskip("pandas"), pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(parquet, "FILE_ROWS", 3)
    code, out, _ = cli("export", "run", "--to", "parquet", "-o", "tables", "--json")
    assert code == 0 and json.loads(out)["splits"] == {"train": 5, "test": 2}
    files = sorted(path.name for path in Path("tables/data").iterdir())
    assert files == ["test-00000.parquet", "train-00000.parquet", "train-00001.parquet"]
    table = pandas.concat([pandas.read_parquet(f"tables/data/{name}") for name in files])
    items = stored(run)
    assert len(table) == COUNT and set(table.id) == set(items)
    for row in table.to_dict("records"):
        check(row, items[row["id"]])
        assert (row["tokens"] is None) == (items[row["id"]].tokens is None)
        assert (row["read_confidence"] == 0.5) == (row["id"] == "a.b-2")
    schema = arrow.read_schema("tables/data/test-00000.parquet")
    assert json.loads(schema.field("joints").metadata[b"shape"]) == [2, 22, 3]
    assert json.loads(schema.metadata[parquet.METADATA])["fps"] == 30
    code, _, err = cli("export", "run", "--to", "parquet", "-o", "tables")
    assert code == 2 and "not empty" in err


@pytest.mark.slow
def test_webdataset_is_read_by_webdataset(cli: Run, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = pytest.importorskip("webdataset")
    monkeypatch.setattr(webdataset, "SHARD_ROWS", 3)
    assert cli("export", "run", "--to", "webdataset", "-o", "shards")[0] == 0
    assert cli("export", "run", "--to", "webdataset", "-o", "again")[0] == 0
    shards = sorted(path for path in Path("shards").glob("*.tar"))
    assert [path.name for path in shards] == ["test-000000.tar", "train-000000.tar", "train-000001.tar"]
    assert all(path.read_bytes() == Path("again", path.name).read_bytes() for path in shards)
    items = stored(run)
    samples = list(library.WebDataset([str(path) for path in shards], shardshuffle=False).decode())
    assert len(samples) == COUNT and len({sample["__key__"] for sample in samples}) == COUNT
    for sample in samples:
        row = sample["json"] | {
            name: sample.get(f"{name}.npy") for name in ("joints", "rotations6d", "tokens")
        }
        check(row, items[row["id"]])
    assert json.loads(Path("shards/dataset.json").read_text())["units"] == "m"


@pytest.mark.slow
def test_hugging_face_loads_the_folder(cli: Run, run: Path, tmp_path: Path) -> None:
    library = pytest.importorskip("datasets")
    assert cli("export", "run", "--to", "hf", "-o", "hub")[0] == 0
    loaded = library.load_dataset(str(tmp_path / "hub"), cache_dir=str(tmp_path / "cache"))
    assert {name: len(rows) for name, rows in loaded.items()} == {"train": 5, "test": 2}
    items = stored(run)
    for rows in loaded.values():
        for row in rows.with_format("numpy"):
            check(row, items[str(row["id"])])


def test_without_splits_everything_is_in_train(cli: Run, run: Path) -> None:
    pytest.importorskip("pyarrow")
    (run / "splits.csv").unlink()
    code, out, _ = cli("export", "run", "--to", "parquet", "-o", "tables", "--json")
    assert code == 0 and json.loads(out)["splits"] == {"train": COUNT}


@pytest.mark.parametrize(
    ("target", "package"), [("parquet", "pyarrow"), ("hf", "pyarrow"), ("webdataset", "webdataset")]
)
def test_a_missing_package_is_one_line(
    cli: Run, run: Path, monkeypatch: pytest.MonkeyPatch, target: str, package: str
) -> None:
    monkeypatch.setitem(__import__("sys").modules, package, None)
    code, _, err = cli("export", "run", "--to", target, "-o", "out")
    assert code == 4 and "pip install 'intermask[tables]'" in err and not Path("out").exists()
