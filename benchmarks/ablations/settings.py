"""What is compared: rows, studies and budgets, read from the YAML files in `configs`."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from intermask_cli.config import TokenizerConfig, from_dict, load_yaml, to_dict
from intermask_cli.errors import InputError
from intermask_cli.training.config import Recipe
from intermask_cli.training.recipes import recipe_from_dict

CONFIGS = Path(__file__).parent / "configs"
#: The bundled model's tokenizer makes the tokens of all transformer rows; its sampler is the one studied.
MODEL, EVALUATOR = "duet-mini", "duet-eval"
#: The corpus of the bundled model and evaluator, whose test clips were in no training.
CORPUS_SEED = 2026
#: Twelve kinds are enough for rows that train for minutes.
CORPUS_KINDS = "core"
#: The sampler setting from which the others differ.
START = "start"
STAGES = ("real", "tokenizer", "transformer", "sampling")


@dataclass(frozen=True)
class Row:
    """One thing that is trained or sampled, with every seed."""

    name: str
    stage: str
    what: str
    variant: str = ""
    recipe: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # overrides by section
    sampling: Mapping[str, Any] = field(default_factory=dict)  # stage "sampling": all of its settings

    def __post_init__(self) -> None:
        if self.stage not in STAGES:
            raise InputError(f"row {self.name}: stage is {self.stage!r}; accepted: {', '.join(STAGES)}")


@dataclass(frozen=True)
class Claim:
    """Row `better` is better than row `worse`, judged by the first of `metrics`; the others are shown."""

    claim: str
    better: str
    worse: str
    metrics: tuple[str, ...]
    paper: str  # what the paper measured, or whose claim it is


@dataclass(frozen=True)
class Study:
    """One table of the document."""

    name: str
    title: str
    metrics: tuple[str, ...]
    for_comparison: tuple[str, ...]  # rows of other studies, shown first
    rows: tuple[str, ...]
    claims: tuple[Claim, ...]


@dataclass(frozen=True)
class Budget:
    """Sizes, steps and seeds, the same for all rows."""

    name: str
    what: str
    clips: int  # of the training corpus, held-out splits included
    test_clips: int
    seeds: int
    labels: Mapping[str, Any]  # overrides of the label classifier's recipe
    recipe: Mapping[str, Mapping[str, Any]]
    publish: bool = True  # into benchmarks/results and docs; else into the work folder


def load_rows(folder: Path = CONFIGS) -> dict[str, Row]:
    """All rows by name: those of rows.yaml and one per setting of sampling.yaml."""
    rows = [
        from_dict(Row, {"name": name, **values}, f"rows.yaml: {name}")
        for name, values in load_yaml(folder / "rows.yaml").items()
    ]
    rows += _sampling_rows(load_yaml(folder / "sampling.yaml"))
    return {row.name: row for row in rows}


def _sampling_rows(axes: dict[str, Any]) -> list[Row]:
    start, further = axes.pop(START), axes.pop("further")
    changes = [{}] + [{axis: value} for axis, values in axes.items() for value in values] + further
    return [Row(_setting_name(change), "sampling", "", sampling={**start, **change}) for change in changes]


def _setting_name(change: Mapping[str, float]) -> str:
    return ", ".join(f"{axis} {value:g}" for axis, value in change.items()) or START


def load_studies(rows: Mapping[str, Row], folder: Path = CONFIGS) -> dict[str, Study]:
    """The tables; `rows: sampling` stands for all rows of that stage.

    Raises InputError for a row without definition.
    """
    studies = {}
    for name, values in load_yaml(folder / "studies.yaml").items():
        chosen = values.pop("rows")
        if isinstance(chosen, str):
            chosen = [row.name for row in rows.values() if row.stage == chosen]
        claims = tuple(
            from_dict(Claim, {**claim, "metrics": tuple(claim["metrics"])}, f"studies.yaml: {name}")
            for claim in values.pop("claims")
        )
        used = {*chosen, *values["for_comparison"]} | {row for c in claims for row in (c.better, c.worse)}
        if unknown := sorted(used - set(rows)):
            raise InputError(f"studies.yaml: {name}: no row {', '.join(unknown)} in rows.yaml")
        metrics, for_comparison = tuple(values["metrics"]), tuple(values["for_comparison"])
        studies[name] = Study(name, values["title"], metrics, for_comparison, tuple(chosen), claims)
    return studies


def load_budgets(folder: Path = CONFIGS) -> dict[str, Budget]:
    """Budgets by name."""
    return {
        name: from_dict(Budget, {"name": name, **values}, f"budgets.yaml: {name}")
        for name, values in load_yaml(folder / "budgets.yaml").items()
    }


def recipe_of(row: Row, budget: Budget, seed: int, bundled: TokenizerConfig) -> Recipe:
    """base.yaml, the budget and the row on top of each other; transformers take the bundled tokenizer."""
    values: dict[str, dict[str, Any]] = copy.deepcopy(load_yaml(CONFIGS / "base.yaml"))
    for layer in (budget.recipe, row.recipe):
        for section, changes in layer.items():
            values.setdefault(section, {}).update(changes)
    if row.stage != "tokenizer":
        values["tokenizer"] = to_dict(bundled)
    tokens = {name: values["tokenizer"][name] for name in ("codebook_size", "code_dim")}
    values["transformer"].update(tokens)
    for stage in ("tokenizer_training", "transformer_training"):
        values[stage]["seed"] = seed
    return recipe_from_dict(values, f"row {row.name}, budget {budget.name}")
