"""Jobs that continue, join and edit: from options and tables, without a model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from intermask_cli.config import BODY_ROWS
from intermask_cli.datasets.interactions import write_dataset
from intermask_cli.datasets.motion_files.read_options import ReadOptions
from intermask_cli.errors import InputError
from intermask_cli.generation.given.pairs import PairFile, PairReader, pairs_in
from intermask_cli.generation.given.part_jobs import PartJobs, PartTask, length_limits, read_jobs, wishes_of
from intermask_cli.generation.given.part_plan import make_part_plan
from intermask_cli.inference.interaction import Interaction
from intermask_cli.models.bundle_info import BundleInfo
from tests.helpers.motion_samples import fk_pair
from tests.helpers.tiny import tiny_info


@pytest.fixture(scope="module")
def info() -> BundleInfo:
    return tiny_info()  # a window of 60 frames


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a dataset of two items, and a pair as one file and as two."""
    monkeypatch.chdir(tmp_path)
    joints, rotations = fk_pair(40)
    items = [
        Interaction(joints, rotations, text=text, id=id, seed=1) for id, text in (("a", "x"), ("b", "y"))
    ]
    write_dataset("run/interactions.h5", items)
    np.save("pair.npy", joints)
    for person in (0, 1):
        np.save(f"p{person + 1}.npy", joints[person])
    return tmp_path


def jobs(info: BundleInfo, task: PartTask, *inputs: str, text: str | None = None, **values: str) -> PartJobs:
    given = {name.rstrip("_"): value for name, value in values.items()}
    wishes = wishes_of(task, inputs, given, text, 16)
    return read_jobs(wishes, info, PairReader(ReadOptions()))


def test_a_run_is_all_of_its_items_and_each_has_its_own_text(here: Path, info: BundleInfo) -> None:
    found = jobs(info, PartTask.extend, "run", "pair.npy")
    assert [(prompt.text, prompt.frames, job.frames) for prompt, job in found.jobs] == [
        ("x", 56, 16),
        ("y", 56, 16),
        ("", 56, 16),
    ]
    plan = make_part_plan(found, 0, 2, None)
    assert [item.id for item in plan.plan.items][::2] == ["a-s0", "b-s0", "pair-s0"]
    assert plan.plan.items[0].carried == {"motion": "run#a"}
    assert [prompt.text for prompt, _ in jobs(info, PartTask.extend, "run", text="they hug").jobs] == [
        "they hug"
    ] * 2


def test_a_pair_gets_the_same_seeds_whatever_else_is_made(here: Path, info: BundleInfo) -> None:
    both = make_part_plan(jobs(info, PartTask.extend, "run", text="they hug"), 5, 2, None).plan.items
    one = make_part_plan(jobs(info, PartTask.extend, "run#b", text="they hug"), 5, 2, None).plan.items
    assert [item.seed for item in both[2:]] == [item.seed for item in one]
    assert len({item.seed for item in both}) == 2


def test_lines_of_a_table_override_the_options_and_bad_ones_are_left_out(
    here: Path, info: BundleInfo
) -> None:
    (here / "tables").mkdir()
    Path("tables/jobs.csv").write_text(
        "id,motion,with,person,rows,from,to,text,note\n"
        'good,../run#a,,2,"3,4",0.2,30f,they wave,n\n'
        "own,,,,,,,,\n"
        "two,../p1.npy,../p2.npy,1,,,1.0,they bow,\n"
        "three,../pair.npy,,3,,,,they bow,\n"
        "row,../pair.npy,,1,5,,,they bow,\n"
        "late,../pair.npy,,1,,1.2,9,they bow,\n"
        "when,../pair.npy,,1,,soon,,they bow,\n"
        "none,nothing.npy,,1,,,,they bow,\n"
        "one,../p1.npy,,1,,,,they bow,\n"
        "phases,../pair.npy,,1,,,,they bow | they hug,\n"
    )
    found = jobs(info, PartTask.edit, "tables/jobs.csv", "run#b", person="1", to="0.5")
    assert [
        (prompt.id, prompt.text, job.persons, job.rows, job.start, job.stop) for prompt, job in found.jobs
    ] == [
        ("good", "they wave", (1,), (3, 4), 6, 30),
        ("own", "y", (0,), tuple(range(BODY_ROWS)), 0, 15),
        ("two", "they bow", (0,), tuple(range(BODY_ROWS)), 0, 30),
    ]
    assert found.jobs[2][1].files == (PairFile("tables/../p1.npy", "tables/../p2.npy"),)
    assert found.jobs[0][0].carried["note"] == "n"
    reasons = {bad.line: bad.reason for bad in found.rejected}
    assert sorted(reasons) == [5, 6, 7, 8, 9, 10, 11]
    for line, words in (
        (5, "person '3'; accepted: one or more of 1, 2"),
        (6, "rows '5'; accepted: one or more of 0, 1, 2, 3, 4"),
        (7, "to frame 270 (9 s); accepted: a range within 40 frames"),
        (8, "from 'soon'; accepted: seconds such as 1.5, or frames such as 45f"),
        (9, "no such file"),
        (10, "holds one person; give the file of the other one too"),
        (11, "has several phases"),
    ):
        assert words in reasons[line]


def test_json_lines_and_lengths_between_two_clips(here: Path, info: BundleInfo) -> None:
    lines = [
        {"start": "run#a", "end": "run#b", "frames": 18, "text": "they hug", "seed": 7},
        {"start": "run#a", "end": "run#b", "seconds": 9, "text": "they hug"},
        {"start": "run#a", "text": "they hug"},
    ]
    Path("j.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = jobs(info, PartTask.inbetween, "j.jsonl")
    ((prompt, job),) = found.jobs
    assert (job.frames, prompt.frames, prompt.seed) == (16, 96, 7)
    assert "makes between two clips" in found.rejected[0].reason
    assert "has no end" in found.rejected[1].reason
    assert length_limits(PartTask.inbetween, info).longest == info.max_frames - 8


@pytest.mark.parametrize(
    ("task", "inputs", "values", "words"),
    [
        (PartTask.extend, (), {}, "nothing to start from; give a motion, or a table of jobs"),
        (PartTask.inbetween, (), {"start": "run#a"}, "give --start and --end, or a table"),
        (PartTask.inbetween, ("run",), {}, "run: no table of jobs"),
        (PartTask.edit, ("run", "pair.npy", "x.csv"), {}, "2 motions with a table"),
        (PartTask.edit, ("pair.npy",), {"from": "2"}, "from frame 60 (2 s) to frame 40 (1.33333 s)"),
        (PartTask.edit, ("run#c",), {}, "no item 'c'"),
    ],
)
def test_what_cannot_be_made_is_one_line(
    here: Path, info: BundleInfo, task: PartTask, inputs: tuple[str, ...], values: dict, words: str
) -> None:
    with pytest.raises(InputError) as error:
        jobs(info, task, *inputs, **{f"{name}_": value for name, value in values.items()})
    assert words in str(error.value)


def test_an_item_keeps_all_it_has_and_a_file_is_read_as_it_is(here: Path) -> None:
    joints, rotations = fk_pair(40)
    item = PairReader()(PairFile("run#a"))
    np.testing.assert_array_equal(item.motion.joints, joints)
    np.testing.assert_array_equal(item.motion.rotations6d, rotations)
    assert item.text == "x" and item.motion.has_rig
    part = PairReader(ReadOptions(start="10", end="1s"))(PairFile("run#a"))
    np.testing.assert_array_equal(part.motion.joints, joints[:, 10:30])
    two = PairReader()(PairFile("p1.npy", "p2.npy"))
    np.testing.assert_array_equal(two.motion.joints, joints)
    assert pairs_in(["run", "run#b"], None) == [PairFile("run#a"), PairFile("run#b")]
