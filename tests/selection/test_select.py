"""`intermask select` and `split`: what is kept, copied as it is, recorded, and taken by exports."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from intermask_cli.datasets.interactions import InteractionFile, write_dataset
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.physics import physics
from tests.helpers.motion_samples import moving_pair

Run = Callable[..., tuple[int, str, str]]
PROMPTS = ("two people hug", "two people bow", "a dance")


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three prompts with four samples each; the last sample of each repeats the first elsewhere."""
    monkeypatch.chdir(tmp_path)
    items = []
    for p, prompt in enumerate(PROMPTS):
        for s in range(4):
            joints, rotations = moving_pair(30, 10 * p + s % 3)
            shift = np.float32(5 if s == 3 else 0)
            motion = Motion(joints=joints + shift * np.float32([1, 0, 0]), rotations6d=rotations)
            items.append(Interaction(motion, text=prompt, seed=s, sample=s, id=f"p{p}-s{s}"))
    return write_dataset(tmp_path / "run" / "interactions.h5", items)


def ids(run: str) -> list[str]:
    with InteractionFile(run) as file:
        return file.ids


def test_conditions_measure_what_they_name(cli: Run, dataset: Path) -> None:
    with InteractionFile(dataset) as file:
        jerks = {item.id: physics(item.joints)["jerk_m_per_s3"] for item in file}
    limit = sorted(jerks.values())[5] + 1e-6
    code, out, _ = cli(
        "select", dataset, "-o", "new", "--where", f"jerk_m_per_s3 <= {limit} and sample < 3", "--json"
    )
    kept = [id for id, jerk in jerks.items() if jerk <= limit and not id.endswith("s3")]
    assert code == 0 and json.loads(out) == {"out": "new", "kept": len(kept), "total": 12}
    assert ids("new") == kept
    with InteractionFile("new") as new, InteractionFile(dataset) as old:
        for id in kept:
            np.testing.assert_array_equal(new.read(id).joints, old.read(id).joints)
    with open("new/index.csv", newline="") as table:
        rows = list(csv.DictReader(table))
    assert [float(row["jerk_m_per_s3"]) for row in rows] == pytest.approx([jerks[id] for id in kept])
    manifest = json.loads(Path("new/manifest.json").read_text())
    assert manifest["identity"]["select"]["where"].startswith("jerk_m_per_s3")
    again = cli("select", dataset, "-o", "new", "--where", f"jerk_m_per_s3 <= {limit} and sample < 3")
    assert again[0] == 0 and "selected already" in again[2]
    other = cli("select", dataset, "-o", "new", "--where", "sample < 1")
    assert other[0] == 2 and "holds another run" in other[2]


def test_the_best_of_each_balance_and_distinct(cli: Run, dataset: Path) -> None:
    assert (
        cli("select", dataset, "-o", "best", "--top", 1, "--by", "seed", "--descending", "--per", "prompt")[0]
        == 0
    )
    assert ids("best") == ["p0-s3", "p1-s3", "p2-s3"]
    assert (
        cli(
            "select",
            dataset,
            "-o",
            "even",
            "--where",
            'prompt != "a dance" or sample == 0',
            "--balance",
            "prompt",
        )[0]
        == 0
    )
    assert ids("even") == ["p0-s0", "p1-s0", "p2-s0"]
    assert cli("select", dataset, "-o", "distinct", "--distinct", 5)[0] == 0
    assert ids("distinct") == [f"p{p}-s{s}" for p in range(3) for s in range(3)]


def test_scores_of_an_evaluation(cli: Run, dataset: Path) -> None:
    Path("per_prompt.csv").write_text("id,mm_distance\np0-s0,3\np1-s2,1\np2-s1,\n")
    assert (
        cli("select", dataset, "-o", "near", "--where", "mm_distance < 9", "--scores", "per_prompt.csv")[0]
        == 0
    )
    assert ids("near") == ["p0-s0", "p1-s2"]
    Path("other.csv").write_text("id,mm_distance\nx,3\n")
    code, _, err = cli("select", dataset, "-o", "n", "--where", "mm_distance < 9", "--scores", "other.csv")
    assert code == 2 and "none of these interactions" in err and not Path("n").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "nothing to choose by"),
        (["--where", "quality > 1"], "no column 'quality'"),
        (["--where", "frames > 1000"], "nothing is left of 12"),
        (["--top", 1, "--by", "prompt"], "is not a number"),
        (["--per", "prompt"], "give --top too"),
        (["--where", "open('x')"], "cannot be used"),
    ],
)
def test_what_cannot_be_chosen(cli: Run, dataset: Path, options: list, message: str) -> None:
    code, _, err = cli("select", dataset, "-o", "new", *options)
    assert code == 2 and message in err and not Path("new").exists()


def test_exports_take_the_split(cli: Run, dataset: Path) -> None:
    code, out, _ = cli("split", dataset, "--train", 0.34, "--val", 0.33)
    assert code == 0 and "train 4 (1 groups), val 4 (1 groups), test 4 (1 groups)" in out
    with open("run/splits.csv", newline="") as table:
        stated = {row["id"]: row["split"] for row in csv.DictReader(table)}
    assert cli("export", "run", "--to", "interhuman", "-o", "tree")[0] == 0
    with open("tree/ids.csv", newline="") as table:
        number = {row[0]: row[1] for row in list(csv.reader(table))[1:]}
    for split in ("train", "val", "test"):
        listed = Path(f"tree/split/{split}.txt").read_text().split()
        assert {number[i] for i in listed} == {id for id, name in stated.items() if name == split}
