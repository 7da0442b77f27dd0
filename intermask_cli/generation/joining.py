"""Finished runs as one dataset: items as they are, where each comes from, and no id twice."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intermask_cli.console import note, warn
from intermask_cli.datasets.interactions import (
    FILE_NAME,
    INDEX_COLUMNS,
    OPTIONAL_COLUMNS,
    RUN,
    InteractionFile,
)
from intermask_cli.datasets.part_set import part_files_in
from intermask_cli.datasets.tables import MAX_ID_LENGTH
from intermask_cli.errors import InputError
from intermask_cli.generation.job import Summary, finished_summary
from intermask_cli.generation.prompts.ids import distinct_stems
from intermask_cli.generation.run.contents import OWN_ATTRIBUTES, Contents, united_columns
from intermask_cli.generation.run.copied_items import write_copies
from intermask_cli.generation.run.directory import open_run, read_rejected, write_rejected
from intermask_cli.generation.run.disk_space import check_merge_space
from intermask_cli.generation.run.linked_items import all_in_parts, write_linked
from intermask_cli.generation.run.manifest import RunInfo, read_manifest, utc_now, versions
from intermask_cli.generation.run.plan import Shard

#: Root attributes that say what the arrays mean; they must be equal in all runs.
_MEANING = ("fps", "units", "up_axis", "joint_names", "parents", "rotation_convention")
#: Column of the ids of the models, where several made the items.
MODEL = "model_id"
#: The part of a run's identity on which single items do not depend.
_NOT_OF_ITEMS = "prompts"
#: Hexadecimal digits that distinguish ids.
_DIGITS = 8


@dataclass(frozen=True)
class _Run:
    """One run: its name in the new file, and what its dataset and its manifest say about its items.

    `attributes` are root attributes as plain values, `joined` those of the runs that it was joined from.
    """

    name: str
    folder: Path
    manifest: Mapping[str, Any]
    attributes: Mapping[str, Any]
    joined: Mapping[str, Mapping[str, Any]]
    columns: Mapping[str, list[Any]]

    @classmethod
    def read(cls, name: str, folder: Path, manifest: Mapping[str, Any]) -> _Run:
        """Open the dataset and close it again: HDF5 holds megabytes for each open file."""
        with InteractionFile(folder) as dataset:
            columns = {column: dataset.column(column) for column in dataset.columns}
            return cls(name, folder, manifest, dataset.attributes, dataset.joined_runs(), columns)

    @property
    def ids(self) -> list[str]:
        return self.columns["id"]

    @property
    def settings(self) -> str:
        """What must be equal for equal text, length and seed to mean an equal item."""
        identity = {key: v for key, v in self.manifest["identity"].items() if key != _NOT_OF_ITEMS}
        return json.dumps([self.manifest["command"], identity], sort_keys=True)

    def origins(self) -> list[str]:
        """The name of the run of each item, in the new file."""
        if self.joined and RUN in self.columns:
            return [f"{self.name}-{inner}" for inner in self.columns[RUN]]
        return [self.name] * len(self.ids)

    def models(self) -> list[str]:
        """The id of the model that made each item, "" where it is not known."""
        if not (self.joined and RUN in self.columns):
            return [str(self.attributes.get("model_id", ""))] * len(self.ids)
        return [str(self.joined.get(run, {}).get("model_id", "")) for run in self.columns[RUN]]


def join_runs(folders: Sequence[Path], manifests: Sequence[Mapping[str, Any]], out: Path) -> Summary:
    """Join finished runs into the run directory `out`, in the order given.

    Raises:
        InputError: runs whose arrays differ in meaning, the same run twice, or another run in `out`.
    """
    names = distinct_stems({str(folder.resolve()) for folder in folders})
    info = _info(manifests)
    existing = read_manifest(out)
    if existing is not None and existing.get("fingerprint") != info.fingerprint:
        raise InputError(f"{out}: holds another run; name a new folder with --out")
    runs = [
        _Run.read(names[str(folder.resolve())], folder, manifest)
        for folder, manifest in zip(folders, manifests, strict=True)
    ]
    _check_joinable(runs)
    rejected = [entry for folder in folders for entry in read_rejected(folder)]
    with open_run(out, info, Shard(), overwrite=False) as target:
        finished = target.finished()
        if finished is not None:
            note(f"{out}: these runs have been joined already")
            return finished_summary(out, finished, rejected, rejected_ok=True)
        linked = all_in_parts(folders)
        if not linked:
            stored = [path for folder in folders for path in (folder / FILE_NAME, *part_files_in(folder))]
            check_merge_space(out, sum(path.stat().st_size for path in stored))
        _warn_of_equal_items(runs)
        columns = _columns(runs)
        origins: dict[str, Mapping[str, Any]] = {}
        for run in runs:
            inner = {f"{run.name}-{name}": values for name, values in run.joined.items()}
            origins |= inner or {run.name: run.attributes}
        contents = Contents(columns, _common([run.attributes for run in runs]), origins)
        sources = [(run.folder, run.ids) for run in runs]
        if linked:
            write_linked(out, sources, contents)
        else:
            write_copies(out, sources, contents, "merge")
        write_rejected(out, rejected)
        warnings = columns.get("text_warning", [""] * len(columns["id"]))
        merged = target.record_joined(
            dict(zip(columns["prompt"], warnings, strict=True)),
            {"done": len(columns["id"]), "failed": 0, "rejected": len(rejected),
             "no_body": sum(map(bool, columns.get("no_body", [])))},
        )  # fmt: skip
        target.drop_parts()
    return Summary(
        out, True, info.items, merged.done, 0, 0.0, 0.0, [], rejected,
        no_body=merged.no_body, text_warnings=merged.text_warnings, rejected_ok=True,
    )  # fmt: skip


def _info(manifests: Sequence[Mapping[str, Any]]) -> RunInfo:
    """The description of joined runs."""
    return RunInfo(
        command="merge",
        items=sum(int(manifest["counts"]["done"]) for manifest in manifests),
        prompts=sum(int(manifest["counts"]["prompts"]) for manifest in manifests),
        identity={"runs": [manifest["fingerprint"] for manifest in manifests]},
        dataset=_common([manifest["dataset"] for manifest in manifests]),
        about={"runs": [{**manifest["about"], "identity": manifest["identity"]} for manifest in manifests]},
    )


def _common(attributes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Root attributes of the new file: those that are equal in all runs, and texts as a list of all."""
    common: dict[str, Any] = {}
    for name, value in attributes[0].items():
        values = [of_run.get(name) for of_run in attributes]
        if name in OWN_ATTRIBUTES:
            continue
        if all(other == value for other in values):
            common[name] = value
        elif all(isinstance(other, str) for other in values):
            common[name] = "; ".join(dict.fromkeys(filter(None, values)))
    return {**common, "versions": versions(), "created": utc_now()}


def _check_joinable(runs: Sequence[_Run]) -> None:
    first = runs[0]
    for index, run in enumerate(runs):
        for name in _MEANING:
            own, other = run.attributes.get(name), first.attributes.get(name)
            if own != other:
                values = "" if isinstance(own, list) else f", {own} and {other}"
                raise InputError(f"{run.folder} and {first.folder} are not one dataset: other {name}{values}")
        for earlier in runs[:index]:
            if run.manifest["fingerprint"] == earlier.manifest["fingerprint"]:
                raise InputError(f"{earlier.folder} and {run.folder} are the same run; give one of them")


def _warn_of_equal_items(runs: Sequence[_Run]) -> None:
    """Count items that several runs have: equal text, seed and length under equal settings."""
    seen: Counter[tuple[Any, ...]] = Counter()
    for run in runs:
        rows = zip(run.columns["prompt"], run.columns["seed"], run.columns["frames"], strict=True)
        seen.update({(run.settings, *row) for row in rows})
    equal = sum(count - 1 for count in seen.values())
    if equal:
        warn(
            f"in several of these runs, and so several times in the result: {equal:,} interactions (same "
            "text, seed, length and settings); runs of another --seed make others"
        )


def _distinct_ids(runs: Sequence[_Run]) -> list[str]:
    """Ids of all items: one that several runs have gets the name of its run, whatever their order."""
    count = Counter(id for run in runs for id in run.ids)
    named = Counter(_named(run.name, id) for run in runs for id in run.ids if count[id] > 1)

    def distinct(run: _Run, id: str) -> str:
        if count[id] == 1:
            return id
        name = _named(run.name, id)
        return name if named[name] == 1 and name not in count else _named(run.name, id, hashed=True)

    return [distinct(run, id) for run in runs for id in run.ids]


def _named(run: str, id: str, hashed: bool = False) -> str:
    """An id after the name of its run. Its end stays, which has the number of the sample."""
    if hashed or len(run) + 1 + len(id) > MAX_ID_LENGTH:
        digits = hashlib.sha256(f"{run}\n{id}".encode()).hexdigest()[:_DIGITS]
        run = f"{run[: MAX_ID_LENGTH // 3]}-{digits}"
    return f"{run}-{id[-(MAX_ID_LENGTH - len(run) - 1) :]}"


def _columns(runs: Sequence[_Run]) -> dict[str, list[Any]]:
    """Index columns of all runs, with the run of each item and, where they differ, its model."""
    tables = [{**run.columns, RUN: run.origins()} for run in runs]
    models = [run.models() for run in runs]
    several = len({model for of_run in models for model in of_run}) > 1
    if several and not any(MODEL in run.columns for run in runs):
        tables = [{**table, MODEL: of_run} for table, of_run in zip(tables, models, strict=True)]
    columns = united_columns(tables, (*INDEX_COLUMNS, *OPTIONAL_COLUMNS, RUN, MODEL))
    return {**columns, "id": _distinct_ids(runs)}
