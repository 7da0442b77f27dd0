"""Plug-ins as people install them: a package outside the repository with entry points in its dist-info."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import intermask_cli as im
from intermask_cli import plugins
from tests.helpers.paths import ROOT
from tests.helpers.tiny import ENCODER, save_tiny

PACKAGE = f"""
import torch
from intermask_cli import TextStates

class Letters:
    id, sha256, dim = {tuple(ENCODER.values())}

    def __init__(self, source, device):
        self.source, self.device = source, device

    def encode(self, texts):
        states = torch.zeros(len(texts), 4, self.dim)
        for row, text in enumerate(texts):
            states[row, :, len(text) % self.dim] = 1
        return TextStates(states, torch.ones(len(texts), 4, dtype=torch.bool), torch.full((len(texts),), 3))

def broken(source, device):
    raise RuntimeError("no weights\\nhere")

def refuses(source, device):
    from intermask_cli import MissingError
    raise MissingError("get the weights first")
"""
ENTRY_POINTS = """
[intermask.text_encoders]
letters = outside_letters:Letters
broken = outside_letters:broken
refuses = outside_letters:refuses
absent = outside_letters.gone:load
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages with one that registers text encoders; on `sys.path`."""
    folder = tmp_path / "site"
    dist_info = folder / "outside_letters-2.1.dist-info"
    dist_info.mkdir(parents=True)
    (dist_info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside-letters\nVersion: 2.1\n")
    (dist_info / "entry_points.txt").write_text(ENTRY_POINTS)
    (folder / "outside_letters.py").write_text(PACKAGE)
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    sys.modules.pop("outside_letters", None)


def test_plugins_are_found_without_importing_them(site: Path) -> None:
    names = plugins.registered(plugins.TEXT_ENCODERS)
    assert list(names) == ["absent", "broken", "letters", "refuses"]
    assert plugins.package_of(names["letters"]) == "outside-letters 2.1"
    assert "outside_letters" not in sys.modules


@pytest.mark.long
def test_a_text_encoder_is_used_by_its_name(site: Path, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model")
    model = im.load_model(folder, "letters:some/folder")
    encoder = model.filler.text_encoder
    assert (encoder.source, encoder.device) == ("some/folder", "cpu")
    assert im.load_text_encoder("letters").source is None
    one, same, other = model.generate(["abc", "xyz", "longer"], 16, seeds=[1, 1, 1])
    assert np.array_equal(one.tokens, same.tokens)
    assert not np.array_equal(one.tokens, other.tokens)


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("broken", im.InputError, ("'broken'", "outside-letters 2.1", "RuntimeError: no weights")),
        ("absent", im.InputError, ("'absent'", "outside-letters 2.1", "ModuleNotFoundError")),
        ("refuses", im.MissingError, ("get the weights first",)),
    ],
)
def test_failures_name_the_package(
    name: str, error: type[im.IntermaskError], words: tuple[str, ...], site: Path
) -> None:
    with pytest.raises(error) as raised:
        im.load_text_encoder(name)
    message = str(raised.value)
    assert all(word in message for word in words) and "\n" not in message


def test_a_name_that_nothing_registers() -> None:
    with pytest.raises(im.InputError, match=r"no plug-in 'x' in group intermask\.metrics; registered: "):
        plugins.load(plugins.METRICS, "x")


def test_doctor_lists_them_in_another_process(site: Path, tmp_path: Path) -> None:
    """Every process finds plug-ins by itself: workers, and programs started anywhere."""
    code = (
        "from intermask_cli.commands.doctor import _plugins; import sys; "
        "print('\\n'.join(check.detail for check in _plugins())); "
        "assert 'outside_letters' not in sys.modules"
    )
    path = os.pathsep.join([str(ROOT), str(site)])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "letters (intermask.text_encoders) of outside-letters 2.1" in done.stdout


def test_the_examples_of_the_guide_work() -> None:
    """Text encoder and metric of docs/guides/plugins.md, as written there."""
    guide = (ROOT / "docs/guides/plugins.md").read_text()
    examples: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", guide, re.DOTALL):
        exec(block, examples)
    encoder: im.TextEncoder = examples["Letters"](None, "cpu")
    states = encoder.encode(["abc", "", "hello there"])
    assert states.states.shape == (3, 11, encoder.dim)
    assert states.end.tolist() == [2, 0, 10] and states.mask.sum(dim=1).tolist() == [3, 1, 11]
    assert examples["mean_norm"](np.ones((2, 4)), np.ones((3, 4)), np.ones((2, 4))) == 2.0
    assert callable(examples["load"])
