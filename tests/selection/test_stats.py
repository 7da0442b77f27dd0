"""`intermask stats`: figures against counts by hand, and metadata that Croissant's own library accepts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from intermask_cli.datasets.interactions import InteractionFile, write_dataset
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.physics import physics
from intermask_cli.selection.near_duplicates import moments_of
from intermask_cli.selection.statistics import Spread, measure
from tests.helpers.motion_samples import moving_pair

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two prompts with three samples each; the last sample of each is a copy of the first elsewhere."""
    monkeypatch.chdir(tmp_path)
    items = []
    for p, kind in enumerate(("hug, person 1", "bow, person 2, left")):
        for s in range(3):
            joints, rotations = moving_pair(30 + 30 * p, 10 * p + s % 2)
            motion = Motion(joints=joints + np.float32([5 * (s == 2), 0, 0]), rotations6d=rotations)
            reason = "a reason" if (p, s) == (1, 1) else ""
            items.append(
                Interaction(
                    motion, text=f"text {p}", seed=s, sample=s, id=f"p{p}-s{s}", read_as=kind, no_body=reason
                )
            )
    return write_dataset(tmp_path / "run" / "interactions.h5", items, {"model_id": "m", "licence": "MIT"})


def test_figures_are_those_counted_by_hand(run: Path) -> None:
    s = measure(run, reference=run, training=run)
    assert (s.interactions, s.prompts, s.seconds) == (6, 2, 3 * 1 + 3 * 2)
    assert s.kinds == {"hug": 3, "bow": 3} and s.notes == {"no_body": 1}
    assert s.near_duplicates[20.0] == 2
    with InteractionFile(run) as dataset:
        items = list(dataset)
    skates = [physics(item.joints)["jerk_m_per_s3"] for item in items]
    assert s.physics["jerk_m_per_s3"].mean == pytest.approx(np.mean(skates)) and s.reference == s.physics
    moments = [moments_of(item.joints) for item in items]
    within = [np.linalg.norm(moments[a] - moments[a + 1], axis=-1).mean() * 1000 for a in (0, 1, 3, 4)]
    assert s.within_prompts_mm is not None and s.within_prompts_mm.mean == pytest.approx(
        np.mean(within), rel=1e-5
    )
    assert s.novelty_mm is not None and s.novelty_mm.p95 == 0


def test_the_nearest_is_the_nearest(run: Path, tmp_path: Path) -> None:
    others = [Interaction(Motion(joints=moving_pair(30, seed)[0]), text="t") for seed in range(20, 45)]
    training = write_dataset(tmp_path / "training.h5", others)
    s = measure(run, training=training)
    with InteractionFile(run) as dataset:
        own = [moments_of(item.joints) for item in dataset]
    stored = [moments_of(item.joints) for item in others]
    nearest = [min(1000 * np.linalg.norm(a - b, axis=-1).mean() for b in stored) for a in own]
    assert s.novelty_mm is not None and s.novelty_mm.mean == pytest.approx(np.mean(nearest), rel=1e-5)


def test_missing_values_are_left_out() -> None:
    assert Spread.of([1.0, float("nan"), 3.0]) == Spread(2.0, 1.1, 2.0, 2.9, 1)
    assert Spread.of([float("nan")]).missing == 1


@pytest.mark.slow
def test_the_card_and_its_metadata(cli: Run, run: Path) -> None:
    Path("run/index.csv").write_text(
        "id,prompt,sample,seed,frames,no_body,read_as\np0-s0,text 0,0,0,30,,hug\n"
    )
    code, out, _ = cli("stats", "run", "--by", "prompt")
    assert code == 0 and "6 interactions of 2 prompts, 0.1 minutes" in out
    card = Path("run/DATA_CARD.md").read_text()
    assert (
        "| text 0 | 3 |" in card
        and "* model: m ()" in card
        and Path("run/data-card.png").stat().st_size > 5000
    )
    figures = json.loads(Path("run/data-card.json").read_text())
    assert figures["near_duplicates"] == {"20 mm": 2, "50 mm": 2} and figures["novelty_mm"] is None
    library = pytest.importorskip("mlcroissant")
    dataset = library.Dataset(jsonld="run/croissant.json")
    assert not dataset.metadata.ctx.issues.errors
    (record,) = dataset.records("interactions")
    assert record["interactions/prompt"] in (b"text 0", "text 0") and record["interactions/frames"] == 30
    code, _, err = cli("stats", "run", "--by", "colour")
    assert code == 2 and "no such column" in err
