"""Prompt files: every good line is kept, every bad one is listed with its line and reason."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intermask_cli.datasets.tables import MAX_LINE_BYTES, safe_id
from intermask_cli.errors import InputError
from intermask_cli.generation.prompts.read import MAX_CARRIED_COLUMNS, FrameLimits, PromptSet, read_prompts


def read(folder: Path, name: str, data: bytes | str, **limits: object) -> PromptSet:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return read_prompts([path], FrameLimits(**limits))  # type: ignore[arg-type]


def one_reason(found: PromptSet) -> str:
    assert found.prompts == []
    assert len(found.rejected) == 1
    return found.rejected[0].reason


def test_text_lines_comments_blanks_and_bom(tmp_path: Path) -> None:
    found = read(tmp_path, "a b.txt", b'\xef\xbb\xbftwo people bow\r\n# no\n\n   \n  "a, b"   and\tc  \n')
    assert [(p.id, p.text, p.line) for p in found.prompts] == [
        ("a-b-1", "two people bow", 1),
        ("a-b-5", '"a, b" and c', 5),
    ]
    assert found.rejected == []


def test_emoji_and_right_to_left_text_is_kept(tmp_path: Path) -> None:
    found = read(tmp_path, "p.txt", "two people 🤝 🙇\nشخصان يتصافحان\n")
    assert [p.text for p in found.prompts] == ["two people 🤝 🙇", "شخصان يتصافحان"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"one \x00 two", "NUL"),
        (b"they bow |", "an empty phase"),
        (b"caf\xe9", r"UTF-8 \(byte 0xe9, 'é' in Windows-1252\)"),
        (b"bell \x07", r"U\+0007"),
        (b"x" * (MAX_LINE_BYTES + 1), "65,537 bytes long; the limit is 65,536"),
        (b"x" * 1_000_000, "1,000,000 bytes long"),
    ],
)
def test_bad_text_lines_affect_no_others(tmp_path: Path, line: bytes, reason: str) -> None:
    found = read(tmp_path, "p.txt", b"first\n" + line + b"\nlast")
    assert [p.text for p in found.prompts] == ["first", "last"]
    assert [r.line for r in found.rejected] == [2]
    assert re.search(reason, found.rejected[0].reason)


def test_table_columns_quotes_embedded_newlines_and_carried_columns(tmp_path: Path) -> None:
    data = (
        'ID,Text,Seconds,seed,samples,tags,kind\na,"they ""bow"",\ntwice",2,7,3,"x,y",nice\n,b,,,,,\n\nc,d\n'
    )
    found = read(tmp_path, "p.csv", data)
    a, b, c = found.prompts
    assert (a.id, a.text, a.frames, a.seed, a.samples, a.line) == ("a", 'they "bow", twice', 60, 7, 3, 2)
    assert dict(a.carried) == {"tags": "x,y", "kind": "nice"}
    assert (a.source_id, b.source_id) == ("a", "")
    assert (b.id, b.frames, b.seed, b.samples, dict(b.carried)) == ("p-4", None, None, None, {})
    assert (c.id, c.line) == ("c", 6)


def test_tab_separated(tmp_path: Path) -> None:
    found = read(tmp_path, "p.tsv", "text\tframes\na, b\t8\n")
    assert (found.prompts[0].text, found.prompts[0].frames) == ("a, b", 8)


def test_an_unclosed_quote_rejects_one_line(tmp_path: Path) -> None:
    rows = "".join(f"good {i}\n" for i in range(50))
    found = read(tmp_path, "p.csv", f'text\n"never closed\n{rows}')
    assert len(found.prompts) == 50
    assert [r.line for r in found.rejected] == [2]


def test_a_record_longer_than_the_limit_rejects_one_line(tmp_path: Path) -> None:
    rows = "".join(f"good {i} {'x' * 1000}\n" for i in range(100))
    found = read(tmp_path, "p.csv", f'text\n"never closed\n{rows}')
    assert len(found.prompts) == 100
    assert "limit" in found.rejected[0].reason


def test_table_rows_with_wrong_cells(tmp_path: Path) -> None:
    found = read(tmp_path, "p.csv", b'text,frames\na,b,c\n"x"y,8\nz\x00,8\n\xff,8\ngood,8\n')
    assert [p.text for p in found.prompts] == ["good"]
    assert [r.line for r in found.rejected] == [2, 3, 4, 5]
    assert "3 cells, the header has 2" in found.rejected[0].reason


@pytest.mark.parametrize(
    ("header", "reason"),
    [("id,frames", "no 'text' column"), ("text,a,a", "duplicated"), ("text,\x00", "NUL")],
)
def test_unusable_headers_stop_everything(tmp_path: Path, header: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read(tmp_path, "p.csv", header + "\na,b,c\n")


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"seconds": "nan"}, "seconds=nan"),
        ({"seconds": "inf"}, "seconds=inf"),
        ({"seconds": "-1"}, "seconds=-1"),
        ({"seconds": "0"}, "seconds=0"),
        ({"seconds": "soon"}, "expected a number"),
        ({"seconds": 1e300}, "asks for"),
        ({"seconds": -(10**400)}, "seconds=-1e\\+300"),
        ({"seconds": True}, "boolean as seconds"),
        ({"seconds": [1]}, "list as seconds"),
        ({"frames": "3"}, "3 frames; the shortest clip has 4"),
        ({"frames": 301}, r"301 frames \(10.03 s\); the model's limit is 300 \(10 s\)"),
        ({"frames": 8.5}, "whole number"),
        ({"frames": "nan"}, "whole number"),
        ({"frames": 8, "seconds": 1}, "both frames and seconds"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": 2**63}, "seed="),
        ({"seed": "abc"}, "expected a number"),
        ({"samples": 0}, "samples=0"),
        ({"samples": {}}, "object as samples"),
        ({"id": ["a"]}, "list as id"),
        ({"tags": 3}, "number as tags"),
        ({"tags": ["a", 3]}, "list as tags"),
        ({"text": 3}, "number as text"),
        ({"text": None}, "no text"),
        ({"text": "  "}, "empty text"),
        ({"text": "\ud800"}, "surrogate"),
        ({"text": "a\x00b"}, "NUL"),
        ({"note": "\x00"}, "NUL"),
    ],
)
def test_bad_values_are_rejected_with_a_reason(tmp_path: Path, cells: dict[str, object], reason: str) -> None:
    line = json.dumps({"text": "two people bow", **cells})
    found = read(tmp_path, "p.jsonl", line, longest=300, limit_name="the model's limit")
    assert re.search(reason, one_reason(found)), found.rejected
    if all(isinstance(v, str) and v.isprintable() and v.strip() for v in cells.values()):
        header, row = ",".join(["text", *cells]), ",".join(["two people bow", *map(str, cells.values())])
        table = read(tmp_path, "p.csv", f"{header}\n{row}\n", longest=300, limit_name="the model's limit")
        assert one_reason(table) == one_reason(found)


@pytest.mark.parametrize("line", ["{", "[1]", "3", '"text"', "null", "{} {}", "[" * 60_000, "1" * 6000])
def test_bad_json_lines(tmp_path: Path, line: str) -> None:
    found = read(tmp_path, "p.jsonl", line + '\n{"text": "good"}\n')
    assert [p.text for p in found.prompts] == ["good"]
    assert [r.line for r in found.rejected] == [1]


def test_json_extras_are_carried_as_text(tmp_path: Path) -> None:
    found = read(
        tmp_path, "p.jsonl", '{"text":"a","id":7,"tags":["x","y"],"n":1.5,"o":{"k":null},"none":null}'
    )
    assert found.prompts[0].id == "7"
    carried = {"tags": "x,y", "n": "1.5", "o": '{"k": null}'}
    assert dict(found.prompts[0].carried) == carried


def test_the_number_of_extra_columns_is_bounded(tmp_path: Path) -> None:
    lines = "".join(json.dumps({"text": "a", f"c{i}": "1"}) + "\n" for i in range(MAX_CARRIED_COLUMNS + 3))
    found = read(tmp_path, "p.jsonl", lines)
    assert len(found.prompts) == MAX_CARRIED_COLUMNS
    assert len(found.rejected) == 3


def test_repeated_ids_are_rejected_and_colliding_safe_ids_are_made_distinct(tmp_path: Path) -> None:
    ids = ["a/b", "a b", "a-b", "a/b", "../../etc/passwd", ".hidden", "..", "é", "x" * 500]
    lines = "".join(json.dumps({"text": "t", "id": id}) + "\n" for id in ids)
    found = read(tmp_path, "p.jsonl", lines)
    made = [p.id for p in found.prompts]
    assert re.fullmatch("a-b-[0-9a-f]{8}", made[0]) and re.fullmatch("a-b-[0-9a-f]{8}", made[1])
    assert made[2:] == ["a-b", "etc-passwd", "hidden", "p-7", "p-8", "x" * 100]
    assert len(set(made)) == len(made)
    assert [p.source_id for p in found.prompts] == [*ids[:3], *ids[4:]]
    assert found.notes == (
        "7 ids were changed to be safe as file names; column source_id has them as written",
    )
    assert [r.line for r in found.rejected] == [4]
    assert "already used at" in found.rejected[0].reason
    assert "line 1" in found.rejected[0].reason


def test_two_files_of_one_name_get_different_ids(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "p.txt").write_text("x\n")
    found = read_prompts([tmp_path / "a" / "p.txt", tmp_path / "b" / "p.txt"])
    assert [p.id for p in found.prompts] == ["a-p-1", "b-p-1"]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(b"two people bow\n")

    monkeypatch.setattr(sys, "stdin", Stdin)
    assert [(p.id, p.text) for p in read_prompts(["-"]).prompts] == [("stdin-1", "two people bow")]


@pytest.mark.parametrize("name", ["p.docx", "p", "missing.txt"])
def test_unusable_files(tmp_path: Path, name: str) -> None:
    if name != "missing.txt":
        (tmp_path / name).write_text("x")
    with pytest.raises(InputError, match=r"accepted|no such"):
        read_prompts([tmp_path / name])


def test_a_folder_or_utf16_is_not_a_prompt_file(tmp_path: Path) -> None:
    (tmp_path / "d.txt").mkdir()
    with pytest.raises(InputError, match="no prompt file in this folder"):
        read_prompts([tmp_path / "d.txt"])
    with pytest.raises(InputError, match="UTF-8"):
        read(tmp_path, "u.txt", "two people bow".encode("utf-16"))


SAFE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    data=st.binary(max_size=400),
    suffix=st.sampled_from([".txt", ".csv", ".tsv", ".jsonl"]),
    head=st.booleans(),
)
def test_random_bytes_never_crash(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, suffix: str, head: bool
) -> None:
    header = {".csv": b"text,id,frames\n", ".tsv": b"text\tid\tframes\n"}.get(suffix, b"") if head else b""
    try:
        found = read(tmp_path_factory.getbasetemp(), f"fuzz{suffix}", header + data)
    except InputError:
        return
    assert len({p.id for p in found.prompts}) == len(found.prompts)
    for prompt in found.prompts:
        assert SAFE.fullmatch(prompt.id)
        assert prompt.text.encode("utf-8").strip()
    for bad in found.rejected:
        assert bad.line >= 1 and bad.reason
        json.dumps(bad.as_json()).encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(["id", "text", "frames", "seconds", "seed", "samples", "tags", "other"])


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(rows=st.lists(st.dictionaries(FIELDS, JSON, max_size=8), max_size=5))
def test_random_values_never_crash(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]]
) -> None:
    data = "".join(json.dumps(row) + "\n" for row in rows)
    found = read(tmp_path_factory.getbasetemp(), "values.jsonl", data)
    assert len(found.prompts) + len(found.rejected) == len(rows)


@given(st.text(max_size=150))
def test_safe_ids_are_safe_and_stable(value: str) -> None:
    id = safe_id(value, "fallback")
    assert SAFE.fullmatch(id)
    assert safe_id(id, "fallback") == id
