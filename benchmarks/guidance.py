"""What guidance in fewer steps, and fewer steps, cost in quality: `python -m benchmarks.guidance`.

Scores the bundled model (FID, R-Precision, distance to the text, foot skate) for settings of steps and
`--guidance-interval`, with the passes of the network, which take nearly all of the time. Every setting is
kept in benchmarks/results/guidance.json as soon as it is measured, so the same command continues; then
docs/results/guidance.md and its plot are written. Settings are compared on the same clips and seeds.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT, describe
from evaluators.data.cache import Cache
from evaluators.reports.report import report_dict
from evaluators.run import EvaluationRequest, run_evaluation
from intermask_cli.config import DEFAULT_MODEL, SamplingConfig
from intermask_cli.console import note
from intermask_cli.files import write_text
from intermask_cli.models.bundle_info import bundle_sha256, read_info, resolve_bundle
from intermask_cli.sampling.guidance import network_passes
from intermask_cli.sampling.schedule import guided_steps

RESULTS, DOCUMENT = (
    ROOT / "benchmarks" / "results" / "guidance.json",
    ROOT / "docs" / "results" / "guidance.md",
)
PLOT = ROOT / "docs" / "results" / "images" / "guidance.png"
#: Seed of the scored samples, that of `intermask evaluate`.
SEED = 3407
#: Intervals of the share of masked tokens; 1 to 1 is the first step alone.
INTERVALS = ((0.0, 1.0), (0.5, 1.0), (0.8, 1.0), (1.0, 1.0), (0.2, 0.9))
METRICS = ("FID", "R@1", "MM Dist")
SKATE = "foot_skate_mm_per_frame"


@dataclass(frozen=True)
class Setting:
    """Steps, and the steps that are guided: none without an interval."""

    steps: int
    interval: tuple[float, float] | None

    @property
    def name(self) -> str:
        if self.interval is None:
            return f"{self.steps} steps, no guidance"
        low, high = self.interval
        return f"{self.steps} steps, {low:g}-{high:g}"

    def passes(self, guidance: float) -> int:
        """Passes of the network for one of many clips of a length: the first unconditional one is shared."""
        if self.interval is None:
            return self.steps
        guides = guided_steps(self.interval, self.steps)
        return network_passes(guidance, guides) - int(guides[0])

    def sampling(self, defaults: SamplingConfig) -> SamplingConfig:
        if self.interval is None:
            return replace(defaults, steps=self.steps, guidance=1.0)
        return replace(defaults, steps=self.steps, guidance_interval=self.interval)


def settings(steps: Sequence[int]) -> list[Setting]:
    """Every interval for each number of steps; those that guide the same steps once."""
    found = []
    for count in steps:
        seen: list[list[bool]] = []
        for interval in INTERVALS:
            guides = guided_steps(interval, count)
            if guides not in seen:
                seen.append(guides)
                found.append(Setting(count, interval))
        found.append(Setting(count, None))
    return found


def measure(setting: Setting, defaults: SamplingConfig, clips: int, cache: Path) -> dict[str, Any]:
    """Passes and scores of the bundled model with a setting; `defaults` are its own."""
    sampling = setting.sampling(defaults)
    given: dict[str, Any] = {"steps": sampling.steps, "guidance": sampling.guidance}
    if setting.interval is not None:
        given["guidance_interval"] = "{}-{}".format(*setting.interval)
    evaluation = run_evaluation(EvaluationRequest(
        evaluator="duet-eval", reference="test", seed=SEED, device="cpu", cache=Cache(cache),
        default_model=DEFAULT_MODEL, clips=clips, repeats=1, processes="1", quick=True, sampling=given,
    ))  # fmt: skip
    assert evaluation is not None
    report = report_dict(evaluation)
    return {
        "passes": setting.passes(defaults.guidance),
        "scores": report["rows"]["generated"],
        "physics": report["physics"]["generated"],
    }


def document(record: dict[str, Any]) -> str:
    """The page."""
    rows = record["settings"]
    table = [["setting", "passes", *METRICS, "foot skate, mm per frame"]]
    table += [
        [
            name,
            str(row["passes"]),
            *(_score(row["scores"][metric]) for metric in METRICS),
            f"{row['physics'][SKATE]:.2f}",
        ]
        for name, row in rows.items()
    ]
    lines = [" | ".join(cells) for cells in table]
    lines.insert(1, " | ".join("---" for _ in table[0]))
    return f"""# Guidance in fewer steps

`--guidance-interval LOW-HIGH` guides only the steps in which that share of the tokens is masked. Each guided
step takes two passes of the network, the others one. This page is written by `python -m benchmarks.guidance`:
`{record["model"]}`, {record["clips"]} clips of the test split, one repetition,
guidance {record["guidance"]:g}, the same clips and seeds in every row.

![Quality against passes](images/guidance.png)

{chr(10).join(f"| {line} |" for line in lines)}

Passes are those of one of many clips of a length, which share the first unconditional pass. They take nearly
all of the time of a clip, about equally much each. Intervals behind ± are a bootstrap over clips: with so few
clips, smaller differences may be chance.
"""


def _score(score: dict[str, Any]) -> str:
    if "absent" in score:
        return "-"
    half = score.get("half_width")
    return f"{score['mean']:.3f}" + (f" ± {half:.3f}" if half is not None else "")


def draw(record: dict[str, Any], path: Path) -> None:
    """Each metric against the passes, a line for each number of steps."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = record["settings"]
    figure, axes = plt.subplots(1, len(METRICS), figsize=(10, 3), layout="constrained")
    for axis, key in zip(axes, METRICS, strict=True):
        for steps in sorted({int(name.split()[0]) for name in rows}):
            of_steps = [row for name, row in rows.items() if int(name.split()[0]) == steps]
            points = sorted((row["passes"], row["scores"][key].get("mean")) for row in of_steps)
            axis.plot(*zip(*points, strict=True), "o-", markersize=4, label=f"{steps} steps")
        axis.set(title=key, xlabel="passes of the network")
    axes[0].legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.guidance", description=__doc__)
    parser.add_argument("--clips", type=int, default=64, help="of the test split")
    parser.add_argument("--steps", type=int, nargs="+", default=[4, 8, 20], help="numbers of steps")
    parser.add_argument(
        "--cache", type=Path, help="folder of samples and embeddings  [default: none is kept]"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="JSON file, continued where it matches")
    parser.add_argument("--document", type=Path, default=DOCUMENT, help="page that is written")
    options = parser.parse_args(arguments)
    folder = resolve_bundle(DEFAULT_MODEL)
    info = read_info(folder)
    fixed = {
        "format": "intermask-guidance", "model": info.name, "model_sha256": bundle_sha256(folder),
        "clips": options.clips, "guidance": info.sampling.guidance, "seed": SEED,
    }  # fmt: skip
    record: dict[str, Any] = json.loads(options.results.read_text()) if options.results.exists() else {}
    if {key: record.get(key) for key in fixed} != fixed:
        record = {**fixed, "settings": {}}
    with tempfile.TemporaryDirectory() as own:
        for setting in settings(options.steps):
            if setting.name in record["settings"]:
                continue
            note(f"== {setting.name}")
            found = measure(setting, info.sampling, options.clips, options.cache or Path(own))
            record["settings"][setting.name] = found
            record["machine"] = describe()
            write_text(options.results, json.dumps(record, indent=1) + "\n")
    draw(record, options.document.parent / "images" / PLOT.name)
    write_text(options.document, document(record))
    note(f"{options.document}")


if __name__ == "__main__":
    main()
