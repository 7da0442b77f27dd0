"""The curve of quality against passes: which settings it has, and that it continues. Nothing is scored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import guidance
from benchmarks.guidance import Setting, settings
from intermask_cli.sampling.schedule import guided_steps


def test_intervals_that_guide_the_same_steps_are_measured_once() -> None:
    for steps in (1, 4, 20):
        found = settings([steps])
        guided = [guided_steps(one.interval, steps) for one in found if one.interval is not None]
        assert len({tuple(guides) for guides in guided}) == len(guided)
        assert found[0].interval == (0.0, 1.0) and found[-1].interval is None


@pytest.mark.parametrize(
    ("interval", "passes"), [((0.0, 1.0), 7), ((0.8, 1.0), 5), ((1.0, 1.0), 4), ((0.2, 0.9), 6), (None, 4)]
)
def test_the_first_unconditional_pass_is_shared(interval: tuple[float, float] | None, passes: int) -> None:
    assert Setting(4, interval).passes(2.0) == passes


def test_a_second_run_measures_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = []

    def measure(setting: Setting, *_: object) -> dict[str, Any]:
        measured.append(setting.name)
        scores = {name: {"mean": 1.5, "half_width": 0.25} for name in guidance.METRICS}
        return {
            "passes": setting.passes(2.0), "scores": scores,
            "physics": {guidance.SKATE: 2.0},
        }  # fmt: skip

    monkeypatch.setattr(guidance, "measure", measure)
    page, results = tmp_path / "guidance.md", tmp_path / "guidance.json"
    fixed = ["--results", str(results), "--document", str(page)]
    guidance.main([*fixed, "--steps", "4"])
    guidance.main([*fixed, "--steps", "4", "8"])
    assert len(measured) == len(set(measured)) == len(settings([4, 8]))
    assert set(json.loads(results.read_text())["settings"]) == set(measured)
    text = page.read_text()
    assert "| 4 steps, 0.8-1 | 5 | 1.500 ± 0.250 |" in text and "8 steps, no guidance" in text
    assert (tmp_path / "images" / "guidance.png").stat().st_size > 1000
    guidance.main([*fixed, "--steps", "4", "--clips", "9"])  # of other clips: everything again
    assert measured[-len(settings([4])) :] == [one.name for one in settings([4])]
