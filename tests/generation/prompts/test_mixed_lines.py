"""Ten thousand good and bad lines in three formats: the good are made, the bad listed with their reasons."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.generation.prompts.read import read_prompts
from intermask_cli.generation.run.plan import make_plan
from intermask_cli.generation.workers.engine import Engine
from tests.helpers.generation import execute, make_all

LINES = 10_000
#: A line, its text as read, or a word of the reason why it is bad.
Line = tuple[bytes, str | None, str]


def good(line: str, text: str) -> Line:
    return line.encode(), text, ""


def bad(line: bytes | str, reason: str) -> Line:
    return line if isinstance(line, bytes) else line.encode(), None, reason


TEXT: list[Callable[[int], Line]] = [
    lambda i: good(f"two people bow {i}", f"two people bow {i}"),
    lambda i: good(f"two people 🤝 {i}\r", f"two people 🤝 {i}"),
    lambda i: good(f"شخصان يتصافحان {i}", f"شخصان يتصافحان {i}"),
    lambda i: good(f"  blanks \t between  {i} ", f"blanks between {i}"),
    lambda i: bad(b"caf\xe9 %d" % i, "not valid UTF-8"),
    lambda i: bad(b"a nul \0 %d" % i, "NUL byte"),
    lambda i: bad(f"a bell \a {i}", "control character"),
    lambda i: bad(b"x" * (1_000_000 if i % 50 == 0 else 66_000), "bytes long"),
]
TABLE: list[Callable[[int], Line]] = [
    lambda i: good(f'c{i},"two people, who ""bow"" {i}",8', f'two people, who "bow" {i}'),
    lambda i: good(f'n{i},"embedded\nnewline {i}",', f"embedded newline {i}"),
    lambda i: good(f"../../etc/{i},hug {i},4", f"hug {i}"),
    lambda i: bad(f"twice,hug {i},4", "already used"),
    lambda i: bad(f"b{i},hug,many", "expected a number"),
    lambda i: bad(f"b{i},,8", "has no text"),
    lambda i: bad(f"b{i},hug,8,more", "has 4 cells"),
    lambda i: bad(b"b%d,caf\xe9,8" % i, "not valid UTF-8"),
    lambda i: bad(b"b%d,a nul \0,8" % i, "NUL byte"),
]
JSON: list[Callable[[int], Line]] = [
    lambda i: good(json.dumps({"text": f"hug {i}", "seconds": 0.2}), f"hug {i}"),
    lambda i: good(json.dumps({"id": f"a/b/{i}", "text": f"🙇 {i}", "mood": "shy"}), f"🙇 {i}"),
    lambda i: bad(json.dumps({"text": i}), "has a number as text"),
    lambda i: bad(json.dumps({"text": "hug", "frames": [i]}), "has a list as frames"),
    lambda i: bad(json.dumps({"text": "hug", "seed": -1 - i}), "expected a whole number"),
    lambda i: bad(json.dumps({"text": f"half \ud800 {i}"}), "surrogate"),
    lambda i: bad(f'{{"text": "cut {i}', "not valid JSON"),
    lambda i: bad(f"[{i}]", "JSON list"),
    lambda i: bad(json.dumps({"id": "twice", "text": f"hug {i}"}), "already used"),
]


def write(path: Path, kinds: list[Callable[[int], Line]], count: int, head: bytes) -> tuple[list, list]:
    """Write `count` random lines -> what is to be read as (line, text) and rejected as (line, reason)."""
    rng = random.Random(path.name)
    data, number = [head], head.count(b"\n") + 1
    texts, reasons = [], []
    for i in range(count):
        line, text, reason = rng.choice(kinds)(i)
        (reasons if text is None else texts).append((number, reason if text is None else text))
        data.append(line + b"\n")
        number += line.count(b"\n") + 1
    path.write_bytes(b"".join(data))
    return texts, reasons


@pytest.mark.slow
@pytest.mark.long
def test_every_good_line_is_made_and_every_bad_one_listed(tmp_path: Path) -> None:
    bom, third = b"\xef\xbb\xbf", LINES // 3
    written = {
        "lines.txt": write(tmp_path / "lines.txt", TEXT, LINES - 2 * third, bom + b"# a comment\n\n"),
        "table.csv": write(tmp_path / "table.csv", TABLE, third, bom + b"id,text,frames\ntwice,once,4\n"),
        "objects.jsonl": write(tmp_path / "objects.jsonl", JSON, third, b"\n"),
    }
    written["table.csv"][0].insert(0, (2, "once"))
    files = [tmp_path / name for name in written]
    found = read_prompts(files)
    for path in files:
        texts, reasons = written[path.name]
        assert [(p.line, p.text) for p in found.prompts if p.file == str(path)] == texts
        rejected = [r for r in found.rejected if r.file == str(path)]
        assert [r.line for r in rejected] == [line for line, _ in reasons]
        assert all(word in r.reason for r, (_, word) in zip(rejected, reasons, strict=True))
    assert len(found.prompts) + len(found.rejected) == LINES + 1
    assert min(len(found.prompts), len(found.rejected)) > LINES / 4

    plan = make_plan(found.prompts, 0, 1, 4)
    folder = tmp_path / "run"
    made = execute(folder, plan, lambda worker: Engine(make_all, 64), found.rejected)
    assert (made.done, made.exit_code) == (len(found.prompts), 3)
    with InteractionFile(folder) as dataset:
        assert dataset.column("prompt") == [prompt.text for prompt in found.prompts]
        assert len(set(dataset.ids)) == len(found.prompts)
        assert not any(set("/\\ \n") & set(id) or id.startswith(".") for id in dataset.ids)
    listed = [json.loads(line) for line in (folder / "rejected.jsonl").read_text().splitlines()]
    assert [(entry["file"], entry["line"], entry["reason"]) for entry in listed] == [
        (r.file, r.line, r.reason) for r in found.rejected
    ]
