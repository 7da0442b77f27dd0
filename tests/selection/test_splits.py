"""Splits: no prompt and no group in two of them, shares near those asked for."""

from pathlib import Path

import pytest

from intermask_cli.datasets.split_table import SPLIT_TABLE, read_split_table
from intermask_cli.datasets.wording import Shares, assign, joined_groups, wording
from intermask_cli.errors import InputError
from intermask_cli.selection.splits import split_run
from tests.helpers.interaction_files import write_interactions


def test_shares_and_groups() -> None:
    groups = [g for g in range(400) for _ in range(1 + g % 3)]
    chosen = assign(groups, Shares(0.8, 0.1), 0)
    assert len({(g, c) for g, c in zip(groups, chosen, strict=True)}) == 400
    for name, share in (("train", 0.8), ("val", 0.1), ("test", 0.1)):
        assert abs(chosen.count(name) / len(groups) - share) < 0.01
    assert chosen == assign(groups, Shares(0.8, 0.1), 0) != assign(groups, Shares(0.8, 0.1), 1)


def test_equal_prompts_join_groups() -> None:
    groups = joined_groups(["a", "b", "A ", "c"], ["x", "y", "z", "y"])
    assert groups[0] == groups[2] != groups[1] == groups[3]


def test_wordings_differ_by_more_than_names_and_sides() -> None:
    assert wording("The first person waves with her left hand.") == wording(
        "the man waves with his right hand"
    )
    assert wording("two people hug") != wording("two people bow")
    assert wording("They!") == "they!"


def test_a_dataset_is_split_and_the_table_is_read(tmp_path: Path) -> None:
    write_interactions(tmp_path / "interactions.h5", 20, 2)
    split = split_run(tmp_path / "interactions.h5", Shares(0.5, 0.25), "prompt", 0)
    assert split.path == tmp_path / SPLIT_TABLE and split.interactions == {"train": 20, "val": 10, "test": 10}
    ids = [f"p{p}-s{s}" for p in range(20) for s in range(2)]
    names = read_split_table(split.path, ids)
    assert names[::2] == names[1::2] and set(names) == {"train", "val", "test"}
    with pytest.raises(InputError, match="other has no split"):
        read_split_table(split.path, ["other"])
    split.path.write_text("id,split\np0-s0,nowhere\n")
    with pytest.raises(InputError, match="'nowhere'; accepted: train, val, test"):
        read_split_table(split.path, ["p0-s0"])
    with pytest.raises(InputError, match="accepted: prompt, wording or a column"):
        split_run(tmp_path / "interactions.h5", Shares(0.5, 0.25), "colour", 0)
    with pytest.raises(InputError, match="do not fill 3 splits"):
        write_interactions(tmp_path / "two.h5", 2)
        split_run(tmp_path / "two.h5", Shares(0.5, 0.25), "prompt", 0)
    with pytest.raises(InputError, match="accepted: shares above 0"):
        Shares(0.9, 0.2)
