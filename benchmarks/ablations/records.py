"""One JSON file per row and seed: a row whose file exists and fits the settings is not run again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.ablations.settings import CORPUS_SEED, EVALUATOR, MODEL, Budget, Row, recipe_of
from evaluators.networks.bundle_info import evaluator_sha256, resolve_evaluator
from intermask_cli.files import file_sha256, write_text
from intermask_cli.models.bundle_info import NORMALIZER, TOKENIZER, read_info, resolve_bundle
from intermask_cli.training.config import Recipe
from intermask_cli.training.recipes import recipe_to_dict

FORMAT = "intermask-ablations"
#: Raise when what a row does changes without any setting changing, or a default does.
VERSION = 1


@dataclass(frozen=True)
class RowRecord:
    """The figures of one row with one seed."""

    row: str
    seed: int
    fingerprint: str
    figures: Mapping[str, float]
    cpu_minutes: float  # of all threads together
    minutes: float  # by the clock, whatever else the machine did
    machine: str
    commit: str
    measured: str  # UTC

    def fits(self, fingerprint: str) -> bool:
        """Whether it was made with the settings of this fingerprint."""
        return self.fingerprint == fingerprint


def fingerprint(row: Row, budget: Budget, seed: int) -> str:
    """SHA-256 of everything a record depends on but code and machine."""
    settings: dict[str, Any] = {
        "version": VERSION, "stage": row.stage, "variant": row.variant, "seed": seed, "corpus": CORPUS_SEED,
        "test_clips": budget.test_clips, "labels": dict(budget.labels), "bundled": _bundled(row.stage),
    }  # fmt: skip
    if row.stage == "sampling":
        settings["sampling"] = dict(row.sampling)
    if row.stage in ("tokenizer", "transformer"):
        recipe = recipe_of(row, budget, seed, read_info(resolve_bundle(MODEL)).tokenizer)
        used = {
            section: values
            for section, values in changed_settings(recipe).items()
            if section.startswith("tokenizer") == (row.stage == "tokenizer")
        }
        settings |= {"clips": budget.clips, "recipe": used}
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def changed_settings(recipe: Recipe) -> dict[str, dict[str, Any]]:
    """The settings that are not the defaults: a setting that did not exist yet leaves old records valid."""
    settings, defaults = recipe_to_dict(recipe), recipe_to_dict(Recipe())
    return {
        section: {name: value for name, value in values.items() if value != defaults[section][name]}
        for section, values in settings.items()
    }


@lru_cache
def _bundled(stage: str) -> list[str]:
    """Hashes of the bundled files that a stage uses."""
    folder = resolve_bundle(MODEL)
    own = {
        "real": [folder / TOKENIZER, folder / NORMALIZER],
        "tokenizer": [folder / NORMALIZER],
        "transformer": [folder / TOKENIZER, folder / NORMALIZER],
        # A row states all of its sampler's settings; those of the bundle's config.json are not used.
        "sampling": [*sorted(folder.glob("*.safetensors")), folder / NORMALIZER],
    }[stage]
    return [*(file_sha256(path) for path in own), evaluator_sha256(resolve_evaluator(EVALUATOR))]


def record_path(folder: Path, row: str, seed: int) -> Path:
    """The file of a record."""
    return folder / f"{row.replace(', ', '-').replace(' ', '-')}-seed{seed}.json"


def save(folder: Path, record: RowRecord) -> None:
    """Write a record atomically."""
    folder.mkdir(parents=True, exist_ok=True)
    path = record_path(folder, record.row, record.seed)
    write_text(path, json.dumps(asdict(record), indent=1) + "\n")


def exists(folder: Path, row: str, seed: int, fingerprint: str) -> bool:
    """Whether a folder has the record of a row and seed with these settings."""
    path = record_path(folder, row, seed)
    return path.is_file() and RowRecord(**json.loads(path.read_text())).fits(fingerprint)


def load(folder: Path) -> list[RowRecord]:
    """All records of a folder."""
    return [RowRecord(**json.loads(path.read_text())) for path in sorted(folder.glob("*-seed*.json"))]


def gather(path: Path, budget: Budget, records: Iterable[RowRecord]) -> list[RowRecord]:
    """Add records to a results file, in the place of older ones of the same row and seed -> all in it."""
    merged = {(record.row, record.seed): record for record in read_results(path)}
    merged |= {(record.row, record.seed): record for record in records}
    ordered = [merged[key] for key in sorted(merged)]
    content = {"format": FORMAT, "budget": asdict(budget), "records": [asdict(record) for record in ordered]}
    write_text(path, json.dumps(content, indent=1) + "\n")
    return ordered


def read_results(path: Path) -> list[RowRecord]:
    """Records of a results file; none if there is no file."""
    if not path.is_file():
        return []
    return [RowRecord(**values) for values in json.loads(path.read_text())["records"]]
