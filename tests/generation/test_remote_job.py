"""Runs that are kept behind a URL: the same dataset, on machines and storages that come and go."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

import intermask_cli as im
from intermask_cli.datasets.remote_path import RemotePath
from intermask_cli.errors import InputError, IntermaskError, MissingError
from intermask_cli.generation.job import Summary, run_job
from intermask_cli.generation.remote_job import destination, run_at_url
from intermask_cli.generation.run import remote_run
from intermask_cli.generation.run.directory import open_run
from intermask_cli.generation.run.manifest import read_manifest
from intermask_cli.generation.run.part_files import read_part, write_moved
from intermask_cli.generation.run.plan import Plan, Shard, WorkItem
from intermask_cli.generation.workers.engine import Engine, LoadEngine
from intermask_cli.inference.interaction import Interaction
from tests.helpers.generation import (
    ALL,
    Loader,
    content,
    info,
    job_of,
    make_all,
    plan_of,
    run,
    wait_for,
    write_all,
)


class Unsteady(MemoryFileSystem):
    """A storage that refuses the first `refusals` files."""

    protocol = "unsteady"
    refusals = 0
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **options: Any) -> None:
        self._refuse()
        super().pipe_file(path, value, mode=mode, **options)

    def put_file(self, lpath: str, rpath: str, **options: Any) -> None:
        self._refuse()
        super().put_file(lpath, rpath, **options)

    @staticmethod
    def _refuse() -> None:
        if Unsteady.refusals > 0:
            Unsteady.refusals -= 1
            raise TimeoutError("the storage does not answer\nand more")


fsspec.register_implementation("unsteady", Unsteady, clobber=True)


@pytest.fixture(autouse=True)
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(remote_run, "SEND_SECONDS", 0.01)
    monkeypatch.setattr(remote_run, "PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setenv("INTERMASK_CACHE", str(tmp_path / "cache"))
    yield
    Unsteady.refusals = 0
    Unsteady.store.clear()


def at_url(url: str, plan: Plan, load: LoadEngine, overwrite: bool = False, **options: Any) -> Summary:
    """Run a job as a command with this --out does."""
    place = destination(url, None, ALL)
    assert place.folder is not None
    job = replace(job_of(place.folder, plan, load), url=place.url)
    job = replace(job, execution=replace(job.execution, overwrite=overwrite))
    job = replace(job, info=replace(job.info, **options))
    summary = run_at_url(job, run_job, whole=False)
    assert summary is not None
    return summary


class Counting:
    """Loads an engine that counts what it makes."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def __call__(self, worker: object) -> Engine:
        def batch(items: Sequence[WorkItem]) -> list[Interaction]:
            self.made += [item.id for item in items]
            return make_all(items)

        return Engine(batch, 4)


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["single", "parts"])
@pytest.mark.parametrize("storage", ["file", "unsteady"])
def test_a_run_at_a_url_is_that_at_a_path(
    tmp_path: Path, storage: str, layout: str, capfd: pytest.CaptureFixture[str]
) -> None:
    plan = plan_of(20)
    url = (tmp_path / "bucket" / "run").as_uri() if storage == "file" else "unsteady://bucket/run"
    run_job(replace(job := job_of(tmp_path / "here", plan, Loader()), info=replace(job.info, layout=layout)))
    summary = at_url(url, plan, Loader(), layout=layout)
    assert (summary.exit_code, summary.made, summary.unsent, str(summary.place)) == (0, 20, 0, url)
    assert summary.as_json()["dataset"] == f"{url}/interactions.h5"
    assert f"dataset: {url}/interactions.h5" in summary.lines()
    assert f"made in {summary.folder}, which is removed when" in capfd.readouterr().err
    assert not summary.folder.exists()
    remote = RemotePath(url).files()
    names = {path.name for path in (tmp_path / "here").glob("[!.]*")}
    assert set(remote) == names and ("interactions-00001-of-00003.h5" in names) == (layout == "parts")
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in remote:
        (RemotePath(url) / name).get(copy / name)
        if name.startswith("interactions-") or name == "index.csv":
            assert (copy / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    assert content(copy) == content(tmp_path / "here")
    with im.open_dataset(url) as dataset:
        assert dataset.ids == [item.id for item in plan.items] and len(list(dataset)) == 20


@pytest.mark.slow
def test_another_machine_continues_with_what_was_sent(tmp_path: Path) -> None:
    plan, url = plan_of(40), (tmp_path / "bucket").as_uri()
    last = plan.parts[-1].items[0].id
    with pytest.raises(MissingError, match="not this one"):
        at_url(url, plan, Loader(0.02, last, "stop"))
    sent = {name for name in RemotePath(url).files() if name.startswith("parts/")}
    assert sent == {f"parts/{part.name}" for part in plan.parts[:-1]}
    manifest = read_manifest(RemotePath(url))
    assert manifest is not None and manifest["status"] == "stopped by an error"
    shutil.rmtree(tmp_path / "cache")  # the machine is gone

    # One part there was cut off when the machine went.
    first = tmp_path / "bucket" / "parts" / plan.parts[0].name
    first.write_bytes(first.read_bytes()[:5000])
    counting = Counting()
    assert at_url(url, plan, counting).done == 40
    made_again = [*plan.parts[0].items, *plan.parts[-1].items]
    assert sorted(counting.made) == sorted(item.id for item in made_again)
    run(tmp_path / "one", plan)
    assert content(tmp_path / "bucket") == content(tmp_path / "one")
    assert not (tmp_path / "bucket" / "parts").exists()

    again = at_url(url, plan, Loader(act="missing"))  # would fail if a model were loaded
    assert again.finished_before and (again.done, again.exit_code) == (40, 0) and not again.folder.exists()


@pytest.mark.slow
def test_parts_are_sent_while_others_are_made(tmp_path: Path) -> None:
    """What kill -9 leaves behind the URL."""
    plan, url = plan_of(40), RemotePath((tmp_path / "bucket").as_uri())
    last = plan.parts[-1].items[0].id
    seen: list[str] = []

    def load(worker: object) -> Engine:
        def batch(items: Sequence[WorkItem]) -> list[Interaction]:
            if any(item.id == last for item in items):
                wait_for(lambda: f"parts/{plan.parts[-2].name}" in url.files())
                seen.extend(url.files())
            return make_all(items)

        return Engine(batch, 4)

    assert at_url(str(url), plan, load).done == 40
    assert {"manifest.json", *(f"parts/{part.name}" for part in plan.parts[:-1])} == set(seen)


@pytest.mark.slow
def test_items_that_failed_are_made_by_the_next_command(tmp_path: Path) -> None:
    plan, url = plan_of(20), (tmp_path / "bucket").as_uri()
    bad = plan.parts[1].items[0].id
    assert at_url(url, plan, Loader(0, bad, "fail")).exit_code == 3
    assert {f"parts/{part.name}" for part in plan.parts} < set(RemotePath(url).files())
    shutil.rmtree(tmp_path / "cache")
    counting = Counting()
    assert at_url(url, plan, counting).exit_code == 0
    assert set(counting.made) == {item.id for item in plan.parts[1].items}
    run(tmp_path / "one", plan)
    assert content(tmp_path / "bucket") == content(tmp_path / "one")
    assert not {"rejected.jsonl", "parts"} & {path.name for path in (tmp_path / "bucket").iterdir()}


@pytest.mark.slow
def test_a_storage_that_fails_for_a_while(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    plan = plan_of(20)
    Unsteady.refusals = 4
    summary = at_url("unsteady://a/run", plan, Loader(0.02))
    err = capfd.readouterr().err
    assert summary.exit_code == 0 and Unsteady.refusals == 0
    assert err.count("cannot be written (the storage does not answer); what is made stays in") == 1

    Unsteady.refusals = 1000
    summary = at_url("unsteady://b/run", plan, Loader())
    assert (summary.exit_code, summary.done) == (3, 20) and summary.unsent >= 3
    assert f"{summary.unsent} files could not be sent to unsteady://b/run; the same command" in str(
        summary.lines()
    )
    assert str(summary.place / "interactions.h5") == summary.as_json()["dataset"]
    Unsteady.refusals = 0
    again = at_url("unsteady://b/run", plan, Loader(act="missing"))
    assert (again.exit_code, again.made) == (0, 0) and not again.folder.exists()
    with im.open_dataset("unsteady://b/run") as dataset:
        assert len(list(dataset)) == 20


@pytest.mark.slow
def test_what_is_behind_the_url_is_replaced_only_with_overwrite(tmp_path: Path) -> None:
    url, bucket = (tmp_path / "bucket").as_uri(), tmp_path / "bucket"
    at_url(url, plan_of(20), Loader(), layout="parts")
    with pytest.raises(InputError, match=f"^{url}: holds another run .other plan.; use --overwrite"):
        at_url(url, plan_of(9), Loader())
    assert len(list(bucket.glob("interactions-*"))) == 3
    assert at_url(url, plan_of(9), Loader(), overwrite=True).done == 9
    assert not list(bucket.glob("interactions-*"))
    run(tmp_path / "one", plan_of(9))
    assert content(bucket) == content(tmp_path / "one")
    (bucket / "manifest.json").unlink()
    with pytest.raises(InputError, match=r"holds index.csv and no manifest.json of a run"):
        at_url(url, plan_of(9), Loader(), overwrite=True)


def test_parts_whose_items_have_moved_are_not_sent(tmp_path: Path) -> None:
    plan, url = plan_of(20), RemotePath((tmp_path / "bucket").as_uri())
    with open_run(tmp_path / "run", info(plan), Shard(), False) as made:
        write_all(made, plan)
        moved = made.parts_folder / plan.parts[0].name
        write_moved(read_part(moved))
    with (
        pytest.raises(IntermaskError, match="stop"),
        remote_run.RemoteRun(url, tmp_path / "run", info(plan)).sending(),
    ):
        raise IntermaskError("stop")
    sent = {name for name in url.files() if name.startswith("parts/")}
    assert sent == {f"parts/{part.name}" for part in plan.parts[1:]}


@pytest.mark.parametrize(
    ("out", "work_folder", "message"),
    [
        ("nothing://a/b", None, "nothing://a/b: Protocol not known: nothing; known are s3, gs"),
        ("https://a/b", None, "https://a/b: web servers are only read"),
        ("s3:/bucket/run", None, "a URL has two slashes: s3://bucket/run"),
        ("runs/a", Path("w"), "--work-folder: goes with a URL"),
    ],
)
def test_destinations_that_are_refused(out: str, work_folder: Path | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        destination(out, work_folder, ALL)


def test_workers_that_cannot_share_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="--shard: shards meet in a folder"):
        destination("memory://a/run", None, Shard(1, 4))
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    with pytest.raises(InputError, match="several machines; give a --work-folder"):
        destination("memory://a/run", None, ALL)
    assert destination("memory://a/run", Path("w"), ALL).folder == Path("w")
