"""Datasets behind URLs: as one file and in parts, in workers, and what goes wrong."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFile
from torch.utils.data import DataLoader

import intermask_cli as im
from intermask_cli.datasets.remote_path import RemotePath, is_url
from intermask_cli.errors import InputError
from intermask_cli.generation.run.directory import open_run
from intermask_cli.generation.run.plan import Shard
from tests.helpers.generation import info, plan_of, write_all


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two finished runs of equal content, as one file and in parts."""
    folder, plan = tmp_path_factory.mktemp("runs"), plan_of(30)
    for layout in ("single", "parts"):
        with open_run(folder / layout, replace(info(plan), layout=layout), Shard(), False) as run:
            write_all(run, plan)
            run.merge(plan.parts, [])
    return folder


@pytest.fixture(params=["file", "memory"])
def url(local: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Where these runs are."""
    if request.param == "file":
        yield local.as_uri()
        return
    memory = fsspec.filesystem("memory")
    memory.put(str(local), "/bucket", recursive=True)
    yield "memory://bucket"
    memory.rm("/bucket", recursive=True)


@pytest.mark.parametrize("layout", ["single", "parts"])
def test_items_are_those_of_the_file(local: Path, url: str, layout: str) -> None:
    with (
        im.open_dataset(local / layout) as here,
        im.open_dataset(f"{url}/{layout}/interactions.h5") as remote,
    ):
        assert remote.ids == here.ids and remote.attributes == here.attributes
        assert str(remote.path) == f"{url}/{layout}/interactions.h5"
        for number in (0, 17, 29):
            np.testing.assert_array_equal(here[number].joints, remote[number].joints)
        again = pickle.loads(pickle.dumps(remote))
        assert again["p-3-s0"].text == here["p-3-s0"].text
        with pytest.raises(InputError, match=r"files on this machine; copy it here first"):
            remote.files  # noqa: B018


def test_splits_lie_next_to_the_file(local: Path, url: str) -> None:
    with pytest.raises(InputError, match=r"single/splits.csv: no such table"):
        im.InteractionDataset(f"{url}/single", split="val")
    with im.open_dataset(local / "single") as dataset:
        rows = [f"{id},{'val' if i % 10 == 3 else 'train'}\n" for i, id in enumerate(dataset.ids)]
        ids = dataset.ids
    for name in (local / "single").as_uri(), f"{url}/single":
        with fsspec.open(f"{name}/splits.csv", "w") as table:
            table.write("id,split\n" + "".join(rows))
    data = im.InteractionDataset([f"{url}/single"], split="val")
    assert [item["id"] for item in data] == ids[3::10] and data[0]["run"] == f"{url}/single/interactions.h5"
    (local / "single" / "splits.csv").unlink()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_open_what_they_read(local: Path, method: str) -> None:
    data = im.InteractionDataset([local.as_uri() + "/parts", local / "parts"])
    first = data[0], data[30]  # opened in this process before the workers begin
    loader = DataLoader(
        data,
        batch_size=20,
        num_workers=1 if method == "spawn" else 2,
        collate_fn=data.collate,
        multiprocessing_context=method,
    )
    batches = list(loader)
    assert [id for batch in batches for id in batch["id"]] == 2 * [item["id"] for item in data][:30]
    for item, batch, row in zip(first, (batches[0], batches[1]), (0, 10), strict=True):
        np.testing.assert_array_equal(item["joints"], batch["joints"][row, :, : item["frames"]])


class ConnectionLost(Exception):
    """As clients of storages have them: no OSError, and more than one line."""


def test_a_lost_connection_is_one_line(local: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*arguments: Any) -> int:
        raise ConnectionLost("connection lost\nand more")

    stored = fsspec.filesystem("memory")
    stored.put(str(local / "single" / "interactions.h5"), "/lost/interactions.h5")
    with im.open_dataset("memory://lost") as dataset:
        ids = dataset.ids
        assert dataset.read(ids[0]).joints.size
        monkeypatch.setattr(MemoryFile, "readinto", lost, raising=False)
        with pytest.raises(InputError, match=r"^memory://lost/interactions.h5: .*cannot be read") as error:
            for id in ids:
                dataset.read(id)
        assert "\n" not in str(error.value)
        with pytest.raises(InputError, match=r"^memory://lost/interactions.h5: ") as error:
            im.open_dataset("memory://lost")
        assert "\n" not in str(error.value)
    stored.rm("/lost", recursive=True)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nothing://x/run", "Protocol not known: nothing; known are s3, gs, "),
        ("memory://bucket/nowhere", "no such file; give an interactions.h5 or a finished run directory"),
        ("s3://bucket/run", "s3fs|cannot be read|no such file"),
    ],
)
def test_what_cannot_be_opened(url: str, message: str) -> None:
    if url[:2] == "s3" and find_spec("s3fs") is not None:
        pytest.skip("s3fs is installed; this would ask the network")
    with pytest.raises(InputError, match=message) as error:
        im.InteractionDataset([url])
    assert str(error.value).startswith(url) and "\n" not in str(error.value)


def test_parts_of_a_url() -> None:
    path = RemotePath("s3://bucket/runs/a/")
    assert str(path / "interactions.h5") == "s3://bucket/runs/a/interactions.h5"
    assert (path.name, str(path.parent), str(path.with_name("b"))) == (
        "a",
        "s3://bucket/runs",
        "s3://bucket/runs/b",
    )
    assert is_url("gs://x") and not is_url(Path("gs://x")) and not is_url("runs/demo") and not is_url(3)
