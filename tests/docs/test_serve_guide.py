"""The examples of docs/guides/serve.md run against a service."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs the extra serve: pip install 'intermask[serve]'")

from intermask_cli.datasets.interactions import InteractionFile
from tests.helpers.paths import ROOT
from tests.helpers.served import Client, listening, tiny_service
from tests.helpers.tiny_model import TinyModel

pytestmark = pytest.mark.slow
GUIDE = (ROOT / "docs" / "guides" / "serve.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8000"


def examples(language: str) -> list[str]:
    """The blocks of a language, in the order of the page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def client(tiny_model: TinyModel) -> Iterator[Client]:
    with tiny_service(tiny_model) as service, listening(service) as connected:
        yield connected


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.long
def test_examples_with_curl(client: Client, tmp_path: Path) -> None:
    first, reaction = examples("sh")
    script = "set -e\n" + first + reaction
    ran = subprocess.run(
        ["sh", "-c", script.replace(ADDRESS, client.address)], cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    finished, reaction_job = (json.loads(line) for line in ran.stdout.replace("}{", "}\n{").splitlines())
    assert finished["status"] == "done" and finished["interactions"]["done"] == 1
    assert client.ended(reaction_job["job"])["status"] == "done"
    with InteractionFile(tmp_path / "interactions.h5") as dataset:
        assert dataset.column("prompt") == ["two people bow to each other"]
    assert (tmp_path / "person1.bvh").read_text().startswith("HIERARCHY")


def test_example_with_python(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = examples("python")
    exec(compile(code.replace(ADDRESS, client.address), "serve.md", "exec"), {"__name__": "__main__"})
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("prompts-")]
    assert [line.split()[0] for line in lines] == ["prompts-1-s0", "prompts-2-s0", "prompts-2-s1"]
    assert lines[0].endswith(" 148") and lines[1].endswith(" 60")


def test_every_address_of_the_guide_exists(client: Client) -> None:
    described = client.send("/openapi.json").json["paths"]
    rows = re.findall(r"`(GET|POST|DELETE) (/[^`?]*)", GUIDE)
    assert len(rows) >= 9
    for method, path in rows:
        assert method.lower() in described[path.replace("JOB", "{name}")]
