"""The code of docs/guides/scale.md runs as printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import intermask_cli
from intermask_cli.generation.plan import make_plan
from intermask_cli.generation.prompts import Prompt
from tests.helpers.fakes import FakeTextEncoder
from tests.helpers.paths import ROOT
from tests.helpers.tiny import save_tiny

TEXT = (ROOT / "docs" / "guides" / "scale.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_map_batches_class_makes_what_generate_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, bundle = intermask_cli.load_model, save_tiny(tmp_path / "tiny")
    monkeypatch.setattr(
        intermask_cli, "load_model", lambda name, device: load(bundle, FakeTextEncoder(), device)
    )
    space: dict[str, Any] = {}
    exec(blocks("python")[0], space)
    rows = {"text": np.array(["they hug", "one bows"]), "frames": np.array([12, 8])}
    made = space["Pairs"]()(rows)
    assert list(made["text"]) == ["they hug", "one bows"]
    prompts = [
        Prompt(str(i), str(t), "p", i, int(n)) for i, (t, n) in enumerate(zip(*rows.values(), strict=True))
    ]
    plan = make_plan(prompts, 0, 1, 60)
    expected = load(bundle, FakeTextEncoder()).generate(
        [item.text for item in plan.items], [12, 8], seeds=[item.seed for item in plan.items]
    )
    for joints, pair in zip(made["joints"], expected, strict=True):
        np.testing.assert_array_equal(joints, pair.joints)
