"""`intermask select`: chosen interactions of a run as a run of their own, copied as they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intermask_cli.console import note
from intermask_cli.datasets.interactions import (
    CONTENT_SHA256,
    FILE_NAME,
    InteractionFile,
    content_sha256,
    item_sha256,
)
from intermask_cli.errors import EXIT_OK, InputError
from intermask_cli.generation.run.contents import OWN_ATTRIBUTES, Contents
from intermask_cli.generation.run.copied_items import write_copies
from intermask_cli.generation.run.directory import open_run
from intermask_cli.generation.run.manifest import RunInfo, read_manifest, utc_now, versions
from intermask_cli.generation.run.plan import Shard
from intermask_cli.selection.choose import Choice, choose
from intermask_cli.selection.columns import known_columns, table_of


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
            measured = [name for name in columns if name not in dataset.columns]
            contents = Contents(columns, info.dataset, dataset.joined_runs(), measured)
            write_copies(out, [(dataset.local_path, contents.ids)], contents, "select")
            warnings = columns.get("text_warning", [""] * len(rows))
            counts = {"done": len(rows), "failed": 0, "rejected": 0,
                      "no_body": sum(map(bool, columns.get("no_body", [])))}  # fmt: skip
            run.record_joined(dict(zip(columns["prompt"], warnings, strict=True)), counts)
            run.drop_parts()
    return Selected(out, len(rows), len(table["id"]))


def _info(dataset: InteractionFile, choice: Choice, prompts: Sequence[str]) -> RunInfo:
    folder = dataset.local_path.parent
    manifest = read_manifest(folder) if dataset.path.name == FILE_NAME else None
    attributes = {name: value for name, value in dataset.attributes.items() if name not in OWN_ATTRIBUTES}
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
