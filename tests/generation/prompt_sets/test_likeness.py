"""Repeated prompts, statistics, and splits without a wording in two parts."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from intermask_cli.datasets.wording import Shares, wording
from intermask_cli.errors import InputError
from intermask_cli.generation.prompt_sets.dedupe import dedupe_prompts
from intermask_cli.generation.prompt_sets.likeness import duplicates
from intermask_cli.generation.prompt_sets.readings import PromptReadings
from intermask_cli.generation.prompt_sets.split import split_prompts
from intermask_cli.generation.prompt_sets.stats import prompt_statistics
from intermask_cli.generation.prompts.read import Prompt, read_prompts
from tests.helpers.readers import word_reader


def prompts(*texts: str) -> list[Prompt]:
    return [Prompt(f"p-{i}", text, "p.txt", i) for i, text in enumerate(texts)]


def test_the_same_words_repeat_whatever_their_case_articles_and_numbers() -> None:
    listed = prompts(
        "The first person waves.", "first person waves", "Person one waves!", "person 1 waves",
        "the second person waves", "the first person bows",
    )  # fmt: skip
    assert duplicates(listed) == [None, 0, 0, 0, None, None]
    other_lengths_or_seeds = [Prompt("p", "they bow", "p.txt", 1, *of) for of in ((), (60,), (60, 3))]
    assert duplicates(other_lengths_or_seeds) == [None] * 3


def test_similar_texts_repeat_unless_they_differ_in_who_or_which_side() -> None:
    long = "person one walks up to person two and waves with the left hand very"
    listed = prompts(
        f"{long} happily", f"{long} cheerfully", f"{long} happily".replace("left", "right"),
        f"{long} happily".replace("one walks up to person two", "two walks up to person one"),
        "two people talk about the weather",
    )  # fmt: skip
    assert duplicates(listed) == [None] * 5
    assert duplicates(listed, similar=0.8) == [None, 0, None, None, None]
    assert duplicates(listed, similar=0.95) == [None] * 5


@pytest.mark.parametrize("similar", [0.5, 0.7, 0.9, 1.0])
def test_the_search_for_similar_texts_finds_what_a_comparison_of_all_finds(similar: float) -> None:
    import random
    from collections import Counter

    rng = random.Random(3)
    texts = [
        " ".join(rng.choices(["bow", "hug", "bow", "run", "left", "sit"], k=rng.randint(1, 7)))
        for _ in range(120)
    ]
    kept: list[str] = []
    expected = []
    for text in texts:
        words = Counter(text.split())
        sides = text.split().count("left")
        same = [
            other
            for other in kept
            if text == other
            or (
                other.split().count("left") == sides
                and sum((words & Counter(other.split())).values())
                >= similar * sum((words | Counter(other.split())).values()) - 1e-12
            )
        ]
        expected.append(bool(same))
        if not same:
            kept.append(text)
    assert [of is not None for of in duplicates(prompts(*texts), similar)] == expected


def test_dedupe_keeps_texts_lengths_and_columns_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(
        'id,text,frames,note\na,"=they, ""bow""",60,x\nb,They bow,,\nc,they bow.,,\n'
    )
    result = dedupe_prompts(read_prompts([tmp_path / "p.csv"]), tmp_path / "out.csv")
    assert result.kept == 2 and result.dropped == [("they bow.", "They bow")]
    again = read_prompts([tmp_path / "out.csv"]).prompts
    assert [(p.id, p.text, p.frames) for p in again] == [("a", '=they, "bow"', 60), ("b", "They bow", None)]
    assert again[0].carried["note"] == "x"


def test_no_wording_and_no_template_is_in_two_splits(tmp_path: Path) -> None:
    texts = [
        f"the {who} person {what} with the {side} hand"
        for who in ("first", "second") for side in ("left", "right")
        for what in ("waves", "points", "bows", "salutes", "claps", "beckons")
    ]  # fmt: skip
    listed = [
        *prompts(*texts),
        *(
            Prompt(id, text, "p.txt", 99, carried={"template": "merry"})
            for id, text in (("a", "they wave merrily"), ("b", "they dance merrily"))
        ),
    ]
    made = split_prompts(listed, Shares(0.6, 0.2), 0, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    parts: dict[str, set[str]] = {}
    for row in rows:
        parts.setdefault(wording(row["text"]), set()).add(row["split"])
    assert len(rows) == 26 and all(len(of) == 1 for of in parts.values())
    assert parts["wave merrily"] == parts["dance merrily"]
    assert sum(made.prompts.values()) == 26 and min(made.prompts.values()) > 0 and made.groups["train"] >= 3
    folder = split_prompts(listed, Shares(0.6, 0.2), 0, tmp_path / "parts")
    assert [path.name for path in folder.paths] == ["train.csv", "val.csv", "test.csv"]
    assert len(read_prompts([tmp_path / "parts"]).prompts) == 26
    assert made.prompts == folder.prompts
    with pytest.raises(InputError, match="1 different wordings do not fill 3 splits"):
        split_prompts(prompts("they bow", "They bow"), Shares(0.6, 0.2), 0, tmp_path / "o.csv")


def test_statistics_count_columns_or_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(
        'text,seconds,kind,tags\nthe first one bows deeply,3,bow,"a,b"\nthe first one bows deeply,4,bow,b\n'
        "the second one waves,,wave,\nthey swim,,,\n"
    )
    found = read_prompts([tmp_path / "p.csv"])
    stats = prompt_statistics(found, 150, 30)
    assert (stats.prompts, stats.texts, stats.repeated, stats.no_length) == (4, 3, 0, 2)
    assert stats.seconds == (3.0, 4.5, 5.0) and stats.words == (2, 4.5, 5)
    assert stats.labels == {"kind": {"bow": 2, "wave": 1, "": 1}, "tags": {"b": 2, "a": 1}}
    readings = PromptReadings.of(word_reader(), (prompt.text for prompt in found.prompts))
    read = prompt_statistics(found, 150, 30, readings).labels
    assert read["kind"] == {"bow": 2, "wave": 1, "outside": 1} and read["actor"] == {"1": 2, "2": 1}
