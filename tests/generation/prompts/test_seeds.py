"""Seeds come from what a sample is: other lines and their order do not enter."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intermask_cli.generation.prompts.read import Prompt
from intermask_cli.generation.prompts.seeds import explicit_seed, sample_seed
from intermask_cli.generation.run.plan import make_plan


def prompts(texts: list[str]) -> list[Prompt]:
    return [Prompt(f"p-{i}", text, "p.txt", i) for i, text in enumerate(texts)]


def seeds(texts: list[str], run_seed: int = 0, samples: int = 2) -> dict[tuple[str, int, int], int]:
    """(text, occurrence, sample) -> seed, read off a plan."""
    found: dict[tuple[str, int, int], int] = {}
    for item in make_plan(prompts(texts), run_seed, samples, 60).items:
        occurrence = 0
        while (item.text, occurrence, item.sample) in found:
            occurrence += 1
        found[item.text, occurrence, item.sample] = item.seed
    return found


def test_the_definition() -> None:
    digest = hashlib.sha256(b"7\n1\n3\ntwo people bow").digest()
    assert sample_seed(7, "two people bow", 1, 3) == int.from_bytes(digest, "big") >> (256 - 63)


TEXTS = st.lists(st.sampled_from(["bow", "wave", "hug", "run"]), max_size=8)


@pytest.mark.slow
@given(texts=TEXTS, data=st.data())
def test_reordering_changes_nothing(texts: list[str], data: st.DataObject) -> None:
    assert seeds(data.draw(st.permutations(texts))) == seeds(texts)


@given(texts=TEXTS, more=TEXTS)
def test_adding_and_removing_lines_changes_no_other_sample(texts: list[str], more: list[str]) -> None:
    few, many = seeds(texts), seeds(texts + more)
    assert {key: many[key] for key in few} == few


@given(texts=TEXTS)
def test_more_samples_keep_the_first_ones(texts: list[str]) -> None:
    few, many = seeds(texts, samples=1), seeds(texts, samples=3)
    assert {key: many[key] for key in few} == few


def test_every_sample_of_a_run_differs() -> None:
    values = list(seeds(["bow", "bow", "wave"], samples=50).values())
    assert len(set(values)) == 150
    assert not set(values) & set(seeds(["bow", "bow", "wave"], run_seed=1, samples=50).values())


@pytest.mark.parametrize("seed", [0, 5, 2**63 - 1])
def test_an_explicit_seed_wins(seed: int) -> None:
    line = Prompt("a", "bow", "p.csv", 2, seed=seed, samples=2)
    items = make_plan([line], 1, 1, 60).items
    assert [item.seed for item in items] == [seed, explicit_seed(seed, 1)]
    assert items[1].seed != seed


def test_lines_with_their_own_seed_shift_no_other_line() -> None:
    plain = Prompt("a", "bow", "p.csv", 2)
    own = Prompt("b", "bow", "p.csv", 1, seed=5)
    assert make_plan([own, plain], 0, 1, 60).items[1].seed == make_plan([plain], 0, 1, 60).items[0].seed
