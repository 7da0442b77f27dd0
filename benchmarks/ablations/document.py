"""docs/results/ablations.md: tables, plots and verdicts; every word about results comes from the records."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.ablations import records
from benchmarks.ablations.metrics import HIGHER, LOWER, METRICS
from benchmarks.ablations.plots import Values, draw_rows, draw_sampling
from benchmarks.ablations.settings import START, Budget, Row, Study
from benchmarks.ablations.verdicts import (
    HOLDS,
    INCONCLUSIVE,
    JUDGED_BY,
    NOT_RUN,
    OPPOSITE,
    SLACK,
    Verdict,
    judge,
    recommended,
)
from benchmarks.intervals import over_seeds, paired_difference
from evaluators.metrics import Interval
from intermask_cli.files import write_text

HEAD = """# The paper's claims, tested on Duets 1

Made by `make ablations` (`python -m benchmarks.ablations --budget NAME`) from `benchmarks/ablations/configs`
and `benchmarks/results/ablations-*.json`; no sentence about results is written by hand. Rows of a table
share data, steps, batch size, seeds and the held-out clips they are scored on; only what the row says
differs. Equal seeds share batches and random numbers, so two rows are compared seed by seed.

Intervals are 95 % over seeds, by Student's t: with three seeds 2.5 standard deviations. A claim *holds* (or
its *opposite* does) when the interval of the difference leaves zero out; otherwise it is *inconclusive*.
The first figure of a claim decides, named before anything was run; of claims with nothing behind them one in
twenty would still seem to hold or not to. Validation happens once, at the end, so nothing is chosen on the
clips that are scored.

What this corpus cannot show, at any budget: whether a finding carries over to captured motion. Duets 1 is
procedural: clean feet, twelve kinds, captions from templates. The transformer rows use the bundled model's
tokens and all rows its evaluator, `duet-eval`; scores are never comparable with the paper's tables, whose
figures are quoted second-hand and for another dataset. Kind and role are read by a classifier trained on
ground truth; "geometry" is a second opinion by rules.
"""
HEADINGS = {
    HOLDS: "Holds here", OPPOSITE: "Does not hold here: the opposite does",
    INCONCLUSIVE: "Inconclusive", NOT_RUN: "Not run",
}  # fmt: skip


class BudgetResults:
    """Records of one budget that were made with the current settings; `stale` are rows with others."""

    def __init__(self, budget: Budget, rows: Mapping[str, Row], recorded: Sequence[records.RowRecord]):
        self.budget, self.rows = budget, rows
        self.records = [
            r for r in recorded if r.row in rows and r.fits(records.fingerprint(rows[r.row], budget, r.seed))
        ]
        self.stale = sorted({r.row for r in recorded} - {r.row for r in self.records})
        self.figures: dict[str, dict[int, Mapping[str, float]]] = {}
        for record in self.records:
            self.figures.setdefault(record.row, {})[record.seed] = record.figures

    def values(self) -> Values:
        """Row -> figure -> values over seeds."""
        return {
            row: {name: [figures[name] for figures in seeds.values() if name in figures] for name in METRICS}
            for row, seeds in self.figures.items()
        }


def write_document(
    path: Path,
    rows: Mapping[str, Row],
    studies: Mapping[str, Study],
    recorded: Sequence[tuple[Budget, list[records.RowRecord]]],
) -> None:
    """One part per budget; plots are written to images/ next to the document."""
    lines = [HEAD]
    for budget, some in recorded:
        lines += _part(BudgetResults(budget, rows, some), studies, path.parent)
    write_text(path, "\n".join(lines).rstrip() + "\n")


def _part(results: BudgetResults, studies: Mapping[str, Study], folder: Path) -> list[str]:
    budget = results.budget
    verdicts = {
        name: [judge(claim, results.figures) for claim in study.claims] for name, study in studies.items()
    }
    lines = [
        f"## Budget `{budget.name}`: {budget.what}",
        "",
        f"{budget.clips:,} corpus clips, {budget.test_clips} held-out clips, {budget.seeds} seeds; "
        f"{_steps(budget)}.",
        "",
        *_summary([verdict for some in verdicts.values() for verdict in some]),
    ]
    if results.stale:
        lines += [f"Made with other settings, so left out: {', '.join(results.stale)}.", ""]
    for name, study in studies.items():
        lines += [f"### {study.title}", "", *_study(results, study, verdicts[name], folder)]
    return [*lines, *_record(results)]


def _steps(budget: Budget) -> str:
    recipe = budget.recipe
    tokenizer, transformer = recipe["tokenizer"], recipe["transformer"]
    steps = [recipe[f"{stage}_training"]["steps"] for stage in ("tokenizer", "transformer")]
    return (
        f"tokenizer of width {tokenizer['width']}, {steps[0]:,} steps; transformer of "
        f"{transformer['layers']} blocks, width {transformer['latent_dim']}, {steps[1]:,} steps"
    )


def _summary(verdicts: Sequence[Verdict]) -> list[str]:
    lines = []
    for word, heading in HEADINGS.items():
        chosen = [verdict for verdict in verdicts if verdict.word == word]
        if chosen:
            lines += [f"**{heading}:** " + "; ".join(_short(verdict) for verdict in chosen) + ".", ""]
    return lines


def _short(verdict: Verdict) -> str:
    return f"{verdict.claim.claim} ({METRICS[verdict.claim.metrics[0]].title})"


def _study(results: BudgetResults, study: Study, verdicts: Sequence[Verdict], folder: Path) -> list[str]:
    values = results.values()
    own = [row for row in study.rows if row in values]
    run = [*(row for row in study.for_comparison if row in values and own), *own]
    missing = [row for row in study.rows if row not in values]
    lines = []
    if run:
        lines += [*_table(results, values, run, study.metrics), ""]
    if missing:
        lines += [f"Not run: {', '.join(missing)}.", ""]
    what = [f"*{row}*: {results.rows[row].what}" for row in run if results.rows[row].what]
    if what:
        lines += ["; ".join(what) + ".", ""]
    if own:
        image = Path("images") / f"ablations-{results.budget.name}-{study.name}.png"
        if study.claims:
            shown = dict.fromkeys(metric for claim in study.claims for metric in claim.metrics)
            draw_rows(values, own, list(shown), folder / image)
        elif START in own:
            draw_sampling(
                {row: values[row] for row in own}, {row: results.rows[row] for row in own}, folder / image
            )
        if (folder / image).is_file():
            lines += [f"![{study.title}]({image.as_posix()})", ""]
    if verdicts:
        lines += [*_claims(verdicts), ""]
    elif own and missing:
        lines += ["No setting is recommended before all have been run.", ""]
    elif own:
        lines += [*_recommended(results, values, own), ""]
    return lines


def _table(results: BudgetResults, values: Values, rows: Sequence[str], metrics: Sequence[str]) -> list[str]:
    arrows = {HIGHER: " ↑", LOWER: " ↓"}
    titles = [METRICS[metric].title + arrows.get(METRICS[metric].better, "") for metric in metrics]
    lines = ["| " + " | ".join(["row", "seeds", *titles]) + " |", "| --- " * (len(metrics) + 2) + "|"]
    for row in rows:
        cells = [_cell(metric, values[row][metric]) for metric in metrics]
        lines.append("| " + " | ".join([row, str(len(results.figures[row])), *cells]) + " |")
    return lines


def _cell(metric: str, sample: Sequence[float]) -> str:
    sample = [value for value in sample if math.isfinite(value)]
    return _spread(metric, over_seeds(sample)) if sample else ""


def _spread(metric: str, value: Interval) -> str:
    shown = METRICS[metric].text(value.mean)
    if not math.isfinite(value.half_width) or value.half_width == 0:
        return shown
    return f"{shown} ± {METRICS[metric].text(value.half_width)}"


def _claims(verdicts: Sequence[Verdict]) -> list[str]:
    lines = ["| claim | the paper | here | better by |", "| --- | --- | --- | --- |"]
    for verdict in verdicts:
        parts = [
            f"{METRICS[f.metric].title} {_spread(f.metric, f.gain)} ({f.word})"
            for f in verdict.findings
            if f.gain
        ]
        claim = verdict.claim
        lines.append(
            f"| {claim.claim} (*{claim.better}* against *{claim.worse}*) | {claim.paper} | {verdict.word} "
            f"| {'; '.join(parts)} |"
        )
    return lines


def _recommended(results: BudgetResults, values: Values, rows: Sequence[str]) -> list[str]:
    means = {
        row: {name: sum(sample) / len(sample) for name, sample in values[row].items() if sample}
        for row in rows
    }
    choice = recommended(means, START)
    start = ", ".join(f"{name} {value:g}" for name, value in results.rows[START].sampling.items())
    judged = ", ".join(METRICS[name].title for name in JUDGED_BY)
    passes = {row: f"{means[row]['passes']:.0f}" for row in rows}
    lines = [
        f"Start: {start}. A setting counts as good as the start if the means of {judged} are each "
        f"worse by at most {100 * SLACK:.0f} %. Recommended of those: **{choice.best}** for "
        f"quality (the highest R@1), **{choice.cheapest}** for cost (the fewest network passes, "
        f"{passes[choice.cheapest]} against {passes[START]}).",
    ]
    for name in dict.fromkeys((choice.best, choice.cheapest)):
        if name != START:
            lines.append(f"Against the start, {name}: {_against(results, name)}.")
    return [" ".join(lines)]


def _against(results: BudgetResults, name: str) -> str:
    parts = []
    for metric in JUDGED_BY:
        start, setting = (
            {seed: values[metric] for seed, values in results.figures[row].items()} for row in (START, name)
        )
        difference = paired_difference(start, setting)
        if difference is not None:
            sign = "+" if difference.mean >= 0 else ""
            parts.append(f"{METRICS[metric].title} {sign}{_spread(metric, difference)}")
    return ", ".join(parts)


def _record(results: BudgetResults) -> list[str]:
    """Where, when and how long the rows ran."""
    if not results.records:
        return []
    lines = [
        "### Record",
        "",
        "| row | seeds | CPU minutes | minutes by the clock |",
        "| --- | --- | --- | --- |",
    ]
    by_row: dict[str, list[records.RowRecord]] = {}
    for record in results.records:
        by_row.setdefault(record.row, []).append(record)
    for row, some in by_row.items():
        cpu, clock = (sum(getattr(r, name) for r in some) / len(some) for name in ("cpu_minutes", "minutes"))
        lines.append(f"| {row} | {len(some)} | {cpu:.1f} | {clock:.1f} |")
    machines = sorted({record.machine for record in results.records})
    commits = sorted({record.commit for record in results.records})
    days = sorted({record.measured[:10] for record in results.records})
    return [
        *lines,
        "",
        "Means per seed, training and scoring together; what rows share (corpus, captions, tokens) is in the "
        f"row that came first. {'; '.join(machines)}. Commits {', '.join(commits)}, {', '.join(days)}. "
        "Other jobs may have run at the same time; the CPU minutes are this process's own, and of a training "
        "that was continued those of its last part.",
        "",
    ]
