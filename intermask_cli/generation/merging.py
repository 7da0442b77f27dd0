"""`intermask merge`: the parts of shards become a dataset, or finished runs become one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from intermask_cli.console import note
from intermask_cli.datasets.interactions import FILE_NAME
from intermask_cli.errors import InputError
from intermask_cli.generation.job import Summary, finished_summary
from intermask_cli.generation.joining import join_runs
from intermask_cli.generation.run.directory import PARTS, open_run, progress_of, read_rejected
from intermask_cli.generation.run.manifest import MANIFEST, RunInfo, read_manifest
from intermask_cli.generation.run.part_files import part_files, read_part
from intermask_cli.generation.run.plan import Shard


def merge_runs(folders: Sequence[Path], out: Path | None, rejected_ok: bool = False) -> Summary:
    """Merge the parts of shards, or join finished runs, into `out` (default: the one folder given).

    rejected_ok: lines that the shards' run rejected leave the exit code at 0, as always in finished runs.

    Raises:
        InputError: not run directories, parts of different runs, parts missing, finished and unfinished runs,
            or finished runs that are not one dataset (`joining.join_runs`).
    """
    if out is None and len(folders) > 1:
        raise InputError("several run directories were given; name the merged one with --out")
    manifests = [_manifest(folder) for folder in folders]
    finished = [_is_finished(folder, manifest) for folder, manifest in zip(folders, manifests, strict=True)]
    if not any(finished):
        return _merge_shards(folders, manifests[0], out, rejected_ok)
    if not all(finished):
        at = finished.index(False)
        progress = progress_of(folders[at], manifests[at]).in_words()
        raise InputError(
            f"{folders[at]}: {progress}; finished runs can be joined, and shards of one run be merged"
        )
    if len(folders) == 1 and out is None:
        if manifests[0]["status"] == "failures":  # its parts are there
            return _merge_shards(folders, manifests[0], out, rejected_ok)
        note(f"{folders[0]}: this run is already complete; several finished runs are joined with --out")
        return finished_summary(folders[0], manifests[0], read_rejected(folders[0]), rejected_ok=True)
    assert out is not None
    if any(out.resolve() == folder.resolve() for folder in folders):
        raise InputError(f"--out {out}: is one of the runs; name a new folder for all of them together")
    return join_runs(folders, manifests, out)


def _manifest(folder: Path) -> dict[str, Any]:
    manifest = read_manifest(folder)
    if manifest is None:
        raise InputError(f"{folder}: no {MANIFEST}; give the run directories of shards, or finished runs")
    return manifest


def _is_finished(folder: Path, manifest: dict[str, Any]) -> bool:
    """Whether a run has its dataset; items that failed are not in it."""
    return manifest.get("status") in ("finished", "failures") and (folder / FILE_NAME).is_file()


def _merge_shards(
    folders: Sequence[Path], manifest: dict[str, Any], out: Path | None, rejected_ok: bool
) -> Summary:
    """The dataset of the shards of one run."""
    info = RunInfo.from_manifest(manifest)
    records = {path.name: read_part(path) for folder in folders for path in part_files(folder / PARTS)}
    mismatched = [record.path for record in records.values() if record.fingerprint != info.fingerprint]
    if mismatched:
        raise InputError(f"{mismatched[0]}: belongs to another run than {folders[0]}; finish both, then join")
    made = sum(len(r.rows) + len(r.failed) + len(r.dropped) for r in records.values())
    if made != info.items:
        raise InputError(
            f"{made:,} of {info.items:,} interactions have been made; run the missing shards first"
        )
    target = out or folders[0]
    rejected = read_rejected(folders[0])
    with open_run(target, info, Shard(), overwrite=False) as run:
        merged = run.merge_records(list(records.values()), rejected)
        if out is None and not merged.failed:
            run.drop_parts()
    return Summary(
        target, True, info.items, merged.done, 0, 0.0, 0.0, merged.failed, rejected,
        no_body=merged.no_body, text_warnings=merged.text_warnings, rejected_ok=rejected_ok,
        acceptance=merged.acceptance,
    )  # fmt: skip
