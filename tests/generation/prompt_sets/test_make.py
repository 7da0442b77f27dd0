"""Sets of prompts: templates, balance, and what is written reads back."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from intermask_cli.errors import InputError
from intermask_cli.generation.prompt_sets.balance import evenly, in_turn
from intermask_cli.generation.prompt_sets.forms import own_forms
from intermask_cli.generation.prompt_sets.make import forms_of, make_prompts, parse_seconds
from intermask_cli.generation.prompt_sets.spec import read_spec
from intermask_cli.generation.prompts.read import Prompt, read_prompts
from tests.helpers.readers import word_tables

SPEC = """
seconds: [3, 4.5]
slots:
  actor: {person one: 1, the second person: 2}
  side: [left, right]
  how: [politely, "in a hurry"]
templates:
  - {text: "{actor} waves {how} with the {side} hand", kind: wave, tags: greeting}
  - {text: "they {hug|embrace} {how}", kind: hug}
  - "they bow {how}"
"""


def made(tmp_path: Path, spec: str, count: int, seed: int = 0, two_phase: float = 0.0) -> list[Prompt]:
    (tmp_path / "spec.yaml").write_text(spec)
    forms, seconds = forms_of(tmp_path / "spec.yaml", "", None)
    make_prompts(forms, count, seconds, seed, tmp_path / "out.csv", two_phase)
    found = read_prompts([tmp_path / "out.csv"])
    assert not found.rejected and len(found.prompts) == count
    return found.prompts


def test_every_text_of_the_templates_is_made_once_with_its_labels(tmp_path: Path) -> None:
    prompts = made(tmp_path, SPEC, 14)
    assert len({prompt.text for prompt in prompts}) == 14
    wave = next(p for p in prompts if p.text == "the second person waves in a hurry with the left hand")
    expected = {"kind": "wave", "actor": "2", "side": "left", "tags": "greeting", "template": "template-1"}
    assert wave.carried == expected
    assert {p.text for p in prompts if p.carried.get("kind") == "hug"} == {
        f"they {verb} {how}" for verb in ("hug", "embrace") for how in ("politely", "in a hurry")
    }
    with pytest.raises(InputError, match="--count 15: there are 14 different texts"):
        made(tmp_path, SPEC, 15)


def test_a_set_is_balanced_over_kinds_actors_sides_and_lengths(tmp_path: Path) -> None:
    prompts = made(tmp_path, SPEC, 6)
    assert set(Counter(p.carried.get("kind", "") for p in prompts).values()) == {2}
    assert Counter(p.frames for p in prompts) == {90: 3, 135: 3}
    many = SPEC.replace("[politely, ", f"[{', '.join(f'way {i}' for i in range(30))}, ")
    waves = [p for p in made(tmp_path, many, 90) if p.carried.get("kind") == "wave"]
    cells = Counter((p.carried["actor"], p.carried["side"]) for p in waves)
    assert len(cells) == 4 and max(cells.values()) - min(cells.values()) <= 1 and len(waves) == 30
    assert Counter(p.frames for p in waves)[90] == 15


def test_the_seed_decides(tmp_path: Path) -> None:
    first, again, other = (made(tmp_path, SPEC, 8, seed) for seed in (1, 1, 2))
    assert first == again != other


def test_two_phases_join_different_kinds(tmp_path: Path) -> None:
    prompts = made(tmp_path, SPEC, 10, two_phase=0.4)
    pairs = [p for p in prompts if "|" in p.text]
    assert len(pairs) == 4
    assert all(len(set(p.carried["kind"].split("|"))) == 2 and p.frames in (180, 270) for p in pairs)


def test_own_captions_have_their_labels_and_usual_lengths(tmp_path: Path) -> None:
    forms = own_forms(word_tables().tables)
    assert (forms[0].text(0), forms[0].seconds) == ("bow deeply by 0", (6.0,))
    assert forms[0].labels == {"kind": "bow", "actor": "1", "manner": "deeply", "tempo": "slow"}
    make_prompts(forms, 8, (), 0, tmp_path / "set.jsonl")
    prompts = read_prompts([tmp_path / "set.jsonl"]).prompts
    assert Counter(p.carried["kind"] for p in prompts) == {"bow": 4, "wave": 4}
    assert Counter(p.carried["actor"] for p in prompts) == {"1": 4, "2": 4}
    with pytest.raises(InputError, match=r"accepted are files \.csv, \.tsv, \.jsonl"):
        make_prompts(forms, 8, (), 0, tmp_path / "set.txt")


def test_the_bundled_model_has_captions_of_all_its_kinds() -> None:
    forms, _ = forms_of(None, "duet-mini", None)
    assert len({form.labels["kind"] for form in forms}) == 26
    chosen, _ = forms_of(None, "duet-mini", "wave, hug")
    assert {form.labels["kind"] for form in chosen} == {"wave", "hug"}
    with pytest.raises(InputError, match="no kind 'swim'"):
        forms_of(None, "duet-mini", "swim")


def test_text_files_have_slots_too(tmp_path: Path) -> None:
    path = tmp_path / "spec.txt"
    path.write_text("# greetings\nwho = Anna | Ben\n{who} bows\nthey {hug|kiss} | they part\n")
    forms, seconds = read_spec(path)
    texts = [form.text(i) for form in forms for i in range(form.count)]
    assert texts == ["Anna bows", "Ben bows", "they hug | they part", "they kiss | they part"]
    assert seconds == ()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("templates: []", "no templates"),
        ("templates: ['{who} bows']", "slot {who} that is not defined; there are: none"),
        ("templates: ['they {bow']", "a brace that is not closed"),
        ("templates: [{kind: bow}]", "template 1 has no text"),
        ("templates: [{text: bow, seed: 3}]", "'seed' cannot be a label"),
        ("templates: [bow]\nslots: {side: left}", "slot 'side' has no list of texts"),
        ("templates: [bow]\nslots: {side: [left, left]}", "slot 'side' has a choice twice"),
        ("templates: [bow]\nslots: {Who: [a]}", "slot 'Who'; accepted"),
        ("templates: [bow]\nseconds: [0]", r"seconds are \[0\]"),
        ("template: [bow]", "unknown key 'template'"),
    ],
)
def test_wrong_templates_are_named(tmp_path: Path, spec: str, message: str) -> None:
    (tmp_path / "spec.yaml").write_text(spec)
    with pytest.raises(InputError, match=message):
        read_spec(tmp_path / "spec.yaml")


def test_numbers_are_dealt_evenly() -> None:
    assert evenly([1, 10, 10], 11, Random(0)) == [1, 5, 5]
    assert sorted(evenly([9, 9, 9], 10, Random(0))) == [3, 3, 4]
    assert evenly([2, 0, 3], 5, Random(0)) == [2, 0, 3]
    turns = in_turn([3, 4], {"a": 3, "b": 3}, Random(0))
    assert Counter([*turns["a"], *turns["b"]]) == {3: 3, 4: 3}


def test_seconds_of_the_command_line() -> None:
    assert parse_seconds("3,4.5") == (3.0, 4.5)
    for text in ("", "3,x", "0", "inf", "-1"):
        with pytest.raises(InputError, match="accepted are lengths above 0"):
            parse_seconds(text)
