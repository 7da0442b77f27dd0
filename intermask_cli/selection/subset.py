"""`intermask select`: chosen interactions of a run as a run of their own, copied as they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from intermask_cli.console import counter, note
from intermask_cli.datasets.hdf5_arrays import LIBVER
from intermask_cli.datasets.interactions import (
    CONTENT_SHA256,
    FILE_NAME,
    INDEX,
    ITEMS,
    RUNS,
    InteractionFile,
    content_sha256,
    item_sha256,
    write_attributes,
    write_index,
)
from intermask_cli.datasets.spreadsheets import write_csv
from intermask_cli.errors import EXIT_OK, InputError
from intermask_cli.files import replacing
from intermask_cli.generation.plan import Shard
from intermask_cli.generation.run_directory import RunInfo, open_run, read_manifest, utc_now, versions
from intermask_cli.selection.choose import Choice, choose
from intermask_cli.selection.columns import known_columns, table_of

#: Root attributes that the new file has of its own.
_OWN = ("format", "format_version", CONTENT_SHA256, "created", "versions")


@dataclass(frozen=True)
class Selected:
    """What was written: `kept` of `total` interactions in the run directory `out`."""

    out: Path
    kept: int
    total: int

    exit_code = EXIT_OK

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {"out": str(self.out), "kept": self.kept, "total": self.total}

    def lines(self) -> list[str]:
        """For people."""
        return [f"{self.kept:,} of {self.total:,} interactions in {self.out}"]


def select(source: Path, choice: Choice, out: Path, scores: Path | None = None) -> Selected:
    """Write the interactions of a run or file that `choice` keeps to the new run directory `out`.

    Raises:
        InputError: no such column, nothing kept, or another run in `out`.
    """
    with InteractionFile(source) as dataset:
        table = table_of(dataset, choice.columns, scores)
        if choice.where is not None:
            choice.where.check_columns(known_columns(table))
        rows = choose(table, choice, lambda id: dataset.read(id).joints)
        if not rows:
            raise InputError(f"{source}: nothing is left of {len(dataset):,} interactions; widen the choice")
        info = _info(dataset, choice, [table["prompt"][i] for i in rows])
        existing = read_manifest(out)
        if existing is not None and existing.get("fingerprint") != info.fingerprint:
            raise InputError(f"{out}: holds another run; name a new folder with --out")
        with open_run(out, info, Shard(), overwrite=False) as run:
            if run.finished() is not None:
                note(f"{out}: these interactions have been selected already")
                return Selected(out, len(rows), len(dataset))
            columns = {name: [values[i] for i in rows] for name, values in table.items()}
            _write(dataset, out, columns, info)
            warnings = columns.get("text_warning", [""] * len(rows))
            counts = {"done": len(rows), "failed": 0, "rejected": 0,
                      "no_body": sum(map(bool, columns.get("no_body", [])))}  # fmt: skip
            run.record_joined(dict(zip(columns["prompt"], warnings, strict=True)), counts)
            run.drop_parts()
    return Selected(out, len(rows), len(table["id"]))


def _info(dataset: InteractionFile, choice: Choice, prompts: Sequence[str]) -> RunInfo:
    folder = dataset.local_path.parent
    manifest = read_manifest(folder) if dataset.path.name == FILE_NAME else None
    attributes = {name: value for name, value in dataset.attributes.items() if name not in _OWN}
    content = dataset.attributes.get(CONTENT_SHA256) or content_sha256(
        (id, item_sha256(dataset.read(id))) for id in dataset.ids
    )
    return RunInfo(
        command="select",
        items=len(prompts),
        prompts=len(set(prompts)),
        identity={"content": content, "select": choice.described()},
        dataset={**attributes, "versions": versions(), "created": utc_now()},
        about={"source": {"path": str(dataset.path), "about": (manifest or {}).get("about", {})}},
    )


def _write(dataset: InteractionFile, out: Path, columns: dict[str, list[Any]], info: RunInfo) -> None:
    """The dataset and its table, as `merged_file.merge_parts` writes them."""
    hashes: list[tuple[str, str]] = []
    with (
        replacing(out / FILE_NAME) as draft,
        h5py.File(draft, "w", libver=LIBVER, locking=False) as file,
        counter("select", len(columns["id"]), "interactions") as progress,
    ):
        write_attributes(file, info.dataset)
        if runs := dataset.joined_runs():
            origins = file.create_group(RUNS)
            for name, attributes in runs.items():
                write_attributes(origins.create_group(name), attributes)
        items = file.create_group(ITEMS, track_order=True)
        for id in columns["id"]:
            hashes.append((id, item_sha256(dataset.read(id))))  # which also finds damaged items
            dataset.copy_item(id, items, id)
            progress.advance()
        file.attrs[CONTENT_SHA256] = content_sha256(hashes)
        index = {name: columns[name] for name in columns if name in dataset.columns}
        write_index(file.create_group(INDEX, track_order=True), index)
    write_csv(out / "index.csv", columns, zip(*columns.values(), strict=True))
