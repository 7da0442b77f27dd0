"""URLs on the command line: a run is kept behind one, and what takes paths refuses them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.generation.run import remote_run
from tests.helpers.tiny_model import TinyModel

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with a prompt file that has a bad line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INTERMASK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(remote_run, "PAUSES", (0.0,))
    Path("p.csv").write_text("text,frames\ntwo people bow,12\nthe first person waves,8\nhug,none\n")
    return tmp_path


@pytest.mark.slow
def test_runs_at_urls(cli: Run, here: Path, tiny_model: TinyModel) -> None:
    options = [*tiny_model.options, "--steps", 1, "--json"]
    url = (here / "bucket" / "run").as_uri()
    command = ["generate", "p.csv", *options, "--export", "npz"]
    assert cli(*command, "--out", "plain")[0] == 3  # a line was rejected
    code, out, err = cli(*command, "--out", url)
    assert code == 3, err
    result = json.loads(out)
    assert result["out"] == url and result["gallery"] == f"{url}/gallery.html" and result["unsent"] == 0
    assert result["exports"][0]["folder"] == f"{url}/exports/npz"

    def files(folder: Path) -> dict[str, int]:
        found = (path for path in folder.rglob("*") if path.is_file() and path.name[:5] != ".lock")
        return {path.relative_to(folder).as_posix(): path.stat().st_size for path in found}

    remote, plain = files(here / "bucket" / "run"), files(here / "plain")
    assert remote.keys() == plain.keys() and not any((here / "cache" / "runs").iterdir())
    assert "exports/npz/p-2-s0_person1.npz" in remote and "rejected.jsonl" in remote
    assert (here / "bucket" / "run" / "index.csv").read_bytes() == Path("plain/index.csv").read_bytes()

    code, out, err = cli(*command, "--rejected-ok", "--out", url)
    assert code == 0 and json.loads(out)["made_now"] == 0 and "already complete" in err
    assert files(here / "bucket" / "run").keys() == plain.keys()

    code, out, err = cli("extend", "plain", *options, "--frames", 8, "--out", "memory://tests/longer")
    assert code == 0, err
    with InteractionFile("memory://tests/longer") as longer:
        assert longer.column("frames") == [20, 16]
    code, out, err = cli("info", "memory://tests/longer", "--json")
    facts = json.loads(out)
    assert (code, facts["path"], facts["interactions"]) == (0, "memory://tests/longer", 2), err
    assert facts["progress"] == "finished, 2 of 2 interactions" and facts["bytes"] > 0
    code, out, err = cli("edit", "plain", *options, "--out", "memory://tests/longer")
    assert code == 2 and "memory://tests/longer: holds another run (made by 'intermask extend')" in err


COMMANDS = [
    ["generate", "p.csv", "--add-to", "s3://b/run"],
    ["generate", "s3://b/p.csv"],
    ["select", "plain", "--out", "s3://b/run"],
    ["merge", "plain", "other", "--out", "s3://b/run"],
    ["export", "plain", "--to", "npz", "--out", "s3://b/run"],
    ["split", "plain", "--out", "s3://b/run.csv"],
    ["stats", "plain", "--out", "s3://b/run"],
    ["view", "plain", "--out", "s3://b/run.html"],
    ["convert", "a.bvh", "s3://b/run.glb"],
    ["prompts", "make", "--out", "s3://b/run.csv"],
    ["train", "bundle", "--tokenizer", "t", "--transformer", "t", "--out", "s3://b/run"],
    ["evaluate", "plain", "--out", "s3://b/run"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_no_folder_is_named_after_a_protocol(cli: Run, here: Path, command: list[str]) -> None:
    code, _, err = cli(*command)
    assert code == 2 and "s3://b/" in err and "is a URL, and a path on this machine is needed" in err, err
    assert [path.name for path in here.iterdir()] == ["p.csv"]


def test_a_missing_package_is_named_before_a_model_is_loaded(cli: Run, here: Path) -> None:
    code, _, err = cli("generate", "p.csv", "--out", "oci://bucket/run")
    assert code == 2 and "oci://bucket/run: Install ocifs" in err, err
    assert [path.name for path in here.iterdir()] == ["p.csv"]
