"""`generate --export`: files come with their parts, are those of `intermask export`, and survive kills."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from intermask_cli.errors import InputError, InterruptedRun
from intermask_cli.export.as_made import parse_formats, run_with_export
from intermask_cli.export.dataset import export_dataset
from intermask_cli.generation.job import Job, Summary
from intermask_cli.generation.prompts.read import Prompt
from intermask_cli.generation.run.plan import Plan, WorkItem, make_plan
from intermask_cli.generation.workers.engine import Engine
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.motion import Motion
from tests.helpers.generation import job_of
from tests.helpers.motion_samples import moving_pair


def make_all(items: Sequence[WorkItem]) -> list[Interaction]:
    made = []
    for item in items:
        joints, rotations = moving_pair(item.frames, item.seed % 1000)
        made.append(Interaction(Motion(joints, rotations), text=item.text, seed=item.seed, id=item.id))
    return made


def plan_of(count: int) -> Plan:
    return make_plan([Prompt(f"p-{i}", f"text {i}", "p.txt", i, frames=8) for i in range(count)], 0, 1, 8)


def run(
    folder: Path, count: int, formats: Sequence[str] = ("bvh",), batch=make_all, seed: int = 0
) -> Summary:
    plan = plan_of(count) if seed == 0 else make_plan([Prompt("p-0", "x", "p.txt", 0, frames=8)], seed, 1, 8)
    job: Job = job_of(folder, plan, lambda worker: Engine(batch, 4))
    job = replace(job, info=replace(job.info, store="rounded"))
    summary = run_with_export(job, formats)
    assert summary is not None
    return summary


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name[0] != "."}


@pytest.mark.slow
def test_files_are_those_of_an_export_and_come_with_their_part(tmp_path: Path) -> None:
    calls, seen = [], []

    def batch(items: Sequence[WorkItem]) -> list[Interaction]:
        calls.append(items)
        bvh = tmp_path / "exports" / "bvh"
        seen.append(sum(path.suffix == ".bvh" for path in bvh.iterdir()))
        parts = [path for path in (tmp_path / "parts").glob("part-*.h5")]
        assert all(len(list(bvh.glob("*.bvh"))) >= 16 for _ in parts)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return make_all(items)

    with pytest.raises(InterruptedRun):
        run(tmp_path, 32, ("bvh", "npz"), batch)
    assert 0 < seen[-1] < 64
    summary = run(tmp_path, 32, ("bvh", "npz"))
    assert summary.exit_code == 0 and [one.as_json()["failed"] for one in summary.exports] == [{}, {}]
    for name in ("bvh", "npz"):
        export_dataset(tmp_path, name, tmp_path / name)
        made, exported = files(tmp_path / "exports" / name), files(tmp_path / name)
        assert len(made) == 64 and made.keys() == exported.keys()
        if name == "bvh":  # an NPZ has the time in it
            assert made == exported
    again = export_dataset(tmp_path, "bvh", tmp_path / "exports" / "bvh", overwrite=True)
    assert (again.written, again.failed) == (32, {})  # they are in the record as ours


def test_a_finished_run_gets_what_is_missing(tmp_path: Path) -> None:
    run(tmp_path, 3)
    lost = tmp_path / "exports" / "bvh" / "p-1-s0_person1.bvh"
    lost.unlink()
    summary = run(tmp_path, 3)
    assert lost.is_file() and summary.finished_before and "1 written, 2 existing kept" in summary.lines()[1]


def test_files_of_an_earlier_run_are_replaced_and_of_others_refused(tmp_path: Path) -> None:
    run(tmp_path, 1)
    path = tmp_path / "exports" / "bvh" / "p-0-s0_person1.bvh"
    before = path.read_bytes()
    for name in ("interactions.h5", "manifest.json", "index.csv"):
        (tmp_path / name).unlink()
    run(tmp_path, 1, formats=(), seed=7)  # another run, without files
    for one in path.parent.glob("*.bvh"):
        os.utime(one, (1, 1))
    run(tmp_path, 1, seed=7)
    assert path.read_bytes() != before
    path = tmp_path / "b" / "exports" / "bvh" / "p-0-s0_person1.bvh"
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(InputError, match="which this program did not write"):
        run(tmp_path / "b", 1)
    assert path.read_text() == "mine"


def test_formats() -> None:
    assert parse_formats(None) == ()
    assert parse_formats("bvh, npz,bvh") == ("bvh", "npz")
    for text in ("parquet", "", "bvh,doc"):
        with pytest.raises(InputError, match=r"accepted are bvh, glb, .*; datasets are written by intermask"):
            parse_formats(text)
