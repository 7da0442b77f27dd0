"""Known-token maps of every task."""

from __future__ import annotations

import pytest
import torch

from intermask_cli.config import ROW_JOINTS
from intermask_cli.errors import InputError
from intermask_cli.motion.skeleton import NUM_JOINTS
from intermask_cli.sampling import tasks
from intermask_cli.sampling.sampler import FILL


def tokens(n: int) -> torch.Tensor:
    return torch.arange(10 * n).reshape(2, 5, n)


@pytest.mark.parametrize("person", [0, 1])
def test_react_fills_only_the_partner(person: int) -> None:
    known = tasks.react(tokens(4)[0], person)
    assert torch.equal(known[person], tokens(4)[0])
    assert (known[1 - person] == FILL).all()


def test_in_between_keeps_both_ends() -> None:
    known = tasks.in_between(tokens(8), 2, 1)
    assert torch.equal(known[:, :, :2], tokens(8)[:, :, :2])
    assert torch.equal(known[:, :, 7:], tokens(8)[:, :, 7:])
    assert (known[:, :, 2:7] == FILL).all()
    assert torch.equal(tasks.in_between(tokens(8), 3, 0)[:, :, :3], tokens(8)[:, :, :3])


@pytest.mark.parametrize(("first", "last"), [(0, 0), (4, 4), (-1, 2), (9, 0)])
def test_in_between_refuses_nothing_kept_or_nothing_filled(first: int, last: int) -> None:
    with pytest.raises(InputError, match="tokens per row"):
        tasks.in_between(tokens(8), first, last)


def test_edit_fills_only_the_chosen_part() -> None:
    known = tasks.edit(tokens(6), persons=[1], rows=[3, 4], start=2, stop=5)
    filled = known == FILL
    expected = torch.zeros(2, 5, 6, dtype=torch.bool)
    expected[1, 3:, 2:5] = True
    assert torch.equal(filled, expected)
    assert torch.equal(known[~filled], tokens(6)[~expected])


@pytest.mark.parametrize(
    "bad",
    [{"rows": [5]}, {"rows": []}, {"persons": []}, {"persons": [2]}, {"start": 4, "stop": 4}, {"stop": 9}],
)
def test_edit_refuses_what_does_not_exist(bad: dict) -> None:
    with pytest.raises(InputError):
        tasks.edit(tokens(6), **bad)


def test_batch_pads_the_end_of_each_row_and_unbatch_undoes_it() -> None:
    maps = [tokens(2), tokens(4), tasks.generate(3)]
    known, valid = tasks.batch(maps)
    assert known.shape == valid.shape == (3, 40)
    assert torch.equal(valid[0].unflatten(0, (10, 4))[3], torch.tensor([True, True, False, False]))
    assert (known[~valid] == FILL).all()
    for back, original in zip(tasks.unbatch(known, [2, 4, 3]), maps, strict=True):
        assert torch.equal(back, original)


def test_body_rows_partition_the_joints_as_the_up_sampling_tables_do() -> None:
    """Reference 3.3: 11 <- 5 reads 0 0 0 1 1 2 2 3 3 4 4, then 22 <- 11 doubles every row."""
    middle = [0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    drives = [middle[joint // 2] for joint in range(NUM_JOINTS)]
    assert tuple(tuple(j for j, r in enumerate(drives) if r == row) for row in range(5)) == ROW_JOINTS
