"""The training loop of docs/guides/choose.md runs as printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from intermask_cli.datasets.interactions import write_dataset
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.motion import Motion
from tests.helpers.motion_samples import moving_pair
from tests.helpers.paths import ROOT


@pytest.mark.slow
def test_the_training_loop_lowers_its_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    items = []
    for i in range(8):
        joints, rotations = moving_pair(30 + i, i)
        items.append(Interaction(Motion(joints=joints, rotations6d=rotations), text=f"a {i}", id=f"c{i}"))
    write_dataset(Path("runs/good/interactions.h5"), items)
    Path("runs/good/splits.csv").write_text("id,split\n" + "".join(f"c{i},train\n" for i in range(8)))
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/guides/choose.md").read_text(), re.DOTALL)
    losses: list[float] = []
    watched = code.replace(
        "        loss.backward()\n", "        loss.backward()\n        seen(float(loss.detach()))\n"
    )
    exec(watched, {"seen": losses.append})
    assert len(losses) == 4 and losses[-1] < losses[0]
