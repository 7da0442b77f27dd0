"""Prompt files that are read as they stand, with a note, or refused as what they are."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest

from intermask_cli.errors import InputError
from intermask_cli.generation.prompts.read import PromptSet, read_prompts


def read(folder: Path, name: str, data: bytes | str) -> PromptSet:
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    return read_prompts([folder / name])


@pytest.mark.parametrize(
    ("lines", "note"),
    [
        ("1. two people bow\n2. they hug\n", "2 lines begin with list numbers or bullets"),
        ("1) bow\n2) hug\n3) wave\n", "3 lines begin with list numbers"),
        ("- bow\n- hug\n", "2 lines begin with list numbers or bullets"),
        ("\u2022 bow\n\u2022 hug\n", "2 lines begin with list numbers or bullets"),
        ('"two people bow"\n"they hug"\n', "2 lines are in quotes"),
        ("\u201cthey bow\u201d\n\u201cthey hug\u201d\n", "2 lines are in quotes"),
        ("a1\tthey bow\na2\tthey hug\n", "2 lines have tabs"),
    ],
)
def test_what_all_lines_begin_with_is_said(tmp_path: Path, lines: str, note: str) -> None:
    found = read(tmp_path, "p.txt", lines)
    assert len(found.prompts) == lines.count("\n")
    assert [one for one in found.notes if note in one] and len(found.notes) == 1


@pytest.mark.parametrize(
    "lines",
    ["they bow\nthey hug\n", "3. Liga: two people fight\n", "they hug\nthey say 'hi'\n- bow\n", "'x'\nbow\n"],
)
def test_plain_lines_have_no_note(tmp_path: Path, lines: str) -> None:
    assert read(tmp_path, "p.txt", lines).notes == ()


@pytest.mark.parametrize(
    "column", ["duration", "Length", "SECONDS (s)", "fps", "num_frames", "motion_length"]
)
def test_columns_that_may_be_lengths(tmp_path: Path, column: str) -> None:
    found = read(tmp_path, "p.csv", f"text,{column},kind\nthey bow,4,x\n")
    assert len(found.notes) == 1 and f"the column '{column}' is copied" in found.notes[0]
    assert read(tmp_path, "q.csv", "text,seconds,kind\nthey bow,4,x\n").notes == ()


def _zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("xl/sheet.xml", "two people bow")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (_zip(), r"a ZIP archive \(.xlsx, .docx\); save it as CSV"),
        (gzip.compress(b"they bow\n"), "a gzip archive; unpack it"),
        (b"{\\rtf1\\ansi two people bow}", "rich text; save it as plain text"),
        (b"%PDF-1.7 two people bow", "a PDF"),
        (b"PAR1" + bytes(20), "a Parquet file"),
    ],
    ids=["zip", "gzip", "rtf", "pdf", "parquet"],  # gzip data hold the time
)
@pytest.mark.parametrize("suffix", [".txt", ".csv", ".jsonl", ".json"])
def test_other_files_are_named(tmp_path: Path, data: bytes, kind: str, suffix: str) -> None:
    with pytest.raises(InputError, match=rf"p\{suffix}: is {kind}"):
        read(tmp_path, f"p{suffix}", data)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("p.jsonl", '[\n{"text": "they bow"},\n{"text": "they hug"}\n]\n'),
        ("p.jsonl", '["they bow", "they hug"]'),
        ("p.json", '{"text": "they bow"}\n{"text": "they hug"}\n'),
        ("p.json", '[{"text": "they bow"}, "they hug"]'),
    ],
)
def test_lists_and_lines_of_json_under_either_name(tmp_path: Path, name: str, data: str) -> None:
    found = read(tmp_path, name, data)
    assert [prompt.text for prompt in found.prompts] == ["they bow", "they hug"]
    assert bool(found.notes) == (name == "p.jsonl" or data.startswith("{"))


@pytest.mark.parametrize("name", ["p.json", "p.jsonl"])
def test_one_object_is_one_prompt(tmp_path: Path, name: str) -> None:
    found = read(tmp_path, name, '{"text": "they bow", "seconds": 2}\n')
    assert [(prompt.text, prompt.frames) for prompt in found.prompts] == [("they bow", 60)]
    assert found.notes == ()
