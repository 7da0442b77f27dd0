"""The plan is the same for any number of workers and any batch size, and covers everything once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intermask_cli.errors import InputError
from intermask_cli.generation.prompts.read import Prompt
from intermask_cli.generation.run.plan import LARGEST_PART, Shard, make_plan


def lines(frames: list[int | None]) -> list[Prompt]:
    return [Prompt(f"p-{i}", f"text {i % 3}", "p.txt", i, frames=f) for i, f in enumerate(frames)]


FRAMES = st.lists(st.none() | st.integers(4, 300), max_size=300)


@given(FRAMES, st.integers(1, 3))
def test_parts_hold_every_item_once(frames: list[int | None], samples: int) -> None:
    plan = make_plan(lines(frames), 0, samples, 60)
    assert [item.position for item in plan.items] == list(range(len(frames) * samples))
    held = [item for part in plan.parts for item in part.items]
    assert sorted(held, key=lambda item: item.position) == plan.items
    assert len({part.name for part in plan.parts}) == len(plan.parts)
    assert all(len(part.items) <= LARGEST_PART for part in plan.parts)
    sizes = [len(part.items) for part in plan.parts]
    assert max(sizes, default=0) - min(sizes, default=0) <= 1


@given(FRAMES)
def test_groups_never_mix_lengths(frames: list[int | None]) -> None:
    plan = make_plan(lines(frames), 0, 1, 60)
    for part in plan.parts:
        groups = list(part.by_length())
        assert [item for group in groups for item in group] == list(part.items)
        lengths = [{item.tokens for item in group} for group in groups]
        assert all(len(one) == 1 for one in lengths)
        assert len(set.union(set(), *lengths)) == len(lengths)


def test_a_small_run_has_parts_for_several_workers() -> None:
    assert [len(part.items) for part in make_plan(lines([60] * 12), 0, 1, 60).parts] == [6, 6]
    assert len(make_plan(lines([60] * 24), 0, 1, 60).parts) == 3
    assert len(make_plan(lines([60] * 9000), 0, 1, 60).parts) == 71


@given(FRAMES, st.integers(1, 7))
def test_shards_cover_the_parts_once(frames: list[int | None], count: int) -> None:
    plan = make_plan(lines(frames), 0, 1, 60)
    dealt = [part for i in range(count) for part in Shard(i + 1, count).deal(plan.parts)]
    assert sorted(part.first for part in dealt) == [part.first for part in plan.parts]


def test_lengths_are_rounded_down_to_whole_tokens_and_the_line_wins() -> None:
    plan = make_plan(lines([None, 7, 300]), 0, 1, 62)
    assert [item.frames for item in plan.items] == [60, 4, 300]
    assert plan.frames == 364


def test_limit_keeps_the_first_prompts_unchanged() -> None:
    whole, cut = make_plan(lines([60] * 5), 0, 2, 60), make_plan(lines([60] * 5), 0, 2, 60, limit=2)
    assert cut.items == whole.items[:4]


def test_the_fingerprint_sees_everything_that_matters() -> None:
    base = make_plan(lines([60, 80]), 0, 1, 60).fingerprint()
    assert base == make_plan(lines([60, 80]), 0, 1, 60).fingerprint()
    others = [
        make_plan(lines([60, 84]), 0, 1, 60),
        make_plan(lines([60, 80]), 1, 1, 60),
        make_plan(lines([60, 80]), 0, 2, 60),
        make_plan(lines([60]), 0, 1, 60),
        make_plan([*lines([60]), Prompt("p-1", "text 1", "p.txt", 1, 80, carried={"a": "b"})], 0, 1, 60),
    ]
    assert len({base, *(plan.fingerprint() for plan in others)}) == 6


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "a/b", "1/0", "1/2/3", "-1/2", ""])
def test_bad_shards(text: str) -> None:
    with pytest.raises(InputError, match="--shard"):
        Shard.parse(text)


def test_good_shards() -> None:
    assert Shard.parse("3/16") == Shard(3, 16)
    assert Shard.parse(None) == Shard(1, 1)
