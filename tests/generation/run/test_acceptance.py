"""`--accept`: what falls short is made again or left out, whatever the batches, workers and interruptions."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from intermask_cli.datasets.conditions import Condition
from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.errors import InputError, IntermaskError
from intermask_cli.generation.job import Summary
from intermask_cli.generation.merging import merge_runs
from intermask_cli.generation.prompts.seeds import next_seed
from intermask_cli.generation.run.acceptance import Acceptance
from intermask_cli.generation.run.directory import RunDirectory
from intermask_cli.generation.run.manifest import read_manifest
from intermask_cli.generation.run.part_files import read_part, write_moved
from intermask_cli.generation.run.plan import Plan, Shard, WorkItem
from intermask_cli.generation.workers.engine import Engine, MakeBatch
from intermask_cli.generation.workers.launch import Worker
from intermask_cli.generation.workers.loaders import AcceptingLoader
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.physics import physics
from tests.helpers.generation import ALL, Loader, content, execute, info, make, make_all, plan_of, run

#: About a third of the stand-ins meet it: joints are normal numbers.
CONDITION = "floor_penetration_mm < 1920 and frames >= 4"


def accepting(
    folder: Path,
    plan: Plan,
    tries: int = 3,
    drop: bool = False,
    size: int = 8,
    processes: int = 1,
    shard: Shard = ALL,
    condition: str = CONDITION,
    make_batch: MakeBatch = make_all,
) -> Summary:
    acceptance = Acceptance(Condition.parse(condition), tries, drop)
    acceptance.check_columns(plan.items)
    load = Loader() if processes > 1 else lambda worker: Engine(make_batch, size)
    return execute(folder, plan, AcceptingLoader(load, acceptance), processes=processes, shard=shard)


def items(folder: Path) -> list[Interaction]:
    with InteractionFile(folder) as dataset:
        return list(dataset)


def by_hand(item: WorkItem, tries: int) -> tuple[Interaction, int, bool]:
    """The plain loop: sample, number of tries, accepted."""
    for number in range(1, tries + 1):
        made = make(item)
        if physics(made.joints)["floor_penetration_mm"] < 1920:
            return made, number, True
        item = replace(item, seed=next_seed(item.seed))
    return made, tries, False


def test_what_falls_short_is_made_again(tmp_path: Path) -> None:
    plan = plan_of(40)
    summary = accepting(tmp_path, plan)
    expected = [by_hand(item, 3) for item in plan.items]
    assert summary.acceptance is not None and summary.exit_code == 0
    accepted = sum(accepted for *_, accepted in expected)
    tries = sum(number for _, number, _ in expected)
    assert 0 < accepted < 40 and tries > 60
    assert summary.acceptance.as_counts() == {
        "accepted": accepted, "fell_short": 40 - accepted, "dropped": 0, "tries": tries,
    }  # fmt: skip
    for made, (by_loop, number, fits) in zip(items(tmp_path), expected, strict=True):
        np.testing.assert_array_equal(made.joints, by_loop.joints)
        assert (made.seed, made.tries, made.accepted) == (by_loop.seed, number, fits)
        again = physics(made.joints)["floor_penetration_mm"]
        assert made.measured == {"floor_penetration_mm": again}
        assert fits == (again < 1920)
    with open(tmp_path / "index.csv", newline="") as table:
        rows = list(csv.DictReader(table))
    assert [(int(row["tries"]), row["accepted"]) for row in rows] == [
        (number, "1" if fits else "0") for _, number, fits in expected
    ]
    assert [int(row["seed"]) for row in rows] == [made.seed for made, *_ in expected]
    manifest = read_manifest(tmp_path)
    assert manifest is not None and manifest["counts"]["tries"] == tries


def test_one_try_only_marks(tmp_path: Path) -> None:
    plan = plan_of(12)
    accepting(tmp_path / "marked", plan, tries=1)
    run(tmp_path / "plain", plan)
    for marked, plain in zip(items(tmp_path / "marked"), items(tmp_path / "plain"), strict=True):
        np.testing.assert_array_equal(marked.joints, plain.joints)
        assert marked.tries == 1 and plain.tries is None and plain.accepted is None


@pytest.mark.slow
def test_batches_workers_shards_and_interruptions_change_nothing(tmp_path: Path) -> None:
    plan = plan_of(60)
    accepting(tmp_path / "a", plan, drop=True)
    expected = content(tmp_path / "a")
    accepting(tmp_path / "one", plan, drop=True, size=1)
    accepting(tmp_path / "two", plan, drop=True, processes=2)
    for index in (2, 1, 3):
        accepting(tmp_path / "shards", plan, drop=True, shard=Shard(index, 3))
    calls = []

    def stopping(batch: Sequence[WorkItem]) -> list[Interaction]:
        calls.append(batch)
        if len(calls) == 9:
            raise KeyboardInterrupt
        return make_all(batch)

    with pytest.raises(IntermaskError):
        accepting(tmp_path / "cut", plan, drop=True, make_batch=stopping)
    accepting(tmp_path / "cut", plan, drop=True)
    for name in ("one", "two", "shards", "cut"):
        assert content(tmp_path / name) == expected, name
    assert (tmp_path / "one" / "interactions.h5").stat().st_size == (
        tmp_path / "a" / "interactions.h5"
    ).stat().st_size


def test_dropped_items_are_listed_and_not_tried_again(tmp_path: Path) -> None:
    plan = plan_of(40)
    summary = accepting(tmp_path, plan, drop=True)
    kept = [item.id for item in plan.items if by_hand(item, 3)[2]]
    assert summary.acceptance is not None
    assert (summary.exit_code, summary.done, summary.acceptance.dropped) == (3, len(kept), 40 - len(kept))
    assert [item.id for item in items(tmp_path)] == kept
    listed = [json.loads(line) for line in (tmp_path / "rejected.jsonl").read_text().splitlines()]
    assert {entry["id"] for entry in listed} == {item.id for item in plan.items} - set(kept)
    assert "none of 3 tries meets" in listed[0]["reason"] and "floor_penetration_mm" in listed[0]["reason"]
    assert not (tmp_path / "parts").exists()
    again = accepting(tmp_path, plan, drop=True)
    assert (again.made, again.exit_code, again.finished_before) == (0, 3, True)
    merged = merge_runs([tmp_path], None)
    assert merged.acceptance == summary.acceptance


def test_a_run_may_be_left_with_nothing(tmp_path: Path) -> None:
    summary = accepting(tmp_path, plan_of(5), drop=True, tries=2, condition="jerk_m_per_s3 < 0")
    assert (summary.done, summary.exit_code) == (0, 3)
    assert items(tmp_path) == []


def test_a_part_that_moved_keeps_what_was_dropped(tmp_path: Path) -> None:
    plan = plan_of(16)
    accepting(tmp_path, plan, tries=1, drop=True, shard=Shard(1, 2))
    folder = RunDirectory(tmp_path, info(plan)).parts_folder
    path = next(path for path in sorted(folder.iterdir()) if path.suffix == ".h5")
    before = read_part(path)
    write_moved(before)
    after = read_part(path)
    assert after.moved and before.dropped and after.dropped == before.dropped


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("foot_skate < 4", r"no column 'foot_skate'; there are: .*foot_skate_mm_per_frame.*, n, .*"),
        ("accepted == 1", "no column 'accepted'"),
        ("prompt < 3", "'prompt < 3' compares a text with a number; columns of texts are: asked, id,"),
        ("read_as + 1 > 0", "calculates with a text"),
        ('jerk_m_per_s3 in [1, "a"]', "compares a text with a number"),
        ('not (frames > 3 and prompt == "x" == 4)', "compares a text"),
    ],
)
def test_wrong_conditions_are_refused_before_anything_is_made(condition: str, message: str) -> None:
    acceptance = Acceptance.parse(condition, None, None, "exact")
    assert acceptance is not None
    with pytest.raises(InputError, match=message):
        acceptance.check_columns(plan_of(2).items)


def test_columns_of_the_prompt_file_can_be_used(tmp_path: Path) -> None:
    accepting(tmp_path, plan_of(20), tries=1, condition="frames > n and n != 3")
    rows = {item.id: item for item in items(tmp_path)}
    assert all(row.accepted == (row.frames > int(id[2:-3]) != 3) for id, row in rows.items())
    texts = replace(plan_of(1).items[0], carried={"n": "many"})
    acceptance = Acceptance(Condition.parse("frames > n"))
    with pytest.raises(InputError, match="compares a text with a number"):
        acceptance.check_columns([texts])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((None, 4, None), "--tries belongs to --accept"),
        ((None, None, "drop"), "--on-fail belongs to --accept"),
        (("frames > 1", 0, None), "--tries 0: accepted are 1 to 1000"),
        (("frames > 1", 2, "mark"), "--on-fail mark: accepted are keep and drop"),
        (("frames >", 2, None), "cannot be read"),
    ],
)
def test_options(values: tuple[str | None, int | None, str | None], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Acceptance.parse(*values, "exact")
    assert Acceptance.parse(None, None, None, "exact") is None


@dataclass(frozen=True)
class KindOfSeed:
    """A stand-in that reads a kind off the seed of an item."""

    sha256: str = "x"

    def __call__(self, interaction: Interaction) -> str:
        assert interaction.seed is not None
        return ("bow", "hug")[interaction.seed % 2]


def test_what_is_shown_is_compared_with_what_was_asked(tmp_path: Path) -> None:
    def reading(batch: Sequence[WorkItem]) -> list[Interaction]:
        read = {0: "bow, person 1", 1: "bow | hug", 2: "outside"}
        made = make_all(batch)
        return [replace(one, read_as=read[item.position % 3]) for item, one in zip(batch, made, strict=True)]

    plan = plan_of(24)
    acceptance = Acceptance(Condition.parse("kind == asked or not asked"), 20, read_kind=KindOfSeed())
    acceptance.check_columns([replace(plan.items[0], carried={"kind": "own"})])
    execute(tmp_path, plan, AcceptingLoader(lambda worker: Engine(reading, 8), acceptance))
    made = items(tmp_path)
    assert all(item.accepted for item in made)
    assert {item.measured["kind_shown"] for item in made[::3]} == {"bow"}
    assert max(item.tries or 0 for item in made[::3]) > 1
    assert [item.tries for item in made[1::3] + made[2::3]] == [1] * 16
    with InteractionFile(tmp_path) as dataset:
        assert dataset.column("kind_shown") == [item.measured["kind_shown"] for item in made]
    assert acceptance.described()["kinds_by"] == "x"
    assert (acceptance.names_kind, acceptance.names_asked, acceptance.needs_22_joints) == (True,) * 3
    dropping = replace(acceptance, condition=Condition.parse("kind == 'kick'"), tries=1, drop=True)
    judged = dropping.judged(plan.items[0], make(plan.items[0]))
    assert "the last one has kind_shown" in dropping.why_dropped(judged)


def test_it_is_measured_as_it_is_stored() -> None:
    item = plan_of(1).items[0]
    acceptance = Acceptance(Condition.parse("jerk_m_per_s3 > 0"), store="rounded")
    judged = acceptance.judged(item, make(item))
    assert not np.array_equal(judged.joints, make(item).joints)
    assert judged.measured["jerk_m_per_s3"] == physics(judged.joints)["jerk_m_per_s3"]


def test_it_travels_to_workers() -> None:
    import pickle

    loader = AcceptingLoader(Loader(), Acceptance(Condition.parse(CONDITION)))
    engine = pickle.loads(pickle.dumps(loader))(Worker(0, 1, "cpu"))
    assert engine.acceptance is not None
    assert engine.acceptance.condition.columns == {"floor_penetration_mm", "frames"}
