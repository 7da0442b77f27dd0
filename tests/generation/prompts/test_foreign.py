"""Prompt files as spreadsheets, editors and other projects write them."""

from __future__ import annotations

import io
import json
import random
import sys
from pathlib import Path

import pytest

from intermask_cli.datasets.spreadsheets import with_guard, without_guard, write_csv
from intermask_cli.errors import InputError
from intermask_cli.generation.prompts.read import PromptSet, read_prompts
from intermask_cli.generation.run.plan import make_plan
from tests.helpers.paths import SHARED

CASES = SHARED / "cases" / "pipeline"
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason=f"{CASES} is missing")


def read(folder: Path, name: str, data: bytes | str, format: str | None = None) -> PromptSet:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return read_prompts([path], format=format)


def texts(found: PromptSet) -> list[str]:
    return [prompt.text for prompt in found.prompts]


# ---------------------------------------------------------------- the cases, and the same kinds again


@needs_cases
@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("prompts-line-ends/three.txt", ["two people bow", "two people shake hands", "they hug"]),
        ("prompts-invisible/invisible.txt", ["two people bow", "two people bow"]),
        ("prompts-joined-tables/joined.csv", ["two people bow", "they hug"]),
        ("prompts-excel-table/trailing.csv", ["two people bow", "they hug"]),
        (
            "prompts-excel-table/semicolons.csv",
            ["two people bow to each other", "one person waves; the other waves back"],
        ),
        ("prompts-excel-table/index.csv", ["two people bow"] * 4),
        ("prompts-seeds-from-spreadsheets/seeds.csv", ["two people bow"]),
        ("prompts-stdin/two.jsonl", ["two people bow", "they hug"]),
    ],
)
def test_cases_give_their_prompts(case: str, expected: list[str]) -> None:
    assert texts(read_prompts([CASES / case])) == expected


@needs_cases
def test_ids_that_are_paths_do_not_depend_on_the_order(tmp_path: Path) -> None:
    header, *rows = (CASES / "prompts-ids" / "paths.csv").read_text().splitlines()
    found = read_prompts([CASES / "prompts-ids" / "paths.csv"])
    turned = read(tmp_path, "paths.csv", "\n".join([header, *reversed(rows)]))
    assert {p.text: p.id for p in found.prompts} == {p.text: p.id for p in turned.prompts}
    assert len({p.id for p in found.prompts}) == 3 and all(len(p.id) <= 100 for p in found.prompts)
    assert [p.source_id for p in found.prompts] == [row.split(",")[0] for row in rows]


@pytest.mark.parametrize("ends", [("\r", "\r"), ("\r\n", "\n"), ("\n", "\r"), ("\r", "\r\n")])
@pytest.mark.parametrize("suffix", [".txt", ".csv", ".jsonl"])
def test_any_line_end(tmp_path: Path, ends: tuple[str, str], suffix: str) -> None:
    rows = {
        ".txt": ["they bow", "they hug"],
        ".csv": ["text", "they bow", "they hug"],
        ".jsonl": ['{"text": "they bow"}', '{"text": "they hug"}'],
    }[suffix]
    data = "".join(row + end for row, end in zip(rows, (*ends, ends[0]), strict=False))
    found = read(tmp_path, f"p{suffix}", data)
    assert texts(found) == ["they bow", "they hug"]
    assert [p.line for p in found.prompts] == list(range(1, 4))[-2:] if suffix == ".csv" else [1, 2]


def test_invisible_characters_go_from_the_ends_and_a_line_of_them_is_rejected(tmp_path: Path) -> None:
    found = read(
        tmp_path, "p.txt", "\u200b\u2060\nthey bow\u200b\n\ufeffthey bow\nthey \ufeff hug\n\ufeff# no\n"
    )
    assert texts(found) == ["they bow", "they bow", "they hug"]
    assert [(r.line, r.reason) for r in found.rejected] == [(1, "has only invisible characters")]
    families = "two \U0001f468\u200d\U0001f469\u200d\U0001f467 wave"  # a joiner within a character stays
    assert texts(read(tmp_path, "q.txt", families)) == [families]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_wide_encodings_are_named(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(InputError, match=f"is UTF-{encoding[4:6]} text; save it as UTF-8"):
        read(tmp_path, "p.txt", "two people bow to each other\nthey hug\n".encode(encoding))


def test_windows_1252_is_named_by_line(tmp_path: Path) -> None:
    found = read(tmp_path, "p.txt", "they bow\nin a caf\xe9\n".encode("cp1252"))
    assert texts(found) == ["they bow"]
    assert "'\xe9' in Windows-1252" in found.rejected[0].reason and "UTF-8" in found.rejected[0].reason


@pytest.mark.parametrize(
    "table",
    [
        "sep=;\nid;text;seconds\na;they bow;2,5\n",
        "\ufeffid;Text;Seconds\r\na;they bow;2,5\r\n",
        "id\ttext\tseconds\na\tthey bow\t2,5\n",
        "id|caption|seconds\na|they bow|2.5\n",
        "id,prompt,seconds,,\na,they bow,2.5,,\n",
        "id,text,seconds\na,they bow,2.5,,\n",
        "id,text,seconds\nid,text,seconds\na,they bow,2.5\n",
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_tables_of_spreadsheets(tmp_path: Path, table: str, suffix: str) -> None:
    found = read(tmp_path, f"p{suffix}", table)
    assert [(p.id, p.text, p.frames) for p in found.prompts] == [("a", "they bow", 75)]


def test_a_cell_in_a_nameless_column_is_not_a_silent_loss(tmp_path: Path) -> None:
    found = read(tmp_path, "p.csv", "id,text,,\na,they bow, then hug,,\n")
    assert not found.prompts and "' then hug'" not in found.rejected[0].reason
    assert "then hug" in found.rejected[0].reason and "quote" in found.rejected[0].reason


@pytest.mark.parametrize("seed", ["3.92939E+18", "1e19", "9007199254740993.0", 3.92939e18])
def test_seeds_that_lost_digits(tmp_path: Path, seed: str | float) -> None:
    found = read(tmp_path, "p.jsonl", json.dumps({"text": "they bow", "seed": seed}))
    assert not found.prompts and "lost digits" in found.rejected[0].reason


@pytest.mark.parametrize(
    ("seed", "value"), [("7.0", 7), (7.0, 7), ("3929390737035795779", 3929390737035795779)]
)
def test_seeds_that_are_complete(tmp_path: Path, seed: str | float, value: int) -> None:
    found = read(tmp_path, "p.jsonl", json.dumps({"text": "they bow", "seed": seed}))
    assert [p.seed for p in found.prompts] == [value]


# ---------------------------------------------------------------- standard input


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ('{"text":"they bow","seconds":2}\n{"text":"they hug"}\n', ["they bow", "they hug"]),
        ('[{"text": "they bow"},\n "they hug"]', ["they bow", "they hug"]),
        ("id,text\na,they bow\nb,they hug\n", ["they bow", "they hug"]),
        ("text;seconds\nthey bow;2\nthey hug;3\n", ["they bow", "they hug"]),
        ("they bow, then\nthey hug\n", ["they bow, then", "they hug"]),
        ("{not json}\n", ["{not json}"]),
    ],
)
def test_standard_input_is_read_by_what_it_is(
    monkeypatch: pytest.MonkeyPatch, data: str, expected: list[str]
) -> None:
    class Stdin:
        buffer = io.BytesIO(data.encode())

    monkeypatch.setattr(sys, "stdin", Stdin)
    found = read_prompts(["-"])
    assert texts(found) == expected
    assert bool(found.notes) == (expected == ["they bow", "they hug"])


def test_a_format_that_is_given_is_obeyed(tmp_path: Path) -> None:
    assert texts(read(tmp_path, "p.txt", '{"text": "they bow"}', "txt")) == ['{"text": "they bow"}']
    assert texts(read(tmp_path, "list.dat", "text\nthey bow\n", "csv")) == ["they bow"]
    with pytest.raises(InputError, match="--format docx: accepted are txt, csv"):
        read(tmp_path, "p.txt", "x", "docx")


# ---------------------------------------------------------------- other projects


def test_lengths_behind_a_hash(tmp_path: Path) -> None:
    found = read(tmp_path, "p.txt", "two people bow#132\nthey hug#NA\nwe are #1\nthey use C# here\n# no\n")
    assert [(p.text, p.frames) for p in found.prompts] == [
        ("two people bow", 198), ("they hug", None), ("we are #1", None), ("they use C# here", None),
    ]  # fmt: skip
    assert "20 frames per second" in found.notes[0]


def test_captions_with_tags(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "M000123.txt",
        "two people bow.#two/NUM people/NOUN bow/VERB#0.0#0.0\n"
        "they hug#they/PRON hug/VERB#1.0#3.5\n"
        "they #hashtag# dance\n",
    )
    assert [(p.text, p.frames) for p in found.prompts] == [
        ("two people bow.", None), ("they hug", 75), ("they #hashtag# dance", None),
    ]  # fmt: skip
    assert "HumanML3D" in found.notes[0]


def test_a_folder_of_caption_files(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    for name in ("b", "a", "._a"):
        (folder / f"{name}.txt").write_text(f"{name} bows\n{name} hugs\n")
    (folder / "notes.md").write_text("no prompts")
    assert [p.id for p in read_prompts([folder]).prompts] == ["a-1", "a-2", "b-1", "b-2"]


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_texts_with_durations_are_phases(tmp_path: Path, suffix: str) -> None:
    found = read(tmp_path, f"p{suffix}", '{"texts": ["they bow", "they hug"], "durations": [2, 3.5]}')
    assert [(p.text, p.frames) for p in found.prompts] == [("they bow | they hug", 165)]
    assert "phases" in found.notes[0]
    bad = read(tmp_path, f"q{suffix}", '{"texts": ["they bow", "they hug"], "durations": [2]}')
    assert not bad.prompts and "durations" in bad.rejected[0].reason


# ---------------------------------------------------------------- ids and runs


def test_ids_do_not_depend_on_the_order_of_lines(tmp_path: Path) -> None:
    ids = [f"{'x' * 200}{i}" for i in range(300)] + ["a b", "a/b", "a-b", "p-303", "p-304", "z"]
    rows = [f"{id},text of {id}" for id in ids]
    found = read(tmp_path, "p.csv", "\n".join(["id,text", *rows]))
    random.Random(0).shuffle(rows)
    turned = read(tmp_path, "p.csv", "\n".join(["id,text", *rows]))
    assert {p.text: p.id for p in found.prompts} == {p.text: p.id for p in turned.prompts}
    assert len({p.id for p in found.prompts}) == len(ids) and "a-b" in {p.id for p in found.prompts}


def test_the_index_of_a_run_makes_the_same_items(tmp_path: Path) -> None:
    lines = (
        '{"id": "a/1", "text": "=they bow", "frames": 62, "tags": "@x"}\n{"text": "they hug", "samples": 2}\n'
    )
    plan = make_plan(read(tmp_path, "p.jsonl", lines).prompts, 3, 1, 100)
    columns = ["id", "prompt", "sample", "seed", "frames", "source_id", "no_body", "tags"]
    rows = [
        [i.id, i.text, i.sample, i.seed, i.frames, i.source_id, "", i.carried.get("tags", "")]
        for i in plan.items
    ]
    write_csv(tmp_path / "index.csv", columns, rows, byte_order_mark=True)
    assert "'=they bow" in (tmp_path / "index.csv").read_text("utf-8-sig")
    again = make_plan(read_prompts([tmp_path / "index.csv"]).prompts, 99, 4, 40)
    assert again.fingerprint() == plan.fingerprint()


@pytest.mark.parametrize("cell", ["=SUM(A1)", "+1+2", "-1+2", "@SUM(A1)", "\tx", "\rx", "'=x"])
def test_cells_that_a_spreadsheet_would_run_are_guarded(cell: str) -> None:
    assert not with_guard(cell).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert without_guard(with_guard(cell)) == cell


@pytest.mark.parametrize("cell", ["-1.5", "+3", "two people", "", 7, -2.5, "'quoted'"])
def test_other_cells_stay(cell: object) -> None:
    assert with_guard(cell) == cell == without_guard(cell)
